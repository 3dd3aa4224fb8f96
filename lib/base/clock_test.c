/* Durations as text and back, and the two clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"

static void durations_print_in_the_largest_unit_that_fits(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {1, "1ns"},
        {999, "999ns"},
        {40 * SP_US, "40us"},
        {1500 * SP_US, "1.5ms"},
        {1234567, "1.234567ms"},
        {200 * SP_MS, "200ms"},
        {1500 * SP_MS, "1.5s"},
        {60 * SP_S, "1min"},
        {90 * SP_S, "90s"},
        {7200 * SP_S, "2h"},
        {86400 * SP_S, "1d"},
        {61900 * SP_MS, "61.9s"},
        {SP_S + 1, "1.000000001s"},
        {-200 * SP_MS, "-200ms"},
        {INT64_MIN, "-9223372036.854775808s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[SP_DURATION_TEXT];
        sp_duration_print(rows[i].ns, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

static void what_is_printed_reads_back_to_the_nanosecond(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13; /* xorshift64: the same values on every run */
        x ^= x >> 7;
        x ^= x << 17;
        int64_t ns = (int64_t)(x >> 1 >> i % 62);
        int64_t back = -1;
        char text[SP_DURATION_TEXT];
        sp_duration_print(ns, text, sizeof text);
        assert_int_equal(sp_duration_parse(text, &back), strlen(text));
        assert_true(back == ns);
    }
    int64_t back = 0;
    char text[SP_DURATION_TEXT];
    sp_duration_print(INT64_MAX, text, sizeof text);
    assert_int_equal(sp_duration_parse(text, &back), strlen(text));
    assert_true(back == INT64_MAX);
}

static void durations_parse_with_their_unit_and_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
        unsigned used;
    } rows[] = {
        {"0.5s", 500 * SP_MS, 4},
        {"1500ms", 1500 * SP_MS, 6},
        {"2s,", 2 * SP_S, 2},
        {"5min", 300 * SP_S, 4},
        {"0.5min", 30 * SP_S, 6},
        {"1.5h then", 5400 * SP_S, 4},
        {"1.5000us", 1500, 8},
        {"1.0000001ms", 1000000, 11},
        {"0.000000001d", 86400, 12},
        {"0.999999999d", 86399999913600, 12},
        {"3ns", 3, 3},
        {"0.9ns", 0, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ns = -1;
        assert_int_equal(sp_duration_parse(rows[i].text, &ns), rows[i].used);
        assert_true(ns == rows[i].ns);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "s",
        "5",
        "5 s",
        "-5s",
        ".5s",
        "5.s",
        "5.5",
        "5x",
        "5m",
        "+5s",
        "0.1234567890s",
        "99999999999999999999s",
        "9223372036.854775808s",
        "9223372036854775808ns",
        "106752d",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ns = 7;
        assert_int_equal(sp_duration_parse(texts[i], &ns), 0);
        assert_int_equal(ns, 7);
    }
}

static void a_short_buffer_truncates_and_terminates(void **state)
{
    (void)state;
    char text[4] = "xxx";
    sp_duration_print(1500 * SP_MS, text, sizeof text);
    assert_string_equal(text, "1.5");
}

static void the_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t last_ns = sp_clock_now_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now_ns = sp_clock_now_ns();
        assert_true(now_ns >= last_ns);
        last_ns = now_ns;
    }
}

static void the_offset_of_the_wall_clock_comes_with_its_error(void **state)
{
    (void)state;
    int64_t error_ns = -1;
    assert_true(sp_clock_realtime_offset_ns(&error_ns) != 0);
    assert_true(error_ns >= 0);
    (void)sp_clock_realtime_offset_ns(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_print_in_the_largest_unit_that_fits),
        cmocka_unit_test(what_is_printed_reads_back_to_the_nanosecond),
        cmocka_unit_test(durations_parse_with_their_unit_and_decimals),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(a_short_buffer_truncates_and_terminates),
        cmocka_unit_test(the_clock_does_not_go_back),
        cmocka_unit_test(the_offset_of_the_wall_clock_comes_with_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
