/* One segment against one pattern: what fits, and which field is named where it does not. */
#include "judge_fixture.h"

#include "impl.h"

/* Parses the pattern as a case would write it and holds it against the segment. */
static enum fit fit_of(const char *pattern, const struct sp_seg *seg, uint32_t rel_seq,
                       uint32_t rel_ack, char *diff)
{
    struct judged d = {0};
    char line[256];
    snprintf(line, sizeof line, "wire client %s\n", pattern);
    fixture_plan(&d, line, "linux", NULL);
    struct sp_event ev = {.kind = SP_EV_SEG, .end = SP_END_CLIENT};
    ev.u.seg.seg = *seg;
    struct sp_flight flight = {
        .sent = &ev, .from = SP_END_CLIENT, .rel_seq = rel_seq, .rel_ack = rel_ack};
    struct item item = {.flight = &flight, .ev = &ev};
    *diff = '\0';
    enum fit fit = pattern_fit(&d.plan.stmts[0].pattern, &item, diff, SAY_MAX);
    sp_plan_release(&d.plan);
    sp_case_release(&d.c);
    return fit;
}

static void assert_fit(const char *pattern, uint8_t flags, uint32_t len, enum fit want,
                       const char *why)
{
    struct sp_seg seg = {.flags = flags, .payload_len = len, .window = 500};
    char diff[SAY_MAX];
    enum fit fit = fit_of(pattern, &seg, (flags & SP_SYN) ? 0 : 1, 1, diff);
    if (fit != want || strcmp(diff, why) != 0)
        fail_msg("%s: %d, \"%s\"", pattern, (int)fit, diff);
}

static void syn_fin_and_rst_are_exact(void **state)
{
    (void)state;
    assert_fit("SYN", SP_SYN, 0, FIT_YES, "");
    assert_fit("SYN", SP_SYN | SP_ACK, 0, FIT_FIELDS, "flags SYN,ACK, expected SYN");
    assert_fit("SYN,ACK", SP_SYN, 0, FIT_FIELDS, "flags SYN, expected SYN,ACK");
    assert_fit("FIN", SP_FIN | SP_ACK, 0, FIT_YES, "");
    assert_fit("FIN", SP_RST, 0, FIT_NO, "flags RST, expected FIN");
    assert_fit("RST", SP_RST, 0, FIT_YES, "");
    assert_fit("RST", SP_RST | SP_ACK, 0, FIT_YES, "");
    assert_fit("RST,ACK", SP_RST, 0, FIT_FIELDS, "flags RST, expected RST,ACK");
    assert_fit("RST,!ACK", SP_RST | SP_ACK, 0, FIT_FIELDS, "flags RST,ACK, expected RST");
    assert_fit("1..10", SP_ACK | SP_PSH, 10, FIT_YES, "");
    assert_fit("1..10", SP_ACK | SP_FIN, 10, FIT_NO, "flags FIN,ACK, expected none");
    assert_fit("FIN 1..10", SP_ACK | SP_FIN, 10, FIT_YES, "");
}

static void payload_and_numbers_are_named(void **state)
{
    (void)state;
    assert_fit("1..10", SP_ACK, 5, FIT_FIELDS, "bytes 1..5, expected 1..10");
    assert_fit("1..10", SP_ACK, 0, FIT_NO, "no payload, expected bytes 1..10");
    assert_fit("FIN", SP_ACK | SP_FIN, 3, FIT_FIELDS, "bytes 1..3, expected no payload");
    assert_fit("FIN any", SP_ACK | SP_FIN, 3, FIT_YES, "");
    assert_fit("len=3", SP_ACK, 3, FIT_YES, "");
    assert_fit("len=4..9", SP_ACK, 3, FIT_FIELDS, "len=3, expected len=4..9");
    assert_fit("ACK ack=2", SP_ACK, 0, FIT_FIELDS, "ack=1, expected ack=2");
    assert_fit("ACK seq=2", SP_ACK, 0, FIT_FIELDS, "seq=1, expected seq=2");
    assert_fit("ACK win=0", SP_ACK, 0, FIT_FIELDS, "win=500, expected win=0");
    assert_fit("RST ack=2", SP_RST, 0, FIT_FIELDS, "no ACK, expected ack=2");
}

static void options_are_contained_absent_or_of_a_value(void **state)
{
    (void)state;
    struct sp_seg seg = {.flags = SP_SYN, .opt_len = 4, .opt = {SP_OPT_MSS, 4, 5, 180}};
    char diff[SAY_MAX];
    assert_int_equal(fit_of("SYN opt~mss", &seg, 0, 0, diff), FIT_YES);
    assert_int_equal(fit_of("SYN opt~mss=1460", &seg, 0, 0, diff), FIT_YES);
    assert_int_equal(fit_of("SYN opt~mss=1461", &seg, 0, 0, diff), FIT_FIELDS);
    assert_string_equal(diff, "option mss=1460, expected mss=1461");
    assert_int_equal(fit_of("SYN opt!~mss", &seg, 0, 0, diff), FIT_FIELDS);
    assert_int_equal(fit_of("SYN opt!~ts", &seg, 0, 0, diff), FIT_YES);
    assert_int_equal(fit_of("SYN opt~ts", &seg, 0, 0, diff), FIT_FIELDS);
    assert_string_equal(diff, "no option ts");
}

static void what_the_ip_header_and_the_urgent_pointer_say_is_named(void **state)
{
    (void)state;
    struct sp_seg seg = {.flags = SP_ACK | SP_URG, .tos = 46 << 2 | 3, .ttl = 64, .urgent = 5};
    char diff[SAY_MAX];
    assert_int_equal(fit_of("ACK dscp=46 ecn=3 ttl=64 urg=5", &seg, 1, 1, diff), FIT_YES);
    assert_int_equal(fit_of("ACK dscp=0", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "dscp=46, expected dscp=0");
    assert_int_equal(fit_of("ACK ecn=0..2", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "ecn=3, expected ecn=0..2");
    assert_int_equal(fit_of("ACK ttl=63", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "ttl=64, expected ttl=63");
    assert_int_equal(fit_of("ACK urg=4", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "urg=5, expected urg=4");
    seg.flags = SP_ACK;
    assert_int_equal(fit_of("ACK urg=5", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "no URG, expected urg=5");
}

static void options_that_break_off_and_bytes_behind_their_end_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        uint8_t opt[8];
        const char *why;
    } rows[] = {
        {"ACK opt!~malformed opt!~junk", {1, 1, 1, 1, 2, 4, 5, 180}, ""},
        {"ACK opt!~malformed opt!~junk", {2, 4, 5, 180, 0, 0, 0, 0}, ""},
        {"ACK opt!~malformed", {253, 1, 1, 1, 1, 1, 1, 1}, "option malformed, expected none"},
        {"ACK opt!~malformed", {2, 4, 5, 180, 253, 9, 0, 0}, "option malformed, expected none"},
        {"ACK opt!~junk", {2, 4, 5, 180, 0, 0, 7, 0}, "option junk, expected none"},
        {"ACK opt!~junk", {0, 2, 4, 5, 180, 0, 0, 0}, "option junk, expected none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_seg seg = {.flags = SP_ACK, .opt_len = 8};
        char diff[SAY_MAX];
        memcpy(seg.opt, rows[i].opt, sizeof rows[i].opt);
        assert_int_equal(fit_of(rows[i].pattern, &seg, 1, 1, diff),
                         *rows[i].why ? FIT_FIELDS : FIT_YES);
        assert_string_equal(diff, rows[i].why);
    }
}

static void a_segment_that_may_be_cut_is_told(void **state)
{
    (void)state;
    struct sp_seg seg = {.flags = SP_ACK, .src.family = SP_IPV4};
    char diff[SAY_MAX];
    assert_int_equal(fit_of("ACK df", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "may be fragmented, expected DF");
    seg.ip_df = true;
    assert_int_equal(fit_of("ACK df", &seg, 1, 1, diff), FIT_YES);
    seg = (struct sp_seg){.flags = SP_ACK, .src.family = SP_IPV6};
    assert_int_equal(fit_of("ACK df", &seg, 1, 1, diff), FIT_YES);
}

static void wrong_checksums_are_told(void **state)
{
    (void)state;
    struct sp_seg seg = {.flags = SP_ACK, .checksum_ok = true, .ip_checksum_ok = true};
    char diff[SAY_MAX];
    assert_int_equal(fit_of("ACK goodsum", &seg, 1, 1, diff), FIT_YES);
    seg.checksum_ok = false;
    assert_int_equal(fit_of("ACK", &seg, 1, 1, diff), FIT_YES);
    assert_int_equal(fit_of("ACK goodsum", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "a wrong TCP checksum, expected a right one");
    seg.checksum_ok = true;
    seg.ip_checksum_ok = false;
    assert_int_equal(fit_of("ACK goodsum", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "a wrong IP checksum, expected a right one");
}

static void the_first_sack_block_and_the_echoed_timestamp_are_compared(void **state)
{
    (void)state;
    struct sp_seg seg = {.flags = SP_ACK, .ack = 1001};
    struct sp_opt ts = {.kind = SP_OPT_TIMESTAMPS, .ts_val = 7, .ts_ecr = 9};
    struct sp_opt sack = {.kind = SP_OPT_SACK, .sack_count = 2};
    char diff[SAY_MAX];
    assert_int_equal(fit_of("ACK sack=31..40", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "no SACK block, expected sack=31..40");
    sack.sack[0].left = 1031;
    sack.sack[0].right = 1041;
    sack.sack[1].left = 1011;
    sack.sack[1].right = 1021;
    assert_int_equal(sp_opt_add(&seg, &ts, NULL), SP_OK);
    assert_int_equal(sp_opt_add(&seg, &sack, NULL), SP_OK);
    assert_int_equal(fit_of("ACK sack=31..40 opt~ts=7 opt~ecr=9", &seg, 1, 1, diff), FIT_YES);
    assert_int_equal(fit_of("ACK sack=11..20", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "sack=31..40, expected sack=11..20");
    assert_int_equal(fit_of("ACK opt~ecr=7", &seg, 1, 1, diff), FIT_FIELDS);
    assert_string_equal(diff, "option ecr=9, expected ecr=7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_fin_and_rst_are_exact),
        cmocka_unit_test(payload_and_numbers_are_named),
        cmocka_unit_test(options_are_contained_absent_or_of_a_value),
        cmocka_unit_test(what_the_ip_header_and_the_urgent_pointer_say_is_named),
        cmocka_unit_test(options_that_break_off_and_bytes_behind_their_end_are_told),
        cmocka_unit_test(a_segment_that_may_be_cut_is_told),
        cmocka_unit_test(wrong_checksums_are_told),
        cmocka_unit_test(the_first_sack_block_and_the_echoed_timestamp_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
