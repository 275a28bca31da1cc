#!/bin/bash
# kill -9 at random moments under load: every acknowledged write is there afterwards, versions never
# go back, nobody was shown what is gone, and a watch that goes on where it was misses nothing and
# hears nothing twice.
#
#   crash.sh KUBE [ROUNDS]     or KUBE_CRASH_ROUNDS; tests/run has a few, tests/run --all 500
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
kube=$1
rounds=${2:-${KUBE_CRASH_ROUNDS:-6}}
writers=3 batch=400
printf 'secret,admin,1,"system:masters"\n' >"$dir/tokens"
seed=${KUBE_CRASH_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed, $rounds rounds"

ask() { curl -sS -A crash --noproxy '*' --cacert "$dir/d/pki/ca.crt" -H 'Authorization: Bearer secret' "$@"; }

start() { # sets $maps
	serve "$kube" --token-auth-file "$dir/tokens"
	maps=$url/api/v1/namespaces/default/configmaps
	test -n "$port"
}

# One curl with one connection: a POST after the other, a line for each answer.
writer() { # ROUND WRITER
	local i
	for i in $(seq $batch); do
		[ "$i" = 1 ] || echo next
		cat <<-END
			url = "$maps"
			silent
			cacert = "$dir/d/pki/ca.crt"
			header = "Authorization: Bearer secret"
			header = "Content-Type: application/json"
			data = "{\"metadata\":{\"name\":\"r$1-$2-$i\"},\"data\":{\"x\":\"$i\"}}"
			output = "$dir/answer.$2"
			write-out = "%{http_code} r$1-$2-$i\n"
		END
	done >"$dir/config.$2"
	curl --config "$dir/config.$2" >"$dir/acks.$1.$2" 2>/dev/null
}

names_of() { grep -o '"name":"r[0-9]*-[0-9]*-[0-9]*"' | sed 's/"name":"\(.*\)"/\1/'; }

watch_from() { # VERSION FILE SECONDS
	ask -N "$maps?watch=true&resourceVersion=$1&timeoutSeconds=$3" >"$2" 2>/dev/null
}

last_version() { # FILE, of whole lines
	grep '^{.*}$' "$1" | grep -o '"resourceVersion":"[0-9]*"' | tail -n 1 | tr -dc 0-9
}

check "it serves" start
seen=$(ask "$maps?limit=1" | grep -o '"resourceVersion":"[0-9]*"' | head -n 1 | tr -dc 0-9)
version=$seen lost=0 back=0 phantom=0 broken=0 acked=0
: >"$dir/acked" && : >"$dir/told"
for round in $(seq "$rounds"); do
	watch_from "$seen" "$dir/events" 60 &
	others=$!
	jobs=
	for w in $(seq $writers); do
		writer "$round" "$w" &
		jobs="$jobs $!"
	done
	sleep "0.$((RANDOM % 8 + 1))$((RANDOM % 10))"
	kill -9 "$server"
	wait "$server" 2>/dev/null
	wait $jobs $others 2>/dev/null
	others=
	cat "$dir"/acks."$round".* | sed -n 's/^201 //p' >>"$dir/acked"
	grep '^{.*}$' "$dir/events" | grep '"type":"ADDED"' | names_of >>"$dir/told"
	told=$(last_version "$dir/events")
	seen=${told:-$seen}
	start || broken=$((broken + 1))
	ask "$maps" >"$dir/list"
	names_of <"$dir/list" | sort >"$dir/there"
	now=$(grep -o '"resourceVersion":"[0-9]*"' "$dir/list" | head -n 1 | tr -dc 0-9)
	[ "${now:-0}" -ge "$version" ] && [ "${now:-0}" -ge "$seen" ] || back=$((back + 1))
	version=${now:-0}
	lost=$((lost + $(sort -u "$dir/acked" | comm -23 - "$dir/there" | wc -l)))
	phantom=$((phantom + $(sort -u "$dir/told" | comm -23 - "$dir/there" | wc -l)))
done
acked=$(sort -u "$dir/acked" | wc -l)
watch_from "$seen" "$dir/events" 2
grep '^{.*}$' "$dir/events" | grep '"type":"ADDED"' | names_of >>"$dir/told"
echo "$acked writes were acknowledged"
check "writes were acknowledged at all" test "$acked" -gt "$rounds"
check "it comes back every time" test "$broken" = 0
check "no acknowledged write is lost" test "$lost" = 0
check "versions never go back" test "$back" = 0
check "nobody was told of what is not there" test "$phantom" = 0
check "a watch that goes on hears of everything" test \
	"$(sort -u "$dir/told" | comm -13 - "$dir/there" | wc -l)" = 0
check "and of nothing twice" test "$(sort "$dir/told" | uniq -d | wc -l)" = 0
check "it ends as it should" end_apiserver
finish
