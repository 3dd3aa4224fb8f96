#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "cmd.h"
#include "compare.h"
#include "matrix.h"
#include "options.h"

enum { RESULTS_MAX = 64, CHANGED_SHOWN = 10 };

struct compare_options {
    const char *format;
    bool json, all;
};

static const struct {
    const char *name;
    enum sp_rc (*write)(const struct sp_compare *compare, struct sp_buf *out, struct sp_err *err);
} formats[] = {
    {"text", sp_compare_text}, {"json", sp_compare_json}, {"markdown", sp_compare_markdown}};

enum { FORMATS = sizeof formats / sizeof formats[0] };

/* ---- runs by their key ---------------------------------------------------------------------- */

struct index {
    struct sp_result **items; /* ordered by key */
    size_t len;
};

static int by_key(const void *a, const void *b)
{
    const struct sp_result *x = *(struct sp_result *const *)a;
    const struct sp_result *y = *(struct sp_result *const *)b;
    int differs = strcmp(x->id, y->id);
    if (!differs)
        differs = strcmp(x->lab, y->lab);
    if (!differs)
        differs = strcmp(x->family, y->family);
    return differs ? differs : (x->repeat > y->repeat) - (x->repeat < y->repeat);
}

static enum sp_rc index_make(struct index *index, struct sp_results *results, struct sp_err *err)
{
    index->len = results->run_count;
    index->items = sp_xcalloc(index->len + 1, sizeof *index->items);
    for (size_t i = 0; i < index->len; i++)
        index->items[i] = &results->runs[i];
    qsort(index->items, index->len, sizeof *index->items, by_key);
    for (size_t i = 1; i < index->len; i++)
        if (by_key(&index->items[i - 1], &index->items[i]) == 0)
            return sp_fail(err, SP_E_PARSE, "%s holds %s@%s@%s twice", results->dir,
                           index->items[i]->id, index->items[i]->lab, index->items[i]->family);
    return SP_OK;
}

static struct sp_result *index_find(const struct index *index, struct sp_result *key)
{
    struct sp_result **found =
        bsearch(&key, index->items, index->len, sizeof *index->items, by_key);
    return found ? *found : NULL;
}

/* ---- one run, judged again ------------------------------------------------------------------ */

struct side {
    struct again again;
    struct sp_compare_run run;
    char hash[17]; /* of the case beside it, "" where there is none */
    bool unread;   /* its trace or its case could not be read */
};

static void hash_of_case(const char *dir, const struct sp_result *result, char hash[17])
{
    struct sp_case stored;
    struct sp_diags diags;
    struct sp_buf text;
    struct sp_err err = {0};
    sp_buf_init(&text, 0);
    if (sp_store_read_case(dir, result, &text, &err) == SP_OK) {
        sp_diags_init(&diags);
        if (sp_case_parse(result->file, text.data ? text.data : "", text.len, &stored, &diags,
                          &err) == SP_OK)
            snprintf(hash, sizeof stored.hash, "%s", stored.hash);
        sp_case_release(&stored);
        sp_diags_release(&diags);
    }
    sp_buf_release(&text);
}

/* A run without a trace (skipped, or broken before it began) keeps the verdict that it has. */
static void side_load(struct side *side, struct sp_results *results, struct sp_result *result)
{
    struct sp_err err = {0};
    *side = (struct side){.run = {.result = result}};
    if (result->verdict == SP_VERDICT_SKIP || result->verdict == SP_VERDICT_BROKEN) {
        hash_of_case(results->dir, result, side->hash);
        return;
    }
    if (again_judge(results->dir, result, NULL, NULL, &side->again, &err) == SP_OK) {
        struct again *again = &side->again;
        side->run.plan = &again->plan;
        side->run.trace = &again->trace;
        side->run.judgement = &again->judgement;
        result->verdict = again->judgement.verdict;
        result->reason = sp_arena_strdup(&results->arena, again->judgement.reason);
        snprintf(side->hash, sizeof side->hash, "%s", again->case_.hash);
    } else {
        side->unread = true;
        result->verdict = SP_VERDICT_BROKEN;
        result->reason = sp_arena_strdup(&results->arena, err.text);
    }
}

static void side_release(struct side *side)
{
    if (side->run.judgement || side->unread)
        again_release(&side->again);
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct work {
    struct sp_results *results;
    struct index *indexes;
    size_t count;
    struct sp_compare compare;
    struct sp_buf changed; /* the runs whose cases are not the same, a line each */
    size_t changed_count;
    size_t compared; /* pairs of which both sides are there */
    size_t unread;
};

static void note_changed(struct work *work, const struct sp_result *result, size_t which)
{
    if (work->changed_count++ < CHANGED_SHOWN)
        sp_buf_addf(&work->changed, "  %s@%s@%s in %s\n", result->id, result->lab, result->family,
                    work->results[which].dir);
}

static void compare_with(struct work *work, size_t which, struct sp_result *result,
                         const struct side *first)
{
    struct sp_result *twin = index_find(&work->indexes[which], result);
    struct side other;
    if (!twin) {
        sp_compare_add(&work->compare, which, &first->run, NULL, false);
        return;
    }
    side_load(&other, &work->results[which], twin);
    bool changed = *first->hash && *other.hash && strcmp(first->hash, other.hash) != 0;
    if (changed)
        note_changed(work, result, which);
    work->compared++;
    work->unread += other.unread;
    sp_compare_add(&work->compare, which, &first->run, &other.run, changed);
    side_release(&other);
}

static void compare_all(struct work *work)
{
    struct side side;
    for (size_t i = 0; i < work->results[0].run_count; i++) {
        side_load(&side, &work->results[0], &work->results[0].runs[i]);
        work->unread += side.unread;
        for (size_t which = 1; which < work->count; which++)
            compare_with(work, which, &work->results[0].runs[i], &side);
        side_release(&side);
    }
    for (size_t which = 1; which < work->count; which++)
        for (size_t i = 0; i < work->results[which].run_count; i++) {
            struct sp_result *result = &work->results[which].runs[i];
            if (index_find(&work->indexes[0], result))
                continue;
            side_load(&side, &work->results[which], result);
            work->unread += side.unread;
            sp_compare_add(&work->compare, which, NULL, &side.run, false);
            side_release(&side);
        }
}

static int refuse_changed(const struct work *work)
{
    cmd_error("%zu runs were not made with the same case as in %s; --all compares them all the "
              "same",
              work->changed_count, work->results[0].dir);
    fputs(work->changed.data, stderr);
    if (work->changed_count > CHANGED_SHOWN)
        fprintf(stderr, "  and %zu more\n", work->changed_count - CHANGED_SHOWN);
    return SP_EXIT_USAGE;
}

static int print(const struct work *work, const char *format)
{
    struct sp_buf out;
    struct sp_err err = {0};
    enum sp_rc rc = SP_OK;
    sp_buf_init(&out, 0);
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, format) == 0)
            rc = formats[i].write(&work->compare, &out, &err);
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    bool ok = rc == SP_OK && cmd_write_out(&out);
    sp_buf_release(&out);
    if (!ok)
        return SP_EXIT_BROKEN;
    if (sp_compare_regressions(&work->compare))
        return SP_EXIT_FAIL;
    if (work->unread) {
        cmd_error("%zu runs could not be judged again", work->unread);
        return SP_EXIT_BROKEN;
    }
    if (!work->compared) {
        cmd_error("nothing was compared: the results have no run in common");
        return SP_EXIT_NOTHING;
    }
    return SP_EXIT_PASS;
}

static int compare_dirs(char **dirs, size_t count, const struct compare_options *o)
{
    struct sp_err err = {0};
    struct work work = {.count = count,
                        .results = sp_xcalloc(count, sizeof *work.results),
                        .indexes = sp_xcalloc(count, sizeof *work.indexes)};
    enum sp_rc rc = SP_OK;
    int code = SP_EXIT_BROKEN;
    sp_buf_init(&work.changed, 0);
    for (size_t i = 0; i < count && rc == SP_OK; i++) {
        rc = sp_results_read(dirs[i], &work.results[i], &err);
        if (rc == SP_OK)
            rc = index_make(&work.indexes[i], &work.results[i], &err);
    }
    if (rc != SP_OK) {
        cmd_error("%s", err.text);
        code = rc == SP_E_NOTFOUND ? SP_EXIT_USAGE : SP_EXIT_BROKEN;
        goto out;
    }
    sp_compare_init(&work.compare, work.results, count);
    compare_all(&work);
    sp_compare_sort(&work.compare);
    if (work.changed_count && !o->all)
        code = refuse_changed(&work);
    else
        code = print(&work, o->json ? "json" : o->format ? o->format : "text");
    sp_compare_release(&work.compare);
out:
    for (size_t i = 0; i < count; i++) {
        free(work.indexes[i].items);
        sp_results_release(&work.results[i]);
    }
    free(work.indexes);
    free(work.results);
    sp_buf_release(&work.changed);
    return code;
}

static int main_compare(int argc, char **argv)
{
    struct compare_options o = {0};
    const struct option_row rows[] = {{"format", OPT_TEXT, &o.format, 0, 0},
                                      {"json", OPT_FLAG, &o.json, 0, 0},
                                      {"all", OPT_FLAG, &o.all, 0, 0}};
    int words = options_parse(&cmd_compare, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    bool known = !o.format;
    for (size_t i = 0; i < FORMATS && !known; i++)
        known = strcmp(formats[i].name, o.format) == 0;
    if (!known)
        return cmd_usage(&cmd_compare, "there is no format '%s': text, markdown or json", o.format);
    if (o.json && o.format && strcmp(o.format, "json") != 0)
        return cmd_usage(&cmd_compare, "--json and --format %s exclude each other", o.format);
    struct sp_arena arena;
    struct sp_err err = {0};
    char **dirs = NULL;
    size_t count = 0;
    int code = SP_EXIT_BROKEN;
    sp_arena_init(&arena);
    if (matrix_expand(argv + 1, (size_t)words, &arena, &dirs, &count, &err) != SP_OK)
        cmd_error("%s", err.text);
    else if (count < 2 || count > RESULTS_MAX)
        code =
            cmd_usage(&cmd_compare, "wants two results folders or more (%d at most)", RESULTS_MAX);
    else
        code = compare_dirs(dirs, count, &o);
    sp_arena_release(&arena);
    return code;
}

const struct cmd cmd_compare = {
    .name = "compare",
    .usage = "RESULT RESULT... [--json | --format F] [--all]",
    .summary = "Says what differs between results, and what is a regression against the first.",
    .help =
        "  RESULT        a results folder, or a matrix for all of its columns; it is read, not\n"
        "                changed. All are judged again first, each with the cases that are stored\n"
        "                in it, under its own stacks' expectations; then each is compared with "
        "the\n"
        "                first\n"
        "  --json        everything, as docs/schema/compare.schema.json has it\n"
        "  --format F    text, markdown (for a job summary) or json\n"
        "  --all         compare runs too that were made with another version of their case\n\n"
        "A regression is a worse verdict, or a line that is no longer watched; a known variant\n"
        "of a stack is none. Exit codes: 0 none, 1 a regression, 3 a result could not be read\n"
        "or judged, 4 usage or another case under the same name, 5 nothing in common.\n",
    .main = main_compare,
};
