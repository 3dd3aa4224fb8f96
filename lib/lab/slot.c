/*
 * Slots: which of 256 address ranges this runner has to itself. The claim is a name in the
 * abstract socket namespace, which the kernel gives back when the last descriptor of it is
 * closed, however the process ends.
 */
#include "lab.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SLOTS = 256 };

/* The claim of this process; held to its end. */
static int held_fd = -1;
static uint8_t held_slot;

static int claim(int fd, unsigned slot)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "sockproof-slot-%u", slot);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);

    return bind(fd, (const struct sockaddr *)&name, size);
}

enum sp_rc sp_lab_slot_take(uint8_t *slot, struct sp_err *err)
{
    if (held_fd >= 0) {
        *slot = held_slot;
        return SP_OK;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sp_fail_os(err, SP_E_IO, errno, "making the socket that claims a slot");
    for (unsigned i = 0; i < SLOTS; i++) {
        unsigned candidate = ((unsigned)getpid() + i) % SLOTS;
        if (claim(fd, candidate) == 0) {
            held_fd = fd;
            held_slot = (uint8_t)candidate;
            *slot = held_slot;
            return SP_OK;
        }
        if (errno != EADDRINUSE) {
            int os = errno;
            close(fd);
            return sp_fail_os(err, SP_E_IO, os, "claiming slot %u", candidate);
        }
    }
    close(fd);
    return sp_fail(err, SP_E_LIMIT, "all %d slots are taken: %d runners are at work already", SLOTS,
                   SLOTS);
}
