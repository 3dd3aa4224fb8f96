/*
 * Processes of a lab. The parent steps into the place, forks there and steps back, so that a
 * namespace that cannot be entered is an error here and not an exit code there.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Exit code of a child that could not be set up; main_fn's own are its business. */
enum { EXIT_SETUP = 125 };

/* A line of /proc/self/status that is a mask of signals (proc(5)); all where it cannot be read. */
static uint64_t mask_in(const char *status, const char *line)
{
    const char *at = strstr(status, line);
    return at ? strtoull(at + strlen(line), NULL, 16) : UINT64_MAX;
}

/* Signals that are ignored or caught, bit 0 being signal 1. */
static uint64_t changed_signals(void)
{
    char status[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, status, sizeof status - 1) : 0;
    if (fd >= 0)
        close(fd);
    status[len > 0 ? len : 0] = '\0';
    return mask_in(status, "\nSigIgn:") | mask_in(status, "\nSigCgt:");
}

/* Most are as they were: 64 calls for two of them show in what a run costs, in a guest above all.
 */
static void default_signals(uint64_t changed)
{
    sigset_t none;
    struct sigaction dfl = {.sa_handler = SIG_DFL};

    for (int sig = 1; sig < NSIG && sig <= 64; sig++)
        if (changed >> (sig - 1) & 1) /* SIGKILL, SIGSTOP and libc's own refuse: as is wanted */
            sigaction(sig, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void sp_lab_default_signals(void)
{
    default_signals(changed_signals());
}

void sp_lab_close_from(unsigned first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0)
        return;
#endif
    long max = sysconf(_SC_OPEN_MAX);
    for (long fd = (long)first; fd < max; fd++)
        close((int)fd);
}

/* `from` becomes `to`; both pipes are above 2 by then, so neither overwrites the other. */
static bool place_fd(int from, int to)
{
    return from >= 0 && dup2(from, to) == to;
}

static _Noreturn void child_main(pid_t parent, uint64_t changed, int read_fd, int write_fd,
                                 const char *name, int (*main_fn)(int, int, void *), void *arg)
{
    default_signals(changed);
    prctl(PR_SET_NAME, name);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        _exit(EXIT_SETUP);
    /* The parent may have died before the line above; then no signal will come. */
    if (getppid() != parent)
        _exit(EXIT_SETUP);
    /* Our own standard descriptors may have been closed, and the pipes have their numbers. */
    read_fd = fcntl(read_fd, F_DUPFD, 3);
    write_fd = fcntl(write_fd, F_DUPFD, 3);
    if (!place_fd(read_fd, STDIN_FILENO) || !place_fd(write_fd, STDOUT_FILENO))
        _exit(EXIT_SETUP);
    sp_lab_close_from(3);
    _exit(main_fn(STDIN_FILENO, STDOUT_FILENO, arg));
}

static void close_pair(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

enum sp_rc sp_lab_spawn(const struct sp_lab *lab, enum sp_place place,
                        int (*main_fn)(int in_fd, int out_fd, void *arg), void *arg,
                        struct sp_lab_proc *proc, struct sp_err *err)
{
    int to_child[2] = {-1, -1};
    int from_child[2] = {-1, -1};
    char name[16];
    pid_t parent = getpid();
    enum sp_rc rc = SP_OK;

    *proc = (struct sp_lab_proc){.pid = -1, .in_fd = -1, .out_fd = -1};
    snprintf(name, sizeof name, "sp-%s",
             place < SP_PLACE_COUNT ? sp_lab_place_name(place) : "nowhere");
    if (pipe2(to_child, O_CLOEXEC) < 0 || pipe2(from_child, O_CLOEXEC) < 0 ||
        fcntl(from_child[0], F_SETFL, O_NONBLOCK) < 0) {
        rc = sp_fail_os(err, SP_E_IO, errno, "making the pipes of %s", name);
        goto out;
    }
    rc = sp_lab_enter(lab, place, err);
    if (rc != SP_OK)
        goto out;
    uint64_t changed = changed_signals(); /* ten times dearer in a process that is new */
    pid_t pid = fork();
    if (pid == 0)
        child_main(parent, changed, to_child[0], from_child[1], name, main_fn, arg);
    int fork_os = errno;
    rc = sp_lab_leave(lab, err);
    if (pid < 0) {
        rc = sp_fail_os(err, SP_E_IO, fork_os, "starting %s", name);
        goto out;
    }
    proc->pid = pid;
    proc->in_fd = from_child[0];
    proc->out_fd = to_child[1];
    from_child[0] = -1;
    to_child[1] = -1;
out:
    close_pair(to_child);
    close_pair(from_child);
    return rc;
}
