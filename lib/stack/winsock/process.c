/* The process around the calls: Winsock's start, whose it is, threads. */
#include "internal.h"

#include <ctype.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static HANDLE asked; /* an event that nobody waits for */

enum sp_rc sp_stack_startup(struct sp_err *err)
{
    WSADATA data;
    int error = WSAStartup(MAKEWORD(2, 2), &data);
    if (error)
        return sp_fail(err, SP_E_UNSUPPORTED, "Winsock 2.2 does not start: error %d", error);
    _setmode(0, _O_BINARY);
    _setmode(1, _O_BINARY);
    asked = CreateEventW(NULL, TRUE, FALSE, NULL);
    return SP_OK;
}

/*
 * Wine's server, a process of its own, hears of what comes for a socket in the order in which it
 * does, requests included. So what had come before any request is answered has been heard of.
 */
void sp_winsock_catch_up(void)
{
    if (asked)
        SetEvent(asked);
}

/* A function of ntdll.dll, which Wine has some more of; NULL where there is none. */
typedef LONG(WINAPI *get_version)(OSVERSIONINFOW *);
typedef const char *(CDECL *wine_version)(void);
typedef void(CDECL *wine_host)(const char **sysname, const char **release);
union ntdll_function {
    FARPROC any;
    get_version version;
    wine_version wine;
    wine_host host;
};

static union ntdll_function ntdll_function(const char *name)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return (union ntdll_function){.any = ntdll ? GetProcAddress(ntdll, name) : NULL};
}

const char *sp_stack_name(void)
{
    return ntdll_function("wine_get_version").any ? "wine" : "windows";
}

/* What digits and dots a text begins with. */
static void copy_version(const char *text, char *out, size_t cap)
{
    snprintf(out, cap, "%.*s", (int)strspn(text, "0123456789."), text);
}

/* The version that programs are told of may be another: this is the kernel's own account. */
void sp_stack_version(char *out, size_t cap)
{
    OSVERSIONINFOW info = {.dwOSVersionInfoSize = sizeof info};
    union ntdll_function wine = ntdll_function("wine_get_version");
    union ntdll_function exact = ntdll_function("RtlGetVersion");
    out[0] = '\0';
    if (wine.any)
        copy_version(wine.wine(), out, cap);
    else if (exact.any && exact.version(&info) == 0)
        snprintf(out, cap, "%lu.%lu.%lu", (unsigned long)info.dwMajorVersion,
                 (unsigned long)info.dwMinorVersion, (unsigned long)info.dwBuildNumber);
}

const char *sp_stack_tcp(char *version, size_t cap)
{
    static char name[32];
    union ntdll_function host = ntdll_function("wine_get_host_version");
    const char *sysname = "", *release = "";
    if (!host.any) {
        sp_stack_version(version, cap);
        return sp_stack_name();
    }
    host.host(&sysname, &release);
    snprintf(name, sizeof name, "%s", sysname);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    copy_version(release, version, cap);
    return name;
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

int64_t sp_stack_kept_waiting_ns(void)
{
    return 0;
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
