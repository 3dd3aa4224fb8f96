#include "finding.h"

#include <stdio.h>

#include "cmd.h"

bool finding_check(struct finding *f, enum sp_rc rc, const struct sp_err *err)
{
    f->ok = rc == SP_OK;
    if (!f->ok)
        snprintf(f->detail, sizeof f->detail, "%s", err->text);
    printf("%-7s %-26s %s\n", f->ok ? "ok" : f->needed ? "MISSING" : "without", f->what, f->detail);
    if (!f->ok && f->remedy)
        printf("        %-26s -> %s\n", "", f->remedy);
    return f->ok || !f->needed;
}

int finding_verdict(bool ok)
{
    printf("\n%s\n",
           ok ? "sockproof run will work here." : "sockproof run will not work here yet.");
    return ok ? SP_EXIT_PASS : SP_EXIT_BROKEN;
}
