/*
 * As tcp_damages.h: where calls, tracepoints and looks tell of what cannot have been.
 */
#ifndef SP_TCP_DAMAGES_TOLD_H
#define SP_TCP_DAMAGES_TOLD_H

#include "tcp_damages.h"

static const struct damage damaged_told[] = {
    {"state-evidence", BOTH, C,
     OPEN "2000-12010 client conn close = 0\n2005 c> FIN,ACK\n"
          "12000 state client 1 ESTABLISHED>FIN_WAIT_1\n12020 s> ACK\n"},
    {"call-early", BOTH, C,
     "0 client start\n0 server start\n1000-1100 client conn connect = 0\n1020 c> SYN\n"
     "31050 s> SYN,ACK\n31080 c> ACK\n"},
    {"call-early", BOTH, S,
     "0 client start\n0 server start\n1-2 server listener socket = 3\n"
     "3-4 server listener listen 1 = 0\n100-9200 client conn connect = 0\n120 c> SYN\n"
     "150 s> SYN,ACK\n200-210 server listener accept as=conn = 4\n9080 c> ACK\n"},
    {"call-early", BOTH, S,
     OPEN "2000-2010 server conn recv 10 = 10\n9000-9010 client conn send 10 = 10\n"
          "9005 c> PSH,ACK len=10\n9035 s> ACK\n"},
    {"call-early", BOTH, S,
     OPEN "2000-2010 server conn recv 1 = 0\n9000-9010 client conn close = 0\n"
          "9005 c> FIN,ACK\n9035 s> ACK\n"},
    {"state-evidence", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100-200 client conn connect addr = ECONNREFUSED\n105 state client 1 CLOSED>SYN_SENT\n"
     "110 c> SYN lost\n140 s> RST,ACK seq=0 ack=0 made\n170 state client 1 SYN_SENT>CLOSED\n"},
    {"state-evidence", VETH, S, OPEN "2000 state server 7 LISTEN>SYN_RECEIVED\n"},
    {"state-looks", VETH, C, OPEN "2000 look client CLOSED since=1900\n"},
    /* a socket whose SYN leaves has not been closed before it had a port, nor got further */
    {"state-evidence", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100-3000 client conn connect addr = ETIMEDOUT\n105 state client 1 CLOSED>SYN_SENT\n"
     "110 state client 1 SYN_SENT>CLOSED portless\n120 c> SYN lost\n"},
    {"state-evidence", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100-3000 client conn connect addr = ETIMEDOUT\n"
     "105 state client 1 CLOSED>SYN_RECEIVED portless\n120 c> SYN lost\n"},
    /* a RST from below what has been acknowledged ends nothing */
    {"state-evidence", VETH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "3000 c> RST seq=5 made\n3030 state server 2 ESTABLISHED>CLOSED\n"},
    /* of two sockets with the same addresses one is connected */
    {"state-evidence", BOTH, C,
     OPEN "1500-1510 client other connect 10.0.0.2:80 = EADDRNOTAVAIL\n"
          "1502 state client 3 CLOSED>SYN_SENT\n1504 state client 3 SYN_SENT>ESTABLISHED\n"},
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
    /* long before the step to it */
    {"state-looks", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2030 state server 2 ESTABLISHED>CLOSE_WAIT\n2035 s> ACK\n"
          "2060 state client 1 FIN_WAIT_1>FIN_WAIT_2\n2500-2510 server conn close = 0\n"
          "2501 state server 2 CLOSE_WAIT>LAST_ACK\n2505 s> FIN,ACK\n"
          "2541 look client TIME_WAIT since=2536\n2560 c> ACK\n"
          "2590 state server 2 LAST_ACK>CLOSED\n2800 state client 1 FIN_WAIT_2>CLOSED\n"},
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
    {"call-early", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "3000-3010 server conn drain = 10\n9000-9010 client conn close = 0\n"
          "9005 c> FIN,ACK\n9035 s> ACK\n"},
    {"call-early", BOTH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10\n2035 s> ACK\n"
          "3000-3010 server conn recv 30 flags=MSG_WAITALL = 10\n"
          "9000-9010 client conn close = 0\n9005 c> FIN,ACK\n9035 s> ACK\n"},
    {"call-early", VETH, C,
     TAKEN_AGAIN "4000-4010 client conn close = 0\n4005 c> RST,ACK ts=5103 tsecr=7102\n"
                 "5000-5010 client conn connect = 0\n5005 c> SYN isn=70000000 ts=5104 tsecr=0\n"
                 "9035 s> SYN,ACK isn=223456 ts=7104 tsecr=5104\n9065 c> ACK ts=5104 tsecr=7104\n"},
    /* what lies behind a gap cannot be read, and is no end */
    {"call-early", VETH, S,
     OPEN "2000-2010 client conn send 20 = 20\n2005 c> ACK len=10 lost\n2006 c> PSH,ACK len=10\n"
          "2036 s> ACK ack=1\n3000-3010 server conn recv 10 = 10\n302005 c> ACK seq=1 len=10\n"
          "302035 s> ACK ack=21\n"},
    {"call-early", VETH, S,
     OPEN "2000-2010 client conn send 10 = 10\n2005 c> PSH,ACK len=10 lost\n"
          "2020-2030 client conn close = 0\n2025 c> FIN,ACK\n2050 s> ACK ack=1\n"
          "3000-3010 server conn recv 10 = 0\n302005 c> ACK seq=1 len=10\n302035 s> ACK ack=12\n"},
    {"address-told", BOTH, S,
     "0 client start\n0 server start\n1-2 server listener socket = 3\n"
     "3-4 server listener listen 1 = 0\n1000-1100 client conn connect 10.0.0.2:80 = 0\n"
     "1020 c> SYN\n1050 s> SYN,ACK\n1080 c> ACK\n"
     "1200-1210 server listener accept as=conn told=81 = 4\n"},
    /* nor is a FIN given up that was sent again once */
    {"state-evidence", VETH, C,
     OPEN "2000-2010 client conn close = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK lost\n202005 c> FIN,ACK seq=1 lost\n"
          "202100 state client 1 FIN_WAIT_1>CLOSED\n"},
    {"state-walk", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2001 state client 1 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2035 s> ACK\n2060 state client 1 ESTABLISHED>FIN_WAIT_1\n"},
    {"state-walk", BOTH, C,
     HANDSHAKE "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
               "2100 look client FIN_WAIT_2\n2300 look client ESTABLISHED since=2200\n"},
    {"state-walk", BOTH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2004 state client 1 ESTABLISHED>CLOSED\n"
          "2005 c> RST,ACK\n2100 state client 1 CLOSE_WAIT>LAST_ACK\n"},
    {"state-evidence", BOTH, S,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n"
          "3000 look server ESTABLISHED since=2900\n"},
    {"state-evidence", BOTH, S,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
          "3000 look server ESTABLISHED since=2900\n"},
    {"state-evidence", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n"
          "3000 look client ESTABLISHED since=2900\n"},
    {"state-evidence", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n2035 s> ACK\n"
          "3000 look client FIN_WAIT_1 since=2900\n"},
    {"state-evidence", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100- client conn connect 10.0.0.2:80 =\n105 state client 1 CLOSED>SYN_SENT\n110 c> SYN\n"
     "140 s> SYN,ACK lost\n200 state client 1 SYN_SENT>ESTABLISHED\n"},
    {"state-evidence", BOTH, S, HANDSHAKE "300 look server SYN_SENT since=250\n"},
    {"state-evidence", BOTH, S, HANDSHAKE "300 look server LISTEN since=250\n"},
    {"state-evidence", BOTH, S, OPEN "2004 state server 9 CLOSED>LISTEN listener\n"},
    /* nor does one without a port end what had one */
    {"state-evidence", VETH, C,
     OPEN "1500-1501 client conn setsockopt SO_LINGER on=1 linger=0 = 0\n"
          "2000-2010 client conn close = 0\n2005 c> RST,ACK\n"
          "2006 state client 1 ESTABLISHED>CLOSED portless\n"},
    /* of a connection that has not begun */
    {"state-evidence", VETH, C,
     "0 client start\n0 server start\n5-6 client conn socket = 3\n"
     "100 state client 1 ESTABLISHED>CLOSE_WAIT\n"
     "1000-1100 client conn connect 10.0.0.2:80 = 0\n1010 state client 1 CLOSED>SYN_SENT\n"
     "1020 c> SYN\n1050 s> SYN,ACK\n1080 c> ACK\n"},
    /* a step is told of the socket that took it */
    {"state-evidence", BOTH, C,
     OPEN "2000-2010 client conn close = 0\n2001 state client 3 ESTABLISHED>FIN_WAIT_1\n"
          "2005 c> FIN,ACK\n2035 s> ACK\n"},
    {"state-walk", BOTH, S,
     OPEN "1500-1510 server other listen 1 = 0\n1504 state server 9 CLOSED>LISTEN listener\n"
          "2000-2010 client conn close = 0\n2005 c> FIN,ACK\n"
          "2030 state server 9 ESTABLISHED>CLOSE_WAIT\n2035 s> ACK\n"},
};

#endif
