/*
 * One guest as a process of this machine: its folder, its start, its end, its console. Private to
 * lib/run.
 */
#ifndef SP_RUN_GUEST_PROCESS_H
#define SP_RUN_GUEST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "guest.h"
#include "mem.h"

enum { GUEST_PATH_MAX = 4096 };

struct guest_process {
    char dir[GUEST_PATH_MAX]; /* "" none */
    pid_t pid;                /* and its process group; 0: not started, or waited for */
    pid_t keeper;             /* ends the group when we are gone; 0 none */
    int status;               /* of waitpid, once it has ended */
};

/* RESULTS/.guest-N: made, and empty. */
enum sp_rc guest_process_prepare(struct guest_process *guest, const char *results, unsigned number,
                                 struct sp_err *err);
enum sp_rc guest_path(const struct guest_process *guest, const char *name,
                      char path[GUEST_PATH_MAX], struct sp_err *err);
/*
 * Starts the kernel with `program guest DIR` as its first process. User-mode kernels of different
 * `place` have different processors, as far as there are as many.
 */
enum sp_rc guest_process_start(struct guest_process *guest, const struct sp_guest_config *config,
                               unsigned place, struct sp_err *err);
bool guest_process_has_ended(struct guest_process *guest);
/* Ends it if it still runs, with all processes that it made; its exit status. */
int guest_process_end(struct guest_process *guest);
struct guest_time {
    int64_t cpu_ns;    /* user and system */
    int64_t waited_ns; /* for a processor that others had: run_delay of schedstat (proc(5)) */
};
/* Of all its processes so far; 0 where that cannot be read. */
struct guest_time guest_process_time(const struct guest_process *guest);
/* Removes its folder. */
void guest_process_release(struct guest_process *guest);
/* Removes what guests of an earlier run, killed in its middle, have left. */
enum sp_rc guest_dirs_clean(const char *results, struct sp_err *err);

/* What the kernel said when it panicked, NULL where it did not. */
const char *guest_console_panic(const struct guest_process *guest, struct sp_arena *arena);
/* The last lines of the console, oldest first; returns how many. */
size_t guest_console_tail(const struct guest_process *guest, struct sp_arena *arena,
                          const char **lines, size_t max);

#endif
