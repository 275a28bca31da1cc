#!/bin/bash
# Pods through their subresources: bindings, evictions under a budget, logs of nobody.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
check "it serves" start_with_tokens "$1"
core=/api/v1/namespaces/default
pods=$core/pods
budgets=/apis/policy/v1/namespaces/default/poddisruptionbudgets
patch() { type=merge-patch+json ask PATCH "$@"; }
pod() { # NAME READY
	ask POST "$pods" "{\"metadata\":{\"name\":\"$1\",\"labels\":{\"a\":\"b\"}},
		\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
	patch "$pods/$1/status" "{\"status\":{\"phase\":\"Running\",
		\"conditions\":[{\"type\":\"Ready\",\"status\":\"$2\"}]}}"
}
evict() { ask POST "$pods/$1/eviction" "{\"metadata\":{\"name\":\"$1\"}${2:+,$2}}"; }

ask POST "$core/serviceaccounts" '{"metadata":{"name":"default"}}' >/dev/null
for name in a b; do pod $name True; done >/dev/null
pod sick False >/dev/null
ask POST "$budgets" '{"metadata":{"name":"b"},
	"spec":{"minAvailable":1,"selector":{"matchLabels":{"a":"b"}}}}' >/dev/null

check "a budget nobody has looked at lets nobody go" contains \
	"The disruption budget b is still being processed by the server." "$(evict a)"
check "and says when to ask again" contains "retry-after: 10" "$(cat "$dir/head")"
patch "$budgets/b/status" '{"status":{"observedGeneration":1,"disruptionsAllowed":1,
	"desiredHealthy":1,"currentHealthy":2,"expectedPods":2}}' >/dev/null
check "a dry run is allowed" contains " 201" "$(evict a '"deleteOptions":{"dryRun":["All"]}')"
check "and takes nothing" contains '"disruptionsAllowed": 1' "$(ask GET "$budgets/b")"
check "the unhealthy do not count" contains " 201" "$(evict sick)"
check "and take nothing" contains '"disruptionsAllowed": 1' "$(ask GET "$budgets/b")"
check "they are marked on their way" contains '"reason": "EvictionByEvictionAPI"' \
	"$(ask GET "$pods/sick")"
check "one may go" contains " 201" "$(evict a)"
check "which is written down" contains '"a": "20' "$(ask GET "$budgets/b")"
check "the next one stays" contains \
	"The disruption budget b needs 1 healthy pods and has 2 currently" "$(evict b)"
check "without a time to ask again" test -z "$(grep -i retry-after "$dir/head")"
check "b was left alone" test -z "$(ask GET "$pods/b" | grep deletionTimestamp)"
check "what is going already goes" contains " 201" "$(evict a)"

ask POST "$pods" '{"metadata":{"name":"new"},
	"spec":{"containers":[{"name":"c","image":"i"}]}}' >/dev/null
check "an unbound pod has said nothing" test "$(ask GET "$pods/new/log")" = " 204"
check "a binding without the pod in its path" contains " 201" "$(ask POST "$core/bindings" \
	'{"metadata":{"name":"new"},"target":{"kind":"Node","name":"n"}}')"
check "binds" contains '"nodeName": "n"' "$(ask GET "$pods/new")"
check "a second one does not" contains 'already assigned to node \"n\"' "$(ask POST \
	"$pods/new/binding" '{"metadata":{"name":"new"},"target":{"name":"m"}}')"
check "nobody can be reached in it" contains " 404" "$(ask GET "$pods/new/log")"
check "it ends in peace" end_apiserver
finish
