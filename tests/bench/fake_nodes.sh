#!/bin/bash
# The control plane beside nodes that only talk: how fast a Deployment's pods are made, and how fast
# as many that wait are placed, written and told of, on 100 and on 1,000 nodes. Lines `name value unit`.
#
#   tests/bench/fake_nodes.sh [BUILD]
kube=$(realpath "${1:-build/release}")/kube
. "$(dirname "$0")/../harness/node.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ip link add eth0 type veth peer name world
ip addr add 192.0.2.2/24 dev eth0
ip link set eth0 up
ip link set world up
ip route add default via 192.0.2.1

start() { # DATA-DIR PARTS: all but these
	: >"$dir/out"
	"$kube" server --data-dir "$1" --disable "$2" >"$dir/out" 2>>"$dir/log" &
	server=$!
	until grep -q 'kubectl get' "$dir/out"; do sleep 0.01; done
}
stop() {
	kill -TERM "$1"
	wait "$1"
}

for count in 100 1000; do
	data=$dir/$count
	start "$data" kubelet,proxy,dns,scheduler
	"$kube" debug fake-node --count "$count" --kubeconfig "$data/admin.kubeconfig" 2>>"$dir/log" &
	nodes=$!
	/usr/bin/python3 -B "$(dirname "$0")/fake_nodes.py" made "$data/admin.kubeconfig" "$count"
	stop $server
	# Who watches is there before the scheduler is: it counts from the first that is placed.
	/usr/bin/python3 -B "$(dirname "$0")/fake_nodes.py" placed "$data/admin.kubeconfig" "$count" &
	counter=$!
	start "$data" kubelet,proxy,dns
	wait $counter
	echo "fake_nodes_${count}_pss $(awk '/^Pss:/ {print $2}' "/proc/$server/smaps_rollup") KiB"
	stop $nodes
	stop $server
done
