/*
 * What this room's tests share: a lab, an empty trace with its addresses, and sockets in places.
 * For tests only.
 */
#ifndef SP_WITNESS_FIXTURE_H
#define SP_WITNESS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "witness.h"

#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        struct sp_err check_err = {0};                                                             \
        struct sp_err *err = &check_err;                                                           \
        if ((call) != SP_OK)                                                                       \
            fail_msg("%s: %s", #call, check_err.text);                                             \
    } while (0)

struct fixture {
    struct sp_lab lab;
    struct sp_trace trace;
    struct sp_frames frames;
};

struct wired {
    int listener;
    int client;
    int server;
};

static bool fixture_privileged;
static uint8_t fixture_slot;

/* Why this machine has no labs for us; "" where it has: tests that open one are skipped then. */
static char fixture_refused[512];

/* Once a test program. */
static inline void fixture_process_init(void)
{
    struct sp_err err = {0};
    if (sp_lab_process_init(&fixture_privileged, &err) || sp_lab_slot_take(&fixture_slot, &err))
        snprintf(fixture_refused, sizeof fixture_refused, "%s", err.text);
}

static inline void fixture_open(struct fixture *fixture, enum sp_lab_kind kind, int family)
{
    static uint16_t number;
    memset(fixture, 0, sizeof *fixture);
    if (fixture_refused[0]) {
        fprintf(stderr, "skipped: %s\n", fixture_refused);
        skip();
    }
    struct sp_lab_config config = {
        .kind = kind, .family = family, .slot = fixture_slot, .number = ++number};
    CHECK_OK(sp_lab_open(&fixture->lab, &config, err));
    sp_trace_init(&fixture->trace);
    struct sp_trace_head *head = &fixture->trace.head;
    head->family = (uint8_t)family;
    head->start_mono_ns = sp_clock_now_ns();
    CHECK_OK(sp_addr_parse(fixture->lab.client_ip, &head->addr[SP_END_CLIENT], err));
    CHECK_OK(sp_addr_parse(fixture->lab.server_ip, &head->addr[SP_END_SERVER], err));
}

static inline void fixture_close(struct fixture *fixture)
{
    free(fixture->frames.items);
    sp_trace_release(&fixture->trace);
    sp_lab_close(&fixture->lab);
}

static inline int64_t fixture_now_ns(const struct fixture *fixture)
{
    return sp_clock_now_ns() - fixture->trace.head.start_mono_ns;
}

static inline int socket_in(const struct fixture *fixture, enum sp_place place, int type)
{
    int domain = fixture->lab.config.family == SP_IPV6 ? AF_INET6 : AF_INET;
    CHECK_OK(sp_lab_enter(&fixture->lab, place, err));
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);
    CHECK_OK(sp_lab_leave(&fixture->lab, err));
    assert_true(fd >= 0);
    return fd;
}

static inline socklen_t sockaddr_of(const struct sp_addr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == SP_IPV6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(addr->port);
        memcpy(&in6->sin6_addr, addr->ip, 16);
        return sizeof *in6;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons(addr->port);
    memcpy(&in->sin_addr, addr->ip, 4);
    return sizeof *in;
}

static inline uint16_t port_of(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    return ntohs(((struct sockaddr_in *)&name)->sin_port); /* the same place in both families */
}

static inline void bind_to(int fd, const struct sp_addr *addr)
{
    struct sockaddr_storage name;
    socklen_t len = sockaddr_of(addr, &name);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
}

/* A listener at the server's address, any port. */
static inline int listen_at(const struct fixture *fixture)
{
    int fd = socket_in(fixture, SP_PLACE_SERVER, SOCK_STREAM);
    bind_to(fd, &fixture->trace.head.addr[SP_END_SERVER]);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static inline int connect_to(int fd, const struct fixture *fixture, uint16_t port)
{
    struct sp_addr addr = fixture->trace.head.addr[SP_END_SERVER];
    addr.port = port;
    struct sockaddr_storage name;
    socklen_t len = sockaddr_of(&addr, &name);
    return connect(fd, (struct sockaddr *)&name, len);
}

/* The client's own address needs no bind on veth; on lo, the source would be the server's. */
static inline int client_socket(const struct fixture *fixture)
{
    int one = 1;
    int fd = socket_in(fixture, SP_PLACE_CLIENT, SOCK_STREAM);
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind_to(fd, &fixture->trace.head.addr[SP_END_CLIENT]);
    return fd;
}

static inline struct wired wired_open(const struct fixture *fixture)
{
    struct wired wired = {.listener = listen_at(fixture), .client = client_socket(fixture)};
    assert_int_equal(connect_to(wired.client, fixture, port_of(wired.listener)), 0);
    wired.server = accept(wired.listener, NULL, NULL);
    assert_true(wired.server >= 0);
    return wired;
}

/* Reads to the end of the stream. */
static inline void expect_eof(int fd)
{
    char byte;
    ssize_t got;
    while ((got = recv(fd, &byte, 1, 0)) == 1)
        ;
    assert_int_equal(got, 0);
}

/* Client closes first, then the server: both are done when this returns. */
static inline void wired_close(struct wired *wired)
{
    close(wired->client);
    expect_eof(wired->server);
    close(wired->server);
    close(wired->listener);
}

#endif
