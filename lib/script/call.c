/* Lines of an endpoint: `client [start|finish] CALL args`, and what happens to its process. */
#include "parser.h"

#include <string.h>

enum { ARGS_MAX = 4 };

static struct sp_arg *add_arg(struct cursor *cur, struct sp_stmt *st, const char *name,
                              const struct word *word)
{
    if (!st->args)
        st->args = SP_ARENA_ARRAY(cur->p->arena, struct sp_arg, ARGS_MAX);
    struct sp_arg *arg = &st->args[st->arg_count++];
    arg->name = name;
    arg->at = (struct sp_place_in){cur->line->number, word ? word->column : st->at.column};
    return arg;
}

static void add_text(struct cursor *cur, struct sp_stmt *st, const char *name,
                     const struct word *word, const char *text)
{
    struct sp_arg *arg = add_arg(cur, st, name, word);
    arg->is_text = true;
    arg->text = text;
}

static bool add_number(struct cursor *cur, struct sp_stmt *st, const char *name, const char *what,
                       int64_t min, int64_t max)
{
    const struct word *word = cursor_peek(cur);
    int64_t number = 0;
    if (!read_number(cur, what, min, max, &number))
        return false;
    add_arg(cur, st, name, word)->number = number;
    return true;
}

/* Whether an argument can follow: neither an expectation nor a label. */
static bool more_args(const struct cursor *cur)
{
    return cursor_more(cur) && !cursor_is(cur, "->") && !cursor_is(cur, "took") &&
           !cursor_is(cur, "raises") && !cursor_is(cur, "as");
}

/* ---- arguments of each call ---------------------------------------------------------------- */

static bool args_none(struct cursor *cur, struct sp_stmt *st)
{
    (void)st;
    return !more_args(cur) ||
           cursor_fail(cur, cursor_peek(cur), NULL, "\"%s\" is one argument too many",
                       cursor_peek(cur)->text);
}

/* [HOST][:PORT] stays text: the run knows addresses and ports. */
bool parse_address(struct cursor *cur, const struct word *word, const char *text)
{
    static const char *const hosts[] = {"client",    "server",    "peer",   "any",
                                        "own",       "localhost", "nobody", "multicast",
                                        "broadcast", "none",      "second", NULL};
    size_t len = strcspn(text, ":");
    const char *host = sp_arena_strndup(cur->p->arena, text, len);
    const char *port = text + len;
    if (*host && !name_known(hosts, host))
        return cursor_fail(cur, word, diag_near(cur->p->diags, host, hosts),
                           "\"%s\" is no host: client, server, peer, own, any, localhost, ...",
                           host);
    if (strcmp(host, "broadcast") == 0 && (cur->p->c->families & SP_CASE_IPV6))
        return cursor_fail(cur, word, "family ipv4", "IPv6 has no broadcast");
    if (strcmp(text, "none") != 0 && strcmp(host, "none") == 0)
        return cursor_fail(cur, word, "without a port", "no address has no port either");
    if (!*host && !*port)
        return cursor_fail(cur, word, NULL, "an empty address");
    int64_t number = 0;
    if (*port && !is_name(port + 1) && (!parse_int(port + 1, &number) || number > 65535))
        return cursor_fail(cur, word, "0 to 65535, or a name of your own", "\"%s\" is not a port",
                           port + 1);
    return true;
}

/* HOST,HOST: through which a source route leads. */
bool parse_route(struct cursor *cur, const struct word *word, const char *text)
{
    int count = 0;
    if (cur->p->c->families & SP_CASE_IPV6)
        return cursor_fail(cur, word, "family ipv4", "IPv6 has no such source routes");
    for (const char *p = text; *p; count++) {
        size_t len = strcspn(p, ",");
        const char *host = sp_arena_strndup(cur->p->arena, p, len);
        if (!*host || strchr(host, ':'))
            return cursor_fail(cur, word, "route=nobody,peer", "\"%s\" is no row of hosts", text);
        if (!parse_address(cur, word, host))
            return false;
        p += len;
        p += *p == ',';
    }
    return (count > 0 && count <= SP_ROUTE_MAX) ||
           cursor_fail(cur, word, NULL, "a source route has 1 to %d hosts", SP_ROUTE_MAX);
}

static bool args_addr(struct cursor *cur, struct sp_stmt *st)
{
    const struct word *word = cursor_want(cur, "an address like server, :80 or any:p1");
    if (!word || !parse_address(cur, word, word->text))
        return false;
    add_text(cur, st, "addr", word, word->text);
    return true;
}

/* The family of the lab's addresses is the case's own; a socket may be of the other one. */
static bool args_socket(struct cursor *cur, struct sp_stmt *st)
{
    static const char *const families[] = {"ipv4", "ipv6", NULL};
    if (!more_args(cur))
        return true;
    const struct word *word = cursor_next(cur);
    if (!name_known(families, word->text))
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, families),
                           "\"%s\" is neither ipv4 nor ipv6", word->text);
    add_arg(cur, st, "family", word)->number = word->text[3] == '4' ? 4 : 6;
    return true;
}

static bool args_backlog(struct cursor *cur, struct sp_stmt *st)
{
    return !more_args(cur) || add_number(cur, st, "backlog", "a backlog", 0, INT32_MAX);
}

static bool args_dup(struct cursor *cur, struct sp_stmt *st)
{
    const struct word *word = cursor_want(cur, "a name for the new socket");
    if (!word)
        return false;
    if (!is_name(word->text) || strlen(word->text) > 31)
        return cursor_fail(cur, word, "a lower-case letter, then letters, digits, - and _",
                           "\"%s\" is no name for a socket", word->text);
    add_text(cur, st, "as", word, word->text);
    return true;
}

static bool args_accept(struct cursor *cur, struct sp_stmt *st)
{
    if (more_args(cur))
        return args_dup(cur, st);
    add_text(cur, st, "as", NULL, "conn");
    return true;
}

/* Names that stand with | or blanks between them; joined with |. */
static bool add_set(struct cursor *cur, struct sp_stmt *st, const char *name,
                    const char *const *known, const char *what, bool needed)
{
    struct sp_buf buf;
    sp_buf_init(&buf, 0);
    const struct word *first = cursor_peek(cur);
    bool ok = true;
    while (ok && more_args(cur) && !cursor_is(cur, "timeout")) {
        const struct word *word = cursor_next(cur);
        for (const char *p = word->text; ok && *p;) {
            size_t len = strcspn(p, "|");
            const char *one = sp_arena_strndup(cur->p->arena, p, len);
            ok = name_known(known, one) ||
                 cursor_fail(cur, word, diag_near(cur->p->diags, one, known), "\"%s\" is not %s",
                             one, what);
            sp_buf_addf(&buf, "%s%s", buf.len ? "|" : "", one);
            p += len + (p[len] == '|');
        }
    }
    if (ok && buf.len)
        add_text(cur, st, name, first, sp_arena_strndup(cur->p->arena, buf.data, buf.len));
    else if (ok && needed)
        ok = cursor_fail(cur, first, NULL, "expected %s", what);
    sp_buf_release(&buf);
    return ok;
}

/* One gigabyte: what a case can send in its lifetime, and far below what overflows a sum. */
enum { LEN_MAX = 1 << 30 };

static bool args_transfer(struct cursor *cur, struct sp_stmt *st)
{
    return add_number(cur, st, "len", "a number of bytes", 0, LEN_MAX) &&
           add_set(cur, st, "flags", msg_flag_names, "a MSG_ flag", false);
}

/* skip=N: bytes of the stream that this call is not to see, those taken as urgent ones. */
static bool args_recv(struct cursor *cur, struct sp_stmt *st)
{
    const struct word *word = NULL;
    int64_t skip = 0;
    if (!add_number(cur, st, "len", "a number of bytes", 0, LEN_MAX))
        return false;
    word = cursor_peek(cur);
    if (word && strncmp(word->text, "skip=", 5) == 0) {
        cur->at++;
        if (!parse_int(word->text + 5, &skip) || skip > INT32_MAX)
            return cursor_fail(cur, word, "skip=1", "\"%s\" is not a number of bytes",
                               word->text + 5);
        add_arg(cur, st, "skip", word)->number = skip;
    }
    return add_set(cur, st, "flags", msg_flag_names, "a MSG_ flag", false);
}

static bool args_drain(struct cursor *cur, struct sp_stmt *st)
{
    const struct word *word = more_args(cur) ? cursor_peek(cur) : NULL;
    if (word && strchr("-0123456789", *word->text) &&
        !add_number(cur, st, "max", "a number of bytes", 1, LEN_MAX))
        return false;
    return add_set(cur, st, "flags", msg_flag_names, "a MSG_ flag", false);
}

static bool args_fill(struct cursor *cur, struct sp_stmt *st)
{
    return !more_args(cur) || add_number(cur, st, "max", "a number of bytes", 1, LEN_MAX);
}

static bool add_choice(struct cursor *cur, struct sp_stmt *st, const char *name,
                       const char *const *known, const char *what)
{
    const struct word *word = cursor_want(cur, what);
    if (!word)
        return false;
    if (!name_known(known, word->text))
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, known),
                           "\"%s\" is not %s", word->text, what);
    add_text(cur, st, name, word, word->text);
    return true;
}

static bool args_shutdown(struct cursor *cur, struct sp_stmt *st)
{
    static const char *const how[] = {"RD", "WR", "RDWR", NULL};
    return add_choice(cur, st, "how", how, "one of RD, WR, RDWR");
}

/* on=1 linger=0, in either order */
static bool args_linger(struct cursor *cur, struct sp_stmt *st)
{
    static const char *const names[] = {"on", "linger"};
    const char *seen[2] = {NULL, NULL};
    while (more_args(cur)) {
        const struct word *word = cursor_next(cur);
        int64_t number = 0;
        int which = strncmp(word->text, "on=", 3) == 0       ? 0
                    : strncmp(word->text, "linger=", 7) == 0 ? 1
                                                             : -1;
        if (which < 0 || seen[which])
            return cursor_fail(cur, word, "set SO_LINGER on=1 linger=0",
                               "\"%s\" is not what SO_LINGER takes", word->text);
        if (!parse_int(strchr(word->text, '=') + 1, &number) || number > INT32_MAX)
            return cursor_fail(cur, word, NULL, "\"%s\" is not a number of 31 bits",
                               strchr(word->text, '=') + 1);
        add_arg(cur, st, names[which], word)->number = number;
        seen[which] = word->text;
    }
    return (seen[0] && seen[1]) || cursor_fail(cur, NULL, "set SO_LINGER on=1 linger=0",
                                               "SO_LINGER takes on=N and linger=SECONDS");
}

static bool args_set(struct cursor *cur, struct sp_stmt *st)
{
    if (!add_choice(cur, st, "opt", sockopt_names, "a socket option"))
        return false;
    const char *opt = st->args[0].text;
    if (strcmp(opt, "SO_LINGER") == 0)
        return args_linger(cur, st);
    const struct word *word = cursor_peek(cur);
    if (word && (strcmp(word->text, "on") == 0 || strcmp(word->text, "off") == 0)) {
        add_arg(cur, st, "value", word)->number = word->text[1] == 'n';
        cur->at++;
        return true;
    }
    bool named = strcmp(opt, "TCP_CONGESTION") == 0 || strcmp(opt, "SO_BINDTODEVICE") == 0;
    if (word && named && is_name(word->text)) {
        add_text(cur, st, "value", word, word->text);
        cur->at++;
        return true;
    }
    if (strcmp(opt, "IP_OPTIONS") == 0) {
        word = cursor_want(cur, "route=HOST,HOST");
        if (!word || strncmp(word->text, "route=", 6) != 0)
            return cursor_fail(cur, word, "set IP_OPTIONS route=peer", "say by which hosts");
        add_text(cur, st, "value", word, word->text);
        return parse_route(cur, word, word->text + 6);
    }
    int64_t number = 0;
    if (word && word->text[0] == '-' && parse_int(word->text + 1, &number) &&
        number <= INT32_MAX) { /* TCP_LINGER2 -1 */
        add_arg(cur, st, "value", word)->number = -number;
        cur->at++;
        return true;
    }
    return add_number(cur, st, "value", "a number for the option", 0, INT32_MAX);
}

static bool args_get(struct cursor *cur, struct sp_stmt *st)
{
    return add_choice(cur, st, "opt", sockopt_names, "a socket option");
}

static bool read_timeout(struct cursor *cur, struct sp_stmt *st)
{
    int64_t timeout_ns = 0;
    const struct word *word = cursor_peek(cur);
    if (!cursor_take(cur, "timeout"))
        return true;
    if (!read_duration(cur, true, &timeout_ns))
        return false;
    if (timeout_ns % 1000000 || timeout_ns / 1000000 > INT32_MAX)
        return cursor_fail(cur, word + 1, NULL, "poll counts in whole milliseconds, of 31 bits");
    add_arg(cur, st, "timeout_ms", word)->number = timeout_ns / 1000000;
    return true;
}

static bool args_poll(struct cursor *cur, struct sp_stmt *st)
{
    return add_set(cur, st, "events", poll_names, "something to poll for: IN, OUT, ...", true) &&
           read_timeout(cur, st);
}

static bool args_epoll(struct cursor *cur, struct sp_stmt *st)
{
    return add_set(cur, st, "events", epoll_names, "something to wait for: IN, OUT, ET, ...",
                   true) &&
           read_timeout(cur, st);
}

static bool args_select(struct cursor *cur, struct sp_stmt *st)
{
    return add_set(cur, st, "sets", select_names, "one of READ, WRITE, EXCEPT", true) &&
           read_timeout(cur, st);
}

static bool args_nonblock(struct cursor *cur, struct sp_stmt *st)
{
    const struct word *word = cursor_peek(cur);
    bool off = cursor_take(cur, "off");
    if (!off && !cursor_take(cur, "on") && more_args(cur))
        return cursor_fail(cur, word, NULL, "\"%s\" is neither on nor off", word->text);
    add_arg(cur, st, "on", word)->number = !off;
    return true;
}

static bool args_ioctl(struct cursor *cur, struct sp_stmt *st)
{
    static const char *const what[] = {"FIONREAD", "SIOCATMARK",  "SIOCINQ",
                                       "SIOCOUTQ", "SIOCOUTQNSD", NULL};
    return add_choice(cur, st, "what", what, "an ioctl of sockets");
}

static bool args_signal(struct cursor *cur, struct sp_stmt *st)
{
    static const char *const what[] = {"default", "catch", "restart", "ignore", NULL};
    return add_choice(cur, st, "what", signal_names, "a signal like SIGPIPE") &&
           add_choice(cur, st, "action", what, "one of default, catch, restart, ignore");
}

static bool args_interrupt(struct cursor *cur, struct sp_stmt *st)
{
    return add_choice(cur, st, "call", sp_script_calls(), "a call that was started") &&
           add_choice(cur, st, "what", signal_names, "a signal like SIGUSR1");
}

/* ---- the table ----------------------------------------------------------------------------- */

/* name, the socket that it means where none is named, its arguments */
#define CALLS(X)                                                                                   \
    X(socket, "conn", args_socket)                                                                 \
    X(bind, "conn", args_addr)                                                                     \
    X(listen, "listener", args_backlog)                                                            \
    X(connect, "conn", args_addr)                                                                  \
    X(accept, "listener", args_accept)                                                             \
    X(send, "conn", args_transfer)                                                                 \
    X(recv, "conn", args_recv)                                                                     \
    X(drain, "conn", args_drain)                                                                   \
    X(fill, "conn", args_fill)                                                                     \
    X(close, "conn", args_none)                                                                    \
    X(shutdown, "conn", args_shutdown)                                                             \
    X(set, "conn", args_set)                                                                       \
    X(get, "conn", args_get)                                                                       \
    X(poll, "conn", args_poll)                                                                     \
    X(select, "conn", args_select)                                                                 \
    X(epoll, "conn", args_epoll)                                                                   \
    X(getsockname, "conn", args_none)                                                              \
    X(getpeername, "conn", args_none)                                                              \
    X(nonblock, "conn", args_nonblock)                                                             \
    X(ioctl, "conn", args_ioctl)                                                                   \
    X(dup, "conn", args_dup)                                                                       \
    X(pass, "conn", args_none)                                                                     \
    X(take, "conn", args_dup)                                                                      \
    X(fork, "conn", args_none)                                                                     \
    X(reap, "conn", args_none)                                                                     \
    X(signal, "conn", args_signal)                                                                 \
    X(interrupt, "conn", args_interrupt)

static const struct call_row {
    const char *name;
    const char *sock;
    bool (*args)(struct cursor *cur, struct sp_stmt *st);
} calls[] = {
#define X(name, sock, args) {#name, sock, args},
    CALLS(X)
#undef X
};

enum { CALL_COUNT = sizeof calls / sizeof calls[0] };

const char *const *sp_script_calls(void)
{
    static const char *const names[] = {
#define X(name, sock, args) #name,
        CALLS(X)
#undef X
            NULL};
    return names;
}

static const struct call_row *find_call(const char *name)
{
    for (size_t i = 0; i < CALL_COUNT; i++)
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    return NULL;
}

static const char *near_call(struct cursor *cur, const char *name)
{
    static const char *const others[] = {"start", "finish", "exit", "kill", "spawn", NULL};
    static const struct name_number native[] = {{"setsockopt", 0}, {"getsockopt", 1}};
    static const char *const ours[] = {"the language calls it set", "the language calls it get"};
    for (size_t i = 0; i < 2; i++)
        if (strcmp(native[i].name, name) == 0)
            return ours[native[i].number];
    const char *hint = diag_near(cur->p->diags, name, sp_script_calls());
    return hint ? hint : diag_near(cur->p->diags, name, others);
}

/* ---- processes ----------------------------------------------------------------------------- */

static bool parse_exit(struct cursor *cur, struct sp_stmt *st)
{
    if (cursor_more(cur) && !cursor_is(cur, "as"))
        return add_number(cur, st, "code", "an exit code", 0, 255);
    add_arg(cur, st, "code", NULL);
    return true;
}

static bool parse_kill(struct cursor *cur, struct sp_stmt *st)
{
    if (!add_choice(cur, st, "signal", signal_names, "a signal like SIGKILL"))
        return false;
    st->args[0].number = signal_number(st->args[0].text);
    return true;
}

static bool parse_spawn(struct cursor *cur, struct sp_stmt *st)
{
    (void)cur;
    (void)st;
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(struct cursor *cur, struct sp_stmt *st);
} procs[] = {{"exit", parse_exit}, {"kill", parse_kill}, {"spawn", parse_spawn}};

static bool parse_proc(struct cursor *cur, struct sp_stmt *st, const struct word *word, bool *is)
{
    for (size_t i = 0; i < sizeof procs / sizeof procs[0]; i++) {
        if (strcmp(word->text, procs[i].name) != 0)
            continue;
        *is = true;
        st->kind = SP_ST_PROC;
        st->call = procs[i].name;
        if (st->sock)
            return cursor_fail(cur, word, "without the socket's name",
                               "%s is about a process, not about a socket", st->call);
        st->sock = "conn";
        return procs[i].parse(cur, st) && read_label(cur, &st->label) && cursor_end(cur);
    }
    *is = false;
    return true;
}

/* ---- the line ------------------------------------------------------------------------------ */

/* What a started call may already be expected to come to. */
static bool check_start(struct cursor *cur, const struct sp_stmt *st, const struct word *arrow)
{
    for (size_t i = 0; i < st->expect.count; i++) {
        enum sp_outcome_kind kind = st->expect.any_of[i].kind;
        if (kind != SP_OUT_PENDING && kind != SP_OUT_KILLED)
            return cursor_fail(cur, arrow, "put it on the `finish` line",
                               "a started call can only be expected to stay pending or killed");
    }
    return true;
}

bool parse_call(struct cursor *cur, struct sp_stmt *st)
{
    st->kind = cursor_take(cur, "start")    ? SP_ST_START
               : cursor_take(cur, "finish") ? SP_ST_FINISH
                                            : SP_ST_CALL;
    const struct word *word = cursor_want(cur, "a call");
    if (!word)
        return false;
    if (st->kind == SP_ST_CALL) {
        bool is = false;
        bool ok = parse_proc(cur, st, word, &is);
        if (is)
            return ok;
    }
    const struct call_row *row = word->quoted ? NULL : find_call(word->text);
    if (!row)
        return cursor_fail(cur, word, near_call(cur, word->text), "\"%s\" is not a call",
                           word->text);
    st->call = row->name;
    st->sock_named = st->sock != NULL;
    if (!st->sock)
        st->sock = row->sock;
    if (st->kind == SP_ST_FINISH ? !args_none(cur, st) : !row->args(cur, st))
        return false;
    const struct word *arrow = cursor_peek(cur);
    bool outcome = false;
    bool rest = false;
    if (!read_expect(cur, &st->expect, &outcome, &rest))
        return false;
    if (st->kind == SP_ST_START && !check_start(cur, st, arrow))
        return false;
    if (!read_label(cur, &st->label))
        return false;
    const struct word *extra = cursor_peek(cur);
    if (extra && (cursor_is(cur, "within") || cursor_is(cur, "after")))
        return cursor_fail(cur, extra, "took says how long a call may take",
                           "\"%s\" is for segments and states", extra->text);
    return cursor_end(cur);
}
