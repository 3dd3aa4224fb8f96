#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "again.h"
#include "cmd.h"
#include "options.h"
#include "os.h"
#include "reports.h"

struct explain_options {
    const char *results, *lab, *family, *os;
    long repeat;
    bool all;
};

/* "linger/zero" or "linger/zero@veth@ipv6", with the [row] or without. */
static bool names_run(const char *word, const struct sp_result *run,
                      const struct explain_options *o)
{
    char full[512];
    snprintf(full, sizeof full, "%s@%s@%s", run->id, run->lab, run->family);
    size_t id_len = strcspn(run->id, "[");
    bool named = strcmp(word, run->id) == 0 || strcmp(word, full) == 0 ||
                 (strlen(word) == id_len && strncmp(word, run->id, id_len) == 0);
    return named && (!o->lab || strcmp(o->lab, run->lab) == 0) &&
           (!o->family || strcmp(o->family, run->family) == 0) &&
           (!o->repeat || o->repeat == run->repeat);
}

static void style_init(struct sp_report_style *style)
{
    bool terminal = os_is_terminal(STDOUT_FILENO);
    int seen = terminal ? os_columns(STDOUT_FILENO) : 0;
    const char *no_color = getenv("NO_COLOR");
    const char *columns = getenv("COLUMNS");
    *style = (struct sp_report_style){.color = terminal && !(no_color && *no_color),
                                      .unicode = os_has_unicode(),
                                      .width = columns ? (int)strtol(columns, NULL, 10) : 120};
    if (seen)
        style->width = seen;
}

static int explain_run(const struct explain_options *o, const struct sp_result *run)
{
    struct again again;
    struct sp_err err = {0};
    struct sp_report_style style;
    struct sp_buf out;
    int code = SP_EXIT_BROKEN;
    sp_buf_init(&out, 0);
    style_init(&style);
    enum sp_rc rc = again_judge(o->results, run, NULL, o->os, &again, &err);
    if (rc == SP_OK) {
        sp_report_ladder(run, &again.plan, &again.trace, &again.judgement, -1, &style, &out);
        code = cmd_write_out(&out) ? SP_EXIT_PASS : SP_EXIT_BROKEN;
    } else if (run->verdict == SP_VERDICT_SKIP || run->verdict == SP_VERDICT_BROKEN) {
        printf("%s@%s@%s: %s: %s\n", run->id, run->lab, run->family, sp_verdict_name(run->verdict),
               run->reason);
        code = SP_EXIT_PASS;
    } else {
        cmd_error("%s@%s@%s: %s", run->id, run->lab, run->family, err.text);
    }
    again_release(&again);
    sp_buf_release(&out);
    return code;
}

/* The run to show where a word names several: the worst of them. */
static const struct sp_result *pick(const struct sp_results *results, const char *word,
                                    const struct explain_options *o, size_t *others)
{
    const struct sp_result *best = NULL;
    size_t found = 0;
    for (size_t i = 0; i < results->run_count; i++) {
        const struct sp_result *run = &results->runs[i];
        if (!names_run(word, run, o))
            continue;
        found++;
        if (!best || run->verdict < best->verdict)
            best = run;
    }
    *others = found ? found - 1 : 0;
    return best;
}

static int explain_all(const struct sp_results *results, const char *word,
                       const struct explain_options *o)
{
    int code = SP_EXIT_USAGE;
    for (size_t i = 0; i < results->run_count; i++)
        if (names_run(word, &results->runs[i], o))
            code = explain_run(o, &results->runs[i]);
    if (code == SP_EXIT_USAGE)
        cmd_error("no run of '%s' in %s", word, o->results);
    return code;
}

static int main_explain(int argc, char **argv)
{
    struct explain_options o = {.results = "results"};
    const struct option_row rows[] = {
        {"results", OPT_TEXT, &o.results, 0, 0}, {"lab", OPT_TEXT, &o.lab, 0, 0},
        {"family", OPT_TEXT, &o.family, 0, 0},   {"repeat", OPT_NUMBER, &o.repeat, 1, 1000},
        {"all", OPT_FLAG, &o.all, 0, 0},
    };
    struct sp_results results;
    struct sp_err err = {0};
    int words = options_parse(&cmd_explain, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    if (words != 1)
        return cmd_usage(&cmd_explain, "wants one case");
    int code = SP_EXIT_USAGE;
    enum sp_rc rc = sp_results_read(o.results, &results, &err);
    o.os = rc == SP_OK ? results.head.judged_as : NULL;
    if (rc != SP_OK) {
        cmd_error("%s", err.text);
        code = err.rc == SP_E_NOTFOUND ? SP_EXIT_USAGE : SP_EXIT_BROKEN;
    } else if (o.all) {
        code = explain_all(&results, argv[1], &o);
    } else {
        size_t others = 0;
        const struct sp_result *run = pick(&results, argv[1], &o, &others);
        if (run)
            code = explain_run(&o, run);
        else
            cmd_error("no run of '%s' in %s", argv[1], o.results);
        if (run && others)
            printf("\n%zu more runs of it: --all, or --lab and --family\n", others);
    }
    sp_results_release(&results);
    return code;
}

const struct cmd cmd_explain = {
    .name = "explain",
    .usage = "CASE [--results DIR]",
    .summary = "Shows a run as a ladder: calls, segments and states on one clock.",
    .help =
        "  CASE            an id (linger/zero-resets), or a run (linger/zero-resets@veth@ipv6);\n"
        "                  where several runs fit, the one with the worst verdict\n"
        "  --results DIR   the results folder (results)\n"
        "  --lab L         that lab's run\n"
        "  --family F      that family's run\n"
        "  --repeat N      that repetition\n"
        "  --all           all runs that fit\n",
    .main = main_explain,
};
