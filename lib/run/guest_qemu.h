/* A guest as a virtual machine: QEMU's part of guest_process.c. Private to lib/run. */
#ifndef SP_RUN_GUEST_QEMU_H
#define SP_RUN_GUEST_QEMU_H

#include "guest.h"
#include "guest_process.h"

/* Writes what the machine starts with into the guest's folder. */
enum sp_rc guest_qemu_prepare(const struct guest_process *guest,
                              const struct sp_guest_config *config, struct sp_err *err);
/* Becomes QEMU, in the guest's folder. Returns where that is not to be had. */
void guest_qemu_exec(const struct sp_guest_config *config);

#endif
