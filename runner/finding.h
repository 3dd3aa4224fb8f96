/* What `doctor` has found out of one thing after the other: cmd_doctor.c, windows/cmd_doctor.c. */
#ifndef SP_RUNNER_FINDING_H
#define SP_RUNNER_FINDING_H

#include <stdbool.h>

#include "err.h"

/* One thing that a run needs or can use: whether it is there, and what to do where it is not. */
struct finding {
    bool ok;
    bool needed; /* without it nothing runs; else a run only sees less */
    const char *what;
    char detail[700];
    const char *remedy; /* NULL none */
};

/* Prints it: as it is where rc is SP_OK, else with what the error says. False: no run without it.
 */
bool finding_check(struct finding *f, enum sp_rc rc, const struct sp_err *err);

/* The last line, and the exit code. */
int finding_verdict(bool ok);

#endif
