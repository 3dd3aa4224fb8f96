/*
 * Segments: from bytes and back. Ethernet (or none), IPv4, IPv6, TCP, ICMP and ICMPv6 errors.
 *
 * Pure: no clock, no descriptor, no allocation beyond what the caller hands in.
 * Everything here is in host byte order except raw bytes.
 */
#ifndef SP_WIRE_WIRE_H
#define SP_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "mem.h"

enum sp_family { SP_IPV4 = 4, SP_IPV6 = 6 };

/* An address with a port; IPv4 uses the first four bytes of ip, the rest is zero. */
struct sp_addr {
    uint8_t family; /* enum sp_family; 0 where there is none */
    uint8_t ip[16];
    uint16_t port;
};

bool sp_addr_same(const struct sp_addr *a, const struct sp_addr *b);    /* address and port */
bool sp_addr_same_ip(const struct sp_addr *a, const struct sp_addr *b); /* address alone */
/*
 * "10.0.0.1:80", "[fd00::1]:80"; "10.0.0.1", "fd00::1" where the port is 0; "none" where there is
 * no address. IPv6 as RFC 5952 writes it. SP_ADDR_TEXT bytes hold any of them.
 */
void sp_addr_print(const struct sp_addr *addr, char *out, size_t cap);
enum { SP_ADDR_TEXT = 64 };
/* The inverse of sp_addr_print; "[fd00::1]" is allowed too. SP_E_PARSE leaves addr untouched. */
enum sp_rc sp_addr_parse(const char *text, struct sp_addr *addr, struct sp_err *err);

/* RFC 9293 section 3.1, RFC 3168: the header's bits, in the order in which they are printed. */
#define SP_TCP_FLAG_TABLE(X)                                                                       \
    X(SYN, 0x02)                                                                                   \
    X(FIN, 0x01)                                                                                   \
    X(RST, 0x04)                                                                                   \
    X(PSH, 0x08)                                                                                   \
    X(ACK, 0x10)                                                                                   \
    X(URG, 0x20)                                                                                   \
    X(ECE, 0x40)                                                                                   \
    X(CWR, 0x80)

enum sp_tcp_flag {
#define SP_X(name, bit) SP_##name = bit,
    SP_TCP_FLAG_TABLE(SP_X)
#undef SP_X
};

/* RFC 793's states in RFC 9293's names; NONE is "no such socket". */
#define SP_TCP_STATE_TABLE(X)                                                                      \
    X(NONE)                                                                                        \
    X(CLOSED)                                                                                      \
    X(LISTEN)                                                                                      \
    X(SYN_SENT)                                                                                    \
    X(SYN_RECEIVED)                                                                                \
    X(ESTABLISHED)                                                                                 \
    X(FIN_WAIT_1)                                                                                  \
    X(FIN_WAIT_2)                                                                                  \
    X(CLOSE_WAIT)                                                                                  \
    X(CLOSING)                                                                                     \
    X(LAST_ACK)                                                                                    \
    X(TIME_WAIT)

enum sp_tcp_state {
#define SP_X(name) SP_TCP_##name,
    SP_TCP_STATE_TABLE(SP_X)
#undef SP_X
        SP_TCP_STATE_COUNT
};

const char *sp_tcp_state_name(enum sp_tcp_state state); /* "SYN_RECEIVED"; never NULL */
/* Also with dashes (SYN-SENT), and the operating systems' own names (SYN_RECV, FIN_WAIT1). */
bool sp_tcp_state_parse(const char *name, enum sp_tcp_state *out);

/* "SYN,ACK", in the order of the table; "none" for 0. SP_TCP_FLAGS_TEXT bytes hold any. */
enum { SP_TCP_FLAGS_TEXT = 40 };
void sp_tcp_flags_print(uint8_t flags, char *out, size_t cap);
/* Any order, each flag once; "none" for 0. Where it returns false, *flags is untouched. */
bool sp_tcp_flags_parse(const char *text, uint8_t *flags);

enum { SP_SEG_OPT_MAX = 40, SP_SEG_HEAD_MAX = 32 };

enum sp_seg_kind { SP_SEG_TCP = 0, SP_SEG_ICMP = 1 };

/*
 * One decoded segment. `payload_head` keeps the first bytes of the payload; `payload_hash` is
 * sp_payload_hash() over all of it, so that a judge can hold it against a pattern.
 */
struct sp_seg {
    uint8_t kind; /* enum sp_seg_kind */
    struct sp_addr src;
    struct sp_addr dst;
    uint8_t ttl; /* TTL or hop limit */
    uint8_t tos; /* DSCP and ECN bits */
    uint16_t ip_id;
    bool ip_df;
    uint8_t ip_opt_len;
    /* IPv4's, raw, padded to whole words; IPv6: what is in its destination options header */
    uint8_t ip_opt[SP_SEG_OPT_MAX];

    uint32_t seq;
    uint32_t ack;
    uint8_t flags;   /* enum sp_tcp_flag */
    uint16_t window; /* as on the wire, not scaled */
    uint16_t urgent;
    uint16_t checksum;
    bool ip_checksum_ok; /* always true for IPv6 */
    bool checksum_ok;    /* TCP's, or ICMP's own */
    uint8_t opt_len;
    uint8_t opt[SP_SEG_OPT_MAX]; /* raw options */

    uint32_t payload_len;
    uint64_t payload_hash;
    uint8_t payload_head[SP_SEG_HEAD_MAX];

    /*
     * SP_SEG_ICMP: an error and the segment it quotes (src/dst above are the ICMP's own, with
     * port 0; checksum is ICMP's; the payload is the packet that it quotes, as far as it does).
     */
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint32_t icmp_mtu; /* of "fragmentation needed" and "packet too big", else 0 */
    struct sp_addr quoted_src;
    struct sp_addr quoted_dst;
    uint32_t quoted_seq;
};

/* What a segment occupies in sequence space: payload, SYN and FIN count one each. */
uint32_t sp_seg_space(const struct sp_seg *seg);

/* FNV-1a, 64 bit. */
uint64_t sp_payload_hash(const void *data, size_t len_bytes);

enum sp_link { SP_LINK_ETHERNET, SP_LINK_RAW_IP };

/*
 * Decodes one frame. SP_OK and seg filled; SP_E_UNSUPPORTED for a frame that is none of ours
 * (ARP, UDP, a fragment, an ICMP error about something else, ...), without an error text;
 * SP_E_PARSE, with one, for a frame that claims to be TCP and is malformed or cut short; seg then
 * holds what was readable (src and dst as soon as the IP header was). Wrong checksums are not
 * errors but fields. The IP header's length counts: Ethernet padding after it is ignored.
 * `payload`, if not NULL, gets where the payload starts in frame.
 */
enum sp_rc sp_wire_decode(enum sp_link link, const uint8_t *frame, size_t len_bytes,
                          struct sp_seg *seg, const uint8_t **payload, struct sp_err *err);

/* What sp_wire_build leaves wrong on purpose. */
struct sp_build_fault {
    bool bad_checksum;
    bool bad_ip_checksum; /* IPv4's; IPv6 has none */
    uint8_t data_offset;  /* header length field in 32-bit words, 0: correct */
    uint8_t reserved;     /* the four bits behind it */
};

/*
 * Builds the frame of a TCP segment or an ICMP error from seg (addresses, flags, seq, ack, window,
 * urgent, opt, ttl, tos, ip_id, ip_df, ip_opt); lengths and checksums are computed. A ttl of 0
 * means 64; options that do not fill 32-bit words are padded with EOL. For Ethernet, MACs are
 * given. `payload` is seg->payload_len bytes. For an ICMP error it is the packet that the error
 * quotes; with payload_len 0 that is made up from quoted_src, quoted_dst and quoted_seq (an IP
 * header and the first 8 bytes of TCP's). fault may be NULL. `out` is emptied first. SP_E_USAGE for
 * what cannot be put in a header, SP_E_LIMIT for more than a packet holds.
 */
enum sp_rc sp_wire_build(enum sp_link link, const uint8_t src_mac[6], const uint8_t dst_mac[6],
                         const struct sp_seg *seg, const void *payload,
                         const struct sp_build_fault *fault, struct sp_buf *out,
                         struct sp_err *err);

/* TCP options, one at a time. */
enum sp_opt_kind {
    SP_OPT_EOL = 0,
    SP_OPT_NOP = 1,
    SP_OPT_MSS = 2,
    SP_OPT_WSCALE = 3,
    SP_OPT_SACK_OK = 4,
    SP_OPT_SACK = 5,
    SP_OPT_TIMESTAMPS = 8,
    SP_OPT_UTO = 28, /* RFC 5482 */
    SP_OPT_FASTOPEN = 34,
};

struct sp_opt {
    uint8_t kind;
    uint8_t len;         /* whole option with kind and length bytes; 1 for EOL and NOP */
    const uint8_t *data; /* after the length byte */
    uint16_t mss;
    uint8_t wscale;
    uint32_t ts_val;
    uint32_t ts_ecr;
    uint8_t sack_count;
    struct {
        uint32_t left;
        uint32_t right;
    } sack[4];
};

/*
 * Walks seg->opt: start with *pos = 0; returns true and fills opt for each option, false at the
 * end (EOL is the last one returned). *malformed, if not NULL, tells whether the walk ended at a
 * length that is impossible.
 */
bool sp_opt_next(const struct sp_seg *seg, size_t *pos, struct sp_opt *opt, bool *malformed);
/* The first option of that kind; false where there is none. */
bool sp_opt_find(const struct sp_seg *seg, uint8_t kind, struct sp_opt *opt);

/* Appends one option (no padding) to seg->opt. SP_E_LIMIT where it does not fit in 40 bytes. */
enum sp_rc sp_opt_add(struct sp_seg *seg, const struct sp_opt *opt, struct sp_err *err);

/* The options alone, as sp_seg_print shows them between < and >; SACK blocks less rel_ack. */
void sp_opt_print(const struct sp_seg *seg, uint32_t rel_ack, struct sp_buf *out);

/* One line for a person: "SYN seq=0 win=64240 <mss 1460,sackOK,...>"; rel_* are subtracted from
 * seq and ack (0 for absolute). */
void sp_seg_print(const struct sp_seg *seg, uint32_t rel_seq, uint32_t rel_ack, struct sp_buf *out);

/* a before b, modulo 2^32 (RFC 9293 section 3.4). */
static inline bool sp_seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool sp_seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

#endif
