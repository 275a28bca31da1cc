#!/bin/sh
# What upstream's API server answers to some four thousand conversations: tests/golden.
exec /usr/bin/python3 -B "$(dirname "$0")/../golden/replay.py" --kube "$1"
