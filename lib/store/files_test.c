/* Files of results: whole, or not there. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "files.h"

struct fixture {
    char dir[64];
    char path[96];
};

static int set_up(void **state)
{
    struct fixture *f = sp_xcalloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/sp-files-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/file", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    int status = system(command);
    free(f);
    return status;
}

static const struct sp_piece pieces[] = {{"one ", 4}, {"and two", 7}};

static void assert_holds(const char *path, const char *text)
{
    struct sp_buf read;
    sp_buf_init(&read, 0);
    assert_int_equal(sp_file_read(path, 4096, &read, NULL), SP_OK);
    assert_int_equal(read.len, strlen(text));
    assert_memory_equal(read.data, text, read.len);
    sp_buf_release(&read);
}

static void a_new_file_is_its_pieces_and_nothing_stands_beside_it(void **state)
{
    const struct fixture *f = *state;
    char beside[128];
    snprintf(beside, sizeof beside, "%s.new", f->path);
    assert_int_equal(sp_file_write_new(f->path, pieces, 2, NULL), SP_OK);
    assert_holds(f->path, "one and two");
    assert_int_equal(access(beside, F_OK), -1);
}

/* Whoever has the old one open goes on reading it. */
static void one_that_is_there_is_replaced_and_not_written_over(void **state)
{
    const struct fixture *f = *state;
    struct stat before, after;
    assert_int_equal(sp_file_write_new(f->path, pieces, 1, NULL), SP_OK);
    assert_int_equal(stat(f->path, &before), 0);
    FILE *open_still = fopen(f->path, "r");
    assert_non_null(open_still);
    assert_int_equal(sp_file_write_new(f->path, pieces, 2, NULL), SP_OK);
    assert_int_equal(stat(f->path, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_holds(f->path, "one and two");
    char text[16] = "";
    assert_int_equal(fread(text, 1, sizeof text - 1, open_still), 4);
    assert_string_equal(text, "one ");
    fclose(open_still);
}

static void a_link_is_not_followed(void **state)
{
    const struct fixture *f = *state;
    char precious[96];
    snprintf(precious, sizeof precious, "%s/precious", f->dir);
    assert_int_equal(sp_file_write(precious, pieces, 1, NULL), SP_OK);
    assert_int_equal(symlink(precious, f->path), 0);
    assert_int_equal(sp_file_write_new(f->path, pieces, 2, NULL), SP_OK);
    assert_holds(precious, "one ");
    assert_holds(f->path, "one and two");
}

/* A limit on file sizes stands for a full disk: write() fails after some bytes. */
static void of_a_file_that_does_not_fit_nothing_is_left(void **state)
{
    const struct fixture *f = *state;
    struct rlimit before, tight;
    struct sp_err err = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    tight = before;
    tight.rlim_cur = 6;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum sp_rc rc = sp_file_write_new(f->path, pieces, 2, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, SP_E_IO);
    assert_int_equal(err.os_code, EFBIG);
    assert_non_null(strstr(err.text, f->path));
    assert_int_equal(access(f->path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_file_is_its_pieces_and_nothing_stands_beside_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_there_is_replaced_and_not_written_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_link_is_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_a_file_that_does_not_fit_nothing_is_left, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
