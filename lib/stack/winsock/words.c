/* Flags, events and the like, by name. Source: learn.microsoft.com, the page of each call. */
#include "../words.h"
#include "internal.h"

enum { ABSENT = SP_STACK_ABSENT };

static const struct sp_stack_word msg_words[] = {
    {"MSG_DONTWAIT", SP_WINSOCK_DONTWAIT},
    {"MSG_OOB", MSG_OOB},
    {"MSG_MORE", ABSENT},
    {"MSG_NOSIGNAL", 0},
    {"MSG_PEEK", MSG_PEEK},
    {"MSG_WAITALL", MSG_WAITALL},
    {"MSG_TRUNC", ABSENT},
    {"MSG_EOR", ABSENT},
    {"MSG_DONTROUTE", MSG_DONTROUTE},
    {"MSG_ERRQUEUE", ABSENT},
    {"MSG_FASTOPEN", ABSENT},
};
static const struct sp_stack_word event_words[] = {
    /* WSAPoll: POLLIN is two bits there, POLLRDNORM and POLLRDBAND; the end of what comes cannot be
     * asked for by itself, and is never told so */
    {"IN", POLLRDNORM}, {"PRI", POLLRDBAND}, {"OUT", POLLWRNORM}, {"RDHUP", 0},
    {"HUP", POLLHUP},   {"ERR", POLLERR},    {"NVAL", POLLNVAL},
};
static const struct sp_stack_word epoll_words[] = {
    {"IN", ABSENT},  {"PRI", ABSENT}, {"OUT", ABSENT}, {"RDHUP", ABSENT},
    {"HUP", ABSENT}, {"ERR", ABSENT}, {"ET", ABSENT},  {"ONESHOT", ABSENT},
};
static const struct sp_stack_word set_words[] = {
    {"READ", SP_WINSOCK_READ},
    {"WRITE", SP_WINSOCK_WRITE},
    {"EXCEPT", SP_WINSOCK_EXCEPT},
};
static const struct sp_stack_word shutdown_words[] = {
    {"RD", SD_RECEIVE},
    {"WR", SD_SEND},
    {"RDWR", SD_BOTH},
};
static const struct sp_stack_word query_words[] = {
    {"FIONREAD", (int)FIONREAD}, {"SIOCINQ", (int)FIONREAD},      {"SIOCOUTQ", ABSENT},
    {"SIOCOUTQNSD", ABSENT},     {"SIOCATMARK", (int)SIOCATMARK},
};
/* Windows raises no signals in calls: there is nothing to catch. */
static const struct sp_stack_word signal_words[] = {
    {"SIGPIPE", ABSENT}, {"SIGUSR1", ABSENT}, {"SIGURG", ABSENT}};
static const struct sp_stack_word action_words[] = {
    {"default", 0}, {"catch", 1}, {"restart", 2}, {"ignore", 3}};

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
