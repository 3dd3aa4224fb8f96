/*
 * JUnit XML as continuous integration reads it: a testsuite a topic, a testcase a run. `broken` and
 * `inconclusive` are errors: the stack was not found wanting.
 *
 * Valid by both schemas that are in use (Jenkins' junit-10 and the one of Ant's JUnitReport): so
 * there are no attributes on testsuites, no properties and no file on a testcase. What there is to
 * say of a run beside its outcome stands in its suite's properties, by name:
 * "verdict:ID@LAB@FAMILY".
 */
#include <string.h>

#include "style.h"
#include "utf8.h"

/* XML 1.0 section 2.2 has no way to write most control characters, escaped or not: they go. */
static bool xml_char(uint32_t code)
{
    return code == '\t' || code == '\n' || code == '\r' ||
           (code >= 0x20 && code != 0x7F && code != 0xFFFE && code != 0xFFFF);
}

static const char *xml_escape(uint32_t code)
{
    static const struct {
        char code;
        const char *text;
    } rows[] = {{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},   {'"', "&quot;"},
                {'\'', "&#39;"}, {'\n', "&#10;"}, {'\r', "&#13;"}, {'\t', "&#9;"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((uint32_t)rows[i].code == code)
            return rows[i].text;
    return NULL;
}

static void add_xml(struct sp_buf *out, const char *text)
{
    for (size_t i = 0, len = text ? strlen(text) : 0; i < len;) {
        uint32_t code;
        char bytes[4];
        i += sp_utf8_next(text + i, len - i, &code);
        const char *escaped = xml_escape(code);
        if (escaped)
            sp_buf_addstr(out, escaped);
        else if (xml_char(code))
            sp_buf_add(out, bytes, sp_utf8_put(code, bytes));
    }
}

static void attribute(struct sp_buf *out, const char *name, const char *value)
{
    sp_buf_addf(out, " %s=\"", name);
    add_xml(out, value);
    sp_buf_addch(out, '"');
}

static void seconds(struct sp_buf *out, double ms)
{
    long long whole_ms = ms > 0 && ms < 1e12 ? (long long)(ms + 0.5) : 0;
    sp_buf_addf(out, " time=\"%lld.%03lld\"", whole_ms / 1000, whole_ms % 1000);
}

static void property(struct sp_buf *out, const char *what, const char *run, const char *value)
{
    struct sp_buf name;
    if (!value || !*value)
        return;
    sp_buf_init(&name, 0);
    sp_buf_addf(&name, "%s:%s", what, run);
    sp_buf_addstr(out, "      <property");
    attribute(out, "name", name.data);
    attribute(out, "value", value);
    sp_buf_addstr(out, "/>\n");
    sp_buf_release(&name);
}

static void add_properties(const struct sp_result *run, struct sp_buf *out)
{
    struct sp_buf name;
    sp_buf_init(&name, 0);
    sp_run_name(run, &name);
    property(out, "verdict", name.data, sp_verdict_name(run->verdict));
    property(out, "title", name.data, run->title);
    property(out, "reason", name.data, run->reason);
    property(out, "rule", name.data, run->rule);
    property(out, "blames", name.data, run->blames);
    property(out, "file", name.data, run->file);
    property(out, "results", name.data, run->dir);
    for (size_t i = 0; i < run->note_count; i++)
        property(out, "note", name.data, run->notes[i]);
    sp_buf_release(&name);
}

static const char *element_of(enum sp_verdict verdict)
{
    static const char *const elements[SP_VERDICT_COUNT] = {
        [SP_VERDICT_BROKEN] = "error",
        [SP_VERDICT_FAIL] = "failure",
        [SP_VERDICT_INCONCLUSIVE] = "error",
        [SP_VERDICT_SKIP] = "skipped",
    };
    return elements[verdict];
}

static void detail(struct sp_buf *out, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    sp_buf_addf(out, "%s ", label);
    add_xml(out, text);
    sp_buf_addch(out, '\n');
}

static void add_outcome(const struct sp_result *run, struct sp_buf *out)
{
    const char *element = element_of(run->verdict);
    if (!element)
        return;
    sp_buf_addf(out, "      <%s", element);
    attribute(out, "message", run->reason);
    if (run->verdict == SP_VERDICT_SKIP) {
        sp_buf_addstr(out, "/>\n");
        return;
    }
    attribute(out, "type", run->kind ? run->kind : sp_verdict_name(run->verdict));
    sp_buf_addch(out, '>');
    detail(out, "at", run->at);
    detail(out, "expected", run->expected);
    detail(out, "seen", run->seen);
    sp_buf_addf(out, "</%s>\n", element);
}

static void add_case(const struct sp_topic *topic, const struct sp_result *run, struct sp_buf *out)
{
    struct sp_buf name;
    sp_buf_init(&name, 0);
    sp_run_name(run, &name);
    sp_buf_addstr(out, "    <testcase");
    attribute(out, "classname", topic->name);
    attribute(out, "name", name.data);
    seconds(out, run->duration_ms);
    sp_buf_addstr(out, ">\n");
    add_outcome(run, out);
    sp_buf_addstr(out, "    </testcase>\n");
    sp_buf_release(&name);
}

struct counts {
    size_t tests, failures, errors, skipped;
    double ms;
};

static void count(struct counts *counts, const struct sp_result *run)
{
    counts->tests++;
    counts->failures += run->verdict == SP_VERDICT_FAIL;
    counts->errors += run->verdict == SP_VERDICT_BROKEN || run->verdict == SP_VERDICT_INCONCLUSIVE;
    counts->skipped += run->verdict == SP_VERDICT_SKIP;
    counts->ms += run->duration_ms;
}

static void add_counts(const struct counts *counts, struct sp_buf *out)
{
    sp_buf_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
                counts->tests, counts->failures, counts->errors, counts->skipped);
    seconds(out, counts->ms);
}

/* "2026-11-22T08:55:46Z" without its Z: the schema's time has no zone. */
static void timestamp(struct sp_buf *out, const char *started)
{
    struct sp_buf text;
    if (!started)
        return;
    sp_buf_init(&text, 0);
    sp_buf_add(&text, started, strcspn(started, "Z.+"));
    attribute(out, "timestamp", text.data);
    sp_buf_release(&text);
}

static void add_suite(const struct sp_results *results, const struct sp_topic *topic, size_t number,
                      struct sp_buf *out)
{
    struct counts counts = {0};
    const char *host = results->head.machine.hostname;
    for (size_t i = 0; i < topic->count; i++)
        count(&counts, &results->runs[topic->runs[i]]);
    sp_buf_addstr(out, "  <testsuite");
    attribute(out, "name", topic->name);
    attribute(out, "package", "sockproof");
    sp_buf_addf(out, " id=\"%zu\"", number);
    add_counts(&counts, out);
    attribute(out, "hostname", host && *host ? host : "localhost");
    timestamp(out, results->head.started);
    sp_buf_addstr(out, ">\n    <properties>\n");
    for (size_t i = 0; i < topic->count; i++)
        add_properties(&results->runs[topic->runs[i]], out);
    sp_buf_addstr(out, "    </properties>\n");
    for (size_t i = 0; i < topic->count; i++)
        add_case(topic, &results->runs[topic->runs[i]], out);
    sp_buf_addstr(out, "    <system-out/>\n    <system-err/>\n  </testsuite>\n");
}

enum sp_rc sp_report_junit(const struct sp_results *results, struct sp_buf *out, struct sp_err *err)
{
    struct sp_arena arena;
    size_t topic_count;
    sp_arena_init(&arena);
    const struct sp_topic *topics = sp_topics(results, &arena, &topic_count);
    sp_buf_addstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < topic_count; i++)
        add_suite(results, &topics[i], i, out);
    sp_buf_addstr(out, "</testsuites>\n");
    sp_arena_release(&arena);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the report is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}
