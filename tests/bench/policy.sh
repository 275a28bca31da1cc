#!/bin/bash
# What it costs that somebody is asked: objects made by who may do anything, and the same by a user
# whom RBAC lets, under a quota and a validating policy, by turns; and log-ins by certificate.
# Lines `name value unit`.
#
#   tests/bench/policy.sh [BUILD] [SECONDS]
cd "$(dirname "$0")/../.." || exit 2
for tool in wrk openssl; do
	command -v $tool >/dev/null || { echo "policy: no $tool here" >&2; exit 1; }
done
exec /usr/bin/python3 -B tests/bench/policy.py "${1:-build/release}/kube" "${2:-4}"
