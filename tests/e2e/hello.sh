#!/bin/bash
# The example server beside foreign clients: curl over plain HTTP, TLS and HTTP/2; the dump; the end.
. "$(dirname "$0")/../harness/check.sh"
hello=$(dirname "$1")/examples/example_hello
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
fetch() { curl -sS --max-time 20 --noproxy '*' "$@"; }

start() { # FLAGS…: sets $pid and $at
	: >"$dir/log"
	"$hello" --listen 127.0.0.1:0 "$@" 2>"$dir/log" &
	pid=$!
	for _ in $(seq 200); do
		at=$(sed -n 's/.*address="\([^"]*\)".*/\1/p' "$dir/log" | head -n 1)
		[ -z "$at" ] || return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

# Waits for the server's end and gives its exit status; 99 when it does not come.
end_of() {
	for _ in $(seq 200); do
		kill -0 "$1" 2>/dev/null || { wait "$1"; return $?; }
		sleep 0.05
	done
	return 99
}

start
check "it listens" test -n "$at"
check "curl is greeted" test "$(fetch "http://$at/x?y=1")" = "hello, /x?y=1"
check "twice on one connection" test \
	"$(fetch -w '%{num_connects}' "http://$at/a" -o /dev/null "http://$at/b" -o /dev/null)" = 10
check "HTTP/2 with prior knowledge" test \
	"$(fetch --http2-prior-knowledge -w '%{http_version}' "http://$at/" -o /dev/null)" = 2
check "HEAD has no body" contains "Content-Length: 10" "$(fetch -I "http://$at/x")"
exec 9<>"/dev/tcp/${at%:*}/${at#*:}"
printf 'GET / HTTP/1.1\r\nHos' >&9
sleep 0.2
kill -USR1 "$pid"
for _ in $(seq 100); do grep -q accept "$dir/log" && break; sleep 0.05; done
check "SIGUSR1 names what is in flight" grep -q "accept" "$dir/log"
check "and the connection that is half way" grep -q "read" "$dir/log"
check "and goes on serving" test "$(fetch "http://$at/")" = "hello, /"
exec 9>&-
kill -TERM "$pid"
end_of "$pid"
check "SIGTERM ends it with success" test $? = 0
check "after saying so" grep -q '"stopping"' "$dir/log"

start --tls-ca "$dir/ca.pem"
check "TLS verifies against the authority it wrote" test \
	"$(fetch --cacert "$dir/ca.pem" "https://$at/")" = "hello, /"
check "HTTP/2 by ALPN" test \
	"$(fetch --cacert "$dir/ca.pem" -w '%{http_version}' "https://$at/" -o /dev/null)" = 2
check "HTTP/1.1 by ALPN" test \
	"$(fetch --http1.1 --cacert "$dir/ca.pem" -w '%{http_version}' "https://$at/" -o /dev/null)" = 1.1
fetch "https://$at/" >/dev/null 2>&1
check "without the authority curl refuses" test $? = 60
check "plain HTTP to the TLS port is told so" contains "HTTP request to an HTTPS server" "$(fetch "http://$at/" 2>&1)"
out=$("$hello" --listen "$at" 2>&1)
check "a port in use fails" test $? = 1
check "and says why" contains "in use" "$out"
kill -TERM "$pid"
end_of "$pid"
check "SIGTERM ends it with success" test $? = 0
pid=
finish
