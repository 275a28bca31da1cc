#!/bin/bash
# The node's server with a certificate of the cluster: nobody is served before somebody has approved
# it; then kubectl, openssl and the next server find it.
#
#   serving.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

echo 'serverTLSBootstrap: true' >>"$dir/roomy.yaml"
begin_cluster
create_pod p 1 <<-'E'
	containers:
	- {name: c, image: "kube.local/sample:1", command: [sh, -c, "echo I was here; exec sleep 1000"]}
E
check "a pod runs" within 20 prints true k get pod p -o 'jsonpath={.status.containerStatuses[0].ready}'
serving() { k get csr --field-selector spec.signerName=kubernetes.io/kubelet-serving -o "jsonpath=$1"; }
check "a certificate is asked for" within 10 prints system:node:node serving '{.items[*].spec.username}'
name=$(serving '{.items[0].metadata.name}')
check "until then nobody is served" eval '! quiet k logs p'
check "not even by a handshake" eval '! openssl s_client -connect 127.0.0.1:10250 </dev/null 2>&1 | grep -q "BEGIN CERT"'
check "kubectl approves it" quiet k certificate approve "$name"
check "logs are to be had" within 20 prints "I was here" k logs p
shown() { openssl s_client -connect 127.0.0.1:10250 </dev/null 2>/dev/null | openssl x509 -noout "$@"; }
signed() { k get csr "$name" -o 'jsonpath={.status.certificate}' | base64 -d | openssl x509 -noout "$@"; }
check "the server shows what the cluster has signed" prints "$(signed -serial)" shown -serial
check "it is for the node's names and addresses" eval 'shown -ext subjectAltName | grep -q "DNS:node, IP Address:192.0.2.2"'
asks() { # ADDRESS [FLAG…]
	curl -sk --max-time 5 --noproxy '*' -o /dev/null -w '%{http_code}' "${@:2}" \
		"https://$1:10250/pods"
}
nobody() { # who is known, and may nothing
	asks "$1" -H "Authorization: Bearer $(k create token default)"
}
check "who shows nothing sees nothing of it" prints 401 asks 192.0.2.2
check "who has no right to the node sees nothing of it" within 10 prints 403 nobody 192.0.2.2
plain() { # ADDRESS:PORT PATH [FLAG…]: the status
	curl -s --max-time 5 --noproxy '*' -o /dev/null -w '%{http_code}' "${@:3}" "http://$1$2"
}
check "whoever is on the node is told that it is well" prints 200 plain 127.0.0.1:10248 /healthz
check "and nothing else" prints 404 plain 127.0.0.1:10248 /pods
check "nobody beyond it is" prints 000 plain 192.0.2.2:10248 /healthz
check "no figures are shown to anybody" prints 000 plain 192.0.2.2:10255 /pods
before=$(shown -serial)
stop
cat >>"$dir/roomy.yaml" <<-'E'
	authorization: {mode: AlwaysAllow}
	authentication: {anonymous: {enabled: true}}
	address: 192.0.2.2
	healthzPort: 0
	readOnlyPort: 10255
E
check "the next server starts" start --node-name node
shown() { openssl s_client -connect 192.0.2.2:10250 </dev/null 2>/dev/null | openssl x509 -noout "$@"; }
check "it shows the same" within 10 prints "$before" shown -serial
check "whoever is known sees all, where the node says so" within 10 prints 200 nobody 192.0.2.2
check "so is who shows nothing, where it says that" prints 200 asks 192.0.2.2
check "but not who shows something wrong" prints 401 asks 192.0.2.2 -H 'Authorization: Bearer x'
check "nobody says that it is well" prints 000 plain 127.0.0.1:10248 /healthz
check "figures are shown to anybody now" prints 200 plain 192.0.2.2:10255 /metrics
check "pods, too" prints 200 plain 192.0.2.2:10255 /pods
check "not what goes on in them" prints 404 plain 192.0.2.2:10255 /containerLogs/default/p/c
check "nor may anybody run anything" prints 404 plain 192.0.2.2:10255 '/run/default/p/c?cmd=ls' -X POST
check "and only at the address that is said" prints 000 nobody 127.0.0.1
check "and asks for no other" prints "$name" serving '{.items[*].metadata.name}'
check "logs are to be had as before" prints "I was here" k logs p
stop
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=given \
	-keyout "$dir/key" -out "$dir/cert" 2>/dev/null
sed -i '/serverTLSBootstrap/d' "$dir/roomy.yaml"
cat >>"$dir/roomy.yaml" <<-E
	enableDebuggingHandlers: false
	tlsCertFile: $dir/cert
	tlsPrivateKeyFile: $dir/key
	tlsCipherSuites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
E
check "a node that shows no pods starts" start --node-name node
check "logs are not" prints 'Debug endpoints are disabled.' curl -sk --max-time 5 --noproxy '*' \
	https://192.0.2.2:10250/containerLogs/default/p/c
check "it shows the certificate that it was given" prints 'subject=CN = given' shown -subject
speaks() { # CIPHER: of TLS 1.2
	openssl s_client -connect 192.0.2.2:10250 -tls1_2 -cipher "$1" </dev/null 2>/dev/null |
		grep -q "Cipher is $1"
}
check "it speaks the cipher that it may" speaks ECDHE-ECDSA-AES256-GCM-SHA384
check "and no other" eval '! speaks ECDHE-ECDSA-AES128-GCM-SHA256'
check "figures are" quiet k get --raw /api/v1/nodes/node/proxy/metrics
stop
(cat "$dir/roomy.yaml" && echo 'tlsMinVersion: VersionTLS9') >"$dir/wrong.yaml"
"$kube" server --data-dir "$dir/d" --kubelet-config "$dir/wrong.yaml" >"$dir/refused" 2>&1
check "a version that nobody knows is refused" grep -q 'unknown tls version' "$dir/refused"
printf 'enableServer: false\noomScoreAdj: 300\n' >>"$dir/roomy.yaml"
check "a node without a server starts" start --node-name node
check "and has none" prints 000 nobody 192.0.2.2
check "out of memory it is killed as early as is said" prints 300 cat "/proc/$server/oom_score_adj"
k delete pod p >/dev/null
stop
finish
