/* Whose expectation holds, and what is said where a stack does not do as it was known to do. */
#include "judge_fixture.h"

#define LINE      HANDSHAKE_LINES "server recv 1 -> ECONNRESET\n"
#define GOT(what) HANDSHAKE "400-410 server conn recv 1 = " what "\n" CLEAN_UP

#define ON_LINUX "  on linux -> EPIPE \"it says so\"\n  source measured linux-6.18\n"

static void a_variant_replaces_the_baseline_where_its_stack_is(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, LINE ON_LINUX, GOT("EPIPE"));
    assert_verdict(&d, SP_VERDICT_VARIANT);
    assert_int_equal(d.j.lines[7].how, SP_LINE_VARIANT);
    assert_non_null(d.j.lines[7].variant);
    assert_non_null(strstr(d.j.reason, "linux"));
    judged_release(&d);
    judge_as(&d, LINE ON_LINUX, GOT("EPIPE"), "freebsd", "13.0");
    assert_fails(&d, SP_FAIL_ERROR, "ECONNRESET", "recv returned -1 EPIPE");
    judged_release(&d);
    judge_as(&d, LINE ON_LINUX, GOT("ECONNRESET"), "freebsd", "13.0");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void the_baseline_is_stale_on_the_version_that_was_measured(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, LINE ON_LINUX, GOT("ECONNRESET"));
    assert_fails(&d, SP_FAIL_STALE, "on linux", "linux-6.18");
    judged_release(&d);
    /* one of several that a source names */
    judge(&d, LINE "  on linux -> EPIPE\n    source measured linux-6.1 linux-6.18, a table\n",
          GOT("ECONNRESET"));
    assert_fails(&d, SP_FAIL_STALE, "on linux", "linux-6.18");
    judged_release(&d);
    judge_as(&d, LINE ON_LINUX, GOT("ECONNRESET"), "linux", "6.20");
    assert_verdict(&d, SP_VERDICT_PASS);
    assert_int_equal(d.j.note_count, 1);
    assert_non_null(strstr(d.j.notes[0], "stale"));
    judged_release(&d);
}

static void what_is_in_neither_fails_and_names_both(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, LINE ON_LINUX, GOT("ETIMEDOUT"));
    assert_fails(&d, SP_FAIL_ERROR, "ECONNRESET, on linux -> EPIPE", "ETIMEDOUT");
    judged_release(&d);
}

static void the_most_specific_variant_holds(void **state)
{
    (void)state;
    struct judged d;
#define THREE                                                                                      \
    LINE "  on linux -> ENOTCONN \"a\"\n  source reported someone\n"                               \
         "  on linux>=5.0 <6.5 -> EPIPE \"b\"\n  source reported someone\n"                        \
         "  on linux=6.18 -> ETIMEDOUT \"c\"\n  source reported someone\n"
    judge_as(&d, THREE, GOT("ETIMEDOUT"), "linux", "6.18.44");
    assert_verdict(&d, SP_VERDICT_VARIANT);
    judged_release(&d);
    judge_as(&d, THREE, GOT("EPIPE"), "linux", "6.1");
    assert_verdict(&d, SP_VERDICT_VARIANT);
    judged_release(&d);
    judge_as(&d, THREE, GOT("ENOTCONN"), "linux", "4.9");
    assert_verdict(&d, SP_VERDICT_VARIANT);
    judged_release(&d);
    judge_as(&d, THREE, GOT("ENOTCONN"), "linux", "6.18.44");
    assert_fails(&d, SP_FAIL_ERROR, "on linux=6.18 -> ETIMEDOUT", "ENOTCONN");
    judged_release(&d);
}

static void an_unknown_version_that_would_matter_is_inconclusive(void **state)
{
    (void)state;
    struct judged d;
#define RANGED LINE "  on linux<4.0 -> EPIPE \"a\"\n  source reported someone\n"
    judge_as(&d, RANGED, GOT("ECONNRESET"), "linux", NULL);
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    assert_int_equal(d.j.lines[7].how, SP_LINE_UNKNOWN);
    judged_release(&d);
    judge_as(&d, RANGED, GOT("ETIMEDOUT"), "linux", NULL);
    assert_verdict(&d, SP_VERDICT_FAIL);
    judged_release(&d);
    judge_as(&d, RANGED, GOT("ECONNRESET"), "linux", "6.1");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void an_unknown_outcome_is_recorded_and_inconclusive(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "server recv 1 -> unknown\n", GOT("EPIPE"));
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

static void calls_answer_to_the_api_and_segments_to_the_tcp(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, LINE "  on wine -> ENOTCONN \"x\"\n  source measured wine-8.0\n", GOT("ENOTCONN"));
    assert_fails(&d, SP_FAIL_ERROR, "ECONNRESET", "ENOTCONN");
    for (int end = 0; end < SP_END_COUNT; end++)
        d.trace.head.api[end] = (struct sp_stack_id){"wine", "8.0"};
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_VARIANT);
    judged_release(&d);
    /* the time of a segment is the TCP's */
    judge(&d,
          HANDSHAKE_LINES
          "client send 10\nwire client 1..10\nwire client 1..10 again within 100ms\n"
          "  on linux within 300ms \"slow\"\n  source reported someone\n",
          HANDSHAKE "400-410 client conn send 10 = 10\n402 c> ACK len=10 gone\n"
                    "200402 c> ACK len=10 seq=1 id=5\n200423 s> ACK\n300000 end\n");
    assert_verdict(&d, SP_VERDICT_VARIANT);
    judged_release(&d);
}

/* lwIP and Winsock have no signals: EPIPE is all that a call can say there, but no other error. */
static void an_api_without_sigpipe_owes_the_error_alone(void **state)
{
    (void)state;
    struct judged d;
#define PIPE_LINE HANDSHAKE_LINES "server recv 1 -> EPIPE raises SIGPIPE\n"
    static const char *const silent[] = {"lwip", "wine", "windows"};
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        judge_as(&d, PIPE_LINE, GOT("EPIPE"), silent[i], "1.0");
        assert_verdict(&d, SP_VERDICT_PASS);
        judged_release(&d);
        judge_as(&d, PIPE_LINE, GOT("ENOTCONN"), silent[i], "1.0");
        assert_fails(&d, SP_FAIL_ERROR, "EPIPE", "ENOTCONN");
        judged_release(&d);
    }
    judge_as(&d, PIPE_LINE, GOT("EPIPE"), "gvisor", "1.0");
    assert_fails(&d, SP_FAIL_SIGNAL, "SIGPIPE", "no signal");
    judged_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variant_replaces_the_baseline_where_its_stack_is),
        cmocka_unit_test(the_baseline_is_stale_on_the_version_that_was_measured),
        cmocka_unit_test(what_is_in_neither_fails_and_names_both),
        cmocka_unit_test(the_most_specific_variant_holds),
        cmocka_unit_test(an_unknown_version_that_would_matter_is_inconclusive),
        cmocka_unit_test(an_unknown_outcome_is_recorded_and_inconclusive),
        cmocka_unit_test(calls_answer_to_the_api_and_segments_to_the_tcp),
        cmocka_unit_test(an_api_without_sigpipe_owes_the_error_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
