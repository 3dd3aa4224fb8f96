/*
 * The Internet checksum (RFC 1071), in parts, and big-endian fields: what decode.c and build.c
 * share. Private to lib/wire.
 */
#ifndef SP_WIRE_CHECKSUM_H
#define SP_WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { SP_PROTO_ICMP = 1, SP_PROTO_TCP = 6, SP_PROTO_ICMPV6 = 58 };

/* Adds bytes to a running sum. Every part but the last must have an even length. */
uint64_t sp_sum_add(uint64_t sum, const void *data, size_t len_bytes);
/* The ones' complement of the folded sum: what goes into the header; 0 over a sound packet. */
uint16_t sp_sum_fold(uint64_t sum);
/* The pseudo-header of TCP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1). */
uint64_t sp_sum_pseudo(const struct sp_addr *src, const struct sp_addr *dst, uint8_t proto,
                       uint32_t len_bytes);

static inline uint16_t sp_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t sp_get32(const uint8_t *p)
{
    return (uint32_t)sp_get16(p) << 16 | sp_get16(p + 2);
}

static inline void sp_put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void sp_put32(uint8_t *p, uint32_t value)
{
    sp_put16(p, (uint16_t)(value >> 16));
    sp_put16(p + 2, (uint16_t)value);
}

#endif
