/*
 * Which socket a call is about, and which connection it has.
 *
 * A socket is known by its end, its name and its process. connect and accept tie it to a
 * connection: by the addresses that the API told after the call; else, where it told none (a
 * connect that was refused), as the only connection that began during the call, goes where the call
 * went, and is nobody else's. A socket that should have a connection and cannot be matched to one
 * is a stranger.
 */
#include "ledger.h"

#include <string.h>

/* ---- sockets -------------------------------------------------------------------------------- */

struct sock *sp_tcp_sock_new(struct book *book, enum sp_end end, const char *name, int what)
{
    struct sock *sock = &SP_PUSH(book->socks, book->len, book->cap);
    *sock = (struct sock){.end = end, .name = name, .life = book->life[end], .what = what};
    sock->conn = -1;
    sock->abort_ns = INT64_MAX;
    return sock;
}

struct sock *sp_tcp_sock_of(struct book *book, enum sp_end end, const char *name)
{
    for (size_t i = book->len; i-- > 0;) {
        struct sock *sock = &book->socks[i];
        if (sock->end == end && sock->life == book->life[end] && strcmp(sock->name, name) == 0)
            return sock;
    }
    return sp_tcp_sock_new(book, end, name, SOCK_STRANGER);
}

/* ---- tying sockets to connections ----------------------------------------------------------- */

static bool matches(const struct sp_conn *conn, int side, const struct sp_ev_call *call,
                    const struct sp_addr *remote)
{
    const struct sp_addr *here = side == 0 ? &conn->client : &conn->server;
    const struct sp_addr *there = side == 0 ? &conn->server : &conn->client;
    return (!sp_tcp_is_told(&call->local) || sp_addr_same(&call->local, here)) &&
           (!sp_tcp_is_told(remote) || sp_addr_same(remote, there));
}

int64_t sp_tcp_call_end(const struct sp_event *event)
{
    return event->t_end_ns < 0 || event->u.call.how != SP_CALL_RETURNED ? INT64_MAX
                                                                        : event->t_end_ns;
}

int64_t sp_tcp_connect_end(const struct book *book, const struct sp_event *event)
{
    bool later = book->ctx->trace->head.states_hidden[event->end] && event->u.call.error &&
                 strcmp(event->u.call.error, "EINPROGRESS") == 0;
    int64_t end_ns = sp_tcp_call_end(event);
    return later && end_ns < INT64_MAX ? end_ns + OWN_READ_NS : end_ns;
}

/* Where a connect went: as the API told, else as it was asked. */
static struct sp_addr remote_of(const struct sp_ev_call *call)
{
    struct sp_addr asked = call->remote;
    if (sp_tcp_is_told(&asked))
        return asked;
    char word[SP_ADDR_TEXT];
    size_t len = call->args ? strcspn(call->args, " ") : 0;
    memset(&asked, 0, sizeof asked);
    if (len && len < sizeof word) {
        memcpy(word, call->args, len);
        word[len] = '\0';
        if (sp_addr_parse(word, &asked, NULL) != SP_OK)
            memset(&asked, 0, sizeof asked);
    }
    return asked;
}

/* Both addresses are known, or it must be the only one that it can be. */
static bool connect_finds(const struct book *book, const struct sp_event *event, struct tie *tie)
{
    const struct sp_ev_call *call = &event->u.call;
    struct sp_addr remote = remote_of(call);
    bool told = sp_tcp_is_told(&call->local);
    int64_t end_ns = sp_tcp_connect_end(book, event);
    *tie = (struct tie){0};
    for (size_t i = 0; i < book->flights->conn_count; i++) {
        const struct sp_conn *conn = &book->flights->conns[i];
        for (int side = 0; side < (told ? 2 : 1); side++) {
            if (conn_end(conn, side) != event->end || book->taken[i][side] ||
                !matches(conn, side, call, &remote))
                continue;
            if (side == 0 && conn->first_ns < event->t_ns - SKEW_NS)
                continue;
            if (end_ns < INT64_MAX && conn->first_ns > end_ns + SKEW_NS)
                continue;
            if (tie->conn && !told) {
                tie->conn = 0;
                return false;
            }
            if (!tie->conn)
                *tie = (struct tie){(int)i + 1, side};
        }
    }
    return tie->conn != 0;
}

static bool is_opened(const struct sp_conn *conn)
{
    return conn->isn_known[conn->opener];
}

static bool accept_finds(const struct book *book, const struct sp_event *event, struct tie *tie)
{
    const struct sp_ev_call *call = &event->u.call;
    if (call->how != SP_CALL_RETURNED || !sp_tcp_is_told(&call->remote))
        return false;
    *tie = (struct tie){0};
    for (size_t i = 0; i < book->flights->conn_count; i++) {
        const struct sp_conn *conn = &book->flights->conns[i];
        if (conn_end(conn, 1) != event->end || book->taken[i][1] ||
            !matches(conn, 1, call, &call->remote) || conn->first_ns > sp_tcp_call_end(event))
            continue;
        /* what nobody has opened with a SYN is left where something else was */
        if (tie->conn && !is_opened(conn))
            continue;
        if (tie->conn && !is_opened(&book->flights->conns[tie->conn - 1]))
            tie->conn = 0;
        if (tie->conn) { /* a port used again before anybody accepted: either of them */
            tie->conn = 0;
            return false;
        }
        *tie = (struct tie){(int)i + 1, 1};
    }
    return tie->conn != 0;
}

static void take(struct book *book, const struct tie *tie)
{
    struct ledger *ledger = &book->ctx->ledgers[tie->conn - 1][tie->side];
    book->taken[tie->conn - 1][tie->side] = ledger->tied = true;
    ledger->held = 1;
}

/* Refused before anything was sent, by a socket that listens or has a connection. */
static bool opens_nothing(const struct sp_ev_call *call)
{
    static const char *const errors[] = {"EISCONN", "EALREADY", "EOPNOTSUPP", "EINVAL"};
    for (size_t i = 0; call->error && i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(call->error, errors[i]) == 0)
            return true;
    return false;
}

void sp_tcp_early_ties(struct book *book)
{
    for (size_t i = 0; i < book->ctx->trace->len; i++) {
        const struct sp_event *event = &book->ctx->trace->events[i];
        struct tie *tie = &book->early[i];
        if (event->kind != SP_EV_CALL || !event->u.call.name ||
            !sp_tcp_is_told(&event->u.call.remote) || opens_nothing(&event->u.call))
            continue;
        bool found =
            strcmp(event->u.call.name, "connect") == 0
                ? sp_tcp_is_told(&event->u.call.local) && connect_finds(book, event, tie)
                : strncmp(event->u.call.name, "accept", 6) == 0 && accept_finds(book, event, tie);
        if (found)
            take(book, tie);
    }
}

void sp_tcp_sock_tie(struct book *book, struct sock *sock, const struct sp_event *event,
                     bool connects)
{
    struct tie tie = book->early[event - book->ctx->trace->events];
    if (!tie.conn && connects && connect_finds(book, event, &tie))
        take(book, &tie);
    sock->what = tie.conn ? SOCK_TIED : SOCK_STRANGER;
    sock->conn = tie.conn - 1;
    sock->side = tie.side;
}
