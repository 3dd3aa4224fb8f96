/* Reports of results made by hand: what a person and what a parser must find in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "reports.h"
#include "utf8.h"

#define HOSTILE "quote \" ' <tag> & ]]> line\nbreak \x1b[31m bell \x07 wild \xff # ok 9 forged"

static const struct sp_report_style plain_style = {.unicode = true, .width = 100};

static struct sp_result row(const char *id, enum sp_verdict verdict)
{
    return (struct sp_result){.id = id,
                              .lab = "veth",
                              .family = "ipv4",
                              .repeat = 1,
                              .verdict = verdict,
                              .reason = "as expected",
                              .duration_ms = 12.5};
}

struct scene {
    struct sp_result runs[8];
    struct sp_results results;
    struct sp_buf out;
};

static int set_up(void **state)
{
    static const char *head_notes[] = {"no tracepoints: not root"};
    static const char *row_notes[] = {"the variant is stale"};
    struct scene *s = sp_xcalloc(1, sizeof *s);
    struct sp_result *run = s->runs;
    run[0] = row("linger/off", SP_VERDICT_PASS);
    run[1] = row("linger/n[linger=0]", SP_VERDICT_FAIL);
    run[1].title = "close() discards";
    run[1].reason = "cases/linger/n.case:14: expected client RST, seen nothing";
    run[1].at = "cases/linger/n.case:14";
    run[1].expected = "client RST";
    run[1].seen = "nothing";
    run[1].kind = "segment-missing";
    run[1].repeat = 2;
    run[2] = row("close/plain", SP_VERDICT_VARIANT);
    run[2].notes = row_notes;
    run[2].note_count = 1;
    run[3] = row("close/late", SP_VERDICT_SKIP);
    run[3].reason = "needs root";
    run[4] = row("close/later", SP_VERDICT_SKIP);
    run[4].reason = "needs root";
    run[5] = row("reset/a", SP_VERDICT_BROKEN);
    run[5].reason = "a pin did not take";
    run[6] = row("reset/b", SP_VERDICT_INCONCLUSIVE);
    run[6].reason = "capture dropped 3";
    run[7] = row("close/plain", SP_VERDICT_PASS);
    run[7].notes = row_notes;
    run[7].note_count = 1;
    s->results = (struct sp_results){.dir = "my results", .runs = s->runs, .run_count = 8};
    s->results.head.wall_ms = 62149;
    s->results.head.started = "2026-11-22T08:55:46Z";
    s->results.head.finished = true;
    s->results.head.notes = head_notes;
    s->results.head.note_count = 1;
    sp_buf_init(&s->out, 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    sp_buf_release(&s->out);
    free(s);
    return 0;
}

static void assert_says(const struct sp_buf *out, const char *text)
{
    if (!strstr(out->data, text))
        fail_msg("\"%s\" is missing in:\n%s", text, out->data);
}

static void assert_silent(const struct sp_buf *out, const char *text)
{
    if (strstr(out->data, text))
        fail_msg("\"%s\" is not wanted in:\n%s", text, out->data);
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

/* ---- the summary ----------------------------------------------------------------------------- */

static void a_failure_shows_its_place_and_how_to_look_further(void **state)
{
    struct scene *s = *state;
    sp_report_summary(&s->results, &plain_style, &s->out);
    assert_says(&s->out, "fail linger/n[linger=0]@veth@ipv4#2\n"
                         "  close() discards\n"
                         "  at        cases/linger/n.case:14\n"
                         "  expected  client RST\n"
                         "  seen      nothing\n"
                         "  look      sockproof explain 'linger/n[linger=0]@veth@ipv4' --repeat 2 "
                         "--results 'my results'\n");
    assert_says(&s->out, "broken reset/a@veth@ipv4\n  a pin did not take\n");
}

static void the_totals_name_every_verdict_that_occurred(void **state)
{
    struct scene *s = *state;
    sp_report_summary(&s->results, &plain_style, &s->out);
    assert_says(&s->out, "8 runs: 2 pass, 1 variant, 2 skip, 1 inconclusive, 1 fail, 1 broken "
                         "in 62.1 s\n");
    sp_buf_reset(&s->out);
    s->results.run_count = 1;
    s->results.head.finished = false;
    sp_report_summary(&s->results, &plain_style, &s->out);
    assert_says(&s->out, "1 run: 1 pass in 62.1 s (interrupted)\n");
    sp_buf_reset(&s->out);
    s->results.run_count = 0;
    sp_report_summary(&s->results, &plain_style, &s->out);
    assert_says(&s->out, "0 runs: nothing ran in 62.1 s");
}

static void what_is_the_same_for_many_is_said_once(void **state)
{
    struct scene *s = *state;
    sp_report_summary(&s->results, &plain_style, &s->out);
    assert_says(&s->out, "skip close/late@veth@ipv4 and 1 more: needs root\n");
    assert_int_equal(times(s->out.data, "needs root"), 1);
    assert_says(&s->out, "note: the variant is stale (2 runs)\n");
    assert_says(&s->out, "note: no tracepoints: not root\n");
}

static void a_stacks_words_cannot_move_the_cursor(void **state)
{
    struct scene *s = *state;
    struct sp_report_style ascii = {.width = 80};
    s->runs[1].seen = HOSTILE;
    sp_report_summary(&s->results, &plain_style, &s->out);
    sp_report_summary(&s->results, &ascii, &s->out);
    for (size_t i = 0; i < s->out.len; i++)
        assert_true(s->out.data[i] == '\n' || (unsigned char)s->out.data[i] >= 0x20);
    assert_says(&s->out, "line break ?[31m bell ? wild");
}

static void colour_is_only_where_it_is_asked_for(void **state)
{
    struct scene *s = *state;
    struct sp_report_style colored = plain_style;
    sp_report_summary(&s->results, &plain_style, &s->out);
    assert_silent(&s->out, "\x1b");
    sp_buf_reset(&s->out);
    colored.color = true;
    sp_report_summary(&s->results, &colored, &s->out);
    assert_says(&s->out, "\x1b[31mfail\x1b[0m");
}

/* ---- JUnit ----------------------------------------------------------------------------------- */

/* Well-formedness of what we write: a prolog, elements that nest, quoted attributes, known
 * references, no forbidden characters. Returns NULL or what is wrong. */
static const char *xml_fault(const char *at)
{
    static const char *const references[] = {"&amp;", "&lt;",  "&gt;",  "&quot;",
                                             "&#39;", "&#10;", "&#13;", "&#9;"};
    char open[16][32];
    size_t depth = 0;
    bool in_tag = false, in_value = false, closing = false, empty = false;
    for (const char *end = at + strlen(at); at < end;) {
        uint32_t code;
        size_t used = sp_utf8_next(at, (size_t)(end - at), &code);
        if (code < 0x20 && code != '\n')
            return "control character";
        if (code == SP_UTF8_BAD && used == 1)
            return "not UTF-8";
        if (code == '&') {
            size_t i = 0, count = sizeof references / sizeof *references;
            while (i < count && strncmp(at, references[i], strlen(references[i])) != 0)
                i++;
            if (i == count)
                return "reference";
            at += strlen(references[i]);
            continue;
        }
        if (code == '<' && (in_tag || in_value))
            return "< inside a tag";
        if (code == '<' && at[1] == '?') {
            at = strstr(at, "?>") + 2;
            continue;
        }
        if (code == '<') {
            closing = at[1] == '/';
            const char *name = at + 1 + closing;
            size_t len = strcspn(name, " />\n");
            if (!len || len > 31 || depth == 16)
                return "name";
            if (closing && (!depth || strncmp(open[--depth], name, len) != 0 || open[depth][len]))
                return "nesting";
            if (!closing) {
                memcpy(open[depth], name, len);
                open[depth++][len] = '\0';
            }
            in_tag = true;
            empty = false;
        } else if (in_tag && code == '"') {
            in_value = !in_value;
        } else if (in_tag && !in_value && code == '/' && !closing) {
            empty = true;
        } else if (in_tag && !in_value && code == '>') {
            in_tag = false;
            if (empty)
                depth--;
        }
        at += used;
    }
    return depth || in_tag ? "not closed" : NULL;
}

static void the_checker_of_this_test_can_object(void **state)
{
    (void)state;
    assert_null(xml_fault("<?xml version=\"1.0\"?>\n<a b=\"&lt;\"><c/>text</a>\n"));
    assert_non_null(xml_fault("<a><b></a></b>"));
    assert_non_null(xml_fault("<a b=\"<\"/>"));
    assert_non_null(xml_fault("<a>&nbsp;</a>"));
    assert_non_null(xml_fault("<a>\x1b</a>"));
    assert_non_null(xml_fault("<a>\xff</a>"));
    assert_non_null(xml_fault("<a>"));
}

static void junit_counts_by_topic_and_tells_failures_from_errors(void **state)
{
    struct scene *s = *state;
    assert_int_equal(sp_report_junit(&s->results, &s->out, NULL), SP_OK);
    assert_null(xml_fault(s->out.data));
    assert_says(&s->out, "<testsuites>\n");
    assert_says(&s->out, "<testsuite name=\"close\" package=\"sockproof\" id=\"1\" tests=\"4\" "
                         "failures=\"0\" errors=\"0\" skipped=\"2\"");
    assert_says(&s->out, " timestamp=\"2026-11-22T08:55:46\">");
    assert_int_equal(times(s->out.data, "<testsuite "), 3);
    assert_says(&s->out, "<testcase classname=\"linger\" "
                         "name=\"linger/n[linger=0]@veth@ipv4#2\"");
    assert_says(&s->out, "<property name=\"verdict:close/plain@veth@ipv4\" value=\"variant\"/>");
    assert_says(&s->out, "type=\"segment-missing\">at cases/linger/n.case:14\n"
                         "expected client RST\nseen nothing\n</failure>");
    assert_says(&s->out, "<error message=\"capture dropped 3\" type=\"inconclusive\">");
    assert_int_equal(times(s->out.data, "<skipped message=\"needs root\"/>"), 2);
}

static void junit_stays_well_formed_with_hostile_text(void **state)
{
    static const char *notes[] = {HOSTILE};
    struct scene *s = *state;
    struct sp_result *run = &s->runs[1];
    run->id = run->reason = run->at = run->expected = run->seen = run->title = run->file =
        run->topic = run->kind = HOSTILE;
    run->notes = notes;
    run->note_count = 1;
    assert_int_equal(sp_report_junit(&s->results, &s->out, NULL), SP_OK);
    assert_null(xml_fault(s->out.data));
    assert_says(&s->out, "quote &quot; &#39; &lt;tag&gt; &amp; ]]&gt; line&#10;break [31m bell  "
                         "wild \xef\xbf\xbd #");
}

/* ---- KTAP and JSON --------------------------------------------------------------------------- */

static void ktap_nests_runs_below_topics(void **state)
{
    struct scene *s = *state;
    assert_int_equal(sp_report_ktap(&s->results, &s->out, NULL), SP_OK);
    assert_ptr_equal(strstr(s->out.data, "KTAP version 1\n1..3\n  KTAP version 1\n"
                                         "  # Subtest: linger\n  1..2\n"
                                         "  ok 1 linger/off@veth@ipv4\n"),
                     s->out.data);
    assert_says(&s->out, "  # seen: nothing\n"
                         "  not ok 2 linger/n[linger=0]@veth@ipv4 repeat 2\n"
                         "not ok 1 linger\n");
    assert_says(&s->out, "  ok 2 close/late@veth@ipv4 # SKIP needs root\n");
    assert_says(&s->out, "  # variant: as expected\n");
    assert_says(&s->out, "\nok 2 close\n");
    assert_says(&s->out, "  not ok 1 reset/a@veth@ipv4 # ERROR a pin did not take\n");
    assert_says(&s->out, "\nnot ok 3 reset\n");
}

static void ktap_text_cannot_forge_a_result(void **state)
{
    struct scene *s = *state;
    s->runs[1].id = "linger/x # SKIP\nok 7 forged";
    s->runs[1].topic = "linger";
    s->runs[1].reason = s->runs[1].seen = "first\nok 8 forged";
    assert_int_equal(sp_report_ktap(&s->results, &s->out, NULL), SP_OK);
    assert_says(&s->out, "  not ok 2 linger/x _ SKIP ok 7 forged@veth@ipv4 repeat 2\n");
    assert_silent(&s->out, "\nok 7");
    assert_silent(&s->out, "\nok 8");
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void markdown_shows_failures_and_folds_variants_and_skips_away(void **state)
{
    struct scene *s = *state;
    assert_int_equal(sp_report_markdown(&s->results, &s->out, NULL), SP_OK);
    assert_says(&s->out, "| fail | 1 |\n");
    assert_says(&s->out, "- **fail** `linger/n[linger=0]@veth@ipv4#2`: close() discards\n"
                         "  - at: `cases/linger/n.case:14`\n"
                         "  - expected: `client RST`\n"
                         "  - seen: `nothing`\n");
    assert_says(&s->out, "<details><summary>Known variants: 1</summary>\n\n");
    assert_says(&s->out, "- `close/late@veth@ipv4` and 1 more: needs root\n\n</details>\n");
    assert_silent(&s->out, "linger/off");
}

static void a_stacks_words_are_no_markup_in_markdown(void **state)
{
    struct scene *s = *state;
    s->runs[1].title = s->runs[1].reason = HOSTILE;
    s->runs[1].expected = s->runs[1].seen = "`</details>`" HOSTILE;
    s->runs[4].reason = "</details><b>";
    assert_int_equal(sp_report_markdown(&s->results, &s->out, NULL), SP_OK);
    assert_silent(&s->out, "<b>");
    assert_silent(&s->out, "# ok 9 forged\n\n");
    assert_says(&s->out, "  - seen: `` `</details>`quote");
    assert_int_equal(times(s->out.data, "\n</details>\n"), 2);
}

static void a_topic_of_skips_is_itself_skipped(void **state)
{
    struct scene *s = *state;
    s->results.runs = &s->runs[3];
    s->results.run_count = 2;
    assert_int_equal(sp_report_ktap(&s->results, &s->out, NULL), SP_OK);
    assert_says(&s->out, "\nok 1 close # SKIP nothing of it ran\n");
}

static void every_reporter_is_found_by_its_name(void **state)
{
    struct scene *s = *state;
    size_t count;
    const struct sp_reporter *all = sp_reporters(&count);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        sp_buf_reset(&s->out);
        assert_ptr_equal(sp_reporter_find(all[i].name), &all[i]);
        assert_int_equal(all[i].write(&s->results, &s->out, NULL), SP_OK);
        assert_true(s->out.len > 100);
    }
    assert_null(sp_reporter_find("html5"));
    sp_buf_reset(&s->out);
    assert_int_equal(sp_reporter_find("json")->write(&s->results, &s->out, NULL), SP_OK);
    json_t *root = json_loadb(s->out.data, s->out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "totals"), "skip")),
                     2);
    json_decref(root);
}

static void a_report_beyond_the_buffers_maximum_is_refused(void **state)
{
    struct scene *s = *state;
    size_t count;
    const struct sp_reporter *all = sp_reporters(&count);
    for (size_t i = 0; i < count; i++) {
        struct sp_buf small;
        sp_buf_init(&small, 64);
        assert_int_equal(all[i].write(&s->results, &small, NULL), SP_E_LIMIT);
        sp_buf_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_failure_shows_its_place_and_how_to_look_further),
        TEST(the_totals_name_every_verdict_that_occurred),
        TEST(what_is_the_same_for_many_is_said_once),
        TEST(a_stacks_words_cannot_move_the_cursor),
        TEST(colour_is_only_where_it_is_asked_for),
        TEST(the_checker_of_this_test_can_object),
        TEST(junit_counts_by_topic_and_tells_failures_from_errors),
        TEST(junit_stays_well_formed_with_hostile_text),
        TEST(ktap_nests_runs_below_topics),
        TEST(ktap_text_cannot_forge_a_result),
        TEST(a_topic_of_skips_is_itself_skipped),
        TEST(markdown_shows_failures_and_folds_variants_and_skips_away),
        TEST(a_stacks_words_are_no_markup_in_markdown),
        TEST(every_reporter_is_found_by_its_name),
        TEST(a_report_beyond_the_buffers_maximum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
