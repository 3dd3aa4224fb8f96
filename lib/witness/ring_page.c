#include "ring_page.h"

#include <string.h>

enum {
    TYPE_DATA_MAX =
        28, /* up to here the type is the length in words; 0: the next word is, in bytes */
    TYPE_PADDING = 29,
    TYPE_TIME_EXTEND = 30,
    TYPE_TIME_STAMP = 31,
    DELTA_BITS = 27,
    WORD_BYTES = 4,
};

/* In the page's length: events before it were lost, and their number stands behind its end. */
static const uint64_t MISSED_EVENTS = 1U << 31;
static const uint64_t MISSED_STORED = 1U << 30;
static const uint64_t LENGTH_MASK = (1U << 20) - 1;

static uint32_t word_at(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The events of one page, from `at` on; a word that leads beyond the end ends it. */
static void events_read(const uint8_t *at, const uint8_t *end, uint64_t t_ns,
                        const struct sp_ring_page_sink *sink)
{
    while (end - at >= WORD_BYTES) {
        uint32_t head = word_at(at);
        uint32_t type = head & 31;
        uint64_t delta = head >> 5;
        at += WORD_BYTES;
        if (type == TYPE_PADDING && !delta)
            return;
        if (type && type <= TYPE_DATA_MAX) {
            size_t len = (size_t)type * WORD_BYTES;
            if (len > (size_t)(end - at))
                return;
            t_ns += delta;
            sink->record((int64_t)t_ns, at, len, sink->arg);
            at += len;
            continue;
        }
        if (end - at < WORD_BYTES)
            return;
        uint64_t word = word_at(at);
        if (type == TYPE_TIME_EXTEND) {
            t_ns += (word << DELTA_BITS) + delta;
            at += WORD_BYTES;
        } else if (type == TYPE_TIME_STAMP) {
            t_ns = (word << DELTA_BITS) + delta;
            at += WORD_BYTES;
        } else { /* the word is the length, itself included; of padding, a record taken back */
            size_t len = ((size_t)word + WORD_BYTES - 1) & ~(size_t)(WORD_BYTES - 1);
            if (len < WORD_BYTES || len > (size_t)(end - at))
                return;
            t_ns += delta;
            if (!type)
                sink->record((int64_t)t_ns, at + WORD_BYTES, len - WORD_BYTES, sink->arg);
            at += len;
        }
    }
}

void sp_ring_page_read(const uint8_t *page, size_t len_bytes, const struct sp_ring_page_sink *sink)
{
    uint64_t t_ns, commit;
    if (len_bytes < SP_RING_PAGE_HEAD_BYTES)
        return;
    memcpy(&t_ns, page, sizeof t_ns);
    memcpy(&commit, page + sizeof t_ns, sizeof commit);
    size_t room = len_bytes - SP_RING_PAGE_HEAD_BYTES;
    size_t used = (size_t)(commit & LENGTH_MASK);
    if (used > room)
        used = room;
    const uint8_t *begin = page + SP_RING_PAGE_HEAD_BYTES;
    if (commit & MISSED_EVENTS) {
        uint64_t lost = 1;
        if ((commit & MISSED_STORED) && used + sizeof lost <= room)
            memcpy(&lost, begin + used, sizeof lost);
        sink->lost((int64_t)t_ns, lost, sink->arg);
    }
    events_read(begin, begin + used, t_ns, sink);
}
