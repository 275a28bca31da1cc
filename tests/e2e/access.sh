#!/bin/bash
# Who may do what, by files, webhooks and issuers that live outside: curl and kubectl against them.
. "$(dirname "$0")/../harness/check.sh"
kube=$1
here=$(dirname "$0")
dir=$(mktemp -d)
pid= server=
trap 'for p in $pid $server; do kill -9 "$p"; wait "$p"; done 2>/dev/null; rm -rf "$dir"' EXIT
cat >"$dir/tokens" <<-END
	secret-of-admin,admin,1,"system:masters"
	secret-of-alice,alice,2,"readers"
	secret-of-bob,bob,3
	secret-of-liar,liar,4
	secret-of-maker,maker,5
	secret-of-picky,picky,6
END
fetch() { curl -sS --max-time 40 --noproxy '*' --cacert "$dir/d/pki/ca.crt" "$@"; }
as() { local who=$1; shift; fetch -H "Authorization: Bearer secret-of-$who" "$@"; }
code_as() { local who=$1; shift; as "$who" -o "$dir/out" -w '%{http_code}' "$@"; }

start() { # FLAGS…: sets $pid, $at, $url
	: >"$dir/log"
	"$kube" apiserver --data-dir "$dir/d" --secure-port 0 --bind-address 127.0.0.1 \
		--token-auth-file "$dir/tokens" --service-cluster-ip-range 10.96.0.0/16 \
		--fsync=false "$@" 2>"$dir/log" &
	pid=$!
	for _ in $(seq 400); do
		at=$(sed -n 's/.*"serving" port=\([0-9]*\).*/\1/p' "$dir/log" | head -n 1)
		[ -z "$at" ] || break
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
	url=https://127.0.0.1:$at
	maps=$url/api/v1/namespaces/default/configmaps
	test -n "$at"
}

stop() {
	kill "$pid"
	wait "$pid"
	local code=$?
	pid=
	return $code
}

until_is() { # WANTED COMMAND…: tries until it prints that
	local wanted=$1
	shift
	for _ in $(seq 100); do
		[ "$("$@")" != "$wanted" ] || return 0
		sleep 0.1
	done
	return 1
}

review() { # USER VERB RESOURCE: the status of a SubjectAccessReview by the administrator
	as admin -H 'Content-Type: application/json' -d '{"spec":{"user":"'"$1"'",
		"resourceAttributes":{"verb":"'"$2"'","resource":"'"$3"'","namespace":"default"}}}' \
		"$url/apis/authorization.k8s.io/v1/subjectaccessreviews" | tr -d ' \n'
}

# ---- ABAC ----
cat >"$dir/policy" <<-END
	# who reads what
	{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"bob","namespace":"default","resource":"configmaps","apiGroup":"","readonly":true}}
	{"user":"maker"}
	{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"group":"readers","nonResourcePath":"/version"}}
END
check "ABAC wants a file" contains "authorization policy file not passed" \
	"$("$kube" apiserver --data-dir "$dir/d" --authorization-mode ABAC 2>&1)"
printf '{"user":1}\n' >"$dir/bad"
check "a bad line is named" contains "error reading policy file $dir/bad, line 1: {\"user\":1}" \
	"$("$kube" apiserver --data-dir "$dir/d" --authorization-mode ABAC \
		--authorization-policy-file "$dir/bad" 2>&1 | tr -d '\\')"
check "it serves with ABAC" start --authorization-mode ABAC --authorization-policy-file "$dir/policy"
check "bob reads one project's" test "$(code_as bob "$maps")" = 200
check "and no other's" test "$(code_as bob "$url/api/v1/namespaces/kube-system/configmaps")" = 403
check "in upstream's words" contains "No policy matched." "$(cat "$dir/out")"
check "he writes nothing" test "$(code_as bob -X DELETE "$maps/x")" = 403
check "a rule of old gives everything" test "$(code_as maker -X DELETE "$maps/x")" = 404
check "paths by group" test "$(code_as alice "$url/version")" = 200
check "and nothing else" test "$(code_as alice "$maps")" = 403
check "the rules are listed" contains '{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}' \
	"$(as maker -H 'Content-Type: application/json' -d '{"spec":{"namespace":"default"}}' \
		"$url/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" | tr -d ' \n')"
echo '{"user":"alice","resource":"configmaps","readonly":true}' >>"$dir/policy"
check "a change of the file counts at once" until_is 200 code_as alice "$maps"
echo '{' >>"$dir/policy"
until_is 1 grep -c "stay as they were" "$dir/log"
check "a broken one leaves all as it was" test "$(code_as alice "$maps")" = 200
check "it ends" stop

# ---- a webhook ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hook \
	-addext 'subjectAltName=IP:127.0.0.1' -keyout "$dir/hook.key" -out "$dir/hook.crt" 2>"$dir/err"
python3 -B "$here/access_server.py" "$dir/hook.crt" "$dir/hook.key" "$dir" >"$dir/port" &
server=$!
for _ in $(seq 100); do
	[ ! -s "$dir/port" ] || break
	sleep 0.1
done
hook=$(cat "$dir/port")
kubeconfig() { # PATH
	cat <<-END
		apiVersion: v1
		kind: Config
		clusters:
		- name: hook
		  cluster: {server: "https://127.0.0.1:$hook$1", certificate-authority: hook.crt}
		users:
		- name: us
		contexts:
		- name: all
		  context: {cluster: hook, user: us}
		current-context: all
	END
}
kubeconfig /authorize >"$dir/authorize.kubeconfig"
asked() { grep -c '^/authorize' "$dir/reviews"; }
check "it serves with a webhook" start --authorization-mode Webhook,RBAC \
	--authorization-webhook-config-file "$dir/authorize.kubeconfig" \
	--authorization-webhook-cache-unauthorized-ttl 1s
check "the webhook lets alice read" test "$(code_as alice "$maps")" = 200
check "she is asked for as v1beta1 has it" contains \
	'/authorize?timeout=30s {"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1beta1","metadata":{},"spec":{"resourceAttributes":{"namespace":"default","verb":"list","version":"v1","resource":"configmaps"},"user":"alice","group":["readers","system:authenticated"],"uid":"2"},"status":{"allowed":false}}' \
	"$(cat "$dir/reviews")"
before=$(asked)
check "what it said is remembered" test "$(code_as alice "$maps") $(asked)" = "200 $before"
check "a refusal has its words" contains "not in the mood" "$(as bob "$maps")"
check "a denial ends the asking" contains "secrets are secret" \
	"$(as alice "$url/api/v1/namespaces/default/secrets")"
check "both is a failure" test "$(code_as liar "$maps")" = 500
check "and told" contains "webhook subject access review returned both allow and deny response" \
	"$(cat "$dir/out")"
check "selectors are told" test "$(code_as picky -G --data-urlencode 'labelSelector=app in (b,a)' "$maps")" = 200
check "what RBAC grants, still" test "$(code_as bob "$url/version")" = 200
check "reviews ask it" contains '"status":{"allowed":true,"reason":"alicereads"}' "$(review alice get configmaps)"
check "and tell denials" contains '"status":{"allowed":false,"denied":true,"reason":"secretsaresecret"}' \
	"$(review bob get secrets)"
check "rules are incomplete" contains \
	'"incomplete":true,"evaluationError":"webhookauthorizerdoesnotsupportuserruleresolution"' \
	"$(as bob -H 'Content-Type: application/json' -d '{"spec":{"namespace":"default"}}' \
		"$url/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" | tr -d ' \n')"
check "it may let somebody be another" test "$(code_as maker -H 'Impersonate-User: alice' "$maps")" = 200
check "or not" test "$(code_as alice -H 'Impersonate-User: maker' "$maps")" = 403
apply() { # USER NAME: server-side apply of a config map
	code_as "$1" -X PATCH -H 'Content-Type: application/apply-patch+yaml' \
		-d "{apiVersion: v1, kind: ConfigMap, metadata: {name: $2}}" "$maps/$2?fieldManager=x"
}
check "an apply that creates asks twice" test "$(apply maker one)" = 201
check "a role is handed out by who may" test "$(code_as maker -H 'Content-Type: application/json' \
	-d '{"metadata":{"name":"all"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}' \
	"$url/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles")" = 201
echo flaky >"$dir/mood"
check "a failing server is asked again" contains '"allowed":true' "$(review maker get x1)"
echo garbage >"$dir/mood"
check "garbage is an error" contains "evaluationError" "$(review maker get x2)"
check "and no permission" test "$(code_as maker "$maps/x3")" = 500
echo down >"$dir/mood"
check "nor is silence" contains '"allowed":false' "$(review maker get x4)"
rm "$dir/mood"
check "the decisions are counted" contains \
	'apiserver_authorization_decisions_total{decision="allowed",name="default",type="Webhook"}' \
	"$(as admin "$url/metrics")"
check "and the reviews" contains 'apiserver_authorization_webhook_evaluations_total{name="default",result="success"}' \
	"$(as admin "$url/metrics")"
check "it ends" stop

# ---- a configuration ----
configuration() { # NAME FAILURE-POLICY
	cat <<-END
		apiVersion: apiserver.config.k8s.io/v1
		kind: AuthorizationConfiguration
		authorizers:
		- type: Webhook
		  name: $1
		  webhook:
		    timeout: 1s
		    subjectAccessReviewVersion: v1
		    failurePolicy: $2
		    connectionInfo: {type: KubeConfigFile, kubeConfigFile: $dir/authorize.kubeconfig}
		- {type: Node, name: node}
		- {type: RBAC, name: rbac}
	END
}
configuration first Deny >"$dir/authorization"
check "the file excludes the flags" contains "can not be specified when --authorization-mode" \
	"$("$kube" apiserver --data-dir "$dir/d" --authorization-config "$dir/authorization" \
		--authorization-mode RBAC 2>&1)"
check "it serves with a configuration" start --authorization-config "$dir/authorization"
check "groups are called so in v1" test "$(code_as alice "$maps") $(grep -c '"groups":\["readers"' "$dir/reviews")" = "200 1"
echo hang >"$dir/mood"
check "who takes too long denies" test "$(code_as bob "$maps")" = 500
check "by the time it was given" contains "context deadline exceeded" "$(cat "$dir/out")"
rm "$dir/mood"
configuration second NoOpinion >"$dir/new" && mv "$dir/new" "$dir/authorization"
check "a change is taken" until_is 1 grep -c "configuration read again" "$dir/log"
check "with its names" test "$(code_as alice "$maps")" = 200
check "in the metrics" contains 'name="second",type="Webhook"' "$(as admin "$url/metrics")"
echo 'kind: Nonsense' >"$dir/authorization"
check "a bad one is not" until_is 1 grep -c "configuration stays as it was" "$dir/log"
check "and it goes on" test "$(code_as alice "$maps")" = 200
check "it ends" stop
finish
