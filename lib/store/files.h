/*
 * Files of a results folder: written whole or not at all, read with a maximum, removed by name.
 *
 * A file is written beside its place (".new" behind its name) and renamed. There is no fsync: a
 * process that is killed loses nothing that it had renamed; a machine that loses power may.
 */
#ifndef SP_STORE_FILES_H
#define SP_STORE_FILES_H

#include <stdbool.h>

#include "err.h"
#include "mem.h"

struct sp_piece {
    const void *data;
    size_t len_bytes;
};

/* Writes the pieces one behind the other, and replaces the file by them at once. SP_E_IO names the
 * path. */
enum sp_rc sp_file_write(const char *path, const struct sp_piece *pieces, size_t count,
                         struct sp_err *err);
/* The same in place, where the path is new: whoever is killed meanwhile leaves a part of it. */
enum sp_rc sp_file_write_new(const char *path, const struct sp_piece *pieces, size_t count,
                             struct sp_err *err);
/* Appends the file's bytes; SP_E_NOTFOUND where there is none, SP_E_LIMIT beyond max_bytes. */
enum sp_rc sp_file_read(const char *path, size_t max_bytes, struct sp_buf *out, struct sp_err *err);

/* The directory and those above it, as far as they are missing. */
enum sp_rc sp_dir_make(const char *path, struct sp_err *err);

/* What stands in a directory that is to hold results. */
enum sp_dir_state {
    SP_DIR_EMPTY,   /* or nothing in it but a half-written file of ours */
    SP_DIR_RESULTS, /* a run.json of ours */
    SP_DIR_FOREIGN, /* anything else */
};
enum sp_rc sp_dir_look(const char *path, enum sp_dir_state *state, struct sp_err *err);

/* Whether a case folder's file of that name is one that we write, or the half of one. */
bool sp_store_owns_file(const char *name);
/*
 * Removes the case folders under DIR/cases: files with the names that we write, and the directories
 * that this leaves empty. Follows no symbolic link; whatever else lies there stays.
 */
enum sp_rc sp_dir_clean(const char *dir, struct sp_err *err);

/* Takes DIR for this process: SP_E_USAGE while another holds it. The descriptor keeps it. */
enum sp_rc sp_dir_lock(const char *dir, int *fd, struct sp_err *err);

#endif
