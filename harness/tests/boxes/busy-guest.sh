#!/bin/sh
# In a guest, over IPv6: computes without end, and on a clock that jumps no time passes meanwhile.
# sockproof: path=router
if [ "$1 $SOCKPROOF_FAMILY" = "up ipv6" ]; then
    while :; do :; done
fi
