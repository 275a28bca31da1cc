#!/bin/bash
# The API server over TLS with a bearer token: requests a second beside the CPU seconds that the
# server itself used (the load generator shares the machine), delivery to watchers, memory, and the
# time to its start.
# Lines `name value unit`.
#
#   tests/bench/api.sh [BUILD] [SECONDS]
set -u
cd "$(dirname "$0")/../.." || exit 2
kube=${1:-build/release}/kube
bench=${1:-build/release}/bench/bench_watch
seconds=${2:-5}
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
for tool in wrk curl; do
	command -v $tool >/dev/null || { echo "api: no $tool here" >&2; exit 1; }
done
for file in "$kube" "$bench"; do
	[ -x "$file" ] || { echo "api: no $file (ninja kube bench_watch)" >&2; exit 1; }
done
printf 'secret,admin,1,"system:masters"\n' >"$work/tokens"
ticks=$(getconf CLK_TCK)

start() { # DATA-DIR: sets $pid, $base and $ready (ms)
	local before after port=
	: >"$work/log"
	before=$(date +%s%N)
	"$kube" apiserver --data-dir "$1" --secure-port 0 --bind-address 127.0.0.1 \
		--token-auth-file "$work/tokens" --service-cluster-ip-range 10.96.0.0/16 \
		2>"$work/log" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		port=$(sed -n 's/.*"serving" port=\([0-9]*\).*/\1/p' "$work/log")
		[ -z "$port" ] || break
		sleep 0.002
	done
	after=$(date +%s%N)
	ready=$(((after - before) / 1000000))
	base=https://127.0.0.1:$port
}

stop() {
	kill -TERM "$pid"
	wait "$pid"
	pid=
}

cpu() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$pid/status"; }
ask() { curl -sS -A bench --cacert "$work/d/pki/ca.crt" -H 'Authorization: Bearer secret' "$@"; }

# NAME CONNECTIONS PATH [LUA]: requests a second, and requests for a CPU second of the server
load() {
	local before after done_ rate
	printf 'wrk.headers["Authorization"] = "Bearer secret"\nwrk.headers["User-Agent"] = "bench"\n%s\n' \
		"${4:-}" >"$work/load.lua"
	before=$(cpu)
	wrk -t1 -c"$2" -d"${seconds}s" -s "$work/load.lua" --latency "$base$3" >"$work/wrk" 2>&1
	after=$(cpu)
	done_=$(awk '/requests in/ {print $1}' "$work/wrk")
	rate=$(awk '/^Requests\/sec/ {printf "%d", $2}' "$work/wrk")
	echo "api_$1 $rate requests/s"
	echo "api_$1_per_cpu $(awk -v d="$done_" -v t=$((after - before)) -v hz="$ticks" \
		'BEGIN {printf "%d", t ? d * hz / t : 0}') requests/cpu-s"
	echo "api_$1_p99 $(awk '$1 == "99%" {print $2}' "$work/wrk" |
		sed 's/us$/ us/; s/ms$/ ms/; s/\([0-9]\)s$/\1 s/')"
	grep -q 'Non-2xx' "$work/wrk" && grep 'Non-2xx' "$work/wrk" >&2
}

maps=/api/v1/namespaces/default/configmaps
value=$(head -c 900 /dev/zero | tr '\0' v)
post="wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'
local n, who = 0, tostring({}):sub(-6)
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, '{\"metadata\":{\"name\":\"m-' .. who .. '-' .. n ..
    '\"},\"data\":{\"k\":\"$value\"}}')
end"
patch="wrk.method = 'PATCH'
wrk.headers['Content-Type'] = 'application/merge-patch+json'
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, '{\"data\":{\"n\":\"' .. n .. '\"}}')
end"
put="wrk.method = 'PUT'
wrk.headers['Content-Type'] = 'application/json'
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, '{\"metadata\":{\"name\":\"one\"},\"data\":{\"k\":\"' .. n ..
    '$value\"}}')
end"

# COUNT NAMESPACE: that many objects of 1 KiB, over a few connections
fill() {
	local per=$(($1 / 4)) w i
	ask -o "$work/out" -X POST -H 'Content-Type: application/json' \
		-d "{\"metadata\":{\"name\":\"$2\"}}" "$base/api/v1/namespaces"
	for w in 1 2 3 4; do
		for ((i = 0; i < per; i++)); do
			[ $i = 0 ] || echo next
			printf 'url = "%s"\nsilent\ncacert = "%s"\noutput = "%s"\nheader = "Authorization: Bearer secret"\nheader = "Content-Type: application/json"\ndata = "{\\"metadata\\":{\\"name\\":\\"f-%s-%s\\"},\\"data\\":{\\"k\\":\\"%s\\"}}"\n' \
				"$base/api/v1/namespaces/$2/configmaps" "$work/d/pki/ca.crt" "$work/o$w" "$w" "$i" "$value"
		done >"$work/fill$w"
		curl --config "$work/fill$w" &
		fillers="${fillers:-} $!"
	done
	wait $fillers
	fillers=
}

# Bytes of everything in a namespace, as it is stored and as lists show it
listed() {
	ask -o "$work/list" "$base/api/v1/namespaces/$1/configmaps"
	stat -c %s "$work/list"
}

# What delivering events costs the server, and what it keeps for each watch that waits.
watches() {
	local before after held=
	before=$(cpu)
	"$bench" fanout "$base" secret "$work/d/pki/ca.crt" 100 1000 1000 | sed 's/^/api_/'
	after=$(cpu)
	echo "api_watch_fanout_cpu $(((after - before) * 1000 / ticks)) ms"
	ask -o "$work/out" -X DELETE "$base$maps"
	sleep 3
	before=$(rss)
	mkfifo "$work/hold"
	"$bench" hold "$base" secret "$work/d/pki/ca.crt" 10000 <"$work/hold" >"$work/held" &
	exec 9>"$work/hold"
	while kill -0 $! 2>/dev/null && [ -z "$held" ]; do
		held=$(sed -n 's/held //p' "$work/held")
		sleep 0.2
	done
	after=$(rss)
	if [ -n "$held" ]; then
		echo "api_watches_h2 $held watches"
		echo "api_rss_watches_h2 $((after - before)) KiB"
		echo "api_rss_per_watch $(((after - before) * 1024 / held)) B"
	fi
	exec 9>&-
	wait $!
}

start "$work/d"
echo "api_start_first $ready ms"
sleep 1
stop
start "$work/d"
echo "api_start_empty $ready ms"
sleep 1
idle=$(rss)
echo "api_rss_idle $idle KiB"
ask -o "$work/out" -X POST -H 'Content-Type: application/json' \
	-d "{\"metadata\":{\"name\":\"one\"},\"data\":{\"k\":\"$value\"}}" "$base$maps"
load get 64 $maps/one
load put 64 $maps/one "$put"
load patch 64 $maps/one "$patch"
load post 128 $maps "$post"
fill 1000 small
fill 10000 large
load list_1000 8 /api/v1/namespaces/small/configmaps
load list_10000 4 /api/v1/namespaces/large/configmaps
stop

# From here on with nothing in it but what is measured.
rm -rf "$work/d"
start "$work/d"
watches
stop
rm -rf "$work/d"
start "$work/d"
sleep 1
idle=$(rss)
fill 100000 stored
full=$(rss)
bytes=$(listed stored)
stored() { # NAME RSS
	echo "api_$1 $((($2 - idle) * 1024 / 100000)) B"
	echo "api_$1_ratio $(awk -v r=$((($2 - idle) * 1024)) -v b="$bytes" \
		'BEGIN {printf "%.2f", r / b}') x"
}
echo "api_object_text $((bytes / 100000)) B"
stored rss_per_object "$full"
stop
start "$work/d"
echo "api_start_100000 $ready ms"
sleep 1
stored rss_per_object_read "$(rss)"
stop
