/* Frames that the middle changes: exactly one bit, or exactly the fields that are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "path_in.h"

static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

static struct sp_seg sample(bool v6)
{
    struct sp_seg seg = {
        .ttl = 64,
        .tos = 2,
        .ip_id = 9,
        .ip_df = true,
        .seq = 1000,
        .ack = 2000,
        .flags = SP_ACK | SP_PSH,
        .window = 500,
        .payload_len = 5,
        .opt_len = 20,
        /* mss 1460, sackok, timestamps, nop, wscale 7 */
        .opt = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7},
    };
    assert_int_equal(sp_addr_parse(v6 ? "[fd00::1]:4000" : "10.0.0.1:4000", &seg.src, NULL), SP_OK);
    assert_int_equal(sp_addr_parse(v6 ? "[fd00::2]:80" : "10.0.0.2:80", &seg.dst, NULL), SP_OK);
    return seg;
}

static void build(const struct sp_seg *seg, struct sp_buf *frame)
{
    sp_buf_init(frame, 0);
    assert_int_equal(
        sp_wire_build(SP_LINK_ETHERNET, mac[0], mac[1], seg, "hello", NULL, frame, NULL), SP_OK);
}

static struct sp_seg read_back(const struct sp_buf *frame)
{
    struct sp_seg seg;
    assert_int_equal(sp_wire_decode(SP_LINK_ETHERNET, (const uint8_t *)frame->data, frame->len,
                                    &seg, NULL, NULL),
                     SP_OK);
    return seg;
}

static void one_bit_makes_one_checksum_wrong(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++)
        for (int part = 0; part < SP_PART_COUNT; part++) {
            if (v6 && part == SP_PART_IP)
                continue;
            struct sp_seg seg = sample(v6);
            struct sp_buf frame, was;
            build(&seg, &frame);
            build(&seg, &was);
            path_corrupt((uint8_t *)frame.data, frame.len, (enum sp_middle_part)part);
            unsigned bits = 0;
            for (size_t i = 0; i < frame.len; i++)
                for (unsigned diff = (uint8_t)(frame.data[i] ^ was.data[i]); diff; diff &= diff - 1)
                    bits++;
            seg = read_back(&frame);
            assert_int_equal(bits, 1);
            assert_int_equal(seg.checksum_ok, part == SP_PART_IP);
            assert_int_equal(seg.ip_checksum_ok, part != SP_PART_IP);
            sp_buf_release(&frame);
            sp_buf_release(&was);
        }
}

static void without_a_payload_the_header_is_hit(void **state)
{
    (void)state;
    struct sp_seg seg = sample(false);
    struct sp_buf frame;
    seg.payload_len = 0;
    build(&seg, &frame);
    path_corrupt((uint8_t *)frame.data, frame.len, SP_PART_PAYLOAD);
    seg = read_back(&frame);
    assert_false(seg.checksum_ok);
    assert_int_equal(seg.window, 501);
    sp_buf_release(&frame);
}

/* Rewrites the sample of a connection whose ISNs are 900 and 1900. */
static struct sp_seg rewritten(bool v6, const struct sp_middle *change)
{
    struct path_talk talk = {
        .end = {{.isn_known = true, .isn = 900}, {.isn_known = true, .isn = 1900}}};
    struct sp_seg seg = sample(v6);
    struct sp_buf frame, out;
    build(&seg, &frame);
    sp_buf_init(&out, 0);
    assert_int_equal(path_rewrite(change, &talk, FROM_CLIENT, (const uint8_t *)frame.data,
                                  frame.len, &out, NULL),
                     SP_OK);
    assert_memory_equal(out.data, frame.data, 14);
    seg = read_back(&out);
    sp_buf_release(&frame);
    sp_buf_release(&out);
    return seg;
}

static void what_is_not_asked_for_stays(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct sp_peer_seg to = {0};
        struct sp_middle change = {.verb = SP_MIDDLE_REWRITE, .seg = &to};
        struct sp_seg seg = rewritten(v6, &change), was = sample(v6);
        assert_true(seg.checksum_ok && seg.ip_checksum_ok);
        assert_int_equal(seg.seq, was.seq);
        assert_int_equal(seg.ack, was.ack);
        assert_int_equal(seg.flags, was.flags);
        assert_int_equal(seg.window, was.window);
        assert_int_equal(seg.ttl, was.ttl);
        assert_int_equal(seg.tos, was.tos);
        assert_int_equal(seg.payload_len, 5);
        assert_memory_equal(seg.payload_head, "hello", 5);
        assert_int_equal(seg.opt_len, was.opt_len);
        assert_memory_equal(seg.opt, was.opt, was.opt_len);
    }
}

static void fields_are_changed_and_checksums_mended(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct sp_peer_seg to = {.flags = SP_ECE,
                                 .seq = {.base = SP_BASE_ISN, .offset = 7},
                                 .ack = {.base = SP_BASE_ISN, .offset = -5},
                                 .window = {.set = true, .min = 0},
                                 .ttl = {.set = true, .min = 3},
                                 .ecn = {.set = true, .min = 3},
                                 .payload = "JJ",
                                 .payload_len = 2};
        struct sp_middle change = {
            .verb = SP_MIDDLE_REWRITE, .seg = &to, .clear = SP_PSH, .ack_shift = true};
        struct sp_seg seg = rewritten(v6, &change);
        assert_true(seg.checksum_ok && seg.ip_checksum_ok);
        assert_int_equal(seg.flags, SP_ACK | SP_ECE);
        assert_int_equal(seg.seq, 907);  /* from the ISN on */
        assert_int_equal(seg.ack, 1995); /* from what it was */
        assert_int_equal(seg.window, 0);
        assert_int_equal(seg.ttl, 3);
        assert_int_equal(seg.tos, 3);
        assert_memory_equal(seg.payload_head, "JJllo", 5);
    }
}

static void options_are_changed_where_they_stand(void **state)
{
    (void)state;
    struct sp_peer_seg to = {0};
    struct sp_opt_want wants[] = {
        {.name = "mss", .has_value = true, .value = 536},
        {.name = "ts", .absent = true},
        {.name = "wscale", .has_value = true, .value = 2},
        {.name = "sack", .absent = true}, /* it is not there, and stays so */
    };
    struct sp_middle change = {.seg = &to, .opts = wants, .opt_count = 4};
    struct sp_seg seg = rewritten(false, &change);
    static const uint8_t want[] = {2, 4, 2, 24, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 2};
    assert_int_equal(seg.opt_len, sizeof want);
    assert_memory_equal(seg.opt, want, sizeof want);
    assert_true(seg.checksum_ok);
}

static void an_option_that_was_not_there_is_put_in(void **state)
{
    (void)state;
    struct sp_peer_seg to = {.has_opts = true};
    struct sp_opt_want mss = {.name = "mss", .has_value = true, .value = 700};
    struct sp_middle change = {.seg = &to, .opts = &mss, .opt_count = 1};
    struct sp_seg seg = rewritten(true, &change);
    static const uint8_t want[] = {2, 4, 2, 188};
    assert_int_equal(seg.opt_len, sizeof want);
    assert_memory_equal(seg.opt, want, sizeof want);
    assert_true(seg.checksum_ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bit_makes_one_checksum_wrong),
        cmocka_unit_test(without_a_payload_the_header_is_hit),
        cmocka_unit_test(what_is_not_asked_for_stays),
        cmocka_unit_test(fields_are_changed_and_checksums_mended),
        cmocka_unit_test(options_are_changed_where_they_stand),
        cmocka_unit_test(an_option_that_was_not_there_is_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
