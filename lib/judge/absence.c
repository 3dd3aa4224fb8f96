/*
 * Lines that ask for something not to be there: NEVER and SILENCE.
 *
 * `never` covers the whole trace, clean-up included, unless `for` or `until` make it positional.
 * What our own clean-up does is not the case's doing: after the end of the script, a segment that
 * lib/tcp traces back to the exit of an agent is exempt, and so are the states of sockets once an
 * agent has been told to go. A stack that lives in its agent ends with it, also the connections
 * that no socket has any more: all that it sends from then on is our doing.
 */
#include "impl.h"

enum { CAUSES_DEEP = 8 };

struct window {
    int64_t from_ns;
    int64_t to_ns;
};

static struct window window_of(const struct walk *walk, const struct sp_stmt *stmt)
{
    int64_t begin = walk->view->stmts[stmt->id].begin_ns;
    if (begin < 0)
        begin = walk->begin_ns;
    if (stmt->until) {
        const struct sp_stmt *label = view_label(walk->view, stmt->until);
        bool known = label && walk->is_done[label->id];
        /* of an action its begin: what it brings about may come before it is over */
        return (struct window){begin, known ? walk->done[label->id].lo_ns : INT64_MAX};
    }
    if (stmt->when.max_ns > 0)
        return (struct window){begin, begin + stmt->when.max_ns};
    return (struct window){INT64_MIN, INT64_MAX};
}

static bool is_inside(const struct window *window, int64_t t_ns)
{
    return t_ns >= window->from_ns && t_ns <= window->to_ns;
}

/* ---- what our own clean-up does ------------------------------------------------------------- */

static bool is_clean_up(const struct view *view, int64_t t_ns)
{
    return view->end_ns >= 0 && t_ns > view->end_ns;
}

static uint32_t end_of(const struct sp_flight *flight)
{
    const struct sp_event *ev = flight->sent ? flight->sent : flight->received;
    return flight->rel_seq + sp_seg_space(&ev->u.seg.seg);
}

/* The first segment that reached as far as this one, which a timer sent again; NULL none. */
static const struct sp_flight *repeated(const struct sp_audit *audit, const struct sp_flight *again)
{
    for (const struct sp_flight *flight = audit->flights.items; flight < again; flight++)
        if (flight->conn == again->conn && flight->from == again->from &&
            end_of(flight) == end_of(again) && end_of(flight) != flight->rel_seq)
            return flight;
    return NULL;
}

static const struct sp_flight *flight_of(const struct sp_audit *audit, const struct sp_event *ev)
{
    for (size_t i = 0; i < audit->flights.len; i++)
        if (audit->flights.items[i].received == ev || audit->flights.items[i].sent == ev)
            return &audit->flights.items[i];
    return NULL;
}

bool stack_has_gone(const struct view *view, enum sp_end end, int64_t t_ns)
{
    if (!is_clean_up(view, t_ns) || end >= SP_END_COUNT || !view->trace->head.states_hidden[end])
        return false;
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        if (ev->kind == SP_EV_PROC && ev->u.proc.what != SP_PROC_START && ev->end == end &&
            is_clean_up(view, ev->t_ns) && ev->t_ns <= t_ns)
            return true;
    }
    return false;
}

/* Whether the segment goes back to the end of an agent's process. */
static bool is_by_exit(const struct view *view, const struct sp_audit *audit,
                       const struct sp_flight *flight)
{
    for (int deep = 0; flight && deep < CAUSES_DEEP; deep++) {
        const struct sp_audit_seg *seg = &audit->segs[flight - audit->flights.items];
        const struct sp_event *ev = flight->sent ? flight->sent : flight->received;
        if (seg->cause == SP_CAUSE_EXIT || stack_has_gone(view, flight->from, ev->t_ns))
            return true;
        if (seg->cause == SP_CAUSE_TIMER)
            flight = repeated(audit, flight);
        else
            flight = seg->cause == SP_CAUSE_SEGMENT && seg->by ? flight_of(audit, seg->by) : NULL;
    }
    return false;
}

static bool agent_told_to_go(const struct view *view, int64_t t_ns)
{
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        if (ev->kind == SP_EV_PROC && ev->u.proc.what != SP_PROC_START && !ev->stmt &&
            is_clean_up(view, ev->t_ns) && ev->t_ns <= t_ns)
            return true;
    }
    return false;
}

/* ---- NEVER --------------------------------------------------------------------------------- */

static bool stream_touches(const struct sp_pattern *pattern, const struct item *item)
{
    int64_t from = item->flight->rel_seq;
    int64_t to = from + item->ev->u.seg.seg.payload_len - 1;
    return to >= from && from <= pattern->bytes.max && to >= pattern->bytes.min;
}

static bool is_forbidden(const struct sp_pattern *pattern, const struct item *item)
{
    char ignored[SAY_MAX];
    if (pattern->stream)
        return stream_touches(pattern, item);
    if (pattern->again && !(item->is & IS_RETRANSMIT))
        return false;
    if (pattern->pure_ack && !(item->is & (IS_PURE_ACK | IS_PROBE)))
        return false;
    if (pattern->class_ == SP_CLASS_KEEPALIVE && !(item->is & IS_PROBE))
        return false;
    if (pattern->class_ == SP_CLASS_ZERO_WINDOW_PROBE && !(item->is & IS_WINDOW_PROBE))
        return false;
    return pattern_fit(pattern, item, ignored, sizeof ignored) == FIT_YES;
}

static enum sp_try forbidden(const struct sp_stmt *stmt, const struct sp_event *ev, enum sp_end end,
                             struct finding *f)
{
    f->kind = SP_FAIL_FORBIDDEN;
    f->event = ev;
    f->blames = end;
    f->t_ns = ev->t_ns;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    return SP_TRY_FAILED;
}

static enum sp_try never_wire(const struct walk *walk, const struct sp_stmt *stmt,
                              const struct sp_audit *audit, const struct window *window,
                              struct finding *f)
{
    const struct view *view = walk->view;
    for (size_t l = 0; l < view->lane_count; l++) {
        const struct lane *lane = &view->lanes[l];
        if ((int)lane->from != (int)stmt->who || !lane->len ||
            !bind_owns_conn(view, stmt, lane->conn))
            continue;
        for (size_t i = 0; i < lane->len; i++) {
            const struct item *item = &lane->items[i];
            if (!is_inside(window, item->t_ns) || !is_forbidden(&stmt->pattern, item))
                continue;
            if (is_clean_up(view, item->t_ns) && (!audit || is_by_exit(view, audit, item->flight)))
                continue;
            say_item(item, f->seen, sizeof f->seen);
            return forbidden(stmt, item->ev, lane->from, f);
        }
    }
    return SP_TRY_DONE;
}

static enum sp_try never_state(const struct walk *walk, const struct sp_stmt *stmt,
                               const struct window *window, struct outcome *out, struct finding *f)
{
    const struct view *view = walk->view;
    for (size_t h = 0; h < view->hist_count; h++) {
        const struct hist *hist = view->hists[h];
        if (!bind_owns_hist(view, stmt, hist))
            continue;
        for (size_t i = 0; i < hist->len; i++) {
            const struct span *span = &hist->spans[i];
            if ((int)span->state != stmt->state || !is_inside(window, span->t_ns))
                continue;
            if (is_clean_up(view, span->t_ns) && agent_told_to_go(view, span->t_ns))
                continue;
            say(f->seen, sizeof f->seen, "%s was %s", sp_end_name(hist->end),
                sp_tcp_state_name(span->state));
            return forbidden(stmt, span->ev, hist->end, f);
        }
    }
    if (view_watch_states_of(view, stmt->who) == SP_WATCH_POLLED)
        out->how = SP_LINE_UNWATCHED; /* looks cannot prove absence */
    return SP_TRY_DONE;
}

enum sp_try never_step(struct walk *walk, const struct sp_stmt *stmt, const struct sp_audit *audit,
                       struct outcome *out, struct finding *f)
{
    bool wire = stmt->kind == SP_ST_NEVER_WIRE;
    enum sp_watch watch =
        wire ? view_watch_wire(walk->view) : view_watch_states_of(walk->view, stmt->who);
    if (watch == SP_WATCH_ABSENT) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    struct window window = window_of(walk, stmt);
    return wire ? never_wire(walk, stmt, audit, &window, f)
                : never_state(walk, stmt, &window, out, f);
}

/* ---- SILENCE ------------------------------------------------------------------------------- */

/* When it left; what the path made itself is nobody's word. */
static int64_t left_at(const struct view *view, const struct sp_event *ev)
{
    for (size_t i = 0; i < view->flights->len; i++) {
        const struct sp_flight *flight = &view->flights->items[i];
        if (flight->received != ev)
            continue;
        if (flight->from == SP_END_MIDDLE)
            return INT64_MIN;
        return flight->sent ? flight->sent->t_ns : ev->t_ns;
    }
    return ev->t_ns;
}

static enum sp_try broken_by(const struct sp_stmt *stmt, const struct sp_event *ev,
                             struct finding *f)
{
    char flags[48];
    sp_tcp_flags_print(ev->u.seg.seg.flags, flags, sizeof flags);
    say(f->seen, sizeof f->seen, "%s sent %s", sp_end_name(ev->end),
        ev->u.seg.seg.kind == SP_SEG_ICMP ? "an ICMP error" : flags);
    return forbidden(stmt, ev, ev->end, f);
}

/*
 * Beside a scripted peer every segment has its line: one that left after what the line before
 * tells of, and before this one was begun, is none that a line above may still be about. An answer
 * that comes at once is so no less an answer.
 */
static const struct sp_event *left_before_silence(const struct walk *walk,
                                                  const struct sp_stmt *stmt, int64_t begin_ns)
{
    const struct view *view = walk->view;
    if (view->plan->peer_at == SP_WHO_NONE)
        return NULL;
    for (size_t i = 0; i < view->lane_count; i++) {
        const struct lane *lane = &view->lanes[i];
        if ((int)lane->from == (int)view->plan->peer_at ||
            (stmt->who != SP_WHO_NONE && (int)lane->from != (int)stmt->who))
            continue;
        for (size_t k = walk->cursors[i]; k < lane->len; k++)
            if (lane->items[k].t_ns > walk->last_lo_ns && lane->items[k].t_ns < begin_ns)
                return lane->items[k].ev;
    }
    return NULL;
}

/*
 * From when on nothing may leave. A script does not wait for what `optional` and `repeat` allow: of
 * a burst that they take, the end may come when the silence was begun already, and is its own
 * line's. What comes behind it is the silence's, to the end that it has anyway.
 */
static int64_t silent_from(const struct walk *walk, int64_t begin_ns)
{
    return walk->last_ns > begin_ns ? walk->last_ns + 1 : begin_ns;
}

enum sp_try silence_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                         struct finding *f)
{
    const struct view *view = walk->view;
    if (view_watch_wire(view) == SP_WATCH_ABSENT) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    int64_t begin = walk->begin_ns >= 0 ? walk->begin_ns : walk->last_ns;
    struct window window = {silent_from(walk, begin), begin + stmt->when.max_ns};
    const struct sp_event *before = left_before_silence(walk, stmt, begin);
    if (before)
        return broken_by(stmt, before, f);
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        if (ev->kind != SP_EV_SEG || !is_inside(&window, ev->t_ns) ||
            (stmt->who != SP_WHO_NONE && (int)ev->end != (int)stmt->who))
            continue;
        if (left_at(view, ev) < window.from_ns)
            continue; /* it was under way already, or the path's own */
        return broken_by(stmt, ev, f);
    }
    out->lo_ns = out->t_ns = window.to_ns;
    return SP_TRY_DONE;
}
