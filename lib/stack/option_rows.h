/* The socket options that a case can name: kind, level, name. Each stack's options.c makes its
 * table of them; a name that its headers do not have it defines first, as what it is there. */
#ifndef SP_STACK_OPTION_ROWS_H
#define SP_STACK_OPTION_ROWS_H

#define SP_STACK_OPTION_ROWS(ROW)                                                                  \
    ROW(LINGER, SOL_SOCKET, SO_LINGER)                                                             \
    ROW(ERROR, SOL_SOCKET, SO_ERROR)                                                               \
    ROW(MS, SOL_SOCKET, SO_RCVTIMEO)                                                               \
    ROW(MS, SOL_SOCKET, SO_SNDTIMEO)                                                               \
    ROW(TEXT, SOL_SOCKET, SO_BINDTODEVICE)                                                         \
    ROW(INT, SOL_SOCKET, SO_REUSEADDR)                                                             \
    ROW(INT, SOL_SOCKET, SO_REUSEPORT)                                                             \
    ROW(INT, SOL_SOCKET, SO_KEEPALIVE)                                                             \
    ROW(INT, SOL_SOCKET, SO_RCVBUF)                                                                \
    ROW(INT, SOL_SOCKET, SO_SNDBUF)                                                                \
    ROW(INT, SOL_SOCKET, SO_RCVBUFFORCE)                                                           \
    ROW(INT, SOL_SOCKET, SO_SNDBUFFORCE)                                                           \
    ROW(INT, SOL_SOCKET, SO_RCVLOWAT)                                                              \
    ROW(INT, SOL_SOCKET, SO_SNDLOWAT)                                                              \
    ROW(INT, SOL_SOCKET, SO_TYPE)                                                                  \
    ROW(INT, SOL_SOCKET, SO_DOMAIN)                                                                \
    ROW(INT, SOL_SOCKET, SO_PROTOCOL)                                                              \
    ROW(INT, SOL_SOCKET, SO_ACCEPTCONN)                                                            \
    ROW(INT, SOL_SOCKET, SO_OOBINLINE)                                                             \
    ROW(INT, SOL_SOCKET, SO_BROADCAST)                                                             \
    ROW(INT, SOL_SOCKET, SO_DONTROUTE)                                                             \
    ROW(INT, SOL_SOCKET, SO_DEBUG)                                                                 \
    ROW(INT, SOL_SOCKET, SO_PRIORITY)                                                              \
    ROW(INT, SOL_SOCKET, SO_MARK)                                                                  \
    ROW(INT, SOL_SOCKET, SO_BUSY_POLL)                                                             \
    ROW(INT, SOL_SOCKET, SO_INCOMING_CPU)                                                          \
    ROW(INT, SOL_SOCKET, SO_MAX_PACING_RATE)                                                       \
    ROW(INT, SOL_SOCKET, SO_ZEROCOPY)                                                              \
    ROW(INT, SOL_SOCKET, SO_EXCLUSIVEADDRUSE)                                                      \
    ROW(INT, SOL_SOCKET, SO_CONDITIONAL_ACCEPT)                                                    \
    ROW(INT, IPPROTO_TCP, TCP_NODELAY)                                                             \
    ROW(INT, IPPROTO_TCP, TCP_MAXSEG)                                                              \
    ROW(INT, IPPROTO_TCP, TCP_CORK)                                                                \
    ROW(INT, IPPROTO_TCP, TCP_KEEPIDLE)                                                            \
    ROW(INT, IPPROTO_TCP, TCP_KEEPINTVL)                                                           \
    ROW(INT, IPPROTO_TCP, TCP_KEEPCNT)                                                             \
    ROW(INT, IPPROTO_TCP, TCP_SYNCNT)                                                              \
    ROW(INT, IPPROTO_TCP, TCP_LINGER2)                                                             \
    ROW(INT, IPPROTO_TCP, TCP_DEFER_ACCEPT)                                                        \
    ROW(INT, IPPROTO_TCP, TCP_WINDOW_CLAMP)                                                        \
    ROW(INT, IPPROTO_TCP, TCP_QUICKACK)                                                            \
    ROW(INT, IPPROTO_TCP, TCP_USER_TIMEOUT)                                                        \
    ROW(INT, IPPROTO_TCP, TCP_FASTOPEN)                                                            \
    ROW(INT, IPPROTO_TCP, TCP_FASTOPEN_CONNECT)                                                    \
    ROW(INT, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE)                                                  \
    ROW(INT, IPPROTO_TCP, TCP_NOTSENT_LOWAT)                                                       \
    ROW(INT, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS)                                                \
    ROW(INT, IPPROTO_TCP, TCP_THIN_DUPACK)                                                         \
    ROW(INT, IPPROTO_TCP, TCP_TIMESTAMP)                                                           \
    ROW(INT, IPPROTO_TCP, TCP_INQ)                                                                 \
    ROW(INT, IPPROTO_TCP, TCP_SAVE_SYN)                                                            \
    ROW(INT, IPPROTO_TCP, TCP_TX_DELAY)                                                            \
    ROW(INT, IPPROTO_TCP, TCP_REPAIR)                                                              \
    ROW(INT, IPPROTO_TCP, TCP_RTO_MAX_MS)                                                          \
    ROW(INT, IPPROTO_TCP, TCP_MAXRT)                                                               \
    ROW(TEXT, IPPROTO_TCP, TCP_CONGESTION)                                                         \
    ROW(TEXT, IPPROTO_TCP, TCP_ULP)                                                                \
    ROW(STATE, IPPROTO_TCP, TCP_INFO)                                                              \
    ROW(INT, IPPROTO_IP, IP_TOS)                                                                   \
    ROW(INT, IPPROTO_IP, IP_TTL)                                                                   \
    ROW(BYTES, IPPROTO_IP, IP_OPTIONS)                                                             \
    ROW(INT, IPPROTO_IP, IP_MINTTL)                                                                \
    ROW(INT, IPPROTO_IP, IP_MTU)                                                                   \
    ROW(INT, IPPROTO_IP, IP_MTU_DISCOVER)                                                          \
    ROW(INT, IPPROTO_IP, IP_RECVERR)                                                               \
    ROW(INT, IPPROTO_IP, IP_FREEBIND)                                                              \
    ROW(INT, IPPROTO_IP, IP_TRANSPARENT)                                                           \
    ROW(INT, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT)                                                  \
    ROW(INT, IPPROTO_IPV6, IPV6_V6ONLY)                                                            \
    ROW(INT, IPPROTO_IPV6, IPV6_TCLASS)                                                            \
    ROW(INT, IPPROTO_IPV6, IPV6_UNICAST_HOPS)                                                      \
    ROW(INT, IPPROTO_IPV6, IPV6_MINHOPCOUNT)                                                       \
    ROW(INT, IPPROTO_IPV6, IPV6_MTU)                                                               \
    ROW(INT, IPPROTO_IPV6, IPV6_MTU_DISCOVER)                                                      \
    ROW(INT, IPPROTO_IPV6, IPV6_RECVERR)                                                           \
    ROW(INT, IPPROTO_IPV6, IPV6_FREEBIND)                                                          \
    ROW(INT, IPPROTO_IPV6, IPV6_TRANSPARENT)                                                       \
    ROW(INT, IPPROTO_IPV6, IPV6_DONTFRAG)                                                          \
    ROW(INT, IPPROTO_IPV6, IPV6_FLOWINFO_SEND)

#endif
