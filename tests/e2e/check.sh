#!/bin/bash
# What kube check says of a machine: one that is fit, and those where something is in the way.
. "$(dirname "$0")/../harness/node.sh"
. "$(dirname "$0")/../harness/check.sh"
kube=$1
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT

look() { "$kube" check --data-dir "$dir/d" "$@" >"$dir/out" 2>&1; }
finds() { # VERDICT CHECK TEXT: and, if it is bad, what can be done
	grep -A1 -E "^$1 +$2 .*$3" "$dir/out" >"$dir/found" || { cat "$dir/out"; false; } &&
		{ [ "$1" = ok ] || grep -q '→' "$dir/found"; }
}
fails() { # CHECK TEXT [FLAG…]
	local check=$1 text=$2
	shift 2
	! look "$@" && finds failure "$check" "$text"
}
warns() { look && finds warning "$1" "$2"; }
within() { # until it is so
	local try
	for try in $(seq 100); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

look
check "a machine that runs these tests is fit" test $? = 0
cat "$dir/out"
check "nothing failed" sh -c "! grep ^failure '$dir/out'"
check "ports are free" test "$(grep -c '^ok *port ' "$dir/out")" = 3
check "images can be mounted" finds ok overlayfs "can be mounted"
check "looking leaves nothing" test "$(ls -A "$dir" | xargs; nft list tables)" = "found out"

# ---- the same for programs ----
"$kube" check --data-dir "$dir/d" --output json >"$dir/json"
check "programs are told the same" python3 - "$dir/json" <<'P'
import json, sys
told = json.load(open(sys.argv[1]))
checks = {c["check"]: c for c in told["checks"]}
assert told["failures"] == 0 and told["warnings"] == sum(c["verdict"] == "warning" for c in told["checks"])
assert {"root", "cgroups", "overlayfs", "port 53", "clock", "firewall"} <= checks.keys()
assert all("remedy" in c for c in told["checks"] if c["verdict"] != "ok")
P
check "other formats there are not" sh -c "! '$kube' check --output xml 2>/dev/null"

# ---- ports ----
listen() { # PORT TYPE
	python3 -c 'import socket, sys, time
s = socket.socket(type=int(sys.argv[2]))
s.bind(("0.0.0.0", int(sys.argv[1])))
if sys.argv[2] == "1": s.listen()
time.sleep(60)' "$@" &
	other=$!
}
listen 6443 1
check "a port that is taken is a failure" within fails "port 6443" "the API server needs it"
kill $other
listen 53 2
check "a server of names that has every address, too" within fails "port 53" "every address"
kill $other

# ---- others ----
cp "$(command -v sleep)" "$dir/k3s-server"
"$dir/k3s-server" 60 &
other=$!
check "another cluster's process is seen" within warns others "k3s-server"
kill $other
nft -f - <<-'N'
	add table ip filter
	add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
N
check "a firewall that drops what is forwarded" warns firewall "FORWARD of table ip filter"
nft delete table ip filter
nft -f - <<-'N'
	add table inet kube-proxy
	add chain inet kube-proxy out { type nat hook output priority 0; }
N
check "rules of a cluster elsewhere" warns tables "another data directory"
nft delete table inet kube-proxy

# ---- the kernel, as seen from here ----
mount --bind /proc/sys /proc/sys
echo 0 >/proc/sys/net/ipv4/ip_forward
check "forwarding that is off is for the server to turn on" sh -c "'$kube' check --data-dir '$dir/d' |
	grep '^ok *forwarding *off' >/dev/null"
mount -o remount,bind,ro /proc/sys
check "where it cannot, it is a failure" fails forwarding "it is off"
umount /proc/sys
echo 8 >"$dir/few"
mount --bind "$dir/few" /proc/sys/fs/inotify/max_user_instances
check "few watchers" warns inotify "8 instances are few"
umount /proc/sys/fs/inotify/max_user_instances
mount -t tmpfs tmpfs /proc/sys/kernel/seccomp
check "no filters of calls" warns seccomp "cannot filter"
umount /proc/sys/kernel/seccomp
: >"$dir/empty"
mount --bind "$dir/empty" /etc/resolv.conf
check "no server of names" warns resolv.conf "names no server"
umount /etc/resolv.conf
check "no cgroups" unshare -m sh -c "umount -R /sys/fs/cgroup && '$kube' check --data-dir '$dir/d' >'$dir/out'"
check "as is said" finds warning cgroups "pods go without limits|not mounted"
check "no right to set rules" sh -c "! setpriv --bounding-set -net_admin \
	'$kube' check --data-dir '$dir/d' >'$dir/out'"
check "which is said" finds failure nftables "services need it"
chmod 755 "$dir"
cp "$kube" "$dir/kube"
check "others than root" sh -c "! setpriv --reuid 65534 --regid 65534 --clear-groups \
	'$dir/kube' check --data-dir '$dir/d' >'$dir/out'"
check "are told so" finds failure root "only root"
rm "$dir/kube"

# ---- the data directory ----
mkdir "$dir/none"
mount -t tmpfs -o size=1m tmpfs "$dir/none"
check "a full disk is a failure" fails disk "are free" --data-dir "$dir/none/deep/below"
mount -o remount,ro "$dir/none"
check "so is one that cannot be written to" fails overlayfs "nothing can be made" \
	--data-dir "$dir/none/deep/below"
umount "$dir/none"
mkdir "$dir/layers" "$dir/over"
mount -t tmpfs tmpfs "$dir/layers"
mkdir "$dir/layers/lower" "$dir/layers/upper" "$dir/layers/work"
mount -t overlay overlay "$dir/over" \
	-o "lowerdir=$dir/layers/lower,upperdir=$dir/layers/upper,workdir=$dir/layers/work"
check "one where images cannot be mounted, too" fails overlayfs "cannot be mounted" \
	--data-dir "$dir/over/d"
check "of which nothing stays" test -z "$(ls -A "$dir/over")"
umount "$dir/over" "$dir/layers"
mkdir -p "$dir/d/state" "$dir/d/pki"
touch -d '2 days' "$dir/d/state/state.db"
check "a clock that is behind what was written" fails clock "younger"
rm -r "$dir/d/state"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old -days 3 \
	-keyout /dev/null -out "$dir/d/pki/ca.crt" 2>/dev/null
check "an authority that ends soon" warns certificates "ca.crt ends on"
echo rubbish >"$dir/d/pki/ca.crt"
check "one that cannot be read" fails certificates "cannot be read"
finish
