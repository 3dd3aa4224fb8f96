/*
 * The results folder: written case by case, so that an interrupted run keeps what it measured;
 * read by the reports, by `judge` and by `explain`, which see nothing else.
 *
 *   DIR/run.json                             schema sockproof-run/1
 *   DIR/cases/<topic>/<name>@<lab>@<family>/  (#2, #3, ... behind it for repeats)
 *       trace.json     schema sockproof-trace/1
 *       capture.pcapng  packets of every side, calls and state changes as rows between them
 *       result.json    this run's row of run.json, and its lines
 *       case           the case file as it was run
 *
 * Every file appears whole or not at all (written beside, then renamed). Nothing waits for the
 * disk: what was written outlives a killed process, not a power cut.
 */
#ifndef SP_STORE_STORE_H
#define SP_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "judge.h"
#include "script.h"
#include "trace.h"
#include "witness.h"

/* One run of one case: a row of run.json's `runs`. Strings belong to whoever made the row. */
struct sp_result {
    const char *id; /* "linger/zero-resets", with its for-row: "linger/n[linger=0]" */
    const char *topic;
    const char *title;
    const char *lab;    /* "loopback", "veth" */
    const char *family; /* "ipv4", "ipv6" */
    int repeat;         /* from 1 */
    enum sp_verdict verdict;
    const char *reason;
    bool by_machine; /* inconclusive, and the machine is why: made again it may be judged */
    int tries;       /* how often it was made until it was judged; from 1 */
    double duration_ms;
    double cpu_ms;    /* user and system of all the run's processes */
    const char *kind; /* sp_fail_name, NULL where it did not fail */
    const char *rule;
    const char *at; /* file:line; NULL where it did not fail, as are the next two */
    const char *expected;
    const char *seen;
    const char *blames; /* "client", "server", NULL */
    const char *file;   /* the case file, as given to the run */
    const char **notes;
    size_t note_count;
    const char *dir; /* relative to DIR: "cases/linger/zero-resets@veth@ipv4" */
};

/* What run.json says beside its runs. */
struct sp_run_head {
    const char *version;
    const char **command;
    size_t command_count;
    struct { /* uname and what mattered */
        const char *sysname, *release, *arch, *hostname;
        const char *clock; /* "real", or "virtual": it jumps over idle time */
        int cpus;
        bool privileged;
    } machine;
    struct {
        const char *name, *os, *os_version; /* "linux-6.18.44", "linux", "6.18.44" */
    } stack;
    const char *judged_as; /* --os, NULL: as itself */
    const char *appliance; /* --appliance, NULL: each case's own, mostly the plain router */
    const char *started;   /* RFC 3339 */
    double wall_ms;
    bool finished;      /* false while it runs and where it was interrupted */
    const char **notes; /* said once for the whole run: "no tracepoints: ..." */
    size_t note_count;
};

struct sp_store;

/*
 * Opens DIR for a new run, made if absent; an earlier run's files there are removed first if and
 * only if DIR holds a run.json of ours or is empty (SP_E_USAGE otherwise: never delete a
 * stranger's files). SP_E_USAGE too while another process writes its results there.
 */
enum sp_rc sp_store_create(const char *dir, const struct sp_run_head *head, struct sp_store **out,
                           struct sp_err *err);
/* In a child that adds nothing: gives back its copy of the rows, which grows to tens of megabytes
 * and which each of its own children would copy again. Nothing more is to be done with the store
 * there. */
void sp_store_abandon(struct sp_store *store);
void sp_store_free(struct sp_store *store);

/*
 * Writes one run's folder. Called in the process that ran the case; touches nothing that another
 * run writes. Without `trace`, without `frames` the files of them are left out. result->dir is
 * where.
 */
enum sp_rc sp_store_write_case(const char *dir, const struct sp_result *result,
                               const struct sp_plan *plan, const struct sp_trace *trace,
                               const struct sp_frames *frames, const struct sp_judgement *judgement,
                               struct sp_err *err);

/* Adds a row, to run.json too: it costs what the row does, not what the file does. Copies. */
enum sp_rc sp_store_add(struct sp_store *store, const struct sp_result *result, struct sp_err *err);
/* The last version: totals, wall time, finished. */
enum sp_rc sp_store_finish(struct sp_store *store, const struct sp_run_head *head,
                           struct sp_err *err);

/* "cases/<id>@<lab>@<family>[#repeat]", file-system safe. */
const char *sp_store_case_dir(struct sp_arena *arena, const char *id, const char *lab,
                              const char *family, int repeat);

/* A row as one JSON object, and back (the run's process hands it to the main one this way). */
enum sp_rc sp_result_write(const struct sp_result *result, struct sp_buf *out, struct sp_err *err);
enum sp_rc sp_result_read(const char *json, size_t len_bytes, struct sp_arena *arena,
                          struct sp_result *out, struct sp_err *err);

/* Everything of a results folder but the traces. */
struct sp_results {
    struct sp_arena arena;
    const char *dir;
    struct sp_run_head head;
    struct sp_result *runs;
    size_t run_count;
};
enum sp_rc sp_results_read(const char *dir, struct sp_results *out, struct sp_err *err);
void sp_results_release(struct sp_results *results);
/* The whole of run.json as it would be written for these results (for --json). */
enum sp_rc sp_results_write(const struct sp_results *results, struct sp_buf *out,
                            struct sp_err *err);

/* Puts results that were read back as their folder's run.json (judged again); cases stay. */
enum sp_rc sp_results_save(const struct sp_results *results, struct sp_err *err);
/* How many runs came to each verdict. */
void sp_results_count(const struct sp_results *results, size_t totals[SP_VERDICT_COUNT]);

/* The trace and the case text of one run. */
enum sp_rc sp_store_read_trace(const char *dir, const struct sp_result *result,
                               struct sp_trace *out, struct sp_err *err);
enum sp_rc sp_store_read_case(const char *dir, const struct sp_result *result, struct sp_buf *text,
                              struct sp_err *err);

/* A stable name of what became of a line ("done", "not-reached", ...). */
const char *sp_line_how_name(enum sp_line_how how);

/* ---- pcapng (draft-ietf-opsawg-pcapng) ----------------------------------------------------- */

/*
 * Section header, one interface a capture point, an enhanced packet block a frame (nanoseconds)
 * with a comment where a statement consumed it ("handshake.case:14 wire client SYN") or the audit
 * has something to say of it, and systemd journal export blocks for calls, states, lab actions and
 * processes between them, all in order of time.
 */
enum sp_rc sp_pcapng_write(const struct sp_plan *plan, const struct sp_trace *trace,
                           const struct sp_frames *frames, const struct sp_judgement *judgement,
                           struct sp_buf *out, struct sp_err *err);

#endif
