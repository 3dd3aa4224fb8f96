/* The body of a case: the walk over its lines, and the blocks in which lines stand. */
#include "parser.h"

#include <string.h>

/* ---- nodes --------------------------------------------------------------------------------- */

static struct node *new_node(struct parse *p, const struct line *line)
{
    struct node *node = SP_ARENA_NEW(p->arena, struct node);
    node->st.at = (struct sp_place_in){line->number, line->indent + 1};
    return node;
}

static void append(struct node_list *list, struct node *node)
{
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    list->count++;
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Which statements stand in a block: a bit for each enum sp_stmt_kind. */
#define KIND(kind) (1u << (kind))
#define ALL_KINDS  (~0u)

static bool parse_lines(struct parse *p, const struct line *opener, unsigned allowed,
                        struct node_list *out, const struct line **closer);

static void no_end(struct parse *p, const struct line *opener)
{
    const struct word *brace = &opener->words[opener->count - 1];
    diag_add(p->diags, false, opener->number, brace->column, 1, "close it with a line }",
             "block without an end");
}

static bool open_block(struct cursor *cur)
{
    const struct word *word = cursor_peek(cur);
    if (!cursor_take(cur, "{"))
        return cursor_fail(cur, word, "put { at the end of the line", "expected {");
    return cursor_end(cur);
}

/* `}` alone */
static bool close_block(struct parse *p, const struct line *closer)
{
    if (!closer || closer->count == 1)
        return closer != NULL;
    diag_add(p->diags, false, closer->number, closer->words[1].column, closer->words[1].length,
             NULL, "\"%s\" behind the end of the block", closer->words[1].text);
    return false;
}

static bool parse_block(struct cursor *cur, struct node *node, unsigned allowed)
{
    const struct line *closer = NULL;
    if (!read_label(cur, &node->st.label) || !open_block(cur))
        return false;
    bool ok = parse_lines(cur->p, cur->line, allowed, &node->kids, &closer);
    return close_block(cur->p, closer) && ok;
}

static bool parse_any(struct cursor *cur, struct node *node)
{
    node->st.kind = SP_ST_ANY_ORDER;
    if (!cursor_take(cur, "order"))
        return cursor_fail(cur, cursor_peek(cur), "any order {", "expected `order` behind `any`");
    return parse_block(cur, node, KIND(SP_ST_WIRE) | KIND(SP_ST_STATE));
}

static bool parse_optional(struct cursor *cur, struct node *node)
{
    node->st.kind = SP_ST_OPTIONAL;
    if (!cursor_is(cur, "wire"))
        return parse_block(cur, node, KIND(SP_ST_WIRE));
    struct node *kid = new_node(cur->p, cur->line);
    kid->st.at.column = cursor_next(cur)->column;
    if (!parse_wire(cur, kid))
        return false;
    append(&node->kids, kid);
    return true;
}

static bool parse_repeat(struct cursor *cur, struct node *node)
{
    node->st.kind = SP_ST_REPEAT;
    const struct word *word = cursor_want(cur, "a range like 2..5");
    if (!word || !read_range(cur, word, word->text, &node->st.times))
        return false;
    if (node->st.times.max < 1 || node->st.times.max > 1000000)
        return cursor_fail(cur, word, NULL, "a block is repeated 1 to 1000000 times");
    return parse_block(cur, node, KIND(SP_ST_WIRE));
}

static bool parse_on(struct cursor *cur, struct node *node, unsigned allowed)
{
    const struct line *closer = NULL;
    node->kind = NODE_ON;
    if (!read_keys(cur, &node->keys, &node->key_count, &node->key_end) || !open_block(cur))
        return false;
    bool ok = parse_lines(cur->p, cur->line, allowed, &node->kids, &closer);
    if (!closer || closer->count == 1)
        return ok && closer;
    struct cursor end;
    cursor_open(&end, cur->p, closer);
    end.at = 1;
    if (!cursor_take(&end, "else"))
        return close_block(cur->p, closer);
    if (!open_block(&end))
        return false;
    const struct line *last = NULL;
    ok = parse_lines(cur->p, closer, allowed, &node->other, &last) && ok;
    return close_block(cur->p, last) && ok;
}

/* ---- which rows ---------------------------------------------------------------------------- */

static bool ends_block(const struct line *line)
{
    return line->count > 0 && !line->words[0].quoted && strcmp(line->words[0].text, "}") == 0;
}

static bool begins_block(const struct line *line)
{
    const struct word *last = line->count ? &line->words[line->count - 1] : NULL;
    return last && !last->quoted && strcmp(last->text, "{") == 0;
}

/* Steps over the lines of a block that this row has no part in, and over the line that ends it. */
static void skip_block(struct parse *p, const struct line *opener, const struct line **closer)
{
    int depth = 0;
    while (p->pos < p->lines->count) {
        const struct line *line = &p->lines->items[p->pos++];
        if (ends_block(line) && depth-- == 0) {
            *closer = line;
            return;
        }
        depth += begins_block(line);
    }
    no_end(p, opener);
}

static bool value_known(const struct sp_case *c, size_t column, const char *value)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (strcmp(c->rows[i].values[column], value) == 0)
            return true;
    return false;
}

/* NAME in A B C {: whether this row's value is one of them */
static bool read_when(struct cursor *cur, bool *taken)
{
    const struct sp_case_row *row = cur->p->row;
    const struct word *word = cursor_want(cur, "the name of a value");
    if (!word)
        return false;
    size_t column = 0;
    while (column < row->count && strcmp(row->names[column], word->text) != 0)
        column++;
    if (column == row->count)
        return cursor_fail(cur, word, "declare it in the header: for NAME in A B C",
                           "no `for` line makes %s", word->text);
    if (!cursor_take(cur, "in"))
        return cursor_fail(cur, cursor_peek(cur), "when call in close shutdown {",
                           "expected `in` and the values");
    *taken = false;
    for (bool first = true; first || !cursor_is(cur, "{"); first = false) {
        word = cursor_want(cur, "a value, and { at the end");
        if (!word)
            return false;
        if (!value_known(cur->p->c, column, word->text))
            return cursor_fail(cur, word, NULL, "%s is never \"%s\"", row->names[column],
                               word->text);
        *taken = *taken || strcmp(row->values[column], word->text) == 0;
    }
    return open_block(cur);
}

/* when NAME in A B C { ... } [else { ... }]: what stands in it takes the block's place. */
static bool parse_when(struct cursor *cur, unsigned allowed, struct node_list *out)
{
    const struct line *closer = NULL;
    struct parse *p = cur->p;
    bool taken = false;
    bool ok = read_when(cur, &taken);
    if (!ok)
        return false;
    if (taken)
        ok = parse_lines(p, cur->line, allowed, out, &closer);
    else
        skip_block(p, cur->line, &closer);
    if (!closer || closer->count == 1)
        return ok && closer;
    struct cursor end;
    cursor_open(&end, p, closer);
    end.at = 1;
    if (!cursor_take(&end, "else"))
        return close_block(p, closer);
    if (!open_block(&end))
        return false;
    const struct line *last = NULL;
    if (taken)
        skip_block(p, closer, &last);
    else
        ok = parse_lines(p, closer, allowed, out, &last) && ok;
    return close_block(p, last) && ok;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static const struct first_word {
    const char *word;
    bool (*parse)(struct cursor *cur, struct node *node);
} first_words[] = {
    {"wire", parse_wire},           {"state", parse_state},
    {"still", parse_still},         {"never", parse_never},
    {"silence", parse_silence},     {"queue", parse_queue},
    {"wait", parse_wait},           {"lab", parse_lab},
    {"middle", parse_middle},       {"any", parse_any},
    {"optional", parse_optional},   {"repeat", parse_repeat},
    {"establish", parse_establish}, {"peer", parse_peer},
};

static bool unknown_first(struct cursor *cur, const struct word *word)
{
    if (name_known(header_words, word->text))
        return cursor_fail(cur, word, NULL, "the header line `%s` must stand before the statements",
                           word->text);
    if (strcmp(word->text, "source") == 0)
        return cursor_fail(cur, word, NULL, "`source` belongs under an `on` line");
    if (strcmp(word->text, "on") == 0)
        return cursor_fail(cur, word, "variants go under calls, wire, state and queue lines",
                           "this `on` stands under nothing that can vary");
    if (strcmp(word->text, "}") == 0)
        return cursor_fail(cur, word, NULL, "} without a block that it ends");
    if (strncmp(word->text, "peer/", 5) == 0)
        return cursor_fail(cur, word, "peer SYN from=5000",
                           "the peer has no sockets, only addresses");
    const char *hint = diag_near(cur->p->diags, word->text, statement_words);
    if (!hint)
        hint = diag_near(cur->p->diags, word->text, header_words);
    return cursor_fail(cur, word, hint, "\"%s\" begins no statement", word->text);
}

static bool parse_first(struct cursor *cur, struct node *node, unsigned allowed)
{
    const struct word *word = cursor_next(cur);
    if (word->quoted)
        return cursor_fail(cur, word, NULL, "a statement does not begin with a quote");
    if (is_end(word))
        return parse_endpoint(cur, node);
    if (strcmp(word->text, "on") == 0 && !line_is_variant(cur->line))
        return parse_on(cur, node, allowed);
    for (size_t i = 0; i < sizeof first_words / sizeof first_words[0]; i++)
        if (strcmp(first_words[i].word, word->text) == 0)
            return first_words[i].parse(cur, node);
    return unknown_first(cur, word);
}

/* Kinds of lines that can be otherwise on some stack. */
static const unsigned may_vary = KIND(SP_ST_CALL) | KIND(SP_ST_START) | KIND(SP_ST_FINISH) |
                                 KIND(SP_ST_WIRE) | KIND(SP_ST_STATE) | KIND(SP_ST_QUEUE);

/* After a statement that could not be read, its variants cannot be judged either. */
static void skip_tail(struct parse *p)
{
    for (; p->pos < p->lines->count; p->pos++) {
        const struct line *line = &p->lines->items[p->pos];
        bool tail = line->count == 0 || line_is_variant(line) || line->words[0].quoted ||
                    strcmp(line->words[0].text, "source") == 0;
        if (!tail)
            return;
    }
}

/* The line as this row has it. */
static const char *line_text(struct parse *p, const struct line *line)
{
    const char *unknown = NULL;
    int at = 0;
    if (!has_dollar(line->raw))
        return line->raw;
    return substitute(p->arena, p->row, line->raw, &unknown, &at);
}

static bool parse_statement(struct parse *p, const struct line *line, unsigned allowed,
                            struct node_list *out)
{
    struct cursor cur;
    bool block = begins_block(line);
    if (!block && line_left_out(p, line)) {
        skip_tail(p);
        return true;
    }
    cursor_open(&cur, p, line);
    if (p->reached)
        p->reached[line - p->lines->items] = true;
    if (block && line_left_out(p, line))
        return cursor_fail(&cur, &cur.words[0], "when NAME in VALUE {",
                           "a line that begins a block is in every run");
    if (!cur.failed && cursor_take(&cur, "when"))
        return parse_when(&cur, allowed, out);
    struct node *node = new_node(p, line);
    node->st.text = line_text(p, line);
    if (cur.failed || cur.count == 0 || !parse_first(&cur, node, allowed)) {
        skip_tail(p);
        return false;
    }
    bool several = node->kind == NODE_ESTABLISH || node->kind == NODE_PEER_CONNECTS;
    if (node->kind != NODE_ON &&
        !(allowed & KIND(node->st.kind) || (several && allowed == ALL_KINDS)))
        return cursor_fail(&cur, &cur.words[0], NULL, "\"%s\" cannot stand in this block",
                           cur.words[0].text);
    append(out, node);
    struct sp_stmt *st = &node->st;
    if (st->kind == SP_ST_OPTIONAL && node->kids.count == 1 &&
        node->kids.first->st.at.line == line->number) { /* `optional wire ...` */
        st = &node->kids.first->st;
        st->text = node->st.text;
    }
    return node->kind != NODE_STMT || !(may_vary & KIND(st->kind)) || parse_variants(p, line, st);
}

static bool too_much(struct parse *p, const struct line *line)
{
    const char *text = NULL;
    if (p->depth > DEPTH_MAX)
        text = sp_arena_printf(&p->diags->arena, "blocks nested deeper than %d", DEPTH_MAX);
    if (++p->statements > STATEMENTS_MAX)
        text = sp_arena_printf(&p->diags->arena, "more than %d statements", STATEMENTS_MAX);
    if (!text)
        return false;
    diag_add(p->diags, false, line->number, line->indent + 1, 1, NULL, "%s", text);
    p->pos = p->lines->count; /* nothing behind it can be judged */
    return true;
}

/* Statements up to the `}` of the block that opener began, or (opener NULL) to the end. */
static bool parse_lines(struct parse *p, const struct line *opener, unsigned allowed,
                        struct node_list *out, const struct line **closer)
{
    bool ok = true;
    p->depth += opener != NULL;
    while (p->pos < p->lines->count) {
        const struct line *line = &p->lines->items[p->pos++];
        if (line->count == 0)
            continue;
        if (opener && ends_block(line)) {
            *closer = line;
            p->depth--;
            return ok;
        }
        if (too_much(p, line))
            ok = false;
        else
            ok = parse_statement(p, line, allowed, out) && ok;
    }
    p->depth -= opener != NULL;
    if (opener && p->statements <= STATEMENTS_MAX && p->depth < DEPTH_MAX)
        no_end(p, opener);
    return ok && !opener;
}

bool parse_body(struct parse *p, struct node_list *out)
{
    return parse_lines(p, NULL, ALL_KINDS, out, NULL);
}
