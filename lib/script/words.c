/* The tables of the language: every word that a case may use has its row here. */
#include "parser.h"

#include <string.h>

#include "wire.h"

const char *const header_words[] = {"case",  "title", "why",      "spec",  "labs", "family",
                                    "needs", "pin",   "deadline", "watch", "for",  NULL};

const char *const statement_words[] = {"client", "server", "peer",      "wire",     "state",
                                       "still",  "never",  "silence",   "queue",    "wait",
                                       "lab",    "middle", "any",       "optional", "repeat",
                                       "on",     "when",   "establish", NULL};

const char *const end_names[] = {"client", "server", NULL};

/* POSIX <errno.h>, those that a socket call can return, and three that Windows and BSD add. */
/* clang-format off: it nests such lists deeper each time */
#define ERRORS(X)                                                                                  \
    X(EACCES)                                                                                      \
    X(EADDRINUSE)                                                                                  \
    X(EADDRNOTAVAIL)                                                                               \
    X(EAFNOSUPPORT)                                                                                \
    X(EAGAIN)                                                                                      \
    X(EALREADY)                                                                                    \
    X(EBADF)                                                                                       \
    X(ECANCELED)                                                                                   \
    X(ECONNABORTED)                                                                                \
    X(ECONNREFUSED)                                                                                \
    X(ECONNRESET)                                                                                  \
    X(EDESTADDRREQ)                                                                                \
    X(EDOM)                                                                                        \
    X(EFAULT)                                                                                      \
    X(EHOSTDOWN)                                                                                   \
    X(EHOSTUNREACH)                                                                                \
    X(EINPROGRESS)                                                                                 \
    X(EINTR)                                                                                       \
    X(EINVAL)                                                                                      \
    X(EIO)                                                                                         \
    X(EISCONN)                                                                                     \
    X(EMFILE)                                                                                      \
    X(EMSGSIZE)                                                                                    \
    X(ENETDOWN)                                                                                    \
    X(ENETRESET)                                                                                   \
    X(ENETUNREACH)                                                                                 \
    X(ENFILE)                                                                                      \
    X(ENOBUFS)                                                                                     \
    X(ENODEV)                                                                                      \
    X(ENOENT)                                                                                      \
    X(ENOMEM)                                                                                      \
    X(ENOPROTOOPT)                                                                                 \
    X(ENOSYS)                                                                                      \
    X(ENOTCONN)                                                                                    \
    X(ENOTSOCK)                                                                                    \
    X(ENOTTY)                                                                                      \
    X(ENOTSUP)                                                                                     \
    X(EOPNOTSUPP)                                                                                  \
    X(EPERM)                                                                                       \
    X(EPFNOSUPPORT)                                                                                \
    X(EPIPE)                                                                                       \
    X(EPROTO)                                                                                      \
    X(EPROTONOSUPPORT)                                                                             \
    X(EPROTOTYPE)                                                                                  \
    X(ESHUTDOWN)                                                                                   \
    X(ESOCKTNOSUPPORT)                                                                             \
    X(ETIMEDOUT)                                                                                   \
    X(EWOULDBLOCK)
/* clang-format on */

const char *const error_names[] = {
#define X(name) #name,
    ERRORS(X)
#undef X
        NULL};

static const struct name_number states[] = {
#define SP_X(name) {#name, SP_TCP_##name},
    SP_TCP_STATE_TABLE(SP_X)
#undef SP_X
};

const char *const state_names[] = {
#define SP_X(name) #name,
    SP_TCP_STATE_TABLE(SP_X)
#undef SP_X
        NULL};

static const struct name_number flags[] = {
    {"FIN", SP_FIN}, {"SYN", SP_SYN}, {"RST", SP_RST}, {"PSH", SP_PSH},
    {"ACK", SP_ACK}, {"URG", SP_URG}, {"ECE", SP_ECE}, {"CWR", SP_CWR},
};

const char *const flag_names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", NULL};

const char *const opt_names[] = {"mss",      "wscale", "sackok",    "sack", "ts", "ecr",
                                 "fastopen", "uto",    "malformed", "junk", NULL};

/* Classes of what is between the ends on the lab routed. */
const char *const path_names[] = {"router", "firewall", "nat", NULL};

const char *const stack_names[] = {"linux",   "windows", "wine",    "freebsd", "netbsd",
                                   "openbsd", "macos",   "solaris", "gvisor",  "lwip",
                                   "fstack",  "rump",    "zephyr",  "haiku",   NULL};

/* Numbers as Linux has them on the machines that it shares with most (asm-generic/signal.h). */
/* clang-format off: it nests such lists deeper each time */
#define SIGNALS(X)                                                                                 \
    X(SIGHUP, 1)                                                                                   \
    X(SIGINT, 2)                                                                                   \
    X(SIGQUIT, 3)                                                                                  \
    X(SIGABRT, 6)                                                                                  \
    X(SIGKILL, 9)                                                                                  \
    X(SIGUSR1, 10)                                                                                 \
    X(SIGSEGV, 11)                                                                                 \
    X(SIGUSR2, 12)                                                                                 \
    X(SIGPIPE, 13)                                                                                 \
    X(SIGALRM, 14)                                                                                 \
    X(SIGTERM, 15)                                                                                 \
    X(SIGCHLD, 17)                                                                                 \
    X(SIGCONT, 18)                                                                                 \
    X(SIGSTOP, 19)                                                                                 \
    X(SIGURG, 23)                                                                                  \
    X(SIGIO, 29)
/* clang-format on */

const struct name_number signal_table[] = {
#define X(name, number) {#name, number},
    SIGNALS(X)
#undef X
        {NULL, 0}};

const char *const signal_names[] = {
#define X(name, number) #name,
    SIGNALS(X)
#undef X
        NULL};

/* As the stacks' own tables have them (lib/stack). */
const char *const sockopt_names[] = {"IPV6_DONTFRAG",
                                     "IPV6_FLOWINFO_SEND",
                                     "IPV6_FREEBIND",
                                     "IPV6_MINHOPCOUNT",
                                     "IPV6_MTU",
                                     "IPV6_MTU_DISCOVER",
                                     "IPV6_RECVERR",
                                     "IPV6_TCLASS",
                                     "IPV6_TRANSPARENT",
                                     "IPV6_UNICAST_HOPS",
                                     "IPV6_V6ONLY",
                                     "IP_BIND_ADDRESS_NO_PORT",
                                     "IP_FREEBIND",
                                     "IP_MINTTL",
                                     "IP_MTU",
                                     "IP_MTU_DISCOVER",
                                     "IP_OPTIONS",
                                     "IP_RECVERR",
                                     "IP_TOS",
                                     "IP_TRANSPARENT",
                                     "IP_TTL",
                                     "SO_ACCEPTCONN",
                                     "SO_BINDTODEVICE",
                                     "SO_BROADCAST",
                                     "SO_BUSY_POLL",
                                     "SO_CONDITIONAL_ACCEPT",
                                     "SO_DEBUG",
                                     "SO_DOMAIN",
                                     "SO_DONTROUTE",
                                     "SO_ERROR",
                                     "SO_EXCLUSIVEADDRUSE",
                                     "SO_INCOMING_CPU",
                                     "SO_KEEPALIVE",
                                     "SO_LINGER",
                                     "SO_MARK",
                                     "SO_MAX_PACING_RATE",
                                     "SO_OOBINLINE",
                                     "SO_PRIORITY",
                                     "SO_PROTOCOL",
                                     "SO_RCVBUF",
                                     "SO_RCVBUFFORCE",
                                     "SO_RCVLOWAT",
                                     "SO_RCVTIMEO",
                                     "SO_REUSEADDR",
                                     "SO_REUSEPORT",
                                     "SO_SNDBUF",
                                     "SO_SNDBUFFORCE",
                                     "SO_SNDLOWAT",
                                     "SO_SNDTIMEO",
                                     "SO_TYPE",
                                     "SO_ZEROCOPY",
                                     "TCP_CONGESTION",
                                     "TCP_CORK",
                                     "TCP_DEFER_ACCEPT",
                                     "TCP_FASTOPEN",
                                     "TCP_FASTOPEN_CONNECT",
                                     "TCP_FASTOPEN_NO_COOKIE",
                                     "TCP_INFO",
                                     "TCP_INQ",
                                     "TCP_KEEPCNT",
                                     "TCP_KEEPIDLE",
                                     "TCP_KEEPINTVL",
                                     "TCP_LINGER2",
                                     "TCP_MAXRT",
                                     "TCP_MAXSEG",
                                     "TCP_NODELAY",
                                     "TCP_NOTSENT_LOWAT",
                                     "TCP_QUICKACK",
                                     "TCP_REPAIR",
                                     "TCP_RTO_MAX_MS",
                                     "TCP_SAVE_SYN",
                                     "TCP_SYNCNT",
                                     "TCP_THIN_DUPACK",
                                     "TCP_THIN_LINEAR_TIMEOUTS",
                                     "TCP_TIMESTAMP",
                                     "TCP_TX_DELAY",
                                     "TCP_ULP",
                                     "TCP_USER_TIMEOUT",
                                     "TCP_WINDOW_CLAMP",
                                     NULL};

const char *const poll_names[] = {"IN",   "OUT",    "PRI",    "ERR",    "HUP",    "RDHUP",
                                  "NVAL", "RDNORM", "RDBAND", "WRNORM", "WRBAND", NULL};

const char *const epoll_names[] = {"IN",  "OUT", "PRI",     "RDHUP", "ERR",
                                   "HUP", "ET",  "ONESHOT", NULL};

const char *const select_names[] = {"READ", "WRITE", "EXCEPT", NULL};

const char *const msg_flag_names[] = {
    "MSG_DONTWAIT", "MSG_OOB",       "MSG_PEEK", "MSG_WAITALL",  "MSG_NOSIGNAL", "MSG_MORE",
    "MSG_TRUNC",    "MSG_DONTROUTE", "MSG_EOR",  "MSG_ERRQUEUE", "MSG_FASTOPEN", NULL};

bool name_known(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

int state_number(const char *name)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].number != SP_TCP_NONE && strcmp(states[i].name, name) == 0)
            return states[i].number;
    return 0;
}

const char *state_name(int state)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].number == state)
            return states[i].name;
    return "NONE";
}

int flag_bit(const char *name)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].name, name) == 0)
            return flags[i].number;
    return 0;
}

int signal_number(const char *name)
{
    for (const struct name_number *row = signal_table; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row->number;
    return 0;
}

const char *signal_name_of(int number)
{
    for (const struct name_number *row = signal_table; row->name; row++)
        if (row->number == number)
            return row->name;
    return "none";
}

/* A POSIX name, or "E<number>" for what a stack returns and no table names. */
bool error_known(const char *name)
{
    if (name_known(error_names, name))
        return true;
    if (name[0] != 'E' || !name[1])
        return false;
    for (const char *p = name + 1; *p; p++)
        if (*p < '0' || *p > '9')
            return false;
    return strlen(name) < 12;
}
