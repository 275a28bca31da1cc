#!/bin/bash
# The end of a server, and of all that it has put into a machine: what the node's processes, mounts,
# cgroups, links, routes, addresses and rules were before, they are again.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

state() { # of the machine: all that a cluster changes
	ps -eo comm= | grep -E '^(kube|nginx|sh)' | sort
	cut -d ' ' -f 5 /proc/self/mountinfo | sort
	find /sys/fs/cgroup -type d | sort
	ip -o link | cut -d ' ' -f 2 | sort
	ip -o addr | awk '{print $2, $4}' | sort
	ip route show table all | grep -v ' fe80::\|multicast ff00' | sort
	nft list tables
}
running() { k get pods -l app=web --no-headers | grep -c '1/1 *Running'; }
stop() { timeout 60 "$kube" stop --data-dir "$dir/d" "$@" >"$dir/stopped" 2>&1; }

add_image
state >"$dir/before"

check "where no server runs, none is stopped" stop
check "and that is said" contains "no server runs" "$(cat "$dir/stopped")"
check "it starts" start
"$kube" server --data-dir "$dir/d" >"$dir/second" 2>&1
check "a second one on the same directory is refused" contains "another server runs on $dir/d" \
	"$(cat "$dir/second")"
k create secret generic words --from-literal=greeting=hello >/dev/null
k create -f - >/dev/null <<-'Y'
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 2
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      containers:
	      - name: nginx
	        image: kube.local/sample:1
	        ports: [{containerPort: 80}]
	        volumeMounts: [{name: words, mountPath: /words}, {name: fast, mountPath: /fast}]
	      volumes:
	      - {name: words, secret: {secretName: words}}
	      - {name: fast, emptyDir: {medium: Memory}}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: polite}
	spec:
	  terminationGracePeriodSeconds: 20
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    command: [sh, -c, "trap 'echo farewell; exit 0' TERM QUIT; while :; do sleep 0.2; done"]
Y
check "pods run" within 40 prints 2 running
phase() { k get pod polite -o 'jsonpath={.status.phase}'; }
check "so does one that says farewell" within 20 prints Running phase
masters() { pgrep -fc 'nginx: master'; }

check "the server is stopped" stop
check "with success" wait $server
check "pods go on" prints 2 masters
check "it starts again" start
check "and is stopped with its pods" stop --pods
cat "$dir/stopped"
check "they are counted" contains "3 pods ended" "$(cat "$dir/stopped")"
wait $server 2>/dev/null
check "they could end by themselves" grep -rq farewell "$dir/logs"
state >"$dir/after"
check "the machine is as it was" diff "$dir/before" "$dir/after"

check "it starts with what it had" start
check "and the pods are back" within 40 prints 2 running
kill -9 $server
wait $server 2>/dev/null
check "pods of a killed server are ended, too" stop --pods --grace-period 1
state >"$dir/after"
check "and nothing of them is left" diff "$dir/before" "$dir/after"
check "once more is fine" stop --pods
"$kube" stop --data-dir "$dir/none" >/dev/null 2>&1
check "a directory that is not there is none to stop" test $? = 0

# ---- all of it is taken away ----
uninstall() { timeout 60 "$kube" uninstall --data-dir "$dir/d" "$@" >"$dir/uninstalled" 2>&1; }
mkdir "$dir/logs/others" && echo mine >"$dir/d/notes"
check "it starts once more" start
check "with its pods" within 40 prints 2 running
check "nobody says yes: it is not uninstalled" sh -c \
	"! '$kube' uninstall --data-dir '$dir/d' </dev/null >'$dir/uninstalled' 2>&1"
check "what would go is listed" grep -qx "  $dir/d/state" "$dir/uninstalled"
check "and runs on" prints 2 running
check "it is uninstalled" uninstall --yes
cat "$dir/uninstalled"
wait $server 2>/dev/null
state >"$dir/after"
check "nothing of it is left in the machine" diff "$dir/before" "$dir/after"
check "nor on disk, but for what is others'" test "$(ls "$dir/d" "$dir/logs" | xargs)" = \
	"$dir/d: notes $dir/logs: others"
check "once more there is nothing to remove" sh -c \
	"! '$kube' uninstall --yes --data-dir '$dir/d' 2>'$dir/uninstalled'"
check "and it says why" contains "no server has ever had" "$(cat "$dir/uninstalled")"
grep -E '^E' "$dir/log" | head -n 5
finish
