#!/bin/bash
# Certificates and tokens by the API: requests that kubelets and people make, from a bootstrap token
# to a certificate that lets in; Secrets that become tokens. Stock kubectl, openssl, curl.
here=$(dirname "$0")
. "$here/../harness/check.sh"
. "$here/../harness/apiserver.sh"
kube=$1
command=$here/../../build/clients/kubectl # packaging/setup --tests puts it there
[ -x "$command" ] || command=$(command -v kubectl)

k() { "$command" --kubeconfig "$kubeconfig" "$@" 2>&1; }

# Asks until the answer is as wanted, or for fifteen seconds.
becomes() { # WANTED COMMAND…
	local wanted=$1 got=
	shift
	for _ in $(seq 60); do
		got=$("$@")
		[ "$got" != "$wanted" ] || return 0
		sleep 0.25
	done
	echo "    want: $wanted; got: $got"
	return 1
}

start_apiserver "$kube" --enable-admission-plugins NodeRestriction || exit 1
address=$(sed -n 's/^ *server: *//p' "$kubeconfig" | tr -d '"')
pki=$dir/d/pki
"$kube" controllers --kubeconfig "$kubeconfig" --use-service-account-credentials \
	--controllers '*,bootstrapsigner,tokencleaner' --root-ca-file "$pki/ca.crt" \
	--cluster-signing-cert-file "$pki/client-ca.crt" \
	--cluster-signing-key-file "$pki/client-ca.key" \
	--service-account-private-key-file "$pki/sa.key" 2>"$dir/controllers.log" &
controllers=$!
trap 'kill $controllers 2>/dev/null; kill -9 "$server" 2>/dev/null; rm -rf "$dir"' EXIT
becomes default k get serviceaccount default -o 'jsonpath={.metadata.name}' >/dev/null

fetch() { curl -sS --max-time 20 --noproxy '*' --cacert "$pki/ca.crt" "$@"; }
whoami() { # CURL-FLAGS…
	fetch -H 'Content-Type: application/json' -d '{}' "$@" \
		"$address/apis/authentication.k8s.io/v1/selfsubjectreviews" | tr -d ' \n'
}
make_request() { # FILE SUBJECT MORE…: a key and a request
	local file=$dir/$1 subject=$2
	shift 2
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" \
		-keyout "$file.key" -out "$file.csr" "$@" 2>"$dir/err"
}
manifest() { # NAME SIGNER USAGES [SECONDS]
	cat <<-END
		apiVersion: certificates.k8s.io/v1
		kind: CertificateSigningRequest
		metadata: {name: $1}
		spec:
		  request: $(base64 -w0 "$dir/$1.csr")
		  signerName: kubernetes.io/$2
		  usages: [$3]
		  ${4:+expirationSeconds: $4}
	END
}
condition() { k get csr "$1" -o 'jsonpath={range .status.conditions[*]}{.type}/{.reason} {end}'; }
certificate() { k get csr "$1" -o 'jsonpath={.status.certificate}' | base64 -d >"$dir/$1.crt"; }
has_certificate() { [ -n "$(k get csr "$1" -o 'jsonpath={.status.certificate}')" ] && echo yes; }

# ---- a person ----
make_request jane '/O=devs/O=ops/CN=jane'
manifest jane kube-apiserver-client 'client auth' 3600 | k apply -f - >"$dir/out"
check "nobody approves a person by himself" contains Pending "$(k get csr jane)"
check "an administrator does" contains approved "$(k certificate approve jane)"
check "then it is signed" becomes yes has_certificate jane
certificate jane
check "by the authority of clients" contains "OK" \
	"$(openssl verify -CAfile "$pki/client-ca.crt" "$dir/jane.crt")"
check "for that subject" contains "O = devs + O = ops, CN = jane" \
	"$(openssl x509 -in "$dir/jane.crt" -noout -subject | sed 's/O = devs, O = ops/O = devs + O = ops/')"
check "and that use" contains "TLS Web Client Authentication" \
	"$(openssl x509 -in "$dir/jane.crt" -noout -text)"
check "for an hour" openssl x509 -in "$dir/jane.crt" -noout -checkend 3000
check "and no longer" test "$(openssl x509 -in "$dir/jane.crt" -noout -checkend 3900 >"$dir/out" || echo over)" = over
check "it lets her in" contains '"username":"jane","groups":["devs","ops","system:authenticated"]' \
	"$(whoami --cert "$dir/jane.crt" --key "$dir/jane.key")"
check "her request says so" contains Approved "$(condition jane)"
make_request wrong '/CN=wrong'
manifest wrong kube-apiserver-client 'server auth' | k apply -f - >"$dir/out"
k certificate approve wrong >"$dir/out"
check "what is none of the signer's fails" becomes 'Approved/KubectlApprove Failed/SignerValidationFailure ' condition wrong
check "and says why" contains 'invalid usage for client certificate: server auth' "$(k get csr wrong -o yaml)"
make_request denied '/CN=denied'
manifest denied kube-apiserver-client 'client auth' | k apply -f - >"$dir/out"
k certificate deny denied >"$dir/out"
check "what is denied is not signed" test "$(condition denied)$(has_certificate denied)" = 'Denied/KubectlDeny '
make_request other '/CN=other'
manifest other other-signer 'client auth' | sed 's,kubernetes.io/other-signer,example.com/other,' | k apply -f - >"$dir/out"
k certificate approve other >"$dir/out"
make_request serving '/O=system:nodes/CN=system:node:n1' -addext 'subjectAltName=DNS:n1,IP:10.0.0.1'
manifest serving kubelet-serving 'digital signature, server auth' | k apply -f - >"$dir/out"
check "a kubelet's server waits for somebody" contains Pending "$(k get csr serving)"
k certificate approve serving >"$dir/out"
check "then it is signed, too" becomes yes has_certificate serving
certificate serving
check "for all its names" contains "DNS:n1, IP Address:10.0.0.1" \
	"$(openssl x509 -in "$dir/serving.crt" -noout -text)"
check "what another signs is left to it" test "$(has_certificate other)" = ""

# ---- a node that joins ----
k apply -f - >"$dir/out" <<-END
	apiVersion: v1
	kind: Secret
	metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
	type: bootstrap.kubernetes.io/token
	stringData:
	  token-id: abcdef
	  token-secret: 0123456789abcdef
	  usage-bootstrap-authentication: "true"
	  usage-bootstrap-signing: "true"
	  auth-extra-groups: system:bootstrappers:workers
	---
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: cluster-info, namespace: kube-public}
	data: {kubeconfig: "clusters: []"}
END
k create clusterrolebinding join --clusterrole system:node-bootstrapper --group system:bootstrappers >"$dir/out"
signature() { k get configmap cluster-info -n kube-public -o 'jsonpath={.data.jws-kubeconfig-abcdef}'; }
header=$(printf '{"alg":"HS256","kid":"abcdef"}' | base64 -w0 | tr -d = | tr /+ _-)
payload=$(printf 'clusters: []' | base64 -w0 | tr -d = | tr /+ _-)
mac=$(printf '%s.%s' "$header" "$payload" | openssl dgst -sha256 -hmac 0123456789abcdef -binary |
	base64 -w0 | tr -d = | tr /+ _-)
check "the token signs what the cluster tells of itself" becomes "$header..$mac" signature
token=abcdef.0123456789abcdef
check "the token is somebody" contains \
	'"username":"system:bootstrap:abcdef","groups":["system:bootstrappers","system:bootstrappers:workers","system:authenticated"]' \
	"$(whoami -H "Authorization: Bearer $token")"
join() { # NAME: asks for a node's certificate by the token
	make_request "$1" "/O=system:nodes/CN=system:node:$1"
	manifest "$1" kube-apiserver-client-kubelet 'digital signature, client auth' |
		"$command" --server "$address" --certificate-authority "$pki/ca.crt" \
			--token "$token" --kubeconfig /dev/null create -f - 2>&1
}
check "it may ask" contains created "$(join n1)"
check "but is not approved by itself" contains Pending "$(k get csr n1)"
k create clusterrolebinding approve --group system:bootstrappers \
	--clusterrole system:certificates.k8s.io:certificatesigningrequests:nodeclient >"$dir/out"
check "unless it may have that" becomes 'Approved/AutoApproved ' condition n1
check "then it is signed" becomes yes has_certificate n1
certificate n1
check "and is the node" contains '"username":"system:node:n1","groups":["system:nodes","system:authenticated"]' \
	"$(whoami --cert "$dir/n1.crt" --key "$dir/n1.key")"
again() { # NAME SIGNER CN: by the node itself
	make_request "$1" "/O=system:nodes/CN=$3"
	manifest "$1" "$2" 'digital signature, client auth' |
		"$command" --server "$address" --certificate-authority "$pki/ca.crt" \
			--client-certificate "$dir/n1.crt" --client-key "$dir/n1.key" \
			--kubeconfig /dev/null create -f - 2>&1
}
k create clusterrolebinding renew --group system:nodes \
	--clusterrole system:certificates.k8s.io:certificatesigningrequests:selfnodeclient >"$dir/out"
check "which may renew it" contains created \
	"$(again n1-again kube-apiserver-client-kubelet system:node:n1)"
for signer in kube-apiserver-client-kubelet kubelet-serving; do
	check "but not another's ($signer)" contains 'can only create a node CSR with CN=system:node:n1' \
		"$(again n2-again $signer system:node:n2)"
done
manifest n1-again kubelet-serving 'server auth' | sed "s/request: .*/request: $(echo nothing | base64)/" >"$dir/nothing"
check "nor what is no request" contains 'unable to parse csr: PEM block type must be CERTIFICATE REQUEST' \
	"$("$command" --server "$address" --certificate-authority "$pki/ca.crt" --client-certificate "$dir/n1.crt" \
		--client-key "$dir/n1.key" --kubeconfig /dev/null create -f "$dir/nothing" 2>&1)"
check "for itself" becomes 'Approved/AutoApproved ' condition n1-again
check "by its own right" contains 'self kubelet client certificate' "$(k get csr n1-again -o yaml)"
k patch secret bootstrap-token-abcdef -n kube-system -p '{"stringData":{"expiration":"2020-01-01T00:00:00Z"}}' >"$dir/out"
gone() { k get secret bootstrap-token-abcdef -n kube-system -o name; }
check "a token that has expired is cleaned up" becomes \
	'Error from server (NotFound): secrets "bootstrap-token-abcdef" not found' gone
check "it lets nobody in" contains Unauthorized "$(whoami -H "Authorization: Bearer $token")"
check "and its signature goes" becomes '' signature

# ---- a certificate that tells a UID ----
told() { # NAME SUBJECT: who the API takes it for
	make_request "$1" "$2" -config "$dir/req.cnf"
	printf 'extendedKeyUsage=clientAuth\n' >"$dir/ext"
	openssl x509 -req -in "$dir/$1.csr" -CA "$pki/client-ca.crt" -CAkey "$pki/client-ca.key" -CAcreateserial \
		-CAserial "$dir/serial" -days 2 -extfile "$dir/ext" -out "$dir/$1.crt" 2>"$dir/err"
	whoami --cert "$dir/$1.crt" --key "$dir/$1.key"
}
printf '%s\n' 'oid_section=oids' '[oids]' 'userUID=1.3.6.1.4.1.57683.2' '[req]' 'distinguished_name=dn' \
	'[dn]' >"$dir/req.cnf"
check "its user has it" contains '"username":"ursula","uid":"u-77","groups":["system:authenticated"]' \
	"$(told ursula "/CN=ursula/userUID=u-77")"
check "two are none" contains '"Unauthorized"' "$(told twice "/CN=twice/userUID=a/userUID=b")"

# ---- tokens in Secrets ----
k create serviceaccount robot >"$dir/out"
secret() { # ACCOUNT
	cat <<-END
		apiVersion: v1
		kind: Secret
		metadata:
		  name: $1-token
		  annotations: {kubernetes.io/service-account.name: $1}
		type: kubernetes.io/service-account-token
	END
}
secret robot | k apply -f - >"$dir/out"
data() { k get secret robot-token -o "jsonpath={.data.$1}" | base64 -d; }
check "a Secret becomes a token" becomes default data namespace
check "with whom to believe" test "$(data ca\\.crt)" = "$(cat "$pki/ca.crt")"
check "of its account" contains '"username":"system:serviceaccount:default:robot"' \
	"$(whoami -H "Authorization: Bearer $(data token)")"
used() { k get secret robot-token -o 'jsonpath={.metadata.labels.kubernetes\.io/legacy-token-last-used}'; }
check "its use is recorded" becomes "$(date -u +%Y-%m-%d)" used
token=$(data token)
k patch secret robot-token --type json -p '[{"op":"remove","path":"/data/ca.crt"}]' >"$dir/out"
check "what is taken out comes back" becomes "$(cat "$pki/ca.crt")" data ca\\.crt
k delete serviceaccount robot >"$dir/out"
gone() { k get secret robot-token -o name; }
check "it goes with the account" becomes 'Error from server (NotFound): secrets "robot-token" not found' gone
check "and lets nobody in" contains Unauthorized "$(whoami -H "Authorization: Bearer $token")"

# ---- tokens of old that nobody uses ----
k apply -f - >"$dir/out" <<-END
	apiVersion: v1
	kind: ServiceAccount
	metadata: {name: old}
	secrets: [{name: old-token}]
END
secret old | k apply -f - >"$dir/out"
becomes old k get secret old-token -o 'jsonpath={.metadata.annotations.kubernetes\.io/service-account\.name}' >/dev/null
token=$(k get secret old-token -o 'jsonpath={.data.token}' | base64 -d)
k create serviceaccount older --dry-run=client -o json >"$dir/out" # one whose token nobody uses
python3 -c 'import json, sys
a = json.load(open(sys.argv[1])); a["secrets"] = [{"name": "older-token"}]; print(json.dumps(a))' "$dir/out" | k apply -f - >"$dir/err"
secret older | k apply -f - >"$dir/out"
becomes older k get secret older-token -o 'jsonpath={.metadata.annotations.kubernetes\.io/service-account\.name}' >/dev/null
check "it lets its account in" contains "serviceaccount:default:old" "$(whoami -H "Authorization: Bearer $token")"
kill $controllers
wait $controllers
k -n kube-system patch configmap kube-apiserver-legacy-service-account-token-tracking \
	-p '{"data":{"since":"2020-01-01"}}' >"$dir/out"
sleep 2 # the token is older than it may be unused, then
# ---- each signer by an authority of its own ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=people \
	-addext basicConstraints=critical,CA:TRUE -keyout "$dir/people.key" -out "$dir/people.crt" 2>"$dir/err"
refused() { "$kube" controllers --kubeconfig "$kubeconfig" "$@" 2>&1; }
check "a certificate needs its key" contains '"cluster-signing-kubelet-client": cannot specify cert file without key file' \
	"$(refused --cluster-signing-kubelet-client-cert-file "$dir/people.crt")"
check "one for all or one for each" contains 'cannot specify --cluster-signing-{cert,key}-file and other --cluster-signing-*-file flags at the same time' \
	"$(refused --cluster-signing-cert-file "$dir/people.crt" --cluster-signing-key-file "$dir/people.key" \
		--cluster-signing-kubelet-client-cert-file "$dir/people.crt" --cluster-signing-kubelet-client-key-file "$dir/people.key")"
"$kube" controllers --kubeconfig "$kubeconfig" --use-service-account-credentials --leader-elect=false \
	--cluster-signing-kube-apiserver-client-cert-file "$dir/people.crt" \
	--cluster-signing-kube-apiserver-client-key-file "$dir/people.key" \
	--cluster-signing-kubelet-client-cert-file "$pki/client-ca.crt" \
	--cluster-signing-kubelet-client-key-file "$pki/client-ca.key" \
	--cluster-signing-duration 2h --legacy-service-account-token-clean-up-period 1s \
	--service-account-private-key-file "$pki/sa.key" 2>"$dir/controllers2.log" &
controllers=$!
make_request june '/CN=june'
manifest june kube-apiserver-client 'client auth' | k apply -f - >"$dir/out"
k certificate approve june >"$dir/out"
check "a person's is signed by the authority of people" becomes yes has_certificate june
certificate june
check "by that one" contains "OK" "$(openssl verify -CAfile "$dir/people.crt" "$dir/june.crt")"
left=$(($(date -d "$(openssl x509 -in "$dir/june.crt" -noout -enddate | cut -d= -f2)" +%s) - $(date +%s)))
since() { k get secret old-token -o 'jsonpath={.metadata.labels.kubernetes\.io/legacy-token-invalid-since}'; }
older() { k get secret older-token -o 'jsonpath={.metadata.labels.kubernetes\.io/legacy-token-invalid-since}'; }
check "a token that nobody uses becomes invalid" becomes "$(date -u +%Y-%m-%d)" older
check "and says so" contains Unauthorized \
	"$(whoami -H "Authorization: Bearer $(k get secret older-token -o 'jsonpath={.data.token}' | base64 -d)")"
check "a token that was used today stays" test -z "$(since)"
check "for no longer than two hours" test $left -gt 6000 -a $left -le 7200
finish
