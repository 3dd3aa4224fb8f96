/* What lwIP can tell of its connections: the lists of its own protocol control blocks. */
#ifndef SP_STACK_LWIP_STATES_H
#define SP_STACK_LWIP_STATES_H

#include <stdint.h>

/*
 * From now on what has changed is appended to the file `path`, a line for each connection
 * (docs/adding-a-stack.md, SOCKPROOF_STATES); "" tells nobody. Looks of its own every 10 ms, for
 * what timers do; the others are asked for.
 */
void sp_lwip_states_start(const char *path);

/* Looks. The caller has the core lock. */
void sp_lwip_states_look(void);

/* The same for who does not. */
void sp_lwip_states_look_locked(void);

/* A frame was so old when lwIP had it, in microseconds: told where that is worth it. The caller has
 * the core lock. */
void sp_lwip_states_late(uint32_t late_us);

#endif
