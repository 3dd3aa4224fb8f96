/*
 * Runs cases: one case in a process of its own (sp_run_one), many of them at once (sp_sched_run).
 * Drives, never judges: it waits until the judge's matcher says that a statement has come true,
 * and stores what was seen.
 */
#ifndef SP_RUN_RUN_H
#define SP_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "collector_link.h"
#include "judge.h"
#include "lab.h"
#include "script.h"
#include "store.h"

/* What one run is to be. */
struct sp_run_job {
    const struct sp_case *case_;
    struct sp_plan_config config;
    int repeat;                           /* from 1 */
    int64_t least_ns;                     /* plan's: those that wait longest go first, */
    size_t order;                         /* and then by this */
    uint16_t number;                      /* out, while it runs: its addresses on this machine */
    const struct sp_appliance *appliance; /* on the lab routed: the box; NULL elsewhere */
    const char *skip;                     /* why it cannot be run here, NULL it can */
    struct retry *before;  /* the scheduler's: what it came to before, NULL: nothing */
    unsigned tries_before; /* out: how often it was made before, and not judged */
};

/* Another stack than this machine's own at one end (docs/adding-a-stack.md). */
struct sp_run_adapter {
    const char *name;    /* for people: "gvisor-20221219" */
    const char *start;   /* the program that becomes the agent */
    const char *param;   /* what stood behind the colon on the command line, "" */
    const char *program; /* sockproof itself, for adapters that start it elsewhere */
    bool own_tcp;        /* no kernel of ours speaks TCP there: its states cannot be asked */
    bool takes_address;  /* where own_tcp: it takes the interface as the kernel set it up; else the
                            kernel is given no address there */
    bool tells_states;   /* where own_tcp: it tells of its states itself */
    bool own_clock;      /* its times are not this machine's: those of the runner stand for them */
    bool remote; /* it is another machine: its network is not ours, and outlives the agent */
    bool again;  /* where its agent ends, the next one greets on the same pipes */
    bool deaf;   /* no signal but SIGKILL ends a program of its API */
    const char *const *environment; /* more for `start`, "NAME=VALUE"; NULL-terminated, NULL none */
    const char *const *pins;        /* settings that its `start` makes where a case pins them, from
                                       SOCKPROOF_PINS; NULL-terminated, NULL none */
    const char *const *ignores;     /* options that it takes and that change nothing in its TCP;
                                       NULL-terminated, NULL none */
    const char *const *sysctls; /* "net.ipv4.tcp_sack=0": what its TCP does always, as the kernel
                                   would with this; NULL-terminated, NULL none */
};

/* What all runs of one command share. */
struct sp_run_env {
    const char *results_dir;
    const char *build; /* version */
    uint8_t slot;      /* sp_lab_slot_take */
    bool privileged;
    const struct sp_plan_config *own_stacks; /* what runs here; jobs name what to judge as */
    int32_t hz;                              /* kernel's tick, 0 unknown */
    const struct sp_run_adapter *adapter[SP_WHO_COUNT]; /* NULL: this machine's own stack */
    const struct sp_lab_hosts *hosts; /* one end is another machine; NULL: labs of our own */
    bool virtual_clock; /* time jumps to the next timer: nothing may wake without need */
};

/* The name by which a lab or a family goes in results and on the command line. */
const char *sp_case_lab_name(enum sp_case_lab lab);
/* The lab of that name; veth where there is none. */
enum sp_case_lab sp_case_lab_of(const char *name);
const char *sp_case_family_name(enum sp_case_family family);

/* The kernel's tick rate, from its configuration where it can be read, else 0. */
int32_t sp_machine_hz(void);

/* Where a run's records of tracepoints come from; neither: there are none. */
struct sp_run_records {
    struct sp_collector *collector; /* to be followed; NULL: not */
    int link_fd;                    /* records are sent there; -1: not */
    struct sp_addr own[3];          /* the run's addresses, by which it knows its own */
    const struct heart *heart;      /* who witnesses that the machine stood still; NULL: nobody */
};

/*
 * Runs one job in the calling process and writes its folder. The process should be a child: it goes
 * through namespaces, and comes back unless the result is `broken`. `status` is told what a wait of
 * more than a moment waits for. The result's strings live in `arena`.
 * Never fails: what goes wrong with the harness is a result with the verdict `broken`.
 */
void sp_run_one(const struct sp_run_job *job, const struct sp_run_env *env,
                const struct sp_run_records *records, void (*status)(const char *text, void *arg),
                void *status_arg, struct sp_arena *arena, struct sp_result *result);

/* The row of a run that left none of its own: `broken`, its reason still to be said. */
void sp_run_row_missing(const struct sp_run_job *job, struct sp_arena *arena,
                        struct sp_result *result);

/* What a person sees while it works. */
struct sp_progress {
    size_t total;
    size_t done;
    size_t running;
    size_t by_verdict[SP_VERDICT_COUNT];
    const char *running_id; /* the one that has run longest */
    const char *waits_for;  /* and what it waits for, "" unknown */
    int64_t elapsed_ns;
    int64_t left_ns; /* the longest remaining wait of what runs and what is queued, by the plans */
};

struct sp_sched {
    const struct sp_run_env *env;
    struct sp_run_job *jobs; /* reordered: longest wait first */
    size_t job_count;
    unsigned parallel;               /* how many at once */
    unsigned tries;                  /* how often a run is made that the machine, and not the
                                        stack, kept from being judged; 0 or 1: once */
    struct sp_store *store;          /* NULL: results go to on_result only */
    const volatile int *interrupted; /* becomes non-zero when a person ends it */
    void (*on_progress)(const struct sp_progress *progress, void *arg); /* a few times a second */
    void (*on_result)(const struct sp_result *result, void *arg);
    void (*on_begin)(const char *id, int repeat, void *arg); /* NULL: nobody asks */
    void *arg;
    /* out */
    size_t by_verdict[SP_VERDICT_COUNT];
    bool tracepoints;          /* whether the collector could be had */
    const char *states_by;     /* what tells of states where it could not */
    char tracepoints_why[512]; /* and why not */
    size_t made_again;         /* runs that had more than one try */
    uint64_t hidden_states;    /* state events that the kernel counted and did not show */
};

/*
 * Runs all jobs and stores each result as it comes. SP_E_INTERRUPTED where a person ended it: what
 * was finished is stored.
 */
enum sp_rc sp_sched_run(struct sp_sched *sched, struct sp_err *err);

#endif
