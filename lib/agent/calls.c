/* The table of calls, and how a request's arguments are held against it. */
#include <stdio.h>
#include <string.h>

#include "worker.h"

#define NUMBER(name, default_number, min, max)                                                     \
    {                                                                                              \
        name, SP_ARG_NUMBER, false, min, max, default_number                                       \
    }
#define REQUIRED(name, min, max)                                                                   \
    {                                                                                              \
        name, SP_ARG_NUMBER, true, min, max, 0                                                     \
    }
#define TEXT(name)                                                                                 \
    {                                                                                              \
        name, SP_ARG_TEXT, false, 0, 0, 0                                                          \
    }
#define REQUIRED_TEXT(name)                                                                        \
    {                                                                                              \
        name, SP_ARG_TEXT, true, 0, 0, 0                                                           \
    }
#define ANY(name)                                                                                  \
    {                                                                                              \
        name, SP_ARG_ANY, false, 0, 0, 0                                                           \
    }
#define SWITCH(name, value) NUMBER(name, value, 0, 1)
#define LEN                 REQUIRED("len", 0, SP_AGENT_PAYLOAD_MAX_BYTES)
#define ADDR                TEXT("addr"), NUMBER("port", 0, 0, UINT16_MAX)

static const struct sp_call_spec calls[] = {
    {"socket",
     SP_CALL_MAKES_SOCK,
     {NUMBER("family", 4, 4, 6), SWITCH("nonblock", 0)},
     sp_prepare_family,
     sp_make_socket},
    {"bind", SP_CALL_ON_SOCKET, {ADDR}, sp_prepare_addr, sp_make_bind},
    {"listen",
     SP_CALL_ON_SOCKET,
     {NUMBER("backlog", 8, INT32_MIN, INT32_MAX)},
     NULL,
     sp_make_listen},
    {"connect", SP_CALL_ON_SOCKET, {ADDR}, sp_prepare_addr, sp_make_connect},
    {"accept",
     SP_CALL_ON_SOCKET | SP_CALL_MAKES_AS,
     {REQUIRED_TEXT("as"), SWITCH("nonblock", 0)},
     NULL,
     sp_make_accept},
    {"send",
     SP_CALL_ON_SOCKET | SP_CALL_SENDS,
     {LEN, TEXT("flags")},
     sp_prepare_flags,
     sp_make_send},
    {"recv",
     SP_CALL_ON_SOCKET,
     {LEN, TEXT("flags"), NUMBER("skip", 0, 0, INT32_MAX)},
     sp_prepare_flags,
     sp_make_recv},
    {"drain",
     SP_CALL_ON_SOCKET,
     {NUMBER("max", INT32_MAX, 1, INT32_MAX), TEXT("flags")},
     sp_prepare_flags,
     sp_make_drain},
    {"fill",
     SP_CALL_ON_SOCKET | SP_CALL_SENDS,
     {NUMBER("max", 256 << 20, 1, INT32_MAX)},
     NULL,
     sp_make_fill},
    {"close", SP_CALL_ON_SOCKET, {{0}}, NULL, sp_make_close},
    {"shutdown", SP_CALL_ON_SOCKET, {REQUIRED_TEXT("how")}, sp_prepare_how, sp_make_shutdown},
    {"setsockopt",
     SP_CALL_ON_SOCKET,
     {REQUIRED_TEXT("opt"), ANY("value"), NUMBER("on", 0, INT32_MIN, INT32_MAX),
      NUMBER("linger", 0, INT32_MIN, INT32_MAX)},
     sp_prepare_option_value,
     sp_make_setsockopt},
    {"getsockopt",
     SP_CALL_ON_SOCKET,
     {REQUIRED_TEXT("opt")},
     sp_prepare_option,
     sp_make_getsockopt},
    {"poll",
     SP_CALL_ON_SOCKET,
     {TEXT("events"), NUMBER("timeout_ms", 0, -1, INT32_MAX)},
     sp_prepare_events,
     sp_make_poll},
    {"select",
     SP_CALL_ON_SOCKET,
     {TEXT("sets"), NUMBER("timeout_ms", 0, -1, INT32_MAX)},
     sp_prepare_sets,
     sp_make_select},
    {"epoll",
     SP_CALL_ON_SOCKET,
     {TEXT("events"), NUMBER("timeout_ms", 0, -1, INT32_MAX)},
     sp_prepare_epoll,
     sp_make_epoll},
    {"getsockname", SP_CALL_ON_SOCKET, {{0}}, NULL, sp_make_getsockname},
    {"getpeername", SP_CALL_ON_SOCKET, {{0}}, NULL, sp_make_getpeername},
    {"nonblock", SP_CALL_ON_SOCKET, {SWITCH("on", 1)}, NULL, sp_make_nonblock},
    {"ioctl", SP_CALL_ON_SOCKET, {REQUIRED_TEXT("what")}, sp_prepare_query, sp_make_ioctl},
    {"dup", SP_CALL_ON_SOCKET | SP_CALL_MAKES_AS, {REQUIRED_TEXT("as")}, NULL, sp_make_dup},
    {"signal",
     SP_CALL_NOT_OVERLAPPED,
     {REQUIRED_TEXT("what"), REQUIRED_TEXT("action")},
     sp_prepare_signal,
     sp_make_signal},
    {"interrupt",
     SP_CALL_ON_SOCKET | SP_CALL_NOT_OVERLAPPED,
     {REQUIRED_TEXT("call"), REQUIRED_TEXT("what")},
     sp_prepare_interrupt,
     sp_make_interrupt},
    {"pass", SP_CALL_ON_SOCKET | SP_CALL_NOT_OVERLAPPED, {{0}}, sp_prepare_pass, sp_make_pass},
    {"take",
     SP_CALL_MAKES_AS | SP_CALL_NOT_OVERLAPPED,
     {REQUIRED_TEXT("as")},
     sp_prepare_take,
     sp_make_take},
    {"fork", SP_CALL_NOT_OVERLAPPED, {{0}}, sp_prepare_fork, sp_make_fork},
    {"reap", SP_CALL_NOT_OVERLAPPED, {{0}}, sp_prepare_reap, sp_make_reap},
    {"exit", SP_CALL_NOT_OVERLAPPED, {NUMBER("code", 0, 0, 255)}, NULL, sp_make_exit},
    {"kill", SP_CALL_NOT_OVERLAPPED, {NUMBER("signal", 9, 1, 64)}, NULL, sp_make_kill},
};

enum { CALLS = sizeof calls / sizeof calls[0] };

const struct sp_call_spec *sp_call_spec_at(unsigned i)
{
    return i < CALLS ? &calls[i] : NULL;
}

/* The place of an argument in the call's list, SP_CALL_ARGS where it takes no such one. */
static unsigned arg_place(const struct sp_call *call, const char *name)
{
    const struct sp_arg_spec *specs = call->spec->args;
    for (unsigned i = 0; i < SP_CALL_ARGS && specs[i].name; i++)
        if (strcmp(specs[i].name, name) == 0)
            return i;
    return SP_CALL_ARGS;
}

static enum sp_rc no_such_arg(const struct sp_call *call, const char *name, struct sp_err *err)
{
    char takes[128] = "";
    size_t used = 0;
    const struct sp_arg_spec *specs = call->spec->args;
    for (unsigned i = 0; i < SP_CALL_ARGS && specs[i].name && used < sizeof takes; i++)
        used += (size_t)snprintf(takes + used, sizeof takes - used, "%s%s", i ? ", " : "",
                                 specs[i].name);
    return sp_fail(err, SP_E_USAGE, "%s has no argument '%s'; it takes %s", call->spec->name, name,
                   used ? takes : "none");
}

static enum sp_rc check_arg(const struct sp_call *call, const struct sp_arg_spec *spec,
                            const struct sp_agent_arg *arg, struct sp_err *err)
{
    bool is_text = spec->type == SP_ARG_TEXT;
    if (spec->type != SP_ARG_ANY && arg->is_text != is_text)
        return sp_fail(err, SP_E_USAGE, "%s: %s is a %s", call->spec->name, spec->name,
                       is_text ? "text" : "number");
    if (!arg->is_text && (spec->min || spec->max) &&
        (arg->number < spec->min || arg->number > spec->max))
        return sp_fail(err, SP_E_USAGE, "%s: %s is %lld; it is from %lld to %lld", call->spec->name,
                       spec->name, (long long)arg->number, (long long)spec->min,
                       (long long)spec->max);
    return SP_OK;
}

enum sp_rc sp_call_bind(struct sp_call *call, struct sp_err *err)
{
    for (unsigned i = 0; i < CALLS; i++)
        if (strcmp(calls[i].name, call->request.call) == 0)
            call->spec = &calls[i];
    if (!call->spec)
        return sp_fail(err, SP_E_USAGE, "no such call: '%s'", call->request.call);
    const struct sp_arg_spec *specs = call->spec->args;
    for (uint32_t i = 0; i < call->request.arg_count; i++) {
        const struct sp_agent_arg *arg = &call->request.args[i];
        unsigned place = arg_place(call, arg->name);
        if (place == SP_CALL_ARGS)
            return no_such_arg(call, arg->name, err);
        if (call->args[place])
            return sp_fail(err, SP_E_USAGE, "%s: %s is given twice", call->spec->name, arg->name);
        enum sp_rc rc = check_arg(call, &specs[place], arg, err);
        if (rc != SP_OK)
            return rc;
        call->args[place] = arg;
    }
    for (unsigned i = 0; i < SP_CALL_ARGS && specs[i].name; i++)
        if (specs[i].required && !call->args[i])
            return sp_fail(err, SP_E_USAGE, "%s needs %s", call->spec->name, specs[i].name);
    return SP_OK;
}

static const struct sp_agent_arg *bound(const struct sp_call *call, const char *name)
{
    unsigned place = arg_place(call, name);
    return place < SP_CALL_ARGS ? call->args[place] : NULL;
}

bool sp_call_given(const struct sp_call *call, const char *name)
{
    return bound(call, name) != NULL;
}

bool sp_call_is_text(const struct sp_call *call, const char *name)
{
    const struct sp_agent_arg *arg = bound(call, name);
    return arg && arg->is_text;
}

int64_t sp_call_number(const struct sp_call *call, const char *name)
{
    const struct sp_agent_arg *arg = bound(call, name);
    return arg ? arg->number : call->spec->args[arg_place(call, name)].number;
}

const char *sp_call_text(const struct sp_call *call, const char *name)
{
    const struct sp_agent_arg *arg = bound(call, name);
    return arg ? arg->text : "";
}
