#include "mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double from the first: hundreds of small arenas cost what they hold. */
enum { ARENA_FIRST_BYTES = 2 * 1024, ARENA_BLOCK_BYTES = 16 * 1024 };

struct sp_arena_block {
    struct sp_arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) unsigned char data[];
};

static void out_of_memory(void)
{
    fputs("sockproof: out of memory\n", stderr);
    abort();
}

void *sp_xcalloc(size_t count, size_t size_bytes)
{
    void *memory = calloc(count ? count : 1, size_bytes ? size_bytes : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *sp_xrealloc(void *old, size_t size_bytes)
{
    void *memory = realloc(old, size_bytes ? size_bytes : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

char *sp_xstrdup(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(sp_xcalloc(1, len), text, len);
}

void *sp_grow(void *items, size_t *cap, size_t want, size_t item_bytes)
{
    if (want > *cap) {
        size_t next = *cap ? *cap * 2 : 8;
        while (next < want)
            next *= 2;
        items = sp_xrealloc(items, next * item_bytes);
        *cap = next;
    }
    memset((char *)items + (want - 1) * item_bytes, 0, item_bytes);
    return items;
}

void sp_arena_init(struct sp_arena *arena)
{
    arena->head = NULL;
}

void sp_arena_release(struct sp_arena *arena)
{
    while (arena->head) {
        struct sp_arena_block *next = arena->head->next;
        free(arena->head);
        arena->head = next;
    }
}

void *sp_arena_alloc(struct sp_arena *arena, size_t size_bytes)
{
    size_t align = alignof(max_align_t);
    size_t size = (size_bytes + align - 1) / align * align;
    struct sp_arena_block *block = arena->head;
    if (!block || block->cap - block->used < size) {
        size_t cap = block ? block->cap * 2 : (size_t)ARENA_FIRST_BYTES;
        if (cap > ARENA_BLOCK_BYTES)
            cap = ARENA_BLOCK_BYTES;
        if (cap < size)
            cap = size;
        block = sp_xcalloc(1, sizeof *block + cap);
        block->cap = cap;
        block->next = arena->head;
        arena->head = block;
    }
    void *memory = block->data + block->used;
    block->used += size;
    return memory;
}

char *sp_arena_strndup(struct sp_arena *arena, const char *text, size_t len_bytes)
{
    char *copy = sp_arena_alloc(arena, len_bytes + 1);
    memcpy(copy, text, len_bytes);
    return copy;
}

char *sp_arena_strdup(struct sp_arena *arena, const char *text)
{
    return text ? sp_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *sp_arena_printf(struct sp_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = sp_arena_alloc(arena, (size_t)(len < 0 ? 0 : len) + 1);
    vsnprintf(text, (size_t)(len < 0 ? 0 : len) + 1, fmt, again);
    va_end(again);
    return text;
}

void sp_buf_init(struct sp_buf *buf, size_t max_bytes)
{
    *buf = (struct sp_buf){.max_bytes = max_bytes};
}

void sp_buf_release(struct sp_buf *buf)
{
    free(buf->data);
    *buf = (struct sp_buf){0};
}

void sp_buf_reset(struct sp_buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
    if (buf->data)
        buf->data[0] = '\0';
}

static bool reserve(struct sp_buf *buf, size_t more)
{
    size_t want = buf->len + more + 1;
    if (buf->overflow || (buf->max_bytes && buf->len + more > buf->max_bytes)) {
        buf->overflow = true;
        return false;
    }
    if (want > buf->cap) {
        size_t cap = buf->cap ? buf->cap : 256;
        while (cap < want)
            cap *= 2;
        buf->data = sp_xrealloc(buf->data, cap);
        buf->cap = cap;
    }
    return true;
}

void sp_buf_add(struct sp_buf *buf, const void *data, size_t len_bytes)
{
    if (!reserve(buf, len_bytes))
        return;
    if (len_bytes)
        memcpy(buf->data + buf->len, data, len_bytes);
    buf->len += len_bytes;
    buf->data[buf->len] = '\0';
}

void sp_buf_addstr(struct sp_buf *buf, const char *text)
{
    sp_buf_add(buf, text, strlen(text));
}

void sp_buf_addch(struct sp_buf *buf, char c)
{
    sp_buf_add(buf, &c, 1);
}

void sp_buf_vaddf(struct sp_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    if (len >= 0 && reserve(buf, (size_t)len)) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void sp_buf_addf(struct sp_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    sp_buf_vaddf(buf, fmt, args);
    va_end(args);
}
