#!/bin/sh
# API server, controllers, scheduler and nodes that only talk, by kubectl's eyes.
# packaging/setup --tests puts kubectl there.
here=$(dirname "$0")
exec /usr/bin/python3 -B "$here/scheduler_session.py" "$1" "$here/../../build/clients/kubectl"
