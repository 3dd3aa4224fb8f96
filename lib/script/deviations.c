/*
 * Works on the lines of a case that the parser has accepted, like the formatter: both sides of
 * every `on` block are seen, and of a variant with `$NAME` in it one entry for each value.
 */
#include "deviations.h"

#include <stdlib.h>
#include <string.h>

#include "parser.h"

static const struct {
    const char *name;
    enum sp_source_kind kind;
} kinds[] = {
    {"none", SP_SOURCE_NONE},
    {"measured", SP_SOURCE_MEASURED},
    {"documented", SP_SOURCE_DOCUMENTED},
    {"reported", SP_SOURCE_REPORTED},
};

const char *sp_source_kind_name(enum sp_source_kind kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return kinds[0].name;
}

static const char *first_text(const struct line *line)
{
    return line->count && !line->words[0].quoted ? line->words[0].text : "";
}

static bool opens_block(const struct line *line)
{
    return strcmp(first_text(line), "on") == 0 && !line_is_variant(line);
}

/* "measured linux-6.18" or "measured: linux-6.18"; anything else is no source. */
static bool take_source(struct sp_arena *arena, const char *text, struct sp_deviation *out)
{
    for (size_t i = 1; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(text, kinds[i].name, len) != 0 || !strchr(" \t:", text[len]) || !text[len])
            continue;
        const char *where = text + len + strspn(text + len, " \t:");
        if (!*where)
            return false;
        out->kind = kinds[i].kind;
        out->source = sp_arena_strdup(arena, where);
        return true;
    }
    return false;
}

static const char *join_words(struct sp_arena *arena, const struct line *line, size_t from,
                              size_t to)
{
    const char *text = "";
    for (size_t i = from; i < to; i++) {
        const char *mark = line->words[i].quoted ? "\"" : "";
        text = sp_arena_printf(arena, "%s%s%s%s%s", text, i > from ? " " : "", mark,
                               line->words[i].text, mark);
    }
    return text;
}

/* A quoted word at the end is the reason, unless it is what the call is to print. */
static bool ends_with_reason(const struct line *line)
{
    const struct word *last = &line->words[line->count - 1];
    const char *before = line->count > 1 ? line->words[line->count - 2].text : "";
    return last->quoted && strcmp(before, "->") != 0 && strcmp(before, "|") != 0;
}

static size_t keys_end(const struct line *line)
{
    static const char *const ends[] = {"->", "took", "raises", "within", "after", "{", NULL};
    size_t end = 1;
    while (end < line->count && !line->words[end].quoted &&
           !name_known(ends, line->words[end].text))
        end++;
    return end;
}

/* row NULL: as it is written */
static const char *of_row(struct sp_deviations *all, const struct sp_case_row *row,
                          const char *text)
{
    const char *unknown = NULL;
    int at = 0;
    if (!row)
        return sp_arena_strdup(&all->arena, text);
    return substitute(&all->arena, row, text, &unknown, &at);
}

static bool listed(const struct sp_deviations *all, const struct sp_deviation *out)
{
    for (size_t i = 0; i + 1 < all->len; i++) {
        const struct sp_deviation *item = &all->items[i];
        if (item->at.line == out->at.line && strcmp(item->line, out->line) == 0 &&
            strcmp(item->stacks, out->stacks) == 0 && strcmp(item->expects, out->expects) == 0)
            return true;
    }
    return false;
}

static void read_variant(struct sp_deviations *all, const struct lines *lines, size_t at,
                         const char *owner, const struct sp_case_row *row)
{
    const struct line *line = &lines->items[at];
    struct sp_deviation *out = &SP_PUSH(all->items, all->len, all->cap);
    size_t split = keys_end(line);
    bool reason = ends_with_reason(line);
    const char *stacks = join_words(&all->arena, line, 1, split);
    const char *expects = join_words(&all->arena, line, split, line->count - (reason ? 1 : 0));
    *out = (struct sp_deviation){.at = {line->number, line->indent + 1},
                                 .line = of_row(all, row, owner),
                                 .stacks = of_row(all, row, stacks),
                                 .expects = of_row(all, row, expects),
                                 .why = "",
                                 .source = ""};
    if (listed(all, out)) {
        all->len--;
        return;
    }
    if (reason)
        out->why = sp_arena_strdup(&all->arena, line->words[line->count - 1].text);
    for (size_t i = at + 1; i < lines->count; i++) {
        const struct line *tail = &lines->items[i];
        if (tail->count == 0)
            continue;
        if (strcmp(first_text(tail), "source") == 0)
            take_source(&all->arena, tail->rest, out);
        else if (tail->words[0].quoted && tail->count == 1)
            out->why = sp_arena_strdup(&all->arena, tail->words[0].text);
        else
            break;
    }
}

static const char *comment_text(const char *comment)
{
    return comment + strspn(comment, "# \t");
}

/* The comment lines before the block's first statement; the first that names a source counts, and
 * those under it continue it. */
static void read_block(struct sp_deviations *all, const struct lines *lines, size_t at)
{
    const struct line *line = &lines->items[at];
    struct sp_deviation *out = &SP_PUSH(all->items, all->len, all->cap);
    *out = (struct sp_deviation){.at = {line->number, line->indent + 1},
                                 .line = "",
                                 .stacks = join_words(&all->arena, line, 1, keys_end(line)),
                                 .expects = "",
                                 .why = "",
                                 .source = "",
                                 .block = true};
    if (line->comment)
        take_source(&all->arena, comment_text(line->comment), out);
    size_t i = at + 1;
    for (; i < lines->count && lines->items[i].count == 0; i++) {
        const char *comment = lines->items[i].comment;
        if (!comment)
            continue;
        if (out->kind != SP_SOURCE_NONE)
            out->source = sp_arena_printf(&all->arena, "%s %s", out->source, comment_text(comment));
        else
            take_source(&all->arena, comment_text(comment), out);
    }
    if (i < lines->count)
        out->expects = sp_arena_strdup(&all->arena, lines->items[i].raw);
}

/* The lines that are part of a row's conversation. */
static bool *reached_by(struct sp_deviations *all, const struct sp_case *c,
                        const struct case_body *body, const struct sp_case_row *row)
{
    struct sp_diags diags;
    struct node_list nodes = {0};
    bool *reached = SP_ARENA_ARRAY(&all->arena, bool, body->lines.count);
    sp_diags_init(&diags);
    struct parse p = {.c = c,
                      .row = row,
                      .arena = &all->arena,
                      .diags = &diags,
                      .lines = &body->lines,
                      .pos = body->first,
                      .reached = reached};
    parse_body(&p, &nodes);
    sp_diags_release(&diags);
    return reached;
}

void sp_case_deviations(const struct sp_case *c, struct sp_deviations *out)
{
    struct case_body body;
    *out = (struct sp_deviations){0};
    sp_arena_init(&out->arena);
    if (!body_read(c, &out->arena, &body))
        return;
    bool **reached = SP_ARENA_ARRAY(&out->arena, bool *, c->row_count);
    for (size_t row = 0; row < c->row_count; row++)
        reached[row] = reached_by(out, c, &body, &c->rows[row]);
    const char *owner = "";
    for (size_t i = body.first; i < body.lines.count; i++) {
        const struct line *line = &body.lines.items[i];
        if (line->count == 0)
            continue;
        if (opens_block(line))
            read_block(out, &body.lines, i);
        else if (!line_is_variant(line) && !line->words[0].quoted &&
                 strcmp(first_text(line), "source") != 0)
            owner = line->raw;
        for (size_t row = 0; row < c->row_count && line_is_variant(line); row++)
            if (reached[row][i])
                read_variant(out, &body.lines, i, owner,
                             has_dollar(line->raw) ? &c->rows[row] : NULL);
    }
}

void sp_deviations_release(struct sp_deviations *deviations)
{
    sp_arena_release(&deviations->arena);
    free(deviations->items);
    *deviations = (struct sp_deviations){0};
}
