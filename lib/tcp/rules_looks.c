/*
 * Two witnesses of one socket. Tracepoints tell each step of a full socket at its own time; a look
 * (sock_diag) tells a state that the socket was in at some moment since the look before. So what a
 * look shows lies on the way that the tracepoints tell of, at one of those moments.
 *
 * A step that was not shown (docs/witnesses.md) leaves a gap: between a step to A and the next one,
 * out of B, the socket was in any state on a way from A to B. Where nothing is told of the pair of
 * addresses, nothing is held against a look; nor where it says that there is no socket, which a
 * dump that passes one over says as well.
 */
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

#define BIT(state) (1u << SP_TCP_##state)

static bool same_socket(const struct sp_event *a, const struct sp_event *b)
{
    return a->end == b->end && a->u.state.source == b->u.state.source &&
           a->u.state.sock_id == b->u.state.sock_id;
}

static bool is_step(const struct sp_event *event)
{
    return event->kind == SP_EV_STATE && event->u.state.source == SP_STATE_TRACEPOINT &&
           event->u.state.sock_id && event->u.state.old_state != SP_TCP_NONE;
}

static bool begins(const struct sp_ev_state *state)
{
    return state->old_state == SP_TCP_CLOSED ||
           (state->old_state == SP_TCP_LISTEN && state->new_state == SP_TCP_SYN_RECEIVED);
}

/*
 * Whose step it is. SYN_SENT comes before the socket has its port, or with the port of the last
 * time; the step after it tells. NULL: nobody knows.
 */
static const struct sp_ev_state *pair_of(const struct sp_trace *trace, size_t at)
{
    const struct sp_event *step = &trace->events[at];
    if (step->u.state.new_state != SP_TCP_SYN_SENT)
        return &step->u.state;
    for (size_t i = at + 1; i < trace->len; i++) {
        const struct sp_event *next = &trace->events[i];
        if (!is_step(next) || !same_socket(next, step))
            continue;
        return begins(&next->u.state) || next->u.state.new_state == SP_TCP_CLOSED ? NULL
                                                                                  : &next->u.state;
    }
    return NULL;
}

static bool is_on_the_way(enum sp_tcp_state from, enum sp_tcp_state state, enum sp_tcp_state to)
{
    return (state == from || sp_tcp_state_leads(from, state)) &&
           (state == to || sp_tcp_state_leads(state, to));
}

/* What may stand where a full socket is not: before its first step, and after its last. */
static bool fits_outside(const struct sp_ev_state *last, const struct sp_ev_state *next,
                         enum sp_tcp_state state)
{
    if (last && last->new_state != SP_TCP_CLOSED)
        return state == last->new_state || sp_tcp_state_leads(last->new_state, state);
    if (state == SP_TCP_CLOSED)
        return last != NULL;
    if (last && last->old_state == SP_TCP_CLOSING && state == SP_TCP_FIN_WAIT_2)
        return false;
    bool leaves = last && ((1u << last->old_state) &
                           (BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(CLOSING) | BIT(ESTABLISHED)));
    if (leaves && (state == SP_TCP_TIME_WAIT || state == SP_TCP_FIN_WAIT_2))
        return true;
    if (next && begins(next))
        return state == SP_TCP_SYN_RECEIVED && next->old_state == SP_TCP_LISTEN;
    if (next)
        return state == next->old_state || sp_tcp_state_leads(state, next->old_state);
    return state == SP_TCP_SYN_RECEIVED || state == SP_TCP_SYN_SENT; /* the pair is used again */
}

/* The same socket, or its memory once more: a step out of SYN_SENT follows the one to it, which its
 * port may not be told of, and nothing else. */
static bool begins_anew(const struct sp_event *last, const struct sp_event *next)
{
    return begins(&next->u.state) || (next->u.state.old_state == SP_TCP_SYN_SENT &&
                                      last->u.state.new_state != SP_TCP_SYN_SENT);
}

/* Linux puts the record of TIME_WAIT or FIN_WAIT_2 into the table before the last step of the
 * socket that it stands for is made (tcp_time_wait()). */
static int64_t shown_before_ns(const struct sp_event *last, enum sp_tcp_state state)
{
    bool record = state == SP_TCP_TIME_WAIT || state == SP_TCP_FIN_WAIT_2;
    return record && last->u.state.new_state == SP_TCP_CLOSED ? SKEW_NS : 0;
}

/*
 * Whether the look shows what was there at some moment between the two steps. Both read the same
 * clock: a look is stamped when it is over, a step just before it is made.
 */
static bool fits(const struct sp_event *last, const struct sp_event *next,
                 const struct sp_event *look)
{
    int64_t from_ns = look->u.state.not_before_ns - SKEW_NS, to_ns = look->t_ns;
    enum sp_tcp_state state = look->u.state.new_state;
    if ((last && last->t_ns - shown_before_ns(last, state) > to_ns) ||
        (next && next->t_ns < from_ns))
        return false;
    bool one_life = last && next && same_socket(last, next) && !begins_anew(last, next) &&
                    last->u.state.new_state != SP_TCP_CLOSED;
    return one_life
               ? is_on_the_way(last->u.state.new_state, state, next->u.state.old_state)
               : fits_outside(last ? &last->u.state : NULL, next ? &next->u.state : NULL, state);
}

static void look_judge(struct ctx *ctx, const struct sp_ev_state *const *pairs,
                       const struct sp_event *look)
{
    const struct sp_event *last = NULL, *told = NULL;
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_ev_state *pair = pairs[i];
        const struct sp_event *step = &ctx->trace->events[i];
        if (!pair || step->end != look->end || !sp_addr_same(&pair->local, &look->u.state.local) ||
            !sp_addr_same(&pair->remote, &look->u.state.remote))
            continue;
        if (fits(last, step, look))
            return;
        last = step;
        told = !told || step->t_ns <= look->t_ns ? step : told;
    }
    if (!last || fits(last, NULL, look))
        return;
    sp_tcp_violate(ctx, RULE_STATE_LOOKS, look, look->end,
                   "a look shows %s, but a tracepoint told of %s to %s at %.3f ms",
                   sp_tcp_state_name(look->u.state.new_state),
                   sp_tcp_state_name(told->u.state.old_state),
                   sp_tcp_state_name(told->u.state.new_state), (double)told->t_ns / SP_MS);
}

void sp_tcp_rules_looks(struct ctx *ctx)
{
    const struct sp_trace *trace = ctx->trace;
    const struct sp_ev_state **pairs = sp_xcalloc(trace->len + 1, sizeof *pairs);
    for (size_t i = 0; i < trace->len; i++)
        if (is_step(&trace->events[i]))
            pairs[i] = pair_of(trace, i);
    for (size_t i = 0; i < trace->len && !ctx->lossy_states; i++) {
        const struct sp_event *look = &trace->events[i];
        const struct sp_ev_state *state = &look->u.state;
        bool shows = look->kind == SP_EV_STATE && state->source == SP_STATE_DIAG &&
                     state->new_state != SP_TCP_NONE &&
                     (look->end == SP_END_CLIENT || look->end == SP_END_SERVER);
        if (!shows)
            continue;
        if (state->new_state == SP_TCP_CLOSED)
            sp_tcp_violate(ctx, RULE_STATE_LOOKS, look, look->end,
                           "a look shows CLOSED, and a closed socket is in no table");
        else if (!state->remote.port && state->new_state > SP_TCP_LISTEN)
            sp_tcp_violate(ctx, RULE_STATE_LOOKS, look, look->end,
                           "a look shows %s of a socket that has no peer",
                           sp_tcp_state_name(state->new_state));
        else
            look_judge(ctx, pairs, look);
    }
    free(pairs);
}
