/*
 * Theory of operation. Every frame that comes is shown to the rules, in the order of the script's
 * lines, as its sender sent it. Rules that change it, copy it or keep it let it go on to the next
 * rule; the first that drops, holds, delays or reorders it ends its way through them. What a rule
 * did is an action of the trace that names the frame by its number, and by the identity that the
 * segment had before and has now, so that both captures can be held together (lib/tcp/flights.c).
 */
#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "path_in.h"
#include "tcp.h"

enum { RULES = 32, FRAME_MAX = 16 * 1024, STORED_MAX = 4096 };

struct rule {
    const struct sp_stmt *stmt;
    const struct sp_middle *middle;
    bool dirs[DIRS];
    bool every[DIRS]; /* hold: the `from` has been met, so everything is held */
    int64_t skip;     /* so many more that fit are let by: `nth` */
    int64_t left;     /* times it may still act, -1 no limit */
};

/* A frame that waits: held, delayed, or behind others; or one that is kept. */
struct stored {
    struct stored *next;
    uint32_t number; /* of the frame, as the trace counts them */
    uint64_t is;     /* identity, 0: no segment */
    int64_t due_ns;  /* delayed */
    int64_t behind;  /* reordered: how many more go first */
    size_t len;
    uint8_t frame[];
};

enum list { HELD, DELAYED, REORDERED, KEPT, LISTS };

struct path {
    struct sp_trace *trace;
    int fds[DIRS]; /* the link that faces each end */
    uint8_t mac[DIRS][6];
    bool cut;
    struct rule rules[RULES];
    unsigned rule_count;
    struct path_talks talks;
    struct stored *lists[LISTS][DIRS];
    unsigned stored_count;
    uint32_t frames; /* taken so far */
    uint16_t made;   /* injected so far */
    uint8_t frame[FRAME_MAX];
};

/* A frame on its way through the rules. */
struct passing {
    struct path *path;
    enum path_dir dir;
    uint32_t number;
    bool is_segment;
    struct sp_seg seg; /* as its sender sent it */
    struct sp_buf now; /* the frame as it is by now */
    uint64_t is;       /* its identity by now */
    int64_t copies;    /* to send behind it */
};

static const enum sp_end ends[DIRS] = {SP_END_CLIENT, SP_END_SERVER};

enum sp_rc path_new(const struct path_config *config, struct path **out, struct sp_err *err)
{
    struct path *path = sp_xcalloc(1, sizeof *path);
    enum sp_rc rc = sp_lab_path_open(config->lab, path->fds, err);
    if (rc != SP_OK) {
        free(path);
        return rc;
    }
    path->trace = config->trace;
    memcpy(path->mac[FROM_CLIENT], config->lab->links[SP_PLACE_CLIENT].mac, 6);
    memcpy(path->mac[FROM_SERVER], config->lab->links[SP_PLACE_SERVER].mac, 6);
    *out = path;
    return SP_OK;
}

void path_free(struct path *path)
{
    if (!path)
        return;
    for (int list = 0; list < LISTS; list++)
        for (int dir = 0; dir < DIRS; dir++)
            for (struct stored *at = path->lists[list][dir], *next; at; at = next) {
                next = at->next;
                free(at);
            }
    for (int dir = 0; dir < DIRS; dir++)
        close(path->fds[dir]);
    free(path);
}

void path_fds(const struct path *path, int fds[2])
{
    fds[0] = path->fds[0];
    fds[1] = path->fds[1];
}

static int64_t now_ns(const struct path *path)
{
    return sp_clock_now_ns() - path->trace->head.start_mono_ns;
}

/* ---- what is noted -------------------------------------------------------------------------- */

static void say_segment(const struct path *path, enum path_dir dir, const struct sp_seg *seg,
                        struct sp_buf *out)
{
    const struct path_talk *talk = path_talk_of(&path->talks, dir, seg);
    uint32_t isn = (seg->flags & SP_SYN) ? seg->seq : 0;
    if (talk && talk->end[dir].isn_known)
        isn = talk->end[dir].isn;
    sp_seg_print(seg, isn, talk ? talk->end[1 - dir].isn : 0, out);
}

static struct sp_event *note(struct path *path, enum path_dir dir, const char *action,
                             const struct sp_seg *seg)
{
    struct sp_event *event = sp_trace_add(path->trace, SP_EV_LAB, now_ns(path));
    struct sp_buf detail;
    sp_buf_init(&detail, 0);
    if (seg)
        say_segment(path, dir, seg, &detail);
    event->end = ends[dir];
    event->u.lab.action = sp_trace_str(path->trace, action);
    event->u.lab.detail = sp_trace_str(path->trace, detail.data ? detail.data : "");
    sp_buf_release(&detail);
    return event;
}

/* The rule has acted: what it found and what goes on. */
static struct sp_event *note_rule(const struct passing *p, const struct rule *rule, uint64_t now)
{
    struct sp_event *event =
        note(p->path, p->dir, rule->stmt->text, p->is_segment ? &p->seg : NULL);
    event->u.lab.frame = p->is_segment ? p->number : 0;
    event->u.lab.was = p->is;
    event->u.lab.now = now;
    return event;
}

static uint64_t identity_of(const uint8_t *frame, size_t len, struct sp_seg *seg)
{
    bool readable = sp_wire_decode(SP_LINK_ETHERNET, frame, len, seg, NULL, NULL) == SP_OK &&
                    seg->kind == SP_SEG_TCP;
    return readable ? sp_tcp_identity(seg) : 0;
}

/* ---- sending -------------------------------------------------------------------------------- */

static enum sp_rc transmit(struct path *path, enum path_dir dir, const void *frame, size_t len,
                           struct sp_err *err)
{
    int to = path->fds[dir == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT];
    /* A link that is down takes no frame, as a cable would not: that is the case's own doing. */
    if (send(to, frame, len, MSG_DONTWAIT) < 0 && errno != ENETDOWN && errno != ENXIO)
        return sp_fail_os(err, SP_E_IO, errno, "the path could not forward a frame");
    return SP_OK;
}

static enum sp_rc store(struct path *path, enum list list, const struct passing *p,
                        struct stored **out, struct sp_err *err)
{
    if (path->stored_count == STORED_MAX)
        return sp_fail(err, SP_E_LIMIT, "the path keeps %d frames already", STORED_MAX);
    struct stored *made = sp_xcalloc(1, sizeof *made + p->now.len);
    made->number = p->number;
    made->is = p->is;
    made->len = p->now.len;
    memcpy(made->frame, p->now.data, p->now.len);
    struct stored **at = &path->lists[list][p->dir];
    while (*at)
        at = &(*at)->next;
    *at = made;
    path->stored_count++;
    *out = made;
    return SP_OK;
}

static enum sp_rc send_stored(struct path *path, enum list list, enum path_dir dir,
                              struct stored **at, struct sp_err *err)
{
    struct stored *stored = *at;
    *at = stored->next;
    path->stored_count--;
    struct sp_seg seg;
    if (list == HELD) {
        bool readable = identity_of(stored->frame, stored->len, &seg) != 0;
        struct sp_event *event = note(path, dir, "release", readable ? &seg : NULL);
        event->u.lab.frame = stored->is ? stored->number : 0;
        event->u.lab.was = event->u.lab.now = stored->is;
    }
    enum sp_rc rc = transmit(path, dir, stored->frame, stored->len, err);
    free(stored);
    return rc;
}

/* One more of that sender has gone by: those that wait behind it come nearer. */
static enum sp_rc count_gone(struct path *path, enum path_dir dir, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    for (struct stored **at = &path->lists[REORDERED][dir]; rc == SP_OK && *at;) {
        if (--(*at)->behind > 0)
            at = &(*at)->next;
        else
            rc = send_stored(path, REORDERED, dir, at, err);
    }
    return rc;
}

static enum sp_rc let_go(struct path *path, enum list list, enum path_dir dir, int64_t count,
                         struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK && path->lists[list][dir] && count-- != 0)
        rc = send_stored(path, list, dir, &path->lists[list][dir], err);
    return rc;
}

static enum sp_rc send_due(struct path *path, enum path_dir dir, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    for (struct stored **at = &path->lists[DELAYED][dir]; rc == SP_OK && *at;) {
        if ((*at)->due_ns > now_ns(path)) {
            at = &(*at)->next;
            continue;
        }
        rc = send_stored(path, DELAYED, dir, at, err);
        if (rc == SP_OK)
            rc = count_gone(path, dir, err);
        at = &path->lists[DELAYED][dir];
    }
    return rc;
}

int64_t path_next_ns(const struct path *path)
{
    int64_t next = 0;
    for (int dir = 0; dir < DIRS; dir++)
        for (const struct stored *at = path->lists[DELAYED][dir]; at; at = at->next)
            next = next && next < at->due_ns ? next : at->due_ns;
    return next;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static bool rule_applies(struct path *path, struct rule *rule, const struct passing *p)
{
    if (!rule->dirs[p->dir] || rule->left == 0)
        return false;
    bool hold = rule->middle->verb == SP_MIDDLE_HOLD;
    if (hold && rule->every[p->dir])
        return true;
    const struct sp_pattern *pattern = &rule->stmt->pattern;
    if (!p->is_segment ||
        (pattern->text && !path_talk_fits(&path->talks, p->dir, pattern, &p->seg)))
        return false;
    if (rule->skip > 0) {
        rule->skip--;
        return false;
    }
    rule->every[p->dir] = hold;
    if (rule->left > 0)
        rule->left--;
    return true;
}

/* Stores it in a list and notes that it goes on from there. */
static enum sp_rc set_aside(struct passing *p, const struct rule *rule, enum list list,
                            struct stored **out, struct sp_err *err)
{
    note_rule(p, rule, list == HELD ? 0 : p->is);
    return store(p->path, list, p, out, err);
}

static enum sp_rc duplicate(struct passing *p, const struct rule *rule, struct sp_err *err)
{
    const struct sp_middle *m = rule->middle;
    enum sp_rc rc = SP_OK;
    note_rule(p, rule, p->is)->u.lab.copies = (uint32_t)m->count;
    if (!m->by_ns)
        p->copies += m->count;
    for (int64_t i = 0; rc == SP_OK && m->by_ns && i < m->count; i++) {
        struct stored *stored = NULL;
        rc = store(p->path, DELAYED, p, &stored, err);
        if (rc == SP_OK)
            stored->due_ns = now_ns(p->path) + m->by_ns;
    }
    return rc;
}

static enum sp_rc alter(struct passing *p, const struct rule *rule, struct sp_err *err)
{
    const struct sp_middle *m = rule->middle;
    struct sp_buf out;
    struct sp_seg seg;
    enum sp_rc rc = SP_OK;
    sp_buf_init(&out, 0);
    if (m->verb == SP_MIDDLE_CORRUPT) {
        sp_buf_add(&out, p->now.data, p->now.len);
        path_corrupt((uint8_t *)out.data, out.len, m->part);
    } else {
        rc = path_rewrite(m, path_talk_of(&p->path->talks, p->dir, &p->seg), p->dir,
                          (const uint8_t *)p->now.data, p->now.len, &out, err);
    }
    if (rc == SP_OK) {
        uint64_t now = identity_of((const uint8_t *)out.data, out.len, &seg);
        note_rule(p, rule, now);
        p->is = now;
        sp_buf_release(&p->now);
        p->now = out;
    } else {
        sp_buf_release(&out);
        sp_err_prefix(err, "line %d", rule->stmt->at.line);
    }
    return rc;
}

/* What the rule does; *gone tells that the frame does not go on now. */
static enum sp_rc act(struct passing *p, const struct rule *rule, bool *gone, struct sp_err *err)
{
    struct stored *stored = NULL;
    enum sp_rc rc = SP_OK;
    switch (rule->middle->verb) {
    case SP_MIDDLE_DROP:
        note_rule(p, rule, 0);
        *gone = true;
        return SP_OK;
    case SP_MIDDLE_HOLD:
        *gone = true;
        return set_aside(p, rule, HELD, &stored, err);
    case SP_MIDDLE_DELAY:
        *gone = true;
        rc = set_aside(p, rule, DELAYED, &stored, err);
        if (rc == SP_OK)
            stored->due_ns = now_ns(p->path) + rule->middle->by_ns;
        return rc;
    case SP_MIDDLE_REORDER:
        *gone = true;
        rc = set_aside(p, rule, REORDERED, &stored, err);
        if (rc == SP_OK)
            stored->behind = rule->middle->count;
        return rc;
    case SP_MIDDLE_DUPLICATE:
        return duplicate(p, rule, err);
    case SP_MIDDLE_CORRUPT:
    case SP_MIDDLE_REWRITE:
        return alter(p, rule, err);
    case SP_MIDDLE_KEEP:
        return set_aside(p, rule, KEPT, &stored, err);
    case SP_MIDDLE_RELEASE:
    case SP_MIDDLE_OPEN:
    case SP_MIDDLE_REPLAY:
    case SP_MIDDLE_INJECT:
    case SP_MIDDLE_COUNT: /* these are done when the script comes to them */
        break;
    }
    return SP_OK;
}

static enum sp_rc pass(struct passing *p, struct sp_err *err)
{
    struct path *path = p->path;
    bool gone = false;
    enum sp_rc rc = SP_OK;
    for (unsigned i = 0; rc == SP_OK && !gone && i < path->rule_count; i++)
        if (rule_applies(path, &path->rules[i], p))
            rc = act(p, &path->rules[i], &gone, err);
    if (rc == SP_OK && !gone)
        rc = transmit(path, p->dir, p->now.data, p->now.len, err);
    if (rc == SP_OK && !gone)
        rc = count_gone(path, p->dir, err);
    for (; rc == SP_OK && p->copies > 0; p->copies--)
        rc = transmit(path, p->dir, p->now.data, p->now.len, err);
    return rc;
}

static enum sp_rc forward(struct path *path, enum path_dir dir, size_t len, struct sp_err *err)
{
    struct passing p = {.path = path, .dir = dir, .number = ++path->frames};
    sp_buf_init(&p.now, 0);
    p.is_segment = sp_wire_decode(SP_LINK_ETHERNET, path->frame, len, &p.seg, NULL, NULL) == SP_OK;
    if (p.is_segment && p.seg.kind == SP_SEG_TCP)
        p.is = sp_tcp_identity(&p.seg);
    enum sp_rc rc = SP_OK;
    if (!path->cut) {
        sp_buf_add(&p.now, path->frame, len);
        rc = pass(&p, err);
    }
    if (p.is_segment)
        path_talk_learn(&path->talks, dir, &p.seg);
    sp_buf_release(&p.now);
    return rc;
}

enum sp_rc path_run(struct path *path, struct sp_err *err)
{
    for (int dir = 0; dir < DIRS; dir++) {
        for (;;) {
            ssize_t len = recv(path->fds[dir], path->frame, sizeof path->frame, MSG_DONTWAIT);
            if (len < 0 && (errno == EAGAIN || errno == ENETDOWN))
                break;
            if (len < 0 && errno == EINTR)
                continue;
            if (len < 0)
                return sp_fail_os(err, SP_E_IO, errno, "the path could not take a frame");
            enum sp_rc rc = forward(path, (enum path_dir)dir, (size_t)len, err);
            if (rc != SP_OK)
                return rc;
        }
    }
    enum sp_rc rc = send_due(path, FROM_CLIENT, err);
    return rc == SP_OK ? send_due(path, FROM_SERVER, err) : rc;
}

void path_cut(struct path *path, bool on)
{
    path->cut = on;
}

/* ---- statements ----------------------------------------------------------------------------- */

static enum sp_rc rule_add(struct path *path, const struct sp_stmt *stmt, struct sp_err *err)
{
    if (path->rule_count == RULES)
        return sp_fail(err, SP_E_LIMIT, "line %d: more than %d rules on the path", stmt->at.line,
                       RULES);
    struct rule *rule = &path->rules[path->rule_count++];
    *rule = (struct rule){.stmt = stmt,
                          .middle = stmt->middle,
                          .skip = stmt->middle->nth - 1,
                          .left = stmt->times.set ? stmt->times.max : -1};
    rule->dirs[FROM_CLIENT] = stmt->target != SP_WHO_SERVER;
    rule->dirs[FROM_SERVER] = stmt->target != SP_WHO_CLIENT;
    bool all = stmt->middle->verb == SP_MIDDLE_HOLD && !stmt->pattern.text;
    for (int dir = 0; all && dir < DIRS; dir++)
        rule->every[dir] = rule->dirs[dir];
    return SP_OK;
}

static enum sp_rc open_all(struct path *path, struct sp_err *err)
{
    static const enum list waiting[] = {HELD, REORDERED, DELAYED};
    enum sp_rc rc = SP_OK;
    path->rule_count = 0;
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++)
        for (int dir = 0; rc == SP_OK && dir < DIRS; dir++)
            rc = let_go(path, waiting[i], (enum path_dir)dir, -1, err);
    return rc;
}

/* The statement's own event tells what was made. */
static void tell_made(struct path *path, const struct path_target *target, enum path_dir dir,
                      const uint8_t *frame, size_t len)
{
    struct sp_seg seg;
    struct sp_buf detail;
    uint64_t is = identity_of(frame, len, &seg);
    sp_buf_init(&detail, 0);
    if (is)
        say_segment(path, dir, &seg, &detail);
    for (size_t i = path->trace->len; i-- > 0;) {
        struct sp_event *event = &path->trace->events[i];
        if (event->order != target->order)
            continue;
        event->u.lab.now = is;
        event->u.lab.detail = sp_trace_str(path->trace, detail.data ? detail.data : "");
        break;
    }
    sp_buf_release(&detail);
}

static enum sp_rc replay(struct path *path, const struct sp_stmt *stmt, enum path_dir dir,
                         const struct path_target *target, struct sp_err *err)
{
    const struct stored *found = NULL;
    int64_t at = 0;
    for (const struct stored *kept = path->lists[KEPT][dir]; kept; kept = kept->next)
        if (!stmt->times.set || ++at == stmt->times.max)
            found = kept;
    if (!found)
        return sp_fail(err, SP_E_USAGE, "line %d: no such segment of the %s was kept",
                       stmt->at.line, sp_end_name(ends[dir]));
    tell_made(path, target, dir, found->frame, found->len);
    return transmit(path, dir, found->frame, found->len, err);
}

/* The connection that the segment is of: one that was seen, or a new one that it asks for. */
static enum sp_rc aim(struct path *path, const struct sp_stmt *stmt, enum path_dir dir,
                      const struct path_target *target, struct forge *forge, struct sp_err *err)
{
    const struct path_talk *talk = path_talk_newest(&path->talks, dir, &target->from, &target->to);
    struct path_talk made = {0};
    if (!talk && !target->from.port)
        return sp_fail(err, SP_E_USAGE,
                       "line %d: there is no connection yet whose segment this could be: say from=",
                       stmt->at.line);
    if (!talk) {
        made.addr[dir] = target->from;
        made.addr[1 - dir] = target->to.family ? target->to : path->trace->head.addr[ends[1 - dir]];
        if (!made.addr[1 - dir].port)
            made.addr[1 - dir].port = target->listener;
        talk = &made;
    }
    *forge = path_talk_forge(talk, dir);
    memcpy(forge->labelled, target->labelled, sizeof forge->labelled);
    forge->ip_id = (uint16_t)(0xff00 + path->made++);
    return SP_OK;
}

static enum sp_rc inject(struct path *path, const struct sp_stmt *stmt, enum path_dir dir,
                         const struct path_target *target, struct sp_err *err)
{
    struct forge forge;
    struct sp_seg seg;
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    enum sp_rc rc = aim(path, stmt, dir, target, &forge, err);
    if (rc == SP_OK)
        rc = forge_frame(&forge, stmt->peer, path->mac[dir], path->mac[1 - dir], &seg, &frame, err);
    if (rc == SP_OK) {
        tell_made(path, target, dir, (const uint8_t *)frame.data, frame.len);
        rc = transmit(path, dir, frame.data, frame.len, err);
    }
    sp_buf_release(&frame);
    return rc;
}

enum sp_rc path_rule(struct path *path, const struct sp_stmt *stmt,
                     const struct path_target *target, struct sp_err *err)
{
    enum path_dir dir = stmt->target == SP_WHO_SERVER ? FROM_SERVER : FROM_CLIENT;
    switch (stmt->middle->verb) {
    case SP_MIDDLE_RELEASE:
        return let_go(path, HELD, dir, stmt->times.set ? stmt->times.max : -1, err);
    case SP_MIDDLE_OPEN:
        return open_all(path, err);
    case SP_MIDDLE_REPLAY:
        return replay(path, stmt, dir, target, err);
    case SP_MIDDLE_INJECT:
        return inject(path, stmt, dir, target, err);
    case SP_MIDDLE_DROP:
    case SP_MIDDLE_HOLD:
    case SP_MIDDLE_DELAY:
    case SP_MIDDLE_DUPLICATE:
    case SP_MIDDLE_REORDER:
    case SP_MIDDLE_CORRUPT:
    case SP_MIDDLE_REWRITE:
    case SP_MIDDLE_KEEP:
    case SP_MIDDLE_COUNT:
        break;
    }
    return rule_add(path, stmt, err);
}
