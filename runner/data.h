/*
 * Where the data that belong to the program are: cases, stacks, the list of requirements.
 *
 * Looked for here, and then beside the program as it stands in a build tree (its own folder, the
 * one above) and where it is installed (../share/sockproof).
 */
#ifndef SP_RUNNER_DATA_H
#define SP_RUNNER_DATA_H

#include <stdbool.h>
#include <stddef.h>

enum data_kind { DATA_FILE, DATA_FOLDER };

/* The first place that has it, as a path in `out`; false, and `out` empty: none has. */
bool data_find(const char *name, enum data_kind kind, char *out, size_t cap);
/* The same for a program of that file; "": looked for here only. */
bool data_find_beside(const char *program, const char *name, enum data_kind kind, char *out,
                      size_t cap);

#endif
