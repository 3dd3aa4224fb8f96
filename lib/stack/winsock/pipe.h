/* What the runner waits for on Windows, beside time: private to those who include it by this name.
 */
#ifndef SP_STACK_WINSOCK_PIPE_H
#define SP_STACK_WINSOCK_PIPE_H

#include <windows.h>

/* Signalled, until somebody has waited for it, when a pipe that does not wait has news. */
HANDLE sp_winsock_pipe_news(void);

#endif
