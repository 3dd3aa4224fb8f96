#include <sockproof/contract.h>

#include "run_json.h"

#include <string.h>

#include "fields.h"
#include "files.h"
#include "json.h"

static const char schema[] = SP_SCHEMA_RUN;

void sp_run_json_head(const struct sp_run_head *head, struct sp_buf *out)
{
    sp_buf_addf(out, "{\n  \"schema\": \"%s\",\n  ", schema);
    sp_fields_write(sp_head_fields, sp_head_field_count, head, ",\n  ", out);
    sp_buf_addstr(out, ",\n  \"runs\": [");
}

void sp_run_json_row(const struct sp_result *result, bool first, struct sp_buf *out)
{
    sp_buf_addstr(out, first ? "\n    {" : ",\n    {");
    sp_fields_write(sp_result_fields, sp_result_field_count, result, ", ", out);
    sp_buf_addch(out, '}');
}

void sp_run_json_foot(const struct sp_run_head *head, const size_t totals[SP_VERDICT_COUNT],
                      struct sp_buf *out)
{
    sp_buf_addstr(out, "\n  ],\n  ");
    sp_fields_write(sp_foot_fields, sp_foot_field_count, head, ",\n  ", out);
    sp_buf_addstr(out, ",\n  \"totals\": {");
    for (int verdict = 0; verdict < SP_VERDICT_COUNT; verdict++) {
        sp_json_key(out, sp_verdict_name((enum sp_verdict)verdict));
        sp_buf_addf(out, "%zu", totals[verdict]);
    }
    sp_buf_addstr(out, "}\n}\n");
}

enum sp_rc sp_result_write(const struct sp_result *result, struct sp_buf *out, struct sp_err *err)
{
    sp_buf_addch(out, '{');
    sp_fields_write(sp_result_fields, sp_result_field_count, result, ", ", out);
    sp_buf_addch(out, '}');
    return out->overflow ? sp_fail(err, SP_E_LIMIT, "the result of %s is larger than %zu bytes",
                                   result->id, out->max_bytes)
                         : SP_OK;
}

static enum sp_rc parse(const char *json, size_t len, json_t **root, struct sp_err *err)
{
    json_error_t error;
    *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
    return *root ? SP_OK
                 : sp_fail(err, SP_E_PARSE, "line %d: not JSON: %s", error.line, error.text);
}

enum sp_rc sp_result_read(const char *json, size_t len_bytes, struct sp_arena *arena,
                          struct sp_result *out, struct sp_err *err)
{
    json_t *root = NULL;
    *out = (struct sp_result){.repeat = 1, .tries = 1};
    enum sp_rc rc = parse(json, len_bytes, &root, err);
    if (rc == SP_OK)
        rc = sp_fields_read(sp_result_fields, sp_result_field_count, root, arena, out, err);
    json_decref(root);
    return rc;
}

static enum sp_rc read_root(const json_t *root, struct sp_results *out, struct sp_err *err)
{
    const char *named = json_string_value(json_object_get(root, "schema"));
    if (!named || strcmp(named, schema) != 0)
        return sp_fail(err, SP_E_PARSE, "its schema is \"%s\", not \"%s\"", named ? named : "",
                       schema);
    enum sp_rc rc =
        sp_fields_read(sp_head_fields, sp_head_field_count, root, &out->arena, &out->head, err);
    if (rc == SP_OK)
        rc =
            sp_fields_read(sp_foot_fields, sp_foot_field_count, root, &out->arena, &out->head, err);
    const json_t *runs = json_object_get(root, "runs");
    if (rc == SP_OK && !json_is_array(runs))
        rc = sp_fail(err, SP_E_PARSE, "`runs` is not an array");
    if (rc != SP_OK)
        return rc;
    size_t count = json_array_size(runs);
    out->runs = SP_ARENA_ARRAY(&out->arena, struct sp_result, count);
    for (size_t i = 0; i < count; i++) {
        out->runs[i].repeat = out->runs[i].tries = 1;
        rc = sp_fields_read(sp_result_fields, sp_result_field_count, json_array_get(runs, i),
                            &out->arena, &out->runs[i], err);
        if (rc != SP_OK) {
            sp_err_prefix(err, "row %zu of `runs`", i + 1);
            return rc;
        }
    }
    out->run_count = count;
    return SP_OK;
}

enum sp_rc sp_results_read(const char *dir, struct sp_results *out, struct sp_err *err)
{
    struct sp_buf text;
    json_t *root = NULL;
    *out = (struct sp_results){0};
    sp_arena_init(&out->arena);
    sp_buf_init(&text, 0);
    out->dir = sp_arena_strdup(&out->arena, dir);
    const char *path = sp_arena_printf(&out->arena, "%s/run.json", dir);

    enum sp_rc rc = sp_file_read(path, SP_RUN_JSON_MAX_BYTES, &text, err);
    if (rc == SP_E_NOTFOUND)
        rc = sp_fail(err, rc, "no results in %s: there is no %s; sockproof run makes one", dir,
                     path);
    if (rc != SP_OK)
        goto out;
    rc = parse(text.data ? text.data : "", text.len, &root, err);
    if (rc == SP_OK)
        rc = read_root(root, out, err);
    if (rc != SP_OK)
        sp_err_prefix(err, "%s", path);
out:
    json_decref(root);
    sp_buf_release(&text);
    if (rc != SP_OK)
        sp_results_release(out);
    return rc;
}

void sp_results_release(struct sp_results *results)
{
    sp_arena_release(&results->arena);
    *results = (struct sp_results){0};
}

enum sp_rc sp_results_write(const struct sp_results *results, struct sp_buf *out,
                            struct sp_err *err)
{
    size_t totals[SP_VERDICT_COUNT];
    sp_results_count(results, totals);
    sp_run_json_head(&results->head, out);
    for (size_t i = 0; i < results->run_count; i++)
        sp_run_json_row(&results->runs[i], i == 0, out);
    sp_run_json_foot(&results->head, totals, out);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the results are larger than %zu bytes", out->max_bytes)
               : SP_OK;
}

void sp_results_count(const struct sp_results *results, size_t totals[SP_VERDICT_COUNT])
{
    memset(totals, 0, SP_VERDICT_COUNT * sizeof *totals);
    for (size_t i = 0; i < results->run_count; i++)
        totals[results->runs[i].verdict]++;
}
