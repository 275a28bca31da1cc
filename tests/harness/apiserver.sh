# For tests of clients: an API server of their own that forgets changes after two seconds.
#
#   . tests/harness/apiserver.sh; start_apiserver KUBE; …; end_apiserver
#
# Sets $dir, removed at the end, and $kubeconfig, the administrator's.
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$dir"' EXIT

start_apiserver() { # KUBE [FLAG…]
	"$1" apiserver --data-dir "$dir/d" --secure-port 0 --bind-address 127.0.0.1 \
		--service-cluster-ip-range 10.96.0.0/16 --etcd-compaction-interval 2s "${@:2}" 2>"$dir/log" &
	server=$!
	kubeconfig=$dir/d/admin.kubeconfig
	for _ in $(seq 200); do
		! grep -q '"serving" port=' "$dir/log" || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	cat "$dir/log"
	return 1
}

end_apiserver() {
	kill -TERM "$server"
	wait "$server"
	local status=$?
	server=
	[ $status = 0 ] || cat "$dir/log"
	return $status
}
