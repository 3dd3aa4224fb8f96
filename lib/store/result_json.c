#include <sockproof/contract.h>

#include "result_json.h"

#include "fields.h"
#include "json.h"

/* By enum sp_line_how. */
static const char *const how_names[] = {
    [SP_LINE_NOT_REACHED] = "not-reached", [SP_LINE_DONE] = "done",
    [SP_LINE_VARIANT] = "variant",         [SP_LINE_FAILED] = "failed",
    [SP_LINE_UNWATCHED] = "unwatched",     [SP_LINE_UNKNOWN] = "unknown",
};

const char *sp_line_how_name(enum sp_line_how how)
{
    size_t index = (size_t)how;
    return index < sizeof how_names / sizeof *how_names ? how_names[index] : "not-reached";
}

/* By enum sp_source_kind. */
static const char *const source_names[] = {
    [SP_SOURCE_NONE] = NULL,
    [SP_SOURCE_MEASURED] = "measured",
    [SP_SOURCE_DOCUMENTED] = "documented",
    [SP_SOURCE_REPORTED] = "reported",
};

static void write_variant(const struct sp_variant *variant, struct sp_buf *out)
{
    sp_buf_addf(out, "{\"line\": %d, \"why\": ", variant->at.line);
    sp_json_str(out, variant->why);
    sp_json_key(out, "source_kind");
    sp_json_str(out, source_names[variant->source_kind]);
    sp_json_key(out, "source");
    sp_json_str(out, variant->source);
    sp_buf_addch(out, '}');
}

static void write_time(int64_t t_ns, struct sp_buf *out)
{
    if (t_ns < 0)
        sp_buf_addstr(out, "null");
    else
        sp_buf_addf(out, "%lld", (long long)t_ns);
}

static void write_line(uint32_t id, const struct sp_line *line, const struct sp_stmt *stmt,
                       struct sp_buf *out)
{
    sp_buf_addf(out, "{\"stmt\": %u, \"line\": ", (unsigned)id);
    if (stmt)
        sp_buf_addf(out, "%d", stmt->at.line);
    else
        sp_buf_addstr(out, "null");
    sp_json_key(out, "text");
    sp_json_str(out, stmt ? stmt->text : NULL);
    sp_json_key(out, "how");
    sp_json_str(out, sp_line_how_name(line->how));
    sp_json_key(out, "t_ns");
    write_time(line->t_ns, out);
    sp_json_key(out, "matched");
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < line->matched_count; i++)
        sp_buf_addf(out, i ? ", %u" : "%u", (unsigned)line->matched[i]->order);
    sp_buf_addch(out, ']');
    sp_json_key(out, "variant");
    if (line->variant)
        write_variant(line->variant, out);
    else
        sp_buf_addstr(out, "null");
    sp_buf_addch(out, '}');
}

void sp_result_json(const struct sp_result *result, const struct sp_plan *plan,
                    const struct sp_judgement *judgement, struct sp_buf *out)
{
    sp_buf_addstr(out, "{\n  \"schema\": \"" SP_SCHEMA_RESULT "\",\n  ");
    sp_fields_write(sp_result_fields, sp_result_field_count, result, ",\n  ", out);
    sp_buf_addstr(out, ",\n  \"stmt\": ");
    sp_buf_addf(out, "%u", judgement ? (unsigned)judgement->stmt : 0);
    sp_buf_addstr(out, ",\n  \"t_ns\": ");
    write_time(judgement ? judgement->t_ns : -1, out);
    sp_buf_addstr(out, ",\n  \"event\": ");
    if (judgement && judgement->event)
        sp_buf_addf(out, "%u", (unsigned)judgement->event->order);
    else
        sp_buf_addstr(out, "null");
    sp_buf_addstr(out, ",\n  \"lines\": [");
    size_t count = judgement ? judgement->line_count : 0;
    for (size_t id = 1; id < count; id++) {
        sp_buf_addstr(out, id == 1 ? "\n    " : ",\n    ");
        write_line((uint32_t)id, &judgement->lines[id],
                   plan ? sp_plan_stmt(plan, (uint32_t)id) : NULL, out);
    }
    sp_buf_addstr(out, count > 1 ? "\n  ]\n}\n" : "]\n}\n");
}
