#!/bin/bash
# An API server behind this one: found in discovery, asked as whoever asks here, watched, upgraded,
# and told to be unavailable when it is.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
here=$(dirname "$0")
kube=$1
start_apiserver "$kube" || exit 1
kubectl=$(command -v kubectl) || { echo "no kubectl here" >&2; exit 1; }
k() { "$kubectl" --kubeconfig "$kubeconfig" --cache-dir "$dir/cache" --request-timeout 20s "$@"; }
within() { # SECONDS COMMAND…: until it succeeds
	local until=$((SECONDS + $1))
	shift
	while ! "$@"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.2
	done
}

raw() { # PATH [CURL-OPTION…]: as it is
	local base path=$1
	shift
	base=$(sed -n 's/.*server: //p' "$kubeconfig" | tr -d '"')
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" --cert "$dir/d/pki/admin.crt" \
		--key "$dir/d/pki/admin.key" "$@" "$base$path"
}

# ---- whom the extension believes stands in a ConfigMap ----
k -n kube-system get configmap extension-apiserver-authentication \
	-o 'go-template={{index .data "requestheader-client-ca-file"}}' >"$dir/front.crt"
check "its authority is told" grep -q "BEGIN CERTIFICATE" "$dir/front.crt"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ext-ca \
	-keyout "$dir/ca.key" -out "$dir/ca.crt" 2>"$dir/openssl.log" &&
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ext \
		-keyout "$dir/ext.key" -out "$dir/ext.csr" 2>>"$dir/openssl.log" &&
	printf 'subjectAltName=DNS:ext.default.svc\n' >"$dir/san" &&
	openssl x509 -req -in "$dir/ext.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial \
		-days 2 -extfile "$dir/san" -out "$dir/ext.crt" 2>>"$dir/openssl.log" ||
	{ cat "$dir/openssl.log"; exit 1; }
start_extension() {
	rm -f "$dir/port"
	mkfifo "$dir/alive" 2>/dev/null
	python3 -B "$here/extension_server.py" "$dir/ext.crt" "$dir/ext.key" "$dir/front.crt" "$dir/port" \
		<>"$dir/alive" 2>"$dir/extension.log" &
	others=$!
	within 10 test -s "$dir/port" || { cat "$dir/extension.log"; exit 1; }
}
start_extension
port=$(cat "$dir/port")
service() { # PORT
	k apply -f - <<-EOF
	apiVersion: apiregistration.k8s.io/v1
	kind: APIService
	metadata: {name: v1.widgets.example.com}
	spec:
	  group: widgets.example.com
	  version: v1
	  groupPriorityMinimum: 1000
	  versionPriority: 15
	  caBundle: $(base64 -w 0 "$dir/ca.crt")
	  service: {namespace: default, name: ext, port: $1}
	EOF
}
condition() { k get apiservice v1.widgets.example.com -o "jsonpath={.status.conditions[0].$1}"; }
reason_is() { [ "$(condition reason)" = "$1" ]; }

service "$port" >/dev/null
check "a service that is not there" within 10 reason_is ServiceNotFound
check "is told by name" test "$(condition message)" = 'service/ext in "default" is not present'
check "who asks it is told so" contains "service unavailable" \
	"$(raw /apis/widgets.example.com/v1)"
k create service externalname ext --external-name localhost >/dev/null
check "it is available once it answers" within 10 reason_is Passed
check "which its condition says" test "$(condition message)" = "all checks passed"
check "the condition is waited for" k wait --for=condition=Available --timeout 5s \
	apiservice/v1.widgets.example.com

# ---- what it serves is served here ----
check "discovery names its resources" contains "widgets.example.com/v1" \
	"$(k api-resources --api-group widgets.example.com)"
check "its objects are listed" contains "one" "$(k get widgets 2>&1)"
check "by its short names, too" contains '"size": 1' "$(k get wd one -o json 2>&1)"
printf 'apiVersion: widgets.example.com/v1\nkind: Widget\nmetadata: {name: two}\nsize: 2\n' >"$dir/two.yaml"
check "its objects are made" k create --validate=false -f "$dir/two.yaml"
check "and found" contains '"size": 2' "$(k get widget two -o json 2>&1)"
check "its refusals are its own" contains "no such widget" "$(k get widget three 2>&1)"
check "watches are passed on as they come" test \
	"$(k get --raw '/apis/widgets.example.com/v1/widgets?watch=true' | grep -c ADDED)" = 3
check "groups are listed" contains '"name":"widgets.example.com"' "$(k get --raw /apis | tr -d ' \n')"
check "a group tells its versions" contains '"groupVersion":"widgets.example.com/v1"' \
	"$(k get --raw /apis/widgets.example.com | tr -d ' \n')"
check "so does the index of OpenAPI" contains '"/openapi/v3/apis/widgets.example.com/v1"' \
	"$(k get --raw /openapi/v3 | tr -d ' \n')"
check "whose document is its server's" contains '"title": "widgets"' \
	"$(k get --raw /openapi/v3/apis/widgets.example.com/v1)"
# ---- its OpenAPI is part of ours ----
merged() { k get --raw /openapi/v2 >"$dir/openapi" && grep -q com.example.Widget "$dir/openapi"; }
check "its types are in our OpenAPI v2" within 10 merged
looks() { # PYTHON-EXPRESSION over the document d
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
m = "io.k8s.apimachinery.pkg.apis.meta.v1."
w = d["definitions"]["com.example.Widget"]["properties"]
sys.exit(not eval(sys.argv[2]))' "$dir/openapi" "$1"
}
check "its paths, too" looks '"/apis/widgets.example.com/v1/namespaces/{namespace}/widgets" in d["paths"]'
check "but none of others" looks 'not any("com.example.Unused" in n for n in d["definitions"])'
check "what both have is there once" looks 'w["since"]["$ref"].endswith(m + "Time") and m + "Time_v2" not in d["definitions"]'
check "what is another has another name" looks \
	'w["deleted"]["$ref"].endswith("DeleteOptions_v2") and "properties" in d["definitions"][m + "DeleteOptions"]'
check "parameters that are the same are shared" looks '"pretty-tJGM1-ng_v2" not in d["parameters"]'
check "as protobuf, too" sh -c "$kubectl --kubeconfig $kubeconfig get --raw /openapi/v2 >/dev/null; \
	curl -sS --noproxy '*' --cacert $dir/d/pki/ca.crt --cert $dir/d/pki/admin.crt --key $dir/d/pki/admin.key \
	-H 'Accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf' \
	$(sed -n 's/.*server: //p' "$kubeconfig" | tr -d '"')/openapi/v2 | grep -aq 'A widget of another server'"
for client in "$(readlink -f "$kubectl")".1.2?; do
	[ -x "$client" ] || continue
	check "$(basename "$client") explains it" contains "How large it is" \
		"$("$client" --kubeconfig "$kubeconfig" --cache-dir "$dir/explain" explain widgets.size \
			--output plaintext-openapiv2 2>&1)"
	break
done
who=$(k get --raw /apis/widgets.example.com/v1/whoami --as jane --as-group system:masters --as-group ops)
check "it hears who asks" contains '"user": "jane"' "$who"
check "and of which groups" contains '"groups": ["system:masters", "ops", "system:authenticated"]' "$who"
check "but no credentials" contains '"authorization": null' "$who"
check "who may not is stopped here" contains "Forbidden" \
	"$(k get widgets --as nobody 2>&1)"

# ---- upgrades ----
base=$(sed -n 's/.*server: //p' "$kubeconfig" | tr -d '"')
python3 -B - "$kubeconfig" "$base" >"$dir/upgraded" 2>&1 <<'EOF'
import base64, re, socket, ssl, sys, tempfile, urllib.parse
text = open(sys.argv[1]).read()
def data(name):
    m = re.search(name + r'-data"?: *"?([A-Za-z0-9+/=]+)', text)
    f = tempfile.NamedTemporaryFile(suffix=".pem")
    f.write(base64.b64decode(m.group(1))); f.flush()
    return f
ca, cert, key = data("certificate-authority"), data("client-certificate"), data("client-key")
context = ssl.create_default_context(cafile=ca.name)
context.load_cert_chain(cert.name, key.name)
url = urllib.parse.urlsplit(sys.argv[2])
s = context.wrap_socket(socket.create_connection((url.hostname, url.port)), server_hostname=url.hostname)
s.sendall(b"GET /apis/widgets.example.com/v1/echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello there\n")
got = b""
while True:
    piece = s.recv(1000)
    if not piece:
        break
    got += piece
sys.stdout.write(got.decode())
EOF
check "connections are upgraded through" grep -q "HELLO THERE" "$dir/upgraded"

# ---- it goes, and comes back ----
kill -9 $others
wait $others 2>/dev/null
others=
check "who asks in vain hears why" contains "connection refused" \
	"$(raw /apis/widgets.example.com/v1/widgets)"
k annotate service ext looked=again >/dev/null
check "it is unavailable then" within 10 reason_is FailedDiscoveryCheck
check "and asked no more" contains "service unavailable" \
	"$(raw /apis/widgets.example.com/v1/widgets)"
check "discovery still names it" contains '"freshness":"Stale"' "$(raw /apis \
	-H 'Accept: application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList')"
check "others are not touched by it" k get configmaps
start_extension
service "$(cat "$dir/port")" >/dev/null
check "it is back when it answers again" within 10 reason_is Passed
check "the service goes" k delete apiservice v1.widgets.example.com
gone() { contains "could not find the requested resource" "$(k get --raw /apis/widgets.example.com/v1 2>&1)" ||
	contains "404" "$(k get --raw /apis/widgets.example.com/v1 2>&1)"; }
check "and with it what it served" within 10 gone
unmerged() { ! merged; }
check "and its OpenAPI" within 10 unmerged
kill $others
wait $others 2>/dev/null
others=
check "the server ends" end_apiserver
finish
