/* A worker as the main process knows it: what it is at, and what it has said. Private to lib/run.
 */
#ifndef SP_RUN_CHILD_H
#define SP_RUN_CHILD_H

#include <sys/types.h>

#include "run.h"

struct child {
    pid_t pid; /* 0: there is none */
    int fd;    /* the socket that it is told its jobs on, and tells of them */
    int link_fd;
    unsigned jobs_left;     /* that it will take, beside the one it has */
    double told_ms;         /* CPU time that it has told of, of the jobs before */
    struct sp_run_job *job; /* NULL: it waits for one */
    char id[160];
    char waits_for[160];
    int64_t begin_ns;
    struct sp_addr client, server, second;
    struct sp_tp_record batch[SP_LINK_BATCH];
    size_t batch_len;
    bool lost;
    bool ready; /* has something to be read */
    struct sp_buf input;
    struct sp_arena arena;
    struct sp_result result;
    bool has_result;
};

/* Records of tracepoints that are sent to it: those of its run's addresses. */
bool child_owns(const struct child *child, const struct sp_tp_record *record);
void child_records_add(struct child *child, const struct sp_tp_record *record);
void child_records_flush(struct child *child);

/* Takes what it has said. True when it has ended its side, or its run. */
bool child_read(struct child *child);
/* Its run left no row: one that says why. `status`: what wait() told of it. */
void child_result_missing(struct child *child, int status, bool timed_out);

/* Waits for one that has ended, or is about to; CPU time of all that it has run, in ms. */
double child_wait(struct child *child, int *status);
/* One that waits, and for which there is no job any more. */
void child_dismiss(struct child *child);

#endif
