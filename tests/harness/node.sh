# An isolated node for tests written in shell: source it first, with the script's arguments. The
# script goes on in namespaces and cgroups of its own (processes, mounts, network, names), with the
# hierarchies mounted again from there; when it ends all of it is taken away.
#
#   . "$(dirname "$0")/../harness/node.sh"
#
# Where that cannot be had (not root, no right to mount) the script says so and fails.
# The tops of all hierarchies: one directory each, or one for all of version 2.
hierarchies() {
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo /sys/fs/cgroup/
	else
		printf '%s\n' /sys/fs/cgroup/*/
	fi
}
# Each controller that there is, for the groups below.
share_controllers() { # DIRECTORY
	local c
	[ -e "$1/cgroup.subtree_control" ] || return 0
	for c in cpu cpuset memory pids io; do
		echo "+$c" >"$1/cgroup.subtree_control"
	done 2>/dev/null
}
if [ -z "${KUBE_TEST_NODE:-}" ]; then
	if [ "$(id -u)" != 0 ] || ! unshare -m -n -p -u -i -C --fork true 2>/dev/null; then
		echo "FAIL no namespaces can be made here: root is needed, and the right to mount"
		echo "0 passed, 1 failed"
		exit 1
	fi
	# A run that was killed from outside could not clean up: its groups are those of a dead pid.
	for g in $(hierarchies | sed 's|$|kube-test-*/|'); do
		[ -d "$g" ] && [ ! -d "/proc/$(basename "${g##*kube-test-}")" ] &&
			find "$g" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	export KUBE_TEST_NODE=kube-test-$$
	share_controllers /sys/fs/cgroup
	for h in $(hierarchies); do
		[ -e "$h/cgroup.procs" ] || continue
		mkdir -p "$h/$KUBE_TEST_NODE"
		if [ -e "$h/cpuset.cpus" ]; then
			cat "$h/cpuset.cpus" >"$h/$KUBE_TEST_NODE/cpuset.cpus"
			cat "$h/cpuset.mems" >"$h/$KUBE_TEST_NODE/cpuset.mems"
		fi
	done
	# The first one inside waits until it is in the groups, so that they become its roots.
	(
		for h in $(hierarchies); do
			[ -d "$h/$KUBE_TEST_NODE" ] && echo $BASHPID >"$h/$KUBE_TEST_NODE/cgroup.procs"
		done
		exec unshare -m -n -p -u -i -C --fork --kill-child --mount-proc --propagation private \
			"$BASH" "$0" "$@"
	) <&0 &
	outside=$!
	# Nobody inside could move the one who waits outside, whom version 2 does not suffer there.
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		until pgrep -P $outside >/dev/null || ! kill -0 $outside 2>/dev/null; do sleep 0.01; done
		echo $outside >/sys/fs/cgroup/cgroup.procs
	fi
	trap 'kill $outside' TERM INT
	wait $outside
	status=$?
	for h in $(hierarchies); do
		[ -d "$h/$KUBE_TEST_NODE" ] || continue
		for try in 1 2 3 4 5 6 7 8 9 10; do
			find "$h/$KUBE_TEST_NODE" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "$h/$KUBE_TEST_NODE" ] || break
			sleep 0.1
		done
	done
	exit $status
fi

mount -t tmpfs tmpfs /run
mkdir -p /run/netns
controllers=
for h in /sys/fs/cgroup/*/; do
	[ -e "$h/cgroup.procs" ] || continue
	name=$(basename "$h")
	[ "$name" = systemd ] || [ "$name" = unified ] || controllers="$controllers $name"
done
v2=
[ -e /sys/fs/cgroup/cgroup.controllers ] && v2=1
umount -R /sys/fs/cgroup
umount -R /sys
mount -t sysfs sysfs /sys
if [ "$v2" ]; then
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	# A group that hands out controllers holds no processes, unless it is the machine's first.
	mkdir /sys/fs/cgroup/tests
	while read -r p; do echo "$p" >/sys/fs/cgroup/tests/cgroup.procs; done \
		</sys/fs/cgroup/cgroup.procs 2>/dev/null
	share_controllers /sys/fs/cgroup
else
	mount -t tmpfs tmpfs /sys/fs/cgroup
	for c in $controllers; do
		mkdir "/sys/fs/cgroup/$c"
		mount -t cgroup -o "$c" cgroup "/sys/fs/cgroup/$c"
	done
fi
mount --make-rshared /
ip link set lo up
