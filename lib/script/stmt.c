/* The statements that are one line each: one function a first word. */
#include "parser.h"

#include <string.h>

/* ---- helpers ------------------------------------------------------------------------------- */

bool finish_line(struct cursor *cur, struct sp_stmt *st)
{
    return read_label(cur, &st->label) && cursor_end(cur);
}

/* END[/SOCK], with the socket that is meant where none is named. */
static bool read_subject(struct cursor *cur, struct sp_stmt *st)
{
    if (!read_end(cur, &st->who, &st->sock))
        return false;
    st->sock_named = st->sock != NULL;
    if (!st->sock)
        st->sock = "conn";
    return true;
}

static bool read_state(struct cursor *cur, struct sp_stmt *st)
{
    const struct word *word = cursor_want(cur, "a TCP state like ESTABLISHED");
    if (!word)
        return false;
    st->state = state_number(word->text);
    if (!st->state)
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, state_names),
                           "\"%s\" is not a TCP state", word->text);
    if (!st->sock_named && strcmp(word->text, "LISTEN") == 0)
        st->sock = "listener";
    return true;
}

/* `for DUR`: how long */
static bool read_for(struct cursor *cur, struct sp_stmt *st)
{
    if (!cursor_take(cur, "for"))
        return cursor_fail(cur, cursor_peek(cur), "for 400ms", "say for how long");
    if (!read_duration(cur, false, &st->when.max_ns))
        return false;
    st->when.min_ns = st->when.max_ns;
    return true;
}

/* ---- one line each ------------------------------------------------------------------------- */

bool parse_endpoint(struct cursor *cur, struct node *node)
{
    cur->at = 0;
    return read_end(cur, &node->st.who, &node->st.sock) && parse_call(cur, &node->st);
}

bool parse_wire(struct cursor *cur, struct node *node)
{
    bool got = false;
    node->st.kind = SP_ST_WIRE;
    return read_subject(cur, &node->st) && read_pattern(cur, &node->st.pattern) &&
           read_bound(cur, &node->st.when, &got) && finish_line(cur, &node->st);
}

bool parse_state(struct cursor *cur, struct node *node)
{
    bool got = false;
    node->st.kind = SP_ST_STATE;
    return read_subject(cur, &node->st) && read_state(cur, &node->st) &&
           read_bound(cur, &node->st.when, &got) && finish_line(cur, &node->st);
}

bool parse_still(struct cursor *cur, struct node *node)
{
    node->st.kind = SP_ST_STILL;
    return read_subject(cur, &node->st) && read_state(cur, &node->st) && read_for(cur, &node->st) &&
           finish_line(cur, &node->st);
}

bool parse_never(struct cursor *cur, struct node *node)
{
    struct sp_stmt *st = &node->st;
    bool wire = cursor_take(cur, "wire");
    st->kind = wire ? SP_ST_NEVER_WIRE : SP_ST_NEVER_STATE;
    if (!read_subject(cur, st))
        return false;
    if (wire ? !read_pattern(cur, &st->pattern) : !read_state(cur, st))
        return false;
    if (cursor_is(cur, "for") && !read_for(cur, st))
        return false;
    if (cursor_take(cur, "until") && !read_label_name(cur, &st->until))
        return false;
    if (st->until && st->when.max_ns)
        return cursor_fail(cur, NULL, NULL, "either `for` or `until`, not both");
    return finish_line(cur, st);
}

bool parse_silence(struct cursor *cur, struct node *node)
{
    const char *sock = NULL;
    node->st.kind = SP_ST_SILENCE;
    const struct word *word = cursor_peek(cur);
    if (word && !cursor_is(cur, "for") && !read_end(cur, &node->st.who, &sock))
        return false;
    if (sock)
        return cursor_fail(cur, word, NULL, "silence is about an endpoint, not about a socket");
    return read_for(cur, &node->st) && finish_line(cur, &node->st);
}

bool parse_queue(struct cursor *cur, struct node *node)
{
    static const char *const verbs[] = {"unread", "unacked", NULL};
    struct sp_stmt *st = &node->st;
    bool got = false;
    st->kind = SP_ST_QUEUE;
    if (!read_subject(cur, st))
        return false;
    const struct word *word = cursor_want(cur, "unread or unacked");
    if (!word)
        return false;
    if (!name_known(verbs, word->text))
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, verbs),
                           "a queue is unread or unacked, not \"%s\"", word->text);
    st->verb = word->text;
    word = cursor_want(cur, "a number or a range");
    return word && read_range(cur, word, word->text, &st->times) &&
           read_bound(cur, &st->when, &got) && finish_line(cur, st);
}

bool parse_wait(struct cursor *cur, struct node *node)
{
    node->st.kind = SP_ST_WAIT;
    if (!read_duration(cur, false, &node->st.when.max_ns))
        return false;
    node->st.when.min_ns = node->st.when.max_ns;
    return finish_line(cur, &node->st);
}

bool read_target(struct cursor *cur, struct sp_stmt *st)
{
    const char *sock = NULL;
    const struct word *word = cursor_peek(cur);
    return read_end(cur, &st->target, &sock) &&
           (!sock || cursor_fail(cur, word, NULL, "the path knows endpoints, not sockets"));
}

static bool is_assignment(const char *text)
{
    const char *equals = strchr(text, '=');
    return equals && equals > text && equals[1] &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/") >=
               (size_t)(equals - text);
}

static bool read_sysctl(struct cursor *cur, struct sp_stmt *st)
{
    if (cursor_take(cur, "box"))
        st->target = SP_WHO_MIDDLE;
    else if (!read_target(cur, st))
        return false;
    const struct word *word = cursor_want(cur, "NAME=VALUE");
    if (!word)
        return false;
    if (!is_assignment(word->text))
        return cursor_fail(cur, word, "net.ipv4.tcp_fin_timeout=3", "\"%s\" is no NAME=VALUE",
                           word->text);
    size_t len = strcspn(word->text, "=");
    struct sp_buf value;
    sp_buf_init(&value, 0);
    sp_buf_addstr(&value, word->text + len + 1);
    while (cursor_more(cur) && !cursor_is(cur, "as"))
        sp_buf_addf(&value, " %s", cursor_next(cur)->text);
    st->args = SP_ARENA_ARRAY(cur->p->arena, struct sp_arg, 2);
    st->arg_count = 2;
    st->args[0] = (struct sp_arg){.name = "name",
                                  .is_text = true,
                                  .text = sp_arena_strndup(cur->p->arena, word->text, len),
                                  .at = {cur->line->number, word->column}};
    st->args[1] = st->args[0];
    st->args[1].name = "value";
    st->args[1].text = sp_arena_strndup(cur->p->arena, value.data, value.len);
    sp_buf_release(&value);
    return true;
}

bool parse_lab(struct cursor *cur, struct node *node)
{
    static const char *const verbs[] = {"cut",    "restore", "unplug", "plug",
                                        "sysctl", "address", NULL};
    struct sp_stmt *st = &node->st;
    st->kind = SP_ST_LAB;
    const struct word *word = cursor_want(cur, "cut, restore, unplug, plug, sysctl or address");
    if (!word)
        return false;
    if (!name_known(verbs, word->text))
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, verbs),
                           "the lab cannot \"%s\"", word->text);
    st->verb = word->text;
    bool sysctl = strcmp(st->verb, "sysctl") == 0;
    bool either = strcmp(st->verb, "cut") == 0 || strcmp(st->verb, "restore") == 0;
    if (sysctl ? !read_sysctl(cur, st)
               : (!either || (cursor_more(cur) && !cursor_is(cur, "as"))) && !read_target(cur, st))
        return false;
    if (strcmp(st->verb, "address") == 0 && cursor_take(cur, "preferred"))
        st->preferred = true;
    return finish_line(cur, st);
}

/* establish peer [server[/b]] */
static bool establish_of_peer(struct cursor *cur, struct node *node)
{
    node->active = SP_WHO_PEER;
    node->active_sock = "conn";
    node->passive = SP_WHO_SERVER;
    if (cursor_more(cur) && !cursor_is(cur, "as") &&
        !read_end(cur, &node->passive, &node->passive_sock))
        return false;
    if (!node->passive_sock)
        node->passive_sock = "conn";
    return finish_line(cur, &node->st);
}

/* establish | establish server | establish client/b server/b: who connects, then to whom */
bool parse_establish(struct cursor *cur, struct node *node)
{
    node->kind = NODE_ESTABLISH;
    node->active = SP_WHO_CLIENT;
    const struct word *second = NULL;
    if (cursor_take(cur,
                    "peer")) /* it has no sockets, and the other end is the only one there is */
        return establish_of_peer(cur, node);
    if (cursor_more(cur) && !cursor_is(cur, "as")) {
        if (!read_end(cur, &node->active, &node->active_sock))
            return false;
        second = cursor_peek(cur);
    }
    node->passive = node->active == SP_WHO_CLIENT ? SP_WHO_SERVER : SP_WHO_CLIENT;
    if (second && cursor_take(cur, "peer")) {
        node->passive = SP_WHO_PEER;
        second = NULL;
    }
    if (second && !cursor_is(cur, "as") && !read_end(cur, &node->passive, &node->passive_sock))
        return false;
    if (node->active == node->passive)
        return cursor_fail(cur, second, "establish client/b server/b",
                           "the two ends of a connection are the same endpoint");
    if (!node->active_sock)
        node->active_sock = "conn";
    if (!node->passive_sock)
        node->passive_sock = node->active_sock;
    return finish_line(cur, &node->st);
}
