#!/bin/bash
# Anything is killed at any moment: containers, helpers, kube, several at once; then all must be as
# wanted, each once, and nothing else left.
#
#   kills.sh KUBE [ROUNDS]
rounds=${2:-6}
. "$(dirname "$0")/../harness/cluster.sh"

begin_cluster
k create -f - >/dev/null <<-'E'
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 4
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      terminationGracePeriodSeconds: 1
	      containers:
	      - {name: c, image: "kube.local/sample:1"}
	      - {name: d, image: "kube.local/sample:1", command: [sleep, "1000"]}
	      volumes: [{name: v, emptyDir: {medium: Memory}}]
E
running() { k get pods -l app=web --no-headers | grep -c '2/2 *Running'; }
check "pods run" within 40 prints 4 running
RANDOM=${KUBE_TEST_SEED:-7}
one_of() { # PATTERN: a process whose command is like it
	local all
	mapfile -t all < <(pgrep -f "$1")
	[ ${#all[@]} = 0 ] || echo "${all[RANDOM % ${#all[@]}]}"
}
strike() {
	case $((RANDOM % 6)) in
	0) kill -9 $(one_of '^sleep 1000') ;;
	1) kill -9 $(one_of 'nginx: master') ;;
	2) kill -9 $(one_of 'shim .*sandboxes') ;;
	3) k delete pod "$(k get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')" --wait=false ;;
	4) kill -9 $(one_of 'shim .*sandboxes') $(one_of '^sleep 1000') $(one_of 'shim .*sandboxes') ;;
	5)
		kill -9 $server
		wait $server
		[ $((RANDOM % 2)) = 0 ] || kill -9 $(one_of 'shim .*sandboxes')
		start --node-name node
		;;
	esac >/dev/null 2>&1
}
for ((i = 0; i < rounds; i++)); do
	strike
	sleep 0.$((RANDOM % 10))
done
kill -0 $server 2>/dev/null || start --node-name node
check "kube lives" kill -0 $server
# Those that were struck often wait for their back-off: they are replaced.
k delete pods -l app=web --wait=true --timeout=60s >/dev/null
check "all is as wanted again" within 90 prints 4 running
once() {
	[ "$(pgrep -fc '^sleep 1000')" = 4 ] && [ "$(pgrep -fc 'nginx: master')" = 4 ] &&
		[ "$(pgrep -fc 'shim .*sandboxes')" = 4 ]
}
check "each once" within 20 once
few() { [ "$(ls "$dir/d/runtime/sandboxes" | wc -l) $(ls "$dir/d/runtime/containers" | wc -l)" = "4 8" ]; }
check "nothing of those before is kept" within 30 few
cables() { [ "$(ip -o link | grep -c ': kube')" = 4 ]; }
check "a cable for each" within 20 cables
addresses() { [ "$(find "$dir/d/network" -type f -path '*addresses*' | wc -l)" = 4 ]; }
check "an address for each" within 20 addresses
k delete deployment web >/dev/null
k delete pods --all --wait=true --timeout=30s >/dev/null
gone() { [ "$(pgrep -fc 'kube.* shim|nginx: |^sleep 1000')" = 0 ] && ! grep -q "$dir/d/" /proc/self/mounts; }
check "nothing is left" within 30 gone
no_cgroup() { [ "$(find /sys/fs/cgroup -type d -name 'pod*' | wc -l)" = 0 ]; }
check "no cgroup" within 20 no_cgroup
check "it ends" stop
grep -E '^E' "$dir/log" | head -n 5
finish
