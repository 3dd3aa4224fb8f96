/* The process around the calls: start, signals, the pipes to the runner. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "internal.h"

/* SIGPIPE goes to the thread whose call raised it, so the note is the thread's own. */
static _Thread_local volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    caught = sig;
}

void sp_posix_signal_reset(void)
{
    caught = 0;
}

int sp_posix_signal_caught(void)
{
    return caught;
}

static atomic_bool urgent;

bool sp_posix_wants_urgent(void)
{
    return urgent;
}

static int set_action(int sig, int action)
{
    if (sig == SIGURG)
        urgent = action == SP_POSIX_CATCH || action == SP_POSIX_RESTART;
    struct sigaction how = {.sa_handler = SIG_DFL};
    sigemptyset(&how.sa_mask);
    if (action == SP_POSIX_RESTART)
        how.sa_flags = SA_RESTART;
    if (action == SP_POSIX_CATCH || action == SP_POSIX_RESTART)
        how.sa_handler = on_signal;
    else if (action == SP_POSIX_IGNORE)
        how.sa_handler = SIG_IGN;
    return sigaction(sig, &how, NULL);
}

void sp_stack_signal(int sig, int action, struct sp_stack_outcome *out)
{
    SP_POSIX_CALL(out, 0, set_action(sig, action));
}

/* A mask is inherited: a SIGPIPE that the parent blocked would stay pending and unseen. */
enum sp_rc sp_stack_startup(struct sp_err *err)
{
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    if (set_action(SIGPIPE, SP_POSIX_CATCH) != 0)
        return sp_fail_os(err, SP_E_IO, errno, "cannot catch SIGPIPE");
    int error = pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL);
    if (error)
        return sp_fail_os(err, SP_E_IO, error, "cannot unblock SIGPIPE");
    return SP_OK;
}

const char *sp_stack_tcp(char *version, size_t cap)
{
    sp_stack_version(version, cap);
    return sp_stack_name();
}

int64_t sp_stack_pid(void)
{
    return getpid();
}

void sp_stack_exit(int code)
{
    _exit(code);
}

void sp_stack_kill(int sig)
{
    set_action(sig, SP_POSIX_DEFAULT);
    kill(getpid(), sig);
    _exit(128 + sig); /* a signal that does not end anything by default */
}

/* The worker's side of sp_stack_again(): its word goes through the pipe only if it gets there. */
static _Noreturn void work_once(enum sp_rc (*work)(void *arg, struct sp_err *err), void *arg,
                                int told_fd)
{
    struct {
        enum sp_rc rc;
        struct sp_err err;
    } told = {0};
    told.rc = work(arg, &told.err);
    ssize_t sent = write(told_fd, &told, sizeof told);
    _exit(sent == (ssize_t)sizeof told ? 0 : 1);
}

enum sp_rc sp_stack_again(enum sp_rc (*work)(void *arg, struct sp_err *err), void *arg,
                          struct sp_err *err)
{
    struct {
        enum sp_rc rc;
        struct sp_err err;
    } told;
    for (;;) {
        int fds[2];
        if (pipe(fds) < 0 || fcntl(fds[0], F_SETFD, FD_CLOEXEC) < 0 ||
            fcntl(fds[1], F_SETFD, FD_CLOEXEC) < 0)
            return sp_fail_os(err, SP_E_IO, errno, "a pipe to a worker");
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]);
            work_once(work, arg, fds[1]);
        }
        int os = errno;
        close(fds[1]);
        ssize_t got = 0;
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        if (pid > 0)
            got = read(fds[0], &told, sizeof told);
        close(fds[0]);
        if (pid < 0)
            return sp_fail_os(err, SP_E_IO, os, "starting a worker");
        if (got != (ssize_t)sizeof told)
            continue;
        if (told.rc != SP_OK && err)
            *err = told.err;
        return told.rc;
    }
}

int64_t sp_stack_now_ns(void)
{
    return sp_clock_now_ns();
}

enum sp_rc sp_stack_pipe_read(int fd, void *data, size_t cap, size_t *got, bool *ended,
                              struct sp_err *err)
{
    ssize_t len;
    *got = 0;
    *ended = false;
    do
        len = read(fd, data, cap);
    while (len < 0 && errno == EINTR);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return SP_OK;
    if (len < 0)
        return sp_fail_os(err, SP_E_IO, errno, "reading from the other end of an agent's pipe");
    *got = (size_t)len;
    *ended = len == 0;
    return SP_OK;
}

static enum sp_rc write_all(int fd, const char *data, size_t len_bytes, bool wait,
                            struct sp_err *err)
{
    size_t done = 0;
    while (done < len_bytes) {
        ssize_t len = write(fd, data + done, len_bytes - done);
        if (len >= 0) {
            done += (size_t)len;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait && !done)
                return sp_fail(err, SP_E_LIMIT,
                               "the agent does not take what it is sent: "
                               "its pipe is full");
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return sp_fail_os(err, SP_E_IO, errno, "writing to the other end of an agent's pipe");
        }
    }
    return SP_OK;
}

/* SIGPIPE is held back while we write, and taken off again if it was we who raised it. */
enum sp_rc sp_stack_pipe_write(int fd, const void *data, size_t len_bytes, bool wait,
                               struct sp_err *err)
{
    sigset_t pipe_only;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    enum sp_rc rc = write_all(fd, data, len_bytes, wait, err);
    if (rc != SP_OK && !was_pending) {
        struct timespec none = {0};
        while (sigtimedwait(&pipe_only, NULL, &none) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum sp_rc sp_stack_pipe_nonblock(int fd, struct sp_err *err)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "cannot make an agent's pipe non-blocking");
    return SP_OK;
}

void sp_stack_pipe_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
