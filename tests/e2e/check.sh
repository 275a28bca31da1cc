#!/bin/bash
# What kube check says of a machine: one that is fit, and one where something is in the way.
. "$(dirname "$0")/../harness/node.sh"
. "$(dirname "$0")/../harness/check.sh"
kube=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$kube" check --data-dir "$dir/d" >"$dir/out" 2>&1
check "a machine that runs these tests is fit" test $? = 0
cat "$dir/out"
check "nothing failed" sh -c "! grep ^failure '$dir/out'"
check "ports are free" test "$(grep -c '^ok *port ' "$dir/out")" = 2
check "looking leaves nothing" test "$(ls "$dir"; nft list tables)" = out

python3 -c 'import socket, time
s = socket.socket()
s.bind(("0.0.0.0", 6443))
s.listen()
time.sleep(60)' &
other=$!
for _ in $(seq 100); do
	"$kube" check --data-dir "$dir/d" >"$dir/out" 2>&1
	status=$?
	[ $status = 0 ] || break
	sleep 0.05
done
kill $other
check "a port that is taken is a failure" test $status = 1
check "which is said" grep -q '^failure  port 6443' "$dir/out"

mkdir "$dir/none"
mount -t tmpfs -o size=1m tmpfs "$dir/none"
"$kube" check --data-dir "$dir/none/deep/below" >"$dir/out" 2>&1
check "a full disk is a failure" test $? = 1
check "and told for the directory above" grep -q "^failure  disk" "$dir/out"
umount "$dir/none"
finish
