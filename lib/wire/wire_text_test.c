/* Addresses, states, flags, options and segments as text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire.h"

static void addresses_print_as_they_were_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "none",
        "0.0.0.0",
        "10.0.0.1",
        "10.0.0.1:80",
        "[fd00::1]:80",
        "fd00::1",
        "::",
        "::1",
        "1::",
        "[::]:65535",
        "1:2:3:4:5:6:7:8",
        "1:0:3:4:5:6:7:8",
        "1:0:0:4::8",
        "::ffff:1.2.3.4",
        "[::ffff:1.2.3.4]:9",
        "2001:db8::1:0:0:1",
        "1:2:3:4:5:6::",
        "::3:4:5:6:7:8",
        "fe80::ffff:ffff:ffff:ffff",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sp_addr addr;
        char out[SP_ADDR_TEXT];
        assert_int_equal(sp_addr_parse(texts[i], &addr, NULL), SP_OK);
        sp_addr_print(&addr, out, sizeof out);
        assert_string_equal(out, texts[i]);
    }
}

static void other_spellings_of_an_address_are_understood(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"[fd00::1]", "fd00::1"},   {"FD00:0:0:0:0:0:0:1", "fd00::1"},
        {"0:0:0:0:0:0:0:0", "::"},  {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::102:304", "::102:304"}, {"::1.2.3.4", "::102:304"},
        {"0001:2::", "1:2::"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct sp_addr addr;
        char out[SP_ADDR_TEXT];
        assert_int_equal(sp_addr_parse(pairs[i][0], &addr, NULL), SP_OK);
        sp_addr_print(&addr, out, sizeof out);
        assert_string_equal(out, pairs[i][1]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "10",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.01",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1:80x",
        "10.0.0.1.2",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "12345::",
        "[fd00::1",
        "fd00::1]",
        "[fd00::1]80",
        "[fd00::1]:",
        "fd00::1:",
        "1:",
        "g::",
        "::1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4",
        " 10.0.0.1",
        "None",
        "[10.0.0.1]:80",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sp_addr addr = {.port = 7};
        struct sp_err err = {0};
        if (sp_addr_parse(texts[i], &addr, &err) != SP_E_PARSE)
            fail_msg("'%s' was taken for an address", texts[i]);
        assert_int_equal(addr.port, 7);
        assert_non_null(strstr(err.text, "not an address"));
    }
}

static void addresses_compare_with_and_without_their_port(void **state)
{
    (void)state;
    struct sp_addr a;
    struct sp_addr b;
    struct sp_addr mapped;
    assert_int_equal(sp_addr_parse("10.0.0.1:1", &a, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.1:2", &b, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("[::ffff:10.0.0.1]:1", &mapped, NULL), SP_OK);
    assert_true(sp_addr_same_ip(&a, &b));
    assert_false(sp_addr_same(&a, &b));
    assert_false(sp_addr_same_ip(&a, &mapped));
    b.port = 1;
    assert_true(sp_addr_same(&a, &b));
    b.ip[3] = 2;
    assert_false(sp_addr_same_ip(&a, &b));
}

static void a_short_buffer_truncates_and_terminates(void **state)
{
    (void)state;
    struct sp_addr addr;
    char out[5];
    assert_int_equal(sp_addr_parse("10.0.0.1:80", &addr, NULL), SP_OK);
    sp_addr_print(&addr, out, sizeof out);
    assert_string_equal(out, "10.0");
    sp_tcp_flags_print(SP_SYN | SP_ACK, out, sizeof out);
    assert_string_equal(out, "SYN,");
}

static void every_state_reads_back_from_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < SP_TCP_STATE_COUNT; i++) {
        enum sp_tcp_state back = SP_TCP_STATE_COUNT;
        assert_true(sp_tcp_state_parse(sp_tcp_state_name((enum sp_tcp_state)i), &back));
        assert_int_equal(back, i);
    }
    assert_string_equal(sp_tcp_state_name(SP_TCP_SYN_RECEIVED), "SYN_RECEIVED");
    assert_string_equal(sp_tcp_state_name((enum sp_tcp_state)99), "UNKNOWN");
}

static void states_are_known_by_the_names_of_systems_too(void **state)
{
    (void)state;
    enum sp_tcp_state s;
    assert_true(sp_tcp_state_parse("SYN_RECV", &s) && s == SP_TCP_SYN_RECEIVED);
    assert_true(sp_tcp_state_parse("SYN-SENT", &s) && s == SP_TCP_SYN_SENT);
    assert_true(sp_tcp_state_parse("FIN-WAIT-1", &s) && s == SP_TCP_FIN_WAIT_1);
    assert_true(sp_tcp_state_parse("FIN_WAIT2", &s) && s == SP_TCP_FIN_WAIT_2);
    assert_true(sp_tcp_state_parse("CLOSE", &s) && s == SP_TCP_CLOSED);
    assert_false(sp_tcp_state_parse("", &s));
    assert_false(sp_tcp_state_parse("CLOSE_", &s));
    assert_false(sp_tcp_state_parse("established", &s));
    assert_false(sp_tcp_state_parse("TIME_WAIT_2", &s));
}

static void every_set_of_flags_reads_back(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        char text[SP_TCP_FLAGS_TEXT];
        uint8_t back = (uint8_t)~flags;
        sp_tcp_flags_print((uint8_t)flags, text, sizeof text);
        assert_true(sp_tcp_flags_parse(text, &back));
        assert_int_equal(back, flags);
    }
    char text[SP_TCP_FLAGS_TEXT];
    sp_tcp_flags_print(SP_ACK | SP_SYN, text, sizeof text);
    assert_string_equal(text, "SYN,ACK");
    sp_tcp_flags_print(0, text, sizeof text);
    assert_string_equal(text, "none");
}

static void flags_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "SY",      "SYN,", ",SYN",     "SYN ACK",
                                        "SYNACK", "SYN,SYN", "syn",  "SYN,none", "SYN,AC"};
    uint8_t flags = 0x55;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(sp_tcp_flags_parse(texts[i], &flags));
    assert_int_equal(flags, 0x55);
    assert_true(sp_tcp_flags_parse("ACK,SYN", &flags));
    assert_int_equal(flags, SP_SYN | SP_ACK);
}

static void sequence_numbers_compare_across_the_wrap(void **state)
{
    (void)state;
    assert_true(sp_seq_lt(0xfffffff0u, 5));
    assert_false(sp_seq_lt(5, 0xfffffff0u));
    assert_false(sp_seq_lt(5, 5));
    assert_true(sp_seq_le(5, 5));
}

static void assert_prints(const struct sp_seg *seg, uint32_t rel_seq, uint32_t rel_ack,
                          const char *text)
{
    struct sp_buf out;
    sp_buf_init(&out, 0);
    sp_seg_print(seg, rel_seq, rel_ack, &out);
    assert_string_equal(out.data, text);
    sp_buf_release(&out);
}

static void a_segment_is_one_line(void **state)
{
    (void)state;
    struct sp_seg seg = {
        .seq = 1000,
        .flags = SP_SYN,
        .window = 64240,
        .ip_checksum_ok = true,
        .checksum_ok = true,
        .opt_len = 20,
        .opt = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7},
    };
    assert_prints(&seg, 1000, 0,
                  "SYN seq=0 win=64240 <mss 1460,sackOK,TS val 9 ecr 0,nop,wscale 7>");
    seg.flags = SP_FIN | SP_ACK | SP_URG;
    seg.ack = 55;
    seg.urgent = 2;
    seg.payload_len = 10;
    seg.opt_len = 0;
    assert_prints(&seg, 999, 50, "FIN,ACK,URG seq=1 ack=5 len=10 win=64240 urg=2");
    seg.checksum_ok = false;
    assert_prints(&seg, 0, 0, "FIN,ACK,URG seq=1000 ack=55 len=10 win=64240 urg=2 bad checksum");
}

static void an_icmp_error_says_what_it_is_about(void **state)
{
    (void)state;
    struct sp_seg seg = {.kind = SP_SEG_ICMP,
                         .icmp_type = 3,
                         .icmp_code = 4,
                         .icmp_mtu = 1280,
                         .quoted_seq = 12,
                         .ip_checksum_ok = true,
                         .checksum_ok = true};
    assert_int_equal(sp_addr_parse("10.0.0.9", &seg.src, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.1:5", &seg.quoted_src, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.2:80", &seg.quoted_dst, NULL), SP_OK);
    assert_prints(&seg, 2, 0,
                  "ICMP fragmentation needed (3/4) mtu=1280 about 10.0.0.1:5 > 10.0.0.2:80 seq=10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_print_as_they_were_read),
        cmocka_unit_test(other_spellings_of_an_address_are_understood),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(addresses_compare_with_and_without_their_port),
        cmocka_unit_test(a_short_buffer_truncates_and_terminates),
        cmocka_unit_test(every_state_reads_back_from_its_name),
        cmocka_unit_test(states_are_known_by_the_names_of_systems_too),
        cmocka_unit_test(every_set_of_flags_reads_back),
        cmocka_unit_test(flags_that_are_none_are_refused),
        cmocka_unit_test(sequence_numbers_compare_across_the_wrap),
        cmocka_unit_test(a_segment_is_one_line),
        cmocka_unit_test(an_icmp_error_says_what_it_is_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
