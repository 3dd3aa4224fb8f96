/*
 * Theory of operation: which connection a name is.
 *
 * A statement names an endpoint and a socket of it. What that socket is at this place of the plan
 * follows from the last connect or accept of that name before it:
 *   - connect: the connection with the addresses that the call returned; while it has not
 *     returned, the first one not yet taken that this end opened after the call was entered;
 *   - accept: the connection with the addresses that it returned.
 * A passive end that has not accepted yet (`wire server SYN,ACK`) speaks on the connection that
 * the other end's last connect before the line has opened, and so it does where no name is
 * written and a newer connection waits to be accepted. A name that a later accept gives is that
 * accept's connection; until it has returned, connections are handed out in order of their SYNs.
 * After a SYN that the middle injected, and that is the first of its connection, both ends speak on
 * that one, until one of them opens another.
 */
#include "impl.h"

#include <string.h>

/* ---- opens --------------------------------------------------------------------------------- */

static const char *arg_text(const struct sp_stmt *stmt, const char *name)
{
    for (size_t i = 0; i < stmt->arg_count; i++)
        if (stmt->args[i].is_text && strcmp(stmt->args[i].name, name) == 0)
            return stmt->args[i].text;
    return NULL;
}

static bool open_kind_of(const struct sp_stmt *stmt, enum open_kind *kind)
{
    static const char *const names[] = {
        [OPEN_CONNECT] = "connect", [OPEN_ACCEPT] = "accept", [OPEN_LISTEN] = "listen"};
    if ((stmt->kind != SP_ST_CALL && stmt->kind != SP_ST_START) || !stmt->call)
        return false;
    const char *addr = arg_text(stmt, "addr");
    if (addr && strcmp(addr, "none") == 0)
        return false; /* connect() with no address ends a connection (POSIX: connect) */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(stmt->call, names[i]) == 0) {
            *kind = (enum open_kind)i;
            return true;
        }
    return false;
}

static void open_fill(struct view *view, const struct sp_stmt *stmt, enum open_kind kind,
                      struct open *open)
{
    const struct stmt_marks *marks = &view->stmts[stmt->id];
    const struct sp_event *ev = marks->call;
    const char *as = kind == OPEN_ACCEPT ? arg_text(stmt, "as") : NULL;
    const char *own = kind == OPEN_ACCEPT ? "conn" : stmt->sock ? stmt->sock : "conn";
    *open = (struct open){
        .kind = kind,
        .stmt = stmt,
        .sock = as ? as : own,
        .ev = ev,
        .entry_ns = ev ? ev->t_ns : marks->begin_ns,
        .return_ns = ev && ev->u.call.how == SP_CALL_RETURNED ? ev->t_end_ns : -1,
        .conn = -1,
    };
}

/* ---- which connection each has made -------------------------------------------------------- */

/* By such a call of that end; where SYNs cross, each end has opened it. */
static bool taken(const struct view *view, int conn, enum open_kind kind, enum sp_who who)
{
    for (size_t i = 0; i < view->open_count; i++)
        if (view->opens[i].kind == kind && view->opens[i].conn == conn &&
            view->opens[i].stmt->who == who)
            return true;
    return false;
}

bool bind_has_port(const struct sp_addr *addr)
{
    return addr->family != 0 && addr->port != 0;
}

/* What a call told of an address: after a connect() that failed, the port and a wildcard. */
static bool tells(const struct sp_addr *told, const struct sp_addr *seen)
{
    static const struct sp_addr none;
    bool wildcard = memcmp(told->ip, none.ip, sizeof none.ip) == 0;
    return told->port == seen->port && (wildcard || sp_addr_same_ip(told, seen));
}

static const struct open *open_before(const struct view *view, const struct open *open)
{
    for (const struct open *before = open; before-- > view->opens;)
        if (before->kind == OPEN_CONNECT && before->stmt->who == open->stmt->who &&
            strcmp(before->sock, open->sock) == 0)
            return before;
    return NULL;
}

bool bind_called_between(const struct view *view, const struct open *from, const struct open *to,
                         const char *call)
{
    for (uint32_t id = from->stmt->id + 1; id < to->stmt->id; id++) {
        const struct sp_stmt *stmt = view->stmts[id].stmt;
        if (!stmt || stmt->who != to->stmt->who || !stmt->call)
            continue;
        if (strcmp(stmt->call, "spawn") == 0 ||
            (strcmp(stmt->call, call) == 0 && stmt->sock && strcmp(stmt->sock, to->sock) == 0))
            return true;
    }
    return false;
}

/* What connect() says on a socket that has a connection; where that is over, ENOTCONN (lwIP) or
 * EINVAL (gVisor, NetBSD). */
static bool had_one(const char *error)
{
    return strcmp(error, "EISCONN") == 0 || strcmp(error, "ENOTCONN") == 0 ||
           strcmp(error, "EINVAL") == 0;
}

/* EALREADY and EISCONN say so; a success after EINPROGRESS tells that the first has come true. */
static bool asks_again(const struct view *view, const struct open *before, const struct open *open)
{
    const struct sp_ev_call *call = open->ev ? &open->ev->u.call : NULL;
    if (call && call->error)
        return strcmp(call->error, "EALREADY") == 0 || had_one(call->error);
    const char *first = before->ev ? before->ev->u.call.error : NULL;
    return call && call->how == SP_CALL_RETURNED && first && strcmp(first, "EINPROGRESS") == 0 &&
           !bind_called_between(view, before, open, "close");
}

/* The connection that the other end has opened with a SYN that crossed this end's. */
static int crossing(const struct view *view, const struct open *open)
{
    const struct sp_ev_call *call = open->ev ? &open->ev->u.call : NULL;
    if (!call || !bind_has_port(&call->local) ||
        (call->error && strcmp(call->error, "EINPROGRESS") != 0)) /* no SYN of its own */
        return -1;
    for (size_t i = 0; i < view->flights->conn_count; i++) {
        const struct sp_conn *conn = &view->flights->conns[i];
        if ((int)conn->opener != (int)open->stmt->who && tells(&call->local, &conn->server) &&
            (!bind_has_port(&call->remote) || tells(&call->remote, &conn->client)))
            return (int)i;
    }
    return -1;
}

static void assign_connect(struct view *view, struct open *open)
{
    const struct sp_ev_call *call = open->ev ? &open->ev->u.call : NULL;
    bool local = call && bind_has_port(&call->local);
    bool remote = call && bind_has_port(&call->remote);
    for (size_t i = 0; i < view->flights->conn_count && open->entry_ns >= 0; i++) {
        const struct sp_conn *conn = &view->flights->conns[i];
        if ((int)conn->opener != (int)open->stmt->who ||
            taken(view, (int)i, OPEN_CONNECT, open->stmt->who))
            continue;
        if (conn->first_ns < open->entry_ns - BIND_SLOP_NS)
            continue;
        if (local && !tells(&call->local, &conn->client))
            continue;
        if (remote && !tells(&call->remote, &conn->server))
            continue;
        if (!local && open->return_ns >= 0 && conn->first_ns > open->return_ns + BIND_SLOP_NS)
            continue;
        open->conn = (int)i;
        return;
    }
    /* A second connect() on a socket whose first is under way or done opens nothing. */
    const struct open *before = open_before(view, open);
    if (before && asks_again(view, before, open))
        open->conn = before->conn;
    else
        open->conn = crossing(view, open);
}

static void assign_accept(struct view *view, struct open *open)
{
    const struct sp_ev_call *call = open->ev ? &open->ev->u.call : NULL;
    if (!call || call->how != SP_CALL_RETURNED || call->error)
        return;
    for (size_t i = 0; i < view->flights->conn_count; i++) {
        const struct sp_conn *conn = &view->flights->conns[i];
        if ((int)conn->opener == (int)open->stmt->who ||
            taken(view, (int)i, OPEN_ACCEPT, open->stmt->who))
            continue;
        if (bind_has_port(&call->remote) && !tells(&call->remote, &conn->client))
            continue;
        if (conn->first_ns > open->return_ns + BIND_SLOP_NS)
            continue;
        open->conn = (int)i;
        return;
    }
}

void bind_build(struct view *view)
{
    enum open_kind kind;
    view->opens = SP_ARENA_ARRAY(&view->arena, struct open, view->stmt_len);
    for (size_t i = 1; i < view->stmt_len; i++) {
        const struct sp_stmt *stmt = view->stmts[i].stmt;
        if (stmt && open_kind_of(stmt, &kind))
            open_fill(view, stmt, kind, &view->opens[view->open_count++]);
    }
    for (size_t i = 0; i < view->open_count; i++)
        if (view->opens[i].kind == OPEN_CONNECT)
            assign_connect(view, &view->opens[i]);
    for (size_t i = 0; i < view->open_count; i++)
        if (view->opens[i].kind == OPEN_ACCEPT)
            assign_accept(view, &view->opens[i]);
}

/* ---- statement -> connection --------------------------------------------------------------- */

const char *bind_sock_of(const struct sp_stmt *stmt)
{
    return stmt->sock ? stmt->sock : "conn";
}

/* An accept() that failed has made no socket, nor has a connect() on what is connected already: the
 * name is what it was before. */
static bool made_nothing(const struct open *open)
{
    const char *error = open->ev ? open->ev->u.call.error : NULL;
    return error && (open->kind == OPEN_ACCEPT ||
                     (open->kind == OPEN_CONNECT && open->conn < 0 && had_one(error)));
}

const struct open *bind_last_own(const struct view *view, const struct sp_stmt *stmt)
{
    for (size_t i = view->open_count; i-- > 0;) {
        const struct open *open = &view->opens[i];
        if (open->kind != OPEN_LISTEN && !made_nothing(open) && open->stmt->id < stmt->id &&
            open->stmt->who == stmt->who && strcmp(open->sock, bind_sock_of(stmt)) == 0)
            return open;
    }
    return NULL;
}

static const struct open *last_by_others(const struct view *view, const struct sp_stmt *stmt,
                                         const char *sock)
{
    for (size_t i = view->open_count; i-- > 0;) {
        const struct open *open = &view->opens[i];
        if (open->kind == OPEN_CONNECT && open->stmt->id < stmt->id &&
            open->stmt->who != stmt->who && (!sock || strcmp(open->sock, sock) == 0))
            return open;
    }
    return NULL;
}

static const struct open *next_accept(const struct view *view, const struct sp_stmt *stmt)
{
    for (size_t i = 0; i < view->open_count; i++) {
        const struct open *open = &view->opens[i];
        if (open->kind == OPEN_ACCEPT && !made_nothing(open) && open->stmt->id > stmt->id &&
            open->stmt->who == stmt->who && strcmp(open->sock, bind_sock_of(stmt)) == 0)
            return open;
    }
    return NULL;
}

static bool accepted_before(const struct view *view, int conn, uint32_t id)
{
    for (size_t i = 0; i < view->open_count; i++)
        if (view->opens[i].kind == OPEN_ACCEPT && view->opens[i].conn == conn &&
            view->opens[i].stmt->id < id)
            return true;
    return false;
}

/* The connection that an accept which has not returned will get: in order of their SYNs. */
static int accept_to_be(const struct view *view, const struct open *accept)
{
    size_t rank = 0;
    for (const struct open *open = view->opens; open < accept; open++)
        rank += open->kind == OPEN_ACCEPT && !made_nothing(open) && open->conn < 0 &&
                open->stmt->who == accept->stmt->who;
    for (size_t i = 0; i < view->flights->conn_count; i++) {
        if ((int)view->flights->conns[i].opener == (int)accept->stmt->who ||
            taken(view, (int)i, OPEN_ACCEPT, accept->stmt->who))
            continue;
        if (rank-- == 0)
            return (int)i;
    }
    return -1;
}

/* ---- the scripted peer ---------------------------------------------------------------------- */

/* How far a capture's clock may be from the runner's. */
static const int64_t PEER_SLOP_NS = 200 * SP_US;

static bool is_written_as(const struct item *item, const char *text)
{
    struct sp_buf out;
    sp_buf_init(&out, 0);
    sp_seg_print(&item->ev->u.seg.seg, 0, 0, &out);
    bool same = out.data && strcmp(out.data, text) == 0;
    sp_buf_release(&out);
    return same;
}

/* The segment that the action says it has sent; of several alike the one nearest to it. */
const struct item *bind_peer_item(const struct view *view, const struct sp_stmt *stmt)
{
    const struct sp_event *act = view->stmts[stmt->id].act;
    const struct item *found = NULL;
    int64_t nearest_ns = INT64_MAX;
    if (!act || !stmt->peer || stmt->peer->verb != SP_PEER_SEGMENT)
        return NULL;
    for (size_t l = SP_END_PEER; l < view->lane_count; l += SP_END_COUNT) {
        const struct lane *lane = &view->lanes[l];
        for (size_t i = 0; i < lane->len; i++) {
            const struct item *item = &lane->items[i];
            int64_t away_ns =
                item->t_ns < act->t_ns ? act->t_ns - item->t_ns : item->t_ns - act->t_end_ns;
            if (away_ns > PEER_SLOP_NS || !is_written_as(item, act->u.lab.detail))
                continue;
            away_ns = away_ns < 0 ? 0 : away_ns;
            if (away_ns < nearest_ns) {
                nearest_ns = away_ns;
                found = item;
            }
        }
    }
    return found;
}

const struct item *bind_made_item(const struct view *view, const struct sp_stmt *stmt)
{
    const struct sp_event *act = view->stmts[stmt->id].act;
    for (size_t l = SP_END_MIDDLE; act && l < view->lane_count; l += SP_END_COUNT)
        for (size_t i = 0; i < view->lanes[l].len; i++)
            if (view->lanes[l].items[i].flight->by == act)
                return &view->lanes[l].items[i];
    return NULL;
}

/* The connection that the peer's last segment before a line was of. */
static int conn_of_peer(const struct view *view, uint32_t id)
{
    while (id-- > 1) {
        const struct sp_stmt *stmt = view->stmts[id].stmt;
        const struct item *item =
            stmt && stmt->kind == SP_ST_PEER ? bind_peer_item(view, stmt) : NULL;
        if (item)
            return item->flight->conn;
    }
    return -1;
}

/* Beside a peer a passive end speaks on the connection that the peer speaks on. */
static int bind_with_peer(const struct view *view, const struct sp_stmt *stmt,
                          const struct open *own)
{
    if (own && own->kind == OPEN_CONNECT)
        return own->conn;
    int theirs = conn_of_peer(view, stmt->id);
    bool newer = !stmt->sock_named && theirs >= 0 && !accepted_before(view, theirs, stmt->id);
    return own && !newer ? own->conn : theirs;
}

/* The connection that a SYN of the middle has opened since a line; -1 none. */
static int opened_by_middle(const struct view *view, uint32_t since, uint32_t id)
{
    while (id-- > since + 1) {
        const struct sp_stmt *stmt = view->stmts[id].stmt;
        const struct item *item =
            stmt && stmt->kind == SP_ST_MIDDLE ? bind_made_item(view, stmt) : NULL;
        if (item && view->flights->conns[item->flight->conn].first_ns == item->t_ns)
            return item->flight->conn;
    }
    return -1;
}

int bind_conn(const struct view *view, const struct sp_stmt *stmt)
{
    const struct open *own = bind_last_own(view, stmt);
    const struct open *theirs = last_by_others(view, stmt, NULL);
    uint32_t since = own ? own->stmt->id : 0;
    since = theirs && theirs->stmt->id > since ? theirs->stmt->id : since;
    int made = stmt->sock_named ? -1 : opened_by_middle(view, since, stmt->id);
    if (made >= 0)
        return made;
    if (view->plan->peer_at != SP_WHO_NONE)
        return bind_with_peer(view, stmt, own);
    if (own && own->kind == OPEN_CONNECT)
        return own->conn;
    if (own) {
        bool newer = !stmt->sock_named && theirs && theirs->stmt->id > own->stmt->id;
        if (newer && theirs->conn < 0)
            return -1;
        return newer && !accepted_before(view, theirs->conn, stmt->id) ? theirs->conn : own->conn;
    }
    const struct open *accept = stmt->sock_named ? next_accept(view, stmt) : NULL;
    if (accept)
        return accept->conn >= 0 ? accept->conn : accept_to_be(view, accept);
    const struct open *namesake =
        stmt->sock_named ? last_by_others(view, stmt, bind_sock_of(stmt)) : NULL;
    if (namesake)
        return namesake->conn;
    return theirs ? theirs->conn : -1;
}

bool bind_owns_conn(const struct view *view, const struct sp_stmt *stmt, int conn)
{
    bool owned = false;
    for (size_t i = 0; i < view->open_count; i++) {
        const struct open *open = &view->opens[i];
        if (open->conn != conn || open->stmt->who != stmt->who)
            continue;
        if (strcmp(open->sock, bind_sock_of(stmt)) == 0)
            return true;
        owned = true;
    }
    return !owned && !stmt->sock_named;
}
