/* Processes of a lab on Windows, beside lab.h: programs, since there is no fork. */
#ifndef SP_LAB_WINDOWS_SPAWN_H
#define SP_LAB_WINDOWS_SPAWN_H

#include "lab.h"

/*
 * Starts a program with pipes as its standard input and output; standard error stays ours. It ends
 * with us, however we end. `command`: its path and arguments, as CreateProcess takes them.
 */
enum sp_rc sp_lab_spawn_program(const char *command, struct sp_lab_proc *proc, struct sp_err *err);

/* Whether a process is one that was started so and has not been reaped. */
bool sp_lab_is_ours(uint32_t pid);

#endif
