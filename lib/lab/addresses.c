/*
 * The addresses of a lab in words, which are known before it is made.
 */
#include "internal.h"

#include <arpa/inet.h>

void sp_lab_addresses(const struct sp_lab_config *config, char client[48], char server[48])
{
    struct sp_lab_ip ip = sp_lab_end_ip(config, SP_PLACE_CLIENT);
    inet_ntop(ip.family, ip.bytes, client, 48);
    ip = sp_lab_end_ip(config, SP_PLACE_SERVER);
    inet_ntop(ip.family, ip.bytes, server, 48);
}
