/* Sockets that more than one owner has: passed on by SCM_RIGHTS, or copied by fork(). */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* A message of one byte with room for one descriptor beside it. */
struct parcel {
    struct msghdr msg;
    struct iovec iov;
    char byte;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static void parcel_init(struct parcel *parcel)
{
    memset(parcel, 0, sizeof *parcel);
    parcel->iov = (struct iovec){.iov_base = &parcel->byte, .iov_len = 1};
    parcel->msg.msg_iov = &parcel->iov;
    parcel->msg.msg_iovlen = 1;
    parcel->msg.msg_control = parcel->control;
    parcel->msg.msg_controllen = sizeof parcel->control;
}

static bool travels(struct sp_stack_outcome *out)
{
    if (sp_api_descriptors_travel())
        return true;
    sp_posix_enter(out, 0);
    errno = ENOSYS;
    sp_posix_leave(out, -1);
    return false;
}

void sp_stack_pass(sp_stack_sock sock, sp_stack_sock channel[2], struct sp_stack_outcome *out)
{
    if (!travels(out))
        return;
    int ends[2] = {-1, -1};
    int fd = (int)sock;
    if (channel[0] < 0) {
        SP_POSIX_CALL(out, 0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        if (out->value < 0)
            return;
        channel[0] = ends[0];
        channel[1] = ends[1];
    }
    struct parcel parcel;
    parcel_init(&parcel);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&parcel.msg);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    SP_POSIX_CALL(out, NR(sendmsg), sendmsg((int)channel[0], &parcel.msg, MSG_NOSIGNAL));
    if (out->value > 0)
        out->value = 0;
}

void sp_stack_take(sp_stack_sock channel[2], struct sp_stack_outcome *out)
{
    struct parcel parcel;
    int fd = -1;
    parcel_init(&parcel);
    SP_POSIX_CALL(out, NR(recvmsg), recvmsg((int)channel[1], &parcel.msg, MSG_DONTWAIT));
    const struct cmsghdr *rights = out->value > 0 ? CMSG_FIRSTHDR(&parcel.msg) : NULL;
    if (rights && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    if (out->value >= 0)
        out->value = fd;
    if (out->value < 0 && !out->error)
        out->error = EBADF;
}

/* The child takes no part: it keeps its copies, and goes when its parent goes. */
static _Noreturn void keep(const int *pipes, size_t pipe_count, pid_t parent)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    for (size_t i = 0; i < pipe_count; i++)
        close(pipes[i]);
    while (getppid() == parent)
        pause();
    _exit(0);
}

void sp_stack_fork(const int *pipes, size_t pipe_count, struct sp_stack_outcome *out)
{
    pid_t parent = getpid();
    if (!travels(out))
        return;
    SP_POSIX_CALL(out, 0, fork());
    if (out->value == 0)
        keep(pipes, pipe_count, parent);
}

void sp_stack_reap(int64_t child, struct sp_stack_outcome *out)
{
    int status = 0;
    sp_posix_enter(out, 0);
    int rc = kill((pid_t)child, SIGKILL);
    while (rc == 0 && waitpid((pid_t)child, &status, 0) < 0)
        rc = errno == EINTR ? 0 : -1;
    sp_posix_leave(out, rc);
}
