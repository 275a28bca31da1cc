#!/bin/bash
# Who may do what: a new cluster's roles beside a table of facts (rights.py), what kubectl tells of
# them, and who tries to hand out more than they have.
here=$(dirname "$0")
. "$here/../harness/check.sh"
. "$here/../harness/apiserver.sh"
kube=$1
/usr/bin/python3 -B "$here/rights.py" "$kube" || failed=1

start_apiserver "$kube" || exit 1
export HOME=$dir KUBECONFIG=$kubeconfig
kubectl=$(command -v kubectl) || kubectl=$here/../../build/clients/kubectl
k() { "$kubectl" --cache-dir "$dir/cache" "$@" 2>&1; }
as() { local who=$1; shift; k --as "$who" "$@"; }
say() { # WANTED COMMAND…: exactly that, for use with check
	local wanted=$1 got
	shift
	got=$("$@")
	[ "$got" = "$wanted" ] || { diff <(echo "$wanted") <(echo "$got"); return 1; }
}
make() { k create "$@" >/dev/null; }

# ---- what kubectl tells ----
make namespace room
make rolebinding edits -n room --clusterrole edit --user ed
make clusterrole caretaker --verb get,update --resource configmaps --resource-name rules
make rolebinding caretakes -n room --clusterrole caretaker --user carol
k create -f - >/dev/null <<-END
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRole
	metadata: {name: metrics}
	rules:
	- {verbs: [get, head], nonResourceURLs: [/metrics, '/metrics/*']}
END
make clusterrolebinding metrics --clusterrole metrics --group gauges
paths='/api/* /api /apis/* /apis /healthz /healthz /livez /livez /openapi/* /openapi /readyz /readyz /version/ /version/ /version /version'
everybody() { # what everybody has who has shown who he is, by kubectl's columns
	printf '%-48s%-20s%-17s%s\n' "Resources" "Non-Resource URLs" "Resource Names" "Verbs"
	[ -z "$1" ] || printf '%-48s%-20s%-17s%s\n' "$@"
	local path resource
	for resource in selfsubjectreviews.authentication.k8s.io \
		selfsubjectaccessreviews.authorization.k8s.io selfsubjectrulesreviews.authorization.k8s.io; do
		printf '%-48s%-20s%-17s%s\n' $resource '[]' '[]' '[create]'
	done
	for path in $paths; do printf '%-48s%-20s%-17s%s\n' '' "[$path]" '[]' '[get]'; done
}
check "everybody's rights are listed" say "$(everybody '')" as nobody auth can-i --list -n room
check "names of objects, too" contains \
	'configmaps                                      []                  [rules]          [get update]' \
	"$(as carol auth can-i --list -n room)"
check "and paths" contains '                                                [/metrics/*]        []               [head]' \
	"$(k --as x --as-group gauges auth can-i --list)"
check "a named object may be changed" say yes as carol auth can-i update configmaps/rules -n room
check "another may not" say no as carol auth can-i update configmaps/others -n room
check "nor all of them" say no as carol auth can-i update configmaps -n room
check "nor elsewhere" say no as carol auth can-i update configmaps/rules -n default
check "who edits, runs commands" say yes as ed auth can-i create pods --subresource exec -n room
check "but reads no logs of the server" say no as ed auth can-i get /logs
check "who edits, is any account of the project" say yes as ed auth can-i impersonate serviceaccounts -n room
check "but hands out no roles" say no as ed auth can-i create roles -n room
check "HEAD of a path is asked for by its own name" say yes \
	k --as x --as-group gauges auth can-i head /metrics/cadvisor
check "subresources are not their resource" say no as ed auth can-i update pods --subresource status -n room
check "a star is not what everybody has" say no as ed auth can-i '*' '*' -n room
check "but an administrator" say yes k auth can-i '*' '*' --all-namespaces
check "what is not allowed is told with an exit of 1" test "$(as ed auth can-i get limitranges -q; echo $?)" = 1

# ---- more than one's own ----
make role gives -n room --verb get,create,update,patch,delete --resource roles,rolebindings
make role reads -n room --verb get,list --resource pods
make role runs -n room --verb create --resource pods/exec
make rolebinding gives -n room --role gives --user mallory
make rolebinding reads -n room --role reads --user mallory
refused() { # TEXT COMMAND…: or told so of it
	local text=$1 got
	shift
	got=$("$@")
	contains "$text" "$got" || { echo "    $got"; return 1; }
}
more='user "mallory" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["pods"], Verbs:["watch"]}'
check "no role of more than one's own" refused "roles.rbac.authorization.k8s.io \"more\" is forbidden: $more" \
	as mallory create role more -n room --verb get,list,watch --resource pods
check "of what one has, yes" refused created as mallory create role mine -n room --verb list --resource pods
check "nor does it grow later" refused "is attempting to grant" as mallory patch role mine -n room --type json \
	-p '[{"op":"add","path":"/rules/0/verbs/-","value":"delete"}]'
check "nor by apply" refused 'Resources:["secrets"], Verbs:["get"]' as mallory apply --server-side -n room -f - <<-END
	apiVersion: rbac.authorization.k8s.io/v1
	kind: Role
	metadata: {name: applied}
	rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]
END
check "what it has is kept on a change of nothing" refused labeled as mallory label role mine -n room a=b
check "no binding to more" refused 'Resources:["pods/exec"], Verbs:["create"]' \
	as mallory create rolebinding up -n room --role runs --user mallory
check "nor to a role of the cluster" refused "is attempting to grant RBAC permissions not currently held" \
	as mallory create rolebinding up -n room --clusterrole cluster-admin --user mallory
check "nor in another project" refused 'cannot create resource "rolebindings"' \
	as mallory create rolebinding up -n default --role reads --user mallory
check "a binding of one's own is made" refused created \
	as mallory create rolebinding share -n room --role reads --user eve
check "who it names may do that" say yes as eve auth can-i list pods -n room
check "a binding's role never changes" refused "cannot change roleRef" as mallory patch rolebinding share -n room \
	--type merge -p '{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"mine"}}'
k create role binds -n room --verb bind --resource roles --resource-name runs >/dev/null
make rolebinding binds -n room --role binds --user mallory
check "who may bind a role, may" refused created as mallory create rolebinding up -n room --role runs --user mallory
check "that one" refused "is attempting to grant" \
	as mallory create rolebinding up2 -n room --clusterrole edit --user mallory
make role escalates -n room --verb escalate --resource roles
make rolebinding escalates -n room --role escalates --user mallory
check "who may escalate, writes any role" refused created \
	as mallory create role more -n room --verb get,list,watch --resource pods
check "roles only" refused "is attempting to grant" \
	as mallory create rolebinding up3 -n room --clusterrole edit --user mallory
check "and in that project only" refused 'cannot create resource "roles"' \
	as mallory create role more -n default --verb get --resource pods

# ---- somebody else ----
impersonates() { # WHO FLAGS…: what mallory's kubectl says of being them
	"$kubectl" --kubeconfig "$dir/mallory" --cache-dir "$dir/cache" "$@" auth can-i get pods -n room 2>&1
}
make serviceaccount mallory
token=$(k create token mallory)
sed -e '/client-\(certificate\|key\)/d' -e "s/^  *user: *{}.*\|^- name: admin$/&/" "$kubeconfig" >"$dir/mallory"
KUBECONFIG=$dir/mallory "$kubectl" config set-credentials mallory --token "$token" >/dev/null
KUBECONFIG=$dir/mallory "$kubectl" config set-context --current --user mallory >/dev/null
me=system:serviceaccount:default:mallory
cannot() { # RESOURCE [NAME] in the API group authentication.k8s.io or the core
	echo "User \"$me\" cannot impersonate resource \"$1\" in API group \"$2\""
}
of_info='cannot impersonate-on:user-info:create resource "selfsubjectaccessreviews"'
check "nobody is another user by himself" refused "User \"$me\" $of_info" impersonates --as ed
check "nor in a group" refused 'forbidden: User' impersonates --as ed --as-group system:masters
make clusterrole be --verb impersonate --resource users --resource-name ed
make clusterrolebinding be --clusterrole be --serviceaccount default:mallory
check "who may be one user is that one" say yes impersonates --as ed
check "no other" refused "users \"carol\" is forbidden: $(cannot users '')" impersonates --as carol
check "and in no group besides" refused "groups \"system:masters\" is forbidden: $(cannot groups '')" \
	impersonates --as ed --as-group system:masters
check "nor with a uid" refused "$(cannot uids authentication.k8s.io)" impersonates --as ed --as-uid 7
check "accounts are impersonated as accounts" refused 'cannot impersonate resource "serviceaccounts"' \
	impersonates --as system:serviceaccount:room:default
make role be -n room --verb impersonate --resource serviceaccounts
make rolebinding be -n room --role be --serviceaccount default:mallory
check "where that is allowed" say no impersonates --as system:serviceaccount:room:default
check "and only there" refused 'in the namespace "default"' impersonates --as system:serviceaccount:default:default
k create -f - >/dev/null <<-END
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRole
	metadata: {name: informed}
	rules:
	- {verbs: ['impersonate:user-info'], apiGroups: [authentication.k8s.io], resources: [users], resourceNames: [carol]}
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: Role
	metadata: {name: informed, namespace: room}
	rules:
	- {verbs: ['impersonate-on:user-info:get'], apiGroups: [''], resources: [configmaps]}
END
make clusterrolebinding informed --clusterrole informed --serviceaccount default:mallory
make rolebinding informed -n room --role informed --serviceaccount default:mallory
by_carol() { "$kubectl" --kubeconfig "$dir/mallory" --cache-dir "$dir/cache" --as carol -n room "$@" 2>&1; }
check "who may be carol for one thing, has that" refused 'configmaps "rules" not found' by_carol get configmap rules
check "and nothing else that she may" refused 'cannot impersonate' \
	by_carol get secret rules
check "and not where it was not given" refused 'cannot impersonate' by_carol get configmap rules -n default
check "it ends" end_apiserver

finish
