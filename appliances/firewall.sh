#!/bin/sh
# A stateful firewall: lets a segment through that opens a connection with SYN, from either side,
# or belongs to one that conntrack knows, and silently drops every other.
# sockproof: path=firewall needs=nft
set -eu

case $1 in
up)
    nft -f - <<END
table inet box {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        tcp flags & (fin | syn | rst | ack) == syn ct state new accept
    }
}
END
    ;;
down)
    nft delete table inet box
    ;;
esac
