/*
 * The fields of a trace's JSON form. One row says how a field is called, where it lives, what it
 * is and what it is when it is left out; the writer, the reader and sp_trace_add all go by it.
 * Private to lib/trace.
 */
#ifndef SP_TRACE_TRACE_FIELDS_H
#define SP_TRACE_TRACE_FIELDS_H

#include <sockproof/contract.h>

#include "trace.h"

/* Words for an enum, by value. */
struct sp_trace_words {
    const char *const *words;
    unsigned count;
};

enum sp_trace_field_type {
    SP_FIELD_INT,          /* signed, `size` bytes; left out at `usual` */
    SP_FIELD_UINT,         /* unsigned; left out at `usual` */
    SP_FIELD_TIME,         /* int64_t; left out where it is the event's t_ns */
    SP_FIELD_WORD,         /* an enum as a word; left out at `usual` */
    SP_FIELD_TEXT,         /* never NULL; left out where "" */
    SP_FIELD_TEXT_OR_NULL, /* left out where NULL */
    SP_FIELD_ADDR,         /* left out where there is none */
    SP_FIELD_FLAGS,        /* TCP flags; left out where none */
    SP_FIELD_HEX64,        /* 16 hex digits; left out at 0 */
    SP_FIELD_HASH,         /* the same; left out where it is the hash of nothing */
    SP_FIELD_BOOL,         /* left out where false */
    SP_FIELD_NOT_OK,       /* a bool that is true where all is well: written inverted */
    SP_FIELD_OPTIONS,      /* raw TCP options as hex, opt_len with them */
    SP_FIELD_IP_OPTIONS,   /* IPv4's, likewise */
    SP_FIELD_HEAD,         /* the payload's first bytes as hex, as many as payload_len has */
};

struct sp_trace_field {
    const char *key;
    enum sp_trace_field_type type;
    bool always;     /* written even at its usual value */
    uint8_t size;    /* of an integer or an enum */
    uint16_t offset; /* in struct sp_event, or struct sp_trace_head */
    int64_t usual;
    const struct sp_trace_words *words;
};

struct sp_trace_fields {
    const struct sp_trace_field *rows;
    unsigned count;
};

extern const struct sp_trace_fields sp_trace_head_fields;
extern const struct sp_trace_fields sp_trace_common_fields;
extern const struct sp_trace_fields sp_trace_kind_fields[SP_EV_KIND_COUNT];
extern const struct sp_trace_words sp_trace_kind_words;
extern const struct sp_trace_words sp_trace_end_words;

/* The integer or enum at a row's place. */
int64_t sp_trace_field_load(const struct sp_trace_field *field, const void *base);
void sp_trace_field_store(const struct sp_trace_field *field, void *base, int64_t value);

/* The string at a row's place; the text is not copied. */
const char *sp_trace_field_text(const struct sp_trace_field *field, const void *base);
void sp_trace_field_set_text(const struct sp_trace_field *field, void *base, const char *text);

/* The value of a word, or -1. */
int sp_trace_word_find(const struct sp_trace_words *words, const char *word);

#endif
