/*
 * files.h on Windows: its names, its locks, and the C library's own calls for all else. Text has
 * \n at the end of a line here too, so that a results folder is the same wherever it was written.
 *
 * Names come in UTF-8 and go to Windows whole, in its own form: \\?\C:\..., which alone may be
 * longer than MAX_PATH on every Windows. learn.microsoft.com, "Maximum Path Length Limitation".
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
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

/* The caller frees it. What cannot be turned is left as it is, and is in no folder. */
static wchar_t *native(const char *path)
{
    static const wchar_t whole[] = L"\\\\?\\", share[] = L"\\\\?\\UNC\\";
    size_t len = strlen(path) + 1;
    wchar_t *wide = sp_xcalloc(len, sizeof *wide);
    MultiByteToWideChar(CP_UTF8, 0, path, (int)len, wide, (int)len);
    DWORD need = GetFullPathNameW(wide, 0, NULL, NULL);
    if (!need || wcsncmp(wide, whole, 4) == 0)
        return wide;
    wchar_t *full = sp_xcalloc(need + 8, sizeof *full);
    wchar_t *at = full + 8; /* room for what goes before it */
    GetFullPathNameW(wide, need, at, NULL);
    bool shared = wcsncmp(at, L"\\\\", 2) == 0;
    const wchar_t *head = shared ? share : whole;
    at += shared ? 2 : 0;
    wmemmove(full + wcslen(head), at, wcslen(at) + 1);
    wmemcpy(full, head, wcslen(head));
    free(wide);
    return full;
}

static FILE *file_open(const char *path, const wchar_t *mode)
{
    wchar_t *name = native(path);
    FILE *file = _wfopen(name, mode);
    int code = errno;
    free(name);
    errno = code;
    return file;
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
    case ERROR_ALREADY_EXISTS: /* a file, where a folder should be */
    case ERROR_DIRECTORY:
        return ENOTDIR;
    case ERROR_INVALID_NAME:
        return EINVAL;
    case ERROR_FILENAME_EXCED_RANGE:
        return ENAMETOOLONG;
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
    wchar_t *old = native(from), *new = native(to);
    int code = 0;
    for (int tries = 0; tries <= MOVE_TRIES; tries++) {
        if (tries)
            Sleep(MOVE_WAIT_MS);
        code = MoveFileExW(old, new, MOVEFILE_REPLACE_EXISTING) ? 0 : last_error();
        if (code != EACCES)
            break;
    }
    free(old);
    free(new);
    return code;
}

static bool file_remove(const char *path)
{
    wchar_t *name = native(path);
    bool ok = DeleteFileW(name);
    free(name);
    return ok;
}

enum sp_rc sp_file_write(const char *path, const struct sp_piece *pieces, size_t count,
                         struct sp_err *err)
{
    char *temporary = with_suffix(path, ".new");
    int code = 0;
    FILE *file = file_open(temporary, L"wb");
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
        file_remove(temporary);
    free(temporary);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot write %s", path) : SP_OK;
}

enum sp_rc sp_file_write_new(const char *path, const struct sp_piece *pieces, size_t count,
                             struct sp_err *err)
{
    return sp_file_write(path, pieces, count, err);
}

enum sp_rc sp_file_read(const char *path, size_t max_bytes, struct sp_buf *out, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    char chunk[16 * 1024];
    size_t total = 0;
    FILE *file = file_open(path, L"rb");
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
    wchar_t *name = native(path);
    DWORD attributes = GetFileAttributesW(name);
    free(name);
    return attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY;
}

/* Of a name that ends without a separator. Returns 0 or a C error number. */
static int dir_make(const char *path)
{
    wchar_t *name = native(path);
    int code = CreateDirectoryW(name, NULL) ? 0 : last_error();
    free(name);
    return code;
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
        bool there =
            copy[i - 1] == ':' || copy[i - 1] == '/' || copy[i - 1] == '\\' || is_dir(copy);
        code = there ? 0 : dir_make(copy);
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
    FILE *file = file_open(path, L"rb");
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

/* The name in UTF-8; the caller frees it. */
static char *name_of(const WIN32_FIND_DATAW *entry)
{
    enum { BYTES = 4 * MAX_PATH };
    char *name = sp_xcalloc(1, BYTES);
    WideCharToMultiByte(CP_UTF8, 0, entry->cFileName, -1, name, BYTES, NULL, NULL);
    return name;
}

/* Begins to go through a directory; INVALID_HANDLE_VALUE where that fails. */
static HANDLE first_of(const char *dir, WIN32_FIND_DATAW *entry)
{
    char *pattern = with_suffix(dir, "/*");
    wchar_t *name = native(pattern);
    HANDLE find = FindFirstFileW(name, entry);
    free(name);
    free(pattern);
    return find;
}

enum sp_rc sp_dir_look(const char *path, enum sp_dir_state *state, struct sp_err *err)
{
    static const char *const ours[] = {"run.json.new", "run.json.old", "run.json.lock"};
    WIN32_FIND_DATAW entry;
    HANDLE find = first_of(path, &entry);
    if (find == INVALID_HANDLE_VALUE)
        return sp_fail_os(err, SP_E_IO, last_error(), "cannot read the directory %s", path);
    bool empty = true;
    do {
        char *name = name_of(&entry);
        bool known = is_dots(name);
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            known = known || strcmp(name, ours[i]) == 0;
        free(name);
        empty = empty && known;
    } while (FindNextFileW(find, &entry));
    FindClose(find);
    *state = empty ? SP_DIR_EMPTY : run_json_is_ours(path) ? SP_DIR_RESULTS : SP_DIR_FOREIGN;
    return SP_OK;
}

/* Removes what is ours below the directory, and it too where it is then empty. Returns 0 or a C
 * error number. */
static int clean_tree(const char *dir, unsigned depth)
{
    WIN32_FIND_DATAW entry;
    HANDLE find = first_of(dir, &entry);
    if (find == INVALID_HANDLE_VALUE) { /* not there, or a file of a stranger's */
        int code = last_error();
        return code == ENOENT ? 0 : code;
    }
    int code = 0;
    do {
        char *name = name_of(&entry);
        char *path = with_suffix(dir, "/");
        char *full = with_suffix(path, name);
        DWORD what = entry.dwFileAttributes;
        /* links and mounted folders are reparse points: not followed */
        if (is_dots(name) || what & FILE_ATTRIBUTE_REPARSE_POINT)
            code = 0;
        else if (what & FILE_ATTRIBUTE_DIRECTORY && depth < TREE_DEPTH_MAX)
            code = clean_tree(full, depth + 1);
        else if (!(what & FILE_ATTRIBUTE_DIRECTORY) && sp_store_owns_file(name) &&
                 !file_remove(full))
            code = last_error();
        free(full);
        free(path);
        free(name);
    } while (!code && FindNextFileW(find, &entry));
    FindClose(find);
    wchar_t *name = native(dir);
    if (!code && !RemoveDirectoryW(name)) {
        code = last_error();
        code = code == ENOTEMPTY || code == ENOENT ? 0 : code;
    }
    free(name);
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
    wchar_t *name = native(path);
    HANDLE lock = CreateFileW(name, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    bool held = lock == INVALID_HANDLE_VALUE && GetLastError() == ERROR_SHARING_VIOLATION;
    int code = lock == INVALID_HANDLE_VALUE ? last_error() : 0;
    free(name);
    free(path);
    if (held)
        return sp_fail(err, SP_E_USAGE, "another run is writing its results to %s", dir);
    if (code)
        return sp_fail_os(err, SP_E_IO, code, "cannot open the directory %s", dir);
    *fd = _open_osfhandle((intptr_t)lock, _O_BINARY);
    return SP_OK;
}
