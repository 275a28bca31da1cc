#!/bin/bash
# A backup under writes, and the cluster that comes back from it: in place, elsewhere, and wherever
# either of them is killed. What somebody has put into a backup who should not have is refused.
. "$(dirname "$0")/../harness/cluster.sh"

join_world
add_image

backup() { timeout 60 "$kube" backup --data-dir "$dir/d" "$@" >"$dir/said" 2>&1; }
restore() { timeout 60 "$kube" restore "$@" >"$dir/said" 2>&1; }
says() { contains "$1" "$(cat "$dir/said")" || { cat "$dir/said"; false; }; }
digests_fit() { # FILE: as others check it
	rm -rf "$dir/taken" && mkdir "$dir/taken" && tar -xf "$1" -C "$dir/taken" &&
		(cd "$dir/taken" && sha256sum -c digests >/dev/null)
}
pod_of() { k get pods -l "app=$1" -o 'jsonpath={.items[0].metadata.name}'; }
master() { # PID of a pod's first process, by its name in the processes' own names
	local id
	for id in $(pgrep -f 'nginx: master'); do
		[ "$(nsenter -t "$id" -u hostname)" = "$1" ] && echo "$id"
	done
}
deploy() { # NAME REPLICAS
	k create deployment "$1" --image=kube.local/sample:1 --replicas="$2" >/dev/null
}
refused_like() { # TEXT FILE: and nothing is there afterwards
	! restore --data-dir "$dir/never" "$2" && says "$1" && [ ! -e "$dir/never/state" ]
}

check "without a cluster there is no backup" sh -c "! '$kube' backup --data-dir '$dir/none' '$dir/b'"
check "nor anything of one" test ! -e "$dir/b" -a ! -e "$dir/b.part" -a ! -e "$dir/none"
check "it starts" start
deploy web 2
check "pods run" within 40 prints 2 running web
kept=$(pod_of web)
process=$(master "$kept")
check "with processes" test -n "$process"

# ---- while it is written to ----
(
	i=0
	while [ ! -e "$dir/enough" ]; do
		i=$((i + 1))
		k create configmap "load-$i" --from-literal=n=$i >/dev/null && echo $i >"$dir/written"
	done
) &
load=$!
check "there is load" within 20 test -s "$dir/written"
before=$(cat "$dir/written")
check "a backup is made of a running cluster" backup "$dir/b.tar"
cat "$dir/said"
check "nobody else can read it" test "$(stat -c %a "$dir/b.tar")" = 600
check "what is in it can be checked by others" digests_fit "$dir/b.tar"
check "the server keeps no copy" test -z "$(find "$dir/d/state" -name 'copy-*')"
for wait in 0.002 0.01 0.02 0.04 0.08; do
	cp "$dir/b.tar" "$dir/again.tar"
	"$kube" backup --data-dir "$dir/d" "$dir/again.tar" >/dev/null 2>&1 &
	killed=$!
	sleep $wait
	kill -9 $killed 2>/dev/null
	wait $killed 2>/dev/null
	digests_fit "$dir/again.tar" || break
done
check "one that is killed leaves what was there, or its whole" digests_fit "$dir/again.tar"
check "and is none to those that follow" backup "$dir/again.tar"
touch "$dir/enough"
wait $load
k create configmap afterwards >/dev/null
deploy late 1
check "a later pod runs" within 40 prints 1 running late
late=$(master "$(pod_of late)")
seen=$(k get --raw /api/v1/configmaps?limit=1 | sed 's/.*"resourceVersion":"\([0-9]*\)".*/\1/;q')

# ---- what is not taken ----
check "where a server runs nothing is restored" sh -c \
	"! '$kube' restore --force --data-dir '$dir/d' '$dir/b.tar' >'$dir/said' 2>&1"
check "which is said" says "another server runs on $dir/d"
for way in cut flipped trigger link; do
	python3 - "$way" "$dir/b.tar" "$dir/$way.tar" <<-'P'
	import hashlib, io, os, sqlite3, sys, tarfile, tempfile
	way, source, target = sys.argv[1:]
	data = bytearray(open(source, "rb").read())
	if way == "cut":
	    data = data[:len(data) // 2]
	elif way == "flipped":
	    data[5000] ^= 1
	else:
	    entries = [(e.name, tarfile.open(source).extractfile(e).read()) for e in tarfile.open(source)]
	    lines, out = b"", io.BytesIO()
	    tar = tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT)
	    for name, text in entries:
	        info = tarfile.TarInfo(name)
	        if name == "digests":
	            text = lines
	        elif name == "state/state.db" and way == "trigger":
	            with tempfile.NamedTemporaryFile() as file:
	                file.write(text)
	                file.flush()
	                db = sqlite3.connect(file.name)
	                db.execute("PRAGMA journal_mode = DELETE")
	                db.execute("CREATE TRIGGER t AFTER UPDATE ON numbers BEGIN DELETE FROM log; END")
	                db.commit()
	                db.close()
	                text = open(file.name, "rb").read()
	        elif name == "pki/ca.key" and way == "link":
	            info.type, info.linkname, text = tarfile.SYMTYPE, "/etc/shadow", b""
	        info.size = len(text)
	        lines += hashlib.sha256(text).hexdigest().encode() + b"  " + name.encode() + b"\n"
	        tar.addfile(info, io.BytesIO(text))
	    tar.close()
	    data = out.getvalue()
	open(target, "wb").write(data)
	P
done
check "half a backup is refused" refused_like "cut.tar: " "$dir/cut.tar"
check "so is one with another bit" refused_like "not those that were written" "$dir/flipped.tar"
check "one with a trigger in its store" refused_like "more in it than kube's tables" "$dir/trigger.tar"
check "one with a link" refused_like "has no place in a backup" "$dir/link.tar"
check "any other file" refused_like "no backup" "$images/sample.tar"

# ---- back in the same place ----
stop
check "a cluster is not overwritten unasked" sh -c \
	"! '$kube' restore --data-dir '$dir/d' '$dir/b.tar' >'$dir/said' 2>&1"
check "which is said, too" says "holds a cluster already: --force"
mount --bind "$dir/d/pki" "$dir/d/pki"
check "what is mounted cannot be put aside" sh -c \
	"! '$kube' restore --force --data-dir '$dir/d' '$dir/b.tar' >'$dir/said' 2>&1"
check "and is named" says "$dir/d/pki is a mount"
umount "$dir/d/pki"
check "asked, it is put aside" restore --force --data-dir "$dir/d" "$dir/b.tar"
cat "$dir/said"
check "whole" test -s "$dir/d/before-restore-1/state/state.db" -a -s "$dir/d/before-restore-1/pki/ca.key"
check "it starts from the backup" start
check "what was written before it is there" quiet k get configmap "load-$before"
check "what was written after it is not" contains '"afterwards" not found' \
	"$(k get configmap afterwards)"
check "who had seen more is sent to list anew" contains '"code":410' \
	"$(timeout 10 "$kubectl" get --raw "/api/v1/configmaps?watch=1&resourceVersion=$seen" 2>&1)"
check "pods that were in it run" within 40 prints 2 running web
check "and are those that ran" test "$(master "$kept")" = "$process"
check "others end" within 40 sh -c "! kill -0 $late 2>/dev/null"
deploy fresh 1
check "new ones begin" within 40 prints 1 running fresh

# ---- elsewhere, with nothing of before ----
check "it stops with its pods" timeout 60 "$kube" stop --data-dir "$dir/d" --pods --grace-period 1
wait $server 2>/dev/null
mkdir -p "$dir/n/images"
cp "$images/sample.tar" "$dir/n/images/"
check "a backup is restored where none was" restore --data-dir "$dir/n" "$dir/b.tar"
mv "$dir/d" "$dir/o" && mv "$dir/n" "$dir/d"
check "it starts there" start
check "and its pods begin anew" within 60 prints 2 running web
check "with the tokens that they had" quiet k auth whoami
check "it ends" timeout 60 "$kube" stop --data-dir "$dir/d" --pods --grace-period 1
wait $server 2>/dev/null
check "a backup of one that does not run is a backup, too" backup "$dir/still.tar"
check "complete" digests_fit "$dir/still.tar"

# ---- on a machine of another name ----
old=$(hostname)
mkdir -p "$dir/r/images"
cp "$images/sample.tar" "$dir/r/images/"
check "it is restored for another machine" restore --data-dir "$dir/r" "$dir/b.tar"
mv "$dir/d" "$dir/first" && mv "$dir/r" "$dir/d"
check "it starts there" start --node-name other
ready() { k get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'; }
check "the new node is ready" within 30 prints True ready other
check "the old one is known for lost" within 60 prints Unknown ready "$old"
check "until somebody lets it go" quiet k delete node "$old" --timeout=20s
where() { k get pods -l app=web -o 'jsonpath={range .items[*]}{.spec.nodeName} {.status.phase} {end}'; }
check "then its pods are made on the new one" within 180 prints "other Running other Running " where
check "it ends" timeout 60 "$kube" stop --data-dir "$dir/d" --pods --grace-period 1
wait $server 2>/dev/null

# ---- killed on the way ----
serve() { # DIRECTORY: an API server alone
	"$kube" apiserver --data-dir "$1" --bind-address 127.0.0.1 --secure-port 16443 >>"$dir/log" 2>&1 &
	server=$!
	within 10 "$kubectl" --kubeconfig "$1/admin.kubeconfig" get --raw /readyz
}
old=0 new=0 broken=0
while [ $new -lt 2 ] && [ $((old + broken)) -lt 60 ]; do # later each time
	rm -rf "$dir/t" && mkdir "$dir/t"
	cp -a "$dir/o/state" "$dir/o/pki" "$dir/o/admin.kubeconfig" "$dir/t/"
	echo "fresh: cluster" >"$dir/t/mark.yaml" # only the one that is there has it
	"$kube" restore --force --data-dir "$dir/t" "$dir/b.tar" >/dev/null 2>&1 &
	killed=$!
	sleep "$(printf "0.%03d" $((old * 5)))"
	kill -9 $killed 2>/dev/null
	wait $killed 2>/dev/null
	serve "$dir/t" || broken=$((broken + 1))
	fresh=$("$kubectl" --kubeconfig "$dir/t/admin.kubeconfig" get deployment fresh -o name 2>/dev/null)
	stop
	if [ "$fresh" ] && [ -e "$dir/t/mark.yaml" ]; then
		old=$((old + 1))
	elif [ ! "$fresh" ] && [ ! -e "$dir/t/mark.yaml" ]; then
		new=$((new + 1))
	else
		broken=$((broken + 1))
	fi
done
echo "$old as before, $new restored"
check "a restore that is killed has happened or not" test $broken = 0
check "some had happened" test $new -gt 0
grep -E '^E' "$dir/log" | head -n 5
finish
