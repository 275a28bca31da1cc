#!/bin/bash
# What real containers see of their volumes, on an isolated node: who may read and write what, what
# changes while they run, what survives their restart, and that nothing is left of it.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

add_image
mkdir -p "$dir/host" "$dir/disk"
chmod 755 "$dir"
chmod 777 "$dir/host"
echo gold >"$dir/disk/kept"

check "the cluster starts" start --node-name node
check "the node is ready" within 20 prints True k get node node \
	-o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
check "pods have an account" within 20 k get serviceaccount default

# ---- one pod with everything ----
k create configmap words --from-literal=greeting=hello --from-literal=bye=bye >/dev/null
k create secret generic keys --from-literal=pass=s3cret >/dev/null
cat >"$dir/pod.yaml" <<-E
	apiVersion: v1
	kind: Pod
	metadata: {name: all, labels: {b: "2", a: x}}
	spec:
	  terminationGracePeriodSeconds: 1
	  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}
	  restartPolicy: Always
	  containers:
	  - name: main
	    image: kube.local/sample:1
	    env: [{name: WHO, value: me}]
	    command: [sh, -c, "echo up >>/memory/starts; while :; do sh /host/look 2>&1; sleep 0.2; done"]
	    volumeMounts: &mounts
	    - {name: host, mountPath: /host}
	    - {name: empty, mountPath: /empty}
	    - {name: memory, mountPath: /memory}
	    - {name: words, mountPath: /words}
	    - {name: words, mountPath: /only, subPath: greeting}
	    - {name: empty, mountPath: /mine, subPathExpr: logs/\$(WHO)}
	    - {name: keys, mountPath: /keys}
	    - {name: about, mountPath: /about}
	    - {name: node, mountPath: /node, readOnly: true}
	    - {name: image, mountPath: /image}
	    - {name: image, mountPath: /tool, subPath: bin/busybox}
	    - {name: image, mountPath: /tools, subPath: bin}
	  - name: other
	    image: kube.local/sample:1
	    env: [{name: WHO, value: you}]
	    command: [sh, -c, "while :; do sh /host/look-other 2>&1; sleep 0.2; done"]
	    volumeMounts: *mounts
	  volumes:
	  - {name: host, hostPath: {path: $dir/host, type: Directory}}
	  - {name: node, hostPath: {path: $dir/disk}}
	  - {name: image, image: {reference: "kube.local/sample:1", pullPolicy: IfNotPresent}}
	  - {name: empty, emptyDir: {}}
	  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 16Mi}}
	  - {name: words, configMap: {name: words}}
	  - {name: keys, secret: {secretName: keys, defaultMode: 256}}
	  - name: about
	    downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
E
k create -f "$dir/pod.yaml" >/dev/null
# Runs a line in a container of the pod, without the kubelet's help.
ask() { # CONTAINER LINE
	local script=$dir/host/look
	[ "$1" = main ] || script=$dir/host/look-other
	rm -f "$dir/host/said" "$dir/host/done"
	printf '{ %s; } >/host/said 2>&1; : >/host/done; rm /host/%s\n' "$2" "${script##*/}" >"$script.new"
	chmod 666 "$script.new"
	mv "$script.new" "$script"
	within 20 test -e "$dir/host/done"
	cat "$dir/host/said" 2>/dev/null
}
says() { # WANTED CONTAINER LINE
	local said
	said=$(ask "$2" "$3")
	[ "$said" = "$1" ] || {
		echo "   said: $said"
		false
	}
}
check "it runs" within 40 prints Running k get pod all -o 'jsonpath={.status.phase}'
uid=$(k get pod all -o 'jsonpath={.metadata.uid}')
volumes=$dir/d/kubelet/pods/$uid/volumes

check "containers share a directory" says "" main 'echo one >/empty/file'
check "both ways" says one other 'cat /empty/file'
check "it is the group's" says "2777 2000" main 'stat -c "%a %g" /empty'
check "its status says whose it is" prints "1000 [1000,2000]" k get pod all -o \
	'jsonpath={.status.containerStatuses[?(@.name=="main")].user.linux.gid} {.status.containerStatuses[?(@.name=="main")].user.linux.supplementalGroups}'
check "memory is memory" says tmpfs main "sed -n 's|^[^ ]* /memory \\([a-z]*\\) .*|\\1|p' /proc/mounts"
check "with its limit" says 16384 main "df -k /memory | tail -n 1 | tr -s ' ' | cut -d' ' -f2"
check "a config map is files" says "hello bye" main 'echo $(cat /words/greeting) $(cat /words/bye)'
check "a secret is the group's to read" says "s3cret 440" main \
	'echo "$(cat /keys/pass) $(stat -Lc %a /keys/pass)"'
check "nobody writes to them" says "no no" main \
	'touch /words/x 2>/dev/null || printf "no "; touch /keys/x 2>/dev/null || echo no'
check "labels are a file" says 'a="x" b="2"' main 'echo $(cat /about/labels)'
check "a part of a volume is mounted alone" says hello main 'cat /only'
check "a part is each container's own" says "" main 'echo mine >/mine/file'
check "as its variable says" says "me you" other 'echo $(ls /empty/logs)'
check "what is to be read only is" says "gold no" main \
	'echo "$(cat /node/kept) $(touch /node/x 2>/dev/null || echo no)"'
check "an image is files" says "busybox no" main \
	'echo "$(ls /image/bin | grep -x busybox) $(touch /image/x 2>/dev/null || echo no)"'
check "that nobody executes" says "126" main '/image/bin/busybox true 2>/dev/null; echo $?'
check "a part of it too" says "same same" main \
	'cmp /tool /bin/busybox && printf "same "; cmp /tools/busybox /bin/busybox && echo same'
check "a token is there" says 2 main \
	'tr -cd . </var/run/secrets/kubernetes.io/serviceaccount/token | wc -c'
check "that the pod's user may read" says "640 1000 2000" main \
	'stat -Lc "%a %u %g" /var/run/secrets/kubernetes.io/serviceaccount/token'

# ---- what changes ----
k patch configmap words -p '{"data":{"greeting":"good morning","bye":null}}' >/dev/null
check "a change is seen" within 60 prints "good morning" \
	cat "$volumes/kubernetes.io~configmap/words/greeting"
check "by the container too" says "good morning" main 'cat /words/greeting'
check "a key that goes is gone" says greeting main 'ls /words'
check "a part stays what it was" says hello main 'cat /only'
k label pod all c=3 >/dev/null
check "a label is seen" within 60 grep -q 'c="3"' "$volumes/kubernetes.io~downward-api/about/labels"

# ---- what survives ----
kill -9 "$(pgrep -f 'echo up >>/memory/starts' | head -n 1)"
restarted() { [ "$(k get pod all -o 'jsonpath={.status.containerStatuses[?(@.name=="main")].restartCount}')" -gt 0 ]; }
check "a container restarts" within 40 restarted
check "its memory is still there" within 20 says 2 main 'wc -l </memory/starts'
check "its part is the new one" says "good morning" main 'cat /only'

kill -9 $server
wait $server 2>/dev/null
check "containers keep their volumes while kube is away" says "good morning" main 'cat /words/greeting'
ask main 'echo kept >/memory/note' >/dev/null
check "kube comes back" start --node-name node
k patch configmap words -p '{"data":{"greeting":"good night"}}' >/dev/null
check "and goes on with what changes" within 60 prints "good night" \
	cat "$volumes/kubernetes.io~configmap/words/greeting"
check "what is in memory stays" says "2 kept" main 'echo $(wc -l </memory/starts) $(cat /memory/note)'
check "and is mounted once" test "$(grep -c "$volumes/kubernetes.io~empty-dir/memory" /proc/self/mounts)" = 1

# ---- what is in the way ----
create_pod waits 1 <<-'E'
	containers:
	- name: c
	  image: kube.local/sample:1
	  command: [sh, -c, "while :; do sleep 0.2; done"]
	  volumeMounts: [{name: v, mountPath: /v}]
	volumes: [{name: v, configMap: {name: later}}]
E
told() { k describe pod waits | grep -q 'MountVolume.SetUp failed for volume "v" : configmap "later" not found'; }
check "what is missing is told" within 20 told
check "the pod waits" prints ContainerCreating k get pod waits \
	-o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}'
k create configmap later --from-literal=a=1 >/dev/null
check "and runs when it comes" within 20 prints Running k get pod waits -o 'jsonpath={.status.phase}'

# ---- a claim ----
k create -f - >/dev/null <<-E
	apiVersion: v1
	kind: PersistentVolume
	metadata: {name: disk}
	spec:
	  capacity: {storage: 1Gi}
	  accessModes: [ReadWriteOnce]
	  persistentVolumeReclaimPolicy: Retain
	  claimRef: {namespace: default, name: data}
	  local: {path: $dir/disk}
	  nodeAffinity:
	    required:
	      nodeSelectorTerms:
	      - matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]
	---
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: data}
	spec:
	  storageClassName: ""
	  volumeName: disk
	  accessModes: [ReadWriteOnce]
	  resources: {requests: {storage: 1Gi}}
E
# By hand, where nobody binds claims.
if ! within 5 prints Bound k get pvc data -o 'jsonpath={.status.phase}'; then
	claim=$(k get pvc data -o 'jsonpath={.metadata.uid}')
	k patch pv disk -p "{\"spec\":{\"claimRef\":{\"uid\":\"$claim\"}}}" >/dev/null
	k patch pvc data --subresource status -p '{"status":{"phase":"Bound"}}' >/dev/null
fi
k create -f - >/dev/null <<-'E'
	apiVersion: v1
	kind: Pod
	metadata: {name: claims}
	spec:
	  nodeName: node
	  terminationGracePeriodSeconds: 1
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    command: [sh, -c, "cat /data/kept >/data/copy; while :; do sleep 0.2; done"]
	    volumeMounts: [{name: v, mountPath: /data}]
	  volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
E
check "a pod has what it claims" within 30 prints gold cat "$dir/disk/copy"

# ---- how much room they have and take ----
rooms() { # VOLUME…: those of the pod "claims", whether they have figures, and their claim
	k get --raw /api/v1/nodes/node/proxy/stats/summary | python3 -c "
import json, sys
pods = {p['podRef']['name']: p for p in json.load(sys.stdin)['pods']}
for v in pods['claims']['volume']:
	if v['name'] in sys.argv[1:]:
		print(v['name'], 0 < v['usedBytes'] <= v['capacityBytes'], 0 < v['inodesUsed'],
			v.get('pvcRef', {}).get('name', '-'))
print(0 < pods['claims']['ephemeral-storage']['capacityBytes'])" "$@"
}
check "the node tells of the room in volumes" within 20 prints "v True True data
True" rooms v
check "and of claims to who watches it" contains \
	'kubelet_volume_stats_capacity_bytes{namespace="default",persistentvolumeclaim="data"} ' \
	"$(k get --raw /api/v1/nodes/node/proxy/metrics)"

# ---- mounts that spread ----
mkdir -p "$dir/spread/up" "$dir/spread/down"
create_pod spreads 1 <<-E
	containers:
	- name: up
	  image: kube.local/sample:1
	  securityContext: {privileged: true}
	  command: [sh, -c, "mount -t tmpfs none /s/up && touch /s/up/x; while :; do sleep 0.2; done"]
	  volumeMounts: [{name: v, mountPath: /s, mountPropagation: Bidirectional}]
	- name: down
	  image: kube.local/sample:1
	  command: [sh, -c, "while :; do cp /s/down/x /o/seen; sleep 0.2; done"]
	  volumeMounts:
	  - {name: v, mountPath: /s, mountPropagation: HostToContainer}
	  - {name: o, mountPath: /o}
	- name: apart
	  image: kube.local/sample:1
	  command: [sh, -c, "while :; do cp /s/down/x /o/leaked; sleep 0.2; done"]
	  volumeMounts: [{name: v, mountPath: /s}, {name: o, mountPath: /o}]
	volumes:
	- {name: v, hostPath: {path: $dir/spread}}
	- {name: o, hostPath: {path: $dir/host}}
E
check "what a container mounts reaches the node" within 30 test -e "$dir/spread/up/x"
check "its containers run" within 20 prints "true true true" k get pod spreads \
	-o 'jsonpath={.status.containerStatuses[*].started}'
mount -t tmpfs none "$dir/spread/down"
touch "$dir/spread/down/x"
check "what the node mounts reaches a container" within 20 test -e "$dir/host/seen"
check "but only one that asked for it" test ! -e "$dir/host/leaked"

# ---- nothing is left ----
k delete pod all waits claims spreads --wait=true --timeout=60s >/dev/null
gone() { [ "$(find "$dir/d/kubelet/pods" -mindepth 1 | wc -l)" = 0 ]; }
check "nothing of the pods is left" within 20 gone
gone || find "$dir/d/kubelet/pods" | head -n 10
check "no mount" test "$(grep -c "$dir/d/kubelet/pods" /proc/self/mounts)" = 0
umount "$dir/spread/up" "$dir/spread/down"
check "but what was the node's" prints gold cat "$dir/disk/kept"
kill -TERM $server
wait $server
grep -E '^[EW]' "$dir/log" | head -n "${KUBE_TEST_LINES:-5}"
finish
