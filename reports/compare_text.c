/* A comparison for people: what is worse first, and of each run its first divergence. */
#include <string.h>

#include "compare.h"
#include "md.h"

enum { SHOWN_MAX = 20 }; /* of one class; --json has them all */

struct page {
    struct sp_arena arena;
    const struct sp_compare *compare;
    struct sp_buf *out;
};

static const char *clean(struct page *page, const char *text)
{
    return sp_clean(&page->arena, text, true);
}

static const char *name_of(struct page *page, const struct sp_compare_row *row)
{
    const struct sp_result result = {
        .id = row->id, .lab = row->lab, .family = row->family, .repeat = row->repeat};
    struct sp_buf name;
    sp_buf_init(&name, 0);
    sp_run_name(&result, &name);
    const char *copy = clean(page, name.data);
    sp_buf_release(&name);
    return copy;
}

/* "-1 ECONNRESET (variant: ...)", "nobody watched", "not in its plan". */
static const char *seen_words(struct page *page, const struct sp_compare_seen *seen)
{
    static const struct {
        const char *how, *words;
    } rows[] = {{"not-reached", "was not reached"},
                {"unwatched", "nobody watched"},
                {"failed", "did not come true"},
                {"unknown", "recorded only"},
                {"done", "came true"},
                {"variant", "came true"}};
    if (!seen->there)
        return "not in its plan";
    const char *words = seen->seen;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !*words; i++)
        if (strcmp(rows[i].how, seen->how) == 0)
            words = rows[i].words;
    if (strcmp(seen->how, "unwatched") == 0)
        words = rows[1].words;
    return seen->variant ? sp_arena_printf(&page->arena, "%s (variant: %s)", words, seen->variant)
                         : words;
}

static int line_of(const struct sp_compare_part *part)
{
    return part->first.there ? part->first.line : part->other.line;
}

static void add_counts(struct page *page, const struct sp_compare_other *other)
{
    const char *comma = "";
    for (int class_ = 0; class_ < SP_COMPARE_CLASS_COUNT; class_++) {
        if (!other->counts[class_] && class_ != SP_COMPARE_REGRESSION)
            continue;
        sp_buf_addf(page->out, "%s%zu %s", comma, other->counts[class_],
                    sp_compare_class_name((enum sp_compare_class)class_));
        comma = ", ";
    }
}

static void add_result(struct page *page, const char *label, const struct sp_results *results)
{
    const struct sp_run_head *head = &results->head;
    sp_buf_addf(page->out, "%-7s %s: %s%s%s, %zu runs%s%s%s\n", label, clean(page, results->dir),
                clean(page, head->stack.name ? head->stack.name : "unknown stack"),
                head->appliance ? ", appliance " : "", clean(page, head->appliance),
                results->run_count, head->started ? ", " : "", clean(page, head->started),
                head->finished ? "" : " (interrupted)");
}

static void add_row(struct page *page, const struct sp_compare_row *row, const char *dir)
{
    const struct sp_compare_part *part = row->part_kept ? &row->parts[0] : NULL;
    sp_buf_addf(page->out, "%s %s: %s%s\n", sp_compare_class_name(row->class_), name_of(page, row),
                clean(page, row->why), row->case_changed ? " (another case)" : "");
    if (part) {
        if (line_of(part))
            sp_buf_addf(page->out, "  line %d  %s\n", line_of(part), clean(page, part->text));
        else
            sp_buf_addf(page->out, "  at the end  %s\n", clean(page, part->text));
        sp_buf_addf(page->out, "    first   %s\n", clean(page, seen_words(page, &part->first)));
        sp_buf_addf(page->out, "    other   %s\n", clean(page, seen_words(page, &part->other)));
        if (row->part_count > 1)
            sp_buf_addf(page->out, "    and %zu more %s\n", row->part_count - 1,
                        row->part_count == 2 ? "line differs" : "lines differ");
    } else if (row->other.there && row->class_ == SP_COMPARE_REGRESSION) {
        sp_buf_addf(page->out, "    other   %s\n", clean(page, row->other.reason));
    }
    if (row->class_ == SP_COMPARE_REGRESSION && row->other.there)
        sp_buf_addf(page->out, "  look      sockproof explain %s@%s@%s --results %s\n",
                    clean(page, row->id), row->lab, row->family, clean(page, dir));
}

static void add_class(struct page *page, const struct sp_compare_other *other,
                      enum sp_compare_class class_, const char *dir)
{
    size_t shown = 0;
    for (size_t i = 0; i < other->len; i++)
        if (other->rows[i].class_ == class_ && shown++ < SHOWN_MAX)
            add_row(page, &other->rows[i], dir);
    if (shown > SHOWN_MAX)
        sp_buf_addf(page->out, "%zu more of the class %s: --json has them\n", shown - SHOWN_MAX,
                    sp_compare_class_name(class_));
    if (shown)
        sp_buf_addch(page->out, '\n');
}

enum sp_rc sp_compare_text(const struct sp_compare *compare, struct sp_buf *out, struct sp_err *err)
{
    struct page page = {.compare = compare, .out = out};
    sp_arena_init(&page.arena);
    add_result(&page, "first", &compare->results[0]);
    for (size_t i = 1; i < compare->result_count; i++) {
        const struct sp_compare_other *other = &compare->others[i - 1];
        add_result(&page, "other", &compare->results[i]);
        sp_buf_addch(out, '\n');
        for (int class_ = 0; class_ < SP_COMPARE_SAME; class_++)
            add_class(&page, other, (enum sp_compare_class)class_, compare->results[i].dir);
        if (other->changed_cases)
            sp_buf_addf(out, "note: made with another case than the first's: %zu runs\n",
                        other->changed_cases);
        add_counts(&page, other);
        sp_buf_addch(out, '\n');
    }
    sp_arena_release(&page.arena);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the comparison is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void md_row(struct page *page, struct sp_md *md, const struct sp_compare_row *row)
{
    struct sp_buf *item = &md->item;
    const struct sp_compare_part *part = row->part_kept ? &row->parts[0] : NULL;
    sp_buf_addstr(item, "- ");
    sp_md_code(item, name_of(page, row));
    sp_buf_addstr(item, ": ");
    sp_md_text(item, row->why);
    sp_buf_addstr(item, row->case_changed ? " (another case)\n" : "\n");
    if (part) {
        if (line_of(part))
            sp_buf_addf(item, "  - line %d: ", line_of(part));
        else
            sp_buf_addstr(item, "  - at the end: ");
        sp_md_code(item, part->text);
        sp_buf_addstr(item, "\n  - first: ");
        sp_md_code(item, seen_words(page, &part->first));
        sp_buf_addstr(item, "\n  - other: ");
        sp_md_code(item, seen_words(page, &part->other));
        sp_buf_addch(item, '\n');
        if (row->part_count > 1)
            sp_buf_addf(item, "  - and %zu more %s\n", row->part_count - 1,
                        row->part_count == 2 ? "line differs" : "lines differ");
    } else if (row->other.there && row->class_ == SP_COMPARE_REGRESSION) {
        sp_buf_addstr(item, "  - other: ");
        sp_md_code(item, row->other.reason);
        sp_buf_addch(item, '\n');
    }
    sp_md_put(md);
}

/* Regressions stand open, everything else is folded away. */
static void md_class(struct page *page, struct sp_md *md, const struct sp_compare_other *other,
                     enum sp_compare_class class_)
{
    const char *heading = sp_compare_class_heading(class_);
    bool open = true;
    if (!other->counts[class_])
        return;
    if (class_ == SP_COMPARE_REGRESSION) {
        sp_buf_addf(&md->item, "### %s: %zu\n\n", heading, other->counts[class_]);
        sp_md_head(md);
    } else {
        open = sp_md_details(
            md, sp_arena_printf(&page->arena, "%s: %zu", heading, other->counts[class_]));
    }
    for (size_t i = 0; i < other->len; i++) {
        if (other->rows[i].class_ != class_)
            continue;
        if (open)
            md_row(page, md, &other->rows[i]);
        else
            md->cut++;
    }
    sp_md_close(md);
}

static void md_title(struct sp_md *md, const struct sp_compare *compare, size_t which)
{
    struct sp_buf *item = &md->item;
    const struct sp_results *first = &compare->results[0], *other = &compare->results[which];
    const struct sp_compare_other *against = &compare->others[which - 1];
    sp_buf_addstr(item, "## Sockproof: ");
    sp_md_text(item, other->head.stack.name ? other->head.stack.name : "unknown stack");
    sp_buf_addstr(item, " against ");
    sp_md_text(item, first->head.stack.name ? first->head.stack.name : "unknown stack");
    sp_buf_addf(item, "\n\n%s\n\n",
                against->counts[SP_COMPARE_REGRESSION] ? "**Regressions.**" : "No regression.");
    if (!first->head.finished || !other->head.finished)
        sp_buf_addf(item, "The %s result was interrupted.\n\n",
                    first->head.finished ? "other" : "first");
    if (against->changed_cases)
        sp_buf_addf(item, "%zu runs were made with another case than the first's.\n\n",
                    against->changed_cases);
    sp_buf_addstr(item, "| | runs |\n| --- | ---: |\n");
    for (int class_ = 0; class_ < SP_COMPARE_CLASS_COUNT; class_++)
        if (against->counts[class_])
            sp_buf_addf(item, "| %s | %zu |\n",
                        sp_compare_class_heading((enum sp_compare_class)class_),
                        against->counts[class_]);
    sp_buf_addch(item, '\n');
    sp_md_put(md);
}

enum sp_rc sp_compare_markdown(const struct sp_compare *compare, struct sp_buf *out,
                               struct sp_err *err)
{
    struct page page = {.compare = compare, .out = out};
    struct sp_md md;
    sp_arena_init(&page.arena);
    sp_md_begin(&md, out);
    for (size_t i = 1; i < compare->result_count; i++) {
        const struct sp_compare_other *other = &compare->others[i - 1];
        md_title(&md, compare, i);
        for (int class_ = 0; class_ < SP_COMPARE_SAME; class_++)
            md_class(&page, &md, other, (enum sp_compare_class)class_);
    }
    sp_md_end(&md, "entries", "sockproof compare --json");
    sp_arena_release(&page.arena);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the comparison is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}
