/*
 * How tracepoint records get from the one collector to the runs: each run has a sequenced-packet
 * socket on which the main process puts the records that carry its addresses.
 */
#ifndef SP_RUN_COLLECTOR_LINK_H
#define SP_RUN_COLLECTOR_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "witness.h"

enum { SP_LINK_BATCH = 64 };

/* Sends up to SP_LINK_BATCH records as one packet; false where the socket is full or gone. */
bool sp_link_send(int fd, const struct sp_tp_record *records, size_t count);

/* Takes one packet of records (at most SP_LINK_BATCH); 0 where nothing has arrived. */
size_t sp_link_recv(int fd, struct sp_tp_record *records);

#endif
