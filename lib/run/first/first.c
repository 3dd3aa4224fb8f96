/*
 * The first program in a virtual machine that `run --kernel qemu:` starts, out of its initramfs:
 * loads the modules that are there, mounts the host's root over 9p, read-only, and becomes
 * `sockproof guest DIR`. Static, and embedded in the binary (first_image.c), because until the root
 * is mounted there is no library to load.
 *
 *   /order     the program, the guest's folder, then the modules to load, a line each
 *   /modules/  the modules' files as the kernel's package has them, compressed or not
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 4096 + 2,
    MODULES_MAX = 128,
    COMPRESSED = 4, /* MODULE_INIT_COMPRESSED_FILE of finit_module(2) */
};

struct module {
    char path[160];
    int failed; /* errno of the last try, -1 not tried, 0 loaded */
};

static struct module modules[MODULES_MAX];
static size_t module_count;

/* Its words are the console's last ones, which the runner outside tells. */
_Noreturn static void give_up(const char *what)
{
    printf("sockproof: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    _exit(1);
}

static void line_read(FILE *order, char line[LINE_MAX_BYTES])
{
    if (!fgets(line, LINE_MAX_BYTES, order))
        give_up("reading /order");
    line[strcspn(line, "\n")] = '\0';
}

static int load(const struct module *module)
{
    size_t len = strlen(module->path);
    int plain = len > 3 && strcmp(module->path + len - 3, ".ko") == 0;
    int fd = open(module->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = syscall(SYS_finit_module, fd, "", plain ? 0 : COMPRESSED) < 0 ? errno : 0;
    close(fd);
    return failed == EEXIST ? 0 : failed;
}

/* Kernels differ in what depends on what: those that miss a symbol are tried again after the rest,
 * as long as that helps. What cannot be loaded is told of, and missed where it is needed. */
static void load_all(void)
{
    for (int more = 1; more;) {
        more = 0;
        for (size_t i = 0; i < module_count; i++) {
            struct module *module = &modules[i];
            if (module->failed != -1 && module->failed != ENOENT)
                continue;
            module->failed = load(module);
            more |= module->failed == 0;
        }
    }
    for (size_t i = 0; i < module_count; i++)
        if (modules[i].failed)
            printf("sockproof: %s: %s\n", modules[i].path, strerror(modules[i].failed));
    fflush(stdout);
}

int main(void)
{
    static char program[LINE_MAX_BYTES], dir[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    FILE *order = fopen("/order", "re");
    if (!order)
        give_up("opening /order");
    line_read(order, program);
    line_read(order, dir);
    while (module_count < MODULES_MAX && fgets(line, sizeof line, order)) {
        line[strcspn(line, "\n")] = '\0';
        struct module *module = &modules[module_count++];
        snprintf(module->path, sizeof module->path, "/modules/%.140s", line);
        module->failed = -1;
    }
    fclose(order);
    load_all();
    if (mount("root", "/root", "9p", MS_RDONLY,
              "trans=virtio,version=9p2000.L,msize=512000,cache=loose") < 0)
        give_up("mounting the host's root over 9p (modules 9p, 9pnet_virtio, virtio_pci)");
    if (mount("dev", "/root/dev", "devtmpfs", 0, NULL) < 0)
        give_up("mounting /dev");
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
        give_up("changing to the host's root");
    char *words[] = {program, (char[]){"guest"}, dir, NULL};
    execv(program, words);
    give_up(program);
}
