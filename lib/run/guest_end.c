/* The end of a guest: what became of it, who is told of that, what goes back to the queue. */
#include "guests.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MUTE_MAX = 3, /* guests in a row that end before their first run */
    MUTE_QEMU_MAX = 2,
    CONSOLE_LINES = 8, /* told of a guest that died */
    BUSY_PART = 50,    /* of the second half of its silence on a processor: it is not asleep */
};

/* What became of it, in one sentence; `silent_ns`: it was ended after so long without a sign. */
static const char *what_happened(struct guest *guest, struct sp_arena *arena, int64_t silent_ns,
                                 int status)
{
    const char *panic = guest_console_panic(&guest->process, arena);
    char span[32];
    if (panic)
        return sp_arena_printf(arena, "the guest's kernel panicked: %s", panic);
    if (silent_ns) {
        int64_t cpu_ns = guest_process_time(&guest->process).cpu_ns - guest->at_half.cpu_ns;
        sp_duration_print(silent_ns / SP_S * SP_S, span, sizeof span);
        return cpu_ns > silent_ns / BUSY_PART
                   ? sp_arena_printf(arena,
                                     "the guest computed for %s without a sign and was ended", span)
                   : sp_arena_printf(arena, "the guest hung for %s and was ended", span);
    }
    if (*guest->error)
        return sp_arena_printf(arena, "the guest cannot work: %s", guest->error);
    if (WIFSIGNALED(status))
        return sp_arena_printf(arena, "the guest was ended by signal %d (%s)", WTERMSIG(status),
                               strsignal(WTERMSIG(status)));
    return sp_arena_printf(arena, "the guest ended with %d before its runs did",
                           WEXITSTATUS(status));
}

static enum sp_rc blame(struct guests *g, struct guest *guest, struct chunk_job *at,
                        const char *why, struct sp_err *err)
{
    struct sp_result result;
    sp_run_row_missing(at->job, &g->arena, &result);
    result.reason = why;
    result.duration_ms = (double)(sp_clock_now_ns() - guest->begin_ns) / 1e6;
    result.notes = SP_ARENA_ARRAY(&g->arena, const char *, CONSOLE_LINES);
    result.note_count = guest_console_tail(&guest->process, &g->arena, result.notes, CONSOLE_LINES);
    return guest_row_take(g, guest, at, &result, err);
}

static bool was_at(const struct guest *guest, const struct chunk_job *job)
{
    return !job->done && (job->begun || job == guest->at);
}

size_t guest_runs_at_work(const struct guest *guest)
{
    size_t count = 0;
    for (size_t i = 0; i < guest->job_count; i++)
        count += was_at(guest, &guest->jobs[i]);
    return count;
}

/* Of several at once nobody outside can say which one it was: each is told of. */
static enum sp_rc blame_all(struct guests *g, struct guest *guest, const char *why,
                            struct sp_err *err)
{
    size_t count = guest_runs_at_work(guest);
    enum sp_rc rc = SP_OK;
    if (count > 1)
        why = sp_arena_printf(&g->arena, "%s, with %zu runs under way", why, count);
    for (size_t i = 0; rc == SP_OK && i < guest->job_count; i++)
        if (was_at(guest, &guest->jobs[i]))
            rc = blame(g, guest, &guest->jobs[i], why, err);
    return rc;
}

/*
 * Between two runs: what the one before left behind may be why (a namespace is taken down when its
 * run is over). The next one is told of, since a row is there to be had for it.
 */
static enum sp_rc blame_next(struct guests *g, struct guest *guest, const char *why,
                             struct sp_err *err)
{
    size_t next = 0;
    while (guest->jobs[next].done)
        next++;
    why = sp_arena_printf(&g->arena, "%s, after %s was over", why, guest->last->id);
    return blame(g, guest, &guest->jobs[next], why, err);
}

/* It has not come as far as to a run: once is nothing, always is the end. */
static enum sp_rc mute_take(struct guests *g, struct guest *guest, const char *why,
                            struct sp_err *err)
{
    const char *last = NULL;
    bool vm = g->config->kind == SP_GUEST_QEMU;
    if (++g->mute < (vm ? MUTE_QEMU_MAX : MUTE_MAX) && !guest->error[0])
        return SP_OK;
    bool spoke = guest_console_tail(&guest->process, &g->arena, &last, 1) == 1;
    return sp_fail(err, SP_E_IO, "%s%s%s%s (%s)", vm && !guest->came_up ? "no guest came up: " : "",
                   why, spoke ? "; its last words: " : "", spoke ? last : "", g->config->kernel);
}

/* What it has not run goes back to the queue, in its old order. */
static void requeue(struct guests *g, const struct guest *guest)
{
    for (size_t i = guest->job_count; i-- > 0;)
        if (!guest->jobs[i].done)
            g->queue[--g->next] = guest->jobs[i].job;
}

enum sp_rc guest_finish(struct guests *g, struct guest *guest, int64_t silent_ns,
                        struct sp_err *err)
{
    const char *why = NULL;
    if (silent_ns) /* while its CPU time can still be read */
        why = what_happened(guest, &g->arena, silent_ns, 0);
    int status = guest_process_end(&guest->process);
    enum sp_rc rc = guest_said_read(g, guest, err);
    if (rc == SP_OK && guest->left) {
        if (!why)
            why = what_happened(guest, &g->arena, 0, status);
        rc = guest_runs_at_work(guest) ? blame_all(g, guest, why, err)
             : guest->last             ? blame_next(g, guest, why, err)
                                       : mute_take(g, guest, why, err);
        if (rc == SP_OK)
            requeue(g, guest);
    }
    guest_process_release(&guest->process);
    close(guest->said_fd);
    sp_buf_release(&guest->input);
    *guest = (struct guest){0};
    g->running--;
    return rc;
}
