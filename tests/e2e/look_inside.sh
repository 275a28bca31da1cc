#!/bin/bash
# What happens in real pods is looked into by kubectl of several versions: logs, commands with and
# without a terminal, attach, forwarded ports, proxies, top.
. "$(dirname "$0")/../harness/cluster.sh"

join_world

add_image

check "the cluster starts, its node ready" start
check "the image is imported" within 20 grep -q 'image imported' "$dir/log"

k create -f - >/dev/null <<-'X'
	apiVersion: v1
	kind: Pod
	metadata: {name: web, labels: {app: web}}
	spec:
	  containers:
	  - name: nginx
	    image: kube.local/sample:1
	    ports: [{containerPort: 80}]
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: talker, labels: {app: talker}}
	spec:
	  containers:
	  - name: sh
	    image: kube.local/sample:1
	    stdin: true
	    command: [sh, -c, 'while read word; do echo "heard $word"; done']
	---
	apiVersion: v1
	kind: Service
	metadata: {name: web}
	spec:
	  selector: {app: web}
	  ports: [{port: 80}]
X
check "the pods run" within 40 prints 1 running web
within 20 prints 1 running talker

forwarded() { # a page through a forwarded port
	rm -f "$dir/pf"
	"$1" port-forward "$2" :80 >"$dir/pf" 2>&1 &
	local p=$! port
	within 10 grep -q Forwarding "$dir/pf"
	port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) .*/\1/p' "$dir/pf" | head -n 1)
	page "http://127.0.0.1:$port/" | grep -q '<title>kube'
	local good=$?
	kill $p
	wait $p 2>/dev/null
	return $good
}
code_of() { "$@" >/dev/null 2>&1; echo $?; }
terminal() {
	script -qec "stty rows 31 cols 97; $1 exec -it web -- sh -c 'sleep 0.4; stty size'" \
		/dev/null </dev/null | grep -q '31 97'
}
attached() {
	echo "$2" | timeout 10 "$1" attach -i talker | grep -m 1 -q "heard $2"
}
own=$(readlink -f "$kubectl")
for client in "$own" "$own.1.27" "$own.1.31"; do
	[ -x "$client" ] || continue
	name=$(basename "$client")
	check "$name: a command" prints web "$client" exec web -- hostname
	check "$name: its code" prints 7 code_of "$client" exec web -- sh -c 'exit 7'
	check "$name: its input" sh -c "echo typed | '$client' exec -i web -- cat | grep -q typed"
	check "$name: three megabytes there and back" sh -c \
		"head -c 3000000 /dev/zero | '$client' exec -i web -- cat | wc -c | grep -q '^3000000\$'"
	check "$name: a terminal and its size" terminal "$client"
	check "$name: a port" forwarded "$client" pod/web
	check "$name: logs" sh -c "'$client' logs web --tail=5 | grep -q 'GET /'"
	check "$name: attached" attached "$client" "$name"
done
check "logs keep what was said to those attached" sh -c \
	"'$own' logs talker | grep -q 'heard kubectl'"
check "a pod through the API" sh -c \
	"'$own' get --raw /api/v1/namespaces/default/pods/web/proxy/ | grep -q '<title>kube'"
check "a service through the API" sh -c \
	"'$own' get --raw /api/v1/namespaces/default/services/web/proxy/ | grep -q '<title>kube'"
curl -s -o /dev/null --noproxy '*' "http://$("$own" get pod web -o 'jsonpath={.status.podIP}')/from-the-node"
check "pods see the node by its own address" sh -c "'$own' logs web | grep -q '^192.0.2.2 .*from-the-node'"
# ---- the node's own logs ----
node=$(k get nodes -o name | cut -d / -f 2)
mount -t tmpfs logs /var/log
mkdir "/var/log/a dir"
seq 1 100000 >/var/log/sys.log
printf '\037\213\010\000\000' >/var/log/old.gz
ln -s /etc/passwd /var/log/away
ln -s /var/log/sys.log "/var/log/a dir/<near>"
chmod 700 "/var/log/a dir"
"$own" config view --raw -o 'jsonpath={.users[0].user.client-certificate-data}' | base64 -d >"$dir/admin.pem"
"$own" config view --raw -o 'jsonpath={.users[0].user.client-key-data}' | base64 -d >>"$dir/admin.pem"
logs() { # PATH CURL-OPTION…: of the node itself
	local path=$1
	shift
	curl -sk --max-time 10 --noproxy '*' --cert "$dir/admin.pem" "$@" "https://192.0.2.2:10250/logs/$path"
}
check "what logs the node has" sh -c "'$own' get --raw /api/v1/nodes/$node/proxy/logs/ | tr '\n' ' ' |
	grep -q '>a dir/</a> <a href=.*>away</a> <a href=.*>old.gz</a> <a href=.*>sys.log</a> </pre>'"
check "links say where they lead" contains '<a href="%3Cnear%3E">&lt;near&gt;</a>' "$(logs a%20dir/)"
logs sys.log >"$dir/sys.log"
check "a log comes whole" cmp /var/log/sys.log "$dir/sys.log"
check "and through a link that stays" sh -c "'$own' get --raw '/api/v1/nodes/$node/proxy/logs/a%20dir/%3Cnear%3E' |
	cmp - /var/log/sys.log"
check "its end alone" prints 0000 logs sys.log -r -5
check "its middle" prints "3 4 5" sh -c "$(declare -f logs); dir=$dir; logs sys.log -r 4-8 | xargs"
check "what is behind its end" prints 416 logs sys.log -r 10000000- -o /dev/null -w '%{http_code}'
check "packed ones are no text" contains application/x-gzip "$(logs old.gz -I -X GET)"
check "no link leads out" prints 404 logs away -o /dev/null -w '%{http_code}'
check "nor does a path" prints 400 logs ..%2f..%2fetc/passwd -o /dev/null -w '%{http_code}'
check "a directory ends with a slash" contains "ocation: a dir/" "$(logs a%20dir -i)"
umount /var/log

check "the top of pods" sh -c "'$own' top pod web --no-headers | grep -q 'm .*Mi'"
check "the top of nodes" quiet "$own" top nodes
k delete pod web talker --wait >/dev/null
check "it ends" stop
finish
