/* From cases and options to the runs that there will be. */
#include "run_jobs.h"

#include <string.h>

bool lab_mask(const char *text, unsigned *mask)
{
    static const enum sp_case_lab labs[] = {SP_CASE_LOOPBACK, SP_CASE_VETH, SP_CASE_ROUTED};
    *mask = 0;
    for (size_t i = 0; i < sizeof labs / sizeof labs[0]; i++)
        if (!text || strcmp(text, sp_case_lab_name(labs[i])) == 0)
            *mask |= labs[i];
    return *mask != 0;
}

bool family_mask(const char *text, unsigned *mask)
{
    static const enum sp_case_family families[] = {SP_CASE_IPV4, SP_CASE_IPV6};
    *mask = 0;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (!text || strcmp(text, sp_case_family_name(families[i])) == 0)
            *mask |= families[i];
    return *mask != 0;
}

enum { RUN_MAX = 1000 * 1000 };

/* ---- the box of the lab routed -------------------------------------------------------------- */

/* The box that was asked for; else the one that the case needs, or that ships of that class. */
static const char *box_wanted(const struct sp_case *c, const struct run_options *o)
{
    for (size_t i = 0; !o->appliance && i < c->need_count; i++)
        if (strncmp(c->needs[i], "path=", 5) == 0 || strncmp(c->needs[i], "appliance=", 10) == 0)
            return strchr(c->needs[i], '=') + 1;
    return o->appliance ? o->appliance : sp_appliance_names()[0];
}

static enum sp_rc job_box(struct boxes *boxes, const struct sp_case *c, const struct run_options *o,
                          struct sp_plan_config *config, struct sp_run_job *job, struct sp_err *err)
{
    if (config->lab != SP_CASE_ROUTED)
        return SP_OK;
    enum sp_rc rc = boxes_give(boxes, box_wanted(c, o), config, job, err);
    if (rc != SP_OK)
        sp_err_prefix(err, "%s", c->file ? c->file : c->id);
    return rc;
}

static bool needs(const struct sp_case *c, const char *need)
{
    for (size_t i = 0; i < c->need_count; i++)
        if (strcmp(c->needs[i], need) == 0)
            return true;
    return false;
}

/* Makes the plan once to learn how long it must wait; an impossible plan is told of here. */
static enum sp_rc job_add(struct job_list *jobs, struct boxes *boxes, const struct sp_case *c,
                          struct sp_plan_config *config, const struct run_options *o,
                          struct sp_err *err)
{
    struct sp_plan plan;
    struct sp_run_job made = {.case_ = c};
    enum sp_rc rc = job_box(boxes, c, o, config, &made, err);
    if (rc != SP_OK)
        return rc;
    rc = sp_plan_make(c, config, &plan, err);
    int64_t least_ns = rc == SP_OK ? plan.least_ns : 0;
    sp_plan_release(&plan);
    if (rc != SP_OK)
        return rc;
    bool jumps = o->kernel_text && kernel_is_virtual(&o->kernel);
    if (!jumps && needs(c, "clock=virtual")) { /* days: told of, and not waited for */
        made.skip = "the case needs clock=virtual: run --kernel uml:PATH";
        least_ns = 0;
    }
    if (o->max_wait_ns >= 0 && least_ns > o->max_wait_ns) {
        jobs->left_out++;
        return SP_OK;
    }
    for (long repeat = 1; repeat <= o->repeat; repeat++) {
        if (jobs->len == RUN_MAX)
            return sp_fail(err, SP_E_LIMIT, "more than %d runs in one results folder", RUN_MAX);
        struct sp_run_job *job = &SP_PUSH(jobs->items, jobs->len, jobs->cap);
        *job = made;
        job->config = *config;
        job->repeat = (int)repeat;
        job->order = jobs->len;
        job->least_ns = least_ns;
    }
    return SP_OK;
}

enum sp_rc jobs_make(struct job_list *jobs, struct boxes *boxes, const struct cases *cases,
                     const struct sp_plan_config *stacks, const struct ends *ends,
                     const struct run_options *o, struct sp_err *err)
{
    unsigned labs = 0, families = 0;
    lab_mask(o->lab, &labs);
    family_mask(o->family, &families);
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        labs &= adapter_labs(ends->adapter[who]);
    for (int i = 0; ends->two_machines && i < 2; i++)
        if (!*ends->hosts.routes[i].near)
            families &= ~(unsigned)(i ? SP_CASE_IPV6 : SP_CASE_IPV4);
    for (size_t i = 0; i < cases->len; i++) {
        const struct sp_case *c = cases->items[i];
        for (unsigned lab = SP_CASE_LOOPBACK; lab <= SP_CASE_ROUTED; lab <<= 1)
            for (unsigned family = SP_CASE_IPV4; family <= SP_CASE_IPV6; family <<= 1)
                for (size_t row = 0; row < c->row_count; row++) {
                    if (!(c->labs & labs & lab) || !(c->families & families & family))
                        continue;
                    struct sp_plan_config config = *stacks;
                    config.lab = (enum sp_case_lab)lab;
                    config.family = (enum sp_case_family)family;
                    config.row = row;
                    enum sp_rc rc = job_add(jobs, boxes, c, &config, o, err);
                    if (rc != SP_OK)
                        return rc;
                }
    }
    return SP_OK;
}
