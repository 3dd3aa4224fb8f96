/*
 * A trace as JSON. The text is laid out here and not by jansson, so that an event is one line and
 * that the traces of thousands of runs cost next to nothing.
 */
#include <string.h>

#include "json_text.h"
#include "trace.h"
#include "trace_fields.h"

struct writer {
    struct sp_buf *out;
    const char *separator; /* before the next field */
};

static void add_int(struct sp_buf *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0)
        digits[--at] = '-';
    sp_buf_add(out, digits + at, sizeof digits - at);
}

static void add_hex(struct sp_buf *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    sp_buf_addch(out, '"');
    for (size_t i = 0; i < len; i++) {
        char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
        sp_buf_add(out, pair, sizeof pair);
    }
    sp_buf_addch(out, '"');
}

/* Keys and words are ours and need no escapes. */
static void add_plain(struct sp_buf *out, const char *text)
{
    sp_buf_addch(out, '"');
    sp_buf_addstr(out, text);
    sp_buf_addch(out, '"');
}

static void key(struct writer *w, const char *name)
{
    sp_buf_addstr(w->out, w->separator);
    add_plain(w->out, name);
    sp_buf_addch(w->out, ':');
    w->separator = ",";
}

static void write_text(struct writer *w, const char *name, const char *text)
{
    key(w, name);
    sp_json_add_string(w->out, text);
}

static void write_addr(struct writer *w, const char *name, const struct sp_addr *addr)
{
    if (addr->family != SP_IPV4 && addr->family != SP_IPV6)
        return;
    char text[SP_ADDR_TEXT];
    sp_addr_print(addr, text, sizeof text);
    key(w, name);
    add_plain(w->out, text);
}

static void write_hex64(struct writer *w, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    key(w, name);
    add_hex(w->out, bytes, sizeof bytes);
}

static void write_int(struct writer *w, const struct sp_trace_field *field, const void *base,
                      int64_t usual)
{
    int64_t value = sp_trace_field_load(field, base);
    if (value == usual && !field->always)
        return;
    key(w, field->key);
    if (field->type == SP_FIELD_WORD)
        add_plain(w->out, field->words->words[value]);
    else
        add_int(w->out, value);
}

static void write_bytes(struct writer *w, const char *name, const uint8_t *bytes, size_t len)
{
    if (!len)
        return;
    key(w, name);
    add_hex(w->out, bytes, len);
}

static void write_flags(struct writer *w, const char *name, uint8_t flags)
{
    if (!flags)
        return;
    char text[SP_TCP_FLAGS_TEXT];
    sp_tcp_flags_print(flags, text, sizeof text);
    key(w, name);
    add_plain(w->out, text);
}

static void write_true(struct writer *w, const char *name, bool value)
{
    if (!value)
        return;
    key(w, name);
    sp_buf_addstr(w->out, "true");
}

/* `event` is NULL for a row of the head. */
static void write_field(struct writer *w, const struct sp_trace_field *field, const void *base,
                        const struct sp_event *event)
{
    const char *at = (const char *)base + field->offset;
    const char *text = NULL;
    uint64_t wide = 0;
    switch (field->type) {
    case SP_FIELD_INT:
    case SP_FIELD_UINT:
    case SP_FIELD_WORD:
        write_int(w, field, base, field->usual);
        return;
    case SP_FIELD_TIME:
        write_int(w, field, base, event->t_ns);
        return;
    case SP_FIELD_TEXT:
    case SP_FIELD_TEXT_OR_NULL:
        text = sp_trace_field_text(field, base);
        if (text && (*text || field->type == SP_FIELD_TEXT_OR_NULL))
            write_text(w, field->key, text);
        return;
    case SP_FIELD_ADDR:
        write_addr(w, field->key, (const struct sp_addr *)(const void *)at);
        return;
    case SP_FIELD_FLAGS:
        write_flags(w, field->key, (uint8_t)*at);
        return;
    case SP_FIELD_HEX64:
    case SP_FIELD_HASH:
        memcpy(&wide, at, sizeof wide);
        if (wide != (field->type == SP_FIELD_HASH ? sp_payload_hash("", 0) : 0))
            write_hex64(w, field->key, wide);
        return;
    case SP_FIELD_BOOL:
    case SP_FIELD_NOT_OK:
        write_true(w, field->key, *(const bool *)at == (field->type == SP_FIELD_BOOL));
        return;
    case SP_FIELD_OPTIONS:
        write_bytes(w, field->key, (const uint8_t *)at, event->u.seg.seg.opt_len);
        return;
    case SP_FIELD_IP_OPTIONS:
        write_bytes(w, field->key, (const uint8_t *)at, event->u.seg.seg.ip_opt_len);
        return;
    case SP_FIELD_HEAD: {
        uint32_t len = event->u.seg.seg.payload_len;
        write_bytes(w, field->key, (const uint8_t *)at,
                    len < SP_SEG_HEAD_MAX ? len : (size_t)SP_SEG_HEAD_MAX);
        return;
    }
    }
}

/*
 * What a caller must not have put into a trace, held against before anything is written: an enum
 * without a word, options longer than a header holds.
 */
static bool is_sound(const struct sp_trace_fields *fields, const void *base)
{
    for (unsigned i = 0; i < fields->count; i++) {
        const struct sp_trace_field *field = &fields->rows[i];
        if (field->type == SP_FIELD_WORD) {
            int64_t value = sp_trace_field_load(field, base);
            if (value >= (int64_t)field->words->count || !field->words->words[value])
                return false;
        } else if (field->type == SP_FIELD_OPTIONS) {
            if (((const struct sp_event *)base)->u.seg.seg.opt_len > SP_SEG_OPT_MAX ||
                ((const struct sp_event *)base)->u.seg.seg.ip_opt_len > SP_SEG_OPT_MAX)
                return false;
        }
    }
    return true;
}

static void write_stack(struct writer *w, const char *name, const struct sp_stack_id *id)
{
    if (!id->name && !id->version)
        return;
    key(w, name);
    struct writer inner = {w->out, "{"};
    if (id->name)
        write_text(&inner, "name", id->name);
    if (id->version)
        write_text(&inner, "version", id->version);
    sp_buf_addch(w->out, '}');
}

static void write_ends(struct writer *w, const struct sp_trace_head *head)
{
    key(w, "ends");
    const char *separator = "{";
    for (unsigned i = 0; i < SP_END_COUNT; i++) {
        if (!head->addr[i].family && !head->api[i].name && !head->api[i].version &&
            !head->tcp[i].name && !head->tcp[i].version)
            continue;
        sp_buf_addstr(w->out, separator);
        sp_buf_addch(w->out, '\n');
        add_plain(w->out, sp_end_name((enum sp_end)i));
        sp_buf_addstr(w->out, ":{");
        struct writer inner = {w->out, ""};
        write_addr(&inner, "addr", &head->addr[i]);
        write_addr(&inner, "second", &head->second[i]);
        write_stack(&inner, "api", &head->api[i]);
        write_stack(&inner, "tcp", &head->tcp[i]);
        if (head->states_hidden[i])
            write_text(&inner, "states", head->states_told[i] ? "told" : "absent");
        sp_buf_addch(w->out, '}');
        separator = ",";
    }
    sp_buf_addstr(w->out, *separator == '{' ? "{}" : "}");
}

static void write_pins(struct writer *w, const struct sp_trace_head *head)
{
    key(w, "pins");
    sp_buf_addch(w->out, '[');
    for (size_t i = 0; i < head->pin_count; i++) {
        struct writer inner = {w->out, i ? ",\n{" : "\n{"};
        write_text(&inner, "name", head->pins[i].name ? head->pins[i].name : "");
        write_text(&inner, "value", head->pins[i].value ? head->pins[i].value : "");
        sp_buf_addch(w->out, '}');
    }
    sp_buf_addch(w->out, ']');
}

static void write_head(struct writer *w, const struct sp_trace_head *head)
{
    write_text(w, "schema", SP_SCHEMA_TRACE);
    for (unsigned i = 0; i < sp_trace_head_fields.count; i++) {
        w->separator = ",\n";
        write_field(w, &sp_trace_head_fields.rows[i], head, NULL);
    }
    w->separator = ",\n";
    write_ends(w, head);
    w->separator = ",\n";
    write_pins(w, head);
    w->separator = ",\n";
}

static enum sp_rc write_event(const struct sp_event *event, size_t index, struct sp_buf *out,
                              struct sp_err *err)
{
    if ((unsigned)event->kind >= SP_EV_KIND_COUNT)
        return sp_fail(err, SP_E_USAGE, "event %zu is of no kind", index);
    const struct sp_trace_fields *fields = &sp_trace_kind_fields[event->kind];
    if (!is_sound(&sp_trace_common_fields, event) || !is_sound(fields, event))
        return sp_fail(err, SP_E_USAGE, "event %zu holds a value that has no name", index);
    struct writer w = {out, index ? ",\n{" : "\n{"};
    key(&w, "kind");
    add_plain(out, sp_ev_kind_name(event->kind));
    for (unsigned i = 0; i < sp_trace_common_fields.count; i++)
        write_field(&w, &sp_trace_common_fields.rows[i], event, event);
    for (unsigned i = 0; i < fields->count; i++)
        write_field(&w, &fields->rows[i], event, event);
    sp_buf_addch(out, '}');
    return SP_OK;
}

enum sp_rc sp_trace_write(const struct sp_trace *trace, struct sp_buf *out, struct sp_err *err)
{
    if (!is_sound(&sp_trace_head_fields, &trace->head))
        return sp_fail(err, SP_E_USAGE, "the trace's head holds a value that has no name");
    struct writer w = {out, "{"};
    write_head(&w, &trace->head);
    key(&w, "events");
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < trace->len; i++) {
        enum sp_rc rc = write_event(&trace->events[i], i, out, err);
        if (rc != SP_OK)
            return rc;
    }
    sp_buf_addstr(out, "\n]}\n");
    if (out->overflow)
        return sp_fail(err, SP_E_LIMIT, "the trace is larger than %zu bytes", out->max_bytes);
    return SP_OK;
}
