/* The boxes of the lab routed. Private to runner/. */
#ifndef SP_RUNNER_BOXES_H
#define SP_RUNNER_BOXES_H

#include "run.h"

/* Recipes by their names, each looked up once. */
struct boxes {
    struct sp_appliance items[8];
    const char *missing[8]; /* why it cannot be had here, NULL it can */
    size_t len;
    struct sp_arena *arena; /* the caller's; outlives the jobs */
};

/* Gives the job that box, and its plan the stack in the middle. */
enum sp_rc boxes_give(struct boxes *boxes, const char *name, struct sp_plan_config *config,
                      struct sp_run_job *job, struct sp_err *err);

#endif
