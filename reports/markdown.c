/*
 * Markdown for a job summary: what went wrong with expected beside seen, then what is a known
 * variant and what was skipped, folded away. Runs that pass are a number.
 */
#include "md.h"

#include <stdio.h>
#include <string.h>

enum { REASONS_MAX = 256 };

struct page {
    const struct sp_results *results;
    struct sp_md md;
};

static void field(struct sp_buf *out, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    sp_buf_addf(out, "  - %s: ", label);
    sp_md_code(out, text);
    sp_buf_addch(out, '\n');
}

static void run_name(struct sp_buf *out, const struct sp_result *run)
{
    struct sp_buf name;
    sp_buf_init(&name, 0);
    sp_run_name(run, &name);
    sp_md_code(out, name.data);
    sp_buf_release(&name);
}

static void add_run(struct page *page, const struct sp_result *run)
{
    struct sp_buf *item = &page->md.item;
    sp_buf_addf(item, "- **%s** ", sp_verdict_name(run->verdict));
    run_name(item, run);
    sp_buf_addstr(item, ": ");
    sp_md_text(item, sp_run_says(run));
    sp_buf_addch(item, '\n');
    field(item, "at", run->at);
    field(item, "expected", run->expected);
    field(item, "seen", run->seen);
    sp_md_put(&page->md);
}

static void add_verdict(struct page *page, enum sp_verdict verdict)
{
    bool begun = false;
    for (size_t i = 0; i < page->results->run_count; i++) {
        if (page->results->runs[i].verdict != verdict)
            continue;
        if (!begun) {
            sp_buf_addf(&page->md.item, "### %s\n\n", sp_verdict_name(verdict));
            sp_md_head(&page->md);
        }
        begun = true;
        add_run(page, &page->results->runs[i]);
    }
    if (begun) {
        sp_buf_addch(&page->md.item, '\n');
        sp_md_head(&page->md);
    }
}

/* ---- folded away: runs by what is said of them ---------------------------------------------- */

struct reason {
    const char *text;
    const struct sp_result *run; /* the first */
    size_t count;
};

static size_t gather(const struct sp_results *results, enum sp_verdict verdict,
                     struct reason reasons[REASONS_MAX], size_t *over)
{
    size_t len = 0;
    for (size_t i = 0; i < results->run_count; i++) {
        const struct sp_result *run = &results->runs[i];
        const char *text = run->reason ? run->reason : "";
        size_t at = 0;
        if (run->verdict != verdict)
            continue;
        while (at < len && strcmp(reasons[at].text, text) != 0)
            at++;
        if (at == REASONS_MAX) {
            ++*over;
            continue;
        }
        if (at == len)
            reasons[len++] = (struct reason){text, run, 0};
        reasons[at].count++;
    }
    return len;
}

static void add_folded(struct page *page, enum sp_verdict verdict, const char *heading)
{
    struct reason reasons[REASONS_MAX];
    size_t totals[SP_VERDICT_COUNT];
    char summary[80];
    size_t count = gather(page->results, verdict, reasons, &page->md.cut);
    if (!count)
        return;
    sp_results_count(page->results, totals);
    snprintf(summary, sizeof summary, "%s: %zu", heading, totals[verdict]);
    bool open = sp_md_details(&page->md, summary);
    for (size_t i = 0; i < count; i++) {
        struct sp_buf *item = &page->md.item;
        sp_buf_addstr(item, "- ");
        run_name(item, reasons[i].run);
        if (reasons[i].count > 1)
            sp_buf_addf(item, " and %zu more", reasons[i].count - 1);
        sp_buf_addstr(item, ": ");
        sp_md_text(item, reasons[i].text);
        sp_buf_addch(item, '\n');
        if (open)
            sp_md_put(&page->md);
        else
            page->md.cut++;
        sp_buf_reset(item);
    }
    sp_md_close(&page->md);
}

static void add_head(struct page *page)
{
    const struct sp_results *results = page->results;
    const struct sp_run_head *head = &results->head;
    struct sp_buf *item = &page->md.item;
    sp_buf_addstr(item, "## Sockproof");
    if (head->stack.name) {
        sp_buf_addstr(item, " on ");
        sp_md_text(item, head->stack.name);
    }
    sp_buf_addstr(item, "\n\n");
    if (head->judged_as) {
        sp_buf_addstr(item, "Judged as ");
        sp_md_code(item, head->judged_as);
        sp_buf_addstr(item, ".\n\n");
    }
    if (head->appliance) {
        sp_buf_addstr(item, "Through the appliance ");
        sp_md_code(item, head->appliance);
        sp_buf_addstr(item, ".\n\n");
    }
    if (!head->finished)
        sp_buf_addstr(item, "**Interrupted**: what follows is what was finished.\n\n");
    if (!results->run_count)
        sp_buf_addstr(item, "**Nothing ran.**\n\n");
    sp_md_totals(item, results);
    for (size_t i = 0; i < head->note_count; i++) {
        sp_buf_addstr(item, "Note: ");
        sp_md_text(item, head->notes[i]);
        sp_buf_addstr(item, "\n\n");
    }
    sp_md_put(&page->md);
}

enum sp_rc sp_report_markdown(const struct sp_results *results, struct sp_buf *out,
                              struct sp_err *err)
{
    struct page page = {.results = results};
    struct sp_buf where;
    sp_md_begin(&page.md, out);
    sp_buf_init(&where, 0);
    add_head(&page);
    add_verdict(&page, SP_VERDICT_BROKEN);
    add_verdict(&page, SP_VERDICT_FAIL);
    add_verdict(&page, SP_VERDICT_INCONCLUSIVE);
    add_folded(&page, SP_VERDICT_VARIANT, "Known variants");
    add_folded(&page, SP_VERDICT_SKIP, "Skipped");
    sp_buf_addf(&where, "%s/run.json", results->dir ? results->dir : ".");
    sp_md_end(&page.md, "entries", where.data);
    sp_buf_release(&where);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the report is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}
