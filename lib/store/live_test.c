/* Files that are replaced again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live.h"

struct fixture {
    char dir[64];
    char path[96];
    struct sp_live live;
};

static int set_up(void **state)
{
    struct fixture *f = sp_xcalloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/sp-live-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/file", f->dir);
    sp_live_open(&f->live, f->path);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sp_live_close(&f->live);
    unlink(f->path);
    int rc = rmdir(f->dir);
    free(f);
    return rc;
}

static void show(struct fixture *f, const char *head, const char *foot)
{
    const struct sp_piece pieces[] = {{head, strlen(head)}, {foot, strlen(foot)}};
    assert_int_equal(sp_live_write(&f->live, pieces, 2, strlen(head), NULL), SP_OK);
}

static void holds(const struct fixture *f, const char *text)
{
    struct sp_buf found;
    sp_buf_init(&found, 0);
    assert_int_equal(sp_file_read(f->path, 1000, &found, NULL), SP_OK);
    assert_string_equal(found.data, text);
    sp_buf_release(&found);
}

static void a_reader_keeps_the_version_that_it_opened(void **state)
{
    struct fixture *f = *state;
    char found[32] = "";
    show(f, "one", "first");
    show(f, "one two", "second");
    FILE *reader = fopen(f->path, "re");
    assert_non_null(reader);
    show(f, "one two three", "third");
    show(f, "one two three four", "fourth");
    show(f, "one two three four five", "fifth");
    assert_int_equal(fread(found, 1, sizeof found - 1, reader), strlen("one twosecond"));
    assert_string_equal(found, "one twosecond");
    fclose(reader);
    holds(f, "one two three four fivefifth");
}

static void each_version_is_whole_also_where_it_is_shorter(void **state)
{
    struct fixture *f = *state;
    show(f, "a", "-tail that is long");
    holds(f, "a-tail that is long");
    show(f, "ab", "-t");
    holds(f, "ab-t");
    show(f, "abc", "");
    holds(f, "abc");
    show(f, "abcdefghijkl", "-end");
    holds(f, "abcdefghijkl-end");
}

static void what_may_change_is_written_again_when_told(void **state)
{
    struct fixture *f = *state;
    show(f, "one", "");
    show(f, "one", ".");
    sp_live_forget(&f->live);
    show(f, "two", "!");
    holds(f, "two!");
}

static void no_version_after_the_second_makes_or_frees_an_inode(void **state)
{
    struct fixture *f = *state;
    ino_t seen[6];
    int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool leases = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
    close(fd);
    if (!leases)
        skip(); /* a file system that gives none: each version is a new file */
    for (int i = 0; i < 6; i++) {
        struct stat st;
        show(f, "x", i % 2 ? "odd" : "even");
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_nlink, 1);
        seen[i] = st.st_ino;
    }
    assert_int_not_equal(seen[0], seen[1]);
    for (int i = 2; i < 6; i++)
        assert_int_equal(seen[i], seen[i - 2]);
}

static void what_a_killed_process_left_beside_it_goes(void **state)
{
    struct fixture *f = *state;
    char beside[128];
    show(f, "kept", "");
    static const char *const suffixes[] = {".new", ".old"};
    for (int i = 0; i < 2; i++) {
        snprintf(beside, sizeof beside, "%s%s", f->path, suffixes[i]);
        FILE *left = fopen(beside, "w");
        assert_non_null(left);
        fclose(left);
    }
    struct sp_live again;
    sp_live_open(&again, f->path);
    for (int i = 0; i < 2; i++) {
        snprintf(beside, sizeof beside, "%s%s", f->path, suffixes[i]);
        assert_int_not_equal(access(beside, F_OK), 0);
    }
    holds(f, "kept");
    sp_live_close(&again);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct sp_live live;
    struct sp_err err = {0};
    const struct sp_piece piece = {"x", 1};
    sp_live_open(&live, "/nonexistent/run.json");
    assert_int_equal(sp_live_write(&live, &piece, 1, 1, &err), SP_E_IO);
    assert_non_null(strstr(err.text, "/nonexistent/run.json"));
    sp_live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reader_keeps_the_version_that_it_opened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_version_is_whole_also_where_it_is_shorter, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_may_change_is_written_again_when_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_version_after_the_second_makes_or_frees_an_inode, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_killed_process_left_beside_it_goes, set_up,
                                        tear_down),
        cmocka_unit_test(a_place_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
