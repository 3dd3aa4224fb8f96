/*
 * Many runs at once. The main process keeps the collector of tracepoints and a table of children
 * (worker.h); each runs one job after the other, says now and then what it waits for, and hands
 * over its result at the end. A few children read the collector's rings themselves; to many, and
 * where records can be read once only, they are sent. Nothing else is shared, so a child that dies
 * costs its own case only.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "heart.h"
#include "outcome.h"
#include "worker.h"

enum {
    PROGRESS_MS = 100,
    JOBS_EACH = 64, /* that one child runs, one after the other */
    /* With that many runs at once each would read the records of all others, and who stands still
     * for long would miss some: the main process reads them, every millisecond. */
    SENT_FROM = 16,
    SENT_EVERY_MS = 1,
};
/* Beyond its own waits; then a run is ended. A day that is jumped over costs nothing. */
static const int64_t CHILD_EXTRA_NS = 120 * SP_S;
static const int64_t CHILD_EXTRA_VIRTUAL_NS = 86400 * SP_S;

struct sched {
    struct sp_sched *config;
    struct sp_collector *collector;
    struct child *children;
    unsigned running;
    size_t next;
    struct retries retries;
    struct heart *heart;
    size_t done;
    uint16_t last_number;
    bool followed; /* runs read the collector's rings themselves */
    int64_t begin_ns;
    struct pollfd *set;
};

/* ---- what is left to do --------------------------------------------------------------------- */

static size_t jobs_left(const struct sched *s)
{
    return s->config->job_count - s->next + s->retries.len;
}

static struct sp_run_job *job_take(struct sched *s)
{
    struct sp_run_job *again = retry_take(&s->retries);
    return again ? again : &s->config->jobs[s->next++];
}

/* ---- starting ------------------------------------------------------------------------------- */

static enum sp_rc child_addresses(const struct sp_run_job *job, const struct sp_run_env *env,
                                  struct child *child, struct sp_err *err)
{
    struct sp_lab_config config = {
        .kind = env->hosts                            ? SP_LAB_HOSTS
                : job->config.lab == SP_CASE_LOOPBACK ? SP_LAB_LOOPBACK
                                                      : SP_LAB_VETH,
        .hosts = env->hosts,
        .family = job->config.family == SP_CASE_IPV6 ? 6 : 4,
        .slot = env->slot,
        .number = job->number,
    };
    char client[48], server[48];
    sp_lab_addresses(&config, client, server);
    enum sp_rc rc = sp_addr_parse(client, &child->client, err);
    if (rc == SP_OK)
        rc = sp_addr_parse(server, &child->server, err);
    sp_lab_second_address(&config, client);
    return rc == SP_OK ? sp_addr_parse(client, &child->second, err) : rc;
}

static bool number_is_taken(const struct sched *s, uint16_t number)
{
    for (unsigned i = 0; i < s->config->parallel; i++)
        if (s->children[i].job && s->children[i].job->number == number)
            return true;
    return false;
}

/* The one that was not used for longest, so that what arrives late finds nobody. There are always
 * more numbers than runs at once. */
static uint16_t number_take(struct sched *s)
{
    do
        s->last_number = (uint16_t)(s->last_number % SP_LAB_NUMBER_MAX + 1);
    while (number_is_taken(s, s->last_number));
    return s->last_number;
}

static enum sp_rc child_start(struct sched *s, struct child *child, struct sp_err *err)
{
    int talk[2] = {-1, -1};
    int link[2] = {-1, -1};
    enum sp_rc rc = SP_OK;
    *child = (struct child){.fd = -1, .link_fd = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) < 0 ||
        (s->collector && !s->followed &&
         socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)) {
        rc = sp_fail_os(err, SP_E_IO, errno, "sockets for runs");
        goto out;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(talk[0]);
        sp_store_abandon(s->config->store);
        struct sp_run_records records = {
            .collector = s->followed ? s->collector : NULL, .link_fd = link[1], .heart = s->heart};
        worker_main(s->config->jobs, s->config->job_count, s->config->env, talk[1], &records);
    }
    if (pid < 0) {
        rc = sp_fail_os(err, SP_E_IO, errno, "starting runs");
        goto out;
    }
    *child = (struct child){.pid = pid, .fd = talk[0], .link_fd = link[0]};
    /* on a virtual clock nothing of the run before is to show in the next one's times */
    child->jobs_left = s->config->env->virtual_clock ? 1 : JOBS_EACH;
    talk[0] = link[0] = -1;
    fcntl(child->fd, F_SETFL, O_NONBLOCK);
    sp_buf_init(&child->input, WORKER_MESSAGE_MAX * 2);
out:
    for (int i = 0; i < 2; i++) {
        if (talk[i] >= 0)
            close(talk[i]);
        if (link[i] >= 0)
            close(link[i]);
    }
    return rc;
}

static enum sp_rc job_give(struct sched *s, struct child *child, struct sp_run_job *job,
                           struct sp_err *err)
{
    job->number = number_take(s);
    enum sp_rc rc = child_addresses(job, s->config->env, child, err);
    if (rc != SP_OK)
        return rc;
    child->jobs_left--;
    struct worker_order order = {.job = (uint32_t)(job - s->config->jobs),
                                 .number = job->number,
                                 .last = !child->jobs_left || !jobs_left(s),
                                 .tries_before = job->tries_before,
                                 .own = {child->client, child->server, child->second}};
    if (order.last)
        child->jobs_left = 0;
    child->job = job;
    child->has_result = false;
    child->waits_for[0] = '\0';
    child->begin_ns = sp_clock_now_ns();
    snprintf(child->id, sizeof child->id, "%s%s@%s@%s", job->case_->id,
             job->case_->rows[job->config.row].suffix, sp_case_lab_name(job->config.lab),
             sp_case_family_name(job->config.family));
    sp_arena_init(&child->arena);
    s->running++;
    /* to one that has died meanwhile too: the end of its socket tells, and its row will */
    (void)!send(child->fd, &order, sizeof order, MSG_NOSIGNAL);
    return SP_OK;
}

/* ---- records -------------------------------------------------------------------------------- */

static void record_route(const struct sp_tp_record *record, void *arg)
{
    struct sched *s = arg;
    for (unsigned i = 0; i < s->config->parallel; i++)
        if (s->children[i].job && s->children[i].link_fd >= 0 &&
            child_owns(&s->children[i], record))
            child_records_add(&s->children[i], record);
}

static enum sp_rc drain_collector(struct sched *s, struct sp_err *err)
{
    enum sp_rc rc = sp_collector_drain(s->collector, record_route, s, err);
    for (unsigned i = 0; !s->followed && i < s->config->parallel; i++)
        if (s->children[i].job)
            child_records_flush(&s->children[i]);
    return rc;
}

/* ---- results -------------------------------------------------------------------------------- */

static void job_release(struct sched *s, struct child *child)
{
    sp_arena_release(&child->arena);
    child->job = NULL;
    s->running--;
}

static enum sp_rc result_take(struct sched *s, struct sp_run_job *job, struct sp_arena *arena,
                              struct sp_result *result, struct sp_err *err)
{
    if (retry_is_due(job, result, s->config->tries))
        return retry_put(&s->retries, job, result, err);
    retry_tell(job, arena, result);
    retry_forget(job);
    s->done++;
    return outcome_add(s->config, result, err);
}

static enum sp_rc child_finish(struct sched *s, struct child *child, bool timed_out,
                               struct sp_err *err)
{
    int status = 0;
    if (timed_out)
        kill(child->pid, SIGKILL);
    bool goes_on = !timed_out && child->has_result && child->jobs_left &&
                   child->result.verdict != SP_VERDICT_BROKEN;
    if (!goes_on) {
        double all_ms = child_wait(child, &status);
        if (!child->has_result)
            child_result_missing(child, status, timed_out);
        child->result.cpu_ms = all_ms - child->told_ms;
    }
    child->told_ms += child->result.cpu_ms;
    enum sp_rc rc = result_take(s, child->job, &child->arena, &child->result, err);
    job_release(s, child);
    if (goes_on && !jobs_left(s))
        child_dismiss(child);
    return rc;
}

static void children_kill(struct sched *s)
{
    for (unsigned i = 0; i < s->config->parallel; i++) {
        struct child *child = &s->children[i];
        int status;
        if (child->pid > 0) {
            kill(child->pid, SIGKILL);
            child_wait(child, &status);
        }
        if (child->job)
            job_release(s, child);
    }
}

/* Ended between two tries: what the one before came to is what is known. */
static void befores_add(struct sched *s)
{
    for (size_t i = 0; i < s->config->job_count; i++) {
        struct sp_run_job *job = &s->config->jobs[i];
        if (retry_before(job) && outcome_add(s->config, retry_before(job), NULL) == SP_OK)
            s->done++;
        retry_forget(job);
    }
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void progress(struct sched *s)
{
    if (!s->config->on_progress)
        return;
    struct sp_progress p = {.total = s->config->job_count,
                            .done = s->done,
                            .running = s->running,
                            .running_id = "",
                            .waits_for = "",
                            .elapsed_ns = sp_clock_now_ns() - s->begin_ns};
    memcpy(p.by_verdict, s->config->by_verdict, sizeof p.by_verdict);
    const struct child *oldest = NULL;
    for (unsigned i = 0; i < s->config->parallel; i++) {
        const struct child *child = &s->children[i];
        if (!child->job)
            continue;
        int64_t left = child->begin_ns + child->job->least_ns - sp_clock_now_ns();
        if (left > p.left_ns)
            p.left_ns = left;
        if (!oldest || child->begin_ns < oldest->begin_ns)
            oldest = child;
    }
    if (s->next < s->config->job_count && s->config->jobs[s->next].least_ns > p.left_ns)
        p.left_ns = s->config->jobs[s->next].least_ns;
    if (oldest) {
        p.running_id = oldest->id;
        p.waits_for = oldest->waits_for;
    }
    s->config->on_progress(&p, s->config->arg);
}

/* On a virtual clock, where one run goes on at a time: nothing of those before it shows in its
 * times. */
static enum sp_rc clocks_align(struct sched *s, struct sp_err *err)
{
    enum sp_rc rc = s->collector ? sp_collector_renew(s->collector, err) : SP_OK;
    if (rc == SP_OK && s->config->env->hz > 0)
        sp_lab_wait_for_phase(s->config->env->hz);
    return rc;
}

static enum sp_rc start_some(struct sched *s, struct sp_err *err)
{
    for (unsigned i = 0; i < s->config->parallel && jobs_left(s); i++) {
        struct child *child = &s->children[i];
        if (child->job)
            continue;
        enum sp_rc rc = SP_OK;
        if (s->config->env->virtual_clock)
            rc = clocks_align(s, err);
        if (rc == SP_OK && child->pid <= 0)
            rc = child_start(s, child, err);
        if (rc == SP_OK)
            rc = job_give(s, child, job_take(s), err);
        if (rc == SP_OK && s->collector && !s->followed) /* the rings fill while we fork */
            rc = drain_collector(s, err);
        if (rc != SP_OK)
            return rc;
        if (s->config->on_begin)
            s->config->on_begin(child->id, child->job->repeat, s->config->arg);
    }
    return SP_OK;
}

/* When a run that has not come to an end is ended. */
static int64_t child_limit_ns(const struct sched *s, const struct child *child)
{
    int64_t extra_ns = s->config->env->virtual_clock ? CHILD_EXTRA_VIRTUAL_NS : CHILD_EXTRA_NS;
    return child->begin_ns + child->job->least_ns * 5 / 4 + extra_ns;
}

static enum sp_rc serve_children(struct sched *s, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    int64_t now_ns = sp_clock_now_ns();
    for (unsigned i = 0; rc == SP_OK && i < s->config->parallel; i++) {
        struct child *child = &s->children[i];
        if (!child->job)
            continue;
        bool timed_out = now_ns > child_limit_ns(s, child);
        if ((child->ready && child_read(child)) || timed_out)
            rc = child_finish(s, child, timed_out, err);
        if (rc == SP_OK && !child->job && s->collector && !s->followed)
            rc = drain_collector(s, err); /* and while we store */
    }
    return rc;
}

/* On a virtual clock a look at the progress would be what the clock jumps to. */
static int wait_ms(const struct sched *s)
{
    if (!s->config->env->virtual_clock)
        return s->collector && s->config->parallel >= SENT_FROM ? SENT_EVERY_MS : HEART_MS;
    int64_t first_ns = INT64_MAX;
    for (unsigned i = 0; i < s->config->parallel; i++)
        if (s->children[i].job && child_limit_ns(s, &s->children[i]) < first_ns)
            first_ns = child_limit_ns(s, &s->children[i]);
    int64_t left_ms = (first_ns - sp_clock_now_ns()) / SP_MS + 1;
    return left_ms < 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static enum sp_rc wait_some(struct sched *s, struct sp_err *err)
{
    nfds_t count = 0;
    for (unsigned i = 0; i < s->config->parallel; i++)
        if (s->children[i].job)
            s->set[count++] = (struct pollfd){.fd = s->children[i].fd, .events = POLLIN};
    if (s->collector)
        s->set[count++] = (struct pollfd){.fd = sp_collector_fd(s->collector), .events = POLLIN};
    int ms = wait_ms(s);
    int64_t due_ns = sp_clock_now_ns() + ms * SP_MS;
    int ready = poll(s->set, count, ms);
    heart_beat(s->heart, due_ns);
    if (ready < 0 && errno != EINTR)
        return sp_fail_os(err, SP_E_IO, errno, "waiting for runs");
    count = 0;
    for (unsigned i = 0; i < s->config->parallel; i++)
        s->children[i].ready = s->children[i].job && ready > 0 && s->set[count++].revents;
    return s->collector ? drain_collector(s, err) : SP_OK;
}

/* Each round of a repeated run before the next, in it the longest first: what waits and what
 * computes fill each other's time. */
static int longest_first(const void *a, const void *b)
{
    const struct sp_run_job *x = a;
    const struct sp_run_job *y = b;
    if (x->repeat != y->repeat)
        return x->repeat < y->repeat ? -1 : 1;
    if (x->least_ns != y->least_ns)
        return x->least_ns < y->least_ns ? 1 : -1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void open_collector(struct sched *s)
{
    struct sp_sched *config = s->config;
    struct sp_err err = {0};
    enum sp_rc (*open)(struct sp_collector **, struct sp_err *) =
        config->env->virtual_clock     ? sp_collector_new
        : config->parallel < SENT_FROM ? sp_collector_new_followed
                                       : sp_collector_new_polled;
    config->tracepoints = false;
    config->states_by = "sock_diag";
    if (!config->env->privileged)
        snprintf(config->tracepoints_why, sizeof config->tracepoints_why, "not root");
    else if (open(&s->collector, &err) != SP_OK)
        snprintf(config->tracepoints_why, sizeof config->tracepoints_why, "%s", err.text);
    else
        config->tracepoints = true;
    s->followed = s->collector && sp_collector_is_followed(s->collector);
}

static void ignore_record(const struct sp_tp_record *record, void *arg)
{
    (void)record;
    (void)arg;
}

static void count_hidden(struct sched *s)
{
    struct sp_collector_hidden hidden = {0};
    if (s->collector &&
        sp_collector_hidden(s->collector, ignore_record, NULL, &hidden, NULL) == SP_OK)
        s->config->hidden_states = hidden.states;
}

/* Runners that follow each other have the same slot: what the namespaces of the one before still
 * tell while the kernel takes them down must not be of our addresses. */
static uint16_t first_number(void)
{
    return (uint16_t)((unsigned)getpid() * 251u % SP_LAB_NUMBER_MAX);
}

enum sp_rc sp_sched_run(struct sp_sched *config, struct sp_err *err)
{
    struct sched s = {
        .config = config, .begin_ns = sp_clock_now_ns(), .last_number = first_number()};
    enum sp_rc rc = SP_OK;
    if (config->parallel > config->job_count)
        config->parallel = config->job_count ? (unsigned)config->job_count : 1;
    qsort(config->jobs, config->job_count, sizeof config->jobs[0], longest_first);
    s.children = sp_xcalloc(config->parallel, sizeof *s.children);
    s.set = sp_xcalloc(config->parallel + 1, sizeof *s.set);
    open_collector(&s);
    s.heart = config->env->virtual_clock ? NULL : heart_new(); /* a clock that jumps never stalls */
    int64_t told_ns = 0;
    while (rc == SP_OK && s.done < config->job_count) {
        if (config->interrupted && *config->interrupted) {
            rc = sp_fail(err, SP_E_INTERRUPTED, "interrupted: %zu of %zu runs are stored", s.done,
                         config->job_count);
            break;
        }
        rc = start_some(&s, err);
        if (rc == SP_OK && config->env->virtual_clock)
            progress(&s); /* whoever watches from outside is to know what may hang */
        if (rc == SP_OK)
            rc = wait_some(&s, err);
        if (rc == SP_OK)
            rc = serve_children(&s, err);
        if (!config->env->virtual_clock && sp_clock_now_ns() - told_ns > PROGRESS_MS * SP_MS) {
            progress(&s);
            told_ns = sp_clock_now_ns();
        }
    }
    children_kill(&s);
    befores_add(&s);
    count_hidden(&s);
    heart_free(s.heart);
    sp_collector_free(s.collector);
    free(s.set);
    free(s.children);
    return rc;
}
