/*
 * The audit's conversations (tcp_ladder.h): what a conforming stack does. Those with one thing
 * wrong are in tcp_damages.h. Data of tcp_audit_test.c.
 */
#ifndef SP_TCP_STORIES_H
#define SP_TCP_STORIES_H

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

/* With timestamps, which stand still. */
#define OPEN_STAMPED                                                                               \
    "0 client start\n0 server start\n"                                                             \
    "1-2 server listener socket = 3\n3-4 server listener listen 1 = 0\n"                           \
    "5-6 client conn socket = 3\n"                                                                 \
    "1000-1100 client conn connect 10.0.0.2:80 = 0\n"                                              \
    "1020 c> SYN ts=5000 tsecr=0\n1050 s> SYN,ACK ts=7000 tsecr=5000\n"                            \
    "1080 c> ACK ts=5000 tsecr=7000\n"                                                             \
    "1200-1210 server listener accept as=conn = 4\n"

#define OVER "900000000 end\n900000001-900000900 client exit\n900001000-900001900 server exit\n"

enum { BOTH, VETH, LO };

struct story {
    const char *name;
    int where;
    const char *text;
};

static const struct story clean[] = {
    {"a drain that stops at so many bytes, and a recv that need not wait for all", BOTH,
     OPEN "1500-1510 server conn nonblock = 0\n2000-2010 client conn send 30 = 30\n"
          "2005 c> PSH,ACK len=30\n2035 s> ACK\n3000-3010 server conn drain max=10 = 10\n"
          "3020-3030 server conn recv 30 flags=MSG_WAITALL = 20\n"},
    {"what is sent again at a stretch goes on while it is acknowledged", BOTH,
     OPEN
     "2000-2010 client conn send 50 = 50\n2005 c> ACK len=10\n2006 c> ACK len=10\n"
     "2007 c> ACK len=10\n2008 c> ACK len=10\n2009 c> PSH,ACK len=10\n302000 c> ACK seq=1 len=10\n"
     "302040 s> ACK ack=51\n302150 c> ACK seq=11 len=10\n302300 c> ACK seq=21 len=10\n"
     "302450 c> ACK seq=31 len=10\n302600 c> PSH,ACK seq=41 len=10\n"},
    {"another connection's timestamps are its own", BOTH,
     OPEN_STAMPED
     "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
     "2000-2010 client conn close = 0\n2005 c> RST,ACK ts=5001 tsecr=7000\n"
     "3000-3100 client conn connect = 0\n3005 c> SYN isn=50000000 ts=900 tsecr=0\n"
     "3035 s> SYN,ACK isn=123456 ts=800000 tsecr=900\n3065 c> ACK ts=900 tsecr=800000\n"},
    {"an acknowledgement that loopback shows behind the RST after it", LO,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2700-2710 server conn close = 0\n"
          "2705 s> RST,ACK ack=2\n2900 s> ACK seq=1 ack=2\n"},
    {"an acknowledgement of two segments echoes the first", BOTH,
     OPEN_STAMPED "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 ts=5100 tsecr=7000\n"
                  "2400 c> PSH,ACK len=10 ts=5200 tsecr=7000\n2440 s> ACK ts=7100 tsecr=5100\n"},
    {"what is lost and comes again is echoed as it came", VETH,
     OPEN_STAMPED "2000-2010 client conn send 20 = 20\n"
                  "2005 c> ACK len=10 ts=5100 tsecr=7000 lost\n"
                  "2006 c> PSH,ACK len=10 ts=5100 tsecr=7000\n"
                  "2036 s> ACK ack=1 ts=7100 tsecr=5000\n"
                  "302005 c> ACK seq=1 len=10 ts=5400 tsecr=7100\n"
                  "302035 s> ACK ack=21 ts=7400 tsecr=5400\n"},
    {"timestamps that one SYN alone has are not used", BOTH,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN ts=5000\n"
     "150 s> SYN,ACK\n180 c> ACK\n"},
    {"ECN that both SYNs agree on", BOTH,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN,ECE,CWR\n"
     "150 s> SYN,ACK,ECE\n180 c> ACK\n2000-2050 client conn send 10 = 10\n"
     "2010 c> PSH,ACK len=10 ect\n2040 s> ACK,ECE\n"},
    {"a clock that jumps tells of two steps at one time", BOTH,
     "0 client start\n0 server start\n1-2 server listener socket = 3\n"
     "3-4 server listener listen 1 = 0\n5-6 client conn socket = 3\n"
     "1000-1100 client conn connect 10.0.0.2:80 = 0\n1010 state client 1 CLOSED>SYN_SENT\n"
     "1020 c> SYN ws=7\n1050 s> SYN,ACK ws=7\n1075 state client 1 SYN_SENT>ESTABLISHED\n"
     "1080 c> ACK win=512\n1101 state server 2 LISTEN>SYN_RECEIVED\n"
     "1101 state server 2 SYN_RECEIVED>ESTABLISHED\n"
     "1200-1210 server listener accept as=conn = 4\n" OVER},
    {"a connect that fails before it has a port", VETH,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100-130 client conn connect noaddr = EADDRNOTAVAIL\n105 state client 1 CLOSED>SYN_SENT\n"
     "110 state client 1 SYN_SENT>CLOSED portless\n"},
    {"data sent again at once, because an ACK said nothing new", VETH,
     OPEN "2000-2010 client conn send 30 = 30\n2005 c> ACK len=10 lost\n2006 c> PSH,ACK len=20\n"
          "2036 s> ACK ack=1\n2060 c> ACK seq=1 len=10\n2090 s> ACK ack=31\n"},
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
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN ts=-4 tsecr=0\n"
     "150 s> SYN,ACK ts=1 tsecr=-4\n180 c> ACK ts=-4 tsecr=1\n"
     "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=-3 tsecr=1\n"
     "2035 s> ACK ts=1 tsecr=-3\n12003000-12003010 client conn send 10 = 10\n"
     "12003005 c> PSH,ACK len=10 ts=21 tsecr=1\n12003035 s> ACK ts=25 tsecr=21\n"},
    {"a RST for what lay unread behind an abort, though data left after it came (lwIP)", VETH,
     "0 own client\n" OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
     "2000-2010 client conn send 30 = 30\n2005 c> ACK len=10\n2006 c> ACK len=10\n"
     "2035 s> ACK ack=11\n2036 s> ACK ack=21\n"
     "2100 c> ACK len=10\n2110-2120 client conn close = 0\n2115 c> RST,ACK seq=31\n"
     "2120 c> RST,ACK seq=11\n"},
    {"a RST long after a byte that a closed window took none of, and an ACK said so (Linux)", VETH,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn send 2000 = 2000\n2005 c> ACK len=1000\n2035 s> ACK win=0\n"
          "402000 c> ACK len=1\n402030 s> ACK ack=1001 win=0\n"
          "1402000-1402010 server conn close = 0\n1402005 s> RST,ACK ack=1001\n"},
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
     "3035 s> ACK seq=2 ack=2\n3065 c> RST,ACK seq=2 ack=2\n3075 c> SYN isn=4294967280 ws=7\n"
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
    {"an ACK of a FIN captured behind its own end's RST, and what answers it", LO,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2300-2310 server conn close = 0\n"
          "2305 s> RST,ACK ack=2\n2600 s> ACK seq=1 ack=2\n2630 c> RST seq=2\n"},
    {"the middle speaks in the client's name, and the server acknowledges it", VETH,
     OPEN "2000 c> PSH,ACK len=10 made\n2030 s> ACK ack=11\n2060 c> ACK\n"},
    {"a FIN below what the middle had sent ends nothing", VETH,
     OPEN "2000 c> PSH,ACK len=10 made\n2030 s> ACK ack=11\n2060 c> ACK\n"
          "3000-3010 client conn close = 0\n3005 c> FIN,ACK seq=1\n3035 s> ACK ack=11\n"
          "4000-4010 server conn close = 0\n4004 state server 2 ESTABLISHED>FIN_WAIT_1\n"},
    {"nothing", BOTH, ""},
    {"what one interface shows the wrong way round has no gap", LO,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> PSH,ACK seq=11 len=10\n"
          "2105 c> ACK seq=1 len=10\n2135 s> ACK ack=21\n"},
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
    {"a FIN has only just left when the timer of the data before it runs out", VETH,
     OPEN "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10 lost\n"
          "201500-201600 client conn close = 0\n201550 c> FIN,ACK lost\n"
          "202010 c> PSH,FIN,ACK seq=1 len=10\n202040 s> ACK ack=12\n" OVER},
    {"the path doubles and reorders", VETH,
     OPEN "2000-2050 client conn send 300 = 300\n2010 c> ACK len=100 dup\n2040 s> ACK\n"
          "2045 s> ACK\n2050 c> ACK len=100 at=2500\n2060 c> PSH,ACK len=100 at=2100\n"
          "2120 s> ACK ack=101\n2530 s> ACK ack=301\n" OVER},
    {"a lost SYN and a lost SYN,ACK", VETH,
     "0 client start\n0 server start\n100-3000200 client conn connect = 0\n120 c> SYN lost\n"
     "1000120 c> SYN seq=0\n1000150 s> SYN,ACK lost\n3000120 c> SYN seq=0\n"
     "3000150 s> SYN,ACK seq=0\n3000180 c> ACK\n" OVER},
    {"a lost third ACK", VETH,
     "0 client start\n0 server start\n100-1100000 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK\n180 c> ACK lost\n1000150 s> SYN,ACK seq=0 ack=1\n1000180 c> ACK\n" OVER},
    {"zero window, probes, reopened", BOTH,
     OPEN
     "2000- client conn send 1000000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
     "202040 c> ACK seq=1000\n202070 s> ACK win=0\n602040 c> ACK seq=1000\n602070 s> ACK win=0\n"
     "700000-700100 server conn recv 1000 = 1000\n700020 s> ACK win=512\n"
     "700050 c> ACK len=1000\n700080 s> ACK win=512\n" OVER},
    {"close behind a zero window: FIN_WAIT_1 before its FIN", BOTH,
     OPEN "2000-2010 client conn send 1000 = 1000\n2010 c> PSH,ACK len=1000\n2040 s> ACK win=0\n"
          "2100-2110 client conn send 10 = 10\n2200-2210 client conn close = 0\n"
          "2201 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "202040 c> ACK seq=1000\n202070 s> ACK win=0\n"
          "700000-700100 server conn recv 1000 = 1000\n700020 s> ACK win=512\n"
          "700050 c> PSH,FIN,ACK len=10\n700080 s> ACK win=512\n"
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
    {"crossing SYNs are answered with what was sent before, or with what has come", VETH,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n"
     "100-200 server conn connect = 0\n110 c> SYN,ECE,CWR ts=500 tsecr=0\n"
     "115 s> SYN ts=700 tsecr=0\n140 c> SYN,ACK,ECE seq=0 ack=1 ts=500 tsecr=0\n"
     "145 s> SYN,ACK seq=0 ack=1 ts=700 tsecr=500\n" OVER},
    {"what comes for a connection that was given up is refused", VETH,
     OPEN "1500-1501 client conn setsockopt TCP_USER_TIMEOUT value=500 = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "2500-700000 client conn recv 1 = ETIMEDOUT\n"
          "710000-710010 server conn send 10 = 10\n710005 s> PSH,ACK len=10 ack=1\n"
          "710030 c> RST seq=1\n" OVER},
    {"a class that a call chose, and an answer that has it, too", BOTH,
     OPEN
     "1500-1501 client conn setsockopt IP_TOS value=184 = 0\n"
     "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 dscp\n2035 s> ACK dscp\n" OVER},
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
     OPEN "2000-2050 client conn send 3000 = 3000\n2010 c> PSH,ACK len=3000\n2040 s> ACK win=510\n"
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
    {"a look finds the record of TIME_WAIT before the step to it is told of", BOTH,
     OPEN "2000-2010 client conn close = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2030 state server 2 ESTABLISHED>CLOSE_WAIT\n2035 s> ACK\n"
          "2060 state client 1 FIN_WAIT_1>FIN_WAIT_2\n2500-2510 server conn close = 0\n"
          "2501 state server 2 CLOSE_WAIT>LAST_ACK\n2505 s> FIN,ACK\n2531 look client TIME_WAIT "
          "since=2400\n"
          "2536 state client 1 FIN_WAIT_2>CLOSED\n2540 c> ACK\n"
          "2570 state server 2 LAST_ACK>CLOSED\n"},
    {"a look at a socket whose last step was not shown, before its memory is used again", BOTH,
     OPEN "2000-2010 client conn close = 0\n2004 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2030 s> ACK\n2040 look client FIN_WAIT_1 since=1900\n"
          "2090 look client FIN_WAIT_2 since=2035\n"
          "3000-3100 client again connect addr = EADDRNOTAVAIL\n"
          "3010 state client 1 CLOSED>SYN_SENT\n3020 state client 1 SYN_SENT>CLOSED\n" OVER},
    {"a connect that finds its pair of addresses taken, beside the connection that has them", BOTH,
     OPEN "3000-3100 client again connect addr = EADDRNOTAVAIL\n"
          "3010 state client 3 CLOSED>SYN_SENT bound\n3020 state client 3 SYN_SENT>CLOSED\n" OVER},
    {"the last moments of a trace are not held against a box", VETH,
     "0 routed\n" OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100 lost\n"
     "3000 fence\n"},
    {"what our own clean-up sends is not held against a box", VETH,
     "0 routed\n" OPEN "2000 end\n3000-3900 client exit\n3100 c> FIN,ACK lost\n900002000 fence\n"},
    {"a path of ours may lose", VETH,
     OPEN "2000-2050 client conn send 100 = 100\n2010 c> PSH,ACK len=100 gone\n"
          "202010 c> PSH,ACK seq=1 len=100\n202040 s> ACK\n" OVER "900002000 fence\n"},
    {"urgent data, and what is sent before it is acknowledged", BOTH,
     OPEN "2000-2010 client conn send 5 = 5\n2005 c> PSH,ACK len=5\n"
          "2020-2030 client conn send 3 flags=MSG_OOB = 3\n2025 c> PSH,URG,ACK len=3 urg=3\n"
          "2060 s> ACK\n2100-2110 client conn send 3 flags=MSG_OOB = 3\n"
          "2105 c> PSH,URG,ACK len=3 urg=3\n2110-2120 client conn send 2 flags=MSG_OOB = 2\n"
          "2115 c> PSH,URG,ACK len=2 urg=2\n2140 s> ACK\n"},
    {"urgent data that does not fit yet is told of before it leaves, however far it is", BOTH,
     OPEN "2000-2900 client conn send 1000 = 1000\n2005 c> PSH,ACK len=1000\n"
          "2010-2950 client conn send 90000 flags=MSG_OOB = 90000\n"
          "2020 c> PSH,URG,ACK len=500 urg=65535\n2050 s> ACK\n"},
    {"a SYN cookie's window is not known any more when its third segment comes", BOTH,
     "0 client start\n0 server start\n1-2 server listener socket = 3\n"
     "3-4 server listener listen 1 = 0\n5-6 client conn socket = 3\n"
     "1000-1100 client conn connect 10.0.0.2:80 = 0\n1020 c> SYN ws=7\n"
     "1050 s> SYN,ACK ws=7 win=65160\n1080 c> ACK win=512\n"
     "1200-1210 server listener accept as=conn = 4\n2000-2010 client conn send 10 = 10\n"
     "2005 c> PSH,ACK len=10\n2035 s> ACK win=502\n"},
    {"a window that closes, and one that ends a little before for the scale's sake", BOTH,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK win=511\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10\n3035 s> ACK win=0\n"},
    {"dropped frames excuse what seems to be missing", VETH,
     OPEN "2000 drops\n2010-2020 client conn send 20 = 20\n2015 c> ACK seq=11 len=10\n" OVER},
};

#endif
