/*
 * Ledgers: what calls and processes asked of each end of each connection, in the order of time.
 *
 * What a socket does goes to the ledger of the connection that it is tied to (ledger_socks.c). The
 * acts of a stranger go to every ledger of its end, so that nobody is blamed for what it may have
 * done.
 *
 * A call acts from its entry: data and FINs leave before it returns.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

/* ---- arguments ------------------------------------------------------------------------------ */

/* The word after `key` in printed arguments; NULL where it is not there. In the trace's arena. */
static const char *arg_of(struct book *book, const char *args, const char *key)
{
    size_t key_len = strlen(key);
    for (const char *at = args; at && *at;) {
        size_t len = strcspn(at, " ");
        if (len > key_len && strncmp(at, key, key_len) == 0)
            return sp_arena_strndup(&book->ctx->out->arena, at + key_len, len - key_len);
        at += len;
        at += strspn(at, " ");
    }
    return NULL;
}

static bool has_word(const struct sp_ev_call *call, const char *word)
{
    return call->args && strstr(call->args, word) != NULL;
}

/* ---- acts ----------------------------------------------------------------------------------- */

static void earliest(int64_t *when_ns, int64_t t_ns)
{
    if (t_ns < *when_ns)
        *when_ns = t_ns;
}

static void ledger_add(struct ledger *ledger, const struct act *act)
{
    SP_PUSH(ledger->acts, ledger->len, ledger->cap) = *act;
    for (size_t i = ledger->len - 1; i && ledger->acts[i - 1].from_ns > act->from_ns; i--) {
        ledger->acts[i] = ledger->acts[i - 1];
        ledger->acts[i - 1] = *act;
    }
}

/* Whether nothing of a process's is left of it when it ends. A stack that lives in the process goes
 * with it, and with all that it has. */
static bool is_let_go(const struct book *book, size_t conn, int side)
{
    const struct ledger *ledger = &book->ctx->ledgers[conn][side];
    enum sp_end end = conn_end(&book->flights->conns[conn], side);
    return ledger->tied && !ledger->held && !ledger->strangers && !book->forked[end] &&
           !book->ctx->trace->head.states_hidden[end];
}

/* To every connection of the end; `unaccepted`: to those that no socket is tied to. */
static void act_of_end(struct book *book, enum sp_end end, const struct act *act, bool unaccepted)
{
    /* What was over before a connection began did nothing to it. */
    int64_t until_ns = act->to_ns;
    if (act->kind == ACT_EXIT && act->event->kind == SP_EV_PROC)
        until_ns =
            act->event->t_end_ns > act->event->t_ns ? act->event->t_end_ns : act->event->t_ns;
    for (size_t i = 0; i < book->flights->conn_count; i++)
        for (int side = 0; side < 2; side++)
            if (conn_end(&book->flights->conns[i], side) == end &&
                !(act->kind == ACT_EXIT && is_let_go(book, i, side)) &&
                (until_ns == INT64_MAX || book->flights->conns[i].first_ns <= until_ns + SKEW_NS) &&
                (!unaccepted || (side == 1 && !book->taken[i][1]))) {
                ledger_add(&book->ctx->ledgers[i][side], act);
                book->ctx->ledgers[i][side].strangers |=
                    act->kind != ACT_EXIT && act->kind != ACT_UNACCEPT && act->kind != ACT_CONNECT;
            }
}

static void act_add(struct book *book, const struct sock *sock, const struct act *act)
{
    if (sock->what == SOCK_TIED)
        ledger_add(&book->ctx->ledgers[sock->conn][sock->side], act);
    else if (sock->what == SOCK_STRANGER)
        act_of_end(book, sock->end, act, false);
}

/* Its close aborts from now on: of the connection that it is, and of those that a listener takes.
 */
static void abort_set(struct book *book, const struct sock *sock)
{
    for (size_t i = 0; i < book->flights->conn_count; i++)
        for (int side = 0; side < 2; side++) {
            bool own = sock->what == SOCK_TIED && sock->conn == (int)i && sock->side == side;
            bool any = sock->what == SOCK_STRANGER || (sock->what == SOCK_LISTENER && side == 1);
            if (conn_end(&book->flights->conns[i], side) == sock->end && (own || any))
                earliest(&book->ctx->ledgers[i][side].abort_ns, sock->abort_ns);
        }
}

static struct act act_make(enum act_kind kind, const struct sp_event *event)
{
    return (struct act){
        .kind = kind, .from_ns = event->t_ns, .to_ns = sp_tcp_call_end(event), .event = event};
}

static bool is_refused(const struct sp_ev_call *call)
{
    static const char *const refusals[] = {"EBADF", "ENOTSOCK", "ENOTCONN", "EINVAL"};
    for (size_t i = 0; call->error && i < sizeof refusals / sizeof refusals[0]; i++)
        if (strcmp(call->error, refusals[i]) == 0)
            return true;
    return false;
}

static void do_socket(struct book *book, const struct sp_event *event)
{
    if (!event->u.call.error)
        sp_tcp_sock_new(book, event->end, event->u.call.sock, SOCK_UNUSED);
}

static void do_listen(struct book *book, const struct sp_event *event)
{
    struct sock *sock = sp_tcp_sock_of(book, event->end, event->u.call.sock);
    if (event->u.call.error)
        return;
    sock->what = SOCK_LISTENER;
    abort_set(book, sock);
}

/* Connections are matched in a pass of their own, so that a listener's end knows who is left. */
static void do_connect(struct book *book, const struct sp_event *event)
{
    struct sock *sock = sp_tcp_sock_of(book, event->end, event->u.call.sock);
    struct act act = act_make(ACT_CONNECT, event);
    act.to_ns = sp_tcp_connect_end(book, event);
    if (book->ctx->facts[event->end].fastopen_ns <= event->t_ns)
        act.to_ns = INT64_MAX;
    if (has_word(&event->u.call, "unspec")) { /* dissolves the association (POSIX: connect) */
        act.kind = ACT_CLOSE;
        act_add(book, sock, &act);
        struct sock aborted = *sock; /* with RST on Linux; what it connects to next is not */
        earliest(&aborted.abort_ns, event->t_ns);
        abort_set(book, &aborted);
        return;
    }
    if (sock->what == SOCK_LISTENER && event->u.call.error)
        return; /* EOPNOTSUPP, EISCONN: it goes on listening */
    struct sock before = *sock;
    sp_tcp_sock_tie(book, sock, event, true);
    abort_set(book, sock);
    if (sock->what == SOCK_STRANGER && before.what == SOCK_TIED)
        *sock = before; /* asked again about a connection that it has: EISCONN, EALREADY */
    act_add(book, sock, &act);
    if (sock->what == SOCK_STRANGER && event->u.call.error && sp_tcp_call_end(event) < INT64_MAX &&
        strcmp(event->u.call.error, "EINPROGRESS") != 0)
        sock->what = SOCK_UNUSED; /* it failed: what the socket does next concerns nobody */
}

static void do_accept(struct book *book, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    if (call->how == SP_CALL_RETURNED && call->error)
        return;
    const char *name = arg_of(book, call->args, "as=");
    bool listening = sp_tcp_sock_of(book, event->end, call->sock)->what == SOCK_LISTENER;
    if (!name)
        name = listening ? "conn" : call->sock;
    struct sock *sock = sp_tcp_sock_new(book, event->end, name, SOCK_STRANGER);
    sp_tcp_sock_tie(book, sock, event, false);
    abort_set(book, sock);
}

static void sock_copy(struct book *book, enum sp_end end, const char *name, const struct sock *from)
{
    struct sock *sock = sp_tcp_sock_new(book, end, name, from->what);
    sock->conn = from->conn;
    sock->side = from->side;
    sock->abort_ns = from->abort_ns;
}

/* One more descriptor of it. */
static void hold(struct book *book, const struct sock *sock)
{
    if (sock->what == SOCK_TIED)
        book->ctx->ledgers[sock->conn][sock->side].held++;
}

static void do_dup(struct book *book, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    const char *name = arg_of(book, call->args, "as=");
    struct sock from = *sp_tcp_sock_of(book, event->end, call->sock);
    sock_copy(book, event->end, name ? name : "conn", &from);
    hold(book, &from);
}

static void do_pass(struct book *book, const struct sp_event *event)
{
    const struct sock *sock = sp_tcp_sock_of(book, event->end, event->u.call.sock);
    if (event->u.call.error)
        return;
    hold(book, sock);
    SP_PUSH(book->passed, book->passed_len, book->passed_cap) = (size_t)(sock - book->socks);
}

/* Descriptors are taken in the order in which an end passed them. */
static void do_take(struct book *book, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    const char *name = arg_of(book, call->args, "as=");
    struct sock from = {.what = SOCK_STRANGER, .conn = -1, .abort_ns = INT64_MAX};
    size_t at = 0;
    if (call->error)
        return;
    while (at < book->passed_len && book->socks[book->passed[at]].end != event->end)
        at++;
    if (at < book->passed_len) {
        from = book->socks[book->passed[at]];
        memmove(&book->passed[at], &book->passed[at + 1],
                (book->passed_len - at - 1) * sizeof *book->passed);
        book->passed_len--;
    }
    sock_copy(book, event->end, name ? name : "conn", &from);
}

static void do_fork(struct book *book, const struct sp_event *event)
{
    book->forked[event->end] |= !event->u.call.error;
}

/* The end of a child closes what had been closed everywhere else, of any connection. */
static void do_reap(struct book *book, const struct sp_event *event)
{
    struct act act = act_make(ACT_CLOSE, event);
    act_of_end(book, event->end, &act, false);
    act.kind = ACT_UNACCEPT;
    act_of_end(book, event->end, &act, true);
}

/*
 * What a send may have queued. POSIX's tells of the part that went when the connection ended under
 * it; others' (Winsock's, gVisor's) say the error, and not of how much.
 */
static int64_t may_have_queued(const struct sp_ev_call *call)
{
    static const char *const cut_off[] = {"ECONNRESET", "ECONNABORTED", "ETIMEDOUT"};
    if (call->how != SP_CALL_RETURNED)
        return INT64_MAX;
    for (size_t i = 0; call->error && i < sizeof cut_off / sizeof cut_off[0]; i++)
        if (strcmp(call->error, cut_off[i]) == 0)
            return INT64_MAX;
    return call->value > 0 ? call->value : 0;
}

static void do_send(struct book *book, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    struct act act = act_make(ACT_SEND, event);
    act.bytes = may_have_queued(call);
    struct sock *sock = sp_tcp_sock_of(book, event->end, call->sock);
    if (has_word(call, "FASTOPEN"))
        sock->what = SOCK_STRANGER; /* it may connect as well */
    act_add(book, sock, &act);
}

/* How much a call took: a drain that ended in an error says so beside it. */
static int64_t bytes_read(const struct sp_ev_call *call)
{
    static const char key[] = "bytes=";
    const char *bytes = call->error && call->out ? strstr(call->out, key) : NULL;
    if (call->how != SP_CALL_RETURNED)
        return INT64_MAX;
    if (has_word(call, "PEEK") || has_word(call, "OOB")) /* the urgent byte keeps its place */
        return 0;
    if (bytes)
        return strtoll(bytes + strlen(key), NULL, 10);
    return call->value > 0 ? call->value : 0;
}

static void do_read(struct book *book, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    struct act act = act_make(ACT_READ, event);
    act.bytes = bytes_read(call);
    act_add(book, sp_tcp_sock_of(book, event->end, call->sock), &act);
}

static void do_shutdown(struct book *book, const struct sp_event *event)
{
    struct act act = act_make(ACT_SHUT_WR, event);
    const struct sp_ev_call *call = &event->u.call;
    bool reading_only = has_word(call, "RD") && !has_word(call, "RDWR");
    if (is_refused(call) && call->how == SP_CALL_RETURNED)
        return;
    struct sock *sock = sp_tcp_sock_of(book, event->end, call->sock);
    if (sock->what == SOCK_LISTENER) {
        act.kind = ACT_UNACCEPT;
        act_of_end(book, event->end, &act, true);
    } else {
        if (reading_only)
            act.kind = ACT_SHUT_RD;
        if (sock->what == SOCK_UNUSED) /* it was connecting: its connect() failed of this */
            act_of_end(book, event->end, &act, false);
        else
            act_add(book, sock, &act);
    }
}

static void do_close(struct book *book, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    if (call->how == SP_CALL_RETURNED && call->error &&
        (strcmp(call->error, "EBADF") == 0 || strcmp(call->error, "ENOTSOCK") == 0))
        return;
    struct end_facts *facts = &book->ctx->facts[event->end];
    if (facts->linger_ns) /* what is still not acknowledged then may be given up (Windows, lwIP) */
        earliest(&facts->timers_ns, event->t_ns + facts->linger_ns);
    struct sock *sock = sp_tcp_sock_of(book, event->end, call->sock);
    struct act act = act_make(sock->what == SOCK_LISTENER ? ACT_UNACCEPT : ACT_CLOSE, event);
    if (sock->what == SOCK_LISTENER)
        act_of_end(book, event->end, &act, true);
    else
        act_add(book, sock, &act);
    unsigned *held =
        sock->what == SOCK_TIED ? &book->ctx->ledgers[sock->conn][sock->side].held : NULL;
    if (held && *held && call->how == SP_CALL_RETURNED)
        --*held;
}

static void do_option(struct book *book, const struct sp_event *event)
{
    static const char *const timers[] = {"TCP_USER_TIMEOUT", "TCP_LINGER2", "TCP_MAXRT",
                                         "TCP_KEEPCNT", "TCP_SYNCNT"};
    static const char *const windows[] = {"SO_RCVBUF", "SO_RCVLOWAT", "TCP_WINDOW_CLAMP",
                                          "TCP_QUICKACK"};
    const struct sp_ev_call *call = &event->u.call;
    struct end_facts *facts = &book->ctx->facts[event->end];
    if (has_word(call, "SO_LINGER") && !has_word(call, "on=0") &&
        (has_word(call, "linger=0") || !has_word(call, "linger="))) {
        struct sock *sock = sp_tcp_sock_of(book, event->end, call->sock);
        earliest(&sock->abort_ns, event->t_ns);
        abort_set(book, sock);
    }
    const char *linger = call->args ? strstr(call->args, "linger=") : NULL;
    if (has_word(call, "SO_LINGER") && has_word(call, "on=1") && linger)
        facts->linger_ns = strtoll(linger + strlen("linger="), NULL, 10) * SP_S;
    if (has_word(call, "SO_KEEPALIVE"))
        earliest(&facts->keepalive_ns, event->t_ns);
    if (has_word(call, "TCP_FASTOPEN_CONNECT"))
        earliest(&facts->fastopen_ns, event->t_ns);
    facts->hops_set |= has_word(call, "IP_TTL") || has_word(call, "HOPS");
    facts->class_set |= has_word(call, "IP_TOS") || has_word(call, "TCLASS");
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        if (has_word(call, timers[i]))
            earliest(&facts->timers_ns, event->t_ns);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        if (has_word(call, windows[i])) {
            struct act act = act_make(ACT_READ, event);
            act.bytes = INT64_MAX; /* it may move the window, without a byte being read */
            act_add(book, sp_tcp_sock_of(book, event->end, call->sock), &act);
        }
}

static const struct {
    const char *name; /* a prefix where it ends in '*' */
    void (*run)(struct book *book, const struct sp_event *event);
} verbs[] = {
    {"socket", do_socket},     {"listen", do_listen}, {"connect", do_connect},
    {"accept*", do_accept},    {"dup*", do_dup},      {"send*", do_send},
    {"write*", do_send},       {"fill", do_send},     {"recv*", do_read},
    {"read*", do_read},        {"drain", do_read},    {"peek", do_read},
    {"shutdown", do_shutdown}, {"close*", do_close},  {"disconnect", do_close},
    {"setsockopt", do_option}, {"set", do_option},    {"ioctl", do_option},
    {"take", do_take},         {"reap", do_reap},     {"pass", do_pass},
    {"fork", do_fork},
};

static bool is_named(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);
    return pattern[len - 1] == '*' ? strncmp(pattern, name, len - 1) == 0
                                   : strcmp(pattern, name) == 0;
}

static void do_call(struct book *book, const struct sp_event *event)
{
    if (event->end == SP_END_NONE || !event->u.call.name || !event->u.call.sock)
        return;
    struct end_facts *facts = &book->ctx->facts[event->end];
    facts->calls = true;
    if (has_word(&event->u.call, "OOB"))
        earliest(&facts->urgent_ns, event->t_ns);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (is_named(verbs[i].name, event->u.call.name)) {
            verbs[i].run(book, event);
            return;
        }
}

/* When the order to end was given at the earliest: by the statement, else by our clean-up. */
static int64_t ordered_ns(const struct sp_trace *trace, const struct sp_event *exit)
{
    int64_t latest_ns = INT64_MIN;
    for (size_t i = 0; i < trace->len && trace->events[i].t_ns <= exit->t_ns; i++) {
        const struct sp_event *event = &trace->events[i];
        bool orders = event->kind == SP_EV_MARK &&
                      (exit->stmt ? event->u.mark.what == SP_MARK_BEGIN && event->stmt == exit->stmt
                                  : event->u.mark.what == SP_MARK_END);
        if (orders)
            latest_ns = event->t_ns;
    }
    return latest_ns;
}

static void do_proc(struct book *book, const struct sp_event *event)
{
    book->ctx->facts[event->end].calls = true;
    if (event->u.proc.what != SP_PROC_START) {
        bool told = event->t_end_ns > event->t_ns; /* from before the order to its end */
        int64_t from_ns = event->t_ns - (told ? 0 : EXIT_SLACK_NS);
        int64_t ordered = ordered_ns(book->ctx->trace, event);
        struct act act = {.kind = ACT_EXIT,
                          .from_ns = ordered > from_ns ? ordered : from_ns,
                          .to_ns = INT64_MAX,
                          .event = event};
        act_of_end(book, event->end, &act, false);
    }
    book->life[event->end]++;
}

/* Clean-up closes what is open; where the trace does not tell when a process ended, it may have
 * ended at any time from then on. */
static void do_end(struct book *book, const struct sp_event *event)
{
    for (int end = SP_END_CLIENT; end < SP_END_COUNT; end++) {
        bool told = false;
        const struct sp_trace *trace = book->ctx->trace;
        for (size_t i = 0; i < trace->len && !told; i++)
            told = trace->events[i].kind == SP_EV_PROC &&
                   trace->events[i].end == (enum sp_end)end &&
                   trace->events[i].u.proc.what != SP_PROC_START;
        struct act act = {
            .kind = ACT_EXIT, .from_ns = event->t_ns, .to_ns = INT64_MAX, .event = event};
        if (!told)
            act_of_end(book, (enum sp_end)end, &act, false);
    }
}

/* A pulled cable or a closed interface: the kernel sends, and no capture sees it leave. */
static void do_lab(struct book *book, const struct sp_event *event)
{
    const char *action = event->u.lab.action ? event->u.lab.action : "";
    bool one_place =
        book->ctx->trace->head.lab && strcmp(book->ctx->trace->head.lab, "loopback") == 0;
    if (!strstr(action, "unplug") && !(one_place && strstr(action, "cut")))
        return;
    for (int end = SP_END_CLIENT; end < SP_END_COUNT; end++)
        earliest(&book->ctx->facts[end].blind_ns, event->t_ns);
}

void sp_tcp_ledgers_build(struct ctx *ctx)
{
    struct book book = {.ctx = ctx, .flights = &ctx->out->flights};
    size_t conns = book.flights->conn_count;
    ctx->ledgers = sp_xcalloc(conns, sizeof *ctx->ledgers);
    for (size_t i = 0; i < conns; i++)
        ctx->ledgers[i][0].abort_ns = ctx->ledgers[i][1].abort_ns = INT64_MAX;
    book.taken = sp_xcalloc(conns, sizeof *book.taken);
    book.early = sp_xcalloc(ctx->trace->len, sizeof *book.early);
    sp_tcp_early_ties(&book);
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        if (event->kind == SP_EV_CALL)
            do_call(&book, event);
        else if (event->kind == SP_EV_PROC)
            do_proc(&book, event);
        else if (event->kind == SP_EV_LAB)
            do_lab(&book, event);
        else if (event->kind == SP_EV_MARK && event->u.mark.what == SP_MARK_END)
            do_end(&book, event);
    }
    free(book.early);
    free(book.passed);
    free(book.taken);
    free(book.socks);
}

void sp_tcp_ledgers_free(struct ctx *ctx)
{
    for (size_t i = 0; i < ctx->out->flights.conn_count; i++)
        for (int side = 0; side < 2; side++)
            free(ctx->ledgers[i][side].acts);
    free(ctx->ledgers);
    ctx->ledgers = NULL;
}
