#!/bin/bash
# What goes wrong with pods, on an isolated node: helpers and containers are killed, memory runs out,
# processes and output have no end, registries are away or give what is damaged. Each pod is told
# about in its status and by an event, and comes back by itself; the other pods do not notice.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

add_image
cat >"$dir/kubelet.yaml" <<-'E'
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	podPidsLimit: 200
E
again() { start --node-name node --kubelet-config "$dir/kubelet.yaml"; }
check "the cluster starts" again
within 20 k get serviceaccount default

field() { # POD JSONPATH: of its first container's status
	k get pod "$1" -o "jsonpath={.status.containerStatuses[0].$2}"
}
says() { # POD JSONPATH TEXT
	[ "$(field "$1" "$2")" = "$3" ]
}
restarts() { # POD COUNT: so often, and runs
	[ "$(field "$1" restartCount)" = "$2" ] && [ -n "$(field "$1" state.running)" ]
}
event() { # POD REASON TEXT: an event of the pod says so
	k get events --field-selector "involvedObject.name=$1,reason=$2" \
		-o 'jsonpath={range .items[*]}{.message}{"\n"}{end}' | grep -q -- "$3"
}
shim_of() { # POD: the pid of its helper; sandboxes of before have none
	local file
	for file in $(grep -l "\"$1\"" "$dir"/d/runtime/sandboxes/*/config.json); do
		pgrep -f "shim .*$(basename "$(dirname "$file")")"
	done
}

# ---- a web server that everything else must leave alone, and three victims ----
create_pod witness 0 <<<'containers: [{name: c, image: "kube.local/sample:1"}]'
for pod in one two three; do
	create_pod "$pod" 1 <<-E
		containers:
		- {name: c, image: "kube.local/sample:1", command: [sh, -c, "echo begun; sleep 1000; exit 5"]}
		- {name: d, image: "kube.local/sample:1", command: [sleep, "1001"]}
	E
done
check "pods run" within 30 prints "Running Running Running Running" \
	k get pods -o 'jsonpath={.items[*].status.phase}'
witness=$(k get pod witness -o 'jsonpath={.status.podIP}')
serves() { page "http://$witness/" | grep -q 'from a pod'; }
check "one of them serves" within 10 serves
both() { # POD COUNTS: the containers have restarted so often, and run
	prints "$2" k get pod "$1" -o 'jsonpath={.status.containerStatuses[*].restartCount}' &&
		prints "true true" k get pod "$1" -o 'jsonpath={.status.containerStatuses[*].ready}'
}
each_once() { # every container of the victims, and every helper
	[ "$(pgrep -fc '^sleep 1000')" = 3 ] && [ "$(pgrep -fc '^sleep 1001')" = 3 ] &&
		[ "$(pgrep -fc 'shim .*sandboxes')" = 4 ]
}

# ---- a container is killed ----
kill -9 "$(pgrep -P "$(shim_of one)" -f 'sleep 1000')"
check "a container that is killed comes back, and no other" within 30 both one "1 0"
check "with what ended it" prints "137 Error" k get pod one \
	-o 'jsonpath={range .status.containerStatuses[0].lastState.terminated}{.exitCode} {.reason}{end}'
check "what it said before is kept" contains begun "$(k logs one -c c --previous)"

# ---- a helper is killed: its containers end with it, and the pod is made again ----
kill -9 "$(shim_of two)"
check "a pod whose helper is killed comes back" within 40 both two "1 1"
check "an event tells that it was made anew" within 10 event two SandboxChanged \
	"Pod sandbox changed, it will be killed and re-created."
check "all run once" within 10 each_once
kill -9 "$(shim_of three)" $server
wait $server 2>/dev/null
check "a helper may go while kube is away" again
check "its pod comes back" within 40 both three "1 1"
check "all run once still" within 10 each_once
check "the web server is as it was" serves
k delete pod one two three --wait=false >/dev/null

# ---- memory, processes and output without end ----
k create -f - >/dev/null <<-'E'
	apiVersion: v1
	kind: Pod
	metadata: {name: hungry}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    command: [sh, -c, "echo eats; exec tail /dev/zero"]
	    resources: {limits: {memory: 16Mi}}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: child-eats}
	spec:
	  terminationGracePeriodSeconds: 0
	  restartPolicy: Never
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    command: [sh, -c, "tail /dev/zero; echo survived; sleep 1000"]
	    resources: {limits: {memory: 16Mi}}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: talks}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    command: [sh, -c, "yes | head -c 30000000; yes no newline | tr -d '\\n' | head -c 10000000; echo; echo enough; sleep 1000"]
E
killed() { says hungry lastState.terminated.reason OOMKilled && says hungry lastState.terminated.exitCode 137; }
check "a container that takes too much memory is killed, and it is said" within 30 killed
restarted() { [ "$(field hungry restartCount)" -ge 1 ]; }
check "it is started again" within 40 restarted
check "later each time" within 40 event hungry BackOff \
	"Back-off restarting failed container c in pod hungry_default"
survived() { contains survived "$(k logs child-eats)"; }
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then # of version 2 all of it ends
	check "a child takes its container along" within 90 says child-eats state.terminated.reason OOMKilled
	check "whole" test -z "$(k logs child-eats)"
else
	check "where only a child did, the container goes on" within 30 survived
	check "as it was" says child-eats restartCount 0
fi
spoken() { k logs talks --tail=1 | grep -qx enough; }
check "a flood of output ends in the log" within 120 spoken
check "of which a part can be asked for" test "$(k logs talks --limit-bytes=1000 | wc -c)" = 1000
check "its helper has not kept it" test \
	"$(awk '/^VmRSS/ {print $2}' "/proc/$(shim_of talks)/status")" -lt 20000
check "the web server is as it was" serves
k delete pod hungry child-eats talks --wait=false >/dev/null

# One that forks without end: the others, and whoever looks into it, have room all the same.
create_pod bomb 0 <<-'E'
	restartPolicy: Never
	containers:
	- name: c
	  image: kube.local/sample:1
	  command: [sh, -c, "sh -c 'while :; do sleep 1002 & done'; exec sleep 1002"]
	- {name: d, image: "kube.local/sample:1", command: [sleep, "1003"]}
E
full() { [ "$(pgrep -fc '^sleep 1002')" -ge 150 ]; }
check "a bomb goes off" within 30 full
sleep 1
check "and is held by the limit of its pod" test "$(pgrep -fc '1002')" -le 200
cannot() { k logs bomb -c c | grep -q "can't fork"; }
check "as it says itself" within 10 cannot
check "the web server goes on" serves
check "a command runs in another pod" contains nginx "$(k exec witness -- nginx -v)"
k delete pod bomb --wait=false >/dev/null
defused() { [ "$(pgrep -fc '^sleep 100[23]')" = 0 ]; }
check "with its pod the bomb is gone" within 20 defused

# ---- registries that are away, and that give what is damaged ----
# The layer that only this image has is damaged in the registry.
mkdir "$dir/layout"
layer=$(python3 -B "$harness/derived_image.py" "$images/sample.tar" "$dir/layout" x:1 \
	"etc/kept=$(seq 3000)")
layer=$dir/layout/blobs/sha256/${layer#sha256:}
cp "$layer" "$dir/whole"
printf x | dd of="$layer" bs=1 seek=1000 conv=notrunc status=none
python3 "$(dirname "$0")/registry.py" "$dir/layout" "$dir/registry" 2>"$dir/registry.err" &
registry=$!
within 10 test -s "$dir/registry"
port=$(cat "$dir/registry")
away=$((port > 20000 ? port - 1 : port + 1))
pulls() { # NAME IMAGE
	create_pod "$1" 0 <<-E
		containers: [{name: c, image: "$2"}]
	E
}
pulls damaged "127.0.0.1:$port/open/x:1"
pulls away "127.0.0.1:$away/open/x:1"
pulls missing "127.0.0.1:$port/nothing/x:1"
check "a damaged layer is refused, and told" within 20 event damaged Failed "Failed to pull image"
check "so is a registry that is away" within 20 event away Failed "connect: connection refused"
check "and an image that is not there" within 20 event missing Failed "/nothing/x:1: not found"
waits() { says "$1" state.waiting.reason ImagePullBackOff; }
for pod in damaged away missing; do
	check "its pod waits: $pod" within 20 waits $pod
	check "an event says so: $pod" within 20 event $pod BackOff "Back-off pulling image"
done
check "nothing of it is kept" test -z "$(ls "$dir/d/runtime/images/incoming")"
cp "$dir/whole" "$layer"
check "the layer repaired, its pod runs" within 40 prints 3000 k exec damaged -- tail -n 1 /etc/kept
k delete pod damaged away missing --wait=false >/dev/null
kill $registry
check "the web server never noticed" serves
check "it was never started again" says witness restartCount 0

k delete pod --all --wait=true --timeout=30s >/dev/null
empty() { [ "$(pgrep -fc 'kube.* shim|nginx: |^sleep 100')" = 0 ]; }
check "no process is left of all that" within 20 empty
unmounted() { ! grep -q "$dir/d/kubelet/pods" /proc/self/mounts; }
check "nor a mount" within 10 unmounted
check "it ends" stop
grep -E '^E' "$dir/log" | head -n 5
finish
