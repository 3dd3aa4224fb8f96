#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd.h"
#include "finding.h"
#include "lab.h"
#include "options.h"
#include "run.h"
#include "stack.h"
#include "witness.h"

static enum sp_rc try_lab(enum sp_lab_kind kind, int family, uint8_t slot, bool capture,
                          struct sp_err *err)
{
    struct sp_lab_config config = {
        .kind = kind, .family = family, .slot = slot, .number = (uint16_t)(kind * 2 + 1)};
    struct sp_lab lab;
    struct sp_capture *handle = NULL;
    enum sp_rc rc = sp_lab_open(&lab, &config, err);
    if (rc != SP_OK)
        return rc;
    if (capture)
        rc = sp_capture_open(&lab, &lab.links[0], SP_AT_LO, false, &handle, err);
    sp_capture_free(handle);
    sp_lab_close(&lab);
    return rc;
}

static bool check_labs(uint8_t slot)
{
    static const struct {
        enum sp_lab_kind kind;
        const char *name;
    } kinds[] = {{SP_LAB_LOOPBACK, "loopback"},
                 {SP_LAB_VETH, "veth"},
                 {SP_LAB_PATH, "veth, box"},
                 {SP_LAB_ROUTED, "routed"}};
    bool ok = true;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (int family = 4; family <= 6; family += 2) {
            struct sp_err err = {0};
            char what[64];
            snprintf(what, sizeof what, "lab %s, IPv%d", kinds[i].name, family);
            struct finding f = {.needed = true,
                                .what = what,
                                .detail = "made, pinned, read back",
                                .remedy = "what the message names: a kernel with network "
                                          "namespaces and veth, IPv6 not disabled"};
            ok = finding_check(&f, try_lab(kinds[i].kind, family, slot, false, &err), &err) && ok;
        }
    return ok;
}

static enum sp_rc try_appliance(const struct sp_appliance *appliance, uint8_t slot,
                                struct sp_err *err)
{
    struct sp_lab_config config = {
        .kind = SP_LAB_ROUTED, .family = 4, .slot = slot, .number = SP_LAB_ROUTED * 2 + 1};
    struct sp_lab lab;
    struct sp_appliance_proc *proc = NULL;
    enum sp_rc rc = sp_appliance_ready(appliance, err);
    if (rc == SP_OK)
        rc = sp_lab_open(&lab, &config, err);
    if (rc != SP_OK)
        return rc;
    rc = sp_appliance_up(&lab, appliance, &proc, err);
    if (rc == SP_OK)
        rc = sp_appliance_down(proc, err);
    sp_lab_close(&lab);
    return rc;
}

/* Without one of those that ship, the cases about a box of its class are skipped. */
static bool check_appliances(uint8_t slot)
{
    struct sp_arena arena;
    bool ok = true;
    sp_arena_init(&arena);
    for (const char *const *name = sp_appliance_names(); *name; name++) {
        struct sp_appliance found;
        struct sp_err err = {0};
        struct finding f = {.what = sp_arena_printf(&arena, "appliance %s", *name),
                            .detail = "put up in the lab routed, and down",
                            .remedy = "what the message names; a kernel with nf_tables, conntrack "
                                      "and its nat"};
        enum sp_rc rc = sp_appliance_find(*name, &found, &arena, &err);
        if (rc == SP_OK)
            rc = try_appliance(&found, slot, &err);
        ok = finding_check(&f, rc, &err) && ok;
    }
    sp_arena_release(&arena);
    return ok;
}

static bool check_witnesses(uint8_t slot, bool privileged)
{
    struct sp_err err = {0};
    struct finding wire = {.needed = true,
                           .what = "wire (libpcap)",
                           .detail = "captures in a lab",
                           .remedy = "run as root, or where unprivileged user namespaces are on"};
    bool ok = finding_check(&wire, try_lab(SP_LAB_LOOPBACK, 4, slot, true, &err), &err);
    struct finding states = {
        .what = "states (tracepoints)",
        .detail = "every state change is seen",
        .remedy = "run as root: sudo sockproof run; without, states are polled by sock_diag"};
    struct sp_collector *collector = NULL;
    enum sp_rc rc = privileged ? sp_collector_new(&collector, &err)
                               : sp_fail(&err, SP_E_PERM, "only root may read tracepoints");
    ok = finding_check(&states, rc, &err) && ok;
    sp_collector_free(collector);
    return ok;
}

static int main_doctor(int argc, char **argv)
{
    struct sp_err err = {0};
    struct utsname uts;
    char version[64];
    bool privileged = false;
    uint8_t slot = 0;
    int words = options_parse(&cmd_doctor, NULL, 0, argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    if (words > 0)
        return cmd_usage(&cmd_doctor, "takes no words");
    uname(&uts);
    sp_stack_version(version, sizeof version);
    printf("sockproof %s on %s %s %s, stack %s %s, tick %d Hz, %ld CPUs\n\n", SP_VERSION,
           uts.sysname, uts.release, uts.machine, sp_stack_name(), version, sp_machine_hz(),
           sysconf(_SC_NPROCESSORS_ONLN));
    struct finding spaces = {.needed = true, .what = "namespaces", .detail = "can be made"};
    if (!finding_check(&spaces, sp_lab_process_init(&privileged, &err), &err))
        return SP_EXIT_BROKEN;
    struct finding place = {.needed = true,
                            .what = "addresses of our own",
                            .detail = "no other runner has them",
                            .remedy = "end some of the 256 runners on this machine"};
    bool ok = finding_check(&place, sp_lab_slot_take(&slot, &err), &err);
    ok = ok && check_labs(slot);
    ok = ok && check_appliances(slot);
    ok = ok && check_witnesses(slot, privileged);
    return finding_verdict(ok);
}

const struct cmd cmd_doctor = {
    .name = "doctor",
    .usage = "",
    .summary = "Tells what this machine can and cannot do, and what mends it.",
    .help = "Tries what a run needs, one after the other, leaving nothing behind.\n"
            "Exit codes: 0 runs will work, 3 they will not.\n",
    .main = main_doctor,
};
