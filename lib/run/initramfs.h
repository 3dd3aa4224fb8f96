/*
 * What a virtual machine's kernel finds in its memory when it starts: our first program
 * (first/first.c), its order and the modules that it is to load, as a cpio archive of the format
 * "newc" (Documentation/driver-api/early-userspace/buffer-format.rst). Private to lib/run.
 */
#ifndef SP_RUN_INITRAMFS_H
#define SP_RUN_INITRAMFS_H

#include "err.h"

struct initramfs {
    const char *modules; /* lib/modules/RELEASE of the kernel; NULL: all is built in */
    const char *program; /* absolute paths of the host: what to start, */
    const char *dir;     /* and in which guest's folder */
};

/* Writes it to `path`. SP_E_IO where a module cannot be read. */
enum sp_rc initramfs_write(const struct initramfs *what, const char *path, struct sp_err *err);

/*
 * Whether a folder of modules has, or its kernel has built in, what a guest cannot do without.
 * SP_E_USAGE names what is missing, and what to do.
 */
enum sp_rc initramfs_check(const char *modules, struct sp_err *err);

#endif
