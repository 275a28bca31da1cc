#!/bin/bash
# A whole cluster in an isolated node: time to its start, what it costs idle, how long a pod takes
# from its creation to Running as a watcher sees it. Lines `name value unit`.
#
#   tests/bench/cluster.sh [BUILD] [SECONDS]     so long it is watched while idle (60)
kube=$(realpath "${1:-build/release}")/kube
idle=${2:-60}
images=$(dirname "$kube")/images
if [ -z "${KUBE_TEST_NODE:-}" ] && [ ! -s "$images/sample.tar" ]; then
	mkdir -p "$images"
	"$(dirname "$0")/../../packaging/sample-image" "$images/sample.tar.$$" >/dev/null &&
		mv "$images/sample.tar.$$" "$images/sample.tar"
fi
. "$(dirname "$0")/../harness/node.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ip link add eth0 type veth peer name world
ip addr add 192.0.2.2/24 dev eth0
ip link set eth0 up
ip link set world up
ip route add default via 192.0.2.1
mkdir -p "$dir/d/images"
cp "$images/sample.tar" "$dir/d/images/"

# More pods than a node takes without being asked.
cat >"$dir/kubelet.yaml" <<-'E'
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	maxPods: 250
E

start() { # NAME: prints when what was ready
	: >"$dir/out"
	"$kube" server --data-dir "$dir/d" --pod-logs-dir "$dir/logs" \
		--kubelet-config "$dir/kubelet.yaml" >"$dir/out" 2>>"$dir/log" &
	server=$!
	until grep -q 'kubectl get' "$dir/out"; do
		kill -0 $server 2>/dev/null || {
			tail -n 20 "$dir/log" >&2
			exit 1
		}
		sleep 0.01
	done
	sed -n "s/^  API server *ready after \([0-9.]*\) s.*/$1_api \1 s/p
		s/^  DNS *ready after \([0-9.]*\) s.*/$1_dns \1 s/p
		s/^  node *ready after \([0-9.]*\) s.*/$1_node \1 s/p" "$dir/out"
}
pss() { awk '/^Pss:/ {print $2}' "/proc/$server/smaps_rollup"; }
ticks() { awk '{print $14 + $15}' "/proc/$server/stat"; }
written() { awk '/^write_bytes/ {print $2}' "/proc/$server/io"; }

start cluster_first
sleep 5
echo "cluster_pss_idle $(pss) KiB"
before=$(ticks) bytes=$(written)
sleep "$idle"
echo "cluster_cpu_idle $(awk "BEGIN {print ($(ticks) - $before) / $(getconf CLK_TCK) * 60 / $idle}") s/minute"
echo "cluster_written_idle $((($(written) - bytes) / 1024)) KiB/${idle}s"
python3 -u "$(dirname "$0")/cluster.py" "$dir/d/admin.kubeconfig" $server
echo "cluster_pss_afterwards $(pss) KiB"
echo "cluster_executable $(stat -c %s "$kube") B"
kill -TERM $server
wait $server
start cluster_again
kill -TERM $server
wait $server
