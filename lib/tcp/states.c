/*
 * Reported states: each step one of RFC 9293's diagram (figure 5), each from where the socket was,
 * and none before the segments and calls that lead to it.
 *
 * What Linux does beside the figure: any state may end in CLOSED (which says only that the full
 * socket is gone: TIME_WAIT and an orphan's FIN_WAIT_2 live on without it); a child is born in
 * SYN_RECEIVED from its listener's LISTEN at the handshake's third segment; a FIN that arrives
 * with that segment makes SYN_RECEIVED end in CLOSE_WAIT. A socket's own way never leads back to
 * LISTEN, nor from there to SYN_SENT: a listener goes on listening while its children come and go.
 * A socket that is looked at now and then
 * may have taken several steps between two looks.
 */
#include "ledger.h"
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

#define TO(state) (1u << SP_TCP_##state)

static const unsigned steps[SP_TCP_STATE_COUNT] = {
    [SP_TCP_NONE] = TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RECEIVED),
    [SP_TCP_CLOSED] = TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RECEIVED),
    [SP_TCP_LISTEN] = TO(SYN_RECEIVED) | TO(CLOSED),
    [SP_TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED),
    [SP_TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
    [SP_TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
    [SP_TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
    [SP_TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
    [SP_TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
    [SP_TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
    [SP_TCP_LAST_ACK] = TO(CLOSED),
    [SP_TCP_TIME_WAIT] = TO(CLOSED),
};

/* What Linux reports again, unchanged, when a socket that is closing is shut down or closed once
 * more (tcp_close_state()). */
#define REPEATED (TO(FIN_WAIT_1) | TO(FIN_WAIT_2) | TO(CLOSING) | TO(LAST_ACK) | TO(CLOSED))

bool sp_tcp_state_leads(enum sp_tcp_state from, enum sp_tcp_state to)
{
    unsigned set = from == SP_TCP_CLOSED ? 0 : steps[from]; /* what follows is another socket */
    for (int round = 0; round < SP_TCP_STATE_COUNT; round++)
        for (int state = 0; state < SP_TCP_STATE_COUNT; state++)
            if ((set & 1u << state) && state != SP_TCP_CLOSED)
                set |= steps[state];
    return set & 1u << to;
}

/* ---- the walk ------------------------------------------------------------------------------- */

struct known {
    enum sp_state_source source;
    enum sp_end end;
    uint64_t sock_id;
    enum sp_tcp_state state;
};

struct knowns {
    struct known *items;
    size_t len, cap;
};

static struct known *known_of(struct knowns *knowns, const struct sp_event *event)
{
    const struct sp_ev_state *state = &event->u.state;
    for (size_t i = knowns->len; i-- > 0;)
        if (knowns->items[i].sock_id == state->sock_id && knowns->items[i].end == event->end &&
            knowns->items[i].source == state->source)
            return &knowns->items[i];
    struct known *known = &SP_PUSH(knowns->items, knowns->len, knowns->cap);
    *known = (struct known){.source = state->source, .end = event->end, .sock_id = state->sock_id};
    return known;
}

/* A socket that is closed begins anew from CLOSED, or as a listener's child. */
static bool is_no_beginning(enum sp_tcp_state old, enum sp_tcp_state new)
{
    return old != SP_TCP_CLOSED && !(old == SP_TCP_LISTEN && new == SP_TCP_SYN_RECEIVED);
}

/* A socket gets into SYN_SENT and LISTEN by a call, which no witness misses (docs/witnesses.md). */
static bool lacks_beginning(const struct ctx *ctx, const struct sp_ev_state *state)
{
    return ctx->trace->head.states == SP_WATCH_FULL &&
           (state->old_state == SP_TCP_SYN_SENT ||
            (state->old_state == SP_TCP_LISTEN && state->new_state == SP_TCP_CLOSED));
}

/* False where it objects. */
static bool rule_walk(struct ctx *ctx, struct knowns *knowns, const struct sp_event *event)
{
    const struct sp_ev_state *state = &event->u.state;
    enum sp_tcp_state old = state->old_state;
    if (!state->sock_id || state->new_state >= SP_TCP_STATE_COUNT || old >= SP_TCP_STATE_COUNT)
        return true;
    struct known *known = known_of(knowns, event);
    enum sp_tcp_state before = known->state;
    known->state = state->new_state;
    if (state->new_state == SP_TCP_NONE)
        return true;
    bool each = state->source == SP_STATE_TRACEPOINT && old != SP_TCP_NONE;
    /* A closed socket's address is used again: for a fresh one, or for a listener's child. */
    bool fresh = before == SP_TCP_NONE || before == SP_TCP_CLOSED;
    /* The same where the end of the socket before it was not shown; no way leads back to LISTEN. */
    fresh = fresh || (each && old == SP_TCP_LISTEN && state->new_state == SP_TCP_SYN_RECEIVED);
    /* A step that was not shown is a gap of the witness (docs/witnesses.md), no fault of the
     * stack's, as long as a way leads there. */
    /* A listener stays one until it is closed, which is told: its children are others. */
    bool listens =
        before == SP_TCP_LISTEN && old != SP_TCP_CLOSED && ctx->trace->head.states == SP_WATCH_FULL;
    if (each && !fresh && before != old && (listens || !sp_tcp_state_leads(before, old)))
        sp_tcp_violate(ctx, RULE_STATE_WALK, event, event->end,
                       "left %s, but the socket was last seen in %s", sp_tcp_state_name(old),
                       sp_tcp_state_name(before));
    else if (each && before == SP_TCP_CLOSED && is_no_beginning(old, state->new_state))
        sp_tcp_violate(ctx, RULE_STATE_WALK, event, event->end,
                       "left %s for %s, but the socket had been closed", sp_tcp_state_name(old),
                       sp_tcp_state_name(state->new_state));
    else if (each && before == SP_TCP_NONE && lacks_beginning(ctx, state))
        sp_tcp_violate(ctx, RULE_STATE_WALK, event, event->end, "left %s, but had never got there",
                       sp_tcp_state_name(old));
    else if (each && old == state->new_state ? !(1u << old & REPEATED)
                                             : each && !(steps[old] & 1u << state->new_state))
        sp_tcp_violate(ctx, RULE_STATE_WALK, event, event->end, "no step leads from %s to %s",
                       sp_tcp_state_name(old), sp_tcp_state_name(state->new_state));
    else if (!each && before != SP_TCP_NONE && !fresh && before != state->new_state &&
             !sp_tcp_state_leads(before, state->new_state))
        sp_tcp_violate(ctx, RULE_STATE_WALK, event, event->end, "no way leads from %s to %s",
                       sp_tcp_state_name(before), sp_tcp_state_name(state->new_state));
    else
        return true;
    return false;
}

/* ---- evidence ------------------------------------------------------------------------------- */

bool sp_tcp_is_probing(const struct ctx *ctx, const struct side *side, int64_t t_ns)
{
    const struct sp_flights *flights = &ctx->out->flights;
    bool asked = false;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        enum sp_role role = ctx->out->segs[i].role;
        bool probe = role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE;
        if (flight->conn != side->conn)
            continue;
        if (flight->from == side->end && probe && sp_tcp_shown(flight)->t_ns <= t_ns)
            asked = true;
        else if (flight->from != side->end && flight->received && flight->received->t_ns <= t_ns)
            asked = false;
    }
    return asked;
}

/* Whether anything can have ended the socket; ICMP errors are left to the judge. */
static bool has_ended(const struct ctx *ctx, const struct side *side, int64_t t_ns)
{
    const int64_t ends_ns[] = {
        side->facts->blind_ns, side->facts->timers_ns, side->rst_in_ns,
        side->rst_out_ns,      side->again_ns,
    };
    if (!side->facts->calls || ctx->icmp || sp_tcp_is_probing(ctx, side, t_ns + SKEW_NS) ||
        sp_tcp_act_by(side->ledger, ACTS_THAT_CLOSE, t_ns) ||
        sp_tcp_act_by(side->ledger, ACTS_THAT_END, t_ns))
        return true;
    for (size_t i = 0; i < sizeof ends_ns / sizeof ends_ns[0]; i++)
        if (ends_ns[i] <= t_ns + SKEW_NS)
            return true;
    return false;
}

/* An abort forgets a connection whose FIN is out in silence once the peer's has come, too
 * (RFC 9293, section 3.10.5); where the peer has not closed it is told by a RST. */
static bool is_forgotten(const struct side *side, enum sp_tcp_state old, int64_t t_ns)
{
    return (old == SP_TCP_CLOSING || old == SP_TCP_LAST_ACK) &&
           side->ledger->abort_ns <= t_ns + SKEW_NS &&
           sp_tcp_act_by(side->ledger, 1u << ACT_CLOSE | 1u << ACT_EXIT, t_ns);
}

/*
 * A kernel that aborts a connection closes the socket first and sends the RST then; on a processor
 * that is emulated, or was taken away between the two, that is half a millisecond or more.
 */
#define RST_AFTER_CLOSED_NS (20 * SP_MS)

/* Whether a FIN that waits for its acknowledgement can be given up. */
static bool has_given_up(const struct ctx *ctx, const struct side *side, enum sp_tcp_state old,
                         int64_t t_ns)
{
    int64_t by_ns = t_ns + SKEW_NS;
    return side->rst_in_ns <= by_ns || side->rst_out_ns <= t_ns + RST_AFTER_CLOSED_NS ||
           (side->own_process ? side->resent && side->again_ns <= by_ns : side->r2_ns <= by_ns) ||
           side->facts->timers_ns <= by_ns || sp_tcp_is_probing(ctx, side, by_ns) || ctx->icmp ||
           side->facts->blind_ns <= by_ns || is_forgotten(side, old, t_ns);
}

/* A connection that is not over is told of an abort by a RST (RFC 9293, section 3.10.5). */
static bool is_silent_end(const struct ctx *ctx, const struct side *side,
                          const struct sp_ev_state *report, int64_t t_ns)
{
    bool open = report->old_state == SP_TCP_ESTABLISHED || report->old_state == SP_TCP_CLOSE_WAIT;
    return open && side->rst_out_ns == INT64_MAX &&
           !has_given_up(ctx, side, report->old_state, t_ns);
}

/* What the socket had left behind by then: it had itself said or been told more. */
static const char *is_past(const struct ctx *ctx, const struct side *side, enum sp_tcp_state state,
                           int64_t t_ns)
{
    bool told = side->end < SP_END_COUNT && ctx->trace->head.states_told[side->end];
    int64_t before_ns = t_ns - SKEW_NS;
    int64_t read_by_ns = told ? t_ns - TOLD_READ_NS : before_ns;
    if (state == SP_TCP_NONE)
        return NULL; /* it is gone */
    unsigned bit = 1u << state;
    bool closed = state == SP_TCP_CLOSED;
    if (!closed && state != SP_TCP_TIME_WAIT && side->killed_ns < read_by_ns)
        return "it had been reset";
    if ((bit &
         (TO(SYN_SENT) | TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(FIN_WAIT_2))) &&
        side->fin_told_ns < before_ns && !side->scripted_peer) /* it may have been refused */
        return "it had acknowledged the peer's FIN";
    if ((bit & (TO(SYN_SENT) | TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSE_WAIT))) &&
        side->fin_at >= 0 && side->fin_ns < before_ns)
        return "it had sent its FIN";
    if ((bit & (TO(FIN_WAIT_1) | TO(CLOSING) | TO(LAST_ACK))) && side->fin_acked_ns >= 0 &&
        side->fin_acked_ns < read_by_ns)
        return "its FIN had been acknowledged";
    return NULL;
}

/* shutdown() gives up an attempt to connect on some stacks (Linux, gVisor). */
static bool is_given_up(const struct side *side, const struct sp_ev_state *report, int64_t t_ns)
{
    return report->old_state == SP_TCP_SYN_SENT &&
           sp_tcp_act_by(side->ledger, 1u << ACT_SHUT_WR | 1u << ACT_SHUT_RD, t_ns);
}

/* Whether a socket has opened this connection by leaving that state: one does, as a listener has
 * one child of a connection, but for those that it has to give up at once. What is told at one time
 * (clocks that jump tell much at one) is in the order in which it was told. */
static bool has_been_open(const struct ctx *ctx, const struct side *side,
                          const struct sp_ev_state *report, enum sp_tcp_state left, int64_t t_ns)
{
    for (size_t i = 0; i < ctx->trace->len && ctx->trace->events[i].t_ns <= t_ns; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        const struct sp_ev_state *state = &event->u.state;
        if (state == report)
            return false;
        if (event->kind == SP_EV_STATE && event->end == side->end &&
            state->source == SP_STATE_TRACEPOINT && state->old_state == left &&
            state->new_state != SP_TCP_CLOSED && side->syn_event &&
            event->t_ns > side->syn_event->t_ns && sp_addr_same(&state->local, &report->local) &&
            sp_addr_same(&state->remote, &report->remote))
            return true;
    }
    return false;
}

/* What a state cannot be without; NULL: it is there by then. */
static const char *lacks(const struct ctx *ctx, const struct side *side,
                         const struct sp_ev_state *report, int64_t t_ns)
{
    enum sp_tcp_state state = report->new_state;
    int64_t by_ns = t_ns + SKEW_NS;
    bool blind = side->facts->blind_ns <= t_ns;
    bool syn_acked = blind || side->syn_acked_ns <= by_ns;
    bool syn_in = side->syn_event && side->syn_event->t_ns <= by_ns;
    bool fin_in = side->fin_in >= 0 && side->fin_in_ns <= by_ns;
    bool fin_out = blind || (side->fin_at >= 0 && side->fin_ns <= by_ns);
    bool fin_acked =
        (blind && side->fin_at < 0) || (side->fin_acked_ns >= 0 && side->fin_acked_ns <= by_ns);
    bool closed = !side->facts->calls || sp_tcp_act_by(side->ledger, ACTS_THAT_CLOSE, t_ns);
    unsigned bit = 1u << state;
    if ((bit & (TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSE_WAIT) | TO(FIN_WAIT_2))) && !syn_in)
        return "no SYN had arrived";
    if ((bit & (TO(ESTABLISHED) | TO(CLOSE_WAIT) | TO(FIN_WAIT_2))) && !syn_acked)
        return "no SYN of its own had been acknowledged";
    if ((bit & TO(SYN_SENT)) && !side->plain_syn_sent && !blind)
        return "it had sent no SYN";
    if ((bit & TO(LISTEN)) != 0)
        return "it has a peer";
    if ((bit & TO(CLOSED)) && !has_ended(ctx, side, t_ns) && !is_given_up(side, report, t_ns))
        return "nothing had ended it";
    if ((bit & TO(CLOSED)) && is_silent_end(ctx, side, report, t_ns))
        return "neither end had reset it";
    bool waits = report->old_state == SP_TCP_LAST_ACK || report->old_state == SP_TCP_CLOSING ||
                 report->old_state == SP_TCP_FIN_WAIT_1;
    if ((bit & TO(CLOSED)) && waits && !fin_acked &&
        !has_given_up(ctx, side, report->old_state, t_ns))
        return "its FIN had neither been acknowledged nor given up";
    if ((bit & (TO(CLOSE_WAIT) | TO(LAST_ACK) | TO(CLOSING) | TO(TIME_WAIT))) && !fin_in)
        return "no FIN had arrived";
    if ((bit & (TO(FIN_WAIT_1) | TO(FIN_WAIT_2) | TO(LAST_ACK) | TO(CLOSING) | TO(TIME_WAIT))) &&
        !closed)
        return "nothing had closed it";
    if ((bit & (TO(FIN_WAIT_2) | TO(TIME_WAIT))) && !(fin_out && fin_acked))
        return "no FIN of its own had been acknowledged";
    bool opened = report->old_state == SP_TCP_ESTABLISHED || report->old_state == SP_TCP_CLOSE_WAIT;
    if ((bit & (TO(FIN_WAIT_1) | TO(LAST_ACK))) && opened &&
        report->source == SP_STATE_TRACEPOINT && side->fin_at >= 0 && side->fin_ns + SKEW_NS < t_ns)
        return "its FIN had left before";
    bool shown = report->source == SP_STATE_TRACEPOINT;
    if (report->old_state == SP_TCP_LISTEN && shown &&
        has_been_open(ctx, side, report, SP_TCP_SYN_RECEIVED, t_ns))
        return "it had left that state already";
    if (report->old_state == SP_TCP_SYN_SENT && !(bit & TO(CLOSED)) && shown &&
        has_been_open(ctx, side, report, SP_TCP_SYN_SENT, t_ns))
        return "another socket had opened that connection";
    if (report->old_state == SP_TCP_LISTEN)
        return NULL; /* a listener's child is a new socket, whatever had these addresses before */
    /* A look may be as old as the one before it, which did not show this. */
    return is_past(ctx, side, state, report->not_before_ns < t_ns ? report->not_before_ns : t_ns);
}

static bool has_peer(const struct sp_ev_state *state)
{
    static const uint8_t none[sizeof state->remote.ip] = {0};
    return state->remote.port || memcmp(&state->remote.ip, none, sizeof none) != 0;
}

/* Whether another socket of that end began to connect to the same peer in between. */
static bool has_begun_again(const struct ctx *ctx, const struct sp_event *event,
                            const struct sp_event *syn)
{
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *other = &ctx->trace->events[i];
        if (other != event && other->kind == SP_EV_STATE && other->end == event->end &&
            other->t_ns > event->t_ns && other->t_ns <= syn->t_ns + SKEW_NS &&
            other->u.state.new_state == SP_TCP_SYN_SENT)
            return true;
    }
    return false;
}

/*
 * A socket has no port until connect() has found one, just before its SYN: until then it can only
 * fail there. (A listener's step has no peer.)
 */
static const char *lacks_port(const struct ctx *ctx, const struct sp_event *event)
{
    const struct sp_ev_state *state = &event->u.state;
    if (state->source != SP_STATE_TRACEPOINT || state->local.port || !has_peer(state) ||
        state->new_state == SP_TCP_SYN_SENT || !ctx->facts[event->end].watched)
        return NULL;
    if (state->new_state != SP_TCP_CLOSED ||
        !((TO(NONE) | TO(CLOSED) | TO(SYN_SENT)) & 1u << state->old_state))
        return "it has no port";
    for (size_t i = 0; i < ctx->out->flights.len; i++) {
        const struct sp_flight *flight = &ctx->out->flights.items[i];
        const struct sp_event *syn = sp_tcp_shown(flight);
        bool began = flight->from == event->end && syn->t_ns >= event->t_ns - SKEW_NS &&
                     (syn->u.seg.seg.flags & (SP_SYN | SP_ACK)) == SP_SYN &&
                     sp_addr_same(&syn->u.seg.seg.dst, &state->remote);
        if (began)
            return has_begun_again(ctx, event, syn) ? NULL : "its SYN left";
    }
    return NULL;
}

/* connect() that finds its pair of addresses taken has been in SYN_SENT for a moment (Linux): that
 * socket is not the one that has them. */
static bool was_taken(const struct ctx *ctx, const struct sp_event *event)
{
    const struct sp_ev_state *state = &event->u.state;
    if (state->old_state != SP_TCP_SYN_SENT || state->new_state != SP_TCP_CLOSED)
        return false;
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *by = &ctx->trace->events[i];
        const struct sp_ev_call *call = &by->u.call;
        if (by->kind == SP_EV_CALL && by->end == event->end && strcmp(call->name, "connect") == 0 &&
            call->error && strcmp(call->error, "EADDRNOTAVAIL") == 0 &&
            by->t_ns - SKEW_NS <= event->t_ns && event->t_ns <= sp_tcp_call_end(by) + SKEW_NS)
            return true;
    }
    return false;
}

/* Its step to SYN_SENT is a call's doing, which no witness misses; and tells which socket it is. */
static bool has_begun(const struct ctx *ctx, const struct sp_event *step)
{
    if (step->u.state.source != SP_STATE_TRACEPOINT || !step->u.state.sock_id ||
        ctx->lossy_states || ctx->trace->head.states != SP_WATCH_FULL)
        return true;
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        if (event == step)
            return false;
        if (event->kind == SP_EV_STATE && event->end == step->end &&
            event->u.state.source == SP_STATE_TRACEPOINT &&
            event->u.state.sock_id == step->u.state.sock_id &&
            event->u.state.new_state == SP_TCP_SYN_SENT)
            return true;
    }
    return false;
}

/* An orphan of an earlier run that had these addresses: nothing is told of it but its end. */
static bool is_relic(const struct ctx *ctx, const struct sp_event *step)
{
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        if (event != step && event->kind == SP_EV_STATE && event->end == step->end &&
            event->u.state.source == SP_STATE_TRACEPOINT &&
            event->u.state.sock_id == step->u.state.sock_id)
            return false;
    }
    return step->u.state.new_state == SP_TCP_CLOSED;
}

/* A step of a connection of which no segment has been seen by then. */
static bool is_premature(const struct ctx *ctx, const struct sp_event *step)
{
    return !has_begun(ctx, step) && step->u.state.old_state != SP_TCP_LISTEN &&
           ctx->facts[step->end].blind_ns > step->t_ns && !is_relic(ctx, step);
}

static void rule_evidence(struct ctx *ctx, const struct sp_event *event)
{
    const struct sp_ev_state *state = &event->u.state;
    const struct sp_flights *flights = &ctx->out->flights;
    const char *why = NULL;
    /* A socket that connects again tells its port of the last time until it has a new one; a stack
     * that tells of itself does so before its SYN leaves. */
    bool stale = state->new_state == SP_TCP_SYN_SENT &&
                 (state->source == SP_STATE_TRACEPOINT || ctx->trace->head.states_told[event->end]);
    if (!ctx->lossy_wire)
        why = lacks_port(ctx, event);
    if (why)
        sp_tcp_violate(ctx, RULE_STATE_EVIDENCE, event, event->end, "%s, though %s",
                       sp_tcp_state_name(state->new_state), why);
    why = NULL;
    if (ctx->lossy_wire || !ctx->facts[event->end].watched || !state->local.port ||
        !has_peer(state) || stale ||
        (state->source == SP_STATE_DIAG && state->new_state == SP_TCP_CLOSED) ||
        was_taken(ctx, event))
        return;
    int64_t looked_ns = state->not_before_ns < event->t_ns ? state->not_before_ns : event->t_ns;
    if (state->source == SP_STATE_TRACEPOINT)
        looked_ns = event->t_ns;
    if (!flights->len) /* nobody saw a segment: no evidence for or against it */
        return;
    bool any = false;
    /* Of several connections between the same addresses it may be any that had begun. */
    for (size_t i = flights->conn_count; i-- > 0;) {
        const struct sp_conn *conn = &flights->conns[i];
        if (conn->first_ns > event->t_ns + SKEW_NS)
            continue;
        for (int which = 0; which < 2; which++) {
            const struct sp_addr *local = which == 0 ? &conn->client : &conn->server;
            const struct sp_addr *remote = which == 0 ? &conn->server : &conn->client;
            const struct side *side = &ctx->sides[i][which];
            bool none = !conn->isn_known[conn->opener] && !conn->isn_known[conn->responder];
            if (none || side->superseded_ns < looked_ns - SKEW_NS)
                continue; /* another socket has its addresses, or it never was one */
            if (side->end != event->end || !sp_addr_same(local, &state->local) ||
                !sp_addr_same(remote, &state->remote))
                continue;
            any = true;
            why = side->sane ? lacks(ctx, side, state, event->t_ns) : NULL;
            if (!why && side->sane && side->plain_syn_sent && !has_begun(ctx, event))
                why = "its socket had not begun to connect";
            if (!why)
                return;
        }
    }
    if (!any && is_premature(ctx, event))
        why = "no connection of these addresses had begun";
    if (why)
        sp_tcp_violate(ctx, RULE_STATE_EVIDENCE, event, event->end, "%s, though %s",
                       sp_tcp_state_name(state->new_state), why);
}

/* Whether a call of that end may have had that effect on a listener by then. */
static bool has_called(const struct ctx *ctx, const struct sp_event *event, bool opens)
{
    static const char *const closing[] = {"close", "shutdown", "disconnect", "connect", "reap"};
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *by = &ctx->trace->events[i];
        bool over = by->kind == SP_EV_PROC && by->u.proc.what != SP_PROC_START;
        if (!opens && by->kind == SP_EV_MARK && by->u.mark.what == SP_MARK_END &&
            by->t_ns <= event->t_ns + SKEW_NS)
            return true;
        if (by->end != event->end)
            continue;
        if (!opens && over && by->t_ns - EXIT_SLACK_NS <= event->t_ns)
            return true;
        if (by->kind != SP_EV_CALL || by->t_ns > event->t_ns + SKEW_NS)
            continue;
        if (opens && strcmp(by->u.call.name, "listen") == 0 &&
            (by->t_end_ns < 0 || by->t_end_ns >= event->t_ns - SKEW_NS))
            return true;
        /* a listen() that finds the address taken was LISTEN for a moment (Linux, SO_REUSEADDR) */
        if (!opens && by->u.call.error && strcmp(by->u.call.name, "listen") == 0)
            return true;
        for (size_t k = 0; !opens && k < sizeof closing / sizeof closing[0]; k++)
            if (strncmp(by->u.call.name, closing[k], strlen(closing[k])) == 0)
                return true;
    }
    return false;
}

/* Tracepoints tell of a listener at the time of the call itself. */
static void rule_listener(struct ctx *ctx, const struct sp_event *event)
{
    const struct sp_ev_state *state = &event->u.state;
    if (state->source != SP_STATE_TRACEPOINT || state->remote.port || !ctx->facts[event->end].calls)
        return;
    if (state->new_state == SP_TCP_LISTEN && !has_called(ctx, event, true))
        sp_tcp_violate(ctx, RULE_STATE_EVIDENCE, event, event->end,
                       "LISTEN, though nothing had called listen()");
    if (state->old_state == SP_TCP_LISTEN && state->new_state == SP_TCP_CLOSED &&
        !has_called(ctx, event, false))
        sp_tcp_violate(ctx, RULE_STATE_EVIDENCE, event, event->end,
                       "a listener was closed, though nothing had closed it");
}

void sp_tcp_rules_states(struct ctx *ctx)
{
    struct knowns knowns = {0};
    for (size_t i = 0; i < ctx->trace->len && !ctx->icmp; i++)
        ctx->icmp = ctx->trace->events[i].kind == SP_EV_SEG &&
                    ctx->trace->events[i].u.seg.seg.kind == SP_SEG_ICMP;
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        if (event->kind != SP_EV_STATE ||
            (event->end != SP_END_CLIENT && event->end != SP_END_SERVER))
            continue;
        if (!ctx->lossy_states && !rule_walk(ctx, &knowns, event))
            continue;
        rule_evidence(ctx, event);
        rule_listener(ctx, event);
    }
    free(knowns.items);
}
