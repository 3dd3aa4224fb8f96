/* The sockets of a run by their names, as its calls made them known. */
#include "exec.h"

#include <stdio.h>
#include <string.h>

struct exec_sock *exec_sock_find(struct exec *x, enum sp_who who, const char *name)
{
    for (unsigned i = 0; i < x->sock_count; i++)
        if (x->socks[i].who == who && strcmp(x->socks[i].name, name) == 0)
            return &x->socks[i];
    return NULL;
}

enum sp_rc exec_sock_note(struct exec *x, enum sp_who who, const char *name,
                          const struct sp_addr *local)
{
    struct exec_sock *sock = exec_sock_find(x, who, name);
    if (!sock) {
        if (x->sock_count == EXEC_SOCKS)
            return sp_fail(&x->err, SP_E_LIMIT, "a case may have at most %d sockets", EXEC_SOCKS);
        sock = &x->socks[x->sock_count++];
        *sock = (struct exec_sock){.who = who};
        snprintf(sock->name, sizeof sock->name, "%s", name);
    }
    if (local && local->family)
        sock->local = *local;
    return SP_OK;
}

void exec_sock_forget(struct exec *x, enum sp_who who, const char *name)
{
    struct exec_sock *sock = exec_sock_find(x, who, name);
    if (sock)
        *sock = x->socks[--x->sock_count];
}

void exec_socks_forget(struct exec *x, enum sp_who who)
{
    for (unsigned i = x->sock_count; i-- > 0;)
        if (x->socks[i].who == who)
            x->socks[i] = x->socks[--x->sock_count];
}

uint16_t exec_listener_port(struct exec *x, enum sp_who who)
{
    const struct exec_sock *sock = who == SP_WHO_NONE ? NULL : exec_sock_find(x, who, "listener");
    return sock ? sock->local.port : 0;
}
