/* What `run` has on other systems only: other stacks at an end, boxes, guests. */
#include <stdio.h>

#include "boxes.h"
#include "cmd.h"
#include "kernel.h"
#include "os.h"
#include "run.h"

enum sp_rc adapter_load(const char *text, struct adapter **out, struct sp_err *err)
{
    *out = NULL;
    return sp_fail(err, SP_E_USAGE,
                   "'%s': on Windows both ends are its own stack; what Linux runs at the other end "
                   "is in docs/adding-a-stack.md",
                   text);
}

void adapter_free(struct adapter *adapter)
{
    (void)adapter;
}

/* Its own: this program again, as an agent. */
const struct sp_run_adapter *adapter_run(const struct adapter *adapter)
{
    static char name[128], program[4096];
    static struct sp_run_adapter own = {.name = name, .param = "", .program = program};
    struct sp_plan_config config;
    (void)adapter;
    stacks_own(&config);
    const struct sp_plan_stack *api = &config.api[SP_WHO_CLIENT];
    snprintf(name, sizeof name, "%s%s%s", api->name, api->version ? "-" : "",
             api->version ? api->version : "");
    os_program(program, sizeof program);
    return &own;
}

const struct session *adapter_session(const struct adapter *adapter)
{
    (void)adapter;
    return NULL;
}

void adapter_stack(const struct adapter *adapter, enum sp_who who, struct sp_plan_config *config)
{
    (void)adapter, (void)who, (void)config;
}

unsigned adapter_labs(const struct adapter *adapter)
{
    (void)adapter;
    return SP_CASE_LOOPBACK;
}

enum sp_rc boxes_give(struct boxes *boxes, const char *name, struct sp_plan_config *config,
                      struct sp_run_job *job, struct sp_err *err)
{
    (void)boxes, (void)config, (void)job;
    return sp_fail(err, SP_E_USAGE, "'%s': Windows has no lab with a box", name);
}

static enum sp_rc no_guests(struct sp_err *err)
{
    return sp_fail(err, SP_E_USAGE, "--kernel: guests run on Linux only");
}

enum sp_rc kernel_find(const char *text, struct kernel *kernel, struct sp_err *err)
{
    (void)text, (void)kernel;
    return no_guests(err);
}

const char *kernel_release(const struct kernel *kernel)
{
    return kernel->release;
}

bool kernel_is_virtual(const struct kernel *kernel)
{
    (void)kernel;
    return false;
}

long kernel_jobs(const struct kernel *kernel)
{
    (void)kernel;
    return 1;
}

void kernel_stacks(const struct kernel *kernel, struct sp_plan_config *config)
{
    (void)kernel, (void)config;
}

enum sp_rc kernel_run(struct kernel *kernel, struct sp_sched *sched, const char *results,
                      const char *cases, const char *os, struct sp_err *err)
{
    (void)kernel, (void)sched, (void)results, (void)cases, (void)os;
    return no_guests(err);
}
