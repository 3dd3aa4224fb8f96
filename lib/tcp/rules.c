/* The table of rules, violations written down, and the rules that look at one frame alone. */
#include "tcp_in.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct sp_rule rules[RULE_COUNT] = {
#define X(id, name, spec, sentence) {name, spec, sentence},
    RULES(X)
#undef X
};

const struct sp_rule *sp_audit_rules(size_t *count)
{
    *count = RULE_COUNT;
    return rules;
}

void sp_tcp_violate(struct ctx *ctx, enum rule rule, const struct sp_event *event, enum sp_end end,
                    const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    SP_PUSH(ctx->out->violations, ctx->out->violation_count, ctx->violation_cap) =
        (struct sp_violation){
            .rule = rules[rule].name,
            .spec = rules[rule].spec,
            .event = event,
            .end = end,
            .text = sp_arena_strdup(&ctx->out->arena, text),
        };
}

/* At its sender's own side: what the path did to it afterwards is not held against anybody. */
static bool is_at_home(const struct sp_event *event)
{
    return (event->end == SP_END_CLIENT &&
            (event->u.seg.point == SP_AT_CLIENT || event->u.seg.point == SP_AT_LO)) ||
           (event->end == SP_END_SERVER &&
            (event->u.seg.point == SP_AT_SERVER || event->u.seg.point == SP_AT_LO));
}

static bool is_scripted(const struct sp_trace *trace)
{
    return trace->head.addr[SP_END_PEER].family || trace->head.addr[SP_END_MIDDLE].family;
}

/* Each of the three opens, closes or ends; section 3.10 forms no segment that has two of them. */
static void flags_tell(struct ctx *ctx, const struct sp_event *event)
{
    char flags[SP_TCP_FLAGS_TEXT];
    sp_tcp_flags_print(event->u.seg.seg.flags, flags, sizeof flags);
    sp_tcp_violate(ctx, RULE_FLAGS, event, event->end, "a segment with %s", flags);
}

/* Hosts of today choose 64, 128 or 255; 32 was the least that any did when paths were shorter. A
 * call may choose less, but not 0, which none may send. */
enum { LEAST_TTL = 32 };

void sp_tcp_rules_frame(struct ctx *ctx)
{
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        if (event->kind != SP_EV_SEG)
            continue;
        const struct sp_seg *seg = &event->u.seg.seg;
        /* A frame too broken to tell its sender is nobody's where something scripted may send. */
        bool nameless = event->end == SP_END_NONE && !is_scripted(ctx->trace);
        if (event->u.seg.malformed && (is_at_home(event) || nameless))
            sp_tcp_violate(ctx, RULE_MALFORMED, event, event->end,
                           "a frame that cannot be decoded: %s", event->u.seg.malformed);
        if (event->u.seg.malformed || !is_at_home(event))
            continue;
        unsigned alone = seg->flags & (SP_SYN | SP_FIN | SP_RST);
        if (alone & (alone - 1))
            flags_tell(ctx, event);
        if (!seg->ttl || (seg->ttl < LEAST_TTL && !ctx->facts[event->end].hops_set))
            sp_tcp_violate(ctx, RULE_TTL_LOW, event, event->end, "it leaves with %s of %u%s",
                           seg->src.family == SP_IPV6 ? "a hop limit" : "a TTL", seg->ttl,
                           seg->ttl ? ", and no call had chosen one" : "");
        if (!seg->ip_checksum_ok)
            sp_tcp_violate(ctx, RULE_CHECKSUM, event, event->end,
                           "the IP header's checksum is wrong");
        else if (!seg->checksum_ok)
            sp_tcp_violate(ctx, RULE_CHECKSUM, event, event->end, "the checksum 0x%04x is wrong",
                           seg->checksum);
    }
}
