/*
 * A file that is replaced again and again and grows at its end. A reader that opens it sees one
 * version whole; what was written outlives a killed process.
 *
 * Two files take turns under the name, so that no version makes a new file or frees an old one:
 * ext4 does not hand out a freed inode again for minutes, and searches past all of them at every
 * file that is made nearby. One that is still being read when its turn comes is left to its reader,
 * and a new one takes its place. The one that waits its turn is PATH.new; PATH.old exists within a
 * change of turns only. A killed process leaves them behind; sp_live_open removes them.
 */
#ifndef SP_STORE_LIVE_H
#define SP_STORE_LIVE_H

#include "files.h"

struct sp_live {
    char *path, *waits, *aside;
    struct {
        int fd;
        size_t same_bytes; /* of what it holds, the part that no later version changes */
    } file[2];
    int shown; /* which of them has the name, -1: none of ours yet */
};

void sp_live_open(struct sp_live *live, const char *path);
/*
 * Shows a new version: the pieces one behind the other. Its first `same_bytes` are those of every
 * later version too, and are not written twice. SP_E_IO names the path; the version before stays.
 */
enum sp_rc sp_live_write(struct sp_live *live, const struct sp_piece *pieces, size_t count,
                         size_t same_bytes, struct sp_err *err);
/* Nothing will be written again as it was: the next version is written from its first byte. */
void sp_live_forget(struct sp_live *live);
void sp_live_close(struct sp_live *live);

#endif
