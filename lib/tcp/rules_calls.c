/*
 * Calls that tell of what came from the other end: none returns before it was there. What a call
 * returned is held against what had been captured at its own side by then.
 */
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

static bool is_named(const struct sp_event *event, const char *prefix)
{
    return event->kind == SP_EV_CALL && event->u.call.name &&
           strncmp(event->u.call.name, prefix, strlen(prefix)) == 0;
}

static bool has_word(const struct sp_event *event, const char *word)
{
    return event->u.call.args && strstr(event->u.call.args, word);
}

static bool reads(const struct sp_event *event)
{
    return is_named(event, "recv") || is_named(event, "read") || is_named(event, "drain");
}

static bool succeeded(const struct sp_event *event)
{
    return event->u.call.how == SP_CALL_RETURNED && !event->u.call.error && event->t_end_ns >= 0;
}

/* What had come to that side by then: how far data reached without a gap, and whether it had an
 * end there. */
struct come {
    int64_t data;
    bool end;
};

static struct come come_by(const struct replay *replay, int which, int64_t t_ns)
{
    struct come come = {.data = 1};
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < replay->entry_count[which]; i++) {
            const struct entry *entry = &replay->entries[which][i];
            struct view in;
            if (entry->out || entry->event->t_ns > t_ns + SKEW_NS)
                continue;
            sp_tcp_view(&in, &replay->side[1 - which], &replay->side[which], entry);
            come.end = come.end || (in.seg->flags & SP_RST) ||
                       ((in.seg->flags & SP_FIN) && in.end <= come.data);
            if (in.data > come.data || in.end <= come.data)
                continue;
            more = true;
            come.data = in.end;
        }
    }
    return come;
}

/* Whether a call of its own may have ended its reading by then. */
static bool has_ended_reading(const struct side *side, int64_t t_ns)
{
    return sp_tcp_act_by(side->ledger,
                         1u << ACT_SHUT_RD | 1u << ACT_SHUT_WR | 1u << ACT_CLOSE | 1u << ACT_EXIT,
                         t_ns) != NULL;
}

/* Whether a call of that end had told that a connection was lost: what is read then is an end. */
static bool has_told_loss(const struct replay *replay, const struct side *side, int64_t t_ns)
{
    static const char *const losses[] = {"ETIMEDOUT",  "EHOSTUNREACH", "ENETUNREACH",
                                         "ECONNRESET", "ECONNABORTED", "ECONNREFUSED",
                                         "EPIPE"};
    const struct sp_trace *trace = replay->ctx->trace;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_ev_call *call = &trace->events[i].u.call;
        if (trace->events[i].kind != SP_EV_CALL || trace->events[i].end != side->end ||
            trace->events[i].t_ns > t_ns)
            continue;
        for (size_t k = 0; k < sizeof losses / sizeof losses[0]; k++)
            if ((call->error && strcmp(call->error, losses[k]) == 0) ||
                (call->out && strcmp(call->out, losses[k]) == 0))
                return true;
    }
    return false;
}

/* The number behind that word in its arguments; INT64_MAX where it is not there. */
static int64_t number_after(const struct sp_event *event, const char *key)
{
    const char *at = event->u.call.args ? strstr(event->u.call.args, key) : NULL;
    return at ? strtoll(at + strlen(key), NULL, 10) : INT64_MAX;
}

/* Whether a call of that end may have made reading stop before all has come that was asked for. */
static bool may_stop_short(const struct replay *replay, const struct side *side)
{
    const struct sp_trace *trace = replay->ctx->trace;
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].end == side->end &&
            (is_named(&trace->events[i], "nonblock") || is_named(&trace->events[i], "ioctl") ||
             (is_named(&trace->events[i], "set") && has_word(&trace->events[i], "SO_RCVTIMEO"))))
            return true;
    return false;
}

static bool has_own_api(const struct sp_trace_head *head, enum sp_end end)
{
    const char *api = head->api[end].name, *tcp = head->tcp[end].name;
    return !api || !tcp || strcmp(api, tcp) == 0;
}

/* Whether it returned because there was nothing more to come: 0, or less than it would have waited
 * for. Not every stack in a process of its own has MSG_WAITALL (lwIP), nor has every API over
 * another system's TCP (Wine's). */
static bool tells_end(const struct replay *replay, const struct side *side,
                      const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    int64_t asked = number_after(event, "");
    if (is_named(event, "drain")) /* goes on until the end, an error, or so many bytes */
        return call->value < number_after(event, "max=");
    if (!is_named(event, "recv") || asked <= 0)
        return false;
    bool waits = has_word(event, "MSG_WAITALL") && !has_word(event, "MSG_PEEK") &&
                 !has_word(event, "MSG_DONTWAIT") && !call->signal && !side->own_process &&
                 has_own_api(&replay->ctx->trace->head, side->end) && !may_stop_short(replay, side);
    return !call->value || (waits && call->value < asked);
}

static void rule_reads(struct replay *replay, int which)
{
    const struct side *side = &replay->side[which];
    const struct ledger *ledger = side->ledger;
    for (size_t i = 0; i < ledger->len; i++) {
        const struct act *act = &ledger->acts[i];
        const struct sp_event *event = act->event;
        if (act->kind != ACT_READ || !reads(event) || act->to_ns == INT64_MAX ||
            !succeeded(event) || act->to_ns >= side->superseded_ns)
            continue;
        struct come come = come_by(replay, which, act->to_ns);
        int64_t taken = 0;
        for (size_t k = 0; k < ledger->len; k++)
            if (ledger->acts[k].kind == ACT_READ && reads(ledger->acts[k].event) &&
                ledger->acts[k].to_ns <= act->to_ns)
                taken += ledger->acts[k].bytes;
        bool ends = tells_end(replay, side, event);
        if (taken > come.data - 1)
            sp_tcp_violate(replay->ctx, RULE_CALL_EARLY, event, side->end,
                           "%s() had read %lld bytes, and %lld had come", event->u.call.name,
                           (long long)taken, (long long)(come.data - 1));
        else if (ends && !come.end && !has_ended_reading(side, act->to_ns) &&
                 !has_told_loss(replay, side, act->to_ns))
            sp_tcp_violate(replay->ctx, RULE_CALL_EARLY, event, side->end,
                           "%s() told of the end, and no FIN had come", event->u.call.name);
    }
}

/* A connect or accept that told the addresses of this connection. */
static bool opened(const struct replay *replay, int which, const struct sp_event *event)
{
    const struct sp_conn *conn = replay->conn;
    const struct sp_addr *here = which == 0 ? &conn->client : &conn->server;
    const struct sp_addr *there = which == 0 ? &conn->server : &conn->client;
    bool opens = is_named(event, which == 0 ? "connect" : "accept") ||
                 (is_named(event, "connect") && replay->side[which].plain_syn_sent);
    return opens && event->end == replay->side[which].end && succeeded(event) &&
           sp_addr_same(&event->u.call.local, here) && sp_addr_same(&event->u.call.remote, there);
}

/* When both SYNs were acknowledged as far as this side can know; INT64_MAX never. */
static int64_t open_ns(const struct side *side)
{
    if (!side->syn_in || !side->syn_event)
        return INT64_MAX;
    return side->syn_acked_ns > side->syn_event->t_ns ? side->syn_acked_ns : side->syn_event->t_ns;
}

/* Of several connections with the same addresses, a connect is tied to the one that it opened. */
static bool is_of(const struct side *side, const struct sp_event *event)
{
    for (size_t i = 0; i < side->ledger->len; i++)
        if (side->ledger->acts[i].kind == ACT_CONNECT && side->ledger->acts[i].event == event)
            return true;
    return false;
}

/* With data on the SYN, or where an option leaves the SYN to the first send, both may return
 * before (RFC 7413). */
static void rule_opens(struct replay *replay, int which)
{
    const struct side *side = &replay->side[which];
    const struct sp_trace *trace = replay->ctx->trace;
    bool namesake = sp_tcp_has_namesake(&replay->ctx->out->flights, side->conn);
    bool fast = side->facts->fastopen_ns != INT64_MAX || side->syn_payload ||
                (side->syn_event && side->syn_event->u.seg.seg.payload_len);
    for (size_t i = 0; !fast && i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (opened(replay, which, event) && !has_word(event, "unspec") &&
            (!namesake || (side->ledger->tied && is_of(side, event))) &&
            open_ns(side) > event->t_end_ns + SKEW_NS)
            sp_tcp_violate(replay->ctx, RULE_CALL_EARLY, event, side->end,
                           "%s() succeeded before the handshake was over", event->u.call.name);
    }
}

void sp_tcp_rules_calls(struct replay *replay, int which)
{
    const struct side *side = &replay->side[which];
    if (!side->sane || !side->facts->calls || side->facts->blind_ns != INT64_MAX)
        return;
    if (side->ledger->tied && !side->ledger->strangers && side->facts->urgent_ns == INT64_MAX &&
        !replay->conn->renumbered)
        rule_reads(replay, which);
    rule_opens(replay, which);
}
