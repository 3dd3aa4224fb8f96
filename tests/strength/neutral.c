/*
 * Damages that nothing need object to, each by a rule that can be read: the case language lets
 * some things by, RFC 9293 leaves some open, and witnesses have gaps that are known.
 */
#include "strength.h"

#include <string.h>

#include "clock.h"

enum { SKEW_NS = 200 * SP_US }; /* docs/invariants.md: how far two witnesses may disagree */

const char *const neutral_rules[][2] = {
    {"clean-up", "what clean-up sends, or a state that it brings about, is not asked for"},
    {"cumulative",
     "a pure ACK that another segment of its sender makes superfluous (case language; "
     "RFC9293:3.10.7.4: acknowledgements are cumulative)"},
    {"delayed-ack", "an ACK of data that nobody asked for and that could still have been delayed "
                    "when the script was over (RFC9293:3.8.6.3: 0.5 s)"},
    {"let-by", "a retransmission or probe that no line asks for is let by, and so is its absence"},
    {"optional",
     "it came true for an optional line, or for a round beyond the least of a repeat, or "
     "one like it did"},
    {"sent-later", "a segment whose bytes were sent again: its sender was only slower"},
    {"agreed", "the SYNs agreed on ECN, or one of them asked: when the bits are set is then the "
               "sender's affair (RFC3168:6.1)"},
    {"unused", "timestamps of a SYN that nothing behind it has, either"},
    {"had-come", "what the call returned was there when it was entered, or is not known to have "
                 "come: it need not have waited"},
    {"cut-anew", "bytes that are sent twice may be cut in two ways (RFC9293:3.8.1, "
                 "RFC1122:4.2.2.15): fewer the first time or the second, or more of what had been "
                 "sent, the FIN with either"},
    {"probe-byte", "a probe may carry one byte (case language; RFC9293:3.8.4, RFC1122:4.2.3.6)"},
    {"no-room", "a receiver whose window is closed may have taken a part of a segment"},
    {"missed", "looks in another order, where the tracepoints tell of the same socket: between two "
               "looks it was in both states, or a look missed it"},
    {"scripted",
     "what a scripted peer sent is asked by the case, not of a stack: the judge finds it "
     "by the peer's own record"},
    {"rst-ack", "RST is matched with or without ACK unless the line says which"},
    {"window-unwritten", "the window of a segment that no line takes by its window"},
    {"allowed", "the line, or the variant that held, allows what the call was changed to"},
    {"not-a-line", "a call that no line writes (socket and bind that a connect or listen needs)"},
    {"told-twice",
     "another report tells the same state of the same socket (docs/witnesses.md: some "
     "kernels withhold events)"},
    {"passed", "a look that shows a state in which the socket was since the look before: it could "
               "have been taken a moment earlier"},
    {"close", "bytes that were captured within 0.2 ms of each other may have left the other way "
              "round (docs/invariants.md, seq-gap)"},
    {"earlier-fence", "only the fences after the end of the script count"},
    {NULL, NULL},
};

static const char *rule(const char *name)
{
    for (size_t i = 0; neutral_rules[i][0]; i++)
        if (strcmp(neutral_rules[i][0], name) == 0)
            return neutral_rules[i][0];
    return "?";
}

/* ---- segments ------------------------------------------------------------------------------ */

static const struct sp_stmt *line_of(const struct bench *bench, const struct sp_event *ev)
{
    return bench->taken_by[event_index(bench, ev)];
}

/* Whether the statement stands in an optional block, or in a repeat that has rounds to spare. */
static bool may_be_missing(const struct sp_stmt *stmts, size_t count, const struct sp_stmt *stmt,
                           bool inside)
{
    for (size_t i = 0; i < count; i++) {
        bool loose = inside || stmts[i].kind == SP_ST_OPTIONAL ||
                     (stmts[i].kind == SP_ST_REPEAT && stmts[i].times.min < stmts[i].times.max);
        if (&stmts[i] == stmt)
            return loose;
        if (may_be_missing(stmts[i].children, stmts[i].child_count, stmt, loose))
            return true;
    }
    return false;
}

static bool is_pure_ack(const struct sp_seg *seg)
{
    return seg->payload_len == 0 && (seg->flags & (SP_SYN | SP_FIN | SP_RST | SP_ACK)) == SP_ACK;
}

/* Another segment of the sender says as much, and is not spoken for by another line: a line asks
 * that it was sent, not that it came. */
static bool is_superfluous(const struct bench *bench, size_t at, bool must_arrive)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_stmt *line = line_of(bench, shown(flight));
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *other = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(other)->u.seg.seg;
        if (i == at || other->conn != flight->conn || other->from != flight->from ||
            !(seg->flags & SP_ACK) || (seg->flags & SP_RST) ||
            sp_seq_lt(seg->ack, shown(flight)->u.seg.seg.ack) || (must_arrive && !other->received))
            continue;
        if (!line || must_arrive || (is_pure_ack(seg) && !line_of(bench, shown(other))))
            return true;
    }
    return false;
}

/* What it acknowledges newly is data alone, and the script ends before the delay does. */
static bool could_be_delayed(const struct bench *bench, const struct sp_flight *flight)
{
    const struct sp_seg *seg = &shown(flight)->u.seg.seg;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *other = &bench->flights->items[i];
        const struct sp_seg *data = &shown(other)->u.seg.seg;
        if (other->conn == flight->conn && other->from != flight->from &&
            (data->flags & (SP_SYN | SP_FIN)) && data->seq + sp_seg_space(data) == seg->ack)
            return false;
    }
    int64_t until_ns = bench->end_ns; /* or what its sender says next, be it a RST */
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *next = &bench->flights->items[i];
        if (next->conn == flight->conn && next->from == flight->from &&
            (shown(next)->u.seg.seg.flags & SP_RST) && shown(next)->t_ns > shown(flight)->t_ns &&
            shown(next)->t_ns < until_ns)
            until_ns = shown(next)->t_ns;
    }
    return until_ns - shown(flight)->t_ns < 500 * SP_MS;
}

/* The same bytes went out again: the sender was only slower than it was. */
static bool is_sent_later(const struct bench *bench, size_t at)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_seg *seg = &shown(flight)->u.seg.seg;
    for (size_t i = at + 1; i < bench->flights->len; i++) {
        const struct sp_flight *later = &bench->flights->items[i];
        const struct sp_seg *also = &shown(later)->u.seg.seg;
        if (later->conn == flight->conn && later->from == flight->from && sp_seg_space(seg) &&
            !((seg->flags ^ also->flags) & (SP_SYN | SP_RST)) && sp_seq_le(also->seq, seg->seq) &&
            sp_seq_le(seg->seq + sp_seg_space(seg), also->seq + sp_seg_space(also)))
            return true;
    }
    return false;
}

/* One like it came true for an optional line: it may as well be that one which is missing. */
static bool has_optional_twin(const struct bench *bench, size_t at)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_seg *seg = &shown(flight)->u.seg.seg;
    for (size_t i = at + 1; i < bench->flights->len; i++) {
        const struct sp_flight *later = &bench->flights->items[i];
        const struct sp_seg *also = &shown(later)->u.seg.seg;
        const struct sp_stmt *line = line_of(bench, shown(later));
        if (later->conn == flight->conn && later->from == flight->from && later->received &&
            also->seq == seg->seq && also->ack == seg->ack && also->flags == seg->flags &&
            also->payload_len == seg->payload_len && line &&
            may_be_missing(bench->again.plan.stmts, bench->again.plan.stmt_count, line, false))
            return true;
    }
    return false;
}

static const char *loss(const struct bench *bench, size_t at, bool must_arrive)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_stmt *line = line_of(bench, shown(flight));
    enum sp_role role = bench->again.judgement.audit.segs[at].role;
    bool again =
        role == SP_ROLE_RETRANSMIT || role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE;
    if (shown(flight)->t_ns > bench->end_ns)
        return rule("clean-up");
    if (line && may_be_missing(bench->again.plan.stmts, bench->again.plan.stmt_count, line, false))
        return rule("optional");
    if (line && has_optional_twin(bench, at))
        return rule("optional");
    if (again && !line)
        return rule("let-by");
    if (is_sent_later(bench, at))
        return rule("sent-later");
    if (!is_pure_ack(&shown(flight)->u.seg.seg))
        return NULL;
    if (is_superfluous(bench, at, must_arrive))
        return rule("cumulative");
    return !line && could_be_delayed(bench, flight) ? rule("delayed-ack") : NULL;
}

const char *neutral_loss(const struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    return loss(bench, at, false);
}

/* The sender's own capture still shows it, so only what it did at the other side counts. */
const char *neutral_arrival(const struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    return loss(bench, at, true);
}

const char *neutral_flag(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *ev = shown(&bench->flights->items[at]);
    const struct sp_stmt *line = line_of(bench, ev);
    bool written = line && ((line->pattern.set | line->pattern.clear) & by);
    return (ev->u.seg.seg.flags & SP_RST) && !written ? rule("rst-ack") : NULL;
}

/* The FIN goes out by itself as well, in the same place. */
const char *neutral_fin(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_seg *seg = &shown(flight)->u.seg.seg;
    (void)by;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *other = &bench->flights->items[i];
        const struct sp_seg *also = &shown(other)->u.seg.seg;
        if (i != at && other->conn == flight->conn && other->from == flight->from &&
            (also->flags & SP_FIN) && seg->payload_len &&
            also->seq + also->payload_len == seg->seq + seg->payload_len &&
            bench->again.judgement.audit.segs[at].role == SP_ROLE_RETRANSMIT)
            return rule("cut-anew");
    }
    return NULL;
}

const char *neutral_ecn(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    (void)by;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *other = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(other)->u.seg.seg;
        if (other->conn == flight->conn && (seg->flags & SP_SYN) && (seg->flags & SP_ECE))
            return rule("agreed");
    }
    return NULL;
}

static bool is_stamped(const struct sp_seg *seg)
{
    struct sp_opt opt;
    return sp_opt_find(seg, SP_OPT_TIMESTAMPS, &opt);
}

const char *neutral_unstamped(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    (void)by;
    if (!(shown(flight)->u.seg.seg.flags & SP_SYN))
        return NULL;
    bool offers = !(shown(flight)->u.seg.seg.flags & SP_ACK);
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *other = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(other)->u.seg.seg;
        bool answers = offers && other->from != flight->from && (seg->flags & SP_ACK);
        if (i != at && other->conn == flight->conn && other->received && !(seg->flags & SP_RST) &&
            is_stamped(seg) && !neutral_script(bench, i) && (!(seg->flags & SP_SYN) || answers))
            return NULL;
    }
    return rule("unused");
}

const char *neutral_number(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_seg *seg = &shown(&bench->flights->items[at])->u.seg.seg;
    return by < 0 && is_pure_ack(seg) && seg->window == 0 ? rule("no-room") : NULL;
}

const char *neutral_less(const struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    return bench->again.judgement.audit.segs[at].role == SP_ROLE_RETRANSMIT ||
                   is_sent_later(bench, at)
               ? rule("cut-anew")
               : NULL;
}

const char *neutral_more(const struct bench *bench, size_t at, int64_t by)
{
    enum sp_role role = bench->again.judgement.audit.segs[at].role;
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_seg *seg = &shown(flight)->u.seg.seg;
    bool empty = !seg->payload_len;
    for (size_t i = 0; role == SP_ROLE_RETRANSMIT && i < at; i++) {
        const struct sp_seg *before = &shown(&bench->flights->items[i])->u.seg.seg;
        if (bench->flights->items[i].conn == flight->conn &&
            bench->flights->items[i].from == flight->from &&
            sp_seq_le(seg->seq + seg->payload_len + (uint32_t)by,
                      before->seq + before->payload_len))
            return rule("cut-anew");
    }
    return empty && (role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE) ? rule("probe-byte")
                                                                                : NULL;
}

const char *neutral_window(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_stmt *line = line_of(bench, shown(&bench->flights->items[at]));
    const struct sp_event *ev = shown(&bench->flights->items[at]);
    if (!line || !line->pattern.window.set)
        return rule("window-unwritten");
    int64_t window = ev->u.seg.seg.window + by;
    return window >= line->pattern.window.min && window <= line->pattern.window.max
               ? rule("allowed")
               : NULL;
}

const char *neutral_script(const struct bench *bench, size_t at)
{
    enum sp_end from = bench->flights->items[at].from;
    return from == SP_END_PEER || from == SP_END_MIDDLE ? rule("scripted") : NULL;
}

/* A scripted peer or path sends from any address, and a capture cannot tell who did. */
const char *neutral_host(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_trace_head *head = &bench->again.trace.head;
    (void)at;
    (void)by;
    return head->addr[SP_END_PEER].family || head->addr[SP_END_MIDDLE].family ? rule("scripted")
                                                                              : NULL;
}

/* Captured so close to each other that the order is not known. */
const char *neutral_order(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    (void)by;
    for (size_t i = at + 1; i < bench->flights->len; i++) {
        const struct sp_flight *next = &bench->flights->items[i];
        if (next->conn == flight->conn && next->from == flight->from &&
            sp_seg_space(&shown(next)->u.seg.seg))
            return shown(next)->t_ns <= shown(flight)->t_ns + SKEW_NS ? rule("close") : NULL;
    }
    return NULL;
}

/* ---- calls --------------------------------------------------------------------------------- */

static bool is_free(const struct sp_expect *expect, const struct sp_ev_call *was, int64_t by)
{
    bool asks = strcmp(was->name, "getsockopt") == 0 || strcmp(was->name, "ioctl") == 0;
    for (size_t i = 0; i < expect->count; i++) {
        const struct sp_outcome *o = &expect->any_of[i];
        if (o->kind == SP_OUT_ANY || o->kind == SP_OUT_UNKNOWN)
            return true;
        if (o->kind != SP_OUT_NUMBER || was->error || !by || o->max == o->min)
            continue;
        int64_t value = damaged_value(was, by);
        if (o->max == INT64_MAX || asks || (value >= o->min && value <= o->max))
            return true;
    }
    return false;
}

/* Where no outcome is written: success, whatever it moved, and a value that nobody reads. */
static bool is_any_value(const struct sp_stmt *stmt, const struct sp_ev_call *was)
{
    static const char *const whole[] = {"recv", "drain", "fill", "poll", "getsockopt", "ioctl"};
    (void)stmt;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (strcmp(was->name, whole[i]) == 0)
            return true;
    return false;
}

static bool says_what(const struct sp_expect *expect)
{
    for (size_t i = 0; i < expect->count; i++)
        if (expect->any_of[i].kind == SP_OUT_TEXT || expect->any_of[i].kind == SP_OUT_BITS)
            return true;
    return false;
}

/* A line that says only which bits must not be there. */
static bool only_lacks(const struct sp_expect *expect)
{
    for (size_t i = 0; i < expect->count; i++)
        if (expect->any_of[i].kind == SP_OUT_BITS &&
            !(expect->any_of[i].text && *expect->any_of[i].text))
            return true;
    return false;
}

static bool allows_nought(const struct sp_expect *expect)
{
    for (size_t i = 0; i < expect->count; i++)
        if (expect->any_of[i].kind == SP_OUT_NUMBER && expect->any_of[i].min <= 0 &&
            expect->any_of[i].max >= 0)
            return true;
    return false;
}

const char *neutral_call(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *ev = &bench->again.trace.events[at];
    const struct sp_stmt *stmt = ev->stmt ? sp_plan_stmt(&bench->again.plan, ev->stmt) : NULL;
    if (!stmt)
        return rule("not-a-line");
    const struct sp_variant *as = bench->as[at];
    const struct sp_expect *expect = &stmt->expect;
    if (as && as->has_expect && as->expect.count)
        expect = &as->expect;
    bool value = by == 1 || by == -1;
    if (ev->u.call.error && by == TO_NOUGHT && allows_nought(expect))
        return rule("allowed");
    if (by == TO_NOUGHT)
        by = 0;
    if (is_free(expect, &ev->u.call, value ? by : 0))
        return rule("allowed");
    bool unread = !expect->count || says_what(expect);
    if (value && unread && is_any_value(stmt, &ev->u.call))
        return rule("allowed");
    return NULL;
}

const char *neutral_sibling(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *ev = &bench->again.trace.events[at];
    const struct sp_stmt *stmt = ev->stmt ? sp_plan_stmt(&bench->again.plan, ev->stmt) : NULL;
    struct sp_ev_call call = ev->u.call;
    const char *sibling = sibling_of(*told_error(&call));
    const struct sp_variant *as = bench->as[at];
    (void)by;
    if (!stmt)
        return rule("not-a-line");
    const struct sp_expect *expect =
        as && as->has_expect && as->expect.count ? &as->expect : &stmt->expect;
    for (size_t i = 0; i < expect->count; i++) {
        const struct sp_outcome *o = &expect->any_of[i];
        if (o->kind == SP_OUT_ANY || o->kind == SP_OUT_UNKNOWN ||
            (o->kind == SP_OUT_ERROR && sibling && strcmp(o->text, sibling) == 0))
            return rule("allowed");
    }
    return NULL;
}

const char *neutral_elsewhere(const struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    return bench->again.trace.events[at].stmt ? NULL : rule("not-a-line");
}

/* Whether anything that the call could tell of came to its end while it waited. */
const char *neutral_soon(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *call = &bench->again.trace.events[at];
    bool takes =
        strcmp(call->u.call.name, "accept") == 0 || strcmp(call->u.call.name, "connect") == 0;
    (void)by;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *flight = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(flight)->u.seg.seg;
        bool tells = takes ? (seg->flags & SP_ACK) != 0 : seg->payload_len || (seg->flags & SP_FIN);
        if (flight->from != call->end && flight->received && tells &&
            flight->received->t_ns > call->t_ns + SP_MS && flight->received->t_ns < call->t_end_ns)
            return NULL;
    }
    return rule("had-come");
}

/* How much a drain moved that ended in an error is printed, and no line asks for it. */
const char *neutral_out(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_ev_call *call = &bench->again.trace.events[at].u.call;
    const struct sp_stmt *stmt =
        sp_plan_stmt(&bench->again.plan, bench->again.trace.events[at].stmt);
    bool told = strcmp(call->name, "drain") == 0 && call->error;
    return told || (stmt && only_lacks(&stmt->expect)) ? rule("allowed")
                                                       : neutral_call(bench, at, by);
}

/* ---- states and marks ---------------------------------------------------------------------- */

const char *neutral_state_loss(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_trace *trace = &bench->again.trace;
    const struct sp_event *ev = &trace->events[at];
    const struct sp_ev_state *st = &ev->u.state;
    (void)by;
    if (ev->t_ns > bench->end_ns)
        return rule("clean-up");
    bool gone = st->new_state == SP_TCP_NONE || st->new_state == SP_TCP_CLOSED;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *other = &trace->events[i];
        const struct sp_ev_state *also = &other->u.state;
        if (i == at || other->kind != SP_EV_STATE || other->end != ev->end ||
            (also->local.port && st->local.port && also->local.port != st->local.port) ||
            (also->remote.port && st->remote.port && also->remote.port != st->remote.port))
            continue;
        bool also_gone = also->new_state == SP_TCP_NONE || also->new_state == SP_TCP_CLOSED;
        /* where a full socket went, TIME_WAIT tells of it as well */
        bool waits = st->old_state == SP_TCP_FIN_WAIT_2 || st->old_state == SP_TCP_CLOSING;
        also_gone = also_gone || (waits && also->new_state == SP_TCP_TIME_WAIT);
        if (gone ? also_gone : also->new_state == st->new_state || also->old_state == st->new_state)
            return rule("told-twice");
    }
    return NULL;
}

/* Whether the socket was in that state between the look before and this one, as any witness tells.
 */
static bool has_passed(const struct bench *bench, const struct sp_event *look,
                       enum sp_tcp_state state)
{
    const struct sp_ev_state *st = &look->u.state;
    for (size_t i = 0; i < bench->again.trace.len; i++) {
        const struct sp_event *ev = &bench->again.trace.events[i];
        const struct sp_ev_state *also = &ev->u.state;
        if (ev->kind != SP_EV_STATE || ev == look || ev->end != look->end ||
            ev->t_ns < st->not_before_ns - SKEW_NS || also->not_before_ns > look->t_ns + SKEW_NS ||
            also->remote.port != st->remote.port ||
            (also->local.port && also->local.port != st->local.port))
            continue;
        if (also->new_state == state || also->old_state == state)
            return true;
    }
    return false;
}

const char *neutral_swap(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *look = &bench->again.trace.events[at];
    (void)by;
    return look->u.state.source != SP_STATE_TRACEPOINT &&
                   has_passed(bench,
                              &(struct sp_event){.kind = SP_EV_STATE,
                                                 .end = look->end,
                                                 .t_ns = bench->last_ns,
                                                 .u.state.local = look->u.state.local,
                                                 .u.state.remote = look->u.state.remote},
                              look->u.state.new_state)
               ? rule("missed")
               : NULL;
}

/* Any socket ends in CLOSED when its process goes. */
const char *neutral_state(const struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *ev = &bench->again.trace.events[at];
    enum sp_tcp_state state = damaged_state(ev->u.state.new_state, by);
    if (state == SP_TCP_CLOSED && ev->t_ns > bench->end_ns)
        return rule("clean-up");
    return ev->u.state.source != SP_STATE_TRACEPOINT &&
                   (state == ev->u.state.old_state || has_passed(bench, ev, state))
               ? rule("passed")
               : NULL;
}

const char *neutral_mark(const struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    return bench->again.trace.events[at].t_ns <= bench->end_ns ? rule("earlier-fence") : NULL;
}
