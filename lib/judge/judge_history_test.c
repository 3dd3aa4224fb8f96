/* The states of one kernel socket, merged from tracepoints and looks of sock_diag. */
#include "judge_fixture.h"

#include "impl.h"

/* The states of an end's k-th socket, in order: "SYN_SENT@5 ESTABLISHED@9", times in us. */
static void assert_history(const char *ladder, enum sp_end end, size_t index, const char *want)
{
    struct judged d = {0};
    struct view view;
    char text[1024] = "";
    fixture_plan(&d, HANDSHAKE_LINES, "linux", "6.18.44");
    fixture_trace(&d, ladder);
    view_build(&view, &d.plan, &d.trace, NULL, true);
    for (size_t i = 0; i < view.hist_count; i++) {
        const struct hist *hist = view.hists[i];
        if (hist->end != end || index-- != 0)
            continue;
        for (size_t s = 0; s < hist->len; s++)
            say_more(text, sizeof text, "%s%s@%lld", s ? " " : "",
                     sp_tcp_state_name(hist->spans[s].state),
                     (long long)(hist->spans[s].t_ns / SP_US));
    }
    assert_string_equal(want, text);
    view_release(&view);
    sp_trace_release(&d.trace);
    sp_plan_release(&d.plan);
    sp_case_release(&d.c);
}

#define OPEN                                                                                       \
    "5 state client 1 CLOSED>SYN_SENT\n9 state client 1 SYN_SENT>ESTABLISHED\n"                    \
    "20 state client 1 ESTABLISHED>FIN_WAIT_1\n30 state client 1 FIN_WAIT_1>FIN_WAIT_2\n"
#define OPENED "SYN_SENT@5 ESTABLISHED@9 FIN_WAIT_1@20 FIN_WAIT_2@30"

static void closed_is_time_wait_where_the_look_after_shows_it(void **state)
{
    (void)state;
    assert_history(OPEN "40 state client 1 FIN_WAIT_2>CLOSED\n50 diag client 7 TIME_WAIT nb=1\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@40");
    assert_history(OPEN "40 state client 1 FIN_WAIT_2>CLOSED\n50 diag client 7 TIME_WAIT nb=1\n"
                        "900 diag client 7 NONE nb=800\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@40 CLOSED@900");
    /* the look was under way when it happened */
    assert_history(OPEN "39 diag client 7 TIME_WAIT nb=1\n40 state client 1 FIN_WAIT_2>CLOSED\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@40");
}

/* A kernel may not show what a timer did on an idle CPU: both events of a FIN's ACK are missing. */
static void a_look_tells_what_no_tracepoint_showed(void **state)
{
    (void)state;
#define UNTIL_FIN                                                                                  \
    "5 state client 1 CLOSED>SYN_SENT\n9 state client 1 SYN_SENT>ESTABLISHED\n"                    \
    "20 state client 1 ESTABLISHED>FIN_WAIT_1\n"
#define FINNED "SYN_SENT@5 ESTABLISHED@9 FIN_WAIT_1@20"
    assert_history(UNTIL_FIN "31 diag client 7 FIN_WAIT_2 nb=25\n", SP_END_CLIENT, 0,
                   FINNED " FIN_WAIT_2@31");
    assert_history(UNTIL_FIN "31 diag client 7 FIN_WAIT_2 nb=25\n"
                             "50 diag client 7 TIME_WAIT nb=45\n900 diag client 7 NONE nb=800\n",
                   SP_END_CLIENT, 0, FINNED " FIN_WAIT_2@31 TIME_WAIT@50 CLOSED@900");
    assert_history(UNTIL_FIN "900 diag client 7 ESTABLISHED nb=1\n", SP_END_CLIENT, 0, FINNED);
    /* the event did come, for a time before the look's */
    assert_history(UNTIL_FIN "29 diag client 7 FIN_WAIT_2 nb=25\n"
                             "30 state client 1 FIN_WAIT_1>FIN_WAIT_2\n",
                   SP_END_CLIENT, 0, FINNED " FIN_WAIT_2@29");
}

static void closed_is_gone_where_no_look_shows_more(void **state)
{
    (void)state;
    assert_history(OPEN "40 state client 1 FIN_WAIT_2>CLOSED\n", SP_END_CLIENT, 0,
                   OPENED " CLOSED@40");
    assert_history(OPEN "35 diag client 7 ESTABLISHED nb=1\n40 state client 1 FIN_WAIT_2>CLOSED\n"
                        "50 diag client 7 NONE nb=35\n",
                   SP_END_CLIENT, 0, OPENED " CLOSED@40");
    assert_history("5 state client 1 CLOSED>SYN_SENT\n9 state client 1 SYN_SENT>CLOSED\n",
                   SP_END_CLIENT, 0, "SYN_SENT@5 CLOSED@9");
}

static void an_orphan_stays_in_fin_wait_2_until_a_look_misses_it(void **state)
{
    (void)state;
    assert_history(OPEN "35 diag client 7 FIN_WAIT_2 nb=1\n40 state client 1 FIN_WAIT_2>CLOSED\n",
                   SP_END_CLIENT, 0, OPENED);
    assert_history(OPEN "35 diag client 7 FIN_WAIT_2 nb=1\n40 state client 1 FIN_WAIT_2>CLOSED\n"
                        "900 diag client 7 NONE nb=800\n",
                   SP_END_CLIENT, 0, OPENED " CLOSED@900");
    assert_history(OPEN "35 diag client 7 FIN_WAIT_2 nb=1\n40 state client 1 FIN_WAIT_2>CLOSED\n"
                        "900 diag client 7 TIME_WAIT nb=800\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@900");
    assert_history(OPEN "40 state client 1 FIN_WAIT_2>CLOSED\n45 diag client 7 FIN_WAIT_2 nb=1\n"
                        "900 diag client 7 TIME_WAIT nb=800\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@900");
}

static void a_request_that_sock_diag_saw_becomes_the_socket(void **state)
{
    (void)state;
    assert_history("5 diag server 7 SYN_RECEIVED nb=1\n9 state server 2 LISTEN>SYN_RECEIVED\n"
                   "10 state server 2 SYN_RECEIVED>ESTABLISHED\n",
                   SP_END_SERVER, 0, "SYN_RECEIVED@5 ESTABLISHED@10");
}

static void a_look_that_comes_late_makes_no_new_socket(void **state)
{
    (void)state;
#define RESET "20 state client 1 ESTABLISHED>CLOSED\n"
#define BEGUN "5 state client 1 CLOSED>SYN_SENT\n9 state client 1 SYN_SENT>ESTABLISHED\n"
    assert_history(BEGUN RESET "22 diag client 7 ESTABLISHED nb=18\n30 diag client 7 NONE nb=22\n",
                   SP_END_CLIENT, 1, "");
    assert_history(BEGUN "12 diag client 7 ESTABLISHED nb=1\n" RESET
                         "30 diag client 7 NONE nb=12\n",
                   SP_END_CLIENT, 0, "SYN_SENT@5 ESTABLISHED@9 CLOSED@20");
}

static void a_pair_used_again_is_another_socket(void **state)
{
    (void)state;
#define AGAIN                                                                                      \
    OPEN "40 state client 1 FIN_WAIT_2>CLOSED\n50 diag client 7 TIME_WAIT nb=1\n"                  \
         "60 state client 1 CLOSED>SYN_SENT\n70 state client 1 SYN_SENT>ESTABLISHED\n"             \
         "80 diag client 7 NONE nb=50\n80 diag client 8 ESTABLISHED nb=50\n"
    assert_history(AGAIN, SP_END_CLIENT, 0, OPENED " TIME_WAIT@40 CLOSED@70");
    assert_history(AGAIN, SP_END_CLIENT, 1, "SYN_SENT@60 ESTABLISHED@70");
    assert_history(AGAIN, SP_END_CLIENT, 2, "");
}

/* Linux shows SYN_SENT first and asks then whether the pair is to be had. */
static void a_connect_that_fails_leaves_the_time_wait_that_has_its_pair(void **state)
{
    (void)state;
#define WAITS OPEN "40 state client 1 FIN_WAIT_2>CLOSED\n50 diag client 7 TIME_WAIT nb=1\n"
    assert_history(WAITS "60 state client 3 CLOSED>SYN_SENT bound\n"
                         "61 state client 3 SYN_SENT>CLOSED\n90 diag client 7 NONE nb=80\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@40 CLOSED@90");
    assert_history(WAITS "60 state client 3 CLOSED>SYN_SENT bound\n"
                         "70 state client 3 SYN_SENT>ESTABLISHED\n",
                   SP_END_CLIENT, 0, OPENED " TIME_WAIT@40 CLOSED@60");
}

/* An id used again for a listener's child, and the end of the socket that had it was not shown. */
static void a_childs_id_may_be_that_of_a_socket_whose_end_was_not_shown(void **state)
{
    (void)state;
#define HIDDEN                                                                                     \
    "5 state server 2 LISTEN>SYN_RECEIVED\n6 state server 2 SYN_RECEIVED>ESTABLISHED\n"            \
    "20 state server 2 ESTABLISHED>FIN_WAIT_1\n31 diag server 7 FIN_WAIT_2 nb=25\n"                \
    "50 diag server 7 TIME_WAIT nb=45\n60 state server 2 LISTEN>SYN_RECEIVED\n"                    \
    "61 state server 2 SYN_RECEIVED>ESTABLISHED\n"
    assert_history(HIDDEN, SP_END_SERVER, 0,
                   "SYN_RECEIVED@5 ESTABLISHED@6 FIN_WAIT_1@20 FIN_WAIT_2@31 TIME_WAIT@50 "
                   "CLOSED@60");
    assert_history(HIDDEN, SP_END_SERVER, 1, "SYN_RECEIVED@60 ESTABLISHED@61");
}

static void without_tracepoints_looks_are_all_there_is(void **state)
{
    (void)state;
    assert_history("5 diag client 7 ESTABLISHED nb=1\n9 diag client 7 FIN_WAIT_2 nb=5\n"
                   "20 diag client 7 TIME_WAIT nb=9\n30 diag client 7 NONE nb=20\n",
                   SP_END_CLIENT, 0, "ESTABLISHED@5 FIN_WAIT_2@9 TIME_WAIT@20 CLOSED@30");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_is_time_wait_where_the_look_after_shows_it),
        cmocka_unit_test(a_look_tells_what_no_tracepoint_showed),
        cmocka_unit_test(closed_is_gone_where_no_look_shows_more),
        cmocka_unit_test(an_orphan_stays_in_fin_wait_2_until_a_look_misses_it),
        cmocka_unit_test(a_request_that_sock_diag_saw_becomes_the_socket),
        cmocka_unit_test(a_look_that_comes_late_makes_no_new_socket),
        cmocka_unit_test(a_pair_used_again_is_another_socket),
        cmocka_unit_test(a_connect_that_fails_leaves_the_time_wait_that_has_its_pair),
        cmocka_unit_test(a_childs_id_may_be_that_of_a_socket_whose_end_was_not_shown),
        cmocka_unit_test(without_tracepoints_looks_are_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
