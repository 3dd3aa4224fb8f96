/*
 * What a kernel that runs as a process draws at random comes from this machine, by getrandom(2).
 * One that gets nothing from there makes its numbers of its own clock, which on a virtual one is
 * the same every time.
 */
#include "lab.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/*
 * A process that is traced with PTRACE_SYSEMU, as a user-mode kernel's are, does not get as far as
 * this filter with the calls that its own kernel answers (ptrace(2), seccomp(2): NOTES).
 */
enum sp_rc sp_lab_draw_nothing(struct sp_err *err)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = sizeof lines / sizeof lines[0], .filter = lines};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        return sp_fail_os(err, SP_E_UNSUPPORTED, errno, "keeping getrandom(2) from a kernel");
    return SP_OK;
}
