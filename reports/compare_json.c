/* A comparison as JSON; docs/schema/compare.schema.json says what its members mean. */
#include <sockproof/contract.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "style.h"

static json_t *text_or_null(const char *text)
{
    struct sp_arena arena;
    sp_arena_init(&arena);
    json_t *value = text ? json_string(sp_clean(&arena, text, true)) : json_null();
    sp_arena_release(&arena);
    return value;
}

static json_t *result_json(const struct sp_results *results)
{
    size_t totals[SP_VERDICT_COUNT];
    json_t *by_verdict = json_object();
    const struct sp_run_head *head = &results->head;
    sp_results_count(results, totals);
    for (int verdict = 0; verdict < SP_VERDICT_COUNT; verdict++)
        json_object_set_new(by_verdict, sp_verdict_name((enum sp_verdict)verdict),
                            json_integer((json_int_t)totals[verdict]));
    json_t *stack =
        json_pack("{so so so}", "name", text_or_null(head->stack.name), "os",
                  text_or_null(head->stack.os), "os_version", text_or_null(head->stack.os_version));
    return json_pack("{so so so so so sb so}", "dir", text_or_null(results->dir), "stack", stack,
                     "appliance", text_or_null(head->appliance), "version",
                     text_or_null(head->version), "started", text_or_null(head->started),
                     "finished", (int)head->finished, "totals", by_verdict);
}

static json_t *side_json(const struct sp_compare_side *side)
{
    if (!side->there)
        return json_null();
    return json_pack("{ss so}", "verdict", sp_verdict_name(side->verdict), "reason",
                     text_or_null(side->reason));
}

static json_t *seen_json(const struct sp_compare_seen *seen)
{
    if (!seen->there)
        return json_null();
    return json_pack("{so ss so so}", "line", seen->line ? json_integer(seen->line) : json_null(),
                     "how", seen->how, "seen", text_or_null(seen->seen), "variant",
                     text_or_null(seen->variant));
}

static json_t *row_json(const struct sp_compare_row *row)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < row->part_kept; i++)
        json_array_append_new(parts,
                              json_pack("{so so so}", "text", text_or_null(row->parts[i].text),
                                        "first", seen_json(&row->parts[i].first), "other",
                                        seen_json(&row->parts[i].other)));
    return json_pack("{so so so si so ss so sb so so so sI}", "id", text_or_null(row->id), "lab",
                     text_or_null(row->lab), "family", text_or_null(row->family), "repeat",
                     row->repeat, "title", text_or_null(row->title), "class",
                     sp_compare_class_name(row->class_), "why", text_or_null(row->why),
                     "case_changed", (int)row->case_changed, "first", side_json(&row->first),
                     "other", side_json(&row->other), "divergences", parts, "divergence_count",
                     (json_int_t)row->part_count);
}

static json_t *other_json(const struct sp_compare_other *other, size_t which)
{
    json_t *counts = json_object();
    json_t *rows = json_array();
    for (int class_ = 0; class_ < SP_COMPARE_CLASS_COUNT; class_++)
        json_object_set_new(counts, sp_compare_class_name((enum sp_compare_class)class_),
                            json_integer((json_int_t)other->counts[class_]));
    for (size_t i = 0; i < other->len; i++)
        json_array_append_new(rows, row_json(&other->rows[i]));
    return json_pack("{sI sI so so}", "result", (json_int_t)which, "changed_cases",
                     (json_int_t)other->changed_cases, "totals", counts, "differences", rows);
}

enum sp_rc sp_compare_json(const struct sp_compare *compare, struct sp_buf *out, struct sp_err *err)
{
    json_t *results = json_array();
    json_t *others = json_array();
    for (size_t i = 0; i < compare->result_count; i++)
        json_array_append_new(results, result_json(&compare->results[i]));
    for (size_t i = 1; i < compare->result_count; i++)
        json_array_append_new(others, other_json(&compare->others[i - 1], i));
    json_t *root = json_pack("{ss so so}", "schema", SP_SCHEMA_COMPARE, "results", results,
                             "comparisons", others);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    if (text) {
        sp_buf_addstr(out, text);
        sp_buf_addch(out, '\n');
    }
    bool ok = text && !out->overflow;
    free(text);
    json_decref(root);
    return ok ? SP_OK : sp_fail(err, SP_E_LIMIT, "the comparison cannot be written");
}
