/*
 * The canonical form of a case's text. Works on lines and words alone, so that a case with a
 * mistake in it can be formatted too; comments and blank lines (one at a time) stay.
 *
 *     header: the keyword, then its text in one column, wide enough for the longest keyword;
 *     the rows of a table under its names, column by column
 *     statements: wire, state, still, never, queue, wait and lab padded to the width of "client",
 *     the rest with single blanks; inside a block 2 blanks deeper
 *     variants 2 blanks deeper than their statement, what belongs to a variant 4
 */
#include "parser.h"

#include <string.h>

enum { KEYWORD_WIDTH = 6, STEP = 2 };

enum role { ROLE_HEADER, ROLE_ROW, ROLE_STATEMENT, ROLE_VARIANT, ROLE_TAIL, ROLE_CLOSER };

struct formatter {
    const struct lines *lines;
    struct sp_buf *out;
    size_t header_width;
    bool in_body;
    int depth;
};

static const char *first_text(const struct line *line)
{
    return line->count && !line->words[0].quoted ? line->words[0].text : "";
}

static bool is_last(const struct line *line, const char *text)
{
    const struct word *word = line->count ? &line->words[line->count - 1] : NULL;
    return word && !word->quoted && strcmp(word->text, text) == 0;
}

static enum role role_of(const struct formatter *fm, const struct line *line)
{
    const char *first = first_text(line);
    bool free_text = strcmp(first, "title") == 0 || strcmp(first, "why") == 0;
    if (line->row)
        return ROLE_ROW;
    if (line->continues || free_text || (!fm->in_body && name_known(header_words, first)))
        return ROLE_HEADER;
    if (strcmp(first, "source") == 0 || (line->count && line->words[0].quoted))
        return ROLE_TAIL;
    if (line_is_variant(line))
        return ROLE_VARIANT;
    return strcmp(first, "}") == 0 ? ROLE_CLOSER : ROLE_STATEMENT;
}

static int indent_of(const struct formatter *fm, enum role role)
{
    int depth = fm->depth < DEPTH_MAX ? fm->depth : DEPTH_MAX;
    switch (role) {
    case ROLE_HEADER:
        return 0;
    case ROLE_ROW:
        return (int)fm->header_width;
    case ROLE_STATEMENT:
        return depth * STEP;
    case ROLE_VARIANT:
        return depth * STEP + STEP;
    case ROLE_TAIL:
        return depth * STEP + 2 * STEP;
    case ROLE_CLOSER:
        return depth > 0 ? (depth - 1) * STEP : 0;
    }
    return 0;
}

/* ---- words --------------------------------------------------------------------------------- */

static bool ends_outcomes(const struct word *word)
{
    static const char *const ends[] = {"took", "raises", "as", "within", "after", "{", NULL};
    return word->quoted || name_known(ends, word->text);
}

static void put_quoted(struct formatter *fm, const struct word *word)
{
    sp_buf_addf(fm->out, "\"%s\"", word->text);
}

/* `0|EPIPE` -> `0 | EPIPE` */
static void put_outcome(struct formatter *fm, const char *text)
{
    bool first = true;
    for (const char *p = text; *p;) {
        size_t len = *p == '|' ? 1 : strcspn(p, "|");
        if (!first)
            sp_buf_addch(fm->out, ' ');
        sp_buf_add(fm->out, p, len);
        first = false;
        p += len;
    }
}

static void put_word(struct formatter *fm, const struct word *word, bool outcome)
{
    if (word->quoted) {
        put_quoted(fm, word);
    } else if (outcome) {
        put_outcome(fm, word->text);
    } else if (strncmp(word->text, "+-", 2) == 0) {
        sp_buf_addf(fm->out, "\xc2\xb1%s", word->text + 2);
    } else {
        sp_buf_addstr(fm->out, word->text);
    }
}

static void put_words(struct formatter *fm, const struct line *line)
{
    static const char *const padded[] = {"client", "server", "peer",  "middle", "wire", "state",
                                         "still",  "never",  "queue", "wait",   "lab",  NULL};
    bool outcome = false;
    for (size_t i = 0; i < line->count; i++) {
        const struct word *word = &line->words[i];
        if (i > 0)
            sp_buf_addch(fm->out, ' ');
        outcome = outcome && !ends_outcomes(word);
        put_word(fm, word, outcome);
        if (i == 0 && line->count > 1 && !word->quoted && name_known(padded, word->text))
            for (size_t n = strlen(word->text); n < KEYWORD_WIDTH; n++)
                sp_buf_addch(fm->out, ' ');
        outcome = outcome || (!word->quoted && strcmp(word->text, "->") == 0);
    }
}

/* ---- tables -------------------------------------------------------------------------------- */

/* The row under a line of the header, or under another row; NULL where none is. */
static const struct line *row_under(const struct formatter *fm, const struct line *line)
{
    const struct line *end = fm->lines->items + fm->lines->count;
    for (line++; line < end && !line->blank; line++)
        if (line->count)
            return line->row ? line : NULL;
    return NULL;
}

static bool is_table(const struct formatter *fm, const struct line *line)
{
    return strcmp(first_text(line), "for") == 0 && row_under(fm, line);
}

/* In characters, as `length` is. */
static int cell_width(const struct line *line, size_t cell)
{
    return cell < line->count ? line->words[cell].length : 0;
}

/* The words of a line from `from` on, each as wide as the widest of its column. */
static void put_cells(struct formatter *fm, const struct line *line, size_t from)
{
    const struct line *top = line;
    while (top > fm->lines->items && (top->row || top->count == 0))
        top--;
    for (size_t i = from; i < line->count; i++) {
        int width = cell_width(top, i - from + 1);
        for (const struct line *row = row_under(fm, top); row; row = row_under(fm, row))
            if (cell_width(row, i - from) > width)
                width = cell_width(row, i - from);
        put_word(fm, &line->words[i], false);
        if (i + 1 < line->count)
            sp_buf_addf(fm->out, "%*s", width - line->words[i].length + 2, "");
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

static void put_header(struct formatter *fm, const struct line *line)
{
    size_t width = fm->header_width;
    if (line->continues) {
        sp_buf_addf(fm->out, "%*s%s", (int)width, "", line->rest);
        return;
    }
    const char *word = line->words[0].text;
    bool free_text = strcmp(word, "title") == 0 || strcmp(word, "why") == 0;
    if (is_table(fm, line)) {
        sp_buf_addf(fm->out, "%-*s", (int)width, word);
        put_cells(fm, line, 1);
        return;
    }
    bool alone = free_text ? !*line->rest : line->count == 1;
    sp_buf_addf(fm->out, "%-*s", alone ? 0 : (int)width, word);
    if (free_text)
        sp_buf_addstr(fm->out, line->rest);
    for (size_t i = 1; i < line->count && !free_text; i++) {
        if (i > 1)
            sp_buf_addch(fm->out, ' ');
        if (line->words[i].quoted)
            put_quoted(fm, &line->words[i]);
        else
            sp_buf_addstr(fm->out, line->words[i].text);
    }
}

static void put_line(struct formatter *fm, const struct line *line, enum role role)
{
    sp_buf_addf(fm->out, "%*s", indent_of(fm, role), "");
    if (role == ROLE_HEADER) {
        put_header(fm, line);
    } else if (role == ROLE_ROW) {
        put_cells(fm, line, 0);
    } else if (strcmp(first_text(line), "source") == 0) {
        sp_buf_addf(fm->out, "%s%s%s", line->words[0].text, *line->rest ? " " : "", line->rest);
    } else {
        put_words(fm, line);
    }
    if (line->comment)
        sp_buf_addf(fm->out, "  %s", line->comment);
    sp_buf_addch(fm->out, '\n');
    if (role == ROLE_CLOSER && fm->depth > 0)
        fm->depth--;
    if (is_last(line, "{"))
        fm->depth++;
}

/* The line that a comment on a line of its own is about: the next one; NULL at the end. */
static const struct line *line_after(const struct formatter *fm, size_t at)
{
    for (size_t i = at; i < fm->lines->count; i++)
        if (fm->lines->items[i].count || fm->lines->items[i].continues)
            return &fm->lines->items[i];
    return NULL;
}

static void put_comment(struct formatter *fm, const struct line *line, enum role role)
{
    bool closes = role == ROLE_CLOSER && fm->depth > 0; /* it is about what stands above */
    sp_buf_addf(fm->out, "%*s%s\n", indent_of(fm, closes ? ROLE_STATEMENT : role), "",
                line->comment);
}

static void format_lines(struct formatter *fm)
{
    bool blank = false;     /* one was seen and not yet written */
    bool in_header = false; /* the line above is one of the header's */
    for (size_t i = 0; i < fm->lines->count; i++) {
        const struct line *line = &fm->lines->items[i];
        if (line->blank) {
            blank = fm->out->len > 0;
            in_header = false;
            continue;
        }
        const struct line *about = line_after(fm, i);
        enum role role = about ? role_of(fm, about) : ROLE_STATEMENT;
        bool header = role == ROLE_HEADER || role == ROLE_ROW;
        if (about && !header && !fm->in_body) {
            fm->in_body = true;
            role = role_of(fm, about);
            blank = fm->out->len > 0;
        }
        /* what is indented right under `why` would be read as more of it */
        if (blank || (in_header && !header))
            sp_buf_addch(fm->out, '\n');
        blank = false;
        in_header = header;
        if (about == line)
            put_line(fm, line, role);
        else
            put_comment(fm, line, role);
    }
}

static size_t widest_header(const struct lines *lines)
{
    size_t width = KEYWORD_WIDTH;
    for (size_t i = 0; i < lines->count; i++) {
        const char *first = first_text(&lines->items[i]);
        if (lines->items[i].row)
            continue;
        if (end_of_name(first, strcspn(first, "/")) || name_known(statement_words, first))
            break;
        if (name_known(header_words, first) && strlen(first) > width)
            width = strlen(first);
    }
    return width + 1;
}

enum sp_rc sp_case_format(const char *text, size_t text_len, struct sp_buf *out,
                          struct sp_diags *diags, struct sp_err *err)
{
    struct sp_arena arena;
    struct lines lines;
    sp_arena_init(&arena);
    size_t before = diags->len;
    enum sp_rc rc = SP_OK;
    if (lex_text(text, text_len, &arena, &lines, diags)) {
        struct formatter fm = {.lines = &lines, .out = out, .header_width = widest_header(&lines)};
        format_lines(&fm);
        if (out->overflow)
            rc = sp_fail(err, SP_E_LIMIT, "the formatted text is too large");
    } else {
        rc = sp_fail(err, SP_E_PARSE, "%s",
                     diags->len > before ? diags->items[before].text : "not a case");
    }
    sp_arena_release(&arena);
    return rc;
}
