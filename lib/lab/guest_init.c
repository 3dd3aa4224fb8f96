/*
 * What the first process of a guest does: a kernel that was started on the machine's own root,
 * read-only. Only the results folder can be written.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

/*
 * A kernel without randomness of its machine would go on for long with numbers made early, and make
 * better ones when enough has happened: whenever that is. So it is told that it has enough. Where
 * there is no /dev/random, it stays as it is.
 */
static void random_pool_fill(void)
{
    struct { /* struct rand_pool_info */
        int entropy_bits, size_bytes;
        uint8_t bytes[32];
    } seed = {.entropy_bits = 8 * sizeof seed.bytes, .size_bytes = sizeof seed.bytes};
    int fd = open("/dev/random", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)ioctl(fd, RNDADDENTROPY, &seed);
    close(fd);
}

enum sp_rc sp_lab_guest_init(const char *writable, const char *share, struct sp_err *err)
{
    /* unbuffered: what was written is in the host's file before the call returns */
    static const char options_9p[] = "trans=virtio,version=9p2000.L,msize=512000,cache=none";
    bool machine = strcmp(share, "9p") == 0;
    const char *options = machine ? options_9p : writable;
    for (int fd = 0; fd <= 2; fd++) /* a machine without /dev/console starts us with none */
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/", O_RDONLY);
    if (mount("proc", "/proc", "proc", 0, NULL) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "mounting /proc");
    if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "mounting /sys");
    if (mount("results", writable, share, 0, options) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "mounting %s from the host", writable);
    if (!machine)
        random_pool_fill();
    return SP_OK;
}

void sp_lab_guest_off(void)
{
    sync();
    reboot(RB_POWER_OFF);
    _exit(1); /* then the kernel panics, and that is seen */
}
