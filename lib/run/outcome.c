#include "outcome.h"

#include <stdlib.h>

struct retry {
    struct retry *next;
    struct sp_run_job *job;
    struct sp_arena arena;
    struct sp_result result; /* of the try before, in the arena */
};

enum sp_rc outcome_add(struct sp_sched *sched, const struct sp_result *result, struct sp_err *err)
{
    sched->by_verdict[result->verdict]++;
    sched->made_again += result->tries > 1;
    enum sp_rc rc = sched->store ? sp_store_add(sched->store, result, err) : SP_OK;
    if (sched->on_result)
        sched->on_result(result, sched->arg);
    return rc;
}

void sp_run_row_missing(const struct sp_run_job *job, struct sp_arena *arena,
                        struct sp_result *result)
{
    *result = (struct sp_result){
        .id = sp_arena_printf(arena, "%s%s", job->case_->id,
                              job->case_->rows[job->config.row].suffix),
        .topic = job->case_->topic,
        .title = job->case_->title,
        .lab = sp_case_lab_name(job->config.lab),
        .family = sp_case_family_name(job->config.family),
        .repeat = job->repeat,
        .verdict = SP_VERDICT_BROKEN,
        .file = job->case_->file,
    };
    result->dir = sp_store_case_dir(arena, result->id, result->lab, result->family, result->repeat);
}

bool retry_is_due(const struct sp_run_job *job, const struct sp_result *result, unsigned tries)
{
    return result->verdict == SP_VERDICT_INCONCLUSIVE && result->by_machine &&
           job->tries_before + 1 < tries;
}

static enum sp_rc copy_of(const struct sp_result *result, struct sp_arena *arena,
                          struct sp_result *copy, struct sp_err *err)
{
    struct sp_buf row;
    sp_buf_init(&row, 0);
    enum sp_rc rc = sp_result_write(result, &row, err);
    if (rc == SP_OK)
        rc = sp_result_read(row.data, row.len, arena, copy, err);
    sp_buf_release(&row);
    return rc;
}

enum sp_rc retry_put(struct retries *retries, struct sp_run_job *job,
                     const struct sp_result *result, struct sp_err *err)
{
    struct retry *retry = sp_xcalloc(1, sizeof *retry);
    sp_arena_init(&retry->arena);
    enum sp_rc rc = copy_of(result, &retry->arena, &retry->result, err);
    retry_forget(job);
    job->before = retry;
    job->tries_before++;
    retry->job = job;
    if (retries->last)
        retries->last->next = retry;
    else
        retries->first = retry;
    retries->last = retry;
    retries->len++;
    return rc;
}

struct sp_run_job *retry_take(struct retries *retries)
{
    struct retry *retry = retries->first;
    if (!retry)
        return NULL;
    retries->first = retry->next;
    if (!retries->first)
        retries->last = NULL;
    retries->len--;
    return retry->job;
}

void retry_tell(const struct sp_run_job *job, struct sp_arena *arena, struct sp_result *result)
{
    if (!job->before)
        return;
    const char **notes = SP_ARENA_ARRAY(arena, const char *, result->note_count + 1);
    for (size_t i = 0; i < result->note_count; i++)
        notes[i] = result->notes[i];
    notes[result->note_count++] =
        sp_arena_printf(arena, "made %u times; the one before was inconclusive: %s",
                        job->tries_before + 1, job->before->result.reason);
    result->notes = notes;
    result->tries = (int)job->tries_before + 1;
}

const struct sp_result *retry_before(const struct sp_run_job *job)
{
    return job->before ? &job->before->result : NULL;
}

void retry_forget(struct sp_run_job *job)
{
    if (!job->before)
        return;
    sp_arena_release(&job->before->arena);
    free(job->before);
    job->before = NULL;
}
