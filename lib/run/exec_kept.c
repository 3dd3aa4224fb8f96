/*
 * For how long a stack in processes of its own had no processor, line by line.
 *
 * A thread of ours stamps its own calls and says what it waited for a processor; a sandbox does
 * neither, and its network stack runs in threads that make no call at all. The kernel keeps the
 * account of each thread (run_delay, the second number of /proc/PID/task/TID/schedstat). Which
 * threads are the stack's is told by the /proc that its `start` has mounted for a PID namespace of
 * its own; where it has mounted none, nothing is known and nothing is noted. Threads that wait at
 * the same time count twice, so that the sum can show that a line had no verdict, and never that a
 * time was kept.
 */
#include "exec.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Less than a tick of the slowest kernel explains nothing. */
static const int64_t KEPT_LEAST_NS = 5 * SP_MS;
/* Nothing of a stack has run for so long: it waits. It is asked for no longer than the second. */
static const int64_t REST_NS = 5 * SP_MS;
static const int64_t REST_LIMIT_NS = 2 * SP_S;

static bool is_number(const char *name)
{
    return name[0] >= '0' && name[0] <= '9';
}

/* What threads have had of the processors, and what they have waited for one. */
struct work {
    int64_t ran_ns;
    int64_t waited_ns;
    bool asked; /* whether any is ready, which costs as much again */
    bool ready; /* one of them runs, or waits for its turn */
};

/* A file of a thread's; "" where it is gone. */
static void thread_read(int tasks_fd, const char *tid, const char *name, char *text, size_t cap)
{
    char path[48];
    snprintf(path, sizeof path, "%.20s/%.20s", tid, name);
    int fd = openat(tasks_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, cap - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
}

/* Adds one thread's, since it began. */
static void thread_add(struct work *work, int tasks_fd, const char *tid)
{
    char text[512], *after;
    thread_read(tasks_fd, tid, "schedstat", text, sizeof text);
    work->ran_ns += strtoll(text, &after, 10);
    work->waited_ns += strtoll(after, NULL, 10);
    if (!work->asked)
        return;
    thread_read(tasks_fd, tid, "stat", text, sizeof text);
    const char *name_end = strrchr(text, ')'); /* the state is behind it: proc(5) */
    work->ready = work->ready || (name_end && strncmp(name_end, ") R", 3) == 0);
}

/* A folder in a folder, NULL where it is gone. */
static DIR *dir_in(int at_fd, const char *path)
{
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !dir)
        close(fd);
    return dir;
}

static void process_add(struct work *work, int proc_fd, const char *pid)
{
    char path[32];
    snprintf(path, sizeof path, "%.20s/task", pid);
    DIR *tasks = dir_in(proc_fd, path);
    if (!tasks)
        return;
    const struct dirent *entry;
    while ((entry = readdir(tasks)))
        if (is_number(entry->d_name))
            thread_add(work, dirfd(tasks), entry->d_name);
    closedir(tasks);
}

/* Of all threads of that end's stack; false: nobody knows. */
static bool stack_work(const struct exec *x, enum sp_who who, bool states, struct work *work)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    *work = (struct work){.asked = states};
    if (!adapter || !adapter->own_clock || adapter->remote || !x->agents[who].alive)
        return false;
    char path[48];
    struct stat ours, its;
    snprintf(path, sizeof path, "/proc/%d/root/proc", (int)x->agents[who].proc.pid);
    DIR *proc = dir_in(AT_FDCWD, path);
    if (!proc)
        return false;
    bool known =
        stat("/proc", &ours) == 0 && fstat(dirfd(proc), &its) == 0 && ours.st_dev != its.st_dev;
    const struct dirent *entry;
    while (known && (entry = readdir(proc)))
        if (is_number(entry->d_name))
            process_add(work, dirfd(proc), entry->d_name);
    closedir(proc);
    return known;
}

static int64_t stack_ns(const struct exec *x, enum sp_who who)
{
    struct work work;
    return stack_work(x, who, false, &work) ? work.waited_ns : -1;
}

enum sp_rc exec_await_rest(struct exec *x, enum sp_who who)
{
    enum sp_rc rc = SP_OK;
    struct work before, now;
    int64_t until_ns = exec_now(x) + REST_LIMIT_NS;
    bool known = stack_work(x, who, true, &before), rests = false;
    while (known && !rests && rc == SP_OK && exec_now(x) < until_ns) {
        rc = exec_pump(x, exec_now(x) + REST_NS);
        known = stack_work(x, who, true, &now);
        rests = !now.ready && now.ran_ns == before.ran_ns && now.waited_ns == before.waited_ns;
        before = now;
    }
    return rc;
}

void exec_kept_begin(const struct exec *x, struct exec_kept *kept)
{
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        kept->waited_ns[who] = stack_ns(x, (enum sp_who)who);
    kept->t_ns = exec_now(x);
}

void exec_kept_note(struct exec *x, struct exec_kept *kept, uint32_t stmt)
{
    struct exec_kept before = *kept;
    exec_kept_begin(x, kept);
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        int64_t length_ns = kept->t_ns - before.t_ns;
        int64_t kept_ns = kept->waited_ns[who] - before.waited_ns[who];
        if (before.waited_ns[who] < 0 || kept_ns < KEPT_LEAST_NS)
            continue;
        struct sp_event *mark = exec_mark(x, SP_MARK_KEPT, stmt, "");
        mark->end = (enum sp_end)who;
        mark->t_ns = before.t_ns;
        mark->t_end_ns = before.t_ns + (kept_ns < length_ns ? kept_ns : length_ns);
    }
}
