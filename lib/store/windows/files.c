/*
 * files.h on Windows: its names, its locks, and the C library's own calls for all else. Text has
 * \n at the end of a line here too, so that a results folder is the same wherever it was written.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char schema_mark[] = "\"sockproof-run/";
enum { SCHEMA_WITHIN_BYTES = 256, TREE_DEPTH_MAX = 16, MOVE_TRIES = 50, MOVE_WAIT_MS = 10 };

static char *with_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *name = sp_xcalloc(1, size);
    snprintf(name, size, "%s%s", path, suffix);
    return name;
}

/* A C error number for what a call of Windows's own said. */
static int last_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return EACCES;
    case ERROR_DIR_NOT_EMPTY:
        return ENOTEMPTY;
    case ERROR_DISK_FULL:
        return ENOSPC;
    default:
        return EIO;
    }
}

/*
 * A name that somebody has open, a reader or what looks for viruses in each new file, cannot be
 * taken over; nobody has it for long. Returns 0 or a C error number.
 */
static int move_over(const char *from, const char *to)
{
    for (int tries = 0;; tries++) {
        if (MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING))
            return 0;
        DWORD why = GetLastError();
        bool busy = why == ERROR_SHARING_VIOLATION || why == ERROR_ACCESS_DENIED;
        int code = last_error();
        if (!busy || tries == MOVE_TRIES)
            return code;
        Sleep(MOVE_WAIT_MS);
    }
}

enum sp_rc sp_file_write(const char *path, const struct sp_piece *pieces, size_t count,
                         struct sp_err *err)
{
    char *temporary = with_suffix(path, ".new");
    int code = 0;
    FILE *file = fopen(temporary, "wb");
    if (!file)
        code = errno;
    for (size_t i = 0; i < count && !code; i++)
        if (pieces[i].len_bytes &&
            fwrite(pieces[i].data, 1, pieces[i].len_bytes, file) != pieces[i].len_bytes)
            code = errno ? errno : EIO;
    if (file && fclose(file) != 0 && !code)
        code = errno;
    if (!code)
        code = move_over(temporary, path);
    if (code && file)
        remove(temporary);
    free(temporary);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot write %s", path) : SP_OK;
}

enum sp_rc sp_file_read(const char *path, size_t max_bytes, struct sp_buf *out, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    char chunk[16 * 1024];
    size_t total = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return sp_fail_os(err, errno == ENOENT || errno == ENOTDIR ? SP_E_NOTFOUND : SP_E_IO, errno,
                          "cannot read %s", path);
    for (size_t got; rc == SP_OK && (got = fread(chunk, 1, sizeof chunk, file)) > 0;) {
        total += got;
        if (total > max_bytes)
            rc = sp_fail(err, SP_E_LIMIT, "%s is larger than %zu bytes", path, max_bytes);
        else
            sp_buf_add(out, chunk, got);
    }
    if (rc == SP_OK && ferror(file))
        rc = sp_fail(err, SP_E_IO, "cannot read %s", path);
    fclose(file);
    return rc;
}

static bool is_dir(const char *path)
{
    DWORD attributes = GetFileAttributesA(path);
    return attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY;
}

enum sp_rc sp_dir_make(const char *path, struct sp_err *err)
{
    if (is_dir(path))
        return SP_OK;
    char *copy = sp_xstrdup(path);
    size_t len = strlen(copy);
    int code = 0;
    for (size_t i = 1; i <= len && !code; i++) {
        if (copy[i] != '/' && copy[i] != '\\' && copy[i] != '\0')
            continue;
        char kept = copy[i];
        copy[i] = '\0';
        /* "C:" is there, and cannot be made */
        if (!CreateDirectoryA(copy, NULL) && !is_dir(copy))
            code = copy[i - 1] == ':' ? 0 : last_error();
        copy[i] = kept;
    }
    if (!code && !is_dir(path))
        code = ENOTDIR;
    free(copy);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot make the directory %s", path) : SP_OK;
}

/* Does the run.json in this directory begin as ours do? */
static bool run_json_is_ours(const char *dir)
{
    char head[SCHEMA_WITHIN_BYTES + 1] = {0};
    char *path = with_suffix(dir, "/run.json");
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(head, 1, SCHEMA_WITHIN_BYTES, file) : 0;
    if (file)
        fclose(file);
    free(path);
    return got > 0 && strstr(head, schema_mark);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Begins to go through a directory; INVALID_HANDLE_VALUE where that fails. */
static HANDLE first_of(const char *dir, WIN32_FIND_DATAA *entry)
{
    char *pattern = with_suffix(dir, "/*");
    HANDLE find = FindFirstFileA(pattern, entry);
    free(pattern);
    return find;
}

enum sp_rc sp_dir_look(const char *path, enum sp_dir_state *state, struct sp_err *err)
{
    static const char *const ours[] = {"run.json.new", "run.json.old", "run.json.lock"};
    WIN32_FIND_DATAA entry;
    HANDLE find = first_of(path, &entry);
    if (find == INVALID_HANDLE_VALUE)
        return sp_fail_os(err, SP_E_IO, last_error(), "cannot read the directory %s", path);
    bool empty = true;
    do {
        bool known = is_dots(entry.cFileName);
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            known = known || strcmp(entry.cFileName, ours[i]) == 0;
        empty = empty && known;
    } while (FindNextFileA(find, &entry));
    FindClose(find);
    *state = empty ? SP_DIR_EMPTY : run_json_is_ours(path) ? SP_DIR_RESULTS : SP_DIR_FOREIGN;
    return SP_OK;
}

/* Removes what is ours below the directory, and it too where it is then empty. Returns 0 or a C
 * error number. */
static int clean_tree(const char *dir, unsigned depth)
{
    WIN32_FIND_DATAA entry;
    HANDLE find = first_of(dir, &entry);
    if (find == INVALID_HANDLE_VALUE) { /* not there, or a file of a stranger's */
        int code = last_error();
        return code == ENOENT ? 0 : code;
    }
    int code = 0;
    do {
        char *path = with_suffix(dir, "/");
        char *full = with_suffix(path, entry.cFileName);
        DWORD what = entry.dwFileAttributes;
        /* links and mounted folders are reparse points: not followed */
        if (is_dots(entry.cFileName) || what & FILE_ATTRIBUTE_REPARSE_POINT)
            code = 0;
        else if (what & FILE_ATTRIBUTE_DIRECTORY && depth < TREE_DEPTH_MAX)
            code = clean_tree(full, depth + 1);
        else if (!(what & FILE_ATTRIBUTE_DIRECTORY) && sp_store_owns_file(entry.cFileName) &&
                 !DeleteFileA(full))
            code = last_error();
        free(full);
        free(path);
    } while (!code && FindNextFileA(find, &entry));
    FindClose(find);
    if (!code && !RemoveDirectoryA(dir)) {
        code = last_error();
        code = code == ENOTEMPTY || code == ENOENT ? 0 : code;
    }
    return code;
}

enum sp_rc sp_dir_clean(const char *dir, struct sp_err *err)
{
    char *cases = with_suffix(dir, "/cases");
    int code = clean_tree(cases, 0);
    free(cases);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot remove the earlier results in %s", dir)
                : SP_OK;
}

/* A file that nobody else may open meanwhile, and that goes with its handle. */
enum sp_rc sp_dir_lock(const char *dir, int *fd, struct sp_err *err)
{
    char *path = with_suffix(dir, "/run.json.lock");
    HANDLE lock = CreateFileA(path, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    bool held = lock == INVALID_HANDLE_VALUE && GetLastError() == ERROR_SHARING_VIOLATION;
    int code = lock == INVALID_HANDLE_VALUE ? last_error() : 0;
    free(path);
    if (held)
        return sp_fail(err, SP_E_USAGE, "another run is writing its results to %s", dir);
    if (code)
        return sp_fail_os(err, SP_E_IO, code, "cannot open the directory %s", dir);
    *fd = _open_osfhandle((intptr_t)lock, _O_BINARY);
    return SP_OK;
}
