#!/bin/bash
# What a node's configuration limits: the size of logs, which are rotated while they are followed;
# what pods use of the disk, by their own limits and when it is full.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

# A small disk of its own for all that the cluster keeps.
mkdir "$dir/d"
mount -t tmpfs -o size=256m disk "$dir/d"
add_image
cat >"$dir/kubelet.yaml" <<-'X'
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	maxPods: 17
	podsPerCore: 100000
	cgroupDriver: systemd
	syncFrequency: 60s
	seccompDefault: false
	cpuCFSQuotaPeriod: 20ms
	crashLoopBackOff: {maxContainerRestartPeriod: 1s}
	providerID: test://node
	containerLogMaxSize: 40Ki
	containerLogMaxFiles: 3
	containerLogMonitorInterval: 3s
	evictionHard: {nodefs.available: 20%, memory.available: 1Mi}
	evictionPressureTransitionPeriod: 10s
X
sed 's/maxPods/mostPods/' "$dir/kubelet.yaml" >"$dir/wrong.yaml"
"$kube" server --data-dir "$dir/w" --kubelet-config "$dir/wrong.yaml" >"$dir/refused" 2>&1
check "a field that nobody knows is refused" grep -q \
	'strict decoding error: unknown field "mostPods"' "$dir/refused"
mkdir "$dir/more"
cp "$dir/kubelet.yaml" "$dir/more/10.conf"
sed 's/: 17/: -1/' "$dir/kubelet.yaml" >"$dir/more/20.conf"
cp "$dir/wrong.yaml" "$dir/more/30.not"
"$kube" kubelet --config-dir "$dir/more" >"$dir/refused" 2>&1
check "what a later file says counts" grep -q 'maxPods (--max-pods) must not be' "$dir/refused"
(cat "$dir/kubelet.yaml" && echo 'singleProcessOOMKill: false') >"$dir/together.yaml"
"$kube" kubelet --config "$dir/together.yaml" --port=-5 >"$dir/refused" 2>&1
# Version 1 knows no end of a group as a whole; with version 2 the next mistake is found.
wanted='singleProcessOOMKill must not be explicitly set to false when using cgroup v1'
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || wanted='is no port'
check "what cgroups cannot do is not promised" grep -q "$wanted" "$dir/refused"
refuses() { # FIELD VALUE ANSWER
	(cat "$dir/kubelet.yaml" && echo "$1: $2") >"$dir/asked.yaml"
	"$kube" kubelet --config "$dir/asked.yaml" --port=-5 >"$dir/refused" 2>&1
	grep -q "$3" "$dir/refused"
}
echo 'Filename Type Size Used Priority' >"$dir/swaps"
mount --bind "$dir/swaps" /proc/swaps
check "a machine that does not swap is none to fail on" refuses failSwapOn true 'is no port'
echo '/swap file 1 0 -2' >>"$dir/swaps"
check "one that swaps is, when it is asked for" refuses failSwapOn true \
	'running with swap on is not supported'
check "and not otherwise" refuses failSwapOn false 'is no port'
umount /proc/swaps
echo 7 >"$dir/panic"
mount --bind "$dir/panic" /proc/sys/vm/panic_on_oom
echo 1 >"$dir/overcommit"
mount --bind "$dir/overcommit" /proc/sys/vm/overcommit_memory
check "a kernel that is to be left alone has to be right" refuses protectKernelDefaults true \
	'invalid kernel flag: vm/panic_on_oom, expected value: 0, actual value: 7'
umount /proc/sys/vm/panic_on_oom /proc/sys/vm/overcommit_memory
"$kube" kubelet --config "$dir/kubelet.yaml" --eviction-hard 'memory.available<1Gi,disk<5%' \
	--system-reserved cpu=1 >"$dir/refused" 2>&1
check "flags are heeded, too" grep -q 'unsupported eviction signal disk' "$dir/refused"
check "the cluster starts with a configuration" start --node-name node \
	--kubelet-config "$dir/kubelet.yaml"
check "a field without an effect is told" grep -q 'field="cgroupDriver"' "$dir/log"
check "one said as by default is not" sh -c "! grep -q syncFrequency '$dir/log'"
check "pods have an account" within 20 k get serviceaccount default
check "the node has it" within 20 prints 17 k get node node -o 'jsonpath={.status.capacity.pods}'
configz() {
	k get --raw /api/v1/nodes/node/proxy/configz | python3 -c "
import json, sys
c = json.load(sys.stdin)['kubeletconfig']
print(c['maxPods'], c['containerLogMaxSize'], c['imageGCHighThresholdPercent'])"
}
check "and shows it" prints "17 40Ki 85" configz

provider() { k get node node -o 'jsonpath={.spec.providerID}'; }
check "its provider's name of it stands with it" prints test://node provider

# ---- what containers have of it ----
create_pod bounded 0 <<-'X'
	containers:
	- name: silent
	  image: kube.local/sample:1
	  command: [sleep, "1000"]
	  resources: {limits: {cpu: 500m, memory: 64Mi}}
	- name: asking
	  image: kube.local/sample:1
	  command: [sleep, "1000"]
	  securityContext: {seccompProfile: {type: RuntimeDefault}}
	- name: failing
	  image: kube.local/sample:1
	  command: ["false"]
X
filter() { k exec bounded -c "$1" -- grep '^Seccomp:' /proc/self/status | tr -d '\t'; }
check "who says nothing of seccomp has no filter, as the node says" \
	within 20 prints Seccomp:0 filter silent
check "who asks for one has it" within 20 prints Seccomp:2 filter asking
quota() {
	k exec bounded -c silent -- sh -c '
		cd /sys/fs/cgroup
		[ -e cpu.max ] && cat cpu.max && exit
		cd cpu && echo "$(cat cpu.cfs_quota_us) $(cat cpu.cfs_period_us)"'
}
check "limits of processors have the node's period" prints "10000 20000" quota
restarts() {
	k get pod bounded -o 'jsonpath={.status.containerStatuses[*].restartCount}' | grep -q '[5-9]'
}
check "who fails comes back as soon as the node says" within 20 restarts
k delete pod bounded --wait=false >/dev/null

# ---- probes, and how often they were answered ----
create_pod probed 0 <<-'X'
	containers:
	- name: sh
	  image: kube.local/sample:1
	  command: [sleep, "1000"]
	  readinessProbe: {periodSeconds: 1, exec: {command: ["true"]}}
	  livenessProbe: {periodSeconds: 1, failureThreshold: 100, exec: {command: ["false"]}}
X
probes() {
	k get --raw /api/v1/nodes/node/proxy/metrics/probes |
		grep -c -E '^prober_probe_total\{.*pod="probed",.*(Readiness",result="successful|Liveness",result="failed)"\} [1-9]'
}
check "probes are counted" within 20 prints 2 probes
k delete pod probed --wait=false >/dev/null

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

# ---- figures of the disk ----
disks() {
	k get --raw /api/v1/nodes/node/proxy/stats/summary | python3 -c "
import json, sys
n = json.load(sys.stdin)['node']
i = n['runtime']['imageFs']
print(n['fs']['capacityBytes'], i['capacityBytes'], 0 < i['usedBytes'] < n['fs']['usedBytes'],
	0 < n['rlimit']['curproc'] < n['rlimit']['maxpid'])"
}
check "the node tells of its disks and processes" prints "268435456 268435456 True True" disks

# ---- the disk ----
pod() { # NAME VOLUME COMMAND
	k create -f - >/dev/null <<-X
		apiVersion: v1
		kind: Pod
		metadata: {name: $1, labels: {app: $1}}
		spec:
		  terminationGracePeriodSeconds: 30
		  containers:
		  - name: sh
		    image: kube.local/sample:1
		    command: [sh, -c, '$3; sleep 1000']
		    volumeMounts: [{name: v, mountPath: /v}]
		  volumes: [{name: v, emptyDir: {$2}}]
	X
}
reason() { k get pod "$1" -o 'jsonpath={.status.phase} {.status.reason}'; }
message() { k get pod "$1" -o 'jsonpath={.status.message}'; }
pressed() { k get node node -o 'jsonpath={.status.conditions[?(@.type=="DiskPressure")].status}'; }
fill='dd if=/dev/zero of=/v/x bs=1M count'
pod modest 'sizeLimit: 4Mi' "$fill=3"
pod greedy 'sizeLimit: 4Mi' "$fill=5"
check "a volume beyond its limit costs its pod" within 30 prints 'Failed Evicted' reason greedy
check "which is told why" prints \
	'Usage of EmptyDir volume "v" exceeds the limit "4Mi". ' message greedy
check "one within its limit stays" prints Running k get pod modest -o 'jsonpath={.status.phase}'

free=$(df -k --output=avail "$dir/d" | tail -n 1)
pod filler '' "$fill=$((free / 1024 - 40))"
check "a full disk costs the pod that fills it" within 40 prints 'Failed Evicted' reason filler
check "which is told how full it was" sh -c \
	"'$kubectl' get pod filler -o 'jsonpath={.status.message}' | grep -q \
	'^The node was low on resource: ephemeral-storage. Threshold quantity: .*, available: '"
check "the node says so" within 20 prints True pressed
tainted() {
	k get node node -o 'jsonpath={.spec.taints[*].key}' | grep -q disk-pressure
}
check "and new pods are kept away" within 10 tainted
check "other pods stay" prints Running k get pod modest -o 'jsonpath={.status.phase}'
check "and later that it has room again" within 60 prints False pressed

check "the end is clean" stop
umount -l "$dir/d"
finish
