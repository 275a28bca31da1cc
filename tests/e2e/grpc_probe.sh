#!/bin/bash
# Probes by gRPC, of a server that others wrote.
#
#   grpc_probe.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

begin_cluster
mkdir "$dir/health"
echo SERVING >"$dir/health/whole"
echo NOT_SERVING >"$dir/health/ready"
# Debian's interpreter has Debian's modules; what lies beside the script is none of them.
/usr/bin/python3 -IB "$(dirname "$0")/grpc_health.py" 0.0.0.0:5555 "$dir/health" >"$dir/health.log" 2>&1 &
health=$!
check "there is a gRPC server" within 10 grep -q ready "$dir/health.log"
# The pod has the node's network, and so the server's port.
create_pod p 1 <<-'E'
	hostNetwork: true
	containers:
	- name: c
	  image: kube.local/sample:1
	  command: [sleep, "1000"]
	  readinessProbe: {periodSeconds: 1, grpc: {port: 5555, service: ready}}
	  livenessProbe: {periodSeconds: 1, failureThreshold: 2, grpc: {port: 5555}}
E
field() { k get pod p -o "jsonpath={.status.containerStatuses[0].$1}"; }
events() { k get events --field-selector "reason=Unhealthy" -o 'jsonpath={.items[*].message}' | grep -qF "$1"; }
check "it runs" within 20 eval '[ -n "$(field state.running.startedAt)" ]'
check "a service that does not serve is not ready" within 10 \
	events 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
check "and stays so" prints false field ready
echo SERVING >"$dir/health/ready"
check "one that serves is" within 10 prints true field ready
rm "$dir/health/ready"
check "one that is not known is not" within 10 prints false field ready
check "it has lived all the time" prints 0 field restartCount
echo NOT_SERVING >"$dir/health/whole"
check "who is not alive is started again" within 20 prints 1 field restartCount
echo SERVING >"$dir/health/whole"
kill $health
wait $health 2>/dev/null
check "who is not there is not alive either" within 30 prints 2 field restartCount
k delete pod p >/dev/null
stop
finish
