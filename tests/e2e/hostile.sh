#!/bin/sh
# Hostile and wrong requests against one server, which must answer each and live on.
exec /usr/bin/python3 -B "$(dirname "$0")/hostile.py" "$1"
