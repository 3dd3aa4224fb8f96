/* Flags, events and the like by name, and back. Source: learn.microsoft.com, the page of each call.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { ABSENT = SP_WINSOCK_ABSENT };

struct word {
    const char *name;
    int number;
};

static const struct word msg_words[] = {
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
static const struct word event_words[] = {
    /* WSAPoll: POLLIN is two bits there, POLLRDNORM and POLLRDBAND; the end of what comes cannot be
     * asked for by itself, and is never told so */
    {"IN", POLLRDNORM}, {"PRI", POLLRDBAND}, {"OUT", POLLWRNORM}, {"RDHUP", 0},
    {"HUP", POLLHUP},   {"ERR", POLLERR},    {"NVAL", POLLNVAL},
};
static const struct word epoll_words[] = {
    {"IN", ABSENT},  {"PRI", ABSENT}, {"OUT", ABSENT}, {"RDHUP", ABSENT},
    {"HUP", ABSENT}, {"ERR", ABSENT}, {"ET", ABSENT},  {"ONESHOT", ABSENT},
};
static const struct word set_words[] = {
    {"READ", SP_WINSOCK_READ},
    {"WRITE", SP_WINSOCK_WRITE},
    {"EXCEPT", SP_WINSOCK_EXCEPT},
};
static const struct word shutdown_words[] = {
    {"RD", SD_RECEIVE},
    {"WR", SD_SEND},
    {"RDWR", SD_BOTH},
};
static const struct word query_words[] = {
    {"FIONREAD", (int)FIONREAD}, {"SIOCINQ", (int)FIONREAD},      {"SIOCOUTQ", ABSENT},
    {"SIOCOUTQNSD", ABSENT},     {"SIOCATMARK", (int)SIOCATMARK},
};
/* Windows raises no signals in calls: there is nothing to catch. */
static const struct word signal_words[] = {
    {"SIGPIPE", ABSENT}, {"SIGUSR1", ABSENT}, {"SIGURG", ABSENT}};
static const struct word action_words[] = {
    {"default", 0}, {"catch", 1}, {"restart", 2}, {"ignore", 3}};

static const struct list {
    const char *what; /* for messages */
    const struct word *words;
    unsigned len;
    bool many; /* takes several, joined by '|' */
} lists[SP_STACK_WORDS_COUNT] = {
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

static enum sp_rc unknown(const struct list *list, const char *word, size_t len, struct sp_err *err)
{
    char known[256] = "";
    size_t used = 0;
    for (unsigned i = 0; i < list->len && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 list->words[i].name);
    return sp_fail(err, SP_E_USAGE, "no such %s: '%.*s'; there are %s", list->what,
                   (int)(len < 64 ? len : 64), word, known);
}

static enum sp_rc parse_one(const struct list *list, const char *word, size_t len, int *number,
                            struct sp_err *err)
{
    for (unsigned i = 0; i < list->len; i++) {
        const struct word *row = &list->words[i];
        if (strlen(row->name) != len || memcmp(row->name, word, len) != 0)
            continue;
        if (row->number == ABSENT)
            return sp_fail(err, SP_E_UNSUPPORTED, "%s does not have the %s %s", sp_stack_name(),
                           list->what, row->name);
        *number = row->number;
        return SP_OK;
    }
    return unknown(list, word, len, err);
}

enum sp_rc sp_stack_words_parse(enum sp_stack_words which, const char *text, int *number,
                                struct sp_err *err)
{
    const struct list *list = &lists[which];
    *number = 0;
    if (!list->many)
        return parse_one(list, text, strlen(text), number, err);
    if (!*text)
        return SP_OK;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, "|");
        int bit = 0;
        enum sp_rc rc = parse_one(list, p, len, &bit, err);
        if (rc != SP_OK)
            return rc;
        *number |= bit;
        p += len;
        if (!*p)
            return SP_OK;
    }
}

void sp_stack_words_print(enum sp_stack_words which, int number, char *out, size_t cap)
{
    const struct list *list = &lists[which];
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < list->len && used < cap; i++) {
        int word = list->words[i].number;
        bool is_set =
            list->many ? word != ABSENT && word && (number & word) == word : word == number;
        if (is_set)
            used += (size_t)snprintf(out + used, cap - used, "%s%s", used ? "|" : "",
                                     list->words[i].name);
    }
}

const char *sp_stack_word_at(enum sp_stack_words which, unsigned i, bool *present)
{
    if (i >= lists[which].len)
        return NULL;
    *present = lists[which].words[i].number != ABSENT;
    return lists[which].words[i].name;
}
