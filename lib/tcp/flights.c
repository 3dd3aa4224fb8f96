/*
 * Flights: one segment as it left and as it arrived.
 *
 * Every segment is captured at its sender's side and, unless the path kept it, again at the other
 * side. Both records are equal in everything that a path without a rewriting box leaves alone.
 * Records are grouped by that identity. Within a group:
 * - as many arrivals as departures: the k-th belongs to the k-th;
 * - fewer arrivals: some were kept; each arrival belongs to the last departure before it that has
 *   none yet (a segment held back for long while its twin was dropped cannot be told apart);
 * - arrivals left over were never seen to leave.
 * What the scripted path did to a segment stands in the trace: what it changed is paired by what it
 * was and what it became, what it dropped has no arrival, and what it made (a copy, an injected
 * segment) is a flight of the middle's own.
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
    uint32_t sent_taken, got_taken; /* paired by what the middle did */
};

/* What the middle did to one frame. */
struct alter {
    const struct sp_event *first, *last;
    uint64_t was, now;
    uint32_t frame;
    uint32_t copies; /* that no arrival has been taken for */
};

struct pairing {
    struct alter *alters;
    size_t alter_count, alter_cap;
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

uint64_t sp_tcp_identity(const struct sp_seg *seg)
{
    uint64_t hash = mix(seg->src.port, seg->dst.port);
    hash = mix_bytes(hash, seg->src.ip, sizeof seg->src.ip);
    hash = mix_bytes(hash, seg->dst.ip, sizeof seg->dst.ip);
    hash = mix(hash, (uint64_t)seg->seq << 32 | seg->ack);
    hash = mix(hash, (uint64_t)seg->flags << 48 | (uint64_t)seg->window << 32 |
                         (uint32_t)seg->ip_id << 16 | seg->urgent);
    hash = mix(hash, seg->payload_hash);
    hash = mix(hash, (uint64_t)seg->payload_len << 8 | seg->opt_len);
    hash = mix(hash, (uint64_t)seg->tos << 2 | (uint64_t)seg->checksum_ok << 1 |
                         (uint64_t)seg->ip_checksum_ok);
    hash = mix_bytes(hash, seg->opt, seg->opt_len);
    return hash ? hash : 1;
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
        if (addr->family && (sp_addr_same_ip(&trace->head.addr[end], addr) ||
                             sp_addr_same_ip(&trace->head.second[end], addr)))
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
    *record = (struct record){.event = event, .key = sp_tcp_identity(&event->u.seg.seg)};
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

static struct sp_flight *flight_add(struct sp_flights *out, const struct sp_event *sent,
                                    const struct sp_event *received)
{
    struct sp_flight *flight = &out->items[out->len++];
    *flight = (struct sp_flight){.sent = sent, .received = received, .conn = -1};
    flight->from = (sent ? sent : received)->end;
    return flight;
}

/* ---- what the middle did -------------------------------------------------------------------- */

static struct alter *alter_of(struct pairing *pairing, uint32_t frame)
{
    for (size_t i = pairing->alter_count; frame && i-- > 0;)
        if (pairing->alters[i].frame == frame)
            return &pairing->alters[i];
    return NULL;
}

static void alters_collect(struct pairing *pairing, const struct sp_trace *trace)
{
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        const struct sp_ev_lab *lab = &event->u.lab;
        if (event->kind != SP_EV_LAB || (!lab->was && !lab->now))
            continue;
        struct alter *alter = alter_of(pairing, lab->frame);
        if (!alter) {
            alter = &SP_PUSH(pairing->alters, pairing->alter_count, pairing->alter_cap);
            *alter = (struct alter){.first = event, .was = lab->was, .frame = lab->frame};
        }
        alter->last = event;
        alter->now = lab->now;
        alter->copies += lab->copies;
    }
}

/* The last that left before the middle took it. */
static struct record *taken_from(struct pairing *pairing, uint64_t key, int64_t t_ns)
{
    struct record *found = NULL;
    for (uint32_t i = key ? group_at(pairing, key)->sent_first : 0; i;
         i = pairing->records[i].next) {
        struct record *record = &pairing->records[i];
        bool before = record->event->t_ns <= t_ns;
        if (!record->paired && (before || (!found && record->event->t_ns <= t_ns + SKEW_NS)))
            found = record;
    }
    return found;
}

/* The first that arrived after the middle let it go. */
static struct record *put_on(struct pairing *pairing, uint64_t key, int64_t t_ns)
{
    struct record *found = NULL;
    for (uint32_t i = key ? group_at(pairing, key)->got_first : 0; i;
         i = pairing->records[i].next) {
        struct record *record = &pairing->records[i];
        if (record->paired || record->event->t_ns < t_ns - SKEW_NS)
            continue;
        found = record;
        if (record->event->t_ns >= t_ns)
            break;
    }
    return found;
}

static void alters_pair(struct pairing *pairing, struct sp_flights *out)
{
    for (size_t i = 0; i < pairing->alter_count; i++) {
        const struct alter *alter = &pairing->alters[i];
        if (alter->was == alter->now)
            continue;
        struct record *sent = taken_from(pairing, alter->was, alter->first->t_ns);
        struct record *got = put_on(pairing, alter->now, alter->last->t_ns);
        if (!sent && !got)
            continue;
        if (sent) {
            sent->paired = true;
            group_at(pairing, alter->was)->sent_taken++;
        }
        if (got) {
            got->paired = true;
            group_at(pairing, alter->now)->got_taken++;
        }
        struct sp_flight *flight =
            flight_add(out, sent ? sent->event : NULL, got ? got->event : NULL);
        flight->by = alter->last;
        if (!alter->was)
            flight->from = SP_END_MIDDLE;
    }
}

/* Who made an arrival that nobody sent: copies of what went by. */
static const struct sp_event *copied_by(struct pairing *pairing, uint64_t key)
{
    for (size_t i = 0; i < pairing->alter_count; i++)
        if (pairing->alters[i].now == key && pairing->alters[i].copies) {
            pairing->alters[i].copies--;
            return pairing->alters[i].last;
        }
    return NULL;
}

/* ---- pairs ---------------------------------------------------------------------------------- */

/* The departure that an arrival belongs to; 0 none. */
static uint32_t departure(const struct pairing *pairing, const struct group *group, int64_t t_ns)
{
    uint32_t best = 0;
    bool all_came = group->got_count - group->got_taken >= group->sent_count - group->sent_taken;
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
        if (pairing->records[i].paired)
            continue;
        uint32_t from = departure(pairing, group, received->t_ns);
        if (from)
            pairing->records[from].paired = true;
        struct sp_flight *flight =
            flight_add(out, from ? pairing->records[from].event : NULL, received);
        flight->by = from ? NULL : copied_by(pairing, group->key);
        if (flight->by)
            flight->from = SP_END_MIDDLE;
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

/* How long after its departure an arrival that is not quite the same may still be it. */
#define CHANGED_NS (1 * SP_S)

static bool may_be(const struct sp_flight *left, const struct sp_flight *came)
{
    const struct sp_seg *a = &left->sent->u.seg.seg;
    const struct sp_seg *b = &came->received->u.seg.seg;
    int64_t after_ns = came->received->t_ns - left->sent->t_ns;
    return a->seq == b->seq && a->payload_len == b->payload_len && sp_addr_same(&a->src, &b->src) &&
           sp_addr_same(&a->dst, &b->dst) && after_ns >= -SKEW_NS && after_ns <= CHANGED_NS;
}

/*
 * A box may have changed a segment: what arrived and left nobody's side belongs to a departure
 * that did not arrive, of the same bytes, the last one before it.
 */
static void pair_changed(struct sp_flights *out)
{
    for (size_t i = 0; i < out->len; i++) {
        struct sp_flight *came = &out->items[i];
        struct sp_flight *best = NULL;
        if (came->sent)
            continue;
        for (size_t k = 0; k < out->len; k++) {
            struct sp_flight *left = &out->items[k];
            if (left->sent && !left->received && may_be(left, came) &&
                (!best || left->sent->t_ns > best->sent->t_ns))
                best = left;
        }
        if (!best)
            continue;
        best->received = came->received;
        *came = out->items[--out->len];
        i--;
    }
}

static void pair(const struct sp_trace *trace, size_t segments, struct sp_flights *out)
{
    struct pairing pairing = {.len = 1, .group_cap = 16};
    while (pairing.group_cap < segments * 2)
        pairing.group_cap *= 2;
    pairing.records = sp_xcalloc(segments + 1, sizeof *pairing.records);
    pairing.groups = sp_xcalloc(pairing.group_cap, sizeof *pairing.groups);
    /* Between two machines only one side is captured: that a segment arrived there shows in what
     * comes back, and in nothing else. */
    bool one_side = trace->head.lab && strcmp(trace->head.lab, "hosts") == 0;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (!sp_tcp_is_segment(event))
            continue;
        if (event->u.seg.point == SP_AT_LO || one_side)
            flight_add(out, event, event);
        else
            record_add(&pairing, trace, event);
    }
    alters_collect(&pairing, trace);
    alters_pair(&pairing, out);
    for (size_t i = 0; i < pairing.group_cap; i++)
        if (pairing.groups[i].sent_count || pairing.groups[i].got_count)
            group_pair(&pairing, &pairing.groups[i], out);
    free(pairing.alters);
    free(pairing.records);
    free(pairing.groups);
    if (trace->head.lab && strcmp(trace->head.lab, "routed") == 0)
        pair_changed(out);
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
