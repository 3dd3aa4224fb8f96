/*
 * Theory of operation: statements in plan order.
 *
 * A walk holds what the statements so far have consumed. The runner's matcher and the verdict use
 * the same walk: whenever the trace has grown, the matcher sorts it anew and walks again from the
 * first statement (a few microseconds), so that evidence which arrives late or out of order counts
 * as if it had always been there, and a statement that is DONE for the runner is DONE for the
 * judge. Nothing is remembered between walks but the plan.
 */
#include "impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the walk's own ------------------------------------------------------------------------ */

void walk_init(struct walk *walk, struct view *view)
{
    memset(walk, 0, sizeof *walk);
    walk->view = view;
    walk->cursors = SP_ARENA_ARRAY(&view->arena, size_t, view->lane_count + 1);
    walk->state_cursors = SP_ARENA_ARRAY(&view->arena, size_t, view->hist_count + 1);
    walk->done = SP_ARENA_ARRAY(&view->arena, struct outcome, view->stmt_len);
    walk->is_done = SP_ARENA_ARRAY(&view->arena, bool, view->stmt_len);
    walk->last_lo_ns = -1;
    walk->last_ns = -1;
    walk->begin_ns = -1;
}

void walk_release(struct walk *walk)
{
    memset(walk, 0, sizeof *walk); /* all of it is the view's arena, or the judgement's */
}

void finding_reset(struct finding *f, const struct sp_stmt *stmt)
{
    f->kind = SP_FAIL_NONE;
    f->stmt = stmt;
    f->event = NULL;
    f->rule = NULL;
    f->blames = stmt ? (enum sp_end)stmt->who : SP_END_NONE;
    f->t_ns = -1;
    f->from_ns = -1;
    f->over_ns = 0;
    f->early_ns = 0;
    f->kept_ns = 0;
    f->expected[0] = '\0';
    f->seen[0] = '\0';
}

void walk_consume(struct walk *walk, const struct sp_stmt *stmt, const struct sp_event *ev)
{
    if (!walk->lines || !ev)
        return;
    struct sp_line *line = &walk->lines[stmt->id];
    size_t *cap = &walk->line_caps[stmt->id];
    if (line->matched_count == *cap) {
        size_t next = *cap ? *cap * 2 : 2;
        const struct sp_event **grown = SP_ARENA_ARRAY(walk->arena, const struct sp_event *, next);
        if (line->matched_count)
            memcpy(grown, line->matched, line->matched_count * sizeof *grown);
        line->matched = grown;
        *cap = next;
    }
    line->matched[line->matched_count++] = ev;
}

void walk_note(struct walk *walk, const char *fmt, ...)
{
    char text[SAY_MAX];
    va_list args;
    if (!walk->arena)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (walk->note_count == walk->note_cap) {
        size_t next = walk->note_cap ? walk->note_cap * 2 : 4;
        const char **grown = SP_ARENA_ARRAY(walk->arena, const char *, next);
        if (walk->note_count)
            memcpy(grown, walk->notes, walk->note_count * sizeof *grown);
        walk->notes = grown;
        walk->note_cap = next;
    }
    walk->notes[walk->note_count++] = sp_arena_strdup(walk->arena, text);
}

/* The second of the two ends' ESTABLISHED that `establish` looks for: the connection was made
 * between them, and what an end does next counts from its own. */
static bool is_made(const struct walk *walk, const struct sp_stmt *stmt)
{
    const struct sp_stmt *before = stmt->id > 1 ? walk->view->stmts[stmt->id - 1].stmt : NULL;
    return stmt->implied && stmt->kind == SP_ST_STATE && before && before->implied &&
           before->kind == SP_ST_STATE && walk->is_done[before->id] && walk->last_lo_ns >= 0;
}

static void done(struct walk *walk, const struct sp_stmt *stmt, const struct outcome *out)
{
    walk->done[stmt->id] = *out;
    walk->is_done[stmt->id] = true;
    if (out->t_ns >= 0 && out->how != SP_LINE_UNWATCHED) {
        if (!is_made(walk, stmt) || out->lo_ns < walk->last_lo_ns)
            walk->last_lo_ns = out->lo_ns;
        walk->last_ns = out->t_ns;
    }
    if (walk->lines) {
        walk->lines[stmt->id].how = out->how;
        walk->lines[stmt->id].variant = out->variant;
        walk->lines[stmt->id].t_ns = out->t_ns;
    }
}

/* ---- taking back --------------------------------------------------------------------------- */

struct saved {
    size_t *numbers; /* cursors, state cursors, matched counts */
    int64_t last_lo_ns;
    int64_t last_ns;
    const struct item *prev;
};

static void save(const struct walk *walk, struct saved *saved)
{
    const struct view *view = walk->view;
    size_t lines = walk->lines ? view->stmt_len : 0;
    saved->numbers = sp_xcalloc(view->lane_count + view->hist_count + lines, sizeof(size_t));
    memcpy(saved->numbers, walk->cursors, view->lane_count * sizeof(size_t));
    memcpy(saved->numbers + view->lane_count, walk->state_cursors,
           view->hist_count * sizeof(size_t));
    for (size_t i = 0; i < lines; i++)
        saved->numbers[view->lane_count + view->hist_count + i] = walk->lines[i].matched_count;
    saved->last_lo_ns = walk->last_lo_ns;
    saved->last_ns = walk->last_ns;
    saved->prev = walk->prev;
}

static void restore(struct walk *walk, const struct saved *saved)
{
    const struct view *view = walk->view;
    size_t lines = walk->lines ? view->stmt_len : 0;
    memcpy(walk->cursors, saved->numbers, view->lane_count * sizeof(size_t));
    memcpy(walk->state_cursors, saved->numbers + view->lane_count,
           view->hist_count * sizeof(size_t));
    for (size_t i = 0; i < lines; i++)
        walk->lines[i].matched_count = saved->numbers[view->lane_count + view->hist_count + i];
    walk->last_lo_ns = saved->last_lo_ns;
    walk->last_ns = saved->last_ns;
    walk->prev = saved->prev;
}

static bool has_moved(const struct walk *walk, const struct saved *saved)
{
    return memcmp(walk->cursors, saved->numbers, walk->view->lane_count * sizeof(size_t)) != 0;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static enum sp_try step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                        struct finding *f);

static enum sp_try sequence(struct walk *walk, const struct sp_stmt *stmt, struct finding *f)
{
    for (size_t i = 0; i < stmt->child_count; i++) {
        struct outcome out;
        enum sp_try now = step(walk, &stmt->children[i], &out, f);
        if (now != SP_TRY_DONE)
            return now;
        if (walk->last_ns > walk->begin_ns && walk->begin_ns >= 0)
            walk->begin_ns = walk->last_ns;
    }
    return SP_TRY_DONE;
}

/* Wrong in itself, not just another segment than this one. */
static bool is_hard(const struct finding *f)
{
    return f->kind == SP_FAIL_EARLY || f->kind == SP_FAIL_LATE || f->kind == SP_FAIL_ORDER ||
           f->kind == SP_FAIL_STALE;
}

static enum sp_try optional_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                                 struct finding *f)
{
    struct saved saved;
    save(walk, &saved);
    enum sp_try now = sequence(walk, stmt, f);
    out->lo_ns = out->t_ns = -1;
    if (now != SP_TRY_DONE) {
        restore(walk, &saved);
        now = now == SP_TRY_FAILED && is_hard(f) ? SP_TRY_FAILED : SP_TRY_DONE;
    } else {
        out->lo_ns = walk->last_lo_ns;
        out->t_ns = walk->last_ns;
    }
    free(saved.numbers);
    return now;
}

static enum sp_try repeat_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                               struct finding *f)
{
    int64_t count = 0;
    enum sp_try now = SP_TRY_DONE;
    while (now == SP_TRY_DONE && count < stmt->times.max) {
        struct saved saved;
        save(walk, &saved);
        now = sequence(walk, stmt, f);
        bool moved = has_moved(walk, &saved);
        if (now != SP_TRY_DONE)
            restore(walk, &saved);
        free(saved.numbers);
        if (now == SP_TRY_DONE && !moved)
            break;
        count += now == SP_TRY_DONE;
    }
    out->lo_ns = walk->last_lo_ns;
    out->t_ns = walk->last_ns;
    if (count >= stmt->times.min && !(now == SP_TRY_FAILED && is_hard(f)))
        return SP_TRY_DONE;
    if (now == SP_TRY_DONE) { /* nothing in it moved */
        f->kind = SP_FAIL_SEG_MISSING;
        return SP_TRY_PENDING;
    }
    say_more(f->seen, sizeof f->seen, " (in round %lld of at least %lld)", (long long)count + 1,
             (long long)stmt->times.min);
    return now;
}

/* Whatever comes true next goes next; times count from before the block. */
static enum sp_try any_order_step(struct walk *walk, const struct sp_stmt *stmt,
                                  struct outcome *out, struct finding *f)
{
    int64_t base_lo = walk->last_lo_ns, base = walk->last_ns;
    int64_t last_lo = -1, last = -1;
    bool *is_done = sp_xcalloc(stmt->child_count + 1, sizeof *is_done);
    size_t left = stmt->child_count;
    struct finding worst, one;
    enum sp_try result = SP_TRY_DONE;
    for (bool progress = true; left > 0 && progress;) {
        progress = false;
        result = SP_TRY_PENDING;
        finding_reset(&worst, stmt);
        for (size_t i = 0; i < stmt->child_count; i++) {
            struct outcome child;
            if (is_done[i])
                continue;
            walk->prev = NULL;
            walk->last_lo_ns = base_lo;
            walk->last_ns = base;
            enum sp_try now = step(walk, &stmt->children[i], &child, &one);
            if (now == SP_TRY_DONE) {
                is_done[i] = progress = true;
                left--;
                last_lo = child.t_ns > last ? child.lo_ns : last_lo;
                last = child.t_ns > last ? child.t_ns : last;
            } else if (worst.kind == SP_FAIL_NONE || (now == SP_TRY_FAILED && result != now)) {
                worst = one;
                result = now;
            }
        }
    }
    free(is_done);
    walk->prev = NULL;
    walk->last_lo_ns = last >= 0 ? last_lo : base_lo;
    walk->last_ns = last >= 0 ? last : base;
    out->lo_ns = walk->last_lo_ns;
    out->t_ns = walk->last_ns;
    if (left == 0)
        return SP_TRY_DONE;
    *f = worst;
    return result;
}

/* ---- actions and the rest ------------------------------------------------------------------ */

static enum sp_try outlived(const struct sp_stmt *stmt, const struct sp_event *act,
                            struct finding *f)
{
    f->kind = SP_FAIL_HUNG;
    f->event = act;
    f->from_ns = act->t_ns;
    f->t_ns = act->t_end_ns;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    say(f->seen, sizeof f->seen, "the process lived on for %.0f s, and the runner ended it",
        (double)(act->t_end_ns - act->t_ns) / (double)SP_S);
    return SP_TRY_FAILED;
}

static enum sp_try action_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                               struct finding *f)
{
    const struct stmt_marks *marks = &walk->view->stmts[stmt->id];
    if (marks->act && marks->act->kind == SP_EV_PROC && marks->act->u.proc.what == SP_PROC_OUTLIVED)
        return outlived(stmt, marks->act, f);
    if (marks->act) {
        out->lo_ns = marks->act->t_ns;
        out->t_ns = marks->act->t_end_ns >= 0 ? marks->act->t_end_ns : marks->act->t_ns;
        walk_consume(walk, stmt, marks->act);
    } else if (marks->done_ns >= 0) {
        out->lo_ns = out->t_ns = marks->done_ns;
    } else if (walk->begin_ns >= 0) {
        out->lo_ns = out->t_ns = walk->begin_ns + stmt->when.max_ns;
    }
    return SP_TRY_DONE;
}

/* What the middle sends itself comes before what answers it. */
static enum sp_try middle_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                               struct finding *f)
{
    const struct item *made = bind_made_item(walk->view, stmt);
    enum sp_try now = action_step(walk, stmt, out, f);
    if (made) {
        walk_consume(walk, stmt, made->ev);
        out->seg = made->ev;
        walk->prev = made;
    }
    return now;
}

/* What it forbids is judged over the whole trace; here it only takes its time. */
static enum sp_try never_here(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                              struct finding *f)
{
    (void)f;
    if (stmt->when.max_ns > 0 && walk->begin_ns >= 0)
        out->lo_ns = out->t_ns = walk->begin_ns + stmt->when.max_ns;
    return SP_TRY_DONE;
}

typedef enum sp_try (*step_fn)(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                               struct finding *f);

static const step_fn steps[] = {
    [SP_ST_CALL] = call_step,           [SP_ST_START] = call_step,
    [SP_ST_FINISH] = call_step,         [SP_ST_WIRE] = wire_step,
    [SP_ST_STATE] = state_step,         [SP_ST_STILL] = still_step,
    [SP_ST_NEVER_STATE] = never_here,   [SP_ST_NEVER_WIRE] = never_here,
    [SP_ST_SILENCE] = silence_step,     [SP_ST_QUEUE] = queue_step,
    [SP_ST_WAIT] = action_step,         [SP_ST_LAB] = action_step,
    [SP_ST_MIDDLE] = middle_step,       [SP_ST_PROC] = action_step,
    [SP_ST_ANY_ORDER] = any_order_step, [SP_ST_OPTIONAL] = optional_step,
    [SP_ST_REPEAT] = repeat_step,       [SP_ST_PEER] = peer_step,
};

static enum sp_try step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                        struct finding *f)
{
    *out = (struct outcome){.how = SP_LINE_DONE, .lo_ns = -1, .t_ns = -1};
    finding_reset(f, stmt);
    enum sp_try now = steps[stmt->kind](walk, stmt, out, f);
    if (now == SP_TRY_DONE)
        done(walk, stmt, out);
    return now;
}

static int64_t deadline_of(const struct walk *walk, const struct sp_plan *plan,
                           const struct sp_stmt *stmt, int64_t begin_ns, int32_t hz);

enum sp_try walk_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f)
{
    struct view *view = walk->view;
    int64_t begin_ns = view->stmts[stmt->id].begin_ns;
    walk->begin_ns = begin_ns;
    enum sp_try now = step(walk, stmt, out, f);
    if (now != SP_TRY_PENDING || !view->final)
        return now;
    if (begin_ns >= 0) {
        f->from_ns = begin_ns;
        f->t_ns = deadline_of(walk, view->plan, stmt, begin_ns, view->trace->head.hz);
    }
    return SP_TRY_FAILED;
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t bound_end(const struct walk *walk, const struct sp_bound *bound, int64_t begin_ns,
                         int32_t hz)
{
    int64_t lo = -1, base = -1;
    if (walk->view)
        time_base(walk, bound, &lo, &base);
    return (base >= 0 ? base : begin_ns) + bound_max_ns(bound, hz);
}

/* How long the rounds of a `repeat` can take beyond one deadline. */
static int64_t rounds_ns(const struct sp_stmt *stmt, int32_t hz)
{
    int64_t sum = 0;
    for (size_t i = 0; i < stmt->child_count; i++)
        if (stmt->children[i].when.kind != SP_BOUND_NONE)
            sum += bound_max_ns(&stmt->children[i].when, hz);
    return sum * later(stmt->times.min, 1);
}

static int64_t deadline_of(const struct walk *walk, const struct sp_plan *plan,
                           const struct sp_stmt *stmt, int64_t begin_ns, int32_t hz)
{
    bool is_call = stmt->kind == SP_ST_CALL || stmt->kind == SP_ST_FINISH;
    int64_t end = begin_ns + plan->case_->deadline_ns;
    if (stmt->kind == SP_ST_STILL || stmt->kind == SP_ST_SILENCE || stmt->kind == SP_ST_WAIT)
        return later(end, begin_ns + stmt->when.max_ns);
    if (stmt->kind == SP_ST_REPEAT)
        return end + rounds_ns(stmt, hz);
    if (is_call && stmt->expect.took.kind != SP_BOUND_NONE)
        end = later(end, begin_ns + bound_max_ns(&stmt->expect.took, hz));
    else if (!is_call && stmt->when.kind != SP_BOUND_NONE)
        end = bound_end(walk, &stmt->when, begin_ns, hz);
    for (size_t i = 0; i < stmt->variant_count; i++) {
        const struct sp_variant *variant = &stmt->variants[i];
        if (is_call && variant->expect.took.kind != SP_BOUND_NONE)
            end = later(end, begin_ns + bound_max_ns(&variant->expect.took, hz));
        else if (!is_call && variant->when.kind != SP_BOUND_NONE)
            end = later(end, bound_end(walk, &variant->when, begin_ns, hz));
    }
    for (size_t i = 0; i < stmt->child_count; i++)
        end = later(end, deadline_of(walk, plan, &stmt->children[i], begin_ns, hz));
    return end;
}

/* ---- the matcher --------------------------------------------------------------------------- */

struct sp_match {
    const struct sp_plan *plan;
    struct view view;
    struct walk walk;
    bool built;
    size_t next; /* top-level statement that is not DONE yet */
    /* what the view was built from */
    const struct sp_event *events;
    size_t len;
    uint64_t calls;
    struct sp_trace plain; /* the trace without what a NAT did to it; no events: not needed */
};

struct sp_match *sp_match_new(const struct sp_plan *plan)
{
    struct sp_match *match = sp_xcalloc(1, sizeof *match);
    match->plan = plan;
    match->walk.last_ns = match->walk.last_lo_ns = match->walk.begin_ns = -1;
    return match;
}

static void unbuild(struct sp_match *match)
{
    if (match->built)
        view_release(&match->view);
    if (match->plain.events)
        sp_trace_release(&match->plain);
    match->plain = (struct sp_trace){0};
    match->built = false;
}

void sp_match_free(struct sp_match *match)
{
    if (!match)
        return;
    unbuild(match);
    free(match);
}

/* Calls are written when they are entered and filled in when they return. */
static uint64_t calls_sum(const struct sp_trace *trace)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        sum = sum * 31 + (uint64_t)ev->kind;
        if (ev->kind == SP_EV_CALL)
            sum = sum * 31 + (uint64_t)ev->t_end_ns * 8 + (uint64_t)ev->u.call.how + ev->stmt;
    }
    return sum;
}

static bool is_sorted(const struct sp_trace *trace)
{
    for (size_t i = 1; i < trace->len; i++) {
        const struct sp_event *a = &trace->events[i - 1], *b = &trace->events[i];
        if (a->t_ns > b->t_ns || (a->t_ns == b->t_ns && a->order > b->order))
            return false;
    }
    return true;
}

static void refresh(struct sp_match *match, struct sp_trace *trace)
{
    if (!is_sorted(trace))
        sp_trace_sort(trace);
    uint64_t calls = calls_sum(trace);
    if (match->built && match->events == trace->events && match->len == trace->len &&
        match->calls == calls)
        return;
    unbuild(match);
    bool rewritten = sp_tcp_rewrites(trace);
    if (rewritten)
        sp_tcp_rewrites_undo(trace, &match->plain);
    view_build(&match->view, match->plan, rewritten ? &match->plain : trace, NULL, false);
    walk_init(&match->walk, &match->view);
    match->built = true;
    match->next = 0;
    match->events = trace->events;
    match->len = trace->len;
    match->calls = calls;
}

static enum sp_try tell(enum sp_try now, const struct finding *f, struct sp_err *err)
{
    if (now == SP_TRY_FAILED)
        sp_fail(err, SP_E_NOTFOUND, "expected %s, seen: %s", f->expected, f->seen);
    return now;
}

static size_t place_of(const struct sp_match *match, const struct sp_stmt *stmt)
{
    size_t at = 0;
    while (at < match->plan->stmt_count && match->plan->stmts[at].id != stmt->id)
        at++;
    return at;
}

/* All statements before that one, which must have come true. */
static enum sp_try catch_up(struct sp_match *match, size_t at, struct sp_err *err)
{
    struct outcome out;
    struct finding f;
    for (; match->next < at; match->next++) {
        const struct sp_stmt *before = &match->plan->stmts[match->next];
        enum sp_try now = walk_step(&match->walk, before, &out, &f);
        if (now == SP_TRY_FAILED || (now == SP_TRY_PENDING && before->kind != SP_ST_START))
            return tell(now, &f, err);
    }
    return SP_TRY_DONE;
}

const struct sp_event *sp_match_segment(struct sp_match *match, const struct sp_stmt *before,
                                        const char *label, struct sp_trace *trace)
{
    refresh(match, trace);
    const struct sp_stmt *stmt = view_label(&match->view, label);
    if (!stmt || catch_up(match, place_of(match, before), NULL) != SP_TRY_DONE ||
        !match->walk.is_done[stmt->id])
        return NULL;
    return match->walk.done[stmt->id].seg;
}

enum sp_try sp_match_try(struct sp_match *match, const struct sp_stmt *stmt, struct sp_trace *trace,
                         struct sp_err *err)
{
    struct outcome out;
    struct finding f;
    refresh(match, trace);
    size_t at = place_of(match, stmt);
    if (at == match->plan->stmt_count)
        return sp_fail(err, SP_E_USAGE, "not a statement of the plan"), SP_TRY_FAILED;
    enum sp_try ready = catch_up(match, at, err);
    if (ready != SP_TRY_DONE)
        return ready;
    if (match->next > at)
        return SP_TRY_DONE;
    enum sp_try now = walk_step(&match->walk, stmt, &out, &f);
    if (now == SP_TRY_DONE)
        match->next++;
    return tell(now, &f, err);
}

int64_t sp_match_last_ns(const struct sp_match *match)
{
    return match->walk.last_ns;
}

int64_t sp_match_label_ns(const struct sp_match *match, const char *label)
{
    const struct sp_stmt *stmt = match->built && label ? view_label(&match->view, label) : NULL;
    return stmt && match->walk.is_done[stmt->id] ? match->walk.done[stmt->id].t_ns : -1;
}

int64_t sp_match_deadline_ns(const struct sp_match *match, const struct sp_stmt *stmt,
                             int64_t begin_ns, int32_t hz)
{
    return deadline_of(&match->walk, match->plan, stmt, begin_ns, hz);
}
