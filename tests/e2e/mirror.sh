#!/bin/bash
# A node whose registry nobody can reach: a mirror that its configuration names gives the image.
. "$(dirname "$0")/../harness/cluster.sh"

join_world
add_image
start_registry
cat >"$dir/config.yaml" <<-E
	node-name: node
	registry-mirror:
	- mirrored.test=http://$place
	- "*=http://127.0.0.1:1"
	- "*=http://$place"
E
check "the cluster starts" start --config "$dir/config.yaml"
within 20 k get serviceaccount default
create_pod mirrored 0 <<<'containers: [{name: c, image: "mirrored.test/open/x:1"}]'
check "its pod runs" within 30 prints true \
	k get pod mirrored -o 'jsonpath={.status.containerStatuses[0].ready}'
check "the mirror is told whose image it is" grep -q \
	'GET /v2/open/x/manifests/.*?ns=mirrored.test' "$dir/registry.log"
create_pod other 0 <<<'containers: [{name: c, image: "other.test/open/x:1"}]'
check "registries without mirrors of their own have those of all" within 30 prints true \
	k get pod other -o 'jsonpath={.status.containerStatuses[0].ready}'
check "which is told, too" grep -q '/v2/open/x/manifests/.*?ns=other.test' "$dir/registry.log"
check "with what the mirror has" prints yes k exec mirrored -- cat /etc/kept
k delete pod mirrored other --wait=true --timeout=30s >/dev/null
no_mount() { ! grep -q "$dir/d/\(kubelet/pods\|runtime\)" /proc/self/mounts; }
check "deleted, it leaves no mount" within 20 no_mount
check "it ends" stop
kill $registry
finish
