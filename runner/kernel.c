/*
 * --kernel: which kernel the runs have instead of this machine's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "guest.h"
#include "kernel.h"

enum sp_rc kernel_find(const char *text, struct kernel *kernel, struct sp_err *err)
{
    static const char uml[] = "uml:";
    if (strncmp(text, uml, sizeof uml - 1) != 0)
        return sp_fail(err, SP_E_USAGE, "--kernel wants uml:PATH, a user-mode Linux kernel");
    if (!realpath(text + sizeof uml - 1, kernel->path))
        return sp_fail_os(err, SP_E_USAGE, errno, "no kernel at %s", text + sizeof uml - 1);
    return sp_guest_version(kernel->path, kernel->version, sizeof kernel->version, err);
}

void kernel_stacks(const struct kernel *kernel, struct sp_plan_config *config)
{
    struct sp_plan_stack stack = {.name = "linux", .version = kernel->version};
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        config->api[who] = config->tcp[who] = stack;
}

/* Tabs and ends of line cut the job file. */
static enum sp_rc line_add(struct sp_buf *about, const char *name, const char *text,
                           struct sp_err *err)
{
    if (strpbrk(text, "\t\n"))
        return sp_fail(err, SP_E_USAGE, "a guest cannot be told a path with a tab in it: %s", text);
    sp_buf_addf(about, "%s\t%s\n", name, text);
    return SP_OK;
}

enum sp_rc kernel_run(struct kernel *kernel, struct sp_sched *sched, const char *results,
                      const char *cases, const char *os, struct sp_err *err)
{
    char cwd[sizeof kernel->path], program[sizeof kernel->path], dir[sizeof kernel->path];
    struct sp_buf about;
    sp_buf_init(&about, 0);
    enum sp_rc rc = SP_OK;
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len < 0 || !getcwd(cwd, sizeof cwd) || !realpath(results, dir))
        rc = sp_fail_os(err, SP_E_IO, errno, "where we are, for the guest");
    if (rc == SP_OK) {
        program[len] = '\0';
        rc = line_add(&about, "cwd", cwd, err);
    }
    if (rc == SP_OK)
        rc = line_add(&about, "results", dir, err);
    if (rc == SP_OK)
        rc = line_add(&about, "cases", cases, err);
    if (rc == SP_OK && os)
        rc = line_add(&about, "os", os, err);
    if (rc == SP_OK)
        rc = line_add(&about, "clock", "virtual", err);
    struct sp_guest_config config = {.kernel = kernel->path,
                                     .program = program,
                                     .results = dir,
                                     .about = about.data,
                                     .patience_ns = kernel->patience_ns};
    if (rc == SP_OK)
        rc = sp_guests_run(sched, &config, err);
    sp_buf_release(&about);
    return rc;
}
