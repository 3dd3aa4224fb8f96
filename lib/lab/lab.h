/*
 * The lab of one run: fresh network namespaces, links and addresses, settings pinned and read
 * back, processes placed in it, and what can be done to its links.
 *
 * Nothing of a lab has a name outside the process that made it: namespaces are held by
 * descriptors and child processes die with their parent (PR_SET_PDEATHSIG), so that it is gone
 * however the run ends.
 *
 * Threading: one lab per process; calls that enter a namespace move the calling thread there and
 * back.
 */
#ifndef SP_LAB_LAB_H
#define SP_LAB_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "mem.h"

enum sp_lab_kind {
    SP_LAB_LOOPBACK, /* one namespace, lo */
    SP_LAB_VETH,     /* client and server namespaces, one veth pair */
    SP_LAB_PATH,     /* the same with a box between: two veth pairs joined by us in user space */
    SP_LAB_ROUTED, /* a box between that is a router, or an appliance: two networks, two veth pairs
                    */
    SP_LAB_HOSTS,  /* this machine as it is, and another one: nothing is made */
};

/* Places of a lab: which namespace. On SP_LAB_LOOPBACK client and server are the same one. */
enum sp_place { SP_PLACE_CLIENT, SP_PLACE_SERVER, SP_PLACE_BOX, SP_PLACE_COUNT };

struct sp_lab_pin {
    const char *name;  /* sysctl with dots: "net.ipv4.tcp_sack" */
    const char *value; /* as written; white space is folded when it is read back. "default": as the
                          kernel has it, whatever a pin of ours says */
    enum sp_place place;
    bool everywhere; /* client and server (the box holds no sockets); `place` does not matter */
    bool optional;   /* this kernel may not have it: then it is left out of the trace's pins */
};

enum { SP_LAB_NUMBER_MAX = 16383 };

/* The way from this machine to the other one, of one family; near "": none. */
struct sp_lab_route {
    char near[48], far[48]; /* addresses */
    char interface[16];     /* where what goes there leaves this machine */
    int ifindex;
    uint8_t mac[6];
};

/* SP_LAB_HOSTS: found once, and lent to each lab (sp_lab_hosts_find). */
struct sp_lab_hosts {
    int ns_fd;                     /* the network namespace that this machine's end is in */
    enum sp_place near;            /* which end that is */
    uint16_t control_port;         /* of the other machine: connections to it are not the case's */
    struct sp_lab_route routes[2]; /* IPv4, IPv6 */
};

struct sp_lab_config {
    enum sp_lab_kind kind;
    int family; /* 4 or 6 */
    uint8_t
        slot; /* this runner's own (sp_lab_slot_take), so that two runners never share addresses */
    bool mute[SP_PLACE_COUNT]; /* no address there: its kernel takes no part and stays silent */
    bool lent[SP_PLACE_COUNT]; /* a stack will take the address over from the kernel there, which
                                  is to keep nothing by which it would answer in its name */
    uint16_t number; /* of the run, 1..SP_LAB_NUMBER_MAX: slot and number make addresses */
    const struct sp_lab_pin *pins; /* beside the defaults (sp_lab_default_pins) */
    size_t pin_count;
    const struct sp_lab_hosts *hosts; /* SP_LAB_HOSTS; outlives the lab */
};

/* An interface that carries traffic under test: where to capture. */
struct sp_lab_link {
    enum sp_place place;
    char name[16];
    int ifindex;
    uint8_t mac[6];
};

struct sp_lab {
    struct sp_lab_config config; /* without the caller's pins: see `pins` below */
    int ns_fd[SP_PLACE_COUNT];   /* -1 where the lab has no such place */
    int home_fd;                 /* the namespace we came from */
    char client_ip[48];
    char server_ip[48];
    char box_ip[2][48];          /* routed: the box's, towards client and server; else "" */
    struct sp_lab_link links[4]; /* loopback: lo; veth: client's, server's; path, routed: + box's */
    unsigned link_count;
    struct sp_lab_pin *pins; /* what was set and read back, with the values read; lab's arena */
    size_t pin_count;
    struct sp_arena arena;
};

/*
 * Once in the main process, before any lab: where not root, enters a user namespace of its own
 * (mapping the caller to root in it); private mount namespace. SP_E_PERM with what to do
 * otherwise. `privileged` tells whether tracepoints can be had (real root). The calling process
 * must have one thread. Where a user namespace is entered, a network namespace comes with it, and
 * the slot is claimed before.
 */
enum sp_rc sp_lab_process_init(bool *privileged, struct sp_err *err);

/*
 * A number 0..255 that no other runner on this machine holds, kept until the process and those
 * forked from it have ended; the same one when asked again. SP_E_LIMIT: all are taken.
 */
enum sp_rc sp_lab_slot_take(uint8_t *slot, struct sp_err *err);

/*
 * What a reader of the results must know of the labs of this system, one sentence; NULL: they are
 * what docs/labs.md says of Linux's.
 */
const char *sp_lab_note(void);
/* The kinds of labs that can be had here, 1 << enum sp_lab_kind. */
unsigned sp_lab_kinds(void);
/* Whether a socket that nobody has bound gets the address of the end that it is at. */
bool sp_lab_chooses_source(const struct sp_lab *lab);

/*
 * Makes it all and checks that it took: offloads off on every link, lo's MTU 1500, permanent
 * neighbours, no address that configures itself, every pin read back (SP_E_PIN names the setting,
 * what was asked and what is there). A caller's pin goes before a default of the same name. The
 * thread is back home afterwards; on an error nothing is left, and sp_lab_close() may be called.
 */
enum sp_rc sp_lab_open(struct sp_lab *lab, const struct sp_lab_config *config, struct sp_err *err);
void sp_lab_close(struct sp_lab *lab);

/*
 * Before sp_lab_process_init(), in the namespace of this machine's end: the way to the other one's
 * addresses ([0] IPv4, [1] IPv6; NULL: none). SP_E_NOTFOUND: there is none; SP_E_USAGE: that is no
 * address, or one of this machine; SP_E_UNSUPPORTED with the command that mends it: an interface
 * whose capture would not show what was sent (offloads, another MTU, no Ethernet).
 */
enum sp_rc sp_lab_hosts_find(struct sp_lab_hosts *hosts, enum sp_place near,
                             const char *const far[2], uint16_t control_port, struct sp_err *err);
void sp_lab_hosts_release(struct sp_lab_hosts *hosts);

/*
 * The addresses that a lab of this kind, family, slot and number has, before it is opened: whose
 * events these are can be told from outside.
 */
void sp_lab_addresses(const struct sp_lab_config *config, char client[48], char server[48]);

/* The second address that one of its hosts may get (sp_lab_second). */
void sp_lab_second_address(const struct sp_lab_config *config, char text[48]);

/*
 * Gives one of the two hosts a second address on its link, outside the subnet that the two share,
 * and the other host the way there. `preferred`: from now on the kernel chooses it for what is not
 * bound. May be asked again, for the same place only. SP_E_UNSUPPORTED on SP_LAB_LOOPBACK.
 */
enum sp_rc sp_lab_second(struct sp_lab *lab, enum sp_place place, bool preferred,
                         struct sp_err *err);

/* Moves the calling thread into a place, and back home. */
enum sp_rc sp_lab_enter(const struct sp_lab *lab, enum sp_place place, struct sp_err *err);
enum sp_rc sp_lab_leave(const struct sp_lab *lab, struct sp_err *err);

struct sp_lab_proc {
    pid_t pid;
    int in_fd;  /* its standard output: we read */
    int out_fd; /* its standard input: we write */
};

/*
 * Starts a process in a place: a fork that runs main_fn(0, 1, arg) with its two pipes as standard
 * input and output, every other descriptor of ours closed, default signal dispositions, and which
 * dies when we do. Its exit code is main_fn's return value.
 */
enum sp_rc sp_lab_spawn(const struct sp_lab *lab, enum sp_place place,
                        int (*main_fn)(int in_fd, int out_fd, void *arg), void *arg,
                        struct sp_lab_proc *proc, struct sp_err *err);

/* A signal by its name ("SIGKILL"), -1: this system has no such thing to send to a process. */
int sp_lab_signal(const char *name);
/* Sends it; where it has ended meanwhile, nothing happens. */
void sp_lab_kill(const struct sp_lab_proc *proc, int signal);
/* Waits for its end. *code: the signal where it was `killed` by one, else its exit code. */
void sp_lab_reap(struct sp_lab_proc *proc, bool *killed, int *code);

/*
 * Sets and reads back one sysctl in a place while the run goes on ("lab sysctl client ...").
 * SP_E_USAGE: not one of a network namespace (net.*); SP_E_PIN: it did not take.
 */
enum sp_rc sp_lab_sysctl(struct sp_lab *lab, enum sp_place place, const char *name,
                         const char *value, struct sp_err *err);

/*
 * Carrier of a place's own interface: off is the cable pulled at that host (the far end of its
 * link is set down), on puts it back; waits until the interface shows it, and restores what the
 * kernel drops with the link (permanent neighbours, routes) when it comes back. On SP_LAB_VETH the
 * far end is the other host's own interface, which is switched off: use SP_LAB_PATH where that
 * host's view counts. SP_E_UNSUPPORTED on SP_LAB_LOOPBACK.
 */
enum sp_rc sp_lab_carrier(struct sp_lab *lab, enum sp_place place, bool on, struct sp_err *err);

/*
 * The descriptors of SP_LAB_PATH: raw packet sockets on the box's two links, non-blocking, whole
 * Ethernet frames. fds[0] faces the client, fds[1] the server; the caller closes both. They see
 * incoming frames only; what is written to one leaves by that link.
 */
enum sp_rc sp_lab_path_open(const struct sp_lab *lab, int fds[2], struct sp_err *err);

/*
 * Before the runs: reads, in a namespace made for it, which of the default pins every fresh one
 * has by itself, so that labs of this process and of its children need not look again. After the
 * runs: whether that still holds (SP_E_PIN names what has changed).
 */
enum sp_rc sp_lab_learn_defaults(struct sp_err *err);
enum sp_rc sp_lab_defaults_hold(struct sp_err *err);

/*
 * The same for one end of SP_LAB_VETH, which somebody else than its kernel is to play (`mute`): the
 * caller closes it.
 */
enum sp_rc sp_lab_peer_open(const struct sp_lab *lab, enum sp_place place, int *fd,
                            struct sp_err *err);

/* ---- appliances: what makes the box of SP_LAB_ROUTED more than a router -------------------- */

/*
 * A recipe is a script that a shell of the box's namespace runs with `up` before the run and with
 * `down` after it, addresses and names in its environment (docs/labs.md). Its class says what the
 * ends may see of it: "router", "firewall" or "nat"; a line `# sockproof: path=CLASS` declares it.
 */
struct sp_appliance {
    const char *name;   /* as it was asked for: "nat", "./my-box.sh" */
    const char *path;   /* its class */
    const char *file;   /* a user's own script, absolute; NULL: one that ships */
    const char *script; /* the text of one that ships; NULL: nothing to be done */
    const char *needs;  /* a program that it calls and that may be missing; NULL none */
};

/* The names of those that ship, ended by NULL; the first is the plain router. */
const char *const *sp_appliance_names(void);
/*
 * One that ships, by its name, or, where the text holds a slash, a script of the user's own.
 * Strings live in the arena. SP_E_NOTFOUND: no such recipe or file; SP_E_USAGE: a script that
 * cannot be run, or of a class that nobody knows.
 */
enum sp_rc sp_appliance_find(const char *text, struct sp_appliance *out, struct sp_arena *arena,
                             struct sp_err *err);
/* SP_E_UNSUPPORTED where a program that it calls is not on this machine, with what mends it. */
enum sp_rc sp_appliance_ready(const struct sp_appliance *appliance, struct sp_err *err);

struct sp_appliance_proc; /* the shell's keeper: all that the recipe starts ends with it */

/*
 * Runs the recipe's `up` in the box and waits for its end. *out is NULL where there is nothing to
 * run. An error holds what the recipe said on its standard error.
 */
enum sp_rc sp_appliance_up(const struct sp_lab *lab, const struct sp_appliance *appliance,
                           struct sp_appliance_proc **out, struct sp_err *err);
/*
 * Runs `down`, ends all that the recipe has left running, frees proc. Where the caller is killed
 * before, the keeper does the same by itself. SP_OK for NULL.
 */
enum sp_rc sp_appliance_down(struct sp_appliance_proc *proc, struct sp_err *err);

/* The default pins of every lab (docs/labs.md says why each). */
const struct sp_lab_pin *sp_lab_default_pins(size_t *count);

/*
 * For the first process of a guest kernel that runs on the host's root, read-only: /proc, /sys, and
 * the host's folder `writable` (absolute), the only one that can be written. Over `share`:
 * "hostfs", or "9p", where the machine has it under the tag "results".
 */
enum sp_rc sp_lab_guest_init(const char *writable, const char *share, struct sp_err *err);
/*
 * For the process that becomes a user-mode kernel: it and its children get nothing from
 * getrandom(2), which fails with ENOSYS. SP_E_UNSUPPORTED where this machine has no seccomp.
 */
enum sp_rc sp_lab_draw_nothing(struct sp_err *err);
/*
 * In a guest whose clock jumps, before a run: waits until the kernel's clocks stand as they did
 * before every other one, so that its times do not depend on what ran before it. `hz`: ticks a
 * second, not 0.
 */
void sp_lab_wait_for_phase(int hz);
/* Switches the guest off. Does not return. */
_Noreturn void sp_lab_guest_off(void);

#endif
