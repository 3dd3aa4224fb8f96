#include "path_in.h"

#include <string.h>

enum { ETHERNET = 14, IPV6_HEADER = 40, TCP_WINDOW = 15, TCP_CHECKSUM = 17, IPV4_CHECKSUM = 11 };

void path_corrupt(uint8_t *frame, size_t len, enum sp_middle_part part)
{
    bool v4 = frame[ETHERNET] >> 4 == 4;
    size_t ip_len = v4 ? (size_t)(frame[ETHERNET] & 15) * 4 : (size_t)IPV6_HEADER;
    size_t tcp = ETHERNET + ip_len;
    size_t payload = tcp + (size_t)(frame[tcp + 12] >> 4) * 4;
    size_t at = tcp + TCP_WINDOW;
    if (part == SP_PART_PAYLOAD && payload < len)
        at = payload;
    else if (part == SP_PART_CHECKSUM)
        at = tcp + TCP_CHECKSUM;
    else if (part == SP_PART_IP)
        at = ETHERNET + IPV4_CHECKSUM;
    frame[at] ^= 1;
}

/* ---- options -------------------------------------------------------------------------------- */

static int kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum sp_opt_kind kind;
    } rows[] = {{"mss", SP_OPT_MSS},          {"wscale", SP_OPT_WSCALE}, {"sackok", SP_OPT_SACK_OK},
                {"sack", SP_OPT_SACK},        {"ts", SP_OPT_TIMESTAMPS}, {"ecr", SP_OPT_TIMESTAMPS},
                {"fastopen", SP_OPT_FASTOPEN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].kind;
    return -1;
}

static void put_number(uint8_t *data, size_t len, int64_t value)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)((uint64_t)value >> (8 * (len - 1 - i)));
}

/* The option where it stands, with the value; taken away, NOPs are left, as boxes do. */
static bool change_there(const struct sp_opt_want *want, struct sp_seg *seg)
{
    struct sp_opt opt;
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind != kind_of(want->name) || opt.len < 2)
            continue;
        uint8_t *at = seg->opt + (opt.data - seg->opt) - 2;
        if (want->absent)
            memset(at, SP_OPT_NOP, opt.len);
        else
            put_number(at + (strcmp(want->name, "ecr") == 0 ? 6 : 2),
                       opt.kind == SP_OPT_TIMESTAMPS ? 4 : opt.len - 2u, want->value);
        return true;
    }
    return false;
}

static enum sp_rc change_opt(const struct sp_opt_want *want, struct sp_seg *seg, struct sp_err *err)
{
    if (change_there(want, seg) || want->absent)
        return SP_OK;
    struct sp_opt opt = {.kind = (uint8_t)kind_of(want->name),
                         .mss = (uint16_t)want->value,
                         .wscale = (uint8_t)want->value,
                         .ts_val = (uint32_t)want->value};
    if (strcmp(want->name, "ecr") == 0)
        opt = (struct sp_opt){.kind = opt.kind, .ts_ecr = (uint32_t)want->value};
    enum sp_rc rc = sp_opt_add(seg, &opt, err);
    while (rc == SP_OK && seg->opt_len % 4)
        seg->opt[seg->opt_len++] = SP_OPT_EOL;
    return rc;
}

/* ---- fields --------------------------------------------------------------------------------- */

static uint32_t moved(const struct sp_peer_num *num, bool shift, uint32_t was, uint32_t isn)
{
    if (num->base == SP_BASE_USUAL)
        return was;
    return (shift ? was : isn) + (uint32_t)num->offset;
}

enum sp_rc path_rewrite(const struct sp_middle *change, const struct path_talk *talk,
                        enum path_dir dir, const uint8_t *frame, size_t len, struct sp_buf *out,
                        struct sp_err *err)
{
    static const struct path_talk unknown;
    const struct sp_peer_seg *to = change->seg;
    struct sp_seg seg;
    const uint8_t *bytes = NULL;
    enum sp_rc rc = sp_wire_decode(SP_LINK_ETHERNET, frame, len, &seg, &bytes, err);
    if (rc != SP_OK)
        return rc;
    struct forge forge = path_talk_forge(talk ? talk : &unknown, dir);
    seg.flags = (uint8_t)((seg.flags | to->flags) & ~change->clear);
    seg.seq = moved(&to->seq, change->seq_shift, seg.seq, forge.isn);
    seg.ack = moved(&to->ack, change->ack_shift, seg.ack, forge.other_isn);
    seg.window = to->window.set ? (uint16_t)to->window.min : seg.window;
    seg.urgent = to->urgent.set ? (uint16_t)to->urgent.min : seg.urgent;
    seg.ttl = to->ttl.set ? (uint8_t)to->ttl.min : seg.ttl;
    seg.tos = to->dscp.set ? (uint8_t)((seg.tos & 3u) | (unsigned)to->dscp.min << 2) : seg.tos;
    seg.tos = to->ecn.set ? (uint8_t)((seg.tos & ~3u) | (unsigned)to->ecn.min) : seg.tos;
    if (to->has_opts)
        rc = forge_opts(&forge, to, &seg, err);
    for (size_t i = 0; rc == SP_OK && i < change->opt_count; i++)
        rc = change_opt(&change->opts[i], &seg, err);
    struct sp_buf payload;
    sp_buf_init(&payload, 0);
    sp_buf_add(&payload, bytes, seg.payload_len);
    size_t take = to->payload_len < payload.len ? to->payload_len : payload.len;
    if (take)
        memcpy(payload.data, to->payload, take);
    if (rc == SP_OK)
        rc = sp_wire_build(SP_LINK_ETHERNET, frame + 6, frame, &seg, payload.data, NULL, out, err);
    sp_buf_release(&payload);
    return rc;
}
