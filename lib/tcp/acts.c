/* Questions to a ledger: what had been asked of an end by then. */
#include "tcp_in.h"

const struct act *sp_tcp_act_by(const struct ledger *ledger, unsigned kinds, int64_t t_ns)
{
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns + SKEW_NS; i++)
        if (kinds & 1u << ledger->acts[i].kind)
            return &ledger->acts[i];
    return NULL;
}

const struct act *sp_tcp_act_last(const struct ledger *ledger, unsigned kinds, int64_t t_ns)
{
    const struct act *last = NULL;
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns + SKEW_NS; i++)
        if (kinds & 1u << ledger->acts[i].kind)
            last = &ledger->acts[i];
    return last;
}

const struct act *sp_tcp_reading(const struct ledger *ledger, int64_t t_ns, int64_t late_ns)
{
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns + SKEW_NS; i++) {
        const struct act *act = &ledger->acts[i];
        if (act->kind == ACT_READ && act->bytes &&
            (act->to_ns == INT64_MAX || act->to_ns + late_ns >= t_ns))
            return act;
    }
    return NULL;
}

int64_t sp_tcp_queued(const struct ledger *ledger, int64_t t_ns, int64_t want,
                      const struct sp_event **by)
{
    int64_t total = 0;
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns + SKEW_NS; i++) {
        const struct act *act = &ledger->acts[i];
        if (act->kind != ACT_SEND)
            continue;
        int64_t before = total;
        total = act->bytes == INT64_MAX || total == INT64_MAX ? INT64_MAX : total + act->bytes;
        if (by && want >= before && want < total) {
            *by = act->event;
            by = NULL;
        }
    }
    return total;
}

int64_t sp_tcp_sent_by(const struct ledger *ledger, int64_t t_ns)
{
    int64_t total = 0;
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns; i++) {
        const struct act *act = &ledger->acts[i];
        if (act->kind == ACT_SEND && act->bytes != INT64_MAX && act->to_ns <= t_ns)
            total += act->bytes;
    }
    return total;
}

int64_t sp_tcp_read_by(const struct ledger *ledger, int64_t t_ns)
{
    int64_t total = 0;
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns; i++) {
        const struct act *act = &ledger->acts[i];
        if (act->kind == ACT_READ && act->bytes != INT64_MAX && act->to_ns <= t_ns + SKEW_NS)
            total += act->bytes;
    }
    return total;
}
