/* Complaints about a case file: collected with their places, printed with the line and a caret. */
#include "parser.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sp_diags_init(struct sp_diags *diags)
{
    *diags = (struct sp_diags){0};
    sp_arena_init(&diags->arena);
}

void sp_diags_release(struct sp_diags *diags)
{
    free(diags->items);
    sp_arena_release(&diags->arena);
    *diags = (struct sp_diags){0};
}

size_t diag_errors(const struct sp_diags *diags)
{
    size_t errors = 0;
    for (size_t i = 0; i < diags->len; i++)
        errors += !diags->items[i].warning;
    return errors;
}

/* The same complaint at the same place (every row of a `for` table makes it) is kept once. */
static bool said_before(const struct sp_diags *diags, int line, int column, const char *text)
{
    for (size_t i = 0; i < diags->len; i++) {
        const struct sp_diag_line *item = &diags->items[i];
        if (item->at.line == line && item->at.column == column && strcmp(item->text, text) == 0)
            return true;
    }
    return false;
}

/* A control character out of the file would act on the reader's terminal. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

void diag_add(struct sp_diags *diags, bool warning, int line, int column, int length,
              const char *hint, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    make_printable(text);
    if (diags->len >= DIAGS_MAX) {
        if (warning || diag_errors(diags) > 0)
            return;
        diags->len--; /* an error must not drown in warnings */
    }
    if (said_before(diags, line, column, text))
        return;
    struct sp_diag_line *item = &SP_PUSH(diags->items, diags->len, diags->cap);
    item->at = (struct sp_place_in){.line = line, .column = column < 1 ? 1 : column};
    item->length = length < 1 ? 1 : length;
    item->warning = warning;
    item->text = sp_arena_strdup(&diags->arena, text);
    item->hint = sp_arena_strdup(&diags->arena, hint);
}

/* Edit distance with transpositions (optimal string alignment), letter case ignored. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    int la = (int)strlen(a);
    int lb = (int)strlen(b);
    if (la > LONGEST || lb > LONGEST)
        return LONGEST;
    int rows[3][LONGEST + 1];
    for (int j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *now = rows[i % 3];
        const int *before = rows[(i + 2) % 3];
        now[0] = i;
        for (int j = 1; j <= lb; j++) {
            int ca = toupper((unsigned char)a[i - 1]);
            int cb = toupper((unsigned char)b[j - 1]);
            int best = before[j - 1] + (ca != cb);
            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && ca == toupper((unsigned char)b[j - 2]) &&
                cb == toupper((unsigned char)a[i - 2]) && rows[(i + 1) % 3][j - 2] + 1 < best)
                best = rows[(i + 1) % 3][j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[la % 3][lb];
}

const char *diag_near(struct sp_diags *diags, const char *word, const char *const *known)
{
    int longest = (int)strlen(word) / 3;
    int best = longest < 1 ? 1 : longest > 3 ? 3 : longest;
    const char *found = NULL;
    for (; *known; known++) {
        int far = distance(word, *known);
        if (far < best || (far == best && !found)) {
            best = far;
            found = *known;
        }
    }
    return found ? sp_arena_printf(&diags->arena, "did you mean %s?", found) : NULL;
}

static int by_place(const void *a, const void *b)
{
    const struct sp_diag_line *x = a;
    const struct sp_diag_line *y = b;
    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    if (x->at.column != y->at.column)
        return x->at.column < y->at.column ? -1 : 1;
    return 0;
}

static const char *find_line(const char *text, size_t text_len, int number, size_t *len)
{
    const char *p = text;
    const char *end = text + text_len;
    for (int i = 1; i < number && p; i++) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p ? p + 1 : NULL;
    }
    if (!p || p >= end)
        return NULL;
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    *len = (size_t)((stop ? stop : end) - p);
    if (*len && p[*len - 1] == '\r')
        (*len)--;
    return p;
}

static void print_source(const struct sp_diag_line *item, const char *line, size_t len,
                         struct sp_buf *out)
{
    enum { SHOWN = 200 };
    if (len > SHOWN) {
        len = SHOWN;
        while (len > 0 && ((unsigned char)line[len] & 0xc0) == 0x80)
            len--; /* not in the middle of a character */
    }
    sp_buf_addstr(out, "  ");
    for (size_t i = 0; i < len; i++)
        sp_buf_addch(out, (unsigned char)line[i] < 0x20 || line[i] == 0x7f ? ' ' : line[i]);
    if (item->at.column > SHOWN) {
        sp_buf_addstr(out, "\n");
        return;
    }
    sp_buf_addf(out, "\n  %*s^", item->at.column - 1, "");
    for (int i = 1; i < item->length && i < SHOWN - item->at.column; i++)
        sp_buf_addch(out, '~');
    sp_buf_addch(out, '\n');
}

void sp_diags_print(const struct sp_diags *diags, const char *file, const char *text,
                    size_t text_len, struct sp_buf *out)
{
    struct sp_diag_line *sorted = sp_xcalloc(diags->len, sizeof *sorted);
    if (diags->len)
        memcpy(sorted, diags->items, diags->len * sizeof *sorted);
    if (diags->len)
        qsort(sorted, diags->len, sizeof *sorted, by_place);
    for (size_t i = 0; i < diags->len; i++) {
        const struct sp_diag_line *item = &sorted[i];
        sp_buf_addf(out, "%s:%d:%d: %s: %s\n", file ? file : "-", item->at.line, item->at.column,
                    item->warning ? "warning" : "error", item->text);
        size_t len = 0;
        const char *line = text ? find_line(text, text_len, item->at.line, &len) : NULL;
        if (line)
            print_source(item, line, len, out);
        if (item->hint)
            sp_buf_addf(out, "  %s\n", item->hint);
    }
    free(sorted);
}
