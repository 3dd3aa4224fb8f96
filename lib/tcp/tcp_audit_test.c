/*
 * The audit: conversations that a conforming stack has are clean, to the last ACK; the same with
 * one thing wrong trip the rule that names it, and no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tcp_ladder.h"
#include "tcp_damages.h"
#include "tcp_damages_told.h"
#include "tcp_stories.h"

static void print_violations(const char *what, bool lo, const struct sp_audit *audit)
{
    for (size_t i = 0; i < audit->violation_count; i++) {
        const struct sp_violation *v = &audit->violations[i];
        print_message("  %s%s: %lld us %s blames %s: %s\n", what, lo ? " (lo)" : "",
                      (long long)(v->event->t_ns / SP_US), v->rule, sp_end_name(v->end), v->text);
    }
}

static unsigned story_play(const char *name, bool lo, const char *text)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, lo, text);
    sp_audit_run(&trace, &audit);
    unsigned bad = (unsigned)audit.violation_count;
    print_violations(name, lo, &audit);
    for (size_t i = 0; i < audit.flights.len; i++)
        if (audit.segs[i].cause == SP_CAUSE_NONE) {
            print_message("  %s: flight %zu has no cause\n", name, i);
            bad++;
        }
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return bad;
}

static void what_a_conforming_stack_does_is_clean(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof clean / sizeof clean[0]; i++) {
        if (clean[i].where != LO)
            bad += story_play(clean[i].name, false, clean[i].text);
        if (clean[i].where != VETH)
            bad += story_play(clean[i].name, true, clean[i].text);
    }
    assert_int_equal(bad, 0);
}

enum {
    DAMAGED = sizeof damaged / sizeof damaged[0],
    DAMAGED_ALL = DAMAGED + sizeof damaged_told / sizeof damaged_told[0]
};

static const struct damage *damage_at(size_t index)
{
    return index < DAMAGED ? &damaged[index] : &damaged_told[index - DAMAGED];
}

static unsigned damage_play(size_t index, bool lo)
{
    const struct damage *damage = damage_at(index);
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, lo, damage->text);
    sp_audit_run(&trace, &audit);
    bool good = audit.violation_count == 1 && strcmp(audit.violations[0].rule, damage->rule) == 0 &&
                audit.violations[0].end == damage->blames && audit.violations[0].text[0];
    if (!good) {
        print_message("  damage %zu%s should trip %s once:\n", index, lo ? " (lo)" : "",
                      damage->rule);
        print_violations(damage->rule, lo, &audit);
    }
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return !good;
}

static void each_damage_trips_its_rule_and_no_other(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < DAMAGED_ALL; i++) {
        if (damage_at(i)->where != LO)
            bad += damage_play(i, false);
        if (damage_at(i)->where != VETH)
            bad += damage_play(i, true);
    }
    assert_int_equal(bad, 0);
}

static void a_frame_that_cannot_be_decoded_is_malformed(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, OPEN);
    struct sp_event *event = sp_trace_add(&trace, SP_EV_SEG, 5000 * SP_US);
    event->end = SP_END_SERVER;
    event->u.seg.point = SP_AT_SERVER;
    event->u.seg.malformed = "a header of 3 words";
    sp_audit_run(&trace, &audit);
    assert_int_equal(audit.violation_count, 1);
    assert_string_equal(audit.violations[0].rule, "malformed");
    assert_int_equal(audit.flights.len, 3);
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

static bool is_astray(const char *text)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, text);
    sp_audit_run(&trace, &audit);
    bool astray = audit.astray != NULL;
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return astray;
}

/* Of a path that nothing asked for anything. */
static void a_path_that_changes_what_passes_it_is_told(void **state)
{
    (void)state;
#define PASSES(how)                                                                                \
    OPEN "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10" how "\n2040 s> ACK ack=11\n" \
         "9000 end\n900002000 fence\n"
    assert_false(is_astray(PASSES("")));
    assert_true(is_astray(PASSES(" tottl=60")));
    assert_true(is_astray(PASSES(" lost")));
    assert_true(is_astray(PASSES(" only")));
#undef PASSES
}

static void every_rule_has_a_damage_that_trips_it(void **state)
{
    (void)state;
    size_t count = 0;
    const struct sp_rule *rules = sp_audit_rules(&count);
    for (size_t i = 0; i < count; i++) {
        bool tested = strcmp(rules[i].name, "malformed") == 0; /* has a test of its own */
        for (size_t k = 0; k < DAMAGED_ALL; k++)
            tested = tested || strcmp(damage_at(k)->rule, rules[i].name) == 0;
        if (!tested)
            print_message("  no test trips %s\n", rules[i].name);
        assert_true(tested);
    }
}

static void the_document_lists_every_rule(void **state)
{
    (void)state;
    FILE *file = fopen(SP_SOURCE_DIR "/docs/invariants.md", "r");
    assert_non_null(file);
    static char text[64 * 1024];
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    size_t count = 0;
    const struct sp_rule *rules = sp_audit_rules(&count);
    for (size_t i = 0; i < count; i++) {
        char row[64];
        snprintf(row, sizeof row, "| `%s` |", rules[i].name);
        if (!strstr(text, row) || !strstr(text, rules[i].sentence))
            print_message("  docs/invariants.md lacks %s or its sentence\n", rules[i].name);
        assert_non_null(strstr(text, row));
        assert_non_null(strstr(text, rules[i].sentence));
        assert_non_null(strstr(text, rules[i].spec));
    }
}

/* ---- roles and causes ----------------------------------------------------------------------- */

struct seen {
    enum sp_role role;
    enum sp_cause cause;
};

static void expect_segs(bool lo, const char *text, const struct seen *seen, size_t count)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, lo, text);
    sp_audit_run(&trace, &audit);
    print_violations("roles", lo, &audit);
    assert_int_equal(audit.flights.len, count);
    for (size_t i = 0; i < count; i++) {
        if (audit.segs[i].role != seen[i].role || audit.segs[i].cause != seen[i].cause)
            print_message("  flight %zu is %s by %s\n", i, sp_role_name(audit.segs[i].role),
                          sp_cause_name(audit.segs[i].cause));
        assert_int_equal(audit.segs[i].role, seen[i].role);
        assert_int_equal(audit.segs[i].cause, seen[i].cause);
    }
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

#define R(role, cause)                                                                             \
    {                                                                                              \
        SP_ROLE_##role, SP_CAUSE_##cause                                                           \
    }
#define HANDSHAKE_SEGS R(SYN, CALL), R(SYN_ACK, SEGMENT), R(ACK, SEGMENT)
#define EXPECT(lo, text, ...)                                                                      \
    do {                                                                                           \
        static const struct seen want[] = {HANDSHAKE_SEGS, __VA_ARGS__};                           \
        expect_segs(lo, text, want, sizeof want / sizeof want[0]);                                 \
    } while (0)

static void calls_cause_what_they_asked_for(void **state)
{
    (void)state;
    EXPECT(true,
           OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"
                "2100-2110 client conn close = 0\n2105 c> FIN,ACK\n2130 s> ACK\n",
           R(DATA, CALL), R(ACK, SEGMENT), R(FIN, CALL), R(ACK, SEGMENT));
}

static void a_kill_causes_the_fin_that_it_leaves_behind(void **state)
{
    (void)state;
    EXPECT(false, OPEN "3000-3900 server kill\n3005 s> FIN,ACK\n3030 c> ACK\n", R(FIN, EXIT),
           R(ACK, SEGMENT));
}

static void timers_cause_retransmissions_and_probes(void **state)
{
    (void)state;
    EXPECT(false,
           OPEN "1500-1501 client conn setsockopt SO_KEEPALIVE on=1 = 0\n"
                "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100 lost\n"
                "202010 c> PSH,ACK seq=1 len=100\n202040 s> ACK\n1000000 c> ACK seq=100\n"
                "1000030 s> ACK\n",
           R(DATA, CALL), R(RETRANSMIT, TIMER), R(ACK, SEGMENT), R(KEEPALIVE, TIMER),
           R(DUP_ACK, SEGMENT));
    EXPECT(true,
           OPEN "2000- client conn send 1000000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
                "202040 c> ACK seq=1000\n202070 s> ACK win=0\n"
                "700000-700100 server conn recv 1000 = 1000\n700020 s> ACK win=512\n",
           R(DATA, CALL), R(ACK, SEGMENT), R(WINDOW_PROBE, TIMER), R(DUP_ACK, SEGMENT),
           R(WINDOW_UPDATE, WINDOW));
}

static void a_stray_syn_is_answered_by_a_challenge(void **state)
{
    (void)state;
    static const struct seen want[] = {HANDSHAKE_SEGS, R(OTHER, SCRIPT), R(CHALLENGE, SEGMENT)};
    expect_segs(false, OPEN "2000 c> SYN seq=5000 only\n2030 s> ACK ack=1\n", want, 5);
}

static void the_cause_names_its_event(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false,
                 OPEN "2000-2001 client conn send 100 = 100\n2002-2050 client conn send 50 = 50\n"
                      "2010 c> ACK len=100\n2011 c> PSH,ACK len=50\n2040 s> ACK\n");
    sp_audit_run(&trace, &audit);
    assert_int_equal(audit.segs[3].by->t_ns, 2000 * SP_US);
    assert_int_equal(audit.segs[4].by->t_ns, 2002 * SP_US);
    assert_int_equal(audit.segs[5].by->kind, SP_EV_SEG);
    assert_ptr_equal(audit.segs[5].by, audit.flights.items[4].received);
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

static void without_calls_there_are_no_causes_to_miss(void **state)
{
    (void)state;
    assert_int_equal(story_play("no calls", false,
                                "120 c> SYN\n150 s> SYN,ACK\n180 c> ACK\n200 c> PSH,ACK len=9\n"
                                "230 s> ACK\n260 s> FIN,ACK\n290 c> RST,ACK\n"),
                     0);
}

static void a_hundred_events_are_audited_in_no_time(void **state)
{
    (void)state;
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_buf_addstr(&text, OPEN);
    for (int i = 0; i < 18; i++)
        sp_buf_addf(&text, "%d-%d client conn send 100 = 100\n%d c> PSH,ACK len=100\n%d s> ACK\n",
                    2000 + i * 100, 2020 + i * 100, 2010 + i * 100, 2040 + i * 100);
    struct sp_trace trace;
    ladder_build(&trace, false, text.data);
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < 50; i++) {
        struct sp_audit audit;
        int64_t begin_ns = sp_clock_now_ns();
        sp_audit_run(&trace, &audit);
        int64_t took_ns = sp_clock_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        assert_int_equal(audit.violation_count, 0);
        sp_audit_release(&audit);
    }
    print_message("  %zu events in %lld us\n", trace.len, (long long)(best_ns / SP_US));
    assert_true(best_ns < 3 * SP_MS); /* the target is 300 us; sanitizers cost ten times that */
    sp_trace_release(&trace);
    sp_buf_release(&text);
}

/* ---- source NAT ----------------------------------------------------------------------------- */

#define THROUGH_NAT                                                                                \
    "0 routed nat\n" OPEN                                                                          \
    "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"                 \
    "2100-2110 server conn recv 100 = 100\n3000-3010 server conn close = 0\n"                      \
    "3001 state server 2 ESTABLISHED>FIN_WAIT_1\n3005 s> FIN,ACK\n3030 c> ACK\n" FENCE

static void undone_a_nat_leaves_one_connection_that_passes_the_audit(void **state)
{
    (void)state;
    struct sp_trace trace, plain;
    struct sp_audit audit;
    ladder_build(&trace, false, THROUGH_NAT);
    assert_true(sp_tcp_rewrites(&trace));
    sp_tcp_rewrites_undo(&trace, &plain);
    assert_int_equal(plain.len, trace.len);
    sp_audit_run_plain(&plain, &trace, &audit);
    print_violations("nat", false, &audit);
    assert_int_equal(audit.violation_count, 0);
    assert_int_equal(audit.flights.conn_count, 1);
    assert_int_equal(audit.flights.conns[0].client.port, 4000);
    for (size_t i = 0; i < audit.flights.len; i++)
        assert_true(audit.flights.items[i].sent && audit.flights.items[i].received);
    for (size_t i = 0; i < plain.len; i++) {
        const struct sp_event *was = &trace.events[i], *is = &plain.events[i];
        if (is->kind == SP_EV_STATE && is->end == SP_END_SERVER)
            assert_int_equal(is->u.state.remote.port, 4000);
        if (was->kind == SP_EV_SEG && was->u.seg.point == SP_AT_CLIENT)
            assert_memory_equal(&is->u.seg.seg.src, &was->u.seg.seg.src, sizeof is->u.seg.seg.src);
    }
    sp_audit_release(&audit);
    sp_trace_release(&plain);
    sp_trace_release(&trace);
}

#define SENT_AGAIN(at)                                                                             \
    OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n" at            \
         " c> PSH,ACK seq=1 len=10\n90000 s> ACK\n"

static size_t violations_of(const char *story, bool own_stack)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, story);
    trace.head.states_hidden[SP_END_CLIENT] = own_stack;
    sp_audit_run(&trace, &audit);
    size_t count = audit.violation_count;
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return count;
}

#define RESET_AND(at)                                                                              \
    OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"                          \
         "2000-2010 server conn close = 0\n2005 s> RST,ACK\n2020-2030 client conn send 10 = "      \
         "10\n" at " c> PSH,ACK len=10\n"

#define TAIL_AGAIN(at, which)                                                                      \
    OPEN                                                                                           \
        "2000-2010 client conn send 20 = 20\n2005 c> PSH,ACK len=10 lost\n2008 c> PSH,ACK len=10 " \
        "lost\n" at " c> PSH,ACK seq=" which " len=10\n"

#define OPENED_AT(at)                                                                              \
    "0 client start\n0 server start\n5-6 client conn socket = 3\n"                                 \
    "1000-1100 client conn connect 10.0.0.2:80 = EINPROGRESS\n" at " c> SYN\n"

/* What was captured for a sandbox, its threads have yet to read: 100 ms, and not more. */
static void a_stack_in_a_process_may_not_have_read_what_was_captured(void **state)
{
    (void)state;
    assert_true(violations_of(SENT_AGAIN("8000"), false) > 0);
    assert_int_equal(violations_of(SENT_AGAIN("50000"), true), 0);
    assert_true(violations_of(SENT_AGAIN("110000"), true) > 0);
    assert_true(violations_of(RESET_AND("5000"), false) > 0);
    assert_int_equal(violations_of(RESET_AND("5000"), true), 0);
    assert_true(violations_of(RESET_AND("110000"), true) > 0);
    assert_true(violations_of(OPENED_AT("4000"), false) > 0);
    assert_int_equal(violations_of(OPENED_AT("4000"), true), 0);
    assert_true(violations_of(OPENED_AT("110000"), true) > 0);
}

/* A round trip of 30 us in the handshake: a first retransmission 60 us after the call, or later. */
static void a_tail_loss_probe_takes_two_round_trips(void **state)
{
    (void)state;
    assert_true(violations_of(TAIL_AGAIN("2500", "11"), false) > 0);
    assert_int_equal(violations_of(TAIL_AGAIN("2500", "11"), true), 0);
    assert_true(violations_of(TAIL_AGAIN("2040", "11"), true) > 0);
    assert_true(violations_of(TAIL_AGAIN("2500 c> PSH,ACK seq=11 len=10 lost\n2510", "11"), true) >
                0);
}

#define RECOVERS(again)                                                                            \
    OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"                       \
         "2100-2110 client conn close = 0\n2105 c> FIN,ACK lost\n"                                 \
         "202100 c> PSH,ACK seq=1 len=10\n202130 s> ACK ack=11\n" again

/* The ACK of what a timeout has sent again asks for the rest, of each of a sandbox's recoveries. */
static void two_recoveries_send_again_once_each(void **state)
{
    (void)state;
    const char *once = RECOVERS("202200 c> FIN,ACK seq=11\n");
    const char *twice = RECOVERS("207400 c> FIN,ACK seq=11\n207410 c> FIN,ACK seq=11\n");
    const char *thrice = RECOVERS("202400 c> FIN,ACK seq=11\n202410 c> FIN,ACK seq=11\n"
                                  "202420 c> FIN,ACK seq=11\n");
    assert_int_equal(violations_of(once, false), 0);
    assert_true(violations_of(twice, false) > 0);
    assert_int_equal(violations_of(twice, true), 0);
    assert_true(violations_of(thrice, true) > 0);
}

/* A sandbox that had no room for a segment says nothing of it, and answers those behind it as
 * being out of order: with the ACK that it has sent. */
static void what_a_sandbox_had_no_room_for_leaves_a_gap(void **state)
{
    (void)state;
    const char *story = OPEN "2000-2010 server conn send 20 = 20\n2005 s> PSH,ACK len=10\n"
                             "2050 c> ACK ack=11\n3000-3010 server conn send 10 = 10\n"
                             "3005 s> PSH,ACK len=10\n4000-4010 server conn close = 0\n"
                             "4005 s> FIN,ACK\n4050 c> ACK ack=11\n";
    assert_true(violations_of(story, false) > 0);
    assert_int_equal(violations_of(story, true), 0);
}

#define DRAINED(next)                                                                              \
    OPEN "2000-2010 server conn send 20 = 20\n2005 s> PSH,ACK len=20\n2050 c> ACK win=0\n"         \
         "3000-3100 client conn recv 20 = 20\n3250 c> ACK win=600\n" next

/* A sandbox's threads tell of the window that a read has opened when they come to it, again where
 * it has moved again, and at no other time. */
static void a_sandbox_tells_of_its_window_behind_the_read(void **state)
{
    (void)state;
    const char *moved = DRAINED("3400 c> ACK win=700\n");
    assert_true(violations_of(moved, false) > 0);
    assert_int_equal(violations_of(moved, true), 0);
    assert_true(violations_of(DRAINED("3400 c> ACK win=600\n"), true) > 0);
    assert_true(violations_of(DRAINED("110000 c> ACK win=700\n"), true) > 0);
}

#define DRAINED_IN_TWO(next)                                                                       \
    OPEN "2000-2010 server conn send 208 = 208\n2005 s> PSH,ACK len=200\n2006 s> PSH,ACK len=8\n"  \
         "2050 c> ACK win=0\n3000-3100 client conn recv 208 = 208\n3050 c> ACK win=600\n" next

/* The scale hides that the window has grown by 8; no more often than pieces have come in. */
static void a_sandbox_tells_of_each_piece_that_is_read(void **state)
{
    (void)state;
    const char *twice = DRAINED_IN_TWO("3060 c> ACK win=600\n");
    assert_true(violations_of(twice, false) > 0);
    assert_int_equal(violations_of(twice, true), 0);
    assert_true(violations_of(DRAINED_IN_TWO("3060 c> ACK win=600\n3070 c> ACK win=600\n"), true) >
                0);
}

/* What is read behind a shutdown() had been unread when it was called. */
static void a_read_behind_a_shutdown_does_not_count_before_it(void **state)
{
    (void)state;
    const char *story = OPEN "2000-2010 server conn send 10 = 10\n2005 s> PSH,ACK len=10\n"
                             "2050 c> ACK ack=11\n3000-3100 client conn shutdown RDWR = 0\n"
                             "3050 c> RST,ACK\n3200-3210 client conn recv 10 = 10\n";
    assert_int_equal(violations_of(story, true), 0);
}

/* Wine takes MSG_WAITALL, and returns what there is. */
static void an_api_over_anothers_tcp_need_not_know_waitall(void **state)
{
    (void)state;
    static const char *const api[] = {"linux", "wine"};
    for (unsigned i = 0; i < 2; i++) {
        struct sp_trace trace;
        struct sp_audit audit;
        ladder_build(&trace, false,
                     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
                          "2035 s> ACK\n3000-3010 server conn recv 30 flags=MSG_WAITALL = 10\n");
        trace.head.api[SP_END_SERVER].name = api[i];
        trace.head.tcp[SP_END_SERVER].name = "linux";
        sp_audit_run(&trace, &audit);
        assert_int_equal(audit.violation_count, 1 - i);
        sp_audit_release(&audit);
        sp_trace_release(&trace);
    }
}

/* The same box that has not said so. */
static void an_undeclared_nat_is_caught_and_named(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, THROUGH_NAT);
    trace.head.tcp[SP_END_MIDDLE].name = "router";
    assert_false(sp_tcp_rewrites(&trace));
    sp_audit_run(&trace, &audit);
    assert_true(audit.violation_count > 0);
    bool named = false;
    for (size_t i = 0; i < audit.violation_count; i++)
        named = named || (strcmp(audit.violations[i].rule, "path-lost") == 0 &&
                          audit.violations[i].end == SP_END_MIDDLE &&
                          strstr(audit.violations[i].text, "10.0.0.3:5555: is the box a nat?"));
    assert_true(named);
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

/* Two connections that follow each other from one outer port. */
static void a_port_that_a_nat_uses_again_is_told_apart_by_time(void **state)
{
    (void)state;
    struct sp_trace trace, plain;
    ladder_build(&trace, false,
                 "0 routed nat\n" OPEN "2000-2010 client conn close = 0\n2005 c> RST,ACK\n"
                 "5000 c> SYN isn=900000\n5030 s> SYN,ACK isn=3000\n");
    for (size_t i = 0; i < trace.len; i++) {
        struct sp_event *event = &trace.events[i];
        if (event->kind != SP_EV_SEG || event->t_ns < 5000 * SP_US ||
            event->u.seg.point != SP_AT_CLIENT)
            continue;
        struct sp_seg *seg = &event->u.seg.seg;
        (seg->src.port == 4000 ? &seg->src : &seg->dst)->port = 4001;
    }
    sp_tcp_rewrites_undo(&trace, &plain);
    for (size_t i = 0; i < plain.len; i++) {
        const struct sp_event *event = &plain.events[i];
        if (event->kind != SP_EV_SEG || event->u.seg.point != SP_AT_SERVER)
            continue;
        const struct sp_seg *seg = &event->u.seg.seg;
        uint16_t port = seg->src.port == 80 ? seg->dst.port : seg->src.port;
        assert_int_equal(port, event->t_ns < 5000 * SP_US ? 4000 : 4001);
    }
    sp_trace_release(&plain);
    sp_trace_release(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undone_a_nat_leaves_one_connection_that_passes_the_audit),
        cmocka_unit_test(an_undeclared_nat_is_caught_and_named),
        cmocka_unit_test(a_stack_in_a_process_may_not_have_read_what_was_captured),
        cmocka_unit_test(a_tail_loss_probe_takes_two_round_trips),
        cmocka_unit_test(two_recoveries_send_again_once_each),
        cmocka_unit_test(what_a_sandbox_had_no_room_for_leaves_a_gap),
        cmocka_unit_test(a_sandbox_tells_of_its_window_behind_the_read),
        cmocka_unit_test(a_sandbox_tells_of_each_piece_that_is_read),
        cmocka_unit_test(a_read_behind_a_shutdown_does_not_count_before_it),
        cmocka_unit_test(an_api_over_anothers_tcp_need_not_know_waitall),
        cmocka_unit_test(a_port_that_a_nat_uses_again_is_told_apart_by_time),
        cmocka_unit_test(what_a_conforming_stack_does_is_clean),
        cmocka_unit_test(each_damage_trips_its_rule_and_no_other),
        cmocka_unit_test(a_frame_that_cannot_be_decoded_is_malformed),
        cmocka_unit_test(a_path_that_changes_what_passes_it_is_told),
        cmocka_unit_test(every_rule_has_a_damage_that_trips_it),
        cmocka_unit_test(the_document_lists_every_rule),
        cmocka_unit_test(calls_cause_what_they_asked_for),
        cmocka_unit_test(a_kill_causes_the_fin_that_it_leaves_behind),
        cmocka_unit_test(timers_cause_retransmissions_and_probes),
        cmocka_unit_test(a_stray_syn_is_answered_by_a_challenge),
        cmocka_unit_test(the_cause_names_its_event),
        cmocka_unit_test(without_calls_there_are_no_causes_to_miss),
        cmocka_unit_test(a_hundred_events_are_audited_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
