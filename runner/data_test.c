/* Data beside a program: which of the places counts, and what is not taken for it. */
#include "data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static const char *below_root(const char *path)
{
    static char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    return full;
}

static void folder(const char *path)
{
    assert_int_equal(mkdir(below_root(path), 0755), 0);
}

static void file(const char *path)
{
    FILE *f = fopen(below_root(path), "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void expect(const char *name, enum data_kind kind, const char *want)
{
    char program[256], got[256];
    snprintf(program, sizeof program, "%s", below_root("tree/bin/sockproof"));
    bool found = data_find_beside(program, name, kind, got, sizeof got);
    assert_int_equal(found, want != NULL);
    assert_string_equal(got, want ? below_root(want) : "");
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/sockproof-data-XXXXXX");
    assert_non_null(mkdtemp(root));
    folder("tree");
    folder("tree/bin");
    folder("tree/share");
    folder("tree/share/sockproof");
    folder("here");
    assert_int_equal(chdir(below_root("here")), 0);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return chdir("/") || system(command);
}

static void the_nearest_place_counts(void **state)
{
    (void)state;
    expect("cases", DATA_FOLDER, NULL);
    folder("tree/share/sockproof/cases");
    expect("cases", DATA_FOLDER, "tree/bin/../share/sockproof/cases");
    folder("tree/cases");
    expect("cases", DATA_FOLDER, "tree/bin/../cases");
    folder("tree/bin/cases");
    expect("cases", DATA_FOLDER, "tree/bin/cases");
    folder("here/cases");
    char got[64];
    assert_true(
        data_find_beside(below_root("tree/bin/sockproof"), "cases", DATA_FOLDER, got, sizeof got));
    assert_string_equal(got, "cases");
}

static void a_file_is_no_folder_and_a_folder_no_file(void **state)
{
    (void)state;
    file("here/cases");
    folder("tree/cases");
    expect("cases", DATA_FOLDER, "tree/bin/../cases");
    expect("share", DATA_FILE, NULL);
    file("tree/list.tsv");
    expect("list.tsv", DATA_FILE, "tree/bin/../list.tsv");
    expect("list.tsv", DATA_FOLDER, NULL);
}

static void a_path_that_has_no_room_is_not_found_in_part(void **state)
{
    (void)state;
    char got[16];
    folder("tree/bin/cases");
    assert_false(
        data_find_beside(below_root("tree/bin/sockproof"), "cases", DATA_FOLDER, got, sizeof got));
    assert_string_equal(got, "");
    assert_false(data_find_beside("", "cases", DATA_FOLDER, got, sizeof got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nearest_place_counts, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_file_is_no_folder_and_a_folder_no_file, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(a_path_that_has_no_room_is_not_found_in_part, make_root,
                                        remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
