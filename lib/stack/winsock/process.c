/* The process around the calls: Winsock's start, the pipes to the runner, threads. */
#include "internal.h"

#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "mem.h"

enum sp_rc sp_stack_startup(struct sp_err *err)
{
    WSADATA data;
    int error = WSAStartup(MAKEWORD(2, 2), &data);
    if (error)
        return sp_fail(err, SP_E_UNSUPPORTED, "Winsock 2.2 does not start: error %d", error);
    _setmode(0, _O_BINARY);
    _setmode(1, _O_BINARY);
    return SP_OK;
}

/* What this folder was built for; Wine is named by who starts the agent there. */
const char *sp_stack_name(void)
{
    return "windows";
}

/* The version that programs are told of may be another: this is the kernel's own account. */
void sp_stack_version(char *out, size_t cap)
{
    typedef LONG(WINAPI * get_version)(OSVERSIONINFOW *);
    OSVERSIONINFOW info = {.dwOSVersionInfoSize = sizeof info};
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    union {
        FARPROC any;
        get_version exact;
    } found = {.any = ntdll ? GetProcAddress(ntdll, "RtlGetVersion") : NULL};
    out[0] = '\0';
    if (found.any && found.exact(&info) == 0)
        snprintf(out, cap, "%lu.%lu.%lu", (unsigned long)info.dwMajorVersion,
                 (unsigned long)info.dwMinorVersion, (unsigned long)info.dwBuildNumber);
}

int64_t sp_stack_pid(void)
{
    return (int64_t)GetCurrentProcessId();
}

void sp_stack_exit(int code)
{
    TerminateProcess(GetCurrentProcess(), (UINT)code);
    abort(); /* not reached */
}

void sp_stack_kill(int sig)
{
    sp_stack_exit(128 + sig);
}

enum sp_rc sp_stack_again(enum sp_rc (*work)(void *arg, struct sp_err *err), void *arg,
                          struct sp_err *err)
{
    (void)work;
    (void)arg;
    return sp_fail(err, SP_E_UNSUPPORTED, "an agent cannot begin again on this system");
}

int64_t sp_stack_now_ns(void)
{
    LARGE_INTEGER now, per_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&per_second);
    return now.QuadPart / per_second.QuadPart * 1000000000 +
           now.QuadPart % per_second.QuadPart * 1000000000 / per_second.QuadPart;
}

void sp_stack_signal(int sig, int action, struct sp_stack_outcome *out)
{
    (void)sig, (void)action;
    sp_winsock_has_not(out);
}

/* ---- pipes ---------------------------------------------------------------------------------- */

enum sp_rc sp_stack_pipe_read(int fd, void *data, size_t cap, size_t *got, bool *ended,
                              struct sp_err *err)
{
    int len = _read(fd, data, (unsigned)cap);
    *got = 0;
    *ended = false;
    if (len < 0)
        return sp_fail(err, SP_E_IO, "reading from the other end of an agent's pipe");
    *got = (size_t)len;
    *ended = len == 0;
    return SP_OK;
}

enum sp_rc sp_stack_pipe_write(int fd, const void *data, size_t len_bytes, bool wait,
                               struct sp_err *err)
{
    size_t done = 0;
    (void)wait; /* the agent's side waits always, and no other is built here */
    while (done < len_bytes) {
        int len = _write(fd, (const char *)data + done, (unsigned)(len_bytes - done));
        if (len < 0)
            return sp_fail(err, SP_E_IO, "writing to the other end of an agent's pipe");
        done += (size_t)len;
    }
    return SP_OK;
}

enum sp_rc sp_stack_pipe_nonblock(int fd, struct sp_err *err)
{
    (void)fd;
    return sp_fail(err, SP_E_UNSUPPORTED, "pipes wait on Windows");
}

void sp_stack_pipe_close(int fd)
{
    if (fd >= 0)
        _close(fd);
}

/* ---- threads -------------------------------------------------------------------------------- */

struct sp_stack_thread {
    HANDLE thread;
    void (*main_fn)(void *arg);
    void *arg;
    atomic_uint calls; /* odd while in one */
    atomic_llong t_enter_ns;
};

struct sp_stack_lock {
    CRITICAL_SECTION section;
};

static DWORD self_slot = TLS_OUT_OF_INDEXES;

static struct sp_stack_thread *self(void)
{
    return self_slot == TLS_OUT_OF_INDEXES ? NULL : TlsGetValue(self_slot);
}

void sp_winsock_thread_enter(int64_t now_ns)
{
    struct sp_stack_thread *thread = self();
    if (!thread)
        return;
    atomic_store(&thread->t_enter_ns, now_ns);
    atomic_fetch_add(&thread->calls, 1);
}

void sp_winsock_thread_leave(void)
{
    struct sp_stack_thread *thread = self();
    int error = WSAGetLastError();
    if (thread)
        atomic_fetch_add(&thread->calls, 1);
    WSASetLastError(error);
}

static unsigned __stdcall thread_main(void *arg)
{
    struct sp_stack_thread *thread = arg;
    TlsSetValue(self_slot, thread);
    thread->main_fn(thread->arg);
    return 0;
}

enum sp_rc sp_stack_thread_new(void (*main_fn)(void *arg), void *arg,
                               struct sp_stack_thread **thread, struct sp_err *err)
{
    if (self_slot == TLS_OUT_OF_INDEXES) /* the main thread makes them all */
        self_slot = TlsAlloc();
    struct sp_stack_thread *made = sp_xcalloc(1, sizeof *made);
    made->main_fn = main_fn;
    made->arg = arg;
    *thread = made;
    made->thread = (HANDLE)_beginthreadex(NULL, 0, thread_main, made, 0, NULL);
    if (made->thread)
        return SP_OK;
    free(made);
    *thread = NULL;
    return sp_fail(err, SP_E_IO, "cannot start a thread for a call that waits");
}

void sp_stack_thread_free(struct sp_stack_thread *thread)
{
    if (!thread)
        return;
    WaitForSingleObject(thread->thread, INFINITE);
    CloseHandle(thread->thread);
    free(thread);
}

/* Windows does not show whether a thread waits: in the call is all that can be said. */
enum sp_stack_sleep sp_stack_thread_sleep(struct sp_stack_thread *thread, int64_t *t_enter_ns)
{
    if (atomic_load(&thread->calls) % 2 == 0)
        return SP_STACK_AWAKE;
    *t_enter_ns = atomic_load(&thread->t_enter_ns);
    return SP_STACK_IN_CALL;
}

void sp_stack_thread_signal(struct sp_stack_thread *thread, int sig, struct sp_stack_outcome *out)
{
    (void)thread, (void)sig;
    sp_winsock_has_not(out);
}

void sp_stack_yield(unsigned round)
{
    Sleep(round < 4 ? 0 : 1);
}

struct sp_stack_lock *sp_stack_lock_new(void)
{
    struct sp_stack_lock *lock = sp_xcalloc(1, sizeof *lock);
    InitializeCriticalSection(&lock->section);
    return lock;
}

void sp_stack_lock_free(struct sp_stack_lock *lock)
{
    if (!lock)
        return;
    DeleteCriticalSection(&lock->section);
    free(lock);
}

void sp_stack_lock_take(struct sp_stack_lock *lock)
{
    EnterCriticalSection(&lock->section);
}

void sp_stack_lock_give(struct sp_stack_lock *lock)
{
    LeaveCriticalSection(&lock->section);
}
