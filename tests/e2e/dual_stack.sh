#!/bin/bash
# A cluster of two families on an isolated node: pods and services have an address of each, both
# lead to pods, by virtual address, port of the node and name; a service of one family has only it.
. "$(dirname "$0")/../harness/cluster.sh"

join_world
ip addr add fd01::2/64 dev eth0 nodad
ip -6 route add default via fd01::1
add_image
check "it starts" start --cluster-cidr 10.42.0.0/16,fd42::/48 \
	--service-cluster-ip-range 10.43.0.0/16,fd43::/112
node=$(k get nodes -o 'jsonpath={.items[0].metadata.name}')
check "the node tells both addresses" prints "192.0.2.2 fd01::2" k get node "$node" \
	-o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'
ranges() { k get node "$node" -o 'jsonpath={.spec.podCIDRs[*]}' | grep -q '^10\.42\..* fd42:'; }
check "and has ranges of both" within 10 ranges

k create -f - >/dev/null <<-'E'
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 2
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      terminationGracePeriodSeconds: 1
	      containers:
	      - name: nginx
	        image: kube.local/sample:1
	---
	apiVersion: v1
	kind: Service
	metadata: {name: both}
	spec:
	  type: NodePort
	  ipFamilyPolicy: RequireDualStack
	  selector: {app: web}
	  ports: [{port: 80, nodePort: 30091}]
	---
	apiVersion: v1
	kind: Service
	metadata: {name: six}
	spec:
	  ipFamilies: [IPv6]
	  selector: {app: web}
	  ports: [{port: 80}]
E
check "pods run" within 30 prints 2 running web
pod=$(k get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
addresses() { k get pod "$pod" -o 'jsonpath={.status.podIPs[*].ip}'; }
check "a pod has an address of each family" sh -c "echo '$(addresses)' | grep -q '^10\.42\..* fd42:'"
check "and knows its own" contains fd42: "$(k exec "$pod" -- cat /etc/hosts)"
answers() { page "http://$1/" | grep -q 'from a pod'; }
for address in $(addresses); do
	case $address in *:*) address=[$address] ;; esac
	check "it answers at $address" within 10 answers "$address"
done
four=$(k get service both -o 'jsonpath={.spec.clusterIPs[0]}')
six=$(k get service both -o 'jsonpath={.spec.clusterIPs[1]}')
check "the service answers at its first address" within 10 answers "$four"
check "and at its second" within 10 answers "[$six]"
check "the port of the node answers in one family" within 5 answers 192.0.2.2:30091
check "and in the other" within 5 answers "[fd01::2]:30091"
only=$(k get service six -o 'jsonpath={.spec.clusterIPs[*]}')
check "a service of one family has one address" sh -c "echo '$only' | grep -q '^fd43:[^ ]*$'"
check "which answers" within 10 answers "[$only]"
shim=$(pgrep -f 'shim .*sandboxes' | head -n 1)
inside() { nsenter -t "$shim" -n curl -s --max-time 3 --noproxy '*' "http://$1/" | grep -q 'from a pod'; }
check "a pod reaches it" within 5 inside "[$only]"
check "and the other by one address" inside "[$six]"
check "and by the other" inside "$four"
check "its name has the first" prints "0 $four" ask_dns both.default.svc.cluster.local
check "and the second" prints "0 $six" ask_dns both.default.svc.cluster.local AAAA
check "that of one family has no other" prints 0 ask_dns six.default.svc.cluster.local
types() { k get endpointslices -l kubernetes.io/service-name=both -o 'jsonpath={.items[*].addressType}' | tr ' ' '\n' | sort | xargs; }
check "endpoint slices are of each family" prints "IPv4 IPv6" types
k delete deployment,service --all --wait=true --timeout=30s >/dev/null
empty() {
	[ "$(pgrep -fc 'kube.* shim|nginx: ')" = 0 ] &&
		! grep -q "$dir/d/kubelet/pods" /proc/self/mountinfo
}
check "deleted pods leave nothing" within 30 empty
check "it ends" stop
finish
