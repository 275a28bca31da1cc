#!/bin/bash
# What cmake --install puts where: the program under its names, the unit that starts it.
. "$(dirname "$0")/../harness/check.sh"
kube=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

check "it installs" sh -c "cmake --install '$(dirname "$kube")' --prefix '$dir' >/dev/null"
check "the program runs" contains "v1.36" "$("$dir/bin/kube" --version)"
check "and under upstream's names" contains "Kubernetes v1.36" "$("$dir/bin/kubelet" --version)"
unit=$dir/lib/systemd/system/kube.service
check "the unit starts that program" grep -qx "ExecStart=$dir/bin/kube server \$KUBE_FLAGS" "$unit"
check "a stopped server leaves its pods alone" grep -qx KillMode=process "$unit"
if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify "$unit" >"$dir/verified" 2>&1
	grep kube.service "$dir/verified"
	check "systemd understands it" test $? = 1
fi

# The manager is told when it may go on, and of the end.
python3 - "$dir" <<-'Q' &
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1] + "/manager")
	s.settimeout(60)
	with open(sys.argv[1] + "/told", "w") as out:
	    for _ in range(2):
	        print(s.recv(4096).decode(), file=out, flush=True)
Q
manager=$!
until [ -S "$dir/manager" ]; do sleep 0.05; done
NOTIFY_SOCKET=$dir/manager "$dir/bin/kube" server --data-dir "$dir/d" --secure-port 0 \
	--disable kubelet,proxy,dns >"$dir/out" 2>"$dir/log" &
server=$!
ready() { grep -qx READY=1 "$dir/told" 2>/dev/null; }
for _ in $(seq 200); do
	ready && break
	sleep 0.1
done
check "readiness is told" ready
"$dir/bin/kube" stop --data-dir "$dir/d" >/dev/null
check "a stopped server ends with success, so that it is not started again" wait $server
wait $manager
check "the end is told" grep -qx STOPPING=1 "$dir/told"
finish
