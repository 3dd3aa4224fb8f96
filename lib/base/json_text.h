/*
 * Text as JSON writes it (RFC 8259 section 7), for writers that lay out their own lines.
 */
#ifndef SP_BASE_JSON_TEXT_H
#define SP_BASE_JSON_TEXT_H

#include "mem.h"

/*
 * Appends text as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD, one for
 * each, so that the output is valid JSON whatever a socket or a kernel said.
 */
void sp_json_add_string(struct sp_buf *buf, const char *text);

#endif
