/* The system's own sockets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"

#ifdef __linux__
#include <sys/epoll.h>
#endif

/* What this folder was built for. Another implementation behind the same API (a sandbox, a
 * user-space kernel) is named by who starts the agent there. */
const char *sp_stack_name(void)
{
#if defined(__linux__)
    return "linux";
#elif defined(__FreeBSD__)
    return "freebsd";
#elif defined(__NetBSD__)
    return "netbsd";
#elif defined(__OpenBSD__)
    return "openbsd";
#elif defined(__APPLE__)
    return "darwin";
#else
    return "posix";
#endif
}

/* Debian 11 and 12 release 6.1.192 as "6.1.0-56-amd64"; the version text has the package's. */
static const char *version_text(const struct utsname *name)
{
    static const char debian[] = " Debian ";
    const char *package = strstr(name->version, debian);
    package = package ? package + sizeof debian - 1 : "";
    return *package >= '0' && *package <= '9' ? package : name->release;
}

void sp_stack_version(char *out, size_t cap)
{
    struct utsname name;
    const char *text = uname(&name) == 0 ? version_text(&name) : "";
    size_t len = strspn(text, "0123456789.");
    while (len && text[len - 1] == '.')
        len--;
    snprintf(out, cap, "%.*s", (int)len, text);
}

int sp_api_socket(int family, int type, int protocol)
{
    return socket(family, type, protocol);
}

int sp_api_bind(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return bind(fd, addr, len_bytes);
}

int sp_api_connect(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return connect(fd, addr, len_bytes);
}

int sp_api_listen(int fd, int backlog)
{
    return listen(fd, backlog);
}

int sp_api_accept(int fd, struct sockaddr *addr, socklen_t *len_bytes, int flags)
{
    return accept4(fd, addr, len_bytes, flags);
}

ssize_t sp_api_send(int fd, const void *data, size_t len_bytes, int flags)
{
    return send(fd, data, len_bytes, flags);
}

int sp_api_own(int fd)
{
#ifdef __linux__ /* fcntl(2): elsewhere a process is the least that can be told */
    struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = (pid_t)syscall(SYS_gettid)};
    return fcntl(fd, F_SETOWN_EX, &owner);
#else
    return fcntl(fd, F_SETOWN, getpid());
#endif
}

ssize_t sp_api_recv(int fd, void *data, size_t len_bytes, int flags)
{
    return recv(fd, data, len_bytes, flags);
}

int sp_api_close(int fd)
{
    return close(fd);
}

int sp_api_shutdown(int fd, int how)
{
    return shutdown(fd, how);
}

int sp_api_ioctl(int fd, unsigned long request, int *value)
{
    return ioctl(fd, request, value);
}

int sp_api_dup(int fd)
{
    return dup(fd);
}

int sp_api_getsockname(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    return getsockname(fd, addr, len_bytes);
}

int sp_api_getpeername(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    return getpeername(fd, addr, len_bytes);
}

int sp_api_setsockopt(int fd, int level, int option, const void *value, socklen_t len_bytes)
{
    return setsockopt(fd, level, option, value, len_bytes);
}

int sp_api_getsockopt(int fd, int level, int option, void *value, socklen_t *len_bytes)
{
    return getsockopt(fd, level, option, value, len_bytes);
}

int sp_api_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return poll(fds, count, timeout_ms);
}

int sp_api_select(int end, fd_set *readable, fd_set *writable, fd_set *except,
                  struct timeval *timeout)
{
    return select(end, readable, writable, except, timeout);
}

#ifdef __linux__
int sp_api_epoll_create(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

int sp_api_epoll_set(int set, int fd, bool first, unsigned events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl(set, first ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

int sp_api_epoll_wait(int set, unsigned *events, int timeout_ms)
{
    struct epoll_event event = {0};
    int count = epoll_wait(set, &event, 1, timeout_ms);
    *events = count > 0 ? event.events : 0;
    return count;
}
#else
int sp_api_epoll_create(void)
{
    errno = ENOSYS;
    return -1;
}

int sp_api_epoll_set(int set, int fd, bool first, unsigned events)
{
    (void)set, (void)fd, (void)first, (void)events;
    errno = ENOSYS;
    return -1;
}

int sp_api_epoll_wait(int set, unsigned *events, int timeout_ms)
{
    (void)set, (void)timeout_ms;
    *events = 0;
    errno = ENOSYS;
    return -1;
}
#endif

/* The kernel does so when it arrives. */
void sp_api_catch_up(void)
{
}

bool sp_api_descriptors_travel(void)
{
    return true;
}
