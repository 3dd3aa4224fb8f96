/*
 * Sockets while ledgers are built: who they are, and what connection they have. Private to ledger.c
 * and ledger_socks.c.
 */
#ifndef SP_TCP_LEDGER_H
#define SP_TCP_LEDGER_H

#include "tcp_in.h"

enum { SOCK_UNUSED, SOCK_LISTENER, SOCK_TIED, SOCK_STRANGER };

struct sock {
    enum sp_end end;
    const char *name;
    unsigned life; /* incarnation of the end's process */
    int what;
    int conn;
    int side;
    int64_t abort_ns; /* its SO_LINGER {on, 0}; INT64_MAX never */
};

struct book {
    struct ctx *ctx;
    struct sp_flights *flights;
    struct sock *socks;
    size_t len, cap;
    unsigned life[SP_END_COUNT];
    bool forked[SP_END_COUNT]; /* another process has copies of what it has */
    size_t *passed;            /* indices of sockets under way between processes, in order */
    size_t passed_len, passed_cap;
    bool (*taken)[2];  /* a socket is tied to that side of the connection */
    struct tie *early; /* by event: ties that the addresses alone decide */
};

struct tie {
    int conn; /* + 1, 0 none */
    int side;
};

struct sock *sp_tcp_sock_new(struct book *book, enum sp_end end, const char *name, int what);
/* The newest socket of that name in the end's present process; one never heard of is a stranger. */
struct sock *sp_tcp_sock_of(struct book *book, enum sp_end end, const char *name);
/* When it returned; INT64_MAX never. */
int64_t sp_tcp_call_end(const struct sp_event *event);
/* Until when a connect() may open something. One that does not wait leaves that to a stack that may
 * be in a process of its own. */
int64_t sp_tcp_connect_end(const struct book *book, const struct sp_event *event);
/* Ties that addresses decide come first, so that a call that told none takes nobody's. */
void sp_tcp_early_ties(struct book *book);
/* The socket has the connection of that connect() or accept(), or is a stranger. */
void sp_tcp_sock_tie(struct book *book, struct sock *sock, const struct sp_event *event,
                     bool connects);

#endif
