#include "heart.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum {
    STALLS = 256,  /* kept; far more than a run of any length sees on a machine that can be used */
    STALL_MS = 40, /* later than this after it was due: as exec_watch.c has it for a run */
    AWAIT_MS = 1000,
};

struct heart {
    _Atomic int64_t beat_ns;
    _Atomic uint32_t count; /* ever told of */
    struct heart_stall stalls[STALLS];
};

struct heart *heart_new(void)
{
    struct heart *heart = mmap(NULL, sizeof *heart, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* zeroed */
    return heart == MAP_FAILED ? NULL : heart;
}

void heart_free(struct heart *heart)
{
    if (heart)
        munmap(heart, sizeof *heart);
}

void heart_beat(struct heart *heart, int64_t due_ns)
{
    if (!heart)
        return;
    int64_t now_ns = sp_clock_now_ns();
    if (now_ns - due_ns >= STALL_MS * SP_MS) {
        uint32_t count = atomic_load(&heart->count);
        heart->stalls[count % STALLS] = (struct heart_stall){due_ns, now_ns};
        atomic_store(&heart->count, count + 1);
    }
    atomic_store(&heart->beat_ns, now_ns);
}

void heart_await(const struct heart *heart)
{
    int64_t begin_ns = sp_clock_now_ns();
    while (heart && atomic_load(&heart->beat_ns) < begin_ns &&
           sp_clock_now_ns() - begin_ns < AWAIT_MS * SP_MS)
        poll(NULL, 0, 1);
}

size_t heart_stalls(const struct heart *heart, int64_t from_ns, struct heart_stall *out, size_t cap)
{
    size_t found = 0;
    uint32_t count = heart ? atomic_load(&heart->count) : 0;
    for (uint32_t back = 1; back <= STALLS && back <= count && found < cap; back++) {
        struct heart_stall stall = heart->stalls[(count - back) % STALLS];
        if (stall.to_ns < from_ns)
            break;
        out[found++] = stall;
    }
    return found;
}
