/* What stands at the two ends of a run: this machine, another stack, another machine. */
#include <stdio.h>

#include "os.h"
#include "run_jobs.h"
#include "session.h"

/* One end is another machine: the other one is this, as it is, and what joins them is found. */
static enum sp_rc ends_join(struct ends *ends, enum sp_who far, const char *name,
                            struct sp_err *err)
{
    enum sp_who near = far == SP_WHO_CLIENT ? SP_WHO_SERVER : SP_WHO_CLIENT;
    const struct sp_run_adapter *other = adapter_run(ends->adapter[near]);
    const struct session *session = adapter_session(ends->adapter[far]);
    if (!os_is_root())
        return sp_fail(err, SP_E_PERM, "%s: captures on this machine's own network need root",
                       name);
    if (other && other->remote)
        return sp_fail(err, SP_E_USAGE, "one of the two ends must be this machine");
    if (other && other->own_tcp)
        return sp_fail(err, SP_E_USAGE,
                       "%s would take this machine's own interface over: it cannot stand against "
                       "another machine",
                       other->name);
    if (!session || (!session->address[0] && !session->address[1]))
        return sp_fail(err, SP_E_USAGE, "%s does not say which address it has", name);
    enum sp_rc rc =
        sp_lab_hosts_find(&ends->hosts, near == SP_WHO_CLIENT ? SP_PLACE_CLIENT : SP_PLACE_SERVER,
                          session->address, session->port, err);
    ends->two_machines = rc == SP_OK;
    int len = snprintf(ends->note, sizeof ends->note,
                       "the %s is %s (%s), over the machines' own network:",
                       sp_end_name((enum sp_end)far), name, session->machine);
    for (int i = 0; i < 2; i++)
        if (*ends->hosts.routes[i].near && len < (int)sizeof ends->note)
            len += snprintf(ends->note + len, sizeof ends->note - (size_t)len, " %s at %s to %s,",
                            ends->hosts.routes[i].near, ends->hosts.routes[i].interface,
                            ends->hosts.routes[i].far);
    if (len < (int)sizeof ends->note)
        snprintf(ends->note + len, sizeof ends->note - (size_t)len,
                 " captured here and not there, no setting pinned");
    return rc;
}

enum sp_rc ends_load(struct ends *ends, const struct run_options *o, struct sp_err *err)
{
    const char *const asked[SP_WHO_COUNT] = {
        [SP_WHO_CLIENT] = o->client, [SP_WHO_SERVER] = o->server};
    enum sp_rc rc = SP_OK;
    stacks_own(&ends->stacks);
    for (int who = SP_WHO_CLIENT; rc == SP_OK && who <= SP_WHO_SERVER; who++) {
        if (asked[who])
            rc = adapter_load(asked[who], &ends->adapter[who], err);
        adapter_stack(ends->adapter[who], (enum sp_who)who, &ends->stacks);
    }
    for (int who = SP_WHO_CLIENT; rc == SP_OK && who <= SP_WHO_SERVER; who++)
        if (ends->adapter[who] && adapter_run(ends->adapter[who])->remote)
            rc = ends_join(ends, (enum sp_who)who, asked[who], err);
    return rc;
}

void ends_free(struct ends *ends)
{
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        adapter_free(ends->adapter[who]);
    if (ends->two_machines)
        sp_lab_hosts_release(&ends->hosts);
}
