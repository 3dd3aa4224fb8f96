/*
 * Which kernel socket a name is: of the sockets that the kernel told of, the one with the addresses
 * of the name's connection (bind.c), the one that came to be during its connect(), or the one that
 * its listen() made.
 */
#include "impl.h"

#include <stdlib.h>
#include <string.h>

static bool pair_of(const struct view *view, int conn, enum sp_end end, struct sp_addr *local,
                    struct sp_addr *remote)
{
    const struct sp_conn *c = &view->flights->conns[conn];
    bool opener = c->opener == end;
    *local = opener ? c->client : c->server;
    *remote = opener ? c->server : c->client;
    return true;
}

static bool hist_has_pair(const struct hist *hist, enum sp_end end, const struct sp_addr *local,
                          const struct sp_addr *remote)
{
    return hist->end == end && !hist->listener && sp_addr_same(&hist->local, local) &&
           sp_addr_same(&hist->remote, remote);
}

/* Whether a socket began nearer to its connection's first segment than another did. */
static bool began_nearer(const struct hist *hist, const struct hist *other, int64_t first_ns)
{
    return llabs(hist->spans[0].t_ns - first_ns) < llabs(other->spans[0].t_ns - first_ns);
}

/* The n-th socket with a pair goes with the n-th connection of that pair; where there are more of
 * the one than of the other, the one that began when the connection did. */
static struct hist *hist_of_conn(const struct view *view, int conn, enum sp_end end)
{
    struct sp_addr local, remote, other_local, other_remote;
    pair_of(view, conn, end, &local, &remote);
    size_t conns_before = 0, conns = 0, hists = 0;
    for (int i = 0; i < (int)view->flights->conn_count; i++) {
        pair_of(view, i, end, &other_local, &other_remote);
        bool same = sp_addr_same(&local, &other_local) && sp_addr_same(&remote, &other_remote);
        conns += same;
        conns_before += same && i < conn;
    }
    for (size_t i = 0; i < view->hist_count; i++)
        hists += hist_has_pair(view->hists[i], end, &local, &remote);
    struct hist *best = NULL;
    int64_t first_ns = view->flights->conns[conn].first_ns;
    for (size_t i = 0; i < view->hist_count; i++) {
        struct hist *hist = view->hists[i];
        if (!hist_has_pair(hist, end, &local, &remote))
            continue;
        if (hists == conns && conns_before-- == 0)
            return hist;
        if (hists != conns && (!best || began_nearer(hist, best, first_ns)))
            best = hist;
    }
    return best;
}

/* A socket whose connection has not been seen on the wire: by when it came to be. */
static struct hist *hist_of_connect(const struct view *view, const struct open *open)
{
    for (size_t i = 0; i < view->hist_count; i++) {
        struct hist *hist = view->hists[i];
        if ((int)hist->end != (int)open->stmt->who || hist->listener || !hist->len)
            continue;
        if (hist->spans[0].t_ns < open->entry_ns - BIND_SLOP_NS)
            continue;
        bool by_diag_later = !hist->has_tp;
        if (open->return_ns >= 0 && !by_diag_later &&
            hist->spans[0].t_ns > open->return_ns + BIND_SLOP_NS)
            continue;
        if (bind_hist_conn(view, hist) >= 0)
            continue; /* it is another connection's */
        return hist;
    }
    return NULL;
}

/* A listen() that failed makes no listener. */
static bool listen_failed(const struct open *open)
{
    return open->ev && open->ev->u.call.error;
}

/* listen() on what listens already leaves the socket as it is, but for its backlog. */
static bool listens_still(const struct view *view, const struct open *before, const struct open *o)
{
    return before && strcmp(before->sock, o->sock) == 0 &&
           !bind_called_between(view, before, o, "close") &&
           !bind_called_between(view, before, o, "shutdown");
}

static struct hist *hist_of_listener(const struct view *view, const struct sp_stmt *stmt,
                                     bool *expected)
{
    const struct open *open = NULL;
    int64_t until_ns = INT64_MAX;
    for (size_t i = 0; i < view->open_count; i++) {
        const struct open *o = &view->opens[i];
        bool same = o->kind == OPEN_LISTEN && !listen_failed(o) && o->stmt->who == stmt->who &&
                    (!stmt->sock_named || strcmp(o->sock, bind_sock_of(stmt)) == 0);
        if (same && listens_still(view, open, o))
            continue;
        if (same && o->stmt->id < stmt->id)
            open = o;
        else if (same && until_ns == INT64_MAX && o->entry_ns >= 0)
            until_ns = o->entry_ns;
    }
    *expected =
        open && open->ev && open->ev->u.call.how == SP_CALL_RETURNED && !open->ev->u.call.error;
    if (!open || open->entry_ns < 0)
        return NULL;
    for (size_t i = 0; i < view->hist_count; i++) {
        struct hist *hist = view->hists[i];
        if ((int)hist->end != (int)stmt->who || !hist->listener || !hist->len)
            continue;
        const struct sp_addr *local = open->ev ? &open->ev->u.call.local : NULL;
        if (local && bind_has_port(local) && local->port != hist->local.port)
            continue;
        if (hist->gone && hist->spans[hist->len - 1].t_ns < open->entry_ns)
            continue; /* it was closed before: another one on the same port */
        if (hist->spans[0].t_ns >= open->entry_ns - BIND_SLOP_NS && hist->spans[0].t_ns < until_ns)
            return hist;
    }
    return NULL;
}

static bool is_listener(const struct view *view, const struct sp_stmt *stmt)
{
    if (stmt->state == SP_TCP_LISTEN && !stmt->sock_named)
        return true;
    for (size_t i = 0; i < view->open_count; i++)
        if (view->opens[i].kind == OPEN_LISTEN && !listen_failed(&view->opens[i]) &&
            (view->opens[i].stmt->id < stmt->id || stmt->kind == SP_ST_NEVER_STATE) &&
            view->opens[i].stmt->who == stmt->who &&
            strcmp(view->opens[i].sock, bind_sock_of(stmt)) == 0)
            return true;
    return false;
}

struct hist *bind_hist(const struct view *view, const struct sp_stmt *stmt, bool *expected)
{
    *expected = false;
    if (is_listener(view, stmt))
        return hist_of_listener(view, stmt, expected);
    int conn = bind_conn(view, stmt);
    const struct open *own = bind_last_own(view, stmt);
    if (conn >= 0) {
        *expected = own && own->ev && !own->ev->u.call.error;
        struct hist *hist = hist_of_conn(view, conn, (enum sp_end)stmt->who);
        if (!hist && own && own->conn >= 0) /* a newer one of which this end has no socket */
            hist = hist_of_conn(view, own->conn, (enum sp_end)stmt->who);
        if (hist)
            return hist;
    }
    if (!own || own->kind != OPEN_CONNECT || own->entry_ns < 0)
        return NULL;
    *expected = !own->ev || !own->ev->u.call.error;
    return hist_of_connect(view, own);
}

int bind_hist_conn(const struct view *view, const struct hist *hist)
{
    for (int i = 0; i < (int)view->flights->conn_count; i++) {
        struct sp_addr local, remote;
        pair_of(view, i, hist->end, &local, &remote);
        if (hist_has_pair(hist, hist->end, &local, &remote) &&
            hist_of_conn(view, i, hist->end) == hist)
            return i;
    }
    return -1;
}

bool bind_owns_hist(const struct view *view, const struct sp_stmt *stmt, const struct hist *hist)
{
    if ((int)hist->end != (int)stmt->who)
        return false;
    if (hist->listener)
        return is_listener(view, stmt);
    int conn = bind_hist_conn(view, hist);
    return conn >= 0 ? bind_owns_conn(view, stmt, conn) : !is_listener(view, stmt);
}

bool bind_explains(const struct view *view, const struct hist *hist)
{
    if (hist->end == SP_END_NONE || bind_hist_conn(view, hist) >= 0)
        return true;
    for (size_t i = 0; i < view->open_count; i++) {
        const struct open *open = &view->opens[i];
        if ((int)open->stmt->who != (int)hist->end || open->entry_ns < 0)
            continue;
        if (hist->listener ? open->kind == OPEN_LISTEN : open->kind == OPEN_CONNECT)
            return true;
    }
    return false;
}
