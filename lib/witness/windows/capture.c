/*
 * Theory of operation: every segment on Windows's loopback, by Npcap's wpcap.dll (or Wine's).
 *
 * The library is loaded at run time, where there is one; without it, without a loopback device, or
 * without the right to use it, the capture is blind and says why. All that travels on the machine's
 * loopback is seen: what is not of the run is left out after decoding.
 *
 * Link types: Npcap's loopback puts the address family before each packet (DLT_NULL), Wine shows
 * Linux's Ethernet. Frames are kept as Ethernet with zeros for addresses, as Linux's lo has them.
 *
 * Time: stamps are of the wall clock. Its offset to the monotonic clock is taken anew for each
 * drain: the two drift apart by microseconds a second, and a frame must not overtake its call.
 *
 * Checksums: on loopback nobody computes them, and what stands in the field is each system's
 * business; they are not held against a segment.
 *
 * Canaries are datagrams between two sockets of our own on the run's two addresses.
 */
#include "windows/capture.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include "clock.h"
#include "linux_tcp.h"

enum {
    SNAP_BYTES = 65535,
    RING_BYTES = 16 * 1024 * 1024, /* a run that sends megabytes, on a machine that is busy */
    ETHERNET_BYTES = 14,
    FAMILY_BYTES = 4, /* of DLT_NULL */
    UDP_PROTOCOL = 17,
};
static const char canary_text[] = "sockproof canary";

/* ---- the library --------------------------------------------------------------------------------
 */

/* What we call of it: name, result, arguments. Those in `optional` may be missing. */
#define WPCAP_FUNCTIONS(X)                                                                         \
    X(create, pcap_t *, (const char *device, char *error))                                         \
    X(set_snaplen, int, (pcap_t * pcap, int bytes))                                                \
    X(set_buffer_size, int, (pcap_t * pcap, int bytes))                                            \
    X(set_promisc, int, (pcap_t * pcap, int on))                                                   \
    X(set_timeout, int, (pcap_t * pcap, int ms))                                                   \
    X(activate, int, (pcap_t * pcap))                                                              \
    X(setnonblock, int, (pcap_t * pcap, int on, char *error))                                      \
    X(datalink, int, (pcap_t * pcap))                                                              \
    X(next_ex, int, (pcap_t * pcap, struct pcap_pkthdr * *header, const u_char **data))            \
    X(geterr, char *, (pcap_t * pcap))                                                             \
    X(stats, int, (pcap_t * pcap, struct pcap_stat * stat))                                        \
    X(close, void, (pcap_t * pcap))                                                                \
    X(findalldevs, int, (pcap_if_t * *all, char *error))                                           \
    X(freealldevs, void, (pcap_if_t * all))
#define WPCAP_OPTIONAL(X)                                                                          \
    X(set_immediate_mode, int, (pcap_t * pcap, int on))                                            \
    X(set_tstamp_precision, int, (pcap_t * pcap, int precision))                                   \
    X(get_tstamp_precision, int, (pcap_t * pcap))                                                  \
    X(getevent, HANDLE, (pcap_t * pcap))

struct wpcap {
    HMODULE library;
#define FIELD(name, result, arguments) result(*name) arguments;
    WPCAP_FUNCTIONS(FIELD)
    WPCAP_OPTIONAL(FIELD)
#undef FIELD
};

struct sp_capture {
    struct wpcap wpcap;
    pcap_t *pcap; /* NULL: blind */
    char blind[256];
    enum sp_point point;
    bool nanoseconds, family_first;
    HANDLE event;
    uint32_t frames;
    unsigned canaries;
    SOCKET from, to; /* the canaries' */
    uint16_t canary_port;
};

static bool find_functions(struct wpcap *wpcap)
{
    const struct {
        const char *name;
        void *place;
        bool optional;
    } wanted[] = {
#define ROW(name, result, arguments) {"pcap_" #name, &wpcap->name, false},
        WPCAP_FUNCTIONS(ROW)
#undef ROW
#define ROW(name, result, arguments) {"pcap_" #name, &wpcap->name, true},
            WPCAP_OPTIONAL(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        FARPROC found = GetProcAddress(wpcap->library, wanted[i].name);
        if (!found && !wanted[i].optional)
            return false;
        memcpy(wanted[i].place, &found, sizeof found);
    }
    return true;
}

/* Npcap keeps to a folder of its own, so as not to be taken for WinPcap; both may be there. */
static bool library_load(struct wpcap *wpcap)
{
    char path[MAX_PATH + 32];
    UINT len = GetSystemDirectoryA(path, MAX_PATH);
    snprintf(path + len, sizeof path - len, "\\Npcap\\wpcap.dll");
    wpcap->library = LoadLibraryExA(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!wpcap->library)
        wpcap->library = LoadLibraryExA("wpcap.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    return wpcap->library && find_functions(wpcap);
}

static bool is_loopback(const pcap_if_t *device)
{
    if (device->flags & PCAP_IF_LOOPBACK || strstr(device->name, "NPF_Loopback"))
        return true;
    for (const pcap_addr_t *at = device->addresses; at; at = at->next) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)at->addr;
        if (v4 && v4->sin_family == AF_INET && v4->sin_addr.s_net == 127)
            return true;
    }
    return false;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static void be_blind(struct sp_capture *capture, const char *why, const char *words)
{
    snprintf(capture->blind, sizeof capture->blind, "%s%s%s", why, *words ? ": " : "", words);
    if (capture->pcap)
        capture->wpcap.close(capture->pcap);
    capture->pcap = NULL;
}

static void activate(struct sp_capture *capture, const char *device)
{
    const struct wpcap *wpcap = &capture->wpcap;
    char words[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = capture->pcap = wpcap->create(device, words);
    if (!pcap) {
        be_blind(capture, "no capture", words);
        return;
    }
    wpcap->set_snaplen(pcap, SNAP_BYTES);
    wpcap->set_buffer_size(pcap, RING_BYTES);
    wpcap->set_promisc(pcap, 0);
    wpcap->set_timeout(pcap, 1);
    if (wpcap->set_immediate_mode)
        wpcap->set_immediate_mode(pcap, 1);
    if (wpcap->set_tstamp_precision)
        wpcap->set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    if (wpcap->activate(pcap) < 0) {
        be_blind(capture, "no capture", wpcap->geterr(pcap));
        return;
    }
    int type = wpcap->datalink(pcap);
    if (wpcap->setnonblock(pcap, 1, words) || (type != DLT_EN10MB && type != DLT_NULL)) {
        be_blind(capture, "the loopback device is of a link type that is not known", words);
        return;
    }
    capture->family_first = type == DLT_NULL;
    capture->nanoseconds = wpcap->get_tstamp_precision &&
                           wpcap->get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
    /* Wine's has the name, and ends the program that calls it. */
    bool wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
    capture->event = wpcap->getevent && !wine ? wpcap->getevent(pcap) : NULL;
}

static void find_and_activate(struct sp_capture *capture)
{
    struct wpcap *wpcap = &capture->wpcap;
    char words[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t *all = NULL;
    const pcap_if_t *found = NULL;
    if (!library_load(wpcap)) {
        be_blind(capture, "no wpcap.dll: Npcap is not installed (https://npcap.com)", "");
        return;
    }
    if (wpcap->findalldevs(&all, words) < 0) {
        be_blind(capture, "no capture", words);
        return;
    }
    for (const pcap_if_t *at = all; at && !found; at = at->next)
        if (is_loopback(at))
            found = at;
    if (found)
        activate(capture, found->name);
    else
        be_blind(capture,
                 all ? "wpcap.dll shows no loopback device"
                     : "wpcap.dll shows no device: it may need an administrator",
                 words);
    wpcap->freealldevs(all);
}

static enum sp_rc socket_fail(struct sp_err *err, const char *what)
{
    return sp_fail(err, SP_E_IO, "%s: Winsock error %d", what, WSAGetLastError());
}

/* A datagram socket on one of the run's addresses; *port is the one that it got. */
static enum sp_rc canary_socket(const char *ip, int family, SOCKET *out, uint16_t *port,
                                struct sp_err *err)
{
    struct sockaddr_storage addr = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&addr;
    int len = family == 6 ? (int)sizeof *v6 : (int)sizeof *v4;
    addr.ss_family = family == 6 ? AF_INET6 : AF_INET;
    void *where = &v4->sin_addr;
    if (family == 6)
        where = &v6->sin6_addr;
    inet_pton(addr.ss_family, ip, where);
    *out = socket(addr.ss_family, SOCK_DGRAM, 0);
    if (*out == INVALID_SOCKET || bind(*out, (struct sockaddr *)&addr, len) != 0 ||
        getsockname(*out, (struct sockaddr *)&addr, &len) != 0)
        return socket_fail(err, "the canary's socket");
    *port = ntohs(family == 6 ? v6->sin6_port : v4->sin_port);
    return SP_OK;
}

static enum sp_rc canaries_open(struct sp_capture *capture, const struct sp_lab *lab,
                                struct sp_err *err)
{
    uint16_t unused = 0;
    struct sockaddr_storage addr;
    int len = sizeof addr;
    enum sp_rc rc = canary_socket(lab->client_ip, lab->config.family, &capture->from, &unused, err);
    if (rc == SP_OK)
        rc = canary_socket(lab->server_ip, lab->config.family, &capture->to, &capture->canary_port,
                           err);
    if (rc == SP_OK && (getsockname(capture->to, (struct sockaddr *)&addr, &len) != 0 ||
                        connect(capture->from, (struct sockaddr *)&addr, len) != 0))
        rc = socket_fail(err, "the canary's sockets");
    return rc;
}

enum sp_rc sp_capture_open(const struct sp_lab *lab, const struct sp_lab_link *link,
                           enum sp_point point, int64_t most_bytes, struct sp_capture **out,
                           struct sp_err *err)
{
    (void)link, (void)most_bytes; /* there is one link, and its ring is always the large one */
    struct sp_capture *capture = sp_xcalloc(1, sizeof *capture);
    capture->point = point;
    capture->from = capture->to = INVALID_SOCKET;
    find_and_activate(capture);
    enum sp_rc rc = canaries_open(capture, lab, err);
    if (rc != SP_OK) {
        sp_capture_free(capture);
        capture = NULL;
    }
    *out = capture;
    return rc;
}

void sp_capture_free(struct sp_capture *capture)
{
    if (!capture)
        return;
    if (capture->pcap)
        capture->wpcap.close(capture->pcap);
    if (capture->from != INVALID_SOCKET)
        closesocket(capture->from);
    if (capture->to != INVALID_SOCKET)
        closesocket(capture->to);
    if (capture->wpcap.library)
        FreeLibrary(capture->wpcap.library);
    free(capture);
}

enum sp_link sp_capture_link(const struct sp_capture *capture)
{
    (void)capture;
    return SP_LINK_ETHERNET;
}

const char *sp_capture_blind(const struct sp_capture *capture)
{
    return capture->pcap ? NULL : capture->blind;
}

void *sp_capture_event(const struct sp_capture *capture)
{
    return capture->event;
}

enum sp_rc sp_capture_canary(struct sp_capture *capture, struct sp_err *err)
{
    if (send(capture->from, canary_text, sizeof canary_text, 0) < 0)
        return socket_fail(err, "a canary");
    return SP_OK;
}

unsigned sp_capture_canaries(const struct sp_capture *capture)
{
    return capture->canaries;
}

/* ---- draining -----------------------------------------------------------------------------------
 */

/* Whether the packet, from its IP header on, is a canary of ours: UDP, to our port. */
static bool is_canary(const struct sp_capture *capture, const uint8_t *ip, size_t len)
{
    size_t head = len > 0 && ip[0] >> 4 == 6 ? 40 : len > 0 ? (size_t)(ip[0] & 15) * 4 : 0;
    if (len < head + 8 + sizeof canary_text || len < 20)
        return false;
    uint8_t protocol = ip[0] >> 4 == 6 ? ip[6] : ip[9];
    unsigned port = (unsigned)ip[head + 2] << 8 | ip[head + 3];
    return protocol == UDP_PROTOCOL && port == capture->canary_port &&
           memcmp(ip + head + 8, canary_text, sizeof canary_text) == 0;
}

static bool is_of_run(const struct sp_trace_head *head, const struct sp_seg *seg)
{
    return sp_linux_addr_end(head, &seg->src) != SP_END_NONE &&
           sp_linux_addr_end(head, &seg->dst) != SP_END_NONE;
}

/* A packet with Ethernet's header, in the trace's arena. */
static uint8_t *as_ethernet(struct sp_trace *trace, const uint8_t *ip, size_t len)
{
    uint8_t *frame = sp_arena_alloc(&trace->arena, len + ETHERNET_BYTES);
    bool v6 = len && ip[0] >> 4 == 6;
    memset(frame, 0, ETHERNET_BYTES);
    frame[12] = v6 ? 0x86 : 0x08;
    frame[13] = v6 ? 0xdd : 0x00;
    memcpy(frame + ETHERNET_BYTES, ip, len);
    return frame;
}

static void frame_take(struct sp_capture *capture, const struct pcap_pkthdr *header,
                       const uint8_t *bytes, struct sp_trace *trace, struct sp_frames *frames,
                       int64_t real_offset_ns)
{
    size_t skip = capture->family_first ? FAMILY_BYTES : ETHERNET_BYTES;
    if (header->caplen < skip)
        return;
    const uint8_t *ip = bytes + skip;
    size_t len = header->caplen - skip;
    if (is_canary(capture, ip, len)) {
        capture->canaries++;
        return;
    }
    struct sp_seg seg;
    struct sp_err why = {0};
    memset(&seg, 0, sizeof seg);
    uint8_t *frame = as_ethernet(trace, ip, len);
    enum sp_rc rc = sp_wire_decode(SP_LINK_ETHERNET, frame, len + ETHERNET_BYTES, &seg, NULL, &why);
    /* what others put on this loopback is none of the run's, malformed or not */
    if (rc != SP_OK || !is_of_run(&trace->head, &seg))
        return;
    seg.checksum_ok = true;
    int64_t part_ns = header->ts.tv_usec * (capture->nanoseconds ? INT64_C(1) : INT64_C(1000));
    int64_t real_ns = (int64_t)header->ts.tv_sec * SP_S + part_ns;
    int64_t t_ns = real_ns + real_offset_ns - trace->head.start_mono_ns;
    uint32_t number = ++capture->frames;
    SP_PUSH(frames->items, frames->len, frames->cap) = (struct sp_capture_frame){
        .point = capture->point,
        .number = number,
        .t_ns = t_ns,
        .len_bytes = (uint32_t)len + ETHERNET_BYTES,
        .wire_len_bytes = header->len - (uint32_t)skip + ETHERNET_BYTES,
        .data = frame,
    };
    struct sp_event *event = sp_trace_add(trace, SP_EV_SEG, t_ns);
    event->end = sp_linux_addr_end(&trace->head, &seg.src);
    event->u.seg.point = capture->point;
    event->u.seg.seg = seg;
    event->u.seg.frame = number;
}

enum sp_rc sp_capture_drain(struct sp_capture *capture, struct sp_trace *trace,
                            struct sp_frames *frames, int64_t real_offset_ns, struct sp_err *err)
{
    (void)real_offset_ns;
    if (!capture->pcap)
        return SP_OK;
    struct pcap_pkthdr *header = NULL;
    const u_char *bytes = NULL;
    int64_t offset_ns = sp_clock_realtime_offset_ns(NULL);
    int got;
    while ((got = capture->wpcap.next_ex(capture->pcap, &header, &bytes)) == 1)
        frame_take(capture, header, bytes, trace, frames, offset_ns);
    return got < 0 ? sp_fail(err, SP_E_IO, "capture at %s: %s", sp_point_name(capture->point),
                             capture->wpcap.geterr(capture->pcap))
                   : SP_OK;
}

enum sp_rc sp_capture_drops(struct sp_capture *capture, uint32_t *drops, struct sp_err *err)
{
    struct pcap_stat stat = {0};
    *drops = 0;
    if (!capture->pcap)
        return SP_OK;
    if (capture->wpcap.stats(capture->pcap, &stat))
        return sp_fail(err, SP_E_IO, "drops at %s: %s", sp_point_name(capture->point),
                       capture->wpcap.geterr(capture->pcap));
    *drops = stat.ps_drop;
    return SP_OK;
}
