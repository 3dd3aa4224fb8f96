#!/bin/sh
# Lets every segment with data out twice.
# sockproof: path=router needs=nft
family=ip
test "$SOCKPROOF_FAMILY" = ipv4 || family=ip6
test "$1" = up || exec nft delete table $family box
nft "table $family box { chain c { type filter hook forward priority 0;
    oifname $SOCKPROOF_BOX_SERVER_IF tcp flags & psh == psh dup to $SOCKPROOF_SERVER_IP; }; }"
