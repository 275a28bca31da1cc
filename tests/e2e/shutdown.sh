#!/bin/bash
# The machine's end as a login manager announces it on a real bus: the node says so, pods end group
# by group, and only then the machine may go.
#
#   shutdown.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

join_world

add_image
# A bus of our own, and its login manager's configuration.
mkdir -p /etc/systemd
mount -t tmpfs tmpfs /etc/systemd
mkdir -p /etc/systemd/logind.conf.d
cat >"$dir/bus.conf" <<-E
	<busconfig>
	  <type>system</type>
	  <listen>unix:path=$dir/bus</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default">
	    <allow user="*"/><allow own="*"/>
	    <allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/>
	  </policy>
	</busconfig>
E
dbus-daemon --config-file "$dir/bus.conf" --nofork --nopidfile >"$dir/bus.log" 2>&1 &
bus=$!
within 10 [ -S "$dir/bus" ]
manager() { # SECONDS
	python3 -B "$(dirname "$0")/logind.py" "$dir/bus" "$1" >>"$dir/logind" 2>"$dir/logind.err" &
	login=$!
	within 10 grep -q ready "$dir/logind"
}
said() { grep -c "$1" "$dir/logind"; }
check "there is a bus with a login manager" manager 5
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus
printf '%s\n' 'shutdownGracePeriod: 20s' 'shutdownGracePeriodCriticalPods: 5s' >>"$dir/roomy.yaml"
check "the cluster starts" start --node-name node
check "it asks for the time that it needs" within 10 prints 1 said "reload 20"
check "and holds a lock" within 10 grep -qx \
	'inhibit shutdown|kubelet|Kubelet needs time to handle node shutdown|delay' "$dir/logind"
check "its wish is written down" grep -q InhibitDelayMaxSec=20 /etc/systemd/logind.conf.d/99-kubelet.conf
within 20 k get serviceaccount default
pod() { # NAME PRIORITY
	create_pod "$1" 10 <<-E
		$2
		containers:
		- name: c
		  image: kube.local/sample:1
		  command: [sh, -c, "trap 'sleep 1; exit 0' TERM QUIT; sleep 1000 & wait"]
	E
}
pod web ""
pod dns "priorityClassName: system-node-critical"
both() { k get pods -o 'jsonpath={.items[*].status.containerStatuses[0].ready}'; }
check "pods run" within 20 prints 'true true' both
node() { k get node node -o "jsonpath={.status.conditions[?(@.type=='Ready')]$1}"; }
kill -USR1 $login
check "the node is no longer ready" within 5 prints 'node is shutting down' node .message
check "the lock is held as long as pods run" prints 0 said released
check "pods have ended then" within 15 prints 'Failed Failed' k get pods -o 'jsonpath={.items[*].status.phase}'
check "and say why" prints 'Terminated Terminated' k get pods -o 'jsonpath={.items[*].status.reason}'
ended() { date +%s -d "$(k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].state.terminated.finishedAt}')"; }
check "the critical one last" [ "$(ended web)" -le "$(ended dns)" ]
check "then the machine may go" within 10 prints 1 said released
kill -USR2 $login
check "it was called off: the node is ready again" within 10 prints True node .status
check "and holds a lock again" within 10 prints 2 said inhibit
# A bus that goes and comes back.
kill $login $bus
wait $login $bus 2>/dev/null
rm -f "$dir/bus"
: >"$dir/logind"
dbus-daemon --config-file "$dir/bus.conf" --nofork --nopidfile >"$dir/bus.log" 2>&1 &
bus=$!
within 10 [ -S "$dir/bus" ]
manager 30
check "another bus is found" within 15 prints 1 said inhibit
k delete pods --all >/dev/null
stop
check "at its end the lock is let go of" within 10 prints 1 said released
kill $login $bus
wait $login $bus 2>/dev/null
umount /etc/systemd
finish
