/*
 * What becomes of a run's result: it stays (counted, stored, told of), or the run is made again,
 * because the machine and not the stack kept it from being judged: it stood still, or a witness
 * lost events. What the first try came to is kept until the second has come to something, so that
 * nothing is lost where a person ends it between the two. Private to lib/run.
 */
#ifndef SP_RUN_OUTCOME_H
#define SP_RUN_OUTCOME_H

#include "run.h"

/* A result that stays. */
enum sp_rc outcome_add(struct sp_sched *sched, const struct sp_result *result, struct sp_err *err);

struct retry;

/* Those that wait for their next try, the first one first; zeroed: none. */
struct retries {
    struct retry *first, *last;
    size_t len;
};

/* Whether a run that came to this is to be made again, of `tries` at most. */
bool retry_is_due(const struct sp_run_job *job, const struct sp_result *result, unsigned tries);

/* Puts the job to those that wait, with a copy of its result. */
enum sp_rc retry_put(struct retries *retries, struct sp_run_job *job,
                     const struct sp_result *result, struct sp_err *err);
/* The next of them, NULL none. What it came to before stays with the job. */
struct sp_run_job *retry_take(struct retries *retries);

/* Says in the result of a job that it was made again, and why; in `arena`. */
void retry_tell(const struct sp_run_job *job, struct sp_arena *arena, struct sp_result *result);
/* What the job's run came to before, NULL: it is the first. Valid until retry_forget(). */
const struct sp_result *retry_before(const struct sp_run_job *job);
void retry_forget(struct sp_run_job *job);

#endif
