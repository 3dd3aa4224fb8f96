/* The calls themselves: each one system call, bracketed by the clock. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../addr.h"
#include "internal.h"

void sp_posix_enter(struct sp_stack_outcome *out, long syscall_number)
{
    memset(out, 0, sizeof *out);
    sp_posix_signal_reset();
    sp_api_catch_up();
    sp_posix_thread_enter(sp_stack_now_ns(), syscall_number);
    out->t_enter_ns = sp_stack_now_ns();
    errno = 0;
}

void sp_posix_leave(struct sp_stack_outcome *out, int64_t value)
{
    int error = errno;
    out->t_return_ns = sp_stack_now_ns();
    sp_posix_thread_leave();
    out->value = value;
    out->error = value < 0 ? error : 0;
    out->sig = sp_posix_signal_caught();
}

void sp_stack_socket(int family, bool nonblock, struct sp_stack_outcome *out)
{
    int type = SOCK_STREAM | (nonblock ? SOCK_NONBLOCK : 0);
    SP_POSIX_CALL(out, NR(socket), sp_api_socket(family == 6 ? AF_INET6 : AF_INET, type, 0));
}

void sp_stack_bind(sp_stack_sock sock, const struct sp_stack_addr *addr,
                   struct sp_stack_outcome *out)
{
    struct sockaddr_storage to;
    socklen_t len = sp_stack_addr_out(addr, &to);
    SP_POSIX_CALL(out, NR(bind), sp_api_bind((int)sock, (struct sockaddr *)&to, len));
}

void sp_stack_connect(sp_stack_sock sock, const struct sp_stack_addr *addr,
                      struct sp_stack_outcome *out)
{
    struct sockaddr_storage to;
    socklen_t len = sp_stack_addr_out(addr, &to);
    SP_POSIX_CALL(out, NR(connect), sp_api_connect((int)sock, (struct sockaddr *)&to, len));
}

void sp_stack_listen(sp_stack_sock sock, int backlog, struct sp_stack_outcome *out)
{
    SP_POSIX_CALL(out, NR(listen), sp_api_listen((int)sock, backlog));
}

void sp_stack_accept(sp_stack_sock sock, bool nonblock, struct sp_stack_addr *remote,
                     struct sp_stack_outcome *out)
{
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    SP_POSIX_CALL(
        out, NR(accept4),
        sp_api_accept((int)sock, (struct sockaddr *)&from, &len, nonblock ? SOCK_NONBLOCK : 0));
    if (remote)
        sp_stack_addr_in(&from, out->value < 0 ? 0 : len, remote);
}

void sp_stack_send(sp_stack_sock sock, const void *data, size_t len_bytes, int flags,
                   struct sp_stack_outcome *out)
{
    SP_POSIX_CALL(out, NR(sendto), sp_api_send((int)sock, data, len_bytes, flags));
}

void sp_stack_recv(sp_stack_sock sock, void *data, size_t len_bytes, int flags,
                   struct sp_stack_outcome *out)
{
    if (sp_posix_wants_urgent())
        sp_api_own((int)sock);
    SP_POSIX_CALL(out, NR(recvfrom), sp_api_recv((int)sock, data, len_bytes, flags));
}

void sp_stack_send_nowait(sp_stack_sock sock, const void *data, size_t len_bytes,
                          struct sp_stack_outcome *out)
{
    sp_stack_send(sock, data, len_bytes, MSG_DONTWAIT, out);
}

/* Linux frees the descriptor whatever close returns, but for EBADF: close(2), NOTES. */
void sp_stack_close(sp_stack_sock sock, bool *gone, struct sp_stack_outcome *out)
{
    SP_POSIX_CALL(out, NR(close), sp_api_close((int)sock));
    *gone = out->error != EBADF;
}

void sp_stack_shutdown(sp_stack_sock sock, int how, struct sp_stack_outcome *out)
{
    SP_POSIX_CALL(out, NR(shutdown), sp_api_shutdown((int)sock, how));
}

void sp_stack_nonblock(sp_stack_sock sock, bool on, struct sp_stack_outcome *out)
{
    int value = on;
    SP_POSIX_CALL(out, NR(ioctl), sp_api_ioctl((int)sock, FIONBIO, &value));
}

void sp_stack_query(sp_stack_sock sock, int query, struct sp_stack_outcome *out)
{
    int answer = 0;
    SP_POSIX_CALL(out, NR(ioctl), sp_api_ioctl((int)sock, (unsigned long)(unsigned)query, &answer));
    if (out->value >= 0)
        out->value = answer;
}

void sp_stack_dup(sp_stack_sock sock, struct sp_stack_outcome *out)
{
    SP_POSIX_CALL(out, NR(dup), sp_api_dup((int)sock));
}

void sp_stack_getsockname(sp_stack_sock sock, struct sp_stack_addr *addr,
                          struct sp_stack_outcome *out)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    SP_POSIX_CALL(out, NR(getsockname),
                  sp_api_getsockname((int)sock, (struct sockaddr *)&name, &len));
    sp_stack_addr_in(&name, out->value < 0 ? 0 : len, addr);
}

void sp_stack_getpeername(sp_stack_sock sock, struct sp_stack_addr *addr,
                          struct sp_stack_outcome *out)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    SP_POSIX_CALL(out, NR(getpeername),
                  sp_api_getpeername((int)sock, (struct sockaddr *)&name, &len));
    sp_stack_addr_in(&name, out->value < 0 ? 0 : len, addr);
}
