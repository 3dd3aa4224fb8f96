/*
 * States from the inside: lwIP keeps a control block for each connection in lists that nobody may
 * walk without the core lock. So they are looked at where the lock is held or just taken: before
 * each frame that leaves, after each that was read, after each call, and now and then for what
 * timers do. A look touches nothing of the stack; what has changed since the one before is appended
 * to a file, which the runner reads when it likes.
 */
#include "states.h"

#include <fcntl.h>
#include <inttypes.h>
#include <lwip/api.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcpip.h>
#include <lwip/timeouts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, LINE_MAX_BYTES = 256 };
enum { LOOK_EVERY_NS = 10000000, LATE_LEAST_NS = 4000000, LATE_NS = 40000000 };

/* A connection as it was told last. */
struct told {
    const void *pcb; /* its block, which another may have after it */
    uint64_t id;     /* ours, never used again */
    enum tcp_state state;
    ip_addr_t local, remote;
    uint16_t local_port, remote_port;
    int64_t unread, unacked; /* bytes; -1 has none */
    bool seen;               /* in the look under way */
};

/* All of it under the core lock. */
static struct {
    int fd;
    struct told items[CONNECTIONS_MAX];
    unsigned len;
    uint64_t last_id;
    int64_t before_ns; /* when the look before was done */
    int64_t now_ns;
    int64_t due_ns;  /* when its timer is to go off */
    int64_t late_ns; /* what it was late by and has not been told */
} looks = {.fd = -1};

/* RFC 9293's names, by lwIP's numbers. */
static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN_SENT",   "SYN_RECEIVED",
                                    "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT",
                                    "CLOSING",     "LAST_ACK",   "TIME_WAIT"};

#define NO_STATE "none" /* the connection was not there, or is not there any more */

static int64_t mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void print_addr(char *out, size_t cap, const ip_addr_t *addr, uint16_t port)
{
    char ip[IPADDR_STRLEN_MAX];
    bool v6 = IP_IS_V6(addr) || IP_IS_ANY_TYPE_VAL(*addr);
    ipaddr_ntoa_r(addr, ip, sizeof ip);
    snprintf(out, cap, v6 ? "[%s]:%u" : "%s:%u", v6 && ip_addr_isany(addr) ? "::" : ip, port);
}

static void tell(const struct told *c, const char *old, const char *state)
{
    char local[64], remote[64], line[LINE_MAX_BYTES];
    print_addr(local, sizeof local, &c->local, c->local_port);
    print_addr(remote, sizeof remote, &c->remote, c->remote_port);
    int len = snprintf(line, sizeof line,
                       "%" PRId64 " %" PRId64 " %" PRIu64 " %s %s %s %s %" PRId64 " %" PRId64 "\n",
                       looks.now_ns, looks.before_ns, c->id, old, state, local, remote, c->unread,
                       c->unacked);
    if (write(looks.fd, line, (size_t)len) < 0)
        looks.fd = -1; /* nobody listens any more */
}

static bool is_same(const struct told *a, const struct told *b)
{
    return a->pcb == b->pcb && a->local_port == b->local_port && a->remote_port == b->remote_port &&
           ip_addr_cmp(&a->remote, &b->remote);
}

static void see(const struct told *now)
{
    struct told *c = NULL;
    for (unsigned i = 0; i < looks.len && !c; i++)
        if (is_same(&looks.items[i], now))
            c = &looks.items[i];
    bool fresh = !c;
    if (fresh && looks.len == CONNECTIONS_MAX)
        return;
    if (fresh)
        c = &looks.items[looks.len++];
    bool changed =
        fresh || c->state != now->state || c->unread != now->unread || c->unacked != now->unacked;
    const char *old = fresh ? NO_STATE : names[c->state];
    uint64_t id = fresh ? ++looks.last_id : c->id;
    *c = *now;
    c->id = id;
    c->seen = true;
    if (changed)
        tell(c, old, names[c->state]);
}

/* A window that is smaller than it can be has bytes in it that no application has read. */
static void see_connections(const struct tcp_pcb *pcb)
{
    for (; pcb; pcb = pcb->next) {
        /* A FIN that is put on data that waits (tcp_send_fin()) has no place in snd_lbb. */
        int32_t unacked = (int32_t)(pcb->snd_lbb - pcb->lastack);
        struct told now = {.pcb = pcb,
                           .state = pcb->state,
                           .local_port = pcb->local_port,
                           .remote_port = pcb->remote_port,
                           .unread = TCP_WND_MAX(pcb) - pcb->rcv_wnd,
                           .unacked = unacked < 0 ? 0 : unacked};
        ip_addr_copy(now.local, pcb->local_ip);
        ip_addr_copy(now.remote, pcb->remote_ip);
        see(&now);
    }
}

static void see_listeners(const struct tcp_pcb_listen *pcb)
{
    for (; pcb; pcb = pcb->next) {
        struct told now = {.pcb = pcb,
                           .state = pcb->state,
                           .local_port = pcb->local_port,
                           .unread = -1,
                           .unacked = -1};
        ip_addr_copy(now.local, pcb->local_ip);
        ip_addr_copy(now.remote, pcb->local_ip);
        ip_addr_set_any(IP_IS_V6(&pcb->local_ip), &now.remote);
        see(&now);
    }
}

void sp_lwip_states_look(void)
{
    if (looks.fd < 0)
        return;
    looks.now_ns = mono_ns();
    for (unsigned i = 0; i < looks.len; i++)
        looks.items[i].seen = false;
    see_listeners(tcp_listen_pcbs.listen_pcbs);
    see_connections(tcp_active_pcbs);
    see_connections(tcp_tw_pcbs);
    for (unsigned i = 0; i < looks.len;) {
        if (looks.items[i].seen) {
            i++;
            continue;
        }
        tell(&looks.items[i], names[looks.items[i].state], NO_STATE);
        looks.items[i] = looks.items[--looks.len];
    }
    looks.before_ns = looks.now_ns;
}

void sp_lwip_states_look_locked(void)
{
    LOCK_TCPIP_CORE();
    sp_lwip_states_look();
    UNLOCK_TCPIP_CORE();
}

static void tell_late(int64_t from_ns, int64_t to_ns)
{
    char line[LINE_MAX_BYTES];
    if (looks.fd < 0)
        return;
    int len = snprintf(line, sizeof line, "late %" PRId64 " %" PRId64 "\n", from_ns, to_ns);
    if (write(looks.fd, line, (size_t)len) < 0)
        looks.fd = -1;
}

void sp_lwip_states_late(uint32_t late_us)
{
    int64_t now_ns = mono_ns(), late_ns = (int64_t)late_us * 1000;
    if (late_ns >= LATE_NS)
        tell_late(now_ns - late_ns, now_ns);
}

/*
 * One of lwIP's own timers, in its thread: where this one goes off late, so do those of its
 * connections. Each of them begins when the one before has gone off, so that what they are late by
 * adds up; so it does here, until it is worth telling.
 */
static void look_on(void *arg)
{
    int64_t now_ns = mono_ns();
    if (now_ns - looks.due_ns >= LATE_LEAST_NS)
        looks.late_ns += now_ns - looks.due_ns;
    if (looks.late_ns >= LATE_NS) {
        tell_late(now_ns - looks.late_ns, now_ns);
        looks.late_ns = 0;
    }
    sp_lwip_states_look();
    looks.due_ns = mono_ns() + LOOK_EVERY_NS;
    sys_timeout(LOOK_EVERY_NS / 1000000, look_on, arg);
}

void sp_lwip_states_start(const char *path)
{
    looks.fd = *path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    looks.before_ns = looks.due_ns = mono_ns();
    if (looks.fd >= 0)
        tcpip_callback(look_on, NULL);
}
