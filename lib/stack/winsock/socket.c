/* The calls themselves: each one call of Winsock, bracketed by the clock. */
#include "../addr.h"
#include "internal.h"

#include <string.h>

void sp_winsock_enter(struct sp_stack_outcome *out)
{
    memset(out, 0, sizeof *out);
    sp_winsock_catch_up();
    sp_winsock_thread_enter(sp_stack_now_ns());
    WSASetLastError(0);
    out->t_enter_ns = sp_stack_now_ns();
}

void sp_winsock_leave(struct sp_stack_outcome *out, int64_t value)
{
    int error = WSAGetLastError();
    out->t_return_ns = sp_stack_now_ns();
    sp_winsock_thread_leave();
    out->value = value;
    out->error = value < 0 ? error : 0;
}

void sp_winsock_has_not(struct sp_stack_outcome *out)
{
    sp_winsock_enter(out);
    WSASetLastError(ERROR_CALL_NOT_IMPLEMENTED);
    sp_winsock_leave(out, -1);
}

/* A handle, or -1. Not inherited by processes that this one starts. */
static int64_t handle(SOCKET sock)
{
    return sock == INVALID_SOCKET ? -1 : (int64_t)sock;
}

/*
 * The mode of a socket cannot be asked for, so those that do not wait are remembered here. Needed
 * for a call that must not wait on a socket that does: Winsock has no flag for that.
 */
enum { NONBLOCKING_MAX = 512 };
static SOCKET nonblocking[NONBLOCKING_MAX];
static size_t nonblocking_count;
static SRWLOCK nonblocking_lock = SRWLOCK_INIT;

/* Beyond the maximum a socket counts as one that waits. */
void sp_winsock_mode_note(SOCKET sock, bool nonblock)
{
    size_t i = 0;
    AcquireSRWLockExclusive(&nonblocking_lock);
    while (i < nonblocking_count && nonblocking[i] != sock)
        i++;
    bool known = i < nonblocking_count;
    if (nonblock && !known && nonblocking_count < NONBLOCKING_MAX)
        nonblocking[nonblocking_count++] = sock;
    if (!nonblock && known)
        nonblocking[i] = nonblocking[--nonblocking_count];
    ReleaseSRWLockExclusive(&nonblocking_lock);
}

bool sp_winsock_waits(SOCKET sock)
{
    AcquireSRWLockShared(&nonblocking_lock);
    size_t i = 0;
    while (i < nonblocking_count && nonblocking[i] != sock)
        i++;
    bool waits = i == nonblocking_count;
    ReleaseSRWLockShared(&nonblocking_lock);
    return waits;
}

/* Leaves the last error as it is. */
static void set_mode(SOCKET sock, bool nonblock)
{
    u_long mode = nonblock;
    int error = WSAGetLastError();
    ioctlsocket(sock, FIONBIO, &mode);
    WSASetLastError(error);
}

void sp_stack_socket(int family, bool nonblock, struct sp_stack_outcome *out)
{
    SP_WINSOCK_CALL(out, handle(socket(family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0)));
    if (out->value < 0)
        return;
    sp_winsock_mode_note((SOCKET)out->value, nonblock);
    if (nonblock)
        set_mode((SOCKET)out->value, true);
}

void sp_stack_bind(sp_stack_sock sock, const struct sp_stack_addr *addr,
                   struct sp_stack_outcome *out)
{
    struct sockaddr_storage to;
    int len = sp_stack_addr_out(addr, &to);
    SP_WINSOCK_CALL(out, bind((SOCKET)sock, (struct sockaddr *)&to, len));
}

/* A non-blocking connect that is under way is WSAEWOULDBLOCK here, EINPROGRESS elsewhere. */
void sp_stack_connect(sp_stack_sock sock, const struct sp_stack_addr *addr,
                      struct sp_stack_outcome *out)
{
    struct sockaddr_storage to;
    int len = sp_stack_addr_out(addr, &to);
    SP_WINSOCK_CALL(out, connect((SOCKET)sock, (struct sockaddr *)&to, len));
    if (out->error == WSAEWOULDBLOCK)
        out->error = WSAEINPROGRESS;
}

void sp_stack_listen(sp_stack_sock sock, int backlog, struct sp_stack_outcome *out)
{
    SP_WINSOCK_CALL(out, listen((SOCKET)sock, backlog));
}

/* The new socket has the listener's mode (accept(), winsock2.h), which there is no flag against. */
void sp_stack_accept(sp_stack_sock sock, bool nonblock, struct sp_stack_addr *remote,
                     struct sp_stack_outcome *out)
{
    struct sockaddr_storage from = {0};
    int len = sizeof from;
    SP_WINSOCK_CALL(out, handle(accept((SOCKET)sock, (struct sockaddr *)&from, &len)));
    if (out->value >= 0) {
        sp_winsock_mode_note((SOCKET)out->value, nonblock || !sp_winsock_waits((SOCKET)sock));
        if (nonblock)
            set_mode((SOCKET)out->value, true);
    }
    if (remote)
        sp_stack_addr_in(&from, out->value < 0 ? 0 : len, remote);
}

/* Around a call with SP_WINSOCK_DONTWAIT: the socket's mode is changed for it where it waits. */
static bool dontwait_begin(sp_stack_sock sock, int flags)
{
    bool changed = (flags & SP_WINSOCK_DONTWAIT) && sp_winsock_waits((SOCKET)sock);
    if (changed)
        set_mode((SOCKET)sock, true);
    return changed;
}

static void dontwait_end(sp_stack_sock sock, bool changed)
{
    if (changed)
        set_mode((SOCKET)sock, false);
}

void sp_stack_send(sp_stack_sock sock, const void *data, size_t len_bytes, int flags,
                   struct sp_stack_outcome *out)
{
    bool changed = dontwait_begin(sock, flags);
    SP_WINSOCK_CALL(out, send((SOCKET)sock, data, (int)len_bytes, flags & ~SP_WINSOCK_DONTWAIT));
    dontwait_end(sock, changed);
}

void sp_stack_recv(sp_stack_sock sock, void *data, size_t len_bytes, int flags,
                   struct sp_stack_outcome *out)
{
    bool changed = dontwait_begin(sock, flags);
    SP_WINSOCK_CALL(out, recv((SOCKET)sock, data, (int)len_bytes, flags & ~SP_WINSOCK_DONTWAIT));
    dontwait_end(sock, changed);
}

void sp_stack_send_nowait(sp_stack_sock sock, const void *data, size_t len_bytes,
                          struct sp_stack_outcome *out)
{
    sp_stack_send(sock, data, len_bytes, SP_WINSOCK_DONTWAIT, out);
}

void sp_stack_close(sp_stack_sock sock, bool *gone, struct sp_stack_outcome *out)
{
    SP_WINSOCK_CALL(out, closesocket((SOCKET)sock));
    *gone = out->error == 0; /* WSAEWOULDBLOCK: the socket is still there */
    if (*gone)
        sp_winsock_mode_note((SOCKET)sock, false);
}

void sp_stack_shutdown(sp_stack_sock sock, int how, struct sp_stack_outcome *out)
{
    SP_WINSOCK_CALL(out, shutdown((SOCKET)sock, how));
}

void sp_stack_nonblock(sp_stack_sock sock, bool on, struct sp_stack_outcome *out)
{
    u_long mode = on;
    SP_WINSOCK_CALL(out, ioctlsocket((SOCKET)sock, FIONBIO, &mode));
    if (out->value >= 0)
        sp_winsock_mode_note((SOCKET)sock, on);
}

void sp_stack_query(sp_stack_sock sock, int query, struct sp_stack_outcome *out)
{
    u_long answer = 0;
    SP_WINSOCK_CALL(out, ioctlsocket((SOCKET)sock, query, &answer));
    if (out->value >= 0)
        out->value = (int64_t)answer;
}

/* WSADuplicateSocket for one's own process: a second handle of the same socket. */
void sp_stack_dup(sp_stack_sock sock, struct sp_stack_outcome *out)
{
    WSAPROTOCOL_INFOW info;
    sp_winsock_enter(out);
    int64_t value = -1;
    if (WSADuplicateSocketW((SOCKET)sock, GetCurrentProcessId(), &info) == 0)
        value = handle(WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info,
                                  0, WSA_FLAG_OVERLAPPED));
    sp_winsock_leave(out, value);
    if (value >= 0)
        sp_winsock_mode_note(
            (SOCKET)value, !sp_winsock_waits((SOCKET)sock)); /* of the socket, not of the handle */
}

void sp_stack_getsockname(sp_stack_sock sock, struct sp_stack_addr *addr,
                          struct sp_stack_outcome *out)
{
    struct sockaddr_storage name = {0};
    int len = sizeof name;
    SP_WINSOCK_CALL(out, getsockname((SOCKET)sock, (struct sockaddr *)&name, &len));
    sp_stack_addr_in(&name, out->value < 0 ? 0 : len, addr);
}

void sp_stack_getpeername(sp_stack_sock sock, struct sp_stack_addr *addr,
                          struct sp_stack_outcome *out)
{
    struct sockaddr_storage name = {0};
    int len = sizeof name;
    SP_WINSOCK_CALL(out, getpeername((SOCKET)sock, (struct sockaddr *)&name, &len));
    sp_stack_addr_in(&name, out->value < 0 ? 0 : len, addr);
}

/* ---- readiness ------------------------------------------------------------------------------ */

void sp_stack_poll(sp_stack_sock sock, int events, int timeout_ms, int *ready,
                   struct sp_stack_outcome *out)
{
    WSAPOLLFD poll_fd = {.fd = (SOCKET)sock, .events = (short)events};
    SP_WINSOCK_CALL(out, WSAPoll(&poll_fd, 1, timeout_ms));
    *ready = out->value > 0 ? (unsigned short)poll_fd.revents : 0;
}

void sp_stack_select(sp_stack_sock sock, int sets, int timeout_ms, int *ready,
                     struct sp_stack_outcome *out)
{
    static const int bits[] = {SP_WINSOCK_READ, SP_WINSOCK_WRITE, SP_WINSOCK_EXCEPT};
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    fd_set lists[3];
    fd_set *given[3];
    *ready = 0;
    for (size_t i = 0; i < 3; i++) {
        FD_ZERO(&lists[i]);
        lists[i].fd_array[lists[i].fd_count++] = (SOCKET)sock;
        given[i] = sets & bits[i] ? &lists[i] : NULL;
    }
    SP_WINSOCK_CALL(out, select(0, given[0], given[1], given[2], timeout_ms < 0 ? NULL : &limit));
    for (size_t i = 0; i < 3 && out->value > 0; i++)
        if (given[i] && given[i]->fd_count)
            *ready |= bits[i];
}

void sp_stack_epoll(sp_stack_sock sock, sp_stack_sock *set, int events, bool changed,
                    int timeout_ms, int *ready, struct sp_stack_outcome *out)
{
    (void)sock, (void)set, (void)events, (void)changed, (void)timeout_ms;
    *ready = 0;
    sp_winsock_has_not(out);
}

void sp_stack_epoll_close(sp_stack_sock *set)
{
    *set = SP_STACK_NO_SOCK;
}
