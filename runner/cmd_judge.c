#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "again.h"
#include "cmd.h"
#include "options.h"
#include "os.h"
#include "reports.h"

struct judge_options {
    const char *cases, *os, *format;
    bool json;
};

struct tally {
    size_t by_verdict[SP_VERDICT_COUNT];
    size_t changed;
    size_t unread;
};

static void take_verdict(struct sp_result *run, const struct sp_judgement *judgement,
                         struct sp_arena *arena)
{
    run->verdict = judgement->verdict;
    run->reason = sp_arena_strdup(arena, judgement->reason);
    run->by_machine = judgement->by_machine;
    run->kind = run->rule = run->at = run->expected = run->seen = run->blames = NULL;
    if (judgement->kind == SP_FAIL_NONE)
        return;
    run->kind = sp_fail_name(judgement->kind);
    run->rule = sp_arena_strdup(arena, judgement->rule);
    run->at = sp_arena_strdup(arena, judgement->at);
    run->expected = sp_arena_strdup(arena, judgement->expected);
    run->seen = sp_arena_strdup(arena, judgement->seen);
    run->blames = judgement->blames ? sp_end_name(judgement->blames) : NULL;
}

/* A run without a trace (skipped, or broken before it began) keeps the verdict that it had. */
static void judge_one(struct sp_results *results, struct sp_result *run,
                      const struct judge_options *o, struct tally *tally)
{
    struct again again;
    struct sp_err err = {0};
    enum sp_verdict before = run->verdict;
    bool was_judged = before != SP_VERDICT_SKIP && before != SP_VERDICT_BROKEN;
    if (was_judged) {
        if (again_judge(results->dir, run, o->cases, o->os, &again, &err) == SP_OK) {
            take_verdict(run, &again.judgement, &results->arena);
        } else {
            run->verdict = SP_VERDICT_BROKEN;
            run->reason = sp_arena_strdup(&results->arena, err.text);
            tally->unread++;
        }
        again_release(&again);
    }
    tally->by_verdict[run->verdict]++;
    if (run->verdict != before)
        tally->changed++;
}

static int report(const struct sp_results *results, const struct judge_options *o,
                  const struct tally *tally)
{
    struct sp_buf out;
    struct sp_err err = {0};
    sp_buf_init(&out, 0);
    const char *format = o->json ? "json" : o->format;
    const struct sp_reporter *reporter = format ? sp_reporter_find(format) : NULL;
    enum sp_rc rc = SP_OK;
    if (reporter) {
        rc = reporter->write(results, &out, &err);
    } else {
        const char *no_color = getenv("NO_COLOR");
        struct sp_report_style style = {.color = os_is_terminal(STDOUT_FILENO) &&
                                                 !(no_color && *no_color),
                                        .unicode = os_has_unicode()};
        sp_report_summary(results, &style, &out);
        sp_buf_addf(&out, "judged again: %zu of %zu verdicts changed\n", tally->changed,
                    results->run_count);
    }
    bool ok = rc == SP_OK && cmd_write_out(&out);
    sp_buf_release(&out);
    if (!ok)
        return SP_EXIT_BROKEN;
    if (tally->by_verdict[SP_VERDICT_FAIL])
        return SP_EXIT_FAIL;
    if (tally->by_verdict[SP_VERDICT_BROKEN] || tally->by_verdict[SP_VERDICT_INCONCLUSIVE])
        return SP_EXIT_BROKEN;
    bool judged = tally->by_verdict[SP_VERDICT_PASS] || tally->by_verdict[SP_VERDICT_VARIANT];
    return judged ? SP_EXIT_PASS : SP_EXIT_NOTHING;
}

static int main_judge(int argc, char **argv)
{
    struct judge_options o = {0};
    const struct option_row rows[] = {
        {"cases", OPT_TEXT, &o.cases, 0, 0},
        {"os", OPT_TEXT, &o.os, 0, 0},
        {"json", OPT_FLAG, &o.json, 0, 0},
        {"format", OPT_TEXT, &o.format, 0, 0},
    };
    struct sp_results results;
    struct sp_err err = {0};
    struct tally tally = {0};
    int words = options_parse(&cmd_judge, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    if (words != 1)
        return cmd_usage(&cmd_judge, "wants one results folder");
    if (o.format && !sp_reporter_find(o.format))
        return cmd_usage(&cmd_judge, "there is no format '%s': text, junit, ktap, markdown or json",
                         o.format);
    struct sp_plan_config probe = {0};
    struct sp_arena arena;
    sp_arena_init(&arena);
    enum sp_rc rc = o.os ? stacks_parse(o.os, &probe, &arena, &err) : SP_OK;
    sp_arena_release(&arena);
    if (rc != SP_OK)
        return cmd_usage(&cmd_judge, "%s", err.text);
    int code = SP_EXIT_BROKEN;
    rc = sp_results_read(argv[1], &results, &err);
    if (rc == SP_OK) {
        results.head.judged_as = o.os;
        for (size_t i = 0; i < results.run_count; i++)
            judge_one(&results, &results.runs[i], &o, &tally);
        code = report(&results, &o, &tally);
    } else {
        cmd_error("%s", err.text);
        code = rc == SP_E_NOTFOUND ? SP_EXIT_USAGE : SP_EXIT_BROKEN;
    }
    sp_results_release(&results);
    return code;
}

const struct cmd cmd_judge = {
    .name = "judge",
    .usage = "DIR [--os OS] [--cases DIR] [--json | --format F]",
    .summary = "Judges stored traces again; needs no network and no privilege.",
    .help =
        "  DIR           a results folder; it is read, not changed\n"
        "  --os OS       as this stack: linux-6.18, or client=windows-10.0.19045,server=linux;\n"
        "                wine-8.0/linux-6.18 is an API over the TCP of another, and wine-8.0 "
        "leaves\n"
        "                the TCP as it was\n"
        "  --cases DIR   with these cases instead of the ones that were run\n"
        "  --json        print what run.json would say\n"
        "  --format F    text, junit, ktap, markdown or json\n\n"
        "Exit codes are those of run.\n",
    .main = main_judge,
};
