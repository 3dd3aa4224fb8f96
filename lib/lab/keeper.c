/*
 * An appliance's recipe at work. A keeper process runs it, in the box's network namespace and as
 * the first process of a PID namespace of its own: when the keeper ends, the kernel ends whatever
 * the recipe has left running. The keeper runs `up`, tells how that went, and waits for the word to
 * run `down` on a pipe; the pipe's end is such a word too, so `down` is called even where the
 * run was killed. Namespaces have no names: the recipe gets them as /proc/KEEPER/fd/N.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum {
    SCRIPT_LIMIT_MS = 10000, /* for `up`, and for `down` */
    ANSWER_MS = 2000,        /* beyond that, for the keeper itself */
    WORDS_MAX = 400,         /* of the recipe's own that an error quotes */
};

/* The keeper's descriptors, above those of a shell. */
enum {
    FD_CONTROL = 10,
    FD_ANSWER,
    FD_NS, /* three, by place */
    FD_WORDS = FD_NS + SP_PLACE_COUNT,
    FD_END
};

enum { TIMED_OUT = -1, TOLD_TO_END = -2 };

struct answer {
    int32_t status; /* wait status, or TIMED_OUT */
    char words[WORDS_MAX];
};

struct sp_appliance_proc {
    pid_t pid;
    int control_fd;
    int answer_fd;
    char name[64];
};

/* ---- in the keeper -------------------------------------------------------------------------- */

static void set_namespace(const char *name, const char *self, int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/fd/%d", self, fd);
    setenv(name, path, 1);
}

static void set_environment(const struct sp_lab *lab)
{
    char self[32] = "self";
    char path[4200];
    const char *old = getenv("PATH");
    ssize_t len = readlink("/proc/self", self, sizeof self - 1);
    self[len > 0 ? len : 4] = '\0';
    setenv("SOCKPROOF_FAMILY", lab->config.family == 6 ? "ipv6" : "ipv4", 1);
    set_namespace("SOCKPROOF_CLIENT_NS", self, FD_NS + SP_PLACE_CLIENT);
    set_namespace("SOCKPROOF_SERVER_NS", self, FD_NS + SP_PLACE_SERVER);
    set_namespace("SOCKPROOF_BOX_NS", self, FD_NS + SP_PLACE_BOX);
    setenv("SOCKPROOF_CLIENT_IF", lab->links[0].name, 1);
    setenv("SOCKPROOF_SERVER_IF", lab->links[1].name, 1);
    setenv("SOCKPROOF_BOX_CLIENT_IF", lab->links[2].name, 1);
    setenv("SOCKPROOF_BOX_SERVER_IF", lab->links[3].name, 1);
    setenv("SOCKPROOF_CLIENT_IP", lab->client_ip, 1);
    setenv("SOCKPROOF_SERVER_IP", lab->server_ip, 1);
    setenv("SOCKPROOF_BOX_CLIENT_IP", lab->box_ip[0], 1);
    setenv("SOCKPROOF_BOX_SERVER_IP", lab->box_ip[1], 1);
    snprintf(path, sizeof path, "%.4000s:/usr/sbin:/sbin", old ? old : "/usr/bin:/bin");
    setenv("PATH", path, 1);
}

static _Noreturn void script_main(const struct sp_appliance *appliance, const char *verb)
{
    char name[80];
    sigset_t none;
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null_fd, STDIN_FILENO);
    dup2(FD_WORDS, STDOUT_FILENO);
    dup2(FD_WORDS, STDERR_FILENO);
    sp_lab_close_from(3);
    setsid();
    if (appliance->file) {
        execl(appliance->file, appliance->file, verb, (char *)NULL);
    } else {
        snprintf(name, sizeof name, "sockproof-%s", appliance->name);
        execl("/bin/sh", "sh", "-c", appliance->script, name, verb, (char *)NULL);
    }
    dprintf(STDERR_FILENO, "%s: %s\n", appliance->file ? appliance->file : "/bin/sh",
            strerror(errno));
    _exit(127);
}

/* Reaps what has ended; whether the script was among it. */
static bool reap(pid_t script, int32_t *status)
{
    bool found = false;
    int ended;
    for (pid_t pid; (pid = waitpid(-1, &ended, WNOHANG)) > 0;)
        if (pid == script) {
            *status = ended;
            found = true;
        }
    return found;
}

/* Wait status; TIMED_OUT, TOLD_TO_END: all that ran was ended. `listens`: for the word to end. */
static int32_t run_script(const struct sp_appliance *appliance, const char *verb, int child_fd,
                          bool listens)
{
    int64_t until_ns = sp_clock_now_ns() + SCRIPT_LIMIT_MS * SP_MS;
    int32_t status = TIMED_OUT;
    pid_t script = fork();
    if (script == 0)
        script_main(appliance, verb);
    while (script > 0 && !reap(script, &status)) {
        struct pollfd set[2] = {{.fd = child_fd, .events = POLLIN},
                                {.fd = FD_CONTROL, .events = POLLIN}};
        struct signalfd_siginfo told;
        int64_t left_ns = until_ns - sp_clock_now_ns();
        if (left_ns <= 0 || poll(set, listens ? 2 : 1, (int)(left_ns / SP_MS) + 1) == 0) {
            kill(-1, SIGKILL);
            return TIMED_OUT;
        }
        if (listens && set[1].revents) {
            kill(-1, SIGKILL);
            return TOLD_TO_END;
        }
        if (set[0].revents && read(child_fd, &told, sizeof told) < 0 && errno != EAGAIN)
            return TIMED_OUT;
    }
    return status;
}

/* What the recipe has said since the last time. */
static void tell(int32_t status, off_t *said)
{
    struct answer answer = {.status = status};
    off_t end = lseek(FD_WORDS, 0, SEEK_END);
    if (end - *said > (off_t)sizeof answer.words - 1) /* the last words are those of the error */
        *said = end - ((off_t)sizeof answer.words - 1);
    ssize_t len = pread(FD_WORDS, answer.words, sizeof answer.words - 1, *said);
    answer.words[len > 0 ? len : 0] = '\0';
    *said = end;
    /* A runner that is gone asks for nothing any more. */
    if (write(FD_ANSWER, &answer, sizeof answer) != (ssize_t)sizeof answer)
        return;
}

static _Noreturn void keeper_main(const struct sp_lab *lab, const struct sp_appliance *appliance,
                                  int control_fd, int answer_fd)
{
    sigset_t child;
    off_t said = 0;
    char word;
    const int needed[] = {control_fd, answer_fd, lab->ns_fd[SP_PLACE_CLIENT],
                          lab->ns_fd[SP_PLACE_SERVER], lab->ns_fd[SP_PLACE_BOX]};
    int high[sizeof needed / sizeof needed[0]];
    sp_lab_default_signals();
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "sp-appliance");
    setsid(); /* Ctrl+C is for the main process */
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        high[i] = fcntl(needed[i], F_DUPFD, FD_END);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (high[i] < 0 || dup2(high[i], FD_CONTROL + (int)i) < 0)
            _exit(1);
    int words = memfd_create("sp-appliance", 0);
    if (words < 0 || (words != FD_WORDS && dup2(words, FD_WORDS) < 0))
        _exit(1);
    sp_lab_close_from(FD_END);
    for (int fd = 3; fd < FD_CONTROL; fd++)
        close(fd);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    set_environment(lab);

    int32_t up = run_script(appliance, "up", child_fd, true);
    if (up != TOLD_TO_END)
        tell(up, &said);
    ssize_t n = read(FD_CONTROL, &word, 1);
    int32_t down = run_script(appliance, "down", child_fd, false);
    if (n == 1)
        tell(down, &said);
    _exit(0);
}

/* ---- in the run ----------------------------------------------------------------------------- */

static void strip(char *words)
{
    size_t len = strlen(words);
    while (len && (words[len - 1] == '\n' || words[len - 1] == ' '))
        words[--len] = '\0';
}

static enum sp_rc read_answer(struct sp_appliance_proc *proc, const char *verb, struct sp_err *err)
{
    struct answer answer = {0};
    struct pollfd set = {.fd = proc->answer_fd, .events = POLLIN};
    int64_t until_ns = sp_clock_now_ns() + (SCRIPT_LIMIT_MS + ANSWER_MS) * SP_MS;
    ssize_t n = -1;
    while (n < 0) {
        int64_t left_ns = until_ns - sp_clock_now_ns();
        int ready = left_ns > 0 ? poll(&set, 1, (int)(left_ns / SP_MS) + 1) : 0;
        if (ready == 0 || (ready < 0 && errno != EINTR))
            break;
        if (ready > 0)
            n = read(proc->answer_fd, &answer, sizeof answer); /* whole: less than PIPE_BUF */
        if (n < 0 && errno != EINTR)
            break;
    }
    if (n != (ssize_t)sizeof answer)
        return sp_fail(err, SP_E_IO, "the appliance %s: its keeper is gone", proc->name);
    answer.words[sizeof answer.words - 1] = '\0';
    strip(answer.words);
    const char *colon = *answer.words ? ": " : "";
    if (answer.status == TIMED_OUT)
        return sp_fail(err, SP_E_TIMEOUT, "the appliance %s: %s was not over after %d s%s%s",
                       proc->name, verb, SCRIPT_LIMIT_MS / 1000, colon, answer.words);
    if (WIFSIGNALED(answer.status))
        return sp_fail(err, SP_E_IO, "the appliance %s: %s was ended by signal %d%s%s", proc->name,
                       verb, WTERMSIG(answer.status), colon, answer.words);
    if (WEXITSTATUS(answer.status) != 0)
        return sp_fail(err, SP_E_IO, "the appliance %s: %s ended with %d%s%s", proc->name, verb,
                       WEXITSTATUS(answer.status), colon, answer.words);
    return SP_OK;
}

/* A fork into a PID namespace of the child's own. */
static pid_t fork_first(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
}

static enum sp_rc start(const struct sp_lab *lab, const struct sp_appliance *appliance,
                        struct sp_appliance_proc *proc, struct sp_err *err)
{
    int control[2] = {-1, -1};
    int answer[2] = {-1, -1};
    enum sp_rc rc = SP_OK;
    if (pipe2(control, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0) {
        rc = sp_fail_os(err, SP_E_IO, errno, "making the pipes of an appliance");
        goto out;
    }
    rc = sp_lab_enter(lab, SP_PLACE_BOX, err);
    if (rc != SP_OK)
        goto out;
    proc->pid = fork_first();
    int os = errno;
    if (proc->pid == 0) {
        close(control[1]);
        close(answer[0]);
        keeper_main(lab, appliance, control[0], answer[1]);
    }
    rc = sp_lab_leave(lab, err);
    if (proc->pid < 0)
        rc = sp_fail_os(err, SP_E_IO, os, "starting an appliance (user.max_pid_namespaces?)");
    proc->control_fd = control[1];
    proc->answer_fd = answer[0];
    control[1] = answer[0] = -1;
out:
    for (int i = 0; i < 2; i++) {
        if (control[i] >= 0)
            close(control[i]);
        if (answer[i] >= 0)
            close(answer[i]);
    }
    return rc;
}

/* By the end of the pipe the keeper knows that it is over. */
static void finish(struct sp_appliance_proc *proc)
{
    if (proc->control_fd >= 0)
        close(proc->control_fd);
    if (proc->answer_fd >= 0)
        close(proc->answer_fd);
    while (proc->pid > 0 && waitpid(proc->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(proc);
}

enum sp_rc sp_appliance_up(const struct sp_lab *lab, const struct sp_appliance *appliance,
                           struct sp_appliance_proc **out, struct sp_err *err)
{
    *out = NULL;
    if (!appliance->script && !appliance->file)
        return SP_OK;
    if (lab->config.kind != SP_LAB_ROUTED)
        return sp_fail(err, SP_E_UNSUPPORTED, "only the lab routed has a place for an appliance");
    struct sp_appliance_proc *proc = sp_xcalloc(1, sizeof *proc);
    *proc = (struct sp_appliance_proc){.pid = -1, .control_fd = -1, .answer_fd = -1};
    snprintf(proc->name, sizeof proc->name, "%s", appliance->name);
    enum sp_rc rc = start(lab, appliance, proc, err);
    if (rc == SP_OK)
        rc = read_answer(proc, "up", err);
    if (rc == SP_OK)
        *out = proc;
    else
        finish(proc);
    return rc;
}

enum sp_rc sp_appliance_down(struct sp_appliance_proc *proc, struct sp_err *err)
{
    if (!proc)
        return SP_OK;
    enum sp_rc rc = SP_OK;
    if (write(proc->control_fd, "d", 1) != 1)
        rc = sp_fail_os(err, SP_E_IO, errno, "the appliance %s: its keeper is gone", proc->name);
    if (rc == SP_OK)
        rc = read_answer(proc, "down", err);
    finish(proc);
    return rc;
}
