/*
 * What a run is made of: what was asked for, what stands at the two ends, and the runs that follow
 * from them and the cases. Private to runner/.
 */
#ifndef SP_RUNNER_RUN_JOBS_H
#define SP_RUNNER_RUN_JOBS_H

#include "boxes.h"
#include "cmd.h"
#include "kernel.h"
#include "run.h"

struct run_options {
    const char *cases, *lab, *family, *results, *os, *format, *client, *server, *appliance,
        *kernel_text;
    long jobs, repeat, tries;
    int64_t max_wait_ns;
    bool json, quiet;
    struct kernel kernel; /* where kernel_text is not NULL */
    char cases_dir[4096];
};

/* What stands at the two ends. */
struct ends {
    struct adapter *adapter[SP_WHO_COUNT]; /* NULL: this machine's own stack */
    struct sp_plan_config stacks;
    bool two_machines;
    struct sp_lab_hosts hosts; /* then: the way between them */
    char note[400];            /* then: what a result says of it */
};

/* The stacks that --client and --server name; ends_free() in any case. */
enum sp_rc ends_load(struct ends *ends, const struct run_options *o, struct sp_err *err);
void ends_free(struct ends *ends);

struct job_list {
    struct sp_run_job *items;
    size_t len;
    size_t cap;
    size_t left_out; /* by --max-wait */
};

/* --lab and --family, all where the text is NULL; false where there is none of that name. */
bool lab_mask(const char *text, unsigned *mask);
bool family_mask(const char *text, unsigned *mask);

/*
 * A job for each lab, family, row and repetition that a case has and the options leave; `stacks`
 * are those whose expectations count. The caller frees jobs->items.
 */
enum sp_rc jobs_make(struct job_list *jobs, struct boxes *boxes, const struct cases *cases,
                     const struct sp_plan_config *stacks, const struct ends *ends,
                     const struct run_options *o, struct sp_err *err);

#endif
