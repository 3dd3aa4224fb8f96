/*
 * What the commands ask of the operating system, beside reading and writing files: os.c on POSIX
 * systems, windows/os.c on Windows.
 */
#ifndef SP_RUNNER_OS_H
#define SP_RUNNER_OS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Once, before anything is printed: the locale, bytes as they are, a terminal that knows colours;
 * the words of the command line with folders joined by '/'.
 */
void os_start(int argc, char **argv);

/* This program's own file, folders joined by '/'; false where that cannot be told. */
bool os_program(char *out, size_t cap);
/* A file that is there as an absolute path, folders joined by '/'; the caller frees it. NULL: it is
 * not there. */
char *os_real_path(const char *path);
/* Whether a shell's pattern (* ? [a-z]) is all of the text. */
bool os_match(const char *pattern, const char *text);

/* Standard output or error: whether a person sees it, and how many columns it has (0 unknown). */
bool os_is_terminal(int fd);
int os_columns(int fd);
/* Whether what is printed may hold more than ASCII. */
bool os_has_unicode(void);

/* The time of the day now, as RFC 3339 has it: 20 characters. */
void os_date(char *out, size_t cap);

/* The machine, as run.json tells of it. */
struct os_machine {
    char sysname[80], release[80], arch[80], hostname[80];
    int cpus;
};
void os_machine(struct os_machine *machine);

/* Whether the program may capture on this machine's own network. */
bool os_is_root(void);

/* *interrupted becomes non-zero when a person, or the system, ends the program. */
void os_on_interrupt(volatile int *interrupted);
/* Makes room for as many descriptors as many runs at once need. */
void os_raise_file_limit(void);
/* How many runs can be made at once. */
int os_jobs_max(void);

#endif
