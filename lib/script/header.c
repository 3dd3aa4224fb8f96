/* The header of a case: what it is about, where it runs, what it pins, its `for` tables. */
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { FORS_MAX = 8, COLUMNS_MAX = 24, PINS_MAX = 64 };

/* `for NAME in A B C`: one column; `for NAME NAME` and its rows: several, the first names the row
 * in the run's id. */
struct for_table {
    const struct word *names;
    size_t columns;
    const char **values; /* row by row */
    size_t count;        /* of rows */
    const struct line *line;
};

struct header {
    struct sp_case *c;
    struct sp_diags *diags;
    const struct lines *lines;
    size_t at; /* of line */
    const struct line *line;
    struct for_table fors[FORS_MAX];
    size_t for_count;
    size_t spec_cap;
    size_t need_cap;
    size_t pin_cap;
    struct sp_buf why;
    unsigned seen; /* bit of each row of header_lines */
};

static void complain(struct header *h, const struct word *word, const char *hint, const char *text)
{
    int column = word ? word->column : h->line->words[0].column + h->line->words[0].length;
    diag_add(h->diags, false, h->line->number, column, word ? word->length : 1, hint, "%s", text);
}

/* The header's arrays move into the arena whole when it is read; until then they grow there. */
static void *grown(struct sp_arena *arena, const void *old, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return NULL;
    size_t next = *cap ? *cap * 2 : 8;
    void *memory = sp_arena_alloc(arena, next * size);
    if (len)
        memcpy(memory, old, len * size);
    *cap = next;
    return memory;
}

/* ---- the lines ----------------------------------------------------------------------------- */

static bool is_id_part(const char *text, size_t len)
{
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static const struct word *only_word(struct header *h, const char *what)
{
    const struct line *line = h->line;
    if (line->count == 2)
        return &line->words[1];
    if (line->count < 2)
        complain(h, NULL, NULL, what);
    else
        complain(h, &line->words[2], NULL, "one word too many");
    return NULL;
}

static void head_case(struct header *h)
{
    const struct word *word = only_word(h, "expected the id: topic/name");
    if (!word)
        return;
    size_t len = strcspn(word->text, "/");
    const char *name = word->text + len + (word->text[len] == '/');
    if (!is_id_part(word->text, len) || !is_id_part(name, strlen(name))) {
        complain(h, word, "lower-case letters, digits, - and _: linger/zero-resets",
                 "an id is topic/name");
        return;
    }
    h->c->id = sp_arena_strdup(&h->c->arena, word->text);
    h->c->topic = sp_arena_strndup(&h->c->arena, word->text, len);
}

static void head_title(struct header *h)
{
    if (!*h->line->rest)
        complain(h, NULL, NULL, "expected one sentence");
    h->c->title = sp_arena_strdup(&h->c->arena, h->line->rest);
}

static void head_why(struct header *h)
{
    const char *text = h->line->rest;
    if (*text) /* or what it says stands in the lines under it */
        sp_buf_addf(&h->why, "%s%s", h->why.len ? " " : "", text);
}

static void head_spec(struct header *h)
{
    if (h->line->count < 2)
        complain(h, NULL, NULL, "expected what is tested, as RFC9293:3.10.4");
    for (size_t i = 1; i < h->line->count; i++) {
        const struct word *word = &h->line->words[i];
        const char *colon = strchr(word->text, ':');
        if (!colon || colon == word->text || !colon[1]) {
            complain(h, word, "RFC9293:3.10.4, POSIX:setsockopt", "a spec is DOCUMENT:PLACE");
            continue;
        }
        void *more =
            grown(&h->c->arena, h->c->specs, h->c->spec_count, &h->spec_cap, sizeof *h->c->specs);
        h->c->specs = more ? more : h->c->specs;
        h->c->specs[h->c->spec_count++] = sp_arena_strdup(&h->c->arena, word->text);
    }
}

static void head_bits(struct header *h, const char *const *names, const char *what, unsigned *bits)
{
    if (h->line->count < 2)
        complain(h, NULL, NULL, what);
    for (size_t i = 1; i < h->line->count; i++) {
        const struct word *word = &h->line->words[i];
        unsigned bit = 0;
        for (unsigned n = 0; names[n]; n++)
            if (strcmp(names[n], word->text) == 0)
                bit = 1u << n;
        if (!bit)
            complain(h, word, diag_near(h->diags, word->text, names), what);
        else if (*bits & bit)
            complain(h, word, NULL, "named twice");
        *bits |= bit;
    }
}

static void head_labs(struct header *h)
{
    static const char *const names[] = {"loopback", "veth", "routed", NULL}; /* enum sp_case_lab */
    head_bits(h, names, "expected labs: loopback, veth, routed", &h->c->labs);
}

static void head_family(struct header *h)
{
    static const char *const names[] = {"ipv4", "ipv6", NULL}; /* enum sp_case_family */
    head_bits(h, names, "expected families: ipv4, ipv6", &h->c->families);
}

/* Words that may stand for a need; those that end in = go on with a name. */
static bool need_known(const char *need)
{
    static const char *const needs[] = {
        "root",       "tracepoints", "timestamps=on", "sack=on", "clock=virtual",
        "appliance=", "path=",       "stack=",        "client=", "server=",
    };
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        size_t len = strlen(needs[i]);
        bool open = needs[i][len - 1] == '=';
        if (open ? strncmp(need, needs[i], len) == 0 && need[len] : strcmp(need, needs[i]) == 0)
            return true;
    }
    return false;
}

static void head_needs(struct header *h)
{
    if (h->line->count < 2)
        complain(h, NULL, "needs root timestamps=on", "expected what the case needs");
    for (size_t i = 1; i < h->line->count; i++) {
        const char *need = h->line->words[i].text;
        if (!need_known(need) && strncmp(need, "clock=", 6) != 0)
            complain(h, &h->line->words[i], "root, stack=linux, client=linux|gvisor, clock=virtual",
                     "nothing can be needed by that name");
        if (strncmp(need, "path=", 5) == 0 && !name_known(path_names, need + 5))
            complain(h, &h->line->words[i], "path=router, path=firewall, path=nat",
                     "no box is of that class");
        if (strncmp(need, "clock=", 6) == 0 && strcmp(need + 6, "virtual") != 0)
            complain(h, &h->line->words[i], "clock=virtual", "there is no such clock");
        void *more =
            grown(&h->c->arena, h->c->needs, h->c->need_count, &h->need_cap, sizeof *h->c->needs);
        h->c->needs = more ? more : h->c->needs;
        h->c->needs[h->c->need_count++] = sp_arena_strdup(&h->c->arena, h->line->words[i].text);
    }
}

/* pin NAME=VALUE; the value may have several words ("4096 16384 65536"). */
static void head_pin(struct header *h)
{
    const struct word *word = h->line->count > 1 ? &h->line->words[1] : NULL;
    size_t len = word ? strcspn(word->text, "=") : 0;
    if (!word || len == 0 || word->text[len] != '=' || !word->text[len + 1]) {
        complain(h, word, "pin net.ipv4.tcp_fin_timeout=3", "expected NAME=VALUE");
        return;
    }
    const char *value = sp_arena_strdup(&h->c->arena, word->text + len + 1);
    for (size_t i = 2; i < h->line->count; i++)
        value = sp_arena_printf(&h->c->arena, "%s %s", value, h->line->words[i].text);
    const char *name = sp_arena_strndup(&h->c->arena, word->text, len);
    if (h->c->pin_count == PINS_MAX) {
        complain(h, word, NULL, "too many pins");
        return;
    }
    for (size_t i = 0; i < h->c->pin_count; i++)
        if (strcmp(h->c->pins[i].name, name) == 0)
            complain(h, word, NULL, "pinned twice");
    void *more = grown(&h->c->arena, h->c->pins, h->c->pin_count, &h->pin_cap, sizeof *h->c->pins);
    h->c->pins = more ? more : h->c->pins;
    h->c->pins[h->c->pin_count++] =
        (struct sp_case_pin){name, value, {h->line->number, word->column}};
}

static void head_duration(struct header *h, int64_t *out)
{
    const struct word *word = only_word(h, "expected a duration like 5s");
    int64_t ns = 0;
    if (!word)
        return;
    unsigned used = sp_duration_parse(word->text, &ns);
    if (used == 0 || word->text[used])
        complain(h, word, "5s, 200ms, 2min", "this is not a duration");
    else if (ns <= 0)
        complain(h, word, NULL, "a duration of zero");
    else if (ns > 366LL * 86400 * SP_S)
        complain(h, word, NULL, "longer than a year");
    else
        *out = ns;
}

static void head_deadline(struct header *h)
{
    head_duration(h, &h->c->deadline_ns);
}

static void head_watch(struct header *h)
{
    head_duration(h, &h->c->watch_ns);
}

static bool is_for_name(const char *text)
{
    return *text >= 'a' && *text <= 'z' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

static bool name_is_free(struct header *h, const struct word *word, size_t before)
{
    const char *problem = NULL;
    const char *hint = NULL;
    if (!is_for_name(word->text)) {
        problem = "no name for a value";
        hint = "lower-case letters, digits and _";
    }
    for (size_t i = 0; i < h->for_count && !problem; i++)
        for (size_t j = 0; j < h->fors[i].columns; j++)
            if (strcmp(h->fors[i].names[j].text, word->text) == 0)
                problem = "this name has its values already";
    for (size_t i = 1; i <= before && !problem; i++)
        if (strcmp(h->line->words[i].text, word->text) == 0)
            problem = "two columns of this name";
    if (problem)
        complain(h, word, hint, problem);
    return !problem;
}

static struct for_table *new_table(struct header *h, size_t columns, size_t rows)
{
    if (h->for_count == FORS_MAX) {
        complain(h, &h->line->words[0], NULL, "too many `for` lines");
        return NULL;
    }
    struct for_table *table = &h->fors[h->for_count++];
    *table = (struct for_table){.names = &h->line->words[1], .columns = columns, .line = h->line};
    table->values = SP_ARENA_ARRAY(&h->c->arena, const char *, columns *rows);
    return table;
}

/* Puts a row's values in, the first of which no row above may have. */
static void add_row(struct header *h, struct for_table *table, const struct line *line,
                    const struct word *words)
{
    const char **values = &table->values[table->count * table->columns];
    for (size_t i = 0; i < table->columns; i++)
        values[i] = sp_arena_strdup(&h->c->arena, words[i].text);
    for (size_t i = 0; i < table->count && table->count < ROWS_MAX; i++)
        if (strcmp(table->values[i * table->columns], values[0]) == 0)
            diag_add(h->diags, false, line->number, words[0].column, words[0].length, NULL,
                     "the same value twice");
    table->count++;
}

/* for NAME NAME ..., and under it, indented, one row a line: a value for each name */
static void head_table(struct header *h)
{
    size_t columns = h->line->count - 1;
    size_t rows = 0;
    for (size_t i = 0; i < columns; i++)
        if (!name_is_free(h, &h->line->words[i + 1], i))
            return;
    if (columns > COLUMNS_MAX) {
        complain(h, &h->line->words[COLUMNS_MAX + 1], NULL, "too many columns");
        return;
    }
    for (size_t i = h->at + 1; i < h->lines->count; i++)
        rows += h->lines->items[i].row;
    struct for_table *table = new_table(h, columns, rows);
    for (size_t i = h->at + 1; table && i < h->lines->count && !h->lines->items[i].blank; i++) {
        const struct line *line = &h->lines->items[i];
        if (line->count == 0)
            continue;
        if (!line->row)
            break;
        if (line->count == columns) {
            add_row(h, table, line, line->words);
            continue;
        }
        const struct word *word = &line->words[line->count > columns ? columns : line->count - 1];
        diag_add(h->diags, false, line->number, word->column, word->length,
                 "- where a line has no part in this run; quote a value with blanks",
                 "%zu values for %zu names", line->count, columns);
    }
}

/* for NAME in A B C */
static void head_for(struct header *h)
{
    const struct line *line = h->line;
    bool in = line->count > 2 && strcmp(line->words[2].text, "in") == 0;
    if (!in && line->count > 1 && h->at + 1 < h->lines->count) {
        size_t next = h->at + 1;
        while (next + 1 < h->lines->count && h->lines->items[next].count == 0 &&
               !h->lines->items[next].blank)
            next++;
        if (h->lines->items[next].row) {
            head_table(h);
            return;
        }
    }
    if (line->count < 4 || !in) {
        complain(h, line->count > 2 ? &line->words[2] : NULL, "for linger in 0 1 5",
                 "expected NAME in VALUE ..., or names and their rows under it");
        return;
    }
    if (!name_is_free(h, &line->words[1], 0))
        return;
    struct for_table *table = new_table(h, 1, line->count - 3);
    for (size_t i = 3; table && i < line->count; i++)
        add_row(h, table, line, &line->words[i]);
}

static const struct header_line {
    const char *word;
    void (*read)(struct header *h);
    bool many; /* may stand more than once */
    bool required;
    const char *example;
} header_lines[] = {
    {"case", head_case, false, true, "case linger/zero-resets"},
    {"title", head_title, false, true, "title close() sends RST"},
    {"why", head_why, true, false, NULL},
    {"spec", head_spec, true, true, "spec RFC9293:3.10.4"},
    {"labs", head_labs, false, true, "labs loopback veth"},
    {"family", head_family, false, true, "family ipv4 ipv6"},
    {"needs", head_needs, true, false, NULL},
    {"pin", head_pin, true, false, NULL},
    {"deadline", head_deadline, false, false, NULL},
    {"watch", head_watch, false, false, NULL},
    {"for", head_for, true, false, NULL},
};

enum { HEADER_LINES = sizeof header_lines / sizeof header_lines[0] };

/* ---- the rows of the tables ----------------------------------------------------------------- */

/* Row number -> one row of each table, the last one changing fastest. */
static void fill_row(struct header *h, size_t number, struct sp_case_row *row)
{
    struct sp_arena *arena = &h->c->arena;
    const char *suffix = "";
    size_t end = 0;
    for (size_t i = 0; i < h->for_count; i++)
        end += h->fors[i].columns;
    row->count = end;
    row->names = SP_ARENA_ARRAY(arena, const char *, end);
    row->values = SP_ARENA_ARRAY(arena, const char *, end);
    for (size_t i = h->for_count; i-- > 0;) {
        const struct for_table *table = &h->fors[i];
        const char **values = &table->values[number % table->count * table->columns];
        number /= table->count;
        end -= table->columns;
        for (size_t j = 0; j < table->columns; j++) {
            row->names[end + j] = sp_arena_strdup(arena, table->names[j].text);
            row->values[end + j] = values[j];
        }
        suffix = sp_arena_printf(arena, "%s=%s%s%s", table->names[0].text, values[0],
                                 *suffix ? "," : "", suffix);
    }
    row->suffix = h->for_count ? sp_arena_printf(arena, "[%s]", suffix) : "";
}

static void make_rows(struct header *h)
{
    size_t rows = 1;
    for (size_t i = 0; i < h->for_count; i++) {
        rows *= h->fors[i].count;
        if (rows == 0) { /* it was complained about */
            rows = 1;
            h->for_count = 0;
        } else if (rows > ROWS_MAX) {
            const struct line *line = h->fors[i].line;
            diag_add(h->diags, false, line->number, line->indent + 1, 3, NULL,
                     "the `for` lines make more than %d runs", ROWS_MAX);
            rows = 1;
            break;
        }
    }
    h->c->row_count = rows;
    h->c->rows = SP_ARENA_ARRAY(&h->c->arena, struct sp_case_row, rows);
    for (size_t i = 0; i < rows; i++)
        fill_row(h, i, &h->c->rows[i]);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void read_line(struct header *h, const struct word *word)
{
    for (size_t i = 0; i < HEADER_LINES; i++) {
        if (strcmp(header_lines[i].word, word->text) != 0)
            continue;
        if ((h->seen >> i & 1) && !header_lines[i].many)
            diag_add(h->diags, false, h->line->number, word->column, word->length, NULL,
                     "the header has its `%s` line already", word->text);
        else
            header_lines[i].read(h);
        h->seen |= 1u << i;
        return;
    }
    const char *hint = diag_near(h->diags, word->text, header_words);
    if (!hint)
        hint = diag_near(h->diags, word->text, statement_words);
    diag_add(h->diags, false, h->line->number, word->column, word->length, hint,
             "\"%s\" is no line of the header and begins no statement", word->text);
}

static bool begins_statement(const struct word *word)
{
    return is_end(word) || name_known(statement_words, word->text);
}

/* After a blank line, a word that nobody knows is then a statement with a mistake. */
static bool is_complete(const struct header *h)
{
    for (size_t i = 0; i < HEADER_LINES; i++)
        if (header_lines[i].required && !(h->seen >> i & 1))
            return false;
    return true;
}

bool parse_header(struct sp_case *c, const struct lines *lines, size_t *body,
                  struct sp_diags *diags)
{
    size_t before = diag_errors(diags);
    struct header h = {.c = c, .diags = diags, .lines = lines};
    size_t i = 0;
    for (; i < lines->count; i++) {
        h.at = i;
        h.line = &lines->items[i];
        if (h.line->continues)
            head_why(&h);
        if (h.line->count == 0 || h.line->row) /* head_table() has read its rows */
            continue;
        bool complete = i > 0 && lines->items[i - 1].blank && is_complete(&h);
        if (begins_statement(&h.line->words[0]) ||
            (complete && !name_known(header_words, h.line->words[0].text)))
            break;
        read_line(&h, &h.line->words[0]);
    }
    *body = i;
    int last = i > 0 ? lines->items[i - 1].number : 1;
    for (size_t n = 0; n < HEADER_LINES; n++)
        if (header_lines[n].required && !(h.seen >> n & 1))
            diag_add(diags, false, last, 1, 1, header_lines[n].example,
                     "the header has no `%s` line", header_lines[n].word);
    make_rows(&h);
    if (h.why.len)
        c->why = sp_arena_strndup(&c->arena, h.why.data, h.why.len);
    sp_buf_release(&h.why);
    return diag_errors(diags) == before;
}
