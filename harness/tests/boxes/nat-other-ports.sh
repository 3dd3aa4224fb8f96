#!/bin/sh
# Rewrites the client's address and its port.
# sockproof: path=nat needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type nat hook postrouting priority srcnat; oifname $SOCKPROOF_BOX_SERVER_IF meta l4proto tcp masquerade to :20000-20999 random; }; }"
