/*
 * The lab of Windows: its own loopback, as it is.
 *
 * There are no namespaces. What keeps runs apart is their addresses: on IPv4 each has two of its
 * own in 127.0.0.0/8, all of which are the machine's without being put anywhere; on IPv6 all runs
 * have the same two of fd00::/8, where somebody has given them to the loopback interface, and their
 * ports. Nothing can be pinned, cut or unplugged. A slot is a mutex, whose name ends with its
 * owner.
 */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>

enum { SLOTS = 256, LOOPBACK_TYPE = 24 /* IF_TYPE_SOFTWARE_LOOPBACK */ };

enum sp_rc sp_lab_process_init(bool *privileged, struct sp_err *err)
{
    WSADATA data;
    *privileged = false;
    int error = WSAStartup(MAKEWORD(2, 2), &data);
    return error ? sp_fail(err, SP_E_UNSUPPORTED, "Winsock 2.2 does not start: error %d", error)
                 : SP_OK;
}

enum sp_rc sp_lab_slot_take(uint8_t *slot, struct sp_err *err)
{
    static HANDLE held;
    static uint8_t held_slot;
    for (unsigned i = 0; !held && i < SLOTS; i++) {
        char name[64];
        unsigned candidate = (GetCurrentProcessId() / 4 + i) % SLOTS;
        /* 127.0.x.y has the addresses that others use */
        if (!candidate)
            continue;
        snprintf(name, sizeof name, "Local\\sockproof-slot-%u", candidate);
        HANDLE mutex = CreateMutexA(NULL, TRUE, name);
        if (mutex && GetLastError() == ERROR_ALREADY_EXISTS) {
            CloseHandle(mutex);
            continue;
        }
        held = mutex;
        held_slot = (uint8_t)candidate;
    }
    if (!held)
        return sp_fail(err, SP_E_LIMIT, "all %d slots are taken", SLOTS - 1);
    *slot = held_slot;
    return SP_OK;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void take_v6(const struct sockaddr *from, char ends[2][48], unsigned *count)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;
    bool local = v6->sin6_family == AF_INET6 && v6->sin6_addr.s6_addr[0] == 0xfd;
    if (local && *count < 2)
        inet_ntop(AF_INET6, &v6->sin6_addr, ends[(*count)++], 48);
}

/* The first two unique local addresses of the loopback interface; both "" where there are not two.
 */
static void v6_ends(char ends[2][48])
{
    ULONG bytes = 64 * 1024;
    unsigned count = 0;
    IP_ADAPTER_ADDRESSES *all = sp_xcalloc(1, bytes);
    const ULONG only_these =
        GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
    if (GetAdaptersAddresses(AF_INET6, only_these, NULL, all, &bytes) == NO_ERROR)
        for (const IP_ADAPTER_ADDRESSES *at = all; at; at = at->Next)
            for (const IP_ADAPTER_UNICAST_ADDRESS *u = at->FirstUnicastAddress; u; u = u->Next)
                if (at->IfType == LOOPBACK_TYPE)
                    take_v6(u->Address.lpSockaddr, ends, &count);
    free(all);
    if (count < 2)
        *ends[0] = *ends[1] = '\0';
}

/* The two addresses of the run, as on Linux: 4N + 1 and 4N + 2. */
void sp_lab_addresses(const struct sp_lab_config *config, char client[48], char server[48])
{
    if (config->family == 6) {
        char ends[2][48] = {"", ""};
        v6_ends(ends);
        snprintf(client, 48, "%s", ends[0]);
        snprintf(server, 48, "%s", ends[1]);
        return;
    }
    unsigned low = config->number * 4U;
    snprintf(client, 48, "127.%u.%u.%u", config->slot, (low + 1) >> 8 & 255, (low + 1) & 255);
    snprintf(server, 48, "127.%u.%u.%u", config->slot, (low + 2) >> 8 & 255, (low + 2) & 255);
}

/* ---- the lab -----------------------------------------------------------------------------------
 */

const char *sp_lab_note(void)
{
    return "the lab is this machine's own loopback: each run has addresses of its own there, "
           "settings "
           "are as the machine has them, and the runner binds a socket that connects unbound, "
           "because "
           "it would get 127.0.0.1";
}

unsigned sp_lab_kinds(void)
{
    return 1U << SP_LAB_LOOPBACK;
}

bool sp_lab_chooses_source(const struct sp_lab *lab)
{
    (void)lab;
    return false;
}

enum sp_rc sp_lab_open(struct sp_lab *lab, const struct sp_lab_config *config, struct sp_err *err)
{
    *lab = (struct sp_lab){.config = *config, .home_fd = -1, .ns_fd = {-1, -1, -1}};
    sp_arena_init(&lab->arena);
    lab->config.pins = NULL;
    lab->config.pin_count = 0;
    if (config->kind != SP_LAB_LOOPBACK)
        return sp_fail(err, SP_E_UNSUPPORTED, "Windows has the lab loopback only");
    if (config->pin_count)
        return sp_fail(err, SP_E_UNSUPPORTED, "this lab cannot pin %s", config->pins[0].name);
    sp_lab_addresses(config, lab->client_ip, lab->server_ip);
    if (!*lab->client_ip)
        return sp_fail(
            err, SP_E_UNSUPPORTED,
            "the loopback interface has not two addresses of fd00::/8 (docs/windows.md)");
    lab->links[0] = (struct sp_lab_link){.place = SP_PLACE_CLIENT, .name = "loopback"};
    lab->link_count = 1;
    return SP_OK;
}

void sp_lab_close(struct sp_lab *lab)
{
    sp_arena_release(&lab->arena);
}

enum sp_rc sp_lab_enter(const struct sp_lab *lab, enum sp_place place, struct sp_err *err)
{
    (void)lab, (void)place, (void)err;
    return SP_OK;
}

enum sp_rc sp_lab_leave(const struct sp_lab *lab, struct sp_err *err)
{
    (void)lab, (void)err;
    return SP_OK;
}

/* Nothing is pinned: nothing to learn, and nothing that could have changed. */
enum sp_rc sp_lab_learn_defaults(struct sp_err *err)
{
    (void)err;
    return SP_OK;
}

enum sp_rc sp_lab_defaults_hold(struct sp_err *err)
{
    (void)err;
    return SP_OK;
}

/* ---- what it has not ----------------------------------------------------------------------------
 */

static enum sp_rc has_not(struct sp_err *err, const char *what)
{
    return sp_fail(err, SP_E_UNSUPPORTED, "the lab of Windows has no %s", what);
}

void sp_lab_second_address(const struct sp_lab_config *config, char text[48])
{
    (void)config;
    *text = '\0';
}

enum sp_rc sp_lab_hosts_find(struct sp_lab_hosts *hosts, enum sp_place place,
                             const char *const addresses[2], uint16_t control_port,
                             struct sp_err *err)
{
    (void)place, (void)addresses, (void)control_port;
    *hosts = (struct sp_lab_hosts){0};
    return has_not(err, "other machine");
}

void sp_lab_hosts_release(struct sp_lab_hosts *hosts)
{
    (void)hosts;
}

enum sp_rc sp_lab_second(struct sp_lab *lab, enum sp_place place, bool preferred,
                         struct sp_err *err)
{
    (void)lab, (void)place, (void)preferred;
    return has_not(err, "second address");
}

enum sp_rc sp_lab_sysctl(struct sp_lab *lab, enum sp_place place, const char *name,
                         const char *value, struct sp_err *err)
{
    (void)lab, (void)place, (void)name, (void)value;
    return has_not(err, "sysctl");
}

enum sp_rc sp_lab_carrier(struct sp_lab *lab, enum sp_place place, bool on, struct sp_err *err)
{
    (void)lab, (void)place, (void)on;
    return has_not(err, "cable");
}

const char *const *sp_appliance_names(void)
{
    static const char *const none[] = {"router", NULL};
    return none;
}

enum sp_rc sp_appliance_find(const char *text, struct sp_appliance *out, struct sp_arena *arena,
                             struct sp_err *err)
{
    (void)text, (void)arena;
    *out = (struct sp_appliance){0};
    return has_not(err, "box between the ends");
}

enum sp_rc sp_appliance_ready(const struct sp_appliance *appliance, struct sp_err *err)
{
    (void)appliance;
    return has_not(err, "box between the ends");
}

enum sp_rc sp_appliance_up(const struct sp_lab *lab, const struct sp_appliance *appliance,
                           struct sp_appliance_proc **out, struct sp_err *err)
{
    (void)lab, (void)appliance;
    *out = NULL;
    return has_not(err, "box between the ends");
}

enum sp_rc sp_appliance_down(struct sp_appliance_proc *proc, struct sp_err *err)
{
    (void)proc, (void)err;
    return SP_OK;
}
