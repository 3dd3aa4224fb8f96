/* Rules about the bytes themselves, and which of them is urgent. */
#include "tcp_in.h"

#include <string.h>

#include "pattern.h"

enum { PAYLOAD_MAX = 64 * 1024 };

static char salt_of(enum sp_end end)
{
    return end == SP_END_CLIENT ? 'c' : end == SP_END_SERVER ? 's' : 'p';
}

/* The segment of the same place and length that was sent before; NULL none. */
static const struct sp_seg *sent_before(const struct replay *replay, int which, size_t at,
                                        const struct view *view)
{
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        const struct sp_seg *seg = &entry->event->u.seg.seg;
        if (entry->out && seg->seq == view->seg->seq &&
            seg->payload_len == view->seg->payload_len &&
            !((seg->flags ^ view->seg->flags) & SP_SYN))
            return seg;
    }
    return NULL;
}

static bool is_pattern(const struct side *side, const struct view *view)
{
    uint8_t bytes[PAYLOAD_MAX];
    uint32_t len = view->seg->payload_len;
    if (len > PAYLOAD_MAX)
        return true;
    sp_pattern_fill(salt_of(side->end), (uint64_t)(view->data - 1), bytes, len);
    return sp_payload_hash(bytes, len) == view->seg->payload_hash;
}

enum { MSS_UNTOLD = 536 }; /* RFC 9293 section 3.7.1 */

/*
 * Whether the pointer is the one of an urgent send() that had begun: behind its last byte
 * (RFC 6093 section 3.1), or as far as the field reaches. One that is larger than a segment may be
 * marked in parts.
 */
static bool is_marked(const struct side *side, const struct view *view, int64_t pointer)
{
    const struct ledger *ledger = side->ledger;
    int64_t from = 1; /* of what the next call queues */
    int64_t mss = side->peer_mss ? side->peer_mss : MSS_UNTOLD;
    for (size_t i = 0; i < ledger->len; i++) {
        const struct act *act = &ledger->acts[i];
        if (act->kind != ACT_SEND)
            continue;
        if (act->bytes == INT64_MAX || act->from_ns > view->t_ns)
            return act->bytes == INT64_MAX;
        int64_t to = from + act->bytes;
        bool parts = act->bytes > mss && pointer > from && pointer < to;
        bool far = view->seg->urgent == UINT16_MAX && to > pointer;
        if (act->bytes && strstr(act->event->u.call.args, "OOB") && (pointer == to || parts || far))
            return true;
        from = to;
    }
    return false;
}

static void rule_pointer(struct replay *replay, const struct side *side, const struct view *view)
{
    int64_t pointer = view->from + view->seg->urgent;
    if (!(view->seg->flags & SP_URG) || !side->facts->calls || !side->ledger->tied ||
        side->ledger->strangers || view->t_ns + SKEW_NS < side->facts->urgent_ns ||
        (view->seg->flags & SP_RST) || (view->seg->urgent && is_marked(side, view, pointer)))
        return;
    sp_tcp_violate(replay->ctx, RULE_URG_POINTER, view->event, side->end,
                   "the urgent pointer is at position %lld, behind no urgent byte",
                   (long long)pointer);
}

void sp_tcp_rules_payload(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    const struct sp_seg *seg = view->seg;
    if (side->sane && view->t_ns < side->superseded_ns)
        rule_pointer(replay, side, view);
    /* The byte of a keepalive is garbage by permission (RFC 9293 section 3.8.4, MAY-6). */
    bool probe = seg->payload_len == 1 && view->end <= side->una;
    if (!side->sane || !seg->payload_len || probe || (seg->flags & (SP_RST | SP_URG)))
        return;
    if (view->end <= side->snd_max) {
        const struct sp_seg *before = sent_before(replay, which, at, view);
        if (before && before->payload_hash != seg->payload_hash) {
            sp_tcp_violate(replay->ctx, RULE_PAYLOAD_DIFFERS, view->event, side->end,
                           "bytes %lld..%lld are not those that were sent before",
                           (long long)view->data, (long long)view->end - 1);
            return;
        }
        if (before)
            return; /* said when it was sent first */
    }
    if (side->pattern_known && view->data >= 1 && !is_pattern(side, view))
        sp_tcp_violate(replay->ctx, RULE_PAYLOAD_PATTERN, view->event, side->end,
                       "bytes %lld..%lld are not those that were queued there",
                       (long long)view->data, (long long)view->end - 1);
}
