#!/bin/bash
# Admission webhooks as an administrator meets them: kubectl, and a server that answers all sorts.
. "$(dirname "$0")/../harness/hook.sh"
kubectl=$(command -v kubectl) || { echo "no kubectl here" >&2; exit 1; }
start_hook "$(dirname "$0")/webhook_server.py" DNS:hooks.default.svc
cat >"$dir/policy" <<-E
	apiVersion: audit.k8s.io/v1
	kind: Policy
	omitStages: [RequestReceived]
	rules:
	- {level: Request, resources: [{resources: [configmaps]}], namespaces: [told]}
	- {level: Metadata, resources: [{resources: [configmaps]}]}
E
start_apiserver "$1" --audit-policy-file "$dir/policy" --audit-log-path "$dir/audit" || exit 1
ca=$(base64 -w 0 "$dir/hook.crt")
k() { "$kubectl" --kubeconfig "$kubeconfig" --cache-dir "$dir/cache" --request-timeout 30s "$@" 2>&1; }
hook() { # Mutating|Validating NAME PATH OPERATIONS RESOURCES [MORE-YAML]
	k apply -f - >/dev/null <<-EOF
	apiVersion: admissionregistration.k8s.io/v1
	kind: $1WebhookConfiguration
	metadata: {name: $2}
	webhooks:
	- name: $2.hooks.example.com
	  sideEffects: None
	  admissionReviewVersions: [v1]
	  clientConfig: {url: "https://127.0.0.1:$hook/$3", caBundle: $ca}
	  rules:
	  - {operations: [$4], apiGroups: ["*"], apiVersions: ["*"], resources: [$5]}
	$(printf '%s' "${6:+  $6}")
	EOF
}
drop() { k delete "${1,,}webhookconfiguration" "$2" >/dev/null; }
map() { k create configmap "$@"; }
field() { k get configmap "$1" -o "go-template={{index .metadata.$2 \"$3\"}}"; }

k create serviceaccount default >/dev/null # no controller does it here

# ---- changing ----
hook Mutating a-label label CREATE configmaps
map one >/dev/null
check "an object is changed" test "$(field one labels touched)" = yes
hook Mutating 0-count count CREATE configmaps "reinvocationPolicy: IfNeeded"
: >"$dir/asked"
map two >/dev/null
check "hooks are asked by their names' order, and again" test \
	"$(cut -d ' ' -f 1 "$dir/asked" | tr '\n' ' ')" = "/count /label /count "
check "and then see what the others did" test "$(field two annotations labels-seen)" = 1
: >"$dir/asked"
map three --dry-run=server >/dev/null
check "a dry run is told as one" grep -q 'configmaps three dry=True' "$dir/asked"
k create namespace told >/dev/null
map seen -n told >/dev/null
noted() { # NAME WORD: does the record of its creation have it?
	grep '"verb":"create"' "$dir/audit" | grep "\"name\":\"$1\"" | grep -qF "$2"
}
check "what was asked is noted" noted one '"mutation.webhook.admission.k8s.io/round_0_index_0":'
check "what it did as well, where objects are" noted seen '"patch.webhook.admission.k8s.io/round_0_index_1":"{\"configuration\":\"a-label\",\"webhook\":\"a-label.hooks.example.com\",\"patch\":[{\"op\":\"'
unnoted() { ! noted "$@"; }
check "and nowhere else" unnoted one patch.webhook
drop Mutating 0-count
drop Mutating a-label

# ---- judging ----
hook Validating v deny CREATE pods
check "a denial is told in the hook's words" contains \
	'admission webhook "v.hooks.example.com" denied the request: no pods on Sundays' \
	"$(k run p --image i)"
drop Validating v
hook Validating v warn CREATE,UPDATE configmaps
check "a warning comes out" contains "Warning: this is old" "$(map four)"
: >"$dir/asked"
k label configmap four a=b >/dev/null
check "an update is asked about" grep -q '/warn UPDATE configmaps four' "$dir/asked"
: >"$dir/asked"
k delete configmap four >/dev/null
check "a deletion is not, if nobody wants it" test ! -s "$dir/asked"
drop Validating v

# ---- hooks that fail ----
hook Validating v slow CREATE configmaps "timeoutSeconds: 1"
slow=$(map five)
check "one that is slow is told of" contains \
	'failed calling webhook "v.hooks.example.com": failed to call webhook: Post "https://127.0.0.1:'"$hook"'/slow?timeout=1s": context deadline exceeded' "$slow"
drop Validating v
for path in garbage lie broken; do
	hook Validating v $path CREATE configmaps
	check "$path fails closed" contains 'Internal error occurred: failed calling webhook "v.hooks.example.com"' "$(map "closed-$path")"
	drop Validating v
	hook Validating v $path CREATE configmaps "failurePolicy: Ignore"
	check "$path fails open if it may" contains "created" "$(map "open-$path")"
	drop Validating v
done
kept=$hook
hook=1
hook Validating v nowhere CREATE configmaps "timeoutSeconds: 5"
check "nobody there is told as such" contains 'connect: connection refused' "$(map six)"
drop Validating v
hook=$kept

# ---- who is meant ----
hook Validating v deny CREATE configmaps 'objectSelector: {matchLabels: {never: such}}'
check "objects are selected by labels" contains created "$(map seven)"
drop Validating v
hook Validating v deny CREATE configmaps 'namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [default]}]}'
check "so are namespaces" contains created "$(map eight)"
check "which are the others" contains 'denied the request' "$(map nine -n kube-system)"
drop Validating v
hook Validating v deny CREATE configmaps "matchConditions: [{name: c, expression: \"object.metadata.name.startsWith('bad-')\"}]"
check "conditions let pass" contains created "$(map good-one)"
check "or do not" contains 'denied the request' "$(map bad-one)"
drop Validating v
hook Validating v deny '"*"' '"*/*"'
check "its own configuration can always be removed" contains deleted \
	"$(k delete validatingwebhookconfiguration v)"

# ---- questions ----
review() { # GROUP KIND SPEC
	printf '{"apiVersion":"%s/v1","kind":"%s"%s}' "$1" "$2" "${3:+,\"spec\":$3}" | k create -o json -f - | tr -d ' \n'
}
token='{"token":"nobody"}' may='{"resourceAttributes":{"verb":"get","resource":"pods"}}'
: >"$dir/asked"
hook Mutating q label CREATE tokenreviews
check "a hook changes a question" contains '"labels":{"touched":"yes"}' \
	"$(review authentication.k8s.io TokenReview "$token")"
check "which it was asked about" grep -q '^/label CREATE tokenreviews' "$dir/asked"
drop Mutating q
hook Mutating q label CREATE selfsubjectaccessreviews
check "what it makes of it is checked" contains "metadata:Invalidvalue" \
	"$(review authorization.k8s.io SelfSubjectAccessReview "$may")"
drop Mutating q
hook Validating q deny CREATE "'*/*'"
refused() { contains nopodsonSundays "$(review "$@")"; }
check "a hook refuses a review of a token" refused authentication.k8s.io TokenReview "$token"
check "one of access" refused authorization.k8s.io SelfSubjectAccessReview "$may"
check "one of oneself" refused authentication.k8s.io SelfSubjectReview
check "one of rules" refused authorization.k8s.io SelfSubjectRulesReview '{"namespace":"default"}'
check "and a token" contains 'no pods on Sundays' "$(k create token default)"
drop Validating q
k apply -f - >/dev/null <<EOF
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: q}
spec:
  matchConstraints: {resourceRules: [{operations: [CREATE], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"]}]}
  validations: [{expression: "false", message: by expression}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: q}
spec: {policyName: q, validationActions: [Deny]}
EOF
check "a policy refuses objects" contains "by expression" "$(map policed)"
check "but no questions" contains '"allowed":true' "$(review authorization.k8s.io SelfSubjectAccessReview "$may")"
k delete validatingadmissionpolicybinding,validatingadmissionpolicy q >/dev/null

# ---- a service ----
k create service externalname hooks --external-name localhost >/dev/null
k apply -f - >/dev/null <<EOF
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: s}
webhooks:
- name: s.hooks.example.com
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {service: {namespace: default, name: hooks, path: /deny, port: $hook}, caBundle: $ca}
  rules:
  - {operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}
EOF
check "a hook may be a service" contains 'no pods on Sundays' "$(k run p --image i)"
metrics=$(k get --raw /metrics | grep -E '^apiserver_admission_webhook_(request|fail)')
check "calls are counted" contains 'apiserver_admission_webhook_request_total{code="403",name="s.hooks.example.com",operation="CREATE",rejected="true",type="validating"} 1' "$metrics"
check "those that were passed over, too" contains 'apiserver_admission_webhook_fail_open_count{' "$metrics"
kill $others
wait $others 2>/dev/null
others=
check "the server ends" end_apiserver
finish
