#!/bin/bash
# Admission by expressions as an administrator meets it: stock kubectl, policies and bindings.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
kubectl=$(command -v kubectl) || { echo "no kubectl here" >&2; exit 1; }
k() { "$kubectl" --kubeconfig "$kubeconfig" --cache-dir "$dir/cache" --request-timeout 30s "$@" 2>&1; }
cat >"$dir/audit.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create]
  resources: [{group: "", resources: [configmaps]}]
- level: None
YAML

policy() { # Validating|Mutating NAME SPEC-LINES [BINDING-LINES]
	k apply -f - >/dev/null <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: $1AdmissionPolicy
metadata: {name: $2}
spec:
  matchConstraints: {resourceRules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps]}]}
$3
---
apiVersion: admissionregistration.k8s.io/v1
kind: $1AdmissionPolicyBinding
metadata: {name: $2}
spec:
  policyName: $2
$4
YAML
}
drop() { k delete "${1,,}admissionpolicybinding,${1,,}admissionpolicy" "$2" >/dev/null; }
map() { k create configmap "$@"; }
made() { contains "configmap/$1 created" "$(map "$@")"; }
refused() { contains "$1" "$(map "${@:2}")"; } # WHY NAME…
field() { k get configmap "$1" -o "go-template={{index .$2 \"$3\"}}"; }
deny='  validationActions: [Deny]'

start_apiserver "$1" --audit-policy-file "$dir/audit.yaml" --audit-log-path "$dir/audit.log" || exit 1

# ---- judging ----
policy Validating named '  validations: [{expression: "object.metadata.name.startsWith(\"ok-\")", messageExpression: "object.metadata.name + \" is no name\""}]' "$deny"
check "what fits is let in" made ok-one
check "what does not is told why" refused \
	"ValidatingAdmissionPolicy 'named' with binding 'named' denied request: bad is no name" bad
policy Validating named '  validations: [{expression: "true"}]' "$deny"
check "a policy that changes counts at once" made bad
policy Validating named '  validations: [{expression: "false", message: told}]' '  validationActions: [Warn, Audit]'
check "a warning lets it in" made warned
check "and is told" contains "Warning: Validation failed for ValidatingAdmissionPolicy 'named' with binding 'named': told" "$(map warned-too)"
check "the audit log has it" contains '"validation.policy.admission.k8s.io/validation_failure":"[{\"message\":\"told\",\"policy\":\"named\",\"binding\":\"named\",\"expressionIndex\":0,\"validationActions\":[\"Warn\",\"Audit\"]}]"' \
	"$(cat "$dir/audit.log")"
drop Validating named

# ---- what fails ----
policy Validating failing '  validations: [{expression: "object.data.none == object.kind"}]' "$deny"
check "an expression that fails refuses" refused "resulted in error: no such key: data" closed
policy Validating failing '  failurePolicy: Ignore
  validations: [{expression: "object.data.none == object.kind"}]' "$deny"
check "or is passed over" made open
drop Validating failing

# ---- parameters ----
k create configmap limit --from-literal=most=1 >/dev/null
policy Validating limited '  paramKind: {apiVersion: v1, kind: ConfigMap}
  validations: [{expression: "!has(object.data) || object.data.size() <= int(params.data.most)", messageExpression: "\"at most \" + params.data.most"}]' \
	"$deny
  paramRef: {name: limit, namespace: default, parameterNotFoundAction: Deny}"
check "a parameter sets the limit" refused "at most 1" two --from-literal=a=1 --from-literal=b=2
k patch configmap limit -p '{"data":{"most":"2"}}' >/dev/null
check "until it is changed" made two --from-literal=a=1 --from-literal=b=2
k delete configmap limit >/dev/null
check "without it nothing goes" refused "no params found for policy binding" three
drop Validating limited

# ---- changing ----
label='{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{metadata: Object.metadata{labels: {\"by\": \"policy\"}}}"}}'
patch='{patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: \"add\", path: \"/data/n\", value: string(size(object.data) + 1)}]"}}'
policy Mutating m "  reinvocationPolicy: Never
  matchConditions: [{name: c, expression: \"object.metadata.name != 'skipped'\"}]
  mutations: [$label, $patch]"
map changed --from-literal=a=1 >/dev/null
check "an object is changed by what it applies" test "$(field changed metadata.labels by)" = policy
check "and by what it patches" test "$(field changed data n)" = 2
map skipped --from-literal=a=1 >/dev/null
check "not when a condition says no" test "$(field skipped data n)" = '<no value>'
check "a mutation that fails refuses" refused \
	"policy 'm' with binding 'm' denied request: expression '[JSONPatch{op: \"add\", path: \"/data/n\", value: string(size(object.data) + 1)}]' resulted in error: no such key: data" \
	empty
metrics=$(k get --raw /metrics)
check "mutations are counted" contains \
	'apiserver_mutating_admission_policy_check_total{error_type="no_error",policy="m",policy_binding="m"}' "$metrics"
check "and denials" contains \
	'apiserver_validating_admission_policy_check_total{enforcement_action="deny",error_type="invalid_error",policy="named",policy_binding="named"} 1' "$metrics"
drop Mutating m
check "the server ends" end_apiserver
finish
