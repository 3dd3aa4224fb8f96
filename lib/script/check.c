/*
 * What only the whole case tells: labels that are used and defined, started calls that are
 * finished, acts on a path that loopback does not have, calls on a socket that was closed.
 *
 * The walk goes through both sides of an `on` block: what is open on one side may still be
 * finished behind it, so a call is known to be pending or idle only where both sides agree.
 */
#include "parser.h"

#include <stdlib.h>
#include <string.h>

/* ---- labels -------------------------------------------------------------------------------- */

struct arm {
    const struct node *on;
    bool other;
};

struct label {
    const char *name;
    int line;
    size_t depth;
    struct arm arms[DEPTH_MAX + 1];
};

enum direction { DIR_IN, DIR_OUT, DIR_OTHER };

/* A started call: one for each socket and direction. */
struct pending {
    enum sp_who who;
    const char *sock;
    const char *call;
    enum direction dir;
    const struct sp_stmt *start;
    bool maybe_open;
    bool maybe_idle;
};

struct closed {
    enum sp_who who;
    const char *sock;
    int line;
};

struct check {
    struct parse *p;
    struct label *labels;
    size_t label_count;
    size_t label_cap;
    struct arm arms[DEPTH_MAX + 1];
    size_t depth;
    struct pending *pending;
    size_t pending_count;
    size_t pending_cap;
    struct closed *closed;
    size_t closed_count;
    size_t closed_cap;
    const struct sp_stmt *acts[SP_WHO_COUNT]; /* the first line of each endpoint */
    const struct sp_stmt *on_path;            /* the first that acts on the path */
    bool bound_conn[SP_WHO_COUNT]; /* `bind` without a socket's name, and no connect since */
};

static void complain(struct check *ck, const struct sp_stmt *st, const char *hint, const char *text)
{
    int length = st->text ? (int)strcspn(st->text, " ") : 1;
    diag_add(ck->p->diags, false, st->at.line, st->at.column, length, hint, "%s", text);
}

/* Whether the two can be part of one conversation: not on the two sides of one `on` block. */
static bool meet(const struct label *label, const struct arm *arms, size_t depth)
{
    for (size_t i = 0; i < label->depth && i < depth; i++) {
        if (label->arms[i].on != arms[i].on)
            return true;
        if (label->arms[i].other != arms[i].other)
            return false;
    }
    return true;
}

static const struct label *find_label(const struct check *ck, const char *name)
{
    for (size_t i = 0; i < ck->label_count; i++)
        if (strcmp(ck->labels[i].name, name) == 0 && meet(&ck->labels[i], ck->arms, ck->depth))
            return &ck->labels[i];
    return NULL;
}

static void define_label(struct check *ck, const struct sp_stmt *st)
{
    const struct label *old = find_label(ck, st->label);
    if (old)
        complain(ck, st, NULL,
                 sp_arena_printf(ck->p->arena, "the label @%s is taken by line %d", st->label,
                                 old->line));
    struct label *label = &SP_PUSH(ck->labels, ck->label_count, ck->label_cap);
    label->name = st->label;
    label->line = st->at.line;
    label->depth = ck->depth;
    memcpy(label->arms, ck->arms, sizeof label->arms);
}

static bool defined_anywhere(const struct node_list *list, const char *name)
{
    for (const struct node *node = list->first; node; node = node->next)
        if ((node->st.label && strcmp(node->st.label, name) == 0) ||
            defined_anywhere(&node->kids, name) || defined_anywhere(&node->other, name))
            return true;
    return false;
}

static void use_since(struct check *ck, const struct sp_stmt *st, const char *name,
                      const struct node_list *all)
{
    if (!name || find_label(ck, name))
        return;
    bool later = defined_anywhere(all, name);
    complain(ck, st, later ? "count from something that stands above" : NULL,
             sp_arena_printf(ck->p->arena,
                             later ? "the label @%s comes later" : "no line has the label @%s",
                             name));
}

static void use_until(struct check *ck, const struct sp_stmt *st, const struct node_list *all)
{
    if (!st->until)
        return;
    if (find_label(ck, st->until))
        complain(ck, st, "until something that stands below",
                 sp_arena_printf(ck->p->arena, "the label @%s is over already", st->until));
    else if (!defined_anywhere(all, st->until))
        complain(ck, st, NULL,
                 sp_arena_printf(ck->p->arena, "no line has the label @%s", st->until));
}

static void check_labels(struct check *ck, const struct sp_stmt *st, const struct node_list *all)
{
    use_since(ck, st, st->when.since, all);
    use_since(ck, st, st->expect.took.since, all);
    for (size_t i = 0; i < st->variant_count; i++)
        use_since(ck, st, st->variants[i].when.since, all);
    use_since(ck, st, st->peer ? st->peer->seq.label : NULL, all);
    use_since(ck, st, st->peer ? st->peer->ack.label : NULL, all);
    use_until(ck, st, all);
    if (st->label)
        define_label(ck, st);
}

/* ---- started calls ------------------------------------------------------------------------- */

static enum direction direction_of(const char *call)
{
    static const char *const in[] = {"recv", "drain", "accept", "poll", "select", "epoll", NULL};
    static const char *const out[] = {"send", "fill", "connect", NULL};
    return name_known(in, call) ? DIR_IN : name_known(out, call) ? DIR_OUT : DIR_OTHER;
}

static struct pending *find_pending(struct check *ck, const struct sp_stmt *st, enum direction dir)
{
    for (size_t i = 0; i < ck->pending_count; i++) {
        struct pending *item = &ck->pending[i];
        if (item->who == st->who && item->dir == dir && strcmp(item->sock, st->sock) == 0)
            return item;
    }
    return NULL;
}

static void check_start(struct check *ck, const struct sp_stmt *st)
{
    enum direction dir = direction_of(st->call);
    struct pending *item = find_pending(ck, st, dir);
    if (item && item->maybe_open && !item->maybe_idle)
        complain(ck, st, "one started call a socket and direction",
                 sp_arena_printf(ck->p->arena, "%s of line %d is not finished", item->call,
                                 item->start->at.line));
    if (!item)
        item = &SP_PUSH(ck->pending, ck->pending_count, ck->pending_cap);
    *item = (struct pending){.who = st->who,
                             .sock = st->sock,
                             .call = st->call,
                             .dir = dir,
                             .start = st,
                             .maybe_open = true};
}

static void check_finish(struct check *ck, const struct sp_stmt *st)
{
    struct pending *item = find_pending(ck, st, direction_of(st->call));
    if (!item || !item->maybe_open || strcmp(item->call, st->call) != 0) {
        complain(ck, st, "start it in a line above, on the same socket",
                 sp_arena_printf(ck->p->arena, "no %s is started on %s", st->call, st->sock));
        return;
    }
    item->maybe_open = false;
    item->maybe_idle = true;
}

static void check_unfinished(struct check *ck)
{
    for (size_t i = 0; i < ck->pending_count; i++) {
        const struct pending *item = &ck->pending[i];
        if (item->maybe_open && !item->maybe_idle && item->start->expect.count == 0)
            complain(ck, item->start, "finish it, or write `-> pending` or `-> killed`",
                     sp_arena_printf(ck->p->arena, "%s is started and never finished", item->call));
    }
}

/* What the two sides of an `on` block leave behind. */
static void merge_pending(struct check *ck, const struct pending *one, size_t count)
{
    for (size_t i = 0; i < ck->pending_count; i++) {
        bool known = i < count;
        ck->pending[i].maybe_idle |= !known || one[i].maybe_idle;
        ck->pending[i].maybe_open |= known && one[i].maybe_open;
    }
}

/* ---- sockets ------------------------------------------------------------------------------- */

static bool may_fail(const struct sp_expect *expect)
{
    for (size_t i = 0; i < expect->count; i++)
        if (expect->any_of[i].kind != SP_OUT_NUMBER && expect->any_of[i].kind != SP_OUT_TEXT &&
            expect->any_of[i].kind != SP_OUT_BITS)
            return true;
    return false;
}

static struct closed *find_closed(struct check *ck, enum sp_who who, const char *sock)
{
    for (size_t i = 0; i < ck->closed_count; i++)
        if (ck->closed[i].who == who && strcmp(ck->closed[i].sock, sock) == 0)
            return &ck->closed[i];
    return NULL;
}

static void reopen(struct check *ck, enum sp_who who, const char *sock)
{
    struct closed *item = find_closed(ck, who, sock);
    if (item)
        *item = ck->closed[--ck->closed_count];
}

static void check_closed(struct check *ck, const struct sp_stmt *st)
{
    static const char *const makes[] = {"socket", "bind", "listen", "connect", "set",
                                        "signal", "take", "fork",   "reap",    NULL};
    struct closed *item = find_closed(ck, st->who, st->sock);
    if (name_known(makes, st->call)) {
        reopen(ck, st->who, st->sock);
    } else if (item && !may_fail(&st->expect) && strcmp(st->call, "poll") != 0 && /* NVAL */
               strcmp(st->call, "interrupt") != 0) { /* of a close() that waits */
        diag_add(ck->p->diags, true, st->at.line, st->at.column, 6, "a call on it gives EBADF",
                 "%s was closed in line %d", st->sock, item->line);
    }
    for (size_t i = 0; i < st->arg_count; i++)
        if (strcmp(st->args[i].name, "as") == 0)
            reopen(ck, st->who, st->args[i].text);
    if (strcmp(st->call, "close") == 0 && !find_closed(ck, st->who, st->sock)) {
        struct closed *add = &SP_PUSH(ck->closed, ck->closed_count, ck->closed_cap);
        *add = (struct closed){st->who, st->sock, st->at.line};
    }
}

/* `server bind :80` then `server listen` are about two sockets, which nobody means. */
static void check_bind(struct check *ck, const struct sp_stmt *st)
{
    if (strcmp(st->call, "bind") == 0 && !st->sock_named)
        ck->bound_conn[st->who] = true;
    else if (strcmp(st->call, "connect") == 0)
        ck->bound_conn[st->who] = false;
    else if (strcmp(st->call, "listen") == 0 && !st->sock_named && ck->bound_conn[st->who])
        diag_add(ck->p->diags, true, st->at.line, st->at.column, 6,
                 "write server/listener bind ADDR",
                 "listen is about the socket listener, the bind above about conn");
}

static void check_proc(struct check *ck, const struct sp_stmt *st)
{
    for (size_t i = 0; i < ck->closed_count;) {
        if (ck->closed[i].who == st->who)
            ck->closed[i] = ck->closed[--ck->closed_count];
        else
            i++;
    }
    ck->bound_conn[st->who] = false;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static void check_path(struct check *ck, const struct sp_stmt *st)
{
    bool acts =
        st->kind == SP_ST_MIDDLE || (st->kind == SP_ST_LAB && strcmp(st->verb, "sysctl") != 0);
    if (acts && !ck->on_path)
        ck->on_path = st;
    if (acts && (ck->p->c->labs & SP_CASE_LOOPBACK))
        complain(ck, st, "labs veth", "cannot act on the path on loopback");
    else if (acts && (ck->p->c->labs & SP_CASE_ROUTED))
        complain(ck, st, "labs veth", "on routed the path is the box's: it cannot be acted on");
}

/* Where a segment is seen: there are two places where there are two links. */
static void check_seen_at(struct check *ck, const struct sp_stmt *st)
{
    if (!st->pattern.seen_at)
        return;
    if (st->kind == SP_ST_MIDDLE)
        complain(ck, st, NULL, "the middle takes what comes, wherever it is seen");
    else if (ck->p->c->labs & SP_CASE_LOOPBACK)
        complain(ck, st, "labs veth routed", "on loopback a segment is seen at one place only");
}

static void check_box(struct check *ck, const struct sp_stmt *st)
{
    if (st->kind == SP_ST_LAB && st->target == SP_WHO_MIDDLE && ck->p->c->labs != SP_CASE_ROUTED)
        complain(ck, st, "labs routed", "there is no box on the other labs");
}

static void note_end(struct check *ck, enum sp_who who, const struct sp_stmt *st)
{
    if (!ck->acts[who])
        ck->acts[who] = st;
}

/* The peer has the place of one endpoint, and a link that is joined to the other's. */
static void check_peer(struct check *ck)
{
    const struct sp_stmt *peer = ck->acts[SP_WHO_PEER];
    const struct sp_stmt *client = ck->acts[SP_WHO_CLIENT];
    const struct sp_stmt *server = ck->acts[SP_WHO_SERVER];
    if (!peer)
        return;
    if (client && server)
        complain(ck, client->at.line > server->at.line ? client : server,
                 "the peer has the place of one of them",
                 "beside the peer, client or server acts, not both");
    else if (!client && !server)
        complain(ck, peer, "server listen", "the peer has nobody to talk to");
    if (ck->p->c->labs != SP_CASE_VETH)
        complain(ck, peer, "labs veth", "the peer needs a link between two hosts and no box");
    if (ck->on_path)
        complain(ck, ck->on_path, "let the peer be silent, or send again",
                 "the path cannot be acted on where the peer is one of its ends");
}

/* `client connect server` where the peer is in the server's place. */
static void check_host(struct check *ck, const struct sp_stmt *st, enum sp_who place)
{
    if (st->peer && (st->peer->seq.end == place || st->peer->ack.end == place) && place)
        complain(ck, st, NULL,
                 "numbers are the real end's, and the peer has the place of this one");
    for (size_t i = 0; i < st->arg_count; i++) {
        const char *text = st->args[i].text;
        if (strcmp(st->args[i].name, "addr") != 0)
            continue;
        size_t len = strcspn(text, ":");
        bool peer = len == 4 && memcmp(text, "peer", 4) == 0;
        if (peer && place == SP_WHO_NONE)
            complain(ck, st, "connect server", "no line is the peer's");
        else if (place != SP_WHO_NONE && end_of_name(text, len) == place)
            complain(ck, st, "connect peer", "the peer has the place of that host");
    }
}

static void check_hosts(struct check *ck, const struct node_list *list, enum sp_who place)
{
    for (const struct node *node = list->first; node; node = node->next) {
        if (node->kind == NODE_STMT)
            check_host(ck, &node->st, place);
        check_hosts(ck, &node->kids, place);
        check_hosts(ck, &node->other, place);
    }
}

static void check_stmt(struct check *ck, const struct sp_stmt *st)
{
    check_path(ck, st);
    check_seen_at(ck, st);
    check_box(ck, st);
    note_end(ck, st->who, st);
    switch (st->kind) {
    case SP_ST_START:
        check_start(ck, st);
        check_closed(ck, st);
        break;
    case SP_ST_FINISH:
        check_finish(ck, st);
        break;
    case SP_ST_CALL:
        check_closed(ck, st);
        check_bind(ck, st);
        break;
    case SP_ST_PROC:
        check_proc(ck, st);
        break;
    case SP_ST_WIRE:
    case SP_ST_STATE:
    case SP_ST_STILL:
    case SP_ST_NEVER_STATE:
    case SP_ST_NEVER_WIRE:
    case SP_ST_SILENCE:
    case SP_ST_QUEUE:
    case SP_ST_WAIT:
    case SP_ST_LAB:
    case SP_ST_MIDDLE:
    case SP_ST_PEER:
    case SP_ST_ANY_ORDER:
    case SP_ST_OPTIONAL:
    case SP_ST_REPEAT:
        break;
    }
}

static void walk(struct check *ck, const struct node_list *list, const struct node_list *all);

/* A copy of what is closed now, and its length. */
static struct closed *closed_copy(const struct check *ck, size_t *count)
{
    struct closed *copy = sp_xcalloc(ck->closed_count, sizeof *copy);
    *count = ck->closed_count;
    if (*count)
        memcpy(copy, ck->closed, *count * sizeof *copy);
    return copy;
}

static void closed_set(struct check *ck, const struct closed *items, size_t count)
{
    ck->closed_count = 0;
    for (size_t i = 0; i < count; i++)
        SP_PUSH(ck->closed, ck->closed_count, ck->closed_cap) = items[i];
}

/* Behind an `on` block a socket is closed where both sides leave it so. */
static void merge_closed(struct check *ck, const struct closed *one, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct closed *both = find_closed(ck, one[i].who, one[i].sock);
        if (both) {
            struct closed swap = ck->closed[kept];
            size_t at = (size_t)(both - ck->closed);
            ck->closed[kept++] = *both;
            ck->closed[at] = swap;
        }
    }
    ck->closed_count = kept;
}

static void walk_on(struct check *ck, const struct node *node, const struct node_list *all)
{
    struct arm *arm = &ck->arms[ck->depth++];
    size_t count = ck->pending_count;
    struct pending *before = sp_xcalloc(count, sizeof *before);
    if (count)
        memcpy(before, ck->pending, count * sizeof *before);
    size_t closed_before = 0, closed_one = 0;
    struct closed *was_closed = closed_copy(ck, &closed_before);
    *arm = (struct arm){.on = node, .other = false};
    walk(ck, &node->kids, all);

    /* the other side begins where this one began; what this one started is not there */
    size_t after = ck->pending_count;
    struct pending *one = sp_xcalloc(after, sizeof *one);
    for (size_t i = 0; i < after; i++) {
        one[i] = ck->pending[i];
        if (i < count)
            ck->pending[i] = before[i];
        else
            ck->pending[i].maybe_open = !(ck->pending[i].maybe_idle = true);
    }
    struct closed *one_closed = closed_copy(ck, &closed_one);
    closed_set(ck, was_closed, closed_before);
    *arm = (struct arm){.on = node, .other = true};
    walk(ck, &node->other, all);
    merge_pending(ck, one, after);
    merge_closed(ck, one_closed, closed_one);
    ck->depth--;
    free(before);
    free(one);
    free(was_closed);
    free(one_closed);
}

/* establish, peer connects */
static void walk_short(struct check *ck, const struct node *node)
{
    if (node->kind == NODE_PEER_CONNECTS) {
        note_end(ck, SP_WHO_PEER, &node->st);
        return;
    }
    note_end(ck, node->active, &node->st);
    note_end(ck, node->passive, &node->st);
    reopen(ck, node->active, node->active_sock);
    reopen(ck, node->passive, node->passive_sock);
}

static void walk(struct check *ck, const struct node_list *list, const struct node_list *all)
{
    for (const struct node *node = list->first; node; node = node->next) {
        if (node->kind == NODE_ON) {
            walk_on(ck, node, all);
            continue;
        }
        if (node->kind == NODE_STMT)
            check_stmt(ck, &node->st);
        else
            walk_short(ck, node);
        walk(ck, &node->kids, all);
        check_labels(ck, &node->st, all);
    }
}

void check_nodes(struct parse *p, const struct node_list *nodes)
{
    struct check ck = {.p = p};
    walk(&ck, nodes, nodes);
    check_unfinished(&ck);
    check_peer(&ck);
    check_hosts(&ck, nodes, peer_place(nodes));
    free(ck.labels);
    free(ck.pending);
    free(ck.closed);
}
