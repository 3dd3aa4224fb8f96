/* Flags, events and the like, by name. Source: the man page named at each list. */
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../words.h"
#include "internal.h"

#ifdef __linux__
#include <linux/sockios.h>
#include <sys/epoll.h>
#endif

enum { ABSENT = SP_STACK_ABSENT };

/* What one POSIX system has and another does not. */
#ifndef MSG_MORE
#define MSG_MORE ABSENT
#endif
#ifndef MSG_ERRQUEUE
#define MSG_ERRQUEUE ABSENT
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN ABSENT
#endif
#ifndef POLLRDHUP
#define POLLRDHUP ABSENT
#endif
#ifndef SIOCINQ
#define SIOCINQ FIONREAD
#endif
#ifndef SIOCOUTQ
#ifdef FIONWRITE
#define SIOCOUTQ FIONWRITE
#else
#define SIOCOUTQ ABSENT
#endif
#endif
#ifndef SIOCOUTQNSD
#define SIOCOUTQNSD ABSENT
#endif

static const struct sp_stack_word msg_words[] = {
    /* send(2), recv(2) */
    {"MSG_DONTWAIT", MSG_DONTWAIT},   {"MSG_OOB", MSG_OOB},
    {"MSG_MORE", MSG_MORE},           {"MSG_NOSIGNAL", MSG_NOSIGNAL},
    {"MSG_PEEK", MSG_PEEK},           {"MSG_WAITALL", MSG_WAITALL},
    {"MSG_TRUNC", MSG_TRUNC},         {"MSG_EOR", MSG_EOR},
    {"MSG_DONTROUTE", MSG_DONTROUTE}, {"MSG_ERRQUEUE", MSG_ERRQUEUE},
    {"MSG_FASTOPEN", MSG_FASTOPEN},
};
static const struct sp_stack_word event_words[] = {
    /* poll(2) */
    {"IN", POLLIN},   {"PRI", POLLPRI}, {"OUT", POLLOUT},   {"RDHUP", POLLRDHUP},
    {"HUP", POLLHUP}, {"ERR", POLLERR}, {"NVAL", POLLNVAL},
};
#ifdef __linux__
static const struct sp_stack_word epoll_words[] = {
    /* epoll_ctl(2) */
    {"IN", EPOLLIN},   {"PRI", EPOLLPRI}, {"OUT", EPOLLOUT},    {"RDHUP", EPOLLRDHUP},
    {"HUP", EPOLLHUP}, {"ERR", EPOLLERR}, {"ET", (int)EPOLLET}, {"ONESHOT", EPOLLONESHOT},
};
#else
static const struct sp_stack_word epoll_words[] = {
    {"IN", ABSENT},  {"PRI", ABSENT}, {"OUT", ABSENT}, {"RDHUP", ABSENT},
    {"HUP", ABSENT}, {"ERR", ABSENT}, {"ET", ABSENT},  {"ONESHOT", ABSENT},
};
#endif
static const struct sp_stack_word set_words[] = {
    /* select(2) */
    {"READ", SP_POSIX_READ},
    {"WRITE", SP_POSIX_WRITE},
    {"EXCEPT", SP_POSIX_EXCEPT},
};
static const struct sp_stack_word shutdown_words[] = {
    /* shutdown(2) */
    {"RD", SHUT_RD},
    {"WR", SHUT_WR},
    {"RDWR", SHUT_RDWR},
};
static const struct sp_stack_word query_words[] = {
    /* tcp(7), sockatmark(3) */
    {"FIONREAD", FIONREAD},       {"SIOCINQ", (int)SIOCINQ},       {"SIOCOUTQ", (int)SIOCOUTQ},
    {"SIOCOUTQNSD", SIOCOUTQNSD}, {"SIOCATMARK", (int)SIOCATMARK},
};
static const struct sp_stack_word signal_words[] = {
    {"SIGPIPE", SIGPIPE}, {"SIGUSR1", SIGUSR1}, {"SIGURG", SIGURG}};
static const struct sp_stack_word action_words[] = {
    {"default", SP_POSIX_DEFAULT},
    {"catch", SP_POSIX_CATCH},
    {"restart", SP_POSIX_RESTART},
    {"ignore", SP_POSIX_IGNORE},
};

const struct sp_stack_word_list sp_stack_word_lists[SP_STACK_WORDS_COUNT] = {
#define LIST(table) table, sizeof table / sizeof table[0]
    [SP_STACK_MSG] = {"flag", LIST(msg_words), true},
    [SP_STACK_EVENTS] = {"event", LIST(event_words), true},
    [SP_STACK_EPOLL] = {"event of epoll", LIST(epoll_words), true},
    [SP_STACK_SETS] = {"set of select", LIST(set_words), true},
    [SP_STACK_SHUTDOWN] = {"direction", LIST(shutdown_words), false},
    [SP_STACK_QUERY] = {"query", LIST(query_words), false},
    [SP_STACK_SIGNAL] = {"signal", LIST(signal_words), false},
    [SP_STACK_ACTION] = {"action", LIST(action_words), false},
#undef LIST
};
