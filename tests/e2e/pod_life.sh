#!/bin/bash
# The life of pods with more than one container, on an isolated node: what begins and ends in which
# order, hooks, shared processes, containers that join later, pods of the node's own directory.
. "$(dirname "$0")/../harness/cluster.sh"

begin_cluster
mkdir "$dir/w"
phase() { k get pod "$1" -o 'jsonpath={.status.phase}'; }
ready() { k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -q True; }

# ---- order ----
create_pod ordered 20 <<-E
	volumes: [{name: w, hostPath: {path: $dir/w}}]
	initContainers:
	- name: one
	  image: kube.local/sample:1
	  command: [sh, -c, "echo one >>/w/order"]
	  volumeMounts: [{name: w, mountPath: /w}]
	- name: side
	  image: kube.local/sample:1
	  restartPolicy: Always
	  command: [sh, -c, "trap 'echo side ends >>/w/order; exit 0' TERM QUIT; echo side >>/w/order; while :; do sleep 0.1; done"]
	  startupProbe: {exec: {command: [grep, -q, side, /w/order]}, periodSeconds: 1}
	  volumeMounts: [{name: w, mountPath: /w}]
	- name: two
	  image: kube.local/sample:1
	  command: [sh, -c, "echo two >>/w/order"]
	  volumeMounts: [{name: w, mountPath: /w}]
	containers:
	- name: main
	  image: kube.local/sample:1
	  command: [sh, -c, "trap 'sleep 1; echo main ends >>/w/order; exit 0' TERM QUIT; while :; do sleep 0.1; done"]
	  lifecycle:
	    postStart: {exec: {command: [sh, -c, "echo hook >>/w/order"]}}
	    preStop: {exec: {command: [sh, -c, "echo last hook >>/w/order"]}}
	  volumeMounts: [{name: w, mountPath: /w}]
	- name: hasty
	  image: kube.local/sample:1
	  lifecycle:
	    preStop: {sleep: {seconds: 1}}
E
check "a pod with all sorts of containers is ready" within 40 ready ordered
check "they began in their order" prints "one side two hook " sh -c "tr '\n' ' ' <'$dir/w/order'"
check "the one that goes along runs" prints true k get pod ordered \
	-o 'jsonpath={.status.initContainerStatuses[1].started}'
check "those of the beginning are done" prints "Completed Completed" k get pod ordered \
	-o 'jsonpath={.status.initContainerStatuses[0,2].state.terminated.reason}'
k delete pod ordered --wait=true --timeout=40s >/dev/null
check "they ended in theirs" prints "last hook main ends side ends " \
	sh -c "tail -n 3 '$dir/w/order' | tr '\n' ' '"

# ---- what fails at the beginning ----
k create -f - >/dev/null <<-'E'
	apiVersion: v1
	kind: Pod
	metadata: {name: stuck}
	spec:
	  restartPolicy: Never
	  initContainers: [{name: i, image: "kube.local/sample:1", command: [sh, -c, "echo no; exit 3"]}]
	  containers: [{name: c, image: "kube.local/sample:1"}]
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: unhooked}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    lifecycle: {postStart: {exec: {command: [sh, -c, "exit 4"]}}}
E
check "who cannot begin has failed" within 20 prints Failed phase stuck
check "and says how" prints 3 k get pod stuck \
	-o 'jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}'
check "its log is there" prints no k logs stuck -c i
hook_failed() { k describe pod unhooked | grep -q FailedPostStartHook; }
check "a hook that fails is told" within 20 hook_failed

# ---- all of it again ----
mkdir "$dir/w/all"
create_pod anew 30 <<-E
	restartPolicy: Never
	volumes: [{name: w, hostPath: {path: $dir/w/all}}, {name: e, emptyDir: {}}]
	initContainers:
	- name: one
	  image: kube.local/sample:1
	  command: [sh, -c, "echo one >>/w/order; echo kept >>/e/kept"]
	  volumeMounts: [{name: w, mountPath: /w}, {name: e, mountPath: /e}]
	- name: side
	  image: kube.local/sample:1
	  restartPolicy: Always
	  command: [sh, -c, "trap 'echo told >>/w/order' TERM QUIT; while :; do sleep 0.1; done"]
	  volumeMounts: [{name: w, mountPath: /w}]
	containers:
	- name: main
	  image: kube.local/sample:1
	  command: [sleep, "1005"]
	  lifecycle: {preStop: {exec: {command: [sh, -c, "echo hook >>/w/order"]}}}
	  volumeMounts: [{name: w, mountPath: /w}]
	- name: short
	  image: kube.local/sample:1
	  command: [sh, -c, "exit 3"]
	- name: asking
	  image: kube.local/sample:1
	  restartPolicy: Never
	  restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [42]}}]
	  command: [sh, -c, "while [ ! -e /w/go ]; do sleep 0.1; done; rm /w/go; exit 42"]
	  volumeMounts: [{name: w, mountPath: /w}, {name: e, mountPath: /e}]
E
restarted() { # COUNT of each container
	[ "$(k get pod anew -o 'jsonpath={.status.initContainerStatuses[*].restartCount} {.status.containerStatuses[*].restartCount}')" = "$1 $1 $1 $1 $1" ]
}
anew() { restarted "$1" && pgrep -f '^sleep 1005' >/dev/null; }
all_restarting() {
	k get pod anew -o 'jsonpath={.status.conditions[?(@.type=="AllContainersRestarting")].status}'
}
check "a pod that can begin anew runs" within 20 anew 0
check "and does not yet" prints False all_restarting
ip=$(k get pod anew -o 'jsonpath={.status.podIP}')
k get pod anew --watch -o 'jsonpath={.status.conditions[?(@.type=="AllContainersRestarting")].status}{"\n"}' \
	>"$dir/watched" 2>/dev/null &
watcher=$!
within 20 test -s "$dir/watched" # it sees what comes now
touch "$dir/w/all/go"
check "one of its containers takes all others with it" within 20 anew 1
check "it said so meanwhile" grep -q True "$dir/watched"
kill $watcher
wait $watcher 2>/dev/null
check "and says when it is over" prints False all_restarting
check "nobody was asked, and it began at its beginning" prints "one one " sh -c "tr '\n' ' ' <'$dir/w/all/order'"
check "its address is the same" prints "$ip" k get pod anew -o 'jsonpath={.status.podIP}'
check "so are its volumes" within 10 prints 2 sh -c "'$kubectl' exec anew -c asking -- cat /e/kept | wc -l"
check "it is told what happened" prints "RestartingAllContainers 137" k get pod anew -o \
	'jsonpath={.status.containerStatuses[0].lastState.terminated.reason} {.status.containerStatuses[0].lastState.terminated.exitCode}'
check "it runs" prints Running phase anew
touch "$dir/w/all/go"
waits() { k get pod anew -o 'jsonpath={.status.containerStatuses[?(@.name=="asking")].state.waiting.reason}'; }
check "who does it again soon has to wait" within 20 prints CrashLoopBackOff waits
check "while the others run" within 10 sh -c "pgrep -f '^sleep 1005'"
k delete pod anew --grace-period=1 --wait=false >/dev/null

# ---- processes that are seen ----
k create -f - >/dev/null <<-'E'
	apiVersion: v1
	kind: Pod
	metadata: {name: shared}
	spec:
	  terminationGracePeriodSeconds: 0
	  shareProcessNamespace: true
	  hostname: own
	  hostAliases: [{ip: 10.1.2.3, hostnames: [far.example]}]
	  containers:
	  - {name: web, image: "kube.local/sample:1"}
	  - {name: beside, image: "kube.local/sample:1", command: [sleep, "1000"]}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: hosts}
	spec:
	  terminationGracePeriodSeconds: 0
	  hostPID: true
	  hostIPC: true
	  hostNetwork: true
	  containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "1001"]}]
E
check "pods that share run" within 30 ready shared
check "those on the node's own, too" within 30 ready hosts
sees() { k exec "$1" -c "$2" -- sh -c "cat /proc/[0-9]*/comm" | grep -q "$3"; }
check "one container sees the other's processes" sees shared beside nginx
check "and who holds the pod" sees shared web kube
check "those of the node see all" sees hosts c bash
check "and have its address" prints 192.0.2.2 k get pod hosts -o 'jsonpath={.status.podIP}'
check "a pod has the name that it wants" prints own k exec shared -c web -- cat /proc/sys/kernel/hostname
check "and knows whom it is told of" contains "10.1.2.3" "$(k exec shared -c web -- grep far.example /etc/hosts)"

# ---- one that joins ----
create_pod web 0 <<<'containers: [{name: nginx, image: "kube.local/sample:1"}]'
check "a pod runs" within 30 ready web
k debug web --image=kube.local/sample:1 --image-pull-policy=IfNotPresent --target=nginx -c looks \
	-- sleep 1002 >/dev/null
joined() { [ -n "$(k get pod web -o 'jsonpath={.status.ephemeralContainerStatuses[0].state.running}')" ]; }
check "a container joins it" within 30 joined
check "and sees its target's processes" sees web looks nginx
check "nobody was started anew" prints 0 k get pod web -o 'jsonpath={.status.containerStatuses[0].restartCount}'

# ---- users of its own ----
k create -f - >/dev/null <<-E
	apiVersion: v1
	kind: Pod
	metadata: {name: users}
	spec:
	  hostUsers: false
	  terminationGracePeriodSeconds: 0
	  securityContext: {fsGroup: 2000}
	  volumes: [{name: e, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    workingDir: /made/here
	    command: [sh, -c, "touch x; echo started >/dev/stdout; exec sleep 1004"]
	    volumeMounts: [{name: e, mountPath: /e}, {name: m, mountPath: /m}]
E
check "a pod with users of its own is ready" within 30 ready users
check "its root is nobody's on the node" prints 65536 \
	sh -c "awk '/^Uid:/ {print \$2}' /proc/\$(pgrep -fo '^sleep 1004')/status"
check "but root in there" prints "0 0 2000 " k exec users -- \
	sh -c '{ touch /e/y /m/y && stat -c %u /made/here/x /m/y && stat -c %g /e/y; } | tr "\n" " "'
check "it speaks" prints started k logs users

# ---- variables from files ----
from_file() { # NAME KEY PATH: a pod whose first container writes what the second one reads
	k create -f - >/dev/null <<-E
	apiVersion: v1
	kind: Pod
	metadata: {name: $1}
	spec:
	  restartPolicy: Never
	  terminationGracePeriodSeconds: 0
	  volumes: [{name: v, emptyDir: {}}]
	  initContainers:
	  - name: writes
	    image: kube.local/sample:1
	    command: [sh, -c, "echo \"WHERE='not far' # there\" >/v/env; ln -s /etc/passwd /v/away"]
	    volumeMounts: [{name: v, mountPath: /v}]
	  containers:
	  - name: reads
	    image: kube.local/sample:1
	    command: [sh, -c, 'echo "\$PLACE, \$(PLACE)"']
	    env:
	    - {name: PLACE, valueFrom: {fileKeyRef: {volumeName: v, path: "$3", key: "$2"}}}
	E
}
from_file file WHERE env
from_file file-key NOWHERE env
from_file file-away root away
within 30 prints Succeeded phase file
check "a variable comes from a file of a volume" prints "not far, not far" k logs file -c reads
why() { k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].state.waiting.message}'; }
check "one that is not there keeps the container back" within 20 prints \
	'environment variable key "NOWHERE" not found in file "env"' why file-key
check "and a link out of it leads nowhere" within 20 prints "couldn't parse env file" why file-away

# ---- of the node's directory ----
mkdir -p "$dir/d/pods"
cat >"$dir/d/pods/own.yaml" <<-'E'
	apiVersion: v1
	kind: Pod
	metadata: {name: own, namespace: kube-system}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "1003"]}]
E
mirror() { k -n kube-system get pod own-node -o "jsonpath={.status.phase} {.metadata.uid}"; }
mirrored() { mirror | grep -q Running; }
check "a manifest of the node runs and is shown" within 40 mirrored
process=$(pgrep -fo '^sleep 1003')
first=$(mirror)
k -n kube-system delete pod own-node --wait=false >/dev/null
another() { mirrored && [ "$(mirror)" != "$first" ]; }
check "what shows it comes back when it is deleted" within 40 another
check "and nothing has ended" prints "$process" pgrep -fo '^sleep 1003'
rm "$dir/d/pods/own.yaml"
unmirrored() { ! quiet k -n kube-system get pod own-node && ! pgrep -f '^sleep 1003'; }
check "without the manifest both are gone" within 40 unmirrored

k delete pod --all --wait=true --timeout=60s >/dev/null
empty() { ! pgrep -f 'nginx: master|^sleep 100'; }
check "nothing is left of them" within 20 empty
unmounted() { ! grep -q "$dir/d/\(kubelet/pods\|runtime\)" /proc/self/mounts; }
check "no mount either" within 20 unmounted
check "it ends" stop
finish
