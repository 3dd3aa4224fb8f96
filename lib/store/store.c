/*
 * A store keeps every row that it was given as the bytes that stand in run.json. Adding a row
 * appends to them and writes head, rows and tail beside run.json, then renames: a reader sees the
 * file before or after, never between, and a runner that is killed leaves all rows that it added.
 * Where there are thousands, rows wait for the next one, so that
 * writing never takes more than a twentieth of the time (each run's own folder is whole already).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "files.h"
#include "run_json.h"
#include "store.h"

struct sp_store {
    struct sp_arena arena;
    char *dir;
    char *run_json_path;
    int lock_fd;
    struct sp_run_head head; /* strings in the arena */
    struct sp_buf rows;
    size_t totals[SP_VERDICT_COUNT];
    size_t row_count;
    int64_t begin_ns;
    bool behind;           /* rows that run.json does not have yet */
    int64_t not_before_ns; /* of the next rewrite */
};

/* A file larger than this is not rewritten for each row. */
enum { SMALL_BYTES = 1 << 20, REST = 20 /* times as long as the rewrite took */ };

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
        &kept->machine.arch, &kept->machine.hostname, &kept->stack.name,
        &kept->stack.os,     &kept->stack.os_version, &kept->judged_as,
        &kept->started,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = sp_arena_strdup(arena, *texts[i]);
    kept->command = copy_texts(arena, head->command, head->command_count);
    kept->notes = copy_texts(arena, head->notes, head->note_count);
}

static enum sp_rc rewrite(struct sp_store *store, struct sp_err *err)
{
    struct sp_buf head, tail;
    sp_buf_init(&head, 0);
    sp_buf_init(&tail, 0);
    sp_run_json_head(&store->head, store->totals, &head);
    sp_run_json_tail(&tail);
    const struct sp_piece pieces[] = {
        {head.data, head.len}, {store->rows.data, store->rows.len}, {tail.data, tail.len}};
    int64_t begun_ns = sp_clock_now_ns();
    enum sp_rc rc =
        sp_file_write(store->run_json_path, pieces, sizeof pieces / sizeof *pieces, err);
    int64_t done_ns = sp_clock_now_ns();
    int64_t took_ns = done_ns - begun_ns;
    store->not_before_ns = store->rows.len > SMALL_BYTES ? done_ns + REST * took_ns : 0;
    store->behind = false;
    sp_buf_release(&head);
    sp_buf_release(&tail);
    return rc;
}

static struct sp_store *store_new(const char *dir)
{
    struct sp_store *store = sp_xcalloc(1, sizeof *store);
    sp_arena_init(&store->arena);
    sp_buf_init(&store->rows, 0);
    store->dir = sp_arena_strdup(&store->arena, dir);
    store->run_json_path = sp_arena_printf(&store->arena, "%s/run.json", dir);
    store->lock_fd = -1;
    store->begin_ns = sp_clock_now_ns();
    return store;
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
    rc = rewrite(store, err);
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

void sp_store_free(struct sp_store *store)
{
    if (!store)
        return;
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
    store->behind = true;
    return sp_store_flush(store, err);
}

enum sp_rc sp_store_flush(struct sp_store *store, struct sp_err *err)
{
    int64_t now_ns = sp_clock_now_ns();
    if (!store->behind || now_ns < store->not_before_ns)
        return SP_OK;
    store->head.wall_ms = (double)(now_ns - store->begin_ns) / (double)SP_MS;
    return rewrite(store, err);
}

enum sp_rc sp_store_finish(struct sp_store *store, const struct sp_run_head *head,
                           struct sp_err *err)
{
    keep_head(store, head);
    return rewrite(store, err);
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
    rc = rewrite(store, err);
out:
    sp_store_free(store);
    return rc;
}
