/* Comparisons of results made by hand, without traces: classes, order, and what is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "md.h"

struct scene {
    struct sp_results results[2];
    struct sp_compare compare;
    struct sp_buf out;
};

static int set_up(void **state)
{
    struct scene *s = sp_xcalloc(1, sizeof *s);
    s->results[0] = (struct sp_results){
        .dir = "before", .head = {.stack = {.name = "linux-6.12"}, .finished = true}};
    s->results[1] = (struct sp_results){
        .dir = "after", .head = {.stack = {.name = "linux-6.18"}, .finished = true}};
    sp_compare_init(&s->compare, s->results, 2);
    sp_buf_init(&s->out, 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    sp_compare_release(&s->compare);
    sp_buf_release(&s->out);
    free(s);
    return 0;
}

static void add(struct scene *s, const char *id, int before, int after)
{
    const struct sp_result rows[2] = {{.id = id,
                                       .lab = "veth",
                                       .family = "ipv4",
                                       .repeat = 1,
                                       .reason = "of the first",
                                       .verdict = (enum sp_verdict)before},
                                      {.id = id,
                                       .lab = "veth",
                                       .family = "ipv4",
                                       .repeat = 1,
                                       .reason = "of the other",
                                       .verdict = (enum sp_verdict)after}};
    const struct sp_compare_run first = {.result = &rows[0]}, other = {.result = &rows[1]};
    sp_compare_add(&s->compare, 1, before < 0 ? NULL : &first, after < 0 ? NULL : &other, false);
}

static void a_pair_of_verdicts_has_its_class(void **state)
{
    enum { NONE = -1 };
    static const struct {
        int before, after;
        enum sp_compare_class class_;
    } rows[] = {
        {SP_VERDICT_PASS, SP_VERDICT_PASS, SP_COMPARE_SAME},
        {SP_VERDICT_PASS, SP_VERDICT_VARIANT, SP_COMPARE_VARIANT},
        {SP_VERDICT_VARIANT, SP_VERDICT_PASS, SP_COMPARE_VARIANT},
        {SP_VERDICT_PASS, SP_VERDICT_SKIP, SP_COMPARE_REGRESSION},
        {SP_VERDICT_VARIANT, SP_VERDICT_SKIP, SP_COMPARE_REGRESSION},
        {SP_VERDICT_PASS, SP_VERDICT_INCONCLUSIVE, SP_COMPARE_REGRESSION},
        {SP_VERDICT_PASS, SP_VERDICT_FAIL, SP_COMPARE_REGRESSION},
        {SP_VERDICT_PASS, SP_VERDICT_BROKEN, SP_COMPARE_REGRESSION},
        {SP_VERDICT_PASS, NONE, SP_COMPARE_REGRESSION},
        {SP_VERDICT_SKIP, SP_VERDICT_FAIL, SP_COMPARE_REGRESSION},
        {SP_VERDICT_INCONCLUSIVE, SP_VERDICT_FAIL, SP_COMPARE_REGRESSION},
        {SP_VERDICT_FAIL, SP_VERDICT_BROKEN, SP_COMPARE_REGRESSION},
        {SP_VERDICT_FAIL, SP_VERDICT_PASS, SP_COMPARE_IMPROVEMENT},
        {SP_VERDICT_SKIP, SP_VERDICT_VARIANT, SP_COMPARE_IMPROVEMENT},
        {SP_VERDICT_FAIL, SP_VERDICT_SKIP, SP_COMPARE_CHANGE},
        {SP_VERDICT_BROKEN, SP_VERDICT_FAIL, SP_COMPARE_CHANGE},
        {SP_VERDICT_FAIL, NONE, SP_COMPARE_CHANGE},
        {SP_VERDICT_FAIL, SP_VERDICT_FAIL, SP_COMPARE_SAME},
        {NONE, SP_VERDICT_FAIL, SP_COMPARE_ADDED},
    };
    struct scene *s = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t before = s->compare.others[0].counts[rows[i].class_];
        add(s, "close/plain", rows[i].before, rows[i].after);
        if (s->compare.others[0].counts[rows[i].class_] != before + 1)
            fail_msg("row %zu is not of the class %s", i, sp_compare_class_name(rows[i].class_));
    }
}

static void regressions_come_first_and_those_that_ran_before_those_that_did_not(void **state)
{
    struct scene *s = *state;
    add(s, "a/absent", SP_VERDICT_PASS, -1);
    add(s, "b/better", SP_VERDICT_FAIL, SP_VERDICT_PASS);
    add(s, "c/fails", SP_VERDICT_PASS, SP_VERDICT_FAIL);
    add(s, "d/same", SP_VERDICT_PASS, SP_VERDICT_PASS);
    sp_compare_sort(&s->compare);
    const struct sp_compare_other *other = &s->compare.others[0];
    assert_int_equal(other->len, 3);
    assert_string_equal(other->rows[0].id, "c/fails");
    assert_string_equal(other->rows[1].id, "a/absent");
    assert_string_equal(other->rows[2].id, "b/better");
    assert_int_equal(sp_compare_regressions(&s->compare), 2);
}

static void text_says_what_happened_and_how_to_look_at_it(void **state)
{
    struct scene *s = *state;
    add(s, "close/plain", SP_VERDICT_PASS, SP_VERDICT_FAIL);
    assert_int_equal(sp_compare_text(&s->compare, &s->out, NULL), SP_OK);
    assert_non_null(strstr(s->out.data, "regression close/plain@veth@ipv4: pass, now fail\n"
                                        "    other   of the other\n"
                                        "  look      sockproof explain close/plain@veth@ipv4 "
                                        "--results after\n"));
    assert_non_null(strstr(s->out.data, "\n1 regression\n"));
}

static void markdown_stays_within_its_size_and_says_what_it_cut(void **state)
{
    struct scene *s = *state;
    char id[400];
    for (int i = 0; i < 2000; i++) {
        snprintf(id, sizeof id, "close/%0*d", 1 + i % 300, i);
        add(s, id, SP_VERDICT_PASS, i % 2 ? SP_VERDICT_FAIL : SP_VERDICT_VARIANT);
    }
    sp_compare_sort(&s->compare);
    assert_int_equal(sp_compare_markdown(&s->compare, &s->out, NULL), SP_OK);
    assert_true(s->out.len <= SP_MD_BYTES);
    assert_true(s->out.len > SP_MD_BYTES / 2);
    assert_non_null(strstr(s->out.data, "entries were cut"));
    assert_non_null(strstr(s->out.data, "| Regressions | 1000 |"));
}

static void what_a_stack_says_becomes_no_markup(void **state)
{
    struct scene *s = *state;
    sp_md_text(&s->out, "a|b <img src=x> *bold* [link](u) `tick`\n# head & tail");
    assert_string_equal(s->out.data, "a\\|b &lt;img src=x&gt; \\*bold\\* \\[link\\](u) "
                                     "\\`tick\\` \\# head &amp; tail");
    sp_buf_reset(&s->out);
    sp_md_code(&s->out, "``two`` and `one`");
    assert_string_equal(s->out.data, "``` ``two`` and `one` ```");
    sp_buf_reset(&s->out);
    sp_md_code(&s->out, "");
    assert_string_equal(s->out.data, "nothing");
}

static void a_details_section_that_was_opened_is_closed_however_full_the_page_is(void **state)
{
    struct scene *s = *state;
    struct sp_md md;
    sp_md_begin(&md, &s->out);
    assert_true(sp_md_details(&md, "all of it"));
    for (int i = 0; i < 10000; i++) {
        sp_buf_addf(&md.item, "- item %d\n", i);
        sp_md_put(&md);
    }
    sp_md_close(&md);
    sp_md_end(&md, "items", "nowhere");
    assert_true(s->out.len <= SP_MD_BYTES);
    const char *close = strstr(s->out.data, "</details>");
    assert_non_null(close);
    assert_non_null(strstr(close, "items were cut to keep this page below 60 KB"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_pair_of_verdicts_has_its_class),
        TEST(regressions_come_first_and_those_that_ran_before_those_that_did_not),
        TEST(text_says_what_happened_and_how_to_look_at_it),
        TEST(markdown_stays_within_its_size_and_says_what_it_cut),
        TEST(what_a_stack_says_becomes_no_markup),
        TEST(a_details_section_that_was_opened_is_closed_however_full_the_page_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
