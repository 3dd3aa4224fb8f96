/* A case from text or from its file: lexed once, its header read, every row's statements checked.
 */
#include "parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { CHECKED_STATEMENTS_MAX = 100000 };

void hash_text(const char *text, size_t len, char out[17])
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

/* cases/linger/zero-resets.case -> linger/zero-resets, from the end of the path. */
static const char *id_of_file(struct sp_arena *arena, const char *file)
{
    static const char suffix[] = ".case";
    size_t len = strlen(file);
    if (len < sizeof suffix || strcmp(file + len - (sizeof suffix - 1), suffix) != 0)
        return NULL;
    size_t end = len - (sizeof suffix - 1);
    size_t from = end;
    int slashes = 0;
    while (from > 0) {
        char c = file[from - 1];
        if ((c == '/' || c == '\\') && ++slashes == 2)
            break;
        from--;
    }
    if (slashes == 0)
        return NULL;
    char *id = sp_arena_strndup(arena, file + from, end - from);
    for (char *p = id; *p; p++)
        if (*p == '\\')
            *p = '/';
    return id;
}

static const struct word *second_word(const struct lines *lines, const char *first, int *line)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *item = &lines->items[i];
        if (item->count > 1 && strcmp(item->words[0].text, first) == 0) {
            *line = item->number;
            return &item->words[1];
        }
    }
    return NULL;
}

static void check_id(struct sp_case *c, const struct lines *lines, struct sp_diags *diags)
{
    const char *want = c->file && c->id ? id_of_file(&c->arena, c->file) : NULL;
    int line = 1;
    const struct word *word = second_word(lines, "case", &line);
    if (!want || !word || strcmp(want, c->id) == 0)
        return;
    diag_add(diags, false, line, word->column, word->length,
             sp_arena_printf(&diags->arena, "its place says %s", want),
             "the id %s is not where the file is", c->id);
}

static void check_pins(const struct sp_case *c, struct sp_diags *diags)
{
    const char *unknown = NULL;
    int at = 0;
    struct sp_arena arena;
    sp_arena_init(&arena);
    for (size_t i = 0; i < c->pin_count; i++) {
        substitute(&arena, &c->rows[0], c->pins[i].value, &unknown, &at);
        if (unknown)
            diag_add(diags, false, c->pins[i].at.line, c->pins[i].at.column, 1,
                     "declare it in the header: for NAME in A B C", "no `for` line makes %s",
                     unknown);
    }
    sp_arena_release(&arena);
}

static bool uses_value(const struct line *line, const char *name)
{
    char dollar[LINE_MAX_BYTES + 2];
    if (line->count == 0)
        return false;
    if (line->count > 1 && strcmp(line->words[0].text, "when") == 0 &&
        strcmp(line->words[1].text, name) == 0)
        return true;
    snprintf(dollar, sizeof dollar, "$%s", name);
    return strstr(line->raw, dollar) != NULL;
}

/* A value that no line uses makes runs that are all the same; the first of several names a row. */
static void check_values_used(const struct lines *lines, struct sp_diags *diags)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->items[i];
        if (line->count < 3 || line->row || strcmp(line->words[0].text, "for") != 0)
            continue;
        bool in = strcmp(line->words[2].text, "in") == 0;
        for (size_t n = in ? 1 : 2; n < (in ? 2 : line->count); n++) {
            bool used = false;
            for (size_t j = i + 1; j < lines->count && !used; j++)
                used = !lines->items[j].row && uses_value(&lines->items[j], line->words[n].text);
            if (!used)
                diag_add(diags, true, line->number, line->words[n].column, line->words[n].length,
                         NULL, "no line uses $%s", line->words[n].text);
        }
    }
}

static bool body_has_values(const struct case_body *body)
{
    for (size_t i = body->first; i < body->lines.count; i++)
        if (has_dollar(body->lines.items[i].raw) ||
            (body->lines.items[i].count && strcmp(body->lines.items[i].words[0].text, "when") == 0))
            return true;
    return false;
}

/* What is in no run has not been looked at either. */
static void check_reached(const struct case_body *body, const bool *reached, struct sp_diags *diags)
{
    for (size_t i = body->first; i < body->lines.count; i++) {
        const struct line *line = &body->lines.items[i];
        const char *first = line->count ? line->words[0].text : "}";
        if (!reached[i] && strcmp(first, "}") != 0 && strcmp(first, "source") != 0 &&
            !line->words[0].quoted)
            diag_add(diags, true, line->number, line->indent + 1, line->words[0].length, NULL,
                     "this line is in no run");
    }
}

/* Parses the statements with each row's values; rows after the first that is wrong would only say
 * it again. */
static void check_rows(struct sp_case *c, const struct case_body *body, struct sp_diags *diags)
{
    size_t rows = body_has_values(body) ? c->row_count : 1;
    bool *reached = SP_ARENA_ARRAY(&c->arena, bool, body->lines.count);
    for (size_t i = 0; i < rows; i++) {
        struct sp_arena arena;
        sp_arena_init(&arena);
        struct parse p = {.c = c,
                          .row = &c->rows[i],
                          .arena = &arena,
                          .diags = diags,
                          .lines = &body->lines,
                          .pos = body->first,
                          .reached = reached};
        struct node_list nodes = {0};
        if (parse_body(&p, &nodes))
            check_nodes(&p, &nodes);
        sp_arena_release(&arena);
        if (i == 0 && p.statements == 0)
            diag_add(diags, false, body->lines.count ? (int)body->lines.count : 1, 1, 1, NULL,
                     "the case has no statements");
        if (p.statements * rows > CHECKED_STATEMENTS_MAX)
            diag_add(diags, false, 1, 1, 1, "make it two cases",
                     "its runs have more than %d statements together", CHECKED_STATEMENTS_MAX);
        if (diag_errors(diags))
            return;
    }
    if (rows > 1)
        check_reached(body, reached, diags);
}

bool body_read(const struct sp_case *c, struct sp_arena *arena, struct case_body *out)
{
    struct sp_diags diags;
    sp_diags_init(&diags);
    *out = (struct case_body){.first = c->body};
    bool read = c->body && lex_text(c->text, c->text_len, arena, &out->lines, &diags);
    sp_diags_release(&diags);
    return read;
}

enum sp_rc sp_case_parse(const char *file, const char *text, size_t text_len, struct sp_case *out,
                         struct sp_diags *diags, struct sp_err *err)
{
    *out = (struct sp_case){.deadline_ns = 5 * SP_S, .watch_ns = 20 * SP_MS};
    sp_arena_init(&out->arena);
    out->file = sp_arena_strdup(&out->arena, file);
    out->text_len = text_len;
    out->text = sp_arena_strndup(&out->arena, text_len ? text : "", text_len);
    hash_text(out->text, text_len, out->hash);
    size_t before = diag_errors(diags);
    struct sp_arena arena; /* of the words, which are read again when a plan is made */
    sp_arena_init(&arena);
    struct case_body body = {0};
    if (lex_text(out->text, text_len, &arena, &body.lines, diags)) {
        parse_header(out, &body.lines, &body.first, diags);
        check_id(out, &body.lines, diags);
        check_pins(out, diags);
        check_values_used(&body.lines, diags);
        check_rows(out, &body, diags);
    }
    sp_arena_release(&arena);
    size_t errors = diag_errors(diags) - before;
    if (errors == 0) {
        out->body = body.first;
        return SP_OK;
    }
    return sp_fail(err, SP_E_PARSE, "%s: %zu error%s, the first: %s", file ? file : "-", errors,
                   errors == 1 ? "" : "s", diags->items[before].text);
}

static enum sp_rc read_file(const char *file, struct sp_buf *out, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    char chunk[16384];
    FILE *stream = fopen(file, "rb");
    if (!stream)
        return sp_fail_os(err, errno == ENOENT ? SP_E_NOTFOUND : SP_E_IO, errno, "opening %s",
                          file);
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, stream)) > 0 && !out->overflow)
        sp_buf_add(out, chunk, got);
    if (ferror(stream))
        rc = sp_fail_os(err, SP_E_IO, errno, "reading %s", file);
    else if (out->overflow)
        rc = sp_fail(err, SP_E_LIMIT, "%s is larger than %d bytes", file, FILE_MAX_BYTES);
    fclose(stream);
    return rc;
}

enum sp_rc sp_case_load(const char *file, struct sp_case *out, struct sp_diags *diags,
                        struct sp_err *err)
{
    *out = (struct sp_case){0};
    struct sp_buf text;
    sp_buf_init(&text, FILE_MAX_BYTES);
    enum sp_rc rc = read_file(file, &text, err);
    if (rc == SP_OK)
        rc = sp_case_parse(file, text.data, text.len, out, diags, err);
    sp_buf_release(&text);
    return rc;
}

void sp_case_release(struct sp_case *c)
{
    sp_arena_release(&c->arena);
    *c = (struct sp_case){0};
}
