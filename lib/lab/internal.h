/*
 * What the files of this room share: netlink batches, offloads, pins, addresses of a place.
 */
#ifndef SP_LAB_INTERNAL_H
#define SP_LAB_INTERNAL_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab.h"

struct mnl_socket;
struct nlmsghdr;

/* Longest wait for the kernel to carry out what it does in the background. */
#define SP_LAB_SETTLE_MS 10000

#define SP_LAB_MTU 1500

/* ---- netlink ------------------------------------------------------------------------------ */

enum { SP_LAB_NL_MESSAGES = 16, SP_LAB_NL_BYTES = 4096 };

/*
 * A route-netlink socket of one namespace and the messages gathered for it. It belongs to the
 * namespace it was opened in, wherever the thread is later.
 */
struct sp_lab_nl {
    struct mnl_socket *sock; /* NULL: not open */
    uint32_t seq;            /* of the last message */
    uint32_t sent_seq;       /* of the last message that went out */
    const char *what[SP_LAB_NL_MESSAGES];
    struct nlmsghdr *open; /* message being built */
    size_t len_bytes;      /* sealed messages in buf */
    alignas(8) char buf[SP_LAB_NL_BYTES];
};

struct sp_lab_ip {
    uint8_t family;    /* AF_INET or AF_INET6 */
    uint8_t len_bytes; /* 4 or 16 */
    uint8_t bytes[16];
};

/* One end of a veth pair. */
struct sp_lab_veth_end {
    const char *name;
    int ifindex;
    const uint8_t *mac; /* 6 bytes */
};

struct sp_lab_link_state {
    unsigned flags; /* IFF_* */
    uint32_t mtu;
    uint32_t gso_max_segs;
    uint8_t mac[6];
    char qdisc[16];
};

/* Opens in the thread's present namespace; groups: RTMGRP_* to listen to, 0 for requests only. */
enum sp_rc sp_lab_nl_open(struct sp_lab_nl *nl, unsigned groups, struct sp_err *err);
void sp_lab_nl_release(struct sp_lab_nl *nl);
int sp_lab_nl_fd(const struct sp_lab_nl *nl);

/* Each adds one message to the batch; nothing happens before sp_lab_nl_flush(). */
void sp_lab_nl_add_veth(struct sp_lab_nl *nl, const struct sp_lab_veth_end *here,
                        const struct sp_lab_veth_end *there, int there_ns_fd);
void sp_lab_nl_add_lo_up(struct sp_lab_nl *nl);
void sp_lab_nl_add_no_link_local(struct sp_lab_nl *nl, int ifindex);
void sp_lab_nl_add_updown(struct sp_lab_nl *nl, int ifindex, bool up);
void sp_lab_nl_add_address(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                           unsigned prefix_bits);
/* source: the address that an unbound socket gets towards ip; NULL leaves it to the kernel. */
void sp_lab_nl_add_local_route(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                               const struct sp_lab_ip *source);
/* The way to one host, with the source address for what is not bound (NULL: the kernel's choice).
 */
void sp_lab_nl_add_host_route(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                              const struct sp_lab_ip *source);
void sp_lab_nl_add_local_route_delete(struct sp_lab_nl *nl, int ifindex,
                                      const struct sp_lab_ip *ip);
void sp_lab_nl_add_neighbour(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                             const uint8_t mac[6]);

/* All that is not on a link goes by way of `gateway`, which is on this one. */
void sp_lab_nl_add_default_route(struct sp_lab_nl *nl, int ifindex,
                                 const struct sp_lab_ip *gateway);

/* Sends the batch; the first message that the kernel refused is the error. */
enum sp_rc sp_lab_nl_flush(struct sp_lab_nl *nl, struct sp_err *err);

enum sp_rc sp_lab_nl_get_link(struct sp_lab_nl *nl, int ifindex, struct sp_lab_link_state *state,
                              struct sp_err *err);

/* Waits on a socket opened with groups for one more event of those groups. */
enum sp_rc sp_lab_nl_wait(struct sp_lab_nl *events, int64_t deadline_ns, const char *what,
                          struct sp_err *err);

/*
 * Waits until an interface is up with carrier, or has lost it. nl must be of the interface's
 * namespace, and the thread be in it.
 */
enum sp_rc sp_lab_nl_wait_carrier(struct sp_lab_nl *nl, const struct sp_lab_link *link, bool on,
                                  struct sp_lab_link_state *state, struct sp_err *err);

/*
 * Reads events (RTMGRP_IPV6_ROUTE) until the kernel has put its own local route for each of the
 * addresses into table local.
 */
enum sp_rc sp_lab_nl_wait_local_routes(struct sp_lab_nl *events, const struct sp_lab_ip *ips,
                                       unsigned count, struct sp_err *err);

/* ---- offloads ----------------------------------------------------------------------------- */

/*
 * Turns off every feature that the device lets be turned off and reads it back (SP_E_PIN names
 * those that stayed). fd: any socket of the device's namespace.
 */
enum sp_rc sp_lab_offloads_off(int fd, const char *ifname, struct sp_err *err);

/* ---- pins --------------------------------------------------------------------------------- */

/* One sysctl, for all places. */
struct sp_lab_pin_row {
    const char *name;
    const char *want[SP_PLACE_COUNT]; /* NULL: left alone there */
    const char *got[SP_PLACE_COUNT];  /* NULL: this kernel has none */
    enum sp_place asked_by;           /* the last pin of one place only; SP_PLACE_COUNT: none */
    bool optional;
};

struct sp_lab_pin_plan {
    int proc_fd;            /* where settings are looked up; -1 none */
    struct sp_arena *arena; /* the lab's */
    struct sp_lab_pin_row *rows;
    size_t count;
};

/* Merges the defaults, what the kind and family of the lab need, and the caller's pins. */
enum sp_rc sp_lab_pins_plan(struct sp_lab *lab, struct sp_lab_pin_plan *plan, struct sp_err *err);
/* Sets and reads back those of a place; the thread must be in it, and it has no links yet. */
enum sp_rc sp_lab_pins_apply(struct sp_lab_pin_plan *plan, enum sp_place place, struct sp_err *err);
/* Fills lab->pins. */
/* No more to be set by this plan. */
void sp_lab_pins_done(struct sp_lab_pin_plan *plan);
void sp_lab_pins_publish(struct sp_lab *lab, const struct sp_lab_pin_plan *plan);

/* SP_LAB_HOSTS: what the settings of the labs' pins are where the thread is, into lab->pins. */
enum sp_rc sp_lab_pins_read(struct sp_lab *lab, enum sp_place place, struct sp_err *err);

/* ---- hosts -------------------------------------------------------------------------------- */

const struct sp_lab_route *sp_lab_hosts_route(const struct sp_lab_config *config);
/* Leaves the thread in the near place. */
enum sp_rc sp_lab_hosts_open(struct sp_lab *lab, struct sp_err *err);

/* ---- processes ---------------------------------------------------------------------------- */

/* In a new process: no handler, nothing blocked; no descriptor from `first` on. */
void sp_lab_default_signals(void);
void sp_lab_close_from(unsigned first);

/* ---- places ------------------------------------------------------------------------------- */

const char *sp_lab_place_name(enum sp_place place);
bool sp_lab_place_exists(const struct sp_lab *lab, enum sp_place place);
/* The place's own link under test; NULL where it has none. */
const struct sp_lab_link *sp_lab_own_link(const struct sp_lab *lab, enum sp_place place);
/* The link whose going down pulls the cable of `place`. */
const struct sp_lab_link *sp_lab_far_link(const struct sp_lab *lab, enum sp_place place);
/* Address, local route and permanent neighbour of an end; idempotent. */
void sp_lab_nl_add_end(struct sp_lab_nl *nl, const struct sp_lab *lab, enum sp_place place);
/* The address of an end. */
struct sp_lab_ip sp_lab_end_ip(const struct sp_lab_config *config, enum sp_place place);
/* SP_LAB_ROUTED: the box's address on the network of that end. */
struct sp_lab_ip sp_lab_box_ip(const struct sp_lab_config *config, enum sp_place facing);
/* SP_LAB_ROUTED: the box's addresses, routes and permanent neighbours. */
void sp_lab_nl_add_box(struct sp_lab_nl *nl, const struct sp_lab *lab, enum sp_place facing);
/* Whether client and server have two veth pairs with a box of its own namespace between them. */
bool sp_lab_has_box(enum sp_lab_kind kind);
/* "10.0.0.1" */
void sp_lab_ip_print(const struct sp_lab_ip *ip, char out[48]);

#endif
