#!/bin/bash
# Pods are resized while they run: kubectl says so, and the kernel's groups have it.
#
#   resize.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

begin_cluster
create_pod p 1 <<-'E'
	containers:
	- name: c
	  image: kube.local/sample:1
	  command: [sleep, "1000"]
	  resizePolicy:
	  - {resourceName: memory, restartPolicy: RestartContainer}
	  resources:
	    requests: {cpu: 100m, memory: 64Mi}
	    limits: {cpu: 200m, memory: 64Mi}
	- name: d
	  image: kube.local/sample:1
	  command: [sleep, "1000"]
	  resources:
	    requests: {cpu: 100m, memory: 64Mi}
	    limits: {cpu: 200m, memory: 64Mi}
E
check "the pod runs" within 20 prints 'true true' k get pod p -o 'jsonpath={.status.containerStatuses[*].ready}'
uid=$(k get pod p -o 'jsonpath={.metadata.uid}')
id() { k get pod p -o "jsonpath={.status.containerStatuses[?(@.name=='$1')].containerID}" | sed 's|.*//||'; }
status() { k get pod p -o "jsonpath={.status.containerStatuses[?(@.name=='$1')]$2}"; }
# Of a container, or of the whole pod: what its group says, whatever the version of cgroups.
group() { # cpu|memory DIRECTORY
	local top=/sys/fs/cgroup
	[ -e $top/cgroup.controllers ] || top=$top/$1
	find $top -type d -path "*pod$uid*" -name "$2" | head -n 1
}
memory() { cat "$(group memory "$1")"/memory.{limit_in_bytes,max} 2>/dev/null; }
quota() { cat "$(group cpu "$1")"/cpu.{cfs_quota_us,max} 2>/dev/null | cut -d' ' -f1; }
resize() { # CONTAINER REQUESTS LIMITS
	k patch pod p --subresource resize -p "{\"spec\":{\"containers\":[{\"name\":\"$1\",
		\"resources\":{\"requests\":$2,\"limits\":$3}}]}}"
}

before=$(id d)
check "kubectl resizes" \
	quiet resize d '{"cpu":"200m","memory":"96Mi"}' '{"cpu":"400m","memory":"96Mi"}'
check "the container's group has it" within 10 prints 40000 quota "$before"
check "its memory, too" within 10 prints $((96 << 20)) memory "$before"
check "the pod's group has the sum" within 10 prints "60000 $((160 << 20))" \
	eval 'echo $(quota "pod$uid") $(memory "pod$uid")'
check "the status says what it has" within 10 prints '400m 96Mi' \
	eval 'echo $(status d .resources.limits.cpu) $(status d .resources.limits.memory)'
check "it is the same container" [ "$(id d)" = "$before" ]
check "and has not been started again" within 5 prints 0 status d .restartCount
check "both ends are told" within 10 eval 'k get events | grep -q ResizeCompleted'
before=$(id c)
resize c '{"cpu":"300m","memory":"80Mi"}' '{"cpu":"300m","memory":"80Mi"}' >/dev/null
check "another one is made where that is asked for" within 20 eval '[ "$(status c .restartCount)" = 1 ]'
check "it has what it should" within 20 prints "30000 $((80 << 20))" \
	eval 'echo $(quota "$(id c)") $(memory "$(id c)")'
check "nothing is in progress" within 20 eval '! k get pod p -o yaml | grep -q PodResize'
resize d '{"cpu":"64"}' '{"cpu":"65"}' >"$dir/answer"
check "what no node has is refused" grep -q "enough allocatable" "$dir/answer"

stop
k get pod p >/dev/null 2>&1
check "the next server starts" start --node-name node
check "it knows what was done" within 10 prints '400m 96Mi' \
	eval 'echo $(status d .resources.limits.cpu) $(status d .resources.limits.memory)'
check "and goes on" \
	quiet resize d '{"cpu":"50m","memory":"64Mi"}' '{"cpu":"100m","memory":"64Mi"}'
check "less is given, too" within 10 prints "10000 $((64 << 20))" \
	eval 'echo $(quota "$(id d)") $(memory "$(id d)")'
check "to the pod as well" within 10 prints "40000 $((144 << 20))" \
	eval 'echo $(quota "pod$uid") $(memory "pod$uid")'
k delete pod p >/dev/null
stop
finish
