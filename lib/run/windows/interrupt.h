/* Runs of Windows are made in the main process: what ends it must end the run under way. */
#ifndef SP_RUN_WINDOWS_INTERRUPT_H
#define SP_RUN_WINDOWS_INTERRUPT_H

#include <stdbool.h>

/* Becomes non-zero when a person ends it; NULL: nobody can. */
void exec_interrupt_by(const volatile int *interrupted);
bool exec_interrupted(void);

#endif
