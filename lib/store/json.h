/*
 * Writing JSON (RFC 8259) straight into a buffer, in the order and the layout that we choose: a
 * row of run.json is written once and kept as bytes. Reading is jansson's.
 */
#ifndef SP_STORE_JSON_H
#define SP_STORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

/* A string, quoted; bytes that are not UTF-8 become U+FFFD; NULL is null. */
void sp_json_str(struct sp_buf *out, const char *text);
void sp_json_strs(struct sp_buf *out, const char *const *texts, size_t count); /* an array */
void sp_json_bool(struct sp_buf *out, bool value);
/* Milliseconds with three decimals, whatever the locale. */
void sp_json_ms(struct sp_buf *out, double ms);

/* `"key": `, with ", " before it unless it is the first after `{`. */
void sp_json_key(struct sp_buf *out, const char *key);

#endif
