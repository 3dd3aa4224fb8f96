#include "guest.h"

#include "message.h"

bool sp_guest_say(int fd, enum sp_guest_word word, const char *data, size_t len_bytes)
{
    return message_send(fd, (char)word, data, len_bytes);
}
