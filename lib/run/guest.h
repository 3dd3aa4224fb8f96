/*
 * Runs inside guests: kernels that this machine starts as processes (user-mode Linux).
 *
 * Outside, sp_guests_run() does for guests what sp_sched_run() does for processes: it deals the
 * runs out in chunks, a guest each, takes rows as they come, and ends a guest that gives no sign.
 * Inside, our own program is the first process (sp_guest_say); it works through its chunk one run
 * at a time, so that on a clock that jumps nothing else wakes.
 *
 * The two share a folder below the results, which the guest mounts over hostfs:
 *
 *   RESULTS/.guest-N/job      what to run: lines of words with tabs between
 *   RESULTS/.guest-N/said     messages of the guest, appended
 *   RESULTS/.guest-N/console  what its kernel printed
 *   RESULTS/.guest-N/init     a link to our own program
 */
#ifndef SP_RUN_GUEST_H
#define SP_RUN_GUEST_H

#include "run.h"

struct sp_guest_config {
    const char *kernel;  /* path of a user-mode Linux kernel */
    const char *program; /* absolute path of the program that it starts */
    const char *results; /* absolute path of the results folder */
    const char *about;   /* lines that every job file begins with */
    int64_t patience_ns; /* real time: a guest that says nothing for so long is ended */
};

/* The version of a user-mode Linux kernel, "6.12.38"; SP_E_USAGE where the file is none. */
enum sp_rc sp_guest_version(const char *kernel, char *out, size_t cap, struct sp_err *err);

/*
 * Runs all jobs, `sched->parallel` guests at once, and stores each result as it comes. A guest that
 * dies, hangs or computes without end costs the run that it was at (`broken`, with the kernel's
 * last words); the rest of its chunk goes to another. SP_E_INTERRUPTED as sp_sched_run(); SP_E_IO
 * where guests do not start at all.
 */
enum sp_rc sp_guests_run(struct sp_sched *sched, const struct sp_guest_config *config,
                         struct sp_err *err);

/* ---- inside --------------------------------------------------------------------------------- */

enum sp_guest_word {
    SP_GUEST_STATUS = 'S', /* id, tab, what it waits for */
    SP_GUEST_RESULT = 'R', /* a row as JSON */
    SP_GUEST_END = 'E',    /* tracepoints (0, 1), tab, hidden states, tab, why no tracepoints */
    SP_GUEST_ERROR = 'X',  /* a sentence: the guest cannot work */
};

/* Appends a message to the file that the outside reads; false where it cannot be written. */
bool sp_guest_say(int fd, enum sp_guest_word word, const char *data, size_t len_bytes);

/* Offset of the words of a job's line `run`, which is what sp_guests_run() writes. */
enum sp_guest_run_word {
    SP_GUEST_RUN_FILE = 1,
    SP_GUEST_RUN_ROW,
    SP_GUEST_RUN_LAB,
    SP_GUEST_RUN_FAMILY,
    SP_GUEST_RUN_REPEAT,
    SP_GUEST_RUN_BOX, /* the appliance's name, "" none */
    SP_GUEST_RUN_WORDS
};

#endif
