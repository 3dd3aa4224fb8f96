/*
 * Netlink, as much of it as labs and sock_diag need: a socket, messages built in a buffer, messages
 * and attributes read from one. Sizes and alignments are those of <linux/netlink.h>.
 *
 * Invariants: a buffer that messages are built in is aligned to 4 bytes and has room for what is
 * put there; nothing here checks that. A message under construction is the last thing in its
 * buffer. Threading: none of it has state of its own.
 */
#ifndef SP_LAB_NL_H
#define SP_LAB_NL_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the socket --------------------------------------------------------------------------- */

/* A netlink socket of the thread's present namespace; protocol: NETLINK_*, groups: to listen to, a
 * bit mask. -1 with errno. The caller closes it. */
int sp_nl_open(int protocol, unsigned groups);

/* Both to and from the kernel; -1 with errno. What is not from the kernel is EPROTO. */
ssize_t sp_nl_send(int fd, const void *bytes, size_t len_bytes);
ssize_t sp_nl_recv(int fd, void *out, size_t cap_bytes);

/* ---- building ----------------------------------------------------------------------------- */

/* A zeroed header; type, flags and sequence are the caller's to set. */
struct nlmsghdr *sp_nl_begin(void *buf);
/* What follows the header: so many bytes, zeroed. */
void *sp_nl_put(struct nlmsghdr *msg, size_t len_bytes);
void sp_nl_attr(struct nlmsghdr *msg, uint16_t type, const void *data, size_t len_bytes);
void sp_nl_attr_u8(struct nlmsghdr *msg, uint16_t type, uint8_t value);
void sp_nl_attr_u32(struct nlmsghdr *msg, uint16_t type, uint32_t value);
void sp_nl_attr_str(struct nlmsghdr *msg, uint16_t type, const char *text);
struct nlattr *sp_nl_nest(struct nlmsghdr *msg, uint16_t type);
void sp_nl_nest_end(struct nlmsghdr *msg, struct nlattr *nest);

/* ---- reading ------------------------------------------------------------------------------ */

/* Whether a whole message stands at msg, of the `left` bytes that there are. */
bool sp_nl_ok(const struct nlmsghdr *msg, size_t left);
/* The one behind it; takes its length off *left. */
const struct nlmsghdr *sp_nl_next(const struct nlmsghdr *msg, size_t *left);
const void *sp_nl_body(const struct nlmsghdr *msg);
size_t sp_nl_body_len(const struct nlmsghdr *msg);

/* Calls `each` for every attribute that is whole, behind `skip` bytes of the message's body. The
 * type is without the flags that the kernel may put beside it. */
void sp_nl_attrs(const struct nlmsghdr *msg, size_t skip,
                 void (*each)(uint16_t type, const void *data, size_t len_bytes, void *arg),
                 void *arg);
/* A number of an attribute; 0 where it is too short for one. */
uint32_t sp_nl_u32(const void *data, size_t len_bytes);

#endif
