/*
 * What an end may use only where both SYNs agreed on it (timestamps, window scale, SACK, ECN), or
 * where a call asked for it (urgent data); and what it must use once that is so. Each end is held
 * to the SYNs that it sent and to those that came to it.
 */
#include "tcp_in.h"

#include <stdlib.h>

enum { STAMPS = 1 << 0, SCALE = 1 << 1, SACK_OK = 1 << 2, ECN = 1 << 3 };

enum { ECN_BITS = 3 }; /* of the traffic class: RFC 3168 section 5 */

static const struct {
    uint8_t kind;
    uint8_t bit;
    const char *name;
    const char *where;
    bool syn_only;
} agreed[] = {
    {SP_OPT_MSS, 0, "a maximum segment size", "RFC 9293 section 3.7.1", true},
    {SP_OPT_WSCALE, SCALE, "a window scale", "RFC 7323 section 2.2", true},
    {SP_OPT_SACK_OK, SACK_OK, "SACK-permitted", "RFC 2018 section 2", true},
    {SP_OPT_TIMESTAMPS, STAMPS, "timestamps", "RFC 7323 section 3.2", false},
};
enum { AGREED = sizeof agreed / sizeof agreed[0] };

void sp_tcp_offer_add(struct offer *offer, const struct sp_seg *seg)
{
    uint8_t has = 0;
    struct sp_opt opt;
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);)
        for (size_t i = 0; i < AGREED; i++)
            has |= opt.kind == agreed[i].kind ? agreed[i].bit : 0;
    has |= seg->flags & (SP_ECE | SP_CWR) ? ECN : 0;
    offer->all = offer->count++ ? offer->all & has : has;
    offer->any |= has;
}

static bool is_agreed(const struct side *side, uint8_t bit)
{
    return side->offered.any & side->was_offered.any & bit;
}

/* ---- used without being agreed on ----------------------------------------------------------- */

/* Crossing SYNs are answered with the options that went out before the other's was known. */
static bool is_answer(const struct side *side, const struct sp_seg *seg)
{
    return (seg->flags & (SP_SYN | SP_ACK)) == (SP_SYN | SP_ACK) && !side->plain_syn_sent;
}

static void rule_unasked(struct replay *replay, const struct side *side, const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    struct sp_opt opt;
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        const char *what = NULL;
        size_t i = 0;
        while (i < AGREED && agreed[i].kind != opt.kind)
            i++;
        if (opt.kind == SP_OPT_SACK && !(side->was_offered.any & SACK_OK))
            what = "SACK blocks that the peer's SYN does not permit (RFC 2018 section 2)";
        if (i < AGREED && !(seg->flags & SP_SYN) && agreed[i].syn_only)
            what = "in a segment without SYN";
        else if (i < AGREED && agreed[i].bit && is_answer(side, seg) &&
                 !(side->was_offered.any & agreed[i].bit))
            what = "in the answer to a SYN without it";
        else if (i < AGREED && !agreed[i].syn_only && !(seg->flags & SP_SYN) &&
                 !is_agreed(side, agreed[i].bit))
            what = "though not both SYNs had it";
        if (what && i < AGREED)
            sp_tcp_violate(replay->ctx, RULE_OPT_UNASKED, view->event, side->end, "%s %s (%s)",
                           agreed[i].name, what, agreed[i].where);
        else if (what)
            sp_tcp_violate(replay->ctx, RULE_OPT_UNASKED, view->event, side->end, "%s", what);
    }
}

enum { SCALE_MOST = 14 };

static void rule_scale(struct replay *replay, const struct side *side, const struct view *view)
{
    struct sp_opt opt;
    if ((view->seg->flags & SP_SYN) && sp_opt_find(view->seg, SP_OPT_WSCALE, &opt) &&
        opt.wscale > SCALE_MOST)
        sp_tcp_violate(replay->ctx, RULE_SCALE_BEYOND, view->event, side->end,
                       "a window scale of %u", (unsigned)opt.wscale);
}

/* The mark of an empty segment is not asked for: what answers for no socket copies the class of
 * what it answers. */
static void rule_ecn(struct replay *replay, const struct side *side, const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    bool syn = seg->flags & SP_SYN;
    bool asks = (seg->flags & (SP_ECE | SP_CWR)) == (SP_ECE | SP_CWR);
    const char *what = NULL;
    if (syn && !(seg->flags & SP_ACK)) {
        if ((seg->flags & (SP_ECE | SP_CWR)) && !asks)
            what = "a SYN with ECE or CWR alone";
        else if (seg->tos & ECN_BITS)
            what = "a SYN marked as ECN-capable";
    } else if (syn && !(side->plain_syn_sent && (side->offered.any & ECN))) {
        if ((seg->flags & (SP_ECE | SP_CWR)) && !(side->was_offered.any & ECN))
            what = "ECE or CWR in the answer to a SYN without them";
    } else if (!syn && !is_agreed(side, ECN)) {
        if (seg->flags & (SP_ECE | SP_CWR))
            what = "ECE or CWR though the SYNs had not agreed on ECN";
        else if ((seg->tos & ECN_BITS) && seg->payload_len)
            what = "a segment marked as ECN-capable though the SYNs had not agreed on ECN";
    }
    if (what)
        sp_tcp_violate(replay->ctx, RULE_ECN_UNASKED, view->event, side->end, "%s", what);
}

/* ---- timestamps, once agreed on ------------------------------------------------------------- */

static bool is_stamped_arrival(const struct entry *entry, struct sp_opt *out)
{
    return !entry->out && sp_opt_find(&entry->event->u.seg.seg, SP_OPT_TIMESTAMPS, out);
}

/* Whether a segment that came before, or what may be captured a moment too late, had that value. */
static bool has_come(const struct replay *replay, int which, size_t at, const struct view *view,
                     uint32_t val)
{
    const struct entry *entries = replay->entries[which];
    struct sp_opt opt;
    for (size_t i = at; i-- > 0;)
        if (is_stamped_arrival(&entries[i], &opt) && opt.ts_val == val)
            return true;
    for (size_t i = at + 1;
         i < replay->entry_count[which] && entries[i].event->t_ns <= view->t_ns + SKEW_NS; i++)
        if (is_stamped_arrival(&entries[i], &opt) && opt.ts_val == val)
            return true;
    return false;
}

/*
 * TS.Recent is taken from the segment that holds the byte after what was acknowledged last
 * (RFC 7323 section 4.3), so the next acknowledgement echoes nothing older. Of several that hold
 * it, the oldest counts. A stack in a process of its own may leave out that of a FIN: gVisor does
 * (docs/findings.md). Linux leaves out that of a segment whose own acknowledgement is an old one
 * (tcp_ack).
 */
static bool is_stale(const struct replay *replay, int which, size_t at, const struct view *view,
                     uint32_t ecr)
{
    const struct side *side = &replay->side[which];
    bool known = false;
    uint32_t least = 0;
    if (side->last_ack < 1 || view->ack <= side->last_ack || view->ack > side->rcv_nxt ||
        (sp_tcp_may_be_swapped(replay, side, view) && view->t_ns <= side->last_ack_ns + SKEW_NS))
        return false;
    for (size_t i = at; i-- > 0;) {
        struct sp_opt opt;
        struct view in;
        if (!is_stamped_arrival(&replay->entries[which][i], &opt))
            continue;
        sp_tcp_view(&in, &replay->side[1 - which], side, &replay->entries[which][i]);
        int64_t end = in.end + ((in.seg->flags & SP_FIN) ? 1 : 0);
        if (in.from > side->last_ack || end <= side->last_ack)
            continue;
        if ((side->own_process && (in.seg->flags & SP_FIN)) || in.ack < side->una)
            return false;
        if (!known || (int32_t)(opt.ts_val - least) < 0)
            least = opt.ts_val;
        known = true;
    }
    return known && (int32_t)(ecr - least) < 0;
}

static void rule_stamps(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    struct sp_opt opt;
    bool stamped = sp_opt_find(view->seg, SP_OPT_TIMESTAMPS, &opt);
    bool must = side->offered.all & side->was_offered.all & STAMPS;
    if (!stamped && must && !(view->seg->flags & SP_SYN))
        sp_tcp_violate(replay->ctx, RULE_TS_MISSING, view->event, side->end,
                       "no timestamps, though both SYNs had them");
    /* Linux's answer to a crossing SYN is its own SYN again, which echoes nothing. A pulled cable
     * keeps from the captures what was acknowledged, and when. */
    bool crossing = (view->seg->flags & SP_SYN) && side->plain_syn_sent;
    bool blind = side->facts->blind_ns <= view->t_ns ||
                 replay->side[1 - which].facts->blind_ns <= view->t_ns;
    if (!stamped || !view->has_ack || blind ||
        (crossing ? !opt.ts_ecr : !(side->was_offered.any & STAMPS)))
        return;
    if (!has_come(replay, which, at, view, opt.ts_ecr))
        sp_tcp_violate(replay->ctx, RULE_TS_ECHO, view->event, side->end,
                       "it echoes %u, which no segment that came had", opt.ts_ecr);
    else if (is_stale(replay, which, at, view, opt.ts_ecr))
        sp_tcp_violate(replay->ctx, RULE_TS_ECHO, view->event, side->end,
                       "it echoes %u, which is older than what it acknowledges", opt.ts_ecr);
}

/* What needs no numbers, so that a RST for no socket is held to it, too. */
static void rule_urgent(struct replay *replay, const struct side *side, const struct view *view)
{
    if ((view->seg->flags & SP_URG) && side->facts->calls &&
        view->t_ns + SKEW_NS < side->facts->urgent_ns)
        sp_tcp_violate(replay->ctx, RULE_URG_UNASKED, view->event, side->end,
                       "URG, and no call had sent urgent data");
}

void sp_tcp_rules_agreed(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    bool syn = (view->seg->flags & (SP_SYN | SP_ACK)) == SP_SYN;
    bool judged = side->real && side->watched && !replay->ctx->lossy_wire && !replay->conn->self;
    if (!judged)
        return;
    rule_urgent(replay, side, view);
    if (view->seg->flags & SP_RST) {
        rule_ecn(replay, side, view);
        return;
    }
    /* that nothing but a SYN comes first is another rule's */
    if (!side->sane || (!side->was_offered.count && !syn))
        return;
    rule_ecn(replay, side, view);
    rule_scale(replay, side, view);
    if (syn || (!(view->seg->flags & SP_SYN) && !side->offered.count))
        return;
    rule_unasked(replay, side, view);
    if (view->t_ns < side->superseded_ns)
        rule_stamps(replay, which, at, view);
}
