/*
 * Theory of operation: what Windows answers when it is asked about its TCP sockets.
 *
 * A look is one GetExtendedTcpTable() of the run's family, held against the look before. A row has
 * two addresses, a state and the process that owns it (0 for TIME_WAIT); no queues, no timers.
 * Sockets are recognised by their addresses, which TIME_WAIT keeps; one that seems to go back to an
 * earlier state is another, with the same addresses.
 *
 * The table is of the whole machine. What was in it when the witness was opened is not of this run,
 * nor is what has none of the run's addresses; a socket that is bound to no address is of this run
 * where its process is one of the lab's.
 *
 * What happened between two looks is known to have happened between them, no better.
 */
#include "witness.h"

#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>

#include "clock.h"
#include "linux_tcp.h"
#include "windows/spawn.h"

struct seen {
    struct sp_addr local, remote;
    enum sp_tcp_state state;
    DWORD pid;
    bool earlier;        /* was there before the run */
    unsigned generation; /* of those with these addresses, from 0 */
};

struct seen_list {
    struct seen *items;
    size_t len;
    size_t cap;
};

struct sp_diag {
    ULONG family;
    bool listeners;
    struct seen_list before, now;
    int64_t before_mono_ns; /* when the look before was begun */
    void *table;
    DWORD table_bytes;
};

/* Of MIB_TCP_STATE; NONE: no socket any more. */
static enum sp_tcp_state state_of(DWORD number)
{
    static const uint8_t states[] = {
        [MIB_TCP_STATE_LISTEN] = SP_TCP_LISTEN,
        [MIB_TCP_STATE_SYN_SENT] = SP_TCP_SYN_SENT,
        [MIB_TCP_STATE_SYN_RCVD] = SP_TCP_SYN_RECEIVED,
        [MIB_TCP_STATE_ESTAB] = SP_TCP_ESTABLISHED,
        [MIB_TCP_STATE_FIN_WAIT1] = SP_TCP_FIN_WAIT_1,
        [MIB_TCP_STATE_FIN_WAIT2] = SP_TCP_FIN_WAIT_2,
        [MIB_TCP_STATE_CLOSE_WAIT] = SP_TCP_CLOSE_WAIT,
        [MIB_TCP_STATE_CLOSING] = SP_TCP_CLOSING,
        [MIB_TCP_STATE_LAST_ACK] = SP_TCP_LAST_ACK,
        [MIB_TCP_STATE_TIME_WAIT] = SP_TCP_TIME_WAIT,
    };
    return number < sizeof states ? (enum sp_tcp_state)states[number] : SP_TCP_NONE;
}

static uint16_t port_of(DWORD network)
{
    return ntohs((uint16_t)network);
}

static void seen_add(struct sp_diag *diag, const struct seen *row)
{
    bool listens = row->state == SP_TCP_LISTEN;
    if (row->state == SP_TCP_NONE)
        return;
    struct seen *seen = &SP_PUSH(diag->now.items, diag->now.len, diag->now.cap);
    *seen = *row;
    if (listens) /* what stands in a listener's remote address means nothing */
        seen->remote = (struct sp_addr){0};
}

static void rows4(struct sp_diag *diag)
{
    const MIB_TCPTABLE_OWNER_PID *table = diag->table;
    for (DWORD i = 0; i < table->dwNumEntries; i++) {
        const MIB_TCPROW_OWNER_PID *row = &table->table[i];
        uint8_t local[4], remote[4];
        memcpy(local, &row->dwLocalAddr, 4);
        memcpy(remote, &row->dwRemoteAddr, 4);
        seen_add(diag, &(struct seen){.local = sp_linux_addr4(local, port_of(row->dwLocalPort)),
                                      .remote = sp_linux_addr4(remote, port_of(row->dwRemotePort)),
                                      .state = state_of(row->dwState),
                                      .pid = row->dwOwningPid});
    }
}

static void rows6(struct sp_diag *diag)
{
    const MIB_TCP6TABLE_OWNER_PID *table = diag->table;
    for (DWORD i = 0; i < table->dwNumEntries; i++) {
        const MIB_TCP6ROW_OWNER_PID *row = &table->table[i];
        seen_add(diag, &(struct seen){
                           .local = sp_linux_addr6(row->ucLocalAddr, port_of(row->dwLocalPort)),
                           .remote = sp_linux_addr6(row->ucRemoteAddr, port_of(row->dwRemotePort)),
                           .state = state_of(row->dwState),
                           .pid = row->dwOwningPid});
    }
}

/* One table. It may grow between the question for its size and the one for its rows. */
static enum sp_rc dump(struct sp_diag *diag, ULONG family, struct sp_err *err)
{
    DWORD code;
    while ((code = GetExtendedTcpTable(diag->table, &diag->table_bytes, FALSE, family,
                                       TCP_TABLE_OWNER_PID_ALL, 0)) == ERROR_INSUFFICIENT_BUFFER) {
        diag->table_bytes += 4096;
        diag->table = sp_xrealloc(diag->table, diag->table_bytes);
    }
    if (code != NO_ERROR)
        return sp_fail(err, SP_E_IO, "GetExtendedTcpTable: Windows error %lu", (unsigned long)code);
    if (family == AF_INET6)
        rows6(diag);
    else
        rows4(diag);
    return SP_OK;
}

static const struct seen *find(const struct seen_list *list, const struct seen *row)
{
    for (size_t i = 0; i < list->len; i++)
        if (sp_addr_same(&list->items[i].local, &row->local) &&
            sp_addr_same(&list->items[i].remote, &row->remote))
            return &list->items[i];
    return NULL;
}

/* How far a state is on the way of a socket. */
static int age_of(enum sp_tcp_state state)
{
    bool opens = state == SP_TCP_SYN_SENT || state == SP_TCP_SYN_RECEIVED;
    return state == SP_TCP_LISTEN ? 0 : opens ? 1 : state == SP_TCP_ESTABLISHED ? 2 : 3;
}

static bool is_another(const struct seen *old, const struct seen *seen)
{
    return age_of(seen->state) < age_of(old->state);
}

static enum sp_rc take(struct sp_diag *diag, struct sp_err *err)
{
    diag->now.len = 0;
    enum sp_rc rc = dump(diag, diag->family, err);
    /* an IPv6 socket may speak IPv4: its row is among IPv6's, its address is not */
    if (rc == SP_OK && diag->family == AF_INET)
        rc = dump(diag, AF_INET6, err);
    for (size_t i = 0; rc == SP_OK && i < diag->now.len; i++) {
        struct seen *seen = &diag->now.items[i];
        const struct seen *old = find(&diag->before, seen);
        bool another = old && is_another(old, seen);
        seen->earlier = old && old->earlier && !another;
        seen->generation = old ? old->generation + another : 0;
    }
    return rc;
}

static void keep(struct sp_diag *diag, int64_t begun_ns)
{
    struct seen_list spare = diag->before;
    diag->before = diag->now;
    diag->now = spare;
    diag->before_mono_ns = begun_ns;
}

enum sp_rc sp_diag_open(const struct sp_lab *lab, enum sp_place place, struct sp_diag **out,
                        struct sp_err *err)
{
    (void)place;
    struct sp_diag *diag = sp_xcalloc(1, sizeof *diag);
    diag->family = lab->config.family == 6 ? AF_INET6 : AF_INET;
    diag->listeners = true;
    diag->table_bytes = 64 * 1024;
    diag->table = sp_xcalloc(1, diag->table_bytes);
    int64_t begun_ns = sp_clock_now_ns();
    enum sp_rc rc = take(diag, err);
    for (size_t i = 0; i < diag->now.len; i++)
        diag->now.items[i].earlier = true;
    keep(diag, begun_ns);
    if (rc != SP_OK) {
        sp_diag_free(diag);
        diag = NULL;
    }
    *out = diag;
    return rc;
}

void sp_diag_free(struct sp_diag *diag)
{
    if (!diag)
        return;
    free(diag->before.items);
    free(diag->now.items);
    free(diag->table);
    free(diag);
}

static bool is_of_run(const struct sp_trace_head *head, const struct seen *seen)
{
    if (seen->earlier)
        return false;
    if (sp_linux_addr_is_wildcard(&seen->local))
        return !seen->pid || sp_lab_is_ours(seen->pid); /* Wine does not find the owner */
    return sp_linux_addr_end(head, &seen->local) != SP_END_NONE;
}

/* The same for all of one connection's rows on one side: sockets have no number that is shown. */
static uint64_t id_of(const struct seen *seen)
{
    uint64_t hash = UINT64_C(14695981039346656037) + seen->generation;
    const struct sp_addr *addrs[] = {&seen->local, &seen->remote};
    for (size_t i = 0; i < 2; i++) {
        for (size_t b = 0; b < sizeof addrs[i]->ip; b++)
            hash = (hash ^ addrs[i]->ip[b]) * UINT64_C(1099511628211);
        hash = (hash ^ addrs[i]->port) * UINT64_C(1099511628211);
    }
    return hash ? hash : 1;
}

static void state_add(const struct sp_diag *diag, struct sp_trace *trace, int64_t t_ns,
                      const struct seen *seen, enum sp_tcp_state old_state,
                      enum sp_tcp_state new_state)
{
    if (!is_of_run(&trace->head, seen) || (!diag->listeners && seen->state == SP_TCP_LISTEN))
        return;
    struct sp_event *event = sp_trace_add(trace, SP_EV_STATE, t_ns);
    bool nowhere = sp_linux_addr_is_wildcard(&seen->local);
    event->end = nowhere ? SP_END_NONE : sp_linux_addr_end(&trace->head, &seen->local);
    struct sp_ev_state *state = &event->u.state;
    state->source = SP_STATE_TABLE;
    state->old_state = old_state;
    state->new_state = new_state;
    state->local = seen->local;
    state->remote = sp_linux_remote(&seen->remote);
    state->sock_id = id_of(seen);
    int64_t since_ns = diag->before_mono_ns - trace->head.start_mono_ns;
    state->not_before_ns = since_ns > 0 ? since_ns : 0;
    state->recv_queue = state->send_queue = -1;
    state->timer = -1;
    state->timer_ms = -1;
}

enum sp_rc sp_diag_look(struct sp_diag *diag, struct sp_trace *trace, int64_t t0_mono_ns,
                        bool queues, struct sp_err *err)
{
    (void)queues;
    int64_t begun_ns = sp_clock_now_ns();
    enum sp_rc rc = take(diag, err);
    if (rc != SP_OK)
        return rc;
    int64_t t_ns = sp_clock_now_ns() - t0_mono_ns;
    for (size_t i = 0; i < diag->before.len; i++) {
        const struct seen *old = &diag->before.items[i];
        const struct seen *seen = find(&diag->now, old);
        if (!seen || seen->generation != old->generation)
            state_add(diag, trace, t_ns, old, old->state, SP_TCP_NONE);
    }
    for (size_t i = 0; i < diag->now.len; i++) {
        const struct seen *seen = &diag->now.items[i];
        const struct seen *old = find(&diag->before, seen);
        if (old && old->generation != seen->generation)
            old = NULL;
        if (!old || old->state != seen->state)
            state_add(diag, trace, t_ns, seen, old ? old->state : SP_TCP_NONE, seen->state);
    }
    keep(diag, begun_ns);
    return SP_OK;
}

void sp_diag_listeners(struct sp_diag *diag, bool on)
{
    diag->listeners = on;
}

/* The table tells of no timers: the runner looks again by itself while a line waits. */
int64_t sp_diag_next_look_ns(const struct sp_diag *diag)
{
    (void)diag;
    return 0;
}
