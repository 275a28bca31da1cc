#!/bin/sh
# Quotas under sixty-four writers at a time.
exec /usr/bin/python3 -B "$(dirname "$0")/quota.py" "$1"
