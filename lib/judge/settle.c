/* From what was collected to the verdict, its reason and its notes: docs/verdicts.md. */
#include "judging.h"

static bool is_expectation(const struct sp_stmt *stmt)
{
    switch (stmt->kind) {
    case SP_ST_CALL:
    case SP_ST_FINISH:
    case SP_ST_WIRE:
    case SP_ST_STATE:
    case SP_ST_STILL:
    case SP_ST_NEVER_STATE:
    case SP_ST_NEVER_WIRE:
    case SP_ST_SILENCE:
    case SP_ST_QUEUE:
        return true;
    case SP_ST_START:
        return stmt->expect.count > 0;
    case SP_ST_WAIT:
    case SP_ST_LAB:
    case SP_ST_MIDDLE:
    case SP_ST_PEER:
    case SP_ST_PROC:
    case SP_ST_ANY_ORDER:
    case SP_ST_OPTIONAL:
    case SP_ST_REPEAT:
        return false;
    }
    return false;
}

static void settle(struct judging *j, enum sp_verdict verdict, const char *reason)
{
    j->out->verdict = verdict;
    j->out->reason = reason;
}

/* Of the stack nothing is known: a witness, or this machine's own time, was not to be had. */
static void settle_machine(struct judging *j, const char *reason)
{
    settle(j, SP_VERDICT_INCONCLUSIVE, reason);
    j->out->by_machine = true;
}

static const char *place(struct judging *j, const struct sp_stmt *stmt)
{
    return stmt ? sp_arena_printf(&j->out->arena, "%s:%d",
                                  j->plan->case_->file ? j->plan->case_->file : "?", stmt->at.line)
                : NULL;
}

static bool settle_broken(struct judging *j)
{
    const struct view *view = &j->view;
    if (j->trace->len == 0)
        settle(j, SP_VERDICT_BROKEN, "the trace is empty");
    else if (!view->begun)
        settle(j, SP_VERDICT_BROKEN, "no statement was begun");
    else if (view->end_ns < 0)
        settle(j, SP_VERDICT_BROKEN, "the trace stops before the end of the script");
    else if (view->elsewhere)
        settle(j, SP_VERDICT_BROKEN,
               sp_arena_printf(&j->out->arena, "%s: the %s made the call that is recorded for it",
                               place(j, view->stmts[view->elsewhere->stmt].stmt),
                               sp_end_name(view->elsewhere->end)));
    else if (j->out->audit.astray)
        settle(j, SP_VERDICT_BROKEN, j->out->audit.astray);
    else if (j->no_record)
        settle(j, SP_VERDICT_BROKEN,
               sp_arena_printf(&j->out->arena, "%s: there is no record of it",
                               place(j, j->stopped_at)));
    else
        return false;
    return true;
}

static bool settle_witnesses(struct judging *j)
{
    const struct view *view = &j->view;
    const char *lost = NULL;
    if (view->drops)
        lost = sp_arena_printf(&j->out->arena, "a witness lost events: %s",
                               view->drops->u.mark.text ? view->drops->u.mark.text : "");
    else if (view_watch_wire(view) == SP_WATCH_FULL && !view->fenced_wire)
        lost = "the capture is not known to be complete: its fence did not come back";
    else if (view_watch_states(view) == SP_WATCH_FULL && !view->fenced_states)
        lost = "the states are not known to be complete: their fence did not come back";
    if (lost)
        settle_machine(j, lost);
    return lost != NULL;
}

static void tell_failure(struct judging *j)
{
    const struct finding *f = &j->worst;
    struct sp_judgement *out = j->out;
    out->kind = f->kind;
    out->rule = f->rule;
    out->stmt = f->stmt ? f->stmt->id : 0;
    out->at = place(j, f->stmt);
    out->expected = sp_arena_strdup(&out->arena, f->expected);
    out->seen = sp_arena_strdup(&out->arena, f->seen);
    out->event = f->event;
    out->blames = f->blames;
    out->t_ns = f->t_ns;
}

static bool settle_failure(struct judging *j)
{
    const struct finding *f = &j->worst;
    if (f->kind == SP_FAIL_NONE)
        return false;
    tell_failure(j);
    char why[SAY_MAX];
    const char *at = j->out->at ? j->out->at : "the run";
    if (excuse_of(&j->view, f, why, sizeof why))
        settle_machine(j, sp_arena_printf(&j->out->arena, "%s: %s: expected %s, seen: %s", at, why,
                                          f->expected, f->seen));
    else
        settle(
            j, SP_VERDICT_FAIL,
            sp_arena_printf(&j->out->arena, "%s: expected %s, seen: %s", at, f->expected, f->seen));
    return true;
}

static bool settle_stopped(struct judging *j)
{
    if (!j->stopped_at)
        return false;
    bool gave_up = false;
    for (size_t i = 1; i < j->view.stmt_len; i++)
        gave_up = gave_up || j->view.stmts[i].deadline_ns >= 0;
    if (gave_up)
        settle_machine(j, sp_arena_printf(&j->out->arena,
                                          "%s was never begun: the run gave up on a line whose "
                                          "evidence came after all",
                                          place(j, j->stopped_at)));
    else
        settle(j, SP_VERDICT_BROKEN,
               sp_arena_printf(&j->out->arena, "%s was never begun", place(j, j->stopped_at)));
    return true;
}

static const struct sp_stmt *first_with(const struct judging *j, enum sp_line_how how)
{
    for (size_t i = 1; i < j->view.stmt_len; i++)
        if (j->view.stmts[i].stmt && j->walk.lines[i].how == how)
            return j->view.stmts[i].stmt;
    return NULL;
}

static void count_lines(struct judging *j)
{
    for (size_t i = 1; i < j->view.stmt_len; i++) {
        const struct sp_stmt *stmt = j->view.stmts[i].stmt;
        enum sp_line_how how = j->walk.lines[i].how;
        if (!stmt || !is_expectation(stmt))
            continue;
        j->judged += how == SP_LINE_DONE || how == SP_LINE_VARIANT;
        j->unwatched += how == SP_LINE_UNWATCHED;
    }
}

static void settle_rest(struct judging *j)
{
    struct sp_arena *arena = &j->out->arena;
    const struct sp_stmt *unknown = first_with(j, SP_LINE_UNKNOWN);
    const struct sp_stmt *variant = first_with(j, SP_LINE_VARIANT);
    if (j->plan->parts_id) {
        settle(j, SP_VERDICT_INCONCLUSIVE,
               sp_arena_printf(arena,
                               "%s:%d: not exercised from here on: this stack's conversation is "
                               "another than the one that was run; as expected up to there",
                               j->plan->case_->file, j->plan->parts_line));
    } else if (unknown) {
        settle(j, SP_VERDICT_INCONCLUSIVE,
               sp_arena_printf(arena, "%s: nobody knows what to expect of this stack; recorded",
                               place(j, unknown)));
    } else if (!j->judged && j->unwatched) {
        settle(j, SP_VERDICT_SKIP, "no witness that this case needs was watching");
    } else if (!j->judged) {
        settle(j, SP_VERDICT_BROKEN, "nothing was judged");
    } else if (variant) {
        char keys[80];
        const struct sp_variant *v = j->walk.lines[variant->id].variant;
        say_keys(v, keys, sizeof keys);
        settle(j, SP_VERDICT_VARIANT,
               sp_arena_printf(arena, "%s: as known of %s%s%s", place(j, variant), keys,
                               v->source ? ": " : "", v->source ? v->source : ""));
    } else {
        settle(j, SP_VERDICT_PASS, "as expected");
    }
}

/* What was not watched: said once, as "watched: calls, states". */
static void note_witnesses(struct judging *j)
{
    for (size_t i = 0; i < j->trace->len; i++) {
        const struct sp_event *ev = &j->trace->events[i];
        if (ev->kind == SP_EV_MARK && ev->u.mark.what == SP_MARK_ABSENT && ev->u.mark.text)
            walk_note(&j->walk, "absent: %s", ev->u.mark.text);
    }
    if (!j->unwatched)
        return;
    static const char *const how[] = {
        [SP_WATCH_ABSENT] = NULL, [SP_WATCH_POLLED] = " (polled)", [SP_WATCH_FULL] = ""};
    char text[SAY_MAX] = "watched: calls";
    const char *wire = how[view_watch_wire(&j->view)];
    const char *states = how[view_watch_states(&j->view)];
    if (wire)
        say_more(text, sizeof text, ", wire%s", wire);
    if (states)
        say_more(text, sizeof text, ", states%s", states);
    for (int end = SP_END_CLIENT; states && end <= SP_END_SERVER; end++)
        if (view_watch_states_of(&j->view, (enum sp_who)end) == SP_WATCH_ABSENT)
            say_more(text, sizeof text, " (not the %s's)", sp_end_name((enum sp_end)end));
    walk_note(&j->walk, "%s; lines on the rest are not", text);
}

void judging_settle(struct judging *j)
{
    count_lines(j);
    note_witnesses(j);
    if (!settle_broken(j) && !settle_witnesses(j) && !settle_failure(j) && !settle_stopped(j))
        settle_rest(j);
}
