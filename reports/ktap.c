/*
 * KTAP version 1 (Documentation/dev-tools/ktap.rst): a test a topic, a subtest a run, diagnostics
 * before the result line that they belong to.
 */
#include <string.h>

#include "style.h"

struct writer {
    struct sp_arena arena;
    struct sp_buf *out;
};

/* One line: no control characters; in a name no `#` either, which begins a directive. */
static const char *line_of(struct writer *w, const char *text)
{
    return sp_clean(&w->arena, text, true);
}

static const char *name_of(struct writer *w, const struct sp_result *run)
{
    const char *name = run->repeat > 1
                           ? sp_arena_printf(&w->arena, "%s@%s@%s repeat %d", run->id, run->lab,
                                             run->family, run->repeat)
                           : sp_arena_printf(&w->arena, "%s@%s@%s", run->id, run->lab, run->family);
    char *clean = sp_arena_strdup(&w->arena, line_of(w, name));
    for (char *at = clean; (at = strchr(at, '#'));)
        *at = '_';
    return clean;
}

static const struct {
    bool ok;
    const char *directive;
} lines[SP_VERDICT_COUNT] = {
    [SP_VERDICT_BROKEN] = {false, "ERROR"},       [SP_VERDICT_FAIL] = {false, NULL},
    [SP_VERDICT_INCONCLUSIVE] = {false, "ERROR"}, [SP_VERDICT_SKIP] = {true, "SKIP"},
    [SP_VERDICT_VARIANT] = {true, NULL},          [SP_VERDICT_PASS] = {true, NULL},
};

static void diagnostic(struct writer *w, const char *label, const char *text)
{
    if (text && *text)
        sp_buf_addf(w->out, "  # %s: %s\n", label, line_of(w, text));
}

static void add_run(struct writer *w, size_t number, const struct sp_result *run)
{
    bool ok = lines[run->verdict].ok;
    const char *directive = lines[run->verdict].directive;
    if (run->verdict != SP_VERDICT_PASS && run->verdict != SP_VERDICT_SKIP)
        diagnostic(w, sp_verdict_name(run->verdict), sp_run_says(run));
    diagnostic(w, "at", run->at);
    diagnostic(w, "expected", run->expected);
    diagnostic(w, "seen", run->seen);
    diagnostic(w, "results", ok ? NULL : run->dir);
    for (size_t i = 0; i < run->note_count; i++)
        diagnostic(w, "note", run->notes[i]);
    sp_buf_addf(w->out, "  %s %zu %s", ok ? "ok" : "not ok", number, name_of(w, run));
    if (directive)
        sp_buf_addf(w->out, " # %s %s", directive, line_of(w, run->reason));
    sp_buf_addch(w->out, '\n');
}

static void add_topic(struct writer *w, size_t number, const struct sp_topic *topic,
                      const struct sp_results *results)
{
    bool ok = true, skipped = true;
    char *name = sp_arena_strdup(&w->arena, line_of(w, topic->name));
    for (char *at = name; (at = strchr(at, '#'));)
        *at = '_';
    sp_buf_addf(w->out, "  KTAP version 1\n  # Subtest: %s\n  1..%zu\n", name, topic->count);
    for (size_t i = 0; i < topic->count; i++) {
        const struct sp_result *run = &results->runs[topic->runs[i]];
        add_run(w, i + 1, run);
        ok = ok && lines[run->verdict].ok;
        skipped = skipped && run->verdict == SP_VERDICT_SKIP;
    }
    sp_buf_addf(w->out, "%s %zu %s%s\n", ok ? "ok" : "not ok", number, name,
                skipped ? " # SKIP nothing of it ran" : "");
}

enum sp_rc sp_report_ktap(const struct sp_results *results, struct sp_buf *out, struct sp_err *err)
{
    struct writer w = {.out = out};
    size_t count;
    sp_arena_init(&w.arena);
    const struct sp_topic *topics = sp_topics(results, &w.arena, &count);
    sp_buf_addf(out, "KTAP version 1\n1..%zu\n", count);
    for (size_t i = 0; i < count; i++)
        add_topic(&w, i + 1, &topics[i], results);
    sp_arena_release(&w.arena);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the report is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}
