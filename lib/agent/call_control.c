/* Calls that carry no payload. */
#include <stdio.h>
#include <string.h>

#include "worker.h"

/* ---- words and addresses of requests -----------------------------------------------------------
 */

enum sp_rc sp_prepare_family(struct sp_call *call, struct sp_err *err)
{
    int64_t family = sp_call_number(call, "family");
    if (family == 4 || family == 6)
        return SP_OK;
    return sp_fail(err, SP_E_USAGE, "socket: the family is 4 or 6, not %lld", (long long)family);
}

/* No address is the wildcard of the socket's own family; "unspec" the family of that name. */
enum sp_rc sp_prepare_addr(struct sp_call *call, struct sp_err *err)
{
    const char *text = sp_call_text(call, "addr");
    if (strcmp(text, "unspec") == 0)
        return SP_OK;
    if (*text) {
        enum sp_rc rc = sp_stack_addr_parse(text, &call->addr, err);
        if (rc != SP_OK)
            return rc;
    } else {
        call->addr.family = (uint8_t)call->slot->family;
    }
    if (!sp_call_given(call, "port"))
        return SP_OK;
    if (call->addr.port)
        return sp_fail(err, SP_E_USAGE, "%s: a port in addr and another in port", call->spec->name);
    call->addr.port = (uint16_t)sp_call_number(call, "port");
    return SP_OK;
}

enum sp_rc sp_prepare_how(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_words_parse(SP_STACK_SHUTDOWN, sp_call_text(call, "how"), &call->words, err);
}

enum sp_rc sp_prepare_events(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_words_parse(SP_STACK_EVENTS, sp_call_text(call, "events"), &call->words, err);
}

enum sp_rc sp_prepare_epoll(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_words_parse(SP_STACK_EPOLL, sp_call_text(call, "events"), &call->words, err);
}

enum sp_rc sp_prepare_sets(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_words_parse(SP_STACK_SETS, sp_call_text(call, "sets"), &call->words, err);
}

enum sp_rc sp_prepare_query(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_words_parse(SP_STACK_QUERY, sp_call_text(call, "what"), &call->words, err);
}

enum sp_rc sp_prepare_signal(struct sp_call *call, struct sp_err *err)
{
    enum sp_rc rc =
        sp_stack_words_parse(SP_STACK_SIGNAL, sp_call_text(call, "what"), &call->words, err);
    if (rc != SP_OK)
        return rc;
    return sp_stack_words_parse(SP_STACK_ACTION, sp_call_text(call, "action"), &call->action, err);
}

/* ---- options ------------------------------------------------------------------------------------
 */

enum sp_rc sp_prepare_option(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_option_find(sp_call_text(call, "opt"), &call->option, err);
}

static enum sp_rc wrong_value(const struct sp_call *call, const char *takes, struct sp_err *err)
{
    return sp_fail(err, SP_E_USAGE, "setsockopt: %s takes %s", call->option->name, takes);
}

enum sp_rc sp_prepare_option_value(struct sp_call *call, struct sp_err *err)
{
    enum sp_rc rc = sp_prepare_option(call, err);
    if (rc != SP_OK)
        return rc;
    struct sp_stack_option_value *value = &call->option_value;
    bool has_value = sp_call_given(call, "value");
    bool is_text = sp_call_is_text(call, "value");
    bool has_pair = sp_call_given(call, "on") || sp_call_given(call, "linger");
    switch (call->option->kind) {
    case SP_STACK_OPT_INT:
    case SP_STACK_OPT_MS:
        if (!has_value || is_text || has_pair)
            return wrong_value(call, "value=NUMBER", err);
        value->number = sp_call_number(call, "value");
        break;
    case SP_STACK_OPT_TEXT:
    case SP_STACK_OPT_BYTES:
        if (!has_value || !is_text || has_pair)
            return wrong_value(call, "value=TEXT", err);
        if (strlen(sp_call_text(call, "value")) >= sizeof value->text)
            return wrong_value(call, "a shorter text", err);
        snprintf(value->text, sizeof value->text, "%s", sp_call_text(call, "value"));
        break;
    case SP_STACK_OPT_LINGER:
        if (has_value || !sp_call_given(call, "on") || !sp_call_given(call, "linger"))
            return wrong_value(call, "on=NUMBER linger=SECONDS", err);
        value->on = (int)sp_call_number(call, "on");
        value->linger_s = (int)sp_call_number(call, "linger");
        break;
    case SP_STACK_OPT_ERROR:
    case SP_STACK_OPT_STATE:
        return sp_fail(err, SP_E_USAGE, "setsockopt: %s can only be read", call->option->name);
    }
    if (!sp_stack_option_fits(call->option, value))
        return wrong_value(call, "a number of 32 bits", err);
    return SP_OK;
}

static void option_print(const struct sp_call *call, const struct sp_stack_option_value *value,
                         char *out, size_t cap)
{
    if (call->option->kind == SP_STACK_OPT_LINGER)
        snprintf(out, cap, "on=%d linger=%d", value->on, value->linger_s);
    else if (call->option->kind == SP_STACK_OPT_INT || call->option->kind == SP_STACK_OPT_MS)
        snprintf(out, cap, "%lld", (long long)value->number);
    else
        snprintf(out, cap, "%s", value->text);
}

/* A setting is read back where that can be done: one that did not take must not go unsaid. */
void sp_make_setsockopt(struct sp_call *call)
{
    struct sp_stack_option_value back = {0};
    struct sp_stack_outcome read_back;
    sp_stack_setsockopt(call->sock, call->option, &call->option_value, &call->outcome);
    if (call->outcome.value < 0)
        return;
    sp_stack_getsockopt(call->sock, call->option, &back, &read_back);
    if (read_back.value < 0 || sp_stack_option_took(call->option, &call->option_value, &back))
        return;
    char text[96];
    option_print(call, &back, text, sizeof text);
    snprintf(call->reply.out, sizeof call->reply.out, "reads back %s", text);
}

void sp_make_getsockopt(struct sp_call *call)
{
    struct sp_stack_option_value value;
    sp_stack_getsockopt(call->sock, call->option, &value, &call->outcome);
    if (call->outcome.value < 0)
        return;
    call->outcome.value = value.number;
    if (call->option->kind == SP_STACK_OPT_LINGER)
        option_print(call, &value, call->reply.out, sizeof call->reply.out);
    else
        snprintf(call->reply.out, sizeof call->reply.out, "%s", value.text);
}

/* ---- making and unmaking sockets ----------------------------------------------------------- */

void sp_make_socket(struct sp_call *call)
{
    int family = (int)sp_call_number(call, "family");
    sp_stack_socket(family, sp_call_number(call, "nonblock") != 0, &call->outcome);
    if (call->outcome.value < 0)
        return;
    sp_call_made(call, (sp_stack_sock)call->outcome.value, family, false);
    call->outcome.value = 0;
}

void sp_make_accept(struct sp_call *call)
{
    struct sp_stack_addr remote;
    sp_stack_accept(call->sock, sp_call_number(call, "nonblock") != 0, &remote, &call->outcome);
    if (call->outcome.value < 0)
        return;
    sp_stack_sock sock = (sp_stack_sock)call->outcome.value;
    sp_call_names(&call->reply, sock);
    sp_stack_addr_print(&remote, call->reply.remote, sizeof call->reply.remote);
    sp_call_made(call, sock, remote.family, false);
    call->outcome.value = 0;
}

void sp_make_dup(struct sp_call *call)
{
    sp_stack_dup(call->sock, &call->outcome);
    if (call->outcome.value < 0)
        return;
    sp_call_made(call, (sp_stack_sock)call->outcome.value, call->slot->family, true);
    call->outcome.value = 0;
}

void sp_make_bind(struct sp_call *call)
{
    sp_stack_bind(call->sock, &call->addr, &call->outcome);
    if (!call->outcome.error)
        sp_call_names(&call->reply, call->sock);
}

void sp_make_listen(struct sp_call *call)
{
    sp_stack_listen(call->sock, (int)sp_call_number(call, "backlog"), &call->outcome);
    if (!call->outcome.error)
        sp_call_names(&call->reply, call->sock);
}

/* Failed or under way, the remote end is whom we asked for. */
void sp_make_connect(struct sp_call *call)
{
    sp_stack_connect(call->sock, &call->addr, &call->outcome);
    sp_call_names(&call->reply, sp_call_sock_now(call));
    if (!call->reply.remote[0])
        sp_stack_addr_print(&call->addr, call->reply.remote, sizeof call->reply.remote);
}

void sp_make_close(struct sp_call *call)
{
    bool gone = false;
    sp_stack_close(call->sock, &gone, &call->outcome);
    if (gone)
        sp_call_closed(call);
}

void sp_make_shutdown(struct sp_call *call)
{
    sp_stack_shutdown(call->sock, call->words, &call->outcome);
}

/* ---- asking
 * ------------------------------------------------------------------------------------------ */

void sp_make_poll(struct sp_call *call)
{
    int ready = 0;
    sp_stack_poll(call->sock, call->words, (int)sp_call_number(call, "timeout_ms"), &ready,
                  &call->outcome);
    sp_stack_words_print(SP_STACK_EVENTS, ready, call->reply.out, sizeof call->reply.out);
}

void sp_make_select(struct sp_call *call)
{
    int ready = 0;
    sp_stack_select(call->sock, call->words, (int)sp_call_number(call, "timeout_ms"), &ready,
                    &call->outcome);
    sp_stack_words_print(SP_STACK_SETS, ready, call->reply.out, sizeof call->reply.out);
}

/* Of one epoll a socket at a time: nobody else touches the slot's set while this one waits. */
void sp_make_epoll(struct sp_call *call)
{
    int ready = 0;
    struct sp_slot *slot = call->slot;
    bool changed = slot->epoll_events != call->words;
    slot->epoll_events = call->words;
    sp_stack_epoll(call->sock, &slot->epoll, call->words, changed,
                   (int)sp_call_number(call, "timeout_ms"), &ready, &call->outcome);
    sp_stack_words_print(SP_STACK_EPOLL, ready, call->reply.out, sizeof call->reply.out);
}

void sp_make_getsockname(struct sp_call *call)
{
    struct sp_stack_addr addr;
    sp_stack_getsockname(call->sock, &addr, &call->outcome);
    sp_stack_addr_print(&addr, call->reply.local, sizeof call->reply.local);
}

void sp_make_getpeername(struct sp_call *call)
{
    struct sp_stack_addr addr;
    sp_stack_getpeername(call->sock, &addr, &call->outcome);
    sp_stack_addr_print(&addr, call->reply.remote, sizeof call->reply.remote);
}

void sp_make_nonblock(struct sp_call *call)
{
    sp_stack_nonblock(call->sock, sp_call_number(call, "on") != 0, &call->outcome);
}

void sp_make_ioctl(struct sp_call *call)
{
    sp_stack_query(call->sock, call->words, &call->outcome);
}

/* ---- the process
 * ----------------------------------------------------------------------------------------- */

void sp_make_signal(struct sp_call *call)
{
    sp_stack_signal(call->words, call->action, &call->outcome);
}

/* The reply goes first: nobody is there to write it afterwards. */
void sp_make_kill(struct sp_call *call)
{
    call->outcome.t_enter_ns = call->outcome.t_return_ns = sp_stack_now_ns();
    sp_call_reply(call);
    sp_stack_kill((int)sp_call_number(call, "signal"));
}

void sp_make_exit(struct sp_call *call)
{
    call->outcome.t_enter_ns = call->outcome.t_return_ns = sp_stack_now_ns();
    sp_call_reply(call);
    sp_stack_exit((int)sp_call_number(call, "code"));
}
