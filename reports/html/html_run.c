/*
 * One run as the page draws it. The ladder's rows are those of the terminal (ladder_rows.c); beside
 * each stands the event itself, so that the page can show every field of it. Members with their
 * usual value are left out. Times are microseconds: of a row since the row before it, of what
 * belongs to an event since that event (differences pack to half of what times do).
 */
#include <string.h>

#include "event_text.h"
#include "html_in.h"
#include "json.h"
#include "ladder.h"

enum { ROWS_MAX = 1200, ROWS_BEFORE = 900 /* of them, before a divergence that lies further on */ };

/* ---- small pieces ---------------------------------------------------------------------------- */

void sp_html_key(struct sp_buf *out, const char *key)
{
    if (out->len && out->data[out->len - 1] != '{')
        sp_buf_addch(out, ',');
    sp_json_str(out, key);
    sp_buf_addch(out, ':');
}

void sp_html_str(struct sp_buf *out, const char *key, const char *text)
{
    if (!text || !*text)
        return;
    sp_html_key(out, key);
    sp_json_str(out, text);
}

void sp_html_num(struct sp_buf *out, const char *key, long long number)
{
    sp_html_key(out, key);
    sp_buf_addf(out, "%lld", number);
}

void sp_html_some(struct sp_buf *out, const char *key, long long number)
{
    if (number)
        sp_html_num(out, key, number);
}

static long long us(int64_t t_ns)
{
    return t_ns / 1000;
}

/* How long after `from`, both rounded down, so that sums of them are exact. */
static void put_after(struct sp_buf *out, const char *key, int64_t t_ns, int64_t from_ns)
{
    sp_html_some(out, key, us(t_ns) - us(from_ns));
}

static void put_addr(struct sp_buf *out, const char *key, const struct sp_addr *addr)
{
    char text[SP_ADDR_TEXT];
    if (!addr->family)
        return;
    sp_addr_print(addr, text, sizeof text);
    sp_html_str(out, key, text);
}

static void put_taken(struct sp_buf *out, const char *key, struct sp_buf *text)
{
    sp_html_str(out, key, text->data);
    sp_buf_release(text);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void put_call(const struct sp_event *event, struct sp_buf *out)
{
    const struct sp_ev_call *call = &event->u.call;
    struct sp_buf text;
    sp_html_str(out, "sock", call->sock);
    sp_html_str(out, "name", call->name);
    sp_html_str(out, "args", call->args);
    sp_html_str(out, "how", call->how == SP_CALL_RETURNED ? NULL : sp_call_how_name(call->how));
    sp_html_some(out, "value", call->value);
    sp_html_str(out, "error", call->error);
    sp_html_str(out, "native", call->native);
    sp_html_some(out, "signal", call->signal);
    sp_html_str(out, "out", call->out);
    put_addr(out, "local", &call->local);
    put_addr(out, "remote", &call->remote);
    if (event->t_end_ns >= 0)
        put_after(out, "took", event->t_end_ns, event->t_ns);
    sp_buf_init(&text, 0);
    sp_call_print_result(call, &text);
    if (text.data && strcmp(text.data, "0") != 0)
        sp_html_str(out, "result", text.data);
    sp_buf_release(&text);
}

static void put_state(const struct sp_event *event, struct sp_buf *out)
{
    const struct sp_ev_state *state = &event->u.state;
    sp_html_str(out, "source", sp_state_source_name(state->source));
    if (state->old_state != SP_TCP_NONE)
        sp_html_str(out, "old", sp_tcp_state_name(state->old_state));
    sp_html_str(out, "new", sp_tcp_state_name(state->new_state));
    put_addr(out, "local", &state->local);
    put_addr(out, "remote", &state->remote);
    if (state->source == SP_STATE_TRACEPOINT)
        return;
    put_after(out, "polled", event->t_ns, state->not_before_ns);
    if (state->recv_queue >= 0)
        sp_html_num(out, "unread", state->recv_queue);
    if (state->send_queue >= 0)
        sp_html_num(out, "unacked", state->send_queue);
    sp_html_some(out, "timer", state->timer > 0 ? state->timer : 0);
    if (state->timer > 0)
        sp_html_num(out, "timer_ms", state->timer_ms);
}

/* [time, where, frame] of one side of a segment's way. */
static void put_side(struct sp_buf *out, const char *key, const struct sp_event *side,
                     const struct sp_event *event)
{
    if (!side)
        return;
    sp_html_key(out, key);
    sp_buf_addf(out, "[%lld,\"%s\",%u]", us(side->t_ns) - us(event->t_ns),
                sp_point_name(side->u.seg.point), (unsigned)side->u.seg.frame);
}

static void put_cause(const struct rows *rows, const struct sp_flight *flight,
                      const struct sp_event *event, struct sp_buf *out)
{
    const struct sp_audit *audit = &rows->judgement->audit;
    if (!audit->segs)
        return;
    const struct sp_audit_seg *seg = &audit->segs[flight - audit->flights.items];
    struct sp_buf text;
    sp_html_str(out, "role", sp_role_name(seg->role));
    sp_html_str(out, "cause", sp_cause_name(seg->cause));
    if (!seg->by)
        return;
    put_after(out, "by_after", seg->by->t_ns, event->t_ns);
    if (seg->by->kind == SP_EV_SEG)
        return;
    sp_buf_init(&text, 0);
    sp_event_print(seg->by, &text);
    put_taken(out, "by", &text);
}

static const struct sp_flight *flight_of(const struct rows *rows, const struct sp_event *event)
{
    const struct sp_flights *flights = &rows->judgement->audit.flights;
    for (size_t i = 0; i < flights->len; i++)
        if (flights->items[i].sent == event || flights->items[i].received == event)
            return &flights->items[i];
    return NULL;
}

static void put_tcp(const struct sp_seg *seg, const struct sp_flight *flight, struct sp_buf *out)
{
    char flags[SP_TCP_FLAGS_TEXT];
    sp_tcp_flags_print(seg->flags, flags, sizeof flags);
    sp_html_str(out, "flags", flags);
    sp_html_num(out, "seq", seg->seq);
    if (seg->flags & SP_ACK)
        sp_html_num(out, "ack", seg->ack);
    if (flight) {
        sp_html_num(out, "rel_seq", flight->rel_seq);
        if (seg->flags & SP_ACK)
            sp_html_num(out, "rel_ack", flight->rel_ack);
        sp_html_some(out, "conn", flight->conn);
    }
    sp_html_num(out, "win", seg->window);
    sp_html_some(out, "urgent", seg->urgent);
    struct sp_buf options;
    sp_buf_init(&options, 0);
    if (seg->opt_len)
        sp_opt_print(seg, flight ? seg->ack - flight->rel_ack : 0, &options);
    put_taken(out, "options", &options);
}

static void put_icmp(const struct sp_seg *seg, struct sp_buf *out)
{
    sp_html_num(out, "icmp_type", seg->icmp_type);
    sp_html_num(out, "icmp_code", seg->icmp_code);
    sp_html_some(out, "mtu", seg->icmp_mtu);
    put_addr(out, "quoted_src", &seg->quoted_src);
    put_addr(out, "quoted_dst", &seg->quoted_dst);
    sp_html_num(out, "quoted_seq", seg->quoted_seq);
}

static void put_seg(const struct rows *rows, const struct sp_event *event, struct sp_buf *out)
{
    const struct sp_seg *seg = &event->u.seg.seg;
    const struct sp_flight *flight = flight_of(rows, event);
    put_addr(out, "src", &seg->src);
    put_addr(out, "dst", &seg->dst);
    sp_html_str(out, "malformed", event->u.seg.malformed);
    if (seg->kind == SP_SEG_TCP)
        put_tcp(seg, flight, out);
    else
        put_icmp(seg, out);
    sp_html_some(out, "len", seg->payload_len);
    sp_html_num(out, "ttl", seg->ttl);
    sp_html_some(out, "tos", seg->tos);
    sp_html_some(out, "id", seg->ip_id);
    sp_html_some(out, "df", seg->ip_df);
    sp_html_num(out, "sum", seg->checksum);
    sp_html_some(out, "bad_sum", !seg->checksum_ok);
    sp_html_some(out, "bad_ip_sum", !seg->ip_checksum_ok);
    put_side(out, "sent", flight ? flight->sent : event, event);
    if (flight && flight->received != flight->sent)
        put_side(out, "received", flight->received, event);
    if (flight)
        put_cause(rows, flight, event, out);
}

static void put_event(const struct rows *rows, const struct row *row, struct sp_buf *out)
{
    const struct sp_event *event = row->event;
    struct sp_buf text;
    sp_buf_addch(out, '{');
    sp_html_str(out, "kind", sp_ev_kind_name(event->kind));
    if (event->end != SP_END_NONE)
        sp_html_str(out, "end", sp_end_name(event->end));
    put_after(out, "before", row->t_ns, event->t_ns);
    switch (event->kind) {
    case SP_EV_CALL:
        put_call(event, out);
        break;
    case SP_EV_STATE:
        put_state(event, out);
        break;
    case SP_EV_SEG:
        put_seg(rows, event, out);
        break;
    case SP_EV_NOTE:
    case SP_EV_LAB:
    case SP_EV_PROC:
    case SP_EV_MARK:
    case SP_EV_KIND_COUNT:
        sp_buf_init(&text, 0);
        sp_event_print(event, &text);
        put_taken(out, "text", &text);
        if (event->t_end_ns > event->t_ns)
            put_after(out, "took", event->t_end_ns, event->t_ns);
        break;
    }
    sp_buf_addch(out, '}');
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *const where_names[] = {
    [ROW_LEFT] = "left", [ROW_RIGHT] = "right", [ROW_ARROW] = "arrow", [ROW_ACROSS] = "across"};
static const char *const arrow_names[] = {[ARROW_WHOLE] = "whole",
                                          [ARROW_LOST] = "lost",
                                          [ARROW_LEAVES] = "leaves",
                                          [ARROW_ARRIVES] = "arrives"};

/* Which of a row's texts: of a segment the one without its options, which stand in the event. */
static const char *text_of(const struct row *row)
{
    return row->where == ROW_ARROW && row->texts[1] ? row->texts[1] : row->texts[0];
}

static void put_row(const struct rows *rows, const struct row *row, int64_t from_ns,
                    struct sp_buf *out)
{
    sp_buf_addch(out, '{');
    put_after(out, "after", row->t_ns, from_ns);
    sp_html_str(out, "at", where_names[row->where]);
    if (row->where == ROW_ARROW) {
        sp_html_str(out, "way", row->arrow == ARROW_WHOLE ? NULL : arrow_names[row->arrow]);
        sp_html_some(out, "right", row->to_right);
    }
    sp_html_str(out, "text", text_of(row));
    sp_html_some(out, "stmt", row->stmt);
    sp_html_some(out, "fault", row->event && row->event == rows->judgement->event);
    if (row->event) {
        sp_html_key(out, "event");
        put_event(rows, row, out);
    }
    sp_buf_addch(out, '}');
}

/* The row behind which a failure stands; -1: none of them. */
static long long fault_at(const struct rows *rows)
{
    const struct sp_judgement *judgement = rows->judgement;
    long long at = -1;
    for (size_t i = 0; i < rows->len; i++) {
        bool of_event = judgement->event && rows->items[i].event == judgement->event;
        bool before =
            !judgement->event && judgement->t_ns >= 0 && rows->items[i].t_ns <= judgement->t_ns;
        if (of_event || before)
            at = (long long)i;
    }
    return at;
}

static void put_rows(const struct rows *rows, bool failed, struct sp_buf *out)
{
    long long at = failed ? fault_at(rows) : -1;
    size_t from = at > ROWS_BEFORE ? (size_t)at - ROWS_BEFORE : 0;
    size_t end = rows->len - from > ROWS_MAX ? from + ROWS_MAX : rows->len;
    if (failed)
        sp_html_num(out, "fault_row", at >= 0 ? at - (long long)from : -1);
    sp_html_some(out, "rows_before", (long long)from);
    sp_html_some(out, "rows_after", (long long)(rows->len - end));
    sp_html_key(out, "rows");
    sp_buf_addch(out, '[');
    for (size_t i = from; i < end; i++) {
        if (i > from)
            sp_buf_addch(out, ',');
        put_row(rows, &rows->items[i], i > from ? rows->items[i - 1].t_ns : 0, out);
    }
    sp_buf_addch(out, ']');
}

/* ---- the run --------------------------------------------------------------------------------- */

static void put_variant(const struct sp_variant *variant, struct sp_buf *out)
{
    static const char *const kinds[] = {[SP_SOURCE_NONE] = NULL,
                                        [SP_SOURCE_MEASURED] = "measured",
                                        [SP_SOURCE_DOCUMENTED] = "documented",
                                        [SP_SOURCE_REPORTED] = "reported"};
    sp_html_key(out, "variant");
    sp_buf_addch(out, '{');
    sp_html_num(out, "line", variant->at.line);
    sp_html_str(out, "why", variant->why);
    sp_html_str(out, "kind", kinds[variant->source_kind]);
    sp_html_str(out, "source", variant->source);
    sp_buf_addch(out, '}');
}

/* [id, what became of it, when] of each line, and the variant that it came true by. */
static void put_lines(const struct sp_html_run *run, struct sp_buf *out)
{
    const struct sp_judgement *judgement = run->judgement;
    bool first = true;
    sp_html_key(out, "lines");
    sp_buf_addch(out, '[');
    for (size_t id = 1; id < judgement->line_count; id++) {
        const struct sp_line *line = &judgement->lines[id];
        if (!sp_plan_stmt(run->plan, (uint32_t)id))
            continue;
        sp_buf_addstr(out, first ? "{" : ",{");
        first = false;
        if (line->how != SP_LINE_DONE)
            sp_html_str(out, "how", sp_line_how_name(line->how));
        if (line->variant)
            put_variant(line->variant, out);
        sp_buf_addch(out, '}');
    }
    sp_buf_addch(out, ']');
}

void sp_html_plan_json(const struct sp_html_run *run, struct sp_buf *out)
{
    bool first = true;
    sp_buf_addch(out, '[');
    for (size_t id = 1; id < run->judgement->line_count; id++) {
        const struct sp_stmt *stmt = sp_plan_stmt(run->plan, (uint32_t)id);
        if (!stmt)
            continue;
        sp_buf_addstr(out, first ? "{" : ",{");
        first = false;
        sp_html_num(out, "id", (long long)id);
        sp_html_num(out, "line", stmt->at.line);
        sp_html_str(out, "text", stmt->text);
        sp_html_some(out, "implied", stmt->implied);
        sp_buf_addch(out, '}');
    }
    sp_buf_addch(out, ']');
}

static void put_stack(const struct sp_stack_id *id, const char *key, struct sp_buf *out)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    if (id->name)
        sp_buf_addf(&text, "%s%s%s", id->name, id->version ? " " : "",
                    id->version ? id->version : "");
    put_taken(out, key, &text);
}

static void put_end(const struct sp_trace *trace, bool right, struct sp_buf *out)
{
    enum sp_end end = sp_rows_end_at(trace, right);
    sp_html_key(out, right ? "right" : "left");
    sp_buf_addch(out, '{');
    sp_html_str(out, "name", sp_end_name(end));
    put_addr(out, "addr", &trace->head.addr[end]);
    put_stack(&trace->head.api[end], "api", out);
    put_stack(&trace->head.tcp[end], "tcp", out);
    sp_buf_addch(out, '}');
}

/* What the judge says of it now, which may be another program than the one that ran it. */
static void put_judgement(const struct sp_judgement *judgement, struct sp_buf *out)
{
    sp_html_str(out, "verdict", sp_verdict_name(judgement->verdict));
    sp_html_str(out, "reason", judgement->reason);
    sp_html_str(out, "kind",
                judgement->kind == SP_FAIL_NONE ? NULL : sp_fail_name(judgement->kind));
    sp_html_some(out, "stmt", judgement->stmt);
    sp_html_str(out, "where", judgement->at);
    sp_html_str(out, "expected", judgement->expected);
    sp_html_str(out, "seen", judgement->seen);
    sp_html_str(out, "rule", judgement->rule);
    if (judgement->blames != SP_END_NONE)
        sp_html_str(out, "blames", sp_end_name(judgement->blames));
    if (judgement->t_ns >= 0)
        sp_html_num(out, "us", us(judgement->t_ns));
    if (judgement->note_count) {
        sp_html_key(out, "notes");
        sp_json_strs(out, judgement->notes, judgement->note_count);
    }
}

void sp_html_run_json(const struct sp_html_run *run, size_t pins, size_t plan, struct sp_buf *out)
{
    struct sp_arena arena;
    const struct sp_judgement *judgement = run->judgement;
    const struct sp_trace_head *head = &run->trace->head;
    struct rows rows = {.arena = &arena,
                        .unicode = true,
                        .plan = run->plan,
                        .trace = run->trace,
                        .judgement = judgement};
    sp_arena_init(&arena);
    sp_rows_build(&rows);
    sp_rows_fold(&rows, judgement->event);
    sp_buf_addch(out, '{');
    put_judgement(judgement, out);
    put_end(run->trace, false, out);
    put_end(run->trace, true, out);
    sp_html_str(out, "wire", sp_watch_name(head->wire));
    sp_html_str(out, "states", sp_watch_name(head->states));
    sp_html_str(out, "case_hash", head->case_hash);
    sp_html_num(out, "started_ms", head->start_real_ns / 1000000);
    sp_html_num(out, "pins", (long long)pins);
    sp_html_num(out, "plan", (long long)plan);
    put_lines(run, out);
    put_rows(&rows, judgement->kind != SP_FAIL_NONE || judgement->expected || judgement->seen, out);
    sp_buf_addch(out, '}');
    sp_rows_release(&rows);
    sp_arena_release(&arena);
}

void sp_html_pins_json(const struct sp_trace_head *head, struct sp_buf *out)
{
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < head->pin_count; i++) {
        sp_buf_addstr(out, i ? ",[" : "[");
        sp_json_str(out, head->pins[i].name);
        sp_buf_addch(out, ',');
        sp_json_str(out, head->pins[i].value);
        sp_buf_addch(out, ']');
    }
    sp_buf_addch(out, ']');
}
