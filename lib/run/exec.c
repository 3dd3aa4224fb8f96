#include "exec.h"

#include <stdlib.h>
#include <string.h>

struct sp_event *exec_mark(struct exec *x, enum sp_mark_what what, uint32_t stmt, const char *text)
{
    struct sp_event *event = sp_trace_add(&x->trace, SP_EV_MARK, exec_now(x));
    event->stmt = stmt;
    event->u.mark.what = what;
    event->u.mark.text = text;
    return event;
}

struct sp_event *exec_event_by_order(struct exec *x, uint32_t order)
{
    for (size_t i = x->trace.len; i-- > 0;)
        if (x->trace.events[i].order == order)
            return &x->trace.events[i];
    return NULL;
}

/* ---- the lab and the witnesses -------------------------------------------------------------- */

static enum sp_lab_kind lab_kind(const struct exec *x)
{
    if (x->env->hosts)
        return SP_LAB_HOSTS;
    if (x->job->config.lab == SP_CASE_LOOPBACK)
        return SP_LAB_LOOPBACK;
    if (x->job->config.lab == SP_CASE_ROUTED)
        return SP_LAB_ROUTED;
    return x->plan.needs_path ? SP_LAB_PATH : SP_LAB_VETH;
}

enum sp_end exec_end_at(const struct exec *x, enum sp_place place)
{
    enum sp_who who = place == SP_PLACE_SERVER ? SP_WHO_SERVER : SP_WHO_CLIENT;
    return exec_is_real(x, who) ? (enum sp_end)who : SP_END_PEER;
}

bool exec_is_real(const struct exec *x, enum sp_who who)
{
    return x->plan.peer_at == SP_WHO_NONE || x->plan.peer_at != who;
}

/* The scripted peer takes over a host whose kernel has no address. */
static enum sp_rc open_peer(struct exec *x)
{
    enum sp_who at = x->plan.peer_at;
    if (at == SP_WHO_NONE)
        return SP_OK;
    enum sp_end real = at == SP_WHO_CLIENT ? SP_END_SERVER : SP_END_CLIENT;
    return peer_new(&x->lab, at == SP_WHO_CLIENT ? SP_PLACE_CLIENT : SP_PLACE_SERVER,
                    &x->trace.head.addr[SP_END_PEER], &x->trace.head.addr[real], &x->peer, &x->err);
}

static enum sp_rc open_path(struct exec *x)
{
    struct path_config config = {.lab = &x->lab, .trace = &x->trace};
    return path_new(&config, &x->path, &x->err);
}

/* Whether the kernel of that place is to have no address: somebody else speaks there. */
static bool is_mute(const struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    return !exec_is_real(x, who) || (adapter && adapter->own_tcp && !adapter->takes_address);
}

static bool is_lent(const struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    return adapter && adapter->own_tcp && adapter->takes_address;
}

static enum sp_rc open_lab(struct exec *x)
{
    struct sp_lab_pin *pins = SP_ARENA_ARRAY(&x->trace.arena, struct sp_lab_pin, x->plan.pin_count);
    for (size_t i = 0; i < x->plan.pin_count; i++)
        pins[i] = (struct sp_lab_pin){
            .name = x->plan.pins[i].name, .value = x->plan.pins[i].value, .everywhere = true};
    struct sp_lab_config config = {
        .kind = lab_kind(x),
        .family = x->job->config.family == SP_CASE_IPV6 ? 6 : 4,
        .slot = x->env->slot,
        .number = x->job->number,
        .pins = pins,
        .pin_count = x->plan.pin_count,
        .hosts = x->env->hosts,
        .mute = {[SP_PLACE_CLIENT] = is_mute(x, SP_WHO_CLIENT),
                 [SP_PLACE_SERVER] = is_mute(x, SP_WHO_SERVER)},
        .lent = {[SP_PLACE_CLIENT] = is_lent(x, SP_WHO_CLIENT),
                 [SP_PLACE_SERVER] = is_lent(x, SP_WHO_SERVER)},
    };
    enum sp_rc rc = sp_lab_open(&x->lab, &config, &x->err);
    if (rc != SP_OK)
        return rc;
    x->lab_open = true;
    struct sp_trace_head *head = &x->trace.head;
    rc = sp_addr_parse(x->lab.client_ip, &head->addr[exec_end_at(x, SP_PLACE_CLIENT)], &x->err);
    if (rc == SP_OK)
        rc = sp_addr_parse(x->lab.server_ip, &head->addr[exec_end_at(x, SP_PLACE_SERVER)], &x->err);
    head->pin_count = x->lab.pin_count;
    head->pins = SP_ARENA_ARRAY(&x->trace.arena, struct sp_trace_pin, x->lab.pin_count);
    for (size_t i = 0; i < x->lab.pin_count; i++) {
        head->pins[i].name = sp_trace_str(&x->trace, x->lab.pins[i].name);
        head->pins[i].value = sp_trace_str(&x->trace, x->lab.pins[i].value);
    }
    return rc;
}

enum { UNSAID_BYTES = 64 * 1024 }; /* of a fill or a drain: what a buffer has room for */

/* What one of the statements moves at once, at most. */
static int64_t most_bytes(const struct sp_stmt *stmts, size_t count)
{
    int64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sp_stmt *stmt = &stmts[i];
        bool call = stmt->kind == SP_ST_CALL || stmt->kind == SP_ST_START;
        bool unsaid = call && (strcmp(stmt->call, "fill") == 0 || strcmp(stmt->call, "drain") == 0);
        int64_t bytes = unsaid ? UNSAID_BYTES : 0;
        for (size_t k = 0; call && k < stmt->arg_count; k++)
            if (strcmp(stmt->args[k].name, "len") == 0 && stmt->args[k].number > bytes)
                bytes = stmt->args[k].number;
        int64_t within = most_bytes(stmt->children, stmt->child_count);
        bytes = within > bytes ? within : bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static enum sp_rc open_captures(struct exec *x)
{
    int64_t bytes = most_bytes(x->plan.stmts, x->plan.stmt_count);
    for (unsigned i = 0; i < x->lab.link_count; i++) {
        const struct sp_lab_link *link = &x->lab.links[i];
        if (link->place == SP_PLACE_BOX || x->capture_count == EXEC_CAPTURES)
            continue;
        enum sp_point point = x->lab.config.kind == SP_LAB_LOOPBACK ? SP_AT_LO
                              : link->place == SP_PLACE_CLIENT      ? SP_AT_CLIENT
                                                                    : SP_AT_SERVER;
        enum sp_rc rc =
            sp_capture_open(&x->lab, link, point, bytes, &x->captures[x->capture_count], &x->err);
        if (rc != SP_OK)
            return rc;
        x->capture_count++;
    }
    return SP_OK;
}

static enum sp_rc open_diags(struct exec *x)
{
    enum sp_rc rc = SP_OK;
    if (exec_has_kernel(x, SP_WHO_CLIENT))
        rc = sp_diag_open(&x->lab, SP_PLACE_CLIENT, &x->diags[SP_PLACE_CLIENT], &x->err);
    if (rc == SP_OK && exec_has_kernel(x, SP_WHO_SERVER) && x->lab.config.kind != SP_LAB_LOOPBACK)
        rc = sp_diag_open(&x->lab, SP_PLACE_SERVER, &x->diags[SP_PLACE_SERVER], &x->err);
    if (rc == SP_OK && x->lab.config.kind == SP_LAB_HOSTS)
        rc = exec_look(x, false); /* what is there already is somebody else's */
    return rc;
}

bool exec_has_records(const struct exec *x)
{
    return x->records->collector || x->records->link_fd >= 0;
}

static enum sp_rc open_records(struct exec *x)
{
    const struct sp_run_records *records = x->records;
    if (!records->collector)
        return SP_OK;
    return sp_collector_follow(records->collector, records->own,
                               sizeof records->own / sizeof records->own[0], &x->err);
}

static enum sp_rc open_all(struct exec *x)
{
    enum sp_rc rc = open_lab(x);
    if (rc == SP_OK && x->job->appliance)
        rc = sp_appliance_up(&x->lab, x->job->appliance, &x->appliance, &x->err);
    if (rc == SP_OK)
        rc = open_captures(x);
    if (rc == SP_OK)
        rc = open_diags(x);
    if (rc == SP_OK && x->lab.config.kind == SP_LAB_PATH)
        rc = open_path(x);
    if (rc == SP_OK)
        rc = open_peer(x);
    if (rc ==
        SP_OK) /* as late as can be: until then nothing of ours happens, and much of others' */
        rc = open_records(x);
    if (rc == SP_OK)
        rc = exec_fence_open(x);
    if (rc == SP_OK)
        rc = exec_canary(x);
    for (int who = SP_WHO_CLIENT; rc == SP_OK && who <= SP_WHO_SERVER; who++)
        if (exec_is_real(x, (enum sp_who)who))
            rc = exec_spawn(x, (enum sp_who)who);
    return rc;
}

static void close_all(struct exec *x)
{
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        exec_end(x, (enum sp_who)who, 9, 0);
        exec_told_close(x, (enum sp_who)who);
    }
    exec_fence_close(x);
    for (unsigned i = 0; i < x->capture_count; i++)
        sp_capture_free(x->captures[i]);
    for (int place = 0; place < SP_PLACE_COUNT; place++)
        sp_diag_free(x->diags[place]);
    path_free(x->path);
    peer_free(x->peer);
    if (x->lab_open)
        sp_lab_close(&x->lab);
}

/* ---- from begin to end ---------------------------------------------------------------------- */

static void note_drops(struct exec *x)
{
    for (unsigned i = 0; i < x->capture_count; i++) {
        uint32_t drops = 0;
        if (sp_capture_drops(x->captures[i], &drops, NULL) == SP_OK && drops)
            exec_mark(x, SP_MARK_DROPS, 0,
                      sp_arena_printf(&x->trace.arena, "wire: %u frames dropped", drops));
    }
}

/* The script, a moment more of watching, then our own clean-up under the witnesses' eyes. */
static enum sp_rc conversation(struct exec *x)
{
    enum sp_rc rc = exec_script(x);
    if (rc == SP_OK)
        rc = exec_sleep(x, exec_now(x) + x->plan.case_->watch_ns);
    if (rc == SP_OK)
        rc = exec_look(x, true);
    if (rc != SP_OK)
        return rc;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        exec_calls_abandon(x, (enum sp_who)who, SP_CALL_PENDING, exec_now(x));
    exec_mark(x, SP_MARK_END, 0, "");
    for (int who = SP_WHO_CLIENT; rc == SP_OK && who <= SP_WHO_SERVER; who++)
        rc = exec_end(x, (enum sp_who)who, 0, 0);
    if (rc == SP_OK)
        rc = exec_fence(x);
    note_drops(x);
    return rc;
}

/* Whether a name is one of "linux|gvisor". */
static bool is_among(const char *name, const char *list)
{
    size_t len = strlen(name);
    for (; *list; list += strcspn(list, "|"), list += *list == '|')
        if (strcspn(list, "|") == len && strncmp(list, name, len) == 0)
            return true;
    return false;
}

/* Which stacks a need asks for at that end, as "linux|gvisor"; NULL: it is of something else. */
static const char *needs_of_stack(const char *need, enum sp_who who)
{
    const char *names = strchr(need, '=');
    size_t len = names ? (size_t)(names - need) : 0;
    const char *end = sp_end_name((enum sp_end)who);
    bool about = (len == 5 && strncmp(need, "stack", len) == 0) ||
                 (len == strlen(end) && strncmp(need, end, len) == 0);
    return names && about ? names + 1 : NULL;
}

static const char *unmet_need(const struct exec *x)
{
    for (size_t i = 0; i < x->plan.case_->need_count; i++) {
        const char *need = x->plan.case_->needs[i];
        bool tracepoints = strcmp(need, "root") == 0 || strcmp(need, "tracepoints") == 0;
        if (tracepoints && (!x->env->privileged || !exec_has_records(x)))
            return need;
        if (strcmp(need, "clock=virtual") == 0 && !x->env->virtual_clock)
            return need;
        const char *box = x->job->config.tcp[SP_WHO_MIDDLE].name;
        const char *recipe = x->job->config.api[SP_WHO_MIDDLE].name;
        if (strncmp(need, "appliance=", 10) == 0 && (!recipe || strcmp(need + 10, recipe) != 0))
            return need;
        if (strncmp(need, "path=", 5) == 0 && (!box || strcmp(need + 5, box) != 0))
            return need;
        for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
            const char *names = needs_of_stack(need, (enum sp_who)who);
            if (names && exec_is_real(x, (enum sp_who)who) &&
                !is_among(x->env->own_stacks->tcp[who].name, names))
                return need;
        }
    }
    return NULL;
}

static void head_stacks(struct sp_trace_head *head, const struct sp_plan_config *config)
{
    for (int end = SP_END_CLIENT; end <= SP_END_SERVER; end++) {
        head->api[end] = (struct sp_stack_id){config->api[end].name, config->api[end].version};
        head->tcp[end] = (struct sp_stack_id){config->tcp[end].name, config->tcp[end].version};
    }
}

/* What is between the ends, in the place of a stack: its name, and the class that it is of. */
static void head_box(struct sp_trace_head *head, const struct sp_plan_config *config)
{
    const struct sp_plan_stack *api = &config->api[SP_WHO_MIDDLE];
    const struct sp_plan_stack *tcp = &config->tcp[SP_WHO_MIDDLE];
    head->api[SP_END_MIDDLE] = (struct sp_stack_id){api->name, api->version};
    head->tcp[SP_END_MIDDLE] = (struct sp_stack_id){tcp->name, tcp->version};
}

static void fill_head(struct exec *x)
{
    struct sp_trace_head *head = &x->trace.head;
    head->case_id = sp_trace_str(&x->trace, x->plan.run_id);
    head->case_hash = sp_trace_str(&x->trace, x->plan.case_->hash);
    head->plan_hash = sp_trace_str(&x->trace, x->plan.hash);
    head->build = x->env->build;
    head->lab = x->env->hosts ? "hosts" : sp_case_lab_name(x->job->config.lab);
    head->family = x->job->config.family == SP_CASE_IPV6 ? SP_IPV6 : SP_IPV4;
    head->hz = x->env->hz;
    head->virtual_clock = x->env->virtual_clock;
    head->start_mono_ns = sp_clock_now_ns();
    x->real_offset_ns = sp_clock_realtime_offset_ns(NULL);
    head->start_real_ns = head->start_mono_ns - x->real_offset_ns;
    head_stacks(head, &x->job->config);
    head_box(head, &x->job->config);
}

/* A wall clock that was set during the run moves the captures' stamps: they cannot be placed. */
static void check_clock(struct exec *x)
{
    int64_t error_ns = 0;
    int64_t moved = sp_clock_realtime_offset_ns(&error_ns) - x->real_offset_ns;
    if (moved > 2 * SP_MS || moved < -2 * SP_MS)
        exec_mark(x, SP_MARK_DROPS, 0, "wire: the wall clock was set during the run");
}

static void result_basics(const struct exec *x, struct sp_arena *arena, struct sp_result *result)
{
    const struct sp_case *c = x->job->case_;
    result->id = sp_arena_strdup(arena, x->plan.run_id ? x->plan.run_id : c->id);
    result->topic = c->topic;
    result->title = c->title;
    result->lab = sp_case_lab_name(x->job->config.lab);
    result->family = sp_case_family_name(x->job->config.family);
    result->repeat = x->job->repeat;
    result->tries = (int)x->job->tries_before + 1;
    result->file = c->file;
    result->dir = sp_store_case_dir(arena, result->id, result->lab, result->family, result->repeat);
}

static void result_judged(const struct sp_judgement *judgement, struct sp_arena *arena,
                          struct sp_result *result)
{
    result->verdict = judgement->verdict;
    result->reason = sp_arena_strdup(arena, judgement->reason);
    result->by_machine = judgement->by_machine;
    if (judgement->kind != SP_FAIL_NONE) {
        result->kind = sp_fail_name(judgement->kind);
        result->rule = sp_arena_strdup(arena, judgement->rule);
        result->at = sp_arena_strdup(arena, judgement->at);
        result->expected = sp_arena_strdup(arena, judgement->expected);
        result->seen = sp_arena_strdup(arena, judgement->seen);
        result->blames = judgement->blames ? sp_end_name(judgement->blames) : NULL;
    }
    result->notes = SP_ARENA_ARRAY(arena, const char *, judgement->note_count);
    result->note_count = judgement->note_count;
    for (size_t i = 0; i < judgement->note_count; i++)
        result->notes[i] = sp_arena_strdup(arena, judgement->notes[i]);
}

static void result_broken(const struct sp_err *err, struct sp_arena *arena,
                          struct sp_result *result)
{
    result->verdict = SP_VERDICT_BROKEN;
    result->reason = sp_arena_strdup(arena, err->text);
}

/* Proved by the stack itself: what the case needs is not there. */
static void result_skipped(const struct sp_err *err, struct sp_arena *arena,
                           struct sp_result *result)
{
    result->verdict = SP_VERDICT_SKIP;
    result->reason = sp_arena_strdup(arena, err->text);
}

/* A run that waited for one event cannot tell that the machine stood still meanwhile: before it
 * accuses a stack it asks who can. */
static void judge_run(struct exec *x, struct sp_judgement *judgement)
{
    sp_trace_sort(&x->trace);
    sp_judge(&x->plan, &x->trace, judgement);
    if (judgement->verdict != SP_VERDICT_FAIL || !exec_note_machine_stalls(x))
        return;
    sp_judgement_release(judgement);
    sp_trace_sort(&x->trace);
    sp_judge(&x->plan, &x->trace, judgement);
}

static void run_and_judge(struct exec *x, struct sp_arena *arena, struct sp_result *result)
{
    fill_head(x);
    int64_t begin_ns = sp_clock_now_ns();
    double begin_cpu_ms = exec_cpu_ms();
    enum sp_rc rc = open_all(x);
    if (rc == SP_OK)
        rc = conversation(x);
    enum sp_rc down = sp_appliance_down(x->appliance, rc == SP_OK ? &x->err : NULL);
    rc = rc == SP_OK ? down : rc;
    struct sp_err failed = x->err;
    check_clock(x);
    close_all(x);
    struct sp_judgement judgement;
    judge_run(x, &judgement);
    head_stacks(&x->trace.head, x->env->own_stacks); /* what ran, whatever it was judged as */
    if (rc == SP_OK)
        result_judged(&judgement, arena, result);
    else if (x->skipped)
        result_skipped(&failed, arena, result);
    else
        result_broken(&failed, arena, result);
    result->duration_ms = (double)(sp_clock_now_ns() - begin_ns) / 1e6;
    result->cpu_ms = exec_cpu_ms() - begin_cpu_ms;
    struct sp_err err = {0};
    if (sp_store_write_case(x->env->results_dir, result, &x->plan, &x->trace, &x->frames,
                            &judgement, &err) != SP_OK)
        result_broken(&err, arena, result);
    sp_judgement_release(&judgement);
}

void sp_run_one(const struct sp_run_job *job, const struct sp_run_env *env,
                const struct sp_run_records *records, void (*status)(const char *text, void *arg),
                void *status_arg, struct sp_arena *arena, struct sp_result *result)
{
    struct exec x = {.job = job,
                     .env = env,
                     .records = records,
                     .fence_fd = -1,
                     .sentinel_fds = {-1, -1, -1},
                     .status = status,
                     .status_arg = status_arg};
    for (int who = 0; who < SP_WHO_COUNT; who++)
        x.agents[who].states_fd = x.agents[who].log_fd = -1;
    *result = (struct sp_result){0};
    sp_trace_init(&x.trace);
    enum sp_rc rc = sp_plan_make(job->case_, &job->config, &x.plan, &x.err);
    result_basics(&x, arena, result);
    const char *need = rc == SP_OK ? unmet_need(&x) : NULL;
    const char *forbids = rc == SP_OK ? exec_adapter_forbids(&x, arena) : NULL;
    if (rc != SP_OK) {
        result_broken(&x.err, arena, result);
    } else if (job->skip) {
        result->verdict = SP_VERDICT_SKIP;
        result->reason = job->skip;
    } else if (need) {
        result->verdict = SP_VERDICT_SKIP;
        result->reason =
            sp_arena_printf(arena, "the case needs %s, which this run does not have", need);
    } else if (forbids) {
        result->verdict = SP_VERDICT_SKIP;
        result->reason = forbids;
    } else {
        x.match = sp_match_new(&x.plan);
        run_and_judge(&x, arena, result);
        sp_match_free(x.match);
    }
    free(x.frames.items);
    sp_trace_release(&x.trace);
    sp_plan_release(&x.plan);
}
