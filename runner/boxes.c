#include "boxes.h"

#include <string.h>

static enum sp_rc box_named(struct boxes *boxes, const char *name, size_t *at, struct sp_err *err)
{
    struct sp_err why = {0};
    for (*at = 0; *at < boxes->len; (*at)++)
        if (strcmp(boxes->items[*at].name, name) == 0)
            return SP_OK;
    if (boxes->len == sizeof boxes->items / sizeof boxes->items[0])
        return sp_fail(err, SP_E_LIMIT, "more than %zu appliances in one run", boxes->len);
    enum sp_rc rc = sp_appliance_find(name, &boxes->items[*at], boxes->arena, err);
    if (rc != SP_OK)
        return rc;
    boxes->len++;
    if (sp_appliance_ready(&boxes->items[*at], &why) != SP_OK)
        boxes->missing[*at] = sp_arena_strdup(boxes->arena, why.text);
    return SP_OK;
}

enum sp_rc boxes_give(struct boxes *boxes, const char *name, struct sp_plan_config *config,
                      struct sp_run_job *job, struct sp_err *err)
{
    size_t at = 0;
    enum sp_rc rc = box_named(boxes, name, &at, err);
    if (rc != SP_OK)
        return rc;
    job->appliance = &boxes->items[at];
    job->skip = boxes->missing[at];
    config->api[SP_WHO_MIDDLE] = (struct sp_plan_stack){.name = job->appliance->name};
    config->tcp[SP_WHO_MIDDLE] = (struct sp_plan_stack){.name = job->appliance->path};
    return SP_OK;
}
