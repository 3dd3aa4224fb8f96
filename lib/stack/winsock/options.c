/* Socket options as data. Source: learn.microsoft.com, "SOL_SOCKET Socket Options",
 * "IPPROTO_TCP Socket Options" and the like. */
#include "internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "option_rows.h"
#include "option_table.h"

/* An option that Winsock does not have is one that it does not know: WSAENOPROTOOPT, by itself. */
enum { UNKNOWN = 0x7fff };

#ifndef TCP_KEEPIDLE /* Windows 10, 1709: ws2ipdef.h of a newer SDK */
#define TCP_KEEPIDLE 3
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT 16
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL 17
#endif
#ifndef TCP_TIMESTAMP
#define TCP_TIMESTAMP 10
#endif
#ifndef TCP_FASTOPEN
#define TCP_FASTOPEN 15
#endif
#ifndef TCP_MAXRT
#define TCP_MAXRT 5
#endif
#ifndef TCP_MAXSEG
#define TCP_MAXSEG 4
#endif
#define SO_BINDTODEVICE          UNKNOWN
#define SO_REUSEPORT             UNKNOWN
#define SO_RCVBUFFORCE           UNKNOWN
#define SO_SNDBUFFORCE           UNKNOWN
#define SO_DOMAIN                UNKNOWN
#define SO_PROTOCOL              UNKNOWN
#define SO_PRIORITY              UNKNOWN
#define SO_MARK                  UNKNOWN
#define SO_BUSY_POLL             UNKNOWN
#define SO_INCOMING_CPU          UNKNOWN
#define SO_MAX_PACING_RATE       UNKNOWN
#define SO_ZEROCOPY              UNKNOWN
#define TCP_CORK                 UNKNOWN
#define TCP_SYNCNT               UNKNOWN
#define TCP_LINGER2              UNKNOWN
#define TCP_DEFER_ACCEPT         UNKNOWN
#define TCP_WINDOW_CLAMP         UNKNOWN
#define TCP_QUICKACK             UNKNOWN
#define TCP_USER_TIMEOUT         UNKNOWN
#define TCP_FASTOPEN_CONNECT     UNKNOWN
#define TCP_FASTOPEN_NO_COOKIE   UNKNOWN
#define TCP_NOTSENT_LOWAT        UNKNOWN
#define TCP_THIN_LINEAR_TIMEOUTS UNKNOWN
#define TCP_THIN_DUPACK          UNKNOWN
#define TCP_INQ                  UNKNOWN
#define TCP_SAVE_SYN             UNKNOWN
#define TCP_TX_DELAY             UNKNOWN
#define TCP_REPAIR               UNKNOWN
#define TCP_RTO_MAX_MS           UNKNOWN
#define TCP_CONGESTION           UNKNOWN
#define TCP_ULP                  UNKNOWN
#define TCP_INFO                 0 /* SIO_TCP_INFO stands for it */
#define IP_MINTTL                UNKNOWN
#define IP_BIND_ADDRESS_NO_PORT  UNKNOWN
#define IP_FREEBIND              UNKNOWN
#define IP_TRANSPARENT           UNKNOWN
#define IPV6_MINHOPCOUNT         UNKNOWN
#define IPV6_FREEBIND            UNKNOWN
#define IPV6_TRANSPARENT         UNKNOWN
#define IPV6_FLOWINFO_SEND       UNKNOWN
#ifndef IP_MTU
#define IP_MTU 73
#endif
#ifndef IP_MTU_DISCOVER
#define IP_MTU_DISCOVER 71
#endif
#ifndef IP_RECVERR
#define IP_RECVERR 75
#endif
#ifndef IPV6_MTU
#define IPV6_MTU 72
#endif
#ifndef IPV6_MTU_DISCOVER
#define IPV6_MTU_DISCOVER 71
#endif
#ifndef IPV6_RECVERR
#define IPV6_RECVERR 75
#endif
#ifndef IPV6_TCLASS
#define IPV6_TCLASS 39
#endif
#ifndef IPV6_DONTFRAG
#define IPV6_DONTFRAG 14
#endif

#define ROW(kind, level, name) {#name, SP_STACK_OPT_##kind, level, name, true},

const struct sp_stack_option sp_stack_options[] = {SP_STACK_OPTION_ROWS(ROW)};

#undef ROW

const unsigned sp_stack_option_count = sizeof sp_stack_options / sizeof sp_stack_options[0];

bool sp_stack_option_fits(const struct sp_stack_option *option,
                          const struct sp_stack_option_value *value)
{
    switch (option->kind) {
    case SP_STACK_OPT_LINGER: /* u_short each */
        return value->linger_s >= 0 && value->linger_s <= USHRT_MAX;
    case SP_STACK_OPT_TEXT:
        return true;
    case SP_STACK_OPT_INT:
    case SP_STACK_OPT_MS:
        return value->number >= INT_MIN && value->number <= UINT_MAX;
    case SP_STACK_OPT_BYTES:
        return sp_stack_is_bytes(value->text);
    case SP_STACK_OPT_ERROR:
    case SP_STACK_OPT_STATE:
        return false;
    }
    return false;
}

/* The API's form of any option's value; times are milliseconds in a DWORD. */
union raw {
    int number;
    LINGER linger;
    char text[sizeof((struct sp_stack_option_value *)0)->text];
};

static int to_raw(const struct sp_stack_option *option, const struct sp_stack_option_value *value,
                  union raw *raw)
{
    memset(raw, 0, sizeof *raw);
    if (option->kind == SP_STACK_OPT_LINGER) {
        raw->linger.l_onoff = (u_short)value->on;
        raw->linger.l_linger = (u_short)value->linger_s;
        return sizeof raw->linger;
    }
    if (option->kind == SP_STACK_OPT_TEXT) {
        snprintf(raw->text, sizeof raw->text, "%s", value->text);
        return (int)strlen(raw->text);
    }
    if (option->kind == SP_STACK_OPT_BYTES) {
        return (int)sp_stack_bytes_take(value->text, raw->text);
    }
    raw->number = (int)value->number;
    return sizeof raw->number;
}

static int raw_size(const struct sp_stack_option *option)
{
    if (option->kind == SP_STACK_OPT_LINGER)
        return sizeof(LINGER);
    if (option->kind == SP_STACK_OPT_TEXT || option->kind == SP_STACK_OPT_BYTES)
        return sizeof((union raw *)0)->text - 1;
    return sizeof(int);
}

static void from_raw(const struct sp_stack_option *option, const union raw *raw, int len_bytes,
                     struct sp_stack_option_value *value)
{
    const char *name = NULL;
    switch (option->kind) {
    case SP_STACK_OPT_LINGER:
        value->on = raw->linger.l_onoff;
        value->linger_s = raw->linger.l_linger;
        return;
    case SP_STACK_OPT_TEXT:
        snprintf(value->text, sizeof value->text, "%s", raw->text);
        return;
    case SP_STACK_OPT_ERROR:
        value->number = raw->number;
        name = value->number ? sp_stack_error_name(raw->number) : "";
        if (name)
            snprintf(value->text, sizeof value->text, "%s", name);
        else
            snprintf(value->text, sizeof value->text, "E%d", raw->number);
        return;
    case SP_STACK_OPT_BYTES:
        for (int i = 0; i < len_bytes && 2 * i + 2 < (int)sizeof value->text; i++)
            snprintf(value->text + 2 * i, 3, "%02x", (unsigned char)raw->text[i]);
        return;
    case SP_STACK_OPT_INT:
    case SP_STACK_OPT_MS:
    case SP_STACK_OPT_STATE:
        value->number = raw->number;
        return;
    }
}

void sp_stack_setsockopt(sp_stack_sock sock, const struct sp_stack_option *option,
                         const struct sp_stack_option_value *value, struct sp_stack_outcome *out)
{
    union raw raw;
    int len = to_raw(option, value, &raw);
    SP_WINSOCK_CALL(
        out, setsockopt((SOCKET)sock, option->level, option->number, (const char *)&raw, len));
}

/*
 * What TCP_INFO says elsewhere SIO_TCP_INFO does here (Windows 10 1703 and later); version 0 of its
 * answer begins with the state.
 * https://learn.microsoft.com/windows/win32/api/mstcpip/ns-mstcpip-tcp_info_v0
 */
static void get_state(sp_stack_sock sock, struct sp_stack_option_value *value,
                      struct sp_stack_outcome *out)
{
    enum { SIO_TCP_INFO_CODE = (int)0xD8000027, ANSWER_ULONGS = 32 };
    /* TCPSTATE, from 0 */
    static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN_SENT",   "SYN_RECEIVED",
                                        "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT",
                                        "CLOSING",     "LAST_ACK",   "TIME_WAIT"};
    DWORD version = 0, answer[ANSWER_ULONGS] = {0}, got = 0;
    SP_WINSOCK_CALL(out, WSAIoctl((SOCKET)sock, (DWORD)SIO_TCP_INFO_CODE, &version, sizeof version,
                                  answer, sizeof answer, &got, NULL, NULL));
    if (out->value < 0)
        return;
    value->number = answer[0];
    if (answer[0] < sizeof names / sizeof names[0])
        snprintf(value->text, sizeof value->text, "%s", names[answer[0]]);
}

void sp_stack_getsockopt(sp_stack_sock sock, const struct sp_stack_option *option,
                         struct sp_stack_option_value *value, struct sp_stack_outcome *out)
{
    union raw raw = {0};
    int len = raw_size(option);
    memset(value, 0, sizeof *value);
    if (option->kind == SP_STACK_OPT_STATE) {
        get_state(sock, value, out);
        return;
    }
    SP_WINSOCK_CALL(out,
                    getsockopt((SOCKET)sock, option->level, option->number, (char *)&raw, &len));
    if (out->value >= 0)
        from_raw(option, &raw, len, value);
}

bool sp_stack_option_took(const struct sp_stack_option *option,
                          const struct sp_stack_option_value *asked,
                          const struct sp_stack_option_value *back)
{
    static const char *const inexact[] = {"TCP_MAXSEG", "IP_TOS", "IPV6_TCLASS", "SO_RCVTIMEO",
                                          "SO_SNDTIMEO"};
    if (option->kind == SP_STACK_OPT_LINGER)
        return !asked->on == !back->on && (!asked->on || asked->linger_s == back->linger_s);
    for (size_t i = 0; i < sizeof inexact / sizeof inexact[0]; i++)
        if (strcmp(option->name, inexact[i]) == 0)
            return true;
    if (strcmp(option->name, "SO_RCVBUF") == 0 || strcmp(option->name, "SO_SNDBUF") == 0)
        return back->number >= asked->number;
    /* flags are BOOL: any number but 0 */
    return back->number == asked->number || (asked->number == 1 && back->number != 0);
}
