/*
 * The box of the path lab: takes every frame from one link and puts it on the other, unless a
 * rule of the case says otherwise. In user space and in the runner's own loop, so that what
 * happens to the n-th segment is exact and repeatable. Private to lib/run.
 */
#ifndef SP_RUN_PATH_H
#define SP_RUN_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "lab.h"
#include "script.h"
#include "trace.h"

struct path;

/* What the path is told of the run; the trace must outlive it. */
struct path_config {
    const struct sp_lab *lab;
    struct sp_trace *trace; /* takes the actions (SP_EV_LAB); its head tells times and addresses */
};

enum sp_rc path_new(const struct path_config *config, struct path **out, struct sp_err *err);
void path_free(struct path *path);
/* The two descriptors to poll for input. */
void path_fds(const struct path *path, int fds[2]);
/* When the next delayed frame is due, on the trace's clock; 0 none. */
int64_t path_next_ns(const struct path *path);

/* Forwards, holds, changes or drops all frames that have arrived, and sends those that are due;
 * notes what a rule did in the trace. */
enum sp_rc path_run(struct path *path, struct sp_err *err);

/* Silence: frames of both directions are taken and thrown away, the links stay up. */
void path_cut(struct path *path, bool on);

/* Where an injected segment goes if no connection that was seen fits. */
struct path_target {
    struct sp_addr from;  /* `from=`; family 0: not written */
    struct sp_addr to;    /* `to=` */
    uint32_t labelled[2]; /* what the labels of seq= and ack= stand for */
    uint16_t listener;    /* of the end that receives it; 0 none */
    uint32_t order;       /* of the statement's own event, which tells of what was injected */
};

/*
 * A `middle` statement, which may let held frames go or send one. The statement must outlive the
 * path. SP_E_USAGE where it asks for what is not there (nothing was kept, no connection).
 */
enum sp_rc path_rule(struct path *path, const struct sp_stmt *stmt,
                     const struct path_target *target, struct sp_err *err);

#endif
