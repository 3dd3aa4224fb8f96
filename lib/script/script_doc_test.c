/* docs/case-language.md: every example on the page is a case, and every word of the tables is on
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

#define PAGE   SP_SOURCE_DIR "/docs/case-language.md"
#define HEADER "case doc/example\ntitle an example\nspec DOC:page\nlabs veth\nfamily ipv4\n\n"

enum { PAGE_MAX = 1 << 18, EXAMPLES_AT_LEAST = 12 };

static char *read_page(void)
{
    FILE *file = fopen(PAGE, "rb");
    assert_non_null(file);
    char *text = sp_xcalloc(1, PAGE_MAX);
    size_t len = fread(text, 1, PAGE_MAX - 1, file);
    fclose(file);
    assert_true(len > 0 && len < PAGE_MAX - 1);
    return text;
}

static void check_example(const char *text, size_t len)
{
    struct sp_buf whole;
    struct sp_buf out;
    struct sp_case c;
    struct sp_diags diags;
    sp_buf_init(&whole, 0);
    sp_buf_init(&out, 0);
    sp_diags_init(&diags);
    if (strncmp(text, "case ", 5) != 0)
        sp_buf_addstr(&whole, HEADER);
    sp_buf_add(&whole, text, len);
    enum sp_rc rc = sp_case_parse(NULL, whole.data, whole.len, &c, &diags, NULL);
    if (rc) {
        sp_diags_print(&diags, "case-language.md", whole.data, whole.len, &out);
        fail_msg("%s", out.data);
    }
    sp_case_release(&c);
    sp_diags_release(&diags);
    sp_buf_release(&out);
    sp_buf_release(&whole);
}

static void every_example_is_understood(void **state)
{
    (void)state;
    static const char begin[] = "\n```case\n";
    char *page = read_page();
    int examples = 0;
    for (char *at = page; (at = strstr(at, begin)); examples++) {
        char *text = at + sizeof begin - 1;
        char *end = strstr(text, "\n```");
        assert_non_null(end);
        check_example(text, (size_t)(end + 1 - text));
        at = end + 1;
    }
    assert_true(examples >= EXAMPLES_AT_LEAST);
    free(page);
}

static void every_call_is_on_the_page(void **state)
{
    (void)state;
    char *page = read_page();
    for (const char *const *call = sp_script_calls(); *call; call++) {
        char row[64];
        snprintf(row, sizeof row, "`%s`", *call);
        if (!strstr(page, row))
            fail_msg("%s is not in the table of calls", *call);
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_understood),
        cmocka_unit_test(every_call_is_on_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
