/*
 * From a segment to bytes: what the scripted peer and the path put on a link. Headers are laid
 * out in a small block of their own, the payload follows from the caller's memory.
 */
#include <string.h>

#include "checksum.h"
#include "wire.h"

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    ICMP_HEADER = 8,
    QUOTED_TCP = 8,
    IPV6_DESTINATION = 60,
    DESTINATION_HEADER = 2, /* of the options: next header, length */
    DEFAULT_TTL = 64,
    PACKET_MAX = 65535,
};

/* The header above IP with what it carries, before the checksum is filled in. */
struct upper {
    uint8_t proto;
    uint8_t head[TCP_HEADER + SP_SEG_OPT_MAX];
    size_t head_len;
    size_t checksum_at;
    const void *body;
    size_t body_len;
};

static size_t ip_header_len(const struct sp_seg *seg)
{
    if (seg->src.family == SP_IPV4)
        return IPV4_HEADER + (seg->ip_opt_len + 3u) / 4 * 4;
    return IPV6_HEADER +
           (seg->ip_opt_len ? (DESTINATION_HEADER + seg->ip_opt_len + 7u) / 8 * 8 : 0);
}

static size_t put_ipv4(uint8_t *p, const struct sp_seg *seg, const struct sp_addr *src,
                       const struct sp_addr *dst, uint8_t proto, size_t upper_len, bool wrong)
{
    size_t len = IPV4_HEADER + (seg->ip_opt_len + 3u) / 4 * 4;
    memset(p, 0, len);
    p[0] = (uint8_t)(0x40 | len / 4);
    p[1] = seg->tos;
    sp_put16(p + 2, (uint16_t)(len + upper_len));
    sp_put16(p + 4, seg->ip_id);
    sp_put16(p + 6, seg->ip_df ? 0x4000 : 0);
    p[8] = seg->ttl ? seg->ttl : DEFAULT_TTL;
    p[9] = proto;
    memcpy(p + 12, src->ip, 4);
    memcpy(p + 16, dst->ip, 4);
    memcpy(p + IPV4_HEADER, seg->ip_opt, seg->ip_opt_len);
    sp_put16(p + 10, (uint16_t)(sp_sum_fold(sp_sum_add(0, p, len)) ^ (wrong ? 1 : 0)));
    return len;
}

/* RFC 8200 section 4.6, padded with PadN; a single byte of padding is Pad1, which is 0. */
static void put_destination_options(uint8_t *p, size_t len, const struct sp_seg *seg, uint8_t proto)
{
    size_t used = DESTINATION_HEADER + (size_t)seg->ip_opt_len;
    memset(p, 0, len);
    p[0] = proto;
    p[1] = (uint8_t)(len / 8 - 1);
    memcpy(p + DESTINATION_HEADER, seg->ip_opt, seg->ip_opt_len);
    if (len - used >= 2) {
        p[used] = 1;
        p[used + 1] = (uint8_t)(len - used - 2);
    }
}

static size_t put_ipv6(uint8_t *p, const struct sp_seg *seg, const struct sp_addr *src,
                       const struct sp_addr *dst, uint8_t proto, size_t upper_len)
{
    size_t options = seg->ip_opt_len ? ip_header_len(seg) - IPV6_HEADER : 0;
    sp_put32(p, 6u << 28 | (uint32_t)seg->tos << 20);
    sp_put16(p + 4, (uint16_t)(options + upper_len));
    p[6] = options ? IPV6_DESTINATION : proto;
    p[7] = seg->ttl ? seg->ttl : DEFAULT_TTL;
    memcpy(p + 8, src->ip, 16);
    memcpy(p + 24, dst->ip, 16);
    if (options)
        put_destination_options(p + IPV6_HEADER, options, seg, proto);
    return IPV6_HEADER + options;
}

static size_t put_ip(uint8_t *p, const struct sp_seg *seg, const struct sp_addr *src,
                     const struct sp_addr *dst, uint8_t proto, size_t upper_len, bool wrong)
{
    return src->family == SP_IPV4 ? put_ipv4(p, seg, src, dst, proto, upper_len, wrong)
                                  : put_ipv6(p, seg, src, dst, proto, upper_len);
}

static void put_tcp(struct upper *upper, const struct sp_seg *seg,
                    const struct sp_build_fault *fault)
{
    uint8_t *p = upper->head;
    upper->proto = SP_PROTO_TCP;
    upper->head_len = TCP_HEADER + (seg->opt_len + 3u) / 4 * 4; /* padded with EOL, which is 0 */
    upper->checksum_at = 16;
    size_t words = fault && fault->data_offset ? fault->data_offset : upper->head_len / 4;
    sp_put16(p, seg->src.port);
    sp_put16(p + 2, seg->dst.port);
    sp_put32(p + 4, seg->seq);
    sp_put32(p + 8, seg->ack);
    p[12] = (uint8_t)(words << 4 | (fault ? fault->reserved : 0));
    p[13] = seg->flags;
    sp_put16(p + 14, seg->window);
    sp_put16(p + 18, seg->urgent);
    memcpy(p + TCP_HEADER, seg->opt, seg->opt_len);
}

static void put_icmp(struct upper *upper, const struct sp_seg *seg)
{
    uint8_t *p = upper->head;
    bool v4 = seg->src.family == SP_IPV4;
    upper->proto = v4 ? SP_PROTO_ICMP : SP_PROTO_ICMPV6;
    upper->head_len = ICMP_HEADER;
    upper->checksum_at = 2;
    p[0] = seg->icmp_type;
    p[1] = seg->icmp_code;
    if (v4)
        sp_put16(p + 6, (uint16_t)seg->icmp_mtu);
    else
        sp_put32(p + 4, seg->icmp_mtu);
}

/* The packet that an ICMP error quotes where the caller gave none: as the sender sent it. */
static size_t put_quoted(uint8_t *p, const struct sp_seg *seg)
{
    struct sp_seg plain = {.ip_df = true};
    size_t len = put_ip(p, &plain, &seg->quoted_src, &seg->quoted_dst, SP_PROTO_TCP,
                        (size_t)TCP_HEADER, false);
    sp_put16(p + len, seg->quoted_src.port);
    sp_put16(p + len + 2, seg->quoted_dst.port);
    sp_put32(p + len + 4, seg->quoted_seq);
    return len + QUOTED_TCP;
}

static void put_checksum(struct upper *upper, const struct sp_seg *seg, bool wrong)
{
    uint64_t sum = 0;
    if (upper->proto != SP_PROTO_ICMP)
        sum = sp_sum_pseudo(&seg->src, &seg->dst, upper->proto,
                            (uint32_t)(upper->head_len + upper->body_len));
    sum = sp_sum_add(sum, upper->head, upper->head_len);
    sum = sp_sum_add(sum, upper->body, upper->body_len);
    sp_put16(upper->head + upper->checksum_at, (uint16_t)(sp_sum_fold(sum) ^ (wrong ? 1 : 0)));
}

static bool is_family(const struct sp_addr *addr, uint8_t family)
{
    return addr->family == family;
}

/* What a header cannot say. */
static enum sp_rc check(const struct sp_seg *seg, const struct sp_build_fault *fault,
                        struct sp_err *err)
{
    uint8_t family = seg->src.family;
    if ((family != SP_IPV4 && family != SP_IPV6) || !is_family(&seg->dst, family))
        return sp_fail(err, SP_E_USAGE, "a segment needs two addresses of one family");
    if (seg->kind == SP_SEG_ICMP && seg->payload_len == 0 &&
        (!is_family(&seg->quoted_src, family) || !is_family(&seg->quoted_dst, family)))
        return sp_fail(err, SP_E_USAGE, "an ICMP error quotes a packet of its own family");
    if (seg->kind == SP_SEG_ICMP && family == SP_IPV4 && seg->icmp_mtu > 65535)
        return sp_fail(err, SP_E_USAGE, "ICMP has 16 bits for an MTU, not for %u", seg->icmp_mtu);
    if (seg->opt_len > SP_SEG_OPT_MAX)
        return sp_fail(err, SP_E_USAGE, "TCP options take at most %d bytes, not %u", SP_SEG_OPT_MAX,
                       seg->opt_len);
    if (seg->ip_opt_len > SP_SEG_OPT_MAX || (fault && fault->reserved > 15))
        return sp_fail(err, SP_E_USAGE, "IP options take at most %d bytes, and 4 bits are reserved",
                       SP_SEG_OPT_MAX);
    if (fault && fault->data_offset > 15)
        return sp_fail(err, SP_E_USAGE, "a data offset has 4 bits, not enough for %u",
                       fault->data_offset);
    return SP_OK;
}

enum sp_rc sp_wire_build(enum sp_link link, const uint8_t src_mac[6], const uint8_t dst_mac[6],
                         const struct sp_seg *seg, const void *payload,
                         const struct sp_build_fault *fault, struct sp_buf *out, struct sp_err *err)
{
    enum sp_rc rc = check(seg, fault, err);
    if (rc != SP_OK)
        return rc;
    struct upper upper = {.body = payload, .body_len = seg->payload_len};
    uint8_t quoted[IPV6_HEADER + QUOTED_TCP];
    if (seg->kind == SP_SEG_ICMP) {
        put_icmp(&upper, seg);
        if (seg->payload_len == 0) {
            upper.body = quoted;
            upper.body_len = put_quoted(quoted, seg);
        }
    } else {
        put_tcp(&upper, seg, fault);
    }
    size_t ip_len = ip_header_len(seg);
    size_t upper_len = upper.head_len + upper.body_len;
    /* IPv4's total length counts its header, IPv6's payload length does not. */
    size_t counted = seg->src.family == SP_IPV4 ? ip_len : ip_len - IPV6_HEADER;
    if (upper_len + counted > PACKET_MAX)
        return sp_fail(err, SP_E_LIMIT, "a payload of %u bytes does not fit in an IP packet",
                       seg->payload_len);
    put_checksum(&upper, seg, fault && fault->bad_checksum);

    uint8_t ip[IPV6_HEADER + DESTINATION_HEADER + SP_SEG_OPT_MAX + 7];
    put_ip(ip, seg, &seg->src, &seg->dst, upper.proto, upper_len, fault && fault->bad_ip_checksum);
    sp_buf_reset(out);
    if (link == SP_LINK_ETHERNET) {
        sp_buf_add(out, dst_mac, 6);
        sp_buf_add(out, src_mac, 6);
        sp_buf_add(out, seg->src.family == SP_IPV4 ? "\x08\x00" : "\x86\xdd", 2);
    }
    sp_buf_add(out, ip, ip_len);
    sp_buf_add(out, upper.head, upper.head_len);
    sp_buf_add(out, upper.body, upper.body_len);
    if (out->overflow)
        return sp_fail(err, SP_E_LIMIT, "the frame is larger than its buffer's %zu bytes",
                       out->max_bytes);
    return SP_OK;
}
