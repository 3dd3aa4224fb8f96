#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stack.h"

static void every_error_name_leads_back_to_its_number(void **state)
{
    (void)state;
    unsigned named = 0;
    for (int error = 1; error < 200; error++) {
        const char *name = sp_stack_error_name(error);
        int back = 0;
        if (!name)
            continue;
        named++;
        assert_true(sp_stack_error_number(name, &back));
        assert_int_equal(back, error);
    }
    assert_true(named > 80);
}

static void the_errors_of_tcp_have_their_posix_names(void **state)
{
    (void)state;
    assert_string_equal(sp_stack_error_name(ECONNRESET), "ECONNRESET");
    assert_string_equal(sp_stack_error_name(EPIPE), "EPIPE");
    assert_string_equal(sp_stack_error_name(EAGAIN), "EAGAIN");
    assert_string_equal(sp_stack_error_name(EINPROGRESS), "EINPROGRESS");
    assert_string_equal(sp_stack_error_native(ECONNRESET), "");
}

static void error_aliases_are_understood_and_never_printed(void **state)
{
    (void)state;
    int error = 0;
    assert_true(sp_stack_error_number("EWOULDBLOCK", &error));
    assert_int_equal(error, EWOULDBLOCK);
    assert_true(sp_stack_error_number("ENOTSUP", &error));
    assert_int_equal(error, ENOTSUP);
    assert_false(sp_stack_error_number("EWHATEVER", &error));
    assert_null(sp_stack_error_name(100000));
}

static void option_names_are_unique_and_are_found(void **state)
{
    (void)state;
    unsigned present = 0;
    for (unsigned i = 0; sp_stack_option_at(i); i++) {
        const struct sp_stack_option *row = sp_stack_option_at(i);
        const struct sp_stack_option *found = NULL;
        enum sp_rc rc = sp_stack_option_find(row->name, &found, NULL);
        assert_int_equal(rc, row->present ? SP_OK : SP_E_UNSUPPORTED);
        if (rc == SP_OK)
            assert_ptr_equal(found, row);
        present += row->present;
    }
    assert_true(present > 30);
}

static void an_option_of_another_stack_is_told_from_a_typing_error(void **state)
{
    (void)state;
    const struct sp_stack_option *option = NULL;
    struct sp_err err = {0};
    assert_int_equal(sp_stack_option_find("SO_EXCLUSIVEADDRUSE", &option, &err), SP_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "SO_EXCLUSIVEADDRUSE"));
    assert_int_equal(sp_stack_option_find("SO_LINGRE", &option, &err), SP_E_USAGE);
}

static void flags_are_parsed_in_any_order_and_printed_in_one(void **state)
{
    (void)state;
    int flags = 0;
    char text[128];
    assert_int_equal(sp_stack_words_parse(SP_STACK_EVENTS, "HUP|IN|ERR", &flags, NULL), SP_OK);
    sp_stack_words_print(SP_STACK_EVENTS, flags, text, sizeof text);
    assert_string_equal(text, "IN|HUP|ERR");
    assert_int_equal(sp_stack_words_parse(SP_STACK_MSG, "", &flags, NULL), SP_OK);
    assert_int_equal(flags, 0);
}

static void a_wrong_flag_is_named_with_those_that_there_are(void **state)
{
    (void)state;
    int flags = 0;
    struct sp_err err = {0};
    static const char *const wrong[] = {"MSG_PEEP", "MSG_PEEK|", "|MSG_PEEK", "MSG_PEEK MSG_OOB",
                                        "MSG_PEEKX"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(sp_stack_words_parse(SP_STACK_MSG, wrong[i], &flags, &err), SP_E_USAGE);
        assert_non_null(strstr(err.text, "MSG_DONTWAIT"));
    }
    assert_int_equal(sp_stack_words_parse(SP_STACK_SHUTDOWN, "RD|WR", &flags, &err), SP_E_USAGE);
}

static void every_word_that_is_present_is_parsed(void **state)
{
    (void)state;
    for (int list = 0; list < SP_STACK_WORDS_COUNT; list++) {
        bool present = false;
        const char *word;
        for (unsigned i = 0; (word = sp_stack_word_at(list, i, &present)); i++) {
            int number = 0;
            assert_int_equal(sp_stack_words_parse(list, word, &number, NULL),
                             present ? SP_OK : SP_E_UNSUPPORTED);
        }
    }
}

static void addresses_round_trip(void **state)
{
    (void)state;
    static const char *const good[] = {"10.0.0.1:80", "10.0.0.1", "[fd00::1]:65535",
                                       "fd00::1",     "::",       "0.0.0.0"};
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct sp_stack_addr addr;
        char text[SP_STACK_ADDR_TEXT];
        assert_int_equal(sp_stack_addr_parse(good[i], &addr, NULL), SP_OK);
        sp_stack_addr_print(&addr, text, sizeof text);
        assert_string_equal(text, good[i]);
    }
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ":",
                                      "10.0.0.1:",
                                      "10.0.0.1:65536",
                                      "10.0.0.1:-1",
                                      "10.0.0:1",
                                      "[10.0.0.1]:1",
                                      "[::1",
                                      "[::1]80",
                                      "[]:1",
                                      "::1]:1",
                                      "host:80",
                                      "10.0.0.1:80:1",
                                      "10.0.0.1:8x"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sp_stack_addr addr;
        struct sp_err err = {0};
        assert_int_equal(sp_stack_addr_parse(bad[i], &addr, &err), SP_E_PARSE);
        assert_true(err.text[0]);
    }
}

static void the_version_is_digits_and_dots(void **state)
{
    (void)state;
    char version[24];
    sp_stack_version(version, sizeof version);
    assert_true(strlen(version) > 0);
    assert_int_equal(strspn(version, "0123456789."), strlen(version));
    assert_true(version[strlen(version) - 1] != '.');
}

static void options_of_every_kind_come_back_as_they_were_set(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct sp_stack_option_value value;
    } rows[] = {
        {"SO_LINGER", {.on = 1, .linger_s = 7}}, {"TCP_NODELAY", {.number = 1}},
        {"TCP_USER_TIMEOUT", {.number = 1500}},  {"SO_RCVTIMEO", {.number = 2000}},
        {"TCP_CONGESTION", {.text = "reno"}},    {"IP_TTL", {.number = 9}},
        {"IP_OPTIONS", {.text = "01010100"}},
    };
    struct sp_stack_outcome out;
    sp_stack_socket(4, false, &out);
    assert_true(out.value >= 0);
    sp_stack_sock sock = (sp_stack_sock)out.value;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_stack_option *option = NULL;
        struct sp_stack_option_value got;
        assert_int_equal(sp_stack_option_find(rows[i].name, &option, NULL), SP_OK);
        sp_stack_setsockopt(sock, option, &rows[i].value, &out);
        assert_int_equal(out.error, 0);
        sp_stack_getsockopt(sock, option, &got, &out);
        assert_int_equal(out.error, 0);
        assert_int_equal(got.number, rows[i].value.number);
        assert_int_equal(got.on, rows[i].value.on);
        assert_int_equal(got.linger_s, rows[i].value.linger_s);
        assert_string_equal(got.text, rows[i].value.text);
    }
    bool gone = false;
    sp_stack_close(sock, &gone, &out);
    assert_true(gone);
}

static void tcp_info_gives_the_state_by_its_rfc_name(void **state)
{
    (void)state;
    struct sp_stack_outcome out;
    const struct sp_stack_option *option = NULL;
    struct sp_stack_option_value got;
    sp_stack_socket(6, true, &out);
    assert_true(out.value >= 0);
    sp_stack_sock sock = (sp_stack_sock)out.value;
    assert_int_equal(sp_stack_option_find("TCP_INFO", &option, NULL), SP_OK);
    sp_stack_getsockopt(sock, option, &got, &out);
    assert_string_equal(got.text, "CLOSED");
    sp_stack_listen(sock, 1, &out);
    sp_stack_getsockopt(sock, option, &got, &out);
    assert_string_equal(got.text, "LISTEN");
    bool gone = false;
    sp_stack_close(sock, &gone, &out);
}

static void a_closed_handle_answers_ebadf_to_every_call(void **state)
{
    (void)state;
    struct sp_stack_outcome out;
    char byte = 0;
    int ready = 0;
    bool gone = true;
    sp_stack_recv(SP_STACK_NO_SOCK, &byte, 1, 0, &out);
    assert_int_equal(out.value, -1);
    assert_int_equal(out.error, EBADF);
    sp_stack_close(SP_STACK_NO_SOCK, &gone, &out);
    assert_int_equal(out.error, EBADF);
    assert_false(gone);
    sp_stack_poll(SP_STACK_NO_SOCK, 0, 0, &ready, &out);
    char text[64];
    sp_stack_words_print(SP_STACK_EVENTS, ready, text, sizeof text);
    assert_string_equal(text, "NVAL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_name_leads_back_to_its_number),
        cmocka_unit_test(the_errors_of_tcp_have_their_posix_names),
        cmocka_unit_test(error_aliases_are_understood_and_never_printed),
        cmocka_unit_test(option_names_are_unique_and_are_found),
        cmocka_unit_test(an_option_of_another_stack_is_told_from_a_typing_error),
        cmocka_unit_test(flags_are_parsed_in_any_order_and_printed_in_one),
        cmocka_unit_test(a_wrong_flag_is_named_with_those_that_there_are),
        cmocka_unit_test(every_word_that_is_present_is_parsed),
        cmocka_unit_test(addresses_round_trip),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(the_version_is_digits_and_dots),
        cmocka_unit_test(options_of_every_kind_come_back_as_they_were_set),
        cmocka_unit_test(tcp_info_gives_the_state_by_its_rfc_name),
        cmocka_unit_test(a_closed_handle_answers_ebadf_to_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
