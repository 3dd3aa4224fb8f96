/*
 * Every file in tests/bad-cases is refused, at the place and with the word that its sidecar says:
 * NAME.expect holds "LINE:COLUMN WORDS", and WORDS stand in what is printed about that place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>

#include <cmocka.h>

#include "script.h"

#define FOLDER SP_SOURCE_DIR "/tests/bad-cases"

enum { AT_LEAST = 40 };

static char *read_text(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = sp_xcalloc(1, (1 << 20) + 1);
    *len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

/* Prints the complaint at that place alone, so that no other one can hold the word. */
static bool complains(const struct sp_diags *diags, int line, int column, const char *word)
{
    for (size_t i = 0; i < diags->len; i++) {
        const struct sp_diag_line *item = &diags->items[i];
        if (item->warning || item->at.line != line || item->at.column != column)
            continue;
        if (strstr(item->text, word) || (item->hint && strstr(item->hint, word)))
            return true;
    }
    return false;
}

static int check(const char *name)
{
    char path[1024];
    char expect[256] = "";
    size_t len = 0;
    size_t text_len = 0;
    int line = 0;
    int column = 0;
    int used = 0;
    snprintf(path, sizeof path, "%s/%.*s.expect", FOLDER, (int)(strlen(name) - 5), name);
    char *sidecar = read_text(path, &len);
    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    char *text = read_text(path, &text_len);
    if (sidecar)
        snprintf(expect, sizeof expect, "%.*s", (int)strcspn(sidecar, "\n"), sidecar);
    if (sscanf(expect, "%d:%d %n", &line, &column, &used) != 2 || !expect[used])
        fail_msg("%s has no sidecar LINE:COLUMN WORDS", name);

    struct sp_case c;
    struct sp_diags diags;
    struct sp_buf out;
    struct sp_err err = {0};
    sp_diags_init(&diags);
    sp_buf_init(&out, 0);
    enum sp_rc rc = sp_case_load(path, &c, &diags, &err);
    sp_diags_print(&diags, name, text, text_len, &out);
    bool ok = rc == SP_E_PARSE && complains(&diags, line, column, expect + used);
    if (!ok)
        print_error("%s: rc %s, expected %s\n%s", name, sp_rc_name(rc), expect,
                    out.data ? out.data : "(no complaint)\n");
    char place[400];
    snprintf(place, sizeof place, "%s:%d:%d: error: ", name, line, column);
    if (ok && !strstr(out.data, place)) {
        print_error("%s: \"%s\" is not printed\n%s", name, place, out.data);
        ok = false;
    }
    sp_buf_release(&out);
    sp_diags_release(&diags);
    sp_case_release(&c);
    free(sidecar);
    free(text);
    return !ok;
}

static void every_bad_case_is_refused_where_it_is_wrong(void **state)
{
    (void)state;
    int count = 0;
    int wrong = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        size_t len = strlen(entry->d_name);
        if (len < 6 || strcmp(entry->d_name + len - 5, ".case") != 0)
            continue;
        count++;
        wrong += check(entry->d_name);
    }
    closedir(folder);
    assert_int_equal(wrong, 0);
    assert_true(count >= AT_LEAST);
}

static void at_most_fifty_complaints_are_made(void **state)
{
    (void)state;
    struct sp_buf text;
    struct sp_case c;
    struct sp_diags diags;
    sp_buf_init(&text, 0);
    sp_diags_init(&diags);
    for (int i = 0; i < 200; i++)
        sp_buf_addf(&text, "client wrong%d\n", i);
    assert_int_equal(sp_case_parse(NULL, text.data, text.len, &c, &diags, NULL), SP_E_PARSE);
    assert_int_equal(diags.len, 50);
    sp_case_release(&c);
    sp_diags_release(&diags);
    sp_buf_release(&text);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    struct sp_case c;
    struct sp_diags diags;
    struct sp_err err = {0};
    sp_diags_init(&diags);
    assert_int_equal(sp_case_load(FOLDER "/no-such.case", &c, &diags, &err), SP_E_NOTFOUND);
    sp_case_release(&c);
    sp_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_case_is_refused_where_it_is_wrong),
        cmocka_unit_test(at_most_fifty_complaints_are_made),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
