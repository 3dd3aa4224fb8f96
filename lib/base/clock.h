/*
 * One clock for everything: nanoseconds of CLOCK_MONOTONIC, as int64_t named *_ns.
 * Durations that a case writes are parsed and printed here, so that 1500ms reads the same
 * everywhere.
 */
#ifndef SP_BASE_CLOCK_H
#define SP_BASE_CLOCK_H

#include <stdint.h>

#define SP_US (1000LL)
#define SP_MS (1000000LL)
#define SP_S  (1000000000LL)

/* Now, on CLOCK_MONOTONIC. */
int64_t sp_clock_now_ns(void);

/*
 * What to add to a CLOCK_REALTIME reading (the clock of packet captures) to get CLOCK_MONOTONIC.
 * Sampled several times; `error_ns`, if not NULL, gets half the width of the tightest bracket.
 */
int64_t sp_clock_realtime_offset_ns(int64_t *error_ns);

/*
 * "1.5s", "200ms", "40us", "2h": exact, in the largest unit that fits. Writes at most cap bytes
 * with the NUL; SP_DURATION_TEXT hold any.
 */
enum { SP_DURATION_TEXT = 32 };
void sp_duration_print(int64_t ns, char *out, unsigned cap);

/*
 * Parses a duration with a unit (ns us ms s min h d), decimals allowed ("0.5s"; up to
 * nine of them, and what is below a nanosecond is cut off). No sign: what is printed for a
 * duration of 0 or more reads back to the same. Returns the number of characters used, 0 where
 * text does not start with one or where it is too long for int64_t.
 */
unsigned sp_duration_parse(const char *text, int64_t *ns);

#endif
