/*
 * The addresses of a lab in words, which are known before it is made.
 */
#include "internal.h"

#include <string.h>

void sp_lab_addresses(const struct sp_lab_config *config, char client[48], char server[48])
{
    if (config->kind == SP_LAB_HOSTS) {
        const struct sp_lab_route *route = sp_lab_hosts_route(config);
        bool near_client = config->hosts->near == SP_PLACE_CLIENT;
        memcpy(near_client ? client : server, route->near, sizeof route->near);
        memcpy(near_client ? server : client, route->far, sizeof route->far);
        return;
    }
    struct sp_lab_ip ip = sp_lab_end_ip(config, SP_PLACE_CLIENT);
    sp_lab_ip_print(&ip, client);
    ip = sp_lab_end_ip(config, SP_PLACE_SERVER);
    sp_lab_ip_print(&ip, server);
}
