#!/bin/sh
# Cannot be put up, and says why.
echo "no such table: $1" >&2
exit 3
