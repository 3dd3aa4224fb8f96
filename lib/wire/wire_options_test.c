/* TCP options: walked, written, and what is wrong in them found without reading past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire.h"

static struct sp_seg with_options(const uint8_t *bytes, size_t len)
{
    struct sp_seg seg = {.opt_len = (uint8_t)len};
    memcpy(seg.opt, bytes, len);
    return seg;
}

static void what_is_added_is_walked_in_order(void **state)
{
    (void)state;
    struct sp_seg seg = {0};
    const struct sp_opt opts[] = {
        {.kind = SP_OPT_MSS, .mss = 1460},
        {.kind = SP_OPT_SACK_OK},
        {.kind = SP_OPT_NOP},
        {.kind = SP_OPT_WSCALE, .wscale = 14},
        {.kind = SP_OPT_TIMESTAMPS, .ts_val = 0xfffffffe, .ts_ecr = 3},
        {.kind = SP_OPT_SACK, .sack_count = 1, .sack = {{10, 20}}},
        {.kind = SP_OPT_FASTOPEN, .len = 6, .data = (const uint8_t *)"abcd"},
        {.kind = SP_OPT_EOL},
    };
    enum { OPTS = sizeof opts / sizeof opts[0] };
    for (int i = 0; i < OPTS; i++)
        assert_int_equal(sp_opt_add(&seg, &opts[i], NULL), SP_OK);
    assert_int_equal(seg.opt_len, 4 + 2 + 1 + 3 + 10 + 10 + 6 + 1);
    struct sp_opt opt;
    size_t pos = 0;
    bool malformed = true;
    for (int i = 0; i < OPTS; i++) {
        assert_true(sp_opt_next(&seg, &pos, &opt, &malformed));
        assert_int_equal(opt.kind, opts[i].kind);
        assert_int_equal(opt.mss, opts[i].mss);
        assert_int_equal(opt.wscale, opts[i].wscale);
        assert_int_equal(opt.ts_val, opts[i].ts_val);
        assert_int_equal(opt.ts_ecr, opts[i].ts_ecr);
        assert_int_equal(opt.sack_count, opts[i].sack_count);
        assert_int_equal(opt.sack[0].left, opts[i].sack[0].left);
        assert_int_equal(opt.sack[0].right, opts[i].sack[0].right);
        if (opt.kind == SP_OPT_FASTOPEN)
            assert_memory_equal(opt.data, "abcd", 4);
    }
    assert_false(sp_opt_next(&seg, &pos, &opt, &malformed));
    assert_false(malformed);
}

static void nothing_after_the_end_of_options_is_read(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 2, 99, 1};
    struct sp_seg seg = with_options(bytes, sizeof bytes);
    struct sp_opt opt;
    size_t pos = 0;
    bool malformed;
    assert_true(sp_opt_next(&seg, &pos, &opt, &malformed));
    assert_int_equal(opt.kind, SP_OPT_EOL);
    assert_false(sp_opt_next(&seg, &pos, &opt, &malformed));
    assert_false(malformed);
}

static void an_option_is_found_by_its_kind(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 3, 3, 7, 3, 3, 8, 0, 2, 4, 5, 180};
    struct sp_seg seg = with_options(bytes, sizeof bytes);
    struct sp_opt opt;
    assert_true(sp_opt_find(&seg, SP_OPT_WSCALE, &opt));
    assert_int_equal(opt.wscale, 7); /* the first of two */
    assert_false(sp_opt_find(&seg, SP_OPT_TIMESTAMPS, &opt));
    assert_false(sp_opt_find(&seg, SP_OPT_MSS, &opt)); /* behind the end of options */
}

static void an_unknown_option_is_stepped_over(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {253, 4, 0xaa, 0xbb, 3, 3, 7};
    struct sp_seg seg = with_options(bytes, sizeof bytes);
    struct sp_opt opt;
    size_t pos = 0;
    assert_true(sp_opt_next(&seg, &pos, &opt, NULL));
    assert_int_equal(opt.kind, 253);
    assert_int_equal(opt.len, 4);
    assert_true(sp_opt_next(&seg, &pos, &opt, NULL));
    assert_int_equal(opt.wscale, 7);
    struct sp_buf out;
    sp_buf_init(&out, 0);
    sp_opt_print(&seg, 0, &out);
    assert_string_equal(out.data, "option-253 aabb,wscale 7");
    sp_buf_release(&out);
}

static void impossible_lengths_end_the_walk_as_malformed(void **state)
{
    (void)state;
    static const struct {
        uint8_t len;
        uint8_t bytes[12];
    } rows[] = {
        {1, {2}},                                 /* no room for a length */
        {2, {2, 0}},                              /* shorter than itself */
        {2, {253, 1}},                            /* the same, unknown kind */
        {3, {2, 4, 5}},                           /* runs over the end */
        {3, {2, 3, 5}},                           /* MSS of one byte */
        {4, {3, 4, 7, 0}},                        /* window scale of two */
        {3, {4, 3, 0}},                           /* SACK permitted with data */
        {8, {8, 8, 0, 0, 0, 0, 0, 0}},            /* timestamps cut short */
        {10, {5, 2, 0, 0, 0, 0, 0, 0, 0, 0}},     /* SACK without a block */
        {12, {5, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, /* and with a broken one */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_seg seg = with_options(rows[i].bytes, rows[i].len);
        struct sp_opt opt;
        size_t pos = 0;
        bool malformed = false;
        assert_false(sp_opt_next(&seg, &pos, &opt, &malformed));
        assert_true(malformed);
        assert_false(sp_opt_next(&seg, &pos, &opt, NULL)); /* and stays ended */
        struct sp_buf out;
        sp_buf_init(&out, 0);
        sp_opt_print(&seg, 0, &out);
        assert_non_null(strstr(out.data, "malformed option"));
        sp_buf_release(&out);
    }
}

static void sack_blocks_print_relative(void **state)
{
    (void)state;
    struct sp_seg seg = {0};
    struct sp_opt opt = {.kind = SP_OPT_SACK, .sack_count = 2, .sack = {{110, 120}, {130, 140}}};
    struct sp_buf out;
    assert_int_equal(sp_opt_add(&seg, &opt, NULL), SP_OK);
    sp_buf_init(&out, 0);
    sp_opt_print(&seg, 100, &out);
    assert_string_equal(out.data, "sack 10:20 30:40");
    sp_buf_release(&out);
}

static void options_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct sp_seg seg = {0};
    struct sp_opt ts = {.kind = SP_OPT_TIMESTAMPS};
    for (int i = 0; i < 4; i++)
        assert_int_equal(sp_opt_add(&seg, &ts, NULL), SP_OK);
    struct sp_opt nop = {.kind = SP_OPT_NOP};
    assert_int_equal(sp_opt_add(&seg, &nop, NULL), SP_E_LIMIT);
    assert_int_equal(seg.opt_len, 40);
    struct sp_seg empty = {0};
    struct sp_opt sack = {.kind = SP_OPT_SACK, .sack_count = 5};
    assert_int_equal(sp_opt_add(&empty, &sack, NULL), SP_E_USAGE);
    struct sp_opt unknown = {.kind = 200, .len = 41};
    assert_int_equal(sp_opt_add(&empty, &unknown, NULL), SP_E_USAGE);
    assert_int_equal(empty.opt_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_walked_in_order),
        cmocka_unit_test(nothing_after_the_end_of_options_is_read),
        cmocka_unit_test(an_option_is_found_by_its_kind),
        cmocka_unit_test(an_unknown_option_is_stepped_over),
        cmocka_unit_test(impossible_lengths_end_the_walk_as_malformed),
        cmocka_unit_test(sack_blocks_print_relative),
        cmocka_unit_test(options_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
