#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static bool have_tracepoints(void)
{
    struct sp_collector *collector = NULL;
    struct sp_err err = {0};
    if (sp_collector_new(&collector, &err)) {
        /* A refusal has to say why; as real root on a kernel with tracefs it would be a bug. */
        assert_true(err.rc == SP_E_PERM || err.rc == SP_E_UNSUPPORTED);
        assert_true(strlen(err.text) > 0);
        fprintf(stderr, "skipped: %s\n", err.text);
        return false;
    }
    sp_collector_free(collector);
    return true;
}

#define NEED_TRACEPOINTS()                                                                         \
    do {                                                                                           \
        (void)state;                                                                               \
        if (!have_tracepoints())                                                                   \
            skip();                                                                                \
    } while (0)

static void add_to_trace(const struct sp_tp_record *record, void *arg)
{
    sp_tp_record_add(record, arg);
}

static void drain(struct sp_collector *collector, struct fixture *fixture)
{
    CHECK_OK(sp_collector_drain(collector, add_to_trace, &fixture->trace, err));
}

static void pin_to_cpu(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

static void unpin(void)
{
    cpu_set_t set;
    memset(&set, 0xff, sizeof set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* Whether these are the new states of an end's connection (LISTEN sockets left out), in order. */
static void expect_states(const struct sp_trace *trace, enum sp_end end,
                          const enum sp_tcp_state *want, size_t count)
{
    size_t at = 0;
    uint64_t sock_id = 0;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        const struct sp_ev_state *seen = &event->u.state;
        if (event->kind != SP_EV_STATE || event->end != end || seen->remote.family == 0)
            continue;
        assert_true(at < count);
        assert_string_equal(sp_tcp_state_name(seen->new_state), sp_tcp_state_name(want[at]));
        assert_true(sock_id == 0 || sock_id == seen->sock_id);
        sock_id = seen->sock_id;
        at++;
    }
    assert_int_equal(at, count);
    assert_true(sock_id != 0);
}

/* The server's half of a conversation in a process of its own, on the last CPU. */
static pid_t serve_on_cpu(int listener, int cpu)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    pin_to_cpu(cpu);
    int fd = accept(listener, NULL, NULL);
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    close(fd);
    _exit(0);
}

static void states_of_both_ends_are_seen_in_order_on_all_cpus(void **state)
{
    NEED_TRACEPOINTS();
    static const int families[] = {SP_IPV4, SP_IPV6};
    static const enum sp_tcp_state client[] = {SP_TCP_SYN_SENT, SP_TCP_ESTABLISHED,
                                               SP_TCP_FIN_WAIT_1, SP_TCP_FIN_WAIT_2, SP_TCP_CLOSED};
    static const enum sp_tcp_state server[] = {SP_TCP_SYN_RECEIVED, SP_TCP_ESTABLISHED,
                                               SP_TCP_CLOSE_WAIT, SP_TCP_LAST_ACK, SP_TCP_CLOSED};
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, SP_LAB_LOOPBACK, families[i]);
        struct sp_collector *collector = NULL;
        CHECK_OK(sp_collector_new(&collector, err));
        int64_t before_ns = fixture_now_ns(&fixture);
        int listener = listen_at(&fixture);
        pid_t pid = serve_on_cpu(listener, cpus - 1);
        pin_to_cpu(0);
        int fd = client_socket(&fixture);
        assert_int_equal(connect_to(fd, &fixture, port_of(listener)), 0);
        close(fd);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        unpin();
        int64_t after_ns = fixture_now_ns(&fixture);
        drain(collector, &fixture);
        expect_states(&fixture.trace, SP_END_CLIENT, client, 5);
        expect_states(&fixture.trace, SP_END_SERVER, server, 5);
        for (size_t n = 0; n < fixture.trace.len; n++) {
            assert_in_range(fixture.trace.events[n].t_ns, before_ns, after_ns);
            assert_true(n == 0 || fixture.trace.events[n].t_ns >= fixture.trace.events[n - 1].t_ns);
        }
        close(listener);
        sp_collector_free(collector);
        fixture_close(&fixture);
    }
}

static void connecting_socket_has_no_port_yet_and_its_address(void **state)
{
    NEED_TRACEPOINTS();
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_collector *collector = NULL;
    CHECK_OK(sp_collector_new(&collector, err));
    struct wired wired = wired_open(&fixture);
    drain(collector, &fixture);
    const struct sp_ev_state *syn_sent = NULL;
    for (size_t i = 0; i < fixture.trace.len && !syn_sent; i++)
        if (fixture.trace.events[i].u.state.new_state == SP_TCP_SYN_SENT)
            syn_sent = &fixture.trace.events[i].u.state;
    assert_non_null(syn_sent);
    assert_int_equal(syn_sent->local.port, 0);
    assert_int_equal(syn_sent->remote.port, port_of(wired.listener));
    wired_close(&wired);
    sp_collector_free(collector);
    fixture_close(&fixture);
}

static const struct sp_ev_note *find_note(const struct sp_trace *trace, enum sp_end end,
                                          const char *what)
{
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_NOTE && trace->events[i].end == end &&
            strcmp(trace->events[i].u.note.what, what) == 0)
            return &trace->events[i].u.note;
    return NULL;
}

static void resets_are_noted_at_both_ends(void **state)
{
    NEED_TRACEPOINTS();
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_collector *collector = NULL;
    CHECK_OK(sp_collector_new(&collector, err));
    struct wired wired = wired_open(&fixture);
    struct linger abort_close = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(wired.client, SOL_SOCKET, SO_LINGER, &abort_close, sizeof abort_close);
    close(wired.client);
    struct pollfd ready = {.fd = sp_collector_fd(collector), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 5000), 1);
    drain(collector, &fixture);
    const struct sp_ev_note *received = find_note(&fixture.trace, SP_END_SERVER, "receive-reset");
    assert_non_null(received);
    assert_int_equal(received->local.port, port_of(wired.listener));
    const struct sp_ev_note *sent = find_note(&fixture.trace, SP_END_CLIENT, "send-reset");
    assert_non_null(sent);
    assert_int_equal(sent->remote.port, port_of(wired.listener));
    close(wired.server);
    close(wired.listener);
    sp_collector_free(collector);
    fixture_close(&fixture);
}

/*
 * A retransmission comes from a timer, which may run on an idle CPU, and there are kernels that
 * show nothing of their idle tasks: then it has to be known that something was hidden.
 */
static void retransmissions_are_noted_or_known_to_be_hidden(void **state)
{
    NEED_TRACEPOINTS();
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_collector *collector = NULL;
    CHECK_OK(sp_collector_new(&collector, err));
    struct wired wired = wired_open(&fixture);
    CHECK_OK(sp_lab_carrier(&fixture.lab, SP_PLACE_CLIENT, false, err));
    assert_int_equal(send(wired.client, "x", 1, 0), 1);
    const struct sp_ev_note *note = NULL;
    struct sp_collector_hidden hidden = {0};
    int64_t deadline_ns = fixture_now_ns(&fixture) + 5 * SP_S;
    while (!note && !hidden.notes && fixture_now_ns(&fixture) < deadline_ns) {
        struct pollfd ready = {.fd = sp_collector_fd(collector), .events = POLLIN};
        (void)poll(&ready, 1, 300);
        CHECK_OK(sp_collector_hidden(collector, add_to_trace, &fixture.trace, &hidden, err));
        note = find_note(&fixture.trace, SP_END_CLIENT, "retransmit");
    }
    assert_true(note || hidden.notes);
    if (note)
        assert_non_null(strstr(note->detail, "ESTABLISHED"));
    close(wired.client);
    close(wired.server);
    close(wired.listener);
    sp_collector_free(collector);
    fixture_close(&fixture);
}

struct count {
    uint64_t records;
    uint64_t lost;
};

static void count_records(const struct sp_tp_record *record, void *arg)
{
    struct count *count = arg;
    if (record->what == SP_TP_LOST)
        count->lost += (uint64_t)record->reason;
    else
        count->records++;
}

static void a_full_ring_is_counted_and_listening_goes_on(void **state)
{
    NEED_TRACEPOINTS();
    enum { ROUNDS = 8000 };
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_collector *collector = NULL;
    CHECK_OK(sp_collector_new(&collector, err));
    pin_to_cpu(0);
    for (int i = 0; i < ROUNDS; i++)
        close(listen_at(&fixture)); /* to LISTEN and back: two events */
    unpin();
    struct count count = {0};
    CHECK_OK(sp_collector_drain(collector, count_records, &count, err));
    assert_true(count.lost > 0);
    assert_true(count.records + count.lost >= 2 * ROUNDS);

    close(listen_at(&fixture));
    drain(collector, &fixture);
    assert_true(fixture.trace.len >= 2);
    for (size_t i = 0; i < fixture.trace.len; i++)
        assert_int_equal(fixture.trace.events[i].kind, SP_EV_STATE); /* not counted twice */
    sp_collector_free(collector);
    fixture_close(&fixture);
}

/* In a child: follows, tells so, and when told to go on counts what there is. Its exit code. */
static int follow_and_count(struct sp_collector *collector, const struct fixture *fixture,
                            int tell_fd, int told_fd, struct count *count)
{
    const struct sp_addr *own = fixture->trace.head.addr;
    const struct sp_addr ips[] = {own[SP_END_CLIENT], own[SP_END_SERVER]};
    char word = 'f';
    if (sp_collector_follow(collector, ips, 2, NULL) || write(tell_fd, &word, 1) != 1 ||
        read(told_fd, &word, 1) != 1)
        return 2;
    if (!sp_collector_has_news(collector) ||
        sp_collector_drain(collector, count_records, count, NULL))
        return 3;
    return 0;
}

/* What a child counts that followed before so many listening sockets came and went. */
static struct count followed_count(int rounds, bool drained)
{
    struct fixture fixture;
    struct sp_collector *collector = NULL;
    int up[2], down[2], status = 0;
    struct count count = {0};
    char word;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    CHECK_OK(sp_collector_new_followed(&collector, err));
    if (!sp_collector_is_followed(collector))
        skip();
    close(listen_at(&fixture)); /* before: not its business */
    assert_int_equal(pipe(up) | pipe(down), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int code = follow_and_count(collector, &fixture, up[1], down[0], &count);
        if (write(up[1], &count, sizeof count) != (ssize_t)sizeof count)
            code = 5;
        _exit(code);
    }
    assert_int_equal(read(up[0], &word, 1), 1);
    pin_to_cpu(0);
    for (int i = 0; i < rounds; i++) {
        close(listen_at(&fixture));
        struct count nothing = {0};
        if (drained)
            CHECK_OK(sp_collector_drain(collector, count_records, &nothing, err));
        assert_int_equal(nothing.records, 0);
    }
    unpin();
    assert_int_equal(write(down[1], &word, 1), 1);
    assert_int_equal(read(up[0], &count, sizeof count), sizeof count);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(up[i]);
        close(down[i]);
    }
    sp_collector_free(collector);
    fixture_close(&fixture);
    return count;
}

static void a_child_follows_whatever_its_parent_drains(void **state)
{
    NEED_TRACEPOINTS();
    struct count count = followed_count(3, true);
    assert_int_equal(count.records, 6); /* to LISTEN and back, three times */
    assert_int_equal(count.lost, 0);
    count = followed_count(3, false);
    assert_int_equal(count.records, 6);
    assert_int_equal(count.lost, 0);
}

static void a_child_that_fell_behind_is_told_so(void **state)
{
    NEED_TRACEPOINTS();
    struct count count =
        followed_count(8000, true); /* the parent goes on, over the child's place */
    assert_true(count.lost > 0);
    assert_true(count.records > 0 && count.records < 16000);
    count = followed_count(8000, false); /* the ring is full, and the newest found no room */
    assert_true(count.lost > 0);
}

/* A tracefs of our own to look at, in the private mount namespace of this process. */
static void expect_file(const char *path, const char *want)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(len >= 0);
    assert_string_equal(text, want);
}

static unsigned entries(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    unsigned count = 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2; /* "." and ".." */
}

static void expect_no_trace_in_tracefs(const char *root, unsigned instances)
{
    static const char *const off[] = {"sock/inet_sock_set_state", "tcp/tcp_send_reset",
                                      "tcp/tcp_retransmit_skb"};
    char path[128];
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        snprintf(path, sizeof path, "%s/events/%s/enable", root, off[i]);
        expect_file(path, "0\n");
    }
    snprintf(path, sizeof path, "%s/set_event", root);
    expect_file(path, "");
    snprintf(path, sizeof path, "%s/instances", root);
    assert_int_equal(entries(path), instances);
}

/* A child that holds a collector, says so on the pipe and waits to be killed. */
static pid_t hold_a_collector(int *ready_fd)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sp_collector *collector = NULL;
        char ok = sp_collector_new(&collector, NULL) == SP_OK ? 'y' : 'n';
        if (write(fds[1], &ok, 1) == 1)
            pause();
        _exit(1);
    }
    close(fds[1]);
    *ready_fd = fds[0];
    return pid;
}

static void nothing_outlives_a_killed_process(void **state)
{
    NEED_TRACEPOINTS();
    char root[] = "/tmp/sockproof-tracefs-XXXXXX";
    assert_non_null(mkdtemp(root));
    assert_int_equal(mount("tracefs", root, "tracefs", 0, NULL), 0);
    char path[128];
    snprintf(path, sizeof path, "%s/instances", root);
    unsigned instances = entries(path);
    int fd = -1;
    pid_t pid = hold_a_collector(&fd);
    char ok = 0;
    assert_int_equal(read(fd, &ok, 1), 1);
    assert_int_equal(ok, 'y');
    expect_no_trace_in_tracefs(root, instances);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    expect_no_trace_in_tracefs(root, instances);
    close(fd);
    assert_int_equal(umount2(root, MNT_DETACH), 0);
    assert_int_equal(rmdir(root), 0);
}

static void a_collector_leaves_no_mount_and_no_descriptor(void **state)
{
    NEED_TRACEPOINTS();
    unsigned before = entries("/proc/self/fd");
    struct sp_collector *collector = NULL;
    CHECK_OK(sp_collector_new(&collector, err));
    sp_collector_free(collector);
    assert_int_equal(entries("/proc/self/fd"), before);
}

int main(void)
{
    fixture_process_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_both_ends_are_seen_in_order_on_all_cpus),
        cmocka_unit_test(connecting_socket_has_no_port_yet_and_its_address),
        cmocka_unit_test(resets_are_noted_at_both_ends),
        cmocka_unit_test(retransmissions_are_noted_or_known_to_be_hidden),
        cmocka_unit_test(a_full_ring_is_counted_and_listening_goes_on),
        cmocka_unit_test(a_child_follows_whatever_its_parent_drains),
        cmocka_unit_test(a_child_that_fell_behind_is_told_so),
        cmocka_unit_test(nothing_outlives_a_killed_process),
        cmocka_unit_test(a_collector_leaves_no_mount_and_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
