/* Calls and actions against the trace: values, errors, signals, hangs, times.
 */
#include "judge_fixture.h"

static void wrong_value_error_and_signal_fail(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, "server listen\nclient connect server\nclient nonblock\nserver close -> 3\n",
          "100-140 server listener listen = 0\n200-210 client conn connect = "
          "ECONNREFUSED\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_ERROR, "client connect server", "connect returned -1 ECONNREFUSED");
    judged_release(&d);

    judge(&d, HANDSHAKE_LINES "server recv 1 -> 0\n",
          HANDSHAKE "400-410 server conn recv 1 = 1\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_VALUE, "server recv 1 -> 0", "recv returned 1");
    judged_release(&d);

    judge(&d, HANDSHAKE_LINES "server recv 1 -> EAGAIN | ECONNRESET\n",
          HANDSHAKE "400-410 server conn recv 1 = EPIPE\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_ERROR, "EAGAIN | ECONNRESET", "recv returned -1 EPIPE");
    assert_int_equal(d.j.blames, SP_END_SERVER);
    judged_release(&d);

    judge(&d, HANDSHAKE_LINES "server send 1 -> EPIPE raises SIGPIPE\n",
          HANDSHAKE "400-410 server conn send 1 = EPIPE\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SIGNAL, "SIGPIPE", "no signal");
    judged_release(&d);
}

static void a_call_without_expectation_must_do_all_that_was_asked(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..9\nwire server ACK\n",
          HANDSHAKE "400-410 client conn send 10 = 9\n402 c> ACK len=9\n430 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_VALUE, "client send 10", "send returned 9");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client set TCP_NODELAY on\n",
          HANDSHAKE "400-410 client conn setsockopt TCP_NODELAY value=1 = 1\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_VALUE, "", "returned 1");
    judged_release(&d);
}

/* As lwIP's poll() does of a descriptor that is closed: -1, and errno stays what it was. */
static void a_failure_without_an_error_is_no_success(void **state)
{
    (void)state;
    struct judged d;
    static const char story[] = HANDSHAKE "400-410 client conn poll events=IN = -1\n" CLEAN_UP;
    judge(&d, HANDSHAKE_LINES "client poll IN -> ok\n", story);
    assert_fails(&d, SP_FAIL_VALUE, "client poll IN -> ok", "poll returned -1");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client poll IN -> -1\n", story);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client poll IN -> -1\n",
          HANDSHAKE "400-410 client conn poll events=IN = EBADF\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_ERROR, "client poll IN -> -1", "poll returned -1 EBADF");
    judged_release(&d);
}

static void an_action_without_a_record_is_broken(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "lab cut\n", HANDSHAKE "400 lab cut\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    for (size_t i = 0; i < d.trace.len; i++)
        if (d.trace.events[i].kind == SP_EV_LAB)
            d.trace.events[i].stmt = 0;
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_BROKEN);
    judged_release(&d);
}

static void set_call(struct judged *d, const char *name, enum sp_call_how how, int64_t first_bad)
{
    for (size_t i = 0; i < d->trace.len; i++)
        if (d->trace.events[i].kind == SP_EV_CALL &&
            strcmp(d->trace.events[i].u.call.name, name) == 0) {
            d->trace.events[i].u.call.how = how;
            d->trace.events[i].u.call.first_bad = first_bad;
        }
    sp_judgement_release(&d->j);
    sp_judge(&d->plan, &d->trace, &d->j);
}

static void hung_killed_and_scrambled_calls_fail(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client send 1\nwire client 1..1\nserver recv 1\n",
          HANDSHAKE "400-410 client conn send 1 = 1\n402 c> ACK len=1\n423 s> ACK\n"
                    "430-440 server conn recv 1 = 1\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    set_call(&d, "recv", SP_CALL_HUNG, -1);
    assert_fails(&d, SP_FAIL_HUNG, "server recv 1", "recv hung");
    set_call(&d, "recv", SP_CALL_RETURNED, 0);
    assert_fails(&d, SP_FAIL_PAYLOAD, "server recv 1", "does not belong");
    set_call(&d, "recv", SP_CALL_KILLED, -1);
    assert_fails(&d, SP_FAIL_ERROR, "server recv 1", "was killed");
    judged_release(&d);
}

/* What SIGKILL ended says nothing of the signal that was asked for. */
static void a_process_that_lives_on_has_not_been_ended_by_its_signal(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client kill SIGINT\nwire client FIN\n",
          HANDSHAKE "400-500 client killed\n410 c> FIN,ACK\n435 s> ACK\n"
                    "9000 end\n9300-9400 server exit\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client kill SIGINT\nwire client FIN\n",
          HANDSHAKE "400-5000500 client outlived\n5000410 c> FIN,ACK\n5000435 s> ACK\n"
                    "5009000 end\n5009300-5009400 server exit\n");
    assert_fails(&d, SP_FAIL_HUNG, "client kill SIGINT", "lived on for 5 s");
    judged_release(&d);
}

static void what_so_error_gave_is_known_by_its_name(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client get SO_ERROR -> ECONNRESET\n",
          HANDSHAKE "400-410 client conn get SO_ERROR = 104\n" CLEAN_UP);
    for (size_t i = 0; i < d.trace.len; i++)
        if (d.trace.events[i].kind == SP_EV_CALL && d.trace.events[i].t_ns == 400 * SP_US)
            d.trace.events[i].u.call.out = "ECONNRESET";
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client get SO_ERROR -> EPIPE\n",
          HANDSHAKE "400-410 client conn get SO_ERROR = 104\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_ERROR, "EPIPE", "get returned 104");
    judged_release(&d);
}

static void a_started_call_is_judged_where_it_finishes(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          HANDSHAKE_LINES "server start recv 1\nclient send 1\nwire client 1..1\n"
                          "server finish recv -> 1 took <1s\n",
          HANDSHAKE "400-450 server conn recv 1 = 1\n420-430 client conn send 1 = 1\n"
                    "422 c> ACK len=1\n443 s> ACK\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "server recv 1 -> EAGAIN took 2s +-0.2s\n",
          HANDSHAKE "400-500400 server conn recv 1 = EAGAIN\n600000 end\n");
    assert_fails(&d, SP_FAIL_EARLY, "took", "after 500.000 ms");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "server recv 1 -> EAGAIN took <100ms\n",
          HANDSHAKE "400-500400 server conn recv 1 = EAGAIN\n600000 end\n");
    assert_fails(&d, SP_FAIL_LATE, "took", "after 500.000 ms");
    judged_release(&d);
}

static void judge_kept_waiting(struct judged *d, const char *lines, const char *trace,
                               int64_t kept_ms)
{
    judge(d, lines, trace);
    for (size_t e = 0; e < d->trace.len; e++)
        if (d->trace.events[e].kind == SP_EV_CALL)
            d->trace.events[e].u.call.kept_waiting_ns = kept_ms * SP_MS;
    judge_again(d);
}

#define TOOK HANDSHAKE_LINES "server recv 1 -> EAGAIN took "
#define CALL HANDSHAKE "400-1400400 server conn recv 1 = EAGAIN\n"

/* It came back so late because it got no processor, or by itself. */
static void a_call_is_over_when_its_thread_may_go_on(void **state)
{
    (void)state;
    struct judged d;
    judge_kept_waiting(&d, TOOK "1s +100ms\n", CALL "1500000 end\n", 0);
    assert_fails(&d, SP_FAIL_LATE, "took", "after 1400.000 ms");
    judged_release(&d);
    judge_kept_waiting(&d, TOOK "1s +100ms\n", CALL "1500000 end\n", 299);
    assert_fails(&d, SP_FAIL_LATE, "took", "299.000 ms of them without a processor");
    judged_release(&d);
    static const int64_t enough_ms[] = {300, 400, 401, 999};
    for (size_t i = 0; i < sizeof enough_ms / sizeof enough_ms[0]; i++) {
        judge_kept_waiting(&d, TOOK "1s +100ms\n", CALL "1500000 end\n", enough_ms[i]);
        assert_verdict(&d, SP_VERDICT_PASS);
        judged_release(&d);
    }
    judge(&d, TOOK "1s +100ms\n", CALL "1240400-1400400 stall\n1500000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
    judge(&d, TOOK "1s +100ms\n", CALL "1300400-1400400 stall\n1500000 end\n");
    assert_fails(&d, SP_FAIL_LATE, "took", "after 1400.000 ms");
    judged_release(&d);
    judge(&d, TOOK "1s +100ms\n", CALL "400-160400 kept server\n1500000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
    judge(&d, TOOK "1s +100ms\n", CALL "400-100400 kept server\n1500000 end\n");
    assert_fails(&d, SP_FAIL_LATE, "took", "after 1400.000 ms");
    judged_release(&d);
}

/* Without a processor for as long as what is bounded: how long it would have taken nobody knows. */
static void a_call_that_was_kept_waiting_for_all_its_time_has_shown_nothing(void **state)
{
    (void)state;
    struct judged d;
    static const struct {
        const char *took;
        int64_t kept_ms; /* of 1400 ms */
        enum sp_verdict verdict;
    } rows[] = {
        {"<700ms", 699, SP_VERDICT_FAIL},
        {"<700ms", 700, SP_VERDICT_INCONCLUSIVE},
        {"<700ms", 1400, SP_VERDICT_INCONCLUSIVE},
        {"<800ms", 799, SP_VERDICT_PASS},
        {"<800ms", 800, SP_VERDICT_INCONCLUSIVE},
        {"<2s", 1400, SP_VERDICT_PASS},
        {">1s", 999, SP_VERDICT_PASS},
        {">1s", 1000, SP_VERDICT_INCONCLUSIVE},
        {">400ms", 1000, SP_VERDICT_PASS},
        {">400ms", 1001, SP_VERDICT_INCONCLUSIVE},
        {">400ms", 5000, SP_VERDICT_INCONCLUSIVE},
        {"<2s", 5000, SP_VERDICT_PASS},
        {"1s +100ms", 1100, SP_VERDICT_INCONCLUSIVE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char lines[400];
        snprintf(lines, sizeof lines, "%s%s\n", TOOK, rows[i].took);
        judge_kept_waiting(&d, lines, CALL "1500000 end\n", rows[i].kept_ms);
        assert_verdict(&d, rows[i].verdict);
        if (rows[i].verdict == SP_VERDICT_INCONCLUSIVE)
            assert_non_null(strstr(d.j.reason, "its time is not known"));
        judged_release(&d);
    }
}

/* What it returned is known all the same. */
static void a_call_that_was_kept_waiting_is_still_judged_by_what_it_returned(void **state)
{
    (void)state;
    struct judged d;
    judge_kept_waiting(&d, HANDSHAKE_LINES "server recv 1 -> 0 took <700ms\n", CALL "1500000 end\n",
                       1400);
    assert_fails(&d, SP_FAIL_ERROR, "-> 0", "EAGAIN");
    judged_release(&d);
}

#undef TOOK
#undef CALL

static void a_call_that_the_other_end_made_is_broken(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client get SO_ERROR -> 0\n",
          HANDSHAKE "400-410 client conn get SO_ERROR = 0\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    for (size_t e = 0; e < d.trace.len; e++)
        if (d.trace.events[e].kind == SP_EV_CALL && !strcmp(d.trace.events[e].u.call.name, "get"))
            d.trace.events[e].end = SP_END_SERVER;
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_BROKEN);
    assert_non_null(strstr(d.j.reason, "the server made the call"));
    judged_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_value_error_and_signal_fail),
        cmocka_unit_test(a_call_without_expectation_must_do_all_that_was_asked),
        cmocka_unit_test(a_failure_without_an_error_is_no_success),
        cmocka_unit_test(an_action_without_a_record_is_broken),
        cmocka_unit_test(hung_killed_and_scrambled_calls_fail),
        cmocka_unit_test(a_process_that_lives_on_has_not_been_ended_by_its_signal),
        cmocka_unit_test(what_so_error_gave_is_known_by_its_name),
        cmocka_unit_test(a_started_call_is_judged_where_it_finishes),
        cmocka_unit_test(a_call_is_over_when_its_thread_may_go_on),
        cmocka_unit_test(a_call_that_was_kept_waiting_for_all_its_time_has_shown_nothing),
        cmocka_unit_test(a_call_that_was_kept_waiting_is_still_judged_by_what_it_returned),
        cmocka_unit_test(a_call_that_the_other_end_made_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
