#!/bin/bash
# Pods of a real kubelet with the built-in runtime in an isolated node, by kubectl's eyes.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../harness/node.sh"
. "$here/../harness/check.sh"
kube=$1
kubectl=$here/../../build/clients/kubectl
[ -x "$kubectl" ] || kubectl=$(command -v kubectl)
dir=/run/test
mkdir -p $dir
export KUBECONFIG=$dir/d/admin.kubeconfig
ip link add eth0 type veth peer name world
ip addr add 192.168.7.1/24 dev eth0
ip link set eth0 up && ip link set world up
ip route add default via 192.168.7.2

printf '%s\n' 'nodetoken,system:node:n1,1,"system:nodes"' 'admintoken,admin,2,"system:masters"' >$dir/tokens
"$kube" apiserver --data-dir $dir/d --secure-port 6443 --bind-address 127.0.0.1 \
	--authorization-mode Node,RBAC --token-auth-file $dir/tokens \
	--service-cluster-ip-range 10.96.0.0/16 2>$dir/apiserver.log &
api=$!
for _ in $(seq 200); do
	! grep -q '"serving" port=' $dir/apiserver.log || break
	sleep 0.05
done
ca=$(sed -n 's/.*certificate-authority-data: //p' $KUBECONFIG)
cat >$dir/node.kubeconfig <<END
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: $ca}}]
users: [{name: u, user: {token: nodetoken}}]
END
"$kubectl" create serviceaccount default >/dev/null 2>&1
"$kubectl" create configmap -n default kube-root-ca.crt --from-literal=ca.crt=none >/dev/null 2>&1
python3 "$here/../harness/busybox_image.py" $dir/busybox.tar docker.io/library/busybox:test
"$kube" image import --root /run/kube $dir/busybox.tar >/dev/null || exit 1

start_kubelet() { # FLAGS…: more of them
	"$kube" kubelet --kubeconfig $dir/node.kubeconfig --hostname-override n1 "$@" \
		--node-ip 192.168.7.1 --root-dir /run/kubelet --pod-log-dir /run/pods \
		--runtime-dir /run/kube --client-ca-file $dir/d/pki/client-ca.crt \
		--network-dir /run/network --cluster-dns 10.96.0.10 2>>$dir/kubelet.log &
	kubelet=$!
}
start_kubelet

# The text of a path becomes what is wanted within ten seconds.
becomes() { # WANTED KIND NAME JSONPATH
	local got
	for _ in $(seq 100); do
		got=$("$kubectl" get "$2" "$3" -o "jsonpath=$4" 2>/dev/null)
		[ "$got" != "$1" ] || return 0
		sleep 0.1
	done
	echo "  $2/$3 $4 is \"$got\"" >&2
	return 1
}
becomes_text() { # WANTED COMMAND…
	local wanted=$1 got
	shift
	for _ in $(seq 30); do
		got=$("$@" 2>&1)
		[ "$got" != "$wanted" ] || return 0
		sleep 0.1
	done
	echo "  got \"$got\"" >&2
	return 1
}
gone() {
	for _ in $(seq 200); do
		"$kubectl" get "$1" "$2" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	return 1
}
log_of() { # POD CONTAINER
	cut -d' ' -f4- /run/pods/default_"$1"_*/"$2"/*.log 2>/dev/null
}

for _ in $(seq 100); do
	"$kubectl" patch node n1 -p '{"spec":{"podCIDR":"10.42.0.0/24","podCIDRs":["10.42.0.0/24"]}}' \
		>/dev/null 2>&1 && break
	sleep 0.05
done
check "the node becomes ready" becomes True node n1 \
	'{.status.conditions[?(@.type=="Ready")].status}'

"$kubectl" apply -f - >/dev/null <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: n1
  terminationGracePeriodSeconds: 1
  initContainers:
  - name: first
    image: busybox:test
    command: [sh, -c, 'echo made > /shared/file']
    volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
  - name: app
    image: busybox:test
    command: [sh, -c, 'cat /shared/file /etc/settings/colour; echo; echo $POD $COLOUR; httpd -p 8080 -h /shared; trap "exit 3" TERM; while :; do sleep 0.1; done']
    env:
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    ports: [{name: web, containerPort: 8080}]
    readinessProbe: {httpGet: {port: web, path: /file}, periodSeconds: 1}
    livenessProbe: {exec: {command: [test, -f, /shared/file]}, periodSeconds: 1}
    resources: {limits: {memory: 32Mi, cpu: 200m}}
    volumeMounts:
    - {name: shared, mountPath: /shared}
    - {name: settings, mountPath: /etc/settings}
  volumes:
  - {name: shared, emptyDir: {}}
  - {name: settings, configMap: {name: settings}}
END
check "a pod becomes running" becomes Running pod web '{.status.phase}'
check "and ready" becomes True pod web '{.status.conditions[?(@.type=="Ready")].status}'
check "its container says what it saw" test "$(log_of web app)" = "made
blue
web blue"
check "its image is named in full" becomes docker.io/library/busybox:test pod web \
	'{.status.containerStatuses[0].image}'
check "what no longer holds is not said" becomes "" pod web \
	'{.status.conditions[?(@.type=="Ready")].message}'
check "it is in its cgroup" test -n "$(find /sys/fs/cgroup -type d -path '*kubepods*/pod*' | head -1)"

node() { curl -sk -H "Authorization: Bearer $1" "https://192.168.7.1:10250$2"; }
shares=$(cat /sys/fs/cgroup/cpu/kubepods/burstable/cpu.shares 2>/dev/null)
check "its class has the shares that it asks for" test "${shares:-204}" = 204
check "the node's server is well" test "$(node admintoken /healthz)" = ok
check "a container's log is read there" test "$(node admintoken /containerLogs/default/web/app)" = "made
blue
web blue"
check "and through the API" becomes_text "made
blue
web blue" "$kubectl" logs web -c app
check "a command runs in it" becomes_text app-says "$kubectl" exec web -c app -- echo app-says
check "but not by everybody" test "$(node wrong /containerLogs/default/web/app)" = Unauthorized

kill -TERM $kubelet
wait $kubelet
check "the kubelet ends well" test $? = 0
start_kubelet
check "another kubelet finds the pod" becomes 0 pod web '{.status.containerStatuses[0].restartCount}'

"$kubectl" run job --image=busybox:test --restart=Never \
	--overrides='{"spec":{"nodeName":"n1"}}' -- sh -c 'echo done; echo bye >/dev/termination-log; exit 4' >/dev/null
check "what leaves with a code has failed" becomes Failed pod job '{.status.phase}'
check "its code and last words are told" becomes "4 bye" pod job \
	'{.status.containerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].state.terminated.message}'

"$kubectl" run words --image=busybox:test --restart=Never --overrides='{"spec":{"nodeName":"n1",
	"containers":[{"name":"words","image":"busybox:test","command":["sh","-c","echo why >&2; exit 1"],
	"terminationMessagePolicy":"FallbackToLogsOnError"}]}}' >/dev/null
check "a log can be the last words" becomes why pod words \
	'{.status.containerStatuses[0].state.terminated.message}'

"$kubectl" delete pod web job words --wait=false >/dev/null
check "pods are deleted" gone pod web
check "those that have ended, too" gone pod job
for _ in $(seq 50); do
	[ -n "$(find /sys/fs/cgroup -type d -path '*kubepods*/pod*')$(ls /run/kubelet/pods /run/pods 2>/dev/null | grep -v :)" ] || break
	sleep 0.1
done
check "no cgroup is left" test -z "$(find /sys/fs/cgroup -type d -path '*kubepods*/pod*')"
check "no volume is left" test -z "$(ls /run/kubelet/pods 2>/dev/null)"
check "no log is left" test -z "$(ls /run/pods 2>/dev/null)"

kill -TERM $kubelet
wait $kubelet

# ---- the certificate by which the API knows the node ----
pki=$dir/d/pki
"$kube" controllers --kubeconfig $KUBECONFIG --controllers certificatesigningrequest-signing-controller \
	--cluster-signing-cert-file $pki/client-ca.crt --cluster-signing-key-file $pki/client-ca.key \
	2>$dir/controllers.log &
controllers=$!
mkdir -p $dir/ca $dir/node
touch $dir/ca/index
cat >$dir/ca/conf <<END
[ca]
default_ca = d
[d]
database = $dir/ca/index
rand_serial = yes
new_certs_dir = $dir/ca
default_md = sha256
policy = p
x509_extensions = e
[p]
O = supplied
CN = supplied
[e]
extendedKeyUsage = clientAuth
END
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=system:nodes/CN=system:node:n1 \
	-keyout $dir/node/first.key -out $dir/node/first.csr 2>/dev/null
# Of its hundred days hardly one is left.
openssl ca -batch -notext -config $dir/ca/conf -cert $pki/client-ca.crt -keyfile $pki/client-ca.key \
	-startdate "$(date -u -d '-99 days' +%y%m%d%H%M%SZ)" -enddate "$(date -u -d '+1 day' +%y%m%d%H%M%SZ)" \
	-in $dir/node/first.csr -out $dir/node/first.crt 2>$dir/ca/log || tail $dir/ca/log
sed "s|token: nodetoken|client-certificate: first.crt, client-key: first.key|" $dir/node.kubeconfig \
	>$dir/node/kubeconfig
cat >$dir/node/config.yaml <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
rotateCertificates: true
END
start_kubelet --kubeconfig $dir/node/kubeconfig --config $dir/node/config.yaml
asked() { "$kubectl" get csr -o "jsonpath={range .items[*]}{$1} {end}"; }
check "another certificate is asked for" becomes_text \
	"kubernetes.io/kube-apiserver-client-kubelet system:node:n1 " asked '.spec.signerName} {.spec.username'
check "somebody approves it" test "$("$kubectl" certificate approve $(asked .metadata.name) | grep -c approved)" = 1
own=$dir/node/kubelet-client-current.pem
signed() { "$kubectl" get csr -o 'jsonpath={.items[0].status.certificate}' | base64 -d | openssl x509 -noout -serial; }
kept() { openssl x509 -noout -serial -in $own; }
has_certificate() { "$kubectl" get csr -o 'jsonpath={.items[0].status.certificate}' | wc -w; }
check "it is signed" becomes_text 1 has_certificate
check "the pair is kept beside the kubeconfig" becomes_text "$(signed)" kept
check "for the node alone" test "$(stat -c %a $own)" = 600
check "with its key" openssl ec -in $own -noout
# The first one is no more: another kubelet has its successor alone.
kill -TERM $kubelet
wait $kubelet
rm $dir/node/first.*
start_kubelet --kubeconfig $dir/node/kubeconfig --config $dir/node/config.yaml
"$kubectl" run later --image=busybox:test --restart=Never --overrides='{"spec":{"nodeName":"n1"}}' -- true >/dev/null
check "the next kubelet shows it" becomes Succeeded pod later '{.status.phase}'
check "and asks for no other" test "$(asked .metadata.name | wc -w)" = 1
"$kubectl" delete pod later >/dev/null
kill $controllers
wait $controllers

kill -TERM $kubelet
wait $kubelet
[ "$failed" = 0 ] || { tail -30 $dir/kubelet.log; "$kubectl" get events | cut -c1-300; }
kill -TERM $api
wait $api
finish
