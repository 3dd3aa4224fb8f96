/* SYN_RECEIVED of sockets whose addresses come with their next record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unnamed.h"

enum { LISTENERS_PORT = 80, CLIENTS_PORT = 4000 };

static struct sp_tp_record record(int64_t t_ns, uint64_t id, enum sp_tcp_state old,
                                  enum sp_tcp_state new)
{
    return (struct sp_tp_record){.mono_ns = t_ns,
                                 .what = SP_TP_STATE,
                                 .old_state = (uint8_t)old,
                                 .new_state = (uint8_t) new,
                                 .sock_id = id,
                                 .local = {.family = SP_IPV4, .port = LISTENERS_PORT}};
}

static bool keep(struct sp_unnamed *unnamed, int64_t t_ns, uint64_t id)
{
    struct sp_tp_record born = record(t_ns, id, SP_TCP_LISTEN, SP_TCP_SYN_RECEIVED);
    return sp_unnamed_keep(unnamed, &born);
}

static bool take(struct sp_unnamed *unnamed, int64_t t_ns, uint64_t id, enum sp_tcp_state old,
                 struct sp_tp_record *out)
{
    struct sp_tp_record next = record(t_ns, id, old, SP_TCP_ESTABLISHED);
    next.remote = (struct sp_addr){.family = SP_IPV4, .port = CLIENTS_PORT};
    return sp_unnamed_take(unnamed, &next, out);
}

static void a_record_gets_the_name_of_its_sockets_next(void **state)
{
    (void)state;
    struct sp_unnamed unnamed = {.count = 0};
    struct sp_tp_record out;
    assert_true(keep(&unnamed, 10, 1));
    assert_true(keep(&unnamed, 11, 2));
    assert_true(take(&unnamed, 12, 2, SP_TCP_SYN_RECEIVED, &out));
    assert_int_equal(out.mono_ns, 11);
    assert_int_equal(out.new_state, SP_TCP_SYN_RECEIVED);
    assert_int_equal(out.remote.port, CLIENTS_PORT);
    assert_false(take(&unnamed, 13, 2, SP_TCP_SYN_RECEIVED, &out));
    assert_true(take(&unnamed, 14, 1, SP_TCP_SYN_RECEIVED, &out));
    assert_int_equal(out.mono_ns, 10);
}

static void what_has_a_name_does_not_wait(void **state)
{
    (void)state;
    struct sp_unnamed unnamed = {.count = 0};
    struct sp_tp_record named = record(10, 1, SP_TCP_LISTEN, SP_TCP_SYN_RECEIVED);
    named.remote.port = CLIENTS_PORT;
    assert_false(sp_unnamed_keep(&unnamed, &named));
    struct sp_tp_record other = record(10, 1, SP_TCP_ESTABLISHED, SP_TCP_CLOSE_WAIT);
    assert_false(sp_unnamed_keep(&unnamed, &other));
    assert_int_equal(unnamed.count, 0);
}

/* The name of the first never came: it was another run's, and its socket's memory is used again. */
static void an_id_that_is_used_again_waits_once(void **state)
{
    (void)state;
    struct sp_unnamed unnamed = {.count = 0};
    struct sp_tp_record out;
    assert_true(keep(&unnamed, 10, 1));
    assert_true(keep(&unnamed, 500, 1));
    assert_true(take(&unnamed, 501, 1, SP_TCP_SYN_RECEIVED, &out));
    assert_int_equal(out.mono_ns, 500);
    assert_false(take(&unnamed, 502, 1, SP_TCP_SYN_RECEIVED, &out));
    /* and by a socket that was opened from here */
    assert_true(keep(&unnamed, 600, 1));
    assert_false(take(&unnamed, 700, 1, SP_TCP_SYN_SENT, &out));
    assert_int_equal(unnamed.count, 0);
}

static void the_oldest_goes_where_there_are_too_many(void **state)
{
    (void)state;
    struct sp_unnamed unnamed = {.count = 0};
    struct sp_tp_record out;
    for (int i = 0; i <= SP_UNNAMED_MAX; i++)
        assert_true(keep(&unnamed, i, (uint64_t)i + 1));
    assert_int_equal(unnamed.count, SP_UNNAMED_MAX);
    assert_false(take(&unnamed, 900, 1, SP_TCP_SYN_RECEIVED, &out));
    assert_true(take(&unnamed, 900, 2, SP_TCP_SYN_RECEIVED, &out));
    assert_true(take(&unnamed, 900, SP_UNNAMED_MAX + 1, SP_TCP_SYN_RECEIVED, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_gets_the_name_of_its_sockets_next),
        cmocka_unit_test(what_has_a_name_does_not_wait),
        cmocka_unit_test(an_id_that_is_used_again_waits_once),
        cmocka_unit_test(the_oldest_goes_where_there_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
