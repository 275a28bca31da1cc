#!/bin/bash
# Plugins that ask somebody, or do something first: image policies, namespaces, groups of pods.
. "$(dirname "$0")/../harness/hook.sh"
kube=$1
cat >"$dir/policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  resources: [{group: "", resources: [pods]}]
- level: None
YAML
: >"$dir/reviews"
start_hook "$(dirname "$0")/image_server.py"
hook_kubeconfig /images >"$dir/hook.yaml"
start() { # FLAGS…
	serve "$kube" --token-auth-file "$dir/tokens" --disable-admission-plugins ServiceAccount \
		--audit-policy-file "$dir/policy.yaml" --audit-log-path "$dir/audit" "$@"
}
answer() { ask "$@" | tr -d '\n' | tr -s ' '; } # on one line
images() { # MEMBERS: what the file says
	printf '{"imagePolicy":{%s}}' "$1" >"$dir/images"
	cat >"$dir/admission" <<-END
		apiVersion: apiserver.config.k8s.io/v1
		kind: AdmissionConfiguration
		plugins: [{name: ImagePolicyWebhook, path: images}]
	END
}
with_images() { start --enable-admission-plugins=ImagePolicyWebhook --admission-control-config-file="$dir/admission"; }
pod() { # NAME IMAGE [ANNOTATIONS]
	answer POST /api/v1/namespaces/default/pods "{\"metadata\":{\"name\":\"$1\",\"annotations\":{$3}},
		\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"$2\"}],
		\"initContainers\":[{\"name\":\"i\",\"image\":\"i:1\"}]}}"
}
reviews() { grep -c . "$dir/reviews"; }

# ---- ImagePolicyWebhook ----
start --enable-admission-plugins=ImagePolicyWebhook
end_apiserver
check "nobody to ask is an error" grep -q "no config specified for ImagePolicyWebhook" "$dir/log"
images '"kubeConfigFile":"'"$dir"'/hook.yaml","allowTTL":100000'
with_images
end_apiserver
check "so is a time that is too long" grep -q \
	"valid value is between 1s and 30m0s, got 27h46m40s" "$dir/log"
images '"kubeConfigFile":"'"$dir"'/none"'
with_images
end_apiserver
check "and a file that is none" grep -q "ImagePolicyWebhook: $dir/none" "$dir/log"
images '"kubeConfigFile":"'"$dir"'/hook.yaml","retryBackoff":1'
check "it serves" with_images
check "a good image may run" contains " 201" \
	"$(pod good good:1 '"x.image-policy.k8s.io/ticket":"T","other":"o"')"
check "it was asked so" test "$(head -n 1 "$dir/reviews")" = \
	'{"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "metadata": {}, "spec": {"annotations": {"x.image-policy.k8s.io/ticket": "T"}, "containers": [{"image": "good:1"}, {"image": "i:1"}], "namespace": "default"}, "status": {"allowed": false}}'
check "a bad one may not" contains \
	'pods \"bad\" is forbidden: one or more images rejected by webhook backend' "$(pod bad bad:1)"
check "and it is said why" contains \
	'pods \"bad\" is forbidden: image policy webhook backend denied one or more images: it is bad' \
	"$(pod bad bad:told)"
before=$(reviews)
check "what was answered is known" contains " 201" "$(pod again good:1 '"x.image-policy.k8s.io/ticket":"T"')"
check "a no, too" contains "it is bad" "$(pod bad bad:told)"
check "and nobody was asked" test "$(reviews)" = "$before"
check "a debugging container's image counts" contains "one or more images rejected" "$(type=strategic-merge-patch+json \
	answer PATCH /api/v1/namespaces/default/pods/good/ephemeralcontainers \
	'{"spec":{"ephemeralContainers":[{"name":"e","image":"bad:2"}]}}')"
check "alone" contains '"containers": [{"image": "bad:2"}]' "$(tail -n 1 "$dir/reviews")"
echo fail >"$dir/mood"
before=$(reviews)
check "one that fails keeps pods from running" contains \
	'pods \"failed\" is forbidden: an error on the server' "$(pod failed good:2)"
check "after it was asked often enough" test $(($(reviews) - before)) = 5
end_apiserver
check "the audit log knows" grep -q '"imagepolicywebhook.image-policy.k8s.io/images":"2"' "$dir/audit"
images '"kubeConfigFile":"'"$dir"'/hook.yaml","retryBackoff":1,"allowTTL":-1,"defaultAllow":true'
check "it serves again" with_images
check "one that fails may be passed over" contains \
	'"alpha.image-policy.k8s.io/failed-open":"true"' "$(pod open good:2 | tr -d ' ')"
check "which the pod keeps" contains '"alpha.image-policy.k8s.io/failed-open":"true"' \
	"$(answer GET /api/v1/namespaces/default/pods/open | tr -d ' ')"
check "and the audit log" grep -q '"imagepolicywebhook.image-policy.k8s.io/failed-open":"true"' "$dir/audit"
echo good >"$dir/mood"
before=$(reviews)
pod one good:3 >"$dir/out"
pod two good:3 >"$dir/out"
check "what is not to be remembered is not" test $(($(reviews) - before)) = 2
echo hang >"$dir/mood"
check "the request's time is over first" contains "504" \
	"$(answer POST '/api/v1/namespaces/default/pods?timeout=1s' '{"metadata":{"name":"late"},"spec":{"containers":[{"name":"c","image":"good:4"}]}}')"
answer POST /api/v1/namespaces/default/pods '{"metadata":{"name":"late"},"spec":{"containers":[{"name":"c","image":"good:5"}]}}' >"$dir/out" &
asking=$!
sleep 0.3
since=$(date +%s)
end_apiserver
check "nobody waits for it at the end" test $(($(date +%s) - since)) -lt 15
wait "$asking"

# ---- NamespaceAutoProvision ----
check "it serves with namespaces made" start --enable-admission-plugins=NamespaceAutoProvision
map='{"metadata":{"name":"m"}}'
check "a trial makes nothing" contains " 404" \
	"$(answer POST '/api/v1/namespaces/made/configmaps?dryRun=All' "$map")"
check "what is made has its namespace" contains " 201" "$(answer POST /api/v1/namespaces/made/configmaps "$map")"
check "which is one" contains '"kubernetes.io/metadata.name":"made"' "$(answer GET /api/v1/namespaces/made | tr -d ' ')"
check "with its finalizer" contains '"finalizers":["kubernetes"]' "$(answer GET /api/v1/namespaces/made | tr -d ' ')"
check "and once" contains " 409" "$(answer POST /api/v1/namespaces/made/configmaps "$map")"
check "reading makes nothing" contains " 404" "$(answer GET /api/v1/namespaces/unmade)"
end_apiserver

# ---- groups of pods: their gate is closed ----
group() { # NAME WORKLOAD TEMPLATE METADATA-MEMBERS
	local of=
	[ -z "$2" ] || of=",\"podGroupTemplateRef\":{\"workload\":{\"workloadName\":\"$2\",\"podGroupTemplateName\":\"$3\"}}"
	answer POST /apis/scheduling.k8s.io/v1alpha2/namespaces/default/podgroups "{\"metadata\":{\"name\":\"$1\"$4},
		\"spec\":{\"schedulingPolicy\":{\"gang\":{\"minCount\":2}}$of}}"
}
jobs=/apis/batch/v1/namespaces/default/jobs
check "it serves groups" start --runtime-config=scheduling.k8s.io/v1alpha2=true
check "nothing looks at them" contains " 201" "$(group free nowhere t)"
check "and nothing protects them" test -z "$(answer GET \
	/apis/scheduling.k8s.io/v1alpha2/namespaces/default/podgroups/free | grep finalizers)"
end_apiserver
check "it serves groups that count" start --runtime-config=scheduling.k8s.io/v1alpha2=true \
	--feature-gates=GenericWorkload=true
check "a group stays while it is used" contains '"finalizers":["scheduling.k8s.io/podgroup-protection"]' \
	"$(group alone | tr -d ' ')"
check "its workload must be there" contains 'PodGroup rejected: Workload \"nowhere\" not found' "$(group g nowhere t)"
answer POST /apis/scheduling.k8s.io/v1alpha2/namespaces/default/workloads '{"metadata":{"name":"w"},
	"spec":{"podGroupTemplates":[{"name":"t","schedulingPolicy":{"gang":{"minCount":2}}}]}}' >"$dir/out"
check "and have its template" contains 'PodGroup rejected: PodGroupTemplate \"u\" not found in Workload \"w\"' \
	"$(group g w u)"
check "as here" contains " 201" "$(group g w t)"
answer POST $jobs '{"metadata":{"name":"j"},"spec":{"template":{"spec":{"restartPolicy":"Never",
	"containers":[{"name":"c","image":"i"}]}}}}' >"$dir/out"
uid=$(tr -d ' \n' <"$dir/out" | sed 's/.*"uid":"\([^"]*\)".*/\1/')
scale() { type=merge-patch+json answer PATCH $jobs/j "{\"spec\":{\"parallelism\":$1}}"; }
check "a job grows" contains " 200" "$(scale 2)"
group gang w t ",\"ownerReferences\":[{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"name\":\"j\",\"uid\":\"$uid\",\"controller\":true}]" >"$dir/out"
check "but not one that is a gang" contains \
	'cannot change parallelism for a Job referencing gang-scheduled PodGroup \"gang\"' "$(scale 3)"

# ---- what nodes say they can ----
answer POST /api/v1/nodes '{"metadata":{"name":"n"}}' >"$dir/out"
status() { type=merge-patch+json answer PATCH "/api/v1/$1/status" "{\"status\":{$2}}" >"$dir/out"; }
status nodes/n '"allocatable":{"cpu":"8","memory":"8Gi"}'
bound() { # NAME RESOURCES
	answer POST /api/v1/namespaces/default/pods "{\"metadata\":{\"name\":\"$1\"},\"spec\":{\"nodeName\":\"n\",
		\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":$2}]}}" >"$dir/out"
}
resize() { # NAME RESOURCES
	type=strategic-merge-patch+json answer PATCH "/api/v1/namespaces/default/pods/$1/resize" \
		"{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":$2}]}}"
}
bound whole '{"limits":{"cpu":"1","memory":"1Gi"}}'
bound some '{"requests":{"cpu":"1","memory":"1Gi"}}'
check "a node that says nothing resizes what is not guaranteed" contains " 200" \
	"$(resize some '{"requests":{"cpu":"2"}}')"
check "but not the processors of what is" contains \
	'pod update requires features GuaranteedQoSPodCPUResize which are not available on node \"n\"' \
	"$(resize whole '{"requests":{"cpu":"2"},"limits":{"cpu":"2"}}')"
check "its memory it does" contains " 200" "$(resize whole '{"requests":{"memory":"2Gi"},"limits":{"memory":"2Gi"}}')"
status nodes/n '"declaredFeatures":["GuaranteedQoSPodCPUResize"]'
check "one that says it can does all" contains " 200" \
	"$(resize whole '{"requests":{"cpu":"2"},"limits":{"cpu":"2"}}')"
end_apiserver
check "the webhook had no complaints" test ! -s "$dir/complaints"
finish
