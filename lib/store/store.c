/*
 * A store keeps every row that it was given as the bytes that stand in run.json. Adding a row
 * shows a new version of run.json (live.h), which costs what the row does: a runner that is killed
 * leaves all rows that it added.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "files.h"
#include "live.h"
#include "run_json.h"
#include "store.h"

struct sp_store {
    struct sp_arena arena;
    char *dir;
    struct sp_live run_json;
    int lock_fd;
    struct sp_run_head head; /* strings in the arena */
    struct sp_buf rows;
    size_t totals[SP_VERDICT_COUNT];
    size_t row_count;
    int64_t begin_ns;
};

static const char **copy_texts(struct sp_arena *arena, const char *const *texts, size_t count)
{
    const char **copies = SP_ARENA_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        copies[i] = sp_arena_strdup(arena, texts[i]);
    return copies;
}

static void keep_head(struct sp_store *store, const struct sp_run_head *head)
{
    struct sp_arena *arena = &store->arena;
    struct sp_run_head *kept = &store->head;
    *kept = *head;
    const char **const texts[] = {
        &kept->version,      &kept->machine.sysname,  &kept->machine.release,
        &kept->machine.arch, &kept->machine.hostname, &kept->machine.clock,
        &kept->stack.name,   &kept->stack.os,         &kept->stack.os_version,
        &kept->judged_as,    &kept->started,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = sp_arena_strdup(arena, *texts[i]);
    kept->command = copy_texts(arena, head->command, head->command_count);
    kept->notes = copy_texts(arena, head->notes, head->note_count);
}

static enum sp_rc show(struct sp_store *store, struct sp_err *err)
{
    struct sp_buf head, foot;
    sp_buf_init(&head, 0);
    sp_buf_init(&foot, 0);
    sp_run_json_head(&store->head, &head);
    sp_run_json_foot(&store->head, store->totals, &foot);
    const struct sp_piece pieces[] = {
        {head.data, head.len}, {store->rows.data, store->rows.len}, {foot.data, foot.len}};
    enum sp_rc rc = sp_live_write(&store->run_json, pieces, sizeof pieces / sizeof *pieces,
                                  head.len + store->rows.len, err);
    sp_buf_release(&head);
    sp_buf_release(&foot);
    return rc;
}

static struct sp_store *store_new(const char *dir)
{
    struct sp_store *store = sp_xcalloc(1, sizeof *store);
    sp_arena_init(&store->arena);
    sp_buf_init(&store->rows, 0);
    store->dir = sp_arena_strdup(&store->arena, dir);
    store->lock_fd = -1;
    store->begin_ns = sp_clock_now_ns();
    return store;
}

/* The first version; those of an earlier run may have been left beside it. */
static enum sp_rc show_first(struct sp_store *store, struct sp_err *err)
{
    sp_live_open(&store->run_json, sp_arena_printf(&store->arena, "%s/run.json", store->dir));
    return show(store, err);
}

enum sp_rc sp_store_create(const char *dir, const struct sp_run_head *head, struct sp_store **out,
                           struct sp_err *err)
{
    enum sp_dir_state state = SP_DIR_EMPTY;
    struct sp_store *store = store_new(dir);
    enum sp_rc rc = sp_dir_make(dir, err);
    if (rc == SP_OK)
        rc = sp_dir_lock(dir, &store->lock_fd, err);
    if (rc == SP_OK)
        rc = sp_dir_look(dir, &state, err);
    if (rc == SP_OK && state == SP_DIR_FOREIGN)
        rc = sp_fail(err, SP_E_USAGE,
                     "%s holds files that are not results of a run: name another directory", dir);
    if (rc != SP_OK)
        goto out;
    /* First the new run.json, then the old folders: whenever this is interrupted, what is left is
     * a results folder of ours. */
    keep_head(store, head);
    rc = show_first(store, err);
    if (rc == SP_OK && state == SP_DIR_RESULTS)
        rc = sp_dir_clean(dir, err);
out:
    if (rc != SP_OK) {
        sp_store_free(store);
        store = NULL;
    }
    *out = store;
    return rc;
}

void sp_store_abandon(struct sp_store *store)
{
    if (store)
        sp_buf_release(&store->rows);
}

void sp_store_free(struct sp_store *store)
{
    if (!store)
        return;
    sp_live_close(&store->run_json);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    sp_buf_release(&store->rows);
    sp_arena_release(&store->arena);
    free(store);
}

enum sp_rc sp_store_add(struct sp_store *store, const struct sp_result *result, struct sp_err *err)
{
    sp_run_json_row(result, store->row_count == 0, &store->rows);
    store->row_count++;
    store->totals[result->verdict]++;
    store->head.wall_ms = (double)(sp_clock_now_ns() - store->begin_ns) / (double)SP_MS;
    return show(store, err);
}

enum sp_rc sp_store_finish(struct sp_store *store, const struct sp_run_head *head,
                           struct sp_err *err)
{
    keep_head(store, head);
    sp_live_forget(&store->run_json);
    return show(store, err);
}

enum sp_rc sp_results_save(const struct sp_results *results, struct sp_err *err)
{
    enum sp_dir_state state = SP_DIR_EMPTY;
    struct sp_store *store = store_new(results->dir);
    enum sp_rc rc = sp_dir_lock(results->dir, &store->lock_fd, err);
    if (rc == SP_OK)
        rc = sp_dir_look(results->dir, &state, err);
    if (rc == SP_OK && state != SP_DIR_RESULTS)
        rc = sp_fail(err, SP_E_NOTFOUND, "%s holds no results of a run", results->dir);
    if (rc != SP_OK)
        goto out;
    for (size_t i = 0; i < results->run_count; i++)
        sp_run_json_row(&results->runs[i], i == 0, &store->rows);
    sp_results_count(results, store->totals);
    keep_head(store, &results->head);
    rc = show_first(store, err);
out:
    sp_store_free(store);
    return rc;
}
