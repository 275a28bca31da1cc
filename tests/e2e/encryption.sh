#!/bin/bash
# Encryption at rest: what lies in the store, keys that come and go, keys that are lost.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
kube=$1
start() { # FLAGS…
	serve "$kube" --token-auth-file "$dir/tokens" \
		${config:+--encryption-provider-config "$dir/$config"} "$@"
}
default=/api/v1/namespaces/default
# What lies at keys of the store that contain this, as text; the server must not run.
lying() {
	/usr/bin/python3 -B - "$dir/d/state/state.db" "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for value, in db.execute("SELECT value FROM log WHERE bucket || key LIKE '%' || ? || '%' AND value NOT NULL",
                         (sys.argv[2],)):
    text = (value if isinstance(value, bytes) else value.encode())[:60].decode("latin-1")
    print("".join(c if " " <= c <= "~" else "?" for c in text))
PY
}
keys() { # FILE PROVIDERS: a configuration for Secrets, and one of a wildcard
	printf 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [%s]\n  providers: [%s]\n' \
		"${of:-secrets}" "$2" >"$dir/$1"
}
one=$(printf '0123456789abcdef0123456789abcdef' | base64)
two=$(printf 'fedcba9876543210fedcba9876543210' | base64)
plain() { # PATH
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" -o "$dir/out" -w '%{http_code}' \
		-H 'Authorization: Bearer secret-of-admin' "$url$1"
}
secret() { ask POST $default/secrets "{\"metadata\":{\"name\":\"$1\"},\"stringData\":{\"word\":\"sesame\"}}" >/dev/null; }
word() { ask GET "$default/secrets/$1" | grep -c "$(printf sesame | base64)"; }

config=
start
secret plain
ask POST $default/configmaps '{"metadata":{"name":"map"},"data":{"k":"sesame"}}' >/dev/null
end_apiserver
check "without a configuration all lies open" contains '"kind":"Secret"' "$(lying secrets/default/plain)"

for kind in aesgcm aescbc secretbox; do
	config=$kind.yaml
	keys $config "{$kind: {keys: [{name: key1, secret: $one}]}}, {identity: {}}"
	start
	check "$kind: it serves" test -n "$port"
	secret $kind
	check "$kind: a secret reads as it was" test "$(word $kind)" = 1
	check "$kind: that it was sealed is counted" contains \
		"{resource=\"secrets\",status=\"OK\",transformation_type=\"to_storage\",transformer_prefix=\"k8s:enc:$kind:v1:\"}" \
		"$(plain /metrics >"$dir/code"; grep ^apiserver_storage_transformation_operations "$dir/out")"
	end_apiserver
	check "$kind: it lies sealed" contains "k8s:enc:$kind:v1:key1:" "$(lying secrets/default/$kind)"
	check "$kind: so does what lay there before" contains "k8s:enc:$kind:v1:key1:" \
		"$(lying secrets/default/plain)"
	check "$kind: of other kinds nothing does" contains '"kind":"ConfigMap"' \
		"$(lying configmaps/default/map)"
	start
	check "$kind: the next start opens it" test "$(word $kind)" = 1
	check "$kind: and the others" test "$(word plain)" = 1
	end_apiserver
	check "$kind: no word of it is in any file" test -z "$(grep -rl "$(printf sesame | base64)" "$dir/d/state")"
	# the next kind cannot open this one's: all back to plain text
	keys $config "{identity: {}}, {$kind: {keys: [{name: key1, secret: $one}]}}"
	start
	end_apiserver
	check "$kind: identity in front lays all open again" test -z "$(lying secrets/default | grep k8s:enc)"
done

config=both.yaml
keys $config "{aesgcm: {keys: [{name: key1, secret: $one}]}}, {identity: {}}"
start
end_apiserver
keys $config "{aesgcm: {keys: [{name: key2, secret: $two}, {name: key1, secret: $one}]}}, {identity: {}}"
start
check "a new key in front of the old one" test "$(word plain)" = 1
end_apiserver
check "seals all anew" test -z "$(lying secrets/default | grep -v 'k8s:enc:aesgcm:v1:key2:')"
keys $config "{aesgcm: {keys: [{name: key2, secret: $two}]}}, {identity: {}}"
start
check "so that the old one can go" test "$(word plain)" = 1
end_apiserver
keys $config "{aesgcm: {keys: [{name: key1, secret: $one}]}}, {identity: {}}"
start
check "without its key the store stays closed" test -z "$port"
check "which is said" contains "lies in the store sealed: the key is needed" "$(cat "$dir/log")"
end_apiserver
keys $config "{aesgcm: {keys: [{name: key2, secret: $one}]}}"
start
check "with a wrong key of its name, too" test -z "$port"
check "which is said" contains "sealed by another key" "$(cat "$dir/log")"
end_apiserver
of="'*.*'" keys $config "{secretbox: {keys: [{name: all, secret: $one}]}}, {aesgcm: {keys: [{name: key2, secret: $two}]}}, {identity: {}}"
start
check "a star seals everything" test "$(word plain)" = 1
end_apiserver
check "and leaves nothing open" test -z "$(lying '' | grep -v 'k8s:enc:secretbox:v1:all:')"

# ---- while it runs ----
metric() { plain /metrics >"$dir/code"; sed -n "s/^apiserver_encryption_config_controller_$1{.*$2.*} //p" "$dir/out"; }
config=all.yaml of="'*.*'"
keys $config "{secretbox: {keys: [{name: all, secret: $one}]}}, {aesgcm: {keys: [{name: key2, secret: $two}]}}, {identity: {}}"
start
check "of a configuration that is not read again no check is there" test "$(plain /healthz/kms-providers)" = 404
end_apiserver
start --encryption-provider-config-automatic-reload=true
check "it reads again what has changed" test -n "$port"
check "its check is there" test "$(plain /healthz/kms-providers)" = 200
check "and its hook's" test \
	"$(plain /readyz/poststarthook/start-encryption-provider-config-automatic-reload)" = 200
first=$(metric last_config_info)
info() { plain /metrics >"$dir/code"; grep -o '^apiserver_encryption_config_controller_last_config_info.*' "$dir/out"; }
was=$(info)
check "what counts is known" test "$first" = 1
keys $config "{aesgcm: {keys: [{name: new, secret: $two}]}}, {identity: {}}"
check "another key alone counts" until_is 1 metric automatic_reloads_total 'status="success"'
check "which is another configuration" test "$(info)" != "$was"
check "and the only one" test "$(info | grep -c .)" = 1
when=$(metric automatic_reload_last_timestamp_seconds 'status="success"' | awk '{ print int($1) }')
check "the time of it is known" test "$when" -gt 1000000000
secret late
check "all reads as it did" test "$(word plain)$(word late)" = 11
printf 'nonsense' >"$dir/$config"
check "nonsense does not count" until_is 1 metric automatic_reloads_total 'status="failure"'
check "and is told" grep -q "the encryption configuration stays as it was" "$dir/log"
secret later
keys $config "{aesgcm: {keys: [{name: new, secret: $two}]}}, {identity: {}}"
until_is 2 metric automatic_reloads_total 'status="success"'
end_apiserver
check "all lies under the new key" test -z "$(lying secrets/default | grep -v 'k8s:enc:aesgcm:v1:new:')"
start
check "and the next start needs no other" test "$(word plain)$(word late)$(word later)" = 111
end_apiserver
keys $config "{aesgcm: {keys: [{name: new, secret: $two}]}}, {identity: {}}"
start --encryption-provider-config-automatic-reload=true
keys $config "{aesgcm: {keys: [{name: new, secret: $one}]}}, {identity: {}}"
check "another word under the same name" until_is 1 metric automatic_reloads_total 'status="success"'
end_apiserver
start
check "is another key" test "$(word plain)" = 1
end_apiserver
config=
start --encryption-provider-config-automatic-reload=true
end_apiserver
check "without a file there is nothing to read again" grep -q \
	"automatic-reload must be set with --encryption-provider-config" "$dir/log"
config=wrong.yaml of=

wrong() { # WORDS PROVIDERS
	keys $config "$2"
	start
	end_apiserver
	grep -qF "$1" "$dir/log" && test -z "$port"
}
check "a key of no size is refused" wrong "expected one of [16 24 32]" \
	"{aesgcm: {keys: [{name: a, secret: YWJj}]}}"
check "text that is no base64" wrong "secrets must be base64 encoded" \
	"{aesgcm: {keys: [{name: a, secret: '?'}]}}"
check "a provider that is none" wrong "is no provider of this version" "{rot13: {}}"
check "KMS, which is not here" wrong "KMS plugins are no part of this version" \
	"{kms: {name: a, endpoint: 'unix:///run/a'}}"
check "two in one" wrong "more than one provider specified" "{identity: {}, aesgcm: {}}"
check "none" wrong "resources[0].providers: Required value" ""
finish
