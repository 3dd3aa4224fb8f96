#!/bin/sh
# Answers a FIN with a RST of its own, in the other end's name.
# sockproof: path=firewall needs=nft
test "$1" = up || exec nft delete table inet box
nft "table inet box { chain c { type filter hook forward priority 0; tcp flags & (fin | rst) == fin reject with tcp reset; }; }"
