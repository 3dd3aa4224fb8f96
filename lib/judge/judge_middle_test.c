/* What the middle changed or made on the way, and what the judge makes of it. */
#include "judge_fixture.h"

static void judge_middle(struct judged *d, const char *lines, const char *ladder)
{
    memset(d, 0, sizeof *d);
    fixture_plan(d, lines, "linux", "6.18.44");
    fixture_trace(d, ladder);
    sp_judge(&d->plan, &d->trace, &d->j);
}

static void what_answers_an_injected_segment_passes(void **state)
{
    struct judged d;
    (void)state;
    judge_middle(&d, HANDSHAKE_LINES "middle inject client 1..10\nwire server ACK ack=11\n",
                 HANDSHAKE "1000 c> PSH,ACK len=10 made\n1030 s> ACK ack=11\n1060 c> ACK\n"
                           "2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void an_answer_from_before_the_injection_does_not_count(void **state)
{
    struct judged d;
    (void)state;
    judge_middle(&d, HANDSHAKE_LINES "middle inject client ACK ack=900\nwire server ACK ack=1\n",
                 HANDSHAKE "900 s> ACK\n1000 c> ACK ack=900 made\n2000 end\n");
    assert_int_equal(d.j.verdict, SP_VERDICT_FAIL);
    judged_release(&d);
}

static void what_the_middle_made_is_not_held_against_the_end_it_names(void **state)
{
    struct judged d;
    (void)state;
    judge_middle(&d,
                 HANDSHAKE_LINES "middle inject client RST seq=500\nwire server ACK ack=1\n"
                                 "never wire client RST\n",
                 HANDSHAKE "1000 c> RST seq=500 made\n1030 s> ACK\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void both_ends_speak_on_the_connection_that_the_middle_opened(void **state)
{
    struct judged d;
    (void)state;
    judge_middle(&d,
                 "server listen\nmiddle inject client SYN from=4000\nwire server SYN,ACK ack=1\n"
                 "wire client RST seq=1\n",
                 "100-140 server listener listen = 0\n110 state server 9 CLOSED>LISTEN\n"
                 "200 c> SYN made\n235 s> SYN,ACK\n260 c> RST seq=1\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void an_end_is_judged_by_what_it_sent_and_not_by_what_became_of_it(void **state)
{
    struct judged d;
    (void)state;
    judge_middle(&d,
                 HANDSHAKE_LINES "middle rewrite client FIN to win=7\nclient shutdown WR\n"
                                 "wire client FIN win=65535\nwire server ACK ack=2\n",
                 HANDSHAKE "1000-1005 client conn shutdown WR = 0\n"
                           "1010 c> FIN,ACK changed=7\n1035 s> ACK\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void at_the_other_end_it_is_what_became_of_it(void **state)
{
    struct judged d;
    (void)state;
    judge_middle(&d,
                 HANDSHAKE_LINES "middle rewrite client FIN to win=7\nclient shutdown WR\n"
                                 "wire client FIN win=7 @server\nwire server ACK ack=2\n",
                 HANDSHAKE "1000-1005 client conn shutdown WR = 0\n"
                           "1010 c> FIN,ACK changed=7\n1035 s> ACK\n2000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_path_that_does_what_no_line_asked_for_makes_the_run_broken(void **state)
{
    static const struct {
        const char *ladder, *says;
    } rows[] = {
        {"1100 s> ACK win=9 only\n", "was never sent"},
        {"1100 s> ACK win=9 lost\n", "did not arrive"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[2000];
        snprintf(ladder, sizeof ladder, "%s%s%s%s", HANDSHAKE,
                 "1000 c> RST seq=500 made\n1030 s> ACK\n", rows[i].ladder, "900000 end\n");
        judge_middle(&d, HANDSHAKE_LINES "middle inject client RST seq=500\n", ladder);
        assert_int_equal(d.j.verdict, SP_VERDICT_BROKEN);
        assert_non_null(strstr(d.j.reason, rows[i].says));
        judged_release(&d);
    }
}

static void a_link_that_loses_makes_the_run_broken(void **state)
{
    static const char *const losses[] = {"1010 c> FIN,ACK lost\n",
                                         "1010 c> FIN,ACK\n1040 s> ACK lost\n"};
    (void)state;
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        struct judged d;
        char ladder[2000];
        snprintf(ladder, sizeof ladder, "%s%s%s%s", HANDSHAKE,
                 "1000-1005 client conn shutdown WR = 0\n", losses[i], "900000 end\n");
        judge(&d, HANDSHAKE_LINES "client shutdown WR\nwire client FIN\n", ladder);
        assert_int_equal(d.j.verdict, SP_VERDICT_BROKEN);
        assert_non_null(strstr(d.j.reason, "was sent and did not arrive"));
        judged_release(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_answers_an_injected_segment_passes),
        cmocka_unit_test(an_answer_from_before_the_injection_does_not_count),
        cmocka_unit_test(what_the_middle_made_is_not_held_against_the_end_it_names),
        cmocka_unit_test(both_ends_speak_on_the_connection_that_the_middle_opened),
        cmocka_unit_test(an_end_is_judged_by_what_it_sent_and_not_by_what_became_of_it),
        cmocka_unit_test(at_the_other_end_it_is_what_became_of_it),
        cmocka_unit_test(a_link_that_loses_makes_the_run_broken),
        cmocka_unit_test(a_path_that_does_what_no_line_asked_for_makes_the_run_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
