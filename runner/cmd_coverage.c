#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "options.h"
#include "requirements.h"
#include "store.h"

/* One requirement with the cases that hold it and the worst that became of their runs. */
struct held {
    const struct requirement *requirement;
    const struct sp_case **cases;
    size_t len;
    size_t cap;
    enum sp_verdict verdict; /* SP_VERDICT_COUNT: none of them was run */
};

struct coverage {
    struct held *items;
    size_t len;
};

static bool case_holds(const struct sp_case *c, const struct requirement *requirement)
{
    for (size_t i = 0; i < c->spec_count; i++)
        if (requirement_named(requirement, c->specs[i]))
            return true;
    return false;
}

static enum sp_verdict worst_run(const struct sp_results *results, const struct sp_case *c)
{
    enum sp_verdict worst = SP_VERDICT_COUNT;
    size_t len = strlen(c->id);
    for (size_t i = 0; i < results->run_count; i++) {
        const struct sp_result *run = &results->runs[i];
        bool of_case = strncmp(run->id, c->id, len) == 0 && (!run->id[len] || run->id[len] == '[');
        if (of_case && run->verdict < worst)
            worst = run->verdict;
    }
    return worst;
}

static void coverage_make(struct coverage *out, const struct requirements *requirements,
                          const struct cases *cases, const struct sp_results *results)
{
    out->len = requirements->len;
    out->items = sp_xcalloc(out->len, sizeof *out->items);
    for (size_t i = 0; i < out->len; i++) {
        struct held *held = &out->items[i];
        held->requirement = &requirements->items[i];
        held->verdict = SP_VERDICT_COUNT;
        for (size_t n = 0; n < cases->len; n++) {
            const struct sp_case *c = cases->items[n];
            if (!case_holds(c, held->requirement))
                continue;
            SP_PUSH(held->cases, held->len, held->cap) = c;
            enum sp_verdict verdict = worst_run(results, c);
            if (verdict < held->verdict)
                held->verdict = verdict;
        }
    }
}

static void coverage_release(struct coverage *coverage)
{
    for (size_t i = 0; i < coverage->len; i++)
        free((void *)coverage->items[i].cases);
    free(coverage->items);
}

static const char *verdict_text(enum sp_verdict verdict)
{
    return verdict == SP_VERDICT_COUNT ? "not run" : sp_verdict_name(verdict);
}

/* Cases that say that they hold something which the table does not have: a slip of the pen. */
static size_t complain_unknown(const struct requirements *requirements, const struct cases *cases)
{
    size_t unknown = 0;
    for (size_t i = 0; i < cases->len; i++)
        for (size_t s = 0; s < cases->items[i]->spec_count; s++) {
            const char *spec = cases->items[i]->specs[s];
            bool known = !spec_names_requirement(spec);
            for (size_t n = 0; n < requirements->len && !known; n++)
                known = requirement_named(&requirements->items[n], spec);
            if (!known)
                cmd_error("%s: there is no requirement %s", cases->items[i]->file, spec);
            unknown += !known;
        }
    return unknown;
}

/* ---- text ----------------------------------------------------------------------------------- */

enum { ID_WIDTH = 18, VERDICT_WIDTH = 13, LINE_WIDTH = 100 };

static void put_cases(const struct held *held, struct sp_buf *out)
{
    size_t column = 0;
    for (size_t i = 0; i < held->len; i++) {
        size_t len = strlen(held->cases[i]->id);
        if (!column || column + 2 + len > LINE_WIDTH) {
            sp_buf_addf(out, "%s%*s%s", column ? "\n" : "", ID_WIDTH, "", held->cases[i]->id);
            column = ID_WIDTH + len;
        } else {
            sp_buf_addf(out, "  %s", held->cases[i]->id);
            column += 2 + len;
        }
    }
    if (column)
        sp_buf_addch(out, '\n');
}

static void put_requirement(const struct held *held, struct sp_buf *out)
{
    const struct requirement *r = held->requirement;
    const char *how =
        held->len ? verdict_text(held->verdict) : (r->testable ? "nothing" : "not testable");
    sp_buf_addf(out, "%-*s%-*s%s: %s\n", ID_WIDTH - 1, r->id, VERDICT_WIDTH, how, r->level,
                r->text);
    put_cases(held, out);
}

static void put_totals(const struct coverage *coverage, struct sp_buf *out)
{
    static const char *const names[GROUP_COUNT] = {
        [GROUP_MUST] = "MUST, MUST NOT (RFC 9293)",
        [GROUP_EVENT] = "event rules (RFC 9293, 3.10)",
        [GROUP_SHOULD] = "SHOULD, and other RFCs",
        [GROUP_MAY] = "MAY",
    };
    sp_buf_addf(out, "\n%-32s%10s%10s%10s%10s\n", "", "testable", "held", "nothing", "not run");
    for (int group = 0; group < GROUP_COUNT; group++) {
        size_t testable = 0, held = 0, not_run = 0;
        for (size_t i = 0; i < coverage->len; i++) {
            const struct held *item = &coverage->items[i];
            if ((int)item->requirement->group != group || !item->requirement->testable)
                continue;
            testable++;
            held += item->len > 0;
            not_run += item->len > 0 && item->verdict == SP_VERDICT_COUNT;
        }
        sp_buf_addf(out, "%-32s%10zu%10zu%10zu%10zu\n", names[group], testable, held,
                    testable - held, not_run);
    }
}

static bool print_text(const struct coverage *coverage, bool uncovered)
{
    struct sp_buf out;
    sp_buf_init(&out, 0);
    for (size_t i = 0; i < coverage->len; i++)
        if (!uncovered || !coverage->items[i].len)
            put_requirement(&coverage->items[i], &out);
    put_totals(coverage, &out);
    bool ok = cmd_write_out(&out);
    sp_buf_release(&out);
    return ok;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static bool print_json(const struct coverage *coverage, bool uncovered)
{
    json_t *all = json_array();
    for (size_t i = 0; i < coverage->len; i++) {
        const struct held *held = &coverage->items[i];
        json_t *ids = json_array();
        if (uncovered && held->len) {
            json_decref(ids);
            continue;
        }
        for (size_t n = 0; n < held->len; n++)
            json_array_append_new(ids, json_string(held->cases[n]->id));
        json_array_append_new(
            all, json_pack("{ss ss sb so ss}", "requirement", held->requirement->id, "level",
                           held->requirement->level, "testable", (int)held->requirement->testable,
                           "cases", ids, "verdict", verdict_text(held->verdict)));
    }
    char *text = json_dumps(all, JSON_INDENT(2));
    bool ok = text && puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    json_decref(all);
    return ok;
}

/* ---- the command ---------------------------------------------------------------------------- */

struct coverage_options {
    const char *cases, *results, *requirements;
    bool json, uncovered;
};

/* Without --results, a folder that is not there means that nothing was run. */
static enum sp_rc read_results(const struct coverage_options *o, struct sp_results *results,
                               struct sp_err *err)
{
    enum sp_rc rc = sp_results_read(o->results ? o->results : "results", results, err);
    return rc == SP_E_NOTFOUND && !o->results ? SP_OK : rc;
}

static int print_coverage(const struct coverage_options *o, const struct requirements *requirements,
                          const struct cases *cases, const struct sp_results *results)
{
    struct coverage coverage = {0};
    coverage_make(&coverage, requirements, cases, results);
    bool ok = o->json ? print_json(&coverage, o->uncovered) : print_text(&coverage, o->uncovered);
    coverage_release(&coverage);
    size_t unknown = complain_unknown(requirements, cases);
    if (!ok)
        return SP_EXIT_BROKEN;
    return unknown ? SP_EXIT_FAIL : SP_EXIT_PASS;
}

static int main_coverage(int argc, char **argv)
{
    struct coverage_options o = {0};
    const struct option_row rows[] = {{"cases", OPT_TEXT, &o.cases, 0, 0},
                                      {"results", OPT_TEXT, &o.results, 0, 0},
                                      {"requirements", OPT_TEXT, &o.requirements, 0, 0},
                                      {"json", OPT_FLAG, &o.json, 0, 0},
                                      {"uncovered", OPT_FLAG, &o.uncovered, 0, 0}};
    struct cases cases = {0};
    struct requirements requirements = {0};
    struct sp_results results = {0};
    struct sp_err err = {0};
    char dir[4096];
    int code = SP_EXIT_USAGE;
    int words = options_parse(&cmd_coverage, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    if (words > 0)
        return cmd_usage(&cmd_coverage, "takes no cases: it is about all of them");
    enum sp_rc rc = cases_dir(o.cases, dir, sizeof dir, &err);
    if (rc == SP_OK)
        rc = cases_load(&cases, dir, NULL, 0, &err);
    if (rc == SP_OK)
        rc = requirements_load(&requirements, o.requirements, dir, &err);
    if (rc == SP_OK)
        rc = read_results(&o, &results, &err);
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    else if (!cases.bad)
        code = print_coverage(&o, &requirements, &cases, &results);
    cases_release(&cases);
    requirements_release(&requirements);
    sp_results_release(&results);
    return code;
}

const struct cmd cmd_coverage = {
    .name = "coverage",
    .usage = "[--results DIR] [--uncovered] [--json]",
    .summary = "Tells for each requirement which cases hold it, and their verdict here.",
    .help = "  --results DIR        whose verdicts, the worst of a requirement's runs (results)\n"
            "  --uncovered          only what no case holds\n"
            "  --json               an array of {requirement, level, testable, cases, verdict}\n"
            "  --cases DIR          the folder of cases (./cases, $SOCKPROOF_CASES)\n"
            "  --requirements FILE  the table (docs/requirements.tsv)\n\n"
            "Exit codes: 0 told, 1 a case names a requirement that is not in the table.\n",
    .main = main_coverage,
};
