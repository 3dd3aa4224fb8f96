#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "again.h"
#include "html_report.h"
#include "options.h"
#include "os.h"
#include "reports.h"
#include "run_jobs.h"
#include "stack.h"

enum { JOBS_DEFAULT = 0 };

static volatile int interrupted;

/* ---- what the run says of itself ------------------------------------------------------------ */

struct head_store {
    struct os_machine machine;
    char started[40], stack[168];
    const char *notes[6];
    char left_out[120], states[640], hidden[200], again[160];
};

static void stack_text(const struct sp_plan_stack *stack, char *out, size_t cap)
{
    snprintf(out, cap, "%s%s%s", stack->name, stack->version ? "-" : "",
             stack->version ? stack->version : "");
}

static void head_fill(struct sp_run_head *head, struct head_store *store, int argc,
                      const char **typed, const struct run_options *o,
                      const struct sp_plan_config *stacks, bool privileged)
{
    const struct sp_plan_stack *stack = &stacks->api[SP_WHO_CLIENT];
    os_machine(&store->machine);
    os_date(store->started, sizeof store->started);
    char server[80];
    stack_text(stack, store->stack, sizeof store->stack);
    stack_text(&stacks->api[SP_WHO_SERVER], server, sizeof server);
    if (strcmp(store->stack, server) != 0) {
        size_t len = strlen(store->stack);
        snprintf(store->stack + len, sizeof store->stack - len, "+%s", server);
    }
    bool guest = o->kernel_text != NULL;
    *head = (struct sp_run_head){
        .version = SP_VERSION,
        .command = typed,
        .command_count = (size_t)argc,
        .machine = {.sysname = store->machine.sysname,
                    .release = guest ? kernel_release(&o->kernel) : store->machine.release,
                    .arch = store->machine.arch,
                    .hostname = store->machine.hostname,
                    .clock = guest && kernel_is_virtual(&o->kernel) ? "virtual" : "real",
                    .cpus = guest ? 1 : store->machine.cpus,
                    .privileged = privileged},
        .stack = {.name = store->stack, .os = stack->name, .os_version = stack->version},
        .judged_as = o->os,
        .appliance = o->appliance,
        .started = store->started,
        .notes = store->notes,
    };
}

static void head_note(struct sp_run_head *head, struct head_store *store, const char *text)
{
    if (head->note_count < sizeof store->notes / sizeof store->notes[0])
        store->notes[head->note_count++] = text;
}

/* ---- the end -------------------------------------------------------------------------------- */

static int exit_code(const struct sp_sched *sched)
{
    size_t judged = 0;
    for (int v = 0; v < SP_VERDICT_COUNT; v++)
        if (v != SP_VERDICT_SKIP)
            judged += sched->by_verdict[v];
    if (sched->by_verdict[SP_VERDICT_FAIL])
        return SP_EXIT_FAIL;
    if (sched->by_verdict[SP_VERDICT_BROKEN] || sched->by_verdict[SP_VERDICT_INCONCLUSIVE])
        return SP_EXIT_BROKEN;
    return judged ? SP_EXIT_PASS : SP_EXIT_NOTHING;
}

/* What was asked for instead of the summary, NULL nothing. */
static const struct sp_reporter *report_named(const struct run_options *o)
{
    const char *name = o->json ? "json" : o->format;
    return name ? sp_reporter_find(name) : NULL;
}

static bool is_html(const struct run_options *o)
{
    return o->format && strcmp(o->format, "html") == 0;
}

enum { ROWS_BEFORE = 5 };

/* A few rows around the place where a run parted from its case. */
static bool draw_ladder(const struct sp_result *run, const struct sp_report_style *style,
                        void *context, struct sp_buf *out)
{
    const struct sp_results *results = context;
    struct again again;
    struct sp_err err = {0};
    bool drawn =
        again_judge(results->dir, run, NULL, results->head.judged_as, &again, &err) == SP_OK &&
        again.judgement.verdict == run->verdict && again.judgement.expected;
    if (drawn) {
        sp_buf_addch(out, '\n');
        sp_report_ladder(run, &again.plan, &again.trace, &again.judgement, ROWS_BEFORE, style, out);
        sp_buf_addch(out, '\n');
    }
    again_release(&again);
    return drawn;
}

static bool print_report(const char *dir, const struct run_options *o, bool color, int width)
{
    struct sp_results results;
    struct sp_err err = {0};
    struct sp_buf out;
    sp_buf_init(&out, 0);
    enum sp_rc rc = sp_results_read(dir, &results, &err);
    const struct sp_reporter *reporter = report_named(o);
    if (rc == SP_OK && is_html(o))
        rc = html_report(&(const struct sp_results *){&results}, 1,
                         &(struct html_report_options){0}, &out, &err);
    else if (rc == SP_OK && reporter)
        rc = reporter->write(&results, &out, &err);
    else if (rc == SP_OK && !o->quiet) {
        struct sp_report_style style = {
            .color = color, .unicode = os_has_unicode(), .width = width};
        sp_report_summary_drawn(&results, &style, draw_ladder, &results, &out);
        sp_buf_addf(&out, "results: %s\n", dir);
    }
    bool ok = rc == SP_OK && cmd_write_out(&out);
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    sp_results_release(&results);
    sp_buf_release(&out);
    return ok;
}

/* What is known of the run's conditions before it begins. */
static void note_conditions(struct sp_run_head *head, struct head_store *store,
                            const struct run_options *o, const struct ends *ends, size_t left_out)
{
    if (o->kernel_text && *o->kernel.note)
        head_note(head, store, o->kernel.note);
    if (ends->two_machines)
        head_note(head, store, ends->note);
    if (sp_lab_note())
        head_note(head, store, sp_lab_note());
    if (!left_out)
        return;
    snprintf(store->left_out, sizeof store->left_out,
             "--max-wait leaves out %zu runs that must wait longer", left_out);
    head_note(head, store, store->left_out);
}

/* What the witnesses of TCP states could not see. */
static void note_witnesses(struct sp_run_head *head, struct head_store *store,
                           const struct sp_sched *sched)
{
    if (!sched->tracepoints) {
        snprintf(store->states, sizeof store->states,
                 "no tracepoints (%s): TCP states come from %s alone", sched->tracepoints_why,
                 sched->states_by);
        head_note(head, store, store->states);
    }
    if (sched->hidden_states) {
        snprintf(store->hidden, sizeof store->hidden,
                 "this kernel kept %llu state events from the tracepoints, and sock_diag filled in "
                 "(docs/witnesses.md)",
                 (unsigned long long)sched->hidden_states);
        head_note(head, store, store->hidden);
    }
    if (sched->made_again) {
        snprintf(store->again, sizeof store->again,
                 "this machine kept %zu run%s from being judged, and %s made again (--tries)",
                 sched->made_again, sched->made_again > 1 ? "s" : "",
                 sched->made_again > 1 ? "they were" : "it was");
        head_note(head, store, store->again);
    }
}

/* Everything that must be there before the first run; false: told of, and the exit code set. */
static bool run_open(struct sp_sched *sched, struct sp_run_env *env, struct sp_run_head *head,
                     const struct run_options *o, int *code)
{
    struct sp_err err = {0};
    const char *remedy = "";
    enum sp_rc rc = o->kernel_text ? SP_OK : sp_lab_slot_take(&env->slot, &err);
    if (rc == SP_OK && !o->kernel_text)
        rc = sp_lab_learn_defaults(&err);
    if (rc == SP_OK) {
        rc = sp_store_create(o->results, head, &sched->store, &err);
        if (rc == SP_E_IO)
            remedy = " (--results DIR: another folder)";
    }
    if (rc != SP_OK)
        cmd_error("%s%s", err.text, remedy);
    *code = rc == SP_E_USAGE ? SP_EXIT_USAGE : SP_EXIT_BROKEN;
    return rc == SP_OK;
}

static enum sp_rc run_all(struct sp_sched *sched, struct run_options *o, struct sp_err *err)
{
    if (o->kernel_text)
        return kernel_run(&o->kernel, sched, o->results, o->cases_dir, o->os, err);
    enum sp_rc rc = sp_sched_run(sched, err);
    return rc == SP_OK ? sp_lab_defaults_hold(err) : rc;
}

/* Ends the store, after a run that ended in `rc`; the exit code. */
static int run_close(struct sp_sched *sched, struct sp_run_head *head, enum sp_rc rc,
                     const struct sp_err *err)
{
    struct sp_err finish_err = {0};
    enum sp_rc stored = sp_store_finish(sched->store, head, &finish_err);
    sp_store_free(sched->store);
    if (rc != SP_OK)
        cmd_error("%s", err->text);
    if (stored != SP_OK)
        cmd_error("%s", finish_err.text);
    if (rc == SP_E_INTERRUPTED)
        return SP_EXIT_INTERRUPTED;
    return rc == SP_OK && stored == SP_OK ? exit_code(sched) : SP_EXIT_BROKEN;
}

static int run_jobs(struct job_list *jobs, const struct ends *ends, struct run_options *o, int argc,
                    const char **typed, bool privileged)
{
    struct sp_err err = {0};
    struct sp_run_head head;
    struct head_store head_store = {0};
    struct progress progress;
    struct sp_run_env env = {.results_dir = o->results,
                             .build = SP_VERSION,
                             .privileged = privileged,
                             .own_stacks = &ends->stacks,
                             .hz = sp_machine_hz()};
    struct sp_sched sched = {.env = &env,
                             .jobs = jobs->items,
                             .job_count = jobs->len,
                             .parallel = (unsigned)o->jobs,
                             .tries = (unsigned)o->tries,
                             .interrupted = &interrupted,
                             .on_progress = progress_show,
                             .on_result = progress_result,
                             .arg = &progress};
    int code;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        env.adapter[who] = adapter_run(ends->adapter[who]);
    env.hosts = ends->two_machines ? &ends->hosts : NULL;
    progress_init(&progress, o->quiet || o->json || o->format);
    head_fill(&head, &head_store, argc, typed, o, &ends->stacks, privileged);
    note_conditions(&head, &head_store, o, ends, jobs->left_out);
    if (!run_open(&sched, &env, &head, o, &code))
        return code;
    os_on_interrupt(&interrupted);
    int64_t begin_ns = sp_clock_now_ns();
    enum sp_rc rc = run_all(&sched, o, &err);
    progress_clear(&progress);
    note_witnesses(&head, &head_store, &sched);
    head.finished = rc == SP_OK;
    head.wall_ms = (double)(sp_clock_now_ns() - begin_ns) / 1e6;
    code = run_close(&sched, &head, rc, &err);
    bool color = os_is_terminal(STDOUT_FILENO) && !(getenv("NO_COLOR") && *getenv("NO_COLOR"));
    if (!print_report(o->results, o, color, os_is_terminal(STDOUT_FILENO) ? progress.width : 0) &&
        code == SP_EXIT_PASS)
        code = SP_EXIT_BROKEN;
    if (code == SP_EXIT_NOTHING)
        cmd_error("nothing was judged: every run was skipped");
    return code;
}

/* What was asked for by name must be there; an absent one is told of before anything runs. */
static int check_appliance(const struct run_options *o, struct sp_arena *arena)
{
    struct sp_appliance found;
    struct sp_err err = {0};
    if (!o->appliance)
        return SP_EXIT_PASS;
    if (sp_appliance_find(o->appliance, &found, arena, &err) != SP_OK) {
        cmd_error("%s", err.text);
        return SP_EXIT_USAGE;
    }
    if (sp_appliance_ready(&found, &err) == SP_OK)
        return SP_EXIT_PASS;
    cmd_error("%s", err.text);
    return SP_EXIT_BROKEN;
}

static long default_jobs(const struct run_options *o)
{
    return o->kernel_text ? kernel_jobs(&o->kernel) : os_jobs_max() < 64 ? os_jobs_max() : 64;
}

static int check_options(const struct run_options *o)
{
    unsigned mask;
    if (o->jobs > os_jobs_max())
        return cmd_usage(&cmd_run, "--jobs: so many runs at once are %d here at most",
                         os_jobs_max());
    if (o->lab && !lab_mask(o->lab, &mask))
        return cmd_usage(&cmd_run, "there is no lab '%s': loopback, veth or routed", o->lab);
    if (o->lab && !(mask & adapter_labs(NULL)))
        return cmd_usage(&cmd_run, "the lab %s cannot be had on this system", o->lab);
    if (o->appliance && o->lab && strcmp(o->lab, sp_case_lab_name(SP_CASE_ROUTED)) != 0)
        return cmd_usage(&cmd_run, "--appliance is the box of the lab routed: not with --lab %s",
                         o->lab);
    if (o->family && !family_mask(o->family, &mask))
        return cmd_usage(&cmd_run, "there is no family '%s': ipv4 or ipv6", o->family);
    if (o->format && !is_html(o) && !sp_reporter_find(o->format))
        return cmd_usage(&cmd_run,
                         "there is no format '%s': text, html, junit, ktap, markdown or json",
                         o->format);
    if (o->kernel_text && (o->client || o->server))
        return cmd_usage(&cmd_run, "--kernel is of both ends: it excludes --client and --server");
    if (o->kernel.modules_asked && (!o->kernel_text || strncmp(o->kernel_text, "qemu:", 5) != 0))
        return cmd_usage(&cmd_run, "--modules is of --kernel qemu:VMLINUZ");
    if (o->format && o->json && strcmp(o->format, "json") != 0)
        return cmd_usage(&cmd_run, "--json and --format %s exclude each other", o->format);
    return 0;
}

/* What to run, and with whom at the ends: jobs, unless a case is bad. */
static enum sp_rc run_plan(struct run_options *o, char **words, size_t word_count,
                           struct ends *ends, struct cases *cases, struct job_list *jobs,
                           struct boxes *boxes, struct sp_err *err)
{
    enum sp_rc rc = ends_load(ends, o, err);
    if (rc == SP_OK && o->kernel_text)
        rc = kernel_find(o->kernel_text, &o->kernel, err);
    if (rc == SP_OK && o->kernel_text)
        kernel_stacks(&o->kernel, &ends->stacks);
    struct sp_plan_config stacks = ends->stacks; /* whose expectations count */
    if (rc == SP_OK && o->os)
        rc = stacks_parse(o->os, &stacks, boxes->arena, err);
    if (rc == SP_OK)
        rc = cases_dir(o->cases, o->cases_dir, sizeof o->cases_dir, err);
    if (rc == SP_OK)
        rc = cases_load(cases, o->cases_dir, words, word_count, err);
    if (rc == SP_OK && !cases->bad)
        rc = jobs_make(jobs, boxes, cases, &stacks, ends, o, err);
    return rc;
}

static int main_run(int argc, char **argv)
{
    struct run_options o = {.jobs = JOBS_DEFAULT,
                            .repeat = 1,
                            .tries = 2,
                            .results = "results",
                            .max_wait_ns = -1,
                            .kernel = {.patience_ns = 60 * SP_S}};
    const struct option_row rows[] = {
        {"cases", OPT_TEXT, &o.cases, 0, 0},
        {"jobs", OPT_NUMBER, &o.jobs, 1, 512},
        {"lab", OPT_TEXT, &o.lab, 0, 0},
        {"family", OPT_TEXT, &o.family, 0, 0},
        {"client", OPT_TEXT, &o.client, 0, 0},
        {"server", OPT_TEXT, &o.server, 0, 0},
        {"appliance", OPT_TEXT, &o.appliance, 0, 0},
        {"results", OPT_TEXT, &o.results, 0, 0},
        {"os", OPT_TEXT, &o.os, 0, 0},
        {"repeat", OPT_NUMBER, &o.repeat, 1, 1000},
        {"tries", OPT_NUMBER, &o.tries, 1, 9},
        {"max-wait", OPT_DURATION, &o.max_wait_ns, 0, 0},
        {"kernel", OPT_TEXT, &o.kernel_text, 0, 0},
        {"modules", OPT_TEXT, &o.kernel.modules_asked, 0, 0},
        {"patience", OPT_DURATION, &o.kernel.patience_ns, 0, 0},
        {"json", OPT_FLAG, &o.json, 0, 0},
        {"format", OPT_TEXT, &o.format, 0, 0},
        {"quiet", OPT_FLAG, &o.quiet, 0, 0},
    };
    /* options_parse moves words about: the command as it was typed is kept for run.json */
    const char **typed = sp_xcalloc((size_t)argc + 2, sizeof *typed);
    typed[0] = "sockproof";
    memcpy(typed + 1, argv, (size_t)argc * sizeof *typed);
    struct sp_arena arena;
    struct sp_err err = {0};
    struct cases cases = {0};
    struct job_list jobs = {0};
    struct ends ends = {0};
    struct boxes boxes = {.arena = &arena};
    bool privileged = false;
    int code = SP_EXIT_USAGE;
    sp_arena_init(&arena);
    int words = options_parse(&cmd_run, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0 || check_options(&o) != 0)
        goto out;
    code = check_appliance(&o, &arena);
    if (code != SP_EXIT_PASS)
        goto out;
    code = SP_EXIT_USAGE;
    if (o.appliance) /* a box is there to be tested */
        o.lab = sp_case_lab_name(SP_CASE_ROUTED);
    enum sp_rc rc = run_plan(&o, argv + 1, (size_t)words, &ends, &cases, &jobs, &boxes, &err);
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    if (rc == SP_E_UNSUPPORTED || rc == SP_E_IO)
        code = SP_EXIT_BROKEN;
    if (rc != SP_OK || cases.bad)
        goto out;
    if (!jobs.len) {
        cmd_error("nothing to run: no case fits --lab, --family and --max-wait");
        code = SP_EXIT_NOTHING;
        goto out;
    }
    os_raise_file_limit();
    if (o.jobs == JOBS_DEFAULT)
        o.jobs = default_jobs(&o);
    if (ends.two_machines) /* they have one address each: a run at a time */
        o.jobs = 1;
    if (o.kernel_text) {
        privileged = true; /* in the guest everybody is root */
    } else if (sp_lab_process_init(&privileged, &err) != SP_OK) {
        cmd_error("%s", err.text);
        code = SP_EXIT_BROKEN;
        goto out;
    }
    code = run_jobs(&jobs, &ends, &o, argc + 1, typed, privileged);
out:
    ends_free(&ends);
    cases_release(&cases);
    free(jobs.items);
    free((void *)typed);
    sp_arena_release(&arena);
    return code;
}

const struct cmd cmd_run = {
    .name = "run",
    .usage = "[CASE | FOLDER | TOPIC | GLOB]... [options]",
    .summary = "Runs cases on this machine and judges them.",
    .help =
        "  --jobs N        so many runs at once (64; uml: a processor each; qemu: what it can "
        "bear)\n"
        "  --lab L         loopback, veth or routed only\n"
        "  --appliance R   the box of the lab routed, and that lab only: router, firewall or\n"
        "                  nat, or a script of yours (./box.sh, docs/labs.md)\n"
        "  --family F      ipv4 or ipv6 only\n"
        "  --client STACK  another stack at that end: gvisor, ... (a folder of stacks/;\n"
        "  --server STACK  NAME:PARAM hands it a parameter), or another machine: ssh:HOST\n"
        "                  or ssh:HOST,ADDRESS\n"
        "  --results DIR   where the results go (results)\n"
        "  --os OS         judge as this stack: linux-6.18, or\n"
        "                  client=windows-10.0.19045,server=wine-8.0/linux-6.18 (API/TCP)\n"
        "  --kernel K      in guests of another kernel: uml:PATH (./dev kernel builds one), whose\n"
        "                  clock jumps over idle time, or qemu:VMLINUZ, a virtual machine\n"
        "  --modules DIR   of that VMLINUZ (lib/modules beside it), none: all is built in\n"
        "  --patience T    a guest that says nothing for so long is ended (60s)\n"
        "  --repeat N      each run N times\n"
        "  --tries N       make a run so often, if need be, that this machine kept from being\n"
        "                  judged: it stood still, or a witness lost events (2)\n"
        "  --max-wait T    leave out runs that must wait longer than T (10s, 500ms)\n"
        "  --json          print run.json when it is over, nothing else\n"
        "  --format F      print the results as text, html, junit, ktap, markdown or json\n"
        "  --quiet         no progress, no summary: the exit code tells\n"
        "  --cases DIR     the folder of cases (./cases, $SOCKPROOF_CASES)\n\n"
        "Without a word all cases are run. Exit codes: 0 all passed (variants and skips\n"
        "included), 1 something failed, 2 interrupted, 3 broken or inconclusive, 4 usage or a\n"
        "bad case, 5 nothing ran.\n",
    .main = main_run,
};
