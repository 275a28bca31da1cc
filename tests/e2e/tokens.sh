#!/bin/bash
# Tokens of service accounts as stock kubectl asks for them: who they are, for whom they are good and
# for how long, what ends them; used by the JavaScript and the Python client.
here=$(dirname "$0")
. "$here/../harness/check.sh"
. "$here/../harness/apiserver.sh"
start_apiserver "$1" || exit 1
kubectl=$(command -v kubectl) || { echo "no kubectl here" >&2; exit 1; }
address=$(sed -n 's/^ *server: *//p' "$kubeconfig" | tr -d '"')
k() { "$kubectl" --kubeconfig "$kubeconfig" --cache-dir "$dir/cache" "$@" 2>&1; }
make() { k create "$@" >/dev/null; }
whoami() { # TOKEN: as the server sees its bearer
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" -H "Authorization: Bearer $1" \
		-H 'Content-Type: application/json' -d '{}' \
		"$address/apis/authentication.k8s.io/v1/selfsubjectreviews" | tr -d ' \n'
}
review() { # TOKEN [AUDIENCE]: the status of a TokenReview
	k create -o json -f - <<-R | tr -d ' \n' | sed 's/.*"status"://'
		apiVersion: authentication.k8s.io/v1
		kind: TokenReview
		spec: {token: "$1"${2:+, audiences: ["$2"]}}
	R
}
part() { # TOKEN NUMBER: its head (1) or its claims (2)
	local text
	text=$(echo "$1" | cut -d. -f"$2" | tr _- /+)
	while [ $((${#text} % 4)) != 0 ]; do text=$text=; done
	echo "$text" | base64 -d
}
claim() { part "$1" 2 | python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$2"; }
about() { # NUMBER NUMBER: a machine may be slow between the two
	[ $(($1 - $2)) -ge -30 ] && [ $(($1 - $2)) -le 30 ]
}

make serviceaccount default
make serviceaccount robot
make role reads --verb get,list,watch,create --resource configmaps
make rolebinding robot --role reads --serviceaccount default:robot
uid=$(k get serviceaccount robot -o 'jsonpath={.metadata.uid}')

# ---- who, for how long ----
token=$(k create token robot)
check "it is the account" contains '"username":"system:serviceaccount:default:robot","uid":"'"$uid"'","groups":["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"]' \
	"$(whoami "$token")"
check "with the token's own id" contains '"authentication.kubernetes.io/credential-id":["JTI='"$(claim "$token" '["jti"]')" \
	"$(whoami "$token")"
check "for an hour" about $(($(date +%s) + 3600)) "$(claim "$token" '["exp"]')"
check "from now on" about "$(date +%s)" "$(claim "$token" '["nbf"]')"
check "for the API" test "$(claim "$token" '["aud"][0]')" = https://kubernetes.default.svc.cluster.local
check "by its issuer" test "$(claim "$token" '["iss"]')" = https://kubernetes.default.svc.cluster.local
check "whose keys are told" contains "\"kid\":\"$(part "$token" 1 | sed 's/.*"kid":"\([^"]*\).*/\1/')\"" \
	"$(k get --raw /openid/v1/jwks)"
check "each is another" test "$token" != "$(k create token robot)"
check "ten minutes are the least" contains 'may not specify a duration less than 10 minutes' \
	"$(k create token robot --duration 5m)"
token=$(k create token robot --duration 20m)
check "other times are given" about $(($(date +%s) + 1200)) "$(claim "$token" '["exp"]')"
check "an account that is not there has none" contains 'serviceaccounts "nobody" not found' "$(k create token nobody)"
made() { # KEY-FILE SECONDS: a token as the server would make it, that lives so long
	local now
	now=$(date +%s)
	python3 -B "$here/access_token.py" token "$1" "$(part "$token" 1 | sed 's/.*"kid":"\([^"]*\).*/\1/')" \
		"$(part "$token" 1 | sed 's/.*"alg":"\([^"]*\).*/\1/')" \
		"$(part "$token" 2 | sed "s/\"exp\":[0-9]*/\"exp\":$((now + $2))/; s/\"\(iat\|nbf\)\":[0-9]*/\"\1\":$((now - 60))/g")"
}
# A minute more is given to clocks that differ.
short=$(made "$dir/d/pki/sa.key" -50)
check "a token that is nearly over is good" contains system:serviceaccount:default:robot "$(whoami "$short")"
check "one that is over is not" contains '"reason":"Unauthorized"' "$(whoami "$(made "$dir/d/pki/sa.key" -61)")"
check "as is said" contains 'tokenhasexpired' "$(review "$(made "$dir/d/pki/sa.key" -61)")"
openssl ecparam -name prime256v1 -genkey -noout -out "$dir/other.key"
openssl genrsa -out "$dir/other-rsa.key" 2048 2>/dev/null
case $(part "$token" 1) in *RS256*) mv "$dir/other-rsa.key" "$dir/other.key" ;; esac
check "nor one by another key" contains '"reason":"Unauthorized"' "$(whoami "$(made "$dir/other.key" 600)")"

# ---- for whom ----
for_vault=$(k create token robot --audience vault --audience store)
check "for others it is no key to the API" contains '"reason":"Unauthorized"' "$(whoami "$for_vault")"
check "but they can ask who it is" contains '"username":"system:serviceaccount:default:robot"' \
	"$(review "$for_vault" vault)"
check "and are told for whom" contains '"audiences":["vault"]' "$(review "$for_vault" vault)"
check "others are not" contains 'tokenaudiences[\"vault\"\"store\"]isinvalidforthetargetaudiences[\"bank\"]' \
	"$(review "$for_vault" bank)"

# ---- bound to what is there ----
manifest() { # pod|node|secret NAME
	case $1 in
	pod) printf 'spec: {serviceAccountName: robot, containers: [{name: c, image: i}]}\n' ;;
	esac
	printf 'apiVersion: v1\nkind: %s\nmetadata: {name: %s}\n' "${1^}" "$2"
}
for kind in pod secret node; do
	manifest $kind tied | k create -f - >/dev/null
	tied=$(k create token robot --bound-object-kind "${kind^}" --bound-object-name tied)
	of=$(k get $kind tied -o 'jsonpath={.metadata.uid}')
	check "a token bound to a $kind says so" contains "'name': 'tied', 'uid': '$of'" \
		"$(claim "$tied" "['kubernetes.io']['$kind']")"
	check "is good as long as the $kind is there" contains default:robot "$(whoami "$tied")"
	case $kind in secret) ;; *)
		check "whose bearer is known to be the $kind's" contains \
			'"authentication.kubernetes.io/'$kind'-name":["tied"],"authentication.kubernetes.io/'$kind'-uid":["'"$of" \
			"$(whoami "$tied")" ;;
	esac
	k delete $kind tied --force --grace-period 0 >/dev/null
	check "and no longer than the $kind" contains '"reason":"Unauthorized"' "$(whoami "$tied")"
	manifest $kind tied | k create -f - >/dev/null
	check "another $kind of that name is another" contains '"reason":"Unauthorized"' "$(whoami "$tied")"
	check "and its uid can be asked for" contains 'does not match' \
		"$(k create token robot --bound-object-kind "${kind^}" --bound-object-name tied --bound-object-uid "$of")"
done
make serviceaccount other
check "another account's pod binds nothing" contains 'cannot bind token for serviceaccount "other" to pod running with different serviceaccount name' \
	"$(k create token other --bound-object-kind Pod --bound-object-name tied)"

by_uid() { # UID: a token of the robot that has it
	printf '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","metadata":{"uid":"%s"},"spec":{}}' "$1" |
		k create --raw /api/v1/namespaces/default/serviceaccounts/robot/token -f - 2>&1
}
uid=$(k get serviceaccount robot -o 'jsonpath={.metadata.uid}')
check "the account can be asked for by its uid" contains "\"uid\":\"$uid\"" "$(by_uid "$uid")"
check "without one it is told" contains "\"uid\":\"$uid\"" "$(by_uid '')"
check "another account of that name is another" contains \
	"TokenRequest.authentication.k8s.io \"robot\": the UID in the token request (wrong) does not match the UID of the service account ($uid)" \
	"$(by_uid wrong)"

# ---- in clients' hands ----
token=$(k create token robot)
cat >"$dir/client.py" <<'P'
import sys, warnings
warnings.filterwarnings("ignore")
from kubernetes import client
from kubernetes.client.rest import ApiException
url, ca, token = sys.argv[1:]
c = client.Configuration()
c.host, c.ssl_ca_cert, c.api_key = url, ca, {"authorization": "Bearer " + token}
core = client.CoreV1Api(client.ApiClient(c))
try:
    core.create_namespaced_config_map("default", {"metadata": {"name": "by-python"}, "data": {"a": "b"}})
    print(core.read_namespaced_config_map("by-python", "default").data["a"])
    core.list_namespaced_secret("default")
except ApiException as e:
    print(e.status)
P
python_says() { /usr/bin/python3 -B "$dir/client.py" "$address" "$dir/d/pki/ca.crt" "$1" | tr '\n' ' '; }
check "the Python client does what it may" test "$(python_says "$token")" = "b 403 "
check "and is nobody without a good token" test "$(python_says "$for_vault")" = "401 "
cat >"$dir/client.mjs" <<'J'
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const [folder, server, ca, token] = process.argv.slice(2);
const k8s = await import(pathToFileURL(createRequire(folder + '/x.js').resolve('@kubernetes/client-node')));
const config = new k8s.KubeConfig();
config.loadFromOptions({ clusters: [{ name: 'c', server, caFile: ca }], users: [{ name: 'u', token }],
	contexts: [{ name: 'x', cluster: 'c', user: 'u' }], currentContext: 'x' });
const core = config.makeApiClient(k8s.CoreV1Api);
try {
	await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'by-js' }, data: { a: 'b' } } });
	console.log((await core.readNamespacedConfigMap({ namespace: 'default', name: 'by-js' })).data.a);
	await core.listNamespacedSecret({ namespace: 'default' });
} catch (e) {
	console.log(e.code);
}
J
js_says() {
	node "$dir/client.mjs" "$(cd "$here/../../build/clients" && pwd)" "$address" "$dir/d/pki/ca.crt" "$1" | tr '\n' ' '
}
check "the JavaScript client does what it may" test "$(js_says "$token")" = "b 403 "
check "and is nobody without a good token" test "$(js_says "$for_vault")" = "401 "
ends() { # TOKEN: soon
	for _ in $(seq 60); do
		whoami "$1" | grep -qF '"reason":"Unauthorized"' && return
		sleep 0.5
	done
	return 1
}
check "what was nearly over is over" ends "$short"
k delete serviceaccount robot >/dev/null
check "nothing outlives the account" contains '"reason":"Unauthorized"' "$(whoami "$token")"
make serviceaccount robot
check "another of that name is another" contains '"reason":"Unauthorized"' "$(whoami "$token")"
check "it ends" end_apiserver
finish
