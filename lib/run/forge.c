#include "forge.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"

uint32_t forge_number(const struct forge *forge, const struct sp_peer_num *num, uint32_t isn,
                      uint32_t usual, uint32_t labelled)
{
    const struct forge_end *end = &forge->ends[num->end];
    uint32_t base = usual;
    switch (num->base) {
    case SP_BASE_USUAL:
        return usual;
    case SP_BASE_ISN:
        base = isn;
        break;
    case SP_BASE_ABS:
        base = 0;
        break;
    case SP_BASE_RCV_NXT:
        base = end->rcv_nxt;
        break;
    case SP_BASE_SND_NXT:
        base = end->snd_nxt;
        break;
    case SP_BASE_SND_UNA:
        base = end->snd_una;
        break;
    case SP_BASE_SEQ:
    case SP_BASE_ACK:
    case SP_BASE_END:
        base = labelled;
        break;
    }
    return base + (uint32_t)num->offset + (num->window ? end->window_bytes : 0);
}

static enum sp_rc put_opt(const struct forge *forge, const struct sp_peer_opt *want,
                          struct sp_seg *seg, struct sp_err *err)
{
    struct sp_opt opt = {.kind = want->kind};
    switch (want->kind) {
    case SP_OPT_MSS:
        opt.mss = (uint16_t)want->values[0];
        break;
    case SP_OPT_WSCALE:
        opt.wscale = (uint8_t)want->values[0];
        break;
    case SP_OPT_TIMESTAMPS:
        opt.ts_val = want->count > 0 ? (uint32_t)want->values[0] : forge->ts_val;
        opt.ts_ecr = want->count > 1 ? (uint32_t)want->values[1] : forge->ts_ecr;
        break;
    case SP_OPT_SACK:
        opt.sack_count = (uint8_t)(want->count / 2);
        for (unsigned i = 0; i < opt.sack_count; i++) {
            opt.sack[i].left = forge->other_isn + (uint32_t)want->values[2 * i];
            opt.sack[i].right = forge->other_isn + (uint32_t)want->values[2 * i + 1];
        }
        break;
    default:
        break;
    }
    return sp_opt_add(seg, &opt, err);
}

/* What is written; else an MSS on a SYN, and timestamps once both ends have offered them. */
enum sp_rc forge_opts(const struct forge *forge, const struct sp_peer_seg *want, struct sp_seg *seg,
                      struct sp_err *err)
{
    static const struct sp_peer_opt mss = {.kind = SP_OPT_MSS, .count = 1, .values = {1460}};
    static const struct sp_peer_opt nop = {.kind = SP_OPT_NOP};
    static const struct sp_peer_opt ts = {.kind = SP_OPT_TIMESTAMPS};
    enum sp_rc rc = SP_OK;
    seg->opt_len = 0;
    if (want->has_opts) {
        memcpy(seg->opt, want->raw, want->raw_len);
        seg->opt_len = want->raw_len;
        for (size_t i = 0; rc == SP_OK && i < want->opt_count; i++)
            rc = put_opt(forge, &want->opts[i], seg, err);
    } else if (seg->flags & SP_SYN) {
        rc = put_opt(forge, &mss, seg, err);
    } else if (forge->ts && !(seg->flags & SP_RST)) {
        rc = put_opt(forge, &nop, seg, err);
        if (rc == SP_OK)
            rc = put_opt(forge, &nop, seg, err);
        if (rc == SP_OK)
            rc = put_opt(forge, &ts, seg, err);
    }
    while (seg->opt_len % 4) /* as it is read back: padded with EOL */
        seg->opt[seg->opt_len++] = SP_OPT_EOL;
    return rc;
}

static uint32_t payload_len(const struct forge *forge, const struct sp_peer_seg *want)
{
    if (want->payload_len)
        return (uint32_t)want->payload_len;
    if (want->bytes.set)
        return (uint32_t)(want->bytes.max - want->bytes.min + 1);
    return want->len_is_window ? forge->ends[forge->other].window_bytes : (uint32_t)want->len.min;
}

static char *payload_of(const struct forge *forge, const struct sp_peer_seg *want,
                        const struct sp_seg *seg)
{
    char *payload = sp_xcalloc(seg->payload_len + 1, 1);
    int64_t first = want->bytes.set
                        ? want->bytes.min
                        : (int32_t)(seg->seq - forge->isn) + ((want->flags & SP_SYN) ? 1 : 0);
    if (want->payload_len)
        memcpy(payload, want->payload, want->payload_len);
    else
        sp_pattern_fill(forge->salt, first < 1 ? 0 : (uint64_t)(first - 1), payload,
                        seg->payload_len);
    return payload;
}

enum sp_rc forge_segment(const struct forge *forge, const struct sp_peer_seg *want,
                         struct sp_seg *seg, char **payload, struct sp_err *err)
{
    *seg = (struct sp_seg){.kind = SP_SEG_TCP,
                           .src = forge->src,
                           .dst = forge->dst,
                           .flags = want->flags,
                           .window = want->window.set ? (uint16_t)want->window.min : forge->window,
                           .urgent = (uint16_t)want->urgent.min,
                           .ttl = want->ttl.set ? (uint8_t)want->ttl.min : 64,
                           .tos = (uint8_t)(want->dscp.min << 2 | want->ecn.min),
                           .ip_df = true,
                           .ip_id = forge->ip_id,
                           .ip_checksum_ok = !want->bad_ip_checksum,
                           .checksum_ok = !want->bad_checksum};
    seg->ip_opt_len = (uint8_t)forge->ip_opt_len;
    if (forge->ip_opt_len)
        memcpy(seg->ip_opt, forge->ip_opt, forge->ip_opt_len);
    uint32_t usual = forge->seq;
    if (want->flags & SP_SYN)
        usual = forge->isn;
    else if (want->bytes.set)
        usual = forge->isn + (uint32_t)want->bytes.min;
    seg->seq = forge_number(forge, &want->seq, forge->isn, usual, forge->labelled[0]);
    seg->ack = forge_number(forge, &want->ack, forge->other_isn,
                            (want->flags & SP_ACK) ? forge->ack : 0, forge->labelled[1]);
    seg->payload_len = payload_len(forge, want);
    *payload = payload_of(forge, want, seg);
    seg->payload_hash = sp_payload_hash(*payload, seg->payload_len);
    return forge_opts(forge, want, seg, err);
}

enum sp_rc forge_frame(const struct forge *forge, const struct sp_peer_seg *want,
                       const uint8_t src_mac[6], const uint8_t dst_mac[6], struct sp_seg *seg,
                       struct sp_buf *frame, struct sp_err *err)
{
    char *payload = NULL;
    struct sp_build_fault fault = {.bad_checksum = want->bad_checksum,
                                   .bad_ip_checksum = want->bad_ip_checksum,
                                   .data_offset = (uint8_t)want->offset.min,
                                   .reserved = (uint8_t)want->reserved.min};
    enum sp_rc rc = forge_segment(forge, want, seg, &payload, err);
    if (rc == SP_OK)
        rc = sp_wire_build(SP_LINK_ETHERNET, src_mac, dst_mac, seg, payload, &fault, frame, err);
    free(payload);
    return rc;
}
