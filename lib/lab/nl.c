#include "nl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int sp_nl_open(int protocol, unsigned groups)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd >= 0 && groups && bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
        int os = errno;
        close(fd);
        errno = os;
        return -1;
    }
    return fd;
}

ssize_t sp_nl_send(int fd, const void *bytes, size_t len_bytes)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(fd, bytes, len_bytes, 0, (const struct sockaddr *)&kernel, sizeof kernel);
}

ssize_t sp_nl_recv(int fd, void *out, size_t cap_bytes)
{
    struct sockaddr_nl from = {0};
    struct iovec piece = {.iov_base = out, .iov_len = cap_bytes};
    struct msghdr msg = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &piece, .msg_iovlen = 1};
    ssize_t got = recvmsg(fd, &msg, 0);
    if (got < 0)
        return -1;
    if (msg.msg_flags & MSG_TRUNC) {
        errno = ENOSPC;
        return -1;
    }
    if (from.nl_pid != 0) {
        errno = EPROTO;
        return -1;
    }
    return got;
}

/* ---- building ----------------------------------------------------------------------------- */

static void *end_of(struct nlmsghdr *msg)
{
    return (char *)msg + msg->nlmsg_len;
}

struct nlmsghdr *sp_nl_begin(void *buf)
{
    struct nlmsghdr *msg = buf;
    memset(msg, 0, sizeof *msg);
    msg->nlmsg_len = NLMSG_HDRLEN;
    return msg;
}

void *sp_nl_put(struct nlmsghdr *msg, size_t len_bytes)
{
    void *at = end_of(msg);
    memset(at, 0, NLMSG_ALIGN(len_bytes));
    msg->nlmsg_len += (uint32_t)NLMSG_ALIGN(len_bytes);
    return at;
}

void sp_nl_attr(struct nlmsghdr *msg, uint16_t type, const void *data, size_t len_bytes)
{
    struct nlattr *attr = sp_nl_put(msg, NLA_HDRLEN + len_bytes);
    attr->nla_type = type;
    attr->nla_len = (uint16_t)(NLA_HDRLEN + len_bytes);
    memcpy((char *)attr + NLA_HDRLEN, data, len_bytes);
}

void sp_nl_attr_u8(struct nlmsghdr *msg, uint16_t type, uint8_t value)
{
    sp_nl_attr(msg, type, &value, sizeof value);
}

void sp_nl_attr_u32(struct nlmsghdr *msg, uint16_t type, uint32_t value)
{
    sp_nl_attr(msg, type, &value, sizeof value);
}

void sp_nl_attr_str(struct nlmsghdr *msg, uint16_t type, const char *text)
{
    sp_nl_attr(msg, type, text, strlen(text) + 1);
}

struct nlattr *sp_nl_nest(struct nlmsghdr *msg, uint16_t type)
{
    struct nlattr *nest = sp_nl_put(msg, NLA_HDRLEN);
    nest->nla_type = NLA_F_NESTED | type;
    return nest;
}

void sp_nl_nest_end(struct nlmsghdr *msg, struct nlattr *nest)
{
    nest->nla_len = (uint16_t)((char *)end_of(msg) - (char *)nest);
}

/* ---- reading ------------------------------------------------------------------------------ */

bool sp_nl_ok(const struct nlmsghdr *msg, size_t left)
{
    return left >= sizeof *msg && msg->nlmsg_len >= sizeof *msg && msg->nlmsg_len <= left;
}

const struct nlmsghdr *sp_nl_next(const struct nlmsghdr *msg, size_t *left)
{
    size_t step = NLMSG_ALIGN(msg->nlmsg_len);
    *left = step < *left ? *left - step : 0;
    return (const struct nlmsghdr *)((const char *)msg + step);
}

const void *sp_nl_body(const struct nlmsghdr *msg)
{
    return (const char *)msg + NLMSG_HDRLEN;
}

size_t sp_nl_body_len(const struct nlmsghdr *msg)
{
    return msg->nlmsg_len - NLMSG_HDRLEN;
}

void sp_nl_attrs(const struct nlmsghdr *msg, size_t skip,
                 void (*each)(uint16_t type, const void *data, size_t len_bytes, void *arg),
                 void *arg)
{
    size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(skip);
    while (at + NLA_HDRLEN <= msg->nlmsg_len) {
        const struct nlattr *attr = (const struct nlattr *)((const char *)msg + at);
        if (attr->nla_len < NLA_HDRLEN || attr->nla_len > msg->nlmsg_len - at)
            return;
        each(attr->nla_type & NLA_TYPE_MASK, (const char *)attr + NLA_HDRLEN,
             (size_t)attr->nla_len - NLA_HDRLEN, arg);
        at += NLA_ALIGN(attr->nla_len);
    }
}

uint32_t sp_nl_u32(const void *data, size_t len_bytes)
{
    uint32_t value = 0;
    if (len_bytes >= sizeof value)
        memcpy(&value, data, sizeof value);
    return value;
}
