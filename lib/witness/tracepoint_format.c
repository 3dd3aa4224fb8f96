#include "tracepoint_format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* The number after `key` before `end`. */
static bool number_after(const char *line, const char *end, const char *key, uint32_t *out)
{
    const char *at = strstr(line, key);
    if (!at || at >= end)
        return false;
    at += strlen(key);
    char *stop = NULL;
    unsigned long value = strtoul(at, &stop, 10);
    if (stop == at || value > 65535)
        return false;
    *out = (uint32_t)value;
    return true;
}

/*
 * "field:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;": the name is the last word of the
 * declaration, without its brackets.
 */
static bool parse_field(const char *line, const char *end, struct sp_tp_field *field)
{
    const char *decl = strchr(line, ':') + 1;
    const char *semicolon = memchr(decl, ';', (size_t)(end - decl));
    if (!semicolon)
        return false;
    const char *name_end = semicolon;
    const char *bracket = memchr(decl, '[', (size_t)(semicolon - decl));
    if (bracket)
        name_end = bracket;
    const char *name = name_end;
    while (name > decl && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
        name--;
    size_t len = (size_t)(name_end - name);
    if (len == 0 || len >= sizeof field->name)
        return false;
    memcpy(field->name, name, len);
    field->name[len] = '\0';
    return number_after(semicolon, end, "offset:", &field->offset) &&
           number_after(semicolon, end, "size:", &field->size_bytes);
}

enum sp_rc sp_tp_format_init(struct sp_tp_format *format, const char *text, struct sp_err *err)
{
    memset(format, 0, sizeof *format);
    const char *print = NULL;
    size_t print_len = 0;
    bool has_id = false;
    for (const char *line = text; *line;) {
        const char *end = line + strcspn(line, "\n");
        const char *word = line + strspn(line, " \t");
        if (strncmp(word, "ID:", 3) == 0) {
            has_id = number_after(word, end, "ID:", &format->id);
        } else if (strncmp(word, "print fmt:", 10) == 0) {
            print = word + 10;
            print_len = (size_t)(end - print);
        } else if (strncmp(word, "field:", 6) == 0 && format->field_count < SP_TP_FIELD_MAX) {
            /* Names longer than ours are none that we ask for. */
            if (parse_field(word, end, &format->fields[format->field_count]))
                format->field_count++;
        }
        line = *end ? end + 1 : end;
    }
    if (!has_id || format->field_count == 0)
        return sp_fail(err, SP_E_PARSE, "tracepoint format without an id or without fields");
    if (print) {
        format->print = sp_xcalloc(1, print_len + 1);
        memcpy(format->print, print, print_len);
    }
    return SP_OK;
}

void sp_tp_format_release(struct sp_tp_format *format)
{
    free(format->print);
    memset(format, 0, sizeof *format);
}

const struct sp_tp_field *sp_tp_format_field(const struct sp_tp_format *format, const char *name)
{
    for (unsigned i = 0; i < format->field_count; i++)
        if (strcmp(format->fields[i].name, name) == 0)
            return &format->fields[i];
    return NULL;
}

/* Where the pairs `{ 0, "NAME" }, ...` of __print_symbolic(REC->field, ...) start; NULL: nowhere.
 */
static const char *symbols_of(const char *print, const char *field)
{
    static const char call[] = "__print_symbolic(REC->";
    size_t len = strlen(field);
    for (const char *at = strstr(print, call); at; at = strstr(at, call)) {
        at += sizeof call - 1;
        if (strncmp(at, field, len) == 0 && (at[len] == ',' || at[len] == ' '))
            return at + len;
    }
    return NULL;
}

bool sp_tp_format_symbol(const struct sp_tp_format *format, const char *field, int64_t value,
                         char *out, size_t cap)
{
    out[0] = '\0';
    const char *at = format->print ? symbols_of(format->print, field) : NULL;
    while (at && (at = strpbrk(at, "{)")) && *at == '{') {
        char *stop = NULL;
        long long key = strtoll(at + 1, &stop, 0);
        const char *quote = strchr(at, '"');
        const char *close = quote ? strchr(quote + 1, '"') : NULL;
        if (!close)
            return false;
        if (stop != at + 1 && key == value) {
            size_t len = (size_t)(close - quote - 1);
            if (len >= cap)
                len = cap - 1;
            memcpy(out, quote + 1, len);
            out[len] = '\0';
            return true;
        }
        at = close + 1;
    }
    return false;
}
