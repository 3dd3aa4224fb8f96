/*
 * Theory of operation: the states of each kernel socket, merged.
 *
 * A tracepoint tells every change of a full socket at its exact time, and nothing of what is not a
 * full socket: half-open requests, TIME_WAIT, an orphan's FIN_WAIT_2. sock_diag tells those, at
 * the time of a look. So while a full socket is known to be there, tracepoints alone count; before
 * and after, sock_diag does. A tracepoint's event to CLOSED out of FIN_WAIT_1, FIN_WAIT_2 or
 * CLOSING is undecided until the look that follows it: TIME_WAIT (entered at the event's own
 * time), still FIN_WAIT_2 (an orphan; the look may then be silent, because for sock_diag nothing
 * changed), or gone. Without any tracepoint, sock_diag's looks are the whole history.
 *
 * Some kernels do not show every event (docs/witnesses.md, withheld samples). So a look that finds
 * a full socket further on than its tracepoints tell is believed, with the uncertainty of a look;
 * an event that then turns up after all, for an earlier time, takes its place.
 *
 * Sockets are recognised by the tracepoint's socket id, sock_diag's cookie, and the pair of
 * addresses; a pair used again ends the TIME_WAIT that had it before.
 */
#include "impl.h"

#include <stdlib.h>
#include <string.h>

static struct span *last_span(const struct hist *hist)
{
    return hist->len ? &hist->spans[hist->len - 1] : NULL;
}

static enum sp_tcp_state state_now(const struct hist *hist)
{
    return hist->len ? hist->spans[hist->len - 1].state : SP_TCP_NONE;
}

static void span_add(struct hist *hist, enum sp_tcp_state state, int64_t lo_ns, int64_t t_ns,
                     const struct sp_event *ev)
{
    struct span *last = last_span(hist);
    if (last && last->state == state)
        return;
    struct span *span = &SP_PUSH(hist->spans, hist->len, hist->cap);
    *span = (struct span){.state = state, .lo_ns = lo_ns, .t_ns = t_ns, .ev = ev};
    if (state == SP_TCP_LISTEN)
        hist->listener = true;
    if (state == SP_TCP_CLOSED)
        hist->gone = true;
}

static bool same_pair(const struct hist *hist, const struct sp_ev_state *st)
{
    if (!hist->local.port || !st->local.port || hist->local.port != st->local.port ||
        hist->remote.port != st->remote.port)
        return false;
    return !hist->remote.port || (sp_addr_same_ip(&hist->remote, &st->remote) &&
                                  sp_addr_same_ip(&hist->local, &st->local));
}

static struct hist *hist_new(struct view *view, enum sp_end end)
{
    struct hist *hist = SP_ARENA_NEW(&view->arena, struct hist);
    hist->end = end;
    view->hists[view->hist_count++] = hist;
    return hist;
}

/* The pair is used again: the TIME_WAIT that had it is over. */
static void take_pair(struct view *view, const struct hist *hist, const struct sp_event *ev)
{
    for (size_t i = 0; i < view->hist_count; i++) {
        struct hist *old = view->hists[i];
        if (old == hist || old->gone || old->end != ev->end || !same_pair(old, &ev->u.state))
            continue;
        if (!old->has_tp || old->tp_closed)
            span_add(old, SP_TCP_CLOSED, ev->t_ns, ev->t_ns, ev);
    }
}

static void learn(struct view *view, struct hist *hist, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    bool news = st->local.port && hist->local.port != st->local.port;
    bool closed = st->new_state == SP_TCP_CLOSED || st->new_state == SP_TCP_NONE;
    if (st->local.port)
        hist->local = st->local;
    if (st->remote.port)
        hist->remote = st->remote;
    /* Linux shows SYN_SENT before it asks whether the pair is to be had: connect() may still fail
     */
    if (news && st->source == SP_STATE_TRACEPOINT && st->new_state == SP_TCP_SYN_SENT)
        hist->claim = ev;
    else if (news)
        take_pair(view, hist, ev);
    else if (hist->claim && !closed) {
        take_pair(view, hist, hist->claim);
        hist->claim = NULL;
    }
}

/* A request that sock_diag saw becomes the full socket that the tracepoints tell about. */
static struct hist *adopt_request(const struct view *view, const struct sp_event *ev)
{
    for (size_t i = view->hist_count; i-- > 0;) {
        struct hist *hist = view->hists[i];
        enum sp_tcp_state now = state_now(hist);
        if (hist->end == ev->end && !hist->gone && !hist->has_tp && same_pair(hist, &ev->u.state) &&
            (now == SP_TCP_SYN_RECEIVED || now == ev->u.state.new_state ||
             now == ev->u.state.old_state))
            return hist;
    }
    return NULL;
}

static struct hist *by_tracepoint_id(const struct view *view, const struct sp_event *ev)
{
    for (size_t i = view->hist_count; i-- > 0;) {
        struct hist *hist = view->hists[i];
        if (hist->has_tp && !hist->tp_closed && hist->end == ev->end &&
            hist->tp_id == ev->u.state.sock_id)
            return hist;
    }
    return NULL;
}

/* How far on in a connection's life a state is; states that exclude each other share a number. */
static int progress_of(enum sp_tcp_state state)
{
    static const int progress[SP_TCP_STATE_COUNT] = {
        [SP_TCP_LISTEN] = 1,      [SP_TCP_SYN_SENT] = 1,   [SP_TCP_SYN_RECEIVED] = 2,
        [SP_TCP_ESTABLISHED] = 3, [SP_TCP_FIN_WAIT_1] = 4, [SP_TCP_CLOSE_WAIT] = 4,
        [SP_TCP_FIN_WAIT_2] = 5,  [SP_TCP_CLOSING] = 5,    [SP_TCP_LAST_ACK] = 5,
        [SP_TCP_TIME_WAIT] = 6,   [SP_TCP_CLOSED] = 7,
    };
    return progress[state];
}

/* A look that was begun before the event, and finished after a later one, stands too early. */
static void take_back_looks(struct hist *hist, enum sp_tcp_state state)
{
    while (hist->len && hist->spans[hist->len - 1].ev->u.state.source != SP_STATE_TRACEPOINT &&
           progress_of(state_now(hist)) > progress_of(state))
        hist->len--;
}

/* A full socket that the tracepoints tell about, seen by a look. */
static void look_at_full(struct hist *hist, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    if (st->new_state == SP_TCP_NONE || st->new_state == SP_TCP_CLOSED) {
        hist->unseen_end = ev;
        return;
    }
    hist->unseen_end = NULL;
    if (progress_of(st->new_state) <= progress_of(state_now(hist)))
        return;
    span_add(hist, st->new_state, st->not_before_ns, ev->t_ns, ev);
}

static bool may_linger(enum sp_tcp_state state)
{
    return state == SP_TCP_FIN_WAIT_1 || state == SP_TCP_FIN_WAIT_2 || state == SP_TCP_CLOSING;
}

static void full_socket_gone(struct hist *hist, const struct sp_event *ev)
{
    hist->tp_closed = true;
    hist->unseen_end = NULL;
    if (ev->u.state.old_state != SP_TCP_NONE)
        take_back_looks(hist, ev->u.state.old_state);
    if (!may_linger(state_now(hist))) {
        span_add(hist, SP_TCP_CLOSED, ev->t_ns, ev->t_ns, ev);
        return;
    }
    if (hist->diag_last == SP_TCP_TIME_WAIT) /* a look under way had seen it already */
        span_add(hist, SP_TCP_TIME_WAIT, ev->t_ns, ev->t_ns, ev);
    else
        hist->undecided = ev;
}

/* Its id is used again and its end was not shown. What a look has seen of it may live on. */
static void full_socket_forgotten(struct hist *hist, const struct sp_event *ev)
{
    const struct sp_event *gone = hist->unseen_end;
    enum sp_tcp_state now = state_now(hist);
    hist->tp_closed = true;
    hist->unseen_end = NULL;
    if (gone)
        span_add(hist, SP_TCP_CLOSED, gone->u.state.not_before_ns, gone->t_ns, gone);
    else if (now == SP_TCP_TIME_WAIT || (now == SP_TCP_FIN_WAIT_2 && hist->diag_last == now))
        return;
    else if (may_linger(now))
        hist->undecided = ev;
    else
        span_add(hist, SP_TCP_CLOSED, ev->t_ns, ev->t_ns, ev);
}

static void tracepoint_event(struct view *view, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    bool begins = (st->old_state == SP_TCP_CLOSED &&
                   (st->new_state == SP_TCP_SYN_SENT || st->new_state == SP_TCP_LISTEN)) ||
                  (st->old_state == SP_TCP_LISTEN && st->new_state == SP_TCP_SYN_RECEIVED);
    struct hist *hist = by_tracepoint_id(view, ev);
    if (hist && begins && hist->len) {
        full_socket_forgotten(hist, ev);
        hist = NULL;
    }
    if (!hist)
        hist = adopt_request(view, ev);
    if (!hist) {
        hist = hist_new(view, ev->end);
        bool child = st->old_state == SP_TCP_LISTEN && st->new_state != SP_TCP_CLOSED;
        if (!child && st->old_state != SP_TCP_NONE && st->old_state != SP_TCP_CLOSED)
            span_add(hist, st->old_state, ev->t_ns, ev->t_ns, ev);
    }
    hist->has_tp = true;
    hist->tp_id = st->sock_id;
    learn(view, hist, ev);
    if (st->new_state == SP_TCP_CLOSED || st->new_state == SP_TCP_NONE)
        full_socket_gone(hist, ev);
    else {
        take_back_looks(hist, st->new_state);
        span_add(hist, st->new_state, ev->t_ns, ev->t_ns, ev);
    }
}

/* The socket that a look is about: by its cookie, by its pair, or one whose port was not known. */
static struct hist *by_look(const struct view *view, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    for (size_t i = view->hist_count; i-- > 0;) {
        struct hist *hist = view->hists[i];
        if (hist->end == ev->end && !hist->gone && hist->cookie && hist->cookie == st->sock_id)
            return hist;
    }
    if (st->new_state == SP_TCP_NONE && st->sock_id)
        return NULL; /* what is reported gone was known by its cookie */
    for (size_t i = view->hist_count; i-- > 0;) {
        struct hist *hist = view->hists[i];
        if (hist->end == ev->end && !hist->gone && same_pair(hist, st) &&
            (!hist->cookie || !st->sock_id))
            return hist;
    }
    for (size_t i = 0; i < view->hist_count; i++) {
        struct hist *hist = view->hists[i];
        if (hist->end == ev->end && !hist->gone && hist->has_tp && !hist->local.port &&
            state_now(hist) == st->new_state)
            return hist;
    }
    return NULL;
}

/* A look that was under way when the socket went, and is told after it. */
static bool is_stale_look(const struct view *view, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    for (size_t i = 0; i < view->hist_count; i++) {
        const struct hist *hist = view->hists[i];
        if (hist->end != ev->end || !hist->gone || !hist->has_tp)
            continue;
        if (hist->cookie && hist->cookie == st->sock_id)
            return true;
        if (same_pair(hist, st) && st->new_state != SP_TCP_SYN_RECEIVED &&
            hist->spans[hist->len - 1].t_ns >= st->not_before_ns)
            return true;
    }
    return false;
}

/* What sock_diag says of a socket whose full form is gone. */
static void look_at_remains(struct hist *hist, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    const struct sp_event *closed = hist->undecided;
    bool gone = st->new_state == SP_TCP_NONE || st->new_state == SP_TCP_CLOSED;
    bool remains = st->new_state == SP_TCP_TIME_WAIT || st->new_state == SP_TCP_FIN_WAIT_2;
    if (!gone && !remains)
        return; /* read before the full socket went */
    if (closed && st->not_before_ns > closed->t_ns)
        closed = NULL; /* a look after the event had no news yet: it was an orphan till then */
    if (closed)
        span_add(hist, gone ? SP_TCP_CLOSED : st->new_state, closed->t_ns, closed->t_ns,
                 gone ? closed : ev);
    else
        span_add(hist, gone ? SP_TCP_CLOSED : st->new_state, st->not_before_ns, ev->t_ns, ev);
    hist->undecided = NULL;
}

static void look_event(struct view *view, const struct sp_event *ev)
{
    const struct sp_ev_state *st = &ev->u.state;
    bool gone = st->new_state == SP_TCP_NONE || st->new_state == SP_TCP_CLOSED;
    struct hist *hist = by_look(view, ev);
    if (!hist && (gone || is_stale_look(view, ev)))
        return;
    if (!hist)
        hist = hist_new(view, ev->end);
    learn(view, hist, ev);
    if (st->sock_id)
        hist->cookie = st->sock_id;
    hist->diag_last = gone ? SP_TCP_NONE : st->new_state;
    if (hist->has_tp && !hist->tp_closed)
        look_at_full(hist, ev);
    else if (hist->has_tp)
        look_at_remains(hist, ev);
    else
        span_add(hist, gone ? SP_TCP_CLOSED : st->new_state, st->not_before_ns, ev->t_ns, ev);
}

void history_build(struct view *view)
{
    const struct sp_trace *trace = view->trace;
    size_t count = 0;
    for (size_t i = 0; i < trace->len; i++)
        count += trace->events[i].kind == SP_EV_STATE;
    view->hists = SP_ARENA_ARRAY(&view->arena, struct hist *, count ? count : 1);
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        if (ev->kind != SP_EV_STATE)
            continue;
        if (ev->u.state.source == SP_STATE_TRACEPOINT)
            tracepoint_event(view, ev);
        else
            look_event(view, ev);
    }
    /* The runner looks after each event to CLOSED before it asks; a look without news means: an
     * orphan that sock_diag knew in FIN_WAIT_2 is still there, anything else is gone. */
    for (size_t i = 0; i < view->hist_count; i++) {
        struct hist *hist = view->hists[i];
        if (hist->unseen_end)
            span_add(hist, SP_TCP_CLOSED, hist->unseen_end->u.state.not_before_ns,
                     hist->unseen_end->t_ns, hist->unseen_end);
        if (hist->undecided && hist->diag_last != SP_TCP_FIN_WAIT_2)
            span_add(hist, SP_TCP_CLOSED, hist->undecided->t_ns, hist->undecided->t_ns,
                     hist->undecided);
    }
}

void history_release(struct view *view)
{
    for (size_t i = 0; i < view->hist_count; i++)
        free(view->hists[i]->spans);
    view->hist_count = 0;
}

int history_at(const struct hist *hist, int64_t t_ns)
{
    int at = -1;
    for (size_t i = 0; i < hist->len && hist->spans[i].t_ns <= t_ns; i++)
        at = (int)i;
    return at;
}
