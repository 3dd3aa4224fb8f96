/*
 * STATE, STILL and QUEUE lines against the merged history of the line's kernel socket.
 *
 * A STATE line matches the next time that the socket was in that state, the present one included,
 * at or after the socket's cursor; states in between need no line (lib/tcp checks that every
 * change is legal). Where states are only polled, one that lies on a legal way between two that
 * were seen has been passed, but was not observed: UNWATCHED.
 */
#include "impl.h"

#include <string.h>

/* ---- STATE --------------------------------------------------------------------------------- */

static void state_missing(const struct walk *walk, const struct sp_stmt *stmt,
                          const struct hist *hist, struct finding *f)
{
    char seen[SAY_MAX];
    (void)walk;
    f->kind = SP_FAIL_STATE_MISSING;
    f->blames = (enum sp_end)stmt->who;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    if (!hist) {
        say(f->seen, sizeof f->seen, "%s has no such socket", sp_end_name((enum sp_end)stmt->who));
        return;
    }
    say_states(hist, seen, sizeof seen);
    say(f->seen, sizeof f->seen, "states of %s: %s", sp_end_name((enum sp_end)stmt->who), seen);
}

static size_t *cursor_of(struct walk *walk, const struct hist *hist)
{
    for (size_t i = 0; i < walk->view->hist_count; i++)
        if (walk->view->hists[i] == hist)
            return &walk->state_cursors[i];
    return NULL;
}

static enum sp_try span_take(struct walk *walk, const struct sp_stmt *stmt, struct hist *hist,
                             size_t at, struct outcome *out, struct finding *f)
{
    const struct span *span = &hist->spans[at];
    out->lo_ns = span->lo_ns;
    out->t_ns = span->t_ns;
    if (time_judge(walk, stmt, out, f) == SP_TRY_FAILED) {
        char when[SAY_MAX];
        say(when, sizeof when, "%s", f->seen);
        say(f->seen, sizeof f->seen, "%s was %s %s", sp_end_name(hist->end),
            sp_tcp_state_name(span->state), when);
        f->event = span->ev;
        f->blames = hist->end;
        return SP_TRY_FAILED;
    }
    walk_consume(walk, stmt, span->ev);
    *cursor_of(walk, hist) = at;
    return SP_TRY_DONE;
}

/* Passed between two looks: which later state proves it, -1 none. */
static int derived_from(const struct hist *hist, size_t from, enum sp_tcp_state state)
{
    for (size_t i = from; i < hist->len; i++) {
        enum sp_tcp_state before = i ? hist->spans[i - 1].state : SP_TCP_NONE;
        if (sp_tcp_state_leads(before, state) && sp_tcp_state_leads(state, hist->spans[i].state))
            return (int)i;
    }
    return -1;
}

/*
 * Whether that state was seen by a look alone, while the tracepoints go on to tell of the socket as
 * it was before: this kernel kept back events of it (docs/witnesses.md), and what lies in between
 * was not shown.
 */
static bool was_kept_back(const struct hist *hist, size_t at)
{
    return hist->has_tp && !hist->tp_closed &&
           hist->spans[at].ev->u.state.source != SP_STATE_TRACEPOINT;
}

/* Its connect() came and went between two looks. */
static bool passed_unseen(const struct view *view, const struct sp_stmt *stmt)
{
    for (size_t i = 0; i < view->open_count; i++) {
        const struct open *open = &view->opens[i];
        if (open->kind == OPEN_CONNECT && open->stmt->who == stmt->who && open->ev &&
            strcmp(open->sock, stmt->sock) == 0 && open->ev->u.call.error && open->return_ns >= 0)
            return stmt->state == SP_TCP_SYN_SENT || stmt->state == SP_TCP_CLOSED;
    }
    return false;
}

static enum sp_try no_socket(struct walk *walk, const struct sp_stmt *stmt, bool expected,
                             struct outcome *out, struct finding *f)
{
    if (view_watch_states_of(walk->view, stmt->who) == SP_WATCH_POLLED &&
        passed_unseen(walk->view, stmt)) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    bool full = view_watch_states_of(walk->view, stmt->who) == SP_WATCH_FULL;
    state_missing(walk, stmt, NULL, f);
    /* Polled: the runner looks before it asks, so what no look has shown is not there. */
    if (stmt->state != SP_TCP_CLOSED || (expected && full))
        return SP_TRY_PENDING;
    return SP_TRY_DONE;
}

enum sp_try state_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f)
{
    enum sp_watch watch = view_watch_states_of(walk->view, stmt->who);
    bool expected = false;
    if (watch == SP_WATCH_ABSENT) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    struct hist *hist = bind_hist(walk->view, stmt, &expected);
    if (!hist)
        return no_socket(walk, stmt, expected, out, f);
    size_t from = *cursor_of(walk, hist);
    for (size_t i = from; i < hist->len; i++)
        if ((int)hist->spans[i].state == stmt->state)
            return span_take(walk, stmt, hist, i, out, f);
    int later = derived_from(hist, from, (enum sp_tcp_state)stmt->state);
    if (later >= 0 && (watch == SP_WATCH_POLLED || was_kept_back(hist, (size_t)later))) {
        out->how = SP_LINE_UNWATCHED;
        *cursor_of(walk, hist) = (size_t)later;
        return SP_TRY_DONE;
    }
    state_missing(walk, stmt, hist, f);
    return SP_TRY_PENDING;
}

/* ---- STILL --------------------------------------------------------------------------------- */

static enum sp_try still_broken(const struct sp_stmt *stmt, const struct hist *hist, int at,
                                struct finding *f)
{
    const struct span *span = at >= 0 ? &hist->spans[at] : NULL;
    f->kind = SP_FAIL_FORBIDDEN;
    f->blames = (enum sp_end)stmt->who;
    f->event = span ? span->ev : NULL;
    f->t_ns = span ? span->t_ns : -1;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    say(f->seen, sizeof f->seen, "%s was %s", sp_end_name((enum sp_end)stmt->who),
        span ? sp_tcp_state_name(span->state) : "without a socket");
    return SP_TRY_FAILED;
}

enum sp_try still_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f)
{
    const struct view *view = walk->view;
    bool expected = false;
    if (view_watch_states_of(view, stmt->who) == SP_WATCH_ABSENT) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    int64_t begin = walk->begin_ns >= 0 ? walk->begin_ns : walk->last_ns;
    int64_t end = begin + stmt->when.max_ns;
    out->lo_ns = out->t_ns = end;
    struct hist *hist = bind_hist(view, stmt, &expected);
    if (!hist || !hist->len)
        return stmt->state == SP_TCP_CLOSED ? SP_TRY_DONE : still_broken(stmt, hist, -1, f);
    int at = history_at(hist, begin);
    if (at < 0 && hist->spans[0].lo_ns <= begin)
        at = 0; /* polled, and first seen by the look that the line asked for */
    while (at >= 0 && (int)hist->spans[at].state != stmt->state && (size_t)at + 1 < hist->len &&
           hist->spans[at + 1].lo_ns <= begin)
        at++; /* polled: entered some time before that look */
    if (at < 0 || (int)hist->spans[at].state != stmt->state)
        return still_broken(stmt, hist, at, f);
    if ((size_t)at + 1 < hist->len && hist->spans[at + 1].t_ns <= end)
        return still_broken(stmt, hist, at + 1, f);
    *cursor_of(walk, hist) = (size_t)at;
    return SP_TRY_DONE;
}

/* ---- QUEUE --------------------------------------------------------------------------------- */

static bool is_of_hist(const struct sp_event *ev, const struct hist *hist)
{
    const struct sp_ev_state *st = &ev->u.state;
    if (ev->kind != SP_EV_STATE || st->source == SP_STATE_TRACEPOINT || ev->end != hist->end ||
        st->new_state == SP_TCP_NONE || st->recv_queue < 0)
        return false;
    if (hist->cookie && st->sock_id)
        return hist->cookie == st->sock_id;
    return sp_addr_same(&st->local, &hist->local) && st->remote.port == hist->remote.port;
}

/* sock_diag tells a queue when it has changed: what was told last before the line was done. */
static const struct sp_event *last_look(const struct walk *walk, const struct sp_stmt *stmt,
                                        const struct hist *hist)
{
    const struct view *view = walk->view;
    const struct stmt_marks *marks = &view->stmts[stmt->id];
    int64_t until = marks->done_ns >= 0       ? marks->done_ns
                    : marks->deadline_ns >= 0 ? marks->deadline_ns
                    : view->end_ns >= 0       ? view->end_ns
                                              : INT64_MAX;
    const struct sp_event *last = NULL;
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        if (ev->t_ns <= until && is_of_hist(ev, hist))
            last = ev;
    }
    return last;
}

/* Windows's table of sockets tells states and no queues; lwIP tells both. A listener has neither.
 */
static bool tells_no_queues(const struct view *view, enum sp_end end)
{
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        const struct sp_ev_state *st = &ev->u.state;
        if (ev->kind == SP_EV_STATE && ev->end == end && st->new_state != SP_TCP_NONE &&
            st->new_state != SP_TCP_LISTEN)
            return st->source == SP_STATE_TABLE && st->recv_queue < 0;
    }
    return false;
}

enum sp_try queue_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f)
{
    bool expected = false;
    bool unread = stmt->verb && strcmp(stmt->verb, "unread") == 0;
    if (view_watch_states_of(walk->view, stmt->who) == SP_WATCH_ABSENT ||
        tells_no_queues(walk->view, (enum sp_end)stmt->who)) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    struct hist *hist = bind_hist(walk->view, stmt, &expected);
    const struct sp_event *ev = hist ? last_look(walk, stmt, hist) : NULL;
    f->kind = SP_FAIL_QUEUE;
    f->blames = (enum sp_end)stmt->who;
    f->event = ev;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    if (!ev) {
        say(f->seen, sizeof f->seen, "sock_diag showed no queue of that socket");
        return SP_TRY_PENDING;
    }
    int64_t value = unread ? ev->u.state.recv_queue : ev->u.state.send_queue;
    say(f->seen, sizeof f->seen, "%s had %lld bytes %s", sp_end_name(hist->end), (long long)value,
        unread ? "unread" : "unacked");
    if (value < stmt->times.min || value > stmt->times.max)
        return SP_TRY_PENDING;
    out->lo_ns = ev->u.state.not_before_ns;
    out->t_ns = ev->t_ns;
    if (time_judge(walk, stmt, out, f) == SP_TRY_FAILED)
        return SP_TRY_FAILED;
    walk_consume(walk, stmt, ev);
    return SP_TRY_DONE;
}
