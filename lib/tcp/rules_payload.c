/* Rules about the bytes themselves. */
#include "tcp_in.h"

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

void sp_tcp_rules_payload(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    const struct sp_seg *seg = view->seg;
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
