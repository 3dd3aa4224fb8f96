/* What the path knows of a connection: which segments a pattern means, and what an end would say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "path_in.h"

static const uint32_t isn[DIRS] = {0xfffffff0u, 7000}; /* the client's numbers wrap */

/* A segment at a position of its sender's stream (a SYN is at 0). */
static struct sp_seg seg_at(enum path_dir dir, uint8_t flags, uint32_t at, uint32_t ack,
                            uint32_t len)
{
    struct sp_seg seg = {.flags = flags,
                         .seq = isn[dir] + at,
                         .ack = (flags & SP_ACK) ? isn[1 - dir] + ack : 0,
                         .window = 1000,
                         .payload_len = len};
    struct sp_addr *client = dir == FROM_CLIENT ? &seg.src : &seg.dst;
    struct sp_addr *server = dir == FROM_CLIENT ? &seg.dst : &seg.src;
    assert_int_equal(sp_addr_parse("10.0.0.1:4000", client, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.2:80", server, NULL), SP_OK);
    return seg;
}

static void learn(struct path_talks *talks, enum path_dir dir, uint8_t flags, uint32_t at,
                  uint32_t ack, uint32_t len)
{
    struct sp_seg seg = seg_at(dir, flags, at, ack, len);
    if (flags & SP_SYN) {
        struct sp_opt wscale = {.kind = SP_OPT_WSCALE, .wscale = 2};
        struct sp_opt ts = {.kind = SP_OPT_TIMESTAMPS, .ts_val = 5 + (uint32_t)dir};
        assert_int_equal(sp_opt_add(&seg, &wscale, NULL), SP_OK);
        assert_int_equal(sp_opt_add(&seg, &ts, NULL), SP_OK);
    }
    path_talk_learn(talks, dir, &seg);
}

/* A handshake, and ten bytes of the client that are acknowledged. */
static void open_talk(struct path_talks *talks)
{
    *talks = (struct path_talks){0};
    learn(talks, FROM_CLIENT, SP_SYN, 0, 0, 0);
    learn(talks, FROM_SERVER, SP_SYN | SP_ACK, 0, 1, 0);
    learn(talks, FROM_CLIENT, SP_ACK, 1, 1, 0);
    learn(talks, FROM_CLIENT, SP_ACK | SP_PSH, 1, 1, 10);
    learn(talks, FROM_SERVER, SP_ACK, 1, 11, 0);
}

static bool fits(const struct path_talks *talks, const struct sp_pattern *pattern, uint32_t at,
                 uint32_t len)
{
    struct sp_seg seg = seg_at(FROM_CLIENT, SP_ACK, at, 1, len);
    return path_talk_fits(talks, FROM_CLIENT, pattern, &seg);
}

static void bytes_are_counted_from_the_initial_number(void **state)
{
    (void)state;
    struct path_talks talks;
    struct sp_pattern pattern = {.bytes = {.set = true, .min = 11, .max = 20}};
    open_talk(&talks);
    assert_true(fits(&talks, &pattern, 11, 10));
    assert_false(fits(&talks, &pattern, 12, 10));
    assert_false(fits(&talks, &pattern, 11, 9));
}

static void again_is_what_was_sent_before(void **state)
{
    (void)state;
    struct path_talks talks;
    struct sp_pattern pattern = {.any_payload = true, .again = true};
    open_talk(&talks);
    assert_true(fits(&talks, &pattern, 1, 10));
    assert_false(fits(&talks, &pattern, 11, 10)); /* new */
    assert_false(fits(&talks, &pattern, 11, 0));  /* a pure ACK is never sent again */
}

static void a_probe_stands_one_before_what_is_next(void **state)
{
    (void)state;
    struct path_talks talks;
    struct sp_pattern keepalive = {.class_ = SP_CLASS_KEEPALIVE};
    struct sp_pattern window = {.class_ = SP_CLASS_ZERO_WINDOW_PROBE};
    open_talk(&talks);
    assert_true(fits(&talks, &keepalive, 10, 0));
    assert_false(fits(&talks, &window, 10, 0));
    assert_false(fits(&talks, &keepalive, 11, 0));
    talks.items[0].end[FROM_SERVER].window = 0;
    assert_false(fits(&talks, &keepalive, 10, 0));
    assert_true(fits(&talks, &window, 10, 0));
}

static void an_end_would_go_on_where_it_is(void **state)
{
    (void)state;
    struct path_talks talks;
    open_talk(&talks);
    struct forge client = path_talk_forge(&talks.items[0], FROM_CLIENT);
    assert_int_equal(client.seq, isn[FROM_CLIENT] + 11);
    assert_int_equal(client.ack, isn[FROM_SERVER] + 1);
    assert_true(client.ts);
    assert_int_equal(client.ts_val, 5);
    assert_int_equal(client.ts_ecr, 6);
    assert_int_equal(client.ends[SP_WHO_SERVER].rcv_nxt, isn[FROM_CLIENT] + 11);
    assert_int_equal(client.ends[SP_WHO_SERVER].window_bytes, 4000); /* both scale, by 2 */
    assert_int_equal(client.ends[SP_WHO_CLIENT].snd_una, isn[FROM_CLIENT] + 11);
    assert_int_equal(client.ends[SP_WHO_CLIENT].snd_nxt, isn[FROM_CLIENT] + 11);
}

static void a_syn_with_another_number_begins_anew(void **state)
{
    (void)state;
    struct path_talks talks;
    open_talk(&talks);
    struct sp_seg syn = seg_at(FROM_CLIENT, SP_SYN, 50000, 0, 0);
    path_talk_learn(&talks, FROM_CLIENT, &syn);
    assert_int_equal(talks.len, 1);
    assert_int_equal(talks.items[0].end[FROM_CLIENT].isn, isn[FROM_CLIENT] + 50000);
    assert_false(talks.items[0].end[FROM_SERVER].isn_known);
}

static void the_newest_is_the_one_that_was_opened_last(void **state)
{
    (void)state;
    struct path_talks talks;
    struct sp_addr any = {0};
    open_talk(&talks);
    for (uint16_t port = 5000; port < 5000 + TALKS_MAX; port++) { /* one more than there is room */
        struct sp_seg syn = seg_at(FROM_CLIENT, SP_SYN, 0, 0, 0);
        syn.src.port = port;
        path_talk_learn(&talks, FROM_CLIENT, &syn);
    }
    assert_int_equal(talks.len, TALKS_MAX);
    const struct path_talk *newest = path_talk_newest(&talks, FROM_CLIENT, &any, &any);
    assert_int_equal(newest->addr[FROM_CLIENT].port, 5000 + TALKS_MAX - 1);
    struct sp_seg first = seg_at(FROM_CLIENT, SP_ACK, 1, 1, 0);
    assert_null(path_talk_of(&talks, FROM_CLIENT, &first));
    first.src.port = 5000;
    assert_ptr_equal(path_talk_newest(&talks, FROM_CLIENT, &first.src, &any),
                     path_talk_of(&talks, FROM_CLIENT, &first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_counted_from_the_initial_number),
        cmocka_unit_test(again_is_what_was_sent_before),
        cmocka_unit_test(a_probe_stands_one_before_what_is_next),
        cmocka_unit_test(an_end_would_go_on_where_it_is),
        cmocka_unit_test(a_syn_with_another_number_begins_anew),
        cmocka_unit_test(the_newest_is_the_one_that_was_opened_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
