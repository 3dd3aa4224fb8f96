#include <string.h>

#include "files.h"
#include "result_json.h"
#include "store.h"

enum { TRACE_MAX_BYTES = 512 * 1024 * 1024, CASE_MAX_BYTES = 1024 * 1024 };

/* A row comes from a file that anybody may have written: its folder must lie below DIR. */
static bool stays_below(const char *dir)
{
    if (!dir || !*dir || *dir == '/')
        return false;
    for (const char *part = dir; *part;) {
        size_t len = strcspn(part, "/");
        if (len == 2 && part[0] == '.' && part[1] == '.')
            return false;
        part += len + (part[len] == '/');
    }
    return true;
}

static enum sp_rc path_of(const char *dir, const struct sp_result *result, const char *file,
                          struct sp_arena *arena, const char **path, struct sp_err *err)
{
    if (!stays_below(result->dir))
        return sp_fail(err, SP_E_PARSE, "\"%s\" is not a folder of these results",
                       result->dir ? result->dir : "");
    *path = *file ? sp_arena_printf(arena, "%s/%s/%s", dir, result->dir, file)
                  : sp_arena_printf(arena, "%s/%s", dir, result->dir);
    return SP_OK;
}

struct part {
    struct sp_buf bytes;
    bool present;
};

enum { PART_CASE, PART_TRACE, PART_CAPTURE, PART_RESULT, PART_COUNT };

static const char *const part_files[PART_COUNT] = {[PART_CASE] = "case",
                                                   [PART_TRACE] = "trace.json",
                                                   [PART_CAPTURE] = "capture.pcapng",
                                                   [PART_RESULT] = "result.json"};

bool sp_store_owns_file(const char *name)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        size_t len = strlen(part_files[i]);
        if (strncmp(name, part_files[i], len) == 0 &&
            (!name[len] || strcmp(name + len, ".new") == 0))
            return true;
    }
    return false;
}

static enum sp_rc fill(struct part parts[PART_COUNT], const struct sp_result *result,
                       const struct sp_plan *plan, const struct sp_trace *trace,
                       const struct sp_frames *frames, const struct sp_judgement *judgement,
                       struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    if (plan && plan->case_ && plan->case_->text) {
        sp_buf_add(&parts[PART_CASE].bytes, plan->case_->text, plan->case_->text_len);
        parts[PART_CASE].present = true;
    }
    if (trace) {
        rc = sp_trace_write(trace, &parts[PART_TRACE].bytes, err);
        parts[PART_TRACE].present = true;
    }
    if (rc == SP_OK && trace && frames) {
        rc = sp_pcapng_write(plan, trace, frames, judgement, &parts[PART_CAPTURE].bytes, err);
        parts[PART_CAPTURE].present = true;
    }
    sp_result_json(result, plan, judgement, &parts[PART_RESULT].bytes);
    parts[PART_RESULT].present = true;
    return rc;
}

enum sp_rc sp_store_write_case(const char *dir, const struct sp_result *result,
                               const struct sp_plan *plan, const struct sp_trace *trace,
                               const struct sp_frames *frames, const struct sp_judgement *judgement,
                               struct sp_err *err)
{
    /* result.json comes last, and whole: where it stands, the others do. */
    struct part parts[PART_COUNT] = {{.present = false}};
    struct sp_arena arena;
    const char *path = NULL;
    sp_arena_init(&arena);
    enum sp_rc rc = path_of(dir, result, "", &arena, &path, err);
    if (rc == SP_OK)
        rc = sp_dir_make(path, err);
    if (rc == SP_OK)
        rc = fill(parts, result, plan, trace, frames, judgement, err);
    for (size_t i = 0; i < PART_COUNT && rc == SP_OK; i++) {
        if (!parts[i].present)
            continue;
        const struct sp_piece piece = {parts[i].bytes.data, parts[i].bytes.len};
        rc = path_of(dir, result, part_files[i], &arena, &path, err);
        if (rc == SP_OK)
            rc = i == PART_RESULT ? sp_file_write(path, &piece, 1, err)
                                  : sp_file_write_new(path, &piece, 1, err);
    }
    for (size_t i = 0; i < PART_COUNT; i++)
        sp_buf_release(&parts[i].bytes);
    sp_arena_release(&arena);
    return rc;
}

static enum sp_rc read_part(const char *dir, const struct sp_result *result, const char *file,
                            size_t max_bytes, struct sp_buf *out, struct sp_err *err)
{
    struct sp_arena arena;
    const char *path = NULL;
    sp_arena_init(&arena);
    enum sp_rc rc = path_of(dir, result, file, &arena, &path, err);
    if (rc == SP_OK)
        rc = sp_file_read(path, max_bytes, out, err);
    sp_arena_release(&arena);
    return rc;
}

enum sp_rc sp_store_read_trace(const char *dir, const struct sp_result *result,
                               struct sp_trace *out, struct sp_err *err)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    enum sp_rc rc = read_part(dir, result, part_files[PART_TRACE], TRACE_MAX_BYTES, &text, err);
    if (rc == SP_OK) {
        rc = sp_trace_read(text.data ? text.data : "", text.len, out, err);
        if (rc != SP_OK)
            sp_err_prefix(err, "%s/%s/%s", dir, result->dir, part_files[PART_TRACE]);
    }
    sp_buf_release(&text);
    return rc;
}

enum sp_rc sp_store_read_case(const char *dir, const struct sp_result *result, struct sp_buf *text,
                              struct sp_err *err)
{
    return read_part(dir, result, part_files[PART_CASE], CASE_MAX_BYTES, text, err);
}
