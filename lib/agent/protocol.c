/*
 * Frames and their fields: docs/agent-protocol.md.
 *
 * A body is two bytes (version, type) and fields of tag, two bytes of length, value. Tags ascend
 * (only an argument may follow another argument), so every message has one encoding; what is zero
 * or empty is left out. The decoder takes nothing that the encoder would not write, but for zeros
 * spelled out.
 */
#include <assert.h>
#include <string.h>

#include "protocol.h"

enum { VERSION = 1, TYPE_REQUEST = 1, TYPE_REPLY = 2, HEAD_BYTES = 2, FIELD_HEAD_BYTES = 3 };

enum field_kind { FIELD_U8, FIELD_U32, FIELD_I32, FIELD_I64, FIELD_TEXT, FIELD_ARG };

struct field {
    uint8_t tag;
    enum field_kind kind;
    uint16_t offset; /* in the struct */
    uint16_t size_bytes;
    bool required;
    const char *name; /* for messages */
};

#define MEMBER_SIZE(type, member) sizeof(((type *)0)->member)
#define FIELD(type, tag, kind, member, required)                                                   \
    {                                                                                              \
        tag, kind, offsetof(type, member), MEMBER_SIZE(type, member), required, #member            \
    }

#define REQUEST(tag, kind, member, required)                                                       \
    FIELD(struct sp_agent_request, tag, kind, member, required)
#define REPLY(tag, kind, member, required) FIELD(struct sp_agent_reply, tag, kind, member, required)

static const struct field request_fields[] = {
    REQUEST(1, FIELD_U32, id, false),    REQUEST(2, FIELD_TEXT, call, true),
    REQUEST(3, FIELD_TEXT, sock, false), REQUEST(4, FIELD_U8, overlapped, false),
    REQUEST(5, FIELD_ARG, args, false),  REQUEST(6, FIELD_U8, timed, false),
};

static const struct field reply_fields[] = {
    REPLY(1, FIELD_U8, kind, false),        REPLY(2, FIELD_U32, id, false),
    REPLY(3, FIELD_I64, t_enter_ns, false), REPLY(4, FIELD_I64, t_return_ns, false),
    REPLY(5, FIELD_I64, value, false),      REPLY(6, FIELD_TEXT, error, false),
    REPLY(7, FIELD_TEXT, native, false),    REPLY(8, FIELD_I32, sig, false),
    REPLY(9, FIELD_I64, first_bad, false),  REPLY(10, FIELD_I64, stream_from, false),
    REPLY(11, FIELD_TEXT, out, false),      REPLY(12, FIELD_TEXT, local, false),
    REPLY(13, FIELD_TEXT, remote, false),   REPLY(14, FIELD_I64, kept_waiting_ns, false),
};

struct message {
    uint8_t type;
    const char *what;
    const struct field *fields;
    unsigned field_count;
};

static const struct message request_message = {TYPE_REQUEST, "request", request_fields,
                                               sizeof request_fields / sizeof request_fields[0]};
static const struct message reply_message = {TYPE_REPLY, "reply", reply_fields,
                                             sizeof reply_fields / sizeof reply_fields[0]};

/* ---- encoding ------------------------------------------------------------------------------- */

static void add_le(struct sp_buf *out, uint64_t number, unsigned len_bytes)
{
    char bytes[8];
    for (unsigned i = 0; i < len_bytes; i++)
        bytes[i] = (char)(uint8_t)(number >> (8 * i));
    sp_buf_add(out, bytes, len_bytes);
}

static void add_head(struct sp_buf *out, uint8_t tag, size_t len_bytes)
{
    add_le(out, tag, 1);
    add_le(out, len_bytes, 2);
}

static enum sp_rc check_text(const char *text, size_t cap, const char *name, struct sp_err *err)
{
    return memchr(text, '\0', cap)
               ? SP_OK
               : sp_fail(err, SP_E_USAGE, "the field %s of a message has no end", name);
}

static void add_number(struct sp_buf *out, uint8_t tag, uint64_t number, unsigned len_bytes)
{
    if (!number)
        return;
    add_head(out, tag, len_bytes);
    add_le(out, number, len_bytes);
}

enum { ARG_NUMBER = 0, ARG_TEXT = 1, ARG_HEAD_BYTES = 2 };

static enum sp_rc add_args(const struct sp_agent_request *request, uint8_t tag, struct sp_buf *out,
                           struct sp_err *err)
{
    if (request->arg_count > SP_AGENT_ARGS_MAX)
        return sp_fail(err, SP_E_LIMIT, "a request has at most %d arguments", SP_AGENT_ARGS_MAX);
    for (uint32_t i = 0; i < request->arg_count; i++) {
        const struct sp_agent_arg *arg = &request->args[i];
        enum sp_rc rc = check_text(arg->name, sizeof arg->name, "name", err);
        if (rc == SP_OK && arg->is_text)
            rc = check_text(arg->text, sizeof arg->text, "text", err);
        if (rc != SP_OK)
            return rc;
        size_t name_len = strlen(arg->name);
        size_t value_len = arg->is_text ? strlen(arg->text) : 8;
        add_head(out, tag, ARG_HEAD_BYTES + name_len + value_len);
        add_le(out, arg->is_text ? ARG_TEXT : ARG_NUMBER, 1);
        add_le(out, name_len, 1);
        sp_buf_add(out, arg->name, name_len);
        if (arg->is_text)
            sp_buf_add(out, arg->text, value_len);
        else
            add_le(out, (uint64_t)arg->number, 8);
    }
    return SP_OK;
}

static enum sp_rc encode_text(const struct field *field, const char *text, struct sp_buf *out,
                              struct sp_err *err)
{
    enum sp_rc rc = check_text(text, field->size_bytes, field->name, err);
    if (rc != SP_OK || !*text)
        return rc;
    add_head(out, field->tag, strlen(text));
    sp_buf_addstr(out, text);
    return SP_OK;
}

/* Members of one byte are bool or, in a reply's kind, an enum of small values. */
static uint8_t load_u8(const struct field *field, const void *at)
{
    if (field->size_bytes == sizeof(bool))
        return *(const bool *)at;
    return (uint8_t) * (const enum sp_agent_reply_kind *)at;
}

static enum sp_rc encode_field(const struct field *field, const void *message, struct sp_buf *out,
                               struct sp_err *err)
{
    const char *at = (const char *)message + field->offset;
    uint32_t u32;
    uint64_t u64;
    switch (field->kind) {
    case FIELD_U8:
        add_number(out, field->tag, load_u8(field, at), 1);
        return SP_OK;
    case FIELD_U32:
    case FIELD_I32:
        memcpy(&u32, at, sizeof u32);
        add_number(out, field->tag, u32, 4);
        return SP_OK;
    case FIELD_I64:
        memcpy(&u64, at, sizeof u64);
        add_number(out, field->tag, u64, 8);
        return SP_OK;
    case FIELD_TEXT:
        return encode_text(field, at, out, err);
    case FIELD_ARG:
        return add_args(message, field->tag, out, err);
    }
    return SP_OK;
}

static enum sp_rc encode(const struct message *type, const void *message, struct sp_buf *out,
                         struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    add_le(out, VERSION, 1);
    add_le(out, type->type, 1);
    for (unsigned i = 0; i < type->field_count && rc == SP_OK; i++)
        rc = encode_field(&type->fields[i], message, out, err);
    if (rc == SP_OK && out->overflow)
        rc = sp_fail(err, SP_E_LIMIT, "the %s does not fit its buffer", type->what);
    return rc;
}

/* ---- decoding ------------------------------------------------------------------------------- */

struct reader {
    const struct message *type;
    const uint8_t *body;
    size_t len;
    size_t at; /* offset of the field being read */
    struct sp_err *err;
};

#define broken(in, ...) sp_fail((in)->err, SP_E_PROTO, __VA_ARGS__)

static uint64_t load_le(const uint8_t *bytes, unsigned len_bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < len_bytes; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

static enum sp_rc take_text(struct reader *in, const char *name, const uint8_t *value, size_t len,
                            char *text, size_t cap)
{
    if (len >= cap)
        return broken(in, "%s, offset %zu: %s of %zu bytes, at most %zu", in->type->what, in->at,
                      name, len, cap - 1);
    if (memchr(value, '\0', len))
        return broken(in, "%s, offset %zu: %s with a NUL inside", in->type->what, in->at, name);
    memcpy(text, value, len);
    text[len] = '\0';
    return SP_OK;
}

static enum sp_rc take_arg(struct reader *in, const uint8_t *value, size_t len,
                           struct sp_agent_request *request)
{
    if (request->arg_count == SP_AGENT_ARGS_MAX)
        return broken(in, "request, offset %zu: more than %d arguments", in->at, SP_AGENT_ARGS_MAX);
    if (len < ARG_HEAD_BYTES || len - ARG_HEAD_BYTES < value[1])
        return broken(in, "request, offset %zu: an argument cut short", in->at);
    if (value[0] != ARG_NUMBER && value[0] != ARG_TEXT)
        return broken(in, "request, offset %zu: argument type %u, expected 0 or 1", in->at,
                      value[0]);
    struct sp_agent_arg *arg = &request->args[request->arg_count];
    const uint8_t *rest = value + ARG_HEAD_BYTES + value[1];
    size_t rest_len = len - ARG_HEAD_BYTES - value[1];
    enum sp_rc rc = take_text(in, "argument name", value + ARG_HEAD_BYTES, value[1], arg->name,
                              sizeof arg->name);
    if (rc != SP_OK)
        return rc;
    if (!value[1])
        return broken(in, "request, offset %zu: an argument without a name", in->at);
    arg->is_text = value[0] == ARG_TEXT;
    request->arg_count++;
    if (arg->is_text)
        return take_text(in, "argument", rest, rest_len, arg->text, sizeof arg->text);
    if (rest_len != 8)
        return broken(in, "request, offset %zu: a number of %zu bytes, expected 8", in->at,
                      rest_len);
    arg->number = (int64_t)load_le(rest, 8);
    return SP_OK;
}

static enum sp_rc take_u8(struct reader *in, const struct field *field, uint8_t value, char *at)
{
    bool is_bool = field->size_bytes == sizeof(bool);
    unsigned max = is_bool ? 1 : SP_AGENT_REFUSED;
    if (value > max)
        return broken(in, "%s, offset %zu: %s is %u, at most %u", in->type->what, in->at,
                      field->name, value, max);
    if (is_bool)
        *(bool *)at = value;
    else
        *(enum sp_agent_reply_kind *)at = (enum sp_agent_reply_kind)value;
    return SP_OK;
}

static enum sp_rc take_field(struct reader *in, const struct field *field, const uint8_t *value,
                             size_t len, void *message)
{
    static const size_t sizes[] = {
        [FIELD_U8] = 1, [FIELD_U32] = 4, [FIELD_I32] = 4, [FIELD_I64] = 8};
    char *at = (char *)message + field->offset;
    uint32_t u32;
    uint64_t u64;
    if (field->required && !len)
        return broken(in, "%s, offset %zu: an empty %s", in->type->what, in->at, field->name);
    if (field->kind == FIELD_TEXT)
        return take_text(in, field->name, value, len, at, field->size_bytes);
    if (field->kind == FIELD_ARG)
        return take_arg(in, value, len, message);
    if (len != sizes[field->kind])
        return broken(in, "%s, offset %zu: %s of %zu bytes, expected %zu", in->type->what, in->at,
                      field->name, len, sizes[field->kind]);
    if (field->kind == FIELD_U8)
        return take_u8(in, field, *value, at);
    u64 = load_le(value, (unsigned)len);
    u32 = (uint32_t)u64;
    if (len == sizeof u32)
        memcpy(at, &u32, sizeof u32);
    else
        memcpy(at, &u64, sizeof u64);
    return SP_OK;
}

static const struct field *find_field(const struct message *type, uint8_t tag)
{
    for (unsigned i = 0; i < type->field_count; i++)
        if (type->fields[i].tag == tag)
            return &type->fields[i];
    return NULL;
}

static enum sp_rc take_fields(struct reader *in, void *message)
{
    uint32_t seen = 0;
    uint8_t last = 0;
    while (in->at < in->len) {
        size_t left = in->len - in->at;
        if (left < FIELD_HEAD_BYTES)
            return broken(in, "%s, offset %zu: cut short in a field's head", in->type->what,
                          in->at);
        uint8_t tag = in->body[in->at];
        size_t len = (size_t)load_le(in->body + in->at + 1, 2);
        const struct field *field = find_field(in->type, tag);
        if (!field)
            return broken(in, "%s, offset %zu: unknown tag %u", in->type->what, in->at, tag);
        if (tag < last || (tag == last && field->kind != FIELD_ARG))
            return broken(in, "%s, offset %zu: tag %u after %u", in->type->what, in->at, tag, last);
        if (left - FIELD_HEAD_BYTES < len)
            return broken(in, "%s, offset %zu: %s of %zu bytes, only %zu there", in->type->what,
                          in->at, field->name, len, left - FIELD_HEAD_BYTES);
        enum sp_rc rc = take_field(in, field, in->body + in->at + FIELD_HEAD_BYTES, len, message);
        if (rc != SP_OK)
            return rc;
        last = tag;
        seen |= 1u << tag;
        in->at += FIELD_HEAD_BYTES + len;
    }
    for (unsigned i = 0; i < in->type->field_count; i++)
        if (in->type->fields[i].required && !(seen & 1u << in->type->fields[i].tag))
            return broken(in, "%s, offset %zu: no %s", in->type->what, in->at,
                          in->type->fields[i].name);
    return SP_OK;
}

static enum sp_rc decode(const struct message *type, const uint8_t *body, size_t len_bytes,
                         void *message, struct sp_err *err)
{
    struct reader in = {type, body, len_bytes, 0, err};
    if (len_bytes < HEAD_BYTES)
        return broken(&in, "%s, offset 0: %zu bytes, at least %d", type->what, len_bytes,
                      HEAD_BYTES);
    if (body[0] != VERSION)
        return broken(&in, "%s, offset 0: protocol version %u, expected %d", type->what, body[0],
                      VERSION);
    if (body[1] != type->type)
        return broken(&in, "%s, offset 1: message type %u, expected %u", type->what, body[1],
                      type->type);
    in.at = HEAD_BYTES;
    return take_fields(&in, message);
}

/* ---- what others call ------------------------------------------------------------------------ */

enum sp_rc sp_agent_request_encode(const struct sp_agent_request *request, struct sp_buf *out,
                                   struct sp_err *err)
{
    return encode(&request_message, request, out, err);
}

enum sp_rc sp_agent_request_decode(const uint8_t *body, size_t len_bytes,
                                   struct sp_agent_request *request, struct sp_err *err)
{
    memset(request, 0, sizeof *request);
    return decode(&request_message, body, len_bytes, request, err);
}

enum sp_rc sp_agent_reply_encode(const struct sp_agent_reply *reply, struct sp_buf *out,
                                 struct sp_err *err)
{
    return encode(&reply_message, reply, out, err);
}

enum sp_rc sp_agent_reply_decode(const uint8_t *body, size_t len_bytes,
                                 struct sp_agent_reply *reply, struct sp_err *err)
{
    memset(reply, 0, sizeof *reply);
    return decode(&reply_message, body, len_bytes, reply, err);
}

static struct sp_agent_arg *new_arg(struct sp_agent_request *request, const char *name)
{
    assert(request->arg_count < SP_AGENT_ARGS_MAX);
    struct sp_agent_arg *arg = &request->args[request->arg_count++];
    memset(arg, 0, sizeof *arg);
    assert(strlen(name) < sizeof arg->name);
    memcpy(arg->name, name, strlen(name));
    return arg;
}

void sp_agent_arg_number(struct sp_agent_request *request, const char *name, int64_t number)
{
    new_arg(request, name)->number = number;
}

void sp_agent_arg_text(struct sp_agent_request *request, const char *name, const char *text)
{
    struct sp_agent_arg *arg = new_arg(request, name);
    size_t len = strlen(text);
    assert(len < sizeof arg->text);
    arg->is_text = true;
    memcpy(arg->text, text, len);
}

/* ---- frames ---------------------------------------------------------------------------------- */

size_t sp_frame_begin(struct sp_buf *out)
{
    size_t start = out->len;
    add_le(out, 0, SP_FRAME_HEAD_BYTES);
    return start;
}

void sp_frame_end(struct sp_buf *out, size_t start)
{
    size_t len = out->len - start - SP_FRAME_HEAD_BYTES;
    assert(len <= SP_AGENT_FRAME_MAX);
    for (unsigned i = 0; i < SP_FRAME_HEAD_BYTES; i++)
        out->data[start + i] = (char)(uint8_t)(len >> (8 * i));
}

/* The first bytes of something that is no frame, for the message: often it is text. */
static void show_bytes(const char *data, char out[SP_FRAME_HEAD_BYTES + 1])
{
    for (unsigned i = 0; i < SP_FRAME_HEAD_BYTES; i++)
        out[i] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '.';
    out[SP_FRAME_HEAD_BYTES] = '\0';
}

enum sp_rc sp_frame_peek(const struct sp_buf *in, const uint8_t **body, size_t *len_bytes,
                         struct sp_err *err)
{
    *body = NULL;
    *len_bytes = 0;
    if (in->len < SP_FRAME_HEAD_BYTES)
        return SP_OK;
    const uint8_t *data = (const uint8_t *)in->data;
    size_t len = (size_t)load_le(data, SP_FRAME_HEAD_BYTES);
    if (len > SP_AGENT_FRAME_MAX || len < HEAD_BYTES) {
        char shown[SP_FRAME_HEAD_BYTES + 1];
        show_bytes(in->data, shown);
        return sp_fail(err, SP_E_PROTO,
                       "offset 0 of a frame: a length of %zu (\"%s\"), expected %d to %d", len,
                       shown, HEAD_BYTES, SP_AGENT_FRAME_MAX);
    }
    if (in->len - SP_FRAME_HEAD_BYTES < len)
        return SP_OK;
    *body = data + SP_FRAME_HEAD_BYTES;
    *len_bytes = len;
    return SP_OK;
}

void sp_frame_drop(struct sp_buf *in, size_t len_bytes)
{
    size_t whole = SP_FRAME_HEAD_BYTES + len_bytes;
    assert(in->len >= whole);
    in->len -= whole;
    memmove(in->data, in->data + whole, in->len + 1);
}
