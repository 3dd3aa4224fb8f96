/*
 * Pins: sysctls that verdicts depend on, read in every fresh namespace and written where they
 * differ. A fresh namespace takes most from the kernel's compiled defaults and some from the
 * machine's present settings (buffer limits, congestion control), so none is taken for granted.
 *
 * Each read costs some 8 us in a fresh namespace, because its files are made anew. So what the
 * kernel's compiled defaults give every namespace is read once, in a namespace made for it
 * (sp_lab_learn_defaults), and again when all runs are over; what a namespace copies from the
 * machine's settings, and what has to be set, is read in each.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VALUE_BYTES = 256 };

#define EVERYWHERE(pin_name, pin_value)                                                            \
    {                                                                                              \
        .name = (pin_name), .value = (pin_value), .everywhere = true                               \
    }
/* Newer than the oldest kernels we run on. */
#define WHERE_KNOWN(pin_name, pin_value)                                                           \
    {                                                                                              \
        .name = (pin_name), .value = (pin_value), .everywhere = true, .optional = true             \
    }

static const struct sp_lab_pin default_pins[] = {
    /* Reno, not cubic: RFC 5681 is what RFC 9293 asks, it is in every kernel, and it is the one
     * that may be chosen in any namespace (cubic is refused where the machine's default is
     * another: tcp_allowed_congestion_control cannot be written in a namespace). */
    EVERYWHERE("net.ipv4.tcp_congestion_control", "reno"),
    /* Options in the SYN, and with timestamps the size of every segment: 1448 bytes, not 1460. */
    EVERYWHERE("net.ipv4.tcp_timestamps", "1"),
    EVERYWHERE("net.ipv4.tcp_sack", "1"),
    EVERYWHERE("net.ipv4.tcp_window_scaling", "1"),
    /* Whether a duplicate is answered with a SACK block of its own (RFC 2883). */
    EVERYWHERE("net.ipv4.tcp_dsack", "1"),
    /* ECE and CWR in the SYN. */
    EVERYWHERE("net.ipv4.tcp_ecn", "0"),
    /* With cookies a full queue answers; without, it is silent. Sequence numbers differ too. */
    EVERYWHERE("net.ipv4.tcp_syncookies", "0"),
    /* Windows advertised, the scale in the SYN, and when send() blocks. */
    EVERYWHERE("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    EVERYWHERE("net.ipv4.tcp_wmem", "4096 16384 4194304"),
    EVERYWHERE("net.ipv4.tcp_moderate_rcvbuf", "1"),
    /* How long an orphan stays in FIN_WAIT_2. */
    EVERYWHERE("net.ipv4.tcp_fin_timeout", "60"),
    /* An unbound connect() may take a port in TIME_WAIT: 2 is the default (loopback addresses
     * only, after a second). */
    EVERYWHERE("net.ipv4.tcp_tw_reuse", "2"),
    WHERE_KNOWN("net.ipv4.tcp_tw_reuse_delay", "1000"),
    /* What a RST does to TIME_WAIT (RFC 1337). */
    EVERYWHERE("net.ipv4.tcp_rfc1337", "0"),
    /* How often and how long a silent peer is tried, and the spacing. */
    EVERYWHERE("net.ipv4.tcp_retries1", "3"),
    EVERYWHERE("net.ipv4.tcp_retries2", "15"),
    EVERYWHERE("net.ipv4.tcp_syn_retries", "6"),
    EVERYWHERE("net.ipv4.tcp_synack_retries", "5"),
    EVERYWHERE("net.ipv4.tcp_orphan_retries", "0"),
    WHERE_KNOWN("net.ipv4.tcp_syn_linear_timeouts", "4"),
    WHERE_KNOWN("net.ipv4.tcp_rto_min_us", "200000"),
    WHERE_KNOWN("net.ipv4.tcp_rto_max_ms", "120000"),
    EVERYWHERE("net.ipv4.tcp_keepalive_time", "7200"),
    EVERYWHERE("net.ipv4.tcp_keepalive_intvl", "75"),
    EVERYWHERE("net.ipv4.tcp_keepalive_probes", "9"),
    /* How loss is found and repaired: tail loss probe, RACK, F-RTO. */
    EVERYWHERE("net.ipv4.tcp_early_retrans", "3"),
    EVERYWHERE("net.ipv4.tcp_recovery", "1"),
    EVERYWHERE("net.ipv4.tcp_frto", "2"),
    /* The second connection of a run starts as the first did: no memory of RTT and ssthresh. */
    EVERYWHERE("net.ipv4.tcp_no_metrics_save", "1"),
    EVERYWHERE("net.ipv4.tcp_slow_start_after_idle", "1"),
    /* Probes of the path's MTU are segments nobody asked for. */
    EVERYWHERE("net.ipv4.tcp_mtu_probing", "0"),
    /* Whether small writes wait to be joined. */
    EVERYWHERE("net.ipv4.tcp_autocorking", "1"),
    /* Full accept queue: the third ACK is dropped, not answered with RST. */
    EVERYWHERE("net.ipv4.tcp_abort_on_overflow", "0"),
    EVERYWHERE("net.core.somaxconn", "4096"),
    /* How many answers a burst of out-of-window segments gets (one in 500 ms). */
    EVERYWHERE("net.ipv4.tcp_invalid_ratelimit", "500"),
    /* Ports of unbound clients, away from those that cases bind. */
    EVERYWHERE("net.ipv4.ip_local_port_range", "32768 60999"),
    /* Whether an IPv6 listener takes the IPv4 port as well; not there without IPv6. */
    WHERE_KNOWN("net.ipv6.bindv6only", "0"),
};

enum { DEFAULT_PINS = sizeof default_pins / sizeof default_pins[0] };

/* What a kind of lab needs besides. */
static const struct sp_lab_pin veth_ipv6_pins[] = {
    /* The far end of an unplugged link is set down, and must keep its address. */
    EVERYWHERE("net.ipv6.conf.all.keep_addr_on_down", "1"),
};
/*
 * Of settings that links have, the default, which they are born with: a write to `all` needs the
 * lock that every other lab is being made and taken down under, and the kernel tries it again and
 * again for as long as somebody has it (restart_syscall()).
 */
static const struct sp_lab_pin path_pins[] = {
    /* The box forwards frames and says nothing of its own. */
    {.name = "net.ipv6.conf.default.disable_ipv6",
     .value = "1",
     .place = SP_PLACE_BOX,
     .optional = true},
};

#define IN_BOX(pin_name, pin_value)                                                                \
    {                                                                                              \
        .name = (pin_name), .value = (pin_value), .place = SP_PLACE_BOX                            \
    }
static const struct sp_lab_pin routed_ipv4_pins[] = {
    IN_BOX("net.ipv4.conf.default.forwarding", "1"),
    /* A machine's setting, which namespaces copy, could make the box drop what it should pass. */
    IN_BOX("net.ipv4.conf.all.rp_filter", "0"),
};
static const struct sp_lab_pin routed_ipv6_pins[] = {
    /* Here the kernel asks `all` alone. */
    IN_BOX("net.ipv6.conf.all.forwarding", "1"),
};

const struct sp_lab_pin *sp_lab_default_pins(size_t *count)
{
    *count = DEFAULT_PINS;
    return default_pins;
}

/* ---- one sysctl --------------------------------------------------------------------------- */

/* Folds runs of white space to one blank, none at the ends; in place. */
static void fold(char *text)
{
    char *out = text;
    bool gap = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (isspace((unsigned char)*p)) {
            gap = out != text;
            continue;
        }
        if (gap)
            *out++ = ' ';
        gap = false;
        *out++ = *p;
    }
    *out = '\0';
}

/*
 * "net.ipv4.tcp_sack" to its file. Only net.*: the rest is the machine's, not the namespace's.
 * No slash either, which would lead out of the tree.
 */
static enum sp_rc sysctl_path(const char *name, char *path, size_t cap, struct sp_err *err)
{
    if (strncmp(name, "net.", 4) != 0 || strchr(name, '/') != NULL || strstr(name, "..") != NULL)
        return sp_fail(err, SP_E_USAGE, "%s is not a setting of a network namespace (net.*)", name);
    int n = snprintf(path, cap, "sys/%s", name);
    if (n < 0 || (size_t)n >= cap)
        return sp_fail(err, SP_E_LIMIT, "the name of a setting is too long: %s", name);
    for (char *p = path + strlen("sys/"); *p != '\0'; p++) {
        if (*p == '.')
            *p = '/';
    }
    return SP_OK;
}

/*
 * The proc file system that settings are looked up in: a mount of this process's own where that
 * can be had. All namespaces' settings of one name hang in one chain of a mount's name cache, so
 * in the machine's /proc each look-up walks past those of every other run (three fifths of the
 * CPU of 64 at once, measured). Never seen by anybody: a mount that only a descriptor holds.
 */
static int proc_open(void)
{
    int mount_fd = -1;
    int fs_fd = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
    if (fs_fd >= 0 && syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount_fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, 0);
    if (fs_fd >= 0)
        close(fs_fd);
    return mount_fd >= 0 ? mount_fd : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* 0 or errno. */
static int read_value(int proc_fd, const char *path, char out[VALUE_BYTES])
{
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t n = read(fd, out, VALUE_BYTES - 1);
    int os = n < 0 ? errno : 0;
    close(fd);
    out[n < 0 ? 0 : n] = '\0';
    fold(out);
    return os;
}

/*
 * Writes the value where another stands there; `got` is what stands there afterwards. 0 or errno.
 * One descriptor for all of it: each look-up costs as much as a write.
 */
static int make_value(int proc_fd, const char *path, const char *value, char got[VALUE_BYTES])
{
    int fd = openat(proc_fd, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) { /* without the right to write: it may stand there already */
        int why = errno;
        int unread = why == ENOENT ? ENOENT : read_value(proc_fd, path, got);
        return unread ? unread : why;
    }
    ssize_t n = pread(fd, got, VALUE_BYTES - 1, 0);
    int os = n < 0 ? errno : 0;
    got[n < 0 ? 0 : n] = '\0';
    fold(got);
    if (n >= 0 && strcmp(got, value) != 0) {
        os = pwrite(fd, value, strlen(value), 0) < 0 ? errno : 0;
        n = pread(fd, got, VALUE_BYTES - 1, 0);
        got[n < 0 ? 0 : n] = '\0';
        fold(got);
    }
    close(fd);
    return os;
}

/* Reads, writes where it differs, reads back. `missing`: this kernel has no such setting. */
static enum sp_rc set_here(int proc_fd, const char *name, const char *value, enum sp_place place,
                           char got[VALUE_BYTES], bool *missing, struct sp_err *err)
{
    char path[160];
    char want[VALUE_BYTES];
    enum sp_rc rc = sysctl_path(name, path, sizeof path, err);

    if (rc != SP_OK)
        return rc;
    if (snprintf(want, sizeof want, "%s", value) >= (int)sizeof want)
        return sp_fail(err, SP_E_LIMIT, "the value asked of %s is too long", name);
    fold(want);
    got[0] = '\0';
    int os = make_value(proc_fd, path, want, got);
    *missing = os == ENOENT;
    if (*missing || strcmp(got, want) == 0)
        return SP_OK;
    if (os != 0)
        return sp_fail_os(err, SP_E_PIN, os, "%s in the %s: asked %s, is %s", name,
                          sp_lab_place_name(place), want, got);
    return sp_fail(err, SP_E_PIN, "%s in the %s: asked %s, is %s", name, sp_lab_place_name(place),
                   want, got);
}

/* ---- what every fresh namespace has --------------------------------------------------------- */

/* Copied from the machine's settings when a namespace is made (net/ipv4/tcp_ipv4.c, tcp_sk_init),
 * so not the same for all that are made in a run. */
static const char *const inherited[] = {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
                                        "net.ipv4.tcp_congestion_control", "net.core.somaxconn"};

/* By row of default_pins; filled once, before the runs are forked, and only read after that. */
static struct known {
    bool learned;
    bool missing;
    char value[VALUE_BYTES];
} known[DEFAULT_PINS];

static bool is_inherited(const char *name)
{
    for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++)
        if (strcmp(inherited[i], name) == 0)
            return true;
    return false;
}

static const struct known *known_of(const char *name)
{
    for (size_t i = 0; i < DEFAULT_PINS; i++)
        if (known[i].learned && strcmp(default_pins[i].name, name) == 0)
            return &known[i];
    return NULL;
}

/* The defaults of the namespace that the thread is in. */
static enum sp_rc read_defaults(int proc_fd, struct known *out, struct sp_err *err)
{
    for (size_t i = 0; i < DEFAULT_PINS; i++) {
        char path[160];
        if (is_inherited(default_pins[i].name))
            continue;
        enum sp_rc rc = sysctl_path(default_pins[i].name, path, sizeof path, err);
        if (rc != SP_OK)
            return rc;
        int os = read_value(proc_fd, path, out[i].value);
        out[i].missing = os == ENOENT;
        out[i].learned = os == 0 || os == ENOENT;
    }
    return SP_OK;
}

static enum sp_rc read_fresh_defaults(struct known *out, struct sp_err *err)
{
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0)
        return sp_fail_os(err, SP_E_IO, errno, "opening /proc/thread-self/ns/net");
    int proc_fd = proc_open();
    enum sp_rc rc = SP_OK;
    if (unshare(CLONE_NEWNET) < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "making a network namespace");
    if (rc == SP_OK)
        rc = read_defaults(proc_fd, out, err);
    if (proc_fd >= 0)
        close(proc_fd);
    if (setns(home, CLONE_NEWNET) < 0 && rc == SP_OK)
        rc = sp_fail_os(err, SP_E_IO, errno, "going back to the runner's namespace");
    close(home);
    return rc;
}

enum sp_rc sp_lab_learn_defaults(struct sp_err *err)
{
    return read_fresh_defaults(known, err);
}

enum sp_rc sp_lab_defaults_hold(struct sp_err *err)
{
    static struct known now[DEFAULT_PINS];
    enum sp_rc rc = read_fresh_defaults(now, err);
    for (size_t i = 0; rc == SP_OK && i < DEFAULT_PINS; i++)
        if (known[i].learned && strcmp(known[i].value, now[i].value) != 0)
            rc = sp_fail(
                err, SP_E_PIN,
                "%s of fresh namespaces was %s when the runs began and is %s now: run again",
                default_pins[i].name, known[i].value, now[i].value);
    return rc;
}

static enum sp_rc fail_missing(const char *name, struct sp_err *err)
{
    return sp_fail(err, SP_E_PIN, "%s: this kernel has no such setting", name);
}

enum sp_rc sp_lab_sysctl(struct sp_lab *lab, enum sp_place place, const char *name,
                         const char *value, struct sp_err *err)
{
    char got[VALUE_BYTES];
    bool missing = false;
    enum sp_rc rc = sp_lab_enter(lab, place, err);

    if (rc != SP_OK)
        return rc;
    int proc_fd = proc_open();
    rc = set_here(proc_fd, name, value, place, got, &missing, err);
    if (proc_fd >= 0)
        close(proc_fd);
    if (rc == SP_OK && missing)
        rc = fail_missing(name, err);
    enum sp_rc left = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    return rc != SP_OK ? rc : left;
}

/* ---- all of a lab ------------------------------------------------------------------------- */

static struct sp_lab_pin_row *row_of(struct sp_lab_pin_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->rows[i].name, name) == 0)
            return &plan->rows[i];
    }
    return NULL;
}

/* Adds a pin or, of the same name and place, puts it in place of an earlier one. */
static enum sp_rc plan_pin(const struct sp_lab *lab, struct sp_lab_pin_plan *plan,
                           const struct sp_lab_pin *pin, bool may_repeat, struct sp_err *err)
{
    bool one_namespace = lab->config.kind == SP_LAB_LOOPBACK;
    struct sp_lab_pin_row *row = may_repeat ? row_of(plan, pin->name) : NULL;

    if (!pin->everywhere && pin->place == SP_PLACE_BOX && !sp_lab_has_box(lab->config.kind))
        return sp_fail(err, SP_E_USAGE, "%s is asked for a place that this lab has not", pin->name);
    if (row == NULL) {
        row = &plan->rows[plan->count++];
        row->name = pin->name;
        row->optional = pin->optional;
        row->asked_by = SP_PLACE_COUNT;
    }
    row->optional = row->optional && pin->optional;
    if (one_namespace && !pin->everywhere && row->asked_by != SP_PLACE_COUNT &&
        row->asked_by != pin->place && row->want[SP_PLACE_CLIENT] &&
        strcmp(row->want[SP_PLACE_CLIENT], pin->value) != 0)
        return sp_fail(err, SP_E_USAGE,
                       "%s: client and server share a namespace on loopback and cannot differ",
                       pin->name);
    if (!pin->everywhere)
        row->asked_by = pin->place;
    const char *want = strcmp(pin->value, "default") == 0 ? NULL : pin->value;
    for (int place = SP_PLACE_CLIENT; place <= SP_PLACE_SERVER; place++) {
        if (pin->everywhere || one_namespace || pin->place == (enum sp_place)place)
            row->want[place] = want;
    }
    if (!pin->everywhere && pin->place == SP_PLACE_BOX)
        row->want[SP_PLACE_BOX] = want;
    return SP_OK;
}

enum sp_rc sp_lab_pins_plan(struct sp_lab *lab, struct sp_lab_pin_plan *plan, struct sp_err *err)
{
    const struct sp_lab_config *config = &lab->config;
    bool links = config->kind != SP_LAB_LOOPBACK;
    bool routed = config->kind == SP_LAB_ROUTED;
    const struct {
        const struct sp_lab_pin *pins;
        size_t count;
    } lists[] = {
        {default_pins, DEFAULT_PINS},
        {veth_ipv6_pins, links && config->family == 6 ? 1 : 0},
        {path_pins, config->kind == SP_LAB_PATH ? 1 : 0},
        {routed_ipv4_pins, routed && config->family == 4 ? 2 : 0},
        {routed_ipv6_pins, routed && config->family == 6 ? 1 : 0},
        {config->pins, config->pin_count},
    };

    plan->count = 0;
    plan->arena = &lab->arena;
    plan->proc_fd = proc_open();
    plan->rows =
        SP_ARENA_ARRAY(&lab->arena, struct sp_lab_pin_row, DEFAULT_PINS + 4 + config->pin_count);
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        for (size_t i = 0; i < lists[l].count; i++) {
            enum sp_rc rc =
                plan_pin(lab, plan, &lists[l].pins[i], lists[l].pins == config->pins, err);
            if (rc != SP_OK)
                return rc;
        }
    }
    return SP_OK;
}

enum sp_rc sp_lab_pins_apply(struct sp_lab_pin_plan *plan, enum sp_place place, struct sp_err *err)
{
    char got[VALUE_BYTES];

    for (size_t i = 0; i < plan->count; i++) {
        struct sp_lab_pin_row *row = &plan->rows[i];
        bool missing = false;
        const struct known *fresh = known_of(row->name);
        if (row->want[place] == NULL || (fresh && fresh->missing && row->optional))
            continue;
        if (fresh && !fresh->missing && strcmp(fresh->value, row->want[place]) == 0) {
            row->got[place] = row->want[place];
            continue;
        }
        enum sp_rc rc =
            set_here(plan->proc_fd, row->name, row->want[place], place, got, &missing, err);
        if (rc != SP_OK)
            return rc;
        if (missing && !row->optional)
            return fail_missing(row->name, err);
        if (missing)
            continue;
        bool same = strcmp(got, row->want[place]) == 0; /* else white space was folded */
        row->got[place] = same ? row->want[place] : sp_arena_strdup(plan->arena, got);
    }
    return SP_OK;
}

void sp_lab_pins_done(struct sp_lab_pin_plan *plan)
{
    if (plan->proc_fd >= 0)
        close(plan->proc_fd);
    plan->proc_fd = -1;
}

void sp_lab_pins_publish(struct sp_lab *lab, const struct sp_lab_pin_plan *plan)
{
    bool one_namespace = lab->config.kind == SP_LAB_LOOPBACK;

    lab->pins = SP_ARENA_ARRAY(&lab->arena, struct sp_lab_pin, plan->count * SP_PLACE_COUNT);
    lab->pin_count = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct sp_lab_pin_row *row = &plan->rows[i];
        const char *client = row->got[SP_PLACE_CLIENT];
        const char *server = one_namespace ? client : row->got[SP_PLACE_SERVER];
        bool same = client != NULL && server != NULL && strcmp(client, server) == 0;
        for (int place = 0; place < SP_PLACE_COUNT; place++) {
            if (row->got[place] == NULL || (same && place == SP_PLACE_SERVER))
                continue;
            struct sp_lab_pin *pin = &lab->pins[lab->pin_count++];
            pin->name = sp_arena_strdup(&lab->arena, row->name);
            pin->value = sp_arena_strdup(&lab->arena, row->got[place]);
            pin->place = (enum sp_place)place;
            pin->everywhere = same && place == SP_PLACE_CLIENT;
            pin->optional = row->optional;
        }
    }
}

enum sp_rc sp_lab_pins_read(struct sp_lab *lab, enum sp_place place, struct sp_err *err)
{
    char got[VALUE_BYTES], path[160];
    enum sp_rc rc = SP_OK;
    int proc_fd = proc_open();
    lab->pins = SP_ARENA_ARRAY(&lab->arena, struct sp_lab_pin, DEFAULT_PINS);
    lab->pin_count = 0;
    for (size_t i = 0; i < DEFAULT_PINS && rc == SP_OK; i++) {
        rc = sysctl_path(default_pins[i].name, path, sizeof path, err);
        if (rc != SP_OK || read_value(proc_fd, path, got) != 0)
            continue;
        lab->pins[lab->pin_count++] =
            (struct sp_lab_pin){.name = default_pins[i].name,
                                .value = sp_arena_strdup(&lab->arena, got),
                                .place = place};
    }
    if (proc_fd >= 0)
        close(proc_fd);
    return rc;
}
