#!/bin/bash
# The audit log of a server: what the policy wants of whom, by stages.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
kube=$1
echo secret-of-bob,bob,2 >>"$dir/tokens"
cat >"$dir/policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [quiet]
- level: RequestResponse
  omitManagedFields: true
  resources: [{group: "", resources: [configmaps]}]
- level: Request
  resources: [{group: "", resources: [secrets]}]
- level: Metadata
YAML
start() {
	serve "$kube" --token-auth-file "$dir/tokens" --audit-policy-file "$dir/policy.yaml" \
		--audit-log-path "$dir/audit/audit.log"
}
ask() { # WHO METHOD PATH [CURL…]
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" -A test -X "$2" \
		-H "Authorization: Bearer secret-of-$1" -H "Content-Type: ${type:-application/json}" \
		"$url$3" "${@:4}" >/dev/null
}
maps=/api/v1/namespaces/default/configmaps
check "it serves" start
ask admin POST $maps -d '{"metadata":{"name":"x"},"data":{"a":"b"}}'
type=application/merge-patch+json ask admin PATCH $maps/x -d '{"data":{"c":"d"}}'
ask bob GET /api/v1/namespaces/default/secrets/x
ask admin POST /api/v1/namespaces/default/secrets -d '{"metadata":{"name":"y"},"stringData":{"p":"w"}}'
ask wrong GET /version
ask admin GET /version -H 'Impersonate-User: bob'
ask admin GET "$maps" --max-time 20
ask admin GET "$maps?watch=1&timeoutSeconds=1"
ask admin DELETE $maps/x -d '{"propagationPolicy":"Orphan"}'
end_apiserver
log() { /usr/bin/python3 -B - "$dir/audit/audit.log" "$1" <<'PY'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
def of(verb, resource, **more):
    found = [e for e in events if e["verb"] == verb
             and e.get("objectRef", {}).get("resource") == resource
             and e["userAgent"] == "test"
             and all(e.get(k) == v for k, v in more.items())]
    return found[0] if found else {}
print(eval(sys.argv[2]))
PY
}
is() { check "$1" test "$(log "$2")" = "$3"; }
is "creating is known" 'of("create", "configmaps")["responseStatus"]["code"]' 201
is "with what was sent" 'of("create", "configmaps")["requestObject"]["data"]' "{'a': 'b'}"
is "what it is about" 'sorted(of("create", "configmaps")["objectRef"].items())' \
	"[('apiVersion', 'v1'), ('name', 'x'), ('namespace', 'default'), ('resource', 'configmaps')]"
is "and what came of it" '"uid" in of("create", "configmaps")["responseObject"]["metadata"]' True
is "less who owns which field" \
	'"managedFields" in of("create", "configmaps")["responseObject"]["metadata"]' False
is "a patch is known as it was sent" 'of("patch", "configmaps")["requestObject"]' \
	"{'data': {'c': 'd'}}"
is "who may not is known" 'of("get", "secrets")["annotations"]["authorization.k8s.io/decision"]' forbid
is "and what he was told" 'of("get", "secrets")["responseStatus"]["reason"]' Forbidden
is "of secrets no answers stand there" '"responseObject" in of("create", "secrets")' False
is "who is not known is there as nobody" \
	'[e["user"] for e in events if e["requestURI"] == "/version" and e["responseStatus"]["code"] == 401]' \
	"[{}]"
is "who speaks for another is known" \
	'[(e["user"]["username"], e["impersonatedUser"]["username"]) for e in events if "impersonatedUser" in e]' \
	"[('admin', 'bob')]"
is "and by which right" \
	'[e["annotations"]["authorization.k8s.io/reason"][:32] for e in events if "impersonatedUser" in e]' \
	"['RBAC: allowed by ClusterRoleBind']"
is "a list is there whole" '[i["data"] for i in of("list", "configmaps")["responseObject"]["items"]]' \
	"[{'a': 'b', 'c': 'd'}]"
is "a watch has a beginning" 'of("watch", "configmaps", stage="ResponseStarted")["level"]' \
	RequestResponse
is "and an end" 'of("watch", "configmaps", stage="ResponseComplete")["responseStatus"]["code"]' 200
is "options of a delete are known" \
	'of("delete", "configmaps")["requestObject"]["propagationPolicy"]' Orphan
is "no stage is there that was omitted" \
	'[e["auditID"] for e in events if e["stage"] == "RequestReceived"]' "[]"
is "each event has its times" \
	'all(e["requestReceivedTimestamp"] <= e["stageTimestamp"] for e in events)' True

sed -i 's/Metadata/Loud/' "$dir/policy.yaml"
start
check "a wrong policy keeps it from starting" test -z "$port"
check "which says why" grep -q 'loading audit policy file: audit policy: rules.3..level: Unsupported value' \
	"$dir/log"
finish
