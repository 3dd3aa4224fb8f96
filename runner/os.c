#include "os.h"

#include <fnmatch.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void os_start(int argc, char **argv)
{
    (void)argc, (void)argv;
    setlocale(LC_CTYPE, "");
}

bool os_program(char *out, size_t cap)
{
    ssize_t len = readlink("/proc/self/exe", out, cap - 1);
    out[len > 0 ? len : 0] = '\0';
    return len > 0;
}

char *os_real_path(const char *path)
{
    return realpath(path, NULL);
}

bool os_match(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

bool os_is_terminal(int fd)
{
    return isatty(fd);
}

int os_columns(int fd)
{
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool os_has_unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void os_date(char *out, size_t cap)
{
    time_t now = time(NULL);
    struct tm tm;
    strftime(out, cap, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

void os_machine(struct os_machine *machine)
{
    struct utsname uts = {0};
    uname(&uts);
    snprintf(machine->sysname, sizeof machine->sysname, "%s", uts.sysname);
    snprintf(machine->release, sizeof machine->release, "%s", uts.release);
    snprintf(machine->arch, sizeof machine->arch, "%s", uts.machine);
    snprintf(machine->hostname, sizeof machine->hostname, "%s", uts.nodename);
    machine->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static volatile int *interrupt;

static void on_signal(int signal)
{
    *interrupt = signal;
}

void os_on_interrupt(volatile int *interrupted)
{
    struct sigaction action = {.sa_handler = on_signal};
    interrupt = interrupted;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Two pipes and a socket pair a run, and what the collector holds. */
void os_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int os_jobs_max(void)
{
    return 512;
}

bool os_is_root(void)
{
    return geteuid() == 0;
}
