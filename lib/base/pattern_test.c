/* The positional payload: a byte tells where it belongs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pattern.h"

enum { LEN = 4096 };

static void what_is_filled_checks_wherever_it_is_cut(void **state)
{
    (void)state;
    uint8_t whole[LEN];
    uint8_t parts[LEN];
    sp_pattern_fill('c', 0, whole, LEN);
    for (size_t at = 0, len = 1; at < LEN; at += len, len = len * 2 + 1) {
        if (len > LEN - at)
            len = LEN - at;
        sp_pattern_fill('c', at, parts + at, len);
        assert_int_equal(sp_pattern_check('c', at, whole + at, len), len);
    }
    assert_memory_equal(whole, parts, LEN);
}

static void the_first_wrong_byte_is_named(void **state)
{
    (void)state;
    uint8_t bytes[LEN];
    sp_pattern_fill('s', 1000, bytes, LEN);
    bytes[77] ^= 1;
    bytes[99] ^= 1;
    assert_int_equal(sp_pattern_check('s', 1000, bytes, LEN), 77);
    assert_int_equal(sp_pattern_check('s', 1000, bytes, 0), 0);
}

/* A byte agrees by chance once in 256: sixteen in a row do not. */
static void moved_and_foreign_bytes_show_within_sixteen(void **state)
{
    (void)state;
    static const uint64_t origins[] = {0, 1460, 65536, UINT64_C(1) << 32};
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        sp_pattern_fill('c', origins[i], bytes, sizeof bytes);
        for (uint64_t shift = 1; shift < 3000; shift++)
            assert_true(sp_pattern_check('c', origins[i] + shift, bytes, sizeof bytes) < 16);
        assert_true(sp_pattern_check('s', origins[i], bytes, sizeof bytes) < 16);
        assert_true(sp_pattern_check('p', origins[i], bytes, sizeof bytes) < 16);
    }
}

/* Stored traces are held against it: it must never change. */
static void the_pattern_is_the_one_of_stored_traces(void **state)
{
    (void)state;
    uint8_t bytes[8];
    sp_pattern_fill('c', 0, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], sp_pattern_byte('c', i));
    static const uint8_t stored[8] = {0x03, 0xe6, 0xe4, 0x04, 0xbc, 0xc7, 0x94, 0xfc};
    assert_memory_equal(bytes, stored, sizeof stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_filled_checks_wherever_it_is_cut),
        cmocka_unit_test(the_first_wrong_byte_is_named),
        cmocka_unit_test(moved_and_foreign_bytes_show_within_sixteen),
        cmocka_unit_test(the_pattern_is_the_one_of_stored_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
