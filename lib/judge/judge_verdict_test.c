/* Each ground that a verdict may have, alone: what the run lacks, and what a field or a time tells.
 */
#include "judge_fixture.h"

static void assert_says(const struct judged *d, enum sp_verdict verdict, const char *words)
{
    assert_verdict(d, verdict);
    if (!strstr(d->j.reason, words))
        fail_msg("\"%s\" does not say \"%s\"", d->j.reason, words);
}

static void drop(struct sp_trace *trace, size_t at)
{
    memmove(&trace->events[at], &trace->events[at + 1],
            (trace->len - at - 1) * sizeof *trace->events);
    trace->len--;
}

static void drop_marks(struct sp_trace *trace, enum sp_mark_what what, const char *text)
{
    for (size_t i = trace->len; i-- > 0;)
        if (trace->events[i].kind == SP_EV_MARK && trace->events[i].u.mark.what == what &&
            (!text || strcmp(trace->events[i].u.mark.text, text) == 0))
            drop(trace, i);
}

/* ---- what a run lacks ----------------------------------------------------------------------- */

static void what_a_run_lacks_is_named(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES, HANDSHAKE CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    drop_marks(&d.trace, SP_MARK_FENCE, "wire");
    judge_again(&d);
    assert_says(&d, SP_VERDICT_INCONCLUSIVE, "the capture is not known to be complete");
    judged_release(&d);

    judge(&d, HANDSHAKE_LINES, HANDSHAKE CLEAN_UP);
    drop_marks(&d.trace, SP_MARK_FENCE, "states");
    judge_again(&d);
    assert_says(&d, SP_VERDICT_INCONCLUSIVE, "the states are not known to be complete");
    drop_marks(&d.trace, SP_MARK_END, NULL);
    judge_again(&d);
    assert_says(&d, SP_VERDICT_BROKEN, "stops before the end of the script");
    d.trace.len = 0;
    judge_again(&d);
    assert_says(&d, SP_VERDICT_BROKEN, "the trace is empty");
    judged_release(&d);
}

static void a_run_of_which_nothing_was_begun_is_broken(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, "wire client SYN\n", CLEAN_UP);
    drop_marks(&d.trace, SP_MARK_BEGIN, NULL);
    judge_again(&d);
    assert_says(&d, SP_VERDICT_BROKEN, "no statement was begun");
    judged_release(&d);
}

static void a_line_that_was_never_begun_breaks_the_run(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "state client ESTABLISHED\n", HANDSHAKE CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    uint32_t last = d.plan.stmts[d.plan.stmt_count - 1].id;
    for (size_t i = d.trace.len; i-- > 0;)
        if (d.trace.events[i].stmt == last)
            drop(&d.trace, i);
    judge_again(&d);
    assert_says(&d, SP_VERDICT_BROKEN, "was never begun");
    judged_release(&d);
}

static void a_call_that_left_no_record_breaks_the_run(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client get SO_ERROR\n",
          HANDSHAKE "400-410 client conn getsockopt SO_ERROR = 0\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    uint32_t last = d.plan.stmts[d.plan.stmt_count - 1].id;
    for (size_t i = d.trace.len; i-- > 0;)
        if (d.trace.events[i].kind == SP_EV_CALL && d.trace.events[i].stmt == last) {
            d.trace.events[i].kind = SP_EV_MARK;
            d.trace.events[i].u.mark = (struct sp_ev_mark){.what = SP_MARK_BEGIN, .text = ""};
        }
    judge_again(&d);
    assert_says(&d, SP_VERDICT_BROKEN, "there is no record of it");
    judged_release(&d);
}

static void where_nothing_was_judged_nothing_passes(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, "wait 1ms\n", CLEAN_UP);
    assert_says(&d, SP_VERDICT_BROKEN, "nothing was judged");
    judged_release(&d);

    judge(&d, "never client TIME_WAIT\n", CLEAN_UP);
    d.trace.head.states = SP_WATCH_ABSENT;
    judge_again(&d);
    assert_says(&d, SP_VERDICT_SKIP, "no witness that this case needs was watching");
    judged_release(&d);
}

static void behind_the_parting_of_two_stacks_plans_nothing_passes(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES, HANDSHAKE CLEAN_UP);
    d.plan.parts_id = d.plan.stmts[d.plan.stmt_count - 1].id;
    d.plan.parts_line = 12;
    judge_again(&d);
    assert_says(&d, SP_VERDICT_INCONCLUSIVE, "12: not exercised from here on");
    judged_release(&d);
}

/* ---- what nobody asked for ------------------------------------------------------------------ */

static void an_icmp_error_that_nobody_asked_for_fails(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES, HANDSHAKE "400 icmp\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "no ICMP error", "sent an ICMP error");
    judged_release(&d);
}

/* Once something was urgent, lib/tcp does not know which bytes calls had queued where. */
static void a_byte_out_of_place_fails_behind_urgent_data_too(void **state)
{
    (void)state;
    struct judged d;
    const char *lines = HANDSHAKE_LINES "client send 1 MSG_OOB\nwire client URG 1..1\n"
                                        "client send 10\nwire client 2..11\n";
#define SENT(how)                                                                                  \
    HANDSHAKE "400-410 client conn send 1 flags=MSG_OOB = 1\n405 c> PSH,URG,ACK len=1 urg=1\n"     \
              "430 s> ACK\n500-510 client conn send 10 = 10\n505 c> PSH,ACK len=10" how            \
              "\n530 s> ACK\n" CLEAN_UP
    judge(&d, lines, SENT(""));
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, lines, SENT(" badbytes"));
    assert_fails(&d, SP_FAIL_PAYLOAD, "each byte of the stream", "do not belong");
    judged_release(&d);
#undef SENT
}

/* ---- where and when ------------------------------------------------------------------------- */

static void what_did_not_come_where_the_line_asks_for_it_fails(void **state)
{
    (void)state;
    struct judged d;
    const char *lines = HANDSHAKE_LINES "middle drop client FIN once\nclient close\n"
                                        "wire client FIN @server\n";
    judge(&d, lines,
          HANDSHAKE
          "350 lab middle\n400-410 client conn close = 0\n405 c> FIN,ACK gone\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "wire client FIN @server", "it was not seen at server");
    judged_release(&d);
}

/* The line asks what the client sends; what the box makes of it is left open. */
static void what_a_box_does_with_a_segment_asked_for_at_one_end_is_left_to_it(void **state)
{
    (void)state;
    struct judged d;
#define THROUGH_A_BOX                                                                              \
    "0 routed\n" HANDSHAKE "400-410 client conn close = 0\n405 c> FIN,ACK lost\n90000 end\n"       \
    "91000-91100 client exit\n92000-92100 server exit\n"
    judge(&d, HANDSHAKE_LINES "client close\nwire client FIN @client\n", THROUGH_A_BOX);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client close\nwire client FIN\n", THROUGH_A_BOX);
    assert_fails(&d, SP_FAIL_INVARIANT, "path-lost", "");
    judged_release(&d);
#undef THROUGH_A_BOX
}

static void a_state_or_a_queue_is_held_to_its_time(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client close\nstate client FIN_WAIT_1 within 50us\n",
          HANDSHAKE "400-410 client conn close = 0\n900 state client 1 ESTABLISHED>FIN_WAIT_1\n"
                    "905 c> FIN,ACK\n930 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_LATE, "within", "was FIN_WAIT_1");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 5\nwire client 1..5\nqueue server unread 5 within 1ms\n",
          HANDSHAKE "400-410 client conn send 5 = 5\n405 c> PSH,ACK len=5\n430 s> ACK\n"
                    "5000 diag server 7 ESTABLISHED nb=4900 rq=5\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_LATE, "within", "after");
    judged_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_run_lacks_is_named),
        cmocka_unit_test(a_run_of_which_nothing_was_begun_is_broken),
        cmocka_unit_test(a_line_that_was_never_begun_breaks_the_run),
        cmocka_unit_test(a_call_that_left_no_record_breaks_the_run),
        cmocka_unit_test(where_nothing_was_judged_nothing_passes),
        cmocka_unit_test(behind_the_parting_of_two_stacks_plans_nothing_passes),
        cmocka_unit_test(an_icmp_error_that_nobody_asked_for_fails),
        cmocka_unit_test(a_byte_out_of_place_fails_behind_urgent_data_too),
        cmocka_unit_test(what_did_not_come_where_the_line_asks_for_it_fails),
        cmocka_unit_test(what_a_box_does_with_a_segment_asked_for_at_one_end_is_left_to_it),
        cmocka_unit_test(a_state_or_a_queue_is_held_to_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
