/* The arena, the growing array, the bounded buffer, and text as JSON. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json_text.h"
#include "mem.h"

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct sp_arena arena;
    unsigned char *kept[200];
    sp_arena_init(&arena);
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * 37 + 1; /* some of them larger than what is left of a block */
        kept[i] = sp_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)kept[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(kept[i][k], 0);
        memset(kept[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * 37 + 1; k++)
            assert_int_equal(kept[i][k], (unsigned char)i);
    sp_arena_release(&arena);
}

static void an_arena_holds_more_than_a_block_at_once(void **state)
{
    (void)state;
    struct sp_arena arena;
    sp_arena_init(&arena);
    char *big = sp_arena_alloc(&arena, 1 << 20);
    memset(big, 1, 1 << 20);
    assert_int_equal(*(char *)sp_arena_alloc(&arena, 1), 0);
    sp_arena_release(&arena);
    sp_arena_release(&arena); /* an empty one is nothing to release */
}

static void arena_strings_are_copies(void **state)
{
    (void)state;
    struct sp_arena arena;
    sp_arena_init(&arena);
    char text[] = "abc";
    char *copy = sp_arena_strdup(&arena, text);
    char *part = sp_arena_strndup(&arena, text, 2);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_string_equal(part, "ab");
    assert_null(sp_arena_strdup(&arena, NULL));
    assert_string_equal(sp_arena_printf(&arena, "%s-%d", "n", 7), "n-7");
    assert_string_equal(sp_arena_printf(&arena, "%s", ""), "");
    sp_arena_release(&arena);
}

static void pushing_keeps_what_is_there_and_zeroes_what_is_new(void **state)
{
    (void)state;
    struct pair {
        int a;
        int b;
    } *items = NULL;
    size_t len = 0;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        struct pair *pair = &SP_PUSH(items, len, cap);
        assert_int_equal(pair->a, 0);
        assert_int_equal(pair->b, 0);
        *pair = (struct pair){i, -1};
    }
    assert_int_equal(len, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i].a, i);
    free(items);
}

static void a_buffer_is_always_terminated(void **state)
{
    (void)state;
    struct sp_buf buf;
    sp_buf_init(&buf, 0);
    for (int i = 0; i < 1000; i++) {
        sp_buf_addf(&buf, "%d,", i);
        assert_int_equal(strlen(buf.data), buf.len);
    }
    sp_buf_add(&buf, "a\0b", 3);
    assert_memory_equal(buf.data + buf.len - 3, "a\0b", 4);
    sp_buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    sp_buf_addch(&buf, 'x');
    sp_buf_addstr(&buf, "yz");
    assert_string_equal(buf.data, "xyz");
    sp_buf_release(&buf);
    assert_null(buf.data);
}

static void a_buffer_takes_its_maximum_and_not_one_byte_more(void **state)
{
    (void)state;
    struct sp_buf buf;
    sp_buf_init(&buf, 5);
    sp_buf_addstr(&buf, "abc");
    sp_buf_addf(&buf, "%s", "de");
    assert_false(buf.overflow);
    assert_string_equal(buf.data, "abcde");
    sp_buf_addch(&buf, 'f');
    assert_true(buf.overflow);
    assert_string_equal(buf.data, "abcde");
    sp_buf_reset(&buf);
    assert_false(buf.overflow);
    sp_buf_addf(&buf, "%d", 123456);
    assert_true(buf.overflow);
    assert_int_equal(buf.len, 0);
    sp_buf_release(&buf);
}

static void after_an_overflow_nothing_more_is_taken(void **state)
{
    (void)state;
    struct sp_buf buf;
    sp_buf_init(&buf, 4);
    sp_buf_addstr(&buf, "ab");
    sp_buf_addstr(&buf, "cde");
    sp_buf_addstr(&buf, "f"); /* would fit, and leave a hole where "cde" was refused */
    assert_string_equal(buf.data, "ab");
    assert_true(buf.overflow);
    sp_buf_release(&buf);
}

static void assert_json(const char *text, const char *json)
{
    struct sp_buf buf;
    sp_buf_init(&buf, 0);
    sp_json_add_string(&buf, text);
    assert_string_equal(buf.data, json);
    sp_buf_release(&buf);
}

static void text_becomes_a_json_string(void **state)
{
    (void)state;
    assert_json("", "\"\"");
    assert_json("plain /text", "\"plain /text\"");
    assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
    assert_json("\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    assert_json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void bytes_that_are_not_utf8_become_replacements(void **state)
{
    (void)state;
    assert_json("a\xffz", "\"a\xef\xbf\xbdz\"");
    assert_json("\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"");                 /* overlong */
    assert_json("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* a surrogate */
    assert_json("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");                 /* cut short */
    assert_json("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(an_arena_holds_more_than_a_block_at_once),
        cmocka_unit_test(arena_strings_are_copies),
        cmocka_unit_test(pushing_keeps_what_is_there_and_zeroes_what_is_new),
        cmocka_unit_test(a_buffer_is_always_terminated),
        cmocka_unit_test(a_buffer_takes_its_maximum_and_not_one_byte_more),
        cmocka_unit_test(after_an_overflow_nothing_more_is_taken),
        cmocka_unit_test(text_becomes_a_json_string),
        cmocka_unit_test(bytes_that_are_not_utf8_become_replacements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
