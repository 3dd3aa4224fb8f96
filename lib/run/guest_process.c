#include "guest_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "guest_qemu.h"
#include "lab.h"

enum { CONSOLE_TAIL_BYTES = 16384 };

static const char dir_prefix[] = ".guest-";
/* How a guest's first process finds its folder: this machine's /proc, over hostfs. */
#define GUEST_DIR    "/proc/self/cwd"
#define FIRST_DAY_NS "1767225600000000000" /* 2026-01-01 00:00 UTC */

/* ---- the folder ----------------------------------------------------------------------------- */

enum sp_rc guest_path(const struct guest_process *guest, const char *name,
                      char path[GUEST_PATH_MAX], struct sp_err *err)
{
    int len = snprintf(path, GUEST_PATH_MAX, "%s/%s", guest->dir, name);
    return len < GUEST_PATH_MAX ? SP_OK : sp_fail(err, SP_E_LIMIT, "a path too long: %s", path);
}

/* What a guest's folder holds: our files, and the kernel's own folder with its pid. */
static void dir_remove(int parent, const char *name)
{
    static const char *const files[] = {"job",  "said",      "console",
                                        "init", "initramfs", "uml/guest/pid"};
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlinkat(fd, files[i], 0);
    unlinkat(fd, "uml/guest", AT_REMOVEDIR);
    unlinkat(fd, "uml", AT_REMOVEDIR);
    close(fd);
    unlinkat(parent, name, AT_REMOVEDIR);
}

enum sp_rc guest_dirs_clean(const char *results, struct sp_err *err)
{
    DIR *dir = opendir(results);
    if (!dir)
        return sp_fail_os(err, SP_E_IO, errno, "reading %s", results);
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, dir_prefix, sizeof dir_prefix - 1) == 0)
            dir_remove(dirfd(dir), entry->d_name);
    closedir(dir);
    return SP_OK;
}

enum sp_rc guest_process_prepare(struct guest_process *guest, const char *results, unsigned number,
                                 struct sp_err *err)
{
    *guest = (struct guest_process){0};
    if (snprintf(guest->dir, sizeof guest->dir, "%s/%s%u", results, dir_prefix, number) >=
        (int)sizeof guest->dir)
        return sp_fail(err, SP_E_LIMIT, "a path too long: %s", results);
    if (mkdir(guest->dir, 0755) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "making %s", guest->dir);
    return SP_OK;
}

void guest_process_release(struct guest_process *guest)
{
    if (guest->dir[0])
        dir_remove(AT_FDCWD, guest->dir);
    guest->dir[0] = '\0';
}

/* ---- the process ---------------------------------------------------------------------------- */

/*
 * A user-mode kernel and its processes take turns: one of them runs at a time, thousands of times
 * for a run. On one processor the next goes on where the last stopped; on two, each turn wakes a
 * processor first. Runners that start at the same time begin at different ones.
 */
static void stay_on_one_cpu(unsigned place)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) < 0)
        return;
    unsigned number = (place + (unsigned)getppid()) % (unsigned)CPU_COUNT(&all);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all) && number-- == 0)
            CPU_SET(cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

/*
 * The same kernel with the same work is to be the same to the last bit (docs/kernels.md): its
 * memory begins where this process's heap would, it draws its numbers from our getrandom(2), the
 * day that it is, and its own command line. So none of them is of this start alone; our paths are
 * named by way of the working directory, which is the guest's folder.
 */
static void exec_uml(const char *kernel, unsigned place)
{
    stay_on_one_cpu(place);
    personality(PER_LINUX | ADDR_NO_RANDOMIZE);
    sp_lab_draw_nothing(NULL); /* without seccomp, times differ by some readings of a clock */
    execl(kernel, kernel, "mem=256M", "root=none", "rootfstype=hostfs", "rootflags=/", "ro",
          "time-travel=inf-cpu", "time-travel-start=" FIRST_DAY_NS, "con=null", "con0=null,fd:1",
          "console=tty0", "quiet", "uml_dir=uml/", "umid=guest", "init=" GUEST_DIR "/init", "--",
          "guest", GUEST_DIR, (char *)NULL);
}

_Noreturn static void exec_guest(const struct guest_process *guest,
                                 const struct sp_guest_config *config, unsigned place)
{
    struct rlimit no_core = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* it and its processes can be ended together; Ctrl+C is not for it */
    setrlimit(RLIMIT_CORE, &no_core);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    int in = open("/dev/null", O_RDONLY);
    int out = chdir(guest->dir) == 0 ? open("console", O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    if (config->kind == SP_GUEST_QEMU)
        guest_qemu_exec(config);
    else
        exec_uml(config->kernel, place);
    dprintf(2, "%s: %s\n", config->kernel, strerror(errno));
    _exit(127);
}

/*
 * A user-mode kernel's processes are traced by it and outlive it when it is killed. They share its
 * process group: this process waits for our end, whatever way we come to it, and ends the group.
 */
_Noreturn static void keep(pid_t group, pid_t runner)
{
    sigset_t term;
    int signal_number;
    setpgid(0, 0);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == runner)
        sigwait(&term, &signal_number);
    kill(-group, SIGKILL);
    _exit(0);
}

/* Its signals are blocked from the start: Ctrl+C is the runner's, and SIGTERM may come at once. */
static pid_t keeper_start(pid_t group)
{
    sigset_t all, before;
    pid_t runner = getpid();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t keeper = fork();
    if (keeper == 0)
        keep(group, runner);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return keeper;
}

enum sp_rc guest_process_start(struct guest_process *guest, const struct sp_guest_config *config,
                               unsigned place, struct sp_err *err)
{
    char init[GUEST_PATH_MAX];
    enum sp_rc rc = guest_path(guest, "init", init, err);
    if (rc == SP_OK && symlink(config->program, init) < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "making %s", init);
    if (rc == SP_OK && config->kind == SP_GUEST_QEMU)
        rc = guest_qemu_prepare(guest, config, err);
    if (rc != SP_OK)
        return rc;
    pid_t pid = fork();
    if (pid == 0)
        exec_guest(guest, config, place);
    if (pid < 0)
        return sp_fail_os(err, SP_E_IO, errno, "starting a guest");
    setpgid(pid, pid); /* whichever of us is first */
    guest->pid = pid;
    guest->keeper = keeper_start(pid);
    return guest->keeper > 0 ? SP_OK : sp_fail_os(err, SP_E_IO, errno, "starting a guest's keeper");
}

/* What the keeper does at our end, and waits until it is done. */
static void group_end(struct guest_process *guest, pid_t group)
{
    kill(-group, SIGKILL);
    guest->pid = 0;
    if (guest->keeper <= 0)
        return;
    kill(guest->keeper, SIGTERM);
    while (waitpid(guest->keeper, NULL, 0) < 0 && errno == EINTR)
        ;
    guest->keeper = 0;
}

bool guest_process_has_ended(struct guest_process *guest)
{
    if (guest->pid > 0 && waitpid(guest->pid, &guest->status, WNOHANG) == guest->pid)
        group_end(guest, guest->pid);
    return guest->pid == 0;
}

int guest_process_end(struct guest_process *guest)
{
    pid_t group = guest->pid;
    if (group <= 0)
        return guest->status;
    kill(-group, SIGKILL);
    while (waitpid(group, &guest->status, 0) < 0 && errno == EINTR)
        ;
    group_end(guest, group);
    return guest->status;
}

enum { STAT_PGRP = 5, STAT_UTIME = 14, STAT_STIME = 15 }; /* of /proc/PID/stat (proc(5)) */

/* A number of that line; `paren` ends its second field, the name, which may hold anything. */
static unsigned long stat_field(const char *paren, int field)
{
    const char *at = paren;
    for (int before = 2; at && before < field; before++)
        at = strchr(at + 1, ' ');
    return at ? strtoul(at, NULL, 10) : 0;
}

static bool proc_read(const char *pid, const char *name, char *text, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/%.20s", pid, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    text[fread(text, 1, cap - 1, file)] = '\0';
    fclose(file);
    return true;
}

/* Adds what a process of that group had of the processors, and what it waited for one. */
static void time_add(struct guest_time *time, const char *pid, pid_t group)
{
    char text[1024];
    const char *paren = proc_read(pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    if (!paren || stat_field(paren, STAT_PGRP) != (unsigned long)group)
        return;
    unsigned long ticks = stat_field(paren, STAT_UTIME) + stat_field(paren, STAT_STIME);
    time->cpu_ns += (int64_t)ticks * (SP_S / sysconf(_SC_CLK_TCK));
    const char *waited = proc_read(pid, "schedstat", text, sizeof text) ? strchr(text, ' ') : NULL;
    if (waited)
        time->waited_ns += strtoll(waited, NULL, 10);
}

struct guest_time guest_process_time(const struct guest_process *guest)
{
    struct guest_time time = {0};
    DIR *dir = guest->pid > 0 ? opendir("/proc") : NULL;
    if (!dir)
        return time;
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            time_add(&time, entry->d_name, guest->pid);
    closedir(dir);
    return time;
}

enum sp_rc sp_guest_version(const char *kernel, char *out, size_t cap, struct sp_err *err)
{
    int fds[2];
    if (access(kernel, X_OK) < 0)
        return sp_fail_os(err, SP_E_USAGE, errno, "no kernel to run: %s", kernel);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fds[1], 1);
        execl(kernel, kernel, "--version", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    ssize_t len = pid > 0 ? read(fds[0], out, cap - 1) : 0;
    close(fds[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    out[len > 0 ? len : 0] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    if (out[0] < '0' || out[0] > '9')
        return sp_fail(
            err, SP_E_USAGE,
            "%s is no user-mode Linux kernel: its --version is '%s' (./dev kernel builds one)",
            kernel, out);
    return SP_OK;
}

/* ---- the console ---------------------------------------------------------------------------- */

/* The end of what it printed, in the arena; "" where there is nothing. */
static char *console_read(const struct guest_process *guest, struct sp_arena *arena)
{
    char path[GUEST_PATH_MAX];
    char *text = sp_arena_alloc(arena, CONSOLE_TAIL_BYTES + 1);
    text[0] = '\0';
    if (guest_path(guest, "console", path, NULL) != SP_OK)
        return text;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        off_t from = st.st_size > CONSOLE_TAIL_BYTES ? st.st_size - CONSOLE_TAIL_BYTES : 0;
        ssize_t len = pread(fd, text, CONSOLE_TAIL_BYTES, from);
        text[len > 0 ? len : 0] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return text;
}

const char *guest_console_panic(const struct guest_process *guest, struct sp_arena *arena)
{
    static const char mark[] = "Kernel panic - not syncing: ";
    char *at = strstr(console_read(guest, arena), mark);
    if (!at)
        return NULL;
    at += sizeof mark - 1;
    at[strcspn(at, "\r\n")] = '\0';
    return at;
}

size_t guest_console_tail(const struct guest_process *guest, struct sp_arena *arena,
                          const char **lines, size_t max)
{
    char *rest = console_read(guest, arena);
    size_t count = 0;
    for (char *line; (line = strsep(&rest, "\r\n"));) {
        if (!*line)
            continue;
        if (count == max)
            memmove(lines, lines + 1, --count * sizeof *lines);
        lines[count++] = line;
    }
    return count;
}
