/*
 * Structs as JSON objects by a table of their fields: written and read back from the same row, so
 * that the two cannot drift apart.
 */
#ifndef SP_STORE_FIELDS_H
#define SP_STORE_FIELDS_H

#include <jansson.h>

#include "mem.h"
#include "store.h"

enum sp_field_type {
    SP_FIELD_TEXT,    /* const char *, NULL is null */
    SP_FIELD_TEXTS,   /* const char **, its count at `count_offset` */
    SP_FIELD_INT,     /* int */
    SP_FIELD_BOOL,    /* bool */
    SP_FIELD_MS,      /* double */
    SP_FIELD_VERDICT, /* enum sp_verdict */
    SP_FIELD_OBJECT,  /* `inner` with offsets of the same struct */
};

struct sp_field {
    const char *name;
    enum sp_field_type type;
    size_t offset;
    size_t count_offset;
    bool needed; /* reading: absent or null is an error */
    const struct sp_field *inner;
    size_t inner_count;
};

extern const struct sp_field sp_result_fields[];
extern const size_t sp_result_field_count;
extern const struct sp_field sp_head_fields[];
extern const size_t sp_head_field_count;
extern const struct sp_field sp_foot_fields[]; /* what each run changes */
extern const size_t sp_foot_field_count;

/* `"name": value, ...`; `between` stands between two members. */
void sp_fields_write(const struct sp_field *fields, size_t count, const void *from,
                     const char *between, struct sp_buf *out);
/* Members that the table does not name are let by; strings are copied into the arena. */
enum sp_rc sp_fields_read(const struct sp_field *fields, size_t count, const json_t *object,
                          struct sp_arena *arena, void *to, struct sp_err *err);

#endif
