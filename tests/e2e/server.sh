#!/bin/bash
# A cluster in one process, on an isolated node: its parts find each other, manifests are applied,
# a Deployment gets its pods (on nodes that only talk), its Service an address that leads somewhere.
. "$(dirname "$0")/../harness/cluster.sh"

join_world
ip addr add fd01::2/64 dev eth0 nodad

mkdir -p "$dir/d/manifests"
cat >"$dir/d/manifests/shop.yaml" <<-'E'
	apiVersion: v1
	kind: Namespace
	metadata: {name: shop}
	---
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: words, namespace: shop}
	data: {greeting: hello}
	E
begin() {
	start --disable kubelet --cluster-cidr 10.42.0.0/16,fd42::/48 \
		--service-cluster-ip-range 10.43.0.0/16,fd43::/112 "$@"
}

check "it starts" begin
check "and says how it is used" contains "KUBECONFIG=$dir/d/admin.kubeconfig" "$(cat "$dir/out")"
check "the default account is there" within 10 prints serviceaccount/default \
	k get serviceaccount default -o name
check "pods can trust the API" within 10 prints configmap/kube-root-ca.crt \
	k get configmap kube-root-ca.crt -o name
check "a manifest is applied" within 10 prints hello \
	k get configmap words -n shop -o 'jsonpath={.data.greeting}'
sed -i 's/hello/good morning/' "$dir/d/manifests/shop.yaml"
check "and again when it changes" within 10 prints "good morning" \
	k get configmap words -n shop -o 'jsonpath={.data.greeting}'

"$kube" debug fake-node --count 2 --kubeconfig "$KUBECONFIG" >"$dir/nodes" 2>&1 &
nodes=$!
ready_nodes() { k get nodes --no-headers | grep -c ' Ready'; }
check "nodes join" within 20 prints 2 ready_nodes
k create deployment web --image=nginx --replicas=3 >/dev/null
k expose deployment web --port 80 >/dev/null
check "a deployment's pods run" within 30 prints 3 \
	k get deployment web -o 'jsonpath={.status.availableReplicas}'
vip=$(k get service web -o 'jsonpath={.spec.clusterIP}')
check "its service has a name" within 5 prints "0 $vip" ask_dns web.default.svc.cluster.local
check "the cluster's own has, too" prints "0 10.43.0.1" ask_dns kubernetes.default.svc.cluster.local
check "what there is none of is said" prints "3" ask_dns nobody.default.svc.cluster.local
rules() { nft list table inet kube-proxy; }
ways() { grep -oE '([^ ]* \. )?tcp \. [0-9a-f:]+( \. [0-9a-f:]+)? : 10\.64[0-9.]* \. [0-9]+' | sort; }
leads() { [ "$(rules 2>/dev/null | ways | wc -l)" = "$1" ]; }
check "the service leads to its pods" within 10 leads 3
check "the API is reached by its own address" contains '"minor": "36"' \
	"$(curl -sk --noproxy '*' https://10.43.0.1/version)"
curl -s --noproxy '*' --max-time 5 http://10.43.0.1:81/
check "a port that the service does not have is refused at once" test $? = 7
k scale deployment web --replicas=1 >/dev/null
check "fewer pods, fewer ways" within 20 leads 1
nft flush ruleset
check "flushed rules come back" within 20 leads 1
k set image deployment/web nginx=nginx:2 >/dev/null
check "a rollout ends" k rollout status deployment/web --timeout=30s
k delete namespace shop --wait=false >/dev/null
gone() { ! k get namespace shop; }
check "a namespace goes" within 20 gone
k patch service web -p '{"spec":{"sessionAffinity":"ClientIP"}}' >/dev/null
remembers() { rules | grep -q 'update @clients4'; }
check "clients are remembered" within 10 remembers
"$kube" proxy --kubeconfig "$KUBECONFIG" --dry-run >"$dir/printed" 2>/dev/null
check "what is printed is what the kernel has" prints "$(rules | ways)" ways <"$dir/printed"
check "which is something" test -n "$(ways <"$dir/printed")"
check "and nft takes it" nft --check --file "$dir/printed"

# ---- one copy of the state ----
private() { awk '/^Private_Dirty/ {print $2}' "/proc/$server/smaps_rollup"; }
head -c 900000 /dev/zero | tr '\0' x >"$dir/long"
before=$(private)
for i in $(seq 40); do
	k create configmap "long-$i" --from-file="$dir/long" >/dev/null
done
is_there_once() { [ $(($(private) - before)) -lt 54000 ]; }
check "what is stored lies in memory once" within 20 is_there_once
check "it ends when asked" stop
check "and starts again with what was there" begin
check "the deployment is still there" prints deployment.apps/web k get deployment web -o name
check "addresses answer again" within 10 prints "0 $vip" ask_dns web.default.svc.cluster.local
kill -9 $server
wait $server 2>/dev/null
check "after a kill it starts, too" begin
check "with everything" prints deployment.apps/web k get deployment web -o name
kill $nodes
wait $nodes
check "it ends" stop
grep -E '^E' "$dir/log"
check "nothing went wrong on the way" test $? = 1
stuck=0
for wait in 0.005 0.01 0.02 0.03 0.04 0.06 0.08 0.1 0.15; do
	"$kube" server --data-dir "$dir/d" --pod-logs-dir "$dir/logs" >/dev/null 2>>"$dir/log2" &
	server=$!
	sleep $wait
	kill -TERM $server
	for _ in $(seq 100); do
		kill -0 $server 2>/dev/null || break
		sleep 0.1
	done
	kill -0 $server 2>/dev/null && stuck=$((stuck + 1)) && kill -9 $server
	wait $server 2>/dev/null
done
check "it ends whenever it is asked" test $stuck = 0

# ---- each part is somebody ----
check "it starts once more" begin
k delete clusterrolebinding system:controller:replicaset-controller >/dev/null
k create deployment poor --image=nginx >/dev/null
refused() { grep 'kube-system:replicaset-controller.* cannot create resource .*pods' "$dir/log"; }
check "a controller may do what its own role says" within 10 refused
check "and ends" stop
"$kube" server --data-dir "$dir/d" --disable nonsense >"$dir/out" 2>&1
check "an unknown part is refused" contains 'no part "nonsense"' "$(cat "$dir/out")"
finish
