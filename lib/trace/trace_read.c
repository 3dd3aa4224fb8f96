/*
 * A trace from JSON. The text may come from anybody: everything is held against its type and its
 * range before it is kept, and what is refused is named.
 */
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "trace.h"
#include "trace_fields.h"

enum { READ_MAX_BYTES = 1 << 29 };

/* What is being read into. */
struct target {
    struct sp_trace *trace;
    void *base;             /* the event, or the head */
    struct sp_event *event; /* NULL for the head */
};

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array",  [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null",
    };
    return value ? names[json_typeof(value)] : "nothing";
}

static enum sp_rc mistyped(struct sp_err *err, const char *key, const char *want,
                           const json_t *value)
{
    return sp_fail(err, SP_E_PARSE, "%s: expected %s, got %s", key, want, type_name(value));
}

static enum sp_rc read_int(const struct sp_trace_field *field, const json_t *value, void *base,
                           struct sp_err *err)
{
    int64_t low = 0;
    int64_t high = INT64_MAX;
    if (field->size < 8)
        high = (INT64_C(1) << (8 * field->size)) - 1;
    if (field->type != SP_FIELD_UINT) { /* signed */
        high = field->size < 8 ? high / 2 : high;
        low = -high - 1;
    }
    if (!json_is_integer(value))
        return mistyped(err, field->key, "an integer", value);
    int64_t number = json_integer_value(value);
    if (number < low || number > high)
        return sp_fail(err, SP_E_PARSE, "%s: %" PRId64 " is not between %" PRId64 " and %" PRId64,
                       field->key, number, low, high);
    sp_trace_field_store(field, base, number);
    return SP_OK;
}

static enum sp_rc read_word(const struct sp_trace_field *field, const char *text, void *base,
                            struct sp_err *err)
{
    int found = sp_trace_word_find(field->words, text);
    if (found < 0)
        return sp_fail(err, SP_E_PARSE, "%s: '%.40s' is not one of its words", field->key, text);
    sp_trace_field_store(field, base, found);
    return SP_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum sp_rc read_hex(const char *key, const char *text, uint8_t *bytes, size_t cap,
                           size_t *len, struct sp_err *err)
{
    size_t digits = strlen(text);
    if (digits % 2 || digits / 2 > cap)
        return sp_fail(err, SP_E_PARSE, "%s: %zu hex digits, expected an even number up to %zu",
                       key, digits, 2 * cap);
    for (size_t i = 0; i < digits; i += 2) {
        int high = hex_digit(text[i]);
        int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return sp_fail(err, SP_E_PARSE, "%s: not hex at digit %zu", key, i);
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    *len = digits / 2;
    return SP_OK;
}

static enum sp_rc read_hex64(const struct sp_trace_field *field, const char *text, void *base,
                             struct sp_err *err)
{
    uint8_t bytes[8];
    size_t len = 0;
    uint64_t value = 0;
    enum sp_rc rc = read_hex(field->key, text, bytes, sizeof bytes, &len, err);
    if (rc != SP_OK)
        return rc;
    if (len != sizeof bytes)
        return sp_fail(err, SP_E_PARSE, "%s: %zu hex digits, expected 16", field->key, 2 * len);
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    memcpy((char *)base + field->offset, &value, sizeof value);
    return SP_OK;
}

static enum sp_rc read_addr(const char *key, const char *text, struct sp_addr *addr,
                            struct sp_err *err)
{
    enum sp_rc rc = sp_addr_parse(text, addr, err);
    if (rc != SP_OK)
        sp_err_prefix(err, "%s", key);
    return rc;
}

static enum sp_rc read_payload_head(const char *text, struct sp_seg *seg, struct sp_err *err)
{
    size_t len = 0;
    enum sp_rc rc =
        read_hex("payload_head", text, seg->payload_head, sizeof seg->payload_head, &len, err);
    if (rc == SP_OK && len > seg->payload_len)
        return sp_fail(err, SP_E_PARSE, "payload_head: %zu bytes of a payload of %u", len,
                       seg->payload_len);
    return rc;
}

/* The fields that are strings in JSON. */
static enum sp_rc read_string(const struct sp_trace_field *field, const char *text,
                              const struct target *to, struct sp_err *err)
{
    char *at = (char *)to->base + field->offset;
    size_t len = 0;
    enum sp_rc rc = SP_OK;
    switch (field->type) {
    case SP_FIELD_WORD:
        return read_word(field, text, to->base, err);
    case SP_FIELD_ADDR:
        return read_addr(field->key, text, (struct sp_addr *)(void *)at, err);
    case SP_FIELD_FLAGS:
        if (!sp_tcp_flags_parse(text, (uint8_t *)at))
            return sp_fail(err, SP_E_PARSE, "%s: '%.40s' are no TCP flags", field->key, text);
        return SP_OK;
    case SP_FIELD_HEX64:
    case SP_FIELD_HASH:
        return read_hex64(field, text, to->base, err);
    case SP_FIELD_OPTIONS:
        rc = read_hex(field->key, text, (uint8_t *)at, SP_SEG_OPT_MAX, &len, err);
        to->event->u.seg.seg.opt_len = (uint8_t)len;
        return rc;
    case SP_FIELD_IP_OPTIONS:
        rc = read_hex(field->key, text, (uint8_t *)at, SP_SEG_OPT_MAX, &len, err);
        to->event->u.seg.seg.ip_opt_len = (uint8_t)len;
        return rc;
    case SP_FIELD_HEAD:
        return read_payload_head(text, &to->event->u.seg.seg, err);
    case SP_FIELD_TEXT:
    case SP_FIELD_TEXT_OR_NULL:
        sp_trace_field_set_text(field, to->base, sp_trace_str(to->trace, text));
        return SP_OK;
    case SP_FIELD_INT:
    case SP_FIELD_UINT:
    case SP_FIELD_TIME:
    case SP_FIELD_BOOL:
    case SP_FIELD_NOT_OK:
        break; /* read_field's own */
    }
    return rc;
}

/* Where leaving a field out means something else than sp_trace_add's zero. */
static void set_left_out(const struct sp_trace_field *field, void *base)
{
    uint64_t nothing = sp_payload_hash("", 0);
    if (field->type == SP_FIELD_NOT_OK)
        *((bool *)base + field->offset) = true;
    else if (field->type == SP_FIELD_HASH)
        memcpy((char *)base + field->offset, &nothing, sizeof nothing);
}

static enum sp_rc read_field(const struct sp_trace_field *field, const json_t *object,
                             const struct target *to, struct sp_err *err)
{
    const json_t *value = json_object_get(object, field->key);
    if (!value) {
        set_left_out(field, to->base);
        return SP_OK;
    }
    switch (field->type) {
    case SP_FIELD_INT:
    case SP_FIELD_UINT:
    case SP_FIELD_TIME:
        return read_int(field, value, to->base, err);
    case SP_FIELD_BOOL:
    case SP_FIELD_NOT_OK:
        if (!json_is_boolean(value))
            return mistyped(err, field->key, "true or false", value);
        *((bool *)to->base + field->offset) = json_is_true(value) == (field->type == SP_FIELD_BOOL);
        return SP_OK;
    case SP_FIELD_WORD:
    case SP_FIELD_TEXT:
    case SP_FIELD_TEXT_OR_NULL:
    case SP_FIELD_ADDR:
    case SP_FIELD_FLAGS:
    case SP_FIELD_HEX64:
    case SP_FIELD_HASH:
    case SP_FIELD_OPTIONS:
    case SP_FIELD_IP_OPTIONS:
    case SP_FIELD_HEAD:
        break;
    }
    if (!json_is_string(value))
        return mistyped(err, field->key, "a string", value);
    return read_string(field, json_string_value(value), to, err);
}

static enum sp_rc read_fields(const struct sp_trace_fields *fields, const json_t *object,
                              const struct target *to, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    for (unsigned i = 0; i < fields->count && rc == SP_OK; i++)
        rc = read_field(&fields->rows[i], object, to, err);
    return rc;
}

static enum sp_rc read_event(const json_t *object, struct sp_trace *trace, struct sp_err *err)
{
    if (!json_is_object(object))
        return sp_fail(err, SP_E_PARSE, "expected an object, got %s", type_name(object));
    const json_t *kind_text = json_object_get(object, "kind");
    const json_t *t_ns = json_object_get(object, "t_ns");
    if (!json_is_string(kind_text))
        return mistyped(err, "kind", "a string", kind_text);
    int kind = sp_trace_word_find(&sp_trace_kind_words, json_string_value(kind_text));
    if (kind < 0)
        return sp_fail(err, SP_E_PARSE, "kind: '%.40s' is not one of its words",
                       json_string_value(kind_text));
    if (!json_is_integer(t_ns))
        return mistyped(err, "t_ns", "an integer", t_ns);
    struct sp_event *event = sp_trace_add(trace, (enum sp_ev_kind)kind, json_integer_value(t_ns));
    struct target to = {trace, event, event};
    enum sp_rc rc = read_fields(&sp_trace_common_fields, object, &to, err);
    if (rc == SP_OK)
        rc = read_fields(&sp_trace_kind_fields[kind], object, &to, err);
    return rc;
}

static enum sp_rc read_events(const json_t *events, struct sp_trace *trace, struct sp_err *err)
{
    if (!json_is_array(events))
        return mistyped(err, "events", "an array", events);
    size_t count = json_array_size(events);
    if (count > SP_TRACE_EVENTS_MAX)
        return sp_fail(err, SP_E_LIMIT, "%zu events, at most %d are read", count,
                       SP_TRACE_EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        enum sp_rc rc = read_event(json_array_get(events, i), trace, err);
        if (rc != SP_OK) {
            sp_err_prefix(err, "event %zu", i);
            return rc;
        }
    }
    return SP_OK;
}

/* A string of an object that has no row of its own; left out: *text stays. */
static enum sp_rc read_text(const json_t *object, const char *key, struct sp_trace *trace,
                            const char **text, struct sp_err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return SP_OK;
    if (!json_is_string(value))
        return mistyped(err, key, "a string", value);
    *text = sp_trace_str(trace, json_string_value(value));
    return SP_OK;
}

static enum sp_rc read_stack(const json_t *end, const char *key, struct sp_trace *trace,
                             struct sp_stack_id *id, struct sp_err *err)
{
    const json_t *object = json_object_get(end, key);
    if (!object)
        return SP_OK;
    if (!json_is_object(object))
        return mistyped(err, key, "an object", object);
    enum sp_rc rc = read_text(object, "name", trace, &id->name, err);
    if (rc == SP_OK)
        rc = read_text(object, "version", trace, &id->version, err);
    return rc;
}

static enum sp_rc read_end(const json_t *end, enum sp_end i, struct sp_trace *trace,
                           struct sp_err *err)
{
    struct sp_trace_head *head = &trace->head;
    const char *addr = "none";
    if (!json_is_object(end))
        return sp_fail(err, SP_E_PARSE, "expected an object, got %s", type_name(end));
    enum sp_rc rc = read_text(end, "addr", trace, &addr, err);
    if (rc == SP_OK)
        rc = read_addr("addr", addr, &head->addr[i], err);
    const char *second = "none";
    if (rc == SP_OK)
        rc = read_text(end, "second", trace, &second, err);
    if (rc == SP_OK)
        rc = read_addr("second", second, &head->second[i], err);
    if (rc == SP_OK)
        rc = read_stack(end, "api", trace, &head->api[i], err);
    if (rc == SP_OK)
        rc = read_stack(end, "tcp", trace, &head->tcp[i], err);
    const char *states = "";
    if (rc == SP_OK)
        rc = read_text(end, "states", trace, &states, err);
    head->states_told[i] = strcmp(states, "told") == 0;
    head->states_hidden[i] = head->states_told[i] || strcmp(states, "absent") == 0;
    if (rc == SP_OK && *states && !head->states_hidden[i])
        rc = sp_fail(err, SP_E_PARSE, "states: \"%s\" is neither absent nor told", states);
    return rc;
}

static enum sp_rc read_ends(const json_t *ends, struct sp_trace *trace, struct sp_err *err)
{
    if (!ends)
        return SP_OK;
    if (!json_is_object(ends))
        return mistyped(err, "ends", "an object", ends);
    for (unsigned i = 0; i < SP_END_COUNT; i++) {
        const char *name = sp_end_name((enum sp_end)i);
        const json_t *end = json_object_get(ends, name);
        enum sp_rc rc = end ? read_end(end, (enum sp_end)i, trace, err) : SP_OK;
        if (rc != SP_OK) {
            sp_err_prefix(err, "ends: %s", name);
            return rc;
        }
    }
    return SP_OK;
}

static enum sp_rc read_pins(const json_t *pins, struct sp_trace *trace, struct sp_err *err)
{
    if (!pins)
        return SP_OK;
    if (!json_is_array(pins))
        return mistyped(err, "pins", "an array", pins);
    size_t count = json_array_size(pins);
    struct sp_trace_head *head = &trace->head;
    head->pins = SP_ARENA_ARRAY(&trace->arena, struct sp_trace_pin, count);
    head->pin_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *pin = json_array_get(pins, i);
        head->pins[i] = (struct sp_trace_pin){"", ""};
        if (!json_is_object(pin))
            return mistyped(err, "pins", "objects", pin);
        enum sp_rc rc = read_text(pin, "name", trace, &head->pins[i].name, err);
        if (rc == SP_OK)
            rc = read_text(pin, "value", trace, &head->pins[i].value, err);
        if (rc != SP_OK) {
            sp_err_prefix(err, "pin %zu", i);
            return rc;
        }
    }
    return SP_OK;
}

static enum sp_rc read_trace(const json_t *root, struct sp_trace *trace, struct sp_err *err)
{
    if (!json_is_object(root))
        return sp_fail(err, SP_E_PARSE, "a trace is an object, not %s", type_name(root));
    const json_t *schema = json_object_get(root, "schema");
    if (!json_is_string(schema))
        return mistyped(err, "schema", "a string", schema);
    if (strcmp(json_string_value(schema), SP_SCHEMA_TRACE) != 0)
        return sp_fail(err, SP_E_PARSE, "schema: '%.40s', expected '%s'", json_string_value(schema),
                       SP_SCHEMA_TRACE);
    struct target to = {trace, &trace->head, NULL};
    enum sp_rc rc = read_fields(&sp_trace_head_fields, root, &to, err);
    if (rc == SP_OK)
        rc = read_ends(json_object_get(root, "ends"), trace, err);
    if (rc == SP_OK)
        rc = read_pins(json_object_get(root, "pins"), trace, err);
    if (rc == SP_OK)
        rc = read_events(json_object_get(root, "events"), trace, err);
    return rc;
}

enum sp_rc sp_trace_read(const char *json, size_t len_bytes, struct sp_trace *trace,
                         struct sp_err *err)
{
    json_error_t fault;
    json_t *root = NULL;
    enum sp_rc rc = SP_OK;
    sp_trace_init(trace);
    if (len_bytes > READ_MAX_BYTES) {
        rc = sp_fail(err, SP_E_LIMIT, "a trace of %zu bytes, at most %d are read", len_bytes,
                     READ_MAX_BYTES);
        goto out;
    }
    root = json_loadb(json, len_bytes, JSON_REJECT_DUPLICATES, &fault);
    if (!root) {
        rc = sp_fail(err, SP_E_PARSE, "not JSON: line %d, column %d: %s", fault.line, fault.column,
                     fault.text);
        goto out;
    }
    rc = read_trace(root, trace, err);
out:
    json_decref(root);
    if (rc != SP_OK) {
        sp_trace_release(trace);
        sp_trace_init(trace);
    }
    return rc;
}
