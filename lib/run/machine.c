#include "run.h"

#include <time.h>

/*
 * CLOCK_MONOTONIC_COARSE advances once a tick, so its resolution is the tick (clock_getres(2)):
 * 4 ms at 250 Hz.
 */
int32_t sp_machine_hz(void)
{
    struct timespec res;
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &res) != 0 || res.tv_sec || !res.tv_nsec)
        return 0;
    return (int32_t)((SP_S + res.tv_nsec / 2) / res.tv_nsec);
}
