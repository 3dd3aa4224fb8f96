#include "pattern.h"

/* A full period far above any test's stream, and neighbours that differ: the offset is mixed
 * (splitmix64's finaliser) and one byte of it kept. */
uint8_t sp_pattern_byte(char salt, uint64_t offset)
{
    uint64_t x = (offset ^ (uint64_t)(unsigned char)salt << 56) + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint8_t)(x >> 33);
}

void sp_pattern_fill(char salt, uint64_t offset, void *out, size_t len_bytes)
{
    unsigned char *bytes = out;
    for (size_t i = 0; i < len_bytes; i++)
        bytes[i] = sp_pattern_byte(salt, offset + i);
}

size_t sp_pattern_check(char salt, uint64_t offset, const void *data, size_t len_bytes)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len_bytes; i++)
        if (bytes[i] != sp_pattern_byte(salt, offset + i))
            return i;
    return len_bytes;
}
