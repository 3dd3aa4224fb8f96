/*
 * Guests from outside: the queue of runs, the guests at work, the watchdog.
 *
 * The guest's clock is none of ours. Here real time passes, and only the watchdog looks at it: a
 * guest is alive as long as it says something. Its words are read from a file on the host, because
 * a pipe or a terminal would wake the guest from outside its own clock.
 */
#include "guests.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

enum {
    LOOK_MS = 20, /* between looks at what the guests have said */
    /* Runs a guest. Its boot costs as much as some ten of them. */
    CHUNK_MIN = 8,
    CHUNK_MAX = 256,
    CHUNK_QEMU_MIN = 256, /* of a virtual machine it costs as much as a hundred */
    CHUNK_QEMU_MAX = 2048,
    BOOT_PATIENCES = 3, /* a virtual machine may take so much longer to start than to work */
    MESSAGE_MAX = 1 << 20,
    AWAKE_PART = 4,  /* of a time in which it ran, or waited for a processor: it is not asleep */
    ENOUGH_PART = 3, /* of our patience on a processor, while it was silent */
};

/* ---- starting ------------------------------------------------------------------------------- */

static char *job_id(struct sp_arena *arena, const struct sp_run_job *job)
{
    return sp_arena_printf(
        arena, "%s%s@%s@%s", job->case_->id, job->case_->rows[job->config.row].suffix,
        sp_case_lab_name(job->config.lab), sp_case_family_name(job->config.family));
}

static void chunk_take(struct guests *g, struct guest *guest)
{
    bool vm = g->config->kind == SP_GUEST_QEMU;
    size_t guests = g->sched->parallel;
    size_t even = (g->queue_len + guests - 1) / guests;
    size_t least = vm ? CHUNK_QEMU_MIN : CHUNK_MIN;
    size_t most = vm ? CHUNK_QEMU_MAX : CHUNK_MAX;
    size_t waiting = g->queue_len - g->next;
    size_t count = waiting / (2 * guests) + 1; /* so that all end together */
    least = even < least ? even : least;
    count = count < least ? least : count > most ? most : count;
    if (count > waiting)
        count = waiting;
    guest->jobs = SP_ARENA_ARRAY(&g->arena, struct chunk_job, count);
    guest->job_count = guest->left = count;
    for (size_t i = 0; i < count; i++) {
        const struct sp_run_job *job = g->queue[g->next++];
        guest->jobs[i] = (struct chunk_job){.job = job, .id = job_id(&g->arena, job)};
    }
}

/*
 * The folder that a run's own will be made in: shared with the runs of other guests. Whoever comes
 * second would find it there, and a call that fails takes a guest's time (arch/um, handle_syscall).
 */
static enum sp_rc topic_dir_of(const struct guests *g, const struct sp_run_job *job, char *path,
                               size_t cap, struct sp_err *err)
{
    struct sp_arena arena;
    sp_arena_init(&arena);
    const char *dir = sp_store_case_dir(&arena, job->case_->id, "", "", 1);
    int len = snprintf(path, cap, "%s/%s", g->config->results, dir);
    sp_arena_release(&arena);
    if (len < 0 || (size_t)len >= cap)
        return sp_fail(err, SP_E_LIMIT, "a path too long: %s", g->config->results);
    *strrchr(path, '/') = '\0';
    return SP_OK;
}

static enum sp_rc topic_dirs_make(const struct guests *g, const struct guest *guest,
                                  struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    char path[GUEST_PATH_MAX];
    for (size_t i = 0; rc == SP_OK && i < guest->job_count; i++) {
        rc = topic_dir_of(g, guest->jobs[i].job, path, sizeof path, err);
        if (rc == SP_OK)
            rc = sp_dir_make(path, err);
    }
    return rc;
}

/* Of topics in which every run was skipped. */
static void empty_topic_dirs_remove(const struct guests *g)
{
    char path[GUEST_PATH_MAX];
    for (size_t i = 0; i < g->next; i++)
        if (topic_dir_of(g, g->queue[i], path, sizeof path, NULL) == SP_OK)
            (void)rmdir(path);
}

static enum sp_rc job_file_write(const struct guests *g, const struct guest *guest,
                                 struct sp_err *err)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_buf_addstr(&text, g->config->about);
    for (size_t i = 0; i < guest->job_count; i++) {
        const struct sp_run_job *job = guest->jobs[i].job;
        sp_buf_addf(&text, "run\t%s\t%zu\t%s\t%s\t%d\t%s\n", job->case_->file, job->config.row,
                    sp_case_lab_name(job->config.lab), sp_case_family_name(job->config.family),
                    job->repeat, job->appliance ? job->appliance->name : "");
    }
    char path[GUEST_PATH_MAX];
    enum sp_rc rc = guest_path(&guest->process, "job", path, err);
    FILE *file = rc == SP_OK ? fopen(path, "we") : NULL;
    bool ok = file && fwrite(text.data, 1, text.len, file) == text.len;
    if (file && fclose(file) != 0)
        ok = false;
    if (rc == SP_OK && !ok)
        rc = sp_fail_os(err, SP_E_IO, errno, "writing %s", path);
    sp_buf_release(&text);
    return rc;
}

static enum sp_rc said_open(struct guest *guest, struct sp_err *err)
{
    char path[GUEST_PATH_MAX];
    enum sp_rc rc = guest_path(&guest->process, "said", path, err);
    if (rc != SP_OK)
        return rc;
    guest->said_fd = open(path, O_RDONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return guest->said_fd >= 0 ? SP_OK : sp_fail_os(err, SP_E_IO, errno, "making %s", path);
}

static enum sp_rc guest_start(struct guests *g, struct guest *guest, struct sp_err *err)
{
    *guest = (struct guest){.said_fd = -1};
    sp_buf_init(&guest->input, MESSAGE_MAX * 2);
    chunk_take(g, guest);
    enum sp_rc rc = guest_process_prepare(&guest->process, g->config->results, g->made++, err);
    if (rc == SP_OK)
        rc = topic_dirs_make(g, guest, err);
    if (rc == SP_OK)
        rc = job_file_write(g, guest, err);
    if (rc == SP_OK)
        rc = said_open(guest, err);
    if (rc == SP_OK)
        rc = guest_process_start(&guest->process, g->config, (unsigned)(guest - g->guests), err);
    guest->sign_ns = guest->begin_ns = sp_clock_now_ns();
    if (rc == SP_OK)
        g->running++;
    return rc;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void guests_kill(struct guests *g)
{
    for (unsigned i = 0; i < g->sched->parallel; i++) {
        struct guest *guest = &g->guests[i];
        if (!guest->process.dir[0])
            continue;
        guest_process_end(&guest->process);
        guest_process_release(&guest->process);
        if (guest->said_fd >= 0)
            close(guest->said_fd);
        sp_buf_release(&guest->input);
    }
}

static size_t runs_at_work(const struct guests *g)
{
    size_t count = 0;
    for (unsigned i = 0; i < g->sched->parallel; i++)
        if (g->guests[i].process.dir[0])
            count += guest_runs_at_work(&g->guests[i]);
    return count;
}

static void progress(struct guests *g)
{
    struct sp_progress p = {.total = g->sched->job_count,
                            .done = g->done,
                            .running = runs_at_work(g),
                            .running_id = "",
                            .waits_for = "",
                            .elapsed_ns = sp_clock_now_ns() - g->begin_ns};
    memcpy(p.by_verdict, g->sched->by_verdict, sizeof p.by_verdict);
    const struct guest *oldest = NULL;
    for (unsigned i = 0; i < g->sched->parallel; i++)
        if (g->guests[i].at && (!oldest || g->guests[i].begin_ns < oldest->begin_ns))
            oldest = &g->guests[i];
    if (oldest) {
        p.running_id = oldest->at->id;
        p.waits_for = oldest->waits_for;
    }
    if (g->sched->on_progress)
        g->sched->on_progress(&p, g->sched->arg);
}

/*
 * A guest that sleeps has no excuse. One that could run is measured, in the second half of our
 * patience, by what it had of a processor: others may have it meanwhile.
 */
static bool has_tried_patience(struct guest *guest, int64_t silent_ns, int64_t patience_ns)
{
    int64_t now_ns = guest->sign_ns + silent_ns;
    if (silent_ns <= patience_ns / 2) {
        guest->half_ns = 0;
        return false;
    }
    if (!guest->half_ns) {
        guest->half_ns = now_ns;
        guest->at_half = guest_process_time(&guest->process);
    }
    int64_t half_ns = now_ns - guest->half_ns;
    if (half_ns < patience_ns / 2)
        return false;
    struct guest_time now = guest_process_time(&guest->process);
    int64_t cpu_ns = now.cpu_ns - guest->at_half.cpu_ns;
    int64_t waited_ns = now.waited_ns - guest->at_half.waited_ns;
    return cpu_ns + waited_ns < half_ns / AWAKE_PART || cpu_ns > patience_ns / ENOUGH_PART;
}

static enum sp_rc guest_serve(struct guests *g, struct guest *guest, struct sp_err *err)
{
    enum sp_rc rc = guest_said_read(g, guest, err);
    int64_t silent_ns = sp_clock_now_ns() - guest->sign_ns;
    bool boots = g->config->kind == SP_GUEST_QEMU && !guest->came_up;
    int64_t patience_ns = g->config->patience_ns * (boots ? BOOT_PATIENCES : 1);
    if (rc != SP_OK)
        return rc;
    if (guest_process_has_ended(&guest->process))
        return guest_finish(g, guest, 0, err);
    return has_tried_patience(guest, silent_ns, patience_ns)
               ? guest_finish(g, guest, silent_ns, err)
               : SP_OK;
}

static enum sp_rc round_of_guests(struct guests *g, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    for (unsigned i = 0; rc == SP_OK && i < g->sched->parallel; i++) {
        struct guest *guest = &g->guests[i];
        if (guest->process.dir[0])
            rc = guest_serve(g, guest, err);
        else if (g->next < g->queue_len)
            rc = guest_start(g, guest, err);
    }
    return rc;
}

enum sp_rc sp_guests_run(struct sp_sched *sched, const struct sp_guest_config *config,
                         struct sp_err *err)
{
    struct guests g = {.sched = sched, .config = config, .begin_ns = sp_clock_now_ns()};
    enum sp_rc rc = guest_dirs_clean(config->results, err);
    sched->tracepoints = true;
    sp_arena_init(&g.arena);
    g.guests = sp_xcalloc(sched->parallel, sizeof *g.guests);
    g.queue = sp_xcalloc(sched->job_count + 1, sizeof *g.queue);
    for (size_t i = 0; i < sched->job_count; i++)
        g.queue[g.queue_len++] = &sched->jobs[i];
    while (rc == SP_OK && g.done < sched->job_count) {
        if (sched->interrupted && *sched->interrupted) {
            rc = sp_fail(err, SP_E_INTERRUPTED, "interrupted: %zu of %zu runs are stored", g.done,
                         sched->job_count);
            break;
        }
        rc = round_of_guests(&g, err);
        progress(&g);
        if (rc == SP_OK && g.done < sched->job_count)
            poll(NULL, 0, LOOK_MS);
    }
    /* the last ones are through and about to switch off: what they say at the end is wanted */
    while (rc == SP_OK && g.running) {
        rc = round_of_guests(&g, err);
        poll(NULL, 0, LOOK_MS);
    }
    guests_kill(&g);
    empty_topic_dirs_remove(&g);
    free(g.queue);
    free(g.guests);
    sp_arena_release(&g.arena);
    return rc;
}
