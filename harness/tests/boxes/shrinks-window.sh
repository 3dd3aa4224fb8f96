#!/bin/sh
# Rewrites the window.
# sockproof: path=router needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type filter hook forward priority 0; tcp window set 1000; }; }"
