/* Who differs: stack keys and versions, and the `on ...` and `source ...` lines under a statement.
 */
#include "parser.h"

#include <stdlib.h>
#include <string.h>

/* ---- versions ------------------------------------------------------------------------------ */

/* Takes the next component off *p; false where the version ends ("-amd64", "rc1"). */
static bool next_component(const char **p, uint64_t *out)
{
    if (**p < '0' || **p > '9')
        return false;
    uint64_t value = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        if (value < UINT64_MAX / 16)
            value = value * 10 + (uint64_t)(**p - '0');
    *out = value;
    if (**p == '.')
        (*p)++;
    return true;
}

int sp_version_cmp(const char *a, const char *b)
{
    for (;;) {
        uint64_t x = 0;
        uint64_t y = 0;
        bool more_a = next_component(&a, &x);
        bool more_b = next_component(&b, &y);
        if (!more_a)
            a = "";
        if (!more_b)
            b = "";
        if (!more_a && !more_b)
            return 0;
        if (x != y)
            return x < y ? -1 : 1;
    }
}

/* `=6.1` means 6.1 and everything below it, 6.1.176 too. */
static bool version_within(const char *version, const char *prefix)
{
    uint64_t x = 0;
    uint64_t y = 0;
    while (next_component(&prefix, &y))
        if (!next_component(&version, &x) || x != y)
            return false;
    return true;
}

static bool term_match(const struct sp_version_term *term, const char *version)
{
    int cmp = sp_version_cmp(version, term->version);
    switch (term->op[0]) {
    case '<':
        return cmp < 0 || (term->op[1] == '=' && cmp == 0);
    case '>':
        return cmp > 0 || (term->op[1] == '=' && cmp == 0);
    default:
        return version_within(version, term->version);
    }
}

bool sp_stack_key_match(const struct sp_stack_key *key, const char *name, const char *version,
                        bool *unknown)
{
    *unknown = false;
    if (!name || strcmp(key->name, name) != 0)
        return false;
    if (key->term_count == 0)
        return true;
    if (!version || *version < '0' || *version > '9') {
        *unknown = true;
        return false;
    }
    for (unsigned i = 0; i < key->term_count; i++)
        if (!term_match(&key->terms[i], version))
            return false;
    return true;
}

bool keys_match(const struct sp_stack_key *keys, size_t count, const struct sp_plan_stack *stack)
{
    bool unknown = false;
    for (size_t i = 0; i < count; i++)
        if (sp_stack_key_match(&keys[i], stack->name, stack->version, &unknown))
            return true;
    return false;
}

/* ---- keys ---------------------------------------------------------------------------------- */

static bool read_term(struct cursor *cur, const struct word *word, const char *text,
                      struct sp_stack_key *key)
{
    size_t op = strspn(text, "<>=");
    const char *version = text + op;
    static const char *const ops[] = {"<", "<=", ">", ">=", "=", NULL};
    const char *written = sp_arena_strndup(cur->p->arena, text, op);
    if (!name_known(ops, written))
        return cursor_fail(cur, word, "one of < <= > >= =", "\"%s\" does not compare versions",
                           written);
    bool dots = !*version || *version == '.' || strstr(version, "..") ||
                version[strlen(version) - 1] == '.';
    if (dots || strspn(version, "0123456789.") != strlen(version))
        return cursor_fail(cur, word, "numbers with dots: 4.12, 10.0.17063",
                           "\"%s\" is not a version", version);
    if (key->term_count == 2)
        return cursor_fail(cur, word, NULL, "more than two bounds for %s", key->name);
    struct sp_version_term *term = &key->terms[key->term_count++];
    memcpy(term->op, written, op + 1);
    term->version = version;
    return true;
}

/* client=lwip: steps over the endpoint. */
static const char *key_end(struct cursor *cur, const struct word *word, enum sp_who *end)
{
    size_t len = strcspn(word->text, "=");
    *end = word->text[len] == '=' ? end_of_name(word->text, len) : SP_WHO_NONE;
    if (word->text[len] == '=' && len == 4 && memcmp(word->text, "path", 4) == 0)
        *end = SP_WHO_MIDDLE; /* the class of the box stands there in the place of a stack */
    (void)cur;
    return *end != SP_WHO_NONE ? word->text + len + 1 : word->text;
}

/* The class of a box, in the place of a stack: it has no version. */
static bool read_class(struct cursor *cur, const struct word *word, const char *text,
                       struct sp_stack_key *key)
{
    key->name = text;
    return name_known(path_names, text) ||
           cursor_fail(cur, word, diag_near(cur->p->diags, text, path_names),
                       "a box is a router, a firewall or a nat, not \"%s\"", text);
}

static bool read_key(struct cursor *cur, const struct word *word, const char *text,
                     struct sp_stack_key *key)
{
    size_t len = strcspn(text, "<>=");
    key->name = sp_arena_strndup(cur->p->arena, text, len);
    if (!is_name(key->name))
        return cursor_fail(cur, word, "linux, linux<4.12, client=lwip",
                           "\"%s\" does not name a stack", text);
    if (!name_known(stack_names, key->name)) {
        const char *hint = diag_near(cur->p->diags, key->name, stack_names);
        if (hint)
            diag_add(cur->p->diags, true, cur->line->number, word->column, word->length, hint,
                     "no stack of the name %s is known", key->name);
    }
    return !text[len] || read_term(cur, word, text + len, key);
}

static bool ends_keys(const struct word *word)
{
    static const char *const ends[] = {"->", "took", "raises", "within", "after", "{", NULL};
    return word->quoted || name_known(ends, word->text);
}

bool read_keys(struct cursor *cur, struct sp_stack_key **keys, size_t *count, enum sp_who *end)
{
    *keys = SP_ARENA_ARRAY(cur->p->arena, struct sp_stack_key, cur->count);
    *count = 0;
    *end = SP_WHO_NONE;
    const struct word *word;
    while ((word = cursor_peek(cur)) && !ends_keys(word)) {
        cur->at++;
        if (*count && strchr("<>=", word->text[0])) {
            if (!read_term(cur, word, word->text, &(*keys)[*count - 1]))
                return false;
            continue;
        }
        enum sp_who whose = SP_WHO_NONE;
        const char *text = key_end(cur, word, &whose);
        if (*count && whose != SP_WHO_NONE && whose != *end)
            return cursor_fail(cur, word, "one line for each end",
                               "one line asks for the stack of one end only");
        if (*count == 0)
            *end = whose;
        if (*end == SP_WHO_MIDDLE ? !read_class(cur, word, text, &(*keys)[(*count)++])
                                  : !read_key(cur, word, text, &(*keys)[(*count)++]))
            return false;
    }
    return *count || cursor_fail(cur, cursor_peek(cur), "on linux, on linux<4.12 wine",
                                 "expected the name of a stack");
}

/* ---- two that could both be meant ----------------------------------------------------------- */

struct interval {
    const char *low; /* NULL: none */
    const char *high;
    bool low_in;
    bool high_in;
};

static struct interval interval_of(const struct sp_stack_key *key)
{
    struct interval out = {0};
    for (unsigned i = 0; i < key->term_count; i++) {
        const struct sp_version_term *term = &key->terms[i];
        bool in = term->op[0] == '=' || term->op[1] == '=';
        if (term->op[0] != '<') {
            out.low = term->version;
            out.low_in = in;
        }
        if (term->op[0] != '>') {
            out.high = term->version;
            out.high_in = in;
        }
    }
    return out;
}

static bool below(const char *high, bool high_in, const char *low, bool low_in)
{
    if (!high || !low)
        return false;
    int cmp = sp_version_cmp(high, low);
    return cmp < 0 || (cmp == 0 && !(high_in && low_in));
}

/* Equally specific (none, one or two bounds) and with a version that both mean. */
static bool keys_clash(const struct sp_stack_key *a, const struct sp_stack_key *b)
{
    if (strcmp(a->name, b->name) != 0 || a->term_count != b->term_count)
        return false;
    struct interval x = interval_of(a);
    struct interval y = interval_of(b);
    return !below(x.high, x.high_in, y.low, y.low_in) && !below(y.high, y.high_in, x.low, x.low_in);
}

static bool variants_clash(const struct sp_variant *a, const struct sp_variant *b)
{
    if (a->end != b->end)
        return false;
    for (size_t i = 0; i < a->key_count; i++)
        for (size_t j = 0; j < b->key_count; j++)
            if (keys_clash(&a->keys[i], &b->keys[j]))
                return true;
    return false;
}

/* ---- the lines ----------------------------------------------------------------------------- */

bool line_is_variant(const struct line *line)
{
    return line->count > 0 && strcmp(line->words[0].text, "on") == 0 &&
           strcmp(line->words[line->count - 1].text, "{") != 0;
}

static bool first_is(const struct line *line, const char *word)
{
    return line->count > 0 && !line->words[0].quoted && strcmp(line->words[0].text, word) == 0;
}

static bool takes_outcome(enum sp_stmt_kind kind)
{
    return kind == SP_ST_CALL || kind == SP_ST_START || kind == SP_ST_FINISH;
}

/* What the line does not say again stays as the statement has it. */
static void inherit(const struct sp_stmt *st, struct sp_variant *out, bool outcome, bool took,
                    bool raises)
{
    if (!outcome) {
        out->expect.any_of = st->expect.any_of;
        out->expect.count = st->expect.count;
    }
    if (!took)
        out->expect.took = st->expect.took;
    if (!outcome && !raises)
        out->expect.signal = st->expect.signal;
}

static bool read_variant(struct cursor *cur, const struct sp_stmt *st, struct sp_variant *out)
{
    cur->at = 1;
    if (!read_keys(cur, &out->keys, &out->key_count, &out->end))
        return false;
    bool outcome = false;
    bool rest = false;
    bool bound = false;
    const struct word *word = cursor_peek(cur);
    if (!read_expect(cur, &out->expect, &outcome, &rest))
        return false;
    if ((outcome || rest) && !takes_outcome(st->kind))
        return cursor_fail(cur, word, "on linux { ... } else { ... } for another conversation",
                           "only a call has an outcome");
    if (st->kind == SP_ST_START && outcome && out->expect.any_of[0].kind != SP_OUT_PENDING &&
        out->expect.any_of[0].kind != SP_OUT_KILLED)
        return cursor_fail(cur, word, "put it under the `finish` line",
                           "a started call can only be expected to stay pending or killed");
    word = cursor_peek(cur);
    if (!read_bound(cur, &out->when, &bound))
        return false;
    if (bound && takes_outcome(st->kind))
        return cursor_fail(cur, word, "took says how long a call may take",
                           "\"%s\" is for segments and states", word->text);
    if (!outcome && !rest && !bound)
        return cursor_fail(cur, cursor_peek(cur), "-> OUTCOME, took TIME, within TIME, after TIME",
                           "a variant says what is different");
    out->has_expect = outcome || rest;
    if (out->has_expect)
        inherit(st, out, outcome, out->expect.took.kind != SP_BOUND_NONE, out->expect.signal != 0);
    if (cursor_peek(cur) && cursor_peek(cur)->quoted)
        out->why = cursor_next(cur)->text;
    return cursor_end(cur);
}

static bool read_source(struct parse *p, const struct line *line, struct sp_variant *out)
{
    static const char *const kinds[] = {"measured", "documented", "reported", NULL};
    size_t len = strcspn(line->rest, " \t");
    const char *kind = sp_arena_strndup(p->arena, line->rest, len);
    const char *where = line->rest + len;
    where += strspn(where, " \t");
    const char *problem = NULL;
    if (out->source)
        problem = "this variant has its source already";
    else if (!name_known(kinds, kind))
        problem = "a source is measured, documented or reported";
    else if (!*where)
        problem = "where was it measured, documented or reported?";
    if (problem) {
        diag_add(p->diags, false, line->number, len ? line->rest_column : line->indent + 1,
                 len ? (int)len : 6, len ? diag_near(p->diags, kind, kinds) : NULL, "%s", problem);
        return false;
    }
    out->source_kind = *kind == 'm'   ? SP_SOURCE_MEASURED
                       : *kind == 'd' ? SP_SOURCE_DOCUMENTED
                                      : SP_SOURCE_REPORTED;
    out->source = where;
    return true;
}

static bool is_tail(const struct line *line)
{
    return first_is(line, "source") || (line->count == 1 && line->words[0].quoted);
}

/* What belongs to a variant that is not this row's. */
static void skip_variant(struct parse *p)
{
    p->pos++;
    while (p->pos < p->lines->count &&
           (p->lines->items[p->pos].count == 0 || is_tail(&p->lines->items[p->pos])))
        p->pos++;
}

/* The lines that belong to a variant: its source, and a reason on a line of its own. */
static bool parse_tail(struct parse *p, struct sp_variant *out)
{
    bool ok = true;
    for (; p->pos < p->lines->count; p->pos++) {
        const struct line *line = &p->lines->items[p->pos];
        if (line->count == 0)
            continue;
        if (first_is(line, "source")) {
            ok = read_source(p, line, out) && ok;
        } else if (line->words[0].quoted && line->count == 1 && !out->why) {
            out->why = line->words[0].text;
        } else {
            break;
        }
    }
    return ok;
}

static bool parse_variant(struct parse *p, const struct line *owner, const struct sp_stmt *st,
                          struct sp_variant *out)
{
    const struct line *line = &p->lines->items[p->pos++];
    struct cursor cur;
    cursor_open(&cur, p, line);
    if (p->reached)
        p->reached[line - p->lines->items] = true;
    out->at = (struct sp_place_in){line->number, line->indent + 1};
    bool ok = !cur.failed && read_variant(&cur, st, out);
    if (ok && line->indent <= owner->indent)
        ok = cursor_fail(&cur, &cur.words[0], "indent it deeper than the line that it varies",
                         "a variant belongs to the statement above");
    bool tail = parse_tail(p, out);
    if (ok && tail && !out->source)
        return cursor_fail(&cur, &cur.words[0], "source measured|documented|reported WHERE",
                           "a variant without a source");
    return ok && tail;
}

bool parse_variants(struct parse *p, const struct line *owner, struct sp_stmt *st)
{
    size_t cap = 0;
    struct sp_variant *items = NULL;
    bool ok = true;
    size_t len = 0;
    for (;;) {
        while (p->pos < p->lines->count && p->lines->items[p->pos].count == 0)
            p->pos++;
        if (p->pos >= p->lines->count || !line_is_variant(&p->lines->items[p->pos]))
            break;
        if (line_left_out(p, &p->lines->items[p->pos])) {
            skip_variant(p);
            continue;
        }
        if (len == VARIANTS_MAX) {
            diag_add(p->diags, false, p->lines->items[p->pos].number, 1, 1, NULL,
                     "more than %d variants of one statement", VARIANTS_MAX);
            p->pos = p->lines->count;
            ok = false;
            break;
        }
        struct sp_variant *variant = &SP_PUSH(items, len, cap);
        if (!parse_variant(p, owner, st, variant)) {
            ok = false;
            continue;
        }
        for (size_t i = 0; i + 1 < len; i++)
            if (items[i].source && variants_clash(&items[i], variant)) {
                diag_add(p->diags, false, variant->at.line, variant->at.column, 2,
                         "make one of the ranges narrower",
                         "as specific as the variant in line %d: both could be meant",
                         items[i].at.line);
                ok = false;
            }
    }
    st->variants = SP_ARENA_ARRAY(p->arena, struct sp_variant, len);
    st->variant_count = len;
    if (len)
        memcpy(st->variants, items, len * sizeof *items);
    free(items);
    return ok;
}
