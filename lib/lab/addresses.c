/*
 * The addresses of a lab in words, which are known before it is made.
 */
#include "internal.h"

void sp_lab_addresses(const struct sp_lab_config *config, char client[48], char server[48])
{
    struct sp_lab_ip ip = sp_lab_end_ip(config, SP_PLACE_CLIENT);
    sp_lab_ip_print(&ip, client);
    ip = sp_lab_end_ip(config, SP_PLACE_SERVER);
    sp_lab_ip_print(&ip, server);
}
