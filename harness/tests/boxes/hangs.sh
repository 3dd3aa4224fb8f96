#!/bin/sh
# Leaves a process behind and says where it was called.
echo "$1" >>"$SOCKPROOF_TEST_LOG"
test "$1" = down || sleep 600 &
