/* Survivors that are argued by what witnesses may leave out: steps of a socket, and what had come.
 */
#include "argued.h"

#include <string.h>

/* A look shows it in another state later: what the tracepoints told after it is not there. */
static bool is_looked_at_later(const struct bench *bench, const struct sp_event *step)
{
    const struct sp_trace *trace = &bench->again.trace;
    for (size_t i = event_index(bench, step) + 1; i < trace->len; i++) {
        const struct sp_ev_state *look = &trace->events[i].u.state;
        if (trace->events[i].kind == SP_EV_STATE && trace->events[i].end == step->end &&
            look->source == SP_STATE_DIAG && look->new_state != SP_TCP_NONE &&
            look->new_state != step->u.state.new_state &&
            sp_addr_same(&look->local, &step->u.state.local) &&
            sp_addr_same(&look->remote, &step->u.state.remote))
            return true;
    }
    return false;
}

/* The step after it of the same socket is one that this kernel did keep back. */
static bool is_next_withheld(const struct bench *bench, const struct sp_event *step)
{
    const struct sp_trace *trace = &bench->again.trace;
    for (size_t i = event_index(bench, step) + 1; i < trace->len; i++) {
        const struct sp_ev_state *next = &trace->events[i].u.state;
        if (trace->events[i].kind == SP_EV_STATE && trace->events[i].end == step->end &&
            next->source == SP_STATE_TRACEPOINT && step->u.state.source == next->source &&
            next->sock_id == step->u.state.sock_id)
            return next->old_state != step->u.state.new_state;
    }
    return step->u.state.source == SP_STATE_TRACEPOINT && is_looked_at_later(bench, step);
}

/* A step that the kernel may keep from the tracepoints, or a look that was not taken. */
bool argued_not_told(const struct bench *bench, const struct kind *kind, const struct sp_event *ev)
{
    if (!ev || ev->kind != SP_EV_STATE)
        return false;
    const struct sp_ev_state *st = &ev->u.state;
    /* it had been in FIN_WAIT_2 since the look before, and no step to it was told */
    if (strncmp(kind->name, "state +", 7) == 0 && st->source == SP_STATE_DIAG &&
        st->new_state == SP_TCP_TIME_WAIT &&
        damaged_state(st->new_state, kind->by) == SP_TCP_FIN_WAIT_2)
        return true;
    if (strcmp(kind->name, "state lost") != 0)
        return false;
    if (is_next_withheld(bench, ev))
        return true;
    return st->source == SP_STATE_TRACEPOINT
               ? st->new_state == SP_TCP_CLOSED
               : st->new_state == SP_TCP_SYN_RECEIVED || st->new_state == SP_TCP_TIME_WAIT;
}

/* A cable was out: nothing tells what ended the socket, nor that nothing did. */
bool argued_unseen(const struct bench *bench, const struct kind *kind, const struct sp_event *step)
{
    const struct sp_trace *trace = &bench->again.trace;
    if (strcmp(kind->name, "stray state") != 0 || !step)
        return false;
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_LAB && trace->events[i].t_ns <= step->t_ns &&
            strstr(trace->events[i].u.lab.action, "unplug"))
            return true;
    return false;
}

/* Calls that no rule holds against what has come (docs/invariants.md, call-early). */
bool argued_unheld(const struct bench *bench, const struct kind *kind, const struct sp_event *call)
{
    const struct sp_trace *trace = &bench->again.trace;
    if (!(strcmp(kind->name, "call too soon") == 0) || !call || call->kind != SP_EV_CALL)
        return false;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        if ((ev->kind == SP_EV_LAB && strstr(ev->u.lab.action, "unplug")) ||
            (ev->kind == SP_EV_CALL && (strstr(ev->u.call.args, "OOB") || //
                                        strstr(ev->u.call.args, "FASTOPEN"))))
            return true;
    }
    return false;
}
