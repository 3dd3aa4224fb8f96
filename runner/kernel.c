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
#include "os.h"

/* Runs at once in a virtual machine: they wait more than they compute. */
enum { JOBS_KVM = 16, JOBS_EMULATED = 2 };

static enum sp_rc find_uml(struct kernel *kernel, struct sp_err *err)
{
    return sp_guest_version(kernel->path, kernel->version, sizeof kernel->version, err);
}

static enum sp_rc find_qemu(struct kernel *kernel, struct sp_err *err)
{
    struct sp_guest_image image;
    enum sp_rc rc = sp_guest_image(kernel->path, &image, err);
    if (rc == SP_OK)
        rc = sp_guest_modules(kernel->path, kernel->modules_asked, image.release, kernel->modules,
                              sizeof kernel->modules, err);
    if (rc == SP_OK)
        rc = sp_guest_qemu_here(err);
    if (rc != SP_OK)
        return rc;
    kernel->kvm = sp_guest_kvm_here();
    snprintf(kernel->version, sizeof kernel->version, "%s", image.version);
    snprintf(kernel->release, sizeof kernel->release, "%s", image.release);
    snprintf(kernel->note, sizeof kernel->note, "in virtual machines, %s",
             kernel->kvm ? "by KVM" : "emulated: no KVM here");
    return SP_OK;
}

enum sp_rc kernel_find(const char *text, struct kernel *kernel, struct sp_err *err)
{
    static const struct {
        const char *word;
        enum sp_guest_kind kind;
        enum sp_rc (*find)(struct kernel *, struct sp_err *);
    } kinds[] = {{"uml:", SP_GUEST_UML, find_uml}, {"qemu:", SP_GUEST_QEMU, find_qemu}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].word);
        if (strncmp(text, kinds[i].word, len) != 0)
            continue;
        kernel->kind = kinds[i].kind;
        if (!realpath(text + len, kernel->path))
            return sp_fail_os(err, SP_E_USAGE, errno, "no kernel at %s", text + len);
        return kinds[i].find(kernel, err);
    }
    return sp_fail(err, SP_E_USAGE,
                   "--kernel wants uml:PATH, a user-mode Linux kernel, or qemu:PATH, one for a "
                   "virtual machine");
}

const char *kernel_release(const struct kernel *kernel)
{
    return *kernel->release ? kernel->release : kernel->version;
}

bool kernel_is_virtual(const struct kernel *kernel)
{
    return kernel->kind == SP_GUEST_UML;
}

static long jobs_of_guest(const struct kernel *kernel)
{
    return kernel->kind == SP_GUEST_UML ? 1 : kernel->kvm ? JOBS_KVM : JOBS_EMULATED;
}

/* A guest has one processor, and uses it up. */
long kernel_jobs(const struct kernel *kernel)
{
    return sysconf(_SC_NPROCESSORS_ONLN) * jobs_of_guest(kernel);
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
    if (!os_program(program, sizeof program) || !getcwd(cwd, sizeof cwd) || !realpath(results, dir))
        rc = sp_fail_os(err, SP_E_IO, errno, "where we are, for the guest");
    if (rc == SP_OK)
        rc = line_add(&about, "cwd", cwd, err);
    if (rc == SP_OK)
        rc = line_add(&about, "results", dir, err);
    if (rc == SP_OK)
        rc = line_add(&about, "cases", cases, err);
    if (rc == SP_OK && os)
        rc = line_add(&about, "os", os, err);
    bool uml = kernel->kind == SP_GUEST_UML;
    unsigned each = (unsigned)jobs_of_guest(kernel);
    unsigned parallel = sched->parallel < each ? sched->parallel : each;
    sp_buf_addf(&about, "clock\t%s\n", kernel_is_virtual(kernel) ? "virtual" : "real");
    sp_buf_addf(&about, "tries\t%u\n", sched->tries);
    sp_buf_addf(&about, "share\t%s\nparallel\t%u\n", uml ? "hostfs" : "9p", parallel);
    sched->parallel = (sched->parallel + each - 1) / each; /* guests */
    struct sp_guest_config config = {.kind = kernel->kind,
                                     .kernel = kernel->path,
                                     .program = program,
                                     .results = dir,
                                     .about = about.data,
                                     .patience_ns = kernel->patience_ns,
                                     .modules = kernel->modules,
                                     .kvm = kernel->kvm};
    if (rc == SP_OK)
        rc = sp_guests_run(sched, &config, err);
    sp_buf_release(&about);
    return rc;
}
