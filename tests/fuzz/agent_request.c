/* Any bytes as a request: refused with an offset, or the same after encoding and decoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sp_agent_request first;
    static struct sp_agent_request second;
    struct sp_err err = {0};
    struct sp_buf body;
    enum sp_rc rc = sp_agent_request_decode(data, size, &first, &err);
    if (rc != SP_OK) {
        if (rc != SP_E_PROTO || !strstr(err.text, "offset"))
            abort();
        return 0;
    }
    sp_buf_init(&body, 0);
    if (sp_agent_request_encode(&first, &body, NULL) != SP_OK)
        abort();
    if (sp_agent_request_decode((const uint8_t *)body.data, body.len, &second, NULL) != SP_OK)
        abort();
    if (memcmp(&first, &second, sizeof first) != 0)
        abort();
    sp_buf_release(&body);
    return 0;
}
