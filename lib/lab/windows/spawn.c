/*
 * Processes of a lab on Windows. Each is put into a job object that ends all of its processes when
 * its last handle is closed: ours, which Windows closes however we end.
 */
#include "windows/spawn.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

enum { PROCESSES = 64, PIPE_BYTES = 256 * 1024, KILLED = 9 };
/* What a process that sp_lab_kill() ended exits with: nothing that one of ours would return. */
static const UINT KILLED_CODE = 0xE0000009;

static struct {
    DWORD pid; /* 0: this place is free */
    HANDLE process;
} processes[PROCESSES];

static HANDLE process_of(const struct sp_lab_proc *proc)
{
    for (size_t i = 0; proc->pid > 0 && i < PROCESSES; i++)
        if (processes[i].pid == (DWORD)proc->pid)
            return processes[i].process;
    return NULL;
}

bool sp_lab_is_ours(uint32_t pid)
{
    for (size_t i = 0; i < PROCESSES; i++)
        if (pid && processes[i].pid == pid)
            return true;
    return false;
}

/* NULL where it cannot be had, with GetLastError(). */
static HANDLE job(void)
{
    static HANDLE made;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    if (made)
        return made;
    HANDLE fresh = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (fresh &&
        SetInformationJobObject(fresh, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        made = fresh;
    else if (fresh)
        CloseHandle(fresh);
    return made;
}

static enum sp_rc fail(struct sp_err *err, const char *what)
{
    return sp_fail(err, SP_E_IO, "%s: Windows error %lu", what, (unsigned long)GetLastError());
}

/* A pipe of which the process inherits one end only. */
static enum sp_rc pipe_make(HANDLE *theirs, HANDLE *ours, bool they_read, struct sp_err *err)
{
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    HANDLE read_end = NULL, write_end = NULL;
    if (!CreatePipe(&read_end, &write_end, &inherited, PIPE_BYTES))
        return fail(err, "making the pipes of an agent");
    *theirs = they_read ? read_end : write_end;
    *ours = they_read ? write_end : read_end;
    SetHandleInformation(*ours, HANDLE_FLAG_INHERIT, 0);
    return SP_OK;
}

static enum sp_rc start(const char *command, HANDLE in, HANDLE out, PROCESS_INFORMATION *made,
                        struct sp_err *err)
{
    STARTUPINFOA info = {.cb = sizeof info,
                         .dwFlags = STARTF_USESTDHANDLES,
                         .hStdInput = in,
                         .hStdOutput = out,
                         .hStdError = GetStdHandle(STD_ERROR_HANDLE)};
    char *line = sp_xstrdup(command); /* CreateProcess may write to it */
    /* A group of its own: Ctrl-C is for the runner, who ends it. */
    BOOL ok = CreateProcessA(NULL, line, NULL, NULL, TRUE,
                             CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP, NULL, NULL, &info, made);
    free(line);
    if (!ok)
        return fail(err, command);
    /* Before its first instruction, so that nothing of it can be left behind. */
    if (!job() || !AssignProcessToJobObject(job(), made->hProcess)) {
        enum sp_rc rc = fail(err, "putting an agent into the runner's job");
        TerminateProcess(made->hProcess, KILLED_CODE);
        CloseHandle(made->hProcess);
        CloseHandle(made->hThread);
        return rc;
    }
    ResumeThread(made->hThread);
    CloseHandle(made->hThread);
    return SP_OK;
}

enum sp_rc sp_lab_spawn_program(const char *command, struct sp_lab_proc *proc, struct sp_err *err)
{
    HANDLE in = NULL, to = NULL, out = NULL, from = NULL;
    PROCESS_INFORMATION made;
    size_t place = 0;
    *proc = (struct sp_lab_proc){.pid = -1, .in_fd = -1, .out_fd = -1};
    while (place < PROCESSES && processes[place].pid)
        place++;
    if (place == PROCESSES)
        return sp_fail(err, SP_E_LIMIT, "more than %d processes at once", PROCESSES);
    enum sp_rc rc = pipe_make(&in, &to, true, err);
    if (rc == SP_OK)
        rc = pipe_make(&out, &from, false, err);
    if (rc == SP_OK)
        rc = start(command, in, out, &made, err);
    if (rc == SP_OK) {
        processes[place].pid = made.dwProcessId;
        processes[place].process = made.hProcess;
        proc->pid = (pid_t)made.dwProcessId;
        proc->in_fd = _open_osfhandle((intptr_t)from, _O_RDONLY | _O_BINARY);
        proc->out_fd = _open_osfhandle((intptr_t)to, _O_BINARY);
        from = to = NULL;
    }
    HANDLE left[] = {in, out, to, from};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        if (left[i])
            CloseHandle(left[i]);
    return rc;
}

enum sp_rc sp_lab_spawn(const struct sp_lab *lab, enum sp_place place,
                        int (*main_fn)(int in_fd, int out_fd, void *arg), void *arg,
                        struct sp_lab_proc *proc, struct sp_err *err)
{
    (void)lab, (void)place, (void)main_fn, (void)arg;
    *proc = (struct sp_lab_proc){.pid = -1, .in_fd = -1, .out_fd = -1};
    return sp_fail(err, SP_E_UNSUPPORTED, "Windows has no fork()");
}

/* TerminateProcess is all that one process can do to another. */
int sp_lab_signal(const char *name)
{
    return strcmp(name, "SIGKILL") == 0 ? KILLED : -1;
}

void sp_lab_kill(const struct sp_lab_proc *proc, int signal)
{
    HANDLE process = process_of(proc);
    if (process && signal == KILLED)
        TerminateProcess(process, KILLED_CODE);
}

void sp_lab_reap(struct sp_lab_proc *proc, bool *killed, int *code)
{
    HANDLE process = process_of(proc);
    DWORD exit_code = 0;
    if (process) {
        WaitForSingleObject(process, INFINITE);
        GetExitCodeProcess(process, &exit_code);
        CloseHandle(process);
    }
    for (size_t i = 0; i < PROCESSES; i++)
        if (processes[i].process == process)
            processes[i].pid = 0, processes[i].process = NULL;
    *killed = exit_code == KILLED_CODE;
    *code = *killed ? KILLED : (int)exit_code;
    proc->pid = 0;
}
