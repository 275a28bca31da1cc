#!/bin/bash
# A definition of custom resources and its objects, with kubectl of Debian 12.
here=$(dirname "$0")
. "$here/../harness/check.sh"
. "$here/../harness/apiserver.sh"
start_apiserver "$1" || exit 1
export HOME=$dir KUBECONFIG=$kubeconfig
ctl() { "$here/../../build/clients/kubectl" --cache-dir "$dir/cache" "$@" 2>&1; }
fresh() { rm -rf "$dir/cache"; ctl "$@"; } # what kubectl remembers of discovery is ten minutes old
object() { # NAME SPEC…: an object of the kind
	printf 'apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: %s}\nspec: {%s}\n' "$@"
}
until_gone() { # ARGS…: asked until there is no such thing
	for _ in $(seq 100); do
		contains NotFound "$(ctl get "$@")" && return 0
		sleep 0.1
	done
	return 1
}

# ---- a definition ----
check "it is created" contains "crontabs.stable.example.com created" \
	"$(ctl create -f "$here/custom/crontab.yaml")"
check "it is established" contains "condition met" \
	"$(ctl wait --for condition=established --timeout 20s crd/crontabs.stable.example.com)"
check "its versions are served" contains "stable.example.com/v1beta1" "$(fresh api-versions)"
check "short names and categories are known" contains "ct" \
	"$(ctl api-resources --api-group stable.example.com)"

# ---- objects ----
check "an object is applied" contains "crontab.stable.example.com/a created" \
	"$(object a 'cronSpec: "* * * * *"' | ctl apply -f -)"
check "columns are shown" test "$(ctl get ct -o name)" = crontab.stable.example.com/a
check "by name and column" contains "NAME   SPEC        AGE" "$(ctl get ct)"
check "wide ones, too" contains "REPLICAS" "$(ctl get ct -o wide)"
check "defaults are set" test "$(ctl get ct a -o 'jsonpath={.spec.image}{.spec.replicas}')" = a1
check "another version shows the same" test \
	"$(ctl get crontabs.v1beta1.stable.example.com a -o 'jsonpath={.apiVersion} {.spec.image}')" \
	= "stable.example.com/v1beta1 a"
check "a wrong object is refused" contains "spec.image: Unsupported value: \"z\"" \
	"$(object b 'cronSpec: "* * *", image: z' | ctl create --validate=false -f -)"
check "kubectl finds a wrong field before" contains 'unknown field "nope"' \
	"$(object b 'cronSpec: "* * *", nope: 1' | ctl create -f -)"
check "its fields are explained" contains "When it runs." "$(ctl explain crontab.spec)"
check "and all of them" contains "labelSelector" "$(ctl explain crontab --recursive)"
check "an unchanged one stays" contains unchanged \
	"$(object a 'cronSpec: "* * * * *"' | ctl apply -f -)"
check "differences are shown" contains '+  cronSpec: 0 0' \
	"$(object a 'cronSpec: 0 0' | ctl diff -f -)"
check "a merge patch" contains patched \
	"$(ctl patch ct a --type merge -p '{"spec":{"cronSpec":"1 1"}}')"
check "a strategic one is refused" contains "unknown format" \
	"$(ctl patch ct a --type strategic -p '{"spec":{}}')"
check "server-side apply" contains "serverside-applied" \
	"$(object s 'cronSpec: "2 2"' | ctl apply --server-side -f -)"

# ---- subresources ----
check "it is scaled" contains scaled "$(ctl scale ct a --replicas 3)"
check "and has the number" test "$(ctl get ct a -o 'jsonpath={.spec.replicas}')" = 3
path=/apis/stable.example.com/v1/namespaces/default/crontabs/a
ctl get --raw $path | sed 's/"spec":{/"status":{"replicas":2,"labelSelector":"a=b"},&/' >"$dir/a.json"
ctl replace --raw $path/status -f "$dir/a.json" >"$dir/out"
check "its status is written" test "$(ctl get ct a -o 'jsonpath={.status.replicas}')" = 2
check "and shown by scale" contains '"selector":"a=b"' "$(ctl get --raw $path/scale)"
check "status is not spec's" contains '"generation":3' "$(ctl get --raw $path)"

# ---- a restart ----
end_apiserver
start_apiserver "$1" || exit 1
check "objects outlive the server" contains '"cronSpec":"1 1"' "$(ctl get --raw $path)"
check "and are found again" contains "1 1" "$(fresh get ct)"

# ---- a change ----
ctl get ct --watch -o name >"$dir/watched" &
watcher=$!
sleep 1
ctl patch crd crontabs.stable.example.com --type json -p '[{"op":"add",
	"path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/more",
	"value":{"type":"string","default":"new"}}]' >"$dir/out"
for _ in $(seq 50); do
	[ "$(ctl get ct a -o 'jsonpath={.spec.more}')" != new ] || break
	sleep 0.1
done
for _ in $(seq 50); do kill -0 $watcher 2>"$dir/out" && sleep 0.1; done
check "whoever watches begins anew" test ! -d /proc/$watcher
check "a new default holds for old objects" test "$(ctl get ct a -o 'jsonpath={.spec.more}')" = new

# ---- an old manifest ----
check "definitions of the beta are taken" contains "olds.e.io created" \
	"$(ctl create --validate=false -f "$here/custom/beta.yaml")"
check "and served" contains "condition met" \
	"$(ctl wait --for condition=established --timeout 20s crd/olds.e.io)"
printf 'apiVersion: e.io/v1\nkind: Old\nmetadata: {name: o}\nspec: {a: x, more: {than: said}}\n' |
	fresh create --validate=false -f - >"$dir/out"
check "with their columns" contains "o      x" "$(ctl get olds)"
check "and what no schema names" test "$(ctl get olds o -o 'jsonpath={.spec.more.than}')" = said

# ---- the end ----
ctl patch ct a --type merge -p '{"metadata":{"finalizers":["example.com/hold"]}}' >"$dir/out"
check "the definition is deleted" contains deleted \
	"$(ctl delete crd crontabs.stable.example.com --wait=false)"
check "its objects go first" until_gone ct s
check "but those that are held" contains '"deletionTimestamp"' "$(ctl get --raw $path)"
check "nothing new comes" contains "while custom resource definition is terminating" \
	"$(object new 'cronSpec: "* * *"' | ctl create --validate=false -f -)"
ctl patch ct a --type merge -p '{"metadata":{"finalizers":null}}' >"$dir/out"
check "and then it goes" until_gone crd crontabs.stable.example.com
check "nothing explains it any more" contains "doesn't have" "$(fresh explain crontab)"
check "nothing is served there any more" contains "could not find" "$(ctl get --raw $path)"
check "the server ends well" end_apiserver
finish
