/* Flights: what left is paired with what arrived, and sorted into connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tcp_ladder.h"

struct scene {
    struct sp_trace trace;
    struct sp_flights flights;
};

static void scene_init(struct scene *scene, bool lo, const char *text)
{
    ladder_build(&scene->trace, lo, text);
    sp_flights_build(&scene->trace, &scene->flights);
}

static void scene_release(struct scene *scene)
{
    sp_flights_release(&scene->flights);
    sp_trace_release(&scene->trace);
}

#define HANDSHAKE "0 c> SYN ws=7\n30 s> SYN,ACK ws=7\n60 c> ACK\n"

static void one_record_on_loopback_is_both_departure_and_arrival(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, true, HANDSHAKE);
    assert_int_equal(s.flights.len, 3);
    assert_int_equal(s.flights.conn_count, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(s.flights.items[i].sent);
        assert_ptr_equal(s.flights.items[i].sent, s.flights.items[i].received);
    }
    scene_release(&s);
}

static void both_captures_of_a_segment_are_one_flight(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=10\n130 s> ACK\n");
    assert_int_equal(s.flights.len, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct sp_flight *flight = &s.flights.items[i];
        assert_non_null(flight->sent);
        assert_non_null(flight->received);
        assert_int_equal(flight->received->t_ns - flight->sent->t_ns, LADDER_TRAVEL_US * SP_US);
    }
    assert_int_equal(s.flights.items[1].from, SP_END_SERVER);
    assert_int_equal(s.flights.items[3].rel_seq, 1);
    assert_int_equal(s.flights.items[4].rel_ack, 11);
    scene_release(&s);
}

static void a_dropped_segment_has_no_arrival(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=10 lost\n300100 c> PSH,ACK seq=1 len=10\n");
    assert_int_equal(s.flights.len, 5);
    assert_null(s.flights.items[3].received);
    assert_non_null(s.flights.items[4].received);
    assert_int_equal(s.flights.items[4].received->t_ns, 300120 * SP_US);
    scene_release(&s);
}

static void a_copy_made_by_the_path_was_never_seen_to_leave(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=10 dup\n");
    assert_int_equal(s.flights.len, 5);
    assert_non_null(s.flights.items[3].sent);
    assert_null(s.flights.items[4].sent);
    assert_non_null(s.flights.items[4].received);
    scene_release(&s);
}

static void what_the_middle_changed_is_one_flight(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=10 changed=77\n");
    assert_int_equal(s.flights.len, 4);
    const struct sp_flight *flight = &s.flights.items[3];
    assert_int_equal(flight->sent->u.seg.seg.window, 65535);
    assert_int_equal(flight->received->u.seg.seg.window, 77);
    assert_int_equal(flight->from, SP_END_CLIENT);
    assert_non_null(flight->by);
    scene_release(&s);
}

static void without_the_middles_word_a_changed_segment_is_two(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false,
               HANDSHAKE "100 c> PSH,ACK len=10 lost\n101 c> PSH,ACK seq=1 len=10 win=77 only\n");
    assert_int_equal(s.flights.len, 5);
    assert_null(s.flights.items[3].received);
    assert_null(s.flights.items[4].sent);
    assert_int_equal(s.flights.items[4].from, SP_END_CLIENT);
    scene_release(&s);
}

static void what_the_middle_made_is_its_own(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=10 made\n130 s> ACK ack=11\n");
    assert_int_equal(s.flights.len, 5);
    assert_int_equal(s.flights.items[3].from, SP_END_MIDDLE);
    assert_int_equal(s.flights.items[3].conn, 0);
    assert_int_equal(s.flights.items[3].rel_seq, 1);
    scene_release(&s);
}

static void of_two_equal_segments_the_one_that_the_middle_took_is_lost(void **state)
{
    (void)state;
    struct scene s; /* by their times alone the arrival would be the second one's */
    scene_init(&s, false, HANDSHAKE "100 c> ACK at=600\n300 c> ACK gone\n");
    assert_int_equal(s.flights.items[3].received->t_ns, 600 * SP_US);
    assert_null(s.flights.items[4].received);
    assert_non_null(s.flights.items[4].by);
    scene_release(&s);
}

static void segments_that_overtake_each_other_keep_their_own_arrival(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=10 at=900\n110 c> PSH,ACK len=10 at=200\n");
    assert_int_equal(s.flights.items[3].received->t_ns, 900 * SP_US);
    assert_int_equal(s.flights.items[4].received->t_ns, 200 * SP_US);
    scene_release(&s);
}

static void two_equal_segments_held_and_released_pair_in_order(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> ACK at=500\n200 c> ACK at=600\n");
    assert_int_equal(s.flights.items[3].received->t_ns, 500 * SP_US);
    assert_int_equal(s.flights.items[4].received->t_ns, 600 * SP_US);
    scene_release(&s);
}

static void sequence_numbers_wrap(void **state)
{
    (void)state;
    struct scene s; /* the client's ISN is 16 below 2^32 */
    scene_init(&s, false, HANDSHAKE "100 c> PSH,ACK len=100\n200 c> PSH,ACK len=5\n");
    assert_int_equal(s.flights.items[4].rel_seq, 101);
    scene_release(&s);
}

static void a_port_used_again_after_reset_is_a_new_connection(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false,
               HANDSHAKE "100 c> RST,ACK seq=1 ack=1\n"
                         "200 c> SYN isn=50000000 ws=7\n230 s> SYN,ACK isn=9000000 ws=7\n"
                         "260 c> ACK\n");
    assert_int_equal(s.flights.conn_count, 2);
    assert_int_equal(s.flights.items[3].conn, 0);
    assert_int_equal(s.flights.items[4].conn, 1);
    assert_int_equal(s.flights.items[5].conn, 1);
    assert_int_equal(s.flights.items[6].rel_seq, 1);
    assert_int_equal(s.flights.conns[0].next_ns, 200 * SP_US);
    scene_release(&s);
}

static void a_syn_sent_again_is_the_same_connection(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, "0 c> SYN lost\n1000000 c> SYN seq=0\n1000030 s> SYN,ACK\n");
    assert_int_equal(s.flights.conn_count, 1);
    scene_release(&s);
}

static void a_stray_syn_that_nothing_answers_stays_in_its_connection(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, HANDSHAKE "100 c> SYN seq=5000\n130 s> ACK\n");
    assert_int_equal(s.flights.conn_count, 1);
    scene_release(&s);
}

static void a_syn_that_is_accepted_opens_a_successor_of_a_half_open_connection(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false,
               HANDSHAKE "100 c> SYN isn=50000000\n1000100 c> SYN seq=0\n"
                         "1000130 s> SYN,ACK isn=88888888\n1000160 c> ACK\n");
    assert_int_equal(s.flights.conn_count, 2);
    assert_int_equal(s.flights.items[3].conn, 1);
    assert_int_equal(s.flights.items[6].conn, 1);
    scene_release(&s);
}

static void crossing_syns_are_one_connection(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false,
               "0 c> SYN\n5 s> SYN\n30 c> SYN,ACK seq=0 ack=1\n35 s> SYN,ACK seq=0 ack=1\n");
    assert_int_equal(s.flights.conn_count, 1);
    assert_true(s.flights.conns[0].isn_known[SP_END_CLIENT]);
    assert_true(s.flights.conns[0].isn_known[SP_END_SERVER]);
    scene_release(&s);
}

static void a_challenge_to_a_new_syn_belongs_to_the_old_connection(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false,
               HANDSHAKE "100 s> FIN,ACK\n130 c> FIN,ACK\n160 s> ACK\n"
                         "200 c> SYN isn=50000000\n");
    assert_int_equal(s.flights.conn_count, 2);
    scene_release(&s);
    /* the same, and TIME_WAIT answers the SYN with its old numbers; the RST answers that */
    struct sp_trace trace;
    ladder_build(&trace, false,
                 HANDSHAKE "100 s> FIN,ACK\n130 c> FIN,ACK\n160 s> ACK\n"
                           "200 c> SYN isn=50000000\n");
    struct sp_event *ack = sp_trace_add(&trace, SP_EV_SEG, 230 * SP_US);
    ack->end = SP_END_SERVER;
    ack->u.seg.point = SP_AT_SERVER;
    ack->u.seg.seg = (struct sp_seg){.src = ladder_addr(1),
                                     .dst = ladder_addr(0),
                                     .flags = SP_ACK,
                                     .seq = 7002,
                                     .ack = 0xfffffff0u + 2};
    struct sp_flights flights;
    sp_flights_build(&trace, &flights);
    assert_int_equal(flights.items[flights.len - 1].conn, 0);
    sp_flights_release(&flights);
    sp_trace_release(&trace);
}

static void an_empty_trace_has_no_flights(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, false, "");
    assert_int_equal(s.flights.len, 0);
    assert_int_equal(s.flights.conn_count, 0);
    scene_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_record_on_loopback_is_both_departure_and_arrival),
        cmocka_unit_test(both_captures_of_a_segment_are_one_flight),
        cmocka_unit_test(a_dropped_segment_has_no_arrival),
        cmocka_unit_test(a_copy_made_by_the_path_was_never_seen_to_leave),
        cmocka_unit_test(what_the_middle_changed_is_one_flight),
        cmocka_unit_test(without_the_middles_word_a_changed_segment_is_two),
        cmocka_unit_test(what_the_middle_made_is_its_own),
        cmocka_unit_test(of_two_equal_segments_the_one_that_the_middle_took_is_lost),
        cmocka_unit_test(segments_that_overtake_each_other_keep_their_own_arrival),
        cmocka_unit_test(two_equal_segments_held_and_released_pair_in_order),
        cmocka_unit_test(sequence_numbers_wrap),
        cmocka_unit_test(a_port_used_again_after_reset_is_a_new_connection),
        cmocka_unit_test(a_syn_sent_again_is_the_same_connection),
        cmocka_unit_test(a_stray_syn_that_nothing_answers_stays_in_its_connection),
        cmocka_unit_test(a_syn_that_is_accepted_opens_a_successor_of_a_half_open_connection),
        cmocka_unit_test(crossing_syns_are_one_connection),
        cmocka_unit_test(a_challenge_to_a_new_syn_belongs_to_the_old_connection),
        cmocka_unit_test(an_empty_trace_has_no_flights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
