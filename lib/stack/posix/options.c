/* Socket options as data. Sources: socket(7), tcp(7), ip(7), ipv6(7), and the kernel's
 * include/uapi/linux/tcp.h for those that the pages leave out. */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "internal.h"
#include "option_rows.h"
#include "option_table.h"

#ifndef __linux__
#undef TCP_INFO
#define TCP_INFO ABSENT
#endif

enum { ABSENT = -1 };

/* What one POSIX system has and another does not. */
#ifndef SO_REUSEPORT
#define SO_REUSEPORT ABSENT
#endif
#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE ABSENT
#endif
#ifndef SO_SNDBUFFORCE
#define SO_SNDBUFFORCE ABSENT
#endif
#ifndef SO_DOMAIN
#define SO_DOMAIN ABSENT
#endif
#ifndef SO_PROTOCOL
#define SO_PROTOCOL ABSENT
#endif
#ifndef SO_PRIORITY
#define SO_PRIORITY ABSENT
#endif
#ifndef SO_MARK
#define SO_MARK ABSENT
#endif
#ifndef SO_BUSY_POLL
#define SO_BUSY_POLL ABSENT
#endif
#ifndef SO_INCOMING_CPU
#define SO_INCOMING_CPU ABSENT
#endif
#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE ABSENT
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY ABSENT
#endif
#ifndef SO_EXCLUSIVEADDRUSE
#define SO_EXCLUSIVEADDRUSE ABSENT
#endif
#ifndef SO_CONDITIONAL_ACCEPT
#define SO_CONDITIONAL_ACCEPT ABSENT
#endif
#ifndef TCP_CORK
#define TCP_CORK ABSENT
#endif
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE ABSENT
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL ABSENT
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT ABSENT
#endif
#ifndef TCP_SYNCNT
#define TCP_SYNCNT ABSENT
#endif
#ifndef TCP_LINGER2
#define TCP_LINGER2 ABSENT
#endif
#ifndef TCP_DEFER_ACCEPT
#define TCP_DEFER_ACCEPT ABSENT
#endif
#ifndef TCP_WINDOW_CLAMP
#define TCP_WINDOW_CLAMP ABSENT
#endif
#ifndef TCP_QUICKACK
#define TCP_QUICKACK ABSENT
#endif
#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT ABSENT
#endif
#ifndef TCP_FASTOPEN
#define TCP_FASTOPEN ABSENT
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT ABSENT
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE ABSENT
#endif
#ifndef TCP_NOTSENT_LOWAT
#define TCP_NOTSENT_LOWAT ABSENT
#endif
#ifndef TCP_THIN_LINEAR_TIMEOUTS
#define TCP_THIN_LINEAR_TIMEOUTS ABSENT
#endif
#ifndef TCP_THIN_DUPACK
#define TCP_THIN_DUPACK ABSENT
#endif
#ifndef TCP_TIMESTAMP
#define TCP_TIMESTAMP ABSENT
#endif
#ifndef TCP_INQ
#define TCP_INQ ABSENT
#endif
#ifndef TCP_SAVE_SYN
#define TCP_SAVE_SYN ABSENT
#endif
#ifndef TCP_TX_DELAY
#define TCP_TX_DELAY ABSENT
#endif
#ifndef TCP_RTO_MAX_MS
#ifdef __linux__
#define TCP_RTO_MAX_MS 44 /* linux/tcp.h since 6.15 */
#else
#define TCP_RTO_MAX_MS ABSENT
#endif
#endif
#ifndef TCP_REPAIR
#define TCP_REPAIR ABSENT
#endif
#ifndef TCP_MAXRT
#define TCP_MAXRT ABSENT
#endif
#ifndef IP_MINTTL
#define IP_MINTTL ABSENT
#endif
#ifndef IP_MTU
#define IP_MTU ABSENT
#endif
#ifndef IP_MTU_DISCOVER
#define IP_MTU_DISCOVER ABSENT
#endif
#ifndef IP_RECVERR
#define IP_RECVERR ABSENT
#endif
#ifndef IP_FREEBIND
#define IP_FREEBIND ABSENT
#endif
#ifndef IP_TRANSPARENT
#define IP_TRANSPARENT ABSENT
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT ABSENT
#endif
#ifndef IPV6_TCLASS
#define IPV6_TCLASS ABSENT
#endif
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT ABSENT
#endif
#ifndef IPV6_MTU
#define IPV6_MTU ABSENT
#endif
#ifndef IPV6_MTU_DISCOVER
#define IPV6_MTU_DISCOVER ABSENT
#endif
#ifndef IPV6_RECVERR
#define IPV6_RECVERR ABSENT
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND ABSENT
#endif
#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT ABSENT
#endif
#ifndef IPV6_DONTFRAG
#define IPV6_DONTFRAG ABSENT
#endif
#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND ABSENT
#endif
#ifndef TCP_CONGESTION
#define TCP_CONGESTION ABSENT
#endif
#ifndef TCP_ULP
#define TCP_ULP ABSENT
#endif
#ifndef SO_BINDTODEVICE
#define SO_BINDTODEVICE ABSENT
#endif

#define ROW(kind, level, name) {#name, SP_STACK_OPT_##kind, level, name, name != ABSENT},

const struct sp_stack_option sp_stack_options[] = {SP_STACK_OPTION_ROWS(ROW)};

#undef ROW

const unsigned sp_stack_option_count = sizeof sp_stack_options / sizeof sp_stack_options[0];

bool sp_stack_option_fits(const struct sp_stack_option *option,
                          const struct sp_stack_option_value *value)
{
    switch (option->kind) {
    case SP_STACK_OPT_INT:
        return value->number >= INT_MIN && value->number <= UINT_MAX;
    case SP_STACK_OPT_MS:
        return value->number >= INT_MIN && value->number <= INT_MAX;
    case SP_STACK_OPT_LINGER:
    case SP_STACK_OPT_TEXT:
        return true;
    case SP_STACK_OPT_BYTES:
        return sp_stack_is_bytes(value->text);
    case SP_STACK_OPT_ERROR:
    case SP_STACK_OPT_STATE:
        return false;
    }
    return false;
}

/* The API's form of any option's value. */
union raw {
    int number;
    struct linger linger;
    struct timeval time;
    char text[sizeof((struct sp_stack_option_value *)0)->text];
    char room[256]; /* struct tcp_info, whole: a short length is an error on some systems */
};

static socklen_t to_raw(const struct sp_stack_option *option,
                        const struct sp_stack_option_value *value, union raw *raw)
{
    memset(raw, 0, sizeof *raw);
    switch (option->kind) {
    case SP_STACK_OPT_LINGER:
        raw->linger = (struct linger){.l_onoff = value->on, .l_linger = value->linger_s};
        return sizeof raw->linger;
    case SP_STACK_OPT_MS:
        raw->time.tv_sec = value->number / 1000;
        raw->time.tv_usec = value->number % 1000 * 1000;
        return sizeof raw->time;
    case SP_STACK_OPT_TEXT:
        snprintf(raw->text, sizeof raw->text, "%s", value->text);
        return (socklen_t)strlen(raw->text);
    case SP_STACK_OPT_BYTES:
        return (socklen_t)sp_stack_bytes_take(value->text, raw->room);
    case SP_STACK_OPT_INT:
    case SP_STACK_OPT_ERROR:
    case SP_STACK_OPT_STATE:
        break;
    }
    raw->number = (int)value->number;
    return sizeof raw->number;
}

static socklen_t raw_size(const struct sp_stack_option *option)
{
    switch (option->kind) {
    case SP_STACK_OPT_LINGER:
        return sizeof(struct linger);
    case SP_STACK_OPT_MS:
        return sizeof(struct timeval);
    case SP_STACK_OPT_TEXT:
        return sizeof((union raw *)0)->text - 1;
    case SP_STACK_OPT_STATE:
    case SP_STACK_OPT_BYTES:
        return sizeof((union raw *)0)->room;
    case SP_STACK_OPT_INT:
    case SP_STACK_OPT_ERROR:
        break;
    }
    return sizeof(int);
}

/* Numbers of the kernel's include/net/tcp_states.h, names of RFC 9293. */
static const char *const state_names[] = {
    NULL,     "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2",   "TIME_WAIT",
    "CLOSED", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",       "CLOSING",    "SYN_RECEIVED",
};

enum { STATES = sizeof state_names / sizeof state_names[0] };

static void from_raw(const struct sp_stack_option *option, const union raw *raw, size_t len,
                     struct sp_stack_option_value *value)
{
    const char *name = NULL;
    switch (option->kind) {
    case SP_STACK_OPT_LINGER:
        value->on = raw->linger.l_onoff;
        value->linger_s = raw->linger.l_linger;
        return;
    case SP_STACK_OPT_MS:
        value->number = (int64_t)raw->time.tv_sec * 1000 + raw->time.tv_usec / 1000;
        return;
    case SP_STACK_OPT_TEXT:
        snprintf(value->text, sizeof value->text, "%s", raw->text);
        return;
    case SP_STACK_OPT_BYTES:
        for (size_t i = 0; i < len && 2 * i + 2 < sizeof value->text; i++)
            snprintf(value->text + 2 * i, 3, "%02x", (unsigned char)raw->room[i]);
        return;
    case SP_STACK_OPT_STATE:
        value->number = (unsigned char)raw->room[0]; /* tcpi_state comes first */
        name = value->number < STATES ? state_names[value->number] : NULL;
        break;
    case SP_STACK_OPT_ERROR:
        value->number = raw->number;
        name = value->number ? sp_stack_error_name(raw->number) : "";
        break;
    case SP_STACK_OPT_INT:
        value->number = raw->number;
        return;
    }
    if (name)
        snprintf(value->text, sizeof value->text, "%s", name);
    else
        snprintf(value->text, sizeof value->text, "E%lld", (long long)value->number);
}

void sp_stack_setsockopt(sp_stack_sock sock, const struct sp_stack_option *option,
                         const struct sp_stack_option_value *value, struct sp_stack_outcome *out)
{
    union raw raw;
    socklen_t len = to_raw(option, value, &raw);
    SP_POSIX_CALL(out, NR(setsockopt),
                  sp_api_setsockopt((int)sock, option->level, option->number, &raw, len));
}

void sp_stack_getsockopt(sp_stack_sock sock, const struct sp_stack_option *option,
                         struct sp_stack_option_value *value, struct sp_stack_outcome *out)
{
    union raw raw = {0};
    socklen_t len = raw_size(option);
    memset(value, 0, sizeof *value);
    SP_POSIX_CALL(out, NR(getsockopt),
                  sp_api_getsockopt((int)sock, option->level, option->number, &raw, &len));
    if (out->value >= 0)
        from_raw(option, &raw, len, value);
}

/* Options that read back otherwise than they were set, and why that is no fault. */
static const struct {
    const char *name;
    bool at_least; /* but never less */
} inexact[] = {
    {"SO_RCVBUF", true},         /* doubled for the kernel's own overhead (socket(7)) */
    {"SO_SNDBUF", true},         /* likewise */
    {"SO_RCVBUFFORCE", true},    /* likewise, and read through SO_RCVBUF */
    {"SO_SNDBUFFORCE", true},    /* likewise */
    {"SO_RCVTIMEO", false},      /* rounded up to the kernel's tick */
    {"SO_SNDTIMEO", false},      /* likewise */
    {"TCP_QUICKACK", false},     /* not permanent (tcp(7)) */
    {"TCP_MAXSEG", false},       /* the connection's own, once there is one (tcp(7)) */
    {"TCP_WINDOW_CLAMP", false}, /* not below half the smallest buffer */
    {"TCP_DEFER_ACCEPT", false}, /* kept as a number of retransmissions */
    {"TCP_FASTOPEN", false},     /* bounded by somaxconn */
    {"IP_TOS", false},           /* TCP keeps its own ECN bits (ip(7)) */
    {"IPV6_TCLASS", false},      /* likewise */
    {"IP_OPTIONS", false},       /* a source route comes back with the destination in it (ip(7)) */
};

/* On or off: what reads back where one is on is 1, or the bit that the stack keeps it in (lwIP). */
static const char *const flags[] = {"SO_REUSEADDR", "SO_REUSEPORT", "SO_KEEPALIVE", "SO_BROADCAST",
                                    "SO_OOBINLINE", "SO_DONTROUTE", "SO_DEBUG",     "TCP_NODELAY",
                                    "TCP_CORK",     "IPV6_V6ONLY"};

static bool is_flag(const char *name)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i], name) == 0)
            return true;
    return false;
}

bool sp_stack_option_took(const struct sp_stack_option *option,
                          const struct sp_stack_option_value *asked,
                          const struct sp_stack_option_value *back)
{
    for (size_t i = 0; i < sizeof inexact / sizeof inexact[0]; i++)
        if (strcmp(option->name, inexact[i].name) == 0)
            return !inexact[i].at_least || back->number >= asked->number;
    if (option->kind == SP_STACK_OPT_LINGER)
        return !asked->on == !back->on && (!asked->on || asked->linger_s == back->linger_s);
    if (option->kind == SP_STACK_OPT_TEXT)
        return strcmp(asked->text, back->text) == 0;
    if (is_flag(option->name))
        return !asked->number == !back->number;
    return back->number == asked->number;
}
