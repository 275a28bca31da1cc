#!/bin/bash
# A disk that fills up below a running cluster, on an isolated node: what is written is refused in
# words, what is read is answered, pods go on; with room again all goes on by itself.
. "$(dirname "$0")/../harness/cluster.sh"

mkdir -p "$dir/d"
mount -t tmpfs -o size=80m tmpfs "$dir/d"
begin_cluster
create_pod web 0 <<<'containers: [{name: c, image: "kube.local/sample:1"}]'
create_pod victim 0 <<<'containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "1000"]}]'
check "pods run" within 30 prints "Running Running" k get pods -o 'jsonpath={.items[*].status.phase}'
web=$(k get pod web -o 'jsonpath={.status.podIP}')
serves() { page "http://$web/" | grep -q 'from a pod'; }
check "one serves" within 10 serves
k create configmap before --from-literal=a=1 >/dev/null

fill() { # to the last byte
	dd if=/dev/zero of="$dir/d/ballast" bs=1M oflag=append conv=notrunc status=none 2>/dev/null
	dd if=/dev/zero of="$dir/d/ballast" bs=1 count=5000 oflag=append conv=notrunc status=none 2>/dev/null
}
fill
large=$(head -c 30000 /dev/zero | tr '\0' x)
number=0
write() { # some more than fits into what the store's files have room for already
	number=$((number + 1))
	k create configmap "more-$number" --from-literal="a=$large" -v 8 >"$dir/said"
}
refused() { ! write; }
check "a write is refused" within 20 refused
check "with a Status" grep -q "507 Insufficient Storage" "$dir/said"
check "that says why" grep -q "error: failed to create configmap: writing .*: database or disk is full" \
	"$dir/said"
check "what is there is read" prints 1 k get configmap before -o 'jsonpath={.data.a}'
check "lists, too" contains victim "$(k get pods)"
check "the pod serves" serves
check "a command runs in it" contains nginx "$(k exec web -- nginx -v)"
check "its log is read" quiet k logs web
python3 -B "$harness/derived_image.py" "$images/sample.tar" "$dir/more.tar" more:1 "a=$(seq 20000)" \
	>"$dir/digest"
import() { "$kube" image --root "$dir/d/runtime" import "$dir/more.tar" >"$dir/said" 2>&1; }
check "an image cannot be imported" sh -c "! '$kube' image --root '$dir/d/runtime' import \
	'$dir/more.tar' 2>'$dir/said'"
check "and that is said" contains "no space left on device" "$(cat "$dir/said")"
check "nothing of it is left" test -z "$(ls "$dir/d/runtime/images/incoming")"

# A container cannot be made; its pod is what waits, and nobody else.
kill -9 "$(pgrep -fo '^sleep 1000')"
sleep 1
check "the pod beside one that ended serves" serves
check "kube lives" kill -0 $server

rm "$dir/d/ballast"
check "with room again writes are taken" within 30 write
restarted() { [ -n "$(k get pod victim -o 'jsonpath={.status.containerStatuses[0].state.running}')" ] &&
	pgrep -f '^sleep 1000'; }
check "the container that ended runs again" within 60 restarted
check "and the image is imported" import
check "the node is ready" prints True k get node node \
	-o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'

# ---- a start without room: nothing is written that stands there already ----
works_without_room() { # how the one before ended
	fill
	check "after $1 it starts without room" start --node-name node
	check "what is there is read" prints 1 k get configmap before -o 'jsonpath={.data.a}'
	check "a write is refused" within 20 refused
	check "for that reason" grep -q "507 Insufficient Storage" "$dir/said"
	check "pods go on" serves
	check "a command runs in one" contains nginx "$(k exec web -- nginx -v)"
}
kill -9 $server
wait $server 2>/dev/null
works_without_room "kill -9"
check "it ends without room" stop
works_without_room "an end on a full disk"
rm "$dir/d/ballast"
check "with room writes are taken" within 30 write
check "it ends" stop
works_without_room "an end in order"
kill -9 $server
wait $server 2>/dev/null
rm "$dir/d/ballast"
check "with room it starts" start --node-name node
check "the API is where it was, and not at the DNS's address" prints 192.0.2.2 \
	k get endpointslice kubernetes -o 'jsonpath={.endpoints[*].addresses[*]}'
check "nothing is lost that was acknowledged" prints 1 k get configmap before -o 'jsonpath={.data.a}'
check "it is the same pod" prints 0 k get pod web -o 'jsonpath={.status.containerStatuses[0].restartCount}'
k delete pod --all --wait=true --timeout=30s >/dev/null
unmounted() { ! grep -q "$dir/d/" /proc/self/mounts; }
check "nothing is left of its mounts" within 20 unmounted
check "it ends" stop
check "and lets go of the disk" umount "$dir/d"
finish
