#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "again.h"
#include "cmd.h"
#include "options.h"
#include "os.h"
#include "record.h"

extern char **environ;

enum { PATH_BYTES = 4096 };

struct record_options {
    const char *cases, *lab, *family, *output;
};

/* ---- a folder of our own for the run -------------------------------------------------------- */

struct scratch {
    char dir[PATH_BYTES / 4];
    char file[PATH_BYTES];
    char results[PATH_BYTES / 2];
};

static enum sp_rc scratch_make(struct scratch *s, const struct sp_case *c,
                               const struct sp_buf *text, struct sp_err *err)
{
    const char *base = getenv("TMPDIR");
    base = base && *base ? base : "/tmp";
    if (snprintf(s->dir, sizeof s->dir, "%s/sockproof-record-XXXXXX", base) >= (int)sizeof s->dir ||
        !mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return sp_fail(err, SP_E_IO, "no folder of its own in %s: %s", base, strerror(errno));
    }
    snprintf(s->results, sizeof s->results, "%s/results", s->dir);
    snprintf(s->file, sizeof s->file, "%s/%s", s->dir, c->topic);
    if (mkdir(s->file, 0755) == 0) {
        snprintf(s->file, sizeof s->file, "%s/%s.case", s->dir, c->id);
        FILE *file = fopen(s->file, "wx");
        bool ok = file && fwrite(text->data, 1, text->len, file) == text->len;
        if (file && fclose(file) == 0 && ok)
            return SP_OK;
    }
    return sp_fail(err, SP_E_IO, "%s: %s", s->file, strerror(errno));
}

/* Ctrl+C is for the child, as in system(3): what it leaves is still to be removed here. */
static int run_program(const char *const *words)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t interrupt;
    pid_t pid = -1;
    int status = 0;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigaction(SIGINT, &ignore, &before);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &interrupt);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawnp(&pid, words[0], &actions, &attributes, (char *const *)words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    while (!failed && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    sigaction(SIGINT, &before, NULL);
    return !failed && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void scratch_remove(const struct scratch *s)
{
    const char *const words[] = {"rm", "-rf", "--", s->dir, NULL};
    if (s->dir[0])
        run_program(words);
}

/* The one run of the case that is in the scratch folder, by this very program. */
static enum sp_rc run_it(const struct scratch *s, const struct record_options *o,
                         struct sp_results *results, struct sp_err *err)
{
    char exe[PATH_BYTES];
    os_program(exe, sizeof exe);
    const char *const words[] = {exe,         "run",      s->file, "--cases", s->dir,
                                 "--results", s->results, "--lab", o->lab,    "--family",
                                 o->family,   "--quiet",  NULL};
    int code = run_program(words);
    if (code == SP_EXIT_INTERRUPTED)
        return sp_fail(err, SP_E_INTERRUPTED, "interrupted");
    enum sp_rc rc = sp_results_read(s->results, results, err);
    if (rc == SP_OK && results->run_count != 1)
        rc = sp_fail(err, SP_E_NOTFOUND, "the case was not run");
    return rc;
}

/* ---- from case to proposal ------------------------------------------------------------------ */

static size_t count_lines(const char *text)
{
    size_t lines = 1;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static enum sp_rc propose_from(const struct sp_case *c, const enum record_line *lines,
                               const int *from, const struct sp_results *results,
                               struct sp_buf *proposal, struct sp_err *err)
{
    struct again again;
    const struct sp_result *run = &results->runs[0];
    if (run->verdict == SP_VERDICT_SKIP || run->verdict == SP_VERDICT_BROKEN)
        return sp_fail(err, SP_E_NOTFOUND, "nothing was seen, the run is %s: %s",
                       sp_verdict_name(run->verdict), run->reason);
    enum sp_rc rc = again_judge(results->dir, run, NULL, NULL, &again, err);
    if (rc == SP_OK)
        record_propose(c, lines, &again.plan, from, &again.trace, proposal);
    again_release(&again);
    return rc;
}

static enum sp_rc propose(const struct sp_case *c, const struct sp_plan *plan,
                          const struct record_options *o, struct sp_buf *proposal,
                          struct sp_err *err)
{
    size_t count = count_lines(c->text) + 2;
    enum record_line *lines = sp_xcalloc(count, sizeof *lines);
    int *from = sp_xcalloc(2 * count, sizeof *from);
    struct scratch scratch = {0};
    struct sp_results results = {0};
    struct sp_buf text, raw;
    struct sp_diags diags;
    sp_buf_init(&text, 0);
    sp_buf_init(&raw, 0);
    sp_diags_init(&diags);
    enum sp_rc rc = record_lines(c, plan, lines, count, err);
    if (rc == SP_OK) {
        record_instrument(c, lines, &text, from, 2 * count);
        rc = scratch_make(&scratch, c, &text, err);
    }
    if (rc == SP_OK)
        rc = run_it(&scratch, o, &results, err);
    if (rc == SP_OK)
        rc = propose_from(c, lines, from, &results, &raw, err);
    if (rc == SP_OK)
        rc = sp_case_format(raw.data, raw.len, proposal, &diags, err);
    sp_results_release(&results);
    scratch_remove(&scratch);
    sp_diags_release(&diags);
    sp_buf_release(&text);
    sp_buf_release(&raw);
    free(lines);
    free(from);
    return rc;
}

/* Runs the proposal once and says on standard error what became of it. */
static void try_proposal(const struct sp_case *c, const struct record_options *o,
                         const struct sp_buf *proposal)
{
    struct scratch scratch = {0};
    struct sp_results results = {0};
    struct sp_err err = {0};
    enum sp_rc rc = scratch_make(&scratch, c, proposal, &err);
    if (rc == SP_OK)
        rc = run_it(&scratch, o, &results, &err);
    if (rc != SP_OK)
        fprintf(stderr, "the proposal could not be run: %s\n", err.text);
    else
        fprintf(stderr, "the proposal, run once on %s %s: %s%s%s\n", o->lab, o->family,
                sp_verdict_name(results.runs[0].verdict),
                results.runs[0].verdict == SP_VERDICT_PASS ? "" : ": ",
                results.runs[0].verdict == SP_VERDICT_PASS ? "" : results.runs[0].reason);
    sp_results_release(&results);
    scratch_remove(&scratch);
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool write_new(const char *path, const struct sp_buf *text)
{
    FILE *file = fopen(path, "wx"); /* never over a file that is there */
    bool ok = file && fwrite(text->data, 1, text->len, file) == text->len;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (!ok)
        cmd_error("%s: %s", path, strerror(errno));
    return ok;
}

static enum sp_rc choose_run(const struct sp_case *c, struct record_options *o,
                             struct sp_plan_config *config, struct sp_err *err)
{
    stacks_own(config);
    if (!o->lab)
        o->lab = c->labs & SP_CASE_VETH ? "veth" : "loopback";
    if (!o->family)
        o->family = c->families & SP_CASE_IPV4 ? "ipv4" : "ipv6";
    config->lab = strcmp(o->lab, "loopback") == 0 ? SP_CASE_LOOPBACK : SP_CASE_VETH;
    config->family = strcmp(o->family, "ipv6") == 0 ? SP_CASE_IPV6 : SP_CASE_IPV4;
    if (c->row_count != 1)
        return sp_fail(err, SP_E_USAGE, "%s: record takes a case without a `for` table", c->file);
    return SP_OK;
}

static int record_case(const struct sp_case *c, struct record_options *o)
{
    struct sp_plan_config config = {0};
    struct sp_plan plan = {0};
    struct sp_buf proposal;
    struct sp_err err = {0};
    int code = SP_EXIT_BROKEN;
    sp_buf_init(&proposal, 0);
    enum sp_rc rc = choose_run(c, o, &config, &err);
    if (rc == SP_OK) {
        rc = sp_plan_make(c, &config, &plan, &err);
        if (rc == SP_OK)
            rc = propose(c, &plan, o, &proposal, &err);
        sp_plan_release(&plan);
    }
    if (rc != SP_OK) {
        cmd_error("%s", err.text);
        code = rc == SP_E_USAGE         ? SP_EXIT_USAGE
               : rc == SP_E_INTERRUPTED ? SP_EXIT_INTERRUPTED
                                        : SP_EXIT_BROKEN;
    } else if (o->output ? write_new(o->output, &proposal) : cmd_write_out(&proposal)) {
        try_proposal(c, o, &proposal);
        code = SP_EXIT_PASS;
    }
    sp_buf_release(&proposal);
    return code;
}

static bool options_fit(const struct record_options *o, int words)
{
    struct stat st;
    bool lab = !o->lab || strcmp(o->lab, "loopback") == 0 || strcmp(o->lab, "veth") == 0;
    bool family = !o->family || strcmp(o->family, "ipv4") == 0 || strcmp(o->family, "ipv6") == 0;
    if (words != 1)
        cmd_usage(&cmd_record, "wants one case");
    else if (!lab)
        cmd_usage(&cmd_record, "there is no lab '%s': loopback or veth", o->lab);
    else if (!family)
        cmd_usage(&cmd_record, "there is no family '%s': ipv4 or ipv6", o->family);
    else if (o->output && lstat(o->output, &st) == 0)
        cmd_usage(&cmd_record, "%s is there already, and is not written over", o->output);
    else
        return true;
    return false;
}

static int main_record(int argc, char **argv)
{
    static char output[] = "--output";
    struct record_options o = {0};
    const struct option_row rows[] = {{"cases", OPT_TEXT, &o.cases, 0, 0},
                                      {"lab", OPT_TEXT, &o.lab, 0, 0},
                                      {"family", OPT_TEXT, &o.family, 0, 0},
                                      {"output", OPT_TEXT, &o.output, 0, 0}};
    struct cases cases = {0};
    struct sp_err err = {0};
    char dir[PATH_BYTES];
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = output;
    int words = options_parse(&cmd_record, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0 || !options_fit(&o, words))
        return SP_EXIT_USAGE;
    enum sp_rc rc = cases_dir(o.cases, dir, sizeof dir, &err);
    if (rc == SP_OK)
        rc = cases_load(&cases, dir, argv + 1, 1, &err);
    int code = SP_EXIT_USAGE;
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    else if (!cases.bad && cases.len != 1)
        cmd_error("'%s' is %zu cases; record takes one", argv[1], cases.len);
    else if (!cases.bad)
        code = record_case(cases.items[0], &o);
    cases_release(&cases);
    return code;
}

const struct cmd cmd_record = {
    .name = "record",
    .usage = "CASE [-o FILE]",
    .summary = "Runs a case without expectations and proposes what it saw as a case.",
    .help =
        "  CASE          a case that only says what is done: calls, lab, middle and peer lines,\n"
        "                `establish`\n"
        "  -o FILE       write the proposal there; a file that is there is never written over\n"
        "  --lab L       loopback or veth (veth where the case has it)\n"
        "  --family F    ipv4 or ipv6 (ipv4 where the case has it)\n"
        "  --cases DIR   the folder of cases (./cases, $SOCKPROOF_CASES)\n\n"
        "What was seen is what this stack does, not what is right: read every line before\n"
        "keeping it. Standard error says whether the proposal holds when it is run.\n",
    .main = main_record,
};
