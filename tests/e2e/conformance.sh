#!/bin/sh
# What upstream's conformance tests ask of controllers and the scheduler, on nodes that only talk.
exec /usr/bin/python3 -B "$(dirname "$0")/conformance_session.py" "$@"
