#include "trace_fields.h"

#include <stddef.h>
#include <string.h>

#define WORDS(list)                                                                                \
    {                                                                                              \
        list, sizeof(list) / sizeof((list)[0])                                                     \
    }

static const char *const kind_list[] = {
    [SP_EV_CALL] = "call", [SP_EV_SEG] = "segment",  [SP_EV_STATE] = "state", [SP_EV_NOTE] = "note",
    [SP_EV_LAB] = "lab",   [SP_EV_PROC] = "process", [SP_EV_MARK] = "mark",
};
static const char *const end_list[] = {
    [SP_END_NONE] = "none", [SP_END_CLIENT] = "client", [SP_END_SERVER] = "server",
    [SP_END_PEER] = "peer", [SP_END_MIDDLE] = "middle",
};
static const char *const point_list[] = {
    [SP_AT_NONE] = "none",
    [SP_AT_LO] = "lo",
    [SP_AT_CLIENT] = "client",
    [SP_AT_SERVER] = "server",
    [SP_AT_BOX_CLIENT] = "box-client",
    [SP_AT_BOX_SERVER] = "box-server",
};
static const char *const how_list[] = {
    [SP_CALL_RETURNED] = "returned",
    [SP_CALL_HUNG] = "hung",
    [SP_CALL_KILLED] = "killed",
    [SP_CALL_PENDING] = "pending",
};
static const char *const source_list[] = {
    [SP_STATE_TRACEPOINT] = "tracepoint",
    [SP_STATE_DIAG] = "diag",
    [SP_STATE_TABLE] = "table",
};
static const char *const proc_list[] = {
    [SP_PROC_START] = "start",
    [SP_PROC_EXIT] = "exit",
    [SP_PROC_KILLED] = "killed",
    [SP_PROC_OUTLIVED] = "outlived",
};
static const char *const mark_list[] = {
    [SP_MARK_BEGIN] = "begin", [SP_MARK_DONE] = "done",     [SP_MARK_END] = "end",
    [SP_MARK_FENCE] = "fence", [SP_MARK_CANARY] = "canary", [SP_MARK_ABSENT] = "absent",
    [SP_MARK_DROPS] = "drops", [SP_MARK_STALL] = "stall",   [SP_MARK_DEADLINE] = "deadline",
    [SP_MARK_KEPT] = "kept",
};
static const char *const watch_list[] = {
    [SP_WATCH_ABSENT] = "absent",
    [SP_WATCH_POLLED] = "polled",
    [SP_WATCH_FULL] = "full",
};
static const char *const seg_list[] = {[SP_SEG_TCP] = "tcp", [SP_SEG_ICMP] = "icmp"};
/* A family is its IP version number. */
static const char *const family_list[] = {[0] = "none", [SP_IPV4] = "ipv4", [SP_IPV6] = "ipv6"};
static const char *const state_list[] = {
#define SP_X(name) #name,
    SP_TCP_STATE_TABLE(SP_X)
#undef SP_X
};

_Static_assert(sizeof end_list / sizeof end_list[0] == SP_END_COUNT, "an end without a name");
_Static_assert(sizeof point_list / sizeof point_list[0] == SP_POINT_COUNT, "a point without one");
_Static_assert(sizeof kind_list / sizeof kind_list[0] == SP_EV_KIND_COUNT, "a kind without one");

const struct sp_trace_words sp_trace_kind_words = WORDS(kind_list);
const struct sp_trace_words sp_trace_end_words = WORDS(end_list);
static const struct sp_trace_words point_words = WORDS(point_list);
static const struct sp_trace_words how_words = WORDS(how_list);
static const struct sp_trace_words source_words = WORDS(source_list);
static const struct sp_trace_words proc_words = WORDS(proc_list);
static const struct sp_trace_words mark_words = WORDS(mark_list);
static const struct sp_trace_words watch_words = WORDS(watch_list);
static const struct sp_trace_words seg_words = WORDS(seg_list);
static const struct sp_trace_words family_words = WORDS(family_list);
static const struct sp_trace_words state_words = WORDS(state_list);

/* One row; `owner` is the struct that the rows of a table are about. */
#define FIELD(k, t, owner, member)                                                                 \
    .key = (k), .type = (t), .offset = offsetof(struct owner, member),                             \
    .size = (uint8_t)sizeof(((struct owner *)0)->member)
#define EV(k, t, member)                                                                           \
    {                                                                                              \
        FIELD(k, SP_FIELD_##t, sp_event, member)                                                   \
    }
#define EV_MINUS(k, member)                                                                        \
    {                                                                                              \
        FIELD(k, SP_FIELD_INT, sp_event, member), .usual = -1                                      \
    }
#define EV_ALWAYS(k, t, member)                                                                    \
    {                                                                                              \
        FIELD(k, SP_FIELD_##t, sp_event, member), .always = true                                   \
    }
#define EV_WORD(k, member, w)                                                                      \
    {                                                                                              \
        FIELD(k, SP_FIELD_WORD, sp_event, member), .words = &(w)                                   \
    }
#define EV_WORD_ALWAYS(k, member, w)                                                               \
    {                                                                                              \
        FIELD(k, SP_FIELD_WORD, sp_event, member), .words = &(w), .always = true                   \
    }
#define HD(k, t, member)                                                                           \
    {                                                                                              \
        FIELD(k, SP_FIELD_##t, sp_trace_head, member)                                              \
    }
#define HD_WORD(k, member, w)                                                                      \
    {                                                                                              \
        FIELD(k, SP_FIELD_WORD, sp_trace_head, member), .words = &(w), .always = true              \
    }

static const struct sp_trace_field head_rows[] = {
    HD("case", TEXT, case_id),
    HD("case_hash", TEXT, case_hash),
    HD("plan_hash", TEXT, plan_hash),
    HD("build", TEXT, build),
    HD("lab", TEXT, lab),
    HD_WORD("family", family, family_words),
    HD("start_mono_ns", INT, start_mono_ns),
    HD("start_real_ns", INT, start_real_ns),
    HD("hz", INT, hz),
    HD("virtual_clock", BOOL, virtual_clock),
    HD_WORD("wire", wire, watch_words),
    HD_WORD("states", states, watch_words),
};

static const struct sp_trace_field common_rows[] = {
    EV_WORD("end", end, sp_trace_end_words),
    EV_ALWAYS("order", UINT, order),
    EV("stmt", UINT, stmt),
    EV_ALWAYS("t_ns", INT, t_ns),
    EV("t_end_ns", TIME, t_end_ns),
};

static const struct sp_trace_field call_rows[] = {
    EV("sock", TEXT, u.call.sock),
    EV("name", TEXT, u.call.name),
    EV("args", TEXT, u.call.args),
    EV_WORD("how", u.call.how, how_words),
    EV_ALWAYS("value", INT, u.call.value),
    EV("error", TEXT_OR_NULL, u.call.error),
    EV("native", TEXT_OR_NULL, u.call.native),
    EV("signal", INT, u.call.signal),
    EV_MINUS("first_bad", u.call.first_bad),
    EV("stream_from", INT, u.call.stream_from),
    EV("kept_waiting_ns", INT, u.call.kept_waiting_ns),
    EV("out", TEXT, u.call.out),
    EV("local", ADDR, u.call.local),
    EV("remote", ADDR, u.call.remote),
};

static const struct sp_trace_field seg_rows[] = {
    EV_WORD("at", u.seg.point, point_words),
    EV("frame", UINT, u.seg.frame),
    EV_WORD("protocol", u.seg.seg.kind, seg_words),
    EV("src", ADDR, u.seg.seg.src),
    EV("dst", ADDR, u.seg.seg.dst),
    EV("flags", FLAGS, u.seg.seg.flags),
    EV("seq", UINT, u.seg.seg.seq),
    EV("ack", UINT, u.seg.seg.ack),
    EV("window", UINT, u.seg.seg.window),
    EV("urgent", UINT, u.seg.seg.urgent),
    EV("options", OPTIONS, u.seg.seg.opt),
    EV("payload_len", UINT, u.seg.seg.payload_len),
    EV("payload_hash", HASH, u.seg.seg.payload_hash),
    EV("payload_head", HEAD, u.seg.seg.payload_head),
    EV("ttl", UINT, u.seg.seg.ttl),
    EV("tos", UINT, u.seg.seg.tos),
    EV("ip_id", UINT, u.seg.seg.ip_id),
    EV("ip_df", BOOL, u.seg.seg.ip_df),
    EV("ip_options", IP_OPTIONS, u.seg.seg.ip_opt),
    EV("checksum", UINT, u.seg.seg.checksum),
    EV("bad_checksum", NOT_OK, u.seg.seg.checksum_ok),
    EV("bad_ip_checksum", NOT_OK, u.seg.seg.ip_checksum_ok),
    EV("icmp_type", UINT, u.seg.seg.icmp_type),
    EV("icmp_code", UINT, u.seg.seg.icmp_code),
    EV("icmp_mtu", UINT, u.seg.seg.icmp_mtu),
    EV("quoted_src", ADDR, u.seg.seg.quoted_src),
    EV("quoted_dst", ADDR, u.seg.seg.quoted_dst),
    EV("quoted_seq", UINT, u.seg.seg.quoted_seq),
    EV("malformed", TEXT_OR_NULL, u.seg.malformed),
};

static const struct sp_trace_field state_rows[] = {
    EV_WORD_ALWAYS("source", u.state.source, source_words),
    EV_WORD("old", u.state.old_state, state_words),
    EV_WORD_ALWAYS("new", u.state.new_state, state_words),
    EV("local", ADDR, u.state.local),
    EV("remote", ADDR, u.state.remote),
    EV("sock_id", HEX64, u.state.sock_id),
    EV("not_before_ns", TIME, u.state.not_before_ns),
    EV_MINUS("recv_queue", u.state.recv_queue),
    EV_MINUS("send_queue", u.state.send_queue),
    EV_MINUS("timer", u.state.timer),
    EV_MINUS("timer_ms", u.state.timer_ms),
};

static const struct sp_trace_field note_rows[] = {
    EV("what", TEXT, u.note.what),        EV("detail", TEXT, u.note.detail),
    EV("local", ADDR, u.note.local),      EV("remote", ADDR, u.note.remote),
    EV("sock_id", HEX64, u.note.sock_id),
};

static const struct sp_trace_field lab_rows[] = {
    EV("action", TEXT, u.lab.action), EV("detail", TEXT, u.lab.detail),
    EV("frame", UINT, u.lab.frame),   EV("copies", UINT, u.lab.copies),
    EV("was", HEX64, u.lab.was),      EV("now", HEX64, u.lab.now),
};

static const struct sp_trace_field proc_rows[] = {
    EV_WORD_ALWAYS("what", u.proc.what, proc_words),
    EV("pid", INT, u.proc.pid),
    EV("code", INT, u.proc.code),
};

static const struct sp_trace_field mark_rows[] = {
    EV_WORD_ALWAYS("what", u.mark.what, mark_words),
    EV("text", TEXT, u.mark.text),
};

const struct sp_trace_fields sp_trace_head_fields = WORDS(head_rows);
const struct sp_trace_fields sp_trace_common_fields = WORDS(common_rows);
const struct sp_trace_fields sp_trace_kind_fields[SP_EV_KIND_COUNT] = {
    [SP_EV_CALL] = WORDS(call_rows),   [SP_EV_SEG] = WORDS(seg_rows),
    [SP_EV_STATE] = WORDS(state_rows), [SP_EV_NOTE] = WORDS(note_rows),
    [SP_EV_LAB] = WORDS(lab_rows),     [SP_EV_PROC] = WORDS(proc_rows),
    [SP_EV_MARK] = WORDS(mark_rows),
};

int64_t sp_trace_field_load(const struct sp_trace_field *field, const void *base)
{
    const char *at = (const char *)base + field->offset;
    bool negative = field->type == SP_FIELD_INT;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    int64_t i64;
    switch (field->size) {
    case 1:
        memcpy(&u8, at, sizeof u8);
        return u8;
    case 2:
        memcpy(&u16, at, sizeof u16);
        return u16;
    case 4:
        memcpy(&u32, at, sizeof u32);
        return negative ? (int64_t)(int32_t)u32 : (int64_t)u32;
    default: /* 8: the only other size of an integer here */
        memcpy(&i64, at, sizeof i64);
        return i64;
    }
}

void sp_trace_field_store(const struct sp_trace_field *field, void *base, int64_t value)
{
    char *at = (char *)base + field->offset;
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;
    switch (field->size) {
    case 1:
        memcpy(at, &u8, sizeof u8);
        return;
    case 2:
        memcpy(at, &u16, sizeof u16);
        return;
    case 4:
        memcpy(at, &u32, sizeof u32);
        return;
    default:
        memcpy(at, &value, sizeof value);
    }
}

const char *sp_trace_field_text(const struct sp_trace_field *field, const void *base)
{
    const char *text;
    memcpy(&text, (const char *)base + field->offset, sizeof text);
    return text;
}

void sp_trace_field_set_text(const struct sp_trace_field *field, void *base, const char *text)
{
    memcpy((char *)base + field->offset, &text, sizeof text);
}

int sp_trace_word_find(const struct sp_trace_words *words, const char *word)
{
    for (unsigned i = 0; i < words->count; i++)
        if (words->words[i] && strcmp(words->words[i], word) == 0)
            return (int)i;
    return -1;
}

static const char *word(const struct sp_trace_words *words, unsigned value)
{
    return value < words->count && words->words[value] ? words->words[value] : "unknown";
}

/* The public names: one line for each enum. */
#define NAME(function, type, words)                                                                \
    const char *function(type value)                                                               \
    {                                                                                              \
        return word(&(words), (unsigned)value);                                                    \
    }

NAME(sp_end_name, enum sp_end, sp_trace_end_words)
NAME(sp_point_name, enum sp_point, point_words)
NAME(sp_ev_kind_name, enum sp_ev_kind, sp_trace_kind_words)
NAME(sp_call_how_name, enum sp_call_how, how_words)
NAME(sp_state_source_name, enum sp_state_source, source_words)
NAME(sp_proc_what_name, enum sp_proc_what, proc_words)
NAME(sp_mark_what_name, enum sp_mark_what, mark_words)
NAME(sp_watch_name, enum sp_watch, watch_words)

bool sp_end_parse(const char *name, enum sp_end *out)
{
    int found = sp_trace_word_find(&sp_trace_end_words, name);
    if (found < 0)
        return false;
    *out = (enum sp_end)found;
    return true;
}
