/* Segments against the trace: missing, extra, wrong, late, out of order.
 */
#include "judge_fixture.h"

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

/* Two connections to nobody, the second 20 ms after the first, whose SYN has 4294967280. */
static void assert_second_isn(const char *word, const char *isn, const char *seen)
{
    struct judged d;
    char ladder[512], lines[256], expected[64];
    snprintf(ladder, sizeof ladder,
             "200-250 client conn connect = ECONNREFUSED\n210 c> SYN\n240 s> RST,ACK seq=0\n"
             "20200-20250 client conn connect = ECONNREFUSED\n20210 c> SYN isn=%s\n"
             "20240 s> RST,ACK seq=0 ack=1\n30000 end\n",
             isn);
    snprintf(lines, sizeof lines,
             "client connect server -> ECONNREFUSED\nwire client SYN\nwire server RST\n"
             "client/b connect server -> ECONNREFUSED\nwire client/b SYN %s\nwire server RST\n",
             word);
    snprintf(expected, sizeof expected, "SYN %s", word);
    judge(&d, lines, ladder);
    if (seen)
        assert_fails(&d, SP_FAIL_SEG_WRONG, expected, seen);
    else
        assert_verdict(&d, SP_VERDICT_PASS);
    judged_release(&d);
}

/* The clock of initial sequence numbers, between two connections of the same addresses. */
static void the_growth_of_the_isn_is_judged_by_the_millisecond(void **state)
{
    (void)state;
    static const char word[] = "isn-rate=200..36000";
    assert_second_isn(word, "4984", NULL);
    assert_second_isn(word, "984", "isn-rate=50 (1000 in 20.000 ms), expected isn-rate=200..36000");
    assert_second_isn(word, "4294967000", "isn-rate=214748350");
    struct judged d;
    judge(&d, "server listen\nclient connect server\nwire client SYN isn-rate=1..2\n",
          HANDSHAKE CLEAN_UP);
    assert_fails(&d, SP_FAIL_SEG_WRONG, "SYN isn-rate", "no earlier connection");
    judged_release(&d);
}

static void the_spread_of_the_isns_is_the_farthest_two_the_shorter_way_round(void **state)
{
    (void)state;
    static const char word[] = "isn-spread=1000..5000";
    assert_second_isn(word, "984", NULL);
    assert_second_isn(word, "983", "isn-spread=999, expected isn-spread=1000..5000");
    assert_second_isn(word, "4294966281", "isn-spread=999");
    assert_second_isn(word, "4294966280", NULL);
}

static void retransmissions_and_pure_acks_are_let_by_until_asked_for(void **state)
{
    (void)state;
    struct judged d;
#define TWICE                                                                                      \
    "400-410 client conn send 10 = 10\n402 c> ACK len=10 gone\n200402 c> ACK len=10 seq=1 id=5\n"  \
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

/* Not the machine stood still, but a stack in processes of its own was not let run. */
static void what_a_stack_without_a_processor_did_late_has_shown_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *kept;
        enum sp_verdict verdict;
    } late[] = {
        {"", SP_VERDICT_FAIL},
        {"400-10400 kept client\n", SP_VERDICT_FAIL},     /* 10 ms of 30 */
        {"400-16400 kept server\n", SP_VERDICT_FAIL},     /* the other end's */
        {"100000-130000 kept client\n", SP_VERDICT_FAIL}, /* when it was over */
        {"430-16430 kept client\n", SP_VERDICT_INCONCLUSIVE},
        {"430-8430 kept client\n9000-17000 kept client\n", SP_VERDICT_INCONCLUSIVE},
    };
    struct judged d;
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        char trace[600];
        snprintf(trace, sizeof trace,
                 HANDSHAKE "400-430 client conn send 10 = 10\n%s"
                           "30430 c> ACK len=10\n30450 s> ACK\n300000 end\n",
                 late[i].kept);
        judge(&d, HANDSHAKE_LINES "client send 10\nwire client 1..10 within 20ms\n", trace);
        assert_verdict(&d, late[i].verdict);
        judged_release(&d);
    }
    judge(&d, NEVER_SENT, SENT "1000000-1050000 kept client\n5000000 end\n");
    assert_fails(&d, SP_FAIL_SEG_MISSING, "wire client FIN", "no FIN");
    judged_release(&d);
    judge(&d, NEVER_SENT, SENT "1000000-4800000 kept client\n5000000 end\n");
    assert_verdict(&d, SP_VERDICT_INCONCLUSIVE);
    judged_release(&d);
}

/* Its timer began before the thread that sends had a processor. */
static void what_a_stack_sent_late_comes_again_too_early(void **state)
{
    (void)state;
    static const struct {
        bool own_process;
        const char *kept;
        enum sp_verdict verdict;
    } rows[] = {
        {true, "", SP_VERDICT_FAIL},
        {true, "400-6400 kept client\n", SP_VERDICT_INCONCLUSIVE},
        {true, "400-2400 kept client\n", SP_VERDICT_FAIL}, /* 2 ms, and 4 were lacking */
        {true, "400-6400 kept server\n", SP_VERDICT_FAIL},
        {true, "100000-106000 kept client\n", SP_VERDICT_FAIL}, /* when it had been sent */
        {false, "400-6400 kept client\n", SP_VERDICT_FAIL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char trace[700];
        snprintf(trace, sizeof trace,
                 HANDSHAKE "400-430 client conn send 10 = 10\n%s"
                           "6430 c> ACK len=10\n302430 c> ACK seq=1 len=10\n"
                           "302450 s> ACK\n400000 end\n",
                 rows[i].kept);
        judge(&d,
              HANDSHAKE_LINES
              "client send 10\nwire client 1..10\nwire client 1..10 again after 300ms\n",
              trace);
        d.trace.head.states_hidden[SP_END_CLIENT] = rows[i].own_process;
        judge_again(&d);
        assert_verdict(&d, rows[i].verdict);
        judged_release(&d);
    }
}

/* The orphan's timeout was over before the script had the turn to go on. */
static void what_followed_a_long_stall_is_inconclusive(void **state)
{
    static const struct {
        const char *stall;
        enum sp_verdict verdict;
    } rows[] = {{"", SP_VERDICT_FAIL},
                {"500-499000 stall\n", SP_VERDICT_FAIL},
                {"500-501000 stall\n", SP_VERDICT_INCONCLUSIVE},
                {"1000000-1600000 stall\n", SP_VERDICT_FAIL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[1024];
        snprintf(ladder, sizeof ladder,
                 HANDSHAKE "%s700000-700010 client conn close = 0\n700005 c> RST,ACK\n"
                           "1700000 end\n",
                 rows[i].stall);
        judge(&d, HANDSHAKE_LINES "client close\nnever wire client RST\n", ladder);
        assert_verdict(&d, rows[i].verdict);
        judged_release(&d);
    }
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

/* The client's keepalive runs from its own ESTABLISHED, which the server's follows. */
static void after_establish_time_counts_from_either_end(void **state)
{
    static const struct {
        const char *probe;
        bool virtual_clock, own_process;
        enum sp_verdict verdict;
    } rows[] = {{"1000260 c> ACK seq=0\n", true, false, SP_VERDICT_PASS},
                {"1000250 c> ACK seq=0\n", true, false, SP_VERDICT_FAIL},
                /* a tick of 4 ms may have come late, on a clock that runs by itself */
                {"1000250 c> ACK seq=0\n", false, false, SP_VERDICT_INCONCLUSIVE},
                {"996260 c> ACK seq=0\n", false, false, SP_VERDICT_INCONCLUSIVE},
                {"996250 c> ACK seq=0\n", false, false, SP_VERDICT_FAIL},
                /* and a millisecond is one of lwIP's */
                {"999290 c> ACK seq=0\n", false, true, SP_VERDICT_INCONCLUSIVE},
                {"999250 c> ACK seq=0\n", false, true, SP_VERDICT_FAIL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[1024];
        snprintf(ladder, sizeof ladder,
                 "50-51 client conn setsockopt SO_KEEPALIVE value=1 = 0\n" HANDSHAKE
                 "%s1000290 s> ACK\n2000000 end\n2100000-2100100 client exit\n"
                 "2200000-2200100 server exit\n",
                 rows[i].probe);
        judge(&d, "client set SO_KEEPALIVE 1\nestablish\nwire client probe after 1s\n", ladder);
        d.trace.head.virtual_clock = rows[i].virtual_clock;
        d.trace.head.states_hidden[SP_END_CLIENT] = rows[i].own_process;
        judge_again(&d);
        assert_verdict(&d, rows[i].verdict);
        assert_int_equal(d.j.by_machine, rows[i].verdict == SP_VERDICT_INCONCLUSIVE);
        if (rows[i].verdict == SP_VERDICT_FAIL)
            assert_fails(&d, SP_FAIL_EARLY, "after 1s", "client sent ACK seq=0");
        judged_release(&d);
    }
}

/* The client closes with data unread, which aborts, while an acknowledgement is under way. */
static void the_answer_to_what_crossed_an_abort_is_let_by(void **state)
{
    static const struct {
        const char *second; /* the client's second RST, and when */
        const char *seen;   /* NULL: let by */
    } rows[] = {
        {"467 c> RST seq=11\n", NULL},
        {"467 c> RST seq=11\n468 c> RST seq=11\n", "client sent RST seq=11"}, /* two for one */
        {"467 c> RST seq=12\n", "client sent RST seq=12"},
        {"467 c> RST,ACK seq=11\n", "client sent RST,ACK seq=11"},
        {"454 c> RST seq=11\n", "client sent RST seq=11"}, /* before it had come */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged d;
        char ladder[1024];
        snprintf(ladder, sizeof ladder,
                 HANDSHAKE "400-403 server conn send 10 = 10\n402 s> PSH,ACK len=10\n"
                           "424-426 client conn send 10 = 10\n425 c> PSH,ACK len=10\n"
                           "446 s> ACK\n450-452 client conn close = 0\n"
                           "450 state client 1 ESTABLISHED>CLOSED\n451 c> RST,ACK\n"
                           "%s472 state server 2 ESTABLISHED>CLOSED\n" CLEAN_UP,
                 rows[i].second);
        judge(&d,
              HANDSHAKE_LINES "server send 10\nclient send 10\nclient close\n"
                              "wire server 1..10\nwire client 1..10\nwire client RST,ACK\n",
              ladder);
        if (rows[i].seen)
            assert_fails(&d, SP_FAIL_SEG_EXTRA, "no segment from client", rows[i].seen);
        else
            assert_verdict(&d, SP_VERDICT_PASS);
        judged_release(&d);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_segment_fails_and_says_what_came_last),
        cmocka_unit_test(an_extra_segment_fails_wherever_it_comes),
        cmocka_unit_test(a_wrong_field_is_named),
        cmocka_unit_test(which_of_its_addresses_a_segment_comes_from_is_judged),
        cmocka_unit_test(a_source_route_is_the_destination_and_what_is_left_of_the_option),
        cmocka_unit_test(the_growth_of_the_isn_is_judged_by_the_millisecond),
        cmocka_unit_test(the_spread_of_the_isns_is_the_farthest_two_the_shorter_way_round),
        cmocka_unit_test(retransmissions_and_pure_acks_are_let_by_until_asked_for),
        cmocka_unit_test(a_stall_makes_lateness_inconclusive),
        cmocka_unit_test(a_moments_stall_does_not_excuse_what_never_came),
        cmocka_unit_test(what_a_stack_sent_late_comes_again_too_early),
        cmocka_unit_test(what_followed_a_long_stall_is_inconclusive),
        cmocka_unit_test(what_a_stack_without_a_processor_did_late_has_shown_nothing),
        cmocka_unit_test(a_late_script_beside_a_held_path_is_inconclusive),
        cmocka_unit_test(order_across_senders_is_by_arrival),
        cmocka_unit_test(what_was_overtaken_on_loopback_is_put_back),
        cmocka_unit_test(after_establish_time_counts_from_either_end),
        cmocka_unit_test(the_answer_to_what_crossed_an_abort_is_let_by),
        cmocka_unit_test(streams_optionals_and_repeats_take_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
