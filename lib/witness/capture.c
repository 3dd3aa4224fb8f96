/*
 * Theory of operation: every segment on a link, by libpcap.
 *
 * One handle a link, opened inside the link's namespace and used from anywhere. Immediate mode
 * (TPACKET_V2: each frame is there as soon as it was captured), nanosecond stamps, both
 * directions, whole frames. There is no filter program: links of a lab carry next to nothing that
 * is not under test, and what is not (ARP, neighbour discovery) is left out after decoding.
 *
 * Time: the kernel stamps frames with CLOCK_REALTIME. real_offset_ns, from
 * sp_clock_realtime_offset_ns() taken in the same run, turns that into CLOCK_MONOTONIC; minus the
 * trace's start_mono_ns it is the trace's time.
 *
 * Checksums: lo never computes them. A segment that a socket sends there carries the sum of the
 * pseudo header alone (CHECKSUM_PARTIAL), for a device that would do the rest; the feature is
 * fixed and cannot be turned off. The kernel tells such frames apart (TP_STATUS_CSUMNOTREADY), but
 * libpcap's API does not pass it on. So on lo, and there only, a checksum field that holds exactly
 * that partial sum is counted as right. Segments that the kernel sends without a socket (the RST
 * of a closed port) are summed in full on lo too, and are checked in full.
 */
#include "witness.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "linux_tcp.h"

enum {
    SNAP_BYTES = 65535,
    /* 75 and 600 frames of an Ethernet MTU. Its pages are most of what opening and closing cost. */
    RING_BYTES = 128 * 1024,
    BULK_FROM_BYTES = 16 * 1024,
    BULK_RING_BYTES = 1024 * 1024,
    SHARED_RING_BYTES = 16 * 1024 * 1024, /* what others send needs room, too */
};

/* A connection, from who sent its SYN. */
struct opened {
    struct sp_addr from, to;
};

struct sp_capture {
    pcap_t *pcap;
    enum sp_point point;
    enum sp_link link;
    uint32_t frames; /* delivered to a trace so far: the last frame's number */
    bool shared;     /* a network that others use: only connections opened in the run are its own */
    uint16_t control_port; /* and of those none to this port */
    struct opened *opened;
    size_t opened_len;
    size_t opened_cap;
};

/* A handle that is configured and active, in whatever namespace the thread is in. */
static enum sp_rc activate(const char *device, int ring_bytes, pcap_t **out, struct sp_err *err)
{
    char words[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create(device, words);
    if (!pcap)
        return sp_fail(err, SP_E_IO, "capture on %s: %s", device, words);
    enum sp_rc rc = SP_OK;
    int status = 0;
    if (pcap_set_snaplen(pcap, SNAP_BYTES) || pcap_set_buffer_size(pcap, ring_bytes) ||
        pcap_set_immediate_mode(pcap, 1) || pcap_set_promisc(pcap, 0) || pcap_set_timeout(pcap, 1))
        rc = sp_fail(err, SP_E_IO, "capture on %s cannot be configured", device);
    else if (pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO))
        rc = sp_fail(err, SP_E_UNSUPPORTED, "capture on %s has no nanosecond stamps", device);
    else if ((status = pcap_activate(pcap)) < 0)
        rc = sp_fail(err,
                     status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED
                         ? SP_E_PERM
                         : SP_E_IO,
                     "capture on %s: %s", device, pcap_geterr(pcap));
    else if (pcap_setnonblock(pcap, 1, words))
        rc = sp_fail(err, SP_E_IO, "capture on %s: %s", device, words);
    if (rc != SP_OK) {
        pcap_close(pcap);
        pcap = NULL;
    }
    *out = pcap;
    return rc;
}

/* Each segment of what is moved at once, and an acknowledgement of each, takes a frame's place. */
static int ring_bytes_for(const struct sp_lab *lab, int64_t most_bytes)
{
    int64_t all_bytes = most_bytes * 5 / 2;
    if (lab->config.kind == SP_LAB_HOSTS || all_bytes > SHARED_RING_BYTES)
        return SHARED_RING_BYTES;
    if (most_bytes <= BULK_FROM_BYTES)
        return RING_BYTES;
    return all_bytes > BULK_RING_BYTES ? (int)all_bytes : BULK_RING_BYTES;
}

enum sp_rc sp_capture_open(const struct sp_lab *lab, const struct sp_lab_link *link,
                           enum sp_point point, int64_t most_bytes, struct sp_capture **out,
                           struct sp_err *err)
{
    *out = NULL;
    enum sp_rc rc = sp_lab_enter(lab, link->place, err);
    if (rc)
        return rc;
    pcap_t *pcap = NULL;
    rc = activate(link->name, ring_bytes_for(lab, most_bytes), &pcap, err);
    enum sp_rc back = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    if (rc == SP_OK)
        rc = back;
    int type = pcap ? pcap_datalink(pcap) : DLT_NULL;
    if (rc == SP_OK && type != DLT_EN10MB && type != DLT_RAW)
        rc = sp_fail(err, SP_E_UNSUPPORTED, "capture on %s has link type %s", link->name,
                     pcap_datalink_val_to_name(type));
    if (rc != SP_OK) {
        if (pcap)
            pcap_close(pcap);
        return rc;
    }
    struct sp_capture *capture = sp_xcalloc(1, sizeof *capture);
    capture->pcap = pcap;
    capture->point = point;
    capture->link = type == DLT_RAW ? SP_LINK_RAW_IP : SP_LINK_ETHERNET;
    capture->shared = lab->config.kind == SP_LAB_HOSTS;
    capture->control_port = capture->shared ? lab->config.hosts->control_port : 0;
    *out = capture;
    return SP_OK;
}

void sp_capture_free(struct sp_capture *capture)
{
    if (!capture)
        return;
    pcap_close(capture->pcap);
    free(capture->opened);
    free(capture);
}

int sp_capture_fd(const struct sp_capture *capture)
{
    return pcap_get_selectable_fd(capture->pcap);
}

enum sp_link sp_capture_link(const struct sp_capture *capture)
{
    return capture->link;
}

/* ---- draining ----------------------------------------------------------------------------- */

struct drain {
    struct sp_capture *capture;
    struct sp_trace *trace;
    struct sp_frames *frames;
    int64_t real_offset_ns;
};

static uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t len_bytes)
{
    for (size_t i = 0; i + 1 < len_bytes; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return sum;
}

/* Whether the checksum field holds the pseudo header's sum alone (RFC 9293 section 3.1). */
static bool is_partial_sum(const struct sp_seg *seg)
{
    enum { TCP_PROTOCOL = 6, TCP_HEADER_BYTES = 20 };
    if (seg->kind != SP_SEG_TCP)
        return false;
    size_t ip_len = seg->src.family == SP_IPV6 ? 16 : 4;
    uint32_t tcp_len = TCP_HEADER_BYTES + seg->opt_len + seg->payload_len;
    uint32_t sum = TCP_PROTOCOL + (tcp_len >> 16) + (tcp_len & 0xffff);
    sum = sum_bytes(sum, seg->src.ip, ip_len);
    sum = sum_bytes(sum, seg->dst.ip, ip_len);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return seg->checksum == sum;
}

static bool is_of_run(const struct sp_trace_head *head, const struct sp_seg *seg)
{
    return sp_linux_addr_end(head, &seg->src) != SP_END_NONE ||
           sp_linux_addr_end(head, &seg->dst) != SP_END_NONE;
}

static bool same_addr(const struct sp_addr *a, const struct sp_addr *b)
{
    return sp_addr_same_ip(a, b) && a->port == b->port;
}

static bool is_opened(const struct sp_capture *capture, const struct sp_addr *src,
                      const struct sp_addr *dst)
{
    for (size_t i = 0; i < capture->opened_len; i++) {
        const struct opened *conn = &capture->opened[i];
        if ((same_addr(&conn->from, src) && same_addr(&conn->to, dst)) ||
            (same_addr(&conn->from, dst) && same_addr(&conn->to, src)))
            return true;
    }
    return false;
}

/*
 * On a network that others use: whether a segment is the run's. What was open before it (another
 * run's last segments, the agent's own connection) sends no SYN any more.
 */
static bool is_own(struct sp_capture *capture, const struct sp_trace_head *head,
                   const struct sp_seg *seg)
{
    if (seg->kind == SP_SEG_ICMP)
        return is_opened(capture, &seg->quoted_src, &seg->quoted_dst);
    if (sp_linux_addr_end(head, &seg->src) == SP_END_NONE ||
        sp_linux_addr_end(head, &seg->dst) == SP_END_NONE ||
        seg->src.port == capture->control_port || seg->dst.port == capture->control_port)
        return false;
    bool fence = seg->src.port == 0 && seg->dst.port == 0; /* exec_fence.c */
    bool opens = (seg->flags & (SP_SYN | SP_ACK)) == SP_SYN;
    bool known = is_opened(capture, &seg->src, &seg->dst);
    if (opens && !known)
        SP_PUSH(capture->opened, capture->opened_len, capture->opened_cap) =
            (struct opened){seg->src, seg->dst};
    return fence || opens || known;
}

static void frame_take(unsigned char *arg, const struct pcap_pkthdr *header,
                       const unsigned char *bytes)
{
    struct drain *drain = (struct drain *)arg;
    struct sp_capture *capture = drain->capture;
    struct sp_trace *trace = drain->trace;
    struct sp_seg seg;
    struct sp_err why = {0};
    memset(&seg, 0, sizeof seg);
    enum sp_rc rc = sp_wire_decode(capture->link, bytes, header->caplen, &seg, NULL, &why);
    bool malformed = rc == SP_E_PARSE;
    if (rc != SP_OK && !malformed)
        return;
    if (!malformed && !is_of_run(&trace->head, &seg))
        return;
    if (capture->shared && (malformed || !is_own(capture, &trace->head, &seg)))
        return;
    if (!malformed && !seg.checksum_ok && capture->point == SP_AT_LO)
        seg.checksum_ok = is_partial_sum(&seg);

    /* With nanosecond precision, tv_usec holds nanoseconds. */
    int64_t real_ns = (int64_t)header->ts.tv_sec * SP_S + header->ts.tv_usec;
    int64_t t_ns = real_ns + drain->real_offset_ns - trace->head.start_mono_ns;
    uint32_t number = ++capture->frames;
    uint8_t *copy = sp_arena_alloc(&trace->arena, header->caplen);
    memcpy(copy, bytes, header->caplen);
    SP_PUSH(drain->frames->items, drain->frames->len, drain->frames->cap) =
        (struct sp_capture_frame){
            .point = capture->point,
            .number = number,
            .t_ns = t_ns,
            .len_bytes = header->caplen,
            .wire_len_bytes = header->len,
            .data = copy,
        };
    const char *text = malformed ? sp_trace_str(trace, why.text) : NULL;
    struct sp_event *event = sp_trace_add(trace, SP_EV_SEG, t_ns);
    event->end = sp_linux_addr_end(&trace->head, &seg.src);
    /* Behind a box that rewrites addresses the client may have another: who else sends there? */
    bool stranger = event->end == SP_END_NONE && capture->point == SP_AT_SERVER && !malformed;
    if (stranger && trace->head.tcp[SP_END_MIDDLE].name && seg.kind == SP_SEG_TCP)
        event->end = SP_END_CLIENT;
    /* Under a false name: only a scripted peer does that, and only where there is one. */
    if (event->end == SP_END_NONE && trace->head.addr[SP_END_PEER].family)
        event->end = SP_END_PEER;
    event->u.seg.point = capture->point;
    event->u.seg.seg = seg;
    event->u.seg.frame = number;
    event->u.seg.malformed = text;
}

enum sp_rc sp_capture_drain(struct sp_capture *capture, struct sp_trace *trace,
                            struct sp_frames *frames, int64_t real_offset_ns, struct sp_err *err)
{
    struct drain drain = {capture, trace, frames, real_offset_ns};
    int count;
    do {
        count = pcap_dispatch(capture->pcap, -1, frame_take, (unsigned char *)&drain);
    } while (count > 0);
    if (count < 0)
        return sp_fail(err, SP_E_IO, "capture at %s: %s", sp_point_name(capture->point),
                       pcap_geterr(capture->pcap));
    return SP_OK;
}

enum sp_rc sp_capture_send(struct sp_capture *capture, const void *frame, size_t len_bytes,
                           struct sp_err *err)
{
    if (pcap_inject(capture->pcap, frame, len_bytes) == (int)len_bytes)
        return SP_OK;
    return sp_fail_os(err, SP_E_IO, errno, "a frame of ours at %s: %s",
                      sp_point_name(capture->point), pcap_geterr(capture->pcap));
}

enum sp_rc sp_capture_drops(struct sp_capture *capture, uint32_t *drops, struct sp_err *err)
{
    struct pcap_stat stat = {0};
    if (pcap_stats(capture->pcap, &stat))
        return sp_fail(err, SP_E_IO, "drops at %s: %s", sp_point_name(capture->point),
                       pcap_geterr(capture->pcap));
    *drops = stat.ps_drop;
    return SP_OK;
}
