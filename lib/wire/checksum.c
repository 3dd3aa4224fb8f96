#include "checksum.h"

uint64_t sp_sum_add(uint64_t sum, const void *data, size_t len_bytes)
{
    const uint8_t *bytes = data;
    size_t i = 0;
    for (; i + 1 < len_bytes; i += 2)
        sum += sp_get16(bytes + i);
    if (i < len_bytes)
        sum += (uint64_t)bytes[i] << 8;
    return sum;
}

uint16_t sp_sum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint64_t sp_sum_pseudo(const struct sp_addr *src, const struct sp_addr *dst, uint8_t proto,
                       uint32_t len_bytes)
{
    size_t ip_bytes = src->family == SP_IPV4 ? 4 : 16;
    uint64_t sum = sp_sum_add(0, src->ip, ip_bytes);
    sum = sp_sum_add(sum, dst->ip, ip_bytes);
    /* The length is 16 bits wide for IPv4 and 32 for IPv6; the sum is the same. */
    return sum + proto + (len_bytes >> 16) + (len_bytes & 0xffff);
}

uint64_t sp_payload_hash(const void *data, size_t len_bytes)
{
    const uint8_t *bytes = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len_bytes; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}
