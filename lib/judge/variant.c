/*
 * Theory of operation: whose expectation.
 *
 * A call line answers to the API of its endpoint, any other line to the TCP that it names; a key
 * like `client=lwip` decides by that end's TCP. Of the variants that match, the most specific
 * holds: an exact version over a range over none. Then:
 *   seen within it:        DONE, and VARIANT where the baseline would not allow it
 *   in the baseline only:  STALE (a failure) on the very version that was measured to differ,
 *                          elsewhere DONE with a note
 *   in neither:            a failure that names both
 * Where the version is not known, ranges cannot be told: if they would change the answer, the line
 * is UNKNOWN and the verdict inconclusive.
 */
#include "impl.h"

#include <stdio.h>
#include <string.h>

struct stack {
    const char *name;
    const char *version;
};

static struct stack stack_of(const struct view *view, const struct sp_stmt *stmt,
                             const struct sp_variant *variant, bool call_layer)
{
    enum sp_who who = variant->end != SP_WHO_NONE ? variant->end : stmt->who;
    bool api = call_layer && who == stmt->who;
    const struct sp_trace_head *head = &view->trace->head;
    const struct sp_plan_config *config = &view->plan->config;
    const struct sp_stack_id *id = api ? &head->api[who] : &head->tcp[who];
    const struct sp_plan_stack *planned = api ? &config->api[who] : &config->tcp[who];
    if (id->name)
        return (struct stack){id->name, id->version};
    return (struct stack){planned->name, planned->version};
}

/* 0: does not match; else the higher the more specific. */
static int match(const struct sp_variant *variant, const struct stack *stack, bool *unknown)
{
    int best = 0;
    for (size_t i = 0; i < variant->key_count; i++) {
        const struct sp_stack_key *key = &variant->keys[i];
        bool only_version_tells = false;
        if (!sp_stack_key_match(key, stack->name, stack->version, &only_version_tells)) {
            *unknown = *unknown || only_version_tells;
            continue;
        }
        int rank = key->term_count == 0 ? 1 : 2;
        for (unsigned t = 0; t < key->term_count; t++)
            if (strcmp(key->terms[t].op, "=") == 0)
                rank = 3;
        best = rank > best ? rank : best;
    }
    return best;
}

/* Whether the source says that this very version was measured. */
static bool measured_here(const struct sp_variant *variant, const struct stack *stack)
{
    if (variant->source_kind != SP_SOURCE_MEASURED || !stack->name || !stack->version)
        return false;
    char name[64];
    snprintf(name, sizeof name, "%s-", stack->name);
    for (const char *at = variant->source; at && (at = strstr(at, name)); at++) {
        const char *version = at + strlen(name);
        if (*version < '0' || *version > '9')
            continue;
        struct sp_stack_key key = {.name = stack->name, .term_count = 1};
        key.terms[0] = (struct sp_version_term){.op = "=", .version = version};
        bool unknown = false;
        if (sp_stack_key_match(&key, stack->name, stack->version, &unknown))
            return true;
    }
    for (size_t i = 0; i < variant->key_count; i++)
        if (variant->keys[i].term_count && strcmp(variant->keys[i].name, stack->name) == 0)
            return true;
    return false;
}

struct choice {
    const struct sp_variant *best;
    struct stack stack; /* that best matched */
    bool unknown;       /* some ranges cannot be told */
};

static struct choice choose(const struct view *view, const struct sp_stmt *stmt, bool call_layer,
                            bool (*relevant)(const struct sp_variant *variant))
{
    struct choice choice = {0};
    int best = 0;
    for (size_t i = 0; i < stmt->variant_count; i++) {
        const struct sp_variant *variant = &stmt->variants[i];
        if (!relevant(variant))
            continue;
        struct stack stack = stack_of(view, stmt, variant, call_layer);
        int rank = match(variant, &stack, &choice.unknown);
        if (rank > best) {
            best = rank;
            choice.best = variant;
            choice.stack = stack;
        }
    }
    return choice;
}

/* Would one of the ranges that cannot be told answer otherwise? */
static bool ranges_disagree(const struct view *view, const struct sp_stmt *stmt, bool call_layer,
                            bool (*relevant)(const struct sp_variant *variant), fits_fn fits,
                            void *ctx, bool chosen_fits)
{
    struct finding ignored;
    for (size_t i = 0; i < stmt->variant_count; i++) {
        const struct sp_variant *variant = &stmt->variants[i];
        bool unknown = false;
        struct stack stack = stack_of(view, stmt, variant, call_layer);
        if (!relevant(variant) || match(variant, &stack, &unknown) || !unknown)
            continue;
        finding_reset(&ignored, stmt);
        if (fits(ctx, variant, &ignored) != chosen_fits)
            return true;
    }
    return false;
}

/* "the line, on linux -> EPIPE": f->expected holds what the judged one wanted, in words. */
static void expected_say(const struct sp_stmt *stmt, const struct sp_variant *variant,
                         struct finding *f)
{
    char own[SAY_MAX], keys[80];
    say(own, sizeof own, "%s", f->expected);
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    if (variant) {
        say_keys(variant, keys, sizeof keys);
        say_more(f->expected, sizeof f->expected, ", on %s %s", keys, own);
    } else if (*own && !strstr(f->expected, "->") && !strstr(f->expected, "after") &&
               !strstr(f->expected, "within") && !strstr(f->expected, "took")) {
        say_more(f->expected, sizeof f->expected, " %s", own);
    }
}

static void stale_say(const struct sp_variant *variant, const struct stack *stack, char *out,
                      size_t cap)
{
    char keys[80];
    say_keys(variant, keys, sizeof keys);
    say(out, cap, "%s%s%s did as the baseline asks, though `on %s`%s%s", stack->name,
        stack->version ? "-" : "", stack->version ? stack->version : "", keys,
        variant->source ? " was " : "",
        variant->source ? "measured or documented otherwise: " : "");
    if (variant->source)
        say_more(out, cap, "%s", variant->source);
}

enum sp_try variant_judge(struct walk *walk, const struct sp_stmt *stmt, bool call_layer,
                          bool (*relevant)(const struct sp_variant *variant), fits_fn fits,
                          void *ctx, struct outcome *out, struct finding *f)
{
    const struct view *view = walk->view;
    struct choice choice = choose(view, stmt, call_layer, relevant);
    struct finding base;
    finding_reset(&base, stmt);
    bool base_fits = fits(ctx, NULL, &base);
    bool chosen_fits = choice.best ? fits(ctx, choice.best, f) : base_fits;
    out->how = SP_LINE_DONE;
    out->variant = NULL;
    if (choice.unknown &&
        ranges_disagree(view, stmt, call_layer, relevant, fits, ctx, chosen_fits)) {
        out->how = SP_LINE_UNKNOWN;
        walk_note(walk, "%s:%d: what is expected depends on a version that is not known",
                  view->plan->case_->file, stmt->at.line);
        return SP_TRY_DONE;
    }
    if (!choice.best) {
        *f = base;
        expected_say(stmt, NULL, f);
        return base_fits ? SP_TRY_DONE : SP_TRY_FAILED;
    }
    if (chosen_fits) {
        out->how = base_fits ? SP_LINE_DONE : SP_LINE_VARIANT;
        out->variant = base_fits ? NULL : choice.best;
        return SP_TRY_DONE;
    }
    if (base_fits && measured_here(choice.best, &choice.stack)) {
        expected_say(stmt, choice.best, f);
        f->kind = SP_FAIL_STALE;
        stale_say(choice.best, &choice.stack, f->seen, sizeof f->seen);
        return SP_TRY_FAILED;
    }
    if (base_fits) {
        char text[SAY_MAX];
        stale_say(choice.best, &choice.stack, text, sizeof text);
        walk_note(walk, "%s:%d: the variant is stale: %s", view->plan->case_->file, stmt->at.line,
                  text);
        return SP_TRY_DONE;
    }
    expected_say(stmt, choice.best, f);
    return SP_TRY_FAILED;
}
