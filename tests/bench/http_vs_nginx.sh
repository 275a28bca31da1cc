#!/bin/bash
# GET of 1 KiB over kept-alive connections: our server and Debian's nginx (one worker), one after
# the other, the same client, the same certificate. Requests are divided by the CPU seconds that
# the server itself used. Lines `name value unit`.
#
#   tests/bench/http_vs_nginx.sh [BUILD] [SECONDS]
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release}
seconds=${2:-5}
server=$build/bench/bench_http
work=$(mktemp -d)
pids=()

cleanup() {
	local pid
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
	rm -rf "$work"
}
trap cleanup EXIT

need() {
	command -v "$1" >/dev/null || { echo "http_vs_nginx: no $1 here" >&2; exit 1; }
}
need nginx
need wrk
need openssl
[ -x "$server" ] || { echo "http_vs_nginx: no $server" >&2; exit 1; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
	-keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null || exit 1

# ---- the servers: each sets $port and $pid (the process whose CPU time counts) ----

free_port() {
	local try
	while :; do
		try=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$try") 2>/dev/null || break
	done
	echo "$try"
}

start_nginx() { # LISTEN-OPTIONS
	local master options=$1
	port=$(free_port)
	mkdir -p "$work/root" "$work/tmp"
	head -c 1024 /dev/zero | tr '\0' k >"$work/root/index.txt"
	cat >"$work/nginx.conf" <<-END
		daemon off;
		worker_processes 1;
		pid $work/nginx.pid;
		error_log /dev/null crit;
		$([ "$(id -u)" = 0 ] && echo "user root;")
		events { worker_connections 4096; }
		http {
			access_log off;
			sendfile on;
			tcp_nopush on;
			keepalive_requests 1000000000;
			keepalive_timeout 300s;
			types { text/plain txt; }
			client_body_temp_path $work/tmp;
			proxy_temp_path $work/tmp;
			fastcgi_temp_path $work/tmp;
			uwsgi_temp_path $work/tmp;
			scgi_temp_path $work/tmp;
			ssl_certificate $work/cert.pem;
			ssl_certificate_key $work/key.pem;
			server {
				listen 127.0.0.1:$port $options;
				root $work/root;
			}
		}
	END
	nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null &
	master=$!
	pids+=("$master")
	wait_port || return 1
	pid=$(pgrep -P "$master" | head -1)
	path=/index.txt
}

start_ours() { # [CERT KEY]
	"$server" serve "$@" >"$work/port" &
	pid=$!
	pids+=("$pid")
	for _ in $(seq 100); do
		[ -s "$work/port" ] && break
		sleep 0.05
	done
	port=$(cat "$work/port")
	path=/
	wait_port
}

wait_port() {
	for _ in $(seq 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
		sleep 0.05
	done
	echo "http_vs_nginx: nothing listens on $port" >&2
	return 1
}

stop_last() {
	local last=${pids[-1]}
	kill "$last" 2>/dev/null
	wait "$last" 2>/dev/null
	unset 'pids[-1]'
}

cpu_ticks() { # user and system time of all threads
	awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat"
}

# ---- measuring: requests, ticks, p99 into $per_cpu and $p99 ----

rate() {
	per_cpu=$(awk -v n="$1" -v t="$2" -v hz="$(getconf CLK_TCK)" \
		'BEGIN { printf "%.0f", t ? n / (t / hz) : 0 }')
}

run_wrk() { # SCHEME
	local url="$1://127.0.0.1:$port$path" before after
	wrk -t1 -c64 -d1s "$url" >/dev/null 2>&1
	before=$(cpu_ticks)
	wrk -t1 -c64 -d"${seconds}s" --latency "$url" >"$work/out" 2>&1
	after=$(cpu_ticks)
	grep -q 'Non-2xx\|Socket errors' "$work/out" && grep 'Non-2xx\|Socket errors' "$work/out" >&2
	rate "$(awk '/requests in/ { print $1 }' "$work/out")" $((after - before))
	p99=$(awk '$1 == "99%" { print $2 }' "$work/out")
	number=$(awk '/Requests\/sec/ { print $2 }' "$work/out")
}

run_h2load() {
	local before after
	before=$(cpu_ticks)
	h2load -t1 -c64 -m8 -D "$seconds" "https://127.0.0.1:$port$path" >"$work/out" 2>&1
	after=$(cpu_ticks)
	rate "$(awk '/^requests:/ { print $8 }' "$work/out")" $((after - before))
	p99=
	number=$(awk '/^finished in/ { print $4 }' "$work/out")
}

report() { # NAME
	echo "$1_per_cpu_second $per_cpu requests/s"
	echo "$1_per_second $number requests/s"
	[ -n "$p99" ] && echo "$1_p99 $(sed 's/\([0-9.]*\)/\1 /' <<<"$p99")"
	return 0
}

compare() { # NAME OURS NGINX
	echo "$1_ratio $(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.2f", b ? a / b : 0 }') x"
}

plain() {
	start_nginx "" || return 1
	run_wrk http && report nginx_http1_plain
	local nginx=$per_cpu
	stop_last
	start_ours || return 1
	run_wrk http && report kube_http1_plain
	stop_last
	compare http1_plain "$per_cpu" "$nginx"
}

tls() {
	start_nginx "ssl" || return 1
	run_wrk https && report nginx_http1_tls
	local nginx=$per_cpu
	stop_last
	start_ours "$work/cert.pem" "$work/key.pem" || return 1
	run_wrk https && report kube_http1_tls
	stop_last
	compare http1_tls "$per_cpu" "$nginx"
}

h2() {
	command -v h2load >/dev/null || return 0
	start_nginx "ssl http2" || return 1
	run_h2load && report nginx_http2_tls
	local nginx=$per_cpu
	stop_last
	start_ours "$work/cert.pem" "$work/key.pem" || return 1
	run_h2load && report kube_http2_tls
	stop_last
	compare http2_tls "$per_cpu" "$nginx"
}

plain && tls && h2
