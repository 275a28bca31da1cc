#!/bin/bash
# Pods that come and go, with volumes of every cheap kind, a service, a node port, a host port:
# afterwards the machine is as before, to the last process, mount, namespace, cgroup, link, rule and
# file, and kube holds no more descriptors and little more memory.
#
#   churn.sh KUBE [ROUNDS]      of five pods each
rounds=${2:-3}
. "$(dirname "$0")/../harness/cluster.sh"

# What is kept for watches and as events would hide what is lost.
begin_cluster --event-ttl 15s --etcd-compaction-interval 15s

for n in 1 2 3 4 5; do
	cat <<-E
		---
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: words-$n}
		data: {greeting: hello}
		---
		apiVersion: v1
		kind: Secret
		metadata: {name: keys-$n}
		stringData: {pass: secret}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: web-$n}
		spec:
		  type: NodePort
		  selector: {app: web-$n}
		  ports: [{port: 80}]
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: web-$n, labels: {app: web-$n, round: this}}
		spec:
		  terminationGracePeriodSeconds: 5
		  containers:
		  - name: c
		    image: kube.local/sample:1
		    ports: [{containerPort: 80, hostPort: 808$n}]
		    resources: {requests: {cpu: 10m}, limits: {memory: 64Mi, cpu: 500m}}
		    volumeMounts:
		    - {name: empty, mountPath: /empty}
		    - {name: memory, mountPath: /memory}
		    - {name: words, mountPath: /words}
		    - {name: words, mountPath: /greeting, subPath: greeting}
		    - {name: keys, mountPath: /keys}
		    - {name: about, mountPath: /about}
		  - name: other
		    image: kube.local/sample:1
		    command: [sh, -c, "trap 'exit 0' TERM QUIT; touch /empty/x /memory/x; while :; do sleep 0.2; done"]
		    volumeMounts: [{name: empty, mountPath: /empty}, {name: memory, mountPath: /memory}]
		  volumes:
		  - {name: empty, emptyDir: {}}
		  - {name: memory, emptyDir: {medium: Memory}}
		  - {name: words, configMap: {name: words-$n}}
		  - {name: keys, secret: {secretName: keys-$n}}
		  - name: about
		    downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
	E
done >"$dir/round.yaml"

one_round() {
	k create -f "$dir/round.yaml" >/dev/null &&
		k wait pod -l round=this --for=condition=Ready --timeout=60s >/dev/null &&
		sleep 0.3 && # until they heed signals
		k delete -f "$dir/round.yaml" --wait=true --timeout=60s >/dev/null
}
state() { # of the machine: all that pods change
	ps -eo comm= | grep -Ev '^(ps|grep|bash|sort|churn.sh)$' | sort
	cut -d ' ' -f 4-5 /proc/self/mountinfo | sort
	for n in net mnt pid ipc uts cgroup; do
		echo "$n $(readlink /proc/[0-9]*/ns/$n | sort -u | wc -l)"
	done
	find /sys/fs/cgroup -type d | sort
	ip -o link | cut -d ' ' -f 2 | sort
	ip -o addr | awk '{print $2, $4}' | sort
	ip route show table all | grep -v ' fe80::\|multicast ff00' | sort
	nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//; s/ expires [0-9a-z]*//'
	find "$dir/d" "$dir/logs" /run | grep -v "$dir/d/state/" | sort
}
descriptors() { ls "/proc/$server/fd" | wc -l; }
memory() { awk '/^VmRSS/ {print $2}' "/proc/$server/status"; }

# The first round makes what stays: chains, directories, caches.
check "a first round" one_round
sleep 2
state >"$dir/before"
open=$(descriptors)
small=$(memory)
good=0
for ((i = 0; i < rounds; i++)); do
	one_round && good=$((good + 1))
done
check "pods come and go, $rounds rounds of five" test $good = "$rounds"
same() {
	state >"$dir/after"
	cmp -s "$dir/before" "$dir/after"
}
check "the machine is as it was before" within 20 same
diff "$dir/before" "$dir/after" | head -n 40
little_more() { [ "$(memory)" -le $((small + 8192 + rounds * 5 * 10)) ]; }
check "kube's memory is given back, but for some KiB a pod" within 40 little_more
check "its descriptors are not lost" test "$(descriptors)" -le $((open + 4))
echo "kube: descriptors $open, then $(descriptors); memory $small KiB, then $(memory) KiB"
check "it ends" stop
grep -E '^E' "$dir/log" | head -n 5
finish
