/*
 * Text -> lines of words. Knows no statement, but which lines are free text: after title, why and
 * source a `#` is a character like any other ("issue #123"), elsewhere it begins a comment.
 */
#include "parser.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int characters(const char *from, const char *to)
{
    int count = 0;
    for (; from < to; from++)
        count += ((unsigned char)*from & 0xc0) != 0x80;
    return count;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0 where there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : (p[0] & 0xf0) == 0xe0       ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

static bool check_bytes(const char *begin, size_t len, int number, struct sp_diags *diags)
{
    if (len > LINE_MAX_BYTES) {
        diag_add(diags, false, number, 1, 1, "break the line",
                 "this line has %zu bytes, at most %d are allowed", len, LINE_MAX_BYTES);
        return false;
    }
    bool tab_said = false;
    int column = 0;
    for (size_t i = 0; i < len;) {
        column++;
        if (begin[i] == '\0') {
            diag_add(diags, false, number, column, 1, NULL, "NUL byte in a case file");
            return false;
        }
        unsigned char c = (unsigned char)begin[i];
        if ((c < 0x20 && !is_blank(begin[i])) || c == 0x7f) {
            diag_add(diags, false, number, column, 1, NULL, "control character 0x%02x",
                     (unsigned)c);
            return false;
        }
        if (begin[i] == '\t' && !tab_said) {
            diag_add(diags, true, number, column, 1, "`sockproof fmt` makes it spaces",
                     "tab character");
            tab_said = true;
        }
        size_t used = utf8_length((const unsigned char *)begin + i, len - i);
        if (used == 0) {
            diag_add(diags, false, number, column, 1, NULL, "byte 0x%02x is not UTF-8",
                     (unsigned)(unsigned char)begin[i]);
            return false;
        }
        i += used;
    }
    return true;
}

struct lexer {
    struct sp_arena *arena;
    struct sp_diags *diags;
    struct line *line;
    const char *begin; /* of the physical line */
    const char *p;
    const char *end;
    struct word *words; /* scratch, WORDS_MAX */
};

/* Every text that leaves here has blanks where the file has tabs or carriage returns. */
static const char *copy(struct lexer *lx, const char *from, const char *to)
{
    char *text = sp_arena_strndup(lx->arena, from, (size_t)(to - from));
    for (char *p = text; *p; p++)
        if (is_blank(*p))
            *p = ' ';
    return text;
}

static void add_word(struct lexer *lx, const char *from, const char *to, bool quoted)
{
    struct word *word = &lx->words[lx->line->count++];
    word->text = copy(lx, from + quoted, to - quoted);
    word->column = characters(lx->begin, from) + 1;
    word->length = characters(from, to);
    word->quoted = quoted;
}

static bool quoted_word(struct lexer *lx)
{
    const char *close = memchr(lx->p + 1, '"', (size_t)(lx->end - lx->p - 1));
    if (!close) {
        int column = characters(lx->begin, lx->p) + 1;
        diag_add(lx->diags, false, lx->line->number, column, characters(lx->p, lx->end),
                 "close it on the same line", "quote without an end");
        return false;
    }
    add_word(lx, lx->p, close + 1, true);
    lx->p = close + 1;
    return true;
}

/* Up to a blank, a quote or an arrow; `->` is a word of its own wherever it stands. */
static void plain_word(struct lexer *lx)
{
    const char *from = lx->p;
    if (lx->end - lx->p >= 2 && memcmp(lx->p, "->", 2) == 0) {
        lx->p += 2;
    } else {
        while (lx->p < lx->end && !is_blank(*lx->p) && *lx->p != '"' &&
               !(lx->end - lx->p >= 2 && memcmp(lx->p, "->", 2) == 0))
            lx->p++;
    }
    add_word(lx, from, lx->p, false);
}

static bool lex_words(struct lexer *lx)
{
    while (lx->p < lx->end) {
        if (is_blank(*lx->p)) {
            lx->p++;
        } else if (*lx->p == '#') {
            lx->line->comment = copy(lx, lx->p, lx->end);
            lx->end = lx->p;
        } else if (*lx->p == '"') {
            if (!quoted_word(lx))
                return false;
        } else {
            plain_word(lx);
        }
    }
    return true;
}

/* Length of the keyword where free text follows it, 0 for other lines. */
static size_t free_text_keyword(const char *from, const char *to)
{
    static const char *const words[] = {"title", "why", "source"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        size_t left = (size_t)(to - from);
        if (left < len || memcmp(from, words[i], len) != 0)
            continue;
        const char *next = from + len; /* where plain_word() would end the word too */
        if (left == len || is_blank(*next) || *next == '"' ||
            (left > len + 1 && memcmp(next, "->", 2) == 0))
            return len;
    }
    return 0;
}

/* The first word of a free text line, and the rest of it as it stands. */
static void lex_free_text(struct lexer *lx, size_t keyword)
{
    add_word(lx, lx->p, lx->p + keyword, false);
    lx->p += keyword;
    while (lx->p < lx->end && is_blank(*lx->p))
        lx->p++;
    lx->line->rest = copy(lx, lx->p, lx->end);
    lx->line->rest_column = characters(lx->begin, lx->p) + 1;
}

/* What the line above makes of an indented one. */
enum above { ABOVE_NONE, ABOVE_WHY, ABOVE_TABLE };

static bool lex_line(struct lexer *lx, const char *begin, size_t len, enum above above)
{
    struct line *line = lx->line;
    line->rest = "";
    if (!check_bytes(begin, len, line->number, lx->diags))
        return false;
    lx->begin = lx->p = begin;
    lx->end = begin + len;
    while (lx->end > begin && is_blank(lx->end[-1]))
        lx->end--;
    while (lx->p < lx->end && is_blank(*lx->p))
        lx->p++;
    line->indent = (int)(lx->p - begin);
    const char *first = lx->p;
    bool ok = true;
    if (first == lx->end) {
        line->blank = true;
    } else if (above == ABOVE_WHY && line->indent > 0 && *first != '#') {
        line->continues = true;
        line->rest = copy(lx, first, lx->end);
        line->rest_column = line->indent + 1;
    } else if (above == ABOVE_TABLE && line->indent > 0) {
        ok = lex_words(lx);
        line->row = ok && lx->line->count > 0;
    } else if (free_text_keyword(first, lx->end)) {
        lex_free_text(lx, free_text_keyword(first, lx->end));
    } else {
        ok = lex_words(lx);
    }
    while (lx->end > first && is_blank(lx->end[-1]))
        lx->end--;
    line->raw = copy(lx, first, lx->end);
    struct word *words = SP_ARENA_ARRAY(lx->arena, struct word, line->count);
    if (line->count)
        memcpy(words, lx->words, line->count * sizeof *words);
    line->words = words;
    return ok;
}

static enum above what_follows(const struct line *line, enum above before)
{
    if (line->blank)
        return ABOVE_NONE;
    if (line->count == 0 || line->row) /* a comment ends neither, nor does what continues them */
        return before;
    const struct word *word = line->words;
    if (!word->quoted && strcmp(word->text, "why") == 0)
        return ABOVE_WHY;
    bool table = !word->quoted && strcmp(word->text, "for") == 0 &&
                 !(line->count > 2 && strcmp(word[2].text, "in") == 0);
    return table ? ABOVE_TABLE : ABOVE_NONE;
}

bool lex_text(const char *text, size_t len, struct sp_arena *arena, struct lines *out,
              struct sp_diags *diags)
{
    *out = (struct lines){0};
    if (len > FILE_MAX_BYTES) {
        diag_add(diags, false, 1, 1, 1, NULL, "the file is larger than %d bytes", FILE_MAX_BYTES);
        return false;
    }
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    out->items = SP_ARENA_ARRAY(arena, struct line, count);
    struct word scratch[WORDS_MAX + 1];
    bool ok = true;
    enum above above = ABOVE_NONE;
    const char *p = text;
    const char *end = text + len;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p += 3; /* the mark that Windows editors put first */
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop)
            stop = end;
        struct line *line = &out->items[out->count];
        line->number = (int)++out->count;
        struct lexer lx = {.arena = arena, .diags = diags, .line = line, .words = scratch};
        ok = lex_line(&lx, p, (size_t)(stop - p), above) && ok;
        above = what_follows(line, above);
        p = stop + 1;
    }
    return ok;
}
