/*
 * Random segments for another decoder to read: wire_segments SEED COUNT FILE.pcap
 *
 * Each is built by lib/wire, written to the pcap file, decoded by lib/wire again, and printed: one
 * line a frame, fields between tabs, in the order of harness/tests/test_wire_tshark.py. So a field
 * that builder and decoder get wrong alike shows, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { PAYLOAD_MAX = 300, ICMP_EVERY = 10, BAD_SUM_EVERY = 8, IP_OPT_EVERY = 6 };

/* xorshift64*: the same on every machine. */
static uint64_t random_state;

static uint32_t random_bits(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545f4914f6cdd1dULL) >> 32);
}

static uint32_t below(uint32_t limit)
{
    return random_bits() % limit;
}

static struct sp_addr random_addr(uint8_t family)
{
    struct sp_addr addr = {.family = family, .port = (uint16_t)(1 + below(65535))};
    /* never loopback, multicast or unspecified, about which other decoders have opinions */
    for (size_t i = 0; i < (family == SP_IPV4 ? 4u : 16u); i++)
        addr.ip[i] = (uint8_t)below(256);
    addr.ip[0] = family == SP_IPV4 ? 10 : 0xfd;
    return addr;
}

static void random_opts(struct sp_seg *seg)
{
    static const uint8_t kinds[] = {SP_OPT_NOP,  SP_OPT_MSS, SP_OPT_WSCALE,    SP_OPT_SACK_OK,
                                    SP_OPT_SACK, SP_OPT_NOP, SP_OPT_TIMESTAMPS};
    bool used[256] = {false};
    for (uint32_t left = below(5); left > 0; left--) {
        struct sp_opt opt = {.kind = kinds[below(sizeof kinds)]};
        if (used[opt.kind] && opt.kind != SP_OPT_NOP)
            continue; /* decoders differ in which of two they name */
        used[opt.kind] = true;
        opt.mss = (uint16_t)random_bits();
        opt.wscale = (uint8_t)below(15);
        opt.ts_val = random_bits();
        opt.ts_ecr = random_bits();
        opt.sack_count = (uint8_t)(1 + below(3));
        for (int i = 0; i < opt.sack_count; i++) {
            opt.sack[i].left = random_bits();
            opt.sack[i].right = random_bits();
        }
        if (sp_opt_add(seg, &opt, NULL) != SP_OK)
            break;
    }
}

static struct sp_seg random_seg(bool icmp)
{
    uint8_t family = below(2) ? SP_IPV4 : SP_IPV6;
    struct sp_seg seg = {.src = random_addr(family),
                         .dst = random_addr(family),
                         .ttl = (uint8_t)(1 + below(255)),
                         .tos = (uint8_t)below(256),
                         .ip_id = (uint16_t)random_bits(),
                         .ip_df = below(2)};
    if (icmp) {
        static const uint8_t types[2][3] = {{3, 11, 3}, {1, 2, 3}};
        seg.kind = SP_SEG_ICMP;
        seg.icmp_type = types[family == SP_IPV6][below(3)];
        seg.icmp_code = seg.icmp_type == 3 && family == SP_IPV4   ? (uint8_t)below(16)
                        : seg.icmp_type == 1 && family == SP_IPV6 ? (uint8_t)below(7)
                                                                  : 0;
        if ((seg.icmp_type == 3 && seg.icmp_code == 4) || (family == SP_IPV6 && seg.icmp_type == 2))
            seg.icmp_mtu = 1280 + below(8000);
        seg.quoted_src = seg.dst;
        seg.quoted_dst = seg.src;
        seg.quoted_seq = random_bits();
        return seg;
    }
    seg.seq = random_bits();
    seg.ack = random_bits();
    seg.flags = (uint8_t)below(256);
    seg.window = (uint16_t)random_bits();
    seg.urgent = (uint16_t)random_bits();
    seg.payload_len = below(3) ? below(PAYLOAD_MAX) : 0;
    random_opts(&seg);
    return seg;
}

/* Some that pad, and one that nobody knows. */
static void random_ip_opts(struct sp_seg *seg)
{
    bool v4 = seg->src.family == SP_IPV4;
    uint8_t unknown = (uint8_t)(2 + below(30));
    for (uint32_t left = below(8); left > 0; left--)
        seg->ip_opt[seg->ip_opt_len++] = v4 ? 1 : 0; /* NOP; Pad1 */
    seg->ip_opt[seg->ip_opt_len] = 0x1e;
    seg->ip_opt[seg->ip_opt_len + 1] = v4 ? unknown : unknown - 2; /* its own two bytes count */
    seg->ip_opt_len = (uint8_t)(seg->ip_opt_len + unknown);
}

/* ---- what is written ------------------------------------------------------------------------ */

static void put_frame(FILE *file, uint32_t number, const struct sp_buf *frame)
{
    uint32_t header[4] = {number, 0, (uint32_t)frame->len, (uint32_t)frame->len};
    fwrite(header, sizeof header, 1, file);
    fwrite(frame->data, frame->len, 1, file);
}

static void print_hex(const uint8_t *bytes, size_t len)
{
    putchar('\t');
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
}

/* mss wscale tsval tsecr left-edges right-edges */
static void print_opts(const struct sp_seg *seg)
{
    struct sp_opt opt;
    char mss[16] = "", wscale[16] = "", val[16] = "", ecr[16] = "", left[64] = "", right[64] = "";
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind == SP_OPT_MSS)
            snprintf(mss, sizeof mss, "%u", opt.mss);
        if (opt.kind == SP_OPT_WSCALE)
            snprintf(wscale, sizeof wscale, "%u", opt.wscale);
        if (opt.kind == SP_OPT_TIMESTAMPS) {
            snprintf(val, sizeof val, "%u", opt.ts_val);
            snprintf(ecr, sizeof ecr, "%u", opt.ts_ecr);
        }
        for (int i = 0; i < opt.sack_count; i++) {
            size_t l = strlen(left), r = strlen(right);
            snprintf(left + l, sizeof left - l, "%s%u", i ? "," : "", opt.sack[i].left);
            snprintf(right + r, sizeof right - r, "%s%u", i ? "," : "", opt.sack[i].right);
        }
    }
    printf("\t%s\t%s\t%s\t%s\t%s\t%s", mss, wscale, val, ecr, left, right);
}

static void print_seg(const struct sp_seg *seg, const uint8_t *payload)
{
    char src[SP_ADDR_TEXT], dst[SP_ADDR_TEXT];
    struct sp_addr from = seg->src, to = seg->dst;
    bool v4 = from.family == SP_IPV4;
    from.port = to.port = 0;
    sp_addr_print(&from, src, sizeof src);
    sp_addr_print(&to, dst, sizeof dst);
    printf("%s\t%s\t%s\t%u\t%u\t%d\t%d", seg->kind == SP_SEG_ICMP ? "icmp" : "tcp", src, dst,
           seg->ttl, seg->tos, v4 ? seg->ip_id : 0, v4 && seg->ip_df);
    if (seg->kind == SP_SEG_ICMP) {
        printf("\t%d\t%u\t%u\t%u\t%u\t%u\t%u\n", seg->checksum_ok, seg->icmp_type, seg->icmp_code,
               seg->icmp_mtu, seg->quoted_src.port, seg->quoted_dst.port, seg->quoted_seq);
        return;
    }
    printf("\t%d\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u", seg->checksum_ok, seg->src.port, seg->dst.port,
           seg->seq, seg->ack, seg->flags, seg->window, seg->urgent, seg->checksum);
    print_hex(seg->opt, seg->opt_len);
    print_opts(seg);
    printf("\t%u", seg->payload_len);
    print_hex(payload, (seg->flags & SP_RST) ? 0 : seg->payload_len);
    putchar('\n');
}

/* An IPv4 error quotes what lib/wire makes up, eight bytes of TCP; an IPv6 one, of which tshark
 * wants to see more, a packet that was built before. */
static void quote(struct sp_seg *seg, uint8_t *bytes)
{
    struct sp_seg inner = {.src = seg->quoted_src, .dst = seg->quoted_dst, .flags = SP_ACK};
    struct sp_buf packet;
    sp_buf_init(&packet, 0);
    inner.seq = seg->quoted_seq;
    if (seg->kind == SP_SEG_ICMP && seg->src.family == SP_IPV6 &&
        sp_wire_build(SP_LINK_RAW_IP, NULL, NULL, &inner, NULL, NULL, &packet, NULL) == SP_OK) {
        memcpy(bytes, packet.data, packet.len);
        seg->payload_len = (uint32_t)packet.len;
    }
    sp_buf_release(&packet);
}

static int write_one(FILE *file, uint32_t number)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    uint8_t bytes[PAYLOAD_MAX];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)below(256);
    struct sp_seg seg = random_seg(number % ICMP_EVERY == 0);
    quote(&seg, bytes);
    struct sp_build_fault fault = {.bad_checksum = number % BAD_SUM_EVERY == 0};
    if (number % IP_OPT_EVERY == 0)
        random_ip_opts(&seg);
    struct sp_buf frame;
    struct sp_err err = {0};
    const uint8_t *payload = NULL;
    struct sp_seg read = {0};
    sp_buf_init(&frame, 0);
    enum sp_rc rc = sp_wire_build(SP_LINK_ETHERNET, mac, mac, &seg, bytes, &fault, &frame, &err);
    if (rc == SP_OK)
        rc = sp_wire_decode(SP_LINK_ETHERNET, (const uint8_t *)frame.data, frame.len, &read,
                            &payload, &err);
    if (rc == SP_OK) {
        put_frame(file, number, &frame);
        print_seg(&read, payload);
    } else {
        fprintf(stderr, "segment %u: %s\n", number, err.text);
    }
    sp_buf_release(&frame);
    return rc == SP_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: wire_segments SEED COUNT FILE.pcap\n");
        return 4;
    }
    random_state = strtoull(argv[1], NULL, 10) * 2 + 1;
    uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
    FILE *file = fopen(argv[3], "wb");
    if (!file) {
        perror(argv[3]);
        return 3;
    }
    /* pcap: magic, version 2.4, zone, accuracy, longest frame, Ethernet */
    const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    fwrite(header, sizeof header, 1, file);
    int failed = 0;
    for (uint32_t number = 1; number <= count; number++)
        failed |= write_one(file, number);
    if (fclose(file) != 0) {
        perror(argv[3]);
        failed = 1;
    }
    return failed ? 3 : 0;
}
