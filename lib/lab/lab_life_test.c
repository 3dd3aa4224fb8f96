/* Processes, cables, users and ends of a lab: what it does while it lives and leaves when it dies.
 */
#include "talk_test.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct shape {
    enum sp_lab_kind kind;
    int family;
};

static void open_shape(struct sp_lab *lab, enum sp_lab_kind kind, int family)
{
    struct sp_err err = {0};
    struct sp_lab_config config = talk_config(kind, family);
    if (sp_lab_open(lab, &config, &err) != SP_OK)
        fail_msg("%s", err.text);
}

/* ---- processes ---------------------------------------------------------------------------- */

struct child_report {
    int open_above_2;
    int sigpipe_default;
    int mask_empty;
    char name[16];
    ino_t ns;
    int argument;
};

static int reporting_child(int in_fd, int out_fd, void *arg)
{
    struct child_report report = {.argument = *(int *)arg};
    struct sigaction action;
    sigset_t mask;
    struct stat st;
    char order;

    for (int fd = 3; fd < 256; fd++)
        report.open_above_2 += fcntl(fd, F_GETFD) >= 0;
    sigaction(SIGPIPE, NULL, &action);
    report.sigpipe_default = action.sa_handler == SIG_DFL;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    report.mask_empty = sigisemptyset(&mask);
    prctl(PR_GET_NAME, report.name);
    stat("/proc/self/ns/net", &st);
    report.ns = st.st_ino;
    if (in_fd != 0 || out_fd != 1 || talk_write(out_fd, &report, sizeof report) < 0)
        return 1;
    return read(in_fd, &order, 1) == 0 ? 42 : 2;
}

static void a_process_starts_clean_in_its_place(void **state)
{
    struct sp_lab lab;
    struct sp_lab_proc proc;
    struct child_report report;
    struct stat here;
    struct stat there;
    struct talk_path no_path = {.fds = {-1, -1}};
    int argument = 7;
    sigset_t usr1;
    sigset_t before;
    (void)state;

    open_shape(&lab, SP_LAB_VETH, 4);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    assert_int_equal(sp_lab_spawn(&lab, SP_PLACE_SERVER, reporting_child, &argument, &proc, NULL),
                     SP_OK);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_true(fcntl(proc.in_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(proc.in_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(proc.out_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(talk_await(&no_path, proc.in_fd, &report, sizeof report));
    assert_int_equal(report.open_above_2, 0);
    assert_true(report.sigpipe_default);
    assert_true(report.mask_empty);
    assert_string_equal(report.name, "sp-server");
    assert_int_equal(report.argument, 7);
    assert_int_equal(fstat(lab.ns_fd[SP_PLACE_SERVER], &there), 0);
    assert_int_equal(report.ns, there.st_ino);
    assert_int_equal(stat("/proc/thread-self/ns/net", &here), 0);
    assert_int_not_equal(here.st_ino, there.st_ino);
    assert_int_equal(talk_reap(&proc), 42);
    sp_lab_close(&lab);
}

static void a_place_that_is_not_there_is_refused(void **state)
{
    struct sp_lab lab;
    struct sp_lab_proc proc;
    int argument = 0;
    int fds[2];
    (void)state;

    open_shape(&lab, SP_LAB_VETH, 4);
    assert_int_equal(sp_lab_spawn(&lab, SP_PLACE_BOX, reporting_child, &argument, &proc, NULL),
                     SP_E_UNSUPPORTED);
    assert_int_equal(proc.pid, -1);
    assert_int_equal(sp_lab_path_open(&lab, fds, NULL), SP_E_UNSUPPORTED);
    assert_int_equal(fds[0], -1);
    sp_lab_close(&lab);
}

/* ---- carrier ------------------------------------------------------------------------------ */

static bool running(const struct sp_lab *lab, unsigned link)
{
    struct ifreq req;

    memset(&req, 0, sizeof req);
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", lab->links[link].name);
    assert_int_equal(sp_lab_enter(lab, lab->links[link].place, NULL), SP_OK);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &req), 0);
    close(fd);
    assert_int_equal(sp_lab_leave(lab, NULL), SP_OK);
    assert_true(req.ifr_flags & IFF_UP || lab->config.kind == SP_LAB_VETH);
    return (req.ifr_flags & IFF_RUNNING) != 0;
}

static void a_connection_outlives_an_unplugged_cable(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct talk talk;

    open_shape(&lab, shape->kind, shape->family);
    assert_true(talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip));
    for (int place = SP_PLACE_CLIENT; place <= SP_PLACE_SERVER; place++) {
        assert_int_equal(sp_lab_carrier(&lab, (enum sp_place)place, false, NULL), SP_OK);
        assert_false(running(&lab, (unsigned)place));
        /* With a box between, the other host sees nothing of it. */
        if (shape->kind == SP_LAB_PATH)
            assert_true(running(&lab, 1U - (unsigned)place));
        assert_int_equal(sp_lab_carrier(&lab, (enum sp_place)place, true, NULL), SP_OK);
        assert_true(running(&lab, 0));
        assert_true(running(&lab, 1));
        assert_true(talk_say(&talk, 'b'));
    }
    talk_close(&talk);
    /* New connections too, both ways: neighbours, addresses and routes are there again. */
    assert_true(talk_open(&talk, &lab, SP_PLACE_SERVER, lab.client_ip));
    assert_string_equal(talk.listener_saw, lab.server_ip);
    talk_close(&talk);
    sp_lab_close(&lab);
}

static void a_cut_path_keeps_carrier(void **state)
{
    struct sp_lab lab;
    struct talk talk;
    char answer;
    (void)state;

    open_shape(&lab, SP_LAB_PATH, 4);
    assert_true(talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip));
    talk.path.cut = true;
    assert_int_equal(write(talk.caller.out_fd, "e", 1), 1);
    unsigned before = talk.path.frames;
    while (talk.path.frames < before + 3) { /* the segment and its retransmissions */
        struct pollfd p = {talk.path.fds[0], POLLIN, 0};
        assert_true(poll(&p, 1, ANSWER_MS) > 0);
        talk_forward(&talk.path, 0);
    }
    assert_true(running(&lab, 0) && running(&lab, 1));
    talk.path.cut = false;
    assert_true(talk_await(&talk.path, talk.caller.in_fd, &answer, 1));
    talk_close(&talk);
    sp_lab_close(&lab);
}

static void loopback_has_no_cable(void **state)
{
    struct sp_lab lab;
    (void)state;

    open_shape(&lab, SP_LAB_LOOPBACK, 4);
    assert_int_equal(sp_lab_carrier(&lab, SP_PLACE_CLIENT, false, NULL), SP_E_UNSUPPORTED);
    sp_lab_close(&lab);
}

/* ---- ends --------------------------------------------------------------------------------- */

/*
 * The kernel's own word for the end of namespaces: a namespace that has given others a number
 * (RTM_NEWNSID) is told when they are gone (RTM_DELNSID). Other programs on the machine do not
 * disturb it, as a search through /proc would be: inode numbers are used again at once.
 */
struct watch {
    struct mnl_socket *sock;
    unsigned watched;
    unsigned gone;
};

static void watch_start(struct watch *watch)
{
    int group = RTNLGRP_NSID;
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    *watch = (struct watch){.watched = 0};
    assert_true(home >= 0);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    watch->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    assert_non_null(watch->sock);
    assert_int_equal(mnl_socket_bind(watch->sock, 0, MNL_SOCKET_AUTOPID), 0);
    assert_int_equal(
        mnl_socket_setsockopt(watch->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof group), 0);
    assert_int_equal(setns(home, CLONE_NEWNET), 0);
    close(home);
}

static void watch_add(struct watch *watch, int ns_fd)
{
    char buf[256];
    struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

    msg->nlmsg_type = RTM_NEWNSID;
    msg->nlmsg_flags = NLM_F_REQUEST;
    struct rtgenmsg *gen = mnl_nlmsg_put_extra_header(msg, sizeof *gen);
    gen->rtgen_family = AF_UNSPEC;
    mnl_attr_put_u32(msg, NETNSA_FD, (uint32_t)ns_fd);
    mnl_attr_put_u32(msg, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
    assert_true(mnl_socket_sendto(watch->sock, msg, msg->nlmsg_len) > 0);
    watch->watched++;
}

/* Counts the ends that are told within timeout_ms, up to all. */
static unsigned watch_ends(struct watch *watch, int timeout_ms)
{
    struct pollfd p = {mnl_socket_get_fd(watch->sock), POLLIN, 0};
    char buf[8192];

    while (watch->gone < watch->watched && poll(&p, 1, timeout_ms) > 0) {
        int left = (int)mnl_socket_recvfrom(watch->sock, buf, sizeof buf);
        const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
        for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left))
            watch->gone += msg->nlmsg_type == RTM_DELNSID;
    }
    return watch->gone;
}

static void watch_stop(struct watch *watch)
{
    mnl_socket_close(watch->sock);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void nothing_is_left_after_close(void **state)
{
    const struct shape *shape = *state;
    struct sp_lab lab;
    struct watch watch;
    unsigned places = shape->kind == SP_LAB_LOOPBACK ? 1 : shape->kind == SP_LAB_VETH ? 2 : 3;

    watch_start(&watch);
    unsigned before = open_descriptors();
    open_shape(&lab, shape->kind, shape->family);
    for (int place = 0; place < SP_PLACE_COUNT; place++) {
        bool same = place == SP_PLACE_SERVER && shape->kind == SP_LAB_LOOPBACK;
        if (lab.ns_fd[place] >= 0 && !same)
            watch_add(&watch, lab.ns_fd[place]);
    }
    assert_int_equal(watch.watched, places);
    assert_int_equal(watch_ends(&watch, 50), 0);
    sp_lab_close(&lab);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(watch_ends(&watch, ANSWER_MS), places);
    watch_stop(&watch);
}

struct held {
    bool ok;
    pid_t pids[2];
    int ns_fd[SP_PLACE_COUNT];
};

static int waiting_child(int in_fd, int out_fd, void *arg)
{
    (void)in_fd;
    (void)arg;
    (void)!write(out_fd, "w", 1);
    while (pause() < 0) {
    }
    return 0;
}

/* Opens a lab with two processes that never end by themselves, says so, and waits to be killed. */
static _Noreturn void hold_a_lab(int out_fd)
{
    struct sp_lab lab;
    struct sp_lab_proc procs[2];
    struct talk_path no_path = {.fds = {-1, -1}};
    struct sp_lab_config config = talk_config(SP_LAB_PATH, 4);
    struct held held = {.ok = sp_lab_open(&lab, &config, NULL) == SP_OK};
    char ready;

    for (int i = 0; i < 2 && held.ok; i++) {
        held.ok =
            sp_lab_spawn(&lab, (enum sp_place)i, waiting_child, NULL, &procs[i], NULL) == SP_OK &&
            talk_await(&no_path, procs[i].in_fd, &ready, 1);
        held.pids[i] = procs[i].pid;
    }
    memcpy(held.ns_fd, lab.ns_fd, sizeof held.ns_fd);
    talk_write(out_fd, &held, sizeof held);
    for (;;)
        pause();
}

static void nothing_is_left_after_a_kill(void **state)
{
    struct watch watch;
    struct held held = {0};
    struct pollfd gone[2];
    char path[64];
    int pipe_fds[2];
    (void)state;

    watch_start(&watch);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        hold_a_lab(pipe_fds[1]);
    close(pipe_fds[1]);
    assert_int_equal(talk_read(pipe_fds[0], &held, sizeof held), 0);
    close(pipe_fds[0]);
    assert_true(held.ok);
    for (int place = 0; place < SP_PLACE_COUNT; place++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, held.ns_fd[place]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        watch_add(&watch, fd);
        close(fd);
    }
    for (int i = 0; i < 2; i++) {
        gone[i].fd = (int)syscall(SYS_pidfd_open, held.pids[i], 0);
        gone[i].events = POLLIN;
        assert_true(gone[i].fd >= 0);
    }
    assert_int_equal(watch_ends(&watch, 50), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(poll(&gone[i], 1, ANSWER_MS), 1);
        close(gone[i].fd);
    }
    assert_int_equal(watch_ends(&watch, ANSWER_MS), SP_PLACE_COUNT);
    watch_stop(&watch);
}

/* ---- users and runners -------------------------------------------------------------------- */

/* What an ordinary user's runner does, from the start; says what went wrong on out_fd. */
static int unprivileged_run(int out_fd)
{
    struct sp_err err = {0};
    struct sp_lab lab;
    struct talk talk;
    bool privileged = true;

    if (sp_lab_process_init(&privileged, &err) != SP_OK) {
        talk_write(out_fd, err.text, strlen(err.text));
        return err.rc == SP_E_PERM || err.rc == SP_E_UNSUPPORTED ? 77 : 1;
    }
    if (privileged)
        return 2;
    for (int i = 0; i < 6; i++) {
        struct sp_lab_config config = talk_config((enum sp_lab_kind)(i / 2), i % 2 == 0 ? 4 : 6);
        if (sp_lab_open(&lab, &config, &err) != SP_OK) {
            talk_write(out_fd, err.text, strlen(err.text));
            return 3;
        }
        if (!talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip) || !talk_say(&talk, 'e') ||
            strcmp(talk.listener_saw, lab.client_ip) != 0)
            return 4;
        talk_close(&talk);
        sp_lab_close(&lab);
    }
    return 0;
}

static void an_ordinary_user_has_every_lab_or_a_clear_reason(void **state)
{
    char text[600] = "";
    int pipe_fds[2];
    int status;
    (void)state;

    if (geteuid() != 0 || !talk_privileged)
        skip(); /* then this whole program has been run by an ordinary user */
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* Dumpable again, as after an exec: /proc/self is root's otherwise. */
        if (setgid(65534) != 0 || setuid(65534) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
            _exit(99);
        _exit(unprivileged_run(pipe_fds[1]));
    }
    close(pipe_fds[1]);
    (void)!read(pipe_fds[0], text, sizeof text - 1);
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("no user namespaces here: %s\n", text);
        assert_non_null(strstr(text, "run as root"));
        return;
    }
    if (status != 0)
        fail_msg("status %#x: %s", status, text);
}

/* Takes a slot in a process that has none, as a second runner would. */
static void two_runners_have_two_slots(void **state)
{
    uint8_t mine = 0;
    uint8_t again = 0;
    uint8_t theirs[2] = {0};
    int pipe_fds[2];
    (void)state;

    assert_int_equal(sp_lab_slot_take(&mine, NULL), SP_OK);
    assert_int_equal(sp_lab_slot_take(&again, NULL), SP_OK);
    assert_int_equal(mine, again);
    assert_int_equal(pipe2(pipe_fds, 0), 0);
    char fd_text[16];
    snprintf(fd_text, sizeof fd_text, "%d", pipe_fds[1]);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/proc/self/exe", "lab_life_test", "--slot", fd_text, (char *)NULL);
        _exit(127);
    }
    close(pipe_fds[1]);
    assert_int_equal(talk_read(pipe_fds[0], theirs, sizeof theirs), 0);
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(theirs[0], 1);
    if (talk_privileged) /* else it took its slot in a namespace of its own: see docs/labs.md */
        assert_int_not_equal(theirs[1], mine);
}

static int slot_runner(int out_fd)
{
    uint8_t told[2] = {0};
    told[0] = sp_lab_slot_take(&told[1], NULL) == SP_OK;
    return talk_write(out_fd, told, sizeof told);
}

#define SHAPED(test, kind, family)                                                                 \
    {                                                                                              \
#test " " #kind " " #family, test, NULL, NULL, &(struct shape)                             \
        {                                                                                          \
            kind, family                                                                           \
        }                                                                                          \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_starts_clean_in_its_place),
        cmocka_unit_test(a_place_that_is_not_there_is_refused),
        SHAPED(a_connection_outlives_an_unplugged_cable, SP_LAB_VETH, 4),
        SHAPED(a_connection_outlives_an_unplugged_cable, SP_LAB_VETH, 6),
        SHAPED(a_connection_outlives_an_unplugged_cable, SP_LAB_PATH, 4),
        SHAPED(a_connection_outlives_an_unplugged_cable, SP_LAB_PATH, 6),
        cmocka_unit_test(a_cut_path_keeps_carrier),
        cmocka_unit_test(loopback_has_no_cable),
        SHAPED(nothing_is_left_after_close, SP_LAB_LOOPBACK, 6),
        SHAPED(nothing_is_left_after_close, SP_LAB_VETH, 4),
        SHAPED(nothing_is_left_after_close, SP_LAB_PATH, 6),
        SHAPED(nothing_is_left_after_close, SP_LAB_ROUTED, 4),
        cmocka_unit_test(nothing_is_left_after_a_kill),
        cmocka_unit_test(an_ordinary_user_has_every_lab_or_a_clear_reason),
        cmocka_unit_test(two_runners_have_two_slots),
    };

    if (argc == 3 && strcmp(argv[1], "--slot") == 0)
        return slot_runner(atoi(argv[2]));
    if (talk_init() != 0)
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
