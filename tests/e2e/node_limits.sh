#!/bin/bash
# What a node's configuration limits: the size of logs, which are rotated while they are followed.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

add_image
cat >"$dir/kubelet.yaml" <<-'X'
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	maxPods: 17
	cgroupDriver: cgroupfs
	containerLogMaxSize: 40Ki
	containerLogMaxFiles: 3
	containerLogMonitorInterval: 3s
X
sed 's/maxPods/mostPods/' "$dir/kubelet.yaml" >"$dir/wrong.yaml"
"$kube" server --data-dir "$dir/w" --kubelet-config "$dir/wrong.yaml" >"$dir/refused" 2>&1
check "a field that nobody knows is refused" grep -q \
	'strict decoding error: unknown field "mostPods"' "$dir/refused"
check "the cluster starts with a configuration" start --node-name node \
	--kubelet-config "$dir/kubelet.yaml"
check "a field without an effect is told" grep -q 'field="cgroupDriver"' "$dir/log"
check "pods have an account" within 20 k get serviceaccount default
check "the node has it" within 20 prints 17 k get node node -o 'jsonpath={.status.capacity.pods}'
configz() {
	k get --raw /api/v1/nodes/node/proxy/configz | python3 -c "
import json, sys
c = json.load(sys.stdin)['kubeletconfig']
print(c['maxPods'], c['containerLogMaxSize'], c['evictionHard']['memory.available'])"
}
check "and shows it" prints "17 40Ki 100Mi" configz

# ---- logs: numbered lines, about 50 kB a second, for ten seconds ----
k create -f - >/dev/null <<-'X'
	apiVersion: v1
	kind: Pod
	metadata: {name: talker, labels: {app: talker}}
	spec:
	  terminationGracePeriodSeconds: 0
	  restartPolicy: Never
	  containers:
	  - name: sh
	    image: kube.local/sample:1
	    command: [sh, -c, 'i=0; while [ $i -lt 10000 ]; do i=$((i + 1)); echo "line $i"; [ $((i % 1000)) = 0 ] && sleep 1; done; sleep 30']
X
within 20 prints 1 running talker
timeout 60 "$kubectl" logs -f talker >"$dir/followed" 2>&1 &
follower=$!
check "a follower sees the last line" within 40 grep -q '^line 10000$' "$dir/followed"
seq -f 'line %.0f' 10000 >"$dir/all"
check "and every line before it, once and in order" cmp -s "$dir/all" "$dir/followed"
files() { find "$dir/logs" -path '*talker*' -name "$1" | wc -l; }
check "older logs are kept, packed but for the newest" within 15 prints 1 files '0.log.*.gz'
check "and no more than are asked for" prints 3 files '0.log*'
check "what is left can be read" quiet k logs talker --tail=1
kill $follower 2>/dev/null
wait $follower 2>/dev/null
k delete pod talker --wait=false >/dev/null
check "they go with the pod" within 20 prints 0 files '*'

check "the end is clean" stop
finish
