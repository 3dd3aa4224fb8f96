/* What is done to segments, and segments that are put in. */
#include "damage.h"

#include <string.h>

#include "clock.h"
#include "pattern.h"

/* ---- segments ------------------------------------------------------------------------------ */

/* Both records of a flight; one where they are one. */
unsigned records(struct bench *bench, size_t at, struct sp_event *out[2])
{
    const struct sp_flight *flight = &bench->flights->items[at];
    unsigned count = 0;
    if (flight->sent)
        out[count++] = copy_of(bench, flight->sent);
    if (flight->received && flight->received != flight->sent)
        out[count++] = copy_of(bench, flight->received);
    return count;
}

bool damage_seg_lost(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    (void)by;
    copy_drop(bench, flight->sent);
    copy_drop(bench, flight->received);
    return true;
}

bool damage_seg_not_arrived(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    (void)by;
    if (!flight->sent || !flight->received || flight->sent == flight->received)
        return false;
    copy_drop(bench, flight->received);
    return true;
}

bool damage_seg_twice(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        copy_add(bench, seg[i], seg[i]->t_ns + by);
    return true;
}

bool damage_seg_flag(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.flags ^= (uint8_t)by;
    return true;
}

bool damage_seg_seq(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.seq += (uint32_t)by;
    return true;
}

bool damage_seg_ack(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++) {
        if (!(seg[i]->u.seg.seg.flags & SP_ACK))
            return false;
        seg[i]->u.seg.seg.ack += (uint32_t)by;
    }
    return true;
}

static void fill_pattern(struct sp_seg *seg, enum sp_end end, uint32_t rel_seq)
{
    static uint8_t bytes[64 * 1024];
    uint64_t offset = rel_seq ? rel_seq - 1 : 0;
    char salt = end == SP_END_CLIENT ? 'c' : 's';
    size_t len = seg->payload_len < sizeof bytes ? seg->payload_len : sizeof bytes;
    sp_pattern_fill(salt, offset, bytes, len);
    seg->payload_hash = sp_payload_hash(bytes, len);
    memcpy(seg->payload_head, bytes, len < SP_SEG_HEAD_MAX ? len : SP_SEG_HEAD_MAX);
}

bool damage_seg_length(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++) {
        struct sp_seg *s = &seg[i]->u.seg.seg;
        if ((s->flags & (SP_SYN | SP_RST)) || (int64_t)s->payload_len + by < 0)
            return false;
        s->payload_len = (uint32_t)((int64_t)s->payload_len + by);
        fill_pattern(s, seg[i]->end, bench->flights->items[at].rel_seq);
    }
    return true;
}

bool damage_seg_payload(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++) {
        if (!seg[i]->u.seg.seg.payload_len)
            return false;
        seg[i]->u.seg.seg.payload_hash ^= (uint64_t)by;
    }
    return true;
}

bool damage_seg_window(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.window = (uint16_t)(seg[i]->u.seg.seg.window + by);
    return true;
}

bool damage_seg_hops(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.ttl = (uint8_t)by;
    return true;
}

bool damage_seg_checksum(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    (void)by;
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.checksum_ok = false;
    return true;
}

bool damage_seg_ecn(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    bool data = false;
    for (unsigned i = 0; i < count; i++) {
        const struct sp_seg *s = &seg[i]->u.seg.seg;
        data = s->payload_len > 0 || (s->flags & (SP_SYN | SP_ACK)) == SP_SYN;
        seg[i]->u.seg.seg.tos ^= (uint8_t)by;
    }
    return data;
}

/* ---- timestamps ---- */

enum { VALUE_LEN = 4, STAMPS_LEN = 10 };

/* Where the values of its timestamps are; NULL it has none. */
static uint8_t *stamps_of(struct sp_seg *seg)
{
    struct sp_opt opt;
    return sp_opt_find(seg, SP_OPT_TIMESTAMPS, &opt) ? &seg->opt[opt.data - seg->opt] : NULL;
}

static void value_move(uint8_t *value, uint32_t by)
{
    uint32_t now = 0;
    for (int b = 0; b < VALUE_LEN; b++)
        now = now << 8 | value[b];
    now += by;
    for (int b = 0; b < VALUE_LEN; b++)
        value[b] = (uint8_t)(now >> (8 * (VALUE_LEN - 1 - b)));
}

/* The clock of the timestamps of a segment that is not its sender's first. */
bool damage_seg_stamp(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    bool stamped = false;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *stamps = stamps_of(&seg[i]->u.seg.seg);
        if (stamps)
            value_move(stamps, (uint32_t)by);
        stamped = stamped || stamps;
    }
    return stamped && bench->flights->items[at].rel_seq;
}

bool damage_seg_echo(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    bool stamped = false;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *stamps = stamps_of(&seg[i]->u.seg.seg);
        if ((seg[i]->u.seg.seg.flags & (SP_ACK | SP_RST)) != SP_ACK)
            return false;
        if (stamps)
            value_move(stamps + VALUE_LEN, (uint32_t)by);
        stamped = stamped || stamps;
    }
    return stamped;
}

/* Of a SYN too: then what follows was not agreed on. A RST may do without them. */
bool damage_seg_unstamped(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    bool stamped = false;
    (void)by;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *stamps = stamps_of(&seg[i]->u.seg.seg);
        if (stamps)
            memset(stamps - 2, SP_OPT_NOP, STAMPS_LEN);
        stamped = stamped || (stamps && !(seg[i]->u.seg.seg.flags & SP_RST));
    }
    return stamped;
}

/* ---- strays -------------------------------------------------------------------------------- */

bool damage_stray(struct bench *bench, size_t at, int64_t by)
{
    int conn = (int)(at / 2);
    enum sp_end end = at % 2 ? SP_END_SERVER : SP_END_CLIENT;
    const struct sp_flight *like = NULL;
    uint32_t next = 0;
    int64_t until = by & STRAY_AFTER_END ? INT64_MAX : bench->end_ns;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *flight = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(flight)->u.seg.seg;
        if (flight->conn != conn || flight->from != end || (seg->flags & SP_RST) || !flight->sent ||
            shown(flight)->t_ns > until)
            continue;
        next = !like || sp_seq_lt(next, seg->seq + sp_seg_space(seg)) ? seg->seq + sp_seg_space(seg)
                                                                      : next;
        like = flight;
    }
    if (!like || !bench->flights->conns[conn].isn_known[end])
        return false;
    int64_t t_ns = by & STRAY_AFTER_END ? bench->last_ns - 5 * SP_US : bench->end_ns - 5 * SP_US;
    const struct sp_event *both[2] = {like->sent,
                                      like->received == like->sent ? NULL : like->received};
    for (int i = 0; i < 2; i++) {
        if (!both[i])
            continue;
        struct sp_event *ev = copy_add(bench, both[i], t_ns + i * SP_US);
        struct sp_seg *seg = &ev->u.seg.seg;
        seg->flags = (uint8_t)by;
        seg->seq = next;
        seg->payload_len = by & STRAY_DATA ? 1 : 0;
        seg->ip_id = (uint16_t)(seg->ip_id + 7);
        fill_pattern(seg, end, next - bench->flights->conns[conn].isn[end]);
    }
    return true;
}
