#!/bin/bash
# Who may do what, by files, webhooks and issuers that live outside: curl and kubectl against them.
. "$(dirname "$0")/../harness/hook.sh"
kube=$1
here=$(dirname "$0")
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

start() { # FLAGS…: sets $maps
	serve "$kube" --token-auth-file "$dir/tokens" --fsync=false "$@"
	maps=$url/api/v1/namespaces/default/configmaps
	test -n "$port"
}

review() { # USER VERB RESOURCE: the status of a SubjectAccessReview by the administrator
	as admin -H 'Content-Type: application/json' -d '{"spec":{"user":"'"$1"'",
		"resourceAttributes":{"verb":"'"$2"'","resource":"'"$3"'","namespace":"default"}}}' \
		"$url/apis/authorization.k8s.io/v1/subjectaccessreviews" | tr -d ' \n'
}

connections() { # COUNT CURL-FLAGS…: how many that many requests of HTTP/2 take, one after the other
	local many=() count=$1
	shift
	for _ in $(seq "$count"); do many+=(-o /dev/null "$url/version"); done
	fetch --http2 -w '%{num_connects}\n' "$@" "${many[@]}" | awk '{n += $1} END {print n}'
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
check "a chance is no certainty" contains "goaway-chance can not be less than 0 or greater than 0.02" \
	"$("$kube" apiserver --data-dir "$dir/d" --goaway-chance 0.5 2>&1)"
check "a bad line is named" contains "error reading policy file $dir/bad, line 1: {\"user\":1}" \
	"$("$kube" apiserver --data-dir "$dir/d" --authorization-mode ABAC \
		--authorization-policy-file "$dir/bad" 2>&1 | tr -d '\\')"
check "it serves with ABAC" start --authorization-mode ABAC --authorization-policy-file "$dir/policy"
check "who says who they are keep their connection" test "$(connections 20 -H 'Authorization: Bearer secret-of-maker')" = 1
check "nobody gets one for each request" test "$(connections 20)" = 20
check "nor who says it wrongly" test "$(connections 20 -H 'Authorization: Bearer wrong')" = 20
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
by_protocol() { # PROTOCOLS: as a browser's WebSocket says who it is
	fetch -o "$dir/out" -w '%{http_code}' --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
		-H "Sec-WebSocket-Protocol: $1" "$maps"
}
word=base64url.bearer.authorization.k8s.io.$(printf secret-of-alice | base64 -w0 | tr -d = | tr /+ _-)
check "a token among a WebSocket's protocols" test "$(by_protocol "$word, v5.channel.k8s.io")" = 200
check "but not alone" test "$(by_protocol "$word")" = 401
check "nor spoilt" test "$(by_protocol "$word!, x")" = 401
echo '{' >>"$dir/policy"
until_is 1 grep -c "stay as they were" "$dir/log"
check "a broken one leaves all as it was" test "$(code_as alice "$maps")" = 200
check "it ends" end_apiserver

# ---- a webhook ----
start_hook "$here/access_server.py"
hook_kubeconfig /authorize >"$dir/authorize.kubeconfig"
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
many=$(seq -f "Impersonate-Group: g%.0f" 120; seq -f "Impersonate-Extra-x%.0f: y" 60)
readarray -t many <<<"$(sed 's/^/-H\n/' <<<"$many")"
check "and of many groups" contains '"g120","system:authenticated"],"extra":{"x1":' "$(as maker \
	-H 'Impersonate-User: alice' "${many[@]}" -H 'Content-Type: application/json' -d '{}' \
	"$url/apis/authentication.k8s.io/v1/selfsubjectreviews" | tr -d ' \n')"
check "or not" test "$(code_as alice -H 'Impersonate-User: maker' "$maps")" = 403
apply() { # USER NAME: server-side apply of a config map
	code_as "$1" -X PATCH -H 'Content-Type: application/apply-patch+yaml' \
		-d "{apiVersion: v1, kind: ConfigMap, metadata: {name: $2}}" "$maps/$2?fieldManager=x"
}
check "an apply that creates asks twice" test "$(apply maker one)" = 201
check "a role is handed out by who may" test "$(code_as maker -H 'Content-Type: application/json' \
	-d '{"metadata":{"name":"all"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}' \
	"$url/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles")" = 201
# ---- expressions of admission that ask it ----
admit() { # PLURAL JSON
	as admin -o "$dir/out" -H 'Content-Type: application/json' -d "$2" \
		"$url/apis/admissionregistration.k8s.io/v1/$1"
}
rules='"resourceRules":[{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"]}]'
may() { # VERB: an expression, once it may be asked of somebody nobody has asked about
	printf "authorizer.serviceAccount('default','$1').group('').resource('configmaps').namespace('default').check('$1').allowed()"
}
mine="authorizer.group('').resource('pods').namespace('default').check('delete').allowed()"
for n in one two; do
	admit validatingadmissionpolicies "{\"metadata\":{\"name\":\"$n\"},\"spec\":{\"matchConstraints\":{$rules},
		\"matchConditions\":[{\"name\":\"c\",\"expression\":\"$mine\"}],
		\"validations\":[{\"expression\":\"$(may list$n)\",\"message\":\"$n says no\"}]}}"
	admit validatingadmissionpolicybindings "{\"metadata\":{\"name\":\"$n\"},
		\"spec\":{\"policyName\":\"$n\",\"validationActions\":[\"Warn\"]}}"
	admit mutatingadmissionpolicies "{\"metadata\":{\"name\":\"$n\"},\"spec\":{\"reinvocationPolicy\":\"Never\",
		\"matchConstraints\":{$rules},\"mutations\":[{\"patchType\":\"JSONPatch\",\"jsonPatch\":{
		\"expression\":\"[JSONPatch{op: 'replace', path: '/data/n', value: object.data.n + ($(may get$n) ? 'y' : 'n')}]\"}}]}}"
	admit mutatingadmissionpolicybindings "{\"metadata\":{\"name\":\"$n\"},\"spec\":{\"policyName\":\"$n\"}}"
	for kind in mutating validating; do # would fail if they were called
		admit ${kind}webhookconfigurations "{\"metadata\":{\"name\":\"$n\"},\"webhooks\":[{\"name\":\"$n.example.com\",
			\"sideEffects\":\"None\",\"admissionReviewVersions\":[\"v1\"],
			\"clientConfig\":{\"url\":\"https://127.0.0.1:1/\"},\"rules\":[{\"operations\":[\"CREATE\"],
			\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"configmaps\"]}],
			\"matchConditions\":[{\"name\":\"c\",\"expression\":\"$(may $kind$n)\"}]}]}"
	done
done
before=$(asked)
check "expressions wait for it" test "$(code_as maker -D "$dir/head" -H 'Content-Type: application/json' \
	-d '{"metadata":{"name":"waits"},"data":{"n":"0"}}' "$maps")" = 201
check "each policy has changed the object once" contains '"n":"0nn"' "$(tr -d ' \n' <"$dir/out")"
check "each has warned once" test "$(grep -ci '^warning:.*says no' "$dir/head")" = 2
check "each question was asked once" test $(($(asked) - before)) = 10
for kind in validatingadmissionpolicies mutatingadmissionpolicies mutatingwebhookconfigurations validatingwebhookconfigurations; do
	code_as admin -X DELETE "$url/apis/admissionregistration.k8s.io/v1/$kind" >/dev/null
done

echo flaky >"$dir/mood"
check "a failing server is asked again" contains '"allowed":true' "$(review maker get x1)"
echo garbage >"$dir/mood"
check "garbage is an error" contains "evaluationError" "$(review maker get x2)"
check "and no permission" test "$(code_as maker "$maps/x3")" = 500
echo down >"$dir/mood"
check "nor is silence" contains '"allowed":false' "$(review maker get x4)"
echo good >"$dir/mood"
check "the decisions are counted" contains \
	'apiserver_authorization_decisions_total{decision="allowed",name="default",type="Webhook"}' \
	"$(as admin "$url/metrics")"
check "and the reviews" contains 'apiserver_authorization_webhook_evaluations_total{name="default",result="success"}' \
	"$(as admin "$url/metrics")"
check "it ends" end_apiserver

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
		    matchConditionSubjectAccessReviewVersion: v1
		    matchConditions:
		    - {expression: "has(request.resourceAttributes)"}
		    - {expression: "request.user != 'maker' || request.resourceAttributes.verb == 'get'"}
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
before=$(asked)
check "who is not to be asked about is not" test "$(code_as maker -X DELETE "$maps/x") $(asked)" = "403 $before"
check "nor are paths" test "$(code_as alice "$url/version") $(asked)" = "200 $before"
check "which is counted" contains \
	'apiserver_authorization_match_condition_exclusions_total{name="first",type="Webhook"}' \
	"$(as admin "$url/metrics")"
check "but who is" test "$(code_as maker "$maps/x")" = 404
echo hang >"$dir/mood"
check "who takes too long denies" test "$(code_as bob "$maps")" = 500
check "by the time it was given" contains "context deadline exceeded" "$(cat "$dir/out")"
echo good >"$dir/mood"
configuration second NoOpinion >"$dir/new" && mv "$dir/new" "$dir/authorization"
check "a change is taken" until_is 1 grep -c "configuration read again" "$dir/log"
check "with its names" test "$(code_as alice "$maps")" = 200
check "in the metrics" contains 'name="second",type="Webhook"' "$(as admin "$url/metrics")"
echo 'kind: Nonsense' >"$dir/authorization"
check "a bad one is not" until_is 1 grep -c "configuration stays as it was" "$dir/log"
check "and it goes on" test "$(code_as alice "$maps")" = 200
check "it ends" end_apiserver

# ---- tokens that a webhook knows ----
hook_kubeconfig /authenticate >"$dir/authenticate.kubeconfig"
who() { # CURL-FLAGS…: user, uid, groups and the rest, as the server sees them
	fetch -H 'Content-Type: application/json' -d '{}' "$@" \
		"$url/apis/authentication.k8s.io/v1/selfsubjectreviews" | tr -d ' \n'
}
bearer() { who -H "Authorization: Bearer $1"; }
known() { grep -c '^/authenticate' "$dir/reviews"; }
check "it serves with a token webhook" start \
	--authentication-token-webhook-config-file "$dir/authenticate.kubeconfig"
check "a token is somebody's" contains \
	'"username":"hooked","uid":"h1","groups":["hooks","system:authenticated"],"extra":{"example.com/a":["b"]}' \
	"$(bearer hook-token)"
check "it was asked for with the audiences" contains \
	'/authenticate?timeout=30s {"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1beta1","metadata":{},"spec":{"token":"hook-token","audiences":["https://kubernetes.default.svc.cluster.local"]}' \
	"$(cat "$dir/reviews")"
before=$(known)
check "once" test "$(bearer hook-token | wc -l) $(known)" = "0 $before"
check "another is nobody's" contains '"reason":"Unauthorized"' "$(bearer other-token)"
echo garbage >"$dir/mood"
check "garbage is no permission" contains '"reason":"Unauthorized"' "$(bearer third-token)"
echo good >"$dir/mood"
token_review() { # TOKEN
	as admin -H 'Content-Type: application/json' -d '{"spec":{"token":"'"$1"'"}}' \
		"$url/apis/authentication.k8s.io/v1/tokenreviews" | tr -d ' \n'
}
check "reviews ask it" contains '"authenticated":true,"user":{"username":"hooked"' "$(token_review hook-token)"
check "files go before it" contains '"username":"alice"' "$(token_review secret-of-alice)"
check "it ends" end_apiserver

# ---- an issuer ----
openssl genrsa -out "$dir/rsa.key" 2048 2>"$dir/err"
openssl ecparam -name prime256v1 -genkey -noout -out "$dir/ec.key"
openssl ecparam -name secp384r1 -genkey -noout -out "$dir/ec384.key"
tool() { python3 -B "$here/access_token.py" "$@"; }
tool keys "$dir/rsa.key=one" >"$dir/keys.json"
issuer=https://127.0.0.1:$hook
now=$(date +%s)
claims() { # MORE: claims that are good for an hour
	echo '{"iss":"'"$issuer"'","aud":"us","exp":'$((now + 3600))',"iat":'"$now"',"sub":"jane"'"$1"'}'
}
signed() { tool token "$dir/$1.key" "$2" "$3" "$(claims "$4")"; }
rsa() { signed rsa one RS256 "$1"; }
check "the flags go together" contains "must be specified together" \
	"$("$kube" apiserver --data-dir "$dir/d" --oidc-issuer-url "$issuer" 2>&1)"
check "https it must be" contains "URL scheme must be https" \
	"$("$kube" apiserver --data-dir "$dir/d" --oidc-issuer-url http://x --oidc-client-id us 2>&1)"
check "it serves with an issuer" start --oidc-issuer-url "$issuer" --oidc-client-id us \
	--oidc-ca-file "$dir/hook.crt" --oidc-groups-claim groups --oidc-groups-prefix 'oidc:' \
	--oidc-required-claim hd=example.com --oidc-signing-algs RS256,ES256,PS512
good=$(rsa ',"hd":"example.com","groups":["devs","ops"]')
check "the issuer's users are known" until_is 0 eval 'bearer "$good" | grep -q jane; echo $?'
check "by claims and prefixes" contains \
	'"username":"'"$issuer"'#jane","groups":["oidc:devs","oidc:ops","system:authenticated"]' "$(bearer "$good")"
why() { token_review "$1" | sed 's/.*"error":"//'; }
elsewhere() { # BEARER MORE: a token whose groups lie at the issuer's; MORE is another each time
	rsa ',"hd":"example.com","n":"'"$2"'","_claim_names":{"groups":"s"},"_claim_sources":{"s":{"endpoint":"'"$issuer"'/claims","access_token":"'"$1"'"}}'
}
rsa ',"groups":["far","away"]' >"$dir/claims.jwt"
check "groups may be told elsewhere" contains '"groups":["oidc:far","oidc:away","system:authenticated"]' \
	"$(bearer "$(elsewhere shown 1)")"
check "in reviews, too" contains '"oidc:far"' "$(token_review "$(elsewhere shown 2)")"
check "to those who may know" contains \
	'couldnotexpanddistributedclaims:whilegettingdistributedclaim\"groups\":errorwhilegettingdistributedclaimJWT:401' \
	"$(why "$(elsewhere hidden 3)")"
check "where somebody knows" contains 'missingin_claims_sources' "$(why "$(rsa ',"hd":"example.com","_claim_names":{"groups":"t"},"_claim_sources":{}')")"
rsa ',"more":1' >"$dir/claims.jwt"
check "they must be there" contains 'didnotcontainclaim:groups' "$(why "$(elsewhere shown 4)")"
signed ec two ES256 ',"groups":["forged"]' >"$dir/claims.jwt"
check "and be signed" contains 'verifydistributedclaimtoken:failedtoverifysignature' "$(why "$(elsewhere shown 5)")"
echo nonsense >"$dir/claims.jwt"
check "and be a token" contains 'gettinguntrustedissuerfromendpoint' "$(why "$(elsewhere shown 6)")"
tool token "$dir/rsa.key" one RS256 "$(claims ',"groups":["other"]' | sed "s|$issuer|$issuer/other|")" >"$dir/claims.jwt"
check "another issuer's is not known at once" contains \
	"verifyinguntrustedissuer$issuer/otherfailed:verifiernotinitialized" "$(why "$(elsewhere shown 7)")"
later() { bearer "$(elsewhere shown "$(date +%N)")" | grep -c oidc:other; }
check "but soon" until_is 1 later
check "another audience" contains 'oidc:expectedaudience\"us\"got[\"them\"]' \
	"$(why "$(tool token "$dir/rsa.key" one RS256 "$(claims '' | sed 's/"us"/"them"/')")")"
check "a required claim" contains 'requiredclaimhdnotpresentinIDtoken' "$(why "$(rsa '')")"
check "of another value" contains 'requiredclaimhdvaluedoesnotmatch' "$(why "$(rsa ',"hd":"x"')")"
check "an old token" contains 'tokenisexpired' \
	"$(why "$(tool token "$dir/rsa.key" one RS256 "$(claims '' | sed "s/$((now + 3600))/$((now - 60))/")")")"
check "an algorithm that is not wanted" contains 'unsupportedalgorithm,expected[\"RS256\"\"ES256\"\"PS512\"]got\"RS384\"' \
	"$(why "$(signed rsa one RS384 '')")"
check "one that is" contains '"username"' "$(bearer "$(signed rsa one PS512 ',"hd":"example.com"')")"
check "a key that nobody knows" contains 'failedtoverifyidtokensignature' \
	"$(why "$(signed ec two ES256 ',"hd":"example.com"')")"
tool keys "$dir/ec.key=two" >"$dir/keys.new" && mv "$dir/keys.new" "$dir/keys.json"
check "until the issuer has it" contains '"username"' "$(bearer "$(signed ec two ES256 ',"hd":"example.com"')")"
check "the old key counts no more" contains '"Unauthorized"' "$(bearer "$(rsa ',"hd":"example.com","n":1')")"
forged=$(tool token "$dir/ec.key" two ES256 "$(claims ',"hd":"example.com"')")
check "what is changed does not count" contains '"Unauthorized"' "$(bearer "${forged%??????????}AAAAAAAAAA")"
echo '{"keys":' >"$dir/keys.json"
check "an issuer that tells nonsense" contains 'fetchingkeysoidc:failedtodecodekeys' \
	"$(why "$(signed rsa x RS256 ',"hd":"example.com"')")"
check "takes nothing back" contains '"username"' "$(bearer "$forged")"
check "it ends" end_apiserver

# ---- issuers by configuration, and where one may be anonymous ----
tool keys "$dir/rsa.key=one" "$dir/ec384.key=three" >"$dir/keys.json"
authentication() { # PREFIX
	cat <<-END
		apiVersion: apiserver.config.k8s.io/v1
		kind: AuthenticationConfiguration
		anonymous: {enabled: true, conditions: [{path: /livez}]}
		jwt:
		- issuer:
		    url: $issuer
		    audiences: [us, them]
		    audienceMatchPolicy: MatchAny
		    certificateAuthority: |
		$(sed 's/^/      /' "$dir/hook.crt")
		  claimMappings:
		    username: {claim: sub, prefix: "$1"}
		    groups: {expression: "[claims.role] + claims.?more.orValue([])"}
		    extra: [{key: example.com/hd, valueExpression: claims.hd}]
		    uid: {claim: sub}
		  claimValidationRules:
		  - {claim: hd, requiredValue: example.com}
		  - {expression: "claims.exp - claims.iat <= 7200", message: too long}
		  userValidationRules:
		  - {expression: "!user.username.endsWith('root')", message: no roots}
	END
}
authentication a- >"$dir/authentication"
check "the file excludes the flags" contains "mutually exclusive" \
	"$("$kube" apiserver --data-dir "$dir/d" --authentication-config "$dir/authentication" \
		--oidc-issuer-url "$issuer" --oidc-client-id us 2>&1)"
check "it serves with issuers" start --authentication-config "$dir/authentication"
good=$(signed ec384 three ES384 ',"hd":"example.com","role":"chief"')
check "their users are known" until_is 0 eval 'bearer "$good" | grep -q jane; echo $?'
check "by the mappings" contains '"username":"a-jane","uid":"jane","groups":["chief","system:authenticated"],"extra":{"example.com/hd":["example.com"]}' \
	"$(bearer "$good")"
check "rules must hold" contains 'failed:toolong' \
	"$(why "$(tool token "$dir/rsa.key" one RS256 "$(claims ',"hd":"example.com","role":"x"' |
		sed "s/$((now + 3600))/$((now + 9000))/")")")"
check "for users, too" contains 'failed:noroots' "$(why "$(tool token "$dir/rsa.key" one RS256 \
	"$(claims ',"hd":"example.com","role":"x"' | sed s/jane/root/)")")"
anonymous() { fetch -o "$dir/out" -w '%{http_code}' "$url$1"; }
check "one path is open" test "$(anonymous /livez)" = 200
check "others are not" test "$(anonymous /readyz) $(anonymous /version)" = "401 401"
authentication b- >"$dir/new" && mv "$dir/new" "$dir/authentication"
check "a change is taken" until_is 1 grep -c "authentication configuration read again" "$dir/log"
check "with its prefix" until_is 0 eval 'bearer "$good" | grep -q b-jane; echo $?'
sed 's/url: .*/url: ftp:x/' "$dir/authentication" >"$dir/new" && mv "$dir/new" "$dir/authentication"
check "a bad one is not" until_is 1 grep -c "authentication configuration stays as it was" "$dir/log"
check "in upstream's words" contains 'URL scheme must be https' "$(cat "$dir/log")"
check "and it goes on" contains b-jane "$(bearer "$good")"
check "what it costs is counted by issuer" contains \
	"jwt_authenticator_latency_seconds_count{jwt_issuer_hash=\"sha256:$(printf %s "$issuer" | sha256sum | cut -d' ' -f1)\",result=\"success\"}" \
	"$(as admin "$url/metrics")"
check "it ends" end_apiserver

# ---- front proxies ----
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$dir/$1.key" -out "$dir/$1.crt" 2>"$dir/err"
}
issue() { # AUTHORITY NAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
		-keyout "$dir/$2.key" -out "$dir/$2.csr" 2>"$dir/err"
	printf 'extendedKeyUsage=clientAuth\n' >"$dir/ext"
	openssl x509 -req -in "$dir/$2.csr" -CA "$dir/$1.crt" -CAkey "$dir/$1.key" -CAcreateserial \
		-days 2 -extfile "$dir/ext" -out "$dir/$2.crt" 2>"$dir/err"
}
authority proxies
authority strangers
issue proxies front
issue proxies back
issue strangers nobody
check "it serves behind a proxy" start --goaway-chance 0.02 --requestheader-client-ca-file "$dir/proxies.crt" \
	--requestheader-allowed-names front --requestheader-username-headers X-Remote-User \
	--requestheader-group-headers X-Remote-Group --requestheader-uid-headers X-Remote-Uid \
	--requestheader-extra-headers-prefix X-Remote-Extra-
by() { # NAME CURL-FLAGS…
	local name=$1
	shift
	who --cert "$dir/$name.crt" --key "$dir/$name.key" "$@"
}
told=(-H 'X-Remote-User: paula' -H 'X-Remote-Uid: p1' -H 'X-Remote-Group: g1' -H 'X-Remote-Group: g2'
	-H 'X-Remote-Extra-Example.com%2fScope: a' -H 'X-Remote-Extra-Example.com%2fScope: b')
check "whom it speaks for is believed" contains \
	'"username":"paula","uid":"p1","groups":["g1","g2","system:authenticated"],"extra":{"example.com/scope":["a","b"]}' \
	"$(by front "${told[@]}")"
check "nobody stays nobody behind a proxy" contains '"system:anonymous\"cannotcreateresource' \
	"$(by front -H 'X-Remote-User: system:anonymous' -H 'X-Remote-Group: system:unauthenticated')"
check "some are sent to connect anew" test "$(connections 1000 -H 'Authorization: Bearer secret-of-alice')" -gt 1
check "it says who, or it is nobody" contains '"Unauthorized"' "$(by front)"
check "another name is not believed" contains '"Unauthorized"' "$(by back "${told[@]}")"
check "nor another authority" contains '"Unauthorized"' "$(by nobody "${told[@]}")"
check "nor who shows nothing" contains '"username":"alice"' \
	"$(who -H 'Authorization: Bearer secret-of-alice' "${told[@]}")"
check "those behind us hear of it" contains '"requestheader-allowed-names":"[\"front\"]"' \
	"$(as admin "$url/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication" | tr -d ' \n')"
check "it ends" end_apiserver
finish
