#!/bin/bash
# Pods, services and nodes through the API server, asked by curl: what arrives there, what comes
# back, which backend is chosen, and what is said when there is none.
. "$(dirname "$0")/../harness/cluster.sh"
here=$(dirname "$0")

join_world
ip addr add 192.0.2.3/24 dev eth0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=backend \
	-keyout "$dir/b.key" -out "$dir/b.crt" 2>"$dir/openssl.log"
backends=()
backend() { # ADDRESS PORT NAME [CERT KEY]
	python3 -B "$here/proxy_backend.py" "$@" 2>>"$dir/backend.log" &
	backends+=($!)
}
backend 192.0.2.2 8080 one
backend 192.0.2.3 8080 two
backend 192.0.2.2 8443 tls "$dir/b.crt" "$dir/b.key"

check "the cluster starts" start
base=$(sed -n 's/.*server: //p' "$KUBECONFIG" | tr -d '"')
ask() { # PATH [CURL-OPTION…]
	local path=$1
	shift
	curl -sS --max-time 20 --noproxy '*' --path-as-is --cacert "$dir/d/pki/ca.crt" \
		--cert "$dir/d/pki/admin.crt" --key "$dir/d/pki/admin.key" "$@" "$base$path"
}
field() { python3 -c 'import json,sys
d = json.load(sys.stdin)
for k in sys.argv[1:]: d = d.get(k, "-")
print(d)' "$@"; }
says() { # TEXT PATH [CURL-OPTION…]
	local wanted=$1 got
	shift
	got=$(ask "$@")
	[ "$got" = "$wanted" ] || { echo "got: $got"; return 1; }
}
told() { # TEXT FIELD… -- PATH [CURL-OPTION…]: what the backend was asked
	local wanted=$1 fields=() got
	shift
	while [ "$1" != -- ]; do
		fields+=("$1")
		shift
	done
	shift
	got=$(ask "$@" | field "${fields[@]}")
	[ "$got" = "$wanted" ] || { echo "got: $got"; return 1; }
}
code() { ask "$@" -o /dev/null -w '%{http_code}'; }

# ---- pods that some other kubelet runs ----
pod() { # NAME ADDRESS
	k apply -f - >/dev/null <<-X
		apiVersion: v1
		kind: Pod
		metadata: {name: $1}
		spec:
		  nodeName: elsewhere
		  containers: [{name: c, image: x, ports: [{containerPort: 8080}]}]
	X
	k patch pod "$1" --subresource=status --type merge \
		-p "{\"status\":{\"phase\":\"Running\",\"podIP\":\"$2\",\"podIPs\":[{\"ip\":\"$2\"}]}}" >/dev/null
}
k create -f - >/dev/null <<-X
	apiVersion: v1
	kind: Node
	metadata: {name: elsewhere}
X
k taint node elsewhere- node.kubernetes.io/not-ready >/dev/null 2>&1
pod one 192.0.2.2
pod two 192.0.2.3
pod lost 127.0.0.1
ns=/api/v1/namespaces/default
p=$ns/pods/one/proxy
check "the pod's first port is asked" within 10 told one name -- $p/
for m in GET POST PUT PATCH DELETE OPTIONS; do
	check "$m reaches it" told $m method -- $p/x -X $m
done
check "HEAD reaches it" prints 200 code $p/x -I
check "the path is decoded and cleaned, the query kept" \
	told '/a%20b/c/?q=%2F&r' path -- "$p/a%20b//x/../c/?q=%2F&r"
check "an escaped slash is a slash" told /a/b path -- $p/a%2Fb
head -c 5000000 /dev/zero >"$dir/large"
check "large bodies arrive" told 5000000 length -- $p/x --data-binary "@$dir/large"
check "so do those of unknown length" told 5000000 length -- $p/x --http1.1 \
	-H 'Transfer-Encoding: chunked' --data-binary "@$dir/large"
check "it hears whom we were called" told a.example:99 headers host -- $p/x -H 'Host: a.example:99'
check "who asked for it" told '10.9.8.7, 127.0.0.1' headers x-forwarded-for -- $p/x \
	-H 'X-Forwarded-For: 10.9.8.7'
check "where it is here" told "$p/x" headers x-forwarded-uri -- $p/x
check "but not by what right" told - headers authorization -- $p/x -H 'Authorization: Bearer x' \
	--cert "$dir/d/pki/admin.crt"
check "nor what was for us alone" told - headers x-mine -- $p/x --http1.1 -H 'Connection: X-Mine' \
	-H 'X-Mine: 1'
ask $p/x --http1.1 -D "$dir/head" >/dev/null
check "headers come back" grep -qi '^x-kept: 1' "$dir/head"
check "but those of its connection do not" test "$(grep -ci '^x-hop' "$dir/head")" = 0
check "without a slash clients are sent to it" prints "301 $base$p/?a=1" \
	ask "$p?a=1" -o /dev/null -w '%{http_code} %{redirect_url}'
check "unless they send something" told / path -- "$p" -X POST

# ---- pages and redirects ----
page_of() { ask "$@" --compressed; }
for kind in page gzip deflate; do
	page_of $p/$kind -D "$dir/head" >"$dir/page"
	check "$kind: links lead here" grep -q "<a href=\"$p/rewriteme?a=1&amp;b=2\">one" "$dir/page"
	check "$kind: each kind of link" test "$(grep -c "href=\"$p/style.css\"\|src=\"$p/i.png\"" "$dir/page")" = 2
	check "$kind: others lead where they did" grep -q "<a href=\"relative\">two</a> <a href='http://elsewhere/x'>" "$dir/page"
	check "$kind: scripts are left alone" grep -q "'<a href=\"/not\">'" "$dir/page"
done
ask $p/page --http1.1 -D "$dir/head" >"$dir/page"
check "the length is that of the page" test "$(stat -c %s "$dir/page")" = \
	"$(sed -n 's/^Content-Length: \([0-9]*\).*/\1/Ip' "$dir/head")"
check "which origins may see it is ours to say" test "$(grep -ci '^access-control' "$dir/head")" = 0
check "what is no gzip is an error" prints 500 code $p/broken
check "long pages go through as they are" prints 6000011 sh -c \
	"curl -sS --noproxy '*' --cacert $dir/d/pki/ca.crt --cert $dir/d/pki/admin.crt --key $dir/d/pki/admin.key $base$p/long | wc -c"
moved() { # TO: where a redirect leads then
	ask $p/redirect -D - -o /dev/null -H "X-To: $1" | sed -n 's/^location: \(.*\)\r/\1/Ip'
}
check "redirects lead here" prints "$p/elsewhere/?a=b#c" moved "/elsewhere/?a=b#c"
check "also whole ones" prints "$p/x" moved http://192.0.2.2:8080/x
check "also to whom we were called" prints "${base}$p/x" moved "$base/x"
check "those that know do not" prints "$p/x" moved "$p/x"
check "nor those elsewhere" prints http://192.0.2.9/x moved http://192.0.2.9/x
check "nor relative ones" prints ../x moved ../x

# ---- which backend ----
check "a port" told one name -- $ns/pods/one:8080/proxy/
check "a scheme" told tls name -- $ns/pods/https:one:8443/proxy/
check "without it, http" test "$(code $ns/pods/one:8443/proxy/)" != 200
check "nobody at the port" contains "error trying to reach service: dial tcp 192.0.2.2:81: connect: connection refused" \
	"$(ask $ns/pods/one:81/proxy/)"
check "is 503" prints 503 code $ns/pods/one:81/proxy/
check "our own addresses are not for pods" contains '"address not allowed"' "$(ask $ns/pods/lost/proxy/)"
check "nor is anything else a name" contains 'invalid pod request \"a:b:c:d\"' "$(ask $ns/pods/a:b:c:d/proxy/)"

k create -f - >/dev/null <<-X
	apiVersion: v1
	kind: Service
	metadata: {name: s}
	spec: {ports: [{name: web, port: 80, targetPort: 8080}, {name: tls, port: 443, targetPort: 8443}]}
	---
	apiVersion: v1
	kind: Service
	metadata: {name: none}
	spec: {ports: [{port: 80}]}
X
slice() { # NAME SERVICE PORT-NAME PORT ENDPOINT…
	local name=$1 service=$2 port="{name: $3, port: $4}"
	shift 4
	k apply -f - >/dev/null <<-X
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata: {name: $name, labels: {kubernetes.io/service-name: $service}}
		addressType: IPv4
		ports: [$port]
		endpoints: [$(IFS=,; echo "$*")]
	X
}
endpoint() { # POD ADDRESS READY
	echo "{addresses: [$2], conditions: {ready: $3}, targetRef: {kind: Pod, namespace: default, name: $1}}"
}
s=$ns/services
check "a service without endpoints" contains 'services \"none\" not found' "$(ask $s/none/proxy/)"
slice none none '""' 80
check "with an empty slice" contains 'no endpoints available for service \"none\"' "$(ask $s/none/proxy/)"
check "is 503" prints 503 code $s/none/proxy/
slice s1 s web 8080 "$(endpoint one 192.0.2.2 true)"
slice s2 s web 8080 "$(endpoint two 192.0.2.3 true)" "$(endpoint one 192.0.2.9 true)"
slice s3 s tls 8443 "$(endpoint one 192.0.2.2 true)"
names() { for _ in $(seq 30); do ask "$s/s:web/proxy/" | field name; done | sort -u | xargs; }
check "each ready endpoint is asked, and none that is not its pod's" prints "one two" names
slice s2 s web 8080 "$(endpoint two 192.0.2.3 false)"
check "until it is not ready" prints one names
check "by the port's number" told one name -- $s/s:80/proxy/
check "by name and scheme" told tls name -- $s/https:s:tls/proxy/
check "by number and scheme" told tls name -- $s/https:s:443/proxy/
check "a name it does not have" contains 'no endpoints available for service \"s:other\"' "$(ask $s/s:other/proxy/)"
check "a number it does not have" contains 'no service port 81 found for service \"s\"' "$(ask $s/s:81/proxy/)"
check "no port, where each has a name" contains 'no endpoints available for service \"s\"' "$(ask $s/s/proxy/)"
check "a scheme that there is not" contains 'invalid service request \"ftp:s:80\"' "$(ask $s/ftp:s:80/proxy/)"

node=$(k get nodes -l kubernetes.io/hostname -o 'jsonpath={.items[0].metadata.name}')
n=/api/v1/nodes/$node
check "a node's kubelet" says ok $n/proxy/healthz
port=$(k get node "$node" -o 'jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}')
check "also by its port" says ok "$n:$port/proxy/healthz"
check "another port of the node" told one name -- "$n:8080/proxy/"
check "over TLS" told tls name -- "/api/v1/nodes/https:$node:8443/proxy/"
check "no such node" prints 404 code /api/v1/nodes/none/proxy/

# ---- other protocols ----
upgrade() { # PATH PROTOCOL: the answer's first line and what is echoed
	python3 - "$base" "$1" "$2" "$dir/d/pki" <<-'X'
		import socket, ssl, sys, urllib.parse
		base, path, protocol, pki = sys.argv[1:]
		u = urllib.parse.urlparse(base)
		c = ssl.create_default_context(cafile=pki + "/ca.crt")
		c.load_cert_chain(pki + "/admin.crt", pki + "/admin.key")
		s = c.wrap_socket(socket.create_connection((u.hostname, u.port), 20), server_hostname=u.hostname)
		s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Key: "
		           "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path, protocol)).encode())
		data = b""
		while b"\r\n\r\n" not in data:
		    got = s.recv(4096)
		    if not got:
		        break
		    data += got
		head, _, rest = data.partition(b"\r\n\r\n")
		print(head.split(b"\r\n")[0].decode())
		for line in head.split(b"\r\n"):
		    if line.lower().startswith((b"x-path", b"sec-websocket-accept")):
		        print(line.decode())
		if b" 101 " in head:
		    s.sendall(b"hello")
		    while len(rest) < 5:
		        rest += s.recv(4096)
		else:
		    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
		    while len(rest) < length:
		        rest += s.recv(4096)
		print(rest.decode())
	X
}
check "WebSocket goes through" test "$(upgrade $p/upgrade websocket | xargs)" = \
	"HTTP/1.1 101 Switching Protocols Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo= X-Path: /upgrade HELLO"
check "SPDY goes through" test "$(upgrade "$s/s:web/proxy/a/upgrade?b=c" SPDY/3.1 | xargs)" = \
	"HTTP/1.1 101 Switching Protocols X-Path: /a/upgrade?b=c HELLO"
check "refusals of it, too" contains "not here" "$(upgrade $p/no-upgrade websocket)"
check "what is no upgrade is an error" contains 'invalid upgrade response: status code 200' \
	"$(upgrade $p/page websocket)"
check "nobody there" contains "error dialing backend: dial tcp 192.0.2.2:81: connect: connection refused" \
	"$(upgrade $ns/pods/one:81/proxy/x websocket)"
kill "${backends[@]}"
check "it ends" stop
finish
