/* Beside a scripted peer: every segment of the real end is spelled out, in the ladder's order, and
 * nothing that the peer sends is held against anybody. The peer stands in the server's place. */
#include "judge_fixture.h"

#define OPENING                                                                                    \
    "0 client start\n"                                                                             \
    "100 lab accepts\n200-290 client conn connect = 0\n210 c> SYN\n240 s> SYN,ACK\n270 c> ACK\n"
#define OPENING_LINES "peer accepts\nclient connect peer\nwire client SYN\nwire client ACK\n"

/* What was the server's is the peer's; what it sent for a line is what left next. */
static void give_to_peer(struct judged *d)
{
    struct sp_trace *trace = &d->trace;
    trace->head.addr[SP_END_PEER] = trace->head.addr[SP_END_SERVER];
    memset(&trace->head.addr[SP_END_SERVER], 0, sizeof trace->head.addr[SP_END_SERVER]);
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].end == SP_END_SERVER)
            trace->events[i].end = SP_END_PEER;
    for (size_t i = 0; i < trace->len; i++) {
        struct sp_event *act = &trace->events[i];
        const struct sp_stmt *stmt = sp_plan_stmt(&d->plan, act->stmt);
        if (act->kind != SP_EV_LAB || !stmt || stmt->peer->verb != SP_PEER_SEGMENT)
            continue;
        act->end = SP_END_PEER;
        for (size_t n = i; n < trace->len; n++) {
            const struct sp_event *ev = &trace->events[n];
            if (ev->kind != SP_EV_SEG || ev->end != SP_END_PEER || ev->u.seg.point != SP_AT_SERVER)
                continue;
            struct sp_buf text;
            sp_buf_init(&text, 0);
            sp_seg_print(&ev->u.seg.seg, 0, 0, &text);
            act->u.lab.detail = sp_trace_str(trace, text.data);
            sp_buf_release(&text);
            break;
        }
    }
}

static void judge_peer(struct judged *d, const char *lines, const char *ladder)
{
    memset(d, 0, sizeof *d);
    fixture_plan(d, lines, "linux", "6.18.44");
    fixture_trace(d, ladder);
    give_to_peer(d);
    sp_judge(&d->plan, &d->trace, &d->j);
}

static void what_is_spelled_out_passes(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "peer 1..10\nwire client ACK ack=11\n",
               OPENING "1000 lab data\n1001 s> ACK len=10\n1030 c> ACK\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_pure_ack_that_no_line_asks_for_fails(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "peer 1..10\n",
               OPENING "1000 lab data\n1001 s> ACK len=10\n1030 c> ACK\n2000 end\n");
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "no segment from client", "ACK");
    judged_release(&d);
}

static void an_answer_before_the_runner_began_to_listen_breaks_the_silence(void **state)
{
    struct judged d;
    (void)state;
    const char *lines =
        OPENING_LINES "peer 1..10\nsilence client for 20ms\nwire client ACK ack=11\n";
    judge_peer(&d, lines,
               OPENING "1000 lab data\n1001 s> ACK len=10\n1030 c> ACK\n1100 begin 6\n"
                       "40000 end\n");
    assert_fails(&d, SP_FAIL_FORBIDDEN, "silence client for 20ms", "client sent ACK");
    judged_release(&d);
    judge_peer(&d, lines,
               OPENING "1000 lab data\n1001 s> ACK len=10\n1100 begin 6\n41000 c> ACK\n"
                       "42000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    /* What a line has taken was no answer to the one behind it. */
    judge_peer(&d, OPENING_LINES "silence client for 20ms\n", OPENING "400 begin 5\n40000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_burst_that_a_repeat_takes_may_end_in_the_silence_behind_it(void **state)
{
    struct judged d;
    (void)state;
    const char *lines = OPENING_LINES "client send 30\nrepeat 0..2 {\n  wire client len=10\n}\n"
                                      "silence client for 20ms\n";
    judge_peer(&d, lines,
               OPENING "1000-1010 client conn send 30 = 30\n1005 c> ACK len=10\n1100 begin 7\n"
                       "1200 c> ACK seq=11 len=10\n40000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge_peer(&d, lines,
               OPENING "1000-1010 client conn send 30 = 30\n1005 c> ACK len=10\n1100 begin 7\n"
                       "1200 c> ACK seq=11 len=10\n1300 c> ACK seq=21 len=10\n40000 end\n");
    assert_fails(&d, SP_FAIL_FORBIDDEN, "silence client for 20ms", "client sent ACK");
    judged_release(&d);
}

static void a_retransmission_that_no_line_asks_for_fails(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "client send 10\nwire client 1..10\npeer RST\n",
               OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n"
                       "202000 c> ACK seq=1 len=10\n203000 lab reset\n203001 s> RST\n204000 end\n");
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "no segment from client", "again");
    judged_release(&d);
}

static void a_retransmission_is_no_part_of_a_stream(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "client send 20\nwire client bytes 1..20\n",
               OPENING "1000-1010 client conn send 20 = 20\n1005 c> ACK len=10\n"
                       "202000 c> ACK seq=1 len=10\n203000 c> ACK seq=11 len=10\n204000 end\n");
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "bytes 1..20", "again");
    judged_release(&d);
}

static void a_script_that_was_late_is_inconclusive(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "client send 10\nwire client 1..10\npeer RST\n",
               OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n1005-203000 stall\n"
                       "202000 c> ACK seq=1 len=10\n203000 lab reset\n203001 s> RST\n204000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

/* What it measured then makes its timers long: what is missing may yet come. */
static void what_did_not_come_after_a_late_script_is_inconclusive(void **state)
{
    static const struct {
        const char *stall;
        enum sp_verdict verdict;
    } rows[] = {{"", SP_VERDICT_FAIL},
                {"1100-101000 stall\n", SP_VERDICT_FAIL},
                {"1100-101200 stall\n", SP_VERDICT_INCONCLUSIVE},
                {"400000-510000 stall\n", SP_VERDICT_FAIL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[1024];
        snprintf(ladder, sizeof ladder,
                 OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n%s"
                         "310000 begin 7\n5400000 deadline 7\n5500000 end\n",
                 rows[i].stall);
        judge_peer(&d, OPENING_LINES "client send 10\nwire client 1..10\nwire client 1..10 again\n",
                   ladder);
        assert_verdict(&d, rows[i].verdict);
        judged_release(&d);
    }
}

/* No stall: delays on the way to calls and back that add up to half of the timeout. */
static void a_script_that_lost_half_a_timeout_on_its_way_is_inconclusive(void **state)
{
    struct judged d;
    (void)state;
#define ON_ITS_WAY(asked, called)                                                                  \
    OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n" asked " begin 7\n" called   \
            " client conn getsockopt SO_ERROR = 0\n"                                               \
            "201100 c> ACK seq=1 len=10\n202000 lab reset\n202001 s> RST\n204000 end\n"
#define ON_ITS_WAY_LINES                                                                           \
    OPENING_LINES "client send 10\nwire client 1..10\nclient get SO_ERROR -> 0\n"                  \
                  "wire client 11..20\npeer RST\n"
    judge_peer(&d, ON_ITS_WAY_LINES, ON_ITS_WAY("50000", "160000-160010"));
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(d.j.reason, "lost 110 ms on its way"));
    judged_release(&d);
    judge_peer(&d, ON_ITS_WAY_LINES, ON_ITS_WAY("100000", "160000-160010"));
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "11..20", "again");
    judged_release(&d);
}

/* The same for what the script noticed late: the segment was there, the next line was not begun. */
static void a_script_that_noticed_late_is_inconclusive(void **state)
{
    struct judged d;
    (void)state;
#define NOTICED(done)                                                                              \
    OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n1010 begin 6\n" done          \
            " done 6\n201100 c> ACK seq=1 len=10\n202000 lab reset\n202001 s> RST\n204000 end\n"
#define NOTICED_LINES OPENING_LINES "client send 10\nwire client 1..10\npeer RST\n"
    judge_peer(&d, NOTICED_LINES, NOTICED("121200"));
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
    judge_peer(&d, NOTICED_LINES, NOTICED("90000"));
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "no segment", "again");
    judged_release(&d);
}

/* A tail loss probe comes after two round trips, here 12 ms: half of those is enough. */
static void a_probe_while_the_peers_answer_was_on_its_way_is_inconclusive(void **state)
{
    static const struct {
        const char *begun; /* the answer, which is sent 13 ms after the data */
        enum sp_verdict verdict;
    } rows[] = {{"7000 begin 7\n", SP_VERDICT_INCONCLUSIVE},
                {"7010 begin 7\n", SP_VERDICT_FAIL},
                {"12900 begin 7\n", SP_VERDICT_FAIL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[1024];
        snprintf(ladder, sizeof ladder,
                 OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n%s"
                         "13005 c> ACK seq=1 len=10\n14000-14100 lab answer\n14001 s> ACK\n"
                         "14200 done 7\n204000 end\n",
                 rows[i].begun);
        judge_peer(&d, OPENING_LINES "client send 10\nwire client 1..10\npeer ACK\n", ladder);
        assert_verdict(&d, rows[i].verdict);
        judged_release(&d);
    }
}

static void what_left_before_the_peer_sent_does_not_answer_it(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(
        &d, OPENING_LINES "client send 10\nwire client 1..10\npeer ACK ack=99\nwire client ACK\n",
        OPENING "1000-1010 client conn send 10 = 10\n1005 c> ACK len=10\n1015 c> ACK\n"
                "1100 lab strange\n1101 s> ACK ack=99\n2000 end\n");
    assert_fails(&d, SP_FAIL_ORDER, "wire client ACK", "peer sent");
    judged_release(&d);
}

static void what_the_peer_sends_is_held_against_nobody(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "peer 1..10 seq=90000 ack=5\nwire client ACK\n",
               OPENING "1000 lab strange\n1001 s> ACK seq=90000 ack=5 len=10 badbytes\n"
                       "1030 c> ACK ack=1\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void an_answer_to_a_wrong_checksum_has_no_cause(void **state)
{
    struct judged d;
    (void)state;
    judge_peer(&d, OPENING_LINES "peer 1..10 badsum\nwire client ACK\n",
               OPENING "1000 lab broken\n1001 s> ACK len=10 badsum\n1030 c> ACK ack=1\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_FAIL);
    assert_string_equal(d.j.rule, "no-cause");
    judged_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_spelled_out_passes),
        cmocka_unit_test(a_pure_ack_that_no_line_asks_for_fails),
        cmocka_unit_test(an_answer_before_the_runner_began_to_listen_breaks_the_silence),
        cmocka_unit_test(a_burst_that_a_repeat_takes_may_end_in_the_silence_behind_it),
        cmocka_unit_test(a_retransmission_that_no_line_asks_for_fails),
        cmocka_unit_test(a_retransmission_is_no_part_of_a_stream),
        cmocka_unit_test(a_script_that_was_late_is_inconclusive),
        cmocka_unit_test(a_script_that_lost_half_a_timeout_on_its_way_is_inconclusive),
        cmocka_unit_test(what_did_not_come_after_a_late_script_is_inconclusive),
        cmocka_unit_test(a_script_that_noticed_late_is_inconclusive),
        cmocka_unit_test(a_probe_while_the_peers_answer_was_on_its_way_is_inconclusive),
        cmocka_unit_test(what_left_before_the_peer_sent_does_not_answer_it),
        cmocka_unit_test(what_the_peer_sends_is_held_against_nobody),
        cmocka_unit_test(an_answer_to_a_wrong_checksum_has_no_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
