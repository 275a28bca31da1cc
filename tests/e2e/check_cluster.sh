#!/bin/bash
# What kube check says of a cluster that runs: when all is well, when parts of it do not run, and
# when it does not answer any more.
. "$(dirname "$0")/../harness/cluster.sh"

join_world
look() { timeout 60 "$kube" check --data-dir "$dir/d" >"$dir/said" 2>&1; }
finds() { grep -qE "^$1 +$2 .*$3" "$dir/said" || { cat "$dir/said"; false; }; }

check "it starts" start
check "a cluster that runs is well" look
cat "$dir/said"
check "its API answers" finds ok API "it is ready"
check "its node is ready" finds ok node "1 ready"
check "its pods are well" finds ok pods "all as they should be"
check "a service's address leads to it" finds ok services "10.43.0.1 leads"
check "names are found" finds ok DNS "10.43.0.10 knows kubernetes.default"
check "its certificates hold" finds ok certificates "ends on"
check "another domain is none of its" sh -c \
	"! '$kube' check --data-dir '$dir/d' --cluster-domain other.cluster.local >'$dir/said'"
check "which is said" finds failure DNS "does not know kubernetes.default.svc.other.cluster.local"
kill -STOP $server
check "one that does not answer is not well" sh -c "! '$kube' check --data-dir '$dir/d' >'$dir/said'"
check "as is said of its API" finds failure API "does not answer"
check "and of its names" finds failure DNS "10.43.0.10 does not answer"
kill -CONT $server
stop

check "it starts without proxy and names" start --disable proxy,dns
nft delete table inet kube-proxy 2>/dev/null
check "addresses of services lead nowhere" sh -c "! '$kube' check --data-dir '$dir/d' >'$dir/said'"
check "as is said" finds failure services "leads nowhere"
check "there are no names" finds warning DNS "has none"
stop
grep -E '^E' "$dir/log" | head -n 5
finish
