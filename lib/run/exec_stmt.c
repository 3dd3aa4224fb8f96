#include "exec.h"

#include <string.h>

/* A wait longer than this is worth telling a person about. */
static const int64_t TELL_AFTER_NS = 300 * SP_MS;

/* What a statement led to: whether the script goes on. */
enum step { STEP_NEXT, STEP_STOP };

struct stepping {
    struct exec *x;
    const struct sp_stmt *stmt;
    const struct sp_stmt *before; /* the statement above it, NULL none */
    enum step step;
};

static void tell(struct exec *x, const struct sp_stmt *stmt)
{
    struct sp_buf text;
    if (!x->status)
        return;
    sp_buf_init(&text, 0);
    sp_stmt_print(stmt, &text);
    x->status(text.data ? text.data : "", x->status_arg);
    sp_buf_release(&text);
}

/* Asks the matcher until the statement has come true, cannot any more, or is out of time. */
static enum sp_rc wait_for(struct stepping *s)
{
    struct exec *x = s->x;
    int64_t begin_ns = exec_now(x);
    int64_t deadline_ns =
        sp_match_deadline_ns(x->match, s->stmt, begin_ns, x->trace.head.hz) + EXEC_GRACE_NS;
    bool told = false;
    enum sp_rc rc = exec_drain(x);
    while (rc == SP_OK) {
        enum sp_try now = sp_match_try(x->match, s->stmt, &x->trace, NULL);
        x->scanned = x->trace.len;
        if (now == SP_TRY_DONE)
            return SP_OK;
        if (now == SP_TRY_FAILED) {
            s->step = STEP_STOP;
            return SP_OK;
        }
        if (exec_now(x) >= deadline_ns) {
            exec_mark(x, SP_MARK_DEADLINE, s->stmt->id, "");
            s->step = STEP_STOP;
            return SP_OK;
        }
        int64_t until_ns = deadline_ns;
        if (!told && begin_ns + TELL_AFTER_NS < until_ns)
            until_ns = begin_ns + TELL_AFTER_NS;
        rc = exec_pump(x, until_ns);
        if (!told && exec_now(x) >= begin_ns + TELL_AFTER_NS) {
            tell(x, s->stmt);
            told = true;
        }
    }
    return rc;
}

static bool asks_for_states(const struct sp_stmt *stmt)
{
    if (stmt->kind == SP_ST_STATE || stmt->kind == SP_ST_STILL)
        return true;
    for (size_t i = 0; i < stmt->child_count; i++)
        if (asks_for_states(&stmt->children[i]))
            return true;
    return false;
}

/* Listening sockets, and the queue of those waiting to be accepted. */
static bool asks_for_listeners(const struct sp_stmt *stmt)
{
    bool listener = stmt->sock && strcmp(stmt->sock, "listener") == 0;
    if (stmt->state == SP_TCP_LISTEN || listener)
        return true;
    for (size_t i = 0; i < stmt->child_count; i++)
        if (asks_for_listeners(&stmt->children[i]))
            return true;
    return false;
}

static enum sp_rc do_call(struct stepping *s)
{
    enum sp_rc rc = exec_do_call(s->x, s->stmt, false);
    return rc == SP_OK ? wait_for(s) : rc;
}

static enum sp_rc do_start(struct stepping *s)
{
    return exec_do_call(s->x, s->stmt, true);
}

static enum sp_rc do_finish(struct stepping *s)
{
    enum sp_rc rc = exec_finish(s->x, s->stmt);
    return rc == SP_OK ? wait_for(s) : rc;
}

/*
 * What a stack of its own has done with a segment nobody tells: where a case waits for just that, a
 * moment is all that can be given. Its threads need it; the verdict does not count on it.
 */
static enum sp_rc let_settle(struct exec *x, const struct sp_stmt *stmt)
{
    static const int64_t settle_ns = 50 * SP_MS;
    bool unseen =
        exec_is_real(x, stmt->who) && !exec_has_kernel(x, stmt->who) && !exec_tells(x, stmt->who);
    return unseen ? exec_sleep(x, exec_now(x) + settle_ns) : SP_OK;
}

/* States: sock_diag is asked when the line is reached and, while it waits, ever more rarely. */
static enum sp_rc do_expect(struct stepping *s)
{
    struct exec *x = s->x;
    enum sp_rc rc = SP_OK;
    if (asks_for_states(s->stmt)) {
        rc = exec_look(x, false);
        x->diag_since_ns = exec_now(x);
        x->diag_step_ns = SP_MS / 2;
        x->diag_poll_ns = exec_now(x) + x->diag_step_ns;
    }
    if (rc == SP_OK)
        rc = wait_for(s);
    if (rc == SP_OK && s->stmt->kind == SP_ST_STATE)
        rc = let_settle(x, s->stmt);
    x->diag_poll_ns = 0;
    return rc;
}

static enum sp_rc do_queue(struct stepping *s)
{
    struct exec *x = s->x;
    int64_t deadline_ns = exec_now(x) + x->plan.case_->deadline_ns;
    int64_t step_ns = SP_MS / 2;
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK) {
        rc = exec_look(x, true);
        if (rc != SP_OK)
            break;
        enum sp_try now = sp_match_try(x->match, s->stmt, &x->trace, NULL);
        x->scanned = x->trace.len;
        if (now == SP_TRY_DONE)
            break;
        if (now == SP_TRY_FAILED || exec_now(x) >= deadline_ns) {
            exec_mark(x, SP_MARK_DEADLINE, s->stmt->id, "");
            s->step = STEP_STOP;
            break;
        }
        rc = exec_sleep(x, exec_now(x) + step_ns);
        step_ns = step_ns < 50 * SP_MS ? step_ns * 2 : step_ns;
    }
    return rc == SP_OK ? let_settle(x, s->stmt) : rc;
}

/* Watches for as long as the line says; the judge looks at what was seen. */
static enum sp_rc do_watch(struct stepping *s)
{
    struct exec *x = s->x;
    int64_t until_ns = exec_now(x) + s->stmt->when.max_ns;
    if (s->stmt->when.max_ns > TELL_AFTER_NS)
        tell(x, s->stmt);
    enum sp_rc rc = asks_for_states(s->stmt) ? exec_look(x, false) : SP_OK;
    if (rc == SP_OK)
        rc = exec_sleep(x, until_ns);
    if (rc == SP_OK && asks_for_states(s->stmt))
        rc = exec_look(x, false);
    return rc == SP_OK && s->stmt->kind != SP_ST_NEVER_STATE && s->stmt->kind != SP_ST_NEVER_WIRE
               ? wait_for(s)
               : rc;
}

static struct sp_event *lab_event(struct exec *x, const struct sp_stmt *stmt)
{
    struct sp_event *event = sp_trace_add(&x->trace, SP_EV_LAB, exec_now(x));
    event->stmt = stmt->id;
    event->end = (enum sp_end)stmt->target;
    const char *text = stmt->text;
    event->u.lab.action = sp_trace_str(&x->trace, strncmp(text, "lab ", 4) == 0 ? text + 4 : text);
    event->u.lab.detail = "";
    return event;
}

static enum sp_rc lab_sysctl(struct exec *x, const struct sp_stmt *stmt, enum sp_place place)
{
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; i < stmt->arg_count; i++) {
        if (strcmp(stmt->args[i].name, "name") == 0)
            name = stmt->args[i].text;
        else if (strcmp(stmt->args[i].name, "value") == 0)
            value = stmt->args[i].text;
    }
    if (!name || !value)
        return sp_fail(&x->err, SP_E_USAGE, "%s:%d: lab sysctl wants NAME=VALUE",
                       x->plan.case_->file, stmt->at.line);
    return sp_lab_sysctl(&x->lab, place, name, value, &x->err);
}

/* A second address; the trace knows whose it is before anything can come from there. */
static enum sp_rc lab_address(struct exec *x, const struct sp_stmt *stmt, enum sp_place place)
{
    enum sp_who who = (enum sp_who)exec_end_at(x, place);
    char text[48];
    if (x->second_of != SP_WHO_NONE && x->second_of != who)
        return sp_fail(&x->err, SP_E_USAGE, "%s:%d: only one end gets a second address",
                       x->plan.case_->file, stmt->at.line);
    sp_lab_second_address(&x->lab.config, text);
    enum sp_rc rc = sp_addr_parse(text, &x->trace.head.second[who], &x->err);
    x->second_of = who;
    return rc == SP_OK ? sp_lab_second(&x->lab, place, stmt->preferred, &x->err) : rc;
}

static enum sp_rc do_lab(struct stepping *s)
{
    struct exec *x = s->x;
    const struct sp_stmt *stmt = s->stmt;
    enum sp_place place = stmt->target == SP_WHO_SERVER   ? SP_PLACE_SERVER
                          : stmt->target == SP_WHO_MIDDLE ? SP_PLACE_BOX
                                                          : SP_PLACE_CLIENT;
    uint32_t order = lab_event(x, stmt)->order;
    enum sp_rc rc = SP_OK;
    if (strcmp(stmt->verb, "cut") == 0 || strcmp(stmt->verb, "restore") == 0) {
        path_cut(x->path, stmt->verb[0] == 'c');
    } else if (strcmp(stmt->verb, "unplug") == 0 || strcmp(stmt->verb, "plug") == 0) {
        bool on = stmt->verb[0] == 'p';
        x->unplugged[place] = true; /* while it changes, nothing can be fenced there */
        rc = sp_lab_carrier(&x->lab, place, on, &x->err);
        x->unplugged[place] = !on;
    } else if (strcmp(stmt->verb, "address") == 0) {
        rc = lab_address(x, stmt, place);
    } else {
        rc = lab_sysctl(x, stmt, place);
    }
    exec_event_by_order(x, order)->t_end_ns = exec_now(x);
    return rc;
}

/* `from=` and `to=`, of a segment that the peer or the middle sends. */
static enum sp_rc address_of(struct exec *x, const struct sp_stmt *stmt, enum sp_who who,
                             const char *text, struct sp_addr *addr)
{
    const char *new_port = NULL;
    if (!text)
        return SP_OK;
    enum sp_rc rc = exec_address(x, who, text, x->trace.head.family, addr, &new_port);
    if (rc == SP_OK && new_port)
        rc = sp_fail(&x->err, SP_E_USAGE, "%s:%d: no port has the name %s yet", x->plan.case_->file,
                     stmt->at.line, new_port);
    return rc;
}

/* What a number of `seq=@label.seq` is counted from. */
static enum sp_rc label_of(struct exec *x, const struct sp_stmt *stmt,
                           const struct sp_peer_num *num, uint32_t *out)
{
    if (!num->label)
        return SP_OK;
    const struct sp_event *event = sp_match_segment(x->match, stmt, num->label, &x->trace);
    if (!event)
        return sp_fail(&x->err, SP_E_USAGE, "%s:%d: no segment is known of the line @%s",
                       x->plan.case_->file, stmt->at.line, num->label);
    const struct sp_seg *seg = &event->u.seg.seg;
    *out = num->base == SP_BASE_ACK   ? seg->ack
           : num->base == SP_BASE_END ? seg->seq + sp_seg_space(seg)
                                      : seg->seq;
    return SP_OK;
}

static enum sp_rc labels_of(struct exec *x, const struct sp_stmt *stmt, uint32_t out[2])
{
    enum sp_rc rc = label_of(x, stmt, &stmt->peer->seq, &out[0]);
    return rc == SP_OK ? label_of(x, stmt, &stmt->peer->ack, &out[1]) : rc;
}

static enum sp_rc do_middle(struct stepping *s)
{
    struct exec *x = s->x;
    const struct sp_stmt *stmt = s->stmt;
    enum sp_who far = stmt->target == SP_WHO_SERVER ? SP_WHO_CLIENT : SP_WHO_SERVER;
    struct path_target target = {.listener = exec_listener_port(x, far)};
    enum sp_rc rc = exec_drain(x); /* what it injects counts from all that has come */
    if (rc == SP_OK && stmt->peer)
        rc = address_of(x, stmt, (enum sp_who)stmt->target, stmt->peer->from, &target.from);
    if (rc == SP_OK && stmt->peer)
        rc = address_of(x, stmt, far, stmt->peer->to, &target.to);
    if (rc == SP_OK && stmt->peer)
        rc = labels_of(x, stmt, target.labelled);
    if (rc != SP_OK)
        return rc;
    target.order = lab_event(x, stmt)->order;
    rc = path_rule(x->path, stmt, &target, &x->err);
    exec_event_by_order(x, target.order)->t_end_ns = exec_now(x);
    return rc;
}

/* Nobody is in the peer's place but the peer: it has a second address when it first speaks from it.
 */
static enum sp_rc second_of_peer(struct exec *x)
{
    char text[48];
    enum sp_place place = x->plan.peer_at == SP_WHO_CLIENT ? SP_PLACE_CLIENT : SP_PLACE_SERVER;
    sp_lab_second_address(&x->lab.config, text);
    enum sp_rc rc = sp_addr_parse(text, &x->trace.head.second[SP_END_PEER], &x->err);
    x->second_of = SP_WHO_PEER;
    return rc == SP_OK ? sp_lab_second(&x->lab, place, false, &x->err) : rc;
}

static bool is_second(const char *text)
{
    const char *second = "second";
    return text && strncmp(text, second, strlen(second)) == 0;
}

static enum sp_rc way_of(struct exec *x, const struct sp_stmt *stmt, enum sp_who real,
                         struct peer_way *way)
{
    const struct sp_peer_seg *seg = stmt->peer;
    enum sp_rc rc = SP_OK;
    if (x->second_of == SP_WHO_NONE && (is_second(seg->from) || is_second(seg->src)))
        rc = second_of_peer(x);
    if (rc == SP_OK)
        rc = address_of(x, stmt, SP_WHO_PEER, seg->from, &way->from);
    if (rc == SP_OK)
        rc = address_of(x, stmt, real, seg->to, &way->to);
    if (rc == SP_OK && way->from.family && sp_addr_same_ip(&way->from, &x->trace.head.addr[real]))
        rc = sp_fail(&x->err, SP_E_USAGE, "%s:%d: that is the %s's own address",
                     x->plan.case_->file, stmt->at.line, sp_end_name((enum sp_end)real));
    if (rc == SP_OK && seg->src &&
        !sp_trace_host(&x->trace.head, seg->src, x->trace.head.family, &way->src))
        rc = sp_fail(&x->err, SP_E_USAGE, "no such host to come from: '%s'", seg->src);
    memcpy(way->ip_opt, seg->ip_raw, seg->ip_raw_len);
    way->ip_opt_len = seg->ip_raw_len;
    return rc == SP_OK && seg->route
               ? exec_route(x, seg->route, true, way->ip_opt, &way->ip_opt_len)
               : rc;
}

/* Of the last segment that the capture at the real end's side saw leave for the peer; 0: none. */
static uint64_t sent_to_peer(const struct exec *x, enum sp_who real)
{
    enum sp_point at = real == SP_WHO_CLIENT ? SP_AT_CLIENT : SP_AT_SERVER;
    enum sp_end end = real == SP_WHO_CLIENT ? SP_END_CLIENT : SP_END_SERVER;
    const struct sp_addr *addr = x->trace.head.addr;
    for (size_t i = x->trace.len; i-- > 0;) {
        const struct sp_event *ev = &x->trace.events[i];
        const struct sp_seg *seg = &ev->u.seg.seg;
        if (ev->kind == SP_EV_SEG && ev->u.seg.point == at && seg->kind == SP_SEG_TCP &&
            sp_addr_same_ip(&seg->src, &addr[end]) &&
            sp_addr_same_ip(&seg->dst, &addr[SP_END_PEER]))
            return sp_tcp_identity(seg);
    }
    return 0;
}

/* A segment seen to leave is on its way for some microseconds more: the peer answers what has come.
 */
static enum sp_rc hear_all(struct exec *x, enum sp_who real)
{
    enum { TRIES = 20, WAIT_MS = 5 };
    enum sp_rc rc = exec_drain(x);
    for (int i = 0; rc == SP_OK && i < TRIES; i++) {
        uint64_t sent = sent_to_peer(x, real);
        if (!sent || peer_heard(x->peer) == sent)
            break;
        exec_wait_peer(x, WAIT_MS);
        rc = exec_drain(x);
    }
    return rc;
}

static enum sp_rc do_peer(struct stepping *s)
{
    struct exec *x = s->x;
    const struct sp_stmt *stmt = s->stmt;
    enum sp_who real = x->plan.peer_at == SP_WHO_CLIENT ? SP_WHO_SERVER : SP_WHO_CLIENT;
    struct peer_way way = {0};
    struct sp_buf detail;
    sp_buf_init(&detail, 0);
    enum sp_rc rc = hear_all(x, real); /* its numbers are those of all that has come */
    /* Right behind a segment the peer answers it, before the real end's timers go off. */
    bool answers = s->before && s->before->kind == SP_ST_WIRE;
    int64_t asked_ns = sp_match_last_ns(x->match);
    if (rc == SP_OK)
        rc = way_of(x, stmt, real, &way);
    if (rc == SP_OK)
        rc = labels_of(x, stmt, way.labelled);
    if (rc == SP_OK) {
        struct sp_event *event = lab_event(x, stmt);
        uint32_t order = event->order;
        event->end = SP_END_PEER;
        rc = peer_act(x->peer, stmt, &way, exec_listener_port(x, real), exec_now(x), &detail,
                      &x->err);
        event = exec_event_by_order(x, order);
        event->t_end_ns = exec_now(x);
        event->u.lab.detail = sp_trace_str(&x->trace, detail.data ? detail.data : "");
        if (answers && asked_ns >= 0) /* now that it has left: we may be put aside up to there */
            exec_note_stall(x, asked_ns);
    }
    sp_buf_release(&detail);
    return rc;
}

static enum sp_rc do_proc(struct stepping *s)
{
    return exec_proc_stmt(s->x, s->stmt);
}

/* What stands for each kind; a block is one expectation with several evidences. */
static enum sp_rc (*const doers[])(struct stepping *s) = {
    [SP_ST_CALL] = do_call,         [SP_ST_START] = do_start,      [SP_ST_FINISH] = do_finish,
    [SP_ST_WIRE] = do_expect,       [SP_ST_STATE] = do_expect,     [SP_ST_STILL] = do_watch,
    [SP_ST_NEVER_STATE] = do_watch, [SP_ST_NEVER_WIRE] = do_watch, [SP_ST_SILENCE] = do_watch,
    [SP_ST_QUEUE] = do_queue,       [SP_ST_WAIT] = do_watch,       [SP_ST_LAB] = do_lab,
    [SP_ST_MIDDLE] = do_middle,     [SP_ST_PROC] = do_proc,        [SP_ST_ANY_ORDER] = do_expect,
    [SP_ST_OPTIONAL] = do_expect,   [SP_ST_REPEAT] = do_expect,    [SP_ST_PEER] = do_peer,
};

enum sp_rc exec_script(struct exec *x)
{
    enum sp_rc rc = SP_OK;
    struct exec_kept kept;
    exec_kept_begin(x, &kept);
    for (size_t i = 0; rc == SP_OK && i < x->plan.stmt_count; i++) {
        const struct sp_stmt *before = i ? &x->plan.stmts[i - 1] : NULL;
        struct stepping s = {
            .x = x, .stmt = &x->plan.stmts[i], .before = before, .step = STEP_NEXT};
        exec_mark(x, SP_MARK_BEGIN, s.stmt->id, "");
        x->listeners_due = asks_for_listeners(s.stmt);
        rc = doers[s.stmt->kind](&s);
        exec_kept_note(x, &kept, s.stmt->id);
        if (rc != SP_OK || s.step == STEP_STOP)
            break;
        exec_mark(x, SP_MARK_DONE, s.stmt->id, "");
    }
    return rc;
}
