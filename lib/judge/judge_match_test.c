/* Whole conversations against whole plans, the evidence that there is, and the matcher while a run
 * goes on.
 */
#include "judge_fixture.h"

static void the_whole_conversation_passes(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES CLOSE_LINES, HANDSHAKE CLOSE_FIRST CLOSE_SECOND CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    assert_int_equal(d.j.kind, SP_FAIL_NONE);
    for (size_t i = 1; i < d.j.line_count; i++)
        assert_int_equal(d.j.lines[i].how, SP_LINE_DONE);
    judged_release(&d);
}

static void no_prefix_of_a_passing_trace_passes(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES CLOSE_LINES, HANDSHAKE CLOSE_FIRST CLOSE_SECOND CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    size_t whole = d.trace.len;
    for (size_t len = 0; len < whole; len++) {
        struct sp_judgement j;
        d.trace.len = len;
        sp_judge(&d.plan, &d.trace, &j);
        assert_non_null(j.reason);
        if (j.verdict == SP_VERDICT_PASS || j.verdict == SP_VERDICT_VARIANT ||
            j.verdict == SP_VERDICT_SKIP)
            fail_msg("the first %zu of %zu events pass", len, whole);
        sp_judgement_release(&j);
    }
    d.trace.len = whole;
    judged_release(&d);
}

/* ---- evidence ------------------------------------------------------------------------------ */

static void incomplete_evidence_is_inconclusive(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES, HANDSHAKE "500 drops\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

static void an_empty_trace_is_broken(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES, "");
    d.trace.len = 0;
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_BROKEN);
    judged_release(&d);
}

static void polled_states_are_derived_and_prove_no_absence(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          "server listen\nclient connect server\nwire client SYN\nwire server SYN,ACK\n"
          "wire client ACK\nserver accept\nstate client SYN_SENT\nstate client ESTABLISHED\n"
          "never client TIME_WAIT\n",
          "100-140 server listener listen = 0\n200-260 client conn connect = 0\n210 c> SYN\n"
          "235 s> SYN,ACK\n257 c> ACK\n300-310 server listener accept = 0\n"
          "320 diag client 5 ESTABLISHED nb=150\n" CLEAN_UP);
    d.trace.head.states = SP_WATCH_POLLED;
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_PASS);
    assert_int_equal(d.j.lines[7].how, SP_LINE_UNWATCHED);
    assert_int_equal(d.j.lines[8].how, SP_LINE_DONE);
    assert_int_equal(d.j.lines[9].how, SP_LINE_UNWATCHED);
    assert_true(d.j.note_count > 0);
    judged_release(&d);
}

/* ---- while the run goes on ----------------------------------------------------------------- */

static void the_matcher_waits_and_takes_evidence_in_any_order(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES CLOSE_LINES, HANDSHAKE CLOSE_FIRST CLOSE_SECOND CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    /* the trace again, event by event, each witness's in order, the far side's capture first */
    struct sp_trace live;
    sp_trace_init(&live);
    live.head = d.trace.head;
    struct sp_match *match = sp_match_new(&d.plan);
    size_t next = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < d.trace.len; i++) {
            const struct sp_event *ev = &d.trace.events[i];
            bool first = ev->kind == SP_EV_SEG && ev->u.seg.point == SP_AT_SERVER;
            if (first == (pass == 1))
                continue;
            struct sp_event *copy = sp_trace_add(&live, ev->kind, ev->t_ns);
            uint32_t order = copy->order;
            *copy = *ev;
            copy->order = order;
            struct sp_err err;
            while (next < d.plan.stmt_count) {
                enum sp_try now = sp_match_try(match, &d.plan.stmts[next], &live, &err);
                if (now == SP_TRY_FAILED)
                    fail_msg("statement %zu: %s", next + 1, err.text);
                if (now == SP_TRY_PENDING)
                    break;
                next++;
            }
            if (pass == 0)
                assert_true(next < d.plan.stmt_count);
        }
    assert_int_equal(next, d.plan.stmt_count);
    assert_true(sp_match_last_ns(match) > 0);
    sp_match_free(match);
    live.head = (struct sp_trace_head){0};
    sp_trace_release(&live);
    judged_release(&d);
}

static void deadlines_come_from_the_bound_or_the_case(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          HANDSHAKE_LINES "wire client ACK as @x\nwire client FIN after 60s +wheel since @x\n"
                          "wire client FIN\n",
          HANDSHAKE);
    struct sp_match *match = sp_match_new(&d.plan);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(sp_match_try(match, &d.plan.stmts[i], &d.trace, NULL), SP_TRY_DONE);
    assert_int_equal(sp_match_try(match, &d.plan.stmts[6], &d.trace, NULL), SP_TRY_PENDING);
    assert_int_equal(sp_match_label_ns(match, "x"), -1);
    assert_int_equal(sp_match_deadline_ns(match, &d.plan.stmts[8], 7 * SP_S, 250), 12 * SP_S);
    assert_true(sp_match_deadline_ns(match, &d.plan.stmts[7], 7 * SP_S, 250) > 60 * SP_S);
    sp_match_free(match);
    judged_release(&d);
}

static void the_timer_wheel_is_later_the_longer_the_timer(void **state)
{
    (void)state;
    assert_int_equal(sp_wheel_step_ns(40 * SP_MS, 250), 2 * 4 * SP_MS);
    assert_int_equal(sp_wheel_step_ns(60 * SP_S, 250), 513 * 4 * SP_MS);
    assert_int_equal(sp_wheel_step_ns(1 * SP_S, 1000), 65 * SP_MS);
    assert_true(sp_wheel_step_ns(1 * SP_S, 0) >= sp_wheel_step_ns(1 * SP_S, 100));
}

static void names_are_stable(void **state)
{
    (void)state;
    enum sp_verdict verdict;
    for (int i = 0; i < SP_VERDICT_COUNT; i++) {
        assert_true(sp_verdict_parse(sp_verdict_name((enum sp_verdict)i), &verdict));
        assert_int_equal(verdict, i);
    }
    assert_false(sp_verdict_parse("good", &verdict));
    for (int i = SP_FAIL_VALUE; i <= SP_FAIL_STALE; i++)
        assert_string_not_equal(sp_fail_name((enum sp_fail_kind)i), "none");
}

static void judging_two_hundred_events_takes_under_a_millisecond(void **state)
{
    (void)state;
    struct judged d;
    char lines[2048] = HANDSHAKE_LINES, ladder[8192] = HANDSHAKE, one[128];
    for (int i = 0; i < 30; i++) {
        int t = 1000 + i * 100;
        snprintf(one, sizeof one, "client send 10\nwire client %d..%d\nwire server ACK\n",
                 i * 10 + 1, i * 10 + 10);
        strcat(lines, one);
        snprintf(one, sizeof one, "%d-%d client conn send 10 = 10\n%d c> ACK len=10\n%d s> ACK\n",
                 t, t + 5, t + 2, t + 30);
        strcat(ladder, one);
    }
    strcat(ladder, CLEAN_UP);
    judge(&d, lines, ladder);
    assert_verdict(&d, SP_VERDICT_PASS);
    assert_true(d.trace.len >= 200);
    int64_t best_judge = INT64_MAX, best_try = INT64_MAX;
    for (int round = 0; round < 20; round++) {
        struct sp_judgement j;
        int64_t start = sp_clock_now_ns();
        sp_judge(&d.plan, &d.trace, &j);
        int64_t took = sp_clock_now_ns() - start;
        best_judge = took < best_judge ? took : best_judge;
        sp_judgement_release(&j);
        struct sp_match *match = sp_match_new(&d.plan);
        start = sp_clock_now_ns();
        assert_int_equal(sp_match_try(match, &d.plan.stmts[d.plan.stmt_count - 1], &d.trace, NULL),
                         SP_TRY_DONE);
        took = sp_clock_now_ns() - start;
        best_try = took < best_try ? took : best_try;
        sp_match_free(match);
    }
    assert_true(best_judge < SP_MS); /* the best of twenty: a busy machine does not matter */
    assert_true(best_try < SP_MS);
    print_message("%zu events: judged in %.0f us, matched in %.0f us\n", d.trace.len,
                  (double)best_judge / 1e3, (double)best_try / 1e3);
    judged_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_conversation_passes),
        cmocka_unit_test(no_prefix_of_a_passing_trace_passes),
        cmocka_unit_test(incomplete_evidence_is_inconclusive),
        cmocka_unit_test(an_empty_trace_is_broken),
        cmocka_unit_test(polled_states_are_derived_and_prove_no_absence),
        cmocka_unit_test(the_matcher_waits_and_takes_evidence_in_any_order),
        cmocka_unit_test(deadlines_come_from_the_bound_or_the_case),
        cmocka_unit_test(the_timer_wheel_is_later_the_longer_the_timer),
        cmocka_unit_test(names_are_stable),
        cmocka_unit_test(judging_two_hundred_events_takes_under_a_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
