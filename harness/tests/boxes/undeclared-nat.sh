#!/bin/sh
# Rewrites the client's address and does not say so.
# sockproof: path=router needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type nat hook postrouting priority srcnat; oifname $SOCKPROOF_BOX_SERVER_IF masquerade; }; }"
