/*
 * What only labs of other systems have, for the executor that is the same everywhere: the scripted
 * peer and the path in user space, which speak through packet sockets, and tracepoints. Cases with
 * a peer or a path have no loopback lab, so that none of this is come to here.
 */
#include "exec.h"

static enum sp_rc has_not(struct sp_err *err)
{
    return sp_fail(err, SP_E_UNSUPPORTED, "the lab of Windows has no peer, no path and no box");
}

enum sp_rc peer_new(const struct sp_lab *lab, enum sp_place place, const struct sp_addr *own,
                    const struct sp_addr *other, struct peer **out, struct sp_err *err)
{
    (void)lab, (void)place, (void)own, (void)other;
    *out = NULL;
    return has_not(err);
}

void peer_free(struct peer *peer)
{
    (void)peer;
}

uint16_t peer_port(const struct peer *peer)
{
    (void)peer;
    return 0;
}

enum sp_rc peer_run(struct peer *peer, int64_t now_ns, struct sp_err *err)
{
    (void)peer, (void)now_ns;
    return has_not(err);
}

uint64_t peer_heard(const struct peer *peer)
{
    (void)peer;
    return 0;
}

enum sp_rc peer_act(struct peer *peer, const struct sp_stmt *stmt, const struct peer_way *way,
                    uint16_t listener, int64_t now_ns, struct sp_buf *detail, struct sp_err *err)
{
    (void)peer, (void)stmt, (void)way, (void)listener, (void)now_ns, (void)detail;
    return has_not(err);
}

enum sp_rc path_new(const struct path_config *config, struct path **out, struct sp_err *err)
{
    (void)config;
    *out = NULL;
    return has_not(err);
}

void path_free(struct path *path)
{
    (void)path;
}

int64_t path_next_ns(const struct path *path)
{
    (void)path;
    return 0;
}

enum sp_rc path_run(struct path *path, struct sp_err *err)
{
    (void)path;
    return has_not(err);
}

void path_cut(struct path *path, bool on)
{
    (void)path, (void)on;
}

enum sp_rc path_rule(struct path *path, const struct sp_stmt *stmt,
                     const struct path_target *target, struct sp_err *err)
{
    (void)path, (void)stmt, (void)target;
    return has_not(err);
}

enum sp_rc sp_collector_follow(struct sp_collector *collector, const struct sp_addr *addrs,
                               size_t count, struct sp_err *err)
{
    (void)collector, (void)addrs, (void)count;
    return has_not(err);
}

enum sp_rc sp_collector_drain(struct sp_collector *collector,
                              void (*sink)(const struct sp_tp_record *record, void *arg), void *arg,
                              struct sp_err *err)
{
    (void)collector, (void)sink, (void)arg;
    return has_not(err);
}

size_t sp_link_recv(int fd, struct sp_tp_record *records)
{
    (void)fd, (void)records;
    return 0;
}

/* Windows tells of no tick. */
int32_t sp_machine_hz(void)
{
    return 0;
}
