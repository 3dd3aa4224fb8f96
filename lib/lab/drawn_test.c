#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

/* What getrandom(2) came to in a child: 0, or the error. */
static int drawn_by_child(bool grandchild)
{
    char byte;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (sp_lab_draw_nothing(NULL) != SP_OK)
            _exit(255);
        if (grandchild && fork() != 0) {
            wait(&status);
            _exit(WEXITSTATUS(status));
        }
        _exit(getrandom(&byte, 1, GRND_NONBLOCK) == 1 ? 0 : errno);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_kernel_to_be_and_its_children_draw_nothing(void **state)
{
    (void)state;
    assert_int_equal(drawn_by_child(false), ENOSYS);
    assert_int_equal(drawn_by_child(true), ENOSYS);
}

static void who_did_not_ask_for_it_still_draws(void **state)
{
    (void)state;
    char byte;
    assert_int_equal(drawn_by_child(false), ENOSYS);
    assert_int_equal(getrandom(&byte, 1, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_to_be_and_its_children_draw_nothing),
        cmocka_unit_test(who_did_not_ask_for_it_still_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
