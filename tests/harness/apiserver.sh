# For tests of clients: an API server of their own.
#
#   . tests/harness/apiserver.sh; start_apiserver KUBE; …; end_apiserver
#
# Sets $dir, removed at the end, and $kubeconfig, the administrator's; $port and $url, empty when the
# server ended by itself: why stands in $dir/log. Whoever starts others adds them to $others: they
# end with the script.
#
# $dir/tokens has the administrator's secret, secret-of-admin, for those who pass it as
# --token-auth-file; they may write others into it.
dir=$(mktemp -d)
printf 'secret-of-admin,admin,1,"system:masters"\n' >"$dir/tokens"
server= others=
port= url=
trap 'for p in $server $others; do kill -9 "$p"; wait "$p"; done 2>/dev/null; rm -rf "$dir"' EXIT

serve() { # KUBE [FLAG…]: until it serves, or has ended
	port= url=
	: >"$dir/log"
	"$1" apiserver --data-dir "$dir/d" --secure-port 0 --bind-address 127.0.0.1 \
		--service-cluster-ip-range 10.96.0.0/16 "${@:2}" 2>"$dir/log" &
	server=$!
	kubeconfig=$dir/d/admin.kubeconfig
	for _ in $(seq 400); do
		port=$(sed -n 's/.*"serving" port=\([0-9]*\).*/\1/p' "$dir/log" | head -n 1)
		[ -z "$port" ] || { url=https://127.0.0.1:$port; return 0; }
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	kill -0 "$server" 2>/dev/null || { wait "$server"; server=; }
	return 1
}

# One that forgets changes after two seconds; when it does not come to serve, its log is shown.
start_apiserver() { # KUBE [FLAG…]
	serve "$1" --etcd-compaction-interval 2s "${@:2}" || { cat "$dir/log"; return 1; }
}

# The same for those whom a token makes administrators: secret-of-$who ("admin", also "free").
start_with_tokens() { # KUBE [FLAG…]
	printf 'secret-of-free,free,2,"system:masters"\n' >>"$dir/tokens"
	start_apiserver "$1" --token-auth-file "$dir/tokens" "${@:2}"
}
ask() { # METHOD PATH [BODY]: the answer, its status behind it; its head in $dir/head
	curl -sS --max-time 20 --noproxy '*' --cacert "$dir/d/pki/ca.crt" -X "$1" \
		-H "Authorization: Bearer secret-of-${who:-admin}" -H 'Accept: application/json' \
		-H "Content-Type: application/${type:-json}" -D "$dir/head" -w ' %{http_code}' \
		${3:+-d "$3"} "$url$2"
}
until_is() { # TEXT COMMAND…: tries until it prints that
	for _ in $(seq 100); do
		[ "$("${@:2}")" != "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

end_apiserver() { # a success where it has ended already
	[ -n "$server" ] || return 0
	kill -TERM "$server"
	wait "$server"
	local status=$?
	server=
	[ $status = 0 ] || cat "$dir/log"
	return $status
}
