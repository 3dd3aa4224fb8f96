/* Decoding frames that a Linux kernel sent over a veth pair, and damaged ones made from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wire.h"

#define MACS "0e2b671a1e5a5e33d5b69f57"
#define SYN4                                                                                       \
    MACS                                                                                           \
        "08004500003ce6074000400640a00a0900010a090002d6a6e8c5982e07b700000000a002faf0731400000204" \
        "05b40402080aed9778f9000000000103030a"
#define DATA4                                                                                      \
    MACS "080045000039e6094000400640a10a0900010a090002d6a6e8c5982e07b8cc15a72e8018003f0091000001"  \
         "01080aed9778f9d6c60e0a68656c6c6f"
#define DATA6                                                                                      \
    MACS                                                                                           \
        "86dd6001eb6900250640fd000000000000000000000000000001fd000000000000000000000000000002ee2a" \
        "9a19ef520de9927301ef8018004043c400000101080a7e064048e620368368656c6c6f"
#define SYNACK6                                                                                    \
    MACS                                                                                           \
        "86dd60052e4700280640fd000000000000000000000000000002fd0000000000000000000000000000019a19" \
        "ee2a927301eeef520de9a012fb045e230000020405a00402080ae62036837e0640480103030a"
#define PORT_UNREACHABLE4                                                                          \
    MACS                                                                                           \
        "080045c000584740000040011e910a0900020a09000103031140000000004500003c449740004006e2100a09" \
        "00010a090002c90a0063ffea53ef00000000a002faf03aa40000020405b40402080aaa81368a000000000103" \
        "030a"
#define PORT_UNREACHABLE6                                                                          \
    MACS                                                                                           \
        "86dd6008abcd00583a40fd000000000000000000000000000002fd0000000000000000000000000000010104" \
        "974a00000000600f06d100280640fd000000000000000000000000000001fd00000000000000000000000000" \
        "0002e0f80063ff1e68d400000000a002fd2019b10000020405a00402080af93af4b0000000000103030a"
#define ARP  MACS "080600010800060400015e33d5b69f570a0900010000000000000a090002"
#define UDP4 MACS "08004500001dc4784000401178557f0000017f000001b0fe00090009fe1c78"
#define ICMP_ABOUT_UDP4                                                                            \
    MACS                                                                                           \
        "080045c00039769c0000400105667f0000017f0000010303d5ce000000004500001dc4784000401178557f00" \
        "00017f000001b0fe00090009fe1c78"
#define UDP6                                                                                       \
    MACS                                                                                           \
        "86dd60022c340009114000000000000000000000000000000001000000000000000000000000000000019aed" \
        "00090009001c78"
#define MLD                                                                                        \
    MACS "86dd60000000003800010000000000000000000000000000000"                                     \
         "0ff0200000000000000000000000000163a000502000001008f00cd610000000204000000ff020000000000" \
         "0000000001ffb69f5704000000ff0200000000000000000001ff000001"

struct frame {
    uint8_t bytes[512];
    size_t len;
};

static struct frame from_hex(const char *hex)
{
    struct frame frame = {.len = strlen(hex) / 2};
    assert_true(frame.len <= sizeof frame.bytes);
    for (size_t i = 0; i < frame.len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end;
        frame.bytes[i] = (uint8_t)strtoul(digits, &end, 16);
        assert_true(*end == '\0');
    }
    return frame;
}

static enum sp_rc decode(const struct frame *frame, struct sp_seg *seg, struct sp_err *err)
{
    /* On the heap with its exact size, so that a sanitizer sees a read past the end. */
    uint8_t *exact = malloc(frame->len ? frame->len : 1);
    assert_non_null(exact);
    memcpy(exact, frame->bytes, frame->len);
    enum sp_rc rc = sp_wire_decode(SP_LINK_ETHERNET, exact, frame->len, seg, NULL, err);
    free(exact);
    return rc;
}

static void assert_addr(const struct sp_addr *addr, const char *text)
{
    char out[SP_ADDR_TEXT];
    sp_addr_print(addr, out, sizeof out);
    assert_string_equal(out, text);
}

static void an_ipv4_syn_of_a_real_kernel_is_read_whole(void **state)
{
    (void)state;
    struct frame frame = from_hex(SYN4);
    struct sp_seg seg;
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_int_equal(seg.kind, SP_SEG_TCP);
    assert_addr(&seg.src, "10.9.0.1:54950");
    assert_addr(&seg.dst, "10.9.0.2:59589");
    assert_int_equal(seg.flags, SP_SYN);
    assert_int_equal(seg.seq, 0x982e07b7);
    assert_int_equal(seg.ack, 0);
    assert_int_equal(seg.window, 64240);
    assert_int_equal(seg.ttl, 64);
    assert_int_equal(seg.ip_id, 0xe607);
    assert_true(seg.ip_df);
    assert_true(seg.ip_checksum_ok);
    assert_true(seg.checksum_ok);
    assert_int_equal(seg.checksum, 0x7314);
    assert_int_equal(seg.opt_len, 20);
    assert_int_equal(seg.payload_len, 0);
    assert_int_equal(sp_seg_space(&seg), 1);
}

static void payload_is_found_hashed_and_its_head_kept(void **state)
{
    (void)state;
    static const char *const frames[] = {DATA4, DATA6};
    for (int i = 0; i < 2; i++) {
        struct frame frame = from_hex(frames[i]);
        struct sp_seg seg;
        const uint8_t *payload = NULL;
        assert_int_equal(
            sp_wire_decode(SP_LINK_ETHERNET, frame.bytes, frame.len, &seg, &payload, NULL), SP_OK);
        assert_int_equal(seg.flags, SP_PSH | SP_ACK);
        assert_int_equal(seg.payload_len, 5);
        assert_ptr_equal(payload, frame.bytes + frame.len - 5);
        assert_memory_equal(seg.payload_head, "hello", 5);
        assert_true(seg.payload_hash == sp_payload_hash("hello", 5));
        assert_true(seg.checksum_ok);
        assert_int_equal(sp_seg_space(&seg), 5);
    }
}

static void an_ipv6_syn_ack_of_a_real_kernel_is_read_whole(void **state)
{
    (void)state;
    struct frame frame = from_hex(SYNACK6);
    struct sp_seg seg;
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_addr(&seg.src, "[fd00::2]:39449");
    assert_addr(&seg.dst, "[fd00::1]:60970");
    assert_int_equal(seg.flags, SP_SYN | SP_ACK);
    assert_int_equal(seg.ack, 0xef520de9);
    assert_true(seg.checksum_ok);
    assert_true(seg.ip_checksum_ok);
}

static void icmp_errors_tell_the_segment_they_quote(void **state)
{
    (void)state;
    struct frame frame = from_hex(PORT_UNREACHABLE4);
    struct sp_seg seg;
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_int_equal(seg.kind, SP_SEG_ICMP);
    assert_addr(&seg.src, "10.9.0.2");
    assert_int_equal(seg.icmp_type, 3);
    assert_int_equal(seg.icmp_code, 3);
    assert_true(seg.checksum_ok);
    assert_addr(&seg.quoted_src, "10.9.0.1:51466");
    assert_addr(&seg.quoted_dst, "10.9.0.2:99");
    assert_int_equal(seg.quoted_seq, 0xffea53ef);
    assert_int_equal(sp_seg_space(&seg), 0);

    frame = from_hex(PORT_UNREACHABLE6);
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_int_equal(seg.icmp_type, 1);
    assert_int_equal(seg.icmp_code, 4);
    assert_true(seg.checksum_ok);
    assert_addr(&seg.quoted_src, "[fd00::1]:57592");
    assert_addr(&seg.quoted_dst, "[fd00::2]:99");
    assert_int_equal(seg.quoted_seq, 0xff1e68d4);
}

static void frames_that_are_none_of_ours_are_unsupported_without_a_word(void **state)
{
    (void)state;
    static const char *const frames[] = {ARP, UDP4, UDP6, ICMP_ABOUT_UDP4, MLD};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct frame frame = from_hex(frames[i]);
        struct sp_seg seg;
        struct sp_err err = {.text = "untouched"};
        assert_int_equal(decode(&frame, &seg, &err), SP_E_UNSUPPORTED);
        assert_string_equal(err.text, "untouched");
    }
}

static void fragments_are_unsupported(void **state)
{
    (void)state;
    struct frame frame = from_hex(DATA4);
    struct sp_seg seg;
    frame.bytes[14 + 6] = 0x20; /* more fragments */
    assert_int_equal(decode(&frame, &seg, NULL), SP_E_UNSUPPORTED);
    frame.bytes[14 + 6] = 0;
    frame.bytes[14 + 7] = 7; /* an offset */
    assert_int_equal(decode(&frame, &seg, NULL), SP_E_UNSUPPORTED);
}

static void a_frame_cut_short_anywhere_is_an_error_with_words(void **state)
{
    (void)state;
    static const char *const frames[] = {SYN4, DATA4, DATA6, SYNACK6, PORT_UNREACHABLE4};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct frame frame = from_hex(frames[i]);
        for (size_t len = 0; len < frame.len; len++) {
            struct frame cut = frame;
            struct sp_seg seg;
            struct sp_err err = {0};
            cut.len = len;
            assert_int_equal(decode(&cut, &seg, &err), SP_E_PARSE);
            assert_true(err.text[0] != '\0');
        }
    }
}

static void a_malformed_segment_still_tells_its_addresses(void **state)
{
    (void)state;
    struct frame frame = from_hex(SYN4);
    struct sp_seg seg;
    struct sp_err err = {0};
    frame.bytes[14 + 20 + 12] = 0x40; /* data offset of 16 bytes */
    assert_int_equal(decode(&frame, &seg, &err), SP_E_PARSE);
    assert_non_null(strstr(err.text, "data offset"));
    assert_addr(&seg.src, "10.9.0.1:54950");
    frame.bytes[14 + 20 + 12] = 0xf0; /* of 60 bytes, in a segment of 40 */
    assert_int_equal(decode(&frame, &seg, &err), SP_E_PARSE);
}

static void lengths_in_the_ip_header_that_cannot_be_are_errors(void **state)
{
    (void)state;
    struct sp_seg seg;
    struct frame frame = from_hex(SYN4);
    frame.bytes[14] = 0x44; /* header of 16 bytes */
    assert_int_equal(decode(&frame, &seg, NULL), SP_E_PARSE);
    frame = from_hex(SYN4);
    frame.bytes[14 + 3] = 19; /* total below the header */
    assert_int_equal(decode(&frame, &seg, NULL), SP_E_PARSE);
    frame = from_hex(SYN4);
    frame.bytes[14] = 0x65; /* version 6 behind IPv4's Ethernet type */
    assert_int_equal(decode(&frame, &seg, NULL), SP_E_PARSE);
}

static void ethernet_padding_is_not_payload(void **state)
{
    (void)state;
    static const char *const frames[] = {DATA4, DATA6};
    for (int i = 0; i < 2; i++) {
        struct frame frame = from_hex(frames[i]);
        struct sp_seg seg;
        memset(frame.bytes + frame.len, 0xaa, 11);
        frame.len += 11;
        assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
        assert_int_equal(seg.payload_len, 5);
        assert_true(seg.checksum_ok);
    }
}

static void one_wrong_bit_shows_in_the_checksum_that_covers_it(void **state)
{
    (void)state;
    struct frame frame = from_hex(DATA4);
    struct sp_seg seg;
    frame.bytes[frame.len - 1] ^= 0x10;
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_false(seg.checksum_ok);
    assert_true(seg.ip_checksum_ok);

    frame = from_hex(DATA4);
    frame.bytes[14 + 8] ^= 1; /* TTL: in the IP header, outside the pseudo-header */
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_true(seg.checksum_ok);
    assert_false(seg.ip_checksum_ok);

    frame = from_hex(PORT_UNREACHABLE6);
    frame.bytes[frame.len - 1] ^= 1;
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_false(seg.checksum_ok);
}

static void ip_options_are_stepped_over(void **state)
{
    (void)state;
    struct frame frame = from_hex(DATA4);
    struct sp_seg seg;
    memmove(frame.bytes + 38, frame.bytes + 34, frame.len - 34);
    memset(frame.bytes + 34, 1, 4); /* four NOPs */
    frame.len += 4;
    frame.bytes[14] = 0x46;
    frame.bytes[14 + 3] = (uint8_t)(frame.bytes[14 + 3] + 4);
    assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
    assert_int_equal(seg.payload_len, 5);
    assert_true(seg.checksum_ok);
}

/* Puts an 8-byte extension header of this kind before TCP. */
static struct frame with_extension(uint8_t kind, uint8_t byte3)
{
    struct frame frame = from_hex(DATA6);
    memmove(frame.bytes + 62, frame.bytes + 54, frame.len - 54);
    memset(frame.bytes + 54, 0, 8);
    frame.bytes[54] = 6;
    frame.bytes[57] = byte3;
    frame.bytes[14 + 6] = kind;
    frame.bytes[14 + 5] = (uint8_t)(frame.bytes[14 + 5] + 8);
    frame.len += 8;
    return frame;
}

static void ipv6_extension_headers_are_stepped_over(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {0, 43, 60, 44};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct frame frame = with_extension(kinds[i], 0);
        struct sp_seg seg;
        assert_int_equal(decode(&frame, &seg, NULL), SP_OK);
        assert_int_equal(seg.payload_len, 5);
        assert_true(seg.checksum_ok);
    }
}

static void ipv6_fragments_and_routes_not_yet_run_are_unsupported(void **state)
{
    (void)state;
    struct sp_seg seg;
    struct frame fragment = with_extension(44, 1);
    assert_int_equal(decode(&fragment, &seg, NULL), SP_E_UNSUPPORTED);
    struct frame route = with_extension(43, 2);
    assert_int_equal(decode(&route, &seg, NULL), SP_E_UNSUPPORTED);
}

static void raw_ip_needs_no_ethernet(void **state)
{
    (void)state;
    static const char *const frames[] = {DATA4, DATA6};
    for (int i = 0; i < 2; i++) {
        struct frame frame = from_hex(frames[i]);
        struct sp_seg seg;
        assert_int_equal(
            sp_wire_decode(SP_LINK_RAW_IP, frame.bytes + 14, frame.len - 14, &seg, NULL, NULL),
            SP_OK);
        assert_int_equal(seg.payload_len, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_syn_of_a_real_kernel_is_read_whole),
        cmocka_unit_test(payload_is_found_hashed_and_its_head_kept),
        cmocka_unit_test(an_ipv6_syn_ack_of_a_real_kernel_is_read_whole),
        cmocka_unit_test(icmp_errors_tell_the_segment_they_quote),
        cmocka_unit_test(frames_that_are_none_of_ours_are_unsupported_without_a_word),
        cmocka_unit_test(fragments_are_unsupported),
        cmocka_unit_test(a_frame_cut_short_anywhere_is_an_error_with_words),
        cmocka_unit_test(a_malformed_segment_still_tells_its_addresses),
        cmocka_unit_test(lengths_in_the_ip_header_that_cannot_be_are_errors),
        cmocka_unit_test(ethernet_padding_is_not_payload),
        cmocka_unit_test(one_wrong_bit_shows_in_the_checksum_that_covers_it),
        cmocka_unit_test(ip_options_are_stepped_over),
        cmocka_unit_test(ipv6_extension_headers_are_stepped_over),
        cmocka_unit_test(ipv6_fragments_and_routes_not_yet_run_are_unsupported),
        cmocka_unit_test(raw_ip_needs_no_ethernet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
