/*
 * Theory of operation. For each connection the peer keeps the numbers of its own side as a
 * healthy end would count them, and the real end's as they show on the wire. A segment of the
 * script takes from them what it does not say itself. What a script writes as `seq=` is the
 * script's doing and moves nothing, so that a stray segment does not spoil what comes after it.
 * A SYN from a port that was not heard of before begins a new connection, and so does one of our
 * own between other addresses or with an initial number of its own. Lines are about the connection
 * of the line before, or of the SYN that came last, until `from=` or `to=` name another.
 */
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "forge.h"
#include "tcp.h"

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

enum { TALKS = 16 };

/* One connection. */
struct talk {
    struct sp_addr own, other;

    /* its own side */
    uint32_t isn, snd_nxt;
    uint16_t window;
    bool wscale_sent, ts_sent;

    /* the real end's */
    bool irs_known, ts_in, wscale_in;
    uint32_t irs, rcv_nxt; /* rcv_nxt: what the peer has in order, the real end's SND.NXT at most */
    struct forge_end theirs;
    uint8_t their_wscale;
    uint32_t ts_recent;
    uint8_t last[QUOTED_MAX]; /* its last segment, from the IP header on */
    size_t last_len;
};

struct peer {
    int fd;
    uint8_t mac[6], far_mac[6];
    struct sp_addr own, other; /* without ports */
    enum sp_who real;          /* who the other one is */
    struct talk talks[TALKS];
    unsigned talk_count;
    struct talk *at; /* the one that lines are about */
    uint16_t ip_id;
    int64_t now_ns;
    uint64_t heard; /* sp_tcp_identity() of the segment that came last */

    bool acks;
    const struct sp_peer_seg *accepts;
    uint8_t frame[FRAME_MAX];
};

/* Forgets what was said; the addresses stay. */
static void begin(struct talk *talk, uint32_t isn)
{
    *talk = (struct talk){
        .own = talk->own, .other = talk->other, .isn = isn, .snd_nxt = isn, .window = WINDOW};
}

static struct talk *talk_find(struct peer *peer, const struct sp_addr *own,
                              const struct sp_addr *other)
{
    for (unsigned i = 0; i < peer->talk_count; i++)
        if (sp_addr_same(&peer->talks[i].own, own) && sp_addr_same(&peer->talks[i].other, other))
            return &peer->talks[i];
    return NULL;
}

/* A new one; where there are too many, in place of the first. */
static struct talk *talk_new(struct peer *peer, const struct sp_addr *own,
                             const struct sp_addr *other)
{
    bool blank = !peer->at->own.port && !peer->at->other.port;
    struct talk *talk = peer->at;
    if (!blank && peer->talk_count == TALKS)
        talk = &peer->talks[0];
    else if (!blank)
        talk = &peer->talks[peer->talk_count++];
    talk->own = *own;
    talk->other = *other;
    begin(talk, ISN);
    return talk;
}

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
    peer->at = &peer->talks[0];
    peer->talk_count = 1;
    peer->at->own = *own;
    peer->at->other = *other;
    begin(peer->at, ISN);
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

/* ---- building ------------------------------------------------------------------------------- */

/* What it would say now, if it were a healthy end. */
static struct forge forge_of(const struct peer *peer, const struct talk *talk)
{
    return (struct forge){
        .src = talk->own,
        .dst = talk->other,
        .salt = 'p',
        .isn = talk->isn,
        .other_isn = talk->irs,
        .seq = talk->snd_nxt,
        .ack = talk->irs_known ? talk->rcv_nxt : 0,
        .window = talk->window,
        .ip_id = peer->ip_id,
        .ts = talk->ts_sent && talk->ts_in,
        .ts_val = (uint32_t)(TS_BEGIN_MS + peer->now_ns / SP_MS),
        .ts_ecr = talk->ts_recent,
        .other = peer->real,
        .ends[SP_WHO_CLIENT] = talk->theirs,
        .ends[SP_WHO_SERVER] = talk->theirs, /* there is one real end, by whatever name */
    };
}

/* What a healthy end knows after it has sent this. */
static void note_sent(struct talk *talk, const struct sp_peer_seg *want, const struct sp_seg *seg)
{
    if (want->bad_checksum || want->bad_ip_checksum || want->offset.set)
        return;
    if (seg->flags & SP_SYN) {
        struct sp_opt opt;
        talk->wscale_sent = talk->ts_sent = false;
        for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
            talk->wscale_sent |= opt.kind == SP_OPT_WSCALE;
            talk->ts_sent |= opt.kind == SP_OPT_TIMESTAMPS;
        }
    }
    uint32_t next = seg->seq + sp_seg_space(seg);
    bool own =
        want->seq.base == SP_BASE_USUAL || ((seg->flags & SP_SYN) && want->seq.base == SP_BASE_ABS);
    if (own && !(seg->flags & SP_RST) && sp_seq_lt(talk->snd_nxt, next))
        talk->snd_nxt = next;
    if ((seg->flags & SP_ACK) && !(seg->flags & SP_RST) && talk->irs_known &&
        sp_seq_le(seg->ack, talk->theirs.snd_nxt) && sp_seq_lt(talk->theirs.snd_una, seg->ack))
        talk->theirs.snd_una = seg->ack;
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
    memcpy(forge->labelled, way->labelled, sizeof forge->labelled);
    forge->ip_opt = way->ip_opt;
    forge->ip_opt_len = way->ip_opt_len;
    return elsewhere || way->src.family;
}

static enum sp_rc send_segment(struct peer *peer, struct talk *talk, const struct sp_peer_seg *want,
                               const struct peer_way *way, struct sp_buf *detail,
                               struct sp_err *err)
{
    struct sp_seg seg;
    struct sp_buf frame;
    if (want->window.set)
        talk->window = (uint16_t)want->window.min;
    peer->ip_id++;
    struct forge forge = forge_of(peer, talk);
    bool stray = way && take_way(way, &forge);
    sp_buf_init(&frame, 0);
    enum sp_rc rc = forge_frame(&forge, want, peer->mac, peer->far_mac, &seg, &frame, err);
    if (rc == SP_OK)
        rc = transmit(peer, &frame, err);
    if (rc == SP_OK && !stray)
        note_sent(talk, want, &seg);
    if (rc == SP_OK && detail)
        sp_seg_print(&seg, 0, 0, detail);
    sp_buf_release(&frame);
    return rc;
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

/* The packet that the error quotes: the real end's last, with another number where one is asked
 * for. Its TCP header begins behind an IP header of the usual length. */
static size_t quote(const struct peer *peer, const struct sp_peer_seg *want,
                    const struct peer_way *way, uint8_t *out)
{
    const struct talk *talk = peer->at;
    size_t ip_len = peer->own.family == SP_IPV6 ? 40 : 20;
    memcpy(out, talk->last, talk->last_len);
    if (want->seq.base == SP_BASE_USUAL || talk->last_len < ip_len + 8)
        return talk->last_len;
    struct forge forge = forge_of(peer, talk);
    uint32_t seq = forge_number(&forge, &want->seq, talk->irs, 0, way->labelled[0]);
    for (int i = 0; i < 4; i++)
        out[ip_len + 4 + (size_t)i] = (uint8_t)(seq >> (24 - 8 * i));
    return talk->last_len;
}

static enum sp_rc send_icmp(struct peer *peer, const struct sp_peer_seg *want,
                            const struct peer_way *way, struct sp_buf *detail, struct sp_err *err)
{
    uint8_t packet[QUOTED_MAX];
    size_t len = quote(peer, want, way, packet);
    const uint8_t *code = want->icmp[peer->own.family == SP_IPV6];
    struct sp_seg seg = {.kind = SP_SEG_ICMP,
                         .src = way->src.family ? way->src : peer->own,
                         .dst = peer->other,
                         .icmp_type = code[0],
                         .icmp_code = code[1],
                         .icmp_mtu = (uint32_t)want->mtu.min,
                         .payload_len = (uint32_t)len,
                         .quoted_src = peer->at->other,
                         .quoted_dst = peer->at->own,
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

static void note_opts(struct talk *talk, const struct sp_seg *seg)
{
    struct sp_opt opt;
    bool syn = (seg->flags & SP_SYN) != 0;
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind == SP_OPT_TIMESTAMPS) {
            talk->ts_recent = opt.ts_val;
            talk->ts_in |= syn;
        } else if (opt.kind == SP_OPT_WSCALE && syn) {
            talk->wscale_in = true;
            talk->their_wscale = opt.wscale;
        }
    }
}

static void note_heard(struct talk *talk, const struct sp_seg *seg)
{
    uint32_t end = seg->seq + sp_seg_space(seg);
    if (seg->flags & SP_RST)
        return;
    if (!talk->irs_known) {
        talk->irs_known = true;
        talk->irs = seg->seq;
        talk->rcv_nxt = seg->seq;
        talk->theirs.snd_nxt = talk->theirs.snd_una = seg->seq;
    }
    note_opts(talk, seg);
    if (sp_seq_lt(talk->theirs.snd_nxt, end))
        talk->theirs.snd_nxt = end;
    if (sp_seq_le(seg->seq, talk->rcv_nxt) && sp_seq_lt(talk->rcv_nxt, end))
        talk->rcv_nxt = end;
    if (seg->flags & SP_ACK)
        talk->theirs.rcv_nxt = seg->ack;
    /* A SYN's window is never scaled (RFC 7323 section 2.2). */
    bool scaled = talk->wscale_in && talk->wscale_sent && !(seg->flags & SP_SYN);
    talk->theirs.window_bytes = (uint32_t)seg->window << (scaled ? talk->their_wscale : 0);
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
    struct talk *talk = talk_find(peer, &seg->dst, &seg->src);
    if (!talk && !opens)
        return SP_OK;
    if (!talk)
        talk = talk_new(peer, &seg->dst, &seg->src);
    else if (opens && talk->irs_known && talk->irs != seg->seq)
        begin(talk, ISN);
    if (opens)
        peer->at = talk;
    uint32_t expected = talk->rcv_nxt;
    note_heard(talk, seg);
    talk->last_len = len - ETHERNET < QUOTED_MAX ? len - ETHERNET : (size_t)QUOTED_MAX;
    memcpy(talk->last, peer->frame + ETHERNET, talk->last_len);
    if (opens && peer->accepts) {
        const struct sp_peer_seg *answer = peer->accepts;
        peer->accepts = NULL;
        return send_segment(peer, talk, answer, NULL, NULL, err);
    }
    return peer->acks && wants_ack(seg, expected) ? send_segment(peer, talk, &ack, NULL, NULL, err)
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
            seg.kind != SP_SEG_TCP || !sp_addr_same_ip(&seg.src, &peer->other) || !seg.src.port)
            continue; /* port 0: the runner's own (exec_fence.c) */
        peer->heard = sp_tcp_identity(&seg);
        enum sp_rc rc = hear(peer, &seg, (size_t)len, err);
        if (rc != SP_OK)
            return rc;
    }
}

uint64_t peer_heard(const struct peer *peer)
{
    return peer->heard;
}

/* ---- the script ----------------------------------------------------------------------------- */

/* Which connection the segment is of, and whether it begins one. */
static void aim(struct peer *peer, const struct sp_peer_seg *want, const struct peer_way *way,
                uint16_t listener)
{
    struct sp_addr own = peer->at->own, other = peer->at->other;
    if (way->from.family)
        own = way->from;
    if (!own.port)
        own.port = peer->at->own.port ? peer->at->own.port : PORT_ACTIVE;
    if (way->to.family)
        other.port = way->to.port; /* another host is this segment's alone */
    if (!other.port)
        other.port = peer->at->other.port ? peer->at->other.port : listener;
    if (!other.port)
        other.port = PORT_CLOSED;
    struct talk *talk = talk_find(peer, &own, &other);
    peer->at = talk ? talk : talk_new(peer, &own, &other);
    if ((want->flags & (SP_SYN | SP_ACK)) == SP_SYN && want->seq.base == SP_BASE_ABS)
        begin(peer->at, (uint32_t)want->seq.offset);
}

enum sp_rc peer_act(struct peer *peer, const struct sp_stmt *stmt, const struct peer_way *way,
                    uint16_t listener, int64_t now_ns, struct sp_buf *detail, struct sp_err *err)
{
    const struct sp_peer_seg *want = stmt->peer;
    peer->now_ns = now_ns;
    switch (want->verb) {
    case SP_PEER_SEGMENT:
        aim(peer, want, way, listener);
        return send_segment(peer, peer->at, want, way, detail, err);
    case SP_PEER_ICMP:
        return send_icmp(peer, want, way, detail, err);
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
