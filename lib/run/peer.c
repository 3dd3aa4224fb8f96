/*
 * Theory of operation. The peer holds one connection at a time: the numbers of its own side as a
 * healthy end would count them, and the real end's as they show on the wire. A segment of the
 * script takes from them what it does not say itself. What a script writes as `seq=` is the
 * script's doing and moves nothing, so that a stray segment does not spoil what comes after it.
 * A SYN from a port that was not heard of before begins a new connection, and so does one of our
 * own from another port or with an initial number of its own.
 */
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "forge.h"

enum {
    FRAME_MAX = 16 * 1024,
    QUOTED_MAX = 60 + 64, /* an IP header and the beginning of what it carries */
    ETHERNET = 14,
    PORT_ACTIVE = 40000, /* of connections that the peer opens */
    PORT_PASSIVE = 7000, /* of those that come to it */
    PORT_CLOSED = 9,     /* where nobody listens */
    WINDOW = 65535,
    TS_BEGIN_MS = 1000000,
};
/* Large enough that sums with it wrap as signed numbers. */
static const uint32_t ISN = 3000000000u;

struct peer {
    int fd;
    uint8_t mac[6], far_mac[6];
    struct sp_addr own, other;

    /* its own side */
    uint32_t isn, snd_nxt;
    uint16_t window;
    bool wscale_sent, ts_sent;
    uint16_t ip_id;
    int64_t now_ns;

    /* the real end's */
    bool irs_known, ts_in, wscale_in;
    uint32_t irs, rcv_nxt; /* rcv_nxt: what the peer has in order, the real end's SND.NXT at most */
    struct forge_end theirs;
    enum sp_who real; /* whose they are */
    uint8_t their_wscale;
    uint32_t ts_recent;
    uint8_t last[QUOTED_MAX]; /* its last segment, from the IP header on */
    size_t last_len;

    bool acks;
    const struct sp_peer_seg *accepts;
    uint8_t frame[FRAME_MAX];
};

enum sp_rc peer_new(const struct sp_lab *lab, enum sp_place place, const struct sp_addr *own,
                    const struct sp_addr *other, struct peer **out, struct sp_err *err)
{
    struct peer *peer = sp_xcalloc(1, sizeof *peer);
    enum sp_rc rc = sp_lab_peer_open(lab, place, &peer->fd, err);
    if (rc != SP_OK) {
        free(peer);
        return rc;
    }
    enum sp_place far = place == SP_PLACE_CLIENT ? SP_PLACE_SERVER : SP_PLACE_CLIENT;
    memcpy(peer->mac, lab->links[place].mac, sizeof peer->mac);
    memcpy(peer->far_mac, lab->links[far].mac, sizeof peer->far_mac);
    peer->real = far == SP_PLACE_CLIENT ? SP_WHO_CLIENT : SP_WHO_SERVER;
    peer->own = *own;
    peer->other = *other;
    peer->isn = peer->snd_nxt = ISN;
    peer->window = WINDOW;
    *out = peer;
    return SP_OK;
}

void peer_free(struct peer *peer)
{
    if (!peer)
        return;
    close(peer->fd);
    free(peer);
}

int peer_fd(const struct peer *peer)
{
    return peer->fd;
}

uint16_t peer_port(const struct peer *peer)
{
    (void)peer;
    return PORT_PASSIVE;
}

/* Forgets the connection; ports are the caller's to set. */
static void begin(struct peer *peer, uint32_t isn)
{
    peer->isn = peer->snd_nxt = isn;
    peer->wscale_sent = peer->ts_sent = false;
    peer->irs_known = peer->ts_in = peer->wscale_in = false;
    peer->irs = peer->rcv_nxt = 0;
    peer->theirs = (struct forge_end){0};
    peer->their_wscale = 0;
}

/* ---- building ------------------------------------------------------------------------------- */

/* What it would say now, if it were a healthy end. */
static struct forge forge_of(const struct peer *peer)
{
    return (struct forge){
        .src = peer->own,
        .dst = peer->other,
        .salt = 'p',
        .isn = peer->isn,
        .other_isn = peer->irs,
        .seq = peer->snd_nxt,
        .ack = peer->irs_known ? peer->rcv_nxt : 0,
        .window = peer->window,
        .ip_id = peer->ip_id,
        .ts = peer->ts_sent && peer->ts_in,
        .ts_val = (uint32_t)(TS_BEGIN_MS + peer->now_ns / SP_MS),
        .ts_ecr = peer->ts_recent,
        .other = peer->real,
        .ends[SP_WHO_CLIENT] = peer->theirs,
        .ends[SP_WHO_SERVER] = peer->theirs, /* there is one real end, by whatever name */
    };
}

/* What a healthy end knows after it has sent this. */
static void note_sent(struct peer *peer, const struct sp_peer_seg *want, const struct sp_seg *seg)
{
    if (want->bad_checksum || want->offset.set)
        return;
    if (seg->flags & SP_SYN) {
        struct sp_opt opt;
        peer->wscale_sent = peer->ts_sent = false;
        for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
            peer->wscale_sent |= opt.kind == SP_OPT_WSCALE;
            peer->ts_sent |= opt.kind == SP_OPT_TIMESTAMPS;
        }
    }
    uint32_t next = seg->seq + sp_seg_space(seg);
    bool own =
        want->seq.base == SP_BASE_USUAL || ((seg->flags & SP_SYN) && want->seq.base == SP_BASE_ABS);
    if (own && !(seg->flags & SP_RST) && sp_seq_lt(peer->snd_nxt, next))
        peer->snd_nxt = next;
    if ((seg->flags & SP_ACK) && !(seg->flags & SP_RST) && peer->irs_known &&
        sp_seq_le(seg->ack, peer->theirs.snd_nxt) && sp_seq_lt(peer->theirs.snd_una, seg->ack))
        peer->theirs.snd_una = seg->ack;
}

static enum sp_rc transmit(struct peer *peer, const struct sp_buf *frame, struct sp_err *err)
{
    if (send(peer->fd, frame->data, frame->len, 0) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "the peer could not send a frame of %zu bytes",
                          frame->len);
    return SP_OK;
}

/* Whether it is nothing that the two ends have between them: from or to somebody else. */
static bool take_way(const struct peer_way *way, struct forge *forge)
{
    bool elsewhere = way->to.family && !sp_addr_same_ip(&way->to, &forge->dst);
    uint16_t from = forge->src.port;
    uint16_t to = forge->dst.port;
    if (elsewhere)
        forge->dst = way->to;
    if (way->src.family)
        forge->src = way->src;
    forge->src.port = from;
    forge->dst.port = to;
    forge->ip_opt = way->ip_opt;
    forge->ip_opt_len = way->ip_opt_len;
    return elsewhere || way->src.family;
}

static enum sp_rc send_segment(struct peer *peer, const struct sp_peer_seg *want,
                               const struct peer_way *way, struct sp_buf *detail,
                               struct sp_err *err)
{
    struct sp_seg seg;
    struct sp_buf frame;
    if (want->window.set)
        peer->window = (uint16_t)want->window.min;
    peer->ip_id++;
    struct forge forge = forge_of(peer);
    bool stray = way && take_way(way, &forge);
    sp_buf_init(&frame, 0);
    enum sp_rc rc = forge_frame(&forge, want, peer->mac, peer->far_mac, &seg, &frame, err);
    if (rc == SP_OK)
        rc = transmit(peer, &frame, err);
    if (rc == SP_OK && !stray)
        note_sent(peer, want, &seg);
    if (rc == SP_OK && detail)
        sp_seg_print(&seg, 0, 0, detail);
    sp_buf_release(&frame);
    return rc;
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

/* The packet that the error quotes: the real end's last, with another number where one is asked
 * for. Its TCP header begins behind an IP header of the usual length. */
static size_t quote(const struct peer *peer, const struct sp_peer_seg *want, uint8_t *out)
{
    size_t ip_len = peer->own.family == SP_IPV6 ? 40 : 20;
    memcpy(out, peer->last, peer->last_len);
    if (want->seq.base == SP_BASE_USUAL || peer->last_len < ip_len + 8)
        return peer->last_len;
    struct forge forge = forge_of(peer);
    uint32_t seq = forge_number(&forge, &want->seq, peer->irs, 0);
    for (int i = 0; i < 4; i++)
        out[ip_len + 4 + (size_t)i] = (uint8_t)(seq >> (24 - 8 * i));
    return peer->last_len;
}

static enum sp_rc send_icmp(struct peer *peer, const struct sp_peer_seg *want,
                            struct sp_buf *detail, struct sp_err *err)
{
    uint8_t packet[QUOTED_MAX];
    size_t len = quote(peer, want, packet);
    const uint8_t *code = want->icmp[peer->own.family == SP_IPV6];
    struct sp_seg seg = {.kind = SP_SEG_ICMP,
                         .src = peer->own,
                         .dst = peer->other,
                         .icmp_type = code[0],
                         .icmp_code = code[1],
                         .icmp_mtu = (uint32_t)want->mtu.min,
                         .payload_len = (uint32_t)len,
                         .quoted_src = peer->other,
                         .quoted_dst = peer->own,
                         .ip_id = ++peer->ip_id};
    struct sp_build_fault fault = {.bad_checksum = want->bad_checksum};
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    if (!len)
        return sp_fail(err, SP_E_USAGE, "there is no segment yet that an ICMP error could quote");
    enum sp_rc rc = sp_wire_build(SP_LINK_ETHERNET, peer->mac, peer->far_mac, &seg, packet, &fault,
                                  &frame, err);
    if (rc == SP_OK)
        rc = transmit(peer, &frame, err);
    if (rc == SP_OK)
        sp_buf_addf(detail, "ICMP type %u code %u", (unsigned)code[0], (unsigned)code[1]);
    sp_buf_release(&frame);
    return rc;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void note_opts(struct peer *peer, const struct sp_seg *seg)
{
    struct sp_opt opt;
    bool syn = (seg->flags & SP_SYN) != 0;
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind == SP_OPT_TIMESTAMPS) {
            peer->ts_recent = opt.ts_val;
            peer->ts_in |= syn;
        } else if (opt.kind == SP_OPT_WSCALE && syn) {
            peer->wscale_in = true;
            peer->their_wscale = opt.wscale;
        }
    }
}

static void note_heard(struct peer *peer, const struct sp_seg *seg)
{
    uint32_t end = seg->seq + sp_seg_space(seg);
    if (seg->flags & SP_RST)
        return;
    if (!peer->irs_known) {
        peer->irs_known = true;
        peer->irs = seg->seq;
        peer->rcv_nxt = seg->seq;
        peer->theirs.snd_nxt = peer->theirs.snd_una = seg->seq;
    }
    note_opts(peer, seg);
    if (sp_seq_lt(peer->theirs.snd_nxt, end))
        peer->theirs.snd_nxt = end;
    if (sp_seq_le(seg->seq, peer->rcv_nxt) && sp_seq_lt(peer->rcv_nxt, end))
        peer->rcv_nxt = end;
    if (seg->flags & SP_ACK)
        peer->theirs.rcv_nxt = seg->ack;
    /* A SYN's window is never scaled (RFC 7323 section 2.2). */
    bool scaled = peer->wscale_in && peer->wscale_sent && !(seg->flags & SP_SYN);
    peer->theirs.window_bytes = (uint32_t)seg->window << (scaled ? peer->their_wscale : 0);
}

/* Whether a segment that has come wants an answer of one who acknowledges all that comes. */
static bool wants_ack(const struct sp_seg *seg, uint32_t expected)
{
    if (seg->flags & (SP_SYN | SP_RST))
        return false;
    return seg->payload_len || (seg->flags & SP_FIN) || seg->seq != expected;
}

static enum sp_rc hear(struct peer *peer, const struct sp_seg *seg, size_t len, struct sp_err *err)
{
    static const struct sp_peer_seg ack = {.flags = SP_ACK};
    bool opens = (seg->flags & (SP_SYN | SP_ACK)) == SP_SYN;
    bool same = sp_addr_same(&seg->src, &peer->other) && sp_addr_same(&seg->dst, &peer->own);
    if (!same && opens) {
        begin(peer, ISN);
        peer->other = seg->src;
        peer->own = seg->dst;
    } else if (!same) {
        return SP_OK;
    }
    uint32_t expected = peer->rcv_nxt;
    note_heard(peer, seg);
    peer->last_len = len - ETHERNET < QUOTED_MAX ? len - ETHERNET : (size_t)QUOTED_MAX;
    memcpy(peer->last, peer->frame + ETHERNET, peer->last_len);
    if (opens && peer->accepts) {
        const struct sp_peer_seg *answer = peer->accepts;
        peer->accepts = NULL;
        return send_segment(peer, answer, NULL, NULL, err);
    }
    return peer->acks && wants_ack(seg, expected) ? send_segment(peer, &ack, NULL, NULL, err)
                                                  : SP_OK;
}

enum sp_rc peer_run(struct peer *peer, int64_t now_ns, struct sp_err *err)
{
    peer->now_ns = now_ns;
    for (;;) {
        ssize_t len = recv(peer->fd, peer->frame, sizeof peer->frame, MSG_DONTWAIT);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return SP_OK;
        if (len < 0)
            return sp_fail_os(err, SP_E_IO, errno, "the peer could not take a frame");
        struct sp_seg seg;
        if (sp_wire_decode(SP_LINK_ETHERNET, peer->frame, (size_t)len, &seg, NULL, NULL) != SP_OK ||
            seg.kind != SP_SEG_TCP || !sp_addr_same_ip(&seg.src, &peer->other) ||
            !sp_addr_same_ip(&seg.dst, &peer->own))
            continue;
        enum sp_rc rc = hear(peer, &seg, (size_t)len, err);
        if (rc != SP_OK)
            return rc;
    }
}

/* ---- the script ----------------------------------------------------------------------------- */

/* Where the segment goes, and whether it begins a connection. */
static void aim(struct peer *peer, const struct sp_peer_seg *want, const struct sp_addr *to,
                uint16_t listener)
{
    if (want->from.set && want->from.min != peer->own.port) {
        begin(peer, ISN);
        peer->own.port = (uint16_t)want->from.min;
    }
    if (to->port)
        peer->other.port = to->port;
    if (!peer->own.port)
        peer->own.port = PORT_ACTIVE;
    if (!peer->other.port)
        peer->other.port = listener ? listener : PORT_CLOSED;
    if ((want->flags & (SP_SYN | SP_ACK)) == SP_SYN && want->seq.base == SP_BASE_ABS)
        begin(peer, (uint32_t)want->seq.offset);
}

enum sp_rc peer_act(struct peer *peer, const struct sp_stmt *stmt, const struct peer_way *way,
                    uint16_t listener, int64_t now_ns, struct sp_buf *detail, struct sp_err *err)
{
    const struct sp_peer_seg *want = stmt->peer;
    peer->now_ns = now_ns;
    switch (want->verb) {
    case SP_PEER_SEGMENT:
        aim(peer, want, &way->to, listener);
        return send_segment(peer, want, way, detail, err);
    case SP_PEER_ICMP:
        return send_icmp(peer, want, detail, err);
    case SP_PEER_ACCEPTS:
        peer->accepts = want;
        return SP_OK;
    case SP_PEER_ACKS:
        peer->acks = true;
        return SP_OK;
    case SP_PEER_SILENT:
        peer->acks = false;
        peer->accepts = NULL;
        return SP_OK;
    }
    return SP_OK;
}
