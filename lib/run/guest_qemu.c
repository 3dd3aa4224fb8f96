/*
 * Virtual machines. QEMU is started with nothing but a console that is a file, two folders of the
 * host over 9p (its root, read-only, and the results), and one processor: several, each a thread
 * of this machine's, wait for each other's locks while they are not at work, and segments of one
 * socket overtake each other on loopback. It needs no privilege: what the guest reads and writes,
 * it does as the user who started it.
 */
#include "guest_qemu.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initramfs.h"

static const char qemu[] = "qemu-system-x86_64";

/*
 * Who computes in vain is found by the watchdog outside; softlockup_panic says more where one
 * processor of several is caught. Mitigations cost a machine that is emulated dearly, and change
 * nothing that a socket shows.
 */
static const char command_line[] =
    "console=ttyS0 quiet panic=-1 oops=panic softlockup_panic=1 rdinit=/init mitigations=off "
    "nokaslr apparmor=0 audit=0 random.trust_cpu=on";

/* ---- the machine's own means ---------------------------------------------------------------- */

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    char file[GUEST_PATH_MAX];
    for (const char *at = path ? path : ""; *at;) {
        size_t len = strcspn(at, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)len, at, program);
        if (access(file, X_OK) == 0)
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

enum sp_rc sp_guest_qemu_here(struct sp_err *err)
{
    return in_path(qemu) ? SP_OK
                         : sp_fail(err, SP_E_UNSUPPORTED,
                                   "there is no %s to run a guest with (Debian: apt-get install "
                                   "--no-install-recommends qemu-system-x86)",
                                   qemu);
}

/* A /dev/kvm alone is no proof: a processor without either extension emulates what it was not
 * asked to, or nothing at all. */
bool sp_guest_kvm_here(void)
{
    char line[8192];
    bool able = false;
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    FILE *cpus = fd >= 0 ? fopen("/proc/cpuinfo", "re") : NULL;
    while (cpus && !able && fgets(line, sizeof line, cpus))
        able = strncmp(line, "flags", 5) == 0 && (strstr(line, " vmx ") || strstr(line, " svm "));
    if (cpus)
        fclose(cpus);
    if (fd >= 0)
        close(fd);
    return able;
}

/* ---- the kernel ----------------------------------------------------------------------------- */

enum {
    HEADER_BYTES = 0x10000, /* the real-mode part holds the version's text */
    MAGIC_AT = 0x202,       /* "HdrS"; Documentation/arch/x86/boot.rst */
    VERSION_AT = 0x20e,     /* where that text is, less 0x200 */
    VERSION_BASE = 0x200,
};

static void digits_of(const char *text, char *out, size_t cap)
{
    size_t len = strspn(text, "0123456789.");
    while (len && text[len - 1] == '.')
        len--;
    snprintf(out, cap, "%.*s", (int)len, text);
}

enum sp_rc sp_guest_image(const char *kernel, struct sp_guest_image *image, struct sp_err *err)
{
    static const char debian[] = " Debian ";
    char *head = sp_xcalloc(1, HEADER_BYTES + 1);
    int fd = open(kernel, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, head, HEADER_BYTES) : -1;
    enum sp_rc rc =
        len < 0 ? sp_fail_os(err, SP_E_USAGE, errno, "no kernel to run: %s", kernel) : SP_OK;
    if (fd >= 0)
        close(fd);
    const unsigned char *at = (const unsigned char *)head + VERSION_AT;
    size_t text_at = VERSION_BASE + (size_t)(at[0] | at[1] << 8);
    const char *text = rc == SP_OK && text_at < (size_t)len ? head + text_at : "";
    if (rc == SP_OK && (memcmp(head + MAGIC_AT, "HdrS", 4) != 0 || !isdigit((unsigned char)*text)))
        rc = sp_fail(err, SP_E_USAGE,
                     "%s is no kernel for x86-64 that one can start (vmlinuz, bzImage)", kernel);
    if (rc == SP_OK) {
        snprintf(image->release, sizeof image->release, "%.*s", (int)strcspn(text, " "), text);
        const char *package = strstr(text, debian);
        package = package ? package + sizeof debian - 1 : text;
        digits_of(isdigit((unsigned char)*package) ? package : text, image->version,
                  sizeof image->version);
    }
    free(head);
    return rc;
}

enum sp_rc sp_guest_modules(const char *kernel, const char *asked, const char *release,
                            char *modules, size_t cap, struct sp_err *err)
{
    static const char *const places[] = {"/..", "/", "/../usr"};
    char index[GUEST_PATH_MAX + 16];
    if (asked && strcmp(asked, "none") == 0) {
        *modules = '\0';
        return SP_OK;
    }
    const char *slash = strrchr(kernel, '/');
    int dir_len = slash ? (int)(slash - kernel) : 0;
    for (size_t i = 0; i <= sizeof places / sizeof places[0]; i++) {
        if (asked && i == 0)
            snprintf(modules, cap, "%s", asked);
        else if (asked)
            snprintf(modules, cap, "%s/lib/modules/%s", asked, release);
        else if (i < sizeof places / sizeof places[0])
            snprintf(modules, cap, "%.*s%s/lib/modules/%s", dir_len, kernel, places[i], release);
        else
            snprintf(modules, cap, "/lib/modules/%s", release);
        snprintf(index, sizeof index, "%s/modules.order", modules);
        if (access(index, R_OK) == 0)
            return initramfs_check(modules, err);
    }
    return sp_fail(err, SP_E_USAGE,
                   "no modules of %s: neither %s nor lib/modules/%s has a modules.order "
                   "(--modules DIR; --modules none: all is built in)",
                   release, asked ? asked : "../lib/modules beside the kernel", release);
}

/* ---- the process ---------------------------------------------------------------------------- */

enum sp_rc guest_qemu_prepare(const struct guest_process *guest,
                              const struct sp_guest_config *config, struct sp_err *err)
{
    char path[GUEST_PATH_MAX];
    const struct initramfs what = {.modules =
                                       config->modules && *config->modules ? config->modules : NULL,
                                   .program = config->program,
                                   .dir = guest->dir};
    enum sp_rc rc = guest_path(guest, "initramfs", path, err);
    return rc == SP_OK ? initramfs_write(&what, path, err) : rc;
}

/* We are in the guest's folder: no path with a comma in it must be told to QEMU. */
void guest_qemu_exec(const struct sp_guest_config *config)
{
    execlp(qemu, qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
           "-machine", "q35", "-accel", config->kvm ? "kvm" : "tcg,tb-size=256", "-cpu",
           config->kvm ? "host" : "max", "-smp", "1", "-m", "512", "-kernel", config->kernel,
           "-initrd", "initramfs", "-append", command_line, "-chardev",
           "file,id=console,path=console,append=on", "-serial", "chardev:console", "-fsdev",
           "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap", "-device",
           "virtio-9p-pci,fsdev=root,mount_tag=root", "-fsdev",
           "local,id=results,path=..,security_model=none,multidevs=remap", "-device",
           "virtio-9p-pci,fsdev=results,mount_tag=results", (char *)NULL);
}
