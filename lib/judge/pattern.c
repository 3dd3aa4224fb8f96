/* One segment against one pattern, naming the field that differs. */
#include "impl.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"

static const uint8_t SHAPE = SP_SYN | SP_FIN | SP_RST;

static bool in_range(const struct sp_num *num, int64_t value)
{
    return value >= num->min && value <= num->max;
}

static void num_say(const struct sp_num *num, char *out, size_t cap)
{
    if (num->min == num->max)
        say(out, cap, "%lld", (long long)num->min);
    else
        say(out, cap, "%lld..%lld", (long long)num->min, (long long)num->max);
}

static bool number_fits(const char *name, const struct sp_num *want, int64_t value, char *diff,
                        size_t cap)
{
    char text[48];
    if (!want->set || in_range(want, value))
        return true;
    num_say(want, text, sizeof text);
    say(diff, cap, "%s=%lld, expected %s=%s", name, (long long)value, name, text);
    return false;
}

/* SYN, FIN and RST exactly; ACK exactly beside SYN only; what else is named as it is named. */
static bool flags_fit(const struct sp_pattern *pattern, const struct sp_seg *seg, char *diff,
                      size_t cap)
{
    uint8_t want = pattern->set;
    uint8_t exact = SHAPE;
    if ((want & SP_SYN) && !(pattern->clear & SP_ACK))
        exact |= SP_ACK;
    bool fits = (seg->flags & want) == want && !(seg->flags & pattern->clear) &&
                (seg->flags & exact) == (want & exact);
    if (fits)
        return true;
    char have[48], asked[48];
    sp_tcp_flags_print(seg->flags, have, sizeof have);
    sp_tcp_flags_print(want, asked, sizeof asked);
    say(diff, cap, "flags %s, expected %s", have, asked);
    return false;
}

static bool payload_fits(const struct sp_pattern *pattern, const struct item *item, char *diff,
                         size_t cap)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    int64_t from = (int64_t)item->flight->rel_seq + ((seg->flags & SP_SYN) ? 1 : 0);
    int64_t to = from + seg->payload_len - 1;
    if (pattern->any_payload || pattern->class_ != SP_CLASS_ANY)
        return true;
    if (pattern->bytes.set) {
        if (seg->payload_len && from == pattern->bytes.min && to == pattern->bytes.max)
            return true;
        if (seg->payload_len)
            say(diff, cap, "bytes %lld..%lld, expected %lld..%lld", (long long)from, (long long)to,
                (long long)pattern->bytes.min, (long long)pattern->bytes.max);
        else
            say(diff, cap, "no payload, expected bytes %lld..%lld", (long long)pattern->bytes.min,
                (long long)pattern->bytes.max);
        return false;
    }
    if (pattern->len.set)
        return number_fits("len", &pattern->len, seg->payload_len, diff, cap);
    if (seg->payload_len == 0)
        return true;
    say(diff, cap, "bytes %lld..%lld, expected no payload", (long long)from, (long long)to);
    return false;
}

/* ---- options ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum sp_opt_kind kind;
} opt_names[] = {
    {"mss", SP_OPT_MSS},           {"wscale", SP_OPT_WSCALE}, {"sackok", SP_OPT_SACK_OK},
    {"sack", SP_OPT_SACK},         {"ts", SP_OPT_TIMESTAMPS}, {"ecr", SP_OPT_TIMESTAMPS},
    {"fastopen", SP_OPT_FASTOPEN}, {"uto", SP_OPT_UTO},
};

static int opt_kind(const char *name)
{
    for (size_t i = 0; i < sizeof opt_names / sizeof opt_names[0]; i++)
        if (strcmp(opt_names[i].name, name) == 0)
            return opt_names[i].kind;
    return -1;
}

static int64_t opt_value(const char *name, const struct sp_opt *opt)
{
    switch (opt->kind) {
    case SP_OPT_MSS:
        return opt->mss;
    case SP_OPT_WSCALE:
        return opt->wscale;
    case SP_OPT_SACK:
        return opt->sack_count;
    case SP_OPT_TIMESTAMPS:
        return strcmp(name, "ecr") == 0 ? opt->ts_ecr : opt->ts_val;
    default:
        return opt->len - 2;
    }
}

/*
 * "malformed": the row of options ends in a length that is missing or impossible (RFC 9293,
 * MUST-68). "junk": something but zeros behind the end of the option list (MUST-69).
 */
static bool opts_are(const char *name, const struct sp_seg *seg)
{
    struct sp_opt opt = {0};
    bool malformed = false;
    size_t pos = 0;
    while (sp_opt_next(seg, &pos, &opt, &malformed) && opt.kind != SP_OPT_EOL)
        ;
    if (strcmp(name, "malformed") == 0)
        return malformed;
    for (const uint8_t *p = opt.data; !malformed && p && p < seg->opt + seg->opt_len; p++)
        if (opt.kind == SP_OPT_EOL && *p)
            return true;
    return false;
}

static bool opt_fits(const struct sp_opt_want *want, const struct sp_seg *seg, char *diff,
                     size_t cap)
{
    struct sp_opt opt;
    int kind = opt_kind(want->name);
    bool there = kind < 0 && opts_are(want->name, seg);
    int64_t value = 0;
    for (size_t pos = 0; kind >= 0 && sp_opt_next(seg, &pos, &opt, NULL);)
        if (opt.kind == kind) {
            there = true;
            value = opt_value(want->name, &opt);
        }
    if (want->absent) {
        if (there)
            say(diff, cap, "option %s, expected none", want->name);
        return !there;
    }
    if (!there)
        say(diff, cap, "no option %s", want->name);
    else if (want->has_value && value != want->value)
        say(diff, cap, "option %s=%lld, expected %s=%lld", want->name, (long long)value, want->name,
            (long long)want->value);
    return there && (!want->has_value || value == want->value);
}

/* The first SACK block is these bytes of the other end's stream. */
static bool sack_fits(const struct sp_num *want, const struct item *item, char *diff, size_t cap)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    uint32_t isn = seg->ack - item->flight->rel_ack;
    struct sp_opt opt;
    char text[48];
    if (!want->set)
        return true;
    num_say(want, text, sizeof text);
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind != SP_OPT_SACK || !opt.sack_count)
            continue;
        int64_t left = opt.sack[0].left - isn;
        int64_t right = opt.sack[0].right - isn - 1;
        if (left != want->min || right != want->max)
            say(diff, cap, "sack=%lld..%lld, expected sack=%s", (long long)left, (long long)right,
                text);
        return left == want->min && right == want->max;
    }
    say(diff, cap, "no SACK block, expected sack=%s", text);
    return false;
}

static bool urgent_fits(const struct sp_num *want, const struct sp_seg *seg, char *diff, size_t cap)
{
    if (want->set && !(seg->flags & SP_URG))
        say(diff, cap, "no URG, expected urg=%lld", (long long)want->min);
    return !want->set ||
           ((seg->flags & SP_URG) && number_fits("urg", want, seg->urgent, diff, cap));
}

static bool ip_fits(const struct sp_pattern *pattern, const struct sp_seg *seg, char *diff,
                    size_t cap)
{
    return number_fits("dscp", &pattern->dscp, seg->tos >> 2, diff, cap) &&
           number_fits("ecn", &pattern->ecn, seg->tos & 3, diff, cap) &&
           number_fits("ttl", &pattern->ttl, seg->ttl, diff, cap);
}

static bool df_fits(const struct sp_pattern *pattern, const struct sp_seg *seg, char *diff,
                    size_t cap)
{
    bool fits = !pattern->dont_fragment || seg->ip_df || seg->src.family == SP_IPV6;
    if (!fits)
        say(diff, cap, "may be fragmented, expected DF");
    return fits;
}

static bool sums_fit(const struct sp_pattern *pattern, const struct sp_seg *seg, char *diff,
                     size_t cap)
{
    bool good = seg->checksum_ok && seg->ip_checksum_ok;
    if (pattern->good_sums && !good)
        say(diff, cap, "a wrong %s checksum, expected a right one",
            seg->checksum_ok ? "IP" : "TCP");
    return !pattern->good_sums || good;
}

/* ---- the whole ----------------------------------------------------------------------------- */

const struct sp_event *item_seen_at(const struct item *item, enum sp_who at)
{
    if (at == SP_WHO_NONE)
        return item->ev;
    return (int)at == (int)item->flight->from ? item->flight->sent : item->flight->received;
}

static enum fit fit_here(const struct sp_pattern *pattern, const struct item *item, char *diff,
                         size_t cap);

enum fit pattern_fit(const struct sp_pattern *pattern, const struct item *item, char *diff,
                     size_t cap)
{
    struct item seen = *item;
    const struct sp_event *ev = item_seen_at(item, pattern->seen_at);
    struct sp_flight flight = *item->flight;
    if (ev) { /* its numbers as they are there: the middle may have changed them */
        flight.rel_seq += ev->u.seg.seg.seq - item->ev->u.seg.seg.seq;
        flight.rel_ack += ev->u.seg.seg.ack - item->ev->u.seg.seg.ack;
        seen.flight = &flight;
        seen.ev = ev;
        seen.t_ns = ev->t_ns;
    }
    enum fit fit = fit_here(pattern, &seen, diff, cap);
    if (ev || fit != FIT_YES)
        return fit;
    say(diff, cap, "it was not seen at %s", sp_end_name((enum sp_end)pattern->seen_at));
    return FIT_FIELDS;
}

static enum fit fit_here(const struct sp_pattern *pattern, const struct item *item, char *diff,
                         size_t cap)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    const struct sp_flight *flight = item->flight;
    bool wants_payload = pattern->bytes.set || (pattern->len.set && pattern->len.max > 0);
    bool payload_alike = pattern->any_payload || pattern->class_ != SP_CLASS_ANY ||
                         wants_payload == (seg->payload_len > 0) || (pattern->set & SHAPE);
    enum fit other =
        (seg->flags & SHAPE) == (pattern->set & SHAPE) && payload_alike ? FIT_FIELDS : FIT_NO;
    if (!flags_fit(pattern, seg, diff, cap))
        return other;
    if (!payload_fits(pattern, item, diff, cap))
        return other;
    if (!number_fits("seq", &pattern->seq, flight->rel_seq, diff, cap))
        return other;
    if (pattern->ack.set && !(seg->flags & SP_ACK)) {
        say(diff, cap, "no ACK, expected ack=%lld", (long long)pattern->ack.min);
        return other;
    }
    if (!number_fits("ack", &pattern->ack, flight->rel_ack, diff, cap) ||
        !number_fits("win", &pattern->window, seg->window, diff, cap) ||
        !urgent_fits(&pattern->urgent, seg, diff, cap) ||
        !sack_fits(&pattern->sack, item, diff, cap) || !ip_fits(pattern, seg, diff, cap) ||
        !df_fits(pattern, seg, diff, cap) || !sums_fit(pattern, seg, diff, cap))
        return other;
    for (size_t i = 0; i < pattern->opt_count; i++)
        if (!opt_fits(&pattern->opts[i], seg, diff, cap))
            return other;
    return FIT_YES;
}
