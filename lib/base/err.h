/*
 * Errors of the environment: what failed, where, and one sentence for a person.
 *
 * A function that can fail returns enum sp_rc and takes `struct sp_err *err` last. `err` may be
 * NULL where the caller does not care for the words. On SP_OK, `err` is untouched.
 * A bug of ours is never an sp_rc: it asserts.
 */
#ifndef SP_BASE_ERR_H
#define SP_BASE_ERR_H

/* gnu_printf: C99's formats. What gcc calls printf is Microsoft's on Windows, without %zu. */
#if defined(__clang__)
#define SP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SP_MUST_USE          __attribute__((warn_unused_result))
#define SP_NEVER_NULL        __attribute__((returns_nonnull))
#elif defined(__GNUC__)
#define SP_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#define SP_MUST_USE          __attribute__((warn_unused_result))
#define SP_NEVER_NULL        __attribute__((returns_nonnull))
#else
#define SP_PRINTF(fmt, args)
#define SP_MUST_USE
#define SP_NEVER_NULL
#endif

enum sp_rc {
    SP_OK = 0,
    SP_E_NOMEM,       /* out of memory */
    SP_E_IO,          /* the system refused: os_code says why */
    SP_E_PERM,        /* not permitted: the text says what to do */
    SP_E_PARSE,       /* input that is not what it should be */
    SP_E_USAGE,       /* the caller's words are off */
    SP_E_PROTO,       /* the other side of a protocol of ours broke it */
    SP_E_TIMEOUT,     /* a deadline passed */
    SP_E_UNSUPPORTED, /* this machine or stack cannot do it */
    SP_E_INTERRUPTED, /* a signal or a person ended it */
    SP_E_LIMIT,       /* larger than a stated maximum */
    SP_E_NOTFOUND,    /* no such file, case, socket */
    SP_E_PIN,         /* a setting of the lab did not take */
};

struct sp_err {
    enum sp_rc rc;
    int os_code;      /* errno (or the Windows code), 0 where none */
    const char *file; /* of our source */
    int line;
    char text[512]; /* one sentence, no newline */
};

/* clang-tidy sees one file at a time: it is told that the rc that is handed in comes back. */
#ifdef __clang_analyzer__
static inline enum sp_rc sp_gives(enum sp_rc rc, enum sp_rc given)
{
    (void)given;
    return rc;
}
#define SP_GIVES(rc, call) sp_gives((rc), (call))
#else
#define SP_GIVES(rc, call) (call)
#endif

/* Fills err (if not NULL) and returns rc, so `return sp_fail(err, ...)` reads as one step. */
#define sp_fail(err, rc, ...)                                                                      \
    SP_GIVES(rc, sp_err_set((err), (rc), 0, __FILE__, __LINE__, __VA_ARGS__))

/* The same with an OS error code; the OS's own sentence is appended after ": ". */
#define sp_fail_os(err, rc, os, ...)                                                               \
    SP_GIVES(rc, sp_err_set((err), (rc), (os), __FILE__, __LINE__, __VA_ARGS__))

enum sp_rc sp_err_set(struct sp_err *err, enum sp_rc rc, int os_code, const char *file, int line,
                      const char *fmt, ...) SP_PRINTF(6, 7);

/* Puts words before those that are there already: "reading foo.case: ...". */
void sp_err_prefix(struct sp_err *err, const char *fmt, ...) SP_PRINTF(2, 3);

/* The name of an rc ("io"), for logs and JSON; never NULL. */
const char *sp_rc_name(enum sp_rc rc);

#endif
