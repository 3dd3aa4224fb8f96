/* What an appliance's recipe is told, what it does to the path, and how it ends. */
#include "talk_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static struct sp_arena arena;
static char dir[64];

/* Needs nft; a machine without it has the same tests with what the kernel alone can do. */
static bool ships_ready(const char *name, struct sp_appliance *out)
{
    assert_int_equal(sp_appliance_find(name, out, &arena, NULL), SP_OK);
    return sp_appliance_ready(out, NULL) == SP_OK;
}

static struct sp_appliance own(const char *name, const char *text)
{
    struct sp_appliance out;
    struct sp_err err = {0};
    const char *file = sp_arena_printf(&arena, "%s/%s", dir, name);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(file, 0755), 0);
    if (sp_appliance_find(file, &out, &arena, &err) != SP_OK)
        fail_msg("%s", err.text);
    return out;
}

static void read_file(const char *name, char *out, size_t cap)
{
    const char *file = sp_arena_printf(&arena, "%s/%s", dir, name);
    FILE *f = fopen(file, "r");
    *out = '\0';
    if (!f)
        return;
    out[fread(out, 1, cap - 1, f)] = '\0';
    fclose(f);
}

static void open_routed(struct sp_lab *lab, int family)
{
    struct sp_lab_config config = talk_config(SP_LAB_ROUTED, family);
    struct sp_err err = {0};
    if (sp_lab_open(lab, &config, &err) != SP_OK)
        fail_msg("%s", err.text);
}

static void the_plain_router_has_nothing_to_run(void **state)
{
    struct sp_appliance router;
    struct sp_appliance_proc *proc = (void *)1;
    struct sp_lab lab;
    (void)state;

    assert_string_equal(sp_appliance_names()[0], "router");
    assert_int_equal(sp_appliance_find("router", &router, &arena, NULL), SP_OK);
    open_routed(&lab, 4);
    assert_int_equal(sp_appliance_up(&lab, &router, &proc, NULL), SP_OK);
    assert_null(proc);
    assert_int_equal(sp_appliance_down(proc, NULL), SP_OK);
    sp_lab_close(&lab);
}

static void what_ships_says_its_class(void **state)
{
    (void)state;
    for (const char *const *name = sp_appliance_names(); *name; name++) {
        struct sp_appliance found;
        assert_int_equal(sp_appliance_find(*name, &found, &arena, NULL), SP_OK);
        assert_string_equal(found.path, *name);
    }
}

static void a_recipe_that_cannot_be_is_refused_with_what_mends_it(void **state)
{
    struct sp_appliance out;
    struct sp_err err = {0};
    (void)state;

    assert_int_equal(sp_appliance_find("nut", &out, &arena, &err), SP_E_NOTFOUND);
    assert_non_null(strstr(err.text, "router, firewall and nat"));
    assert_int_equal(sp_appliance_find("./nowhere.sh", &out, &arena, &err), SP_E_NOTFOUND);
    out = own("plain", "#!/bin/sh\n");
    assert_string_equal(out.path, "router");
    assert_int_equal(chmod(out.file, 0644), 0);
    assert_int_equal(sp_appliance_find(out.file, &out, &arena, &err), SP_E_USAGE);
    assert_non_null(strstr(err.text, "chmod +x"));
    const char *file = sp_arena_printf(&arena, "%s/proxy", dir);
    own("proxy", "#!/bin/sh\n");
    FILE *f = fopen(file, "w");
    fputs("#!/bin/sh\n# sockproof: path=proxy\n", f);
    fclose(f);
    assert_int_equal(sp_appliance_find(file, &out, &arena, &err), SP_E_USAGE);
    assert_non_null(strstr(err.text, "path=proxy"));
    struct sp_appliance needs = {.name = "x", .path = "router", .needs = "no-such-program"};
    assert_int_equal(sp_appliance_ready(&needs, &err), SP_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "no-such-program"));
}

static void source_nat_shows_the_server_the_boxs_address(void **state)
{
    const int families[] = {4, 6};
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct sp_appliance nat;
        struct sp_appliance_proc *proc = NULL;
        struct sp_lab lab;
        struct talk talk;
        struct sp_err err = {0};
        if (!ships_ready("nat", &nat))
            skip();
        open_routed(&lab, families[i]);
        if (sp_appliance_up(&lab, &nat, &proc, &err) != SP_OK)
            fail_msg("%s", err.text);
        assert_true(talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip));
        assert_string_equal(talk.caller_used, lab.client_ip);
        assert_string_equal(talk.listener_saw, lab.box_ip[1]);
        assert_true(talk_say(&talk, 'b'));
        talk_close(&talk);
        assert_int_equal(sp_appliance_down(proc, &err), SP_OK);
        sp_lab_close(&lab);
    }
}

static void the_firewall_lets_connections_through_both_ways(void **state)
{
    struct sp_appliance firewall;
    struct sp_appliance_proc *proc = NULL;
    struct sp_lab lab;
    struct talk talk;
    struct sp_err err = {0};
    (void)state;

    if (!ships_ready("firewall", &firewall))
        skip();
    open_routed(&lab, 6);
    if (sp_appliance_up(&lab, &firewall, &proc, &err) != SP_OK)
        fail_msg("%s", err.text);
    assert_true(talk_open(&talk, &lab, SP_PLACE_CLIENT, lab.server_ip));
    assert_string_equal(talk.listener_saw, lab.client_ip);
    assert_true(talk_say(&talk, 'e'));
    talk_close(&talk);
    assert_true(talk_open(&talk, &lab, SP_PLACE_SERVER, lab.client_ip));
    talk_close(&talk);
    assert_int_equal(sp_appliance_down(proc, &err), SP_OK);
    sp_lab_close(&lab);
}

static void a_recipe_is_told_where_it_is(void **state)
{
    struct sp_appliance_proc *proc = NULL;
    struct sp_lab lab;
    struct sp_err err = {0};
    char got[512], want[512];
    (void)state;

    struct sp_appliance told =
        own("told", "#!/bin/sh\n"
                    "here=$(readlink /proc/self/ns/net)\n"
                    "box=$(readlink $SOCKPROOF_BOX_NS)\n"
                    "client=$(readlink $SOCKPROOF_CLIENT_NS)\n"
                    "server=$(readlink $SOCKPROOF_SERVER_NS)\n"
                    "test $here = $box && test $client != $box && test $client != $server || "
                    "exit 3\n"
                    "echo $1 $SOCKPROOF_FAMILY $SOCKPROOF_CLIENT_IF $SOCKPROOF_CLIENT_IP "
                    "$SOCKPROOF_SERVER_IF $SOCKPROOF_SERVER_IP $SOCKPROOF_BOX_CLIENT_IF "
                    "$SOCKPROOF_BOX_CLIENT_IP $SOCKPROOF_BOX_SERVER_IF $SOCKPROOF_BOX_SERVER_IP "
                    ">>\"$(dirname \"$0\")/said\"\n");
    open_routed(&lab, 4);
    if (sp_appliance_up(&lab, &told, &proc, &err) != SP_OK)
        fail_msg("%s", err.text);
    assert_int_equal(sp_appliance_down(proc, &err), SP_OK);
    const char *rest = sp_arena_printf(&arena, "ipv4 client %s server %s to-client %s to-server %s",
                                       lab.client_ip, lab.server_ip, lab.box_ip[0], lab.box_ip[1]);
    snprintf(want, sizeof want, "up %s\ndown %s\n", rest, rest);
    read_file("said", got, sizeof got);
    assert_string_equal(got, want);
    sp_lab_close(&lab);
}

static void a_recipe_that_fails_is_quoted(void **state)
{
    struct sp_appliance_proc *proc = NULL;
    struct sp_lab lab;
    struct sp_err err = {0};
    (void)state;

    struct sp_appliance bad = own("bad", "#!/bin/sh\necho no such table >&2\ntest $1 = down\n");
    open_routed(&lab, 4);
    assert_int_equal(sp_appliance_up(&lab, &bad, &proc, &err), SP_E_IO);
    assert_null(proc);
    assert_non_null(strstr(err.text, "up ended with 1: no such table"));
    bad = own("worse", "#!/nowhere/sh\n");
    assert_int_equal(sp_appliance_up(&lab, &bad, &proc, &err), SP_E_IO);
    assert_non_null(strstr(err.text, "No such file"));
    bad = own("late", "#!/bin/sh\ntest $1 = up || { echo cannot >&2; exit 4; }\n");
    assert_int_equal(sp_appliance_up(&lab, &bad, &proc, &err), SP_OK);
    assert_int_equal(sp_appliance_down(proc, &err), SP_E_IO);
    assert_non_null(strstr(err.text, "down ended with 4: cannot"));
    sp_lab_close(&lab);
}

/* Waits until nobody holds the pipe open for writing any more. */
static bool all_gone(int fd)
{
    struct pollfd set = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&set, 1, ANSWER_MS) == 1 && read(fd, &byte, 1) == 0;
}

/* A recipe that leaves a process behind, which holds a pipe open. */
static struct sp_appliance with_daemon(int *fd)
{
    const char *fifo = sp_arena_printf(&arena, "%s/fifo", dir);
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    *fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(*fd >= 0);
    return own("daemon", "#!/bin/sh\n"
                         "here=$(dirname \"$0\")\n"
                         "if test $1 = up; then\n"
                         "    exec 3>\"$here/fifo\"\n"
                         "    sleep 600 >/dev/null 2>&1 &\n"
                         "else\n"
                         "    echo down >\"$here/went\"\n"
                         "fi\n");
}

static void what_a_recipe_leaves_running_ends_with_it(void **state)
{
    struct sp_appliance_proc *proc = NULL;
    struct sp_lab lab;
    struct sp_err err = {0};
    int fd;
    (void)state;

    struct sp_appliance daemon = with_daemon(&fd);
    open_routed(&lab, 4);
    if (sp_appliance_up(&lab, &daemon, &proc, &err) != SP_OK)
        fail_msg("%s", err.text);
    struct pollfd set = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&set, 1, 50), 0); /* it runs */
    assert_int_equal(sp_appliance_down(proc, &err), SP_OK);
    assert_true(all_gone(fd));
    close(fd);
    sp_lab_close(&lab);
}

static void a_run_that_is_killed_is_followed_by_down_and_nothing_is_left(void **state)
{
    struct sp_lab lab;
    char got[16];
    char byte;
    int fd;
    int pipe_fds[2];
    (void)state;

    struct sp_appliance daemon = with_daemon(&fd);
    unlink(sp_arena_printf(&arena, "%s/went", dir));
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    open_routed(&lab, 4);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sp_appliance_proc *proc = NULL;
        bool up = sp_appliance_up(&lab, &daemon, &proc, NULL) == SP_OK;
        (void)!write(pipe_fds[1], up ? "u" : "-", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'u');
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(all_gone(fd));
    read_file("went", got, sizeof got);
    assert_string_equal(got, "down\n");
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    sp_lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_router_has_nothing_to_run),
        cmocka_unit_test(what_ships_says_its_class),
        cmocka_unit_test(a_recipe_that_cannot_be_is_refused_with_what_mends_it),
        cmocka_unit_test(source_nat_shows_the_server_the_boxs_address),
        cmocka_unit_test(the_firewall_lets_connections_through_both_ways),
        cmocka_unit_test(a_recipe_is_told_where_it_is),
        cmocka_unit_test(a_recipe_that_fails_is_quoted),
        cmocka_unit_test(what_a_recipe_leaves_running_ends_with_it),
        cmocka_unit_test(a_run_that_is_killed_is_followed_by_down_and_nothing_is_left),
    };

    if (talk_init() != 0)
        return 0;
    sp_arena_init(&arena);
    snprintf(dir, sizeof dir, "/tmp/sp-appliance.XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    const char *rm[] = {"bad",   "worse", "late",   "told", "said",
                        "plain", "proxy", "daemon", "fifo", "went"};
    for (size_t i = 0; i < sizeof rm / sizeof rm[0]; i++)
        unlink(sp_arena_printf(&arena, "%s/%s", dir, rm[i]));
    rmdir(dir);
    sp_arena_release(&arena);
    return failed;
}
