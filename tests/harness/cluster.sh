# A cluster of real pods on an isolated node (node.sh), for tests in shell: source it first, with the
# script's arguments; the first is the executable.
#
#   . "$(dirname "$0")/../harness/cluster.sh"
#   begin_cluster; create_pod web 0 <<<'containers: […]'; …; stop; finish
#
# Sets $kube, $kubectl, $images (where sample.tar lies) and $dir, taken away at the end.
kube=$1
harness=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
images=$(dirname "$kube")/images
# Packages come from the network, which the isolated node has not: before it is entered.
if [ -z "${KUBE_TEST_NODE:-}" ] && [ ! -s "$images/sample.tar" ]; then
	mkdir -p "$images"
	"$harness/../../packaging/sample-image" "$images/sample.tar.$$" >"$images/log" 2>&1 &&
		mv "$images/sample.tar.$$" "$images/sample.tar"
fi
. "$harness/node.sh"
. "$harness/check.sh"
kubectl=$(command -v kubectl || echo "$(cd "$harness/../.." && pwd)/build/clients/kubectl")
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT
export KUBECONFIG=$dir/d/admin.kubeconfig HOME=$dir
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

# A link that leads to somewhere: without a default route nothing leaves a node.
join_world() {
	ip link add eth0 type veth peer name world
	ip addr add 192.0.2.2/24 dev eth0
	ip link set eth0 up
	ip link set world up
	ip route add default via 192.0.2.1
}

# The image is one of those that the server imports at its start.
add_image() {
	if [ ! -s "$images/sample.tar" ]; then
		cat "$images/log"
		check "a sample image is made from Debian's packages" false
		finish
	fi
	mkdir -p "$dir/d/images"
	cp "$images/sample.tar" "$dir/d/images/"
}

# However full the machine's disk is, no pod is evicted for that.
cat >"$dir/roomy.yaml" <<-'X'
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	evictionHard: {memory.available: 1Mi}
X
start() { # [FLAG…]: until it says how it is used; $server
	rm -f "$dir/out"
	"$kube" server --data-dir "$dir/d" --pod-logs-dir "$dir/logs" \
		--kubelet-config "$dir/roomy.yaml" "$@" \
		>"$dir/out" 2>>"$dir/log" &
	server=$!
	within 20 grep -q "kubectl get" "$dir/out"
}
stop() {
	kill -TERM $server
	wait $server
}

within() { # SECONDS COMMAND…: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
# What most begin with; pods can be made then.
begin_cluster() { # [FLAG…]
	join_world
	add_image
	check "the cluster starts" start --node-name node "$@"
	within 20 k get serviceaccount default
}
create_pod() { # NAME SECONDS, which it has to end; what else its spec says is read
	{
		printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n' "$1"
		printf '  terminationGracePeriodSeconds: %d\n' "$2"
		sed 's/^/  /'
	} | k create -f - >/dev/null
}
# One image by http, open/x:1, the sample's with a file more: $place says where, $registry is its process.
start_registry() {
	mkdir "$dir/layout"
	python3 -B "$harness/derived_image.py" "$images/sample.tar" "$dir/layout" x:1 etc/kept=yes >/dev/null
	python3 -B "$harness/../e2e/registry.py" "$dir/layout" "$dir/registry" 2>"$dir/registry.err" &
	registry=$!
	within 10 test -s "$dir/registry"
	place=127.0.0.1:$(cat "$dir/registry")
}
quiet() { "$@" >/dev/null; }
prints() { # TEXT COMMAND…
	local wanted=$1
	shift
	[ "$("$@" 2>/dev/null)" = "$wanted" ]
}
k() { "$kubectl" "$@" 2>&1; }
page() { curl -s --max-time 3 --noproxy '*' "$@"; }
running() { # how many pods of the app run
	k get pods -l "app=$1" --field-selector status.phase=Running --no-headers | grep -c '1/1'
}
ask_dns() { # NAME [AAAA]: the code of the answer, and its address if there is one
	python3 - "$1" "${2:-A}" <<-'Q'
		import socket, struct, sys
		name = b"".join(bytes([len(p)]) + p.encode() for p in sys.argv[1].split(".")) + b"\0"
		kind, size, family = (28, 16, socket.AF_INET6) if sys.argv[2] == "AAAA" else (1, 4, socket.AF_INET)
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(2)
		s.sendto(struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + name + struct.pack(">HH", kind, 1), ("10.43.0.10", 53))
		answer = s.recv(512)
		count = struct.unpack(">H", answer[6:8])[0]
		print(answer[3] & 15, *[socket.inet_ntop(family, answer[-size:])] * (count == 1))
	Q
}
