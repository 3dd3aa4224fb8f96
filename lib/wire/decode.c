/*
 * From bytes to a segment.
 *
 * A frame is peeled in layers; each takes a `struct packet` (what is left of the frame) and
 * narrows it. Lengths are believed only after they were held against the bytes that are there:
 * the IP header says where the packet ends, the capture says how much of it we have, and less
 * than the packet is an error, because a verdict on half a segment would be a guess.
 */
#include <string.h>

#include "checksum.h"
#include "wire.h"

enum {
    ETHERNET_HEADER = 14,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    ICMP_HEADER = 8,
    QUOTED_TCP = 8, /* what an ICMP error quotes of TCP at least: ports and sequence number */
    IPV4_DF = 0x4000,
    IPV4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
};

enum ipv6_header {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_DESTINATION = 60,
};

struct packet {
    const uint8_t *at;
    size_t len;
};

/* What an IP header says that the layers above need. */
struct ip {
    struct sp_addr src;
    struct sp_addr dst;
    uint8_t proto;
    uint8_t ttl;
    uint8_t tos;
    uint16_t id;
    bool df;
    bool checksum_ok;
    const uint8_t *opt;
    size_t opt_len;
};

static enum sp_rc cut_short(struct sp_err *err, const char *where, size_t have, size_t want)
{
    return sp_fail(err, SP_E_PARSE, "cut short in the %s: %zu bytes of %zu", where, have, want);
}

static void skip(struct packet *packet, size_t bytes)
{
    packet->at += bytes;
    packet->len -= bytes;
}

static struct sp_addr address(uint8_t family, const uint8_t *ip)
{
    struct sp_addr addr = {.family = family};
    memcpy(addr.ip, ip, family == SP_IPV4 ? 4 : 16);
    return addr;
}

/* `whole`: the packet must be there to its end; not so inside an ICMP error, which quotes a part.
 */
static enum sp_rc peel_ipv4(struct packet *packet, bool whole, struct ip *ip, struct sp_err *err)
{
    const uint8_t *p = packet->at;
    if (packet->len < IPV4_HEADER)
        return cut_short(err, "IPv4 header", packet->len, IPV4_HEADER);
    ip->src = address(SP_IPV4, p + 12);
    ip->dst = address(SP_IPV4, p + 16);
    ip->proto = p[9];
    if (ip->proto != SP_PROTO_TCP && ip->proto != SP_PROTO_ICMP)
        return SP_E_UNSUPPORTED;
    size_t header = (size_t)(p[0] & 0x0f) * 4;
    size_t total = sp_get16(p + 2);
    if (header < IPV4_HEADER)
        return sp_fail(err, SP_E_PARSE, "IPv4 header length of %zu bytes", header);
    if (packet->len < header)
        return cut_short(err, "IPv4 options", packet->len, header);
    if (total < header)
        return sp_fail(err, SP_E_PARSE, "IPv4 total length %zu, header %zu", total, header);
    if (whole && packet->len < total)
        return cut_short(err, "IPv4 packet", packet->len, total);
    if (sp_get16(p + 6) & IPV4_FRAGMENT)
        return SP_E_UNSUPPORTED;
    ip->tos = p[1];
    ip->id = sp_get16(p + 4);
    ip->df = (sp_get16(p + 6) & IPV4_DF) != 0;
    ip->ttl = p[8];
    ip->opt = p + IPV4_HEADER;
    ip->opt_len = header - IPV4_HEADER;
    ip->checksum_ok = sp_sum_fold(sp_sum_add(0, p, header)) == 0;
    if (packet->len > total)
        packet->len = total; /* Ethernet padding */
    skip(packet, header);
    return SP_OK;
}

/* Walks the extension headers from `next` (RFC 8200 section 4) to the protocol above. */
static enum sp_rc peel_extensions(struct packet *packet, uint8_t next, struct ip *ip,
                                  struct sp_err *err)
{
    while (next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING || next == IPV6_DESTINATION ||
           next == IPV6_FRAGMENT) {
        if (packet->len < 8)
            return cut_short(err, "IPv6 extension header", packet->len, 8);
        const uint8_t *p = packet->at;
        size_t len = next == IPV6_FRAGMENT ? 8 : ((size_t)p[1] + 1) * 8;
        if (packet->len < len)
            return cut_short(err, "IPv6 extension header", packet->len, len);
        /* An atomic fragment (RFC 6946) is whole; any other is not ours. With segments left, the
         * pseudo-header's destination is not the one in the IP header. */
        if (next == IPV6_FRAGMENT && (sp_get16(p + 2) & 0xfff9) != 0)
            return SP_E_UNSUPPORTED;
        if (next == IPV6_ROUTING && p[3] != 0)
            return SP_E_UNSUPPORTED;
        if (next == IPV6_DESTINATION && len - 2 <= SP_SEG_OPT_MAX) {
            ip->opt = p + 2;
            ip->opt_len = len - 2;
        }
        next = p[0];
        skip(packet, len);
    }
    ip->proto = next;
    return next == SP_PROTO_TCP || next == SP_PROTO_ICMPV6 ? SP_OK : SP_E_UNSUPPORTED;
}

static enum sp_rc peel_ipv6(struct packet *packet, bool whole, struct ip *ip, struct sp_err *err)
{
    const uint8_t *p = packet->at;
    if (packet->len < IPV6_HEADER)
        return cut_short(err, "IPv6 header", packet->len, IPV6_HEADER);
    size_t payload = sp_get16(p + 4);
    uint8_t next = p[6];
    ip->src = address(SP_IPV6, p + 8);
    ip->dst = address(SP_IPV6, p + 24);
    ip->tos = (uint8_t)(sp_get16(p) >> 4);
    ip->ttl = p[7];
    ip->checksum_ok = true;
    skip(packet, IPV6_HEADER);
    size_t have = packet->len;
    if (packet->len > payload)
        packet->len = payload; /* Ethernet padding */
    enum sp_rc rc = peel_extensions(packet, next, ip, err);
    /* Only once it is known to be ours: a UDP packet cut short is no error of ours. */
    if (rc == SP_OK && whole && have < payload)
        return cut_short(err, "IPv6 packet", have, payload);
    return rc;
}

static enum sp_rc peel_ip(struct packet *packet, bool whole, struct ip *ip, struct sp_err *err)
{
    if (packet->len == 0)
        return cut_short(err, "IP header", 0, 1);
    switch (packet->at[0] >> 4) {
    case 4:
        return peel_ipv4(packet, whole, ip, err);
    case 6:
        return peel_ipv6(packet, whole, ip, err);
    default: /* any nibble may come off the wire */
        return SP_E_UNSUPPORTED;
    }
}

static enum sp_rc peel_ethernet(struct packet *packet, struct sp_err *err)
{
    if (packet->len < ETHERNET_HEADER)
        return cut_short(err, "Ethernet header", packet->len, ETHERNET_HEADER);
    uint16_t type = sp_get16(packet->at + 12);
    skip(packet, ETHERNET_HEADER);
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
        return SP_E_UNSUPPORTED;
    if (packet->len && packet->at[0] >> 4 != (type == ETHERTYPE_IPV4 ? 4 : 6))
        return sp_fail(err, SP_E_PARSE, "Ethernet type 0x%04x before IP version %d", type,
                       packet->at[0] >> 4);
    return SP_OK;
}

static void keep_payload(const struct packet *packet, struct sp_seg *seg)
{
    seg->payload_len = (uint32_t)packet->len;
    seg->payload_hash = sp_payload_hash(packet->at, packet->len);
    memcpy(seg->payload_head, packet->at,
           packet->len < SP_SEG_HEAD_MAX ? packet->len : (size_t)SP_SEG_HEAD_MAX);
}

static enum sp_rc decode_tcp(struct packet *packet, struct sp_seg *seg, struct sp_err *err)
{
    const uint8_t *p = packet->at;
    if (packet->len < TCP_HEADER)
        return cut_short(err, "TCP header", packet->len, TCP_HEADER);
    seg->src.port = sp_get16(p);
    seg->dst.port = sp_get16(p + 2);
    seg->seq = sp_get32(p + 4);
    seg->ack = sp_get32(p + 8);
    seg->flags = p[13];
    seg->window = sp_get16(p + 14);
    seg->checksum = sp_get16(p + 16);
    seg->urgent = sp_get16(p + 18);
    uint64_t sum = sp_sum_pseudo(&seg->src, &seg->dst, SP_PROTO_TCP, (uint32_t)packet->len);
    seg->checksum_ok = sp_sum_fold(sp_sum_add(sum, p, packet->len)) == 0;
    size_t header = (size_t)(p[12] >> 4) * 4;
    if (header < TCP_HEADER || header > packet->len)
        return sp_fail(err, SP_E_PARSE, "TCP data offset of %zu bytes in a segment of %zu", header,
                       packet->len);
    seg->opt_len = (uint8_t)(header - TCP_HEADER);
    memcpy(seg->opt, p + TCP_HEADER, seg->opt_len);
    skip(packet, header);
    keep_payload(packet, seg);
    return SP_OK;
}

/* Whether it is one of the errors (RFC 792, RFC 4443), and the MTU that it tells. */
static bool icmp_error(uint8_t proto, const uint8_t *p, uint32_t *mtu)
{
    uint8_t type = p[0];
    *mtu = 0;
    if (proto == SP_PROTO_ICMP) {
        if (type == 3 && p[1] == 4)
            *mtu = sp_get16(p + 6);
        return type == 3 || type == 4 || type == 11 || type == 12;
    }
    if (type == 2)
        *mtu = sp_get32(p + 4);
    return type >= 1 && type <= 4;
}

static enum sp_rc decode_icmp(struct packet *packet, uint8_t proto, struct sp_seg *seg,
                              struct sp_err *err)
{
    const uint8_t *p = packet->at;
    if (packet->len < ICMP_HEADER)
        return cut_short(err, "ICMP header", packet->len, ICMP_HEADER);
    if (!icmp_error(proto, p, &seg->icmp_mtu))
        return SP_E_UNSUPPORTED;
    seg->kind = SP_SEG_ICMP;
    seg->icmp_type = p[0];
    seg->icmp_code = p[1];
    seg->checksum = sp_get16(p + 2);
    uint64_t sum = 0;
    if (proto == SP_PROTO_ICMPV6)
        sum = sp_sum_pseudo(&seg->src, &seg->dst, proto, (uint32_t)packet->len);
    seg->checksum_ok = sp_sum_fold(sp_sum_add(sum, p, packet->len)) == 0;
    skip(packet, ICMP_HEADER);

    struct packet quoted = *packet;
    struct ip ip = {0};
    enum sp_rc rc = peel_ip(&quoted, false, &ip, err);
    if (rc == SP_E_PARSE)
        sp_err_prefix(err, "packet quoted by ICMP");
    if (rc != SP_OK)
        return rc;
    if (ip.proto != SP_PROTO_TCP || ip.src.family != seg->src.family)
        return SP_E_UNSUPPORTED;
    if (quoted.len < QUOTED_TCP)
        return cut_short(err, "TCP header quoted by ICMP", quoted.len, QUOTED_TCP);
    seg->quoted_src = ip.src;
    seg->quoted_dst = ip.dst;
    seg->quoted_src.port = sp_get16(quoted.at);
    seg->quoted_dst.port = sp_get16(quoted.at + 2);
    seg->quoted_seq = sp_get32(quoted.at + 4);
    keep_payload(packet, seg);
    return SP_OK;
}

enum sp_rc sp_wire_decode(enum sp_link link, const uint8_t *frame, size_t len_bytes,
                          struct sp_seg *seg, const uint8_t **payload, struct sp_err *err)
{
    *seg = (struct sp_seg){0};
    struct packet packet = {frame, len_bytes};
    struct ip ip = {0};
    enum sp_rc rc = SP_OK;
    if (link == SP_LINK_ETHERNET)
        rc = peel_ethernet(&packet, err);
    if (rc == SP_OK)
        rc = peel_ip(&packet, true, &ip, err);
    seg->src = ip.src;
    seg->dst = ip.dst;
    if (rc != SP_OK)
        return rc;
    seg->ttl = ip.ttl;
    seg->tos = ip.tos;
    seg->ip_id = ip.id;
    seg->ip_df = ip.df;
    seg->ip_checksum_ok = ip.checksum_ok;
    seg->ip_opt_len = (uint8_t)ip.opt_len;
    if (ip.opt_len)
        memcpy(seg->ip_opt, ip.opt, ip.opt_len);
    if (ip.proto == SP_PROTO_TCP)
        rc = decode_tcp(&packet, seg, err);
    else
        rc = decode_icmp(&packet, ip.proto, seg, err);
    if (rc == SP_OK && payload)
        *payload = packet.at;
    return rc;
}
