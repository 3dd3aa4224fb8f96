/*
 * What the main process does once: a mount namespace of its own, so that nothing it mounts is
 * seen elsewhere or outlives it; and, where it may not make network namespaces as it is, a user
 * namespace in which it is root.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Inode of the initial user namespace: part of the kernel's ABI (PROC_USER_INIT_INO). */
#define INITIAL_USER_NS 0xEFFFFFFDU

static bool in_initial_user_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/user", &st) == 0 && st.st_ino == INITIAL_USER_NS;
}

/* 0, or the errno that the file refused with. */
static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t n = write(fd, text, strlen(text));
    int os = n < 0 ? errno : 0;
    close(fd);
    return os;
}

/* First number in a file, -1 where there is none. */
static long read_number(const char *path)
{
    long value = -1;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -1;
    char text[32], *end = text;
    if (fgets(text, sizeof text, f))
        value = strtol(text, &end, 10);
    if (end == text)
        value = -1;
    fclose(f);
    return value;
}

/* Switches that forbid user namespaces, and the command that turns each. */
static const struct {
    const char *path;
    long forbids;
    const char *mend;
} switches[] = {
    {"/proc/sys/kernel/unprivileged_userns_clone", 0, "kernel.unprivileged_userns_clone=1"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1,
     "kernel.apparmor_restrict_unprivileged_userns=0"},
    {"/proc/sys/user/max_user_namespaces", 0, "user.max_user_namespaces=10000"},
    {"/proc/sys/user/max_net_namespaces", 0, "user.max_net_namespaces=10000"},
};

static enum sp_rc explain_refusal(int os, const char *step, struct sp_err *err)
{
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (read_number(switches[i].path) == switches[i].forbids)
            return sp_fail_os(err, SP_E_PERM, os,
                              "this user may not make network namespaces of its own: run as root, "
                              "or allow it with `sysctl -w %s` (%s)",
                              switches[i].mend, step);
    }
    if (os == EINVAL)
        return sp_fail_os(err, SP_E_UNSUPPORTED, os,
                          "no user namespaces here (several threads in this process, or a kernel "
                          "without CONFIG_USER_NS): run as root (%s)",
                          step);
    return sp_fail_os(err, SP_E_PERM, os,
                      "may not make user namespaces here (a container's seccomp profile, or a "
                      "chroot?): run as root with CAP_SYS_ADMIN, or let the container call "
                      "unshare() (%s)",
                      step);
}

static enum sp_rc write_maps(struct sp_err *err, uid_t uid, gid_t gid)
{
    char uid_map[64];
    char gid_map[64];
    snprintf(uid_map, sizeof uid_map, "0 %u 1", (unsigned)uid);
    snprintf(gid_map, sizeof gid_map, "0 %u 1", (unsigned)gid);
    const struct {
        const char *path;
        const char *text;
    } writes[] = {
        /* Without this, an unprivileged process may not write gid_map (CVE-2014-8989). */
        {"/proc/self/setgroups", "deny"},
        {"/proc/self/uid_map", uid_map},
        {"/proc/self/gid_map", gid_map},
    };

    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        int os = write_file(writes[i].path, writes[i].text);
        if (os != 0)
            return explain_refusal(os, writes[i].path, err);
    }
    return SP_OK;
}

/*
 * The network namespace comes along because the one we came from belongs to the user namespace
 * we left: setns() back to it would be refused. It also proves that namespaces made here are of
 * use: Ubuntu's AppArmor lets the user namespace be made and then takes its capabilities away.
 * The slot is claimed before, where other runners claim theirs.
 */
static enum sp_rc enter_user_namespace(struct sp_err *err)
{
    uint8_t slot;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    enum sp_rc rc = sp_lab_slot_take(&slot, err);

    if (rc != SP_OK)
        return rc;
    if (unshare(CLONE_NEWUSER) < 0)
        return explain_refusal(errno, "unshare(CLONE_NEWUSER)", err);
    rc = write_maps(err, uid, gid);
    if (rc != SP_OK)
        return rc;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
        return explain_refusal(errno, "unshare(CLONE_NEWNS | CLONE_NEWNET)", err);
    return SP_OK;
}

/*
 * A network namespace that only bears others. Those get a connection table of their own, of this
 * many buckets (ip-sysctl, tcp_child_ehash_entries, Linux 6.1), instead of a share in the
 * machine's, whose hundreds of thousands every sock_diag dump would walk. Older kernels have no
 * such setting and pay in time only.
 */
static enum sp_rc enter_nursery(struct sp_err *err)
{
    uint8_t slot;
    enum sp_rc rc = sp_lab_slot_take(&slot, err); /* claimed where other runners claim theirs */
    if (rc != SP_OK)
        return rc;
    if (unshare(CLONE_NEWNET) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "making a network namespace");
    return SP_OK;
}

enum sp_rc sp_lab_process_init(bool *privileged, struct sp_err *err)
{
    enum sp_rc rc;

    *privileged = false;
    if (unshare(CLONE_NEWNS) == 0) {
        *privileged = in_initial_user_namespace();
        rc = enter_nursery(err);
    } else if (errno == EPERM) {
        rc = enter_user_namespace(err);
    } else {
        rc = sp_fail_os(err, SP_E_IO, errno, "making a mount namespace");
    }
    if (rc != SP_OK)
        return rc;
    write_file("/proc/sys/net/ipv4/tcp_child_ehash_entries", "1024");
    /* EINVAL: / is no mount point (a chroot), so there is nothing to propagate from it. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL)
        return sp_fail_os(err, SP_E_IO, errno, "making the mounts private");
    return SP_OK;
}
