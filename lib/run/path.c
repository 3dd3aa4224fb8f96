#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seg_pattern.h"

enum { RULES = 32, FLOWS = 32, FRAME_MAX = 16 * 1024, HELD_MAX = 4096 };

/* Directions are named by the end that sends. */
enum dir { FROM_CLIENT, FROM_SERVER, DIRS };

enum rule_what { RULE_DROP, RULE_HOLD };

struct rule {
    enum rule_what what;
    bool dirs[DIRS];
    bool every[DIRS]; /* hold: the `from` has been met, so everything is held */
    bool has_pattern;
    const struct sp_pattern *pattern;
    const char *text;
    int64_t left; /* times it may still act, -1 no limit */
};

struct held {
    struct held *next;
    size_t len;
    uint8_t frame[];
};

/* Initial sequence numbers seen on the way, so that patterns can count from them. */
struct flow {
    struct sp_addr from, to;
    uint32_t isn;
};

struct path {
    int fds[DIRS]; /* the link that faces each end */
    bool cut;
    struct rule rules[RULES];
    unsigned rule_count;
    struct flow flows[FLOWS];
    unsigned flow_count;
    struct held *held[DIRS], **held_tail[DIRS];
    unsigned held_count;
    uint8_t frame[FRAME_MAX];
};

static const enum sp_end ends[DIRS] = {SP_END_CLIENT, SP_END_SERVER};

enum sp_rc path_new(const struct sp_lab *lab, struct path **out, struct sp_err *err)
{
    struct path *path = sp_xcalloc(1, sizeof *path);
    enum sp_rc rc = sp_lab_path_open(lab, path->fds, err);
    if (rc != SP_OK) {
        free(path);
        return rc;
    }
    for (int dir = 0; dir < DIRS; dir++)
        path->held_tail[dir] = &path->held[dir];
    *out = path;
    return SP_OK;
}

void path_free(struct path *path)
{
    if (!path)
        return;
    for (int dir = 0; dir < DIRS; dir++) {
        while (path->held[dir]) {
            struct held *next = path->held[dir]->next;
            free(path->held[dir]);
            path->held[dir] = next;
        }
        close(path->fds[dir]);
    }
    free(path);
}

void path_fds(const struct path *path, int fds[2])
{
    fds[0] = path->fds[0];
    fds[1] = path->fds[1];
}

/* ---- what a frame is ------------------------------------------------------------------------ */

static const struct flow *flow_find(const struct path *path, const struct sp_addr *from,
                                    const struct sp_addr *to)
{
    for (unsigned i = path->flow_count; i-- > 0;)
        if (sp_addr_same(&path->flows[i].from, from) && sp_addr_same(&path->flows[i].to, to))
            return &path->flows[i];
    return NULL;
}

static void flow_learn(struct path *path, const struct sp_seg *seg)
{
    if (seg->kind != SP_SEG_TCP || !(seg->flags & SP_SYN))
        return;
    struct flow *flow = (struct flow *)flow_find(path, &seg->src, &seg->dst);
    if (!flow)
        flow = &path->flows[path->flow_count < FLOWS ? path->flow_count++ : FLOWS - 1];
    *flow = (struct flow){.from = seg->src, .to = seg->dst, .isn = seg->seq};
}

static bool fits(const struct path *path, const struct sp_pattern *pattern,
                 const struct sp_seg *seg)
{
    const struct flow *out = flow_find(path, &seg->src, &seg->dst);
    const struct flow *back = flow_find(path, &seg->dst, &seg->src);
    return sp_seg_fits(pattern, seg, out ? out->isn : 0, back ? back->isn : 0);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static struct sp_event *note(struct sp_trace *trace, int64_t now_ns, enum dir dir,
                             const char *action, const struct sp_seg *seg)
{
    struct sp_event *event = sp_trace_add(trace, SP_EV_LAB, now_ns);
    struct sp_buf detail;
    sp_buf_init(&detail, 0);
    if (seg)
        sp_seg_print(seg, 0, 0, &detail);
    event->end = ends[dir];
    event->u.lab.action = sp_trace_str(trace, action);
    event->u.lab.detail = sp_trace_str(trace, detail.data ? detail.data : "");
    sp_buf_release(&detail);
    return event;
}

static bool rule_applies(struct path *path, struct rule *rule, enum dir dir,
                         const struct sp_seg *seg, bool is_segment)
{
    if (!rule->dirs[dir] || rule->left == 0)
        return false;
    if (rule->what == RULE_HOLD && rule->every[dir])
        return true;
    if (!is_segment || (rule->has_pattern && !fits(path, rule->pattern, seg)))
        return false;
    if (rule->what == RULE_HOLD)
        rule->every[dir] = true;
    return true;
}

static enum sp_rc transmit(struct path *path, enum dir dir, const void *frame, size_t len,
                           struct sp_err *err)
{
    int to = path->fds[dir == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT];
    /* A link that is down takes no frame, as a cable would not: that is the case's own doing. */
    if (send(to, frame, len, MSG_DONTWAIT) < 0 && errno != ENETDOWN && errno != ENXIO)
        return sp_fail_os(err, SP_E_IO, errno, "the path could not forward a frame");
    return SP_OK;
}

static enum sp_rc hold(struct path *path, enum dir dir, const void *frame, size_t len,
                       struct sp_err *err)
{
    if (path->held_count == HELD_MAX)
        return sp_fail(err, SP_E_LIMIT, "the path holds %d frames already", HELD_MAX);
    struct held *held = sp_xcalloc(1, sizeof *held + len);
    held->len = len;
    memcpy(held->frame, frame, len);
    *path->held_tail[dir] = held;
    path->held_tail[dir] = &held->next;
    path->held_count++;
    return SP_OK;
}

static enum sp_rc forward(struct path *path, enum dir dir, size_t len, struct sp_trace *trace,
                          int64_t now_ns, struct sp_err *err)
{
    struct sp_seg seg;
    bool is_segment = sp_wire_decode(SP_LINK_ETHERNET, path->frame, len, &seg, NULL, NULL) == SP_OK;
    if (is_segment)
        flow_learn(path, &seg);
    if (path->cut)
        return SP_OK;
    for (unsigned i = 0; i < path->rule_count; i++) {
        struct rule *rule = &path->rules[i];
        if (!rule_applies(path, rule, dir, &seg, is_segment))
            continue;
        if (rule->left > 0)
            rule->left--;
        note(trace, now_ns, dir, rule->text, is_segment ? &seg : NULL);
        return rule->what == RULE_HOLD ? hold(path, dir, path->frame, len, err) : SP_OK;
    }
    return transmit(path, dir, path->frame, len, err);
}

enum sp_rc path_run(struct path *path, struct sp_trace *trace, int64_t now_ns, struct sp_err *err)
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
            enum sp_rc rc = forward(path, (enum dir)dir, (size_t)len, trace, now_ns, err);
            if (rc != SP_OK)
                return rc;
        }
    }
    return SP_OK;
}

void path_cut(struct path *path, bool on)
{
    path->cut = on;
}

static enum sp_rc release(struct path *path, enum dir dir, int64_t count, struct sp_trace *trace,
                          int64_t now_ns, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK && path->held[dir] && count-- != 0) {
        struct held *held = path->held[dir];
        path->held[dir] = held->next;
        if (!path->held[dir])
            path->held_tail[dir] = &path->held[dir];
        path->held_count--;
        struct sp_seg seg;
        bool is_segment =
            sp_wire_decode(SP_LINK_ETHERNET, held->frame, held->len, &seg, NULL, NULL) == SP_OK;
        note(trace, now_ns, dir, "release", is_segment ? &seg : NULL);
        rc = transmit(path, dir, held->frame, held->len, err);
        free(held);
    }
    return rc;
}

static enum sp_rc rule_add(struct path *path, const struct sp_stmt *stmt, enum rule_what what,
                           struct sp_err *err)
{
    if (path->rule_count == RULES)
        return sp_fail(err, SP_E_LIMIT, "line %d: more than %d rules on the path", stmt->at.line,
                       RULES);
    struct rule *rule = &path->rules[path->rule_count++];
    bool has_pattern = stmt->pattern.text != NULL;
    *rule = (struct rule){.what = what,
                          .has_pattern = has_pattern,
                          .pattern = &stmt->pattern,
                          .text = stmt->text,
                          .left = stmt->times.set ? stmt->times.max : -1};
    rule->dirs[FROM_CLIENT] = stmt->target != SP_WHO_SERVER;
    rule->dirs[FROM_SERVER] = stmt->target != SP_WHO_CLIENT;
    for (int dir = 0; what == RULE_HOLD && !has_pattern && dir < DIRS; dir++)
        rule->every[dir] = rule->dirs[dir];
    return SP_OK;
}

enum sp_rc path_rule(struct path *path, const struct sp_stmt *stmt, struct sp_trace *trace,
                     int64_t now_ns, struct sp_err *err)
{
    if (strcmp(stmt->verb, "drop") == 0)
        return rule_add(path, stmt, RULE_DROP, err);
    if (strcmp(stmt->verb, "hold") == 0)
        return rule_add(path, stmt, RULE_HOLD, err);
    bool open = strcmp(stmt->verb, "open") == 0;
    if (!open && strcmp(stmt->verb, "release") != 0)
        return sp_fail(err, SP_E_UNSUPPORTED, "line %d: the path cannot %s", stmt->at.line,
                       stmt->verb);
    if (open)
        path->rule_count = 0;
    int64_t count = open || !stmt->times.set ? -1 : stmt->times.max;
    enum sp_rc rc = SP_OK;
    if (open || stmt->target != SP_WHO_SERVER)
        rc = release(path, FROM_CLIENT, count, trace, now_ns, err);
    if (rc == SP_OK && (open || stmt->target != SP_WHO_CLIENT))
        rc = release(path, FROM_SERVER, count, trace, now_ns, err);
    return rc;
}
