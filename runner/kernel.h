/* --kernel: runs in guests of another kernel. Private to runner/. */
#ifndef SP_RUNNER_KERNEL_H
#define SP_RUNNER_KERNEL_H

#include "run.h"

struct kernel {
    char path[4096];
    char version[64];    /* "6.12.38" */
    int64_t patience_ns; /* --patience */
};

/* "uml:PATH"; SP_E_USAGE where there is no such kernel. */
enum sp_rc kernel_find(const char *text, struct kernel *kernel, struct sp_err *err);
/* The stack of both ends in a guest; the version is the kernel's own string. */
void kernel_stacks(const struct kernel *kernel, struct sp_plan_config *config);
/* sp_sched_run() in guests. `cases` is the folder that they are in, `os` what --os said or NULL. */
enum sp_rc kernel_run(struct kernel *kernel, struct sp_sched *sched, const char *results,
                      const char *cases, const char *os, struct sp_err *err);

#endif
