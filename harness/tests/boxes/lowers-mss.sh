#!/bin/sh
# Rewrites the MSS option.
# sockproof: path=router needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type filter hook forward priority 0; tcp flags syn tcp option maxseg size set 1000; }; }"
