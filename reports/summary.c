/* The summary after a run: what went wrong and how to look at it, then the totals. */
#include <stdio.h>
#include <string.h>

#include "style.h"

enum {
    SHOWN_MAX = 20, /* of one verdict; run.json has them all */
    DRAWN_MAX = 3,  /* ladders */
};

struct page {
    const struct sp_results *results;
    const struct sp_report_style *style;
    struct sp_arena arena;
    struct sp_buf *out;
    sp_report_draw *draw; /* NULL: no ladders */
    void *context;
    size_t drawn;
};

static const char *clean(struct page *page, const char *text)
{
    return sp_clean(&page->arena, text, page->style->unicode);
}

/* As a shell takes it for one word. */
static const char *quoted(struct page *page, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%_-+=:,./";
    struct sp_buf word;
    text = clean(page, text);
    if (*text && strspn(text, plain) == strlen(text))
        return text;
    sp_buf_init(&word, 0);
    sp_buf_addch(&word, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            sp_buf_addstr(&word, "'\\''");
        else
            sp_buf_addch(&word, *text);
    }
    sp_buf_addch(&word, '\'');
    text = sp_arena_strdup(&page->arena, word.data);
    sp_buf_release(&word);
    return text;
}

static const char *run_name(struct page *page, const struct sp_result *result)
{
    struct sp_buf name;
    sp_buf_init(&name, 0);
    sp_run_name(result, &name);
    const char *copy = clean(page, name.data);
    sp_buf_release(&name);
    return copy;
}

static void field(struct page *page, const char *label, const char *text)
{
    char prefix[16];
    if (!text || !*text)
        return;
    snprintf(prefix, sizeof prefix, "  %-10s", label);
    sp_wrap(page->out, prefix, clean(page, text), (size_t)page->style->width);
}

/* What was expected and seen: with its ladder around it, or as it is. */
static void show_divergence(struct page *page, const struct sp_result *result)
{
    if (page->draw && page->drawn < DRAWN_MAX &&
        page->draw(result, page->style, page->context, page->out)) {
        page->drawn++;
        return;
    }
    field(page, "at", result->at);
    field(page, "expected", result->expected);
    field(page, "seen", result->seen);
}

static void show_run(struct page *page, const struct sp_result *result)
{
    const char *name = run_name(page, result);
    sp_paint(page->out, page->style, sp_verdict_paint(result->verdict),
             sp_verdict_name(result->verdict));
    sp_buf_addf(page->out, " %s\n", name);
    sp_wrap(page->out, "  ", clean(page, sp_run_says(result)), (size_t)page->style->width);
    show_divergence(page, result);
    const char *run =
        sp_arena_printf(&page->arena, "%s@%s@%s", result->id, result->lab, result->family);
    sp_buf_addf(page->out, "  look      sockproof explain %s", quoted(page, run));
    if (result->repeat > 1)
        sp_buf_addf(page->out, " --repeat %d", result->repeat);
    sp_buf_addf(page->out, " --results %s\n\n",
                quoted(page, page->results->dir ? page->results->dir : "."));
}

static void show_verdict(struct page *page, enum sp_verdict verdict)
{
    size_t shown = 0, count = 0;
    for (size_t i = 0; i < page->results->run_count; i++) {
        if (page->results->runs[i].verdict != verdict)
            continue;
        if (count++ < SHOWN_MAX) {
            show_run(page, &page->results->runs[i]);
            shown++;
        }
    }
    if (count > shown)
        sp_buf_addf(page->out, "%zu more with the verdict %s: %s/run.json\n\n", count - shown,
                    sp_verdict_name(verdict), clean(page, page->results->dir));
}

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Skips by their reason, each said once. */
static void show_skips(struct page *page)
{
    const struct sp_results *results = page->results;
    for (size_t i = 0; i < results->run_count; i++) {
        size_t count = 0;
        bool said = false;
        if (results->runs[i].verdict != SP_VERDICT_SKIP)
            continue;
        for (size_t k = 0; k < results->run_count && !said; k++) {
            bool alike = results->runs[k].verdict == SP_VERDICT_SKIP &&
                         same(results->runs[k].reason, results->runs[i].reason);
            said = alike && k < i;
            count += alike;
        }
        if (said)
            continue;
        const char *prefix =
            count == 1
                ? sp_arena_printf(&page->arena, "skip %s: ", run_name(page, &results->runs[i]))
                : sp_arena_printf(&page->arena,
                                  "skip %s and %zu more: ", run_name(page, &results->runs[i]),
                                  count - 1);
        const char *reason = clean(page, results->runs[i].reason);
        sp_wrap(page->out, "", sp_arena_printf(&page->arena, "%s%s", prefix, reason),
                (size_t)page->style->width);
    }
}

struct notes {
    const char **texts;
    size_t *counts;
    size_t len;
};

static void add_note(struct notes *notes, const char *text)
{
    for (size_t i = 0; i < notes->len; i++)
        if (same(notes->texts[i], text)) {
            notes->counts[i]++;
            return;
        }
    notes->texts[notes->len] = text;
    notes->counts[notes->len++] = 1;
}

/* What the run and its cases had to say beside their verdicts, each once. */
static void show_notes(struct page *page)
{
    const struct sp_results *results = page->results;
    size_t most = results->head.note_count;
    for (size_t i = 0; i < results->run_count; i++)
        most += results->runs[i].note_count;
    struct notes notes = {.texts = SP_ARENA_ARRAY(&page->arena, const char *, most),
                          .counts = SP_ARENA_ARRAY(&page->arena, size_t, most)};
    for (size_t i = 0; i < results->head.note_count; i++)
        add_note(&notes, results->head.notes[i]);
    for (size_t i = 0; i < results->run_count; i++)
        for (size_t k = 0; k < results->runs[i].note_count; k++)
            add_note(&notes, results->runs[i].notes[k]);
    for (size_t i = 0; i < notes.len; i++) {
        const char *text = clean(page, notes.texts[i]);
        if (notes.counts[i] > 1)
            text = sp_arena_printf(&page->arena, "%s (%zu runs)", text, notes.counts[i]);
        sp_wrap(page->out, "note: ", text, (size_t)page->style->width);
    }
}

static void show_totals(struct page *page)
{
    size_t totals[SP_VERDICT_COUNT];
    const struct sp_results *results = page->results;
    const char *comma = ": ";
    sp_results_count(results, totals);
    sp_buf_addf(page->out, results->run_count == 1 ? "%zu run" : "%zu runs", results->run_count);
    for (int verdict = SP_VERDICT_COUNT; verdict-- > 0;) {
        if (!totals[verdict])
            continue;
        sp_buf_addstr(page->out, comma);
        const char *text = sp_arena_printf(&page->arena, "%zu %s", totals[verdict],
                                           sp_verdict_name((enum sp_verdict)verdict));
        sp_paint(page->out, page->style, sp_verdict_paint((enum sp_verdict)verdict), text);
        comma = ", ";
    }
    sp_buf_addf(page->out, "%s in %.1f s%s\n", results->run_count ? "" : ": nothing ran",
                results->head.wall_ms / 1000, results->head.finished ? "" : " (interrupted)");
}

void sp_report_summary(const struct sp_results *results, const struct sp_report_style *style,
                       struct sp_buf *out)
{
    sp_report_summary_drawn(results, style, NULL, NULL, out);
}

void sp_report_summary_drawn(const struct sp_results *results, const struct sp_report_style *style,
                             sp_report_draw *draw, void *context, struct sp_buf *out)
{
    struct page page = {
        .results = results, .style = style, .out = out, .draw = draw, .context = context};
    sp_arena_init(&page.arena);
    show_verdict(&page, SP_VERDICT_BROKEN);
    show_verdict(&page, SP_VERDICT_FAIL);
    show_verdict(&page, SP_VERDICT_INCONCLUSIVE);
    show_skips(&page);
    show_notes(&page);
    show_totals(&page);
    sp_arena_release(&page.arena);
}
