/*
 * libpcap.a can also capture from D-Bus and asks for libdbus, whose own libraries have no static
 * form. We open network interfaces and nothing else, so none of these is ever called; they are all
 * that libpcap 1.10 refers to. A libpcap that asks for more does not link, and is used as a shared
 * library then.
 */
#include <stdlib.h>

#define NEVER(name)                                                                                \
    void name(void);                                                                               \
    void name(void)                                                                                \
    {                                                                                              \
        abort();                                                                                   \
    }

NEVER(dbus_bus_add_match)
NEVER(dbus_bus_get)
NEVER(dbus_bus_register)
NEVER(dbus_connection_flush)
NEVER(dbus_connection_open)
NEVER(dbus_connection_pop_message)
NEVER(dbus_connection_read_write)
NEVER(dbus_connection_send)
NEVER(dbus_connection_set_max_received_size)
NEVER(dbus_connection_unref)
NEVER(dbus_error_free)
NEVER(dbus_error_is_set)
NEVER(dbus_free)
NEVER(dbus_message_demarshal)
NEVER(dbus_message_is_signal)
NEVER(dbus_message_marshal)
NEVER(dbus_message_unref)
