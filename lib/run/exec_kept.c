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

static bool is_number(const char *name)
{
    return name[0] >= '0' && name[0] <= '9';
}

/* What one thread has waited since it began; 0 where it is gone. */
static int64_t thread_ns(int tasks_fd, const char *tid)
{
    char path[48], text[96];
    snprintf(path, sizeof path, "%.20s/schedstat", tid);
    int fd = openat(tasks_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *waited = strchr(text, ' ');
    return waited ? strtoll(waited, NULL, 10) : 0;
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

static int64_t process_ns(int proc_fd, const char *pid)
{
    char path[32];
    snprintf(path, sizeof path, "%.20s/task", pid);
    DIR *tasks = dir_in(proc_fd, path);
    if (!tasks)
        return 0;
    int64_t sum_ns = 0;
    const struct dirent *entry;
    while ((entry = readdir(tasks)))
        if (is_number(entry->d_name))
            sum_ns += thread_ns(dirfd(tasks), entry->d_name);
    closedir(tasks);
    return sum_ns;
}

/* What all threads of that end's stack have waited so far; -1 nobody knows. */
static int64_t stack_ns(const struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    if (!adapter || !adapter->own_clock || adapter->remote || !x->agents[who].alive)
        return -1;
    char path[48];
    struct stat ours, its;
    snprintf(path, sizeof path, "/proc/%d/root/proc", (int)x->agents[who].proc.pid);
    DIR *proc = dir_in(AT_FDCWD, path);
    if (!proc)
        return -1;
    int64_t sum_ns = -1;
    if (stat("/proc", &ours) == 0 && fstat(dirfd(proc), &its) == 0 && ours.st_dev != its.st_dev) {
        const struct dirent *entry;
        sum_ns = 0;
        while ((entry = readdir(proc)))
            if (is_number(entry->d_name))
                sum_ns += process_ns(dirfd(proc), entry->d_name);
    }
    closedir(proc);
    return sum_ns;
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
