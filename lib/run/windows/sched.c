/*
 * Many runs on Windows: one after the other, in this process. They share one loopback, and there is
 * no fork() that would give each a process of its own.
 */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include "outcome.h"
#include "windows/interrupt.h"

static const int64_t PROGRESS_NS = 100 * SP_MS;

struct sched {
    struct sp_sched *config;
    size_t done;
    int64_t begin_ns, told_ns;
    const struct sp_run_job *job;
    char id[160];
};

static void progress(struct sched *s, const char *waits_for)
{
    if (!s->config->on_progress)
        return;
    struct sp_progress p = {.total = s->config->job_count,
                            .done = s->done,
                            .running = 1,
                            .running_id = s->id,
                            .waits_for = waits_for,
                            .elapsed_ns = sp_clock_now_ns() - s->begin_ns};
    memcpy(p.by_verdict, s->config->by_verdict, sizeof p.by_verdict);
    for (size_t i = s->done; i < s->config->job_count; i++)
        p.left_ns += s->config->jobs[i].least_ns;
    s->config->on_progress(&p, s->config->arg);
    s->told_ns = sp_clock_now_ns();
}

static void status_show(const char *text, void *arg)
{
    progress(arg, text);
}

static enum sp_rc run_job(struct sched *s, struct sp_run_job *job, struct sp_err *err)
{
    struct sp_arena arena;
    struct sp_result result;
    enum sp_rc rc = SP_OK;
    job->number = (uint16_t)((s->done % SP_LAB_NUMBER_MAX) + 1);
    snprintf(s->id, sizeof s->id, "%s%s@%s@%s", job->case_->id,
             job->case_->rows[job->config.row].suffix, sp_case_lab_name(job->config.lab),
             sp_case_family_name(job->config.family));
    if (sp_clock_now_ns() - s->told_ns > PROGRESS_NS)
        progress(s, "");
    const struct sp_run_records none = {.link_fd = -1};
    struct retries retries = {0};
    sp_arena_init(&arena);
    do
        sp_run_one(job, s->config->env, &none, status_show, s, &arena, &result);
    while (!exec_interrupted() && retry_is_due(job, &result, s->config->tries) &&
           (rc = retry_put(&retries, job, &result, err)) == SP_OK && retry_take(&retries));
    if (rc == SP_OK && !exec_interrupted()) {
        retry_tell(job, &arena, &result);
        rc = outcome_add(s->config, &result, err);
    } else if (rc == SP_OK && retry_before(job)) { /* what was cut off is no verdict */
        rc = outcome_add(s->config, retry_before(job), err);
    }
    s->done += !exec_interrupted();
    retry_forget(job);
    sp_arena_release(&arena);
    return rc;
}

enum sp_rc sp_sched_run(struct sp_sched *config, struct sp_err *err)
{
    struct sched s = {.config = config, .begin_ns = sp_clock_now_ns()};
    enum sp_rc rc = SP_OK;
    config->tracepoints = false;
    config->states_by = "GetExtendedTcpTable";
    snprintf(config->tracepoints_why, sizeof config->tracepoints_why, "Windows has none");
    exec_interrupt_by(config->interrupted);
    for (size_t i = 0; rc == SP_OK && i < config->job_count && !exec_interrupted(); i++)
        rc = run_job(&s, &config->jobs[i], err);
    if (rc == SP_OK && exec_interrupted())
        rc = sp_fail(err, SP_E_INTERRUPTED, "interrupted: %zu of %zu runs are stored", s.done,
                     config->job_count);
    exec_interrupt_by(NULL);
    return rc;
}
