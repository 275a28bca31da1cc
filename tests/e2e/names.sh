#!/bin/bash
# What upstream's conformance tests ask of names in a cluster, asked in real pods: services by whole
# and partial names, ports, addresses backwards, hosts of headless services, over UDP and TCP; names of
# others, and services that become something else; what pods say of their own resolver.
. "$(dirname "$0")/../harness/cluster.sh"
begin_cluster

create_pod client 0 <<'P'
containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "600"]}]
P
create_pod querier 0 <<'P'
hostname: dns-querier-1
subdomain: dns-test
containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "600"]}]
P
k label pod querier app=querier >/dev/null
create_pod own 0 <<'P'
dnsPolicy: None
dnsConfig: {nameservers: [1.1.1.1], searches: [resolv.conf.local], options: [{name: ndots, value: "2"}]}
containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "600"]}]
P
create_pod host 0 <<'P'
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
containers: [{name: c, image: "kube.local/sample:1", command: [sleep, "600"]}]
P
k create namespace other >/dev/null
k create -f - >/dev/null <<'E'
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: other, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "kube.local/sample:1"}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: other}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: dns-test}
spec:
  clusterIP: None
  selector: {app: querier}
  ports: [{name: http, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {type: ExternalName, externalName: foo.example.com}
E
for pod in client querier own host; do
	check "$pod is ready" quiet k wait --for=condition=Ready "pod/$pod" --timeout=30s
done
check "web is ready" quiet k wait -n other --for=condition=Ready pod/web --timeout=30s

in_pod() { # POD COMMAND…
	local pod=$1
	shift
	k exec "$pod" -- "$@"
}
resolver() { in_pod "$1" cat /etc/resolv.conf; }
check "a pod asks the cluster only" test "$(resolver client | grep -c ^nameserver)" = 1
check "that is" contains 'nameserver 10.43.0.10' "$(resolver client)"
check "names are searched for" contains \
	'search default.svc.cluster.local svc.cluster.local cluster.local' "$(resolver client)"
check "before they are taken for whole" contains 'options ndots:5' "$(resolver client)"
check "who brings a resolver has it" contains 'nameserver 1.1.1.1' "$(resolver own)"
check "and its search" contains 'search resolv.conf.local' "$(resolver own)"
check "and options" contains 'options ndots:2' "$(resolver own)"
check "on the node's network, too, the cluster may be asked" contains 'nameserver 10.43.0.10' \
	"$(resolver host)"

# NAME TYPE [tcp]: the code, then the answers. Not every machine has dig.
cat >"$dir/ask.py" <<-'Q'
	import socket, struct, sys


	def name_at(m, at):
	    labels, end = [], None
	    while m[at]:
	        if m[at] >= 192:
	            end = end or at + 2
	            at = (m[at] & 63) << 8 | m[at + 1]
	        else:
	            labels.append(m[at + 1:at + 1 + m[at]].decode())
	            at += 1 + m[at]
	    return ".".join(labels), end or at + 1


	TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "AAAA": 28, "SRV": 33}
	question = b"".join(bytes([len(p)]) + p.encode() for p in sys.argv[1].split(".")) + b"\0"
	query = struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + question + struct.pack(">HH", TYPES[sys.argv[2]], 1)
	if len(sys.argv) > 3:
	    s = socket.create_connection(("10.43.0.10", 53), 3)
	    s.sendall(struct.pack(">H", len(query)) + query)
	    m = b""
	    while len(m) < 2 or len(m) < 2 + struct.unpack(">H", m[:2])[0]:
	        m += s.recv(4096)
	    m = m[2:]
	else:
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.settimeout(3)
	    s.sendto(query, ("10.43.0.10", 53))
	    m = s.recv(4096)
	at, found = 12 + len(question) + 4, []
	for _ in range(struct.unpack(">H", m[6:8])[0]):
	    _, at = name_at(m, at)
	    kind, _, _, size = struct.unpack(">HHIH", m[at:at + 10])
	    at += 10
	    if kind == 1:
	        found.append(socket.inet_ntoa(m[at:at + 4]))
	    elif kind == 33:
	        found.append("%d %s" % (struct.unpack(">H", m[at + 4:at + 6])[0], name_at(m, at + 6)[0]))
	    else:
	        found.append(name_at(m, at)[0])
	    at += size
	print(m[3] & 15, *found)
Q
shim=$(pgrep -f 'shim .*sandboxes' | head -n 1)
ask() { nsenter -t "$shim" -n python3 "$dir/ask.py" "$@"; }
address_of() { k get service "$@" -o 'jsonpath={.spec.clusterIP}'; }
backwards() { echo "$1" | awk -F. '{ print $4 "." $3 "." $2 "." $1 ".in-addr.arpa" }'; }
api=$(address_of kubernetes)
web=$(address_of -n other web)
querier=$(k get pod querier -o 'jsonpath={.status.podIP}')
whole=dns-querier-1.dns-test.default.svc.cluster.local
for how in udp tcp; do
	tcp=
	[ $how = udp ] || tcp=tcp
	check "$how: the API has a name" prints "0 $api" ask kubernetes.default.svc.cluster.local A $tcp
	check "$how: a service has one" within 5 prints "0 $web" ask web.other.svc.cluster.local A $tcp
	check "$how: its port has one" prints "0 80 web.other.svc.cluster.local" \
		ask _http._tcp.web.other.svc.cluster.local SRV $tcp
	check "$how: its address has one" prints "0 web.other.svc.cluster.local" ask "$(backwards "$web")" PTR $tcp
	check "$how: a host of a headless service has one" within 5 prints "0 $querier" ask $whole A $tcp
	check "$how: so has that service" prints "0 $querier" ask dns-test.default.svc.cluster.local A $tcp
	check "$how: and the host's address" prints "0 $whole" ask "$(backwards "$querier")" PTR $tcp
done
check "no address of that kind, but the name is there" prints 0 ask web.other.svc.cluster.local AAAA
check "what is not there is not there" prints 3 ask nobody.other.svc.cluster.local A
check "a pod knows its whole name" prints $whole in_pod querier hostname -f
check "and its short one" prints dns-querier-1 in_pod querier hostname
# glibc's resolver with what the pod has been told.
resolver client >"$dir/resolv.conf"
found() {
	nsenter -t "$shim" -n unshare -m sh -c "mount --bind '$dir/resolv.conf' /etc/resolv.conf &&
		getent ahostsv4 '$1'" | awk 'NR == 1 { print $1 }'
}
for name in web.other web.other.svc web.other.svc.cluster.local; do
	check "a pod finds $name" prints "$web" found "$name"
done
check "and one of its own namespace by its name alone" prints "$querier" found dns-test

check "a name of others is an alias" prints "0 foo.example.com" ask far.default.svc.cluster.local CNAME
k patch service far -p '{"spec":{"externalName":"bar.example.com"}}' >/dev/null
check "which follows" within 5 prints "0 bar.example.com" ask far.default.svc.cluster.local CNAME
k patch service far -p \
	'{"spec":{"type":"ClusterIP","externalName":null,"ports":[{"port":80,"name":"http"}]}}' >/dev/null
check "and becomes an address" within 5 prints "0 $(address_of far)" ask far.default.svc.cluster.local A
check "an alias no more" prints 0 ask far.default.svc.cluster.local CNAME
k delete pod,service --all --wait=true --timeout=30s >/dev/null
k delete namespace other --timeout=30s >/dev/null
check "it ends" stop
finish
