/* What the executor asks of Windows: to be woken, and what its processes cost. */
#include "exec.h"

#include <winsock2.h>
#include <windows.h>

#include "windows/capture.h"
#include "windows/interrupt.h"
#include "winsock/pipe.h"

/* The longest wait in one piece, so that an interruption is seen; and the one beside a capture that
 * has no event to tell of frames by. */
static const int64_t SLICE_NS = 50 * SP_MS, ASK_NS = SP_MS;

static const volatile int *interrupt;

void exec_interrupt_by(const volatile int *interrupted)
{
    interrupt = interrupted;
}

bool exec_interrupted(void)
{
    return interrupt && *interrupt;
}

enum sp_rc exec_wait(struct exec *x, int64_t wake_ns)
{
    HANDLE set[1 + EXEC_CAPTURES];
    DWORD count = 0;
    int64_t most_ns = SLICE_NS;
    set[count++] = sp_winsock_pipe_news();
    for (unsigned i = 0; i < x->capture_count; i++) {
        HANDLE event = sp_capture_event(x->captures[i]);
        if (event)
            set[count++] = event;
        else if (!sp_capture_blind(x->captures[i]))
            most_ns = ASK_NS;
    }
    if (exec_interrupted())
        return sp_fail(&x->err, SP_E_INTERRUPTED, "interrupted");
    int64_t now = exec_now(x);
    int64_t left_ns = wake_ns > now ? wake_ns - now : 0;
    int64_t wait_ns = left_ns < most_ns ? left_ns : most_ns;
    DWORD ms = (DWORD)((wait_ns + SP_MS - 1) / SP_MS);
    if (WaitForMultipleObjects(count, set, FALSE, ms) == WAIT_FAILED)
        return sp_fail(&x->err, SP_E_IO, "waiting for events: Windows error %lu",
                       (unsigned long)GetLastError());
    return SP_OK;
}

void exec_ask(struct exec *x)
{
    (void)x;
}

/* There is no peer here (elsewhere.c). */
void exec_wait_peer(const struct exec *x, int ms)
{
    (void)x, (void)ms;
}

static double ms_of(const FILETIME *time)
{
    return (double)((uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime) / 1e4;
}

/* Of the main process, so far: agents' own time is not added up. */
bool exec_note_machine_stalls(struct exec *x)
{
    (void)x; /* one process makes its runs itself: nobody beside it could see */
    return false;
}

double exec_cpu_ms(void)
{
    FILETIME begun, ended, kernel, user;
    if (!GetProcessTimes(GetCurrentProcess(), &begun, &ended, &kernel, &user))
        return 0;
    return ms_of(&kernel) + ms_of(&user);
}
