/*
 * Guests from outside: the queue of runs, the guests at work, the watchdog.
 *
 * The guest's clock is none of ours. Here real time passes, and only the watchdog looks at it: a
 * guest is alive as long as it says something. Its words are read from a file on the host, because
 * a pipe or a terminal would wake the guest from outside its own clock.
 */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "guest_process.h"

enum {
    LOOK_MS = 20, /* between looks at what the guests have said */
    /* Runs a guest. Its boot costs as much as some ten of them. */
    CHUNK_MIN = 8,
    CHUNK_MAX = 256,
    CHUNK_QEMU_MIN = 256, /* of a virtual machine it costs as much as a hundred */
    CHUNK_QEMU_MAX = 2048,
    MUTE_MAX = 3, /* guests in a row that end before their first run */
    MUTE_QEMU_MAX = 2,
    BOOT_PATIENCES = 3, /* a virtual machine may take so much longer to start than to work */
    MESSAGE_MAX = 1 << 20,
    CONSOLE_LINES = 8, /* told of a guest that died */
    AWAKE_PART = 4,    /* of a time in which it ran, or waited for a processor: it is not asleep */
    ENOUGH_PART = 3,   /* of our patience on a processor, while it was silent */
    BUSY_PART = 50,    /* of the second half of its silence on a processor: it is not asleep */
};

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
    bool ended;                /* it said that it is through */
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

/* ---- what it says --------------------------------------------------------------------------- */

static struct chunk_job *job_named(struct guest *guest, const char *id, int repeat)
{
    for (size_t i = 0; i < guest->job_count; i++)
        if (!guest->jobs[i].done && strcmp(guest->jobs[i].id, id) == 0 &&
            (!repeat || guest->jobs[i].job->repeat == repeat))
            return &guest->jobs[i];
    return NULL;
}

static enum sp_rc row_take(struct guests *g, struct guest *guest, struct chunk_job *at,
                           const struct sp_result *result, struct sp_err *err)
{
    at->done = true;
    guest->last = at;
    guest->left--;
    if (guest->at == at)
        guest->at = NULL;
    g->done++;
    g->mute = 0;
    g->sched->by_verdict[result->verdict]++;
    enum sp_rc rc = sp_store_add(g->sched->store, result, err);
    if (g->sched->on_result)
        g->sched->on_result(result, g->sched->arg);
    return rc;
}

static enum sp_rc result_take(struct guests *g, struct guest *guest, const char *data, size_t len,
                              struct sp_err *err)
{
    struct sp_arena arena;
    struct sp_result result;
    sp_arena_init(&arena);
    enum sp_rc rc = sp_result_read(data, len, &arena, &result, err);
    if (rc == SP_OK) {
        char id[256];
        snprintf(id, sizeof id, "%s@%s@%s", result.id, result.lab, result.family);
        struct chunk_job *at = job_named(guest, id, result.repeat);
        rc = at ? row_take(g, guest, at, &result, err)
                : sp_fail(err, SP_E_PROTO, "a guest told of %s, which it was not to run", id);
    }
    sp_arena_release(&arena);
    return rc;
}

static void status_take(struct guest *guest, const char *data, size_t len)
{
    char text[320];
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    char *tab = strchr(text, '\t');
    if (!tab)
        return;
    *tab = '\0';
    if (!guest->at || strcmp(guest->at->id, text) != 0) {
        guest->at = job_named(guest, text, 0);
        guest->begin_ns = sp_clock_now_ns();
    }
    snprintf(guest->waits_for, sizeof guest->waits_for, "%s", tab + 1);
}

static void begin_take(struct guest *guest, const char *data, size_t len)
{
    char text[320];
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    char *tab = strchr(text, '\t');
    if (!tab)
        return;
    *tab = '\0';
    struct chunk_job *job = job_named(guest, text, (int)strtol(tab + 1, NULL, 10));
    if (job)
        job->begun = true;
}

static void end_take(struct guests *g, struct guest *guest, const char *data, size_t len)
{
    char text[640], *rest;
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    guest->ended = true;
    bool tracepoints = strtol(text, &rest, 10) != 0;
    if (*rest != '\t')
        return;
    g->sched->hidden_states += strtoull(rest + 1, &rest, 10);
    if (!tracepoints && *rest == '\t') {
        g->sched->tracepoints = false;
        g->sched->states_by = "sock_diag";
        snprintf(g->sched->tracepoints_why, sizeof g->sched->tracepoints_why, "%s", rest + 1);
    }
}

static enum sp_rc message_take(struct guests *g, struct guest *guest, char word, const char *data,
                               size_t len, struct sp_err *err)
{
    switch ((enum sp_guest_word)word) {
    case SP_GUEST_STATUS:
        status_take(guest, data, len);
        return SP_OK;
    case SP_GUEST_BEGIN:
        begin_take(guest, data, len);
        return SP_OK;
    case SP_GUEST_RESULT:
        return result_take(g, guest, data, len, err);
    case SP_GUEST_END:
        end_take(g, guest, data, len);
        return SP_OK;
    case SP_GUEST_ERROR:
        snprintf(guest->error, sizeof guest->error, "%.*s", (int)len, data);
        return SP_OK;
    }
    return sp_fail(err, SP_E_PROTO, "a guest said something that is no word: %d", word);
}

static enum sp_rc messages_take(struct guests *g, struct guest *guest, struct sp_err *err)
{
    struct sp_buf *in = &guest->input;
    enum sp_rc rc = SP_OK;
    size_t at = 0;
    while (rc == SP_OK && in->len - at >= 5) {
        uint32_t len;
        memcpy(&len, in->data + at + 1, sizeof len);
        if (in->len - at - 5 < len)
            break;
        rc = message_take(g, guest, in->data[at], in->data + at + 5, len, err);
        at += 5 + len;
    }
    if (at) {
        memmove(in->data, in->data + at, in->len - at);
        in->len -= at;
    }
    return rc;
}

static enum sp_rc said_read(struct guests *g, struct guest *guest, struct sp_err *err)
{
    char chunk[16384];
    ssize_t got;
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK && (got = read(guest->said_fd, chunk, sizeof chunk)) > 0) {
        guest->sign_ns = sp_clock_now_ns();
        guest->came_up = true;
        sp_buf_add(&guest->input, chunk, (size_t)got);
        rc = messages_take(g, guest, err);
    }
    return rc;
}

/* ---- the end of a guest --------------------------------------------------------------------- */

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
    return row_take(g, guest, at, &result, err);
}

static bool was_at(const struct guest *guest, const struct chunk_job *job)
{
    return !job->done && (job->begun || job == guest->at);
}

static size_t count_at(const struct guest *guest)
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
    size_t count = count_at(guest);
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

static enum sp_rc guest_finish(struct guests *g, struct guest *guest, int64_t silent_ns,
                               struct sp_err *err)
{
    const char *why = NULL;
    if (silent_ns) /* while its CPU time can still be read */
        why = what_happened(guest, &g->arena, silent_ns, 0);
    int status = guest_process_end(&guest->process);
    enum sp_rc rc = said_read(g, guest, err);
    if (rc == SP_OK && guest->left) {
        if (!why)
            why = what_happened(guest, &g->arena, 0, status);
        rc = count_at(guest) ? blame_all(g, guest, why, err)
             : guest->last   ? blame_next(g, guest, why, err)
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

/* ---- the loop ------------------------------------------------------------------------------- */

static size_t runs_at_work(const struct guests *g)
{
    size_t count = 0;
    for (unsigned i = 0; i < g->sched->parallel; i++)
        if (g->guests[i].process.dir[0])
            count += count_at(&g->guests[i]);
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
    enum sp_rc rc = said_read(g, guest, err);
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
