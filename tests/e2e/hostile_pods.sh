#!/bin/bash
# Hostile images and pods, as real pods on an isolated node: whatever they try is refused with an
# event that says why, or stays inside the container. One directory of the node is what they all aim
# at; at the end it is as it was.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

mkdir -p "$dir/outside/words" "$dir/d/images" "$dir/images" "$dir/volume" "$dir/logs"
echo "the node's" >"$dir/outside/file"
chmod 777 "$dir" "$dir/outside"
chmod 666 "$dir/outside/file"
picture() { (cd "$dir/outside" && find . -printf '%p %y %m %u %s %T@\n' | sort && cat file); }
picture >"$dir/before"
sum=$(cksum <"$kube")

add_image
python3 -B "$(dirname "$0")/hostile_images.py" "$images/sample.tar" "$dir/images" "$dir/outside"
mv "$dir/images"/*.tar "$dir/d/images/"
registries=
trap 'kill $registries 2>/dev/null; rm -rf --one-file-system "$dir"' EXIT
check "the cluster starts" start --node-name node
within 20 k get serviceaccount default
within 20 grep -q 'image imported.*hostile:1' "$dir/log"

state() { # POD JSONPATH: of its first container
	k get pod "$1" -o "jsonpath={.status.containerStatuses[0].$2}"
}
ended() { [ -n "$(state "$1" state.terminated.finishedAt)" ]; }
output() { # POD: what it said, when it has ended
	within 20 ended "$1"
	k logs "$1" -c c
}
event() { # POD REASON TEXT
	k get events --field-selector "involvedObject.name=$1,reason=$2" \
		-o 'jsonpath={range .items[*]}{.message}{"\n"}{end}' | grep -q -- "$3"
}
pod() { # NAME IMAGE SCRIPT [FIELDS-OF-THE-CONTAINER]: the rest of the spec comes on standard input
	printf '%s\n' "apiVersion: v1" "kind: Pod" "metadata: {name: $1}" "spec:" \
		"  restartPolicy: Never" "  terminationGracePeriodSeconds: 0" "  containers:" \
		"  - name: c" "    image: $2" "    imagePullPolicy: IfNotPresent" \
		"    command: [sh, -c, '$3']" ${4:+"    $4"} >"$dir/pod.yaml"
	cat >>"$dir/pod.yaml"
	k create -f "$dir/pod.yaml" >"$dir/said" || cat "$dir/said"
}
hostile=kube.local/hostile:1

# ---- layers ----
for bad in bad-up bad-link bad-bomb through; do
	python3 "$(dirname "$0")/registry.py" "$dir/images/$bad" "$dir/$bad.port" 2>/dev/null &
	registries="$registries $!"
done
for bad in bad-up bad-link bad-bomb through; do
	within 10 test -s "$dir/$bad.port"
	pod $bad "127.0.0.1:$(cat "$dir/$bad.port")/open/x:1" 'ls /way; cat /way/file' </dev/null
done

# ---- everything at once ----
pod links $hostile 'echo mine >/data/file; cat /etc/hosts; grep -c . /etc/resolv.conf;
	ls /words' 'volumeMounts:' <<-E
	    - {name: v, mountPath: /data/inner}
	    - {name: v, mountPath: /up/inner}
	    - {name: w, mountPath: /words}
	  volumes: [{name: v, emptyDir: {}}, {name: w, hostPath: {path: $dir/volume}}]
E
pod root kube.local/device:1 'echo x >/dev/null && ls /dev/pts && echo fine' </dev/null
pod devices $hostile 'cat /disk 2>&1; cat /memory 2>&1; mknod /mine b 8 0 && cat /mine 2>&1;
	mount -t proc none /tmp 2>&1' </dev/null
for allowed in true false; do
	pod setuid-$allowed $hostile 'reader /secret 2>&1' \
		"securityContext: {runAsUser: 1000, allowPrivilegeEscalation: $allowed}" </dev/null
done
pod tall kube.local/sample:1 'yes words | head -c 9000000 >/dev/termination-log; exit 1' </dev/null
pod shown $hostile 'rm -f /dev/termination-log; exit 1' 'terminationMessagePath: /file' </dev/null
pod logged kube.local/sample:1 'for f in /logs/*_logged_*/c/0.log; do mv $f $f.old; ln -s '"$dir"'/outside/file $f; done' \
	'volumeMounts: [{name: logs, mountPath: /logs}]' <<-E
	  volumes: [{name: logs, hostPath: {path: $dir/logs}}]
E
pod itself kube.local/sample:1 'cat </proc/1/exe >/tmp/copy; echo x >/proc/1/exe; exec ls -l /proc/self/fd' </dev/null
for sub in "way" "way/words" "deep/way" "up"; do
	name=sub-$(echo "$sub" | tr / -)
	pod "$name" kube.local/sample:1 'echo mine >/sub/file; ls /sub' \
		"volumeMounts: [{name: v, mountPath: /sub, subPath: $sub}]" <<-E
		  initContainers:
		  - name: i
		    image: kube.local/sample:1
		    command: [sh, -c, "mkdir /v/deep; ln -s $dir/outside /v/way; ln -s $dir/outside /v/deep/way; ln -s ../../../../../../../../$dir/outside /v/up"]
		    volumeMounts: [{name: v, mountPath: /v}]
		  volumes: [{name: v, emptyDir: {}}]
	E
done
pod inside kube.local/sample:1 'echo mine >/v/inner/file; ls /v/inner' \
	'volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /v/inner}]' <<-E
	  initContainers:
	  - name: i
	    image: kube.local/sample:1
	    command: [sh, -c, "ln -s $dir/outside /v/inner"]
	    volumeMounts: [{name: v, mountPath: /v}]
	  volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}]
E
descriptors=$(seq 3 20)
{
	printf '%s\n' "apiVersion: v1" "kind: Pod" "metadata: {name: places}" "spec:" \
		"  restartPolicy: Never" "  terminationGracePeriodSeconds: 0" "  containers:"
	for n in $descriptors; do
		printf '  - %s\n' "{name: c$n, image: 'kube.local/sample:1', workingDir: /proc/self/fd/$n, command: [sh, -c, 'ls ../../..$dir/outside']}"
	done
} >"$dir/pod.yaml"
k create -f "$dir/pod.yaml" >/dev/null

# ---- what came of it ----
refused() { event "$1" Failed "$2"; }
check "a layer that leads upwards is refused" within 20 refused bad-up \
	'layer entry "../outside" is refused: it leads out of the layer'
check "so is a link to what is outside" within 20 refused bad-link \
	'layer entry "../../outside/file" is refused: it leads out of the layer'
check "and a bomb" within 20 refused bad-bomb "unpacks to more than .* times its size: refused as a bomb"
check "their pods wait" within 10 prints "ImagePullBackOff ImagePullBackOff ImagePullBackOff" k get pod \
	bad-up bad-link bad-bomb -o 'jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}'
check "a layer through a link stays in the image" test "$(output through | xargs)" = "file made x"
check "mounts on links to elsewhere stay in the container" contains mine "$(output links)"
check "where even /dev leads away nothing starts, and it is said" within 20 refused root \
	"mounting .* read-only file system"
check "devices cannot be opened, whoever made them" test \
	"$(output devices | grep -c 'Operation not permitted')" = 3
check "nor can anything be mounted" contains "permission denied" "$(k logs devices)"
check "a program may become root" prints "root's only" output setuid-true
check "but not where that is not allowed" contains "Permission denied" "$(output setuid-false)"
message() {
	within 20 ended "$1"
	state "$1" state.terminated.message
}
check "a tall message is cut" test "$(message tall | wc -c)" = 4096
check "a message through a link is none of the node's" test -z "$(message shown)"
output logged >/dev/null
check "a log that became a link is not followed" contains "too many levels of symbolic links" \
	"$(k logs logged)"
check "the runtime's program cannot be written" contains "Text file busy" "$(output itself)"
check "and is as it was" test "$(cksum <"$kube")" = "$sum"
check "nothing of the node's is open in a container" test "$(k logs itself | grep -c ' -> ')" -le 4
for sub in way way-words deep-way up; do
	check "a part of a volume that leads away is refused: $sub" within 20 refused "sub-$sub" \
		'subPath .*for volumeMount "v" of container "c"'
done
check "a volume inside a volume stays there" prints file output inside
all_refused() {
	[ "$(k get pod places -o 'jsonpath={.status.containerStatuses[*].state.terminated.reason}' |
		tr ' ' '\n' | grep -c StartError)" = "$(echo "$descriptors" | wc -l)" ]
}
check "no descriptor of the runtime is a place to start from" within 20 all_refused

k delete pod --all --wait=true --timeout=30s >/dev/null
gone() { [ "$(find "$dir/d/kubelet/pods" -mindepth 1 | wc -l)" = 0 ]; }
check "nothing of them is left" within 20 gone
picture >"$dir/after"
check "and nobody has touched what they aimed at" diff "$dir/before" "$dir/after"
check "it ends" stop
grep -E '^E' "$dir/log" | head -n 5
finish
