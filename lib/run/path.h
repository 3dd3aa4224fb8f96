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

enum sp_rc path_new(const struct sp_lab *lab, struct path **out, struct sp_err *err);
void path_free(struct path *path);
/* The two descriptors to poll for input. */
void path_fds(const struct path *path, int fds[2]);

/* Forwards, holds or drops all frames that have arrived; notes what a rule did in the trace
 * (SP_EV_LAB at now_ns). */
enum sp_rc path_run(struct path *path, struct sp_trace *trace, int64_t now_ns, struct sp_err *err);

/* Silence: frames of both directions are taken and thrown away, the links stay up. */
void path_cut(struct path *path, bool on);

/* A `middle` statement, which may let held frames go. The statement must outlive the path. */
enum sp_rc path_rule(struct path *path, const struct sp_stmt *stmt, struct sp_trace *trace,
                     int64_t now_ns, struct sp_err *err);

#endif
