/*
 * The middle of a path lab: packet sockets on the box's two links. What is read from one is
 * written to the other by whoever plays the middle; the box's kernel has no address and takes no
 * part. No promiscuous mode: a veth hands up every frame whatever its destination, and the switch
 * would leave two lines in the kernel's log for every run.
 *
 * The scripted peer has one of the same kind on its own link, in a place without an address.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

/* Room for a whole send buffer in flight, in full frames and their bookkeeping. */
enum { RECEIVE_BYTES = 8 * 1024 * 1024 };

static enum sp_rc open_link(const struct sp_lab_link *link, int *fd, struct sp_err *err)
{
    const int on = 1;
    const int room = RECEIVE_BYTES;
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = link->ifindex,
    };

    /* Protocol 0: nothing comes in before bind() has named the link. */
    *fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return sp_fail_os(err, SP_E_IO, errno, "opening a packet socket on %s", link->name);
    if (setsockopt(*fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0)
        return sp_fail_os(err, SP_E_UNSUPPORTED, errno,
                          "the middle needs PACKET_IGNORE_OUTGOING (Linux 4.20)");
    /* FORCE goes beyond net.core.rmem_max and is ours in a namespace that we own. */
    if (setsockopt(*fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 &&
        setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "making room for frames on %s", link->name);
    if (bind(*fd, (const struct sockaddr *)&here, sizeof here) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "binding a packet socket to %s", link->name);
    return SP_OK;
}

enum sp_rc sp_lab_path_open(const struct sp_lab *lab, int fds[2], struct sp_err *err)
{
    fds[0] = -1;
    fds[1] = -1;
    if (lab->config.kind != SP_LAB_PATH)
        return sp_fail(err, SP_E_UNSUPPORTED, "only a path lab has a middle");
    enum sp_rc rc = sp_lab_enter(lab, SP_PLACE_BOX, err);
    if (rc != SP_OK)
        return rc;
    for (int side = 0; side < 2 && rc == SP_OK; side++)
        rc = open_link(&lab->links[2 + side], &fds[side], err);
    enum sp_rc left = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    if (rc == SP_OK)
        rc = left;
    for (int side = 0; side < 2 && rc != SP_OK; side++) {
        if (fds[side] >= 0)
            close(fds[side]);
        fds[side] = -1;
    }
    return rc;
}

enum sp_rc sp_lab_peer_open(const struct sp_lab *lab, enum sp_place place, int *fd,
                            struct sp_err *err)
{
    *fd = -1;
    if (lab->config.kind != SP_LAB_VETH || place > SP_PLACE_SERVER || !lab->config.mute[place])
        return sp_fail(err, SP_E_UNSUPPORTED, "only a mute end of a plain link can be played");
    enum sp_rc rc = sp_lab_enter(lab, place, err);
    if (rc != SP_OK)
        return rc;
    rc = open_link(&lab->links[place], fd, err);
    enum sp_rc left = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    if (rc == SP_OK)
        rc = left;
    if (rc != SP_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}
