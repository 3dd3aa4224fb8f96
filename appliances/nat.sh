#!/bin/sh
# Source NAT: what the client opens leaves by the box's own address on the server's side, from the
# same port where that is free. A segment of no connection would keep the client's own address,
# which means nothing there, and is dropped.
# sockproof: path=nat needs=nft
set -eu

case $1 in
up)
    nft -f - <<END
table inet box {
    chain forward {
        type filter hook forward priority filter; policy accept;
        ct state invalid drop
    }
    chain out {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "$SOCKPROOF_BOX_SERVER_IF" masquerade
    }
}
END
    ;;
down)
    nft delete table inet box
    ;;
esac
