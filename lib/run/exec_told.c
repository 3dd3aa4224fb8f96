/*
 * Stacks of their own that tell of their states: a file that the adapter's program appends lines to
 * (docs/adding-a-stack.md), each a look at one connection that has changed. They are polled states
 * like sock_diag's, and as those never touch a socket under test.
 */
#include "exec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TOLD_CHUNK_BYTES = 16 * 1024, ID_END_SHIFT = 56 };

enum sp_rc exec_told_open(struct exec *x, enum sp_who who)
{
    struct exec_agent *agent = &x->agents[who];
    if (!exec_tells(x, who) || agent->states_fd >= 0)
        return SP_OK;
    agent->states_fd = memfd_create("states", MFD_CLOEXEC);
    return agent->states_fd >= 0
               ? SP_OK
               : sp_fail_os(&x->err, SP_E_IO, errno, "a place for what %s tells of its states",
                            exec_adapter(x, who)->name);
}

void exec_told_close(struct exec *x, enum sp_who who)
{
    if (x->agents[who].states_fd >= 0)
        close(x->agents[who].states_fd);
    if (x->agents[who].log_fd >= 0)
        close(x->agents[who].log_fd);
    x->agents[who].states_fd = x->agents[who].log_fd = -1;
}

static bool state_parse(const char *name, enum sp_tcp_state *state)
{
    *state = SP_TCP_NONE;
    return strcmp(name, "none") == 0 || sp_tcp_state_parse(name, state);
}

/* The next word of a line, a number; false: it is none, or too large. */
static bool number_take(const char **at, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(*at, &end, 10);
    bool taken = end != *at && !errno && (*end == ' ' || *end == '\n' || !*end);
    *at = end;
    return taken;
}

/* The next word of a line; false: there is none, or it has no room. */
static bool word_take(const char **at, char *out, size_t cap)
{
    *at += strspn(*at, " ");
    size_t len = strcspn(*at, " \n");
    if (!len || len >= cap)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    return true;
}

/* "late FROM TO": its timers went off so late. */
static bool late_add(struct exec *x, const char *line)
{
    static const char word[] = "late ";
    int64_t from_ns, to_ns;
    if (strncmp(line, word, strlen(word)) != 0)
        return false;
    line += strlen(word);
    if (!number_take(&line, &from_ns) || !number_take(&line, &to_ns))
        return false;
    struct sp_event *mark = exec_mark(x, SP_MARK_STALL, 0, "the stack was late");
    mark->t_ns = from_ns - x->trace.head.start_mono_ns;
    mark->t_end_ns = to_ns - x->trace.head.start_mono_ns;
    return true;
}

/* "T BEFORE ID OLD NEW LOCAL REMOTE UNREAD UNACKED": "none" is a connection that is not there. */
static enum sp_rc line_add(struct exec *x, enum sp_who who, const char *line)
{
    int64_t t_ns, before_ns, id;
    char old[24], new[24], local[SP_ADDR_TEXT], remote[SP_ADDR_TEXT];
    struct sp_ev_state told = {.source = SP_STATE_TABLE, .timer = -1, .timer_ms = -1};
    const char *at = line;
    if (late_add(x, line))
        return SP_OK;
    bool whole = number_take(&at, &t_ns) && number_take(&at, &before_ns) && number_take(&at, &id) &&
                 word_take(&at, old, sizeof old) && word_take(&at, new, sizeof new) &&
                 word_take(&at, local, sizeof local) && word_take(&at, remote, sizeof remote) &&
                 number_take(&at, &told.recv_queue) && number_take(&at, &told.send_queue);
    if (!whole || !state_parse(old, &told.old_state) || !state_parse(new, &told.new_state) ||
        sp_addr_parse(local, &told.local, NULL) != SP_OK ||
        sp_addr_parse(remote, &told.remote, NULL) != SP_OK)
        return sp_fail(&x->err, SP_E_PROTO, "%s tells of its states in words that are none: %.100s",
                       exec_adapter(x, who)->name, line);
    if (told.new_state == SP_TCP_NONE)
        told.recv_queue = told.send_queue = -1;
    int64_t start_ns = x->trace.head.start_mono_ns;
    told.not_before_ns = before_ns > start_ns ? before_ns - start_ns : 0;
    told.sock_id = (uint64_t)id | (uint64_t)who << ID_END_SHIFT;
    struct sp_event *event = sp_trace_add(&x->trace, SP_EV_STATE, t_ns - start_ns);
    event->end = (enum sp_end)who;
    event->u.state = told;
    return SP_OK;
}

/* Whole lines only: what comes after the last is read with the next. */
static enum sp_rc lines_take(struct exec *x, enum sp_who who, bool *more)
{
    struct exec_agent *agent = &x->agents[who];
    char text[TOLD_CHUNK_BYTES + 1];
    ssize_t got = pread(agent->states_fd, text, TOLD_CHUNK_BYTES, agent->states_read);
    text[got > 0 ? got : 0] = '\0';
    *more = got == TOLD_CHUNK_BYTES;
    enum sp_rc rc = SP_OK;
    char *line = text;
    for (char *end; rc == SP_OK && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        rc = line_add(x, who, line);
    }
    agent->states_read += line - text;
    return rc;
}

enum sp_rc exec_told_read(struct exec *x)
{
    enum sp_rc rc = SP_OK;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        bool more = x->agents[who].states_fd >= 0;
        while (rc == SP_OK && more)
            rc = lines_take(x, (enum sp_who)who, &more);
    }
    return rc;
}
