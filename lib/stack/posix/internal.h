/* What the files of the POSIX stack share. Every system call under test is bracketed by
 * sp_posix_enter and sp_posix_leave. */
#ifndef SP_STACK_POSIX_INTERNAL_H
#define SP_STACK_POSIX_INTERNAL_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "api.h"
#include "stack.h"

enum sp_posix_action { SP_POSIX_DEFAULT, SP_POSIX_CATCH, SP_POSIX_RESTART, SP_POSIX_IGNORE };
enum sp_posix_set { SP_POSIX_READ = 1, SP_POSIX_WRITE = 2, SP_POSIX_EXCEPT = 4 };

/* Numbers by which /proc shows a call; 0 where the system has no such file, or a stack in user
 * space waits in calls of its own. */
#if defined(__linux__) && !defined(SP_STACK_USER_SPACE)
#define NR(name) SYS_##name
#else
#define NR(name) 0
#endif

/* Notes the call's number for sp_stack_thread_sleep, and the time, last. */
void sp_posix_enter(struct sp_stack_outcome *out, long syscall_number);

/* Notes the time, first; value, error and signal. */
void sp_posix_leave(struct sp_stack_outcome *out, int64_t value);

/* One system call: OUT gets what it returned and when. */
#define SP_POSIX_CALL(out, number, call)                                                           \
    do {                                                                                           \
        sp_posix_enter((out), (number));                                                           \
        int64_t value_ = (int64_t)(call);                                                          \
        sp_posix_leave((out), value_);                                                             \
    } while (0)

/* Thread side of the two above (thread.c). */
void sp_posix_thread_enter(int64_t now_ns, long syscall_number);
void sp_posix_thread_leave(void);

/* The signal caught in this thread since the last reset; 0 none (process.c). */
void sp_posix_signal_reset(void);
int sp_posix_signal_caught(void);
/* Whether SIGURG is caught: then a call that receives is told of urgent data (socket(7)). */
bool sp_posix_wants_urgent(void);

#endif
