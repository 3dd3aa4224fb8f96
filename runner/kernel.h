/* --kernel: runs in guests of another kernel. Private to runner/. */
#ifndef SP_RUNNER_KERNEL_H
#define SP_RUNNER_KERNEL_H

#include "guest.h"
#include "run.h"

struct kernel {
    enum sp_guest_kind kind;
    char path[4096];
    char version[64]; /* "6.12.38" */
    /* of a virtual machine */
    char release[128];  /* as uname -r there: 6.1.0-56-amd64 */
    char modules[4352]; /* their folder, "" none */
    bool kvm;
    char note[160]; /* for run.json, "" none */
    /* what was asked for */
    int64_t patience_ns;       /* --patience */
    const char *modules_asked; /* --modules, NULL beside the kernel */
};

/*
 * "uml:PATH" or "qemu:PATH"; SP_E_USAGE where there is no such kernel, or not what belongs to it,
 * SP_E_UNSUPPORTED where this machine lacks what starts it.
 */
enum sp_rc kernel_find(const char *text, struct kernel *kernel, struct sp_err *err);
/* As uname -r says it there. */
const char *kernel_release(const struct kernel *kernel);
/* Whether its clock jumps over idle time. */
bool kernel_is_virtual(const struct kernel *kernel);
/* So many runs at once where nobody says how many: --jobs. */
long kernel_jobs(const struct kernel *kernel);
/* The stack of both ends in a guest; the version is the kernel's own string. */
void kernel_stacks(const struct kernel *kernel, struct sp_plan_config *config);
/* sp_sched_run() in guests: sched->parallel runs at once. `cases` is the folder that they are in,
 * `os` what --os said or NULL. */
enum sp_rc kernel_run(struct kernel *kernel, struct sp_sched *sched, const char *results,
                      const char *cases, const char *os, struct sp_err *err);

#endif
