#!/bin/bash
# What the built-in runtime is compared with, of a container that does nothing, from "run it" to "it
# has ended": runc and crun, which start from a bundle that lies ready and make no pod around it, and
# containerd, spoken to as a kubelet does (container_true: in a pod that is there; pod_true: with a
# pod of its own, made and removed), as bench_runtime does with ours. All in an isolated node; what
# is not installed (`packaging/setup --bench`) is left out. Lines `name value unit`.
#
#   tests/bench/runtime.sh [ROUNDS]
rounds=${1:-50}
here=$(realpath "$(dirname "$0")")
. "$(dirname "$0")/../harness/node.sh"

bundle=/run/bundle
mkdir -p $bundle/rootfs/bin
cp "$(command -v busybox)" $bundle/rootfs/bin/busybox
ln -s busybox $bundle/rootfs/bin/true
cd $bundle || exit 1

now() { date +%s%N; }
middle() { sort -n | awk -v n="$1" '{v[NR] = $1} END {print int(v[int(NR * n / 100) + 1] / 1000)}'; }

for other in runc crun; do
	command -v $other >/dev/null || continue
	rm -f config.json
	$other spec 2>/dev/null || continue
	sed -i 's/"terminal": true/"terminal": false/; s#^\([\t ]*\)"sh"#\1"/bin/true"#' config.json
	$other run probe </dev/null >/run/$other.log 2>&1 || {
		echo "runtime: $other does not run here: $(tail -n 1 /run/$other.log)" >&2
		continue
	}
	for ((i = 0; i < rounds; i++)); do
		before=$(now)
		$other run "c$i" </dev/null >/dev/null 2>&1
		echo $(($(now) - before))
	done >/run/$other.times
	echo "${other}_true_p50 $(middle 50 </run/$other.times) us"
	echo "${other}_true_p90 $(middle 90 </run/$other.times) us"
done

KUBE_BENCH_ROUNDS=$rounds "$here/../../build/release/bench/bench_runtime"

if command -v containerd >/dev/null; then
	/usr/bin/python3 "$here/containerd.py" /run/containerd-bench "$(command -v busybox)" "$rounds" ||
		tail -n 5 /run/containerd-bench/log >&2
fi
