/*
 * Flights: one segment as it left and as it arrived.
 *
 * Every segment is captured at its sender's side and, unless the path kept it, again at the other
 * side. Both records are equal in everything that a path without a rewriting box leaves alone.
 * Records are grouped by that identity. Within a group:
 * - as many arrivals as departures: the k-th belongs to the k-th;
 * - fewer arrivals: some were kept; each arrival belongs to the last departure before it that has
 *   none yet (a segment held back for long while its twin was dropped cannot be told apart);
 * - arrivals left over are copies that the path made: they were never seen to leave.
 * On one shared interface (loopback) each record is departure and arrival in one.
 */
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

struct record {
    const struct sp_event *event;
    uint64_t key;
    uint32_t next; /* in its group, 1-based, 0 ends it */
    bool paired;
};

struct group {
    uint64_t key;
    uint32_t sent_first, sent_last, sent_count;
    uint32_t got_first, got_last, got_count;
};

struct pairing {
    struct record *records; /* [0] unused */
    size_t len, cap;
    struct group *groups; /* open addressing, size a power of two */
    size_t group_cap;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static uint64_t mix_bytes(uint64_t hash, const uint8_t *bytes, size_t len_bytes)
{
    for (; len_bytes >= 8; bytes += 8, len_bytes -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        hash = mix(hash, word);
    }
    uint64_t word = 0;
    memcpy(&word, bytes, len_bytes);
    return mix(hash, word);
}

/* What a path leaves alone; 64 bits of it, so that two segments of one run never share them. */
static uint64_t identity(const struct sp_seg *seg)
{
    uint64_t hash = mix(seg->src.port, seg->dst.port);
    hash = mix_bytes(hash, seg->src.ip, sizeof seg->src.ip);
    hash = mix_bytes(hash, seg->dst.ip, sizeof seg->dst.ip);
    hash = mix(hash, (uint64_t)seg->seq << 32 | seg->ack);
    hash = mix(hash, (uint64_t)seg->flags << 48 | (uint64_t)seg->window << 32 |
                         (uint32_t)seg->ip_id << 16 | seg->urgent);
    hash = mix(hash, seg->payload_hash);
    hash = mix(hash, (uint64_t)seg->payload_len << 8 | seg->opt_len);
    return mix_bytes(hash, seg->opt, seg->opt_len);
}

static struct group *group_at(struct pairing *pairing, uint64_t key)
{
    size_t mask = pairing->group_cap - 1;
    size_t i = (size_t)key & mask;
    while ((pairing->groups[i].sent_count || pairing->groups[i].got_count) &&
           pairing->groups[i].key != key)
        i = (i + 1) & mask;
    pairing->groups[i].key = key;
    return &pairing->groups[i];
}

/* Where an end's segments are seen to leave: its own side; a scripted end sits opposite to the
 * real one. */
static enum sp_point side_of(enum sp_end end)
{
    return end == SP_END_CLIENT ? SP_AT_CLIENT : end == SP_END_SERVER ? SP_AT_SERVER : SP_AT_NONE;
}

enum sp_end sp_tcp_end_of(const struct sp_trace *trace, const struct sp_addr *addr)
{
    for (int end = SP_END_CLIENT; end < SP_END_COUNT; end++)
        if (trace->head.addr[end].family && sp_addr_same_ip(&trace->head.addr[end], addr))
            return (enum sp_end)end;
    return SP_END_NONE;
}

static bool left_here(const struct sp_trace *trace, const struct sp_event *event)
{
    enum sp_point home = side_of(event->end);
    if (home != SP_AT_NONE)
        return event->u.seg.point == home;
    enum sp_end other = sp_tcp_end_of(trace, &event->u.seg.seg.dst);
    return event->u.seg.point != side_of(other);
}

bool sp_tcp_is_segment(const struct sp_event *event)
{
    return event->kind == SP_EV_SEG && event->u.seg.seg.kind == SP_SEG_TCP &&
           !event->u.seg.malformed &&
           (event->u.seg.point == SP_AT_LO || event->u.seg.point == SP_AT_CLIENT ||
            event->u.seg.point == SP_AT_SERVER);
}

static void record_add(struct pairing *pairing, const struct sp_trace *trace,
                       const struct sp_event *event)
{
    uint32_t index = (uint32_t)pairing->len;
    struct record *record = &pairing->records[pairing->len++];
    *record = (struct record){.event = event, .key = identity(&event->u.seg.seg)};
    struct group *group = group_at(pairing, record->key);
    bool leaving = left_here(trace, event);
    uint32_t *first = leaving ? &group->sent_first : &group->got_first;
    uint32_t *last = leaving ? &group->sent_last : &group->got_last;
    if (*last)
        pairing->records[*last].next = index;
    else
        *first = index;
    *last = index;
    (*(leaving ? &group->sent_count : &group->got_count))++;
}

static void flight_add(struct sp_flights *out, const struct sp_event *sent,
                       const struct sp_event *received)
{
    struct sp_flight *flight = &out->items[out->len++];
    *flight = (struct sp_flight){.sent = sent, .received = received, .conn = -1};
    flight->from = (sent ? sent : received)->end;
}

/* The departure that an arrival belongs to; 0 none. */
static uint32_t departure(const struct pairing *pairing, const struct group *group, int64_t t_ns)
{
    uint32_t best = 0;
    bool all_came = group->got_count >= group->sent_count;
    for (uint32_t i = group->sent_first; i; i = pairing->records[i].next) {
        const struct record *sent = &pairing->records[i];
        if (sent->paired || sent->event->t_ns > t_ns + SKEW_NS)
            continue;
        best = i;
        if (all_came)
            break;
    }
    return best;
}

static void group_pair(struct pairing *pairing, struct group *group, struct sp_flights *out)
{
    for (uint32_t i = group->got_first; i; i = pairing->records[i].next) {
        const struct sp_event *received = pairing->records[i].event;
        uint32_t from = departure(pairing, group, received->t_ns);
        if (from)
            pairing->records[from].paired = true;
        flight_add(out, from ? pairing->records[from].event : NULL, received);
    }
    for (uint32_t i = group->sent_first; i; i = pairing->records[i].next)
        if (!pairing->records[i].paired)
            flight_add(out, pairing->records[i].event, NULL);
}

static int by_leaving(const void *a, const void *b)
{
    const struct sp_event *x = sp_tcp_shown(a);
    const struct sp_event *y = sp_tcp_shown(b);
    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void pair(const struct sp_trace *trace, size_t segments, struct sp_flights *out)
{
    struct pairing pairing = {.len = 1, .group_cap = 16};
    while (pairing.group_cap < segments * 2)
        pairing.group_cap *= 2;
    pairing.records = sp_xcalloc(segments + 1, sizeof *pairing.records);
    pairing.groups = sp_xcalloc(pairing.group_cap, sizeof *pairing.groups);
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (!sp_tcp_is_segment(event))
            continue;
        if (event->u.seg.point == SP_AT_LO)
            flight_add(out, event, event);
        else
            record_add(&pairing, trace, event);
    }
    for (size_t i = 0; i < pairing.group_cap; i++)
        if (pairing.groups[i].sent_count || pairing.groups[i].got_count)
            group_pair(&pairing, &pairing.groups[i], out);
    free(pairing.records);
    free(pairing.groups);
    qsort(out->items, out->len, sizeof *out->items, by_leaving);
}

void sp_flights_build(const struct sp_trace *trace, struct sp_flights *out)
{
    *out = (struct sp_flights){0};
    sp_arena_init(&out->arena);
    size_t segments = 0;
    for (size_t i = 0; i < trace->len; i++)
        segments += sp_tcp_is_segment(&trace->events[i]);
    out->items = SP_ARENA_ARRAY(&out->arena, struct sp_flight, segments ? segments : 1);
    pair(trace, segments, out);
    sp_tcp_conns_sort(trace, out);
}

void sp_flights_release(struct sp_flights *flights)
{
    sp_arena_release(&flights->arena);
    *flights = (struct sp_flights){0};
}
