/* Errors: what they carry, in which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "err.h"

static void an_error_carries_code_place_and_words(void **state)
{
    (void)state;
    struct sp_err err = {0};
    int line = __LINE__ + 1;
    assert_int_equal(sp_fail(&err, SP_E_LIMIT, "%d of %s", 3, "them"), SP_E_LIMIT);
    assert_int_equal(err.rc, SP_E_LIMIT);
    assert_int_equal(err.os_code, 0);
    assert_int_equal(err.line, line);
    assert_non_null(strstr(err.file, "err_test.c"));
    assert_string_equal(err.text, "3 of them");
}

static void an_os_error_adds_the_systems_own_words(void **state)
{
    (void)state;
    struct sp_err err = {0};
    assert_int_equal(sp_fail_os(&err, SP_E_IO, ENOENT, "opening %s", "x"), SP_E_IO);
    assert_int_equal(err.os_code, ENOENT);
    assert_true(strncmp(err.text, "opening x: ", 11) == 0);
    assert_string_equal(err.text + 11, strerror(ENOENT));
}

static void nobody_need_listen(void **state)
{
    (void)state;
    assert_int_equal(sp_fail(NULL, SP_E_USAGE, "unheard"), SP_E_USAGE);
    sp_err_prefix(NULL, "unheard");
}

static void a_prefix_goes_before_the_words(void **state)
{
    (void)state;
    struct sp_err err = {0};
    (void)sp_fail(&err, SP_E_PARSE, "no colon");
    sp_err_prefix(&err, "line %d", 7);
    sp_err_prefix(&err, "%s", "x.case");
    assert_string_equal(err.text, "x.case: line 7: no colon");
    assert_int_equal(err.rc, SP_E_PARSE);
}

static void an_error_may_quote_itself(void **state)
{
    (void)state;
    struct sp_err err = {0};
    (void)sp_fail(&err, SP_E_IO, "inner");
    (void)sp_fail(&err, SP_E_PROTO, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void words_that_are_too_many_are_cut(void **state)
{
    (void)state;
    struct sp_err err = {0};
    char longer[2 * sizeof err.text];
    memset(longer, 'w', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)sp_fail_os(&err, SP_E_IO, ENOENT, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    sp_err_prefix(&err, "front");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_true(strncmp(err.text, "front: www", 10) == 0);
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i <= SP_E_PIN; i++) {
        assert_string_not_equal(sp_rc_name((enum sp_rc)i), "unknown");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(sp_rc_name((enum sp_rc)i), sp_rc_name((enum sp_rc)k));
    }
    assert_string_equal(sp_rc_name((enum sp_rc)(SP_E_PIN + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_carries_code_place_and_words),
        cmocka_unit_test(an_os_error_adds_the_systems_own_words),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(a_prefix_goes_before_the_words),
        cmocka_unit_test(an_error_may_quote_itself),
        cmocka_unit_test(words_that_are_too_many_are_cut),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
