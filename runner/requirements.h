/*
 * The table of requirements (docs/requirements.tsv) and what a case's `spec` line says of it.
 */
#ifndef SP_RUNNER_REQUIREMENTS_H
#define SP_RUNNER_REQUIREMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "mem.h"

/* What a total is counted over. */
enum requirement_group {
    GROUP_MUST,   /* MUST-n of RFC 9293 */
    GROUP_EVENT,  /* EV-* */
    GROUP_SHOULD, /* everything else but MAY: SHLD-n, REC-n, other RFCs */
    GROUP_MAY,
    GROUP_COUNT
};

struct requirement {
    const char *id;      /* "MUST-13", "EV-TW-1", "R5961-3.2a" */
    const char *level;   /* "MUST", "MUST NOT", "SHOULD", "event" */
    const char *section; /* "3.6.1", "RFC5961 3.2" */
    const char *text;
    bool testable;
    enum requirement_group group;
};

struct requirements {
    struct sp_arena arena;
    struct requirement *items;
    size_t len;
    size_t cap;
};

/*
 * The table: `option` where given, otherwise docs/requirements.tsv beside the folder of cases, here
 * or beside the program. SP_E_NOTFOUND where there is none, SP_E_PARSE names a line that is no row.
 * Release in any case.
 */
enum sp_rc requirements_load(struct requirements *out, const char *option, const char *cases_dir,
                             struct sp_err *err);
void requirements_release(struct requirements *requirements);

/*
 * Whether the word of a `spec` line names the requirement: RFC9293:MUST-13, RFC9293:EV-TW-1,
 * RFC5961:R5961-3.2a or, for short, RFC5961:3.2a. A section alone (RFC5961:4.2) names none.
 */
bool requirement_named(const struct requirement *requirement, const char *spec);

/* Whether the word has the form of a requirement's name, known or not. */
bool spec_names_requirement(const char *spec);

#endif
