/* States, and whose they are: which socket a name of the case stands for.
 */
#include "judge_fixture.h"

static void a_missing_state_fails_with_those_seen(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "state client CLOSE_WAIT\n", HANDSHAKE CLEAN_UP);
    assert_fails(&d, SP_FAIL_STATE_MISSING, "state client CLOSE_WAIT", "SYN_SENT, ESTABLISHED");
    judged_release(&d);
}

static void a_forbidden_state_or_segment_fails(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES CLOSE_LINES "never client TIME_WAIT\n",
          HANDSHAKE CLOSE_FIRST CLOSE_SECOND CLEAN_UP);
    assert_fails(&d, SP_FAIL_FORBIDDEN, "never client TIME_WAIT", "client was TIME_WAIT");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES CLOSE_LINES "never wire client FIN\n",
          HANDSHAKE CLOSE_FIRST CLOSE_SECOND CLEAN_UP);
    assert_fails(&d, SP_FAIL_FORBIDDEN, "never wire client FIN", "client sent FIN,ACK");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "still client ESTABLISHED for 1ms\n" CLOSE_LINES,
          HANDSHAKE "399 begin 7\n" CLOSE_FIRST CLOSE_SECOND CLEAN_UP);
    assert_fails(&d, SP_FAIL_FORBIDDEN, "still client", "client was FIN_WAIT_1");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "silence for 1ms\nclient send 1\nwire client 1..1\n",
          HANDSHAKE "399 begin 7\n400-410 client conn send 1 = 1\n402 c> ACK len=1\n"
                    "430 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_FORBIDDEN, "silence for 1ms", "client sent ACK");
    judged_release(&d);
}

static void until_an_action_ends_where_the_action_begins(void **state)
{
    (void)state;
    struct judged d;
    const char *trace = HANDSHAKE
        "400-500 client conn close = 0\n401 state client 1 ESTABLISHED>FIN_WAIT_1\n403 c> FIN,ACK\n"
        "424 state server 2 ESTABLISHED>CLOSE_WAIT\n425 s> ACK\n"
        "446 state client 1 FIN_WAIT_1>FIN_WAIT_2\n600-605 server conn recv 1 = 0\n" CLEAN_UP;
    judge(&d,
          HANDSHAKE_LINES "never server CLOSE_WAIT until @bye\nclient close as @bye\n"
                          "wire client FIN\nserver recv 1 -> 0\n",
          trace);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "never server CLOSE_WAIT until @read\nclient close\n"
                          "wire client FIN\nserver recv 1 -> 0 as @read\n",
          trace);
    assert_fails(&d, SP_FAIL_FORBIDDEN, "until @read", "server was CLOSE_WAIT");
    judged_release(&d);
}

static void an_accept_that_failed_takes_no_name(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          "server listen\nclient connect server\nwire client SYN\nwire server SYN,ACK\n"
          "server accept -> EAGAIN\nwire client ACK\nstate server SYN_RECEIVED\n"
          "state server ESTABLISHED\nserver accept\n",
          "100-140 server listener listen = 0\n110 state server 9 CLOSED>LISTEN\n"
          "200-260 client conn connect = 0\n205 state client 1 CLOSED>SYN_SENT\n210 c> SYN\n"
          "235 s> SYN,ACK\n256 state client 1 SYN_SENT>ESTABLISHED\n257 c> ACK\n"
          "260-265 server listener accept = EAGAIN\n278 state server 2 LISTEN>SYN_RECEIVED\n"
          "279 state server 2 SYN_RECEIVED>ESTABLISHED\n"
          "300-310 server listener accept = 0\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_listen_that_failed_leaves_the_connection_its_name(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client/conn listen -> EINVAL\nstate client ESTABLISHED\n",
          HANDSHAKE "400-410 client conn listen = EINVAL\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void syns_that_cross_are_one_connection_of_two_connects(void **state)
{
    (void)state;
    static const char trace[] =
        "100-110 client conn connect addr = EINPROGRESS\n101 state client 1 CLOSED>SYN_SENT\n"
        "105 c> SYN\n106-116 server conn connect addr = EINPROGRESS\n"
        "107 state server 2 CLOSED>SYN_SENT\n108 s> SYN\n"
        "125 state server 2 SYN_SENT>SYN_RECEIVED\n126 s> SYN,ACK seq=0 ack=1\n"
        "128 state client 1 SYN_SENT>SYN_RECEIVED\n129 c> SYN,ACK seq=0 ack=1\n"
        "146 state client 1 SYN_RECEIVED>ESTABLISHED\n149 state server 2 "
        "SYN_RECEIVED>ESTABLISHED\n" CLEAN_UP;
    struct judged d;
    judge(&d,
          "client connect server:80 -> EINPROGRESS\nserver connect client:4000 -> EINPROGRESS\n"
          "any order {\nwire client SYN\nwire server SYN\n}\n"
          "any order {\nwire client SYN,ACK again\nwire server SYN,ACK again\n}\n"
          "state client ESTABLISHED\nstate server ESTABLISHED\n",
          trace);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_connect_that_a_listener_refuses_opens_nothing(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          "server listen\nserver/listener connect client:9 -> EISCONN\nclient connect server\n"
          "wire client SYN\nwire server SYN,ACK\nwire client ACK\nserver accept\n",
          "100-140 server listener listen = 0\n110 state server 9 CLOSED>LISTEN\n"
          "150-160 server listener connect addr = EISCONN\n200-260 client conn connect = 0\n"
          "205 state client 1 CLOSED>SYN_SENT\n210 c> SYN\n235 s> SYN,ACK\n"
          "256 state client 1 SYN_SENT>ESTABLISHED\n257 c> ACK\n"
          "278 state server 2 LISTEN>SYN_RECEIVED\n279 state server 2 SYN_RECEIVED>ESTABLISHED\n"
          "300-310 server listener accept = 0\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_second_listen_is_about_the_same_socket(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "server listen 7\nstate server LISTEN\n",
          HANDSHAKE "4000-4010 server listener listen = 0\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void what_clean_up_does_is_not_the_cases_doing(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "never wire client FIN\nnever client FIN_WAIT_1\n",
          HANDSHAKE "9000 end\n9100-9200 client exit\n9110 state client 1 ESTABLISHED>FIN_WAIT_1\n"
                    "9112 c> FIN,ACK\n9133 state server 2 ESTABLISHED>CLOSE_WAIT\n9135 s> ACK\n"
                    "9156 state client 1 FIN_WAIT_1>FIN_WAIT_2\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    /* the FIN is sent again by a timer: that goes back to the exit too */
    judge(&d, HANDSHAKE_LINES "never wire client FIN\n",
          HANDSHAKE "9000 end\n9100-9200 client exit\n9112 c> FIN,ACK lost\n"
                    "209112 c> FIN,ACK seq=1 id=5\n209133 s> ACK\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

/* A sandbox takes its stack with it: what it resets then is our clean-up, and only then. */
static void a_stack_that_ends_with_its_agent_is_not_held_to_it(void **state)
{
    (void)state;
    struct judged d;
#define ENDED   HANDSHAKE_LINES "never wire client RST\n"
#define SANDBOX HANDSHAKE "9000 end\n9100-9900 client exit\n9112 c> RST,ACK\n"
    judge(&d, ENDED, SANDBOX);
    assert_verdict(&d, SP_VERDICT_FAIL); /* a kernel sends FIN */
    d.trace.head.states_hidden[SP_END_CLIENT] = true;
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, ENDED, HANDSHAKE "500 c> RST,ACK\n9000 end\n9100-9900 client exit\n");
    d.trace.head.states_hidden[SP_END_CLIENT] = true;
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_FAIL);
    judged_release(&d);
}

static void a_socket_that_nobody_made_fails(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES, HANDSHAKE "500 state client 33 CLOSED>LISTEN\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_STATE_EXTRA, "no socket", "was LISTEN");
    judged_release(&d);
}

static void queues_are_compared(void **state)
{
    (void)state;
    struct judged d;
#define UNREAD                                                                                     \
    "400-410 client conn send 5 = 5\n402 c> ACK len=5\n423 s> ACK\n"                               \
    "500 diag server 8 ESTABLISHED rq=5 sq=0\n"
    judge(&d, HANDSHAKE_LINES "client send 5\nwire client 1..5\nqueue server unread 5\n",
          HANDSHAKE UNREAD CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 5\nwire client 1..5\nqueue server unread 4\n",
          HANDSHAKE UNREAD CLEAN_UP);
    assert_fails(&d, SP_FAIL_QUEUE, "queue server unread 4", "server had 5 bytes unread");
    judged_release(&d);
}

static void an_invariant_of_tcp_fails_the_run(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire server ACK\n",
          HANDSHAKE "400-410 client conn send 10 = 10\n402 c> ACK len=10\n"
                    "423 s> ACK ack=400\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_FAIL);
    assert_int_equal(d.j.kind, SP_FAIL_INVARIANT);
    assert_string_equal(d.j.rule, "ack-beyond-sent");
    judged_release(&d);
}

/* Judged once more, with the client in a sandbox. */
static void judge_sandboxed(struct judged *d, const char *lines, const char *ladder)
{
    judge(d, lines, ladder);
    assert_verdict(d, SP_VERDICT_FAIL);
    assert_int_equal(d->j.kind, SP_FAIL_INVARIANT);
    d->trace.head.states_hidden[SP_END_CLIENT] = true;
    sp_judgement_release(&d->j);
    sp_judge(&d->plan, &d->trace, &d->j);
}

/* Of a sandbox, and of RST only: the case says that it aborts without being asked to. */
static void an_abort_that_a_line_asks_for_has_its_cause(void **state)
{
    (void)state;
    struct judged d;
    judge_sandboxed(&d, HANDSHAKE_LINES "wire client RST\n", HANDSHAKE "500 c> RST,ACK\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge_sandboxed(&d, HANDSHAKE_LINES "wire client 1..10\n",
                    HANDSHAKE "500 c> ACK len=10\n523 s> ACK\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_FAIL);
    judged_release(&d);
}

/* It stands still with the machine: what it does then may be about what it knew before. */
static void a_sandbox_is_not_held_to_what_came_while_the_machine_stood(void **state)
{
    (void)state;
    struct judged d;
#define TOLD_AND_AGAIN HANDSHAKE "400-410 client conn send 10 = 10\n402 c> ACK len=10\n423 s> ACK\n"
    judge_sandboxed(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10\n",
                    TOLD_AND_AGAIN "150000 c> ACK seq=1 len=10\n150023 s> ACK\n160000 end\n");
    assert_verdict(&d, SP_VERDICT_FAIL);
    judged_release(&d);
    judge_sandboxed(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10\n",
                    TOLD_AND_AGAIN "20000-140000 stall\n150000 c> ACK seq=1 len=10\n"
                                   "150023 s> ACK\n160000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

/* A segment that arrived is not one that the sandbox has read: its ACK of the data that came again
 * leaves behind the server's RST, and provokes another. */
static void a_segment_too_many_after_a_sandbox_stood_is_inconclusive(void **state)
{
    (void)state;
    static const char *const stall[] = {"", "10000-60000 stall\n"};
    static const enum sp_verdict verdict[] = {SP_VERDICT_FAIL, SP_VERDICT_INCONCLUSIVE};
    for (int stalled = 0; stalled < 2; stalled++)
        for (int own = 0; own < 2; own++) {
            struct judged d;
            char ladder[1000];
            snprintf(ladder, sizeof ladder,
                     "%s400-410 client conn send 10 = 10\n402 c> ACK len=10\n423 s> ACK\n"
                     "%s100000-100010 server conn close = 0\n100005 s> RST,ACK\n"
                     "100100 c> ACK ack=1\n100130 s> RST seq=1\n200000 end\n",
                     HANDSHAKE, stall[stalled]);
            judge(&d,
                  HANDSHAKE_LINES
                  "client send 10\nwire client 1..10\nserver close\nwire server RST\n",
                  ladder);
            d.trace.head.states_hidden[SP_END_CLIENT] = own;
            sp_judgement_release(&d.j);
            sp_judge(&d.plan, &d.trace, &d.j);
            assert_verdict(&d, verdict[own && stalled]);
            judged_release(&d);
        }
}

static void a_refused_connection_is_known_by_its_port(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          "client connect server:80 -> ECONNREFUSED\nwire client SYN\n"
          "wire server RST,ACK seq=0 ack=1\nstate client CLOSED\n",
          "200-290 client conn connect = ECONNREFUSED\n205 state client 1 CLOSED>SYN_SENT\n"
          "210 c> SYN\n235 s> RST,ACK seq=0 ack=1\n256 state client 1 SYN_SENT>CLOSED\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    for (size_t i = 0; i < d.trace.len; i++)
        if (d.trace.events[i].kind == SP_EV_CALL)
            d.trace.events[i].u.call.local = (struct sp_addr){.family = SP_IPV4, .port = 4000};
    sp_judgement_release(&d.j);
    sp_judge(&d.plan, &d.trace, &d.j);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

/* A kernel that keeps events back: what a look shows, and no tracepoint, has come by way of others.
 */
static void a_state_that_was_kept_back_is_unwatched(void **state)
{
    (void)state;
    struct judged d;
#define KEPT_BACK(last)                                                                            \
    HANDSHAKE "400-410 client conn close = 0\n401 state client 1 ESTABLISHED>FIN_WAIT_1\n"         \
              "403 c> FIN,ACK\n424 state server 2 ESTABLISHED>CLOSE_WAIT\n425 s> ACK\n"            \
              "500-505 server conn recv 1 = 0\n600-610 server conn close = 0\n"                    \
              "601 state server 2 CLOSE_WAIT>LAST_ACK\n603 s> FIN,ACK\n625 c> ACK\n"               \
              "646 state server 2 LAST_ACK>CLOSED\n" last CLEAN_UP
    judge(&d, HANDSHAKE_LINES CLOSE_LINES, KEPT_BACK("700 diag client 77 TIME_WAIT nb=450\n"));
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    /* told in full, the way has to show it */
    judge(&d, HANDSHAKE_LINES CLOSE_LINES,
          KEPT_BACK("647 state client 1 FIN_WAIT_1>CLOSED\n700 diag client 77 TIME_WAIT nb=650\n"));
    assert_fails(&d, SP_FAIL_STATE_MISSING, "FIN_WAIT_2", "FIN_WAIT_1, TIME_WAIT");
    judged_release(&d);
}

/* All of it in less than a millisecond: nearer than clocks are trusted to agree. */
static void a_connect_that_fails_at_once_takes_no_connection_from_the_first(void **state)
{
    (void)state;
    struct judged d;
    judge(&d,
          HANDSHAKE_LINES "state client ESTABLISHED\n" CLOSE_LINES
                          "client/again connect server -> EADDRNOTAVAIL\n",
          HANDSHAKE CLOSE_FIRST CLOSE_SECOND
          "750 diag client 77 TIME_WAIT nb=700\n800-805 client again connect = EADDRNOTAVAIL\n"
          "801 state client 3 CLOSED>SYN_SENT\n802 state client 3 SYN_SENT>CLOSED\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_connect_that_tells_of_the_first_opens_nothing(void **state)
{
    (void)state;
    struct judged d;
#define ASKED_TWICE(first, second)                                                                 \
    "server listen\nclient connect server -> " first "\nwire client SYN\nwire server SYN,ACK\n"    \
    "wire client ACK\nclient connect server -> " second "\nclient send 5\nwire client 1..5\n"
#define ASKED_TWICE_SEEN(second)                                                                   \
    "100-140 server listener listen = 0\n200-204 client conn connect = EINPROGRESS\n"              \
    "210 c> SYN\n235 s> SYN,ACK\n260 c> ACK\n290-295 client conn connect = " second                \
    "\n300-305 client conn send 5 = 5\n302 c> ACK len=5\n" CLEAN_UP
    judge(&d, ASKED_TWICE("EINPROGRESS", "0"), ASKED_TWICE_SEEN("0"));
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, ASKED_TWICE("EINPROGRESS", "EISCONN"), ASKED_TWICE_SEEN("EISCONN"));
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, ASKED_TWICE("EINPROGRESS", "EINVAL"), ASKED_TWICE_SEEN("EINVAL"));
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

/* Calls, and states by a table that tells so many unread bytes of each connection (-1 no queues).
 */
static void judge_by_table_of(struct judged *d, int64_t unread, const char *lines,
                              const char *ladder)
{
    memset(d, 0, sizeof *d);
    fixture_plan(d, lines, "windows", "10.0.19045");
    fixture_trace(d, ladder);
    d->trace.head.wire = SP_WATCH_ABSENT;
    d->trace.head.states = SP_WATCH_POLLED;
    for (size_t i = 0; i < d->trace.len; i++)
        if (d->trace.events[i].kind == SP_EV_STATE) {
            struct sp_ev_state *told = &d->trace.events[i].u.state;
            told->source = SP_STATE_TABLE;
            told->recv_queue = told->new_state == SP_TCP_LISTEN ? -1 : unread;
            told->send_queue = -1;
        }
    sp_judge(&d->plan, &d->trace, &d->j);
}

/* As a run on Windows without Npcap. */
static void judge_by_table(struct judged *d, const char *lines, const char *ladder)
{
    judge_by_table_of(d, -1, lines, ladder);
}

#define CALLED                                                                                     \
    "100-140 server listener listen = 0\n200-260 client conn connect = 0\n"                        \
    "280-290 server conn accept = 0\n"                                                             \
    "300 diag server 9 LISTEN\n300 diag client 7 ESTABLISHED\n300 diag server 8 ESTABLISHED\n"

static void without_the_wire_states_are_found_by_what_connect_told(void **state)
{
    (void)state;
    struct judged d;
    judge_by_table(&d, HANDSHAKE_LINES "state client ESTABLISHED\nstate server ESTABLISHED\n",
                   CALLED CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge_by_table(&d, HANDSHAKE_LINES "state server CLOSE_WAIT\n", CALLED CLEAN_UP);
    assert_fails(&d, SP_FAIL_STATE_MISSING, "CLOSE_WAIT", "ESTABLISHED");
    judged_release(&d);
    /* one that no connect() has told of is a stranger still */
    judge_by_table(&d, "server listen\nstate server LISTEN\n",
                   "100-140 server listener listen = 0\n300 diag server 9 LISTEN\n"
                   "300 diag server 8 ESTABLISHED\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_STATE_EXTRA, "no socket", "ESTABLISHED");
    judged_release(&d);
}

static void the_end_of_an_orphan_of_an_earlier_run_is_no_stranger(void **state)
{
    (void)state;
#define LISTENS "100-140 server listener listen = 0\n110 state server 9 CLOSED>LISTEN listener\n"
    static const char lines[] = "server listen\nstate server LISTEN\n";
    struct judged d;
    judge(&d, lines, LISTENS "1000 state server 5 FIN_WAIT_1>CLOSED\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, lines, LISTENS "1000 state server 5 ESTABLISHED>FIN_WAIT_1\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_STATE_EXTRA, "no socket", "ESTABLISHED");
    judged_release(&d);
    judge(&d, lines,
          LISTENS "900 diag server 5 FIN_WAIT_1\n1000 state server 5 FIN_WAIT_1>CLOSED\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_STATE_EXTRA, "no socket", "FIN_WAIT_1");
    judged_release(&d);
}

static void a_queue_that_the_system_does_not_tell_is_unwatched(void **state)
{
    (void)state;
    struct judged d;
    judge_by_table(&d, HANDSHAKE_LINES "queue server unread 5\nstate server ESTABLISHED\n",
                   CALLED CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void a_queue_that_a_stack_tells_of_itself_is_judged(void **state)
{
    (void)state;
    const char *lines = HANDSHAKE_LINES "queue server unread 5\nstate server ESTABLISHED\n";
    struct judged d;
    judge_by_table_of(&d, 5, lines, CALLED CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge_by_table_of(&d, 4, lines, CALLED CLEAN_UP);
    assert_fails(&d, SP_FAIL_QUEUE, "unread 5", "4 bytes unread");
    judged_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_state_fails_with_those_seen),
        cmocka_unit_test(a_forbidden_state_or_segment_fails),
        cmocka_unit_test(until_an_action_ends_where_the_action_begins),
        cmocka_unit_test(an_accept_that_failed_takes_no_name),
        cmocka_unit_test(a_listen_that_failed_leaves_the_connection_its_name),
        cmocka_unit_test(syns_that_cross_are_one_connection_of_two_connects),
        cmocka_unit_test(a_connect_that_a_listener_refuses_opens_nothing),
        cmocka_unit_test(a_second_listen_is_about_the_same_socket),
        cmocka_unit_test(what_clean_up_does_is_not_the_cases_doing),
        cmocka_unit_test(a_stack_that_ends_with_its_agent_is_not_held_to_it),
        cmocka_unit_test(a_socket_that_nobody_made_fails),
        cmocka_unit_test(queues_are_compared),
        cmocka_unit_test(without_the_wire_states_are_found_by_what_connect_told),
        cmocka_unit_test(the_end_of_an_orphan_of_an_earlier_run_is_no_stranger),
        cmocka_unit_test(a_queue_that_the_system_does_not_tell_is_unwatched),
        cmocka_unit_test(a_queue_that_a_stack_tells_of_itself_is_judged),
        cmocka_unit_test(an_invariant_of_tcp_fails_the_run),
        cmocka_unit_test(an_abort_that_a_line_asks_for_has_its_cause),
        cmocka_unit_test(a_sandbox_is_not_held_to_what_came_while_the_machine_stood),
        cmocka_unit_test(a_segment_too_many_after_a_sandbox_stood_is_inconclusive),
        cmocka_unit_test(a_refused_connection_is_known_by_its_port),
        cmocka_unit_test(a_state_that_was_kept_back_is_unwatched),
        cmocka_unit_test(a_connect_that_fails_at_once_takes_no_connection_from_the_first),
        cmocka_unit_test(a_connect_that_tells_of_the_first_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
