/*
 * lwIP's socket API (2.1, sequential, as Debian's liblwip is built: with the system's own numbers
 * for families, options, flags and errors) under the files of ../posix. What it does not have fails
 * with ENOSYS, and an option that it does not know with its own ENOPROTOOPT.
 */
#include <errno.h>
#include <fcntl.h>
#include <lwip/init.h>
#include <lwip/sockets.h>
#include <stdbool.h>
#include <stdio.h>

#include "../posix/api.h"
#include "link.h"
#include "states.h"
#include "stack.h"

const char *sp_stack_name(void)
{
    return "lwip";
}

void sp_stack_version(char *out, size_t cap)
{
    snprintf(out, cap, "%d.%d.%d", LWIP_VERSION_MAJOR, LWIP_VERSION_MINOR, LWIP_VERSION_REVISION);
}

/* After a call: what it did is there to be seen. errno stays what the call made it. */
static ssize_t done(ssize_t value)
{
    int os = errno;
    sp_lwip_states_look_locked();
    errno = os;
    return value;
}

static int has_not(void)
{
    errno = ENOSYS;
    return -1;
}

/* Non-blocking is a mode to set, not a flag of socket() or accept(). */
static int with_mode(int fd, int flags)
{
    if (fd >= 0 && (flags & SOCK_NONBLOCK))
        lwip_fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int sp_api_socket(int family, int type, int protocol)
{
    return with_mode(lwip_socket(family, type & ~SOCK_NONBLOCK, protocol), type);
}

int sp_api_bind(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return lwip_bind(fd, addr, len_bytes);
}

int sp_api_connect(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return (int)done(lwip_connect(fd, addr, len_bytes));
}

int sp_api_listen(int fd, int backlog)
{
    return (int)done(lwip_listen(fd, backlog));
}

int sp_api_accept(int fd, struct sockaddr *addr, socklen_t *len_bytes, int flags)
{
    return (int)done(with_mode(lwip_accept(fd, addr, len_bytes), flags));
}

ssize_t sp_api_send(int fd, const void *data, size_t len_bytes, int flags)
{
    return done(lwip_send(fd, data, len_bytes, flags));
}

/* lwIP's sockets raise no signals. */
int sp_api_own(int fd)
{
    (void)fd;
    errno = ENOSYS;
    return -1;
}

ssize_t sp_api_recv(int fd, void *data, size_t len_bytes, int flags)
{
    return done(lwip_recv(fd, data, len_bytes, flags));
}

int sp_api_close(int fd)
{
    return (int)done(lwip_close(fd));
}

int sp_api_shutdown(int fd, int how)
{
    return (int)done(lwip_shutdown(fd, how));
}

int sp_api_ioctl(int fd, unsigned long request, int *value)
{
    return lwip_ioctl(fd, (long)request, value);
}

int sp_api_dup(int fd)
{
    (void)fd;
    return has_not();
}

int sp_api_getsockname(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    return lwip_getsockname(fd, addr, len_bytes);
}

int sp_api_getpeername(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    return lwip_getpeername(fd, addr, len_bytes);
}

int sp_api_setsockopt(int fd, int level, int option, const void *value, socklen_t len_bytes)
{
    return lwip_setsockopt(fd, level, option, value, len_bytes);
}

int sp_api_getsockopt(int fd, int level, int option, void *value, socklen_t *len_bytes)
{
    return lwip_getsockopt(fd, level, option, value, len_bytes);
}

int sp_api_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return lwip_poll(fds, count, timeout_ms);
}

int sp_api_select(int end, fd_set *readable, fd_set *writable, fd_set *except,
                  struct timeval *timeout)
{
    (void)end, (void)readable, (void)writable, (void)except, (void)timeout;
    return has_not(); /* LWIP_SOCKET_SELECT is off in Debian's build */
}

int sp_api_epoll_create(void)
{
    return has_not();
}

int sp_api_epoll_set(int set, int fd, bool first, unsigned events)
{
    (void)set, (void)fd, (void)first, (void)events;
    return has_not();
}

int sp_api_epoll_wait(int set, unsigned *events, int timeout_ms)
{
    (void)set, (void)timeout_ms;
    *events = 0;
    return has_not();
}

void sp_api_catch_up(void)
{
    sp_lwip_catch_up();
}

bool sp_api_descriptors_travel(void)
{
    return false;
}
