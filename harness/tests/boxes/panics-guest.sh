#!/bin/sh
# In a guest, over IPv6: takes all memory there is, of a kernel that is told to panic then.
# sockproof: path=router
if [ "$1 $SOCKPROOF_FAMILY" = "up ipv6" ]; then
    echo 1 >/proc/sys/vm/panic_on_oom
    echo 1 >/proc/sys/vm/overcommit_memory
    dd if=/dev/zero of=/dev/null bs=1G count=1
fi
