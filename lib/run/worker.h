/*
 * The processes that runs are made in. One is a child of the main process and makes some runs, one
 * after the other, each in namespaces of its own: a fork for each would cost a tenth of what a run
 * costs. It is told by the number of a job what to run, on a socket, and answers there.
 */
#ifndef SP_RUN_WORKER_H
#define SP_RUN_WORKER_H

#include <stdint.h>

#include "run.h"

enum { WORKER_MESSAGE_MAX = 1 << 20 };

/* What a worker says, in messages (message.h). */
enum worker_says {
    WORKER_WAITS = 'S',  /* what the run waits for, for people */
    WORKER_RESULT = 'R', /* the run's row, as JSON: it has ended */
};

/* What a worker is told. */
struct worker_order {
    uint32_t job;          /* its place among the jobs */
    uint16_t number;       /* its addresses on this machine */
    uint16_t last;         /* whether the worker ends after it */
    uint32_t tries_before; /* its count, which is newer than the worker */
    struct sp_addr own[3]; /* the run's addresses */
};

/*
 * In the child: makes the runs that it is told of until it is told of the last, the socket ends or
 * a run was broken, which may have left anything. `jobs` are the main process's, as they were at
 * the fork; `records` is filled but for the addresses.
 */
_Noreturn void worker_main(const struct sp_run_job *jobs, size_t job_count,
                           const struct sp_run_env *env, int fd,
                           const struct sp_run_records *records);

#endif
