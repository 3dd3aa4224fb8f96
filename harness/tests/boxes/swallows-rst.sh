#!/bin/sh
# Keeps every RST to itself.
# sockproof: path=firewall needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type filter hook forward priority 0; tcp flags & rst == rst drop; }; }"
