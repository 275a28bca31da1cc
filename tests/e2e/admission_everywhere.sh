#!/bin/bash
# Admission sees every way in which something can be changed or reached: each verb, each subresource,
# each item of a collection, connections before they are made; and never what configures it.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
start_apiserver "$1" || exit 1
base=$(sed -n 's/.*server: //p' "$kubeconfig" | tr -d '"')
ask() { # METHOD PATH [BODY]: what is answered; $type is the body's
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" --cert "$dir/d/pki/admin.crt" \
		--key "$dir/d/pki/admin.key" -X "$1" -H "Content-Type: ${type:-application/json}" \
		${3:+-d "$3"} "$base$2"
}
make() { ask POST "$1" "$2" >"$dir/out" && grep -q '"uid"' "$dir/out" || cat "$dir/out"; }
core=/api/v1/namespaces/default apps=/apis/apps/v1/namespaces/default
policies=/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies
containers='"containers":[{"name":"c","image":"i"}]'
make $core/serviceaccounts '{"metadata":{"name":"default"}}'
make /api/v1/nodes '{"metadata":{"name":"n"}}'
make $core/pods "{\"metadata\":{\"name\":\"p\"},\"spec\":{$containers}}"
make $apps/deployments "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},
	\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{$containers}}}}"
make $core/services '{"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}'
make /api/v1/namespaces '{"metadata":{"name":"gone"}}'
for name in one two three; do
	make $core/configmaps "{\"metadata\":{\"name\":\"$name\",\"labels\":{\"of\":\"many\"}}}"
done
words="'[' + request.operation + ' ' + request.resource.resource + \
(has(request.subResource) ? '/' + request.subResource : '') + ' ' + request.kind.kind + ']'"
make $policies '{"metadata":{"name":"all"},"spec":{"matchConstraints":{"resourceRules":[
	{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*/*"]}]},
	"validations":[{"expression":"false","messageExpression":"'"$words"'"}]}}'
make ${policies%ies}ybindings '{"metadata":{"name":"all"},"spec":{"policyName":"all","validationActions":["Deny"]}}'

denied() { # WANTED METHOD PATH [BODY]
	check "$1" contains "[$1]" "$(ask "${@:2}")"
}
merge=application/merge-patch+json strategic=application/strategic-merge-patch+json
denied "CREATE configmaps ConfigMap" POST $core/configmaps '{"metadata":{"name":"new"}}'
type=application/apply-patch+yaml denied "CREATE configmaps ConfigMap" PATCH "$core/configmaps/new?fieldManager=m" \
	'{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}'
denied "UPDATE configmaps ConfigMap" PUT $core/configmaps/one '{"metadata":{"name":"one"},"data":{"a":"b"}}'
type=$merge denied "UPDATE configmaps ConfigMap" PATCH $core/configmaps/one '{"data":{"a":"b"}}'
denied "DELETE configmaps ConfigMap" DELETE $core/configmaps/one
denied "DELETE configmaps ConfigMap" DELETE "$core/configmaps?labelSelector=of%3Dmany"
check "of many none has gone" test "$(ask GET "$core/configmaps?labelSelector=of%3Dmany" | grep -c '"of": *"many"')" = 3
denied "CREATE configmaps ConfigMap" POST "$core/configmaps?dryRun=All" '{"metadata":{"name":"new"}}'
denied "CREATE pods/eviction Eviction" POST $core/pods/p/eviction \
	'{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}'
denied "CREATE pods/binding Binding" POST $core/pods/p/binding \
	'{"metadata":{"name":"p"},"target":{"kind":"Node","name":"n"}}'
denied "CREATE bindings Binding" POST $core/bindings '{"metadata":{"name":"p"},"target":{"kind":"Node","name":"n"}}'
denied "CREATE serviceaccounts/token TokenRequest" POST $core/serviceaccounts/default/token '{"spec":{}}'
type=$merge denied "UPDATE deployments/scale Scale" PATCH $apps/deployments/d/scale '{"spec":{"replicas":2}}'
type=$merge denied "UPDATE deployments/status Deployment" PATCH $apps/deployments/d/status '{"status":{"replicas":2}}'
type=$strategic denied "UPDATE pods/ephemeralcontainers Pod" PATCH $core/pods/p/ephemeralcontainers \
	'{"spec":{"ephemeralContainers":[{"name":"e","image":"i"}]}}'
type=$strategic denied "UPDATE pods/resize Pod" PATCH $core/pods/p/resize \
	'{"spec":{"containers":[{"name":"c","resources":{}}]}}'
denied "UPDATE namespaces/finalize Namespace" PUT /api/v1/namespaces/gone/finalize \
	'{"metadata":{"name":"gone"},"spec":{"finalizers":[]}}'
for method in GET POST; do
	denied "CONNECT pods/exec PodExecOptions" $method "$core/pods/p/exec?command=x&stdout=1"
	denied "CONNECT pods/attach PodAttachOptions" $method "$core/pods/p/attach?stdout=1"
	denied "CONNECT pods/portforward PodPortForwardOptions" $method "$core/pods/p/portforward?ports=1"
done
denied "CONNECT pods/proxy PodProxyOptions" GET $core/pods/p/proxy/x
denied "CONNECT services/proxy ServiceProxyOptions" GET $core/services/s/proxy/x
denied "CONNECT nodes/proxy NodeProxyOptions" GET /api/v1/nodes/n/proxy/x
check "reading is nobody's business" contains '"kind":"PodList"' "$(ask GET $core/pods | tr -d ' ')"
check "nor is who may do what" contains '"allowed":' "$(ask POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews \
	'{"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}')"
check "nor what configures it" contains '"status":"Success"' "$(ask DELETE ${policies%ies}ybindings/all | tr -d ' ')"
check "without it all is as it was" contains '"uid"' "$(ask POST $core/configmaps '{"metadata":{"name":"new"}}')"
check "the server ends" end_apiserver
finish
