/*
 * Threads, and whether one waits in a call.
 *
 * A thread notes the number of the system call right before it makes it, and that it is out of it
 * right after. Whether it is asleep there is the kernel's word: /proc/self/task/TID/syscall names
 * the call that a blocked thread is in and says "running" for one that is not blocked; where a
 * kernel has no such file, the state letter of /proc/self/task/TID/stat. `calls` is odd while in a
 * call and read before and after, so that the word is about the same call.
 *
 * Source: proc(5).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "mem.h"

enum { STACK_BYTES = 256 * 1024, FILE_NOT_TRIED = -2, FILE_NONE = -1 };

struct sp_stack_thread {
    pthread_t thread;
    void (*main_fn)(void *arg);
    void *arg;
    atomic_int tid; /* 0 until it runs */
    atomic_uint calls;
    atomic_long syscall_number;
    atomic_llong t_enter_ns;
    int syscall_fd; /* of the thread that asks */
    int stat_fd;
};

struct sp_stack_lock {
    pthread_mutex_t mutex;
};

static _Thread_local struct sp_stack_thread *self;
static _Thread_local int schedstat_fd = FILE_NOT_TRIED;

void sp_posix_thread_enter(int64_t now_ns, long syscall_number)
{
    if (!self)
        return;
    atomic_store(&self->t_enter_ns, now_ns);
    atomic_store(&self->syscall_number, syscall_number);
    atomic_fetch_add(&self->calls, 1);
}

void sp_posix_thread_leave(void)
{
    if (self)
        atomic_fetch_add(&self->calls, 1);
}

static void *thread_main(void *arg)
{
    self = arg;
#ifdef __linux__
    atomic_store(&self->tid, (int)syscall(SYS_gettid));
#endif
    self->main_fn(self->arg);
    if (schedstat_fd >= 0)
        close(schedstat_fd);
    return NULL;
}

enum sp_rc sp_stack_thread_new(void (*main_fn)(void *arg), void *arg,
                               struct sp_stack_thread **thread, struct sp_err *err)
{
    struct sp_stack_thread *made = sp_xcalloc(1, sizeof *made);
    made->main_fn = main_fn;
    made->arg = arg;
    made->syscall_fd = made->stat_fd = FILE_NOT_TRIED;
    *thread = made;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int error = pthread_create(&made->thread, &attr, thread_main, made);
    pthread_attr_destroy(&attr);
    if (!error)
        return SP_OK;
    free(made);
    *thread = NULL;
    return sp_fail_os(err, SP_E_IO, error, "cannot start a thread for a call that waits");
}

void sp_stack_thread_free(struct sp_stack_thread *thread)
{
    if (!thread)
        return;
    pthread_join(thread->thread, NULL);
    if (thread->syscall_fd >= 0)
        close(thread->syscall_fd);
    if (thread->stat_fd >= 0)
        close(thread->stat_fd);
    free(thread);
}

/* Reads a file of a thread from its start; *fd stays open for the next time. */
static bool read_path(const char *path, int *fd, char *text, size_t cap)
{
    if (*fd == FILE_NOT_TRIED)
        *fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = *fd >= 0 ? pread(*fd, text, cap - 1, 0) : -1;
    if (got <= 0) {
        if (*fd >= 0)
            close(*fd);
        *fd = FILE_NONE;
        return false;
    }
    text[got] = '\0';
    return true;
}

static bool read_file(int tid, const char *name, int *fd, char *text, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    return read_path(path, fd, text, cap);
}

int64_t sp_stack_kept_waiting_ns(void)
{
    char text[96];
    if (!read_path("/proc/thread-self/schedstat", &schedstat_fd, text, sizeof text))
        return 0;
    /* "RAN WAITED SLICES"; without a second number it comes to 0 */
    char *waited = NULL;
    (void)strtoll(text, &waited, 10);
    return strtoll(waited, NULL, 10);
}

/* "45 0x3 ..." in system call 45, "running", "-1 ..." stopped outside of one. */
static enum sp_stack_sleep by_syscall(const char *text, long expected)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);
    if (end == text || number < 0)
        return SP_STACK_AWAKE;
    return !expected || number == expected ? SP_STACK_ASLEEP : SP_STACK_AWAKE;
}

/* "123 (name) S ...": the letter after the last parenthesis; the name may hold any other. */
static enum sp_stack_sleep by_stat(const char *text)
{
    const char *paren = strrchr(text, ')');
    if (!paren || paren[1] != ' ')
        return SP_STACK_IN_CALL;
    return paren[2] == 'S' || paren[2] == 'D' ? SP_STACK_ASLEEP : SP_STACK_AWAKE;
}

enum sp_stack_sleep sp_stack_thread_sleep(struct sp_stack_thread *thread, int64_t *t_enter_ns)
{
    unsigned before = atomic_load(&thread->calls);
    if (before % 2 == 0)
        return SP_STACK_AWAKE;
    int tid = atomic_load(&thread->tid);
    long expected = atomic_load(&thread->syscall_number);
    int64_t entered_ns = atomic_load(&thread->t_enter_ns);
    char text[512];
    enum sp_stack_sleep sleep = SP_STACK_IN_CALL;
    if (tid && read_file(tid, "syscall", &thread->syscall_fd, text, sizeof text))
        sleep = by_syscall(text, expected);
    else if (tid && read_file(tid, "stat", &thread->stat_fd, text, sizeof text))
        sleep = by_stat(text);
    if (atomic_load(&thread->calls) != before)
        return SP_STACK_AWAKE;
    if (sleep != SP_STACK_AWAKE)
        *t_enter_ns = entered_ns;
    return sleep;
}

void sp_stack_thread_signal(struct sp_stack_thread *thread, int sig, struct sp_stack_outcome *out)
{
    sp_posix_enter(out, 0);
    int error = pthread_kill(thread->thread, sig);
    errno = error;
    sp_posix_leave(out, error ? -1 : 0);
}

void sp_stack_yield(unsigned round)
{
    enum { SPINS = 4, LONGEST_NS = 1000 * 1000, FIRST_NS = 20 * 1000 };
    if (round < SPINS) {
        sched_yield();
        return;
    }
    unsigned doublings = round - SPINS < 6 ? round - SPINS : 6;
    long wait_ns = (long)FIRST_NS << doublings;
    struct timespec pause = {.tv_nsec = wait_ns < LONGEST_NS ? wait_ns : LONGEST_NS};
    nanosleep(&pause, NULL);
}

struct sp_stack_lock *sp_stack_lock_new(void)
{
    struct sp_stack_lock *lock = sp_xcalloc(1, sizeof *lock);
    pthread_mutex_init(&lock->mutex, NULL);
    return lock;
}

void sp_stack_lock_free(struct sp_stack_lock *lock)
{
    if (!lock)
        return;
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

void sp_stack_lock_take(struct sp_stack_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

void sp_stack_lock_give(struct sp_stack_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}
