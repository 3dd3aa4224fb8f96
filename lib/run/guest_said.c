/* What a guest says: how far its runs have come, their results, that it is through. */
#include "guests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "outcome.h"

static struct chunk_job *job_named(struct guest *guest, const char *id, int repeat)
{
    for (size_t i = 0; i < guest->job_count; i++)
        if (!guest->jobs[i].done && strcmp(guest->jobs[i].id, id) == 0 &&
            (!repeat || guest->jobs[i].job->repeat == repeat))
            return &guest->jobs[i];
    return NULL;
}

enum sp_rc guest_row_take(struct guests *g, struct guest *guest, struct chunk_job *at,
                          const struct sp_result *result, struct sp_err *err)
{
    at->done = true;
    guest->last = at;
    guest->left--;
    if (guest->at == at)
        guest->at = NULL;
    g->done++;
    g->mute = 0;
    return outcome_add(g->sched, result, err);
}

static enum sp_rc result_take(struct guests *g, struct guest *guest, const char *data, size_t len,
                              struct sp_err *err)
{
    struct sp_arena arena;
    struct sp_result result;
    sp_arena_init(&arena);
    enum sp_rc rc = sp_result_read(data, len, &arena, &result, err);
    if (rc == SP_OK) {
        char id[256];
        snprintf(id, sizeof id, "%s@%s@%s", result.id, result.lab, result.family);
        struct chunk_job *at = job_named(guest, id, result.repeat);
        rc = at ? guest_row_take(g, guest, at, &result, err)
                : sp_fail(err, SP_E_PROTO, "a guest told of %s, which it was not to run", id);
    }
    sp_arena_release(&arena);
    return rc;
}

static void status_take(struct guest *guest, const char *data, size_t len)
{
    char text[320];
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    char *tab = strchr(text, '\t');
    if (!tab)
        return;
    *tab = '\0';
    if (!guest->at || strcmp(guest->at->id, text) != 0) {
        guest->at = job_named(guest, text, 0);
        guest->begin_ns = sp_clock_now_ns();
    }
    snprintf(guest->waits_for, sizeof guest->waits_for, "%s", tab + 1);
}

static void begin_take(struct guest *guest, const char *data, size_t len)
{
    char text[320];
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    char *tab = strchr(text, '\t');
    if (!tab)
        return;
    *tab = '\0';
    struct chunk_job *job = job_named(guest, text, (int)strtol(tab + 1, NULL, 10));
    if (job)
        job->begun = true;
}

static void end_take(struct guests *g, const char *data, size_t len)
{
    char text[640], *rest;
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    bool tracepoints = strtol(text, &rest, 10) != 0;
    if (*rest != '\t')
        return;
    g->sched->hidden_states += strtoull(rest + 1, &rest, 10);
    if (!tracepoints && *rest == '\t') {
        g->sched->tracepoints = false;
        g->sched->states_by = "sock_diag";
        snprintf(g->sched->tracepoints_why, sizeof g->sched->tracepoints_why, "%s", rest + 1);
    }
}

static enum sp_rc message_take(struct guests *g, struct guest *guest, const struct message *said,
                               struct sp_err *err)
{
    switch ((enum sp_guest_word)said->type) {
    case SP_GUEST_STATUS:
        status_take(guest, said->data, said->len_bytes);
        return SP_OK;
    case SP_GUEST_BEGIN:
        begin_take(guest, said->data, said->len_bytes);
        return SP_OK;
    case SP_GUEST_RESULT:
        return result_take(g, guest, said->data, said->len_bytes, err);
    case SP_GUEST_END:
        end_take(g, said->data, said->len_bytes);
        return SP_OK;
    case SP_GUEST_ERROR:
        snprintf(guest->error, sizeof guest->error, "%.*s", (int)said->len_bytes, said->data);
        return SP_OK;
    }
    return sp_fail(err, SP_E_PROTO, "a guest said something that is no word: %d", said->type);
}

static enum sp_rc messages_take(struct guests *g, struct guest *guest, struct sp_err *err)
{
    struct message said;
    enum sp_rc rc = SP_OK;
    size_t at = 0;
    while (rc == SP_OK && message_next(&guest->input, &at, &said))
        rc = message_take(g, guest, &said, err);
    messages_drop(&guest->input, at);
    return rc;
}

enum sp_rc guest_said_read(struct guests *g, struct guest *guest, struct sp_err *err)
{
    char chunk[16384];
    ssize_t got;
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK && (got = read(guest->said_fd, chunk, sizeof chunk)) > 0) {
        guest->sign_ns = sp_clock_now_ns();
        guest->came_up = true;
        sp_buf_add(&guest->input, chunk, (size_t)got);
        rc = messages_take(g, guest, err);
    }
    return rc;
}
