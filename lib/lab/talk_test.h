/*
 * For the tests of this room: two processes in a lab that hold a conversation, and a middle that
 * forwards for them and looks at every frame.
 */
#ifndef SP_LAB_TALK_TEST_H
#define SP_LAB_TALK_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "lab.h"

enum { BULK_BYTES = 300000, ANSWER_MS = 20000 };

struct talk_peer {
    char ip[48]; /* to listen on, or to connect to */
    int family;
    uint16_t port; /* to connect to */
};

/* What the middle saw. */
struct talk_path {
    int fds[2]; /* -1: no middle */
    unsigned frames;
    unsigned oversize;
    unsigned bad_sums;
    bool cut; /* forward nothing */
};

struct talk {
    struct sp_lab_proc listener;
    struct sp_lab_proc caller;
    char listener_saw[48]; /* the peer's address, by accept() */
    char caller_used[48];  /* its own address, by getsockname() */
    struct talk_path path;
};

static inline socklen_t talk_addr(const struct talk_peer *peer, struct sockaddr_storage *ss)
{
    memset(ss, 0, sizeof *ss);
    if (peer->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)ss;
        in->sin_family = AF_INET;
        in->sin_port = htons(peer->port);
        inet_pton(AF_INET, peer->ip, &in->sin_addr);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(peer->port);
    inet_pton(AF_INET6, peer->ip, &in6->sin6_addr);
    return sizeof *in6;
}

static inline void talk_print(const struct sockaddr_storage *ss, char out[48])
{
    memset(out, 0, 48);
    if (ss->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)ss)->sin_addr, out, 48);
    else
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)ss)->sin6_addr, out, 48);
}

static inline int talk_write(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static inline int talk_read(int fd, void *data, size_t len)
{
    char *p = data;
    while (len > 0) {
        ssize_t n = read(fd, p, len);
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Listens on its address, says the port, then who came; sends back all it gets. */
static inline int talk_listener(int in_fd, int out_fd, void *arg)
{
    const struct talk_peer *self = arg;
    struct sockaddr_storage ss;
    char who[48];
    char buf[16384];
    socklen_t len = talk_addr(self, &ss);
    int fd = socket(ss.ss_family, SOCK_STREAM, 0);
    (void)in_fd;

    if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, 4) < 0)
        return 10;
    len = sizeof ss;
    getsockname(fd, (struct sockaddr *)&ss, &len);
    uint16_t port = ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
                                                  : ((struct sockaddr_in6 *)&ss)->sin6_port);
    if (talk_write(out_fd, &port, sizeof port) < 0)
        return 11;
    len = sizeof ss;
    int conn = accept(fd, (struct sockaddr *)&ss, &len);
    if (conn < 0)
        return 12;
    talk_print(&ss, who);
    talk_write(out_fd, who, sizeof who);
    for (;;) {
        ssize_t n = read(conn, buf, sizeof buf);
        if (n <= 0)
            return 0;
        if (talk_write(conn, buf, (size_t)n) < 0)
            return 13;
    }
}

/* Connects without binding, says its address; 'e': one byte there and back, 'b': many. */
static inline int talk_caller(int in_fd, int out_fd, void *arg)
{
    static char out[BULK_BYTES];
    static char back[BULK_BYTES];
    const struct talk_peer *peer = arg;
    struct sockaddr_storage ss;
    char who[48];
    char order;
    socklen_t len = talk_addr(peer, &ss);
    int fd = socket(ss.ss_family, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&ss, len) < 0)
        return 20;
    len = sizeof ss;
    getsockname(fd, (struct sockaddr *)&ss, &len);
    talk_print(&ss, who);
    talk_write(out_fd, who, sizeof who);
    while (read(in_fd, &order, 1) == 1) {
        size_t want = order == 'b' ? BULK_BYTES : 1;
        memset(out, order, want);
        if (talk_write(fd, out, want) < 0 || talk_read(fd, back, want) < 0 ||
            memcmp(out, back, want) != 0)
            return 21;
        talk_write(out_fd, &order, 1);
    }
    return 0;
}

/* ---- the middle --------------------------------------------------------------------------- */

static inline uint32_t talk_sum(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += (i & 1) != 0 ? data[i] : (uint32_t)data[i] << 8;
    return sum;
}

static inline uint16_t talk_fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/*
 * Of an Ethernet frame with TCP: the sum over pseudo-header and segment (0xffff where the
 * checksum is right), the pseudo-header's alone, and the field. False where it is not TCP.
 */
static inline bool talk_tcp_sums(const uint8_t *frame, size_t len, uint16_t *whole,
                                 uint16_t *pseudo, uint16_t *field)
{
    const uint8_t *ip = frame + 14;
    bool v4 = frame[12] == 0x08 && frame[13] == 0x00;
    bool v6 = frame[12] == 0x86 && frame[13] == 0xdd;
    if (len < 54 || !(v4 || v6) || (v4 ? ip[9] : ip[6]) != IPPROTO_TCP)
        return false;
    size_t head = v4 ? (size_t)(ip[0] & 15) * 4 : 40;
    size_t tcp_len = v4 ? (size_t)(ip[2] << 8 | ip[3]) - head : (size_t)(ip[4] << 8 | ip[5]);
    if (14 + head + tcp_len > len)
        return false;
    uint32_t sum = v4 ? talk_sum(0, ip + 12, 8) : talk_sum(0, ip + 8, 32);
    sum += IPPROTO_TCP + (uint32_t)tcp_len;
    *pseudo = talk_fold(sum);
    *whole = talk_fold(talk_sum(sum, ip + head, tcp_len));
    *field = (uint16_t)(ip[head + 16] << 8 | ip[head + 17]);
    return true;
}

static inline void talk_forward(struct talk_path *path, int side)
{
    uint8_t frame[65536];
    for (;;) {
        uint16_t whole;
        uint16_t pseudo;
        uint16_t field;
        ssize_t n = recv(path->fds[side], frame, sizeof frame, 0);
        if (n < 0)
            return;
        path->frames++;
        path->oversize += n > 1514;
        if (talk_tcp_sums(frame, (size_t)n, &whole, &pseudo, &field))
            path->bad_sums += whole != 0xffff;
        if (!path->cut)
            (void)!send(path->fds[1 - side], frame, (size_t)n, 0);
    }
}

/* Reads exactly len bytes that a process writes, forwarding meanwhile. False at its end. */
static inline bool talk_await(struct talk_path *path, int fd, void *out, size_t len)
{
    int64_t deadline_ns = sp_clock_now_ns() + ANSWER_MS * SP_MS;
    size_t have = 0;

    while (have < len && sp_clock_now_ns() < deadline_ns) {
        struct pollfd p[3] = {
            {fd, POLLIN, 0}, {path->fds[0], POLLIN, 0}, {path->fds[1], POLLIN, 0}};
        if (poll(p, 3, 1000) < 0)
            return false;
        for (int side = 0; side < 2; side++) {
            if (p[1 + side].revents != 0)
                talk_forward(path, side);
        }
        if (p[0].revents == 0)
            continue;
        ssize_t n = read(fd, (char *)out + have, len - have);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        have += n > 0 ? (size_t)n : 0;
    }
    return have == len;
}

/* ---- the conversation --------------------------------------------------------------------- */

/* From `from` to the other place's address `ip`; false with a line on stderr where it fails. */
static inline bool talk_open(struct talk *talk, const struct sp_lab *lab, enum sp_place from,
                             const char *ip)
{
    struct sp_err err = {0};
    struct talk_peer peer = {.family = lab->config.family};
    enum sp_place to = from == SP_PLACE_CLIENT ? SP_PLACE_SERVER : SP_PLACE_CLIENT;

    memset(talk, 0, sizeof *talk);
    talk->path.fds[0] = -1;
    talk->path.fds[1] = -1;
    snprintf(peer.ip, sizeof peer.ip, "%s", ip);
    if (lab->config.kind == SP_LAB_PATH && sp_lab_path_open(lab, talk->path.fds, &err) != SP_OK)
        goto failed;
    if (sp_lab_spawn(lab, to, talk_listener, &peer, &talk->listener, &err) != SP_OK)
        goto failed;
    if (!talk_await(&talk->path, talk->listener.in_fd, &peer.port, sizeof peer.port)) {
        fprintf(stderr, "no listener on %s\n", ip);
        return false;
    }
    if (sp_lab_spawn(lab, from, talk_caller, &peer, &talk->caller, &err) != SP_OK)
        goto failed;
    if (!talk_await(&talk->path, talk->caller.in_fd, talk->caller_used, 48) ||
        !talk_await(&talk->path, talk->listener.in_fd, talk->listener_saw, 48)) {
        fprintf(stderr, "no connection to %s\n", ip);
        return false;
    }
    return true;
failed:
    fprintf(stderr, "%s\n", err.text);
    return false;
}

static inline bool talk_say(struct talk *talk, char order)
{
    char answer = 0;
    return write(talk->caller.out_fd, &order, 1) == 1 &&
           talk_await(&talk->path, talk->caller.in_fd, &answer, 1) && answer == order;
}

static inline int talk_reap(struct sp_lab_proc *proc)
{
    int status = 0;
    if (proc->pid <= 0)
        return -1;
    close(proc->in_fd);
    close(proc->out_fd);
    if (waitpid(proc->pid, &status, 0) != proc->pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void talk_close(struct talk *talk)
{
    if (talk->listener.pid > 0)
        kill(talk->listener.pid, SIGKILL);
    talk_reap(&talk->caller);
    talk_reap(&talk->listener);
    for (int side = 0; side < 2; side++) {
        if (talk->path.fds[side] >= 0)
            close(talk->path.fds[side]);
    }
}

/* ---- the process that runs the tests ------------------------------------------------------ */

static uint8_t talk_slot;
static bool talk_privileged;
static uint16_t talk_number = 1;

static inline struct sp_lab_config talk_config(enum sp_lab_kind kind, int family)
{
    return (struct sp_lab_config){
        .kind = kind, .family = family, .slot = talk_slot, .number = talk_number++};
}

/* Zero, or prints why nothing can be tested on this machine. */
static inline int talk_init(void)
{
    struct sp_err err = {0};
    if (sp_lab_process_init(&talk_privileged, &err) != SP_OK ||
        sp_lab_slot_take(&talk_slot, &err) != SP_OK) {
        printf("SKIP: %s\n", err.text);
        return -1;
    }
    return 0;
}

#endif
