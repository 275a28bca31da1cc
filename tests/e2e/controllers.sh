#!/bin/bash
# A user's day with workloads: stock kubectl, the API server and the controllers. What a kubelet
# would say of the pods is said for it: they are ready at once, those of jobs succeed.
here=$(dirname "$0")
. "$here/../harness/check.sh"
. "$here/../harness/apiserver.sh"
kube=$1
command=$here/../../build/clients/kubectl # packaging/setup --tests puts it there
[ -x "$command" ] || command=$(command -v kubectl)

k() { "$command" --kubeconfig "$kubeconfig" "$@" 2>&1; }

say() { # NAMESPACE/POD STATUS
	curl -s -o /dev/null --cacert "$dir/d/pki/ca.crt" --cert "$dir/d/pki/admin.crt" \
		--key "$dir/d/pki/admin.key" -X PATCH -d "{\"status\":$2}" \
		-H 'Content-Type: application/strategic-merge-patch+json' \
		"$address/api/v1/namespaces/${1%/*}/pods/${1#*/}/status"
}

pending() { # LABELS
	k get pods -A -l "$1" --field-selector=status.phase=Pending \
		-o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {end}'
}

speak_for_pods() {
	while :; do
		for pod in $(pending '!job-name'); do
			say "$pod" '{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}'
		done
		for pod in $(pending job-name); do
			say "$pod" '{"phase":"Succeeded"}'
		done
		sleep 0.2
	done
}

# Asks until the answer is as wanted, or for fifteen seconds.
becomes() { # WANTED COMMAND…
	local wanted=$1 got=
	shift
	for _ in $(seq 60); do
		got=$("$@")
		[ "$got" != "$wanted" ] || return 0
		sleep 0.25
	done
	echo "    want: $wanted; got: $got"
	return 1
}

start_apiserver "$kube" || exit 1
address=$(sed -n 's/^ *server: *//p' "$kubeconfig" | tr -d '"')
"$kube" controllers --kubeconfig "$kubeconfig" --use-service-account-credentials \
	--root-ca-file "$dir/d/pki/ca.crt" 2>"$dir/controllers.log" &
controllers=$!
speak_for_pods &
mouth=$!
trap 'kill $controllers $mouth 2>/dev/null; kill -9 "$server" 2>/dev/null; rm -rf "$dir"' EXIT
becomes default k get serviceaccount default -o 'jsonpath={.metadata.name}' >/dev/null

# ---- a rollout, another one, and back ----
k create deployment web --image=web:1 --replicas=3 >/dev/null
check "a rollout comes to its end" contains 'successfully rolled out' \
	"$(k rollout status deployment/web --timeout=20s)"
k set image deployment/web web=web:2 >/dev/null
check "so does the next one" contains 'successfully rolled out' \
	"$(k rollout status deployment/web --timeout=20s)"
images() { k get pods -l app=web -o 'jsonpath={.items[*].spec.containers[0].image}'; }
check "all pods run the new image" becomes 'web:2 web:2 web:2' images
check "both are in the history" becomes 2 eval 'k rollout history deployment/web | grep -c "^[12]"'
k rollout undo deployment/web >/dev/null
check "undone, it rolls back" contains 'successfully rolled out' \
	"$(k rollout status deployment/web --timeout=20s)"
check "to the image before" becomes 'web:1 web:1 web:1' images
k rollout pause deployment/web >/dev/null
k set image deployment/web web=web:3 >/dev/null
sleep 1
check "paused, nothing rolls" test "$(images)" = 'web:1 web:1 web:1'
k rollout resume deployment/web >/dev/null
k rollout status deployment/web --timeout=20s >/dev/null
check "resumed, it does" becomes 'web:3 web:3 web:3' images
k scale deployment/web --replicas=5 >/dev/null
check "scaled up" becomes 5 k get deployment web -o 'jsonpath={.status.readyReplicas}'
k scale deployment/web --replicas=1 >/dev/null
check "scaled down" becomes 1 k get deployment web -o 'jsonpath={.status.replicas}'

# ---- names that stay ----
cat >"$dir/set.yaml" <<Y
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: "db:1"}]}
Y
k apply -f "$dir/set.yaml" >/dev/null
check "a stateful set comes up" contains 'complete' "$(k rollout status sts/db --timeout=30s)"
names() { k get pods -l app=db -o 'jsonpath={.items[*].metadata.name}'; }
check "with names in order" test "$(names)" = 'db-0 db-1 db-2'
check "it goes without its pods" contains deleted "$(k delete sts db --cascade=orphan --timeout=20s)"
check "which stay" test "$(names)" = 'db-0 db-1 db-2'
check "with the one revision that there was" test "$(k get controllerrevisions -o name | wc -l)" = 1

# ---- to an end ----
k create job once --image=job:1 >/dev/null
check "a job completes" contains 'condition met' \
	"$(k wait --for=condition=complete job/once --timeout=20s)"

# ---- policies and the types they are for ----
k apply -f - >/dev/null <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
YAML
k wait --for=condition=established crd/widgets.example.com --timeout=20s >/dev/null
policy() { # NAME GROUP PLURAL EXPRESSION
	k apply -f - >/dev/null <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $1}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [$2], apiVersions: [v1], operations: ["*"], resources: [$3]}]}
  validations: [{expression: "$4"}]
YAML
}
told() { k get validatingadmissionpolicy "$1" -o "jsonpath={.status.observedGeneration} {.status.typeChecking$2}"; }
policy right apps deployments "object.spec.replicas < 5"
policy wrong apps deployments "object.spec.size < 5"
policy widgets example.com widgets "object.spec.size < 5"
check "a policy that fits its types" becomes '1 {}' told right
check "one that does not" becomes "1 spec.validations[0].expression apps/v1, Kind=Deployment: \
ERROR: <input>:1:12: undefined field 'size'" eval \
	"told wrong '.expressionWarnings[0].fieldRef} {.status.typeChecking.expressionWarnings[0].warning' | head -n 1"
check "types of custom objects are known, too" becomes '1 {}' told widgets
policy widgets example.com widgets "object.spec.weight < 5"
check "a changed policy is looked at again" becomes \
	"2 example.com/v1, Kind=Widget: ERROR: <input>:1:12: undefined field 'weight'" eval \
	"told widgets '.expressionWarnings[0].warning' | head -n 1"

# ---- everything in a namespace ----
k create namespace gone >/dev/null
k create -n gone deployment web --image=web:1 --replicas=2 >/dev/null
k create -n gone configmap c --from-literal=a=b >/dev/null
for i in 1 2 3 4 5 6; do k expose -n gone deployment web --port=80 --name="s$i" >/dev/null; done
k rollout -n gone status deployment/web --timeout=20s >/dev/null
check "a namespace goes with all that is in it" contains 'deleted' \
	"$(k delete namespace gone --timeout=30s)"
check "and is not there any more" contains 'NotFound' "$(k get namespace gone)"
check "nobody has tried to make something there" test \
	"$(grep -c 'because it is being terminated' "$dir/controllers.log")" = 0

# ---- a quota of what somebody has defined ----
define() {
	k apply -f - >/dev/null <<-END
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: things.example.com}
	spec:
	  group: example.com
	  scope: Namespaced
	  names: {plural: things, singular: thing, kind: Thing}
	  versions:
	  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
	END
	k wait --for condition=Established crd/things.example.com --timeout=10s >/dev/null
}
thing() {
	for _ in $(seq 50); do
		printf 'apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: %s, namespace: room}\n' "$1" |
			k create -f - 2>&1 | grep -q created && return
		sleep 0.1
	done
}
used() { k get resourcequota q -n room -o "jsonpath={.status.used['count/things\\.example\\.com']}"; }
# Questions about what is not there.
vain() { k get --raw /metrics | awk '/^apiserver_request_total\{.*code="404".*verb="(LIST|WATCH)"/ { n += $2 } END { print n + 0 }'; }
define
k create namespace room >/dev/null
k create quota q -n room --hard=count/things.example.com=5 >/dev/null
becomes 0 used
thing one
thing two
check "what is defined is counted" becomes 2 used
k delete thing -n room two >/dev/null
check "and what goes of it" becomes 1 used
k delete crd things.example.com >/dev/null
check "of what is not defined any more nothing is there" becomes 0 used
sleep 1
asked=$(vain)
sleep 3
check "and nobody asks for it" test "$(vain)" = "$asked"
define
thing three
check "defined again it is counted again" becomes 1 used
k delete crd things.example.com >/dev/null
k delete namespace room --timeout=30s >/dev/null

# ---- what is in use is not taken away ----
k create -f - >/dev/null <<-'END'
	apiVersion: storage.k8s.io/v1
	kind: VolumeAttributesClass
	metadata: {name: fast}
	driverName: example.com
	parameters: {iops: "100"}
	---
	apiVersion: storage.k8s.io/v1
	kind: VolumeAttributesClass
	metadata: {name: idle}
	driverName: example.com
	parameters: {iops: "1"}
	---
	apiVersion: v1
	kind: PersistentVolume
	metadata: {name: free}
	spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /tmp}, storageClassName: none}
	---
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: held}
	spec: {accessModes: [ReadWriteOnce], storageClassName: none, volumeAttributesClassName: fast, resources: {requests: {storage: 1Gi}}}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: holder}
	spec:
	  nodeName: somewhere
	  terminationGracePeriodSeconds: 0
	  volumes: [{name: v, persistentVolumeClaim: {claimName: held}}]
	  containers: [{name: c, image: example.com/c}]
END
gone() { k get "$1" "$2" -o name | grep -q NotFound && echo yes; }
leaving() { k get "$1" "$2" -o 'jsonpath={.metadata.deletionTimestamp}' | grep -q T && echo yes; }
for what in 'volumeattributesclass idle' 'volumeattributesclass fast' 'pv free' 'pvc held'; do
	k delete $what --wait=false >/dev/null
done
check "a class that nobody names goes" becomes yes gone volumeattributesclass idle
check "a volume that nobody claims goes" becomes yes gone pv free
check "one that is named stays" becomes yes leaving volumeattributesclass fast
check "and a claim that a pod uses" becomes yes leaving pvc held
k delete pod holder --grace-period=0 --force >/dev/null
check "the claim goes with its pod" becomes yes gone pvc held
check "and the class with the claim" becomes yes gone volumeattributesclass fast

check "the controllers run" kill -0 $controllers
holder() { k get lease kube-controller-manager -n kube-system -o 'jsonpath={.spec.holderIdentity}'; }
check "and hold their lease" test -n "$(holder)"
check "as themselves" contains 'serviceaccount/deployment-controller' \
	"$(k get serviceaccounts -n kube-system -o name)"
kill $mouth
wait $mouth 2>/dev/null
kill -TERM $controllers
wait $controllers
check "and end as they should" test $? = 0
check "the lease is given back" test -z "$(holder)"
check "the server ends as it should" end_apiserver
finish
