/* Processes of a lab: how they are ended, and what became of them. */
#include "lab.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"SIGKILL", SIGKILL}, {"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},   {"SIGHUP", SIGHUP},
    {"SIGQUIT", SIGQUIT}, {"SIGSEGV", SIGSEGV}, {"SIGABRT", SIGABRT}, {"SIGPIPE", SIGPIPE},
};

int sp_lab_signal(const char *name)
{
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (strcmp(name, signals[i].name) == 0)
            return signals[i].number;
    return -1;
}

void sp_lab_kill(const struct sp_lab_proc *proc, int signal)
{
    kill(proc->pid, signal);
}

void sp_lab_reap(struct sp_lab_proc *proc, bool *killed, int *code)
{
    int status = 0;
    while (waitpid(proc->pid, &status, 0) < 0 && errno == EINTR)
        ;
    *killed = WIFSIGNALED(status);
    *code = *killed ? WTERMSIG(status) : WEXITSTATUS(status);
    proc->pid = 0;
}
