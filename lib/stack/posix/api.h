/*
 * The socket API under the files of this folder: the system's own (kernel.c), or a user-space stack
 * that has POSIX's calls, numbers and errno (../lwip). Each is what POSIX says of the call of that
 * name; one that a stack does not have fails with ENOSYS.
 */
#ifndef SP_STACK_POSIX_API_H
#define SP_STACK_POSIX_API_H

#include <poll.h>
#include <stdbool.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>

int sp_api_socket(int family, int type, int protocol);
int sp_api_bind(int fd, const struct sockaddr *addr, socklen_t len_bytes);
int sp_api_connect(int fd, const struct sockaddr *addr, socklen_t len_bytes);
int sp_api_listen(int fd, int backlog);
int sp_api_accept(int fd, struct sockaddr *addr, socklen_t *len_bytes, int flags); /* accept4 */
ssize_t sp_api_send(int fd, const void *data, size_t len_bytes, int flags);
ssize_t sp_api_recv(int fd, void *data, size_t len_bytes, int flags);
/* The calling thread is the one that SIGURG of this socket goes to. */
int sp_api_own(int fd);
int sp_api_close(int fd);
int sp_api_shutdown(int fd, int how);
int sp_api_ioctl(int fd, unsigned long request, int *value);
int sp_api_dup(int fd);
int sp_api_getsockname(int fd, struct sockaddr *addr, socklen_t *len_bytes);
int sp_api_getpeername(int fd, struct sockaddr *addr, socklen_t *len_bytes);
int sp_api_setsockopt(int fd, int level, int option, const void *value, socklen_t len_bytes);
int sp_api_getsockopt(int fd, int level, int option, void *value, socklen_t *len_bytes);
int sp_api_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int sp_api_select(int end, fd_set *readable, fd_set *writable, fd_set *except,
                  struct timeval *timeout);

/* epoll(7): the set, what is waited for on one socket, the wait for one event. */
int sp_api_epoll_create(void);
int sp_api_epoll_set(int set, int fd, bool first, unsigned events);
int sp_api_epoll_wait(int set, unsigned *events, int timeout_ms);

/* Before each call: what has arrived by now is taken in, where the stack has to be told to. */
void sp_api_catch_up(void);

/* Whether descriptors are the system's own, so that fork(2) and SCM_RIGHTS hand them on. */
bool sp_api_descriptors_travel(void);

#endif
