#include "compare.h"

#include <stdlib.h>
#include <string.h>

#include "style.h"

static const struct {
    const char *name, *heading;
} classes[SP_COMPARE_CLASS_COUNT] = {
    [SP_COMPARE_REGRESSION] = {"regression", "Regressions"},
    [SP_COMPARE_IMPROVEMENT] = {"improvement", "Improvements"},
    [SP_COMPARE_CHANGE] = {"change", "Other verdicts, no worse"},
    [SP_COMPARE_VARIANT] = {"variant", "Known variants"},
    [SP_COMPARE_OBSERVATION] = {"observation", "The same verdict, seen otherwise"},
    [SP_COMPARE_ADDED] = {"added", "Not in the first"},
    [SP_COMPARE_SAME] = {"same", "The same"},
};

const char *sp_compare_class_name(enum sp_compare_class class_)
{
    return classes[class_].name;
}

const char *sp_compare_class_heading(enum sp_compare_class class_)
{
    return classes[class_].heading;
}

void sp_compare_init(struct sp_compare *compare, const struct sp_results *results, size_t count)
{
    *compare = (struct sp_compare){.results = results, .result_count = count};
    sp_arena_init(&compare->arena);
    compare->others = SP_ARENA_ARRAY(&compare->arena, struct sp_compare_other, count);
}

void sp_compare_release(struct sp_compare *compare)
{
    for (size_t i = 0; i + 1 < compare->result_count; i++)
        free(compare->others[i].rows);
    sp_arena_release(&compare->arena);
    *compare = (struct sp_compare){0};
}

/* ---- what a pair of verdicts means ---------------------------------------------------------- */

static bool passes(enum sp_verdict verdict)
{
    return verdict == SP_VERDICT_PASS || verdict == SP_VERDICT_VARIANT;
}

/* A known variant is no worse than a pass: the expectations are the stack's own. */
static enum sp_verdict rank(enum sp_verdict verdict)
{
    return verdict == SP_VERDICT_VARIANT ? SP_VERDICT_PASS : verdict;
}

static bool variants_differ(const struct sp_compare_row *row)
{
    if (row->first.verdict != row->other.verdict)
        return true;
    for (size_t i = 0; i < row->part_kept; i++) {
        const char *a = row->parts[i].first.variant, *b = row->parts[i].other.variant;
        if (strcmp(a ? a : "", b ? b : "") != 0)
            return true;
    }
    return false;
}

static enum sp_compare_class one_side(const struct sp_compare_row *row)
{
    if (!row->first.there)
        return SP_COMPARE_ADDED;
    return passes(row->first.verdict) ? SP_COMPARE_REGRESSION : SP_COMPARE_CHANGE;
}

static enum sp_compare_class class_of(const struct sp_compare_row *row, const char *lost)
{
    enum sp_verdict before = row->first.verdict, after = row->other.verdict;
    if (!row->first.there || !row->other.there)
        return one_side(row);
    if (rank(after) < rank(before))
        return SP_COMPARE_REGRESSION;
    if (passes(after) && !passes(before))
        return SP_COMPARE_IMPROVEMENT;
    if (rank(after) != rank(before))
        return SP_COMPARE_CHANGE;
    if (passes(after) && lost)
        return SP_COMPARE_REGRESSION;
    if (passes(after) && variants_differ(row))
        return SP_COMPARE_VARIANT;
    return row->part_count ? SP_COMPARE_OBSERVATION : SP_COMPARE_SAME;
}

static const char *why_of(struct sp_arena *arena, const struct sp_compare_row *row,
                          const char *lost)
{
    const char *before = sp_verdict_name(row->first.verdict);
    const char *after = sp_verdict_name(row->other.verdict);
    if (!row->first.there)
        return sp_arena_printf(arena, "%s, and not in the first result", after);
    if (!row->other.there)
        return sp_arena_printf(arena, "%s, now not there", before);
    if (row->first.verdict != row->other.verdict)
        return sp_arena_printf(arena, "%s, now %s", before, after);
    if (row->class_ == SP_COMPARE_REGRESSION)
        return sp_arena_printf(arena, "%s in both, but nobody watched: %s", before, lost);
    return sp_arena_printf(arena, "%s in both", before);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void take_side(struct sp_arena *arena, const struct sp_compare_run *run,
                      struct sp_compare_side *side)
{
    if (!run)
        return;
    side->there = true;
    side->verdict = run->result->verdict;
    side->reason = sp_arena_strdup(arena, run->result->reason ? run->result->reason : "");
}

void sp_compare_add(struct sp_compare *compare, size_t which, const struct sp_compare_run *first,
                    const struct sp_compare_run *other, bool case_changed)
{
    struct sp_arena *arena = &compare->arena;
    struct sp_compare_other *against = &compare->others[which - 1];
    const struct sp_result *result = first ? first->result : other->result;
    const char *lost = NULL;
    struct sp_compare_row row = {.repeat = result->repeat, .case_changed = case_changed};
    take_side(arena, first, &row.first);
    take_side(arena, other, &row.other);
    if (first && other && first->judgement && other->judgement)
        sp_compare_lines(arena, first, other, &row, &lost);
    row.class_ = class_of(&row, lost);
    against->counts[row.class_]++;
    against->changed_cases += case_changed;
    if (row.class_ == SP_COMPARE_SAME)
        return;
    row.id = sp_arena_strdup(arena, result->id);
    row.lab = sp_arena_strdup(arena, result->lab);
    row.family = sp_arena_strdup(arena, result->family);
    row.title = sp_arena_strdup(arena, result->title ? result->title : "");
    row.why = why_of(arena, &row, lost);
    row.order = against->len;
    SP_PUSH(against->rows, against->len, against->cap) = row;
}

static int as_told(const void *a, const void *b)
{
    const struct sp_compare_row *x = a, *y = b;
    if (x->class_ != y->class_)
        return x->class_ < y->class_ ? -1 : 1;
    if (x->other.there != y->other.there)
        return x->other.there ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

void sp_compare_sort(struct sp_compare *compare)
{
    for (size_t i = 0; i + 1 < compare->result_count; i++) {
        struct sp_compare_other *other = &compare->others[i];
        if (other->len)
            qsort(other->rows, other->len, sizeof *other->rows, as_told);
    }
}

size_t sp_compare_regressions(const struct sp_compare *compare)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < compare->result_count; i++)
        count += compare->others[i].counts[SP_COMPARE_REGRESSION];
    return count;
}
