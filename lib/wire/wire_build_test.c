/* What is built decodes to what was asked for, and faults are left in where they were asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pattern.h"
#include "wire.h"

static const uint8_t src_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t dst_mac[6] = {2, 0, 0, 0, 0, 2};

static struct sp_addr addr(const char *text)
{
    struct sp_addr parsed;
    assert_int_equal(sp_addr_parse(text, &parsed, NULL), SP_OK);
    return parsed;
}

static struct sp_seg sample(bool v6)
{
    struct sp_seg seg = {
        .src = addr(v6 ? "[fd00::1]:4000" : "10.0.0.1:4000"),
        .dst = addr(v6 ? "[fd00::2]:80" : "10.0.0.2:80"),
        .ttl = 3,
        .tos = 0xb9,
        .ip_id = v6 ? 0 : 0x1234,
        .ip_df = !v6,
        .seq = 0xfffffff0,
        .ack = 77,
        .flags = SP_ACK | SP_PSH | SP_URG,
        .window = 4096,
        .urgent = 9,
        .opt_len = 12,
        .opt = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2},
    };
    return seg;
}

static void assert_round_trip(enum sp_link link, struct sp_seg seg, const void *payload)
{
    struct sp_buf frame;
    struct sp_seg back;
    const uint8_t *at = NULL;
    sp_buf_init(&frame, 0);
    assert_int_equal(sp_wire_build(link, src_mac, dst_mac, &seg, payload, NULL, &frame, NULL),
                     SP_OK);
    assert_int_equal(sp_wire_decode(link, (const uint8_t *)frame.data, frame.len, &back, &at, NULL),
                     SP_OK);
    assert_true(back.checksum_ok);
    assert_true(back.ip_checksum_ok);
    assert_memory_equal(at, payload, seg.payload_len);
    seg.checksum = back.checksum;
    seg.checksum_ok = seg.ip_checksum_ok = true;
    seg.payload_hash = sp_payload_hash(payload, seg.payload_len);
    memcpy(seg.payload_head, payload, seg.payload_len < 32 ? seg.payload_len : 32);
    assert_true(sp_addr_same(&seg.src, &back.src) && sp_addr_same(&seg.dst, &back.dst));
    assert_int_equal(seg.ttl, back.ttl);
    assert_int_equal(seg.tos, back.tos);
    assert_int_equal(seg.ip_id, back.ip_id);
    assert_int_equal(seg.ip_df, back.ip_df);
    assert_int_equal(seg.ip_opt_len, back.ip_opt_len);
    assert_memory_equal(seg.ip_opt, back.ip_opt, sizeof seg.ip_opt);
    assert_int_equal(seg.seq, back.seq);
    assert_int_equal(seg.ack, back.ack);
    assert_int_equal(seg.flags, back.flags);
    assert_int_equal(seg.window, back.window);
    assert_int_equal(seg.urgent, back.urgent);
    assert_int_equal(seg.opt_len, back.opt_len);
    assert_memory_equal(seg.opt, back.opt, sizeof seg.opt);
    assert_int_equal(seg.payload_len, back.payload_len);
    assert_true(seg.payload_hash == back.payload_hash);
    assert_memory_equal(seg.payload_head, back.payload_head, sizeof seg.payload_head);
    sp_buf_release(&frame);
}

static void the_options_of_ipv4_are_part_of_its_header(void **state)
{
    (void)state;
    struct sp_seg seg = sample(false);
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    seg.ip_opt_len = 8;
    memcpy(seg.ip_opt, "\x83\x07\x08\x0a\x00\x00\x09\x00", 8);
    seg.payload_len = 3;
    assert_round_trip(SP_LINK_ETHERNET, seg, "abc");
    assert_round_trip(SP_LINK_RAW_IP, seg, "abc");
    seg.ip_opt_len = 41;
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, "abc", NULL, &frame, NULL),
                     SP_E_USAGE);
    sp_buf_release(&frame);
}

static void segments_of_every_length_decode_to_what_was_built(void **state)
{
    (void)state;
    uint8_t payload[1461];
    static const uint32_t lengths[] = {0, 1, 2, 31, 32, 33, 1460, 1461};
    sp_pattern_fill('c', 0, payload, sizeof payload);
    for (int v6 = 0; v6 < 2; v6++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct sp_seg seg = sample(v6);
            seg.payload_len = lengths[i];
            assert_round_trip(SP_LINK_ETHERNET, seg, payload);
            assert_round_trip(SP_LINK_RAW_IP, seg, payload);
        }
    }
}

static void a_bad_checksum_is_wrong_and_nothing_else_is(void **state)
{
    (void)state;
    struct sp_build_fault fault = {.bad_checksum = true};
    for (int v6 = 0; v6 < 2; v6++) {
        struct sp_seg seg = sample(v6);
        struct sp_seg back;
        struct sp_buf frame;
        sp_buf_init(&frame, 0);
        assert_int_equal(
            sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, &fault, &frame, NULL), SP_OK);
        assert_int_equal(sp_wire_decode(SP_LINK_RAW_IP, (const uint8_t *)frame.data, frame.len,
                                        &back, NULL, NULL),
                         SP_OK);
        assert_false(back.checksum_ok);
        assert_true(back.ip_checksum_ok);
        assert_int_equal(back.seq, seg.seq);
        sp_buf_release(&frame);
    }
}

static void a_wrong_data_offset_is_left_in(void **state)
{
    (void)state;
    struct sp_build_fault fault = {.data_offset = 4};
    struct sp_seg seg = sample(false);
    struct sp_seg back;
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, &fault, &frame, NULL),
                     SP_OK);
    assert_int_equal(
        sp_wire_decode(SP_LINK_RAW_IP, (const uint8_t *)frame.data, frame.len, &back, NULL, NULL),
        SP_E_PARSE);
    assert_true(back.checksum_ok); /* the checksum is over the header as sent */
    sp_buf_release(&frame);
}

static void options_are_padded_to_whole_words(void **state)
{
    (void)state;
    struct sp_seg seg = sample(false);
    struct sp_seg back;
    struct sp_buf frame;
    seg.opt_len = 3;
    memcpy(seg.opt, (uint8_t[]){3, 3, 7}, 3);
    sp_buf_init(&frame, 0);
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, NULL, &frame, NULL),
                     SP_OK);
    assert_int_equal(
        sp_wire_decode(SP_LINK_RAW_IP, (const uint8_t *)frame.data, frame.len, &back, NULL, NULL),
        SP_OK);
    assert_int_equal(back.opt_len, 4);
    assert_memory_equal(back.opt, "\x03\x03\x07\x00", 4);
    sp_buf_release(&frame);
}

static void icmp_errors_quote_what_they_are_about(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct sp_seg seg = {
            .kind = SP_SEG_ICMP,
            .src = addr(v6 ? "fd00::9" : "10.0.0.9"),
            .dst = addr(v6 ? "fd00::1" : "10.0.0.1"),
            .icmp_type = v6 ? 2 : 3,
            .icmp_code = v6 ? 0 : 4,
            .icmp_mtu = 1280,
            .quoted_src = addr(v6 ? "[fd00::1]:4000" : "10.0.0.1:4000"),
            .quoted_dst = addr(v6 ? "[fd00::2]:80" : "10.0.0.2:80"),
            .quoted_seq = 0xdeadbeef,
        };
        struct sp_seg back;
        struct sp_buf frame;
        sp_buf_init(&frame, 0);
        assert_int_equal(
            sp_wire_build(SP_LINK_ETHERNET, src_mac, dst_mac, &seg, NULL, NULL, &frame, NULL),
            SP_OK);
        assert_int_equal(sp_wire_decode(SP_LINK_ETHERNET, (const uint8_t *)frame.data, frame.len,
                                        &back, NULL, NULL),
                         SP_OK);
        assert_int_equal(back.kind, SP_SEG_ICMP);
        assert_true(back.checksum_ok);
        assert_int_equal(back.icmp_type, seg.icmp_type);
        assert_int_equal(back.icmp_code, seg.icmp_code);
        assert_int_equal(back.icmp_mtu, 1280);
        assert_true(sp_addr_same(&back.quoted_src, &seg.quoted_src));
        assert_true(sp_addr_same(&back.quoted_dst, &seg.quoted_dst));
        assert_int_equal(back.quoted_seq, 0xdeadbeef);
        assert_int_equal(back.ttl, 64);
        /* A quoted packet given by the caller goes out as it is. */
        struct sp_buf again;
        size_t quoted_at = 14 + (v6 ? 40 : 20) + 8;
        sp_buf_init(&again, 0);
        seg.payload_len = (uint32_t)(frame.len - quoted_at);
        assert_int_equal(sp_wire_build(SP_LINK_ETHERNET, src_mac, dst_mac, &seg,
                                       frame.data + quoted_at, NULL, &again, NULL),
                         SP_OK);
        assert_int_equal(again.len, frame.len);
        assert_memory_equal(again.data, frame.data, frame.len);
        sp_buf_release(&again);
        sp_buf_release(&frame);
    }
}

static void what_no_header_can_say_is_refused(void **state)
{
    (void)state;
    struct sp_buf frame;
    struct sp_err err = {0};
    sp_buf_init(&frame, 0);
    struct sp_seg seg = sample(false);
    seg.dst = addr("[fd00::2]:80");
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, NULL, &frame, &err),
                     SP_E_USAGE);
    seg = sample(false);
    seg.opt_len = 41;
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, NULL, &frame, &err),
                     SP_E_USAGE);
    seg = sample(false);
    struct sp_build_fault fault = {.data_offset = 16};
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, &fault, &frame, &err),
                     SP_E_USAGE);
    assert_int_equal(frame.len, 0);
    sp_buf_release(&frame);
}

static void a_payload_that_fills_the_packet_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct sp_seg seg = sample(v6);
        struct sp_buf frame;
        uint32_t most = 65535 - 32 - (v6 ? 0 : 20);
        uint8_t *payload = calloc(1, most + 1);
        sp_buf_init(&frame, 0);
        assert_non_null(payload);
        seg.payload_len = most;
        assert_round_trip(SP_LINK_ETHERNET, seg, payload);
        seg.payload_len = most + 1;
        assert_int_equal(
            sp_wire_build(SP_LINK_ETHERNET, src_mac, dst_mac, &seg, payload, NULL, &frame, NULL),
            SP_E_LIMIT);
        free(payload);
        sp_buf_release(&frame);
    }
}

static void a_buffer_that_is_too_small_is_reported(void **state)
{
    (void)state;
    struct sp_seg seg = sample(false);
    struct sp_buf frame;
    sp_buf_init(&frame, 30);
    assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &seg, NULL, NULL, &frame, NULL),
                     SP_E_LIMIT);
    sp_buf_release(&frame);
}

static void ip_options_of_every_length_are_passed_over(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        for (uint8_t len = 1; len <= SP_SEG_OPT_MAX; len++) {
            struct sp_seg seg = sample(v6);
            struct sp_build_fault fault = {.reserved = 15};
            struct sp_buf frame;
            struct sp_seg back;
            seg.payload_len = 5;
            seg.ip_opt_len = len;
            memset(seg.ip_opt, v6 ? 0 : 1, len);
            sp_buf_init(&frame, 0);
            assert_int_equal(sp_wire_build(SP_LINK_RAW_IP, src_mac, dst_mac, &seg, "hello", &fault,
                                           &frame, NULL),
                             SP_OK);
            assert_int_equal(sp_wire_decode(SP_LINK_RAW_IP, (const uint8_t *)frame.data, frame.len,
                                            &back, NULL, NULL),
                             SP_OK);
            assert_true(back.checksum_ok && back.ip_checksum_ok);
            assert_int_equal(back.seq, seg.seq);
            assert_int_equal(back.payload_len, 5);
            if (back.ip_opt_len) /* more than is kept of IPv6's is left out */
                assert_memory_equal(back.ip_opt, seg.ip_opt, len);
            size_t ip_len = v6 ? 48 + (len + 1u) / 8 * 8 : 20 + (len + 3u) / 4 * 4;
            assert_int_equal(frame.len, ip_len + 20 + seg.opt_len + 5);
            assert_int_equal((uint8_t)frame.data[ip_len + 12] & 15, 15);
            sp_buf_release(&frame);
        }
    }
}

static void a_wrong_ip_checksum_is_left_in(void **state)
{
    (void)state;
    struct sp_seg seg = sample(false);
    struct sp_build_fault fault = {.bad_ip_checksum = true};
    struct sp_buf frame;
    struct sp_seg back;
    sp_buf_init(&frame, 0);
    assert_int_equal(
        sp_wire_build(SP_LINK_RAW_IP, src_mac, dst_mac, &seg, NULL, &fault, &frame, NULL), SP_OK);
    assert_int_equal(
        sp_wire_decode(SP_LINK_RAW_IP, (const uint8_t *)frame.data, frame.len, &back, NULL, NULL),
        SP_OK);
    assert_false(back.ip_checksum_ok);
    assert_true(back.checksum_ok);
    sp_buf_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_of_every_length_decode_to_what_was_built),
        cmocka_unit_test(the_options_of_ipv4_are_part_of_its_header),
        cmocka_unit_test(a_bad_checksum_is_wrong_and_nothing_else_is),
        cmocka_unit_test(a_wrong_data_offset_is_left_in),
        cmocka_unit_test(options_are_padded_to_whole_words),
        cmocka_unit_test(icmp_errors_quote_what_they_are_about),
        cmocka_unit_test(what_no_header_can_say_is_refused),
        cmocka_unit_test(a_payload_that_fills_the_packet_fits_and_one_byte_more_does_not),
        cmocka_unit_test(a_buffer_that_is_too_small_is_reported),
        cmocka_unit_test(ip_options_of_every_length_are_passed_over),
        cmocka_unit_test(a_wrong_ip_checksum_is_left_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
