#include "fields.h"

#include <limits.h>
#include <stddef.h>

#include "json.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define ROW(type_, member)                                                                         \
    {                                                                                              \
        .name = #member, .type = type_, .offset = offsetof(struct sp_result, member)               \
    }
#define ROW_NEEDED(type_, member)                                                                  \
    {                                                                                              \
        .name = #member, .type = type_, .offset = offsetof(struct sp_result, member),              \
        .needed = true                                                                             \
    }

const struct sp_field sp_result_fields[] = {
    ROW_NEEDED(SP_FIELD_TEXT, id),
    ROW(SP_FIELD_TEXT, topic),
    ROW(SP_FIELD_TEXT, title),
    ROW_NEEDED(SP_FIELD_TEXT, lab),
    ROW_NEEDED(SP_FIELD_TEXT, family),
    ROW(SP_FIELD_INT, repeat),
    ROW_NEEDED(SP_FIELD_VERDICT, verdict),
    ROW(SP_FIELD_TEXT, reason),
    ROW(SP_FIELD_BOOL, by_machine),
    ROW(SP_FIELD_INT, tries),
    ROW(SP_FIELD_MS, duration_ms),
    ROW(SP_FIELD_MS, cpu_ms),
    ROW(SP_FIELD_TEXT, at),
    ROW(SP_FIELD_TEXT, expected),
    ROW(SP_FIELD_TEXT, seen),
    ROW(SP_FIELD_TEXT, kind),
    ROW(SP_FIELD_TEXT, rule),
    ROW(SP_FIELD_TEXT, blames),
    ROW(SP_FIELD_TEXT, file),
    {.name = "notes",
     .type = SP_FIELD_TEXTS,
     .offset = offsetof(struct sp_result, notes),
     .count_offset = offsetof(struct sp_result, note_count)},
    ROW(SP_FIELD_TEXT, dir),
};
const size_t sp_result_field_count = COUNT_OF(sp_result_fields);

#define HEAD_AS(type_, name_, member)                                                              \
    {                                                                                              \
        .name = name_, .type = type_, .offset = offsetof(struct sp_run_head, member)               \
    }
#define HEAD(type_, member) HEAD_AS(type_, #member, member)
#define HEAD_TEXTS(member, count)                                                                  \
    {                                                                                              \
        .name = #member, .type = SP_FIELD_TEXTS, .offset = offsetof(struct sp_run_head, member),   \
        .count_offset = offsetof(struct sp_run_head, count)                                        \
    }
#define HEAD_OBJECT(name_, fields)                                                                 \
    {                                                                                              \
        .name = name_, .type = SP_FIELD_OBJECT, .inner = fields, .inner_count = COUNT_OF(fields)   \
    }

static const struct sp_field machine_fields[] = {
    HEAD_AS(SP_FIELD_TEXT, "sysname", machine.sysname),
    HEAD_AS(SP_FIELD_TEXT, "release", machine.release),
    HEAD_AS(SP_FIELD_TEXT, "arch", machine.arch),
    HEAD_AS(SP_FIELD_TEXT, "hostname", machine.hostname),
    HEAD_AS(SP_FIELD_TEXT, "clock", machine.clock),
    HEAD_AS(SP_FIELD_INT, "cpus", machine.cpus),
    HEAD_AS(SP_FIELD_BOOL, "privileged", machine.privileged),
};

static const struct sp_field stack_fields[] = {
    HEAD_AS(SP_FIELD_TEXT, "name", stack.name),
    HEAD_AS(SP_FIELD_TEXT, "os", stack.os),
    HEAD_AS(SP_FIELD_TEXT, "os_version", stack.os_version),
};

const struct sp_field sp_head_fields[] = {
    HEAD(SP_FIELD_TEXT, version),           HEAD_TEXTS(command, command_count),
    HEAD_OBJECT("machine", machine_fields), HEAD_OBJECT("stack", stack_fields),
    HEAD(SP_FIELD_TEXT, judged_as),         HEAD(SP_FIELD_TEXT, appliance),
    HEAD(SP_FIELD_TEXT, started),
};
const size_t sp_head_field_count = COUNT_OF(sp_head_fields);

const struct sp_field sp_foot_fields[] = {
    HEAD(SP_FIELD_MS, wall_ms),
    HEAD(SP_FIELD_BOOL, finished),
    HEAD_TEXTS(notes, note_count),
};
const size_t sp_foot_field_count = COUNT_OF(sp_foot_fields);

/* ---- writing --------------------------------------------------------------------------------- */

static void write_value(const struct sp_field *field, const char *from, struct sp_buf *out)
{
    const void *at = from + field->offset;
    switch (field->type) {
    case SP_FIELD_TEXT:
        sp_json_str(out, *(const char *const *)at);
        break;
    case SP_FIELD_TEXTS:
        sp_json_strs(out, *(const char *const *const *)at,
                     *(const size_t *)(const void *)(from + field->count_offset));
        break;
    case SP_FIELD_INT:
        sp_buf_addf(out, "%d", *(const int *)at);
        break;
    case SP_FIELD_BOOL:
        sp_json_bool(out, *(const bool *)at);
        break;
    case SP_FIELD_MS:
        sp_json_ms(out, *(const double *)at);
        break;
    case SP_FIELD_VERDICT:
        sp_json_str(out, sp_verdict_name(*(const enum sp_verdict *)at));
        break;
    case SP_FIELD_OBJECT:
        sp_buf_addch(out, '{');
        sp_fields_write(field->inner, field->inner_count, from, ", ", out);
        sp_buf_addch(out, '}');
        break;
    }
}

void sp_fields_write(const struct sp_field *fields, size_t count, const void *from,
                     const char *between, struct sp_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            sp_buf_addstr(out, between);
        sp_json_str(out, fields[i].name);
        sp_buf_addstr(out, ": ");
        write_value(&fields[i], from, out);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_texts(const struct sp_field *field, const json_t *value, struct sp_arena *arena,
                       char *to)
{
    if (!json_is_array(value))
        return false;
    size_t count = json_array_size(value);
    const char **texts = SP_ARENA_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_string(item))
            return false;
        texts[i] = sp_arena_strdup(arena, json_string_value(item));
    }
    *(const char ***)(void *)(to + field->offset) = texts;
    *(size_t *)(void *)(to + field->count_offset) = count;
    return true;
}

static bool read_int(const json_t *value, int *to)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < INT_MIN || number > INT_MAX)
        return false;
    *to = (int)number;
    return true;
}

/* False where the value is of another type than the field. */
static bool read_value(const struct sp_field *field, const json_t *value, struct sp_arena *arena,
                       char *to)
{
    void *at = to + field->offset;
    switch (field->type) {
    case SP_FIELD_TEXT:
        if (!json_is_string(value))
            return false;
        *(const char **)at = sp_arena_strdup(arena, json_string_value(value));
        return true;
    case SP_FIELD_TEXTS:
        return read_texts(field, value, arena, to);
    case SP_FIELD_INT:
        return read_int(value, at);
    case SP_FIELD_BOOL:
        if (!json_is_boolean(value))
            return false;
        *(bool *)at = json_is_true(value);
        return true;
    case SP_FIELD_MS:
        if (!json_is_number(value))
            return false;
        *(double *)at = json_number_value(value);
        return true;
    case SP_FIELD_VERDICT:
        return json_is_string(value) && sp_verdict_parse(json_string_value(value), at);
    case SP_FIELD_OBJECT:
        return json_is_object(value);
    }
    return false;
}

enum sp_rc sp_fields_read(const struct sp_field *fields, size_t count, const json_t *object,
                          struct sp_arena *arena, void *to, struct sp_err *err)
{
    if (!json_is_object(object))
        return sp_fail(err, SP_E_PARSE, "an object was expected");
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        if (!value || json_is_null(value)) {
            if (fields[i].needed)
                return sp_fail(err, SP_E_PARSE, "`%s` is missing", fields[i].name);
            continue;
        }
        if (!read_value(&fields[i], value, arena, to))
            return sp_fail(err, SP_E_PARSE, "`%s` is not what it should be", fields[i].name);
        if (fields[i].type == SP_FIELD_OBJECT) {
            enum sp_rc rc =
                sp_fields_read(fields[i].inner, fields[i].inner_count, value, arena, to, err);
            if (rc != SP_OK)
                return rc;
        }
    }
    return SP_OK;
}
