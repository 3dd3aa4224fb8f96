#include "again.h"

#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "run.h"

/* The file that a run was made from, in another folder of cases: <topic>/<name>.case. */
static enum sp_rc load_case(const char *dir, const struct sp_result *result, const char *cases_dir,
                            struct again *again, struct sp_err *err)
{
    if (cases_dir) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%.*s.case", cases_dir, (int)strcspn(result->id, "["),
                 result->id);
        return sp_case_load(path, &again->case_, &again->diags, err);
    }
    struct sp_buf text;
    sp_buf_init(&text, 0);
    enum sp_rc rc = sp_store_read_case(dir, result, &text, err);
    if (rc == SP_OK)
        rc = sp_case_parse(result->file, text.data ? text.data : "", text.len, &again->case_,
                           &again->diags, err);
    sp_buf_release(&text);
    return rc;
}

static enum sp_rc row_of(const struct sp_case *c, const char *id, size_t *row, struct sp_err *err)
{
    const char *suffix = strchr(id, '[');
    for (size_t i = 0; i < c->row_count; i++)
        if (strcmp(c->rows[i].suffix, suffix ? suffix : "") == 0) {
            *row = i;
            return SP_OK;
        }
    return sp_fail(err, SP_E_NOTFOUND, "%s has no row %s", c->file, suffix ? suffix : "");
}

static void stacks_from_trace(struct sp_plan_config *config, const struct sp_trace_head *head)
{
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        config->api[who] = (struct sp_plan_stack){head->api[who].name, head->api[who].version};
        config->tcp[who] = (struct sp_plan_stack){head->tcp[who].name, head->tcp[who].version};
    }
    config->api[SP_WHO_MIDDLE].name = head->api[SP_END_MIDDLE].name;
    config->tcp[SP_WHO_MIDDLE].name = head->tcp[SP_END_MIDDLE].name;
}

static void stacks_to_trace(struct sp_trace_head *head, const struct sp_plan_config *config)
{
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        head->api[who] = (struct sp_stack_id){config->api[who].name, config->api[who].version};
        head->tcp[who] = (struct sp_stack_id){config->tcp[who].name, config->tcp[who].version};
    }
}

enum sp_rc again_judge(const char *dir, const struct sp_result *result, const char *cases_dir,
                       const char *os, struct again *out, struct sp_err *err)
{
    struct sp_plan_config config = {0};
    memset(out, 0, sizeof *out);
    sp_diags_init(&out->diags);
    sp_trace_init(&out->trace);
    enum sp_rc rc = sp_store_read_trace(dir, result, &out->trace, err);
    if (rc == SP_OK)
        rc = load_case(dir, result, cases_dir, out, err);
    if (rc == SP_OK)
        rc = row_of(&out->case_, result->id, &config.row, err);
    if (rc != SP_OK)
        return rc;
    stacks_from_trace(&config, &out->trace.head);
    config.lab = sp_case_lab_of(result->lab);
    config.family = strcmp(result->family, "ipv6") == 0 ? SP_CASE_IPV6 : SP_CASE_IPV4;
    struct sp_plan ran;
    rc = sp_plan_make(&out->case_, &config, &ran, err);
    if (rc == SP_OK && os)
        rc = stacks_parse(os, &config, &out->trace.arena, err);
    stacks_to_trace(&out->trace.head, &config);
    if (rc == SP_OK)
        rc = sp_plan_make(&out->case_, &config, &out->plan, err);
    /* `run --os` made the trace by this very plan: then the two part nowhere. */
    if (rc == SP_OK && os && strcmp(out->trace.head.plan_hash, out->plan.hash) != 0)
        sp_plan_cut(&out->plan, &ran);
    sp_plan_release(&ran);
    if (rc != SP_OK)
        return rc;
    sp_trace_sort(&out->trace);
    sp_judge(&out->plan, &out->trace, &out->judgement);
    out->judged = true;
    return SP_OK;
}

void again_release(struct again *again)
{
    if (again->judged)
        sp_judgement_release(&again->judgement);
    sp_plan_release(&again->plan);
    sp_case_release(&again->case_);
    sp_trace_release(&again->trace);
    sp_diags_release(&again->diags);
}
