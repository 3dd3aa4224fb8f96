/* The formatter: one canonical form, comments kept, the same case before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

static const char messy[] = "# about linger\r\n"
                            "case linger/zero-resets   # the id\n"
                            "title   close() with # and {on, 0}\n"
                            "why Servers  use it\n"
                            "  to skip TIME_WAIT.\n"
                            "\tMore.\n"
                            "spec  RFC9293:3.10.4   POSIX:setsockopt\n"
                            "labs veth\n"
                            "family   ipv4 ipv6\n"
                            "deadline 10s\n"
                            "for n in 1 2\n"
                            "# the conversation\n"
                            "establish\n"
                            "\n\n\n"
                            "client   send $n   # data\n"
                            "server recv 1->0|ECONNRESET took 2s +-0.2s\n"
                            "          # Wine differs\n"
                            "     on wine   ->1   \"closesocket()  shuts\"\n"
                            "  source  measured   wine-8.0 #1\n"
                            "any order {\n"
                            "state client CLOSED after 60s +wheel\n"
                            " wire  client/b FIN,!ACK\n"
                            "# the end\n"
                            "}\n"
                            "on linux {\n"
                            "lab   cut\n"
                            "} else {\n"
                            "wait 2s\n"
                            "}\n\n";

static const char canonical[] = "# about linger\n"
                                "case     linger/zero-resets  # the id\n"
                                "title    close() with # and {on, 0}\n"
                                "why      Servers  use it\n"
                                "         to skip TIME_WAIT.\n"
                                "         More.\n"
                                "spec     RFC9293:3.10.4 POSIX:setsockopt\n"
                                "labs     veth\n"
                                "family   ipv4 ipv6\n"
                                "deadline 10s\n"
                                "for      n in 1 2\n"
                                "\n"
                                "# the conversation\n"
                                "establish\n"
                                "\n"
                                "client send $n  # data\n"
                                "server recv 1 -> 0 | ECONNRESET took 2s \xc2\xb1"
                                "0.2s\n"
                                "  # Wine differs\n"
                                "  on wine -> 1 \"closesocket()  shuts\"\n"
                                "    source measured   wine-8.0 #1\n"
                                "any order {\n"
                                "  state  client CLOSED after 60s +wheel\n"
                                "  wire   client/b FIN,!ACK\n"
                                "  # the end\n"
                                "}\n"
                                "on linux {\n"
                                "  lab    cut\n"
                                "} else {\n"
                                "  wait   2s\n"
                                "}\n";

static void format(const char *text, struct sp_buf *out)
{
    struct sp_diags diags;
    struct sp_err err = {0};
    sp_diags_init(&diags);
    sp_buf_init(out, 0);
    if (sp_case_format(text, strlen(text), out, &diags, &err))
        fail_msg("%s", err.text);
    sp_diags_release(&diags);
}

static void plan_hash(const char *text, char hash[17])
{
    struct sp_case c;
    struct sp_plan plan;
    struct sp_diags diags;
    struct sp_err err = {0};
    struct sp_plan_config config = {.lab = SP_CASE_VETH, .family = SP_CASE_IPV6, .row = 1};
    sp_diags_init(&diags);
    if (sp_case_parse(NULL, text, strlen(text), &c, &diags, &err))
        fail_msg("%s", err.text);
    if (sp_plan_make(&c, &config, &plan, &err))
        fail_msg("%s", err.text);
    memcpy(hash, plan.hash, sizeof plan.hash);
    sp_plan_release(&plan);
    sp_case_release(&c);
    sp_diags_release(&diags);
}

static void a_messy_case_gets_its_canonical_form(void **state)
{
    (void)state;
    struct sp_buf out;
    format(messy, &out);
    assert_string_equal(out.data, canonical);
    sp_buf_release(&out);
}

static void the_canonical_form_stays_as_it_is(void **state)
{
    (void)state;
    struct sp_buf out;
    format(canonical, &out);
    assert_string_equal(out.data, canonical);
    sp_buf_release(&out);
}

static void formatting_does_not_change_the_plan(void **state)
{
    (void)state;
    char before[17];
    char after[17];
    plan_hash(messy, before);
    plan_hash(canonical, after);
    assert_string_equal(before, after);
}

static void the_rows_of_a_table_stand_under_its_names(void **state)
{
    (void)state;
    struct sp_buf out;
    format("case a/b\nfor call  n gives\n wait - \"0 | EAGAIN\" # one\n # two\n"
           "  close \"1 \xc3\xa4\"   -\nlabs veth\n\nclient close\n",
           &out);
    assert_string_equal(out.data, "case   a/b\n"
                                  "for    call   n      gives\n"
                                  "       wait   -      \"0 | EAGAIN\"  # one\n"
                                  "       # two\n"
                                  "       close  \"1 \xc3\xa4\"  -\n"
                                  "labs   veth\n\nclient close\n");
    sp_buf_release(&out);
}

static void a_case_with_a_mistake_can_be_formatted(void **state)
{
    (void)state;
    struct sp_buf out;
    format("case a/b\n\nclient   lisen\n}\n", &out);
    assert_string_equal(out.data, "case   a/b\n\nclient lisen\n}\n");
    sp_buf_release(&out);
}

static void a_text_that_cannot_be_cut_into_words_is_refused(void **state)
{
    (void)state;
    static const char text[] = "case a/b\n\nclient recv \"\n";
    struct sp_buf out;
    struct sp_diags diags;
    struct sp_err err = {0};
    sp_buf_init(&out, 0);
    sp_diags_init(&diags);
    assert_int_equal(sp_case_format(text, sizeof text - 1, &out, &diags, &err), SP_E_PARSE);
    assert_int_equal(diags.items[0].at.line, 3);
    assert_int_equal(diags.items[0].at.column, 13);
    sp_diags_release(&diags);
    sp_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_messy_case_gets_its_canonical_form),
        cmocka_unit_test(the_canonical_form_stays_as_it_is),
        cmocka_unit_test(the_rows_of_a_table_stand_under_its_names),
        cmocka_unit_test(formatting_does_not_change_the_plan),
        cmocka_unit_test(a_case_with_a_mistake_can_be_formatted),
        cmocka_unit_test(a_text_that_cannot_be_cut_into_words_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
