#!/bin/sh
# What upstream's controllers make of objects: tests/golden/control.
exec /usr/bin/python3 -B "$(dirname "$0")/../golden/replay.py" --kube "$1" --controllers --jobs 16
