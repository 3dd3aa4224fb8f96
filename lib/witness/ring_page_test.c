/*
 * Pages of a tracing ring, right ones and damaged ones. Each is read from the end of a mapping with
 * nothing behind it, so that one byte too many is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "ring_page.h"

enum {
    PAGE = 4096,
    RECORDS_MAX = PAGE / 4,
    DATA_LONG = 0,
    PADDING = 29,
    TIME_EXTEND = 30,
    TIME_STAMP = 31,
    FIRST_NS = 1000000,
};
static const uint64_t MISSED = 1U << 31, STORED = 1U << 30;

struct page {
    uint8_t bytes[PAGE];
    size_t len; /* of the events */
};

struct seen {
    int64_t t_ns[RECORDS_MAX];
    size_t len[RECORDS_MAX];
    uint8_t first[RECORDS_MAX];
    size_t count;
    uint64_t lost;
    const uint8_t *begin, *end; /* where records may lie */
};

/* ---- making pages --------------------------------------------------------------------------- */

static void add_word(struct page *page, uint32_t word)
{
    memcpy(page->bytes + SP_RING_PAGE_HEAD_BYTES + page->len, &word, sizeof word);
    page->len += sizeof word;
}

static void add_head(struct page *page, uint32_t type, uint32_t delta_ns)
{
    add_word(page, type | delta_ns << 5);
}

static void add_bytes(struct page *page, uint8_t byte, size_t len)
{
    memset(page->bytes + SP_RING_PAGE_HEAD_BYTES + page->len, byte, len);
    page->len += len;
}

static void close_page(struct page *page, uint64_t flags)
{
    uint64_t t_ns = FIRST_NS, commit = page->len | flags;
    memcpy(page->bytes, &t_ns, sizeof t_ns);
    memcpy(page->bytes + 8, &commit, sizeof commit);
}

/* One of everything: short and long records, time that is far, a record taken back, the end. */
static void one_of_everything(struct page *page, uint64_t flags)
{
    *page = (struct page){.len = 0};
    add_head(page, 2, 0);
    add_bytes(page, 'a', 8);
    add_head(page, 28, 5);
    add_bytes(page, 'b', 112);
    add_head(page, DATA_LONG, 7);
    add_word(page, 4 + 150);
    add_bytes(page, 'c', 152); /* whole words */
    add_head(page, TIME_EXTEND, 3);
    add_word(page, 2);
    add_head(page, PADDING, 4);
    add_word(page, 4 + 8);
    add_bytes(page, 'x', 8);
    add_head(page, 1, 6);
    add_bytes(page, 'd', 4);
    add_head(page, TIME_STAMP, 9);
    add_word(page, 1);
    add_head(page, 1, 1);
    add_bytes(page, 'e', 4);
    add_head(page, PADDING, 0);
    close_page(page, flags);
}

/* ---- reading them --------------------------------------------------------------------------- */

static void see_record(int64_t t_ns, const uint8_t *raw, size_t len_bytes, void *arg)
{
    struct seen *seen = arg;
    assert_true(raw >= seen->begin && len_bytes <= (size_t)(seen->end - raw));
    assert_true(seen->count < RECORDS_MAX);
    seen->t_ns[seen->count] = t_ns;
    seen->first[seen->count] = len_bytes ? raw[0] : 0;
    seen->len[seen->count++] = len_bytes;
}

static void see_lost(int64_t t_ns, uint64_t events, void *arg)
{
    struct seen *seen = arg;
    assert_int_equal(seen->count, 0);
    (void)t_ns;
    seen->lost += events;
}

/* Reads the first `len` bytes of it, with an inaccessible page behind them. */
static void read_page(const struct page *page, size_t len, struct seen *seen)
{
    size_t step = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, 2 * step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + step, step, PROT_NONE), 0);
    uint8_t *at = map + step - len;
    memcpy(at, page->bytes, len);
    *seen = (struct seen){.begin = at, .end = at + len};
    const struct sp_ring_page_sink sink = {see_record, see_lost, seen};
    sp_ring_page_read(at, len, &sink);
    munmap(map, 2 * step);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void every_kind_of_event_is_read_with_its_time(void **state)
{
    (void)state;
    static const struct {
        uint8_t first;
        size_t len;
        int64_t t_ns;
    } want[] = {
        {'a', 8, FIRST_NS},
        {'b', 112, FIRST_NS + 5},
        {'c', 152, FIRST_NS + 12},
        {'d', 4, FIRST_NS + 12 + (2LL << 27) + 3 + 4 + 6}, /* the one taken back took its time */
        {'e', 4, (1LL << 27) + 9 + 1},
    };
    struct page page;
    struct seen seen;
    one_of_everything(&page, 0);
    read_page(&page, PAGE, &seen);
    assert_int_equal(seen.count, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_equal(seen.first[i], want[i].first);
        assert_int_equal(seen.len[i], want[i].len);
        assert_int_equal(seen.t_ns[i], want[i].t_ns);
    }
    assert_int_equal(seen.lost, 0);
}

static void lost_events_are_told_first_and_counted_where_the_kernel_does(void **state)
{
    (void)state;
    struct page page;
    struct seen seen;
    uint64_t lost = 77;
    one_of_everything(&page, MISSED);
    read_page(&page, PAGE, &seen);
    assert_int_equal(seen.lost, 1);
    assert_int_equal(seen.count, 5);
    one_of_everything(&page, MISSED | STORED);
    memcpy(page.bytes + SP_RING_PAGE_HEAD_BYTES + page.len, &lost, sizeof lost);
    read_page(&page, PAGE, &seen);
    assert_int_equal(seen.lost, 77);
    assert_int_equal(seen.count, 5);
    /* the number would lie behind what was read */
    read_page(&page, SP_RING_PAGE_HEAD_BYTES + page.len + 7, &seen);
    assert_int_equal(seen.lost, 1);
}

static void what_is_behind_the_end_is_not_read(void **state)
{
    (void)state;
    struct page page = {.len = 0};
    struct seen seen;
    add_head(&page, 1, 0);
    add_bytes(&page, 'a', 4);
    add_head(&page, PADDING, 0);
    add_word(&page, 4); /* what would be its length */
    add_head(&page, 1, 0);
    add_bytes(&page, 'b', 4);
    close_page(&page, 0);
    read_page(&page, PAGE, &seen);
    assert_int_equal(seen.count, 1);
    page.len = 0; /* an empty page, of old bytes */
    close_page(&page, 0);
    read_page(&page, PAGE, &seen);
    assert_int_equal(seen.count, 0);
}

static void a_page_that_is_cut_gives_what_is_whole(void **state)
{
    (void)state;
    struct page page;
    struct seen seen;
    one_of_everything(&page, MISSED | STORED);
    size_t before = 0;
    for (size_t len = 0; len <= SP_RING_PAGE_HEAD_BYTES + page.len; len++) {
        read_page(&page, len, &seen);
        assert_true(seen.count >= before && seen.count <= before + 1);
        before = seen.count;
    }
    assert_int_equal(before, 5);
}

static void a_length_that_leads_beyond_the_end_ends_the_page(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0,          1,          3,          5000,
                                       0x7fffffff, 0xfffffffc, 0xfffffffd, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (uint32_t type = DATA_LONG; type <= PADDING; type += PADDING) {
            struct page page = {.len = 0};
            struct seen seen;
            add_head(&page, 1, 0);
            add_bytes(&page, 'a', 4);
            add_head(&page, type, 1);
            add_word(&page, lengths[i]);
            add_bytes(&page, 'b', 12);
            close_page(&page, 0);
            read_page(&page, PAGE, &seen);
            size_t long_ones = type == DATA_LONG && (lengths[i] == 1 || lengths[i] == 3);
            assert_in_range(seen.count, 1, 1 + long_ones + 3);
            assert_int_equal(seen.first[0], 'a');
            read_page(&page, SP_RING_PAGE_HEAD_BYTES + page.len, &seen);
            assert_int_equal(seen.first[0], 'a');
        }
}

static void damaged_pages_are_read_to_their_end_and_no_further(void **state)
{
    (void)state;
    unsigned random = 1; /* the same damage every time */
    size_t differing = 0;
    for (unsigned round = 0; round < 2000; round++) {
        struct page page;
        struct seen seen;
        one_of_everything(&page, round % 2 ? MISSED | STORED : 0);
        for (unsigned i = 0; i <= round % 7; i++) {
            random = random * 1103515245U + 12345U;
            page.bytes[8 + (random >> 8) % (page.len + 8)] ^= (uint8_t)(1U << (random >> 28) % 8);
        }
        read_page(&page, SP_RING_PAGE_HEAD_BYTES + page.len, &seen);
        differing += seen.count != 5;
    }
    assert_true(differing > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_event_is_read_with_its_time),
        cmocka_unit_test(lost_events_are_told_first_and_counted_where_the_kernel_does),
        cmocka_unit_test(what_is_behind_the_end_is_not_read),
        cmocka_unit_test(a_page_that_is_cut_gives_what_is_whole),
        cmocka_unit_test(a_length_that_leads_beyond_the_end_ends_the_page),
        cmocka_unit_test(damaged_pages_are_read_to_their_end_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
