/* Readiness: poll(2), select(2), epoll(7). */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "internal.h"

/* Numbers by which /proc shows a call; 0 where this machine makes the call in another way. */
#ifdef SP_STACK_USER_SPACE
#define NR_POLL 0
#elif defined(SYS_poll)
#define NR_POLL SYS_poll
#elif defined(SYS_ppoll)
#define NR_POLL SYS_ppoll
#else
#define NR_POLL 0
#endif
#ifdef SP_STACK_USER_SPACE
#define NR_EPOLL 0
#elif defined(SYS_epoll_wait)
#define NR_EPOLL SYS_epoll_wait
#elif defined(SYS_epoll_pwait)
#define NR_EPOLL SYS_epoll_pwait
#else
#define NR_EPOLL 0
#endif

void sp_stack_poll(sp_stack_sock sock, int events, int timeout_ms, int *ready,
                   struct sp_stack_outcome *out)
{
    /* poll() lets a negative descriptor be; one that was never open it answers with NVAL. */
    struct pollfd poll_fd = {.fd = sock < 0 ? INT_MAX : (int)sock, .events = (short)events};
    SP_POSIX_CALL(out, NR_POLL, sp_api_poll(&poll_fd, 1, timeout_ms));
    *ready = out->value > 0 ? (unsigned short)poll_fd.revents : 0;
}

/*
 * A descriptor that is not open: select cannot hold a negative one, and Linux does not look at
 * those beyond the table of the process (so not a large number).
 */
static int closed_fd(void)
{
    int fd = dup(STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? STDERR_FILENO : fd;
}

/* C libraries make select in several ways: which call the thread sleeps in is not asked. */
void sp_stack_select(sp_stack_sock sock, int sets, int timeout_ms, int *ready,
                     struct sp_stack_outcome *out)
{
    static const int bits[] = {SP_POSIX_READ, SP_POSIX_WRITE, SP_POSIX_EXCEPT};
    int fd = sock < 0 ? closed_fd() : (int)sock;
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    fd_set lists[3];
    fd_set *given[3];
    *ready = 0;
    for (size_t i = 0; i < 3; i++) {
        FD_ZERO(&lists[i]);
        if (fd < FD_SETSIZE)
            FD_SET(fd, &lists[i]);
        given[i] = sets & bits[i] ? &lists[i] : NULL;
    }
    if (fd >= FD_SETSIZE) {
        sp_posix_enter(out, 0);
        errno = EINVAL;
        sp_posix_leave(out, -1);
        return;
    }
    SP_POSIX_CALL(
        out, 0,
        sp_api_select(fd + 1, given[0], given[1], given[2], timeout_ms < 0 ? NULL : &limit));
    for (size_t i = 0; i < 3 && out->value > 0; i++)
        if (given[i] && FD_ISSET(fd, given[i]))
            *ready |= bits[i];
}

void sp_stack_epoll(sp_stack_sock sock, sp_stack_sock *set, int events, bool changed,
                    int timeout_ms, int *ready, struct sp_stack_outcome *out)
{
    bool fresh = *set < 0;
    unsigned seen = 0;
    *ready = 0;
    if (fresh)
        SP_POSIX_CALL(out, 0, *set = sp_api_epoll_create());
    if (fresh && out->value < 0)
        return;
    if (fresh || changed) {
        SP_POSIX_CALL(out, 0, sp_api_epoll_set((int)*set, (int)sock, fresh, (unsigned)events));
        if (out->value < 0) {
            if (fresh)
                sp_stack_epoll_close(set);
            return;
        }
    }
    SP_POSIX_CALL(out, NR_EPOLL, sp_api_epoll_wait((int)*set, &seen, timeout_ms));
    *ready = (int)seen;
}

void sp_stack_epoll_close(sp_stack_sock *set)
{
    if (*set >= 0)
        close((int)*set);
    *set = SP_STACK_NO_SOCK;
}
