#!/bin/bash
# What a newcomer runs first, on an isolated node: it shows a page and leaves nothing; with --keep
# it leaves a cluster. Set-up and build are those of this tree: they are left out here.
. "$(dirname "$0")/../harness/cluster.sh"
export HOME=$dir TMPDIR=$dir/tmp
mkdir "$TMPDIR"
join_world

quickstart() {
	timeout 120 "$(dirname "$0")/../../packaging/quickstart" --kube "$kube" \
		--image "$images/sample.tar" "$@" >"$dir/out" 2>&1
}
state() { # of the machine: all that a cluster changes
	ps -eo comm= | grep -E '^(kube|nginx)' | sort
	cut -d ' ' -f 5 /proc/self/mountinfo | sort
	find /sys/fs/cgroup -type d | sort
	ip -o link | cut -d ' ' -f 2 | sort
	ip -o addr | awk '{print $2, $4}' | sort
	nft list tables
	ls "$TMPDIR"
}

if [ ! -s "$images/sample.tar" ]; then
	check "a sample image is made from Debian's packages" false
	finish
fi
state >"$dir/before"
check "it runs" quickstart
cat "$dir/out"
check "a pod's page is shown" contains "from a pod" "$(cat "$dir/out")"
check "each step says how long it took" test "$(grep -c ' s$' "$dir/out")" = 5
state >"$dir/after"
check "nothing is left" diff "$dir/before" "$dir/after"

check "it leaves the cluster when asked to" quickstart --keep --data-dir "$dir/kept"
export KUBECONFIG=$dir/kept/admin.kubeconfig
check "which can be used as it says" contains quickstart "$("$kubectl" get pods 2>&1)"
check "with three pods" test \
	"$("$kubectl" get deployment quickstart -o 'jsonpath={.status.availableReplicas}')" = 3
check "and is taken away as it says" sh -c "$(grep 'stop --pods' "$dir/out") >/dev/null"
check "whoever asks for something else is told how it is used" test \
	"$("$(dirname "$0")/../../packaging/quickstart" --nonsense 2>&1 | grep -c -- --keep)" = 1
finish
