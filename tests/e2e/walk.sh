#!/bin/sh
# Every path of the API server, asked for by those who may not.
exec /usr/bin/python3 -B "$(dirname "$0")/walk.py" "$1"
