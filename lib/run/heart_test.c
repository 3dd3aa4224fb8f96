/* Being woken late is a stall, being woken in time is none, and a run is told of its own only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heart.h"

static void only_a_late_beat_is_a_stall(void **state)
{
    struct heart_stall stalls[4];
    (void)state;
    struct heart *heart = heart_new();
    assert_non_null(heart);
    int64_t now_ns = sp_clock_now_ns();
    heart_beat(heart, now_ns);
    heart_beat(heart, now_ns + SP_S);
    assert_int_equal(heart_stalls(heart, 0, stalls, 4), 0);
    heart_beat(heart, now_ns - SP_S);
    assert_int_equal(heart_stalls(heart, 0, stalls, 4), 1);
    assert_true(stalls[0].from_ns == now_ns - SP_S);
    assert_true(stalls[0].to_ns >= now_ns);
    heart_free(heart);
}

static void those_before_the_run_are_not_its_own(void **state)
{
    struct heart_stall stalls[4];
    (void)state;
    struct heart *heart = heart_new();
    heart_beat(heart, sp_clock_now_ns() - SP_S);
    int64_t between_ns = sp_clock_now_ns();
    assert_int_equal(heart_stalls(heart, between_ns + 1, stalls, 4), 0);
    heart_beat(heart, between_ns - SP_S);
    heart_beat(heart, between_ns - 2 * SP_S);
    assert_int_equal(heart_stalls(heart, between_ns + 1, stalls, 4), 2);
    assert_true(stalls[0].from_ns == between_ns - 2 * SP_S); /* the last one first */
    assert_int_equal(heart_stalls(heart, between_ns + 1, stalls, 1), 1);
    heart_free(heart);
}

static void more_than_are_kept_are_the_latest(void **state)
{
    static struct heart_stall stalls[2000];
    (void)state;
    struct heart *heart = heart_new();
    for (int64_t i = 1; i <= 1000; i++)
        heart_beat(heart, sp_clock_now_ns() - i * SP_S);
    size_t count = heart_stalls(heart, 0, stalls, 2000);
    assert_in_range(count, 100, 999);
    for (size_t i = 1; i < count; i++)
        assert_true(stalls[i].from_ns > stalls[i - 1].from_ns); /* the later, the longer ago due */
    heart_free(heart);
}

static void without_memory_nothing_is_known(void **state)
{
    struct heart_stall stall;
    (void)state;
    heart_beat(NULL, 0);
    heart_await(NULL);
    assert_int_equal(heart_stalls(NULL, 0, &stall, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_late_beat_is_a_stall),
        cmocka_unit_test(those_before_the_run_are_not_its_own),
        cmocka_unit_test(more_than_are_kept_are_the_latest),
        cmocka_unit_test(without_memory_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
