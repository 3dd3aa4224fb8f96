/* The scripted peer's lines: what they are parsed into, and what its short words stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "wire.h"

#define HEADER "case a/b\ntitle t\nspec S:1\nlabs veth\nfamily ipv4\n\n"

struct fixture {
    struct sp_case c;
    struct sp_diags diags;
    struct sp_plan plan;
};

static void open_plan(struct fixture *f, const char *body)
{
    struct sp_buf text;
    struct sp_err err = {0};
    sp_buf_init(&text, 0);
    sp_diags_init(&f->diags);
    sp_buf_addf(&text, HEADER "%s\n", body);
    if (sp_case_parse(NULL, text.data, text.len, &f->c, &f->diags, &err) != SP_OK)
        fail_msg("%s", err.text);
    struct sp_plan_config config = {.lab = SP_CASE_VETH, .family = SP_CASE_IPV4};
    assert_int_equal(sp_plan_make(&f->c, &config, &f->plan, &err), SP_OK);
    sp_buf_release(&text);
}

static void close_plan(struct fixture *f)
{
    sp_plan_release(&f->plan);
    sp_case_release(&f->c);
    sp_diags_release(&f->diags);
}

/* The segment of the second line. */
static const struct sp_peer_seg *second(struct fixture *f, const char *line)
{
    struct sp_buf body;
    sp_buf_init(&body, 0);
    sp_buf_addf(&body, "server listen\n%s", line);
    open_plan(f, body.data);
    sp_buf_release(&body);
    assert_int_equal(f->plan.stmts[1].kind, SP_ST_PEER);
    return f->plan.stmts[1].peer;
}

static void ack_is_set_on_everything_but_syn_and_rst(void **state)
{
    static const struct {
        const char *line;
        int flags;
    } rows[] = {{"peer SYN", SP_SYN},
                {"peer SYN,ACK", SP_SYN | SP_ACK},
                {"peer RST", SP_RST},
                {"peer RST,ACK", SP_RST | SP_ACK},
                {"peer FIN", SP_FIN | SP_ACK},
                {"peer FIN,!ACK", SP_FIN},
                {"peer 1..10", SP_ACK},
                {"peer PSH 1..10", SP_PSH | SP_ACK},
                {"peer 1..10 urg=5", SP_ACK | SP_URG},
                {"peer 1..10 !URG urg=5", SP_ACK}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f = {0};
        assert_int_equal(second(&f, rows[i].line)->flags, rows[i].flags);
        close_plan(&f);
    }
}

static void numbers_are_counted_from_what_is_named(void **state)
{
    struct fixture f = {0};
    (void)state;
    const struct sp_peer_seg *seg =
        second(&f, "peer RST seq=server.rcv_nxt+server.rcv_wnd-1 ack=7");
    assert_int_equal(seg->seq.base, SP_BASE_RCV_NXT);
    assert_int_equal(seg->seq.offset, -1);
    assert_true(seg->seq.window);
    assert_int_equal(seg->ack.base, SP_BASE_ISN);
    assert_int_equal(seg->ack.offset, 7);
    close_plan(&f);
    seg = second(&f, "peer SYN seq=abs:4294967290");
    assert_int_equal(seg->seq.base, SP_BASE_ABS);
    assert_int_equal(seg->seq.offset, 4294967290);
    close_plan(&f);
    seg = second(&f, "peer SYN as @a-b\npeer RST seq=@a-b.end-1 ack=@a-b.seq+2");
    seg = f.plan.stmts[2].peer;
    assert_int_equal(seg->seq.base, SP_BASE_END);
    assert_string_equal(seg->seq.label, "a-b");
    assert_int_equal(seg->seq.offset, -1);
    assert_int_equal(seg->ack.base, SP_BASE_SEQ);
    assert_int_equal(seg->ack.offset, 2);
    close_plan(&f);
    seg = second(&f, "peer 1..10 ack=-5");
    assert_int_equal(seg->seq.base, SP_BASE_USUAL);
    assert_int_equal(seg->ack.offset, -5);
    close_plan(&f);
}

static void options_are_read_in_their_order(void **state)
{
    struct fixture f = {0};
    (void)state;
    const struct sp_peer_seg *seg =
        second(&f, "peer SYN opt=[mss 1460,sackok, ts 5 6,nop,wscale 7,sack 1..10 21..30]");
    static const int kinds[] = {SP_OPT_MSS, SP_OPT_SACK_OK, SP_OPT_TIMESTAMPS,
                                SP_OPT_NOP, SP_OPT_WSCALE,  SP_OPT_SACK};
    assert_int_equal(seg->opt_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(seg->opts[i].kind, kinds[i]);
    assert_int_equal(seg->opts[0].values[0], 1460);
    assert_int_equal(seg->opts[2].values[1], 6);
    assert_int_equal(seg->opts[5].values[3], 31);
    close_plan(&f);
    seg = second(&f, "peer SYN opt=raw:0204fF00");
    assert_int_equal(seg->raw_len, 4);
    assert_memory_equal(seg->raw, "\x02\x04\xff\x00", 4);
    close_plan(&f);
    seg = second(&f, "peer SYN opt=[]");
    assert_true(seg->has_opts && seg->opt_count == 0);
    close_plan(&f);
}

static void the_way_of_a_segment_is_read(void **state)
{
    struct fixture f = {0};
    (void)state;
    const struct sp_peer_seg *seg = second(&f, "peer SYN src=multicast to=broadcast:80");
    assert_string_equal(seg->src, "multicast");
    assert_string_equal(seg->to, "broadcast:80");
    close_plan(&f);
    seg = second(&f, "peer SYN route=nobody,peer");
    assert_string_equal(seg->route, "nobody,peer");
    close_plan(&f);
    seg = second(&f, "peer SYN ipopt=5e04DEAD");
    assert_int_equal(seg->ip_raw_len, 4);
    assert_memory_equal(seg->ip_raw, "\x5e\x04\xde\xad", 4);
    close_plan(&f);
}

static void icmp_errors_have_the_codes_of_both_families(void **state)
{
    struct fixture f = {0};
    (void)state;
    const struct sp_peer_seg *seg = second(&f, "peer icmp unreachable frag mtu=1280 seq=5");
    assert_int_equal(seg->verb, SP_PEER_ICMP);
    assert_memory_equal(seg->icmp, "\x03\x04\x02\x00", 4);
    assert_int_equal(seg->mtu.min, 1280);
    assert_int_equal(seg->seq.offset, 5);
    close_plan(&f);
}

static void expect_plan(const char *body, const char *const *lines, size_t count)
{
    struct fixture f = {0};
    open_plan(&f, body);
    assert_int_equal(f.plan.stmt_count, count);
    for (size_t i = 0; i < count; i++) {
        struct sp_buf out;
        sp_buf_init(&out, 0);
        sp_stmt_print(&f.plan.stmts[i], &out);
        assert_string_equal(out.data, lines[i]);
        sp_buf_release(&out);
    }
    close_plan(&f);
}

static void the_short_words_are_written_out(void **state)
{
    static const char *const connects[] = {"server listen", "peer SYN win=5", "wire server SYN,ACK",
                                           "peer ACK as @up"};
    static const char *const from_peer[] = {"server listen",       "peer SYN",
                                            "wire server SYN,ACK", "peer ACK",
                                            "server accept",       "state server ESTABLISHED"};
    static const char *const to_peer[] = {"peer accepts", "client/b connect peer",
                                          "wire client/b SYN", "wire client/b ACK",
                                          "state client/b ESTABLISHED"};
    (void)state;
    expect_plan("server listen\npeer connects win=5 as @up", connects, 4);
    expect_plan("establish peer", from_peer, 6);
    expect_plan("establish client/b peer", to_peer, 5);
}

static void the_peer_has_the_place_that_is_left(void **state)
{
    struct fixture f = {0};
    (void)state;
    open_plan(&f, "client connect peer\npeer accepts");
    assert_int_equal(f.plan.peer_at, SP_WHO_SERVER);
    close_plan(&f);
    open_plan(&f, "establish peer");
    assert_int_equal(f.plan.peer_at, SP_WHO_CLIENT);
    close_plan(&f);
    open_plan(&f, "establish");
    assert_int_equal(f.plan.peer_at, SP_WHO_NONE);
    close_plan(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ack_is_set_on_everything_but_syn_and_rst),
        cmocka_unit_test(numbers_are_counted_from_what_is_named),
        cmocka_unit_test(options_are_read_in_their_order),
        cmocka_unit_test(the_way_of_a_segment_is_read),
        cmocka_unit_test(icmp_errors_have_the_codes_of_both_families),
        cmocka_unit_test(the_short_words_are_written_out),
        cmocka_unit_test(the_peer_has_the_place_that_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
