/* Reading the words of one line from left to right, with the row's values put in for $NAME. */
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

bool has_dollar(const char *text)
{
    return strchr(text, '$') != NULL;
}

static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static const char *value_of_name(const struct sp_case_row *row, const char *name, size_t len)
{
    for (size_t i = 0; i < row->count; i++)
        if (strlen(row->names[i]) == len && memcmp(row->names[i], name, len) == 0)
            return row->values[i];
    return NULL;
}

const char *substitute(struct sp_arena *arena, const struct sp_case_row *row, const char *text,
                       const char **unknown, int *unknown_at)
{
    struct sp_buf buf;
    sp_buf_init(&buf, 0);
    sp_buf_addstr(&buf, "");
    *unknown = NULL;
    for (const char *p = text; *p;) {
        if (*p != '$') {
            sp_buf_addch(&buf, *p++);
            continue;
        }
        size_t len = 1;
        while (name_char(p[len], len == 1))
            len++;
        const char *value = value_of_name(row, p + 1, len - 1);
        if (!value && !*unknown) {
            *unknown = sp_arena_strndup(arena, p, len);
            *unknown_at = (int)(p - text);
        }
        sp_buf_addstr(&buf, value ? value : "0");
        p += len;
    }
    char *result = sp_arena_strndup(arena, buf.data, buf.len);
    sp_buf_release(&buf);
    return result;
}

/* A value with blanks in it ("on=1 linger=0") becomes several words. */
static void add_pieces(struct cursor *cur, const struct word *word, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " ");
        if (len > 0) {
            struct word *piece = &cur->words[cur->count++];
            *piece = *word;
            piece->text = sp_arena_strndup(cur->p->arena, text, len);
        }
        text += len + (text[len] == ' ');
    }
}

bool line_left_out(const struct parse *p, const struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        if (line->words[i].quoted)
            continue;
        for (const char *at = strchr(line->words[i].text, '$'); at; at = strchr(at + 1, '$')) {
            size_t len = 0;
            while (name_char(at[1 + len], len == 0))
                len++;
            const char *value = value_of_name(p->row, at + 1, len);
            if (value && strcmp(value, "-") == 0)
                return true;
        }
    }
    return false;
}

static size_t piece_count(const char *text)
{
    size_t count = 1;
    for (; *text; text++)
        count += *text == ' ';
    return count;
}

static bool takes_values(const struct word *word)
{
    return !word->quoted && has_dollar(word->text);
}

void cursor_open(struct cursor *cur, struct parse *p, const struct line *line)
{
    *cur = (struct cursor){.p = p, .line = line};
    bool dollar = false;
    for (size_t i = 0; i < line->count; i++)
        dollar = dollar || takes_values(&line->words[i]);
    if (!dollar) {
        cur->words = line->words;
        cur->count = line->count;
        return;
    }
    const char **texts = SP_ARENA_ARRAY(p->arena, const char *, line->count);
    size_t total = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < line->count; i++) {
        const char *unknown = NULL;
        int at = 0;
        texts[i] = line->words[i].text;
        if (takes_values(&line->words[i]) && bytes <= LINE_MAX_BYTES)
            texts[i] = substitute(p->arena, p->row, texts[i], &unknown, &at);
        total += piece_count(texts[i]);
        bytes += strlen(texts[i]);
        if (unknown) {
            diag_add(p->diags, false, line->number, line->words[i].column + at,
                     (int)strlen(unknown), "declare it in the header: for NAME in A B C",
                     "no `for` line makes %s", unknown);
            cur->failed = true;
        }
    }
    if (bytes > LINE_MAX_BYTES)
        cursor_fail(cur, NULL, NULL, "with its values put in this line is longer than %d bytes",
                    LINE_MAX_BYTES);
    cur->words = SP_ARENA_ARRAY(p->arena, struct word, total);
    for (size_t i = 0; i < line->count; i++) {
        if (!takes_values(&line->words[i])) {
            cur->words[cur->count++] = line->words[i];
        } else {
            add_pieces(cur, &line->words[i], texts[i]);
        }
    }
}

bool cursor_more(const struct cursor *cur)
{
    return cur->at < cur->count;
}

const struct word *cursor_peek(const struct cursor *cur)
{
    return cur->at < cur->count ? &cur->words[cur->at] : NULL;
}

const struct word *cursor_next(struct cursor *cur)
{
    return cur->at < cur->count ? &cur->words[cur->at++] : NULL;
}

bool cursor_is(const struct cursor *cur, const char *word)
{
    const struct word *next = cursor_peek(cur);
    return next && !next->quoted && strcmp(next->text, word) == 0;
}

bool cursor_take(struct cursor *cur, const char *word)
{
    bool is = cursor_is(cur, word);
    cur->at += is;
    return is;
}

bool cursor_fail(struct cursor *cur, const struct word *word, const char *hint, const char *fmt,
                 ...)
{
    if (cur->failed)
        return false;
    cur->failed = true;
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    int column = cur->line->indent + 1;
    int length = 1;
    if (word) {
        column = word->column;
        length = word->length;
    } else if (cur->count > 0) { /* just behind the last word */
        const struct word *last = &cur->words[cur->count - 1];
        column = last->column + last->length;
    }
    diag_add(cur->p->diags, false, cur->line->number, column, length, hint, "%s", text);
    return false;
}

const struct word *cursor_want(struct cursor *cur, const char *what)
{
    const struct word *word = cursor_next(cur);
    if (!word)
        cursor_fail(cur, NULL, NULL, "expected %s, the line ends here", what);
    return word;
}

bool cursor_end(struct cursor *cur)
{
    const struct word *word = cursor_peek(cur);
    return !word || cursor_fail(cur, word, NULL, "\"%s\" is one word too many", word->text);
}

/* ---- numbers, ranges, durations, names ------------------------------------------------------ */

/* The digits at the start of text; NULL where there are none or the number is too large. */
static const char *digits(const char *text, int64_t *out)
{
    int64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (value > (INT64_MAX - 9) / 10)
            return NULL;
        value = value * 10 + (*p - '0');
    }
    *out = value;
    return p == text ? NULL : p;
}

bool parse_int(const char *text, int64_t *out)
{
    const char *end = digits(text, out);
    return end && !*end;
}

bool parse_range(const char *text, struct sp_num *out)
{
    const char *end = digits(text, &out->min);
    if (!end)
        return false;
    out->set = true;
    out->max = out->min;
    if (!*end)
        return true;
    return strncmp(end, "..", 2) == 0 && parse_int(end + 2, &out->max);
}

static bool looks_large(const char *text)
{
    return strlen(text) > 15 && strspn(text, "0123456789.") == strlen(text);
}

bool read_range(struct cursor *cur, const struct word *word, const char *text, struct sp_num *out)
{
    if (!parse_range(text, out)) {
        return looks_large(text) ? cursor_fail(cur, word, NULL, "the number %s is too large", text)
                                 : cursor_fail(cur, word, NULL,
                                               "\"%s\" is neither a number nor a range A..B", text);
    }
    return out->min <= out->max ||
           cursor_fail(cur, word, "write the smaller number first", "the range %s is empty", text);
}

bool read_number(struct cursor *cur, const char *what, int64_t min, int64_t max, int64_t *out)
{
    const struct word *word = cursor_want(cur, what);
    if (!word)
        return false;
    if (!parse_int(word->text, out)) {
        return looks_large(word->text)
                   ? cursor_fail(cur, word, NULL, "the number %s is too large", word->text)
                   : cursor_fail(cur, word, NULL, "expected %s, not \"%s\"", what, word->text);
    }
    return (*out >= min && *out <= max) ||
           cursor_fail(cur, word, NULL, "%s must be between %lld and %lld", what, (long long)min,
                       (long long)max);
}

bool word_duration(struct cursor *cur, const struct word *word, const char *text, bool zero_too,
                   int64_t *out)
{
    /* libbase's own limit is 146 years; ten years keep every sum of ours far from it */
    const int64_t longest = 10LL * 365 * 86400 * 1000000000LL;
    unsigned used = sp_duration_parse(text, out);
    if (used == 0 || text[used]) {
        bool bare = *text && strspn(text, "0123456789.") == strlen(text);
        return cursor_fail(cur, word, bare ? "add a unit: ns us ms s min h d" : NULL,
                           "\"%s\" is not a duration", text);
    }
    if (*out > longest)
        return cursor_fail(cur, word, NULL, "the duration %s is too long", text);
    return *out > 0 || zero_too || cursor_fail(cur, word, NULL, "a duration of zero");
}

bool read_duration(struct cursor *cur, bool zero_too, int64_t *out)
{
    const struct word *word = cursor_want(cur, "a duration like 200ms");
    return word && word_duration(cur, word, word->text, zero_too, out);
}

bool is_name(const char *text)
{
    if (*text < 'a' || *text > 'z')
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text);
}

enum sp_who end_of_name(const char *name, size_t len)
{
    if (len == 6 && memcmp(name, "client", 6) == 0)
        return SP_WHO_CLIENT;
    if (len == 6 && memcmp(name, "server", 6) == 0)
        return SP_WHO_SERVER;
    return SP_WHO_NONE;
}

bool is_end(const struct word *word)
{
    return word && !word->quoted && end_of_name(word->text, strcspn(word->text, "/"));
}

bool read_end(struct cursor *cur, enum sp_who *who, const char **sock)
{
    *sock = NULL;
    const struct word *word = cursor_want(cur, "an endpoint: client or server");
    if (!word)
        return false;
    size_t len = strcspn(word->text, "/");
    *who = end_of_name(word->text, len);
    if (strcmp(word->text, "peer") == 0)
        return cursor_fail(cur, word,
                           "say what the real end does; what the peer sends is its script",
                           "the peer cannot stand here");
    if (*who == SP_WHO_NONE)
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, end_names),
                           "\"%s\" is no endpoint", word->text);
    if (!word->text[len])
        return true;
    *sock = word->text + len + 1;
    return (is_name(*sock) && strlen(*sock) < 32) ||
           cursor_fail(cur, word, "a lower-case letter, then letters, digits, - and _; at most 31",
                       "\"%s\" is no name for a socket", *sock);
}

bool read_label_name(struct cursor *cur, const char **label)
{
    const struct word *word = cursor_want(cur, "a label like @re");
    if (!word)
        return false;
    if (word->text[0] != '@' || !is_name(word->text + 1))
        return cursor_fail(cur, word, "a label is @ and a name: @re", "\"%s\" is no label",
                           word->text);
    *label = word->text + 1;
    return true;
}

bool read_label(struct cursor *cur, const char **label)
{
    return !cursor_take(cur, "as") || read_label_name(cur, label);
}
