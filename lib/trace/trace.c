/* The trace in memory: events in an array on the heap, their strings in an arena. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "trace_fields.h"

void sp_trace_init(struct sp_trace *trace)
{
    *trace = (struct sp_trace){0};
    sp_arena_init(&trace->arena);
    for (unsigned i = 0; i < sp_trace_head_fields.count; i++) {
        const struct sp_trace_field *field = &sp_trace_head_fields.rows[i];
        if (field->type == SP_FIELD_TEXT)
            sp_trace_field_set_text(field, &trace->head, "");
    }
}

void sp_trace_release(struct sp_trace *trace)
{
    free(trace->events);
    sp_arena_release(&trace->arena);
    *trace = (struct sp_trace){0};
}

/* What sp_trace_add promises beside zeroes: the usual values of the kind's fields. */
static void set_usual(struct sp_event *event, const struct sp_trace_fields *fields)
{
    for (unsigned i = 0; i < fields->count; i++) {
        const struct sp_trace_field *field = &fields->rows[i];
        if (field->type == SP_FIELD_TEXT)
            sp_trace_field_set_text(field, event, "");
        else if (field->type == SP_FIELD_TIME)
            sp_trace_field_store(field, event, event->t_ns);
        else if (field->usual)
            sp_trace_field_store(field, event, field->usual);
    }
}

struct sp_event *sp_trace_add(struct sp_trace *trace, enum sp_ev_kind kind, int64_t t_ns)
{
    uint32_t order = (uint32_t)trace->len;
    struct sp_event *event = &SP_PUSH(trace->events, trace->len, trace->cap);
    event->kind = kind;
    event->order = order;
    event->t_ns = t_ns;
    set_usual(event, &sp_trace_common_fields);
    set_usual(event, &sp_trace_kind_fields[kind]);
    return event;
}

const char *sp_trace_str(struct sp_trace *trace, const char *text)
{
    return sp_arena_strdup(&trace->arena, text);
}

/* Nobody in a lab has them: of documentation (RFC 5737, RFC 3849), of all, of a group. */
static const struct {
    const char *name;
    const char *ipv4;
    const char *ipv6;
} hosts[] = {
    {"any", "0.0.0.0", "::"},
    {"localhost", "127.0.0.1", "::1"},
    {"nobody", "192.0.2.1", "2001:db8::1"},
    {"multicast", "224.0.0.1", "ff02::1"},
    {"broadcast", "255.255.255.255", NULL},
};

bool sp_trace_host(const struct sp_trace_head *head, const char *name, uint8_t family,
                   struct sp_addr *out)
{
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (strcmp(name, hosts[i].name) == 0) {
            const char *ip = family == SP_IPV4 ? hosts[i].ipv4 : hosts[i].ipv6;
            return ip && sp_addr_parse(ip, out, NULL) == SP_OK;
        }
    for (int end = SP_END_CLIENT; end < SP_END_COUNT; end++) {
        bool second = strcmp(name, "second") == 0;
        const struct sp_addr *addr = second ? &head->second[end] : &head->addr[end];
        if (addr->family == family &&
            (second || strcmp(name, sp_end_name((enum sp_end)end)) == 0)) {
            *out = *addr;
            return true;
        }
    }
    return false;
}

static int by_time(const void *a, const void *b)
{
    const struct sp_event *x = a;
    const struct sp_event *y = b;
    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order); /* unique, so the sort is stable */
}

void sp_trace_sort(struct sp_trace *trace)
{
    if (trace->len > 1)
        qsort(trace->events, trace->len, sizeof *trace->events, by_time);
}
