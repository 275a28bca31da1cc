#!/bin/bash
# Definitions of custom resources: from the creation of one to its first answer, how long five hundred
# take until all are served and what they cost, and what a page of objects costs that are shown in
# another version than they are stored in. Lines `name value unit`.
#
#   tests/bench/custom.sh [BUILD] [DEFINITIONS]
cd "$(dirname "$0")/../.." || exit 2
exec /usr/bin/python3 -B tests/bench/custom.py "${1:-build/release}/kube" "${2:-500}"
