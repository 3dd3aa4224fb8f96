#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "deviations.h"
#include "options.h"

enum { KINDS = SP_SOURCE_REPORTED + 1 };

struct tally {
    size_t by_kind[KINDS];
    size_t blocks;
    size_t cases;
};

static void count(struct tally *tally, const struct sp_deviations *deviations)
{
    tally->cases += deviations->len > 0;
    for (size_t i = 0; i < deviations->len; i++) {
        tally->by_kind[deviations->items[i].kind]++;
        tally->blocks += deviations->items[i].block;
    }
}

/* ---- text ----------------------------------------------------------------------------------- */

static void put_one(const struct sp_case *c, const struct sp_deviation *d, struct sp_buf *out)
{
    sp_buf_addf(out, "  %s:%d: on %s %s%s%s\n", c->file, d->at.line, d->stacks,
                d->block ? "{ " : "", d->expects, d->block ? " ... }" : "");
    if (!d->block)
        sp_buf_addf(out, "      instead of: %s\n", d->line);
    if (d->kind == SP_SOURCE_NONE)
        sp_buf_addstr(out, "      no source\n");
    else
        sp_buf_addf(out, "      %s %s\n", sp_source_kind_name(d->kind), d->source);
    if (*d->why)
        sp_buf_addf(out, "      \"%s\"\n", d->why);
}

static void put_case(const struct sp_case *c, const struct sp_deviations *deviations,
                     bool only_missing, struct sp_buf *out)
{
    bool headed = false;
    for (size_t i = 0; i < deviations->len; i++) {
        if (only_missing && deviations->items[i].kind != SP_SOURCE_NONE)
            continue;
        if (!headed)
            sp_buf_addf(out, "%s\n", c->id);
        headed = true;
        put_one(c, &deviations->items[i], out);
    }
}

static void put_totals(const struct tally *tally, struct sp_buf *out)
{
    size_t all = 0;
    for (int kind = 0; kind < KINDS; kind++)
        all += tally->by_kind[kind];
    sp_buf_addf(out, "%s%zu expectations that differ by stack, in %zu cases (%zu are blocks):",
                all ? "\n" : "", all, tally->cases, tally->blocks);
    for (int kind = 1; kind < KINDS; kind++)
        sp_buf_addf(out, " %zu %s,", tally->by_kind[kind],
                    sp_source_kind_name((enum sp_source_kind)kind));
    sp_buf_addf(out, " %zu without a source\n", tally->by_kind[SP_SOURCE_NONE]);
}

static bool print_text(const struct cases *cases, struct tally *tally)
{
    struct sp_buf out;
    sp_buf_init(&out, 0);
    for (int pass = 0; pass < 2; pass++) { /* all of them, then those that lack a source */
        if (pass && !tally->by_kind[SP_SOURCE_NONE])
            break;
        if (pass)
            sp_buf_addstr(&out, "\nwithout a source:\n\n");
        for (size_t i = 0; i < cases->len; i++) {
            struct sp_deviations deviations;
            sp_case_deviations(cases->items[i], &deviations);
            put_case(cases->items[i], &deviations, pass > 0, &out);
            if (!pass)
                count(tally, &deviations);
            sp_deviations_release(&deviations);
        }
    }
    put_totals(tally, &out);
    bool ok = cmd_write_out(&out);
    sp_buf_release(&out);
    return ok;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *one_json(const struct sp_case *c, const struct sp_deviation *d)
{
    return json_pack("{ss ss si sb ss ss ss so so ss}", "case", c->id, "file", c->file, "line",
                     d->at.line, "block", (int)d->block, "instead_of", d->line, "stacks", d->stacks,
                     "expects", d->expects, "kind",
                     d->kind ? json_string(sp_source_kind_name(d->kind)) : json_null(), "where",
                     d->kind ? json_string(d->source) : json_null(), "why", d->why);
}

static bool print_json(const struct cases *cases, struct tally *tally)
{
    json_t *all = json_array();
    json_t *totals = json_object();
    for (size_t i = 0; i < cases->len; i++) {
        struct sp_deviations deviations;
        sp_case_deviations(cases->items[i], &deviations);
        count(tally, &deviations);
        for (size_t n = 0; n < deviations.len; n++)
            json_array_append_new(all, one_json(cases->items[i], &deviations.items[n]));
        sp_deviations_release(&deviations);
    }
    for (int kind = 0; kind < KINDS; kind++)
        json_object_set_new(totals, sp_source_kind_name((enum sp_source_kind)kind),
                            json_integer((json_int_t)tally->by_kind[kind]));
    json_t *top = json_pack("{so so}", "variants", all, "totals", totals);
    char *text = json_dumps(top, JSON_INDENT(2));
    bool ok = text && puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    json_decref(top);
    return ok;
}

static int main_sources(int argc, char **argv)
{
    const char *cases_option = NULL;
    bool json = false;
    const struct option_row rows[] = {{"cases", OPT_TEXT, &cases_option, 0, 0},
                                      {"json", OPT_FLAG, &json, 0, 0}};
    struct cases cases = {0};
    struct tally tally = {0};
    int words = options_parse(&cmd_sources, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    bool opened = cases_open(&cases, cases_option, argv + 1, (size_t)words);
    int code = SP_EXIT_USAGE;
    if (opened && !cases.bad) {
        bool ok = json ? print_json(&cases, &tally) : print_text(&cases, &tally);
        code = tally.by_kind[SP_SOURCE_NONE] ? SP_EXIT_FAIL : SP_EXIT_PASS;
        code = ok ? code : SP_EXIT_BROKEN;
    }
    cases_release(&cases);
    return code;
}

const struct cmd cmd_sources = {
    .name = "sources",
    .usage = "[CASE | FOLDER | TOPIC | GLOB]... [--json]",
    .summary = "Lists what is expected of one stack only, and who says so.",
    .help = "  --json        {variants: [{case, file, line, block, instead_of, stacks, expects,\n"
            "                kind, where, why}], totals}; kind: measured, documented, reported\n"
            "  --cases DIR   the folder of cases (./cases, $SOCKPROOF_CASES)\n\n"
            "Exit codes: 0 everything has its source, 1 something has none (it is listed again).\n",
    .main = main_sources,
};
