/*
 * The verdict: docs/verdicts.md is the theory of operation.
 *
 * Everything that speaks against the run is collected (the first line in plan order that failed,
 * what `never` forbids, what nobody asked for, payload out of place, violations that lib/tcp
 * found), and the earliest of them is the failure.
 */
#include "judging.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"

/* ---- collecting ---------------------------------------------------------------------------- */

static int64_t time_of(const struct finding *f)
{
    return f->t_ns >= 0 ? f->t_ns : INT64_MAX;
}

static void hold_against(struct judging *j, const struct finding *f)
{
    if (j->worst.kind == SP_FAIL_NONE || time_of(f) < time_of(&j->worst))
        j->worst = *f;
}

static bool was_begun(const struct stmt_marks *marks)
{
    return marks->begin_ns >= 0 || marks->call || marks->act;
}

static bool lacks_record(const struct judging *j, const struct sp_stmt *stmt)
{
    const struct stmt_marks *marks = &j->view.stmts[stmt->id];
    bool call = stmt->kind == SP_ST_CALL || stmt->kind == SP_ST_START || stmt->kind == SP_ST_FINISH;
    bool spawn = stmt->call && strcmp(stmt->call, "spawn") == 0; /* its process is any line's */
    bool act = stmt->kind == SP_ST_LAB || stmt->kind == SP_ST_MIDDLE || stmt->kind == SP_ST_PEER ||
               (stmt->kind == SP_ST_PROC && !spawn);
    if (stmt->kind == SP_ST_START && j->plan->parts_id && !j->view.stmts[stmt->id].partner)
        return false; /* its record is filed under a FINISH that was cut off */
    return (call && !marks->call) || (act && !marks->act);
}

static void judge_lines(struct judging *j)
{
    for (size_t i = 0; i < j->plan->stmt_count; i++) {
        const struct sp_stmt *stmt = &j->plan->stmts[i];
        struct outcome out;
        struct finding f;
        if (!was_begun(&j->view.stmts[stmt->id])) {
            j->stopped_at = stmt;
            return;
        }
        if (lacks_record(j, stmt)) {
            j->stopped_at = stmt;
            j->no_record = true;
            return;
        }
        if (walk_step(&j->walk, stmt, &out, &f) == SP_TRY_DONE)
            continue;
        j->walk.lines[stmt->id].how = SP_LINE_FAILED;
        j->walk.lines[f.stmt->id].how = SP_LINE_FAILED;
        hold_against(j, &f);
        return;
    }
}

static void judge_nevers(struct judging *j)
{
    for (size_t i = 0; i < j->plan->stmt_count; i++) {
        const struct sp_stmt *stmt = &j->plan->stmts[i];
        bool never = stmt->kind == SP_ST_NEVER_STATE || stmt->kind == SP_ST_NEVER_WIRE;
        bool positional = stmt->when.max_ns > 0 || stmt->until;
        bool reached = was_begun(&j->view.stmts[stmt->id]);
        struct outcome out = {.how = SP_LINE_DONE, .lo_ns = -1, .t_ns = -1};
        struct finding f;
        if (!never || (positional && !reached))
            continue;
        finding_reset(&f, stmt);
        struct sp_line *line = &j->walk.lines[stmt->id];
        if (never_step(&j->walk, stmt, &j->out->audit, &out, &f) == SP_TRY_FAILED) {
            line->how = SP_LINE_FAILED;
            line->t_ns = f.t_ns;
            hold_against(j, &f);
        } else if (reached) {
            line->how = out.how;
        }
    }
}

/* The line that was being worked on at that time. */
static const struct sp_stmt *line_at(const struct judging *j, int64_t t_ns)
{
    const struct sp_stmt *found = NULL;
    int64_t latest = -1;
    for (size_t i = 1; i < j->view.stmt_len; i++) {
        const struct stmt_marks *marks = &j->view.stmts[i];
        if (marks->stmt && marks->begin_ns >= 0 && marks->begin_ns <= t_ns &&
            marks->begin_ns >= latest) {
            latest = marks->begin_ns;
            found = marks->stmt;
        }
    }
    return found;
}

static void event_finding(const struct judging *j, const struct sp_event *ev,
                          enum sp_fail_kind kind, struct finding *f)
{
    finding_reset(f, line_at(j, ev->t_ns));
    f->kind = kind;
    f->event = ev;
    f->blames = ev->end;
    f->t_ns = ev->t_ns;
}

/* ---- what nobody asked for ----------------------------------------------------------------- */

static bool before_end(const struct judging *j, int64_t t_ns)
{
    return j->view.end_ns < 0 || t_ns <= j->view.end_ns;
}

static void hold_extra(struct judging *j, const struct item *item)
{
    struct finding f;
    event_finding(j, item->ev, SP_FAIL_SEG_EXTRA, &f);
    f.blames = item->flight->from;
    say(f.expected, sizeof f.expected, "no segment from %s that no line asks for",
        sp_end_name(item->flight->from));
    say_item(item, f.seen, sizeof f.seen);
    if (j->walk.last_ns >= 0 && item->t_ns >= j->walk.last_ns)
        say_more(f.seen, sizeof f.seen, " at +%.3f ms",
                 (double)(item->t_ns - j->walk.last_ns) / (double)SP_MS);
    hold_against(j, &f);
}

static bool is_scripted(enum sp_end end)
{
    return end == SP_END_PEER || end == SP_END_MIDDLE;
}

static void judge_leftovers(struct judging *j)
{
    for (size_t l = 0; l < j->view.lane_count; l++) {
        const struct lane *lane = &j->view.lanes[l];
        for (size_t i = j->walk.cursors[l]; i < lane->len; i++) {
            if (is_scripted(lane->from) || item_let_by(&j->view, &lane->items[i]) ||
                !before_end(j, lane->items[i].t_ns))
                continue;
            hold_extra(j, &lane->items[i]);
            break;
        }
    }
}

/* Segments of no connection, ICMP errors, frames that cannot be read. */
static void judge_strays(struct judging *j)
{
    const struct sp_flights *flights = j->view.flights;
    struct finding f;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        const struct sp_event *ev = flight->sent ? flight->sent : flight->received;
        if (is_scripted(flight->from) || flight->conn >= 0 || !before_end(j, ev->t_ns) ||
            ev->u.seg.seg.kind == SP_SEG_ICMP)
            continue;
        struct item item = {.flight = flight, .ev = ev, .t_ns = ev->t_ns};
        hold_extra(j, &item);
    }
    for (size_t i = 0; i < j->trace->len; i++) {
        const struct sp_event *ev = &j->trace->events[i];
        if (ev->kind != SP_EV_SEG || ev->end == SP_END_PEER || !before_end(j, ev->t_ns) ||
            (ev->u.seg.seg.kind != SP_SEG_ICMP && !ev->u.seg.malformed))
            continue;
        event_finding(j, ev, SP_FAIL_SEG_EXTRA, &f);
        say(f.expected, sizeof f.expected, "TCP segments that can be read, and no ICMP error");
        if (ev->u.seg.malformed)
            say(f.seen, sizeof f.seen, "a frame from %s: %s", sp_end_name(ev->end),
                ev->u.seg.malformed);
        else
            say(f.seen, sizeof f.seen, "%s sent an ICMP error, type %u code %u",
                sp_end_name(ev->end), (unsigned)ev->u.seg.seg.icmp_type,
                (unsigned)ev->u.seg.seg.icmp_code);
        hold_against(j, &f);
        return;
    }
}

/*
 * A tracepoint tells addresses and no namespace: an orphan of an earlier run, which had these
 * addresses and is long over, ends when its retransmissions do. No look into our own namespace has
 * seen it, and nothing is told of it but its end.
 */
static bool is_relic(const struct hist *hist)
{
    const struct sp_ev_state *first = &hist->spans[0].ev->u.state;
    return !hist->cookie && hist->tp_closed && first->source == SP_STATE_TRACEPOINT &&
           first->new_state == SP_TCP_CLOSED;
}

static void judge_unknown_sockets(struct judging *j)
{
    for (size_t i = 0; i < j->view.hist_count; i++) {
        const struct hist *hist = j->view.hists[i];
        struct finding f;
        if (!hist->len || !before_end(j, hist->spans[0].t_ns) || bind_explains(&j->view, hist) ||
            is_relic(hist))
            continue;
        char addr[SP_ADDR_TEXT];
        sp_addr_print(&hist->local, addr, sizeof addr);
        event_finding(j, hist->spans[0].ev, SP_FAIL_STATE_EXTRA, &f);
        say(f.expected, sizeof f.expected, "no socket that no call and no connection accounts for");
        say(f.seen, sizeof f.seen, "a socket of %s at %s was %s", sp_end_name(hist->end), addr,
            sp_tcp_state_name(hist->spans[0].state));
        hold_against(j, &f);
    }
}

/* ---- payload ------------------------------------------------------------------------------- */

static char salt_of(enum sp_end end)
{
    static const char salts[SP_END_COUNT] = {[SP_END_CLIENT] = 'c', [SP_END_SERVER] = 's'};
    return salts[end];
}

static bool payload_in_place(const struct item *item, char salt)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    uint32_t at = item->flight->rel_seq + ((seg->flags & SP_SYN) ? 1 : 0);
    char *want = sp_xcalloc(seg->payload_len, 1);
    sp_pattern_fill(salt, at - 1, want, seg->payload_len);
    bool same = sp_payload_hash(want, seg->payload_len) == seg->payload_hash;
    free(want);
    return same;
}

static void judge_payload(struct judging *j)
{
    for (size_t l = 0; l < j->view.lane_count; l++) {
        const struct lane *lane = &j->view.lanes[l];
        const struct sp_conn *conn = &j->view.flights->conns[lane->conn];
        if (!conn->isn_known[lane->from] || !salt_of(lane->from))
            continue;
        for (size_t i = 0; i < lane->len; i++) {
            const struct item *item = &lane->items[i];
            /* a keepalive or window probe may carry any byte: it is never delivered */
            if (!item->ev->u.seg.seg.payload_len || (item->is & IS_PROBE) ||
                payload_in_place(item, salt_of(lane->from)))
                continue;
            struct finding f;
            event_finding(j, item->ev, SP_FAIL_PAYLOAD, &f);
            f.blames = lane->from;
            say(f.expected, sizeof f.expected, "each byte of the stream in its place");
            say_item(item, f.seen, sizeof f.seen);
            say_more(f.seen, sizeof f.seen, " with bytes that do not belong there");
            hold_against(j, &f);
            break;
        }
    }
}

/* ---- lib/tcp ------------------------------------------------------------------------------- */

static const struct item *item_of(const struct view *view, const struct sp_event *ev)
{
    for (size_t l = 0; l < view->lane_count; l++)
        for (size_t i = 0; i < view->lanes[l].len; i++) {
            const struct item *item = &view->lanes[l].items[i];
            if (item->flight->sent == ev || item->flight->received == ev)
                return item;
        }
    return NULL;
}

/*
 * A line that asks for a segment at one end alone (`@client`) leaves open what the box does with
 * it; and with its retransmissions and the like, which no line spells out, from then on.
 */
static bool is_left_to_the_box(const struct judging *j, const struct sp_event *ev)
{
    const struct item *item = item_of(&j->view, ev);
    for (size_t id = 1; item && id < j->view.stmt_len; id++) {
        const struct sp_stmt *stmt = j->view.stmts[id].stmt;
        const struct sp_line *line = &j->walk.lines[id];
        bool asks = stmt && stmt->kind == SP_ST_WIRE && stmt->pattern.seen_at;
        for (size_t i = 0; asks && i < line->matched_count; i++) {
            const struct item *asked = item_of(&j->view, line->matched[i]);
            if (asked == item)
                return true;
            if (asked && asked->flight->conn == item->flight->conn &&
                asked->flight->from == item->flight->from && item->t_ns >= asked->t_ns &&
                item_let_by(&j->view, item))
                return true;
        }
    }
    return false;
}

/*
 * A RST that a line asks for has its cause in the case: a stack that aborts where nothing asks for
 * it is known to. A sandbox's alone, whose kernel nobody watches.
 */
static bool is_known_abort(const struct judging *j, const struct sp_violation *v)
{
    if (!v->event || v->event->kind != SP_EV_SEG || !(v->event->u.seg.seg.flags & SP_RST) ||
        v->end >= SP_END_COUNT || !j->trace->head.states_hidden[v->end] ||
        strcmp(v->rule, "no-cause") != 0)
        return false;
    const struct item *item = item_of(&j->view, v->event);
    for (size_t id = 1; item && id < j->view.stmt_len; id++) {
        const struct sp_stmt *stmt = j->view.stmts[id].stmt;
        const struct sp_line *line = &j->walk.lines[id];
        if (!stmt || stmt->kind != SP_ST_WIRE)
            continue;
        for (size_t i = 0; i < line->matched_count; i++)
            if (item_of(&j->view, line->matched[i]) == item)
                return true;
    }
    return false;
}

static void judge_invariants(struct judging *j)
{
    const struct sp_audit *audit = &j->out->audit;
    for (size_t i = 0; i < audit->violation_count; i++) {
        const struct sp_violation *v = &audit->violations[i];
        struct finding f;
        if (v->end == SP_END_MIDDLE && is_left_to_the_box(j, v->event))
            continue;
        if (is_known_abort(j, v) || (v->event && stack_has_gone(&j->view, v->end, v->event->t_ns)))
            continue;
        finding_reset(&f, v->event ? line_at(j, v->event->t_ns) : NULL);
        f.kind = SP_FAIL_INVARIANT;
        f.rule = v->rule;
        f.event = v->event;
        f.blames = v->end;
        f.t_ns = !v->event                      ? -1
                 : v->event->kind == SP_EV_CALL ? v->event->t_end_ns
                                                : v->event->t_ns;
        if (v->end < SP_END_COUNT && j->trace->head.states_hidden[v->end])
            f.from_ns = f.t_ns > OWN_STALL_NS ? f.t_ns - OWN_STALL_NS : 0;
        say(f.expected, sizeof f.expected, "%s (%s)", v->rule, v->spec ? v->spec : "");
        say(f.seen, sizeof f.seen, "%s", v->text ? v->text : "");
        hold_against(j, &f);
    }
}

/* ---- one judging ---------------------------------------------------------------------------- */

static void open_judging(struct judging *j)
{
    struct sp_judgement *out = j->out;
    sp_arena_init(&out->arena);
    out->t_ns = -1;
    sp_audit_run_plain(j->trace, j->seen, &out->audit);
    view_build(&j->view, j->plan, j->trace, &out->audit.flights, true);
    walk_init(&j->walk, &j->view);
    j->walk.arena = &out->arena;
    out->line_count = j->view.stmt_len;
    out->lines = SP_ARENA_ARRAY(&out->arena, struct sp_line, out->line_count);
    for (size_t i = 0; i < out->line_count; i++) {
        out->lines[i].stmt = (uint32_t)i;
        out->lines[i].t_ns = -1;
    }
    j->walk.lines = out->lines;
    j->walk.line_caps = SP_ARENA_ARRAY(&j->view.arena, size_t, out->line_count);
}

/* ---- a box that rewrites addresses ---------------------------------------------------------- */

/* Between two traces with the same events. */
struct moved {
    const struct sp_event *from, *to;
};

static void move(const struct moved *moved, const struct sp_event **event)
{
    if (*event)
        *event = moved->to + (*event - moved->from);
}

/* The evidence is the trace's own, as it was seen. */
static void evidence_move(struct sp_judgement *out, const struct moved *moved)
{
    struct sp_audit *audit = &out->audit;
    move(moved, &out->event);
    for (size_t i = 0; i < out->line_count; i++)
        for (size_t k = 0; k < out->lines[i].matched_count; k++)
            move(moved, &out->lines[i].matched[k]);
    for (size_t i = 0; i < audit->flights.len; i++) {
        move(moved, &audit->flights.items[i].sent);
        move(moved, &audit->flights.items[i].received);
        move(moved, &audit->flights.items[i].by);
        move(moved, &audit->segs[i].by);
    }
    for (size_t i = 0; i < audit->violation_count; i++)
        move(moved, &audit->violations[i].event);
}

static void judge_plain(const struct sp_plan *plan, const struct sp_trace *trace,
                        const struct sp_trace *seen, struct sp_judgement *out)
{
    struct judging j = {.plan = plan, .trace = trace, .seen = seen, .out = out};
    memset(out, 0, sizeof *out);
    open_judging(&j);
    judge_lines(&j);
    bool all_lines = j.worst.kind == SP_FAIL_NONE && !j.stopped_at;
    judge_nevers(&j);
    if (view_watch_wire(&j.view) != SP_WATCH_ABSENT) {
        if (all_lines)
            judge_leftovers(&j);
        judge_strays(&j);
        judge_payload(&j);
    }
    if (view_watch_states(&j.view) != SP_WATCH_ABSENT)
        judge_unknown_sockets(&j);
    judge_invariants(&j);
    judging_settle(&j);
    out->notes = j.walk.notes;
    out->note_count = j.walk.note_count;
    walk_release(&j.walk);
    view_release(&j.view);
}

void sp_judge(const struct sp_plan *plan, const struct sp_trace *trace, struct sp_judgement *out)
{
    struct sp_trace plain;
    if (!sp_tcp_rewrites(trace)) {
        judge_plain(plan, trace, trace, out);
        return;
    }
    sp_tcp_rewrites_undo(trace, &plain);
    judge_plain(plan, &plain, trace, out);
    evidence_move(out, &(struct moved){plain.events, trace->events});
    sp_trace_release(&plain);
}

void sp_judgement_release(struct sp_judgement *judgement)
{
    sp_audit_release(&judgement->audit);
    sp_arena_release(&judgement->arena);
    memset(judgement, 0, sizeof *judgement);
}
