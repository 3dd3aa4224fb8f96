/*
 * A guest as those outside know it, shared by the queue (guests.c), what it says (guest_said.c) and
 * what becomes of it (guest_end.c). Private to lib/run.
 */
#ifndef SP_RUN_GUESTS_H
#define SP_RUN_GUESTS_H

#include "guest.h"
#include "guest_process.h"

struct chunk_job {
    const struct sp_run_job *job;
    char *id;   /* as the guest names it */
    bool begun; /* told by a guest that has several at once */
    bool done;
};

struct guest {
    struct guest_process process;
    int said_fd;
    struct sp_buf input;
    struct chunk_job *jobs;
    size_t job_count;
    size_t left;
    const struct chunk_job *at;   /* the run it works at, NULL none yet */
    const struct chunk_job *last; /* the run that it did last, NULL none yet */
    char waits_for[160];
    int64_t begin_ns;          /* of that run */
    int64_t sign_ns;           /* when it last said something */
    int64_t half_ns;           /* when half of our patience was over, 0 it is not */
    struct guest_time at_half; /* what it had had by then */
    bool came_up;              /* it has said something */
    char error[512];
};

struct guests {
    struct sp_sched *sched;
    const struct sp_guest_config *config;
    struct guest *guests;
    const struct sp_run_job **queue;
    size_t queue_len;
    size_t next;
    size_t done;
    unsigned running;
    unsigned mute; /* guests in a row that came to nothing */
    unsigned made;
    int64_t begin_ns;
    struct sp_arena arena;
};

/* All that it has said since the last time, taken to its runs. */
enum sp_rc guest_said_read(struct guests *g, struct guest *guest, struct sp_err *err);

/* The result of one of its runs: counted, stored, told of. */
enum sp_rc guest_row_take(struct guests *g, struct guest *guest, struct chunk_job *at,
                          const struct sp_result *result, struct sp_err *err);

/* How many of its runs are under way, as far as it has told. */
size_t guest_runs_at_work(const struct guest *guest);

/*
 * Ends a guest and takes leave of it: what it was at is broken, what it has not begun goes back to
 * the queue. `silent_ns`: it is ended since it said nothing for so long; 0: it ended by itself.
 */
enum sp_rc guest_finish(struct guests *g, struct guest *guest, int64_t silent_ns,
                        struct sp_err *err);

#endif
