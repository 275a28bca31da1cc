#!/bin/bash
# The examples, today's and those of removed versions: applied, read back in every version that
# serves them, and deleted, with kubectl.
. "$(dirname "$0")/../harness/check.sh"
kube=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
. "$here/tests/harness/apiserver.sh"
kubectl=$here/build/clients/kubectl # packaging/setup --tests puts it there
start_apiserver "$kube"
check "the server starts" test $? = 0
k() { HOME=$dir "$kubectl" --kubeconfig "$kubeconfig" "$@" 2>"$dir/err"; }
k create serviceaccount default >"$dir/out"
check "pods have an account" test $? = 0

for file in "$here"/examples/*.yaml "$here"/examples/old/*.yaml; do
	name=${file#"$here"/examples/}
	k apply -f "$file" >"$dir/out"
	check "$name applies" test $? = 0
	check "$name: every object is new" test \
		"$(grep -c ' created$' "$dir/out")" = "$(grep -c '^kind:' "$file")"
	k apply -f "$file" >"$dir/out"
	check "$name applies again" test $? = 0
	check "$name: no object is new now" test "$(grep -c ' created$' "$dir/out")" = 0
done

get() { # WHAT JSONPATH
	k get "$1" -o "jsonpath={$2}"
}
check "an old Deployment's selector is its template's labels" test \
	"$(get deployments.v1.apps/old-web .spec.selector.matchLabels.run)" = old-web
check "its strategy is that of its version" test \
	"$(get deployments.v1.apps/old-web .spec.strategy.rollingUpdate.maxSurge)" = 1
check "and it is shown as it was written" test \
	"$(get deployments.v1beta1.extensions/old-web .apiVersion)" = extensions/v1beta1
check "an old Ingress's backend is a service today" test \
	"$(get ingresses.v1.networking.k8s.io/old-front .spec.defaultBackend.service.port.number)" = 80
check "and a name beside a number" test \
	"$(get ingresses.v1beta1.extensions/old-front .spec.backend.servicePort)" = 80
check "a PetSet is a StatefulSet" test \
	"$(get statefulsets.v1.apps/pets .spec.updateStrategy.type)" = OnDelete
check "old metrics are told in today's words" test \
	"$(get horizontalpodautoscalers.v2.autoscaling/old-web \
		'.spec.metrics[0].resource.target.averageUtilization')" = 60
check "and back in their own" test \
	"$(get horizontalpodautoscalers.v2beta1.autoscaling/old-web \
		'.spec.metrics[1].pods.targetAverageValue')" = 1k
check "the zone has left the topology" test \
	"$(get endpointslices.v1.discovery.k8s.io/old-slice '.endpoints[0].zone')" = a
check "and is found there again" test \
	"$(get endpointslices.v1beta1.discovery.k8s.io/old-slice \
		'.endpoints[0].topology.topology\.kubernetes\.io/zone')" = a
check "a webhook of old has the defaults of its version" test \
	"$(get validatingwebhookconfigurations.v1.admissionregistration.k8s.io/old-checks \
		'.webhooks[0].failurePolicy},{.webhooks[0].matchPolicy},{.webhooks[0].timeoutSeconds')" = \
	Ignore,Exact,30
printf 'apiVersion: authorization.k8s.io/v1beta1\nkind: SubjectAccessReview\nspec: {user: jane, group: [devs], %s}\n' \
	'resourceAttributes: {verb: list, resource: nodes}' >"$dir/review"
check "everybody of old is everybody who is known" test \
	"$(get clusterrolebindings.v1.rbac.authorization.k8s.io/old-watchers '.subjects[0].name')" = \
	system:authenticated
check "old subjects have versions" test \
	"$(get clusterrolebindings.v1alpha1.rbac.authorization.k8s.io/old-watchers \
		'.subjects[1].apiVersion')" = rbac.authorization.k8s.io/v1alpha1
check "an old request has a signer" test \
	"$(get certificatesigningrequests.v1.certificates.k8s.io/old-request .spec.signerName)" = \
	kubernetes.io/legacy-unknown
k get events.v1beta1.events.k8s.io old-event >"$dir/out"
check "old events lead to those of their group" contains \
	"use events.k8s.io/v1 Event" "$(cat "$dir/err")"
check "groups of old reviews are asked about" test \
	"$(k create -f "$dir/review" -o 'jsonpath={.status.allowed}')" = true
check "selfs of old, too" contains '"allowed": true' "$(k create -o json -f - <<-END
	{"apiVersion": "authorization.k8s.io/v1beta1", "kind": "SelfSubjectAccessReview",
	 "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
	END
)"
check "tokens are reviewed in old words" contains '"error": ' "$(k create -o json -f - <<-END
	{"apiVersion": "authentication.k8s.io/v1beta1", "kind": "TokenReview", "spec": {"token": "no"}}
	END
)"
k get deployments.v1beta1.extensions/old-web >"$dir/out"
check "whoever asks for a removed version is told" contains \
	"extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment" \
	"$(cat "$dir/err")"

/usr/bin/python3 -B "$here/tests/e2e/all_versions.py" "$kubeconfig"
check "in every version an object is written back as it was read" test $? = 0

for file in "$here"/examples/old/*.yaml "$here"/examples/*.yaml; do
	k delete --wait=false -f "$file" >"$dir/out"
	check "${file#"$here"/examples/} is deleted" test $? = 0
done
end_apiserver
check "the server ends" test $? = 0
