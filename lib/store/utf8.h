/*
 * UTF-8, read with suspicion: what a stack, a path or a case file hands us may be any bytes, and
 * JSON, XML, KTAP and terminals each choke on some of them.
 */
#ifndef SP_STORE_UTF8_H
#define SP_STORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { SP_UTF8_BAD = 0xFFFD }; /* U+FFFD REPLACEMENT CHARACTER */

/*
 * Takes one character off the front of len_bytes (> 0) bytes and returns how many bytes it was.
 * *code is SP_UTF8_BAD for a byte that begins no well-formed sequence (RFC 3629: overlong forms,
 * surrogates and what lies beyond U+10FFFF are not), which then counts for itself alone.
 */
size_t sp_utf8_next(const char *text, size_t len_bytes, uint32_t *code);

/* Writes code (a valid one) as UTF-8; returns the number of bytes, 1 to 4. */
size_t sp_utf8_put(uint32_t code, char out[4]);

#endif
