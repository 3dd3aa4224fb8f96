/* Private to the arguments: what argued.c asks of the files beside it. */
#ifndef SP_TESTS_STRENGTH_ARGUED_H
#define SP_TESTS_STRENGTH_ARGUED_H

#include "strength.h"

/* A step that the kernel may keep from the tracepoints, or a look that was not taken. */
bool argued_not_told(const struct bench *bench, const struct kind *kind, const struct sp_event *ev);
/* A call that no rule holds against what has come. */
bool argued_unheld(const struct bench *bench, const struct kind *kind, const struct sp_event *call);
/* A row of argued.tsv, which counts that it was asked. */
bool row_argues(const char *kind, const char *run, const char *place);
void rows_print(void);

#endif
