#!/bin/bash
# Logs and commands over bare WebSockets.
#
#   websockets.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

begin_cluster
create_pod p 1 <<-'E'
	containers:
	- {name: c, image: "kube.local/sample:1", command: [sh, -c, "echo container is alive; exec sleep 1000"]}
E
check "the pod runs" within 20 prints true k get pod p -o 'jsonpath={.status.containerStatuses[0].ready}'
within 10 prints "container is alive" k logs p
python3 "$harness/../e2e/websockets.py" "$KUBECONFIG" "$dir" | tee "$dir/said"
passed=$((passed + $(grep -c '^ok' "$dir/said")))
failed=$((failed + $(grep -c '^FAIL' "$dir/said")))
check "it came to its end" grep -qx 'all was asked' "$dir/said"
k delete pod p >/dev/null
stop
finish
