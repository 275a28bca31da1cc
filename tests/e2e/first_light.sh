#!/bin/bash
# Real pods behind real services, on an isolated node: nginx from Debian's packages is deployed,
# reached by address, port and name, rolled over under load, looked into; jobs run, probes fail,
# and what runs goes on while kube is killed and comes back.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

begin_load() { # URL: asks for it again and again, until end_load sets $good and $bad
	rm -f "$dir/enough"
	(
		bad=0 good=0
		while [ ! -e "$dir/enough" ]; do
			if page "$1" | grep -q 'from a pod'; then
				good=$((good + 1))
			else
				bad=$((bad + 1))
				date +%T.%N
			fi
		done
		echo "$good $bad" >"$dir/load"
	) &
	load=$!
}
end_load() {
	touch "$dir/enough"
	wait $load
	read -r good bad <"$dir/load"
	echo "$good requests answered, $bad not"
}

add_image

check "the cluster starts, its node ready" start
check "the image is imported" within 20 grep -q 'image imported' "$dir/log"

# ---- a deployment behind a service ----
example=$(dirname "$0")/../../examples/web.yaml
k apply -f "$example" >/dev/null
check "three pods run" within 40 prints 3 running hello
vip=$(k get service hello -o 'jsonpath={.spec.clusterIP}')
contains_page() { page "$1" | grep -q 'from a pod'; }
check "the service's address answers" within 10 contains_page "http://$vip/"
check "the node port answers" within 5 contains_page http://192.0.2.2:30080/
pod=$(k get pods -l app=hello -o 'jsonpath={.items[0].metadata.name}')
shim=$(pgrep -f 'shim .*sandboxes' | head -n 1)
inside() { nsenter -t "$shim" -n "$@"; }
check "a pod reaches the service by address" sh -c \
	"nsenter -t $shim -n curl -s --max-time 3 --noproxy '*' http://$vip/ | grep -q 'from a pod'"
check "a pod reaches the API" sh -c \
	"nsenter -t $shim -n curl -sk --max-time 3 --noproxy '*' https://10.43.0.1/version | grep -q minor"

# ---- looked into ----
check "its log can be read" contains "start worker process" "$(k logs "$pod")"
check "and that of one of a deployment's" contains "start worker" "$(k logs deployment/hello)"
check "a command runs in it" prints "nginx version: nginx/1.22.1" sh -c \
	"$kubectl exec $pod -- nginx -v 2>&1"
k exec "$pod" -- sh -c 'exit 3' >/dev/null
check "and its status is told" test $? = 3
echo "through and back" >"$dir/text"
check "input reaches it" prints "through and back" sh -c "$kubectl exec -i $pod -- cat <$dir/text"
check "a terminal is one" contains /dev/pts/ \
	"$(script -qec "$kubectl exec -it deployment/hello -- tty" /dev/null </dev/null)"
check "a file is copied in" k cp "$dir/text" "$pod:/tmp/text"
check "and out" prints "through and back" sh -c \
	"$kubectl cp $pod:/tmp/text $dir/back >/dev/null 2>&1 && cat $dir/back"
"$kubectl" port-forward deployment/hello 8099:80 >"$dir/forward" 2>&1 &
forward=$!
check "a port is forwarded" within 10 contains_page http://127.0.0.1:8099/
kill $forward
wait $forward 2>/dev/null
timeout 5 "$kubectl" logs -f --tail=0 "$pod" >"$dir/followed" 2>&1 &
followed=$!
sleep 1
page "http://$(k get pod "$pod" -o 'jsonpath={.status.podIP}')/followed" >/dev/null
wait $followed
check "a log is followed" contains "GET /followed" "$(cat "$dir/followed")"
check "the API leads to its page" contains "from a pod" \
	"$(k get --raw "/api/v1/namespaces/default/pods/$pod/proxy/")"

# ---- rolled over under load ----
begin_load "http://$vip/"
k set env deployment/hello GENERATION=2 >/dev/null
check "a rolling update ends" quiet k rollout status deployment/hello --timeout=90s
k rollout undo deployment/hello >/dev/null
check "so does its way back" quiet k rollout status deployment/hello --timeout=90s
end_load
check "no request failed meanwhile" test "$bad" = 0
check "and there were some" test "$good" -gt 20

k scale deployment hello --replicas=20 >/dev/null
check "it scales up" within 60 prints 20 running hello
k scale deployment hello --replicas=2 >/dev/null
check "its events tell so" contains "Scaled up replica set" "$(k describe deployment hello)"
only_two() { [ "$(k get pods -l app=hello --no-headers | wc -l)" = 2 ]; }
check "and down" within 60 only_two
pod=$(k get pods -l app=hello -o 'jsonpath={.items[0].metadata.name}')
reasons() { k describe pod "$pod" | sed '1,/^Events:/d' | awk '{print $2}' | xargs; }
check "a pod's tell of its beginning" contains "Scheduled Pulled Created Started" "$(reasons)"

# ---- what changes inside ----
hello_says() { page http://192.0.2.2:30080/pages/hello.html | grep -q "$1"; }
check "a config map is a page" hello_says "Hello from a ConfigMap"
k patch configmap pages -p '{"data":{"hello.html":"good morning"}}' >/dev/null
changed() { for _ in 1 2 3 4 5 6 7 8; do hello_says "good morning" || return; done; }
check "and changes with it" within 90 changed
pod=$(k get pods -l app=hello -o 'jsonpath={.items[0].metadata.name}')
k delete pod "$pod" --wait=false >/dev/null
replaced() { [ "$(running hello)" = 2 ] && ! k get pod "$pod" >/dev/null; }
check "a deleted pod is replaced" within 30 replaced

# ---- jobs, probes, ends ----
k create -f - >/dev/null <<-'E'
	apiVersion: batch/v1
	kind: Job
	metadata: {name: sums}
	spec:
	  completions: 3
	  parallelism: 2
	  template:
	    spec:
	      restartPolicy: Never
	      containers: [{name: c, image: "kube.local/sample:1", command: [sh, -c, "exit 0"]}]
	---
	apiVersion: batch/v1
	kind: Job
	metadata: {name: fails}
	spec:
	  backoffLimit: 1
	  template:
	    spec:
	      restartPolicy: Never
	      containers: [{name: c, image: "kube.local/sample:1", command: [sh, -c, "exit 3"]}]
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: sick}
	spec:
	  containers:
	  - name: c
	    image: kube.local/sample:1
	    command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
	    livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}
	    terminationMessagePath: /last-words
E
check "a job completes" within 60 prints 3 k get job sums -o 'jsonpath={.status.succeeded}'
failed() { k get job fails -o 'jsonpath={.status.conditions[*].reason}' | grep -q BackoffLimitExceeded; }
check "a job that fails is failed" within 60 failed
restarted() { [ "$(k get pod sick -o 'jsonpath={.status.containerStatuses[0].restartCount}')" -gt 0 ]; }
check "a failing probe restarts" within 40 restarted
check "an event says why" contains "Liveness probe failed" "$(k get events)"
k delete pod sick --wait=false >/dev/null

# ---- kube goes and comes back ----
before=$(pgrep -f 'nginx: master' | sort)
begin_load "http://$vip/"
check "it ends when asked" stop
check "pods go on" contains_page "http://$vip/"
check "it starts again" start
check "the pods are those of before" prints 2 running hello
check "each once" test "$(pgrep -f 'nginx: master' | sort)" = "$before"
kill -9 $server
wait $server 2>/dev/null
check "after a kill pods go on" contains_page "http://$vip/"
check "it starts after a kill" start
sleep 2
check "with the same pods" test "$(pgrep -f 'nginx: master' | sort)" = "$before"
end_load
check "nobody noticed" test "$bad" = 0
nft flush ruleset
check "flushed rules come back" within 40 contains_page "http://$vip/"
node=$(k get nodes -o 'jsonpath={.items[0].metadata.name}')
k cordon "$node" >/dev/null
k create deployment late --image kube.local/sample:1 >/dev/null
unscheduled() { k describe pod -l app=late | grep -q "were unschedulable"; }
check "a cordoned node takes no pods" within 10 unscheduled
k uncordon "$node" >/dev/null
check "until it may again" within 20 prints 1 running late
k drain "$node" --force --ignore-daemonsets --delete-emptydir-data --timeout=60s >/dev/null
masters() { pgrep -fc 'nginx: master'; }
check "a drained node is empty" prints 0 masters
k uncordon "$node" >/dev/null
check "and filled again" within 30 prints 2 running hello

# ---- nothing is left ----
k delete deployment,service,job,pod --all --wait=true --timeout=60s >/dev/null
empty() { [ "$(pgrep -fc 'kube.* shim|nginx: ')" = 0 ]; }
check "deleted pods leave no process" within 30 empty
no_cable() { [ "$(ip -o link | grep -c ': kube')" = 0 ]; }
check "no cable" within 20 no_cable
no_mount() { ! grep -q "$dir/d/\(kubelet/pods\|runtime\)" /proc/self/mounts; }
no_cgroup() { [ "$(find /sys/fs/cgroup -type d -name 'pod*' | wc -l)" = 0 ]; }
no_address() { [ "$(find "$dir/d/network" -type f -path '*addresses*' | wc -l)" = 0 ]; }
check "no mount" within 20 no_mount
check "no cgroup of a pod" within 20 no_cgroup
check "no address" within 20 no_address
check "it ends" stop
check "no part asked for more than it may" test "$(grep -c 'cannot [a-z]* resource' "$dir/log")" = 0
grep -E '^E' "$dir/log" | head -n 5
finish
