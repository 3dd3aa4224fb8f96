/* Segments for people: one line, numbers relative where the caller knows the origin. */
#include "wire.h"

uint32_t sp_seg_space(const struct sp_seg *seg)
{
    if (seg->kind != SP_SEG_TCP)
        return 0;
    return seg->payload_len + ((seg->flags & SP_SYN) != 0) + ((seg->flags & SP_FIN) != 0);
}

static void print_option(const struct sp_opt *opt, uint32_t rel_ack, struct sp_buf *out)
{
    switch (opt->kind) {
    case SP_OPT_EOL:
        sp_buf_addstr(out, "eol");
        return;
    case SP_OPT_NOP:
        sp_buf_addstr(out, "nop");
        return;
    case SP_OPT_MSS:
        sp_buf_addf(out, "mss %u", opt->mss);
        return;
    case SP_OPT_WSCALE:
        sp_buf_addf(out, "wscale %u", opt->wscale);
        return;
    case SP_OPT_SACK_OK:
        sp_buf_addstr(out, "sackOK");
        return;
    case SP_OPT_SACK:
        sp_buf_addstr(out, "sack");
        for (unsigned i = 0; i < opt->sack_count; i++)
            sp_buf_addf(out, " %u:%u", opt->sack[i].left - rel_ack, opt->sack[i].right - rel_ack);
        return;
    case SP_OPT_TIMESTAMPS:
        sp_buf_addf(out, "TS val %u ecr %u", opt->ts_val, opt->ts_ecr);
        return;
    default: /* any byte may come off the wire */
        break;
    }
    if (opt->kind == SP_OPT_FASTOPEN)
        sp_buf_addstr(out, "fastopen");
    else
        sp_buf_addf(out, "option-%u", opt->kind);
    if (opt->len > 2)
        sp_buf_addch(out, ' ');
    for (unsigned i = 0; i + 2 < opt->len; i++)
        sp_buf_addf(out, "%02x", opt->data[i]);
}

void sp_opt_print(const struct sp_seg *seg, uint32_t rel_ack, struct sp_buf *out)
{
    struct sp_opt opt;
    size_t pos = 0;
    bool malformed = false;
    const char *comma = "";
    while (sp_opt_next(seg, &pos, &opt, &malformed)) {
        sp_buf_addstr(out, comma);
        print_option(&opt, rel_ack, out);
        comma = ",";
    }
    if (malformed) {
        sp_buf_addstr(out, comma);
        sp_buf_addf(out, "malformed option %u", opt.kind);
    }
}

enum { ANY_CODE = -1 };

/* RFC 792, RFC 1812, RFC 4443; rows with a code before the type's own. */
static const struct icmp_name {
    uint8_t family;
    uint8_t type;
    int code;
    const char *name;
} icmp_names[] = {
    {SP_IPV4, 3, 0, "net unreachable"},
    {SP_IPV4, 3, 1, "host unreachable"},
    {SP_IPV4, 3, 2, "protocol unreachable"},
    {SP_IPV4, 3, 3, "port unreachable"},
    {SP_IPV4, 3, 4, "fragmentation needed"},
    {SP_IPV4, 3, 13, "administratively prohibited"},
    {SP_IPV4, 3, ANY_CODE, "unreachable"},
    {SP_IPV4, 4, ANY_CODE, "source quench"},
    {SP_IPV4, 11, ANY_CODE, "time exceeded"},
    {SP_IPV4, 12, ANY_CODE, "parameter problem"},
    {SP_IPV6, 1, 0, "no route"},
    {SP_IPV6, 1, 1, "administratively prohibited"},
    {SP_IPV6, 1, 3, "address unreachable"},
    {SP_IPV6, 1, 4, "port unreachable"},
    {SP_IPV6, 1, ANY_CODE, "unreachable"},
    {SP_IPV6, 2, ANY_CODE, "packet too big"},
    {SP_IPV6, 3, ANY_CODE, "time exceeded"},
    {SP_IPV6, 4, ANY_CODE, "parameter problem"},
};

static const char *icmp_name(const struct sp_seg *seg)
{
    for (unsigned i = 0; i < sizeof icmp_names / sizeof icmp_names[0]; i++) {
        const struct icmp_name *row = &icmp_names[i];
        if (row->family == seg->src.family && row->type == seg->icmp_type &&
            (row->code == ANY_CODE || row->code == seg->icmp_code))
            return row->name;
    }
    return "error";
}

static void print_icmp(const struct sp_seg *seg, uint32_t rel_seq, struct sp_buf *out)
{
    char src[SP_ADDR_TEXT];
    char dst[SP_ADDR_TEXT];
    sp_addr_print(&seg->quoted_src, src, sizeof src);
    sp_addr_print(&seg->quoted_dst, dst, sizeof dst);
    sp_buf_addf(out, "ICMP %s (%u/%u)", icmp_name(seg), seg->icmp_type, seg->icmp_code);
    if (seg->icmp_mtu)
        sp_buf_addf(out, " mtu=%u", seg->icmp_mtu);
    sp_buf_addf(out, " about %s > %s seq=%u", src, dst, seg->quoted_seq - rel_seq);
}

static void print_tcp(const struct sp_seg *seg, uint32_t rel_seq, uint32_t rel_ack,
                      struct sp_buf *out)
{
    char flags[SP_TCP_FLAGS_TEXT];
    sp_tcp_flags_print(seg->flags, flags, sizeof flags);
    sp_buf_addf(out, "%s seq=%u", flags, seg->seq - rel_seq);
    if (seg->flags & SP_ACK)
        sp_buf_addf(out, " ack=%u", seg->ack - rel_ack);
    if (seg->payload_len)
        sp_buf_addf(out, " len=%u", seg->payload_len);
    sp_buf_addf(out, " win=%u", seg->window);
    if (seg->flags & SP_URG)
        sp_buf_addf(out, " urg=%u", seg->urgent);
    if (seg->opt_len) {
        sp_buf_addstr(out, " <");
        sp_opt_print(seg, rel_ack, out);
        sp_buf_addch(out, '>');
    }
}

void sp_seg_print(const struct sp_seg *seg, uint32_t rel_seq, uint32_t rel_ack, struct sp_buf *out)
{
    if (seg->kind == SP_SEG_ICMP)
        print_icmp(seg, rel_seq, out);
    else
        print_tcp(seg, rel_seq, rel_ack, out);
    if (!seg->ip_checksum_ok)
        sp_buf_addstr(out, " bad IP checksum");
    if (!seg->checksum_ok)
        sp_buf_addstr(out, " bad checksum");
}
