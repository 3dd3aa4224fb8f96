/*
 * The `format` file of a tracepoint: where each field lies in the raw record, and the words for a
 * field's values. Offsets differ between kernel versions, so nothing of them is compiled in.
 *
 * Private to this room. Pure: text in, table out.
 */
#ifndef SP_WITNESS_TRACEPOINT_FORMAT_H
#define SP_WITNESS_TRACEPOINT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { SP_TP_FIELD_MAX = 32, SP_TP_NAME_MAX = 32 };

struct sp_tp_field {
    char name[SP_TP_NAME_MAX];
    uint32_t offset;
    uint32_t size_bytes;
};

struct sp_tp_format {
    uint32_t id; /* the first field of every raw record: common_type */
    struct sp_tp_field fields[SP_TP_FIELD_MAX];
    unsigned field_count;
    char *print; /* the "print fmt" line, owned; NULL where there is none */
};

/*
 * Reads a format file (Documentation/trace/events.rst in the kernel's tree). SP_E_PARSE where it
 * has no ID or a field without place. `format` is to be released on SP_OK only.
 */
enum sp_rc sp_tp_format_init(struct sp_tp_format *format, const char *text, struct sp_err *err);
void sp_tp_format_release(struct sp_tp_format *format);

/* NULL where this kernel's tracepoint has no such field. */
const struct sp_tp_field *sp_tp_format_field(const struct sp_tp_format *format, const char *name);

/*
 * The kernel's word for a value of a field that its print format writes with __print_symbolic
 * ("TCP_ABORT_ON_CLOSE" for reason 11). False, and out empty, where it has none.
 */
bool sp_tp_format_symbol(const struct sp_tp_format *format, const char *field, int64_t value,
                         char *out, size_t cap);

#endif
