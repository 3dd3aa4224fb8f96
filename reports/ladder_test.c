/* Ladders of conversations made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reports.h"

enum { EVENTS_MAX = 256, US = 1000, MS = 1000000 };

static const struct sp_report_style wide = {.unicode = true, .width = 100};

struct scene {
    struct sp_trace trace;
    struct sp_case the_case;
    struct sp_stmt stmts[2];
    struct sp_plan plan;
    struct sp_result result;
    struct sp_line lines[3];
    const struct sp_event *matched[2];
    struct sp_flight flights[EVENTS_MAX];
    struct sp_audit_seg segs[EVENTS_MAX];
    struct sp_judgement judgement;
    struct sp_buf out;
};

static int set_up(void **state)
{
    struct scene *s = sp_xcalloc(1, sizeof *s);
    sp_trace_init(&s->trace);
    s->trace.head.wire = s->trace.head.states = SP_WATCH_FULL;
    s->trace.head.api[SP_END_CLIENT] = s->trace.head.tcp[SP_END_CLIENT] =
        (struct sp_stack_id){"linux", "6.18.44"};
    s->trace.head.api[SP_END_SERVER] = s->trace.head.tcp[SP_END_SERVER] =
        s->trace.head.api[SP_END_CLIENT];
    assert_int_equal(sp_addr_parse("10.0.0.1:0", &s->trace.head.addr[SP_END_CLIENT], NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.2:0", &s->trace.head.addr[SP_END_SERVER], NULL), SP_OK);
    s->stmts[0] = (struct sp_stmt){
        .id = 1, .kind = SP_ST_WIRE, .text = "wire   client SYN", .at = {.line = 14}};
    s->stmts[1] = (struct sp_stmt){
        .id = 2, .kind = SP_ST_WIRE, .text = "wire   server RST", .at = {.line = 15}};
    s->the_case.file = "cases/a/b.case";
    s->plan =
        (struct sp_plan){.case_ = &s->the_case, .stmts = s->stmts, .stmt_count = 2, .last_id = 2};
    s->result = (struct sp_result){.id = "a/b",
                                   .title = "a title",
                                   .lab = "veth",
                                   .family = "ipv4",
                                   .repeat = 1,
                                   .duration_ms = 12.34};
    s->judgement = (struct sp_judgement){.verdict = SP_VERDICT_PASS,
                                         .reason = "as expected",
                                         .t_ns = -1,
                                         .lines = s->lines,
                                         .line_count = 3};
    s->lines[1].stmt = 1;
    s->lines[2].stmt = 2;
    s->judgement.audit.flights.items = s->flights;
    s->judgement.audit.segs = s->segs;
    /* Events are referred to by address: make room first, so that they stay where they are. */
    for (size_t i = 0; i < EVENTS_MAX; i++)
        sp_trace_add(&s->trace, SP_EV_MARK, 0);
    s->trace.len = 0;
    sp_buf_init(&s->out, 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    sp_trace_release(&s->trace);
    sp_buf_release(&s->out);
    free(s);
    return 0;
}

static struct sp_event *add_event(struct scene *s, enum sp_ev_kind kind, enum sp_end end,
                                  int64_t t_ns)
{
    assert_true(s->trace.len < EVENTS_MAX);
    struct sp_event *event = sp_trace_add(&s->trace, kind, t_ns);
    event->order = (uint32_t)s->trace.len - 1;
    event->end = end;
    return event;
}

static struct sp_event *add_call(struct scene *s, enum sp_end end, const char *name,
                                 const char *args, int64_t t_ns, int64_t t_end_ns)
{
    struct sp_event *event = add_event(s, SP_EV_CALL, end, t_ns);
    event->t_end_ns = t_end_ns;
    event->u.call.sock = "conn";
    event->u.call.name = name;
    event->u.call.args = args;
    event->u.call.out = "";
    return event;
}

static struct sp_event *add_capture(struct scene *s, enum sp_end from, uint8_t flags, uint32_t len,
                                    int64_t t_ns)
{
    struct sp_event *event = add_event(s, SP_EV_SEG, from, t_ns);
    struct sp_seg *seg = &event->u.seg.seg;
    bool client = from == SP_END_CLIENT;
    event->u.seg.point = client ? SP_AT_CLIENT : SP_AT_SERVER;
    seg->flags = flags;
    seg->seq = 5000;
    seg->ack = 7000;
    seg->window = 500;
    seg->payload_len = len;
    seg->checksum_ok = seg->ip_checksum_ok = true;
    assert_int_equal(sp_addr_parse("10.0.0.1:4000", client ? &seg->src : &seg->dst, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.2:80", client ? &seg->dst : &seg->src, NULL), SP_OK);
    return event;
}

/* A segment that leaves at one time and arrives at another, -1: never. */
static struct sp_event *add_flight(struct scene *s, enum sp_end from, uint8_t flags, uint32_t seq,
                                   uint32_t ack, uint32_t len, int64_t t_ns, int64_t arrives_ns)
{
    struct sp_event *sent = add_capture(s, from, flags, len, t_ns);
    size_t index = s->judgement.audit.flights.len++;
    s->flights[index] =
        (struct sp_flight){.sent = sent, .from = from, .rel_seq = seq, .rel_ack = ack};
    s->segs[index].role = len ? SP_ROLE_DATA : SP_ROLE_OTHER;
    if (arrives_ns >= 0) {
        struct sp_event *received = add_capture(s, from, flags, len, arrives_ns);
        received->u.seg.point = from == SP_END_CLIENT ? SP_AT_SERVER : SP_AT_CLIENT;
        s->flights[index].received = received;
    }
    return sent;
}

static const char *ladder(struct scene *s, int before, const struct sp_report_style *style)
{
    sp_buf_reset(&s->out);
    sp_report_ladder(&s->result, &s->plan, &s->trace, &s->judgement, before, style, &s->out);
    return s->out.data;
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is missing in:\n%s", part, text);
}

static void assert_order(const char *text, const char *first, const char *second)
{
    assert_says(text, first);
    assert_says(text, second);
    if (strstr(text, first) > strstr(text, second))
        fail_msg("\"%s\" does not come before \"%s\" in:\n%s", first, second, text);
}

static void segments_are_arrows_with_relative_numbers(void **state)
{
    struct scene *s = *state;
    add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    add_flight(s, SP_END_SERVER, SP_SYN | SP_ACK, 0, 1, 0, 530 * US, 540 * US);
    const char *text = ladder(s, -1, &wide);
    assert_says(text, "     0.512  ");
    assert_says(text, "── SYN seq=0 win=500 ─");
    assert_says(text, "▶│");
    assert_says(text, "│◀─");
    assert_says(text, " SYN,ACK seq=0 ack=1 ");
    assert_says(text, "client and server: linux 6.18.44\n");
}

static void a_row_that_a_line_asked_for_has_its_number_beside_it(void **state)
{
    struct scene *s = *state;
    s->matched[0] = add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    s->lines[1].matched = s->matched;
    s->lines[1].matched_count = 1;
    s->lines[1].how = SP_LINE_DONE;
    assert_says(ladder(s, -1, &wide), ":14 ✓\n");
    s->lines[1].how = SP_LINE_VARIANT;
    assert_says(ladder(s, -1, &wide), ":14 variant\n");
}

static void a_call_that_waited_shows_at_entry_and_at_return(void **state)
{
    struct scene *s = *state;
    add_call(s, SP_END_CLIENT, "connect", "10.0.0.2:80", 100 * US, 14 * MS);
    add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    add_call(s, SP_END_CLIENT, "close", "", 15 * MS, 15 * MS + 10);
    const char *text = ladder(s, -1, &wide);
    assert_order(text, "connect(server:80)", "SYN seq=0");
    assert_order(text, "SYN seq=0", "connect -> 0");
    assert_says(text, "(13.9ms)");
    assert_says(text, "close() -> 0");
}

static void an_ends_other_address_is_called_second(void **state)
{
    struct scene *s = *state;
    assert_int_equal(sp_addr_parse("100.64.0.1", &s->trace.head.second[SP_END_CLIENT], NULL),
                     SP_OK);
    add_call(s, SP_END_CLIENT, "bind", "100.64.0.1:0", 100 * US, 110 * US);
    struct sp_event *act = add_event(s, SP_EV_LAB, SP_END_CLIENT, 90 * US);
    act->u.lab.action = "   address client";
    const char *text = ladder(s, -1, &wide);
    assert_says(text, "bind(second:0)");
    assert_says(text, " lab address client ");
}

static void states_stand_in_their_ends_column_and_polls_do_not_repeat_them(void **state)
{
    struct scene *s = *state;
    struct sp_event *event = add_event(s, SP_EV_STATE, SP_END_SERVER, 1 * MS);
    event->u.state.new_state = SP_TCP_CLOSE_WAIT;
    event->u.state.local.port = 80;
    event = add_event(s, SP_EV_STATE, SP_END_SERVER, 2 * MS);
    event->u.state.source = SP_STATE_DIAG;
    event->u.state.new_state = SP_TCP_CLOSE_WAIT;
    event->u.state.local.port = 80;
    const char *text = ladder(s, -1, &wide);
    assert_says(text, "│ CLOSE_WAIT\n");
    assert_null(strstr(strstr(text, "CLOSE_WAIT") + 1, "CLOSE_WAIT"));
}

static void a_lost_segment_says_so(void **state)
{
    struct scene *s = *state;
    add_flight(s, SP_END_CLIENT, SP_FIN | SP_ACK, 1, 1, 0, 512 * US, -1);
    struct sp_event *cut = add_event(s, SP_EV_LAB, SP_END_NONE, 100 * US);
    cut->u.lab.action = "cut";
    const char *text = ladder(s, -1, &wide);
    assert_order(text, "── lab cut ──", "FIN,ACK seq=1 ack=1");
    assert_says(text, "lost");
    assert_says(text, "✗");
}

static void crossing_segments_leave_and_arrive_in_rows_of_their_own(void **state)
{
    struct scene *s = *state;
    add_flight(s, SP_END_CLIENT, SP_FIN | SP_ACK, 1, 1, 0, 100 * US, 300 * US);
    add_flight(s, SP_END_SERVER, SP_FIN | SP_ACK, 1, 1, 0, 200 * US, 400 * US);
    const char *text = ladder(s, -1, &wide);
    assert_order(text, "     0.100", "     0.200");
    assert_order(text, "     0.200", "     0.300");
    assert_order(text, "     0.300", "     0.400");
    assert_says(text, "arrives");
}

static void the_divergence_stands_behind_its_row_with_expected_beside_seen(void **state)
{
    struct scene *s = *state;
    add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    struct sp_event *bad =
        add_flight(s, SP_END_SERVER, SP_FIN | SP_ACK, 1, 1, 0, 600 * US, 610 * US);
    add_flight(s, SP_END_CLIENT, SP_ACK, 1, 2, 0, 700 * US, 710 * US);
    s->judgement.verdict = SP_VERDICT_FAIL;
    s->judgement.kind = SP_FAIL_SEG_WRONG;
    s->judgement.event = bad;
    s->judgement.stmt = 2;
    s->judgement.at = "cases/a/b.case:15";
    s->judgement.expected = "server RST";
    s->judgement.seen = "server FIN,ACK";
    s->judgement.blames = SP_END_SERVER;
    s->lines[2].how = SP_LINE_FAILED;
    const char *text = ladder(s, -1, &wide);
    assert_order(text, "     0.600", ">>> cases/a/b.case:15: wire server RST\n");
    assert_order(text, ">>> cases", "     0.700");
    assert_says(text, ">>> expected  server RST\n>>> seen      server FIN,ACK\n"
                      ">>> blames    server\n");
    assert_says(text, ":15 ✗\n");
    assert_says(text, "a/b@veth@ipv4: fail in 12.3 ms\n");
    text = ladder(s, 0, &wide);
    assert_says(text, "1 row before");
    assert_null(strstr(text, "SYN seq=0"));
}

static void an_excerpt_holds_a_few_rows_around_the_divergence_and_counts_the_others(void **state)
{
    struct scene *s = *state;
    struct sp_event *bad = NULL;
    for (uint32_t i = 0; i < 9; i++) {
        struct sp_event *event =
            add_flight(s, SP_END_CLIENT, SP_ACK | SP_PSH, 1 + i * 10, 1, 10,
                       (int64_t)(i + 1) * 100 * US, (int64_t)(i + 1) * 100 * US + 10);
        bad = i == 4 ? event : bad;
    }
    s->judgement.verdict = SP_VERDICT_FAIL;
    s->judgement.kind = SP_FAIL_SEG_WRONG;
    s->judgement.event = bad;
    s->judgement.expected = "client 1..5";
    s->judgement.seen = "client 41..50";
    const char *text = ladder(s, 2, &wide);
    assert_says(text, "2 rows before");
    assert_null(strstr(text, "seq=11 "));
    assert_order(text, "seq=21 ", "seq=41 ");
    assert_order(text, ">>> seen", "seq=51 ");
    assert_says(text, "seq=71 ");
    assert_null(strstr(text, "seq=81 "));
    assert_says(text, "1 row after");
    assert_null(strstr(text, "fail in"));
}

static void an_absence_stands_where_time_ran_out(void **state)
{
    struct scene *s = *state;
    add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    add_flight(s, SP_END_CLIENT, SP_ACK, 1, 2, 0, 9000 * US, 9010 * US);
    s->judgement.kind = SP_FAIL_SEG_MISSING;
    s->judgement.verdict = SP_VERDICT_FAIL;
    s->judgement.expected = "server RST";
    s->judgement.seen = "nothing";
    s->judgement.t_ns = 5 * MS;
    const char *text = ladder(s, -1, &wide);
    assert_order(text, "     0.512", ">>> seen      nothing");
    assert_order(text, ">>> seen      nothing", "     9.000");
    s->judgement.t_ns = -1;
    text = ladder(s, -1, &wide);
    assert_order(text, "     9.000", ">>> seen      nothing");
}

static void long_runs_of_data_are_folded(void **state)
{
    struct scene *s = *state;
    for (uint32_t i = 0; i < 100; i++)
        add_flight(s, SP_END_CLIENT, SP_ACK, 1 + i * 1000, 1, 1000, (int64_t)(i + 1) * 100 * US,
                   (int64_t)(i + 1) * 100 * US + 10);
    const char *text = ladder(s, -1, &wide);
    assert_says(text, "… 96 more data segments, bytes 2001..98000 …");
    assert_says(text, "seq=1001 ");
    assert_says(text, "seq=99001 ");
    assert_null(strstr(text, "seq=5001 "));
}

static void folding_leaves_the_segment_at_fault_alone(void **state)
{
    struct scene *s = *state;
    for (uint32_t i = 0; i < 100; i++)
        add_flight(s, SP_END_CLIENT, SP_ACK, 1 + i * 1000, 1, 1000, (int64_t)(i + 1) * 100 * US,
                   (int64_t)(i + 1) * 100 * US + 10);
    s->judgement.kind = SP_FAIL_SEG_WRONG;
    s->judgement.event = s->flights[50].sent;
    s->judgement.expected = "otherwise";
    const char *text = ladder(s, -1, &wide);
    assert_order(text, "seq=50001 ", ">>> expected  otherwise");
    assert_says(text, "46 more data segments");
}

/* Columns of the widest line. */
static size_t widest(const char *text)
{
    size_t most = 0, columns = 0;
    for (; *text; text++) {
        if (*text == '\n') {
            most = columns > most ? columns : most;
            columns = 0;
        } else {
            columns += ((unsigned char)*text & 0xC0) != 0x80;
        }
    }
    return most;
}

static void the_page_is_never_wider_than_asked(void **state)
{
    struct scene *s = *state;
    s->result.title = "a title that is so long that it must be wrapped, and wrapped, and wrapped "
                      "again on a narrow page, until somebody gives it a shorter one";
    struct sp_event *event =
        add_call(s, SP_END_SERVER, "setsockopt",
                 "SO_LINGER on=1 linger=1234567890 and-a-very-long-word-too", 100 * US, 150 * US);
    event->u.call.error = "ECONNREFUSED";
    event->u.call.value = -1;
    add_flight(s, SP_END_CLIENT, SP_SYN | SP_ECE | SP_CWR, 4000000000u, 4000000000u, 1460, 512 * US,
               -1);
    event = add_event(s, SP_EV_LAB, SP_END_NONE, 600 * US);
    event->u.lab.action = "middle drop client bytes 1..1000000 then FIN times 1000";
    event->u.lab.detail = "a very long account of the segment that was dropped by this rule";
    for (int width = 60; width <= 140; width += 20) {
        struct sp_report_style style = {.unicode = true, .width = width};
        assert_true(widest(ladder(s, -1, &style)) <= (size_t)width);
    }
    struct sp_report_style tiny = {.width = 10};
    assert_true(widest(ladder(s, -1, &tiny)) <= 60);
}

static void ascii_is_ascii_and_colour_comes_only_when_asked_for(void **state)
{
    struct scene *s = *state;
    struct sp_report_style ascii = {.width = 80}, colored = {.width = 80, .color = true};
    add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    s->result.title = "wait 60s \xc2\xb1 1s\x1b[2J";
    s->judgement.kind = SP_FAIL_SEG_WRONG;
    s->judgement.event = s->flights[0].sent;
    const char *text = ladder(s, -1, &ascii);
    for (const char *at = text; *at; at++)
        assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7F));
    assert_says(text, "wait 60s +- 1s?[2J");
    assert_says(text, "--- SYN seq=0");
    assert_says(ladder(s, -1, &colored), "\x1b[31m>>> ");
}

static void lines_without_a_row_are_listed_with_their_source(void **state)
{
    static const struct sp_variant variant = {.why = "closes late", .source = "wine-8.0"};
    struct scene *s = *state;
    s->lines[1].how = SP_LINE_VARIANT;
    s->lines[1].variant = &variant;
    const char *text = ladder(s, -1, &wide);
    assert_says(text, "  :14   variant     wire client SYN: closes late (wine-8.0)\n");
    assert_says(text, "  :15   not-reached wire server RST\n");
}

static void an_empty_trace_without_an_audit_has_a_ladder_too(void **state)
{
    struct scene *s = *state;
    memset(&s->judgement.audit, 0, sizeof s->judgement.audit);
    s->judgement.line_count = 0;
    s->judgement.verdict = SP_VERDICT_BROKEN;
    s->judgement.reason = "a pin did not take";
    assert_says(ladder(s, -1, &wide), "a pin did not take");
    add_capture(s, SP_END_CLIENT, SP_SYN, 0, 512 * US);
    assert_says(ladder(s, -1, &wide), "SYN seq=5000");
    add_call(s, SP_END_CLIENT, "recv", "10", 600 * US, -1)->u.call.how = SP_CALL_PENDING;
    assert_says(ladder(s, 5, &wide), "recv(10) -> pending");
}

static void a_box_stands_between_and_what_it_did_is_seen_at_each_end(void **state)
{
    struct scene *s = *state;
    s->trace.head.lab = "routed";
    s->trace.head.api[SP_END_MIDDLE].name = "./my-box.sh";
    s->trace.head.tcp[SP_END_MIDDLE].name = "nat";
    add_flight(s, SP_END_CLIENT, SP_SYN, 0, 0, 0, 512 * US, 520 * US);
    struct sp_event *came = (struct sp_event *)s->flights[0].received;
    came->u.seg.seg.src.ip[3] = 9; /* declared: nothing to split a row for */
    add_call(s, SP_END_CLIENT, "close", "", 600 * US, 610 * US);
    add_flight(s, SP_END_CLIENT, SP_FIN | SP_ACK, 1, 1, 0, 700 * US, 720 * US);
    came = (struct sp_event *)s->flights[1].received;
    came->u.seg.seg.window = 7;
    add_flight(s, SP_END_SERVER, SP_RST, 1, 0, 0, 800 * US, 820 * US);
    s->flights[2].sent = NULL;
    const char *text = ladder(s, -1, &wide);
    assert_says(
        text,
        "box: ./my-box.sh (nat)\n     client's 10.0.0.1:4000 is 10.0.0.9:4000 at the server\n");
    assert_says(text, "close() -> 0        │                ┊                │\n");
    assert_says(text, "─┼─");
    assert_says(text, "FIN,ACK seq=1 ack=1 arrives");
    assert_order(text, "     0.700", "     0.720");
    assert_says(text, "RST seq=1 (from the box)");
    assert_null(strstr(text, "     0.520")); /* the SYN has one row */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(segments_are_arrows_with_relative_numbers),
        TEST(a_row_that_a_line_asked_for_has_its_number_beside_it),
        TEST(a_call_that_waited_shows_at_entry_and_at_return),
        TEST(an_ends_other_address_is_called_second),
        TEST(states_stand_in_their_ends_column_and_polls_do_not_repeat_them),
        TEST(a_lost_segment_says_so),
        TEST(crossing_segments_leave_and_arrive_in_rows_of_their_own),
        TEST(the_divergence_stands_behind_its_row_with_expected_beside_seen),
        TEST(an_excerpt_holds_a_few_rows_around_the_divergence_and_counts_the_others),
        TEST(an_absence_stands_where_time_ran_out),
        TEST(long_runs_of_data_are_folded),
        TEST(folding_leaves_the_segment_at_fault_alone),
        TEST(the_page_is_never_wider_than_asked),
        TEST(ascii_is_ascii_and_colour_comes_only_when_asked_for),
        TEST(lines_without_a_row_are_listed_with_their_source),
        TEST(a_box_stands_between_and_what_it_did_is_seen_at_each_end),
        TEST(an_empty_trace_without_an_audit_has_a_ladder_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
