#!/bin/bash
# The definitions that five well-known operators bring (in their public shape), and their objects, as
# people and controllers use them: stock kubectl, then the JavaScript client.
here=$(dirname "$0")
. "$here/../harness/check.sh"
. "$here/../harness/apiserver.sh"
start_apiserver "$1" || exit 1
export HOME=$dir KUBECONFIG=$kubeconfig
kubectl=$(command -v kubectl) || { echo "no kubectl here" >&2; exit 1; }
k() { "$kubectl" --cache-dir "$dir/cache" "$@" 2>&1; }
of() { k get "$1" -o "jsonpath=$2"; } # OBJECT PATH
says() { # TEXT COMMAND…
	local text=$1 got
	shift
	got=$("$@")
	contains "$text" "$got" || { echo "    $got"; return 1; }
}
row() { # WORDS COMMAND…: the last line that is printed, in single spaces
	local wanted=$1 got
	shift
	got=$("$@" | tail -n 1 | tr -s ' ' | sed 's/ $//')
	[ "$got" = "$wanted" ] || { echo "    $got"; return 1; }
}
status() { # OBJECT STATUS: as a controller writes it
	k patch "$1" --subresource status --type merge -p '{"status":'"$2"'}' >"$dir/out" || cat "$dir/out"
}
json() { # KIND NAME SPEC: an object of one of the kinds, to be created
	echo '{"apiVersion":"'"$1"'","kind":"'"$2"'","metadata":{"name":"wrong"},'"$3"'}'
}
wrong() { # WORDS APIVERSION KIND SPEC…
	local words=$1
	shift
	says "$words" k create -f - < <(json "$@")
}

# ---- definitions ----
check "definitions are applied" says "certificates.cert-manager.io created" \
	k apply -f "$here/custom/operators"
check "again, unchanged" test "$(k apply -f "$here/custom/operators" | grep -vc unchanged)" = 0
check "server-side, too" test \
	"$(k apply --server-side --force-conflicts -f "$here/custom/operators" | grep -c serverside-applied)" = 13
check "all are served" test "$(k wait --for condition=established --timeout 20s crd --all | grep -c 'condition met')" = 13
check "those of upstream's own groups are approved" test \
	"$(of crd/gateways.gateway.networking.k8s.io '{.status.conditions[?(@.type=="KubernetesAPIApprovalPolicyConformant")].status}')" = True
check "which others are not" says 'protected groups must have approval annotation "api-approved.kubernetes.io"' \
	k create -f - <<-'Y'
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: things.example.k8s.io}
	spec:
	  group: example.k8s.io
	  scope: Cluster
	  names: {plural: things, kind: Thing}
	  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
Y
rm -rf "$dir/cache"
check "short names are known" says "prometheuses" k api-resources --api-group monitoring.coreos.com
check "fields are explained" says "enum: RSA, ECDSA, Ed25519" k explain cert.spec.privateKey
check "with what is demanded" says "port	<integer> -required-" k explain gateway.spec.listeners --recursive
check "in another version" says "VERSION:    v1beta1" \
	k explain gateways.spec --api-version gateway.networking.k8s.io/v1beta1

# ---- objects ----
check "one of each kind is applied" test "$(k apply -f "$here/custom/objects.yaml" | grep -c created)" = 12
# kubectl's own merge does not know of defaults within lists: three of them it sends again.
check "and again" test "$(k apply -f "$here/custom/objects.yaml" | grep -c unchanged)" = 9
check "which changes nothing" test "$(k get smon,gtw,httproutes -o 'jsonpath={.items[*].metadata.generation}')" = "1 1 1"
check "nothing differs" test "$(k diff -f "$here/custom/objects.yaml" | wc -l)" = 0
check "categories gather them" says "clusterissuer.cert-manager.io/letters" k get cert-manager
check "defaults are set" test "$(of cert/web '{.spec.duration} {.spec.privateKey.algorithm} {.spec.issuerRef.group} {.spec.usages[1]}')" = \
	"2160h RSA cert-manager.io key encipherment"
check "within lists" test "$(of smon/web '{.spec.endpoints[1].relabelings[0].action}')" = replace
check "whole lists" test "$(of httproute/web '{.spec.rules[0].matches[0].path}{.spec.rules[0].backendRefs[0].weight}')" = \
	'{"type":"PathPrefix","value":"/"}1'
check "a status that nobody has written yet" test "$(of gtw/front '{.status.conditions[*].reason}')" = "Pending Pending"
check "numbers and words stay what they are" test \
	"$(of smon/web '{.spec.endpoints[0].targetPort} {.spec.endpoints[1].targetPort}'; k get smon web -o json | grep -c '"targetPort": 8080$')" = "8080 http1"
check "what no schema names is kept where it may be" test \
	"$(of clusterissuer/letters '{.spec.acme.solvers[0].dns01.webhook.config.zone}') $(of app/shop '{.spec.source.helm.valuesObject.list}')" = \
	'{"id":7,"names":["a","b"]} [1,"a"]'
check "fields can be selected" row "application.argoproj.io/shop" k get app --field-selector spec.project=default -o name
check "by what they are" test "$(k get app --field-selector spec.project=other -o name)" = ""
check "a version of before says so" says \
	"Warning: snapshot.storage.k8s.io/v1beta1 VolumeSnapshot is deprecated; use snapshot.storage.k8s.io/v1 VolumeSnapshot" \
	k get volumesnapshots.v1beta1.snapshot.storage.k8s.io
check "and shows the same" test "$(of gateways.v1beta1.gateway.networking.k8s.io/front '{.apiVersion} {.spec.listeners[1].hostname}')" = \
	"gateway.networking.k8s.io/v1beta1 *.example.com"

# ---- what controllers write ----
k wait cert/web --for condition=Ready --timeout 20s >"$dir/waited" &
waiting=$!
status cert/web '{"conditions":[{"type":"Ready","status":"True","message":"up to date","reason":"Ready"}],"revision":1}'
wait $waiting
check "kubectl waits for a condition" contains "condition met" "$(cat "$dir/waited")"
check "columns show it" row "web True web-tls letters up to date" bash -c \
	"'$kubectl' get cert web -o wide | sed 's/ *[0-9]*s *$//'"
status gtw/front '{"addresses":[{"value":"192.0.2.7"}],"conditions":[{"type":"Programmed","status":"True","reason":"Programmed","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}'
check "addresses and conditions" says "example   192.0.2.7   True" k get gtw front
status vs/monday '{"readyToUse":true,"restoreSize":"10Gi","creationTime":"2026-01-01T00:00:00Z"}'
check "yes, sizes and times" says "true         data                                10Gi          fast" k get vs monday
check "a status may be waited for by its value" says "condition met" \
	k wait vs/monday --for 'jsonpath={.status.readyToUse}=true' --timeout 10s
status prom/main '{"availableReplicas":2,"replicas":2,"paused":false,"unavailableReplicas":0,"updatedReplicas":2,"shards":1,"selector":"app=prom"}'
check "it is scaled" says scaled k scale prom/main --replicas 3
check "by its own field" test "$(of prom/main '{.spec.shards} {.spec.replicas} {.status.shards}')" = "3 2 1"
check "whose selector is told" says '"selector":"app=prom"' \
	k get --raw /apis/monitoring.coreos.com/v1/namespaces/default/prometheuses/main/scale
check "what has no scale is not scaled" says 'certificates.cert-manager.io "web" not found' k scale cert/web --replicas 2
check "a status is no spec" test "$(of prom/main '{.metadata.generation}') $(of cert/web '{.metadata.generation}')" = "2 1"
k patch app shop --type merge -p '{"status":{"sync":{"status":"Synced"},"health":{"status":"Healthy"}}}' >"$dir/out"
check "without that subresource it is written with the rest" row "shop Synced Healthy" k get app shop
k patch wf build --type merge -p '{"status":{"phase":"Running","nodes":{"build-1":{"id":"build-1","phase":"Running","more":{"x":1}}},"other":[1]}}' >"$dir/out"
check "and keeps what it may" test "$(of wf/build '{.status.nodes.build-1.more.x}{.status.other[0]}')" = 11

# ---- owners of fields ----
rule() { # GROUP SEVERITY
	printf 'apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: shared}\nspec: {groups: [{name: %s, rules: [{alert: A, expr: a > %s}]}]}\n' "$@"
}
check "somebody applies a group" says serverside-applied k apply --server-side --field-manager one -f - < <(rule a 1)
check "somebody else another" says serverside-applied k apply --server-side --field-manager two -f - < <(rule b 1)
check "both are there, by their names" test "$(of promrule/shared '{.spec.groups[*].name}')" = "a b"
check "who touches the other's is told" says \
	'conflict with "one": .spec.groups[name="a"].rules' k apply --server-side --field-manager two -f - < <(rule a 2)
check "and may insist" says serverside-applied k apply --server-side --force-conflicts --field-manager two -f - < <(rule a 2)
check "what nobody wants any more goes" test "$(of promrule/shared '{.spec.groups[*].name}')" = a
check "a difference is shown" says '+      expr: a > 3' k diff -f - < <(rule a 3)

# ---- wrong ones, in upstream's words ----
cm=cert-manager.io/v1 gw=gateway.networking.k8s.io/v1 prom=monitoring.coreos.com/v1 argo=argoproj.io/v1alpha1 snap=snapshot.storage.k8s.io/v1
check "what is required" wrong '* spec.secretName: Required value
* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation' \
	$cm Certificate '"spec":{"commonName":"a","issuerRef":{"name":"a"}}'
check "and nothing of it" wrong 'spec: Required value' $cm Certificate '"status":{}'
check "a field that is not there" wrong 'unknown field "spec.colour"' $cm Certificate '"spec":{"commonName":"a","secretName":"a","issuerRef":{"name":"a"},"colour":1}'
check "a value that is none of these" wrong 'spec.privateKey.algorithm: Unsupported value: "DSA": supported values: "RSA", "ECDSA", "Ed25519"' \
	$cm Certificate '"spec":{"commonName":"a","secretName":"a","issuerRef":{"name":"a"},"privateKey":{"algorithm":"DSA"}}'
check "a rule" wrong 'spec: Invalid value: a certificate must be for somebody' \
	$cm Certificate '"spec":{"secretName":"a","issuerRef":{"name":"a"}}'
check "with a field" wrong 'spec.renewBefore: Invalid value: must be renewed before it ends' \
	$cm Certificate '"spec":{"commonName":"a","secretName":"a","issuerRef":{"name":"a"},"duration":"1h","renewBefore":"2h"}'
check "twice the same in a set" wrong 'spec.usages[1]: Duplicate value: "server auth"' \
	$cm Certificate '"spec":{"commonName":"a","secretName":"a","issuerRef":{"name":"a"},"usages":["server auth","server auth"]}'
check "an item that is no address" wrong 'spec.ipAddresses[0]: Invalid value: "1.2.3": must be an IP address' \
	$cm Certificate '"spec":{"ipAddresses":["1.2.3"],"secretName":"a","issuerRef":{"name":"a"}}'
check "one of several" wrong 'spec: Invalid value: must be exactly one of acme, ca, selfSigned, vault' \
	$cm Issuer '"spec":{"ca":{"secretName":"a"},"selfSigned":{}}'
check "a format" wrong 'spec.duration: Invalid value: "long": spec.duration in body must be of type duration: "long"' \
	$cm Certificate '"spec":{"commonName":"a","secretName":"a","issuerRef":{"name":"a"},"duration":"long"}'
check "a pattern" wrong "spec.endpoints[0].interval: Invalid value: \"soon\": spec.endpoints[0].interval in body should match '^(0|(([0-9]+)y)?" \
	$prom ServiceMonitor '"spec":{"selector":{},"endpoints":[{"interval":"soon"}]}'
check "neither number nor word" wrong 'spec.endpoints[0].targetPort: Invalid value: "number": spec.endpoints[0].targetPort in body must be of type integer,string: "number"' \
	$prom ServiceMonitor '"spec":{"selector":{},"endpoints":[{"targetPort":1.5}]}'
check "the same key twice" wrong 'spec.groups[1]: Duplicate value: {"name":"a"}' \
	$prom PrometheusRule '"spec":{"groups":[{"name":"a"},{"name":"a"}]}'
check "a key that is missing" wrong 'spec.groups[0].name: Required value' \
	$prom PrometheusRule '"spec":{"groups":[{"interval":"1m"}]}'
check "below the least" wrong 'spec.web.maxConnections: Invalid value: -1: spec.web.maxConnections in body should be greater than or equal to 0' \
	$prom Prometheus '"spec":{"web":{"maxConnections":-1}}'
check "a wrong type" wrong 'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"' \
	$prom Prometheus '"spec":{"replicas":"two"}'
check "an object within that is none" wrong '* spec.storage.volumeClaimTemplate.apiVersion: Required value
* spec.storage.volumeClaimTemplate.kind: Required value' \
	$prom Prometheus '"spec":{"storage":{"volumeClaimTemplate":{"spec":{}}}}'
check "a rule with a reason" wrong 'spec.source: Required value: a source is needed' \
	$argo Application '"spec":{"project":"a","destination":{"name":"a"}}'
check "a name that is too long" says 'metadata.name: Too long: may not be more than 53 bytes' k create -f - \
	< <(json $argo Application '"spec":{"project":"a","destination":{"name":"a"},"source":{"repoURL":"a"}}' | sed "s/wrong/$(printf 'a%.0s' $(seq 54))/")
check "words made by an expression" wrong 'spec: Invalid value: entrypoint nowhere is no template' \
	$argo Workflow '"spec":{"entrypoint":"nowhere","templates":[{"name":"a"}]}'
check "rules over lists of lists" wrong 'spec: Invalid value: a task depends on one that is not there' \
	$argo Workflow '"spec":{"entrypoint":"a","templates":[{"name":"a","dag":{"tasks":[{"name":"x","template":"a","dependencies":["y"]}]}}]}'
check "too few" wrong 'spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items' \
	$gw Gateway '"spec":{"gatewayClassName":"a","listeners":[]}'
check "several at once" wrong "spec.listeners: Invalid value: tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']" \
	$gw Gateway '"spec":{"gatewayClassName":"a","listeners":[{"name":"a","port":80,"protocol":"HTTP","tls":{"options":{"a":"b"}}}]}'
check "numbers too large" wrong 'spec.listeners[0].port: Invalid value: 70000: spec.listeners[0].port in body should be less than or equal to 65535' \
	$gw Gateway '"spec":{"gatewayClassName":"a","listeners":[{"name":"a","port":70000,"protocol":"HTTP"}]}'
check "rules of items" wrong 'spec.rules[0].backendRefs[0]: Invalid value: Must have port for Service reference' \
	$gw HTTPRoute '"spec":{"rules":[{"backendRefs":[{"name":"a"}]}]}'
check "rules that look at two parts" wrong 'spec.rules[0]: Invalid value: RequestRedirect filter must not be used together with backendRefs' \
	$gw HTTPRoute '"spec":{"rules":[{"backendRefs":[{"name":"a","port":1}],"filters":[{"type":"RequestRedirect","requestRedirect":{}}]}]}'
check "what must not change" says 'spec.source.persistentVolumeClaimName: Invalid value: "other": is immutable' \
	k patch vs monday --type merge -p '{"spec":{"source":{"persistentVolumeClaimName":"other"}}}'
check "nor go" says 'persistentVolumeClaimName is required once set' \
	k patch vs monday --type merge -p '{"spec":{"source":{"persistentVolumeClaimName":null,"volumeSnapshotContentName":"c"}}}'
check "at the top, too" says 'driver: Invalid value: "other": driver is immutable once set' \
	k patch vsclass fast --type merge -p '{"driver":"other"}'
check "a version that is not served" says 'no matches for kind "VolumeSnapshotClass" in version "snapshot.storage.k8s.io/v1beta1"' \
	k create -f - < <(json snapshot.storage.k8s.io/v1beta1 VolumeSnapshotClass '"driver":"a","deletionPolicy":"Delete"')

# ---- another client ----
node "$here/operators.mjs" "$here/../../build/clients" "$kubeconfig" "$here/custom/objects.yaml" | tee "$dir/js"
check "the JavaScript client finds the same" grep -q ' passed, 0 failed' "$dir/js"
check "objects are deleted" test "$(k delete -f "$here/custom/objects.yaml" | grep -c deleted)" = 12
check "definitions, too" test "$(k delete -f "$here/custom/operators" | grep -c deleted)" = 13
check "it ends" end_apiserver
finish
