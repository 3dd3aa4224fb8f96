/* What a run on Windows needs and can use, tried one after the other (docs/windows.md). */
#include <stdio.h>

#include "cmd.h"
#include "finding.h"
#include "lab.h"
#include "options.h"
#include "os.h"
#include "run.h"
#include "stack.h"
#include "windows/capture.h"
#include "witness.h"

static enum sp_rc try_states(const struct sp_lab *lab, struct sp_err *err)
{
    struct sp_diag *diag = NULL;
    enum sp_rc rc = sp_diag_open(lab, SP_PLACE_CLIENT, &diag, err);
    sp_diag_free(diag);
    return rc;
}

static enum sp_rc try_wire(const struct sp_lab *lab, struct sp_err *err)
{
    struct sp_capture *capture = NULL;
    enum sp_rc rc = sp_capture_open(lab, &lab->links[0], SP_AT_LO, false, &capture, err);
    const char *blind = capture ? sp_capture_blind(capture) : NULL;
    if (rc == SP_OK && blind)
        rc = sp_fail(err, SP_E_UNSUPPORTED, "%s", blind);
    sp_capture_free(capture);
    return rc;
}

static bool check_lab(int family, uint8_t slot)
{
    struct sp_err err = {0};
    struct sp_lab_config config = {
        .kind = SP_LAB_LOOPBACK, .family = family, .slot = slot, .number = 1};
    struct sp_lab lab;
    struct finding found = {.needed = family == 4,
                            .what = family == 4 ? "lab loopback, IPv4" : "lab loopback, IPv6",
                            .detail = "two addresses for each run",
                            .remedy = family == 4 ? NULL
                                                  : "the two lines of netsh in docs/windows.md; "
                                                    "without, runs of IPv6 are skipped"};
    struct finding states = {
        .needed = true, .what = "states", .detail = "GetExtendedTcpTable answers"};
    struct finding wire = {.what = "wire (Npcap)",
                           .detail = "captures on the loopback",
                           .remedy =
                               "https://npcap.com, with \"Support loopback traffic\"; without, "
                               "verdicts say that the wire was not watched"};
    enum sp_rc rc = sp_lab_open(&lab, &config, &err);
    bool ok = finding_check(&found, rc, &err);
    if (rc != SP_OK)
        return ok;
    if (family == 4) {
        ok = finding_check(&states, try_states(&lab, &err), &err) && ok;
        ok = finding_check(&wire, try_wire(&lab, &err), &err) && ok;
    }
    sp_lab_close(&lab);
    return ok;
}

static int main_doctor(int argc, char **argv)
{
    struct sp_err err = {0};
    struct os_machine machine = {0};
    char version[64];
    bool privileged = false;
    uint8_t slot = 0;
    int words = options_parse(&cmd_doctor, NULL, 0, argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    if (words > 0)
        return cmd_usage(&cmd_doctor, "takes no words");
    os_machine(&machine);
    sp_stack_version(version, sizeof version);
    printf("sockproof %s on %s %s %s, stack %s %s, %d CPUs\n\n", SP_VERSION, machine.sysname,
           machine.release, machine.arch, sp_stack_name(), version, machine.cpus);
    struct finding winsock = {.needed = true, .what = "Winsock", .detail = "2.2 starts"};
    if (!finding_check(&winsock, sp_lab_process_init(&privileged, &err), &err))
        return SP_EXIT_BROKEN;
    struct finding place = {.needed = true,
                            .what = "addresses of our own",
                            .detail = "no other runner has them",
                            .remedy = "end some of the 255 runners on this machine"};
    bool ok = finding_check(&place, sp_lab_slot_take(&slot, &err), &err);
    for (int family = 4; ok && family <= 6; family += 2)
        ok = check_lab(family, slot);
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
