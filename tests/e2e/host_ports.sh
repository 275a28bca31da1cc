#!/bin/bash
# Host ports of real pods, on an isolated node: reached from the node, from other pods and from the
# world, while kube is there and while it is not; taken over by the next pod, and closed with the
# last.
. "$(dirname "$0")/../harness/cluster.sh"

# The world is a namespace of its own, which knows the node and no pod.
unshare -n sleep 600 &
world=$!
until [ "$(readlink /proc/$world/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add eth0 type veth peer name node netns "/proc/$world/ns/net"
ip addr add 192.0.2.2/24 dev eth0
ip link set eth0 up
from_world() { nsenter -t "$world" -n "$@"; }
from_world ip addr add 192.0.2.1/24 dev node
from_world ip link set node up
ip route add default via 192.0.2.1

page() { curl -s --max-time 3 --noproxy '*' "http://$1/" | grep -q 'from a pod'; }
world_page() { from_world curl -s --max-time 3 --noproxy '*' "http://$1/" | grep -q 'from a pod'; }
within_pod() { # POD COMMAND…: with the node's programs in the pod's network
	local ip pid
	ip=$(k get pod "$1" -o 'jsonpath={.status.podIP}')
	shift
	for pid in $(pgrep -f 'shim .*sandboxes'); do
		if nsenter -t "$pid" -n ip -o addr show dev eth0 2>/dev/null | grep -q " $ip/"; then
			nsenter -t "$pid" -n "$@"
			return
		fi
	done
	return 1
}
pod_page() { # POD ADDRESS
	within_pod "$1" curl -s --max-time 3 --noproxy '*' "http://$2/" | grep -q 'from a pod'
}
nothing_at() { ! curl -s --max-time 3 --noproxy '*' "http://$1/" >/dev/null; }
ready() { k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -q True; }
pod() { # NAME HOST-PORT HOST-IP
	cat <<-E
		apiVersion: v1
		kind: Pod
		metadata: {name: $1}
		spec:
		  terminationGracePeriodSeconds: 1
		  containers:
		  - name: nginx
		    image: kube.local/sample:1
		    ports: [{containerPort: 80${2:+, hostPort: $2}${3:+, hostIP: $3}}]
		    readinessProbe: {httpGet: {port: 80, path: /}, periodSeconds: 1}
		---
	E
}

mkdir -p "$dir/d/images"
cp "$images/sample.tar" "$dir/d/images/"
check "the cluster starts" start
{ pod open 8080; pod own 8081 127.0.0.1; pod outside 8081 192.0.2.2; pod client; } |
	k create -f - >/dev/null
for name in open own outside client; do check "pod $name is ready" within 40 ready $name; done

for at in 192.0.2.2:8080 127.0.0.1:8080 127.0.0.1:8081 192.0.2.2:8081; do
	check "the node reaches $at" page $at
done
check "the world reaches the port" world_page 192.0.2.2:8080
check "and that of one address" world_page 192.0.2.2:8081
check "another pod reaches it" pod_page client 192.0.2.2:8080
check "the pod itself does" pod_page open 192.0.2.2:8080

# Whoever passes by the scheduler is refused by the node.
node=$(k get nodes -o 'jsonpath={.items[0].metadata.name}')
pod late 8080 | sed "s/^spec:/spec:\n  nodeName: $node/" | k create -f - >/dev/null
reason_of() { k get pod "$1" -o 'jsonpath={.status.phase} {.status.reason}'; }
check "a port is not had twice" within 20 prints "Failed NodePorts" reason_of late
check "and that is said" contains "node(s) didn't have free ports for the requested pod ports" \
	"$(k describe pod late)"
pod tuned | sed 's/^spec:/spec:\n  securityContext: {sysctls: [{name: kernel.msgmax, value: "9000"}]}/' |
	k create -f - >/dev/null
check "unsafe settings of the kernel are refused" within 20 prints "Failed SysctlForbidden" reason_of tuned
pod safe | sed 's|^spec:|spec:\n  securityContext: {sysctls: [{name: net/ipv4/ip_unprivileged_port_start, value: "70"}]}|' |
	k create -f - >/dev/null
check "safe ones are made" within 30 ready safe
check "in the pod" prints 70 k exec safe -- cat /proc/sys/net/ipv4/ip_unprivileged_port_start

pod slow | sed 's|^metadata:.*|metadata: {name: slow, annotations: {kubernetes.io/ingress-bandwidth: 8M, kubernetes.io/egress-bandwidth: 4M}}|' |
	k create -f - >/dev/null
check "a pod may be slow" within 30 ready slow
check "the node sends it no more" test "$(tc qdisc show | grep -c 'tbf .*rate 8Mbit')" = 1
check "nor does it itself" test "$(for p in $(pgrep -f 'nginx: master'); do
	nsenter -t "$p" -n tc qdisc show dev eth0; done | grep -c 'rate 4Mbit')" = 1
pod mad | sed 's|^metadata:.*|metadata: {name: mad, annotations: {kubernetes.io/ingress-bandwidth: "7"}}|' |
	k create -f - >/dev/null
unreasonable() { k describe pod mad | grep -q 'unreasonably small (< 1kbit)'; }
check "what makes no sense is said" within 20 unreasonable

(cd "$dir" && mkdir world && exec nsenter -t "$world" -n python3 -m http.server -d world \
	--bind 192.0.2.1 8000 >"$dir/visits" 2>&1) &
visited=$!
check "a pod reaches the world" within 10 within_pod client \
	curl -sf --max-time 3 --noproxy '*' http://192.0.2.1:8000/
check "by the node's address" grep -q '^192.0.2.2 .*"GET / ' "$dir/visits"
kill $visited

kill -9 $server
wait $server 2>/dev/null
check "without kube it is open" world_page 192.0.2.2:8080
check "kube comes back" start
check "and it is open" world_page 192.0.2.2:8080
nft flush ruleset
check "after a flush it is open again" within 40 world_page 192.0.2.2:8080

k delete pod open --wait=true --timeout=30s >/dev/null
check "without its pod it is closed" within 10 nothing_at 192.0.2.2:8080
pod next 8080 | k create -f - >/dev/null
check "the next pod has it" within 40 world_page 192.0.2.2:8080
k delete pod --all --wait=true --timeout=60s >/dev/null
check "with the last it is closed" within 10 nothing_at 127.0.0.1:8080
check "no rule names a port" test "$(nft list table inet kube-pods | grep -c dnat)" = 0
kill -TERM $server
wait $server
kill "$world"
finish
