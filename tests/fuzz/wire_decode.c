/*
 * Any bytes through the decoder, the option walk and the printer; what decodes as whole is built
 * again and must decode to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(), which an optimised build leaves out. */
static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_rebuild(const struct sp_seg *seg, const uint8_t *payload)
{
    static const uint8_t mac[6];
    struct sp_buf frame;
    struct sp_seg back;
    sp_buf_init(&frame, 0);
    enum sp_rc rc = sp_wire_build(SP_LINK_ETHERNET, mac, mac, seg, payload, NULL, &frame, NULL);
    must(rc == SP_OK || rc == SP_E_LIMIT);
    if (rc == SP_OK) {
        rc = sp_wire_decode(SP_LINK_ETHERNET, (const uint8_t *)frame.data, frame.len, &back, NULL,
                            NULL);
        must(rc == SP_OK);
        must(back.checksum_ok && back.ip_checksum_ok);
        must(back.kind == seg->kind && back.seq == seg->seq && back.flags == seg->flags);
        must(sp_addr_same(&back.src, &seg->src) && sp_addr_same(&back.dst, &seg->dst));
        must(back.payload_hash == seg->payload_hash && back.payload_len == seg->payload_len);
        must(back.opt_len == seg->opt_len && memcmp(back.opt, seg->opt, sizeof seg->opt) == 0);
        must(back.quoted_seq == seg->quoted_seq);
    }
    sp_buf_release(&frame);
}

static void check_address(const struct sp_addr *addr)
{
    char text[SP_ADDR_TEXT];
    struct sp_addr back;
    sp_addr_print(addr, text, sizeof text);
    enum sp_rc rc = sp_addr_parse(text, &back, NULL);
    must(rc == SP_OK && sp_addr_same(addr, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum sp_link link = data[0] & 1 ? SP_LINK_ETHERNET : SP_LINK_RAW_IP;
    struct sp_seg seg;
    struct sp_err err = {0};
    const uint8_t *payload = NULL;
    enum sp_rc rc = sp_wire_decode(link, data + 1, size - 1, &seg, &payload, &err);
    must(rc == SP_OK || rc == SP_E_UNSUPPORTED || rc == SP_E_PARSE);
    must((rc == SP_E_PARSE) == (err.text[0] != '\0'));
    struct sp_buf out;
    sp_buf_init(&out, 0);
    sp_seg_print(&seg, 0, 0, &out);
    sp_buf_release(&out);
    check_address(&seg.src);
    if (rc == SP_OK) {
        must(payload >= data && payload + seg.payload_len <= data + size);
        check_rebuild(&seg, payload);
    }
    /* The text parsers, which take any string. */
    char *text = sp_xcalloc(size, 1);
    memcpy(text, data + 1, size - 1);
    struct sp_addr addr;
    if (sp_addr_parse(text, &addr, NULL) == SP_OK)
        check_address(&addr);
    uint8_t flags;
    (void)sp_tcp_flags_parse(text, &flags);
    enum sp_tcp_state state;
    (void)sp_tcp_state_parse(text, &state);
    free(text);
    return 0;
}
