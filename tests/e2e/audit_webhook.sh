#!/bin/bash
# Audit events sent to a webhook: in batches, or while requests wait; one that fails and hangs.
. "$(dirname "$0")/../harness/hook.sh"
kube=$1
cat >"$dir/policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
  resources: [{group: "", resources: [configmaps]}]
  userGroups: ["system:masters"]
  namespaces: [default]
- level: None
YAML
start_hook "$(dirname "$0")/audit_receiver.py"
hook_kubeconfig /events >"$dir/hook.yaml"
start() { # FLAGS…
	serve "$kube" --token-auth-file "$dir/tokens" --audit-policy-file "$dir/policy.yaml" \
		--audit-webhook-config-file "$dir/hook.yaml" "$@"
}
ask() { # METHOD PATH [CURL…]
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" -A test -X "$1" \
		-H "Authorization: Bearer secret-of-admin" -H "Content-Type: application/json" \
		-o "$dir/out" -w '%{http_code}' "$url$2" "${@:3}"
}
make() { ask POST /api/v1/namespaces/default/configmaps -d '{"metadata":{"name":"'"$1"'"},"data":{"a":"'"$2"'"}}'; }
metric() { ask GET /metrics >/dev/null; sed -n "s/^$1 //p" "$dir/out"; }
events() { python3 -B -c '
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
print(eval(sys.argv[2]))' "$dir/events" "$1" 2>/dev/null; }
refuses() { # WORDS FLAGS…
	contains "$1" "$("$kube" apiserver --data-dir "$dir/d" --audit-policy-file "$dir/policy.yaml" \
		--audit-webhook-config-file "$dir/hook.yaml" "${@:2}" 2>&1 | tr -d '\\')"
}

# ---- batches ----
check "it serves" start --audit-webhook-batch-max-wait=200ms --audit-log-path "$dir/audit.log"
check "a map is made" test "$(make one x)" = 201
check "its events arrive" until_is 2 events 'len(events)'
check "in their order" test "$(events '[e["stage"] for e in events]')" = \
	"['RequestReceived', 'ResponseComplete']"
check "with all that is wanted" test \
	"$(events 'events[1]["responseObject"]["data"]')" = "{'a': 'x'}"
check "less what the list says" test "$(events '"kind" in events[0] or "apiVersion" in events[0]')" = False
check "in one call, with its time" test "$(cat "$dir/calls")" = "good /events?timeout=30s 2"
check "the file has them, too" until_is 2 grep -c . "$dir/audit.log"
check "what was told is counted" test "$(metric apiserver_audit_event_total)" = 2
check "nothing was refused" test "$(metric apiserver_audit_requests_rejected_total)" = 0
make two x >/dev/null
end_apiserver
check "what had gathered goes out at the end" test "$(events 'len(events)')" = 4

# ---- a receiver that fails, and comes back ----
echo fail >"$dir/mood"
check "it serves again" start --audit-webhook-batch-max-wait=50ms --audit-webhook-initial-backoff=200ms
check "who asks does not wait" test "$(make three x)" = 201
until_is 2 grep -c '^fail' "$dir/calls"
echo good >"$dir/mood"
check "what failed is sent again" until_is 6 events 'len(events)'
check "and is not counted as lost" test -z "$(metric 'apiserver_audit_error_total{plugin="webhook"}')"
echo fail >"$dir/mood"
make four x >/dev/null
check "but not for ever" until_is 2 metric 'apiserver_audit_error_total{plugin="webhook"}'
echo hang >"$dir/mood"
make five x >/dev/null
sleep 0.2
since=$(date +%s)
end_apiserver
check "one that hangs does not keep it from ending" test $(($(date +%s) - since)) -lt 15
check "which is said" grep -q '"audit events could not be written".*plugin="webhook" events=2' "$dir/log"

# ---- requests that wait ----
echo good >"$dir/mood"
rm "$dir/events"
check "it serves strictly" start --audit-webhook-mode=blocking-strict --audit-webhook-initial-backoff=1ms \
	--audit-webhook-truncate-enabled --audit-webhook-truncate-max-event-size=1500
check "requests are answered" test "$(make six x)" = 201
check "behind their first event" test "$(events 'events[0]["stage"]')" = RequestReceived
make seven "$(printf '%3000d')" >/dev/null
check "what is too large is shortened" until_is "{'audit.k8s.io/truncated': 'true'}" \
	events '{k: v for k, v in events[-1]["annotations"].items() if k[:5] == "audit"}'
check "by what was sent and answered" test \
	"$(events '[k for k in events[-1] if k.endswith("Object")]')" = "[]"
echo fail >"$dir/mood"
check "what nobody knows of is not done" test "$(make eight x)" = 500
check "in upstream's words" test "$(cat "$dir/out")" = \
	'Internal Server Error: "/api/v1/namespaces/default/configmaps": failed to store audit event'
check "which is counted" test "$(metric apiserver_audit_requests_rejected_total)" = 1
echo good >"$dir/mood"
check "until it is known again" test "$(make eight x)" = 201
end_apiserver

check "a wrong mode is refused" refuses \
	'invalid audit webhook mode loud, allowed modes are "batch,blocking,blocking-strict"' \
	--audit-webhook-mode=loud
check "so are batches of nothing" refuses 'invalid audit batch webhook max batch size 0, must be a positive number' \
	--audit-webhook-batch-max-size=0
check "and batches smaller than an event" refuses \
	'invalid audit truncate webhook max batch size 1, must be greater than max event size (102400)' \
	--audit-webhook-truncate-max-batch-size=1
check "and versions of old" refuses 'invalid group version, allowed versions are ["audit.k8s.io/v1"]' \
	--audit-webhook-version=audit.k8s.io/v1beta1
check "and a file that is none" refuses 'initializing audit webhook' \
	--audit-webhook-config-file="$dir/none"
check "the receiver had no complaints" test ! -s "$dir/complaints"
finish
