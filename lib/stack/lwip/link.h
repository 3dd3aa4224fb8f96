/* lwIP on an interface of this machine that no kernel's address is on. */
#ifndef SP_STACK_LWIP_LINK_H
#define SP_STACK_LWIP_LINK_H

#include <stdint.h>

#include "err.h"

struct sp_lwip_link {
    const char *interface; /* whole Ethernet frames are read from it and written to it */
    const char *address;   /* IPv4 (/24) or IPv6 (/64), as text */
    const char *peer_mac;  /* of the host behind it: nobody answers ARP in a lab */
    const char *peer;      /* the other end's address; on another network behind a box */
    const char *states;    /* the file that is told of states, "" none */
};

/*
 * Starts lwIP's thread, and one that reads the interface; both run until the process ends. Once in
 * a process, in its network namespace. Needs CAP_NET_RAW.
 */
enum sp_rc sp_lwip_start(const struct sp_lwip_link *link, struct sp_err *err);

/*
 * What has arrived at the interface by now has gone through lwIP when this returns, as it has in a
 * kernel before a call of a program begins. From any thread without the core lock.
 */
void sp_lwip_catch_up(void);

#endif
