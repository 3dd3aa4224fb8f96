#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "store.h"
#include "wire.h"

/* A file name has at most 255 bytes on every file system we know; leave room for ".new". */
enum { NAME_MAX_BYTES = 240 };

/* One component: what every file system and shell takes, the rest as %XX. `.` and `..` go too. */
static void add_safe(struct sp_buf *out, const char *text, size_t len)
{
    static const char also[] = "-_.=,+[]";
    bool dots = strspn(text, ".") >= len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool safe = c < 0x80 && (isalnum(c) || strchr(also, c)) && !(dots && c == '.');
        if (safe)
            sp_buf_addch(out, (char)c);
        else
            sp_buf_addf(out, "%%%02x", c);
    }
}

/* Ends an overlong component, begun at `from`, with a hash of the whole of it. */
static void shorten(struct sp_buf *out, size_t from)
{
    size_t len = out->len - from;
    if (len <= NAME_MAX_BYTES)
        return;
    unsigned long long hash = sp_payload_hash(out->data + from, len);
    out->len = from + NAME_MAX_BYTES - 17;
    sp_buf_addf(out, "~%016llx", hash);
}

const char *sp_store_case_dir(struct sp_arena *arena, const char *id, const char *lab,
                              const char *family, int repeat)
{
    struct sp_buf path;
    sp_buf_init(&path, 0);
    sp_buf_addstr(&path, "cases");
    size_t from = path.len;
    for (const char *part = id; *part;) {
        size_t len = strcspn(part, "/");
        if (len) {
            sp_buf_addch(&path, '/');
            from = path.len;
            add_safe(&path, part, len);
            if (part[len])
                shorten(&path, from);
        }
        part += len + (part[len] == '/');
    }
    sp_buf_addch(&path, '@');
    add_safe(&path, lab, strlen(lab));
    sp_buf_addch(&path, '@');
    add_safe(&path, family, strlen(family));
    if (repeat > 1)
        sp_buf_addf(&path, "#%d", repeat);
    shorten(&path, from);
    const char *copy = sp_arena_strdup(arena, path.data);
    sp_buf_release(&path);
    return copy;
}
