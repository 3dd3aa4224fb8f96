/* The table of socket options that each API has of its own, and what is asked of any such table. */
#ifndef SP_STACK_OPTION_TABLE_H
#define SP_STACK_OPTION_TABLE_H

#include "stack.h"

extern const struct sp_stack_option sp_stack_options[];
extern const unsigned sp_stack_option_count;

/* Whether the text is bytes as two hexadecimal digits each, which sp_stack_bytes_take() wants. */
bool sp_stack_is_bytes(const char *text);
/* Writes them to `out`, which has room for half as many as the text has digits; returns how many.
 */
size_t sp_stack_bytes_take(const char *text, char *out);

#endif
