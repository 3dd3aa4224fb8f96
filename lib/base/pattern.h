/*
 * Positional payload: the byte at offset n of an endpoint's stream tells where it belongs, so
 * that lost, repeated and reordered bytes show. Agents write it and check it, the judge holds
 * captured payload against it.
 *
 * The salt keeps the two directions apart: 'c' for what the client sends, 's' for the server,
 * 'p' for the peer.
 */
#ifndef SP_BASE_PATTERN_H
#define SP_BASE_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Byte at stream offset (0 is the first byte sent on the connection). */
uint8_t sp_pattern_byte(char salt, uint64_t offset);
void sp_pattern_fill(char salt, uint64_t offset, void *out, size_t len_bytes);
/* Index of the first byte that is not the pattern's, or len_bytes where all are. */
size_t sp_pattern_check(char salt, uint64_t offset, const void *data, size_t len_bytes);

#endif
