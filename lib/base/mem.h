/*
 * Memory: an arena for things that live and die together (a case, a plan, a trace), and a
 * growable byte buffer with a stated maximum.
 *
 * Running out of memory ends the process with one line on standard error: a harness that cannot
 * allocate a few kilobytes has nothing better to do, and results already written stay whole.
 * Growth that input controls is bounded by the buffer's maximum and returns SP_E_LIMIT instead.
 */
#ifndef SP_BASE_MEM_H
#define SP_BASE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct sp_arena_block;

struct sp_arena {
    struct sp_arena_block *head;
};

void sp_arena_init(struct sp_arena *arena);
void sp_arena_release(struct sp_arena *arena);

/* Zeroed memory, aligned for any type; lives until the arena is released. Never NULL. */
void *sp_arena_alloc(struct sp_arena *arena, size_t size_bytes) SP_NEVER_NULL;
char *sp_arena_strndup(struct sp_arena *arena, const char *text, size_t len_bytes) SP_NEVER_NULL;
char *sp_arena_strdup(struct sp_arena *arena, const char *text); /* NULL stays NULL */
char *sp_arena_printf(struct sp_arena *arena, const char *fmt, ...) SP_PRINTF(2, 3);

#define SP_ARENA_NEW(arena, type)        ((type *)sp_arena_alloc((arena), sizeof(type)))
#define SP_ARENA_ARRAY(arena, type, len) ((type *)sp_arena_alloc((arena), sizeof(type) * (len)))

/* malloc and realloc that do not return NULL; freed with free(). */
void *sp_xcalloc(size_t count, size_t size_bytes) SP_NEVER_NULL;
void *sp_xrealloc(void *old, size_t size_bytes) SP_NEVER_NULL;
char *sp_xstrdup(const char *text) SP_NEVER_NULL;

/*
 * Makes room for one more element in a heap array: SP_PUSH(list->items, list->len, list->cap)
 * is an lvalue of the new, zeroed element.
 */
#define SP_PUSH(items, len, cap)                                                                   \
    (*(((items) = sp_grow((items), &(cap), (len) + 1, sizeof *(items))), &(items)[(len)++]))

void *sp_grow(void *items, size_t *cap, size_t want, size_t item_bytes) SP_NEVER_NULL;

/* Growable bytes, NUL-terminated one past len; data is NULL until something was appended. */
struct sp_buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max_bytes; /* 0: no limit */
    bool overflow;    /* an append was refused because of max_bytes, and so is every later one */
};

void sp_buf_init(struct sp_buf *buf, size_t max_bytes);
void sp_buf_release(struct sp_buf *buf);
void sp_buf_reset(struct sp_buf *buf); /* empties, keeps the memory */
void sp_buf_add(struct sp_buf *buf, const void *data, size_t len_bytes);
void sp_buf_addstr(struct sp_buf *buf, const char *text);
void sp_buf_addch(struct sp_buf *buf, char c);
void sp_buf_addf(struct sp_buf *buf, const char *fmt, ...) SP_PRINTF(2, 3);
void sp_buf_vaddf(struct sp_buf *buf, const char *fmt, va_list args) SP_PRINTF(2, 0);

#endif
