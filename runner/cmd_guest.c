/*
 * The first process of a guest kernel that `run --kernel` started. It reads what to run from a file
 * of the host, runs it one after the other in a child, says what came of it in another file, and
 * switches the guest off.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boxes.h"
#include "cmd.h"
#include "guest.h"
#include "options.h"

/* A sign of life so often, where nothing else is to be said. */
static const int64_t SIGN_NS = SP_S;

enum { JOB_BYTES_MAX = 4 << 20, FIRST_PROCESS = 1, PATH_BYTES = PATH_MAX + 8 };

/* The job file: its lines cut into words where tabs were. */
struct order {
    char *text;
    const char *cwd, *results, *cases, *os, *share, *parallel, *tries;
    bool virtual_clock;
    char **runs; /* each its words, SP_GUEST_RUN_WORDS of them, one string after the other */
    size_t run_count, run_cap;
};

struct worker {
    struct order *order;
    int said_fd;
    struct cases cases;
    struct boxes boxes;
    struct sp_run_job *jobs;
    size_t job_count;
    char status[400];
    int64_t said_ns; /* when that was said */
};

/* ---- the order ------------------------------------------------------------------------------ */

static enum sp_rc text_read(const char *path, char **text, struct sp_err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return sp_fail_os(err, SP_E_IO, errno, "reading %s", path);
    *text = sp_xcalloc(1, JOB_BYTES_MAX);
    size_t len = fread(*text, 1, JOB_BYTES_MAX - 1, file);
    fclose(file);
    return len ? SP_OK : sp_fail(err, SP_E_PROTO, "%s is empty", path);
}

static enum sp_rc line_take(struct order *order, char *line, struct sp_err *err)
{
    char *word[SP_GUEST_RUN_WORDS] = {line};
    unsigned words = 1;
    for (char *p = line; *p; p++)
        if (*p == '\t' && words < SP_GUEST_RUN_WORDS) {
            *p = '\0';
            word[words++] = p + 1;
        }
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"cwd", &order->cwd},     {"results", &order->results},
                 {"cases", &order->cases}, {"os", &order->os},
                 {"share", &order->share}, {"parallel", &order->parallel},
                 {"tries", &order->tries}};
    for (size_t i = 0; words == 2 && i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(line, texts[i].name) == 0) {
            *texts[i].to = word[1];
            return SP_OK;
        }
    if (words == 2 && strcmp(line, "clock") == 0) {
        order->virtual_clock = strcmp(word[1], "virtual") == 0;
        return SP_OK;
    }
    if (words != SP_GUEST_RUN_WORDS || strcmp(line, "run") != 0)
        return sp_fail(err, SP_E_PROTO, "a line that no guest knows: %s", line);
    SP_PUSH(order->runs, order->run_count, order->run_cap) = line;
    return SP_OK;
}

static enum sp_rc order_read(struct order *order, const char *path, struct sp_err *err)
{
    enum sp_rc rc = text_read(path, &order->text, err);
    char *rest = order->text;
    while (rc == SP_OK && rest && *rest) {
        char *line = strsep(&rest, "\n");
        if (*line)
            rc = line_take(order, line, err);
    }
    if (rc == SP_OK && (!order->cwd || !order->results || !order->cases || !order->share ||
                        !order->parallel || !order->tries || !order->run_count))
        rc = sp_fail(err, SP_E_PROTO, "%s does not say what to run", path);
    return rc;
}

static const char *run_word(const char *line, enum sp_guest_run_word which)
{
    for (int i = 0; i < (int)which; i++)
        line += strlen(line) + 1;
    return line;
}

/* ---- the work ------------------------------------------------------------------------------- */

static enum sp_rc cases_of(struct worker *w, struct sp_err *err)
{
    char **files = sp_xcalloc(w->order->run_count, sizeof *files);
    for (size_t i = 0; i < w->order->run_count; i++)
        files[i] = (char *)run_word(w->order->runs[i], SP_GUEST_RUN_FILE);
    enum sp_rc rc = cases_load(&w->cases, w->order->cases, files, w->order->run_count, err);
    free(files);
    if (rc == SP_OK && w->cases.bad)
        rc = sp_fail(err, SP_E_PARSE, "a case that was read outside cannot be read in the guest");
    return rc;
}

static const struct sp_case *case_in(const struct cases *cases, const char *file)
{
    for (size_t i = 0; i < cases->len; i++)
        if (strcmp(cases->items[i]->file, file) == 0)
            return cases->items[i];
    return NULL;
}

static enum sp_rc job_of(struct worker *w, const char *line, const struct sp_plan_config *stacks,
                         struct sp_run_job *job, struct sp_err *err)
{
    struct sp_plan plan;
    const char *lab = run_word(line, SP_GUEST_RUN_LAB);
    *job = (struct sp_run_job){
        .case_ = case_in(&w->cases, run_word(line, SP_GUEST_RUN_FILE)),
        .config = *stacks,
        .repeat = (int)strtol(run_word(line, SP_GUEST_RUN_REPEAT), NULL, 10),
    };
    if (!job->case_)
        return sp_fail(err, SP_E_PROTO, "no such case: %s", run_word(line, SP_GUEST_RUN_FILE));
    job->config.row = strtoul(run_word(line, SP_GUEST_RUN_ROW), NULL, 10);
    for (enum sp_case_lab at = SP_CASE_LOOPBACK; at <= SP_CASE_ROUTED; at <<= 1)
        if (strcmp(lab, sp_case_lab_name(at)) == 0)
            job->config.lab = at;
    const char *box = run_word(line, SP_GUEST_RUN_BOX);
    bool v6 = strcmp(run_word(line, SP_GUEST_RUN_FAMILY), "ipv6") == 0;
    job->config.family = v6 ? SP_CASE_IPV6 : SP_CASE_IPV4;
    enum sp_rc rc = *box ? boxes_give(&w->boxes, box, &job->config, job, err) : SP_OK;
    if (rc != SP_OK)
        return rc;
    rc = sp_plan_make(job->case_, &job->config, &plan, err);
    job->least_ns = rc == SP_OK ? plan.least_ns : 0;
    sp_plan_release(&plan);
    return rc;
}

static enum sp_rc jobs_of(struct worker *w, struct sp_arena *arena, struct sp_err *err)
{
    struct sp_plan_config stacks = {0};
    stacks_own(&stacks);
    enum sp_rc rc = w->order->os ? stacks_parse(w->order->os, &stacks, arena, err) : SP_OK;
    w->boxes.arena = arena;
    w->jobs = sp_xcalloc(w->order->run_count, sizeof *w->jobs);
    for (size_t i = 0; rc == SP_OK && i < w->order->run_count; i++)
        rc = job_of(w, w->order->runs[i], &stacks, &w->jobs[w->job_count++], err);
    return rc;
}

static void say_status(const struct sp_progress *now, void *arg)
{
    struct worker *w = arg;
    char text[sizeof w->status];
    snprintf(text, sizeof text, "%s\t%s", now->running_id, now->waits_for);
    /* On a clock that does not jump a wait is long outside, too, and is no silence. */
    int64_t now_ns = w->order->virtual_clock ? 0 : sp_clock_now_ns();
    bool old = now_ns - w->said_ns >= SIGN_NS;
    if (!*now->running_id || (strcmp(text, w->status) == 0 && !old))
        return;
    memcpy(w->status, text, sizeof text);
    w->said_ns = now_ns;
    sp_guest_say(w->said_fd, SP_GUEST_STATUS, text, strlen(text));
}

static void say_result(const struct sp_result *result, void *arg)
{
    const struct worker *w = arg;
    struct sp_buf row;
    sp_buf_init(&row, 0);
    if (sp_result_write(result, &row, NULL) == SP_OK)
        sp_guest_say(w->said_fd, SP_GUEST_RESULT, row.data, row.len);
    sp_buf_release(&row);
}

static void say_begin(const char *id, int repeat, void *arg)
{
    const struct worker *w = arg;
    char text[320];
    int len = snprintf(text, sizeof text, "%s\t%d", id, repeat);
    sp_guest_say(w->said_fd, SP_GUEST_BEGIN, text, (size_t)len);
}

static void say_end(const struct worker *w, const struct sp_sched *sched)
{
    char text[640];
    int len = snprintf(text, sizeof text, "%d\t%llu\t%s", sched->tracepoints,
                       (unsigned long long)sched->hidden_states,
                       sched->tracepoints ? "" : sched->tracepoints_why);
    sp_guest_say(w->said_fd, SP_GUEST_END, text, (size_t)len);
}

static enum sp_rc work(struct worker *w, struct sp_arena *arena, struct sp_err *err)
{
    struct sp_plan_config own = {0};
    struct sp_run_env env = {.results_dir = w->order->results,
                             .build = SP_VERSION,
                             .own_stacks = &own,
                             .hz = sp_machine_hz(),
                             .virtual_clock = w->order->virtual_clock};
    stacks_own(&own);
    if (chdir(w->order->cwd) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "%s", w->order->cwd);
    enum sp_rc rc = cases_of(w, err);
    if (rc == SP_OK)
        rc = jobs_of(w, arena, err);
    if (rc == SP_OK)
        rc = sp_lab_process_init(&env.privileged, err);
    if (rc == SP_OK)
        rc = sp_lab_slot_take(&env.slot, err);
    if (rc == SP_OK)
        rc = sp_lab_learn_defaults(err);
    if (rc != SP_OK)
        return rc;
    struct sp_sched sched = {.env = &env,
                             .jobs = w->jobs,
                             .job_count = w->job_count,
                             .parallel = (unsigned)strtoul(w->order->parallel, NULL, 10),
                             .tries = (unsigned)strtoul(w->order->tries, NULL, 10),
                             .on_progress = say_status,
                             .on_result = say_result,
                             .arg = w};
    if (sched.parallel > 1)
        sched.on_begin = say_begin;
    rc = sp_sched_run(&sched, err);
    if (rc == SP_OK)
        rc = sp_lab_defaults_hold(err);
    if (rc == SP_OK)
        say_end(w, &sched);
    return rc;
}

static _Noreturn void worker_main(struct order *order, int said_fd)
{
    struct worker w = {.order = order, .said_fd = said_fd};
    struct sp_arena arena;
    struct sp_err err = {0};
    sp_arena_init(&arena);
    if (work(&w, &arena, &err) != SP_OK)
        sp_guest_say(said_fd, SP_GUEST_ERROR, err.text, strlen(err.text));
    _exit(0);
}

/* Whoever is left behind in a guest becomes the first process's child. */
static void wait_for(pid_t worker)
{
    pid_t ended;
    do {
        ended = waitpid(-1, NULL, 0);
    } while (ended != worker && (ended > 0 || errno == EINTR));
}

static enum sp_rc first_process(const char *dir_name, struct sp_err *err)
{
    char path[PATH_BYTES], dir[PATH_MAX];
    struct order order = {0};
    if (!realpath(dir_name, dir)) /* it may lead through the machine's /proc, where ours will be */
        return sp_fail_os(err, SP_E_IO, errno, "where to work: %s", dir_name);
    snprintf(path, sizeof path, "%s/job", dir);
    enum sp_rc rc = order_read(&order, path, err);
    if (rc == SP_OK)
        rc = sp_lab_guest_init(order.results, order.share, err);
    snprintf(path, sizeof path, "%s/said", dir);
    int said_fd = rc == SP_OK ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (rc == SP_OK && said_fd < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "opening %s", path);
    pid_t worker = rc == SP_OK ? fork() : -1;
    if (worker == 0)
        worker_main(&order, said_fd);
    if (rc == SP_OK && worker < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "starting the guest's work");
    if (rc == SP_OK)
        wait_for(worker);
    free(order.runs);
    free(order.text);
    return rc;
}

static int main_guest(int argc, char **argv)
{
    struct sp_err err = {0};
    int words = options_parse(&cmd_guest, NULL, 0, argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    if (words != 1 || getpid() != FIRST_PROCESS)
        return cmd_usage(&cmd_guest,
                         "it is what `run --kernel` makes the first process of a guest");
    if (first_process(argv[1], &err) != SP_OK)
        cmd_error("%s", err.text);
    sp_lab_guest_off();
}

const struct cmd cmd_guest = {
    .name = "guest",
    .usage = "DIR",
    .summary = "The first process of a guest kernel: works for `run --kernel` outside.",
    .help = "  DIR   where `job` says what to run, and `said` takes the answers\n\n"
            "Nobody calls it by hand (docs/kernels.md).\n",
    .main = main_guest,
};
