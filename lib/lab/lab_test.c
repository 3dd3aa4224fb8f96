/* What a lab promises of its addresses, links and settings, held by real sockets in it. */
#include "talk_test.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

struct shape {
    enum sp_lab_kind kind;
    int family;
};

static void open_lab(struct sp_lab *lab, const struct sp_lab_config *config)
{
    struct sp_err err = {0};
    if (sp_lab_open(lab, config, &err) != SP_OK)
        fail_msg("%s", err.text);
}

static void open_shape(struct sp_lab *lab, enum sp_lab_kind kind, int family)
{
    struct sp_lab_config config = talk_config(kind, family);
    open_lab(lab, &config);
}

static void expect_talk(const struct sp_lab *lab, enum sp_place from, const char *to,
                        const char *source)
{
    struct talk talk;
    assert_true(talk_open(&talk, lab, from, to));
    assert_string_equal(talk.caller_used, source);
    assert_string_equal(talk.listener_saw, source);
    assert_true(talk_say(&talk, 'e'));
    talk_close(&talk);
}

static void unbound_sockets_get_the_labs_addresses_both_ways(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;

    open_shape(&lab, shape->kind, shape->family);
    assert_string_not_equal(lab.client_ip, lab.server_ip);
    char before[2][48];
    sp_lab_addresses(&lab.config, before[0], before[1]);
    assert_string_equal(lab.client_ip, before[0]);
    assert_string_equal(lab.server_ip, before[1]);
    expect_talk(&lab, SP_PLACE_CLIENT, lab.server_ip, lab.client_ip);
    expect_talk(&lab, SP_PLACE_SERVER, lab.client_ip, lab.server_ip);
    sp_lab_close(&lab);
}

static void a_second_address_is_chosen_once_it_is_preferred(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct sp_err err = {0};
    char second[48];

    open_shape(&lab, shape->kind, shape->family);
    sp_lab_second_address(&lab.config, second);
    if (shape->kind == SP_LAB_LOOPBACK || shape->kind == SP_LAB_ROUTED) {
        assert_int_equal(sp_lab_second(&lab, SP_PLACE_CLIENT, false, &err), SP_E_UNSUPPORTED);
        sp_lab_close(&lab);
        return;
    }
    assert_int_equal(sp_lab_second(&lab, SP_PLACE_CLIENT, false, &err), SP_OK);
    expect_talk(&lab, SP_PLACE_CLIENT, lab.server_ip, lab.client_ip);
    expect_talk(&lab, SP_PLACE_SERVER, second, lab.server_ip);
    assert_int_equal(sp_lab_second(&lab, SP_PLACE_CLIENT, true, &err), SP_OK);
    expect_talk(&lab, SP_PLACE_CLIENT, lab.server_ip, second);
    sp_lab_close(&lab);
}

static void loopback_keeps_the_usual_addresses(void **state)
{
    struct sp_lab lab;
    (void)state;

    open_shape(&lab, SP_LAB_LOOPBACK, 4);
    expect_talk(&lab, SP_PLACE_CLIENT, "127.0.0.1", "127.0.0.1");
    sp_lab_close(&lab);
    open_shape(&lab, SP_LAB_LOOPBACK, 6);
    expect_talk(&lab, SP_PLACE_CLIENT, "::1", "::1");
    sp_lab_close(&lab);
}

static void addresses_come_from_slot_and_number(void **state)
{
    struct sp_lab lab;
    struct sp_lab_config config = {
        .kind = SP_LAB_LOOPBACK, .family = 4, .slot = 200, .number = 16383};
    (void)state;

    open_lab(&lab, &config);
    assert_string_equal(lab.client_ip, "127.200.255.253");
    assert_string_equal(lab.server_ip, "127.200.255.254");
    sp_lab_close(&lab);
    config = (struct sp_lab_config){.kind = SP_LAB_VETH, .family = 6, .slot = 3, .number = 258};
    open_lab(&lab, &config);
    assert_string_equal(lab.client_ip, "fd5c:3:102::1");
    assert_string_equal(lab.server_ip, "fd5c:3:102::2");
    sp_lab_close(&lab);
}

static void config_outside_its_range_is_refused(void **state)
{
    struct sp_lab lab;
    struct sp_err err = {0};
    struct sp_lab_config config = {.kind = SP_LAB_VETH, .family = 5, .number = 1};
    (void)state;

    assert_int_equal(sp_lab_open(&lab, &config, &err), SP_E_USAGE);
    config.family = 4;
    config.number = 0;
    assert_int_equal(sp_lab_open(&lab, &config, &err), SP_E_USAGE);
    config.number = 16384;
    assert_int_equal(sp_lab_open(&lab, &config, &err), SP_E_USAGE);
    sp_lab_close(&lab); /* allowed after a failed open */
}

/* ---- links -------------------------------------------------------------------------------- */

static uint32_t ethtool_value(int fd, const char *ifname, uint32_t command)
{
    struct ifreq req;
    struct ethtool_value value = {.cmd = command};

    memset(&req, 0, sizeof req);
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", ifname);
    req.ifr_data = (void *)&value;
    assert_int_equal(ioctl(fd, SIOCETHTOOL, &req), 0);
    return value.data;
}

/* Asked with other requests than those that turned them off. */
static void offloads_are_off_on_every_link(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    static const uint32_t anywhere[] = {ETHTOOL_GTSO, ETHTOOL_GGSO, ETHTOOL_GGRO};
    static const uint32_t not_on_lo[] = {ETHTOOL_GTXCSUM, ETHTOOL_GRXCSUM, ETHTOOL_GSG};

    open_shape(&lab, shape->kind, shape->family);
    assert_int_equal(lab.link_count, shape->kind == SP_LAB_LOOPBACK ? 1
                                     : shape->kind == SP_LAB_VETH   ? 2
                                                                    : 4);
    for (unsigned l = 0; l < lab.link_count; l++) {
        assert_int_equal(sp_lab_enter(&lab, lab.links[l].place, NULL), SP_OK);
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(if_nametoindex(lab.links[l].name), lab.links[l].ifindex);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(ethtool_value(fd, lab.links[l].name, anywhere[i]), 0);
        for (unsigned i = 0; i < 3 && shape->kind != SP_LAB_LOOPBACK; i++)
            assert_int_equal(ethtool_value(fd, lab.links[l].name, not_on_lo[i]), 0);
        close(fd);
        assert_int_equal(sp_lab_leave(&lab, NULL), SP_OK);
    }
    sp_lab_close(&lab);
}

static void segments_on_a_path_are_whole_and_summed(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct talk talk;

    open_shape(&lab, SP_LAB_PATH, shape->family);
    assert_true(talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip));
    assert_true(talk_say(&talk, 'b'));
    assert_true(talk.path.frames > 2 * BULK_BYTES / 1460);
    assert_int_equal(talk.path.oversize, 0);
    assert_int_equal(talk.path.bad_sums, 0);
    talk_close(&talk);
    sp_lab_close(&lab);
}

/* A packet socket that sees what goes through lo, each frame coming and going. */
static int listen_on_lo(const struct sp_lab *lab)
{
    struct sockaddr_ll lo = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = 1};

    assert_int_equal(sp_lab_enter(lab, SP_PLACE_CLIENT, NULL), SP_OK);
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&lo, sizeof lo) == 0);
    assert_int_equal(sp_lab_leave(lab, NULL), SP_OK);
    return fd;
}

/* docs/labs.md, "Checksums on loopback". */
static void segments_on_lo_are_whole_and_carry_the_pseudo_header_sum(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct talk talk;
    static uint8_t frame[65536];
    unsigned segments = 0;
    ssize_t n;

    open_shape(&lab, SP_LAB_LOOPBACK, shape->family);
    int fd = listen_on_lo(&lab);
    assert_true(talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip));
    assert_true(talk_say(&talk, 'b'));
    while ((n = recv(fd, frame, sizeof frame, 0)) > 0) {
        uint16_t whole;
        uint16_t pseudo;
        uint16_t field;
        assert_true(n <= 1514);
        if (!talk_tcp_sums(frame, (size_t)n, &whole, &pseudo, &field))
            continue;
        assert_int_equal(field, pseudo);
        segments++;
    }
    assert_true(segments > 10);
    close(fd);
    talk_close(&talk);
    sp_lab_close(&lab);
}

/* Segments that no socket sends (a RST to a closed port): summed in full on IPv4 only. */
static void resets_on_lo_are_summed_in_full_on_ipv4(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct sp_lab_proc proc;
    static uint8_t frame[65536];
    unsigned resets = 0;
    ssize_t n;

    open_shape(&lab, SP_LAB_LOOPBACK, shape->family);
    int fd = listen_on_lo(&lab);
    struct talk_peer nobody = {.family = shape->family, .port = 9};
    snprintf(nobody.ip, sizeof nobody.ip, "%s", lab.server_ip);
    assert_int_equal(sp_lab_spawn(&lab, SP_PLACE_CLIENT, talk_caller, &nobody, &proc, NULL), SP_OK);
    assert_int_equal(talk_reap(&proc), 20); /* refused */
    while ((n = recv(fd, frame, sizeof frame, 0)) > 0) {
        uint16_t whole;
        uint16_t pseudo;
        uint16_t field;
        size_t flags_at = 14 + (shape->family == 4 ? 20 : 40) + 13;
        if (!talk_tcp_sums(frame, (size_t)n, &whole, &pseudo, &field) ||
            (frame[flags_at] & 0x04) == 0)
            continue;
        resets++;
        if (shape->family == 4)
            assert_int_equal(whole, 0xffff);
        else
            assert_int_equal(field, pseudo);
    }
    assert_true(resets > 0);
    close(fd);
    sp_lab_close(&lab);
}

static void an_idle_path_is_silent(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    int fds[2];

    open_shape(&lab, SP_LAB_PATH, shape->family);
    assert_int_equal(sp_lab_path_open(&lab, fds, NULL), SP_OK);
    struct pollfd p[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
    assert_int_equal(poll(p, 2, 300), 0);
    close(fds[0]);
    close(fds[1]);
    sp_lab_close(&lab);
}

/* On IPv6 a router tells twice that it is in the group of routers: docs/labs.md. */
static void an_idle_router_is_silent(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct pollfd ends[2];

    open_shape(&lab, SP_LAB_ROUTED, shape->family);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_ll here = {.sll_family = AF_PACKET,
                                   .sll_protocol = htons(ETH_P_ALL),
                                   .sll_ifindex = lab.links[i].ifindex};
        assert_int_equal(sp_lab_enter(&lab, lab.links[i].place, NULL), SP_OK);
        ends[i].fd = socket(AF_PACKET, SOCK_RAW, 0);
        ends[i].events = POLLIN;
        assert_int_equal(bind(ends[i].fd, (const struct sockaddr *)&here, sizeof here), 0);
        assert_int_equal(sp_lab_leave(&lab, NULL), SP_OK);
    }
    assert_int_equal(poll(ends, 2, 300), 0);
    for (int i = 0; i < 2; i++)
        close(ends[i].fd);
    sp_lab_close(&lab);
}

/* ---- a mute end ---------------------------------------------------------------------------- */

/* A socket of that place whose SYN is under way to an address. */
static int caller_towards(const struct sp_lab *lab, enum sp_place from, int family, const char *ip)
{
    struct sockaddr_storage to;
    struct talk_peer peer = {.family = family, .port = 80};
    snprintf(peer.ip, sizeof peer.ip, "%s", ip);
    socklen_t len = talk_addr(&peer, &to);
    assert_int_equal(sp_lab_enter(lab, from, NULL), SP_OK);
    int caller = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(caller, (struct sockaddr *)&to, len), -1);
    assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(sp_lab_leave(lab, NULL), SP_OK);
    return caller;
}

/* A SYN comes in by the packet socket, and the place's kernel does not answer it. */
static void a_mute_end_hears_and_its_kernel_says_nothing(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    int fd = -1;
    int other = -1;
    struct sp_lab_config config = talk_config(SP_LAB_VETH, shape->family);
    config.mute[SP_PLACE_SERVER] = true;
    open_lab(&lab, &config);
    assert_int_equal(sp_lab_peer_open(&lab, SP_PLACE_CLIENT, &other, NULL), SP_E_UNSUPPORTED);
    assert_int_equal(sp_lab_peer_open(&lab, SP_PLACE_SERVER, &fd, NULL), SP_OK);

    int caller = caller_towards(&lab, SP_PLACE_CLIENT, shape->family, lab.server_ip);
    struct pollfd heard = {fd, POLLIN, 0};
    struct pollfd answered = {caller, POLLOUT, 0};
    assert_int_equal(poll(&heard, 1, 5000), 1);
    assert_int_equal(poll(&answered, 1, 100), 0);
    close(caller);
    close(fd);
    sp_lab_close(&lab);
}

/* What runsc does with the interface that it takes over. */
static void take_address(const struct sp_lab *lab, enum sp_place place, const char *text)
{
    struct { /* linux/ipv6.h's in6_ifreq, whose header does not go with the C library's */
        struct in6_addr address;
        uint32_t prefix_bits;
        int ifindex;
    } request = {.prefix_bits = 127, .ifindex = lab->links[place].ifindex};
    assert_int_equal(inet_pton(AF_INET6, text, &request.address), 1);
    assert_int_equal(sp_lab_enter(lab, place, NULL), SP_OK);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(ioctl(fd, SIOCDIFADDR, &request), 0);
    close(fd);
    assert_int_equal(sp_lab_leave(lab, NULL), SP_OK);
}

/* Behind a router the kernel has a way back, by which it would refuse what comes for the stack. */
static void a_lent_address_is_not_answered_for_once_it_is_taken(void **state)
{
    (void)state;
    struct sp_lab lab;
    struct sp_lab_config config = talk_config(SP_LAB_ROUTED, 6);
    config.lent[SP_PLACE_CLIENT] = true;
    open_lab(&lab, &config);
    take_address(&lab, SP_PLACE_CLIENT, lab.client_ip);

    int caller = caller_towards(&lab, SP_PLACE_SERVER, 6, lab.client_ip);
    struct pollfd answered = {caller, POLLOUT, 0};
    assert_int_equal(poll(&answered, 1, 100), 0);
    close(caller);
    sp_lab_close(&lab);
}

/* ---- pins --------------------------------------------------------------------------------- */

static const char *pin_value(const struct sp_lab *lab, const char *name, enum sp_place place)
{
    for (size_t i = 0; i < lab->pin_count; i++) {
        const struct sp_lab_pin *pin = &lab->pins[i];
        if (strcmp(pin->name, name) == 0 && (pin->everywhere || pin->place == place))
            return pin->value;
    }
    return NULL;
}

/* The file as it is in a place, without the room's own reader. */
static void read_in(const struct sp_lab *lab, enum sp_place place, const char *path, char out[64])
{
    assert_int_equal(sp_lab_enter(lab, place, NULL), SP_OK);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, 63);
    assert_true(n > 0);
    out[n - 1] = '\0';
    close(fd);
    assert_int_equal(sp_lab_leave(lab, NULL), SP_OK);
}

static void default_pins_hold_in_both_ends(void **state)
{
    struct sp_lab lab;
    char text[64];
    (void)state;

    open_shape(&lab, SP_LAB_VETH, 4);
    for (int place = 0; place < 2; place++) {
        read_in(&lab, (enum sp_place)place, "/proc/sys/net/ipv4/tcp_congestion_control", text);
        assert_string_equal(text, "reno");
        read_in(&lab, (enum sp_place)place, "/proc/sys/net/ipv4/tcp_syncookies", text);
        assert_string_equal(text, "0");
        read_in(&lab, (enum sp_place)place, "/proc/sys/net/ipv4/tcp_rmem", text);
        assert_string_equal(text, "4096\t131072\t6291456");
    }
    assert_string_equal(pin_value(&lab, "net.ipv4.tcp_rmem", SP_PLACE_SERVER),
                        "4096 131072 6291456");
    sp_lab_close(&lab);
}

static void a_pin_of_one_place_leaves_the_other_alone(void **state)
{
    struct sp_lab lab;
    struct sp_lab_config config = talk_config(SP_LAB_VETH, 4);
    char name[] = "net.ipv4.tcp_sack";
    char value[] = " 0 ";
    const struct sp_lab_pin pins[] = {{.name = name, .value = value, .place = SP_PLACE_SERVER}};
    char text[64];
    (void)state;

    config.pins = pins;
    config.pin_count = 1;
    open_lab(&lab, &config);
    memset(name, 'x', sizeof name - 1); /* the caller's strings need not outlive open */
    memset(value, 'x', sizeof value - 1);
    read_in(&lab, SP_PLACE_SERVER, "/proc/sys/net/ipv4/tcp_sack", text);
    assert_string_equal(text, "0");
    read_in(&lab, SP_PLACE_CLIENT, "/proc/sys/net/ipv4/tcp_sack", text);
    assert_string_equal(text, "1");
    assert_string_equal(pin_value(&lab, "net.ipv4.tcp_sack", SP_PLACE_SERVER), "0");
    assert_string_equal(pin_value(&lab, "net.ipv4.tcp_sack", SP_PLACE_CLIENT), "1");
    sp_lab_close(&lab);
}

static void a_pin_that_says_default_takes_ours_away(void **state)
{
    struct sp_lab lab;
    struct sp_lab_config config = talk_config(SP_LAB_VETH, 4);
    const struct sp_lab_pin pin = {
        .name = "net.ipv4.tcp_ecn", .value = "default", .everywhere = true};
    char text[64];
    (void)state;

    config.pins = &pin;
    config.pin_count = 1;
    open_lab(&lab, &config);
    read_in(&lab, SP_PLACE_CLIENT, "/proc/sys/net/ipv4/tcp_ecn", text);
    assert_string_equal(text, "2"); /* ip-sysctl */
    assert_null(pin_value(&lab, "net.ipv4.tcp_ecn", SP_PLACE_CLIENT));
    sp_lab_close(&lab);
}

/* Opens with one more pin; the return code, and the words. */
static enum sp_rc open_with(enum sp_lab_kind kind, const struct sp_lab_pin *pins, size_t count,
                            struct sp_err *err)
{
    struct sp_lab lab;
    struct sp_lab_config config = talk_config(kind, 4);
    config.pins = pins;
    config.pin_count = count;
    enum sp_rc rc = sp_lab_open(&lab, &config, err);
    sp_lab_close(&lab);
    return rc;
}

static void a_pin_that_does_not_take_is_named(void **state)
{
    struct sp_err err = {0};
    struct sp_lab_pin pin = {.name = "net.ipv4.tcp_syn_retries", .value = "9999"};
    (void)state;

    assert_int_equal(open_with(SP_LAB_VETH, &pin, 1, &err), SP_E_PIN);
    assert_non_null(strstr(err.text, "net.ipv4.tcp_syn_retries"));
    assert_non_null(strstr(err.text, "asked 9999, is 6"));
    pin = (struct sp_lab_pin){.name = "net.ipv4.no_such_thing", .value = "1", .everywhere = true};
    assert_int_equal(open_with(SP_LAB_LOOPBACK, &pin, 1, &err), SP_E_PIN);
    assert_non_null(strstr(err.text, "net.ipv4.no_such_thing"));
    pin.optional = true;
    assert_int_equal(open_with(SP_LAB_LOOPBACK, &pin, 1, &err), SP_OK);
}

static void pins_that_make_no_sense_are_refused(void **state)
{
    struct sp_err err = {0};
    const struct sp_lab_pin machine = {.name = "kernel.panic", .value = "1", .everywhere = true};
    const struct sp_lab_pin no_box = {
        .name = "net.ipv4.ip_forward", .value = "1", .place = SP_PLACE_BOX};
    const struct sp_lab_pin differ[] = {
        {.name = "net.ipv4.tcp_sack", .value = "0", .place = SP_PLACE_CLIENT},
        {.name = "net.ipv4.tcp_sack", .value = "1", .place = SP_PLACE_SERVER},
    };
    (void)state;

    assert_int_equal(open_with(SP_LAB_VETH, &machine, 1, &err), SP_E_USAGE);
    assert_int_equal(open_with(SP_LAB_VETH, &no_box, 1, &err), SP_E_USAGE);
    assert_int_equal(open_with(SP_LAB_LOOPBACK, differ, 2, &err), SP_E_USAGE);
    assert_int_equal(open_with(SP_LAB_VETH, differ, 2, &err), SP_OK);
}

static void sysctl_sets_one_place_while_the_run_goes_on(void **state)
{
    struct sp_lab lab;
    struct sp_err err = {0};
    char text[64];
    (void)state;

    open_shape(&lab, SP_LAB_VETH, 4);
    assert_int_equal(
        sp_lab_sysctl(&lab, SP_PLACE_CLIENT, "net.ipv4.ip_local_port_range", "40000 40009", &err),
        SP_OK);
    read_in(&lab, SP_PLACE_CLIENT, "/proc/sys/net/ipv4/ip_local_port_range", text);
    assert_string_equal(text, "40000\t40009");
    read_in(&lab, SP_PLACE_SERVER, "/proc/sys/net/ipv4/ip_local_port_range", text);
    assert_string_equal(text, "32768\t60999");
    assert_int_equal(sp_lab_sysctl(&lab, SP_PLACE_CLIENT, "net.ipv4.tcp_syn_retries", "999", &err),
                     SP_E_PIN);
    assert_int_equal(sp_lab_sysctl(&lab, SP_PLACE_CLIENT, "kernel.panic", "1", &err), SP_E_USAGE);
    assert_int_equal(sp_lab_sysctl(&lab, SP_PLACE_CLIENT, "net/../kernel", "1", &err), SP_E_USAGE);
    assert_int_equal(sp_lab_sysctl(&lab, SP_PLACE_BOX, "net.ipv4.tcp_sack", "1", &err),
                     SP_E_UNSUPPORTED);
    sp_lab_close(&lab);
}

#define SHAPED(test, kind, family)                                                                 \
    {                                                                                              \
#test " " #kind " " #family, test, NULL, NULL, &(struct shape)                             \
        {                                                                                          \
            kind, family                                                                           \
        }                                                                                          \
    }
#define ALL_SHAPES(test)                                                                           \
    SHAPED(test, SP_LAB_LOOPBACK, 4), SHAPED(test, SP_LAB_LOOPBACK, 6),                            \
        SHAPED(test, SP_LAB_VETH, 4), SHAPED(test, SP_LAB_VETH, 6), SHAPED(test, SP_LAB_PATH, 4),  \
        SHAPED(test, SP_LAB_PATH, 6), SHAPED(test, SP_LAB_ROUTED, 4),                              \
        SHAPED(test, SP_LAB_ROUTED, 6)
#define BOTH_FAMILIES(test, kind) SHAPED(test, kind, 4), SHAPED(test, kind, 6)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL_SHAPES(unbound_sockets_get_the_labs_addresses_both_ways),
        ALL_SHAPES(a_second_address_is_chosen_once_it_is_preferred),
        cmocka_unit_test(loopback_keeps_the_usual_addresses),
        cmocka_unit_test(addresses_come_from_slot_and_number),
        cmocka_unit_test(config_outside_its_range_is_refused),
        ALL_SHAPES(offloads_are_off_on_every_link),
        BOTH_FAMILIES(segments_on_a_path_are_whole_and_summed, SP_LAB_PATH),
        BOTH_FAMILIES(segments_on_lo_are_whole_and_carry_the_pseudo_header_sum, SP_LAB_LOOPBACK),
        BOTH_FAMILIES(resets_on_lo_are_summed_in_full_on_ipv4, SP_LAB_LOOPBACK),
        BOTH_FAMILIES(an_idle_path_is_silent, SP_LAB_PATH),
        SHAPED(an_idle_router_is_silent, SP_LAB_ROUTED, 4),
        BOTH_FAMILIES(a_mute_end_hears_and_its_kernel_says_nothing, SP_LAB_VETH),
        cmocka_unit_test(a_lent_address_is_not_answered_for_once_it_is_taken),
        cmocka_unit_test(default_pins_hold_in_both_ends),
        cmocka_unit_test(a_pin_of_one_place_leaves_the_other_alone),
        cmocka_unit_test(a_pin_that_does_not_take_is_named),
        cmocka_unit_test(a_pin_that_says_default_takes_ours_away),
        cmocka_unit_test(pins_that_make_no_sense_are_refused),
        cmocka_unit_test(sysctl_sets_one_place_while_the_run_goes_on),
    };

    if (talk_init() != 0)
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
