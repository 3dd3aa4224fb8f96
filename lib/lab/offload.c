/*
 * Offloads through the ethtool ioctls on feature bits: whatever the device lets be changed is
 * turned off in one request, so no list of names can fall behind the kernel's. Names are asked
 * for only where one has to be reported.
 */
#include "internal.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Words of 32 features; kernels of today have two or three. */
enum { WORDS_MAX = 8, FEATURES_MAX = WORDS_MAX * 32 };

/* The kernel's structures end in open arrays; the bytes beside give them room. */
union get_features {
    struct ethtool_gfeatures head;
    uint8_t room[sizeof(struct ethtool_gfeatures) +
                 WORDS_MAX * sizeof(struct ethtool_get_features_block)];
};

union set_features {
    struct ethtool_sfeatures head;
    uint8_t room[sizeof(struct ethtool_sfeatures) +
                 WORDS_MAX * sizeof(struct ethtool_set_features_block)];
};

static int ethtool(int fd, const char *ifname, void *command)
{
    struct ifreq req;

    memset(&req, 0, sizeof req);
    strncpy(req.ifr_name, ifname, sizeof req.ifr_name - 1);
    req.ifr_data = command;
    return ioctl(fd, SIOCETHTOOL, &req);
}

static int read_features(int fd, const char *ifname, union get_features *out)
{
    memset(out, 0, sizeof *out);
    out->head.cmd = ETHTOOL_GFEATURES;
    out->head.size = WORDS_MAX;
    if (ethtool(fd, ifname, out) < 0)
        return -1;
    if (out->head.size > WORDS_MAX) {
        errno = E2BIG;
        return -1;
    }
    return 0;
}

/* Writes the name of feature `bit`, or its number where the kernel does not tell. */
static void feature_name(int fd, const char *ifname, unsigned bit, struct sp_buf *out)
{
    struct ethtool_gstrings *names =
        sp_xcalloc(1, sizeof *names + (size_t)FEATURES_MAX * ETH_GSTRING_LEN);

    names->cmd = ETHTOOL_GSTRINGS;
    names->string_set = ETH_SS_FEATURES;
    names->len = FEATURES_MAX;
    if (ethtool(fd, ifname, names) == 0 && bit < names->len)
        sp_buf_addf(out, " %.*s", ETH_GSTRING_LEN, (char *)names->data + bit * ETH_GSTRING_LEN);
    else
        sp_buf_addf(out, " feature-%u", bit);
    free(names);
}

static enum sp_rc report_left(int fd, const char *ifname, const union get_features *now,
                              struct sp_err *err)
{
    struct sp_buf names;

    sp_buf_init(&names, 256);
    for (unsigned bit = 0; bit < now->head.size * 32; bit++) {
        const struct ethtool_get_features_block *word = &now->head.features[bit / 32];
        if ((word->active & word->available) >> (bit % 32) & 1U)
            feature_name(fd, ifname, bit, &names);
    }
    enum sp_rc rc = sp_fail(err, SP_E_PIN, "offloads of %s: asked off, still on:%s", ifname,
                            names.data != NULL ? names.data : "");
    sp_buf_release(&names);
    return rc;
}

enum sp_rc sp_lab_offloads_off(int fd, const char *ifname, struct sp_err *err)
{
    union get_features now;
    union set_features want;

    if (read_features(fd, ifname, &now) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "reading the offloads of %s", ifname);
    memset(&want, 0, sizeof want);
    want.head.cmd = ETHTOOL_SFEATURES;
    want.head.size = now.head.size;
    for (unsigned i = 0; i < now.head.size; i++)
        want.head.features[i].valid = now.head.features[i].available;
    if (ethtool(fd, ifname, &want) < 0)
        return sp_fail_os(err, SP_E_PIN, errno, "turning the offloads of %s off", ifname);
    if (read_features(fd, ifname, &now) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "reading the offloads of %s back", ifname);
    for (unsigned i = 0; i < now.head.size; i++) {
        if ((now.head.features[i].active & now.head.features[i].available) != 0)
            return report_left(fd, ifname, &now, err);
    }
    return SP_OK;
}
