#!/bin/sh
# Overwrites the first byte of payload behind a header with timestamps.
# sockproof: path=router needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type filter hook forward priority 0; tcp flags & psh == psh @th,256,8 set 0x58; }; }"
