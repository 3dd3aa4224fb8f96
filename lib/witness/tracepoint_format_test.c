#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tracepoint_format.h"

static const char reset_format[] =
    "name: tcp_send_reset\n"
    "ID: 2280\n"
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
    "\n"
    "\tfield:const void * skaddr;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:int state;\toffset:24;\tsize:4;\tsigned:1;\n"
    "\tfield:enum sk_rst_reason reason;\toffset:28;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 saddr[28];\toffset:32;\tsize:28;\tsigned:0;\n"
    "\n"
    "print fmt: \"skaddr=%p state=%s reason=%s\", REC->skaddr, REC->state ? "
    "__print_symbolic(REC->state, { TCP_ESTABLISHED, \"TCP_ESTABLISHED\" }) : \"UNKNOWN\", "
    "__print_symbolic(REC->reason, { 0, \"NOT_SPECIFIED\" }, { 11, \"TCP_ABORT_ON_CLOSE\" })\n";

static void fields_are_found_by_name_with_their_place(void **state)
{
    (void)state;
    struct sp_tp_format format;
    assert_int_equal(sp_tp_format_init(&format, reset_format, NULL), SP_OK);
    assert_int_equal(format.id, 2280);
    const struct sp_tp_field *field = sp_tp_format_field(&format, "saddr");
    assert_non_null(field);
    assert_int_equal(field->offset, 32);
    assert_int_equal(field->size_bytes, 28);
    field = sp_tp_format_field(&format, "skaddr");
    assert_non_null(field);
    assert_int_equal(field->offset, 16);
    assert_null(sp_tp_format_field(&format, "saddr_v6"));
    sp_tp_format_release(&format);
}

static void symbols_are_read_from_the_right_field(void **state)
{
    (void)state;
    struct sp_tp_format format;
    char word[32];
    assert_int_equal(sp_tp_format_init(&format, reset_format, NULL), SP_OK);
    assert_true(sp_tp_format_symbol(&format, "reason", 11, word, sizeof word));
    assert_string_equal(word, "TCP_ABORT_ON_CLOSE");
    assert_true(sp_tp_format_symbol(&format, "reason", 0, word, sizeof word));
    assert_string_equal(word, "NOT_SPECIFIED");
    assert_false(sp_tp_format_symbol(&format, "reason", 12, word, sizeof word));
    assert_string_equal(word, "");
    assert_false(sp_tp_format_symbol(&format, "state", 11, word, sizeof word));
    assert_false(sp_tp_format_symbol(&format, "family", 0, word, sizeof word));
    char narrow[4];
    assert_true(sp_tp_format_symbol(&format, "reason", 11, narrow, sizeof narrow));
    assert_string_equal(narrow, "TCP");
    sp_tp_format_release(&format);
}

static void text_that_is_no_format_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "ID: 5\n",
        "ID: x\nfield:int a;\toffset:0;\tsize:4;\n",
        "field:int a;\toffset:0;\tsize:4;\tsigned:1;\n",
        "ID: 5\nfield:int a\n",
        "ID: 5\nfield:int a;\toffset:;\tsize:4;\n",
        "ID: 99999999\nfield:int a;\toffset:0;\tsize:4;\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sp_tp_format format;
        struct sp_err err = {0};
        assert_int_equal(sp_tp_format_init(&format, bad[i], &err), SP_E_PARSE);
        assert_int_equal(err.rc, SP_E_PARSE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_name_with_their_place),
        cmocka_unit_test(symbols_are_read_from_the_right_field),
        cmocka_unit_test(text_that_is_no_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
