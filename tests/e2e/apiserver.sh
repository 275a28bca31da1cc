#!/bin/bash
# The API server with clients that others wrote: curl and kubectl; its files; its end.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
kube=$1
echo secret-of-alice,alice,2 >>"$dir/tokens"
fetch() { curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" "$@"; }
as_admin() { fetch -H 'Authorization: Bearer secret-of-admin' "$@"; }

start() { serve "$kube" --token-auth-file "$dir/tokens" "$@"; }
end_of() {
	for _ in $(seq 200); do
		kill -0 "$1" 2>/dev/null || { wait "$1"; return $?; }
		sleep 0.05
	done
	return 99
}

refusal() { "$kube" apiserver --data-dir "$dir/d" --secure-port 0 --bind-address 127.0.0.1 "$@" 2>&1; }
check "a version of TLS that is none" contains 'unknown tls version "VersionTLS9"' \
	"$(refusal --tls-min-version VersionTLS9 | tr -d '\\')"
check "a cipher suite that is none" contains "Cipher suite NULL not supported or doesn't exist" \
	"$(refusal --tls-cipher-suites NULL)"
check "none that is spoken" contains "none of the cipher suites is one that is spoken here" \
	"$(refusal --tls-cipher-suites TLS_RSA_WITH_RC4_128_SHA)"
check "what browsers are told is checked" contains "strict-transport-security-directives invalid" \
	"$(refusal --strict-transport-security-directives forever)"
check "it serves" start --etcd-prefix /registry --http2-max-streams-per-connection 100 \
	--tls-min-version VersionTLS12 --strict-transport-security-directives max-age=31536000,preload \
	--tls-cipher-suites TLS_RSA_WITH_RC4_128_SHA,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 \
	--cors-allowed-origins '//good\.example(:|$),^https://[a-z]+\.pages\.example$'
check "flags without effect are told" contains '"a flag has no effect here" flag="etcd-prefix"' "$(cat "$dir/log")"
spoken() { openssl s_client -connect "127.0.0.1:$port" -tls1_2 "$@" </dev/null 2>&1 | grep -o 'Cipher is .*'; }
check "the cipher suite that was named" test "$(spoken)" = "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"
check "and no other" test "$(spoken -cipher ECDHE-ECDSA-AES128-GCM-SHA256)" = "Cipher is (NONE)"
check "browsers are told to come back by HTTPS" contains \
	"strict-transport-security: max-age=31536000; preload" "$(as_admin --http2 -D - -o "$dir/out" "$url/version")"
check "healthz" test "$(fetch "$url/healthz")" = ok
check "readyz tells its checks" contains "[+]etcd ok" "$(fetch "$url/readyz?verbose")"
check "version" contains '"minor": "36"' "$(fetch "$url/version")"
check "a page that is not there" test "$(as_admin "$url/nope")" = "404 page not found"
check "a resource that is not there" contains "could not find the requested resource" \
	"$(as_admin "$url/api/v1/nopes")"
check "a method that is not allowed" test \
	"$(as_admin -o "$dir/out" -w '%{http_code}' -X PUT "$url/api/v1/namespaces")" = 405
check "a wrong token" test \
	"$(fetch -H 'Authorization: Bearer no' -o "$dir/out" -w '%{http_code}' "$url/healthz")" = 401
check "the list of namespaces" contains '"name": "kube-system"' \
	"$(as_admin "$url/api/v1/namespaces")"
check "as YAML" contains "kind: NamespaceList" \
	"$(as_admin -H 'Accept: application/yaml' "$url/api/v1/namespaces")"
check "the audit id comes back" contains "audit-id: abc" \
	"$(as_admin -D - -o "$dir/out" -H 'Audit-Id: abc' "$url/api")"
maps=$url/api/v1/namespaces/default/configmaps
as_admin -o "$dir/out" -H 'Content-Type: application/json' -d '{"metadata":{"name":"hot"}}' "$maps"
as_admin -o "$dir/out" -H 'Content-Type: application/json' -d '{"metadata":{"name":"hotter"}}' "$maps"
check "a list of one name has one page" test "$(as_admin "$maps?limit=1&fieldSelector=metadata.name%3Dhot" |
	grep -cE '"(name": "hot"|continue)')" = 1
check "which may have none" contains '"items": []' "$(as_admin "$maps?limit=1&fieldSelector=metadata.name%3Dho")"
check "nor one of another namespace" contains '"items": []' \
	"$(as_admin "$url/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dhot")"
for i in $(seq 40); do
	[ "$i" = 1 ] || echo next
	cat <<-END
		url = "$maps/hot"
		request = PUT
		data = "{\"metadata\":{\"name\":\"hot\"},\"data\":{\"n\":\"$i\"}}"
		header = "Content-Type: application/json"
		header = "Authorization: Bearer secret-of-admin"
		cacert = "$dir/d/pki/ca.crt"
		output = "$dir/hot.$i"
		write-out = "%{http_code}\n"
	END
done >"$dir/hot"
check "forty writers of one object all succeed" test \
	"$(curl -sS --parallel --parallel-immediate --noproxy '*' --config "$dir/hot" 2>"$dir/err" |
		sort | uniq -c | xargs)" = "40 200"
check "metrics" contains 'apiserver_request_total{code="200"' "$(as_admin "$url/metrics")"
numbers=$(as_admin "$url/metrics")
check "whoever asks is counted" contains 'authenticated_user_requests{username="admin"}' "$numbers"
check "who is not let in, too" contains 'authentication_attempts{result="error"} 1' "$numbers"
check "who may and who may not" contains 'authorization_attempts_total{result="allowed"} ' "$numbers"
check "and how long that took" contains 'authorization_duration_seconds_count{result="allowed"} ' "$numbers"
check "seats are counted" contains \
	'current_executing_requests{flow_schema="exempt",priority_level="exempt"} 1' "$numbers"
check "answers are measured" contains \
	'apiserver_request_sli_duration_seconds_count{component="apiserver",group="",' "$numbers"
as_admin -o /dev/null "$url/api/v1/namespaces?watch=true&timeoutSeconds=1"
check "events are counted" contains \
	'apiserver_watch_events_total{group="",resource="namespaces",version="v1"} 4' \
	"$(as_admin "$url/metrics")"
as_admin -o "$dir/out" -X DELETE "$maps/hot"
as_admin -o "$dir/out" -H 'Content-Type: application/json' -X POST -d '{}' "$maps"
as_admin -o "$dir/out" "$url/readyz/ping"
numbers=$(as_admin "$url/metrics")
for line in 'etcd_requests_total{group="",operation="create",resource="configmaps"} [1-9]' \
	'etcd_requests_total{group="",operation="update",resource="configmaps"} [1-9]' \
	'etcd_requests_total{group="",operation="delete",resource="configmaps"} 1$' \
	'etcd_request_duration_seconds_count{group="",operation="delete",resource="configmaps"} 1$' \
	'apiserver_storage_events_received_total{group="",resource="configmaps"} [1-9]' \
	'apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} [1-9]' \
	'apiserver_watch_events_sizes_count{group="",resource="namespaces",version="v1"} 4$' \
	'apiserver_admission_step_admission_duration_seconds_count{operation="DELETE",rejected="false",type="validate"} 1$' \
	'apiserver_admission_controller_admission_duration_seconds_count{name="NamespaceLifecycle",operation="CREATE",rejected="false",type="admit"} [1-9]' \
	'authentication_duration_seconds_count{result="error"} [1-9]' \
	'kubernetes_healthchecks_total{name="ping",status="success",type="readyz"} [1-9]' \
	'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245$' \
	'apiserver_flowcontrol_lower_limit_seats{priority_level="workload-low"} 24$' \
	'apiserver_flowcontrol_upper_limit_seats{priority_level="workload-low"} 845$' \
	'apiserver_flowcontrol_nominal_limit_seats{priority_level="catch-all"} 13$' \
	'apiserver_flowcontrol_work_estimated_seats_count{flow_schema="exempt",priority_level="exempt"} [1-9]' \
	'apiserver_flowcontrol_request_execution_seconds_count{flow_schema="exempt",priority_level="exempt",type="watch"} [1-9]' \
	'apiserver_flowcontrol_priority_level_seat_utilization_count{phase="executing",priority_level="exempt"} [1-9]' \
	'apiserver_flowcontrol_priority_level_request_utilization_bucket{phase="waiting",priority_level="catch-all",le="1"} [1-9]' \
	'apiserver_flowcontrol_demand_seats_count{priority_level="workload-low"} [1-9]' \
	'apiserver_flowcontrol_current_executing_seats{flow_schema="exempt",priority_level="exempt"} 1$'; do
	check "is counted: ${line%% *}" grep -q "^$line" <<<"$numbers"
done
origin() { # ORIGIN [CURL-OPTION…]: what the page of that site is told
	local from=$1
	shift
	as_admin -o /dev/null -D - -H "Origin: $from" "$@" "$url/version" | tr -d '\r' |
		grep -i '^access-control\|^HTTP' | sed 's/^HTTP[^ ]* //' | sort | xargs
}
allowed='Access-Control-Allow-Credentials: true Access-Control-Allow-Headers: Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE, PATCH Access-Control-Allow-Origin:'
check "pages of a site that may see answers" test "$(origin http://good.example:8080 --http1.1)" = \
	"200 OK $allowed http://good.example:8080 Access-Control-Expose-Headers: Date"
check "each pattern counts" contains "$allowed https://one.pages.example" \
	"$(origin https://one.pages.example --http1.1)"
check "others may not" test "$(origin http://good.example.evil --http1.1)" = "200 OK"
check "browsers ask first, without saying who asks" contains "204 No Content $allowed http://good.example" \
	"$(fetch -o /dev/null -D - --http1.1 -X OPTIONS -H 'Origin: http://good.example' "$maps" | tr -d '\r' |
		grep -i '^access-control\|^HTTP' | sed 's/^HTTP[^ ]* //' | sort | xargs)"
check "refusals can be read, too" contains "Access-Control-Allow-Origin: http://good.example" \
	"$(fetch -o /dev/null -D - --http1.1 -H 'Origin: http://good.example' -H 'Authorization: Bearer no' "$maps" | tr -d '\r')"
flows=$url/debug/api_priority_and_fairness
check "administrators see the levels' requests" grep -Eq \
	'^exempt, +0, +false, +false, +0, +1, +[1-9][0-9]*, +0, +0, +0$' \
	<<<"$(as_admin "$flows/dump_priority_levels")"
check "and who waits" contains 'FlowDistingsher, ArriveTime,' "$(as_admin "$flows/dump_requests")"
check "and all about them" contains 'AdditionalLatency, UserName, Verb,' \
	"$(as_admin "$flows/dump_requests?includeRequestDetails=1")"
check "and the queues" grep -Eq \
	'^workload-low, +127, +0, +0, +0, +[0-9]+\.[0-9]{8}ss, +0, +0, +0.00000000ss$' \
	<<<"$(as_admin "$flows/dump_queues")"
widths() { # seats beyond the first that requests of people were thought to take
	as_admin "$url/metrics" | awk -F'[ ]' '
		/^apiserver_flowcontrol_work_estimated_seats_sum{flow_schema="global-default"/ { sum = $NF }
		/^apiserver_flowcontrol_work_estimated_seats_count{flow_schema="global-default"/ { count = $NF }
		END { print sum - count }'
}
python3 -c 'import json
print(json.dumps({"metadata": {"generateName": "wide-"}, "data": {"a": "x" * 400000}}))' >"$dir/wide"
for _ in 1 2 3; do
	as_admin -o /dev/null -H 'Content-Type: application/json' -X POST --data-binary "@$dir/wide" "$maps"
done
as_alice() { fetch -o /dev/null -H 'Authorization: Bearer secret-of-alice' "$@"; }
as_admin -o "$dir/out" "$maps"
counted=$(as_admin "$url/metrics" | grep '^apiserver_storage_list_.*resource="configmaps"' | awk '{print $NF}' | xargs)
as_admin -o "$dir/out" "$maps?labelSelector=of%3Dnobody"
after=$(as_admin "$url/metrics" | grep '^apiserver_storage_list_.*resource="configmaps"' | awk '{print $NF}' | xargs)
check "lists are counted, what they read and what they give" python3 -c '
before, after = ([int(x) for x in a.split()] for a in '"('$counted', '$after'))"'
one, read, judged, given = (b - a for a, b in zip(before, after))
assert one == 1 and read == judged > 0 and given == 0, (before, after)'
before=$(widths)
as_alice "$maps"
check "a long list takes as many seats as one request may" test $(($(widths) - before)) = 7
as_alice "$maps?limit=1"
check "a page of it takes fewer" test "$(($(widths) - before - 7))" -lt 7
before=$(widths)
as_alice "$maps?fieldSelector=metadata.name%3Dhot"
as_alice "$maps/hot"
check "one object takes one" test "$(widths)" = "$before"
check "others do not" contains "Forbidden" \
	"$(fetch -H 'Authorization: Bearer secret-of-alice' "$flows/dump_requests")"
pprof=$url/debug/pprof
check "profiles are listed" contains "<a href='goroutine?debug=1'>" "$(as_admin "$pprof/")"
check "the list is found" contains "302 $pprof/" \
	"$(as_admin -o "$dir/out" -w '%{http_code} %{redirect_url}' "$pprof")"
check "what is in flight" contains "api server" "$(as_admin "$pprof/goroutine?debug=2")"
check "the command line" contains " --secure-port 0 " \
	"$(as_admin "$pprof/cmdline" | tr '\0' ' ')"
check "profiles of Go are not to be had" contains '"code": 501' "$(as_admin "$pprof/heap")"
check "nor those nobody knows" contains "Unknown profile" "$(as_admin "$pprof/nope")"
check "others do not see them" contains "Forbidden" \
	"$(fetch -H 'Authorization: Bearer secret-of-alice' "$pprof/")"
status_of() { as_admin -o "$dir/out" -w '%{http_code}' "$@"; }
head_of() { as_admin -D - -o "$dir/out" "$@" | tr -d '\r'; }
v2=$url/openapi/v2
pb=application/com.github.proto-openapi.spec.v2
tag=$(head_of "$v2" | sed -n 's/^etag: //ip')
check "OpenAPI v2" grep -q '"swagger":"2.0"' "$dir/out"
check "OpenAPI v2 is not sent twice" test "$(status_of -H "If-None-Match: $tag" "$v2")" = 304
check "OpenAPI v2 packed" test "$(as_admin --compressed "$v2" | cksum)" = "$(as_admin "$v2" | cksum)"
check "OpenAPI v2 as protobuf" contains "content-type: $pb.v1.0+protobuf" \
	"$(head_of -H "Accept: $pb@v1.0+protobuf" "$v2")"
check "OpenAPI v2 as nothing else" test "$(status_of -H 'Accept: text/html' "$v2")" = 406
check "OpenAPI v3 lists its documents as text" contains "content-type: text/plain" \
	"$(head_of "$url/openapi/v3")"
link=$(grep -o '/openapi/v3/apis/apps/v1?hash=[0-9A-F]*' "$dir/out")
check "a document of a hash never changes" contains "cache-control: public, immutable" \
	"$(head_of "$url$link")"
check "and is OpenAPI v3" grep -q '"openapi":"3.0.0"' "$dir/out"
check "an old hash leads to the new one" contains "location: $link" \
	"$(head_of "$url/openapi/v3/apis/apps/v1?hash=OLD")"
check "a document that is not there" test "$(status_of "$url/openapi/v3/apis/none/v1")" = 404
check "says nothing" test ! -s "$dir/out"
check "health checks are metrics, too" contains \
	'kubernetes_healthcheck{name="etcd",type="readyz"} 1' "$(as_admin "$url/metrics/slis")"
as_admin -o /dev/null "$url/apis/extensions/v1beta1/ingresses"
check "who asks for removed versions is seen" contains \
	'group="extensions",removed_release="1.22",resource="ingresses"' "$(as_admin "$url/metrics")"
list=';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
check "everything that is served, as YAML" contains "resource: deployments" \
	"$(as_admin -H "Accept: application/yaml$list" "$url/apis")"
check "and as protobuf" contains "content-type: application/vnd.kubernetes.protobuf$list" \
	"$(head_of -H "Accept: application/vnd.kubernetes.protobuf$list" "$url/apis")"
check "which is wrapped" test "$(head -c 3 "$dir/out")" = k8s
check "statusz for people" contains "Binary version: 1.36" "$(as_admin "$url/statusz")"
check "statusz for programs" contains '"emulationVersion":"1.36"' "$(as_admin \
	-H 'Accept: application/json;v=v1alpha1;g=config.k8s.io;as=Statusz' "$url/statusz")"
check "flagz" contains "service-cluster-ip-range=10.96.0.0/16" "$(as_admin "$url/flagz")"
check "statusz as something else" test \
	"$(status_of -H 'Accept: application/json' "$url/statusz")" = 406
check "the administrator's file is private" test \
	"$(stat -c %a "$dir/d/admin.kubeconfig")" = 600
if command -v kubectl >/dev/null; then
	k() { HOME=$dir kubectl --kubeconfig "$dir/d/admin.kubeconfig" "$@" 2>&1; }
	check "kubectl reads with the administrator's certificate" contains kube-system "$(k get ns)"
	check "kubectl explains" contains "containerPort" "$(k explain pods.spec.containers.ports)"
	check "kubectl shows Tables" contains "10.96.0.1" "$(k get service kubernetes)"
	# What the server makes by itself it makes again.
	own="service/kubernetes endpoints/kubernetes flowschema/global-default
		prioritylevelconfiguration/system servicecidr/kubernetes"
	uid_of() { k get "$1" -o 'jsonpath={.metadata.uid}' | grep -Eo '^[0-9a-f-]{36}$'; }
	comes() { # KIND/NAME: another one
		local now
		for _ in $(seq 300); do
			now=$(uid_of "$1") && [ "$now" != "${was[$1]}" ] && return
			sleep 0.1
		done
		return 1
	}
	declare -A was
	for one in $own; do was[$one]=$(uid_of "$one"); done
	k delete --wait=false $own >"$dir/out"
	check "the service comes again" comes service/kubernetes
	check "with its address" test "$(k get service kubernetes -o 'jsonpath={.spec.clusterIP}')" \
		= 10.96.0.1
	check "its endpoints come again" comes endpoints/kubernetes
	check "the range comes again" comes servicecidr/kubernetes
	check "flow schemas come again" comes flowschema/global-default
	check "levels come again" comes prioritylevelconfiguration/system
fi
uid() { as_admin "$url/api/v1/namespaces/default" | sed -n 's/.*"uid": "\(.*\)".*/\1/p'; }
before=$(uid)
kill -USR1 "$server"
for _ in $(seq 100); do grep -q accept "$dir/log" && break; sleep 0.05; done
check "SIGUSR1 names what is in flight" grep -q accept "$dir/log"
as_admin -N "$url/api/v1/namespaces?watch=1" >"$dir/watched" &
watcher=$!
for _ in $(seq 100); do grep -q ADDED "$dir/watched" && break; sleep 0.05; done
kill -TERM "$server"
end_of "$server"
check "SIGTERM ends it with success" test $? = 0
server=
wait $watcher
check "a watch ends with it, and is not torn off" test $? = 0

start
check "it starts again with the same objects" test -n "$before" -a "$(uid)" = "$before"
kill -TERM "$server"
end_of "$server"
check "and ends again" test $? = 0
server=

start --etcd-servers http://127.0.0.1:2379
check "what it cannot heed it refuses" test $? != 0
check "and says why" grep -q "speaks to no etcd" "$dir/log"
server=
finish
