/*
 * The audit: conversations that a conforming stack has are clean, to the last ACK; the same with
 * one thing wrong trip the rule that names it, and no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tcp_ladder.h"

#define OPEN                                                                                       \
    "0 client start\n0 server start\n"                                                             \
    "1-2 server listener socket = 3\n3-4 server listener listen 1 = 0\n"                           \
    "5-6 client conn socket = 3\n"                                                                 \
    "1000-1100 client conn connect 10.0.0.2:80 = 0\n"                                              \
    "1010 state client 1 CLOSED>SYN_SENT\n"                                                        \
    "1020 c> SYN ws=7\n1050 s> SYN,ACK ws=7\n"                                                     \
    "1075 state client 1 SYN_SENT>ESTABLISHED\n1080 c> ACK win=512\n"                              \
    "1101 state server 2 LISTEN>SYN_RECEIVED\n1102 state server 2 SYN_RECEIVED>ESTABLISHED\n"      \
    "1200-1210 server listener accept as=conn = 4\n"

#define OVER "900000000 end\n900000001-900000900 client exit\n900001000-900001900 server exit\n"

enum { BOTH, VETH, LO };

struct story {
    const char *name;
    int where;
    const char *text;
};

static const struct story clean[] = {
    {"a close that is given up when SO_LINGER's time is over (lwIP, Windows)", VETH,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=1 = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "2100-1250100 client conn close = 0\n2105 c> FIN,ACK lost\n"
          "1250000 c> RST,ACK seq=12 ack=1 lost\n"},
    {"data sent again at once, smaller, because a router could not pass it on", VETH,
     OPEN "2000-2010 client conn send 1400 = 1400\n2005 c> PSH,ACK len=1400 lost\n2100 icmp\n"
          "2110 c> ACK seq=1 len=960\n2111 c> PSH,ACK seq=961 len=440\n2145 s> ACK\n"},
    {"an abort in SYN_SENT that has ACK=0 (lwIP)", VETH,
     "0 client start\n0 server start\n"
     "1-2 server listener socket = 3\n3-4 server listener listen 1 = 0\n"
     "10-11 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
     "100-120 client conn connect addr = EINPROGRESS\n110 c> SYN\n140 s> SYN,ACK lost\n"
     "200-210 client conn close = 0\n205 c> RST,ACK seq=1 ack=-7000\n"},
    {"an acknowledgement of what came before a RST that is yet to be read (lwIP)", VETH,
     "0 own server\n" OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=1 = 0\n"
     "2000-1250100 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK lost\n"
     "1250000 c> FIN,ACK seq=1\n1250010 c> RST,ACK seq=2\n1250900 s> ACK seq=1 ack=2 lost\n"},
    {"an acknowledgement of what came before two RSTs that are yet to be read (gVisor)", VETH,
     "0 own server\n" OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
     "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
     "2020-2030 client conn close = 0\n2025 c> RST,ACK seq=11\n"
     "2027 c> RST,ACK seq=11 made\n2500 s> ACK ack=11\n"},
    {"a RST that answers what has ACK and no SYN in SYN_SENT, and goes on (lwIP)", VETH,
     "0 own client\n0 client start\n0 server start\n"
     "1-2 server listener socket = 3\n3-4 server listener listen 1 = 0\n"
     "100-3200 client conn connect = 0\n110 c> SYN\n140 s> ACK seq=0 ack=1 made\n"
     "200 c> RST,ACK seq=1 ack=0 lost\n2000 c> SYN seq=0\n2030 s> SYN,ACK\n2080 c> ACK\n"},
    {"timestamps of a clock that ticks twice a second, and round the end of its numbers", BOTH,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=-3\n2035 s> ACK\n"
          "12003000-12003010 client conn send 10 = 10\n12003005 c> PSH,ACK len=10 ts=21\n"
          "12003035 s> ACK\n"},
    {"a TTL that a call has chosen", VETH,
     OPEN "1500-1501 client conn setsockopt IP_TTL value=1 = 0\n"
          "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10 ttl=1\n2040 s> ACK\n"},
    {"a keepalive probe beside data under way (lwIP)", VETH,
     OPEN "1500-1501 client conn setsockopt SO_KEEPALIVE value=1 = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "1200000 c> ACK seq=10 ack=1 lost\n"},
    {"a send that waits, has sent a part, and says that it was reset", LO,
     OPEN "2000-9000 client conn send 100 = ECONNRESET\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "8990-8999 server conn close = 0\n8992 s> RST,ACK\n" OVER},
    {"a RST that answers data for nobody with ACK set, too (lwIP)", BOTH,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "2100-2110 server conn recv 10 = 10\n2500-2510 server conn close = 0\n"
          "2505 s> FIN,ACK\n2540 c> ACK\n2600-2610 client conn send 5 = 5\n"
          "2605 c> PSH,ACK len=5\n2640 s> RST,ACK seq=2 ack=16\n"},
    {"a successor with the ISN of the connection before it (lwIP), and a challenge between", VETH,
     "0 own client\n" OPEN "2000-2010 server conn close = 0\n2005 s> FIN,ACK\n2035 c> ACK\n"
     "2100-2110 client conn close = 0\n2105 c> FIN,ACK\n2135 s> ACK\n"
     "3000-3200 client conn connect = 0\n3005 c> SYN isn=4294967280\n"
     "3035 s> ACK seq=2 ack=2\n3065 c> RST,ACK seq=2 ack=2\n3075 c> SYN isn=4294967280\n"
     "3105 s> SYN,ACK isn=123456 ws=7\n3135 c> ACK\n"},
    {"a copy sent again that was captured behind its acknowledgement", LO,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "4000 c> PSH,ACK seq=1 len=10\n4020 s> ACK\n"},
    {"an ACK of a FIN captured half a millisecond behind its own end's FIN", LO,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2010-2060 server conn close = 0\n"
          "2045 s> FIN,ACK\n2065 c> ACK\n2600 s> ACK seq=1\n" OVER},
    {"an ACK captured behind the FIN queued after it", LO,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n9000-9010 server conn close = 0\n"
          "9005 s> FIN,ACK\n9015 s> ACK seq=1\n9045 c> ACK\n"},
    {"the middle speaks in the client's name, and the server acknowledges it", VETH,
     OPEN "2000 c> PSH,ACK len=10 made\n2030 s> ACK ack=11\n2060 c> ACK\n"},
    {"a FIN below what the middle had sent ends nothing", VETH,
     OPEN "2000 c> PSH,ACK len=10 made\n2030 s> ACK ack=11\n2060 c> ACK\n"
          "3000-3010 client conn close = 0\n3005 c> FIN,ACK seq=1\n3035 s> ACK ack=11\n"
          "4000-4010 server conn close = 0\n4004 state server 2 ESTABLISHED>FIN_WAIT_1\n"},
    {"nothing", BOTH, ""},
    {"shutdown() gives up a connection attempt", VETH,
     "0 client start\n0 server start\n100- client conn connect = 0\n"
     "105 state client 1 CLOSED>SYN_SENT\n110 c> SYN lost\n"
     "2000-2010 client conn shutdown WR = 0\n2005 state client 1 SYN_SENT>CLOSED\n"},
    {"connect() to no address resets the connection", BOTH,
     OPEN "2000-2010 client conn connect unspec = 0\n2005 c> RST,ACK\n"
          "2006 state client 1 ESTABLISHED>CLOSED\n2026 state server 2 ESTABLISHED>CLOSED\n" OVER},
    {"a listen() that finds the address taken is LISTEN for a moment", BOTH,
     OPEN "2000-2010 server second listen 1 = EADDRINUSE\n"
          "2004 state server 9 CLOSED>LISTEN listener\n"
          "2005 state server 9 LISTEN>CLOSED listener\n"},
    {"handshake, then both processes end", BOTH,
     OPEN "2000 end\n3000-3900 client exit\n3100 c> FIN,ACK\n3150 s> ACK\n"
          "4000-4900 server exit\n4100 s> FIN,ACK\n4150 c> ACK\n"},
    {"four segments close it", BOTH,
     OPEN "2000-2010 client conn close = 0\n2004 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2026 state server 2 ESTABLISHED>CLOSE_WAIT\n2027 s> ACK\n"
          "2050 state client 1 FIN_WAIT_1>FIN_WAIT_2\n"
          "3000-3010 server conn close = 0\n3004 state server 2 CLOSE_WAIT>LAST_ACK\n"
          "3005 s> FIN,ACK\n3026 state client 1 FIN_WAIT_2>CLOSED\n3027 c> ACK\n"
          "3050 state server 2 LAST_ACK>CLOSED\n" OVER},
    {"a listener's child gets the address of a socket whose end was not shown", BOTH,
     OPEN "2000-2010 client conn close = 0\n2004 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2027 s> ACK\n2300 state client 1 LISTEN>SYN_RECEIVED\n"
          "3000-3010 server conn close = 0\n3005 s> FIN,ACK\n3027 c> ACK\n" OVER},
    {"three segments close it", BOTH,
     OPEN "1900-2100 server conn recv 1 = 0\n2000-2010 client conn close = 0\n2005 c> FIN,ACK\n"
          "2026-2030 server conn close = 0\n2028 s> FIN,ACK\n2050 c> ACK\n" OVER},
    {"both close at once", VETH,
     OPEN "2000-2010 client conn close = 0\n2000-2010 server conn close = 0\n"
          "2005 c> FIN,ACK ack=1\n2006 s> FIN,ACK ack=1\n"
          "2030 state client 1 ESTABLISHED>FIN_WAIT_1\n2031 state client 1 FIN_WAIT_1>CLOSING\n"
          "2032 c> ACK\n2033 s> ACK\n2060 state client 1 CLOSING>CLOSED\n" OVER},
    {"data both ways, FIN with data", BOTH,
     OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"
          "2100-2110 server conn recv 100 = 100\n"
          "2200-2250 server conn send 50 = 50\n2210 s> PSH,ACK len=50\n2240 c> ACK\n"
          "2300-2310 client conn recv 100 = 50\n"
          "2400-2410 client conn send 20 = 20\n2420-2425 client conn close = 0\n"
          "2450 c> PSH,FIN,ACK len=20\n2480 s> ACK\n2500-2510 server conn recv 99 = 20\n"
          "2600-2610 server conn close = 0\n2605 s> FIN,ACK\n2630 c> ACK\n" OVER},
    {"data leaves before its call returns", BOTH,
     OPEN "2000- client conn send 3000\n2010 c> ACK len=1000\n2040 s> ACK\n"
          "2060 c> ACK len=1000\n2090 s> ACK\n" OVER},
    {"lost data is sent again", VETH,
     OPEN "2000-2050 client conn send 300 = 300\n2010 c> ACK len=100 lost\n"
          "2020 c> ACK len=100\n2050 s> ACK ack=1\n2051 c> PSH,ACK len=100\n2080 s> ACK ack=1\n"
          "202000 c> ACK seq=1 len=100\n202030 s> ACK ack=301\n" OVER},
    {"a lost ACK makes the data come again", VETH,
     OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK lost\n"
          "202010 c> PSH,ACK seq=1 len=100\n202040 s> ACK\n" OVER},
    {"the path doubles and reorders", VETH,
     OPEN "2000-2050 client conn send 300 = 300\n2010 c> ACK len=100 dup\n2040 s> ACK\n"
          "2045 s> ACK\n2050 c> ACK len=100 at=2500\n2060 c> PSH,ACK len=100 at=2100\n"
          "2120 s> ACK ack=101\n2530 s> ACK ack=301\n" OVER},
    {"a lost SYN and a lost SYN,ACK", VETH,
     "0 client start\n0 server start\n100-1100000 client conn connect = 0\n120 c> SYN lost\n"
     "1000120 c> SYN seq=0\n1000150 s> SYN,ACK lost\n3000120 c> SYN seq=0\n"
     "3000150 s> SYN,ACK seq=0\n3000180 c> ACK\n" OVER},
    {"a lost third ACK", VETH,
     "0 client start\n0 server start\n100-1100000 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK\n180 c> ACK lost\n1000150 s> SYN,ACK seq=0 ack=1\n1000180 c> ACK\n" OVER},
    {"zero window, probes, reopened", BOTH,
     OPEN
     "2000- client conn send 1000000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
     "202040 c> ACK seq=1000\n202070 s> ACK win=0\n602040 c> ACK seq=1000\n602070 s> ACK win=0\n"
     "700000-700100 server conn recv 1000 = 1000\n700020 s> ACK win=500\n"
     "700050 c> ACK len=1000\n700080 s> ACK win=490\n" OVER},
    {"close behind a zero window: FIN_WAIT_1 before its FIN", BOTH,
     OPEN "2000-2010 client conn send 1000 = 1000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
          "2100-2110 client conn send 10 = 10\n2200-2210 client conn close = 0\n"
          "2201 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "202040 c> ACK seq=1000\n202070 s> ACK win=0\n"
          "700000-700100 server conn recv 1000 = 1000\n700020 s> ACK win=500\n"
          "700050 c> PSH,FIN,ACK len=10\n700080 s> ACK win=490\n"
          "700110 state client 1 FIN_WAIT_1>FIN_WAIT_2\n" OVER},
    {"the other FIN comes before a FIN that waits behind a zero window: CLOSING", BOTH,
     OPEN "2000-2010 client conn send 1000 = 1000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
          "3000-3010 client conn shutdown WR = 0\n3001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "4000-4010 server conn shutdown WR = 0\n4002 s> FIN,ACK win=0\n"
          "4023 state client 1 FIN_WAIT_1>CLOSING\n4024 c> ACK\n"},
    {"keepalive answered, then not, then given up", VETH,
     OPEN "1500-1501 client conn setsockopt SO_KEEPALIVE on=1 = 0\n1000000 c> ACK seq=0\n"
          "1000030 s> ACK\n2000000 c> ACK seq=0 lost\n3000000 c> ACK seq=0 lost\n"
          "4000000 c> RST,ACK lost\n4000001 state client 1 ESTABLISHED>CLOSED\n" OVER},
    {"shutdown() of the reading side gives up an attempt to connect", VETH,
     "0 client start\n0 server start\n1000-1020 client conn connect = EINPROGRESS\n"
     "1010 state client 1 CLOSED>SYN_SENT\n1011 c> SYN lost\n"
     "2000-2010 client conn shutdown RD = 0\n2005 state client 1 SYN_SENT>CLOSED\n" OVER},
    {"an abort in CLOSING is silent", VETH,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn shutdown WR = 0\n2000-2010 server conn close = 0\n"
          "2005 c> FIN,ACK ack=1 lost\n2006 s> FIN,ACK ack=1\n"
          "2007 state client 1 ESTABLISHED>FIN_WAIT_1\n2031 state client 1 FIN_WAIT_1>CLOSING\n"
          "2032 c> ACK\n3000-3010 client conn close = 0\n3001 state client 1 CLOSING>CLOSED\n"},
    {"an abort in FIN_WAIT_1 whose RST leaves half a millisecond behind the state", VETH,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn shutdown WR = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK lost\n3000-4000 client conn close = 0\n"
          "3010 state client 1 FIN_WAIT_1>CLOSED\n3500 c> RST,ACK\n" OVER},
    {"abort by SO_LINGER {on, 0}", BOTH,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n"
          "2006 state client 1 ESTABLISHED>CLOSED\n2030 state server 2 ESTABLISHED>CLOSED\n" OVER},
    {"an abort in LAST_ACK is silent, though the FIN is unacknowledged", VETH,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 server conn shutdown WR = 0\n2005 s> FIN,ACK\n2030 c> ACK\n"
          "2031 state client 1 ESTABLISHED>CLOSE_WAIT\n3000-3010 client conn shutdown WR = 0\n"
          "3001 state client 1 CLOSE_WAIT>LAST_ACK\n3005 c> FIN,ACK lost\n"
          "4000-4010 client conn close = 0\n4005 state client 1 LAST_ACK>CLOSED\n" OVER},
    {"close with unread data", BOTH,
     OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"
          "3000-3010 server conn close = 0\n3005 s> RST,ACK\n" OVER},
    {"killed with unread data", BOTH,
     OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"
          "3000-3900 server kill\n3005 s> RST,ACK\n" OVER},
    {"killed with nothing unread", BOTH,
     OPEN "3000-3900 server kill\n3005 s> FIN,ACK\n3030 c> ACK\n" OVER},
    {"data to an end that has closed", BOTH,
     OPEN "2000-2010 server conn close = 0\n2005 s> FIN,ACK\n2030 c> ACK\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10\n3030 s> RST seq=2\n" OVER},
    {"half-close: data goes on the other way", BOTH,
     OPEN "2000-2010 client conn shutdown WR = 0\n2005 c> FIN,ACK\n2030 s> ACK\n"
          "3000-3010 server conn send 50 = 50\n3005 s> PSH,ACK len=50\n3030 c> ACK\n"
          "3100-3101 client conn recv 99 = 50\n"
          "4000-4010 server conn close = 0\n4005 s> FIN,ACK\n4030 c> ACK\n" OVER},
    {"nobody listens", BOTH,
     "0 client start\n0 server start\n100-200 client conn connect noaddr = ECONNREFUSED\n"
     "110 c> SYN\n140 s> RST,ACK seq=0 ack=1\n" OVER},
    {"fast open: the SYN leaves with the first data, after connect() has returned", VETH,
     "0 client start\n0 server start\n100-101 client conn setsockopt TCP_FASTOPEN_CONNECT value=1 "
     "= 0\n"
     "200-210 client conn connect noaddr = 0\n5000-5050 client conn send 10 = 10\n5010 c> SYN\n"
     "5040 s> SYN,ACK\n5070 c> PSH,ACK len=10\n5100 s> ACK\n" OVER},
    {"both connect at once", VETH,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n"
     "100-200 server conn connect = 0\n110 c> SYN\n115 s> SYN\n140 c> SYN,ACK seq=0 ack=1\n"
     "145 s> SYN,ACK seq=0 ack=1\n170 c> ACK\n175 s> ACK\n" OVER},
    {"the port is used again at once", BOTH,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n2100-2101 client conn socket = 3\n"
          "3000-3100 client conn connect = 0\n3005 c> SYN isn=50000000 ws=7\n"
          "3035 s> SYN,ACK isn=123456 ws=7\n3065 c> ACK\n"
          "3200-3210 client conn send 10 = 10\n3205 c> PSH,ACK len=10\n3235 s> ACK\n" OVER},
    {"the middle sends an old segment again, which meets the next connection", VETH,
     OPEN "1400-1410 client conn send 10 = 10\n1405 c> PSH,ACK len=10\n1435 s> ACK\n"
          "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n2100-2101 client conn socket = 3\n"
          "3000-3100 client conn connect = 0\n3005 c> SYN isn=50000000 ws=7\n"
          "3035 s> SYN,ACK isn=123456 ws=7\n3065 c> ACK\n"
          "4000 c> PSH,ACK seq=-50000015 len=10 made\n4030 s> ACK ack=1\n" OVER},
    {"a challenge answers a stray SYN of a path's making", VETH,
     OPEN "2000 c> SYN seq=5000 only\n2030 s> ACK ack=1\n" OVER},
    {"cable pulled: what leaves is not seen", VETH,
     OPEN
     "2000 lab unplug\n2010-2020 client conn send 10 = 10\n2030-2040 client conn send 10 = 10\n"
     "900000 lab plug\n900100 c> ACK seq=11 len=10\n900130 s> ACK ack=1\n"
     "1000000 c> ACK seq=1 len=10\n1000030 s> ACK ack=21\n" OVER},
    {"a read moves the window", BOTH,
     OPEN "2000-2050 client conn send 3000 = 3000\n2010 c> PSH,ACK len=3000\n2040 s> ACK win=10\n"
          "3000-3010 server conn recv 3000 = 3000\n3005 s> ACK win=512\n" OVER},
    {"one socket's segments handed over in the wrong order by two processors", LO,
     OPEN "2000-2050 client conn send 200 = 200\n2010 c> PSH,ACK seq=101 len=100\n"
          "2011 c> ACK seq=1 len=100\n2020 s> ACK ack=201\n" OVER},
    {"accept told no addresses, and closes", BOTH,
     "0 client start\n0 server start\n3-4 server listener listen 1 = 0\n"
     "100-200 client conn connect noaddr = 0\n110 c> SYN\n140 s> SYN,ACK\n170 c> ACK\n"
     "300-310 server listener accept as=b noaddr = 4\n"
     "400-410 server b close = 0\n405 s> FIN,ACK\n435 c> ACK\n" OVER},
    {"a listener closes with a connection that nobody accepted", BOTH,
     "0 client start\n0 server start\n3-4 server listener listen 1 = 0\n"
     "100-200 client conn connect = 0\n110 c> SYN\n140 s> SYN,ACK\n170 c> ACK\n"
     "400-410 server listener close = 0\n405 s> RST,ACK\n" OVER},
    {"a process ends whose listener was refused connect(), with a connection unaccepted", BOTH,
     "0 client start\n0 server start\n3-4 server listener listen 1 = 0\n"
     "100-200 client conn connect = 0\n110 c> SYN\n140 s> SYN,ACK\n170 c> ACK\n"
     "300-310 server listener connect addr = EISCONN\n400-900 server exit\n"
     "405 s> RST,ACK\n"},
    {"a box passes all on", VETH,
     "0 routed\n" OPEN
     "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"
     "2500-2510 client conn close = 0\n2505 c> FIN,ACK\n2530 s> ACK\n" OVER "900002000 fence\n"},
    {"each of two segments that ask for an answer has one", VETH,
     OPEN "2000-2010 client conn send 30 = 30\n2005 c> ACK len=10 gone\n2006 c> ACK len=10\n"
          "2007 c> ACK len=10\n2035 s> ACK ack=1\n2036 s> ACK ack=1\n"
          "202005 c> ACK seq=1 len=10\n202030 s> ACK\n" OVER},
    {"a RST of a socket that is closed may refuse the data that it answers", BOTH,
     OPEN "2000-2010 server conn close = 0\n2005 s> FIN,ACK\n2035 c> ACK\n"
          "3000-3010 client conn send 5 = 5\n3005 c> PSH,ACK len=5\n4800 s> RST,ACK ack=1\n" OVER},
    {"a look may be as old as the one before it", BOTH,
     OPEN "1071 look client SYN_SENT\n1300 look server SYN_RECEIVED\n"
          "1400 look client SYN_SENT since=1000\n" OVER},
    {"the last moments of a trace are not held against a box", VETH,
     "0 routed\n" OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100 lost\n"
     "3000 fence\n"},
    {"what our own clean-up sends is not held against a box", VETH,
     "0 routed\n" OPEN "2000 end\n3000-3900 client exit\n3100 c> FIN,ACK lost\n900002000 fence\n"},
    {"a path of ours may lose", VETH,
     OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100 gone\n"
          "202010 c> PSH,ACK seq=1 len=100\n202040 s> ACK\n" OVER "900002000 fence\n"},
    {"dropped frames excuse what seems to be missing", VETH,
     OPEN "2000 drops\n2010-2020 client conn send 20 = 20\n2015 c> ACK seq=11 len=10\n" OVER},
};

/* A router between the ends. */
#define ROUTED "0 routed\n" OPEN
#define FENCE  "900002000 fence\n"

/* ---- one thing wrong ------------------------------------------------------------------------ */

struct damage {
    const char *rule;
    int where;
    enum sp_end blames;
    const char *text;
};

#define C SP_END_CLIENT
#define S SP_END_SERVER
#define M SP_END_MIDDLE

static const struct damage damaged[] = {
    {"path-leak", VETH, M, "0 routed leak\n" OPEN FENCE},
    {"path-lost", VETH, M, ROUTED "2000-2010 client conn close = 0\n2005 c> FIN,ACK lost\n" FENCE},
    {"path-made", VETH, M,
     ROUTED
     "2000-2050 server conn send 100 = 100\n2010 s> PSH,ACK len=100 dup\n2040 c> ACK\n" FENCE},
    {"path-changed", VETH, M,
     ROUTED
     "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10 towin=9\n2040 s> ACK\n" FENCE},
    {"path-changed", VETH, M,
     ROUTED "2000-2010 client conn close = 0\n2005 c> FIN,ACK toflags=ACK\n" FENCE},
    {"path-ttl", VETH, M,
     ROUTED
     "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10 tottl=64\n2040 s> ACK\n" FENCE},
    {"ttl-low", BOTH, C,
     OPEN "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10 ttl=3\n2040 s> ACK\n"},
    {"ts-clock", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000\n2035 s> ACK\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10 ts=9000\n3035 s> ACK\n"},
    {"ts-clock", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000\n2035 s> ACK\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10 ts=4000\n3035 s> ACK\n"},
    {"ts-clock", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000\n2035 s> ACK\n"
          "12003000-12003010 client conn send 10 = 10\n12003005 c> PSH,ACK len=10 ts=5000\n"
          "12003035 s> ACK\n"},
    {"checksum", BOTH, C, OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK badsum\n"},
    {"handshake-ack", VETH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n"
     "120 c> SYN\n150 s> SYN,ACK ack=2\n"},
    {"handshake-ack", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
          "2035 s> ACK ack=0\n"},
    {"flags", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,FIN,ACK\n"},
    {"handshake-first", BOTH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"
     "500 c> ACK ack=0\n"},
    {"handshake-seq", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK seq=-20 len=10\n"},
    {"syn-again", BOTH, C, OPEN "3000 c> SYN seq=0\n3030 s> ACK\n"},
    {"syn-again", BOTH, S, OPEN "300000 s> SYN,ACK seq=5 ack=1\n300030 c> ACK ack=1\n"},
    {"syn-again", BOTH, S,
     OPEN "2000-2010 server conn send 10 = 10\n2005 s> PSH,ACK len=10\n2035 c> ACK\n"
          "3000 s> SYN,ACK seq=0 ack=1\n3030 c> ACK ack=11\n"},
    {"ack-flag", BOTH, C, OPEN "2000-2010 client conn close = 0\n2005 c> FIN\n2035 s> ACK\n"},
    {"ack-beyond-sent", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK ack=12\n"},
    {"ack-unseen", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 lost\n2006 c> PSH,ACK len=10\n"
          "2035 s> ACK ack=21\n"},
    {"ack-back", BOTH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2035 s> ACK ack=11\n"
          "2505 c> PSH,ACK len=10\n2535 s> ACK ack=1\n"},
    {"ack-inside", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK ack=6\n"},
    {"ack-place", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK seq=0\n"},
    {"seq-gap", BOTH, C,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> PSH,ACK seq=11 len=10\n2035 s> ACK ack=1\n"},
    {"data-after-fin", BOTH, C,
     OPEN "2000- client conn send 20 =\n2005 c> ACK len=10\n2020-2030 client conn close = 0\n"
          "2025 c> FIN,ACK\n2060 s> ACK\n2090 c> PSH,ACK seq=11 len=10\n"},
    {"fin-moved", BOTH, C,
     OPEN
     "2000-2010 client conn send 20 = 20\n2005 c> ACK len=20\n2020-2030 client conn close = 0\n"
     "2025 c> FIN,ACK\n2060 s> ACK\n202000 c> FIN,ACK seq=11\n"},
    {"payload-differs", VETH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "202005 c> PSH,ACK seq=1 len=10 badbytes\n202035 s> ACK ack=11\n"},
    {"payload-pattern", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 badbytes\n2035 s> ACK\n"},
    {"window-exceeded", BOTH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK win=100\n180 c> ACK\n2000-2010 client conn send 300 = 300\n"
     "2005 c> PSH,ACK len=101\n2035 s> ACK\n"},
    {"mss-exceeded", BOTH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK mss=100\n180 c> ACK\n2000-2010 client conn send 300 = 300\n"
     "2005 c> PSH,ACK len=101\n2035 s> ACK\n"},
    {"fin-early", BOTH, C,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n"
          "2020-2030 client conn close = 0\n2025 c> FIN,ACK\n2060 s> ACK\n"},
    {"rst-form", BOTH, S,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n5000-5900 server exit\n"
          "5100 s> RST,ACK ack=1\n"},
    {"rst-form", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect noaddr = ECONNREFUSED\n"
     "110 c> SYN\n140 s> RST,ACK seq=0 ack=7\n"},
    {"rst-form", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect noaddr = ECONNREFUSED\n"
     "110 c> SYN\n140 s> RST seq=0\n"},
    {"rst-form", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST seq=5000\n"},
    {"rst-form", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK seq=1 ack=-7000\n"},
    {"no-cause", VETH, S,
     "0 own server\n" OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
     "2000-2010 server conn send 10 = 10\n2005 s> PSH,ACK len=10\n2035 c> ACK\n"
     "2100-2110 client conn close = 0\n2105 c> RST,ACK seq=1\n130000 s> PSH,ACK seq=1 len=10\n"},
    {"no-cause", BOTH, C, OPEN "2005 c> FIN,ACK\n2035 s> ACK\n"},
    {"no-cause", BOTH, C, OPEN "2005 c> PSH,ACK len=10\n2035 s> ACK\n"},
    {"no-cause", BOTH, C,
     OPEN "2000-2001 client conn send 5 = 5\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"},
    {"no-cause", BOTH, C, "0 client start\n0 server start\n110 c> SYN\n140 s> SYN,ACK\n"},
    {"no-cause", BOTH, S, OPEN "2000 s> ACK\n"},
    {"no-cause", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2008 c> PSH,ACK seq=1 "
          "len=10\n2035 s> ACK ack=11\n"},
    {"no-cause", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK ack=11\n"
          "202005 c> PSH,ACK seq=1 len=10\n202035 s> ACK ack=11\n"},
    {"no-cause", BOTH, S,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n3000-3010 server conn close = 0\n"
          "3005 s> FIN,ACK\n"},
    {"no-cause", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n3005 c> RST,ACK\n"},
    {"no-cause", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n2045 s> ACK\n"},
    {"no-cause", BOTH, S, OPEN "2000 s> RST,ACK\n"},
    /* a socket that was shut down resets for data, not for nothing */
    {"no-cause", BOTH, S,
     OPEN "2000-2010 server conn shutdown WR = 0\n2005 s> FIN,ACK\n2035 c> ACK\n"
          "3030 s> RST,ACK\n"},
    /* an answer is put off for half a second at most */
    {"no-cause", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 gone\n2006 c> ACK len=10\n"
          "600000 s> ACK ack=1\n"},
    /* what a connection left behind sends no FIN once its addresses are another one's */
    {"no-cause", VETH, C,
     OPEN
     "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
     "2050-2060 server conn close = 0\n2055 s> FIN,ACK\n2085 c> ACK\n"
     "700000-700001 client again socket = 5\n700010-700100 client again connect 10.0.0.2:80 = 0\n"
     "700020 c> SYN isn=90000000\n700050 s> SYN,ACK isn=80000000\n700080 c> ACK\n"
     "900000 c> FIN,ACK seq=-89999998 ack=-79999998\n"},
    /* nor an ACK, once an end has itself sent the SYN, or the SYN,ACK, of the other one */
    {"no-cause", VETH, C,
     OPEN
     "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
     "2050-2060 server conn close = 0\n2055 s> FIN,ACK\n2085 c> ACK\n"
     "700000-700001 client again socket = 5\n700010-700100 client again connect 10.0.0.2:80 = 0\n"
     "700020 c> SYN isn=90000000\n700050 s> SYN,ACK isn=80000000\n700080 c> ACK\n"
     "701000 c> ACK seq=-90000014 ack=-79992998\n"},
    {"no-cause", VETH, S,
     OPEN
     "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
     "2050-2060 server conn close = 0\n2055 s> FIN,ACK\n2085 c> ACK\n"
     "700000-700001 client again socket = 5\n700010-700100 client again connect 10.0.0.2:80 = 0\n"
     "700020 c> SYN isn=90000000\n700050 s> SYN,ACK isn=80000000\n700080 c> ACK\n"
     "701000 s> ACK seq=-79992998 ack=-90000014\n"},
    {"no-cause", VETH, C,
     OPEN
     "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
     "2050-2060 server conn close = 0\n2055 s> FIN,ACK\n2085 c> ACK\n"
     "700000-700001 client again socket = 5\n700010-700100 client again connect 10.0.0.2:80 = 0\n"
     "700020 c> SYN isn=90000000\n700025 c> SYN seq=0\n700050 s> SYN,ACK isn=80000000\n"
     "700080 c> ACK\n"},
    /* LAST_ACK has ended: nobody is there who could still answer the FIN that came twice */
    {"no-cause", BOTH, S,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n202005 c> FIN,ACK seq=1\n"
          "202030 s> ACK\n203000-203010 server conn close = 0\n203005 s> FIN,ACK\n"
          "203030 c> ACK\n253000 s> ACK\n"},
    /* a RST for what was acceptable says that there is no connection */
    {"no-cause", VETH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n110 c> SYN\n"
     "140 s> SYN,ACK\n170 c> ACK\n200 s> RST seq=1\n3000-3010 server exit\n3005 s> FIN,ACK\n"},
    /* and each answers a segment that came since there was one, not long ago */
    {"no-cause", VETH, S,
     OPEN "2000-2010 server conn close = 0\n2005 s> FIN,ACK\n2030 c> ACK\n"
          "902000-902010 client conn send 5 = 5\n902005 c> PSH,ACK len=5\n902030 s> RST seq=2\n"
          "902035 s> RST seq=2\n"},
    /* a read that took nothing moves no window */
    {"no-cause", BOTH, S, OPEN "2000-2010 server conn recv 1 = EAGAIN\n2005 s> ACK win=77\n"},
    /* what a socket does that may be of this connection is no reason to answer twice */
    {"no-cause", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "2045 s> ACK\n3000-3010 server worker recv 10 = 10\n"},
    /* one SYN,ACK answers all SYNs that had come */
    {"no-cause", VETH, S,
     "0 client start\n0 server start\n100-1100000 client conn connect = 0\n110 c> SYN\n"
     "1000120 c> SYN seq=0\n1000150 s> SYN,ACK\n1000180 c> ACK\n1000300 s> ACK\n"},
    /* an empty segment ahead of what has come is a good one, and asks for nothing */
    {"no-cause", VETH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 gone\n"
          "2010-2020 server conn send 5 = 5\n2015 s> PSH,ACK len=5\n"
          "2040 c> ACK\n2070 s> ACK ack=1\n"},
    /* a veth shows an end's segments in their order */
    {"ack-place", VETH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "2100-2110 server conn send 5 = 5\n2105 s> PSH,ACK len=5\n"
          "2110-2130 client conn send 5 = 5\n2120 c> PSH,ACK len=5 ack=1\n"
          "2130 c> ACK seq=11 ack=6\n"},
    /* who has sent because of a later call has taken what came before that call */
    {"no-cause", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 gone\n2006 c> ACK len=10\n"
          "30000-30010 server conn send 5 = 5\n30005 s> PSH,ACK len=5 ack=1\n"
          "30100 s> ACK ack=1\n"},
    /* an abort leaves while it is called for */
    {"no-cause", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n40000 c> RST,ACK\n"},
    /* where nothing has come nothing is unread, whoever may have read */
    {"no-cause", BOTH, S,
     OPEN "1500-1501 server worker recv 1 = EAGAIN\n2000-2010 server conn close = 0\n"
          "2005 s> FIN,ACK\n2030 c> ACK\n3000-3010 client conn close = 0\n3005 c> FIN,ACK\n"
          "3030 s> RST,ACK\n"},
    /* who has ended its own stream alone still reads */
    {"no-cause", BOTH, S,
     OPEN "2000-2010 server conn shutdown WR = 0\n2005 s> FIN,ACK\n2035 c> ACK\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10\n3030 s> RST,ACK\n"},
    /* nobody hears of unread data whose connection was reset */
    {"no-cause", BOTH, S,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "3000-3010 client conn close = 0\n3005 c> RST,ACK\n"
          "4000-4010 server conn close = 0\n4005 s> RST,ACK\n"},
    /* a RST for a segment of long ago, from before its sender's FIN */
    {"rst-form", VETH, S,
     OPEN "2000-2010 server conn close = 0\n2005 s> FIN,ACK\n2030 c> ACK\n"
          "902000-902010 client conn send 5 = 5\n902005 c> PSH,ACK len=5\n902030 s> RST seq=1\n"},
    /* an acknowledgement of a SYN that was not taken */
    {"rst-form", VETH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "2100 c> SYN seq=11 made\n2130 s> ACK ack=11\n30000-30010 server conn close = 0\n"
          "30005 s> RST,ACK ack=12\n"},
    {"handshake-seq", VETH, C, OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK seq=0\n"},
    {"ack-beyond-sent", VETH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n110 c> SYN\n"
     "140 s> SYN,ACK\n170 c> ACK gone\n1000140 s> SYN,ACK seq=0 ack=2\n1000170 c> ACK\n"},
    {"ack-back", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2030 s> ACK\n"
          "2040 c> PSH,ACK len=10\n2070 s> ACK\n2100 s> ACK ack=11\n"},
    /* the place of an ACK after a retransmission is one where a segment began or ended */
    {"ack-place", VETH, C,
     OPEN
     "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 gone\n2006 c> PSH,ACK len=10 gone\n"
     "202005 c> ACK seq=1 len=10\n202010-202015 server conn send 5 = 5\n"
     "202012 s> PSH,ACK len=5 ack=1\n202040 c> ACK seq=15\n"},
    /* a window that was told without a scale is the same one with it */
    {"no-cause", VETH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n110 c> SYN ws=7\n"
     "140 s> SYN,ACK ws=7 win=65160\n170 c> ACK\n250-260 server conn accept = 0\n"
     "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
     "2030 s> ACK ack=1 win=510\n2050-2060 server conn recv 10 = 10\n"},
    {"state-evidence", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100-200 client conn connect addr = ECONNREFUSED\n105 state client 1 CLOSED>SYN_SENT\n"
     "110 c> SYN lost\n140 s> RST,ACK seq=0 ack=0 made\n170 state client 1 SYN_SENT>CLOSED\n"},
    {"state-evidence", VETH, S, OPEN "2000 state server 7 LISTEN>SYN_RECEIVED\n"},
    {"state-looks", VETH, C, OPEN "2000 look client CLOSED since=1900\n"},
    /* one RST for each segment that asks for one */
    {"no-cause", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect noaddr = ECONNREFUSED\n"
     "110 c> SYN\n140 s> RST,ACK seq=0 ack=1\n145 s> RST,ACK seq=0 ack=1\n"},
    /* what came before what an ACK covers has had its answer */
    {"no-cause", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2035 s> ACK gone\n"
          "202005 c> ACK seq=1 len=10\n203000 c> ACK len=10\n203030 s> ACK\n203035 s> ACK\n"},
    /* an ACK of its own for an old segment acknowledges what came before that */
    {"no-cause", VETH, S,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n202005 c> FIN,ACK seq=1\n"
          "202030 s> ACK ack=1\n"},
    /* no probe is due a moment after another */
    {"no-cause", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_KEEPALIVE = 0\n1000000 c> ACK seq=0\n"
          "1000005 c> ACK seq=0\n1000030 s> ACK\n"},
    /* nor is an ACK of what has come a probe, however late it is */
    {"ack-place", BOTH, S,
     OPEN "1500-1501 server conn setsockopt SO_KEEPALIVE = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n42000 s> ACK seq=0\n"},
    /* the end of a process that is told from the order on began then */
    {"no-cause", BOTH, S, OPEN "30000 s> FIN,ACK\n30030 c> ACK\n40000-40500 server exit\n"},
    {"no-cause", BOTH, S, OPEN "2000-2010 server conn close = 0\n2005 s> RST,ACK\n"},
    {"no-cause", BOTH, C, OPEN "1000000 c> ACK seq=0\n1000030 s> ACK\n"},
    {"no-cause", BOTH, C,
     OPEN "2000-2010 client listener socket = 4\n2020-2030 client listener close = 0\n"
          "2040 c> FIN,ACK\n2070 s> ACK\n"},
    {"state-walk", BOTH, C, OPEN "1500 state client 1 ESTABLISHED>LAST_ACK\n"},
    {"state-walk", BOTH, C, OPEN "1500 state client 1 SYN_SENT>CLOSED\n"},
    {"state-walk", BOTH, C, OPEN "1500 state client 1 ESTABLISHED>ESTABLISHED\n"},
    {"state-walk", BOTH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "1000-1100 client conn connect 10.0.0.2:80 = 0\n1020 c> SYN ws=7\n1050 s> SYN,ACK ws=7\n"
     "1075 state client 1 SYN_SENT>ESTABLISHED\n1080 c> ACK win=512\n"},
    {"state-looks", BOTH, C,
     OPEN "2000-2600 client conn close = 0\n2100 look client FIN_WAIT_1\n"
          "2500 state client 1 ESTABLISHED>FIN_WAIT_1\n2505 c> FIN,ACK\n2530 s> ACK\n"},
    {"state-looks", BOTH, C, OPEN "2000 look client SYN_SENT since=1500\n"},
    {"state-looks", BOTH, S, OPEN "2000 look server SYN_RECEIVED alone\n"},
    /* an open connection does not go without a word */
    {"state-evidence", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2001 state client 1 ESTABLISHED>CLOSED\n"},
    {"state-evidence", BOTH, S, OPEN "1500 state server 2 ESTABLISHED>CLOSE_WAIT\n"},
    {"state-evidence", BOTH, S,
     OPEN "2000-2010 server second listen 1 = 0\n"
          "2004 state server 9 CLOSED>LISTEN listener\n"
          "2005 state server 9 LISTEN>CLOSED listener\n"},
    {"state-evidence", BOTH, C, OPEN "1500 state client 1 ESTABLISHED>FIN_WAIT_1\n"},
    {"state-evidence", BOTH, C, OPEN "1500 state client 1 ESTABLISHED>CLOSED\n"},
    {"state-evidence", VETH, S,
     "0 client start\n0 server start\n3-4 server listener listen 1 = 0\n"
     "100-200 client conn connect = 0\n110 c> SYN\n140 s> SYN,ACK\n170 c> ACK lost\n"
     "190 state server 2 LISTEN>SYN_RECEIVED\n191 state server 2 SYN_RECEIVED>ESTABLISHED\n"},
    {"state-evidence", VETH, C,
     OPEN "2000-2010 client conn shutdown WR = 0\n2000-2010 server conn close = 0\n"
          "2005 c> FIN,ACK ack=1 lost\n2006 s> FIN,ACK ack=1\n"
          "2007 state client 1 ESTABLISHED>FIN_WAIT_1\n2031 state client 1 FIN_WAIT_1>CLOSING\n"
          "2032 c> ACK\n3000-3010 client conn close = 0\n3001 state client 1 CLOSING>CLOSED\n"},
    /* the RST that comes long after is another segment's answer */
    {"state-evidence", VETH, C,
     OPEN "2000-2010 client conn shutdown WR = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2050 s> ACK lost\n3000-4000 client conn close = 0\n"
          "3010 state client 1 FIN_WAIT_1>CLOSED\n39000-39900 server conn close = 0\n"
          "39005 s> FIN,ACK\n39035 c> RST seq=2\n"},
    {"state-evidence", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2006 state client 1 FIN_WAIT_1>FIN_WAIT_2\n9000 s> ACK\n"},
};

/* ---- */

static void print_violations(const char *what, bool lo, const struct sp_audit *audit)
{
    for (size_t i = 0; i < audit->violation_count; i++) {
        const struct sp_violation *v = &audit->violations[i];
        print_message("  %s%s: %lld us %s blames %s: %s\n", what, lo ? " (lo)" : "",
                      (long long)(v->event->t_ns / SP_US), v->rule, sp_end_name(v->end), v->text);
    }
}

static unsigned story_play(const char *name, bool lo, const char *text)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, lo, text);
    sp_audit_run(&trace, &audit);
    unsigned bad = (unsigned)audit.violation_count;
    print_violations(name, lo, &audit);
    for (size_t i = 0; i < audit.flights.len; i++)
        if (audit.segs[i].cause == SP_CAUSE_NONE) {
            print_message("  %s: flight %zu has no cause\n", name, i);
            bad++;
        }
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return bad;
}

static void what_a_conforming_stack_does_is_clean(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof clean / sizeof clean[0]; i++) {
        if (clean[i].where != LO)
            bad += story_play(clean[i].name, false, clean[i].text);
        if (clean[i].where != VETH)
            bad += story_play(clean[i].name, true, clean[i].text);
    }
    assert_int_equal(bad, 0);
}

static unsigned damage_play(size_t index, bool lo)
{
    const struct damage *damage = &damaged[index];
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, lo, damage->text);
    sp_audit_run(&trace, &audit);
    bool good = audit.violation_count == 1 && strcmp(audit.violations[0].rule, damage->rule) == 0 &&
                audit.violations[0].end == damage->blames && audit.violations[0].text[0];
    if (!good) {
        print_message("  damage %zu%s should trip %s once:\n", index, lo ? " (lo)" : "",
                      damage->rule);
        print_violations(damage->rule, lo, &audit);
    }
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return !good;
}

static void each_damage_trips_its_rule_and_no_other(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        if (damaged[i].where != LO)
            bad += damage_play(i, false);
        if (damaged[i].where != VETH)
            bad += damage_play(i, true);
    }
    assert_int_equal(bad, 0);
}

static void a_frame_that_cannot_be_decoded_is_malformed(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, OPEN);
    struct sp_event *event = sp_trace_add(&trace, SP_EV_SEG, 5000 * SP_US);
    event->end = SP_END_SERVER;
    event->u.seg.point = SP_AT_SERVER;
    event->u.seg.malformed = "a header of 3 words";
    sp_audit_run(&trace, &audit);
    assert_int_equal(audit.violation_count, 1);
    assert_string_equal(audit.violations[0].rule, "malformed");
    assert_int_equal(audit.flights.len, 3);
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

static void every_rule_has_a_damage_that_trips_it(void **state)
{
    (void)state;
    size_t count = 0;
    const struct sp_rule *rules = sp_audit_rules(&count);
    for (size_t i = 0; i < count; i++) {
        bool tested = strcmp(rules[i].name, "malformed") == 0; /* has a test of its own */
        for (size_t k = 0; k < sizeof damaged / sizeof damaged[0]; k++)
            tested = tested || strcmp(damaged[k].rule, rules[i].name) == 0;
        if (!tested)
            print_message("  no test trips %s\n", rules[i].name);
        assert_true(tested);
    }
}

static void the_document_lists_every_rule(void **state)
{
    (void)state;
    FILE *file = fopen(SP_SOURCE_DIR "/docs/invariants.md", "r");
    assert_non_null(file);
    static char text[64 * 1024];
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    size_t count = 0;
    const struct sp_rule *rules = sp_audit_rules(&count);
    for (size_t i = 0; i < count; i++) {
        char row[64];
        snprintf(row, sizeof row, "| `%s` |", rules[i].name);
        if (!strstr(text, row) || !strstr(text, rules[i].sentence))
            print_message("  docs/invariants.md lacks %s or its sentence\n", rules[i].name);
        assert_non_null(strstr(text, row));
        assert_non_null(strstr(text, rules[i].sentence));
        assert_non_null(strstr(text, rules[i].spec));
    }
}

/* ---- roles and causes ----------------------------------------------------------------------- */

struct seen {
    enum sp_role role;
    enum sp_cause cause;
};

static void expect_segs(bool lo, const char *text, const struct seen *seen, size_t count)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, lo, text);
    sp_audit_run(&trace, &audit);
    print_violations("roles", lo, &audit);
    assert_int_equal(audit.flights.len, count);
    for (size_t i = 0; i < count; i++) {
        if (audit.segs[i].role != seen[i].role || audit.segs[i].cause != seen[i].cause)
            print_message("  flight %zu is %s by %s\n", i, sp_role_name(audit.segs[i].role),
                          sp_cause_name(audit.segs[i].cause));
        assert_int_equal(audit.segs[i].role, seen[i].role);
        assert_int_equal(audit.segs[i].cause, seen[i].cause);
    }
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

#define R(role, cause)                                                                             \
    {                                                                                              \
        SP_ROLE_##role, SP_CAUSE_##cause                                                           \
    }
#define HANDSHAKE_SEGS R(SYN, CALL), R(SYN_ACK, SEGMENT), R(ACK, SEGMENT)
#define EXPECT(lo, text, ...)                                                                      \
    do {                                                                                           \
        static const struct seen want[] = {HANDSHAKE_SEGS, __VA_ARGS__};                           \
        expect_segs(lo, text, want, sizeof want / sizeof want[0]);                                 \
    } while (0)

static void calls_cause_what_they_asked_for(void **state)
{
    (void)state;
    EXPECT(true,
           OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"
                "2100-2110 client conn close = 0\n2105 c> FIN,ACK\n2130 s> ACK\n",
           R(DATA, CALL), R(ACK, SEGMENT), R(FIN, CALL), R(ACK, SEGMENT));
}

static void a_kill_causes_the_fin_that_it_leaves_behind(void **state)
{
    (void)state;
    EXPECT(false, OPEN "3000-3900 server kill\n3005 s> FIN,ACK\n3030 c> ACK\n", R(FIN, EXIT),
           R(ACK, SEGMENT));
}

static void timers_cause_retransmissions_and_probes(void **state)
{
    (void)state;
    EXPECT(false,
           OPEN "1500-1501 client conn setsockopt SO_KEEPALIVE on=1 = 0\n"
                "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100 lost\n"
                "202010 c> PSH,ACK seq=1 len=100\n202040 s> ACK\n1000000 c> ACK seq=100\n"
                "1000030 s> ACK\n",
           R(DATA, CALL), R(RETRANSMIT, TIMER), R(ACK, SEGMENT), R(KEEPALIVE, TIMER),
           R(DUP_ACK, SEGMENT));
    EXPECT(true,
           OPEN "2000- client conn send 1000000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
                "202040 c> ACK seq=1000\n202070 s> ACK win=0\n"
                "700000-700100 server conn recv 1000 = 1000\n700020 s> ACK win=500\n",
           R(DATA, CALL), R(ACK, SEGMENT), R(WINDOW_PROBE, TIMER), R(DUP_ACK, SEGMENT),
           R(WINDOW_UPDATE, WINDOW));
}

static void a_stray_syn_is_answered_by_a_challenge(void **state)
{
    (void)state;
    static const struct seen want[] = {HANDSHAKE_SEGS, R(OTHER, SCRIPT), R(CHALLENGE, SEGMENT)};
    expect_segs(false, OPEN "2000 c> SYN seq=5000 only\n2030 s> ACK ack=1\n", want, 5);
}

static void the_cause_names_its_event(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false,
                 OPEN "2000-2001 client conn send 100 = 100\n2002-2050 client conn send 50 = 50\n"
                      "2010 c> ACK len=100\n2011 c> PSH,ACK len=50\n2040 s> ACK\n");
    sp_audit_run(&trace, &audit);
    assert_int_equal(audit.segs[3].by->t_ns, 2000 * SP_US);
    assert_int_equal(audit.segs[4].by->t_ns, 2002 * SP_US);
    assert_int_equal(audit.segs[5].by->kind, SP_EV_SEG);
    assert_ptr_equal(audit.segs[5].by, audit.flights.items[4].received);
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

static void without_calls_there_are_no_causes_to_miss(void **state)
{
    (void)state;
    assert_int_equal(story_play("no calls", false,
                                "120 c> SYN\n150 s> SYN,ACK\n180 c> ACK\n200 c> PSH,ACK len=9\n"
                                "230 s> ACK\n260 s> FIN,ACK\n290 c> RST,ACK\n"),
                     0);
}

static void a_hundred_events_are_audited_in_no_time(void **state)
{
    (void)state;
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_buf_addstr(&text, OPEN);
    for (int i = 0; i < 18; i++)
        sp_buf_addf(&text, "%d-%d client conn send 100 = 100\n%d c> PSH,ACK len=100\n%d s> ACK\n",
                    2000 + i * 100, 2020 + i * 100, 2010 + i * 100, 2040 + i * 100);
    struct sp_trace trace;
    ladder_build(&trace, false, text.data);
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < 50; i++) {
        struct sp_audit audit;
        int64_t begin_ns = sp_clock_now_ns();
        sp_audit_run(&trace, &audit);
        int64_t took_ns = sp_clock_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        assert_int_equal(audit.violation_count, 0);
        sp_audit_release(&audit);
    }
    print_message("  %zu events in %lld us\n", trace.len, (long long)(best_ns / SP_US));
    assert_true(best_ns < 3 * SP_MS); /* the target is 300 us; sanitizers cost ten times that */
    sp_trace_release(&trace);
    sp_buf_release(&text);
}

/* ---- source NAT ----------------------------------------------------------------------------- */

#define THROUGH_NAT                                                                                \
    "0 routed nat\n" OPEN                                                                          \
    "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100\n2040 s> ACK\n"                 \
    "2100-2110 server conn recv 100 = 100\n3000-3010 server conn close = 0\n"                      \
    "3001 state server 2 ESTABLISHED>FIN_WAIT_1\n3005 s> FIN,ACK\n3030 c> ACK\n" FENCE

static void undone_a_nat_leaves_one_connection_that_passes_the_audit(void **state)
{
    (void)state;
    struct sp_trace trace, plain;
    struct sp_audit audit;
    ladder_build(&trace, false, THROUGH_NAT);
    assert_true(sp_tcp_rewrites(&trace));
    sp_tcp_rewrites_undo(&trace, &plain);
    assert_int_equal(plain.len, trace.len);
    sp_audit_run_plain(&plain, &trace, &audit);
    print_violations("nat", false, &audit);
    assert_int_equal(audit.violation_count, 0);
    assert_int_equal(audit.flights.conn_count, 1);
    assert_int_equal(audit.flights.conns[0].client.port, 4000);
    for (size_t i = 0; i < audit.flights.len; i++)
        assert_true(audit.flights.items[i].sent && audit.flights.items[i].received);
    for (size_t i = 0; i < plain.len; i++) {
        const struct sp_event *was = &trace.events[i], *is = &plain.events[i];
        if (is->kind == SP_EV_STATE && is->end == SP_END_SERVER)
            assert_int_equal(is->u.state.remote.port, 4000);
        if (was->kind == SP_EV_SEG && was->u.seg.point == SP_AT_CLIENT)
            assert_memory_equal(&is->u.seg.seg.src, &was->u.seg.seg.src, sizeof is->u.seg.seg.src);
    }
    sp_audit_release(&audit);
    sp_trace_release(&plain);
    sp_trace_release(&trace);
}

#define SENT_AGAIN(at)                                                                             \
    OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n" at            \
         " c> PSH,ACK seq=1 len=10\n90000 s> ACK\n"

static size_t violations_of(const char *story, bool own_stack)
{
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, story);
    trace.head.states_hidden[SP_END_CLIENT] = own_stack;
    sp_audit_run(&trace, &audit);
    size_t count = audit.violation_count;
    sp_audit_release(&audit);
    sp_trace_release(&trace);
    return count;
}

#define RESET_AND(at)                                                                              \
    OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"                          \
         "2000-2010 server conn close = 0\n2005 s> RST,ACK\n2020-2030 client conn send 10 = "      \
         "10\n" at " c> PSH,ACK len=10\n"

#define TAIL_AGAIN(at, which)                                                                      \
    OPEN                                                                                           \
        "2000-2010 client conn send 20 = 20\n2005 c> PSH,ACK len=10 lost\n2008 c> PSH,ACK len=10 " \
        "lost\n" at " c> PSH,ACK seq=" which " len=10\n"

#define OPENED_AT(at)                                                                              \
    "0 client start\n0 server start\n5-6 client conn socket = 3\n"                                 \
    "1000-1100 client conn connect 10.0.0.2:80 = EINPROGRESS\n" at " c> SYN\n"

/* What was captured for a sandbox, its threads have yet to read: 100 ms, and not more. */
static void a_stack_in_a_process_may_not_have_read_what_was_captured(void **state)
{
    (void)state;
    assert_true(violations_of(SENT_AGAIN("8000"), false) > 0);
    assert_int_equal(violations_of(SENT_AGAIN("50000"), true), 0);
    assert_true(violations_of(SENT_AGAIN("110000"), true) > 0);
    assert_true(violations_of(RESET_AND("5000"), false) > 0);
    assert_int_equal(violations_of(RESET_AND("5000"), true), 0);
    assert_true(violations_of(RESET_AND("110000"), true) > 0);
    assert_true(violations_of(OPENED_AT("4000"), false) > 0);
    assert_int_equal(violations_of(OPENED_AT("4000"), true), 0);
    assert_true(violations_of(OPENED_AT("110000"), true) > 0);
}

/* A round trip of 30 us in the handshake: a first retransmission 60 us after the call, or later. */
static void a_tail_loss_probe_takes_two_round_trips(void **state)
{
    (void)state;
    assert_true(violations_of(TAIL_AGAIN("2500", "11"), false) > 0);
    assert_int_equal(violations_of(TAIL_AGAIN("2500", "11"), true), 0);
    assert_true(violations_of(TAIL_AGAIN("2040", "11"), true) > 0);
    assert_true(violations_of(TAIL_AGAIN("2500 c> PSH,ACK seq=11 len=10 lost\n2510", "11"), true) >
                0);
}

#define RECOVERS(again)                                                                            \
    OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"                       \
         "2100-2110 client conn close = 0\n2105 c> FIN,ACK lost\n"                                 \
         "202100 c> PSH,ACK seq=1 len=10\n202130 s> ACK ack=11\n" again

/* The ACK of what a timeout has sent again asks for the rest, of each of a sandbox's recoveries. */
static void two_recoveries_send_again_once_each(void **state)
{
    (void)state;
    const char *once = RECOVERS("202200 c> FIN,ACK seq=11\n");
    const char *twice = RECOVERS("207400 c> FIN,ACK seq=11\n207410 c> FIN,ACK seq=11\n");
    const char *thrice = RECOVERS("202400 c> FIN,ACK seq=11\n202410 c> FIN,ACK seq=11\n"
                                  "202420 c> FIN,ACK seq=11\n");
    assert_int_equal(violations_of(once, false), 0);
    assert_true(violations_of(twice, false) > 0);
    assert_int_equal(violations_of(twice, true), 0);
    assert_true(violations_of(thrice, true) > 0);
}

/* A sandbox that had no room for a segment says nothing of it, and answers those behind it as
 * being out of order: with the ACK that it has sent. */
static void what_a_sandbox_had_no_room_for_leaves_a_gap(void **state)
{
    (void)state;
    const char *story = OPEN "2000-2010 server conn send 20 = 20\n2005 s> PSH,ACK len=10\n"
                             "2050 c> ACK ack=11\n3000-3010 server conn send 10 = 10\n"
                             "3005 s> PSH,ACK len=10\n4000-4010 server conn close = 0\n"
                             "4005 s> FIN,ACK\n4050 c> ACK ack=11\n";
    assert_true(violations_of(story, false) > 0);
    assert_int_equal(violations_of(story, true), 0);
}

/* What is read behind a shutdown() had been unread when it was called. */
static void a_read_behind_a_shutdown_does_not_count_before_it(void **state)
{
    (void)state;
    const char *story = OPEN "2000-2010 server conn send 10 = 10\n2005 s> PSH,ACK len=10\n"
                             "2050 c> ACK ack=11\n3000-3100 client conn shutdown RDWR = 0\n"
                             "3050 c> RST,ACK\n3200-3210 client conn recv 10 = 10\n";
    assert_int_equal(violations_of(story, true), 0);
}

/* The same box that has not said so. */
static void an_undeclared_nat_is_caught_and_named(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_audit audit;
    ladder_build(&trace, false, THROUGH_NAT);
    trace.head.tcp[SP_END_MIDDLE].name = "router";
    assert_false(sp_tcp_rewrites(&trace));
    sp_audit_run(&trace, &audit);
    assert_true(audit.violation_count > 0);
    bool named = false;
    for (size_t i = 0; i < audit.violation_count; i++)
        named = named || (strcmp(audit.violations[i].rule, "path-lost") == 0 &&
                          audit.violations[i].end == SP_END_MIDDLE &&
                          strstr(audit.violations[i].text, "10.0.0.3:5555: is the box a nat?"));
    assert_true(named);
    sp_audit_release(&audit);
    sp_trace_release(&trace);
}

/* Two connections that follow each other from one outer port. */
static void a_port_that_a_nat_uses_again_is_told_apart_by_time(void **state)
{
    (void)state;
    struct sp_trace trace, plain;
    ladder_build(&trace, false,
                 "0 routed nat\n" OPEN "2000-2010 client conn close = 0\n2005 c> RST,ACK\n"
                 "5000 c> SYN isn=900000\n5030 s> SYN,ACK isn=3000\n");
    for (size_t i = 0; i < trace.len; i++) {
        struct sp_event *event = &trace.events[i];
        if (event->kind != SP_EV_SEG || event->t_ns < 5000 * SP_US ||
            event->u.seg.point != SP_AT_CLIENT)
            continue;
        struct sp_seg *seg = &event->u.seg.seg;
        (seg->src.port == 4000 ? &seg->src : &seg->dst)->port = 4001;
    }
    sp_tcp_rewrites_undo(&trace, &plain);
    for (size_t i = 0; i < plain.len; i++) {
        const struct sp_event *event = &plain.events[i];
        if (event->kind != SP_EV_SEG || event->u.seg.point != SP_AT_SERVER)
            continue;
        const struct sp_seg *seg = &event->u.seg.seg;
        uint16_t port = seg->src.port == 80 ? seg->dst.port : seg->src.port;
        assert_int_equal(port, event->t_ns < 5000 * SP_US ? 4000 : 4001);
    }
    sp_trace_release(&plain);
    sp_trace_release(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undone_a_nat_leaves_one_connection_that_passes_the_audit),
        cmocka_unit_test(an_undeclared_nat_is_caught_and_named),
        cmocka_unit_test(a_stack_in_a_process_may_not_have_read_what_was_captured),
        cmocka_unit_test(a_tail_loss_probe_takes_two_round_trips),
        cmocka_unit_test(two_recoveries_send_again_once_each),
        cmocka_unit_test(what_a_sandbox_had_no_room_for_leaves_a_gap),
        cmocka_unit_test(a_read_behind_a_shutdown_does_not_count_before_it),
        cmocka_unit_test(a_port_that_a_nat_uses_again_is_told_apart_by_time),
        cmocka_unit_test(what_a_conforming_stack_does_is_clean),
        cmocka_unit_test(each_damage_trips_its_rule_and_no_other),
        cmocka_unit_test(a_frame_that_cannot_be_decoded_is_malformed),
        cmocka_unit_test(every_rule_has_a_damage_that_trips_it),
        cmocka_unit_test(the_document_lists_every_rule),
        cmocka_unit_test(calls_cause_what_they_asked_for),
        cmocka_unit_test(a_kill_causes_the_fin_that_it_leaves_behind),
        cmocka_unit_test(timers_cause_retransmissions_and_probes),
        cmocka_unit_test(a_stray_syn_is_answered_by_a_challenge),
        cmocka_unit_test(the_cause_names_its_event),
        cmocka_unit_test(without_calls_there_are_no_causes_to_miss),
        cmocka_unit_test(a_hundred_events_are_audited_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
