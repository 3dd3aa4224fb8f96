#include "initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "first_image.h"
#include "mem.h"

enum { PATH_BYTES = 4096, CPIO_ALIGN = 4, FILE_BYTES_MAX = 64 << 20 };

/*
 * In the order of what depends on what. A kernel that has none of that name has it built in or in
 * another module: only `needed` is asked for.
 */
static const struct {
    const char *name;
    bool needed;
} wanted[] = {
    /* the host's files */
    {"virtio", false},
    {"virtio_ring", false},
    {"virtio_pci_legacy_dev", false},
    {"virtio_pci_modern_dev", false},
    {"virtio_pci", true},
    {"fscache", false},
    {"netfs", false},
    {"9pnet", true},
    {"9pnet_virtio", true},
    {"9p", true},
    /* labs and witnesses */
    {"veth", true},
    {"af_packet", true},
    {"inet_diag", true},
    {"tcp_diag", true},
    {"stp", false},
    {"llc", false},
    {"bridge", false},
    {"sch_netem", false},
    /* boxes in the middle */
    {"crc32c_generic", false},
    {"libcrc32c", false},
    {"nfnetlink", false},
    {"nf_defrag_ipv4", false},
    {"nf_defrag_ipv6", false},
    {"nf_conntrack", false},
    {"nf_conntrack_netlink", false},
    {"nf_nat", false},
    {"nf_reject_ipv4", false},
    {"nf_reject_ipv6", false},
    {"nf_tables", false},
    {"nft_ct", false},
    {"nft_nat", false},
    {"nft_chain_nat", false},
    {"nft_masq", false},
    {"nft_redir", false},
    {"nft_reject", false},
    {"nft_reject_inet", false},
    {"nft_limit", false},
    {"nf_log_syslog", false},
    {"nft_log", false},
};

/* ---- files ---------------------------------------------------------------------------------- */

static enum sp_rc file_read(const char *path, struct sp_buf *out, struct sp_err *err)
{
    char chunk[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sp_fail_os(err, SP_E_IO, errno, "opening %s", path);
    ssize_t len;
    while ((len = read(fd, chunk, sizeof chunk)) > 0 && out->len < FILE_BYTES_MAX)
        sp_buf_add(out, chunk, (size_t)len);
    int failed = errno;
    close(fd);
    return len == 0 ? SP_OK : sp_fail_os(err, SP_E_IO, failed, "reading %s", path);
}

/* The line of an index (modules.order, modules.builtin) that ends with /NAME.ko, NULL none. */
static const char *line_of(const char *index, const char *name, size_t *len)
{
    char end[80];
    size_t end_len = (size_t)snprintf(end, sizeof end, "/%s.ko", name);
    if (!index) /* an empty file */
        return NULL;
    for (const char *at = index; (at = strstr(at, end)); at += end_len) {
        if (at[end_len] != '\n' && at[end_len])
            continue;
        const char *begin = at;
        while (begin > index && begin[-1] != '\n')
            begin--;
        *len = (size_t)(at - begin) + end_len;
        return begin;
    }
    return NULL;
}

/* Where a module's file is, with what packages compress it by; false where there is none. */
static bool module_path(const char *modules, const char *index, const char *name,
                        char path[PATH_BYTES])
{
    static const char *const suffixes[] = {"", ".xz", ".zst", ".gz"};
    size_t len = 0;
    const char *line = line_of(index, name, &len);
    for (size_t i = 0; line && i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (snprintf(path, PATH_BYTES, "%s/%.*s%s", modules, (int)len, line, suffixes[i]) <
                PATH_BYTES &&
            access(path, R_OK) == 0)
            return true;
    return false;
}

static enum sp_rc index_read(const char *modules, const char *name, struct sp_buf *out,
                             struct sp_err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", modules, name);
    return file_read(path, out, err);
}

enum sp_rc initramfs_check(const char *modules, struct sp_err *err)
{
    char path[PATH_BYTES];
    struct sp_buf order, builtin, missing;
    size_t len;
    sp_buf_init(&order, FILE_BYTES_MAX * 2);
    sp_buf_init(&builtin, FILE_BYTES_MAX * 2);
    sp_buf_init(&missing, 0);
    enum sp_rc rc = index_read(modules, "modules.order", &order, err);
    if (rc == SP_OK)
        rc = index_read(modules, "modules.builtin", &builtin, err);
    for (size_t i = 0; rc == SP_OK && i < sizeof wanted / sizeof wanted[0]; i++)
        if (wanted[i].needed && !module_path(modules, order.data, wanted[i].name, path) &&
            !line_of(builtin.data, wanted[i].name, &len))
            sp_buf_addf(&missing, "%s%s", missing.len ? ", " : "", wanted[i].name);
    if (rc != SP_OK)
        err->rc = rc = SP_E_USAGE;
    else if (missing.len)
        rc = sp_fail(err, SP_E_USAGE,
                     "%s has no module %s, and the kernel has not built it in: a guest reaches the "
                     "host's files over 9p (Debian's -cloud- kernels leave that out)",
                     modules, missing.data);
    sp_buf_release(&order);
    sp_buf_release(&builtin);
    sp_buf_release(&missing);
    return rc;
}

/* ---- the archive ---------------------------------------------------------------------------- */

struct entry {
    const char *name;
    unsigned mode;
    unsigned major, minor; /* of a device */
    const void *data;
    size_t len;
};

struct archive {
    struct sp_buf out;
    unsigned inode;
};

static void pad(struct sp_buf *out)
{
    while (out->len % CPIO_ALIGN)
        sp_buf_addch(out, '\0');
}

static void entry_add(struct archive *archive, const struct entry *entry)
{
    const char *name = entry->name;
    sp_buf_addf(&archive->out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                ++archive->inode, entry->mode, 0u, 0u, 1u, 0u, (unsigned)entry->len, 0u, 0u,
                entry->major, entry->minor, (unsigned)strlen(name) + 1, 0u);
    sp_buf_add(&archive->out, name, strlen(name) + 1);
    pad(&archive->out);
    sp_buf_add(&archive->out, entry->data, entry->len);
    pad(&archive->out);
}

static enum sp_rc module_add(struct archive *archive, const char *path, struct sp_buf *order,
                             struct sp_err *err)
{
    struct sp_buf data;
    char name[160];
    const char *base = strrchr(path, '/') + 1;
    sp_buf_init(&data, FILE_BYTES_MAX * 2);
    enum sp_rc rc = file_read(path, &data, err);
    if (rc == SP_OK) {
        snprintf(name, sizeof name, "modules/%.140s", base);
        sp_buf_addf(order, "%s\n", base);
        entry_add(archive,
                  &(struct entry){
                      .name = name, .mode = S_IFREG | 0644, .data = data.data, .len = data.len});
    }
    sp_buf_release(&data);
    return rc;
}

static enum sp_rc modules_add(struct archive *archive, const char *modules, struct sp_buf *order,
                              struct sp_err *err)
{
    struct sp_buf index;
    char path[PATH_BYTES];
    sp_buf_init(&index, FILE_BYTES_MAX * 2);
    enum sp_rc rc = index_read(modules, "modules.order", &index, err);
    for (size_t i = 0; rc == SP_OK && i < sizeof wanted / sizeof wanted[0]; i++)
        if (module_path(modules, index.data, wanted[i].name, path))
            rc = module_add(archive, path, order, err);
    sp_buf_release(&index);
    return rc;
}

static enum sp_rc archive_save(const struct archive *archive, const char *path, struct sp_err *err)
{
    FILE *file = fopen(path, "we");
    bool ok = file && fwrite(archive->out.data, 1, archive->out.len, file) == archive->out.len;
    if (file && fclose(file) != 0)
        ok = false;
    return ok ? SP_OK : sp_fail_os(err, SP_E_IO, errno, "writing %s", path);
}

enum sp_rc initramfs_write(const struct initramfs *what, const char *path, struct sp_err *err)
{
    static const struct entry first[] = {
        {.name = "dev", .mode = S_IFDIR | 0755},
        {.name = "dev/console", .mode = S_IFCHR | 0600, .major = 5, .minor = 1},
        {.name = "root", .mode = S_IFDIR | 0755},
        {.name = "modules", .mode = S_IFDIR | 0755},
    };
    struct archive archive = {0};
    struct sp_buf order;
    sp_buf_init(&archive.out, 4u * FILE_BYTES_MAX);
    sp_buf_init(&order, 0);
    sp_buf_addf(&order, "%s\n%s\n", what->program, what->dir);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        entry_add(&archive, &first[i]);
    enum sp_rc rc = what->modules ? modules_add(&archive, what->modules, &order, err) : SP_OK;
    entry_add(&archive,
              &(struct entry){
                  .name = "order", .mode = S_IFREG | 0644, .data = order.data, .len = order.len});
    entry_add(&archive, &(struct entry){.name = "init",
                                        .mode = S_IFREG | 0755,
                                        .data = sp_first_image,
                                        .len = (size_t)(sp_first_image_end - sp_first_image)});
    entry_add(&archive, &(struct entry){.name = "TRAILER!!!"});
    if (rc == SP_OK)
        rc = archive_save(&archive, path, err);
    sp_buf_release(&archive.out);
    sp_buf_release(&order);
    return rc;
}
