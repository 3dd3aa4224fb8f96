/* Whole conversations against whole plans: what passes, and what each kind of failure looks like.
 */
#include "judge_fixture.h"

#define CLOSE_LINES                                                                                \
    "client close\nwire client FIN seq=1\nstate client FIN_WAIT_2\nstate server CLOSE_WAIT\n"      \
    "wire server ACK ack=2\nserver recv 1 -> 0\nserver close\nwire server FIN seq=1 ack=2\n"       \
    "wire client ACK ack=2\nstate server CLOSED\nstate client TIME_WAIT\n"

#define CLOSE_FIRST                                                                                \
    "400-410 client conn close = 0\n401 state client 1 ESTABLISHED>FIN_WAIT_1\n403 c> FIN,ACK\n"   \
    "424 state server 2 ESTABLISHED>CLOSE_WAIT\n425 s> ACK\n"                                      \
    "446 state client 1 FIN_WAIT_1>FIN_WAIT_2\n500-505 server conn recv 1 = 0\n"

#define CLOSE_SECOND                                                                               \
    "600-610 server conn close = 0\n601 state server 2 CLOSE_WAIT>LAST_ACK\n603 s> FIN,ACK\n"      \
    "624 state client 1 FIN_WAIT_2>CLOSED\n625 c> ACK\n646 state server 2 LAST_ACK>CLOSED\n"       \
    "700 diag client 77 TIME_WAIT nb=100\n"

#define CLEAN_UP "9000 end\n9100-9200 client exit\n9300-9400 server exit\n"

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

/* ---- calls --------------------------------------------------------------------------------- */

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

/* ---- segments ------------------------------------------------------------------------------ */

static void a_missing_segment_fails_and_says_what_came_last(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "wire client FIN\n", HANDSHAKE "5400000 deadline 7\n6000000 end\n");
    assert_fails(&d, SP_FAIL_SEG_MISSING, "wire client FIN",
                 "no FIN from client within 5s; last: client sent ACK seq=1 ack=1");
    assert_string_equal(d.j.at, "cases/t/x.case:14");
    judged_release(&d);
}

static void an_extra_segment_fails_wherever_it_comes(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client shutdown WR\nwire server FIN\n",
          HANDSHAKE "400-410 client conn shutdown WR = 0\n"
                    "401 state client 1 ESTABLISHED>FIN_WAIT_1\n403 c> FIN,ACK\n"
                    "424 state server 2 ESTABLISHED>CLOSE_WAIT\n425 s> ACK\n"
                    "446 state client 1 FIN_WAIT_1>FIN_WAIT_2\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_MISSING, "wire server FIN", "");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client shutdown WR\n",
          HANDSHAKE "400-410 client conn shutdown WR = 0\n"
                    "401 state client 1 ESTABLISHED>FIN_WAIT_1\n403 c> FIN,ACK\n"
                    "424 state server 2 ESTABLISHED>CLOSE_WAIT\n425 s> ACK\n"
                    "446 state client 1 FIN_WAIT_1>FIN_WAIT_2\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "no segment from client", "client sent FIN,ACK seq=1");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client FIN\n",
          HANDSHAKE
          "400-410 client conn send 10 = 10\n402 c> PSH,ACK len=10\n423 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_EXTRA, "wire client FIN", "client sent PSH,ACK seq=1");
    judged_release(&d);
}

static void a_wrong_field_is_named(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..20\n",
          HANDSHAKE "400-410 client conn send 10 = 10\n402 c> ACK len=10\n423 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "1..20", "bytes 1..10, expected 1..20");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire server ACK ack=12\n",
          HANDSHAKE "400-410 client conn send 10 = 10\n402 c> ACK len=10\n423 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "ACK ack=12", "ack=11, expected ack=12");
    judged_release(&d);
    judge(&d, "server listen\nclient connect server\nwire client SYN seq=1\n", HANDSHAKE CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "SYN seq=1", "seq=0, expected seq=1");
    judged_release(&d);
}

static void which_of_its_addresses_a_segment_comes_from_is_judged(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client send 1\nwire client 1..1 src=own\n",
          HANDSHAKE "400-410 client conn send 1 = 1\n402 c> ACK len=1\n423 s> ACK\n" CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 1\nwire client 1..1 src=second\n",
          HANDSHAKE "400-410 client conn send 1 = 1\n402 c> ACK len=1\n423 s> ACK\n" CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "src=second", "src=10.0.0.1, expected src=second (none)");
    judged_release(&d);
}

/* The server has 10.0.0.2; the option's pointer tells which hosts are still before the segment. */
static void a_source_route_is_the_destination_and_what_is_left_of_the_option(void **state)
{
    static const struct {
        const char *route;
        uint8_t opt[12];
        const char *why; /* NULL: it fits */
    } rows[] = {
        {"route=none", {0}, NULL},
        {"route=none", {1, 131, 7, 8, 10, 0, 0, 2}, NULL},
        {"route=server,server", {1, 131, 7, 4, 10, 0, 0, 2}, NULL},
        {"route=server,nobody", {137, 7, 4, 192, 0, 2, 1, 0}, NULL},
        {"route=server,client,server", {131, 11, 4, 10, 0, 0, 1, 10, 0, 0, 2, 0}, NULL},
        {"route=none", {131, 7, 4, 10, 0, 0, 2, 0}, "route=10.0.0.2,10.0.0.2, expected route=none"},
        {"route=server,client", {131, 7, 4, 10, 0, 0, 2, 0}, "route=10.0.0.2,10.0.0.2, expected"},
        {"route=server", {131, 7, 4, 10, 0, 0, 2, 0}, "route=10.0.0.2,10.0.0.2, expected"},
        {"route=server,server", {0}, "route=none, expected route=server,server"},
        {"route=server,server", {131, 40, 4, 10}, "route=none, expected route=server,server"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d = {0};
        char lines[256];
        snprintf(lines, sizeof lines, HANDSHAKE_LINES "client send 1\nwire client 1..1 %s\n",
                 rows[i].route);
        fixture_plan(&d, lines, "linux", "6.18.44");
        fixture_trace(&d, HANDSHAKE "400-410 client conn send 1 = 1\n402 c> ACK len=1\n"
                                    "423 s> ACK\n" CLEAN_UP);
        for (size_t e = 0; e < d.trace.len; e++) {
            struct sp_event *ev = &d.trace.events[e];
            if (ev->kind == SP_EV_SEG && ev->u.seg.seg.payload_len) {
                ev->u.seg.seg.ip_opt_len = sizeof rows[i].opt;
                memcpy(ev->u.seg.seg.ip_opt, rows[i].opt, sizeof rows[i].opt);
            }
        }
        sp_judge(&d.plan, &d.trace, &d.j);
        if (rows[i].why)
            assert_fails(&d, SP_FAIL_SEG_WRONG, rows[i].route, rows[i].why);
        else
            assert_verdict(&d, SP_VERDICT_PASS);
        judged_release(&d);
    }
}

/* The clock of initial sequence numbers, between two connections of the same addresses. */
static void the_growth_of_the_isn_is_judged_by_the_millisecond(void **state)
{
    static const struct {
        const char *isn; /* of the second SYN, 20 ms after the first, which has 4294967280 */
        const char *seen;
    } rows[] = {{"4984", NULL},
                {"984", "isn-rate=50 (1000 in 20.000 ms), expected isn-rate=200..36000"},
                {"4294967000", "isn-rate=214748350"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[512];
        snprintf(ladder, sizeof ladder,
                 "200-250 client conn connect = ECONNREFUSED\n210 c> SYN\n240 s> RST,ACK seq=0\n"
                 "20200-20250 client conn connect = ECONNREFUSED\n20210 c> SYN isn=%s\n"
                 "20240 s> RST,ACK seq=0 ack=1\n30000 end\n",
                 rows[i].isn);
        judge(&d,
              "client connect server -> ECONNREFUSED\nwire client SYN\nwire server RST\n"
              "client/b connect server -> ECONNREFUSED\nwire client/b SYN isn-rate=200..36000\n"
              "wire server RST\n",
              ladder);
        if (rows[i].seen)
            assert_fails(&d, SP_FAIL_SEG_WRONG, "SYN isn-rate=200..36000", rows[i].seen);
        else
            assert_verdict(&d, SP_VERDICT_PASS);
        judged_release(&d);
    }
    struct judged d;
    judge(&d, "server listen\nclient connect server\nwire client SYN isn-rate=1..2\n",
          HANDSHAKE CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "SYN isn-rate", "no earlier connection");
    judged_release(&d);
}

static void the_spread_of_the_isns_is_the_farthest_two_the_shorter_way_round(void **state)
{
    static const struct {
        const char *isn; /* of the second SYN; the first has 4294967280 */
        const char *seen;
    } rows[] = {{"984", NULL},
                {"983", "isn-spread=999, expected isn-spread=1000..5000"},
                {"4294966281", "isn-spread=999"},
                {"4294966280", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[512];
        snprintf(ladder, sizeof ladder,
                 "200-250 client conn connect = ECONNREFUSED\n210 c> SYN\n240 s> RST,ACK seq=0\n"
                 "20200-20250 client conn connect = ECONNREFUSED\n20210 c> SYN isn=%s\n"
                 "20240 s> RST,ACK seq=0 ack=1\n30000 end\n",
                 rows[i].isn);
        judge(&d,
              "client connect server -> ECONNREFUSED\nwire client SYN\nwire server RST\n"
              "client/b connect server -> ECONNREFUSED\nwire client/b SYN isn-spread=1000..5000\n"
              "wire server RST\n",
              ladder);
        if (rows[i].seen)
            assert_fails(&d, SP_FAIL_SEG_WRONG, "SYN isn-spread=1000..5000", rows[i].seen);
        else
            assert_verdict(&d, SP_VERDICT_PASS);
        judged_release(&d);
    }
}

static void retransmissions_and_pure_acks_are_let_by_until_asked_for(void **state)
{
    (void)state;
    struct judged d;
#define TWICE                                                                                      \
    "400-410 client conn send 10 = 10\n402 c> ACK len=10 lost\n200402 c> ACK len=10 seq=1 id=5\n"  \
    "200423 s> ACK\n"
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire server ACK ack=11\n",
          HANDSHAKE TWICE "300000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire client 1..10 again "
                          "after 200ms +-10ms\nwire server ACK ack=11\n",
          HANDSHAKE TWICE "300000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire client 1..10 again "
                          "after 400ms +-10ms\n",
          HANDSHAKE TWICE "300000 end\n");
    assert_fails(&d, SP_FAIL_EARLY, "after 400ms", "client sent ACK seq=1");
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire client 1..10 again "
                          "within 100ms\n",
          HANDSHAKE TWICE "300000 end\n");
    assert_fails(&d, SP_FAIL_LATE, "within 100ms", "after 200.000 ms");
    judged_release(&d);
    /* a retransmission never stands for its original */
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire client 1..10\n",
          HANDSHAKE TWICE "300000 end\n");
    assert_fails(&d, SP_FAIL_SEG_MISSING, "1..10", "no 1..10 from client");
    judged_release(&d);
}

static void a_stall_makes_lateness_inconclusive(void **state)
{
    (void)state;
    struct judged d;
    judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10 within 100ms\n",
          HANDSHAKE "400-200500 client conn send 10 = 10\n100000-200000 stall\n"
                    "200402 c> ACK len=10\n200423 s> ACK\n300000 end\n");
    assert_verdict(&d, SP_VERDICT_PASS); /* counted from the call's return */
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "client send 10\nwire client 1..10\nwire client 1..10 again "
                          "within 100ms\n",
          HANDSHAKE TWICE "90000-200100 stall\n300000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

static void a_moments_stall_does_not_excuse_what_never_came(void **state)
{
    (void)state;
    struct judged d;
#define NEVER_SENT HANDSHAKE_LINES "client send 10\nwire client FIN\n"
#define SENT       HANDSHAKE "400-430 client conn send 10 = 10\n"
    judge(&d, NEVER_SENT, SENT "1000000-1050000 stall\n5000000 end\n");
    assert_fails(&d, SP_FAIL_SEG_MISSING, "wire client FIN", "no FIN");
    judged_release(&d);
    judge(&d, NEVER_SENT, SENT "1000000-4800000 stall\n5000000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

static void a_late_script_beside_a_held_path_is_inconclusive(void **state)
{
    (void)state;
    struct judged d;
#define HELD                                                                                       \
    HANDSHAKE_LINES                                                                                \
    "middle hold server from ACK\nclient send 10\nwire client 1..10\nclient close\n"               \
    "wire client FIN\n"
#define AGAIN                                                                                      \
    HANDSHAKE "400 lab middle hold\n500-530 client conn send 10 = 10\n505 c> ACK len=10\n"         \
              "300510 c> ACK seq=1 len=10\n310000-310010 client conn close = 0\n"
    judge(&d, HELD, AGAIN "5400000 deadline 13\n5500000 end\n");
    assert_fails(&d, SP_FAIL_SEG_MISSING, "wire client FIN", "no FIN");
    judged_release(&d);
    judge(&d, HELD, AGAIN "600-300400 stall\n5400000 deadline 13\n5500000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

static void order_across_senders_is_by_arrival(void **state)
{
    (void)state;
    struct judged d;
#define BOTH_SEND                                                                                  \
    "400-410 client conn send 10 = 10\n402 c> ACK len=10\n500-505 server conn send 5 = 5\n"        \
    "502 s> ACK len=5\n523 c> ACK\n"
    judge(&d,
          HANDSHAKE_LINES "client send 10\nserver send 5\nwire client 1..10\nwire server 1..5\n",
          HANDSHAKE BOTH_SEND CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "client send 10\nserver send 5\nwire server 1..5\nwire client 1..10\n",
          HANDSHAKE BOTH_SEND CLEAN_UP);
    assert_fails(&d, SP_FAIL_ORDER, "wire client 1..10", "client sent ACK seq=1");
    judged_release(&d);
    judge(
        &d,
        HANDSHAKE_LINES
        "client send 10\nserver send 5\nany order {\n  wire server 1..5\n  wire client 1..10\n}\n",
        HANDSHAKE BOTH_SEND CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

static void what_was_overtaken_on_loopback_is_put_back(void **state)
{
    (void)state;
    struct judged d;
    const char *lines = HANDSHAKE_LINES "client send 30\nclient shutdown WR\n"
                                        "wire client 1..10\nwire client 11..20\n"
                                        "wire client 21..30\nwire client FIN seq=31\n";
    const char *calls = HANDSHAKE "400-410 client conn send 30 = 30\n"
                                  "411-420 client conn shutdown WR = 0\n"
                                  "412 state client 1 ESTABLISHED>FIN_WAIT_1\n"
                                  "402 c> ACK len=10\n";
    const char *jumbled = "413 c> FIN,ACK seq=31\n414 c> ACK seq=11 len=10\n"
                          "415 c> ACK seq=21 len=10\n430 s> ACK ack=32\n" CLEAN_UP;
    char trace[2048];
    snprintf(trace, sizeof trace, "%s%s", calls, jumbled);
    judge_on_lo(&d, lines, trace);
    assert_verdict(&d, SP_VERDICT_PASS);
    /* the matcher waits for what was overtaken */
    struct sp_match *match = sp_match_new(&d.plan);
    size_t len = d.trace.len;
    for (size_t i = 0; i < len; i++)
        if (d.trace.events[i].kind == SP_EV_SEG && d.trace.events[i].t_ns == 413 * SP_US)
            d.trace.len = i + 1;
    const struct sp_stmt *second = &d.plan.stmts[9];
    assert_int_equal(second->kind, SP_ST_WIRE);
    assert_int_equal(sp_match_try(match, second, &d.trace, NULL), SP_TRY_PENDING);
    d.trace.len = len;
    assert_int_equal(sp_match_try(match, second, &d.trace, NULL), SP_TRY_DONE);
    sp_match_free(match);
    judged_release(&d);
    /* on two hosts the sender's own capture has the order that it sent in */
    judge(&d, lines, trace);
    assert_verdict(&d, SP_VERDICT_FAIL);
    judged_release(&d);
}

static void streams_optionals_and_repeats_take_what_fits(void **state)
{
    (void)state;
    struct judged d;
#define STREAM                                                                                     \
    "400-410 client conn send 30 = 30\n402 c> ACK len=10\n404 c> ACK len=10\n406 c> ACK len=10\n"  \
    "430 s> ACK\n"
    judge(&d, HANDSHAKE_LINES "client send 30\nwire client bytes 1..30\n",
          HANDSHAKE STREAM CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    assert_int_equal(d.j.lines[8].matched_count, 3);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 30\nwire client bytes 1..25\n",
          HANDSHAKE STREAM CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "1..25", "expected them to end with 25");
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 30\nrepeat 2..5 {\n  wire client len=10\n}\n",
          HANDSHAKE STREAM CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
    judge(&d, HANDSHAKE_LINES "client send 30\nrepeat 4..5 {\n  wire client len=10\n}\n",
          HANDSHAKE STREAM CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_MISSING, "len=10", "round 4");
    judged_release(&d);
    judge(&d,
          HANDSHAKE_LINES "client send 30\noptional wire client RST\nwire client 1..10\n"
                          "optional wire client 11..20\nwire client 21..30\n",
          HANDSHAKE STREAM CLEAN_UP);
    assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

/* ---- states -------------------------------------------------------------------------------- */

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
        cmocka_unit_test(wrong_value_error_and_signal_fail),
        cmocka_unit_test(a_call_without_expectation_must_do_all_that_was_asked),
        cmocka_unit_test(an_action_without_a_record_is_broken),
        cmocka_unit_test(hung_killed_and_scrambled_calls_fail),
        cmocka_unit_test(what_so_error_gave_is_known_by_its_name),
        cmocka_unit_test(a_started_call_is_judged_where_it_finishes),
        cmocka_unit_test(a_missing_segment_fails_and_says_what_came_last),
        cmocka_unit_test(an_extra_segment_fails_wherever_it_comes),
        cmocka_unit_test(a_wrong_field_is_named),
        cmocka_unit_test(a_source_route_is_the_destination_and_what_is_left_of_the_option),
        cmocka_unit_test(which_of_its_addresses_a_segment_comes_from_is_judged),
        cmocka_unit_test(the_growth_of_the_isn_is_judged_by_the_millisecond),
        cmocka_unit_test(the_spread_of_the_isns_is_the_farthest_two_the_shorter_way_round),
        cmocka_unit_test(retransmissions_and_pure_acks_are_let_by_until_asked_for),
        cmocka_unit_test(a_stall_makes_lateness_inconclusive),
        cmocka_unit_test(a_moments_stall_does_not_excuse_what_never_came),
        cmocka_unit_test(a_late_script_beside_a_held_path_is_inconclusive),
        cmocka_unit_test(order_across_senders_is_by_arrival),
        cmocka_unit_test(what_was_overtaken_on_loopback_is_put_back),
        cmocka_unit_test(streams_optionals_and_repeats_take_what_fits),
        cmocka_unit_test(a_missing_state_fails_with_those_seen),
        cmocka_unit_test(a_forbidden_state_or_segment_fails),
        cmocka_unit_test(until_an_action_ends_where_the_action_begins),
        cmocka_unit_test(an_accept_that_failed_takes_no_name),
        cmocka_unit_test(a_listen_that_failed_leaves_the_connection_its_name),
        cmocka_unit_test(a_second_listen_is_about_the_same_socket),
        cmocka_unit_test(a_connect_that_a_listener_refuses_opens_nothing),
        cmocka_unit_test(syns_that_cross_are_one_connection_of_two_connects),
        cmocka_unit_test(what_clean_up_does_is_not_the_cases_doing),
        cmocka_unit_test(a_stack_that_ends_with_its_agent_is_not_held_to_it),
        cmocka_unit_test(a_socket_that_nobody_made_fails),
        cmocka_unit_test(queues_are_compared),
        cmocka_unit_test(an_invariant_of_tcp_fails_the_run),
        cmocka_unit_test(a_refused_connection_is_known_by_its_port),
        cmocka_unit_test(a_connect_that_tells_of_the_first_opens_nothing),
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
