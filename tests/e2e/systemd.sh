#!/bin/bash
# The unit under a systemd of its own (process 1 of a container): the start is over when the cluster
# is up; neither a restart nor an end touches the pods.
#
#   systemd.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

join_world

# This machine's files under a layer of ours, and hierarchies of the isolated node's.
root=$dir/root
mkdir -p "$root" "$dir/layer"
mount -t tmpfs tmpfs "$dir/layer"
mkdir "$dir/layer/upper" "$dir/layer/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/layer/upper,workdir=$dir/layer/work" "$root"
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir -p /sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd systemd /sys/fs/cgroup/systemd
fi
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
# What runs from a layer cannot lie on another one: the cluster's directory is a file system itself.
for place in run tmp etc/systemd/system var/lib/kube var/log/pods; do
	mkdir -p "$root/$place"
	mount -t tmpfs tmpfs "$root/$place"
done
cp "$kube" "$root/usr/local/bin/kube"
mkdir -p "$root/var/lib/kube/images"
cp "$images/sample.tar" "$root/var/lib/kube/images/"
sed 's|@KUBE_PROGRAM@|/usr/local/bin/kube|' "$(dirname "$0")/../../packaging/kube.service" \
	>"$root/etc/systemd/system/kube.service"
echo 'KUBE_FLAGS=--node-name node' >"$root/etc/default/kube"
printf '[Unit]\nDescription=Nothing more\n' >"$root/etc/systemd/system/bare.target"
unshare -p -m --fork --kill-child --propagation private --mount-proc="$root/proc" \
	chroot "$root" env -i container=test PATH="$PATH" /lib/systemd/systemd --system \
	--unit=bare.target --log-target=console >"$dir/systemd.log" 2>&1 &
outer=$!
first() { pgrep -P $outer; }
within 10 first
inside() { nsenter -t "$(first)" -p -m -r -w "$@"; }
ctl() { inside systemctl --no-pager "$@"; }
export KUBECONFIG=$root/var/lib/kube/admin.kubeconfig
show() { ctl show kube -P "$1"; }

check "there is a systemd" within 20 prints running ctl is-system-running
check "the unit starts" ctl start kube
check "its start is over when the API answers" quiet k get nodes
check "it is active, and says so itself" [ "$(show ActiveState) $(show Type)" = "active notify" ]
within 20 k get serviceaccount default
create_pod p 1 <<<'containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "1000"]}]'
status() { k get pod p -o "jsonpath={.status.containerStatuses[0]$1}"; }
check "a pod runs" within 30 prints true status .ready
before=$(status .containerID)
helper=$(inside pgrep -f 'shim .*sandboxes')
main=$(show MainPID)
check "the unit is restarted" ctl restart kube
check "that is another process" [ "$main" != "$(show MainPID)" ]
check "the pod has not noticed" within 20 prints "$before 0" eval 'echo $(status .containerID) $(status .restartCount)'
check "nor has its helper" [ "$(inside pgrep -f 'shim .*sandboxes')" = "$helper" ]
check "the unit is stopped" ctl stop kube
check "it ended well" [ "$(show ActiveState) $(show Result)" = "inactive success" ]
check "the pod goes on" [ "$(inside pgrep -f 'shim .*sandboxes')" = "$helper" ]
check "nothing of the server does" eval '! inside pgrep -f "kube server|kube seed"'
ctl start kube
check "the next server meets it" within 20 prints "$before 0" eval 'echo $(status .containerID) $(status .restartCount)'
main=$(show MainPID)
inside kill -9 "$main"
again() { [ "$(show ActiveState)" = active ] && [ "$(show MainPID)" != "$main" ]; }
check "a server that is killed comes back" within 30 again
check "and meets the pod, too" within 20 prints "$before 0" eval 'echo $(status .containerID) $(status .restartCount)'
k delete pod p >/dev/null
check "kube stop ends it" inside /usr/local/bin/kube stop
check "for good" within 10 prints inactive show ActiveState
kill -9 $outer
wait $outer 2>/dev/null || true
umount -R "$root" "$dir/layer"
finish
