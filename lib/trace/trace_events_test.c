/* The trace in memory: what an added event holds, and the order after sorting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trace.h"

static void an_added_event_holds_what_is_unknown(void **state)
{
    (void)state;
    struct sp_trace trace;
    sp_trace_init(&trace);
    assert_string_equal(trace.head.case_id, "");
    struct sp_event *event = sp_trace_add(&trace, SP_EV_STATE, 50);
    assert_int_equal(event->order, 0);
    assert_int_equal(event->t_end_ns, 50);
    assert_int_equal(event->u.state.not_before_ns, 50);
    assert_int_equal(event->u.state.recv_queue, -1);
    assert_int_equal(event->u.state.send_queue, -1);
    assert_int_equal(event->u.state.timer, -1);
    assert_int_equal(event->u.state.timer_ms, -1);
    assert_int_equal(event->u.state.sock_id, 0);
    event = sp_trace_add(&trace, SP_EV_CALL, 60);
    assert_int_equal(event->order, 1);
    assert_int_equal(event->u.call.first_bad, -1);
    assert_string_equal(event->u.call.args, "");
    assert_string_equal(event->u.call.out, "");
    assert_null(event->u.call.error);
    sp_trace_release(&trace);
}

static void strings_are_copied_into_the_trace(void **state)
{
    (void)state;
    struct sp_trace trace;
    char text[] = "conn";
    sp_trace_init(&trace);
    const char *copy = sp_trace_str(&trace, text);
    text[0] = 'x';
    assert_string_equal(copy, "conn");
    assert_null(sp_trace_str(&trace, NULL));
    sp_trace_release(&trace);
}

static void sorting_orders_by_time_and_ties_by_arrival(void **state)
{
    (void)state;
    struct sp_trace trace;
    sp_trace_init(&trace);
    sp_trace_sort(&trace); /* of nothing */
    for (int i = 0; i < 500; i++)
        sp_trace_add(&trace, SP_EV_MARK, (i * 7919) % 13 - 6);
    sp_trace_sort(&trace);
    for (size_t i = 1; i < trace.len; i++) {
        const struct sp_event *a = &trace.events[i - 1];
        const struct sp_event *b = &trace.events[i];
        assert_true(a->t_ns < b->t_ns || (a->t_ns == b->t_ns && a->order < b->order));
    }
    sp_trace_release(&trace);
}

static void names_are_words_and_never_null(void **state)
{
    (void)state;
    enum sp_end end = SP_END_NONE;
    assert_string_equal(sp_end_name(SP_END_MIDDLE), "middle");
    assert_string_equal(sp_point_name(SP_AT_BOX_CLIENT), "box-client");
    assert_string_equal(sp_ev_kind_name(SP_EV_SEG), "segment");
    assert_string_equal(sp_mark_what_name(SP_MARK_DEADLINE), "deadline");
    assert_string_equal(sp_call_how_name((enum sp_call_how)99), "unknown");
    assert_true(sp_end_parse("peer", &end) && end == SP_END_PEER);
    assert_false(sp_end_parse("Peer", &end));
}

static void a_released_trace_can_be_released_again(void **state)
{
    (void)state;
    struct sp_trace trace;
    sp_trace_init(&trace);
    sp_trace_add(&trace, SP_EV_MARK, 0);
    sp_trace_release(&trace);
    sp_trace_release(&trace);
    assert_int_equal(trace.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_added_event_holds_what_is_unknown),
        cmocka_unit_test(strings_are_copied_into_the_trace),
        cmocka_unit_test(sorting_orders_by_time_and_ties_by_arrival),
        cmocka_unit_test(names_are_words_and_never_null),
        cmocka_unit_test(a_released_trace_can_be_released_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
