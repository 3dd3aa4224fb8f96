#include "exec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls under way ------------------------------------------------------------------------ */

static struct exec_call *call_new(struct exec *x)
{
    for (unsigned i = 0; i < EXEC_CALLS; i++)
        if (!x->calls[i].used) {
            x->calls[i] = (struct exec_call){.used = true};
            return &x->calls[i];
        }
    return NULL;
}

static struct exec_call *call_by_request(struct exec *x, enum sp_who who, uint32_t request)
{
    for (unsigned i = 0; i < EXEC_CALLS; i++)
        if (x->calls[i].used && x->calls[i].who == who && x->calls[i].request == request)
            return &x->calls[i];
    return NULL;
}

static void args_print(const struct sp_agent_request *request, struct sp_buf *out)
{
    for (uint32_t i = 0; i < request->arg_count; i++) {
        const struct sp_agent_arg *arg = &request->args[i];
        if (i)
            sp_buf_addch(out, ' ');
        if (strcmp(arg->name, "len") != 0 && strcmp(arg->name, "addr") != 0 &&
            strcmp(arg->name, "how") != 0 && strcmp(arg->name, "opt") != 0)
            sp_buf_addf(out, "%s=", arg->name);
        if (arg->is_text)
            sp_buf_addstr(out, arg->text);
        else
            sp_buf_addf(out, "%lld", (long long)arg->number);
    }
}

/* Adds the event of a call that has been asked for; it is PENDING until the reply fills it. */
static struct sp_event *call_event(struct exec *x, enum sp_who who,
                                   const struct sp_agent_request *request, uint32_t stmt)
{
    struct sp_buf args;
    sp_buf_init(&args, 0);
    args_print(request, &args);
    struct sp_event *event = sp_trace_add(&x->trace, SP_EV_CALL, exec_now(x));
    event->end = (enum sp_end)who;
    event->stmt = stmt;
    event->t_end_ns = -1;
    event->u.call.how = SP_CALL_PENDING;
    event->u.call.sock = sp_trace_str(&x->trace, request->sock);
    event->u.call.name = sp_trace_str(&x->trace, request->call);
    event->u.call.args = sp_trace_str(&x->trace, args.data ? args.data : "");
    event->u.call.value = -1;
    sp_buf_release(&args);
    return event;
}

/*
 * When the call was entered and returned. Of an agent with another clock we know that it was after
 * we asked, which is what the event says already, and before we were told.
 */
static void event_times(struct exec *x, struct sp_event *event, const struct sp_agent_reply *reply,
                        bool own_clock)
{
    int64_t start = x->trace.head.start_mono_ns;
    event->t_ns = own_clock ? event->t_ns : reply->t_enter_ns - start;
    event->t_end_ns = own_clock ? exec_now(x) : reply->t_return_ns - start;
}

static void event_fill(struct exec *x, struct sp_event *event, const struct sp_agent_reply *reply)
{
    struct sp_ev_call *call = &event->u.call;
    call->how = SP_CALL_RETURNED;
    call->value = reply->value;
    call->error = reply->error[0] ? sp_trace_str(&x->trace, reply->error) : NULL;
    call->native = reply->native[0] ? sp_trace_str(&x->trace, reply->native) : NULL;
    call->signal = reply->sig;
    call->first_bad = reply->first_bad;
    call->stream_from = reply->stream_from;
    call->kept_waiting_ns = reply->kept_waiting_ns;
    call->out = sp_trace_str(&x->trace, reply->out);
    sp_addr_parse(reply->local, &call->local, NULL);
    sp_addr_parse(reply->remote, &call->remote, NULL);
    exec_address_unmap(&call->local);
    exec_address_unmap(&call->remote);
}

/* In a refusal: the word is one of the protocol's, and this API has nothing of the kind. */
#define LACKS " does not have the "

enum sp_rc exec_agent_reply(struct exec *x, enum sp_who who, const struct sp_agent_reply *reply)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    bool own_clock = adapter && adapter->own_clock;
    struct exec_agent *agent = &x->agents[who];
    if (reply->kind == SP_AGENT_HELLO) {
        if (agent->hellos++ && !agent->leaving)
            return sp_fail(&x->err, SP_E_PROTO, "died, and another one took its place");
        return SP_OK;
    }
    if (agent->leaving && reply->id == agent->leaving)
        return SP_OK;
    struct exec_call *call = call_by_request(x, who, reply->id);
    if (!call)
        return sp_fail(&x->err, SP_E_PROTO, "the %s's agent answered request %u, which nobody made",
                       sp_end_name((enum sp_end)who), (unsigned)reply->id);
    struct sp_event *event = exec_event_by_order(x, call->event_order);
    assert(event);
    if (reply->kind == SP_AGENT_REFUSED && adapter && strstr(reply->out, LACKS)) {
        x->skipped = true;
        return sp_fail(&x->err, SP_E_UNSUPPORTED, "%s: %s: %s", x->plan.case_->file, adapter->name,
                       reply->out);
    }
    if (reply->kind == SP_AGENT_REFUSED)
        return sp_fail(&x->err, SP_E_USAGE, "%s: the %s's agent refuses %s: %s",
                       x->plan.case_->file, sp_end_name((enum sp_end)who), call->call, reply->out);
    if (reply->kind == SP_AGENT_ENTERED) {
        call->entered = true;
        if (!own_clock) {
            int64_t asked_ns = event->t_ns;
            event->t_ns = reply->t_enter_ns - x->trace.head.start_mono_ns;
            exec_note_late_call(x, asked_ns, event->t_ns);
            exec_note_late_call(x, event->t_ns, exec_now(x));
        }
        if (reply->out[0]) /* the agent could not prove that its thread sleeps in the call */
            event->u.call.out = sp_trace_str(&x->trace, reply->out);
        return SP_OK;
    }
    int64_t asked_ns = event->t_ns;
    event_times(x, event, reply, own_clock);
    event_fill(x, event, reply);
    if (!call->entered)
        exec_note_late_call(x, asked_ns, event->t_ns);
    call->entered = true;
    call->done = true;
    return SP_OK;
}

/* Calls that nobody will answer any more: their process is gone, or they hang. */
void exec_calls_abandon(struct exec *x, enum sp_who who, enum sp_call_how how, int64_t t_ns)
{
    for (unsigned i = 0; i < EXEC_CALLS; i++) {
        struct exec_call *call = &x->calls[i];
        if (!call->used || call->who != who || call->done)
            continue;
        struct sp_event *event = exec_event_by_order(x, call->event_order);
        event->u.call.how = how;
        event->t_end_ns = how == SP_CALL_PENDING ? -1 : t_ns;
        call->done = true;
    }
}

/* ---- making one call ------------------------------------------------------------------------ */

static enum sp_rc request_send(struct exec *x, enum sp_who who, struct sp_agent_request *request,
                               uint32_t stmt, struct exec_call **out)
{
    struct exec_agent *agent = &x->agents[who];
    if (!agent->alive)
        return sp_fail(&x->err, SP_E_USAGE, "%s: the %s's process%s is gone: it cannot call %s",
                       x->plan.case_->file, sp_end_name((enum sp_end)who), exec_agent_on(x, who),
                       request->call);
    struct exec_call *call = call_new(x);
    if (!call)
        return sp_fail(&x->err, SP_E_LIMIT, "more than %d calls under way", EXEC_CALLS);
    request->id = ++x->next_request;
    call->who = who;
    call->request = request->id;
    snprintf(call->call, sizeof call->call, "%s", request->call);
    snprintf(call->sock, sizeof call->sock, "%s", request->sock);
    call->event_order = call_event(x, who, request, stmt)->order;
    *out = call;
    return sp_agent_send(&agent->conn, request, &x->err);
}

/* Waits for the reply; a call that is still out at `until_ns` hangs and its process is ended. */
static enum sp_rc call_await(struct exec *x, struct exec_call *call, int64_t until_ns,
                             bool *returned)
{
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK && !call->done && x->agents[call->who].alive && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    if (rc != SP_OK)
        return rc;
    *returned = call->done;
    if (!call->done && !x->agents[call->who].alive)
        return sp_fail(&x->err, SP_E_PROTO, "the %s's agent%s died in %s%s",
                       sp_end_name((enum sp_end)call->who), exec_agent_on(x, call->who), call->call,
                       exec_agent_said(x, call->who));
    if (!call->done) {
        exec_calls_abandon(x, call->who, SP_CALL_HUNG, exec_now(x));
        rc = exec_end(x, call->who, 9, 0);
    }
    return rc;
}

/*
 * Nobody judges it. Another stack may need what the whole machine waits for: Wine's bind() lists
 * the interfaces, while many runs make and end theirs.
 */
static int64_t implicit_deadline_ns(const struct exec *x, enum sp_who who)
{
    static const int64_t other_stack_ns = 30 * SP_S;
    int64_t own_ns = x->plan.case_->deadline_ns;
    return exec_adapter(x, who) && own_ns < other_stack_ns ? other_stack_ns : own_ns;
}

/* A call that the case did not write but needs: socket before bind, bind before listen. */
static enum sp_rc implicit_call(struct exec *x, enum sp_who who, const char *name, const char *sock,
                                const char *addr)
{
    struct sp_agent_request request = {0};
    snprintf(request.call, sizeof request.call, "%s", name);
    snprintf(request.sock, sizeof request.sock, "%s", sock);
    if (addr)
        sp_agent_arg_text(&request, "addr", addr);
    else
        sp_agent_arg_number(&request, "family", x->trace.head.family);
    struct exec_call *call = NULL;
    bool returned = false;
    enum sp_rc rc = request_send(x, who, &request, 0, &call);
    if (rc == SP_OK)
        rc = call_await(x, call, exec_now(x) + implicit_deadline_ns(x, who), &returned);
    if (rc != SP_OK)
        return rc;
    call->used = false;
    const struct sp_event *event = exec_event_by_order(x, call->event_order);
    if (!returned || event->u.call.error)
        return sp_fail(&x->err, SP_E_IO, "the %s could not %s() a socket for the case: %s",
                       sp_end_name((enum sp_end)who), name,
                       event->u.call.error ? event->u.call.error : "it hung");
    return exec_sock_note(x, who, sock, &event->u.call.local);
}

static enum sp_rc implicit_steps(struct exec *x, const struct sp_stmt *stmt)
{
    static const char *const makers[] = {"bind", "connect", "listen", "set", "get", "nonblock"};
    if (exec_sock_find(x, stmt->who, stmt->sock))
        return SP_OK;
    bool wants = false;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        wants = wants || strcmp(stmt->call, makers[i]) == 0;
    return wants ? implicit_call(x, stmt->who, "socket", stmt->sock, NULL) : SP_OK;
}

/* sp_addr_print leaves a port of 0 out; agents want it written. */
static void address_print(const struct sp_addr *addr, char *out, size_t cap)
{
    char ip[SP_ADDR_TEXT];
    struct sp_addr bare = *addr;
    bare.port = 0;
    sp_addr_print(&bare, ip, sizeof ip);
    bool bracketed = ip[0] == '[';
    snprintf(out, cap, addr->family == SP_IPV6 && !bracketed ? "[%s]:%u" : "%s:%u", ip,
             (unsigned)addr->port);
}

/* In a lab where an unbound socket would get an address that is nobody's, it is bound first. */
static enum sp_rc bind_before_connect(struct exec *x, const struct sp_stmt *stmt,
                                      const struct exec_sock *sock)
{
    char text[SP_ADDR_TEXT + 8];
    struct sp_addr addr;
    const char *unused = NULL;
    bool dissolves = false;
    for (size_t i = 0; i < stmt->arg_count; i++)
        dissolves = dissolves || (strcmp(stmt->args[i].name, "addr") == 0 &&
                                  strcmp(stmt->args[i].text, "none") == 0);
    if (!sock || sock->local.port || dissolves)
        return SP_OK;
    uint8_t family = sock->family ? sock->family : x->trace.head.family;
    enum sp_rc rc = exec_address(x, stmt->who, "own:0", family, &addr, &unused);
    if (rc != SP_OK)
        return rc;
    address_print(&addr, text, sizeof text);
    return implicit_call(x, stmt->who, "bind", stmt->sock, text);
}

/*
 * A listener that has no address yet gets its endpoint's own, with a port the kernel picks; one
 * that `socket` has made is left to the stack, so that a case can ask what listen() does without a
 * bind().
 */
static enum sp_rc implicit_bind(struct exec *x, const struct sp_stmt *stmt)
{
    const struct exec_sock *sock = exec_sock_find(x, stmt->who, stmt->sock);
    if (strcmp(stmt->call, "connect") == 0 && !sp_lab_chooses_source(&x->lab))
        return bind_before_connect(x, stmt, sock);
    if (strcmp(stmt->call, "listen") != 0 || !sock || sock->local.port || sock->plain)
        return SP_OK;
    char text[SP_ADDR_TEXT];
    struct sp_addr addr = x->trace.head.addr[stmt->who];
    sp_addr_print(&addr, text, sizeof text);
    char with_port[SP_ADDR_TEXT + 8];
    snprintf(with_port, sizeof with_port, addr.family == SP_IPV6 ? "[%s]:0" : "%s:0", text);
    return implicit_call(x, stmt->who, "bind", stmt->sock, with_port);
}

/* The language's short names of two calls. */
static const char *agent_call(const char *call)
{
    if (strcmp(call, "set") == 0)
        return "setsockopt";
    return strcmp(call, "get") == 0 ? "getsockopt" : call;
}

/* These are about the process, whatever socket the language gives them. */
static bool is_on_socket(const char *call)
{
    static const char *const others[] = {"signal", "take", "fork", "reap"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(call, others[i]) == 0)
            return false;
    return true;
}

/* What gives a socket another name, or makes one that has none yet. */
static bool names_another(const char *call)
{
    return strcmp(call, "accept") == 0 || strcmp(call, "dup") == 0 || strcmp(call, "take") == 0;
}

/* Whether its time is held against something, in this variant of the case or another. */
static bool is_timed(const struct sp_stmt *stmt)
{
    bool timed = stmt->expect.took.kind != SP_BOUND_NONE;
    for (size_t i = 0; i < stmt->variant_count; i++)
        timed = timed || stmt->variants[i].expect.took.kind != SP_BOUND_NONE;
    return timed;
}

static enum sp_rc request_fill(struct exec *x, const struct sp_stmt *stmt, bool start,
                               struct sp_agent_request *request, const char **new_port)
{
    snprintf(request->call, sizeof request->call, "%s", agent_call(stmt->call));
    if (is_on_socket(stmt->call))
        snprintf(request->sock, sizeof request->sock, "%s", stmt->sock);
    request->overlapped = start;
    request->timed = is_timed(stmt);
    bool named = false;
    bool of_family = false;
    for (size_t i = 0; i < stmt->arg_count; i++) {
        const struct sp_arg *arg = &stmt->args[i];
        named = named || strcmp(arg->name, "as") == 0;
        of_family = of_family || strcmp(arg->name, "family") == 0;
        if (strcmp(arg->name, "addr") == 0 && strcmp(arg->text, "none") == 0) {
            sp_agent_arg_text(request, "addr", "unspec");
        } else if (strcmp(arg->name, "addr") == 0) {
            struct sp_addr addr;
            char text[SP_ADDR_TEXT + 8];
            const struct exec_sock *sock = exec_sock_find(x, stmt->who, stmt->sock);
            uint8_t family = sock && sock->family ? sock->family : x->trace.head.family;
            enum sp_rc rc = exec_address(x, stmt->who, arg->text, family, &addr, new_port);
            if (rc != SP_OK)
                return rc;
            address_print(&addr, text, sizeof text);
            sp_agent_arg_text(request, "addr", text);
        } else if (arg->is_text && strncmp(arg->text, "route=", 6) == 0) {
            uint8_t option[40];
            char text[2 * sizeof option + 1];
            size_t len = 0;
            enum sp_rc rc = exec_route(x, arg->text + 6, false, option, &len);
            if (rc != SP_OK)
                return rc;
            for (size_t b = 0; b < len; b++)
                snprintf(text + 2 * b, 3, "%02x", option[b]);
            sp_agent_arg_text(request, arg->name, text);
        } else if (arg->is_text) {
            sp_agent_arg_text(request, arg->name, arg->text);
        } else {
            sp_agent_arg_number(request, arg->name, arg->number);
        }
    }
    if (strcmp(stmt->call, "accept") == 0 && !named)
        sp_agent_arg_text(request, "as", "conn");
    if (strcmp(stmt->call, "socket") == 0 && !of_family)
        sp_agent_arg_number(request, "family", x->trace.head.family);
    return SP_OK;
}

const char *exec_option_of(const struct sp_stmt *stmt)
{
    for (size_t i = 0; i < stmt->arg_count; i++)
        if (strcmp(stmt->args[i].name, "opt") == 0)
            return stmt->args[i].text;
    return NULL;
}

bool exec_ignores(const struct sp_run_adapter *adapter, const char *option)
{
    for (const char *const *it = adapter ? adapter->ignores : NULL; option && it && *it; it++)
        if (strcmp(option, *it) == 0)
            return true;
    return false;
}

/*
 * Another stack without an option that the case only prepares with, or without a call of POSIX's
 * (ENOSYS): no verdict under conditions that were not there. A line that spells the outcome out is
 * about just that, and is judged.
 */
static enum sp_rc check_has(struct exec *x, const struct sp_stmt *stmt,
                            const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    const struct sp_run_adapter *adapter = exec_adapter(x, stmt->who);
    if (!adapter || !call->error)
        return SP_OK;
    const char *what = strcmp(call->error, "ENOSYS") == 0 ? call->name : NULL;
    if (strcmp(call->name, "setsockopt") == 0 && !stmt->expect.count &&
        strcmp(call->error, "ENOPROTOOPT") == 0)
        what = exec_option_of(stmt);
    if (!what)
        return SP_OK;
    x->skipped = true;
    return sp_fail(&x->err, SP_E_UNSUPPORTED, "%s:%d: %s does not have %s", x->plan.case_->file,
                   stmt->at.line, adapter->name, what);
}

/* Does the line ask that the call fails? */
static bool must_fail(const struct sp_expect *expect)
{
    for (size_t i = 0; i < expect->count; i++)
        if (expect->any_of[i].kind != SP_OUT_ERROR)
            return false;
    return expect->count > 0;
}

/* Is this line about what a stack makes of an option that it is known to take without effect? */
static bool is_about_ignoring(const struct exec *x, const struct sp_stmt *stmt)
{
    return stmt->expect.count && exec_ignores(exec_adapter(x, stmt->who), exec_option_of(stmt));
}

/*
 * A socket option that was accepted and is not there: no verdict under wrong conditions. One that
 * should have been refused is judged.
 */
static enum sp_rc check_took(struct exec *x, const struct sp_stmt *stmt,
                             const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    if (strcmp(call->name, "setsockopt") != 0 || call->error || !*call->out ||
        must_fail(&stmt->expect) || is_about_ignoring(x, stmt))
        return SP_OK;
    return sp_fail(&x->err, SP_E_PIN, "%s:%d: '%s' did not take: it %s", x->plan.case_->file,
                   stmt->at.line, stmt->text, call->out);
}

/* A socket that the case made in so many words: of which family, and bound by nobody else. */
static void note_made(struct exec_sock *sock, const struct sp_stmt *stmt)
{
    sock->plain = true;
    for (size_t i = 0; i < stmt->arg_count; i++)
        if (strcmp(stmt->args[i].name, "family") == 0)
            sock->family = (uint8_t)stmt->args[i].number;
}

/* What a call that has returned means for the names of sockets and ports. */
static enum sp_rc call_effects(struct exec *x, const struct sp_stmt *stmt,
                               const struct sp_event *event, const char *new_port)
{
    const struct sp_ev_call *call = &event->u.call;
    bool ok = call->how == SP_CALL_RETURNED && !call->error;
    if (!is_on_socket(stmt->call) && !names_another(stmt->call))
        return SP_OK;
    if (new_port && ok && call->local.port) {
        enum sp_rc rc = exec_port_note(x, new_port, call->local.port);
        if (rc != SP_OK)
            return rc;
    }
    if (strcmp(stmt->call, "close") == 0 && ok) {
        exec_sock_forget(x, stmt->who, stmt->sock);
        return SP_OK;
    }
    if (names_another(stmt->call) && ok) {
        const char *as = "conn";
        for (size_t i = 0; i < stmt->arg_count; i++)
            if (strcmp(stmt->args[i].name, "as") == 0)
                as = stmt->args[i].text;
        return exec_sock_note(x, stmt->who, as, &call->local);
    }
    if (names_another(stmt->call) || (!ok && !exec_sock_find(x, stmt->who, stmt->sock)))
        return SP_OK;
    enum sp_rc rc = exec_sock_note(x, stmt->who, stmt->sock, &call->local);
    if (rc == SP_OK && strcmp(stmt->call, "socket") == 0)
        note_made(exec_sock_find(x, stmt->who, stmt->sock), stmt);
    return rc;
}

/* The latest time at which the call may return, by what the case allows it to take. */
static int64_t call_budget_ns(const struct exec *x, const struct sp_stmt *stmt)
{
    int64_t longest = stmt->expect.took.max_ns;
    for (size_t i = 0; i < stmt->variant_count; i++)
        if (stmt->variants[i].expect.took.max_ns > longest)
            longest = stmt->variants[i].expect.took.max_ns;
    return longest + longest / 8 + x->plan.case_->deadline_ns + EXEC_GRACE_NS;
}

enum sp_rc exec_do_call(struct exec *x, const struct sp_stmt *stmt, bool start)
{
    enum sp_rc rc = implicit_steps(x, stmt);
    if (rc == SP_OK)
        rc = implicit_bind(x, stmt);
    if (rc != SP_OK)
        return rc;
    struct sp_agent_request request = {0};
    const char *new_port = NULL;
    struct exec_call *call = NULL;
    rc = request_fill(x, stmt, start, &request, &new_port);
    if (rc == SP_OK)
        rc = request_send(x, stmt->who, &request, stmt->id, &call);
    if (rc != SP_OK)
        return rc;
    int64_t until_ns = exec_now(x) + call_budget_ns(x, stmt);
    if (start) {
        while (rc == SP_OK && !call->entered && exec_now(x) < until_ns)
            rc = exec_pump(x, until_ns);
        if (rc == SP_OK && !call->entered)
            rc = sp_fail(&x->err, SP_E_TIMEOUT, "the %s's agent never entered %s",
                         sp_end_name((enum sp_end)stmt->who), stmt->call);
        const struct sp_event *event = exec_event_by_order(x, call->event_order);
        if (rc == SP_OK && !call->done && event->u.call.out && *event->u.call.out)
            rc = exec_await_rest(x, stmt->who);
        return rc == SP_OK && call->done
                   ? check_has(x, stmt, exec_event_by_order(x, call->event_order))
                   : rc;
    }
    bool returned = false;
    rc = call_await(x, call, until_ns, &returned);
    if (rc != SP_OK)
        return rc;
    call->used = false;
    const struct sp_event *event = exec_event_by_order(x, call->event_order);
    rc = check_took(x, stmt, event);
    if (rc == SP_OK)
        rc = check_has(x, stmt, event);
    return rc == SP_OK ? call_effects(x, stmt, event, new_port) : rc;
}

enum sp_rc exec_finish(struct exec *x, const struct sp_stmt *stmt)
{
    struct exec_call *call = NULL;
    for (unsigned i = 0; i < EXEC_CALLS; i++) {
        struct exec_call *c = &x->calls[i];
        if (c->used && c->who == stmt->who && strcmp(c->call, stmt->call) == 0 &&
            strcmp(c->sock, stmt->sock) == 0)
            call = c;
    }
    if (!call)
        return sp_fail(&x->err, SP_E_USAGE, "%s:%d: no %s of the %s was started",
                       x->plan.case_->file, stmt->at.line, stmt->call,
                       sp_end_name((enum sp_end)stmt->who));
    bool expects_pending = stmt->expect.count == 1 && stmt->expect.any_of[0].kind == SP_OUT_PENDING;
    bool returned = false;
    enum sp_rc rc = SP_OK;
    if (!expects_pending && !call->done)
        rc = call_await(x, call, exec_now(x) + call_budget_ns(x, stmt), &returned);
    else
        rc = exec_drain(x);
    struct sp_event *event = exec_event_by_order(x, call->event_order);
    event->stmt = stmt->id;
    if (rc != SP_OK || expects_pending)
        return rc;
    call->used = false;
    rc = check_has(x, stmt, event);
    return rc == SP_OK ? call_effects(x, stmt, event, NULL) : rc;
}
