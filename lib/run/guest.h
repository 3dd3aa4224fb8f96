/*
 * Runs inside guests: kernels that this machine starts as processes (user-mode Linux), or in
 * virtual machines (QEMU).
 *
 * Outside, sp_guests_run() does for guests what sp_sched_run() does for processes: it deals the
 * runs out in chunks, a guest each, takes rows as they come, and ends a guest that gives no sign.
 * Inside, our own program is the first process (sp_guest_say); it works through its chunk, in
 * user-mode Linux one run at a time, so that on a clock that jumps nothing else wakes.
 *
 * The two share a folder below the results, which the guest mounts over hostfs or 9p:
 *
 *   RESULTS/.guest-N/job        what to run: lines of words with tabs between
 *   RESULTS/.guest-N/said       messages of the guest, appended
 *   RESULTS/.guest-N/console    what its kernel printed
 *   RESULTS/.guest-N/init       a link to our own program
 *   RESULTS/.guest-N/initramfs  what a virtual machine starts with
 */
#ifndef SP_RUN_GUEST_H
#define SP_RUN_GUEST_H

#include "run.h"

enum sp_guest_kind { SP_GUEST_UML, SP_GUEST_QEMU };

struct sp_guest_config {
    enum sp_guest_kind kind;
    const char *kernel;  /* absolute path of a kernel of that kind */
    const char *program; /* absolute path of the program that it starts */
    const char *results; /* absolute path of the results folder */
    const char *about;   /* lines that every job file begins with */
    int64_t patience_ns; /* real time: a guest that says nothing for so long is ended */
    /* of a virtual machine */
    const char *modules; /* the kernel's folder lib/modules/RELEASE; "" all is built in */
    bool kvm;            /* else it is emulated */
};

/* The version of a user-mode Linux kernel, "6.12.38"; SP_E_USAGE where the file is none. */
enum sp_rc sp_guest_version(const char *kernel, char *out, size_t cap, struct sp_err *err);

/* What a kernel for a virtual machine says of itself. */
struct sp_guest_image {
    char release[128]; /* as uname -r: the name of its modules' folder */
    char version[64];  /* of the stack: Debian's 6.1.0-56-amd64 is built from 6.1.192 */
};
/* Reads the head of a bzImage; SP_E_USAGE where the file is none. */
enum sp_rc sp_guest_image(const char *kernel, struct sp_guest_image *image, struct sp_err *err);
/*
 * Where the kernel's modules are: in `asked` (the folder, or one with lib/modules/RELEASE in it),
 * or, where that is NULL, where packages and archives of packages have them beside a kernel. ""
 * where "none" was asked for. SP_E_USAGE where there are none, or not all that a guest needs.
 */
enum sp_rc sp_guest_modules(const char *kernel, const char *asked, const char *release,
                            char *modules, size_t cap, struct sp_err *err);
/* SP_E_UNSUPPORTED where QEMU is not installed. */
enum sp_rc sp_guest_qemu_here(struct sp_err *err);
/* Whether this machine and user have KVM. */
bool sp_guest_kvm_here(void);

/*
 * Runs all jobs and stores each result as it comes: `sched->parallel` guests at once. A guest that
 * dies, hangs or computes without end costs what it was at (`broken`, with the kernel's last
 * words); the rest of its chunk goes to another. SP_E_INTERRUPTED as sp_sched_run(); SP_E_IO where
 * guests do not start at all.
 */
enum sp_rc sp_guests_run(struct sp_sched *sched, const struct sp_guest_config *config,
                         struct sp_err *err);

/* ---- inside --------------------------------------------------------------------------------- */

enum sp_guest_word {
    SP_GUEST_STATUS = 'S', /* id, tab, what it waits for */
    SP_GUEST_BEGIN = 'B',  /* id, tab, repeat: of several at once, one has begun */
    SP_GUEST_RESULT = 'R', /* a row as JSON */
    SP_GUEST_END = 'E',    /* tracepoints (0, 1), tab, hidden states, tab, why no tracepoints */
    SP_GUEST_ERROR = 'X',  /* a sentence: the guest cannot work */
};

/* Appends a message to the file that the outside reads; false where it cannot be written. */
bool sp_guest_say(int fd, enum sp_guest_word word, const char *data, size_t len_bytes);

/* Offset of the words of a job's line `run`, which is what sp_guests_run() writes. */
enum sp_guest_run_word {
    SP_GUEST_RUN_FILE = 1,
    SP_GUEST_RUN_ROW,
    SP_GUEST_RUN_LAB,
    SP_GUEST_RUN_FAMILY,
    SP_GUEST_RUN_REPEAT,
    SP_GUEST_RUN_BOX, /* the appliance's name, "" none */
    SP_GUEST_RUN_WORDS
};

#endif
