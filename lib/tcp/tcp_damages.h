/*
 * Conversations with one thing wrong in each: the rule that has to object, and whom it blames.
 * docs/invariants.md sends its readers here.
 */
#ifndef SP_TCP_DAMAGES_H
#define SP_TCP_DAMAGES_H

#include "tcp_stories.h"

/* A router between the ends. */
#define ROUTED "0 routed\n" OPEN
#define FENCE  "900002000 fence\n"

/* Nobody tells of states. */
#define HANDSHAKE                                                                                  \
    "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"                \
    "150 s> SYN,ACK\n180 c> ACK\n"

/* Another connection takes the addresses of one that was reset. */
#define TAKEN_AGAIN                                                                                \
    OPEN_STAMPED                                                                                   \
    "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"                               \
    "2000-2010 client conn close = 0\n2005 c> RST,ACK ts=5001 tsecr=7000\n"                        \
    "3000-3100 client conn connect = 0\n3005 c> SYN isn=50000000 ts=5102 tsecr=0\n"                \
    "3035 s> SYN,ACK isn=123456 ts=7102 tsecr=5102\n3065 c> ACK ts=5102 tsecr=7102\n"

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
    {"no-cause", BOTH, S,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2300-2310 server conn close = 0\n"
          "2305 s> RST,ACK ack=2\n9600 s> ACK seq=1 ack=2\n9630 c> RST seq=2\n"},
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
    {"ttl-low", BOTH, C,
     OPEN "1900-1910 client conn setsockopt IP_TTL value=0 = 0\n"
          "2000-2050 client conn send 10 = 10\n2010 c> PSH,ACK len=10 ttl=0\n2040 s> ACK\n"},
    {"ts-clock", BOTH, C,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000 tsecr=7000\n"
                  "2035 s> ACK ts=7000 tsecr=5000\n3000-3010 client conn send 10 = 10\n"
                  "3005 c> PSH,ACK len=10 ts=9000 tsecr=7000\n3035 s> ACK ts=7000 tsecr=9000\n"},
    {"ts-clock", BOTH, C,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000 tsecr=7000\n"
                  "2035 s> ACK ts=7000 tsecr=5000\n3000-3010 client conn send 10 = 10\n"
                  "3005 c> PSH,ACK len=10 ts=4000 tsecr=7000\n3035 s> ACK ts=7000 tsecr=5000\n"},
    {"ts-clock", BOTH, C,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000 tsecr=7000\n"
                  "2035 s> ACK ts=7000 tsecr=5000\n12003000-12003010 client conn send 10 = 10\n"
                  "12003005 c> PSH,ACK len=10 ts=5000 tsecr=7000\n"
                  "12003035 s> ACK ts=19000 tsecr=5000\n"},
    {"ts-missing", BOTH, C,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
                  "2035 s> ACK ts=7000 tsecr=5000\n"},
    {"ts-missing", BOTH, S,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000 tsecr=7000\n"
                  "2035 s> ACK\n"},
    {"ts-echo", BOTH, S,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000 tsecr=7000\n"
                  "2035 s> ACK ts=7000 tsecr=5001\n"},
    {"ts-echo", BOTH, S,
     OPEN_STAMPED "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5100 tsecr=7000\n"
                  "2035 s> ACK ts=7000 tsecr=5000\n"},
    {"ts-echo", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN ts=5000 tsecr=0\n"
     "150 s> SYN,ACK ts=7000 tsecr=0\n180 c> ACK ts=5000 tsecr=7000\n"},
    {"opt-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ts=5000\n2035 s> ACK\n"},
    {"opt-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ws=7\n2035 s> ACK\n"},
    {"opt-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 mss=1460\n2035 s> ACK\n"},
    {"opt-unasked", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK sackok\n180 c> ACK\n"},
    {"opt-unasked", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK sack\n"},
    {"ecn-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK,ECE len=10\n2035 s> ACK\n"},
    {"ecn-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 ect\n2035 s> ACK\n"},
    {"ecn-unasked", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK,ECE\n180 c> ACK\n"},
    {"ecn-unasked", BOTH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN,ECE\n"
     "150 s> SYN,ACK\n180 c> ACK\n"},
    {"urg-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,URG,ACK len=10\n2035 s> ACK\n"},
    {"checksum", BOTH, C, OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK badsum\n"},
    {"handshake-ack", VETH, S,
     "0 client start\n0 server start\n100- client conn connect =\n"
     "120 c> SYN\n150 s> SYN,ACK ack=2\n"},
    {"handshake-ack", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
          "2035 s> ACK ack=0\n"},
    {"flags", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,FIN,ACK\n"},
    {"handshake-first", BOTH, C,
     "0 client start\n0 server start\n100- client conn connect =\n120 c> SYN\n"
     "500 c> ACK ack=0\n"},
    {"handshake-seq", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK seq=-20 len=10\n"},
    {"syn-again", BOTH, C, OPEN "3000 c> SYN seq=0\n3030 s> ACK\n"},
    {"syn-again", BOTH, S, OPEN "300000 s> SYN,ACK seq=5 ack=1\n300030 c> ACK ack=1\n"},
    {"syn-again", BOTH, S,
     OPEN "2000-2010 server conn send 10 = 10\n2005 s> PSH,ACK len=10\n2035 c> ACK\n"
          "3000 s> SYN,ACK seq=0 ack=1\n3030 c> ACK ack=11\n"},
    {"ack-flag", BOTH, C, OPEN "2000-2010 client conn close = 0\n2005 c> FIN\n"},
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
    {"seq-gap", VETH, C,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> PSH,ACK seq=11 len=10\n"
          "2105 c> ACK seq=1 len=10\n2135 s> ACK ack=21\n"},
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
    /* what came so long before the abort had been read */
    {"rst-form", VETH, C,
     "0 own client\n" OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
     "2000-2010 client conn send 30 = 30\n2005 c> ACK len=10\n2006 c> ACK len=10\n"
     "2035 s> ACK ack=11\n2036 s> ACK ack=21\n"
     "202100 c> ACK len=10\n202110-202120 client conn close = 0\n202115 c> RST,ACK seq=31\n"
     "202120 c> RST,ACK seq=11\n"},
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
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2035 s> ACK ack=11\n"
          "202005 c> PSH,ACK len=10\n202008 c> PSH,ACK seq=11 len=10\n202035 s> ACK ack=21\n"},
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
    {"no-cause", BOTH, S, OPEN "2000-2010 server conn recv 1 = EAGAIN\n2005 s> ACK win=600\n"},
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
    /* SO_LINGER of another socket asks nothing of this one */
    {"no-cause", BOTH, C,
     OPEN "1500-1501 client other socket = 5\n"
          "1502-1503 client other setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n"},
    /* keepalive gives up after probes, and a retransmission after some */
    {"no-cause", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_KEEPALIVE value=1 = 0\n"
          "3000-3900 client exit\n3005 c> RST,ACK\n"},
    {"no-cause", VETH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "202005 c> PSH,ACK seq=1 len=10 lost\n203000-203900 client exit\n"
          "203005 c> RST,ACK seq=11\n"},
    /* once both have closed nobody is told, though something is unread */
    {"no-cause", VETH, C,
     OPEN "1500-1510 server conn send 10 = 10\n1505 s> PSH,ACK len=10\n1535 c> ACK\n"
          "2000-2010 client conn shutdown WR = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
          "2100-2110 server conn close = 0\n2105 s> FIN,ACK\n2135 c> ACK\n"
          "9000-9900 client exit\n9005 c> RST,ACK\n"},
    /* what a process has closed is not ended by its end */
    {"no-cause", VETH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn shutdown WR = 0\n2000-2010 server conn close = 0\n"
          "2005 c> FIN,ACK ack=1 lost\n2006 s> FIN,ACK ack=1\n2036 c> ACK\n"
          "3000-3010 client conn close = 0\n9000-9900 client exit\n9005 c> RST,ACK\n"},
    /* a descriptor that was passed has been read by who took it */
    {"no-cause", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "2100-2101 server conn pass = 0\n2110-2111 server conn close = 0\n"
          "2120-2121 server none take as=worker = 5\n2200-2210 server worker recv 10 = 10\n"
          "3000-3900 server exit\n3005 s> RST,ACK\n"},
    /* data behind a gap cannot be read, and is not lost by a close */
    {"no-cause", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 gone\n2006 c> ACK len=10\n"
          "2036 s> ACK ack=1\n3000-3010 server conn close = 0\n3005 s> RST,ACK ack=1\n"},
    /* who has heard nothing gives up in silence */
    {"no-cause", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100- client conn connect 10.0.0.2:80 = 0\n110 c> SYN lost\n1000110 c> SYN seq=0 lost\n"
     "2000000-2000900 client exit\n2000005 c> RST seq=1\n"},
    /* an ACK that takes whole segments does not ask for the others again */
    {"no-cause", BOTH, C,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2006 c> PSH,ACK len=10\n"
          "2030 s> ACK ack=11\n2055 c> PSH,ACK seq=11 len=10\n2090 s> ACK ack=21\n"},
    /* nor does what brings data and acknowledges nothing new */
    {"no-cause", VETH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
          "2001-2011 server conn send 5 = 5\n2006 s> PSH,ACK len=5 ack=1\n"
          "2030 c> PSH,ACK seq=1 len=10 ack=6\n2060 s> ACK ack=11\n"},
    /* the handshake's ACK was taken, however soon the FIN left */
    {"rst-form", LO, S,
     OPEN "2000-2010 server conn close = 0\n2005 s> FIN,ACK\n2030 c> ACK\n"
          "3000-3010 client conn send 5 = 5\n3005 c> PSH,ACK len=5\n3030 s> RST seq=1\n"},
    /* who has sent its FIN again stands behind it */
    {"ack-place", VETH, C,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK gone\n202005 c> FIN,ACK seq=1 gone\n"
          "202010-202015 server conn send 5 = 5\n202012 s> PSH,ACK len=5 ack=1\n"
          "202040 c> ACK seq=1 ack=6\n"},
    {"no-cause", BOTH, S, OPEN "2000-2010 server conn close = 0\n2005 s> RST,ACK\n"},
    {"no-cause", BOTH, C, OPEN "1000000 c> ACK seq=0\n1000030 s> ACK\n"},
    {"no-cause", BOTH, C,
     OPEN "2000-2010 client listener socket = 4\n2020-2030 client listener close = 0\n"
          "2040 c> FIN,ACK\n2070 s> ACK\n"},
    /* not at a stretch, not in order, or not again before */
    {"no-cause", VETH, C,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2006 c> PSH,ACK len=10\n"
          "302000 c> ACK seq=1 len=10\n302040 s> ACK ack=21\n302400 c> PSH,ACK seq=11 len=10\n"},
    {"no-cause", VETH, C,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10\n2006 c> PSH,ACK len=10\n"
          "302000 c> ACK seq=11 len=10\n302040 s> ACK ack=21\n302150 c> ACK seq=11 len=10\n"
          "302300 c> PSH,ACK seq=1 len=10\n"},
    /* of two connections with the same addresses each has its own */
    {"ts-echo", BOTH, C,
     TAKEN_AGAIN "6000-6010 client conn send 10 = 10\n"
                 "6005 c> PSH,ACK len=10 ts=5103 tsecr=7000\n6035 s> ACK ts=7103 tsecr=5103\n"},
    {"ts-missing", BOTH, S,
     TAKEN_AGAIN "6000-6010 client conn send 10 = 10\n"
                 "6005 c> PSH,ACK len=10 ts=5103 tsecr=7102\n6035 s> ACK\n"},
    {"ts-clock", BOTH, S,
     TAKEN_AGAIN "6000-6010 client conn send 10 = 10\n"
                 "6005 c> PSH,ACK len=10 ts=5103 tsecr=7102\n6035 s> ACK ts=7001 tsecr=5103\n"},
    /* it had been said, and what was captured before it on loopback was not sent after it */
    {"no-cause", LO, S,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2405 s> ACK\n"
          "2700-2710 server conn close = 0\n2705 s> RST,ACK ack=2\n2900 s> ACK seq=1 ack=2\n"},
    {"ecn-unasked", BOTH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN,ECE,CWR ect\n"
     "150 s> SYN,ACK,ECE\n180 c> ACK\n"},
    {"ts-echo", VETH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n"
     "100-200 server conn connect = 0\n110 c> SYN ts=500 tsecr=0\n115 s> SYN ts=700 tsecr=0\n"
     "140 c> SYN,ACK seq=0 ack=1 ts=500 tsecr=701\n145 s> SYN,ACK seq=0 ack=1 ts=700 tsecr=500\n"},
    {"ecn-unasked", VETH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n"
     "100-200 server conn connect = 0\n110 c> SYN\n115 s> SYN\n"
     "140 c> SYN,ACK,ECE seq=0 ack=1\n145 s> SYN,ACK seq=0 ack=1\n"},
    /* given up by then, as a call had told */
    {"no-cause", VETH, C,
     OPEN "1500-1501 client conn setsockopt TCP_USER_TIMEOUT value=500 = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "2500-700000 client conn recv 1 = ETIMEDOUT\n720000 c> RST,ACK seq=11 ack=1\n"},
    /* a segment without ACK says nothing */
    {"ack-unseen", VETH, S,
     OPEN "2000 c> FIN seq=1 made\n3000-3010 server conn close = 0\n3005 s> FIN,ACK ack=2\n"},
    {"rst-form", VETH, S,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 lost\n2006 c> PSH,ACK len=10\n"
          "2036 s> ACK ack=1\n9000-9010 server conn close = 0\n9005 s> RST,ACK ack=21\n"},
    /* a RST from nowhere is not the connection that was accepted */
    {"no-cause", VETH, S,
     "0 client start\n0 server start\n1-2 server listener socket = 3\n"
     "3-4 server listener listen 1 = 0\n50 c> RST seq=90000 made\n"
     "1000-1100 client conn connect 10.0.0.2:80 = 0\n1020 c> SYN\n1050 s> SYN,ACK\n1080 c> ACK\n"
     "1200-1210 server listener accept as=conn = 4\n9000-9900 server exit\n"
     "9800 s> RST,ACK seq=1 ack=1\n"},
    {"dscp-unasked", BOTH, C,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 dscp\n2035 s> ACK\n"},
    {"isn-again", BOTH, S,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n2100-2101 client conn socket = 3\n"
          "3000-3100 client conn connect noaddr = 0\n3005 c> SYN isn=50000000 port=4001\n"
          "3035 s> SYN,ACK isn=7000 port=4001\n3065 c> ACK port=4001\n"},
    {"no-cause", BOTH, C, "0 client start\n0 server start\n3000 c> ACK seq=5 ack=9\n"},
    {"no-cause", LO, SP_END_NONE, OPEN "3000 c> ACK nobody\n"},
    {"ts-echo", VETH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n"
     "100-200 server conn connect = 0\n110 c> SYN ts=500 tsecr=0\n115 s> SYN\n"
     "140 c> SYN,ACK seq=0 ack=1 ts=500 tsecr=701\n145 s> SYN,ACK seq=0 ack=1\n"},
    /* behind the byte that is urgent, and not elsewhere */
    {"urg-pointer", BOTH, C,
     OPEN "2000-2010 client conn send 10 flags=MSG_OOB = 10\n"
          "2005 c> PSH,URG,ACK len=10 urg=11\n2035 s> ACK\n"},
    {"urg-pointer", BOTH, C,
     OPEN "2000-2010 client conn send 10 flags=MSG_OOB = 10\n"
          "2005 c> PSH,URG,ACK len=10 urg=9\n2035 s> ACK\n"},
    {"urg-pointer", BOTH, C,
     OPEN "1800-1810 client conn send 5 flags=MSG_OOB = 5\n1805 c> PSH,URG,ACK len=5 urg=5\n"
          "1835 s> ACK\n2000-2010 client conn send 10 = 10\n2005 c> PSH,URG,ACK len=10 urg=10\n"
          "2035 s> ACK\n"},
    {"urg-pointer", BOTH, C,
     OPEN "2000-2010 client conn send 1 flags=MSG_OOB = 1\n2005 c> PSH,URG,ACK len=1 urg=1\n"
          "2020-2030 client conn send 1 flags=MSG_OOB = 1\n"
          "2025 c> PSH,URG,ACK len=1 urg=0\n2060 s> ACK\n"},
    {"scale-beyond", BOTH, C,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN ws=15\n"
     "150 s> SYN,ACK ws=7\n180 c> ACK\n"},
    {"window-shrunk", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK win=512\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10\n3035 s> ACK win=510\n"},
    /* nor is it scaled where one SYN had no scale */
    {"window-shrunk", BOTH, S,
     "0 client start\n0 server start\n100-200 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK win=64000\n180 c> ACK\n2000-2010 client conn send 10 = 10\n"
     "2005 c> PSH,ACK len=10\n2035 s> ACK win=500\n"},
    {"ack-late", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n602035 s> ACK\n"},
    {"ack-late", BOTH, S,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n"
          "3000-3010 server conn recv 10 = 10\n602000-602010 server conn close = 0\n"
          "602005 s> RST,ACK\n"},
    /* what an end took before it aborted it does not refuse */
    {"no-cause", VETH, S,
     OPEN "1500-1501 server conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 server conn close = 0\n2005 s> RST,ACK lost\n"
          "3000-3010 client conn send 10 = 10\n3005 c> PSH,ACK len=10\n3030 s> RST seq=1\n"
          "3035 s> RST seq=1\n"},
    /* nor what ended its LAST_ACK */
    {"no-cause", VETH, C,
     OPEN "2000-2010 server conn shutdown WR = 0\n2005 s> FIN,ACK\n2035 c> ACK\n"
          "3000-3010 client conn close = 0\n3005 c> FIN,ACK\n3035 s> ACK\n3040 s> ACK made\n"
          "3070 c> RST seq=2\n3075 c> RST seq=2\n"},
    /* what answers a FIN that came again is no probe */
    {"ack-place", VETH, S,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2030 s> ACK lost\n"
          "202000-202010 server conn send 5 = 5\n202005 c> FIN,ACK seq=1\n"
          "202030 s> ACK seq=0 ack=2\n202040 s> PSH,ACK seq=1 len=5\n202070 c> ACK\n"},
    /* who has opened it does not answer a SYN,ACK with another */
    {"syn-again", BOTH, C, OPEN "3000 c> SYN,ACK seq=0 ack=1\n3030 s> ACK\n"},
    {"checksum", BOTH, C, OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK badip\n"},
    /* nobody answers a SYN that did not come */
    {"no-cause", VETH, S,
     "0 client start\n0 server start\n100- client conn connect =\n110 c> SYN lost\n"
     "140 s> SYN,ACK\n"},
};

#endif
