/* Netlink messages: what is built can be read again, and nothing is read that is not whole. */
#include "nl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct found {
    unsigned count;
    uint16_t type[8];
    size_t len[8];
    char bytes[8][16];
};

static void note(uint16_t type, const void *data, size_t len_bytes, void *arg)
{
    struct found *found = arg;
    assert_true(found->count < 8 && len_bytes <= 16);
    found->type[found->count] = type;
    found->len[found->count] = len_bytes;
    memcpy(found->bytes[found->count++], data, len_bytes);
}

static void what_is_built_is_read_again(void **state)
{
    (void)state;
    alignas(8) char buf[256];
    struct found found = {0};
    memset(buf, 0xa5, sizeof buf);
    struct nlmsghdr *msg = sp_nl_begin(buf);
    struct ifinfomsg *info = sp_nl_put(msg, sizeof *info);
    info->ifi_index = 7;
    sp_nl_attr_str(msg, 3, "veth");
    sp_nl_attr_u8(msg, 4, 9);
    sp_nl_attr_u32(msg, 5, 0x01020304);
    struct nlattr *nest = sp_nl_nest(msg, 6);
    sp_nl_attr_u32(msg, 1, 8);
    sp_nl_nest_end(msg, nest);

    assert_int_equal(msg->nlmsg_len % NLMSG_ALIGNTO, 0);
    assert_int_equal(info->ifi_change, 0); /* what was there before does not show */
    assert_int_equal(sp_nl_body_len(msg), sizeof *info + 12 + 8 + 8 + 12);
    sp_nl_attrs(msg, sizeof *info, note, &found);
    assert_int_equal(found.count, 4);
    assert_int_equal(found.type[0], 3);
    assert_string_equal(found.bytes[0], "veth");
    assert_int_equal(found.len[1], 1);
    assert_int_equal(found.bytes[1][0], 9);
    assert_int_equal(sp_nl_u32(found.bytes[2], found.len[2]), 0x01020304);
    assert_int_equal(found.type[3], 6); /* without NLA_F_NESTED */
    assert_int_equal(found.len[3], 8);
}

static void an_attribute_that_is_cut_short_ends_the_reading(void **state)
{
    (void)state;
    alignas(8) char buf[64];
    struct found found = {0};
    struct nlmsghdr *msg = sp_nl_begin(buf);
    sp_nl_attr_u32(msg, 1, 1);
    sp_nl_attr_u32(msg, 2, 2);
    msg->nlmsg_len -= 4;
    sp_nl_attrs(msg, 0, note, &found);
    assert_int_equal(found.count, 1);
    ((struct nlattr *)(buf + NLMSG_HDRLEN))->nla_len = 0; /* would be read for ever */
    sp_nl_attrs(msg, 0, note, &found);
    assert_int_equal(found.count, 1);
    assert_int_equal(sp_nl_u32(buf, 3), 0);
}

static void messages_are_stepped_through_to_the_last_whole_one(void **state)
{
    (void)state;
    alignas(8) char buf[128];
    struct nlmsghdr *first = sp_nl_begin(buf);
    sp_nl_put(first, 8);
    struct nlmsghdr *second = sp_nl_begin(buf + first->nlmsg_len);
    sp_nl_put(second, 4);
    size_t left = first->nlmsg_len + second->nlmsg_len;
    const struct nlmsghdr *msg = first;
    assert_true(sp_nl_ok(msg, left));
    msg = sp_nl_next(msg, &left);
    assert_ptr_equal(msg, second);
    assert_true(sp_nl_ok(msg, left));
    assert_false(sp_nl_ok(msg, left - 1));
    msg = sp_nl_next(msg, &left);
    assert_int_equal(left, 0);
    assert_false(sp_nl_ok(msg, left));
    second->nlmsg_len = 3; /* shorter than its own header */
    assert_false(sp_nl_ok(second, 64));
}

/* The kernel's loopback interface, in whatever namespace this runs. */
static void the_kernel_answers(void **state)
{
    (void)state;
    alignas(8) char buf[32768];
    int fd = sp_nl_open(NETLINK_ROUTE, 0);
    assert_true(fd >= 0);
    struct nlmsghdr *msg = sp_nl_begin(buf);
    msg->nlmsg_type = RTM_GETLINK;
    msg->nlmsg_flags = NLM_F_REQUEST;
    msg->nlmsg_seq = 5;
    struct ifinfomsg *info = sp_nl_put(msg, sizeof *info);
    info->ifi_index = 1;
    assert_int_equal(sp_nl_send(fd, msg, msg->nlmsg_len), msg->nlmsg_len);
    ssize_t got = sp_nl_recv(fd, buf, sizeof buf);
    assert_true(got > 0);
    assert_true(sp_nl_ok(msg, (size_t)got));
    assert_int_equal(msg->nlmsg_type, RTM_NEWLINK);
    assert_int_equal(msg->nlmsg_seq, 5);
    assert_int_equal(((const struct ifinfomsg *)sp_nl_body(msg))->ifi_index, 1);

    assert_int_equal(sp_nl_send(fd, msg, 4), 4); /* no message: the kernel says nothing to it */
    msg = sp_nl_begin(buf);
    msg->nlmsg_type = RTM_GETLINK;
    msg->nlmsg_flags = NLM_F_REQUEST;
    info = sp_nl_put(msg, sizeof *info);
    info->ifi_index = 1;
    assert_int_equal(sp_nl_send(fd, msg, msg->nlmsg_len), msg->nlmsg_len);
    assert_int_equal(sp_nl_recv(fd, buf, 64), -1);
    assert_int_equal(errno, ENOSPC); /* an answer that has no room is not taken in part */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_read_again),
        cmocka_unit_test(an_attribute_that_is_cut_short_ends_the_reading),
        cmocka_unit_test(messages_are_stepped_through_to_the_last_whole_one),
        cmocka_unit_test(the_kernel_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
