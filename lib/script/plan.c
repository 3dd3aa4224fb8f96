/*
 * A case made ready for one run: the statements parsed with one row's values, `on` blocks resolved
 * for the stacks at each end, short words written out, everything numbered.
 */
#include "parser.h"

#include <stdlib.h>
#include <string.h>

struct stmt_list {
    struct sp_stmt *items;
    size_t len;
    size_t cap;
};

struct planner {
    struct sp_plan *plan;
    bool listens[SP_WHO_COUNT]; /* the endpoint has a socket "listener" that listens */
    uint32_t next_id;
};

/* ---- on ... { } ---------------------------------------------------------------------------- */

/* A stack is two layers, and what changes a conversation may be either: `on wine` is about the
 * API over Linux's TCP, `on linux` about that TCP whatever API is over it. */
static bool end_matches(const struct sp_plan *plan, const struct node *node, enum sp_who end)
{
    return keys_match(node->keys, node->key_count, &plan->config.tcp[end]) ||
           keys_match(node->keys, node->key_count, &plan->config.api[end]);
}

static bool block_matches(const struct sp_plan *plan, const struct node *node)
{
    if (node->key_end != SP_WHO_NONE)
        return end_matches(plan, node, node->key_end);
    return end_matches(plan, node, SP_WHO_CLIENT) && end_matches(plan, node, SP_WHO_SERVER);
}

/* ---- establish ----------------------------------------------------------------------------- */

static const char *name_of(enum sp_who who)
{
    return who == SP_WHO_CLIENT ? "client" : "server";
}

static struct sp_stmt *imply(struct planner *pl, struct stmt_list *out, const struct node *node,
                             enum sp_stmt_kind kind, enum sp_who who, const char *sock)
{
    struct sp_stmt *st = &SP_PUSH(out->items, out->len, out->cap);
    st->kind = kind;
    st->id = pl->next_id++;
    st->at = node->st.at;
    st->implied = true;
    st->who = who;
    st->sock = sock;
    st->sock_named = strcmp(sock, "conn") != 0 && strcmp(sock, "listener") != 0;
    return st;
}

static void imply_call(struct planner *pl, struct sp_stmt *st, const char *call, const char *arg,
                       const char *value)
{
    st->call = call;
    if (!arg)
        return;
    st->args = SP_ARENA_NEW(&pl->plan->arena, struct sp_arg);
    st->arg_count = 1;
    *st->args = (struct sp_arg){.name = arg, .is_text = true, .text = value, .at = st->at};
}

/* Flags as in wire.h, which only words.c includes. */
static void imply_wire(struct sp_stmt *st, const char *flags)
{
    int syn = flag_bit("SYN");
    int ack = flag_bit("ACK");
    int rest = flag_bit("FIN") | flag_bit("RST");
    bool has_syn = strstr(flags, "SYN") != NULL;
    bool has_ack = strstr(flags, "ACK") != NULL;
    st->pattern.set = (uint8_t)((has_syn ? syn : 0) | (has_ack ? ack : 0));
    st->pattern.clear = (uint8_t)(rest | (has_syn ? 0 : syn) | (has_ack ? 0 : ack));
    st->pattern.pure_ack = !has_syn;
    st->pattern.text = flags;
}

/* ---- the peer's short words ----------------------------------------------------------------- */

static void print_text(struct planner *pl, struct sp_stmt *st)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_stmt_print(st, &text);
    st->text = sp_arena_strndup(&pl->plan->arena, text.data, text.len);
    sp_buf_release(&text);
}

static void imply_peer(struct planner *pl, struct stmt_list *out, const struct node *node,
                       const struct sp_peer_seg *seg)
{
    struct sp_stmt *st = imply(pl, out, node, SP_ST_PEER, SP_WHO_PEER, "conn");
    st->peer = seg;
    print_text(pl, st);
}

/* SYN, what the real end answers, and the third segment. */
static void peer_connects(struct planner *pl, const struct node *node,
                          const struct sp_peer_seg *syn, enum sp_who to, const char *sock,
                          struct stmt_list *out)
{
    imply_peer(pl, out, node, syn);
    struct sp_stmt *answer = imply(pl, out, node, SP_ST_WIRE, to, sock);
    imply_wire(answer, "SYN,ACK");
    print_text(pl, answer);
    imply_peer(pl, out, node, peer_plain(&pl->plan->arena, SP_PEER_SEGMENT, "ACK"));
}

static void expand_peer_connects(struct planner *pl, const struct node *node, struct stmt_list *out)
{
    enum sp_who to = pl->plan->peer_at == SP_WHO_CLIENT ? SP_WHO_SERVER : SP_WHO_CLIENT;
    peer_connects(pl, node, node->st.peer, to, "conn", out);
    out->items[out->len - 1].label = node->st.label;
}

/* The same as below, where one of the two ends is the peer. */
static void establish_with_peer(struct planner *pl, const struct node *node, struct stmt_list *out)
{
    struct sp_arena *arena = &pl->plan->arena;
    bool active = node->active == SP_WHO_PEER;
    enum sp_who real = active ? node->passive : node->active;
    const char *sock = active ? node->passive_sock : node->active_sock;
    struct sp_stmt *st;
    if (active) {
        if (!pl->listens[real]) {
            st = imply(pl, out, node, SP_ST_CALL, real, "listener");
            imply_call(pl, st, "listen", NULL, NULL);
            print_text(pl, st);
        }
        pl->listens[real] = true;
        peer_connects(pl, node, peer_plain(arena, SP_PEER_SEGMENT, "SYN"), real, sock, out);
        st = imply(pl, out, node, SP_ST_CALL, real, "listener");
        imply_call(pl, st, "accept", "as", sock);
        print_text(pl, st);
    } else {
        static const char *const segments[] = {"SYN", "ACK"};
        imply_peer(pl, out, node, peer_plain(arena, SP_PEER_ACCEPTS, "SYN,ACK"));
        st = imply(pl, out, node, SP_ST_CALL, real, sock);
        imply_call(pl, st, "connect", "addr", "peer");
        print_text(pl, st);
        for (size_t i = 0; i < 2; i++) {
            st = imply(pl, out, node, SP_ST_WIRE, real, sock);
            imply_wire(st, segments[i]);
            print_text(pl, st);
        }
    }
    st = imply(pl, out, node, SP_ST_STATE, real, sock);
    st->state = state_number("ESTABLISHED");
    print_text(pl, st);
    st->label = node->st.label;
}

/* RFC 9293 section 3.5, figure 6, with the calls of both sides. */
static void expand_establish(struct planner *pl, const struct node *node, struct stmt_list *out)
{
    static const struct {
        enum sp_stmt_kind kind;
        bool passive;
        const char *word; /* call or flags */
    } steps[] = {{SP_ST_CALL, true, "listen"}, {SP_ST_CALL, false, "connect"},
                 {SP_ST_WIRE, false, "SYN"},   {SP_ST_WIRE, true, "SYN,ACK"},
                 {SP_ST_WIRE, false, "ACK"},   {SP_ST_CALL, true, "accept"},
                 {SP_ST_STATE, false, NULL},   {SP_ST_STATE, true, NULL}};
    bool listening = pl->listens[node->passive];
    pl->listens[node->passive] = true;
    for (size_t i = listening; i < sizeof steps / sizeof steps[0]; i++) {
        bool call = steps[i].kind == SP_ST_CALL;
        enum sp_who who = steps[i].passive ? node->passive : node->active;
        const char *sock = steps[i].passive ? node->passive_sock : node->active_sock;
        if (call && steps[i].passive)
            sock = "listener";
        struct sp_stmt *st = imply(pl, out, node, steps[i].kind, who, sock);
        if (call && strcmp(steps[i].word, "connect") == 0)
            imply_call(pl, st, "connect", "addr", name_of(node->passive));
        else if (call && strcmp(steps[i].word, "accept") == 0)
            imply_call(pl, st, "accept", "as", node->passive_sock);
        else if (call)
            imply_call(pl, st, "listen", NULL, NULL);
        else if (steps[i].kind == SP_ST_WIRE)
            imply_wire(st, steps[i].word);
        else
            st->state = state_number("ESTABLISHED");
        print_text(pl, st);
    }
    out->items[out->len - 1].label = node->st.label;
}

/* ---- nodes -> statements -------------------------------------------------------------------- */

static void note_listener(struct planner *pl, const struct sp_stmt *st)
{
    if (st->kind == SP_ST_PROC)
        pl->listens[st->who] = false;
    if (st->kind != SP_ST_CALL || strcmp(st->sock, "listener") != 0)
        return;
    if (strcmp(st->call, "listen") == 0)
        pl->listens[st->who] = true;
    else if (strcmp(st->call, "close") == 0)
        pl->listens[st->who] = false;
}

static struct sp_stmt *into_arena(struct planner *pl, struct stmt_list *list)
{
    struct sp_stmt *items = SP_ARENA_ARRAY(&pl->plan->arena, struct sp_stmt, list->len);
    if (list->len)
        memcpy(items, list->items, list->len * sizeof *items);
    free(list->items);
    return items;
}

static void add_nodes(struct planner *pl, const struct node_list *nodes, struct stmt_list *out)
{
    for (const struct node *node = nodes->first; node; node = node->next) {
        if (node->kind == NODE_ON) {
            bool matches = block_matches(pl->plan, node);
            add_nodes(pl, matches ? &node->kids : &node->other, out);
        } else if (node->kind == NODE_PEER_CONNECTS) {
            expand_peer_connects(pl, node, out);
        } else if (node->kind == NODE_ESTABLISH &&
                   (node->active == SP_WHO_PEER || node->passive == SP_WHO_PEER)) {
            establish_with_peer(pl, node, out);
        } else if (node->kind == NODE_ESTABLISH) {
            expand_establish(pl, node, out);
        } else {
            note_listener(pl, &node->st);
            struct sp_stmt st = node->st;
            st.id = pl->next_id++;
            struct stmt_list kids = {0};
            add_nodes(pl, &node->kids, &kids);
            st.child_count = kids.len;
            st.children = into_arena(pl, &kids);
            SP_PUSH(out->items, out->len, out->cap) = st;
        }
    }
}

/* ---- what follows from the statements ------------------------------------------------------- */

static int64_t least_of(const struct sp_stmt *st)
{
    int64_t least = st->expect.took.min_ns + st->when.min_ns;
    if (st->kind == SP_ST_NEVER_STATE || st->kind == SP_ST_NEVER_WIRE)
        least = 0;
    for (size_t i = 0; i < st->child_count && st->kind != SP_ST_OPTIONAL; i++)
        least += least_of(&st->children[i]);
    return least;
}

static bool acts_on_path(const struct sp_stmt *st)
{
    return st->kind == SP_ST_MIDDLE || (st->kind == SP_ST_LAB && strcmp(st->verb, "sysctl") != 0 &&
                                        strcmp(st->verb, "address") != 0);
}

static bool has_label(const struct sp_stmt *stmts, size_t count, const char *label)
{
    for (size_t i = 0; i < count; i++)
        if ((stmts[i].label && strcmp(stmts[i].label, label) == 0) ||
            has_label(stmts[i].children, stmts[i].child_count, label))
            return true;
    return false;
}

/* A label may stand in an `on` block that was not taken. */
static enum sp_rc check_labels(const struct sp_plan *plan, const struct sp_stmt *stmts,
                               size_t count, struct sp_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sp_stmt *st = &stmts[i];
        const char *used[] = {st->when.since, st->until};
        for (size_t n = 0; n < 2; n++)
            if (used[n] && !has_label(plan->stmts, plan->stmt_count, used[n]))
                return sp_fail(err, SP_E_PARSE,
                               "%s:%d:%d: no line has the label @%s on these stacks",
                               plan->case_->file ? plan->case_->file : "-", st->at.line,
                               st->at.column, used[n]);
        enum sp_rc rc = check_labels(plan, st->children, st->child_count, err);
        if (rc)
            return rc;
    }
    return SP_OK;
}

static void put_pins(struct sp_plan *plan, const struct sp_case_row *row)
{
    const struct sp_case *c = plan->case_;
    const char *unknown = NULL;
    int at = 0;
    plan->pins = SP_ARENA_ARRAY(&plan->arena, struct sp_case_pin, c->pin_count);
    plan->pin_count = c->pin_count;
    for (size_t i = 0; i < c->pin_count; i++) {
        plan->pins[i] = c->pins[i];
        plan->pins[i].value = substitute(&plan->arena, row, c->pins[i].value, &unknown, &at);
    }
}

static void put_hash(struct sp_plan *plan)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_plan_print(plan, &text);
    hash_text(text.data, text.len, plan->hash);
    sp_buf_release(&text);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static enum sp_rc parse_row(const struct sp_case *c, const struct sp_case_row *row,
                            struct sp_plan *plan, struct node_list *nodes, struct sp_err *err)
{
    struct case_body body;
    if (!body_read(c, &plan->arena, &body))
        return sp_fail(err, SP_E_USAGE, "%s: the case was not read", c->file ? c->file : "-");
    struct sp_diags diags;
    sp_diags_init(&diags);
    struct parse p = {.c = c,
                      .row = row,
                      .arena = &plan->arena,
                      .diags = &diags,
                      .lines = &body.lines,
                      .pos = body.first};
    enum sp_rc rc = SP_OK;
    if (!parse_body(&p, nodes)) {
        const struct sp_diag_line *first = diags.len ? &diags.items[0] : NULL;
        rc = sp_fail(err, SP_E_PARSE, "%s:%d:%d: %s", c->file ? c->file : "-",
                     first ? first->at.line : 0, first ? first->at.column : 0,
                     first ? first->text : "the case was not checked");
    }
    sp_diags_release(&diags);
    return rc;
}

static enum sp_rc check_config(const struct sp_case *c, const struct sp_plan_config *config,
                               struct sp_err *err)
{
    const char *file = c->file ? c->file : "-";
    if (!c->body || config->row >= c->row_count)
        return sp_fail(err, SP_E_USAGE, "%s: the case has no row %zu", file, config->row);
    if (!(c->labs & config->lab))
        return sp_fail(err, SP_E_USAGE, "%s: the case does not run in that lab", file);
    if (!(c->families & config->family))
        return sp_fail(err, SP_E_USAGE, "%s: the case does not run on that family", file);
    return SP_OK;
}

enum sp_rc sp_plan_make(const struct sp_case *c, const struct sp_plan_config *config,
                        struct sp_plan *out, struct sp_err *err)
{
    *out = (struct sp_plan){.case_ = c, .config = *config};
    sp_arena_init(&out->arena);
    enum sp_rc rc = check_config(c, config, err);
    if (rc)
        return rc;
    const struct sp_case_row *row = &c->rows[config->row];
    struct node_list nodes = {0};
    rc = parse_row(c, row, out, &nodes, err);
    if (rc)
        return rc;
    out->peer_at = peer_place(&nodes);
    struct planner pl = {.plan = out, .next_id = 1};
    struct stmt_list list = {0};
    add_nodes(&pl, &nodes, &list);
    out->stmt_count = list.len;
    out->stmts = into_arena(&pl, &list);
    out->last_id = pl.next_id - 1;
    out->run_id = sp_arena_printf(&out->arena, "%s%s", c->id, row->suffix);
    put_pins(out, row);
    for (size_t i = 0; i < out->stmt_count; i++) {
        out->least_ns += least_of(&out->stmts[i]);
        out->needs_path = out->needs_path || acts_on_path(&out->stmts[i]);
    }
    put_hash(out);
    return check_labels(out, out->stmts, out->stmt_count, err);
}

void sp_plan_release(struct sp_plan *plan)
{
    sp_arena_release(&plan->arena);
    *plan = (struct sp_plan){0};
}

static const struct sp_stmt *find_stmt(const struct sp_stmt *stmts, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (stmts[i].id == id)
            return &stmts[i];
        const struct sp_stmt *found = find_stmt(stmts[i].children, stmts[i].child_count, id);
        if (found)
            return found;
    }
    return NULL;
}

const struct sp_stmt *sp_plan_stmt(const struct sp_plan *plan, uint32_t id)
{
    return id ? find_stmt(plan->stmts, plan->stmt_count, id) : NULL;
}

/* The same line of the case, with the same values in it. */
static bool same_statement(const struct sp_stmt *a, const struct sp_stmt *b)
{
    return a->id == b->id && a->kind == b->kind && a->at.line == b->at.line && a->text && b->text &&
           strcmp(a->text, b->text) == 0;
}

void sp_plan_cut(struct sp_plan *plan, const struct sp_plan *ran)
{
    size_t same = 0;
    if (strcmp(plan->hash, ran->hash) == 0)
        return;
    while (same < plan->stmt_count && same < ran->stmt_count &&
           same_statement(&plan->stmts[same], &ran->stmts[same]))
        same++;
    if (same == plan->stmt_count && same == ran->stmt_count)
        return; /* they differ in what is expected only */
    const struct sp_stmt *ours = same < plan->stmt_count ? &plan->stmts[same] : NULL;
    const struct sp_stmt *theirs = same < ran->stmt_count ? &ran->stmts[same] : NULL;
    plan->parts_id = ours ? ours->id : theirs->id;
    plan->parts_line = ours ? ours->at.line : theirs->at.line;
    plan->stmt_count = same;
    plan->last_id = plan->parts_id - 1;
}
