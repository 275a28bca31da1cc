#!/bin/bash
# What client libraries have for looking into pods, against real ones: the JavaScript client's and the
# Python client's own commands, attach, ports, logs, files and figures.
. "$(dirname "$0")/../harness/cluster.sh"
here=$(cd "$(dirname "$0")" && pwd)

join_world
add_image
check "the cluster starts" start
within 20 k get serviceaccount default
k create -f - >/dev/null <<-'X'
	apiVersion: v1
	kind: Pod
	metadata: {name: web, labels: {app: web}}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers: [{name: nginx, image: "kube.local/sample:1"}]
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: talker, labels: {app: talker}}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: sh
	    image: kube.local/sample:1
	    stdin: true
	    command: [sh, -c, 'while read word; do echo "heard $word"; done']
X
check "the pods run" within 40 prints 1 running web
within 20 prints 1 running talker
node "$here/streams.mjs" "$here/../../build/clients" "$KUBECONFIG" | tee "$dir/js"
check "the JavaScript client finds nothing wrong" grep -q ' passed, 0 failed' "$dir/js"
/usr/bin/python3 -B "$here/streams.py" "$KUBECONFIG" | tee "$dir/python"
check "nor does the Python client" grep -q ' passed, 0 failed' "$dir/python"
"$kubectl" exec web -- sleep 1000 >"$dir/cut" 2>&1 &
cut=$!
within 10 pgrep -f '^sleep 1000'
check "kube ends while a command runs" stop
wait $cut
check "which has not ended well for whoever waits" test $? != 0
check "kube comes back" start
k delete pod --all --wait >/dev/null
unmounted() { ! grep -q "$dir/d/\(kubelet/pods\|runtime\)" /proc/self/mounts; }
within 20 unmounted
check "it ends" stop
check "without an error in the log" test "$(grep -c '^E' "$dir/log")" = 0
finish
