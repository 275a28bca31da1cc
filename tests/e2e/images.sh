#!/bin/bash
# Images from a registry over https, with and without credentials, with everything that goes wrong
# on the way; from archives of every kind; what hostile layers try; what a crash leaves.
#
#   images.sh KUBE
. "$(dirname "$0")/../harness/check.sh"
here=$(cd "$(dirname "$0")" && pwd)
kube=$1
dir=$(mktemp -d)
servers=
trap 'for p in $servers; do kill "$p" 2>/dev/null; done; rm -rf "$dir"' EXIT
[ "$(id -u)" = 0 ] || {
	echo "FAIL layers are unpacked by root only"
	echo "0 passed, 1 failed"
	exit 1
}
export NO_PROXY='*'

python3 "$here/make_image.py" "$dir/layout" "$dir" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key" -out "$dir/cert" 2>/dev/null

serve() { # NAME [CERT KEY]: sets $port
	python3 "$here/registry.py" "$dir/layout" "$dir/$1" "${@:2}" 2>"$dir/$1.err" &
	servers="$servers $!"
	for _ in $(seq 200); do
		[ ! -s "$dir/$1" ] || break
		sleep 0.05
	done
	port=$(cat "$dir/$1")
}
serve plain
plain=$port
serve secure "$dir/cert" "$dir/key"
secure=$port

image() { # ARGUMENT…: sets $out and $status
	out=$("$kube" image --root "$dir/root" --registry-ca "$dir/cert" "$@" 2>&1)
	status=$?
}
fresh() { rm -rf "$dir/root"; }
layers() { ls "$dir/root/images/layers" 2>/dev/null | wc -l; }
clean() { # nothing is left of what was being made
	[ -z "$(ls "$dir/root/images/incoming")" ]
}
pulled() { [ $status = 0 ] && [ "$(layers)" = 3 ] && clean; }
refused() { # TEXT: failed, said so, and left nothing
	[ $status = 1 ] && contains "$1" "$out" && clean && ! "$kube" image --root "$dir/root" ls | grep -q x:1
}

# ---- registries ----
image pull "localhost:$secure/open/x:1"
check "an open registry gives an image" pulled
: >"$dir/secure.log"
image pull "localhost:$secure/open/x:1"
check "what is here costs one request" test "$(wc -l <"$dir/secure.log") $status" = "1 0"
image ls
check "it is listed" contains "localhost:$secure/open/x:1" "$out"
image rm "localhost:$secure/open/x:1"
check "removed, its layers are gone" test "$status $(layers)" = "0 0"
for mode in token moved torn busy typeless; do
	fresh
	image pull "localhost:$secure/$mode/x:1"
	check "pull: $mode" pulled
done
check "a torn layer went on where it was" grep -q 'GET /v2/torn/.* bytes=5000-' "$dir/secure.log"
for mode in basic member; do
	fresh
	image pull --user user --password secret "localhost:$secure/$mode/x:1"
	check "pull with a password: $mode" pulled
	fresh
	image pull --user user --password wrong "localhost:$secure/$mode/x:1"
	check "a wrong password is refused: $mode" refused "failed to resolve reference \"localhost:$secure/$mode/x:1\""
done
fresh
image pull "localhost:$secure/basic/x:1"
check "nobody, where a password is wanted" refused "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"
image pull "localhost:$secure/member/x:1"
check "a token that does not do" refused "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
image pull "localhost:$secure/nothing/x:1"
check "what is not there" refused "failed to pull and unpack image \"localhost:$secure/nothing/x:1\": failed to resolve reference \"localhost:$secure/nothing/x:1\": localhost:$secure/nothing/x:1: not found"
image pull "localhost:$secure/open/x:2"
check "a tag that is not there" refused ":2: not found"
image pull "localhost:$secure/corrupt/x:1"
check "a corrupt layer is thrown away, and said" refused "failed to pull and unpack image"
image pull "localhost:1/open/x:1"
check "nobody listens" refused "connect: connection refused"
image pull "localhost:$secure/open/X:1"
check "no name" refused "invalid reference format: repository name (open/X) must be lowercase"
out=$("$kube" image --root "$dir/root" pull "127.0.0.1:$secure/open/x:1" 2>&1)
status=$?
check "an unknown authority" refused "failed to pull and unpack image"
fresh
image --insecure-registry "localhost:$plain" pull "localhost:$plain/token/x:1"
check "a registry that is named insecure" pulled
fresh
image --registry-mirror "docker.io=http://localhost:$plain" pull docker.io/open/x:1
check "a mirror instead of the registry" pulled
fresh
image --registry-mirror "localhost:$secure=http://localhost:1" pull "localhost:$secure/open/x:1"
check "and the registry behind a mirror that is away" pulled
fresh
image --registry-mirror docker.io pull docker.io/open/x:1
check "what is no mirror is said" contains 'is not HOST=URL' "$out"
digest=$(python3 -c "import json; print(json.load(open('$dir/layout/index.json'))['manifests'][0]['digest'])")
fresh
image pull "localhost:$secure/open/x:1@$digest"
check "by digest" pulled
image pull "localhost:$secure/open/x@sha256:${digest#sha256:0}0"
check "by a wrong digest" test "$status" = 1

# ---- archives ----
for archive in oci.tar oci.tar.gz docker.tar layout linked.tar; do
	fresh
	image import "$dir/$archive"
	check "import: $archive" test "$status $out" = "0 docker.io/library/made:1"
	image ls
	check "pinned: $archive" contains yes "$out"
done
fresh
out=$("$kube" image --root "$dir/root" import - <"$dir/oci.tar")
check "import from a pipe" test "$out" = docker.io/library/made:1
image import "$dir/nameless.tar"
check "an archive without a name" contains "one must be given" "$out"
image --name quay.io/my/own:7 import "$dir/nameless.tar"
check "is given one" test "$out" = quay.io/my/own:7
image rm made:1
image ls
check "one of two names goes" contains "quay.io/my/own:7" "$out"

fresh
image import "$dir/oci.tar"
lower() { # what all layers make together, seen through an overlay
	python3 - "$dir/root/images" "$1" <<'PY'
import json, os, stat, sys
root, path = sys.argv[1:]
entry = json.load(open(root + "/index.json"))["images"][0]
for layer in reversed(entry["layers"]):
    at = "%s/layers/%s/fs/%s" % (root, layer["diff"][7:], path)
    if os.path.lexists(at):
        s = os.lstat(at)
        if stat.S_ISCHR(s.st_mode) and s.st_rdev == 0:
            print("whiteout")
        else:
            print("%o %d:%d %d" % (s.st_mode, s.st_uid, s.st_gid, s.st_mtime))
        break
else:
    print("none")
PY
}
check "modes and owners are kept" test "$(lower bin/setuid)" = "104755 12:34 1000000000"
check "so are links" test "$(lower bin/link)" = "120777 0:0 1000000000"
check "a whiteout" test "$(lower etc/gone)" = whiteout
opaque=$(find "$dir/root" -path '*/fs/etc/opaque/new' -printf '%h')
check "an opaque directory" test "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.overlay.opaque"))' "$opaque")" = "b'y'"
check "times of directories" test "$(lower etc | cut -d' ' -f3)" = 1000000000
check "names of more than 100 bytes" test "$(lower "$(printf 'd%.0s' $(seq 120))/f" | cut -d' ' -f1)" = 100644

# ---- hostile layers ----
fresh
image ls
for bad in "$dir"/bad-*.tar; do
	name=$(basename "$bad" .tar)
	image import "$bad"
	check "refused: $name" test "$status $(layers) $(ls "$dir/root/images/incoming" | wc -l)" = "1 0 0"
	echo "     $out" | cut -c1-160
done
for bad in "$dir"/harmless-*.tar; do
	name=$(basename "$bad" .tar)
	image import "$bad"
	check "harmless: $name" test "$status $(cat "$dir/outside")" = "0 untouched"
	fresh
done

# ---- a crash ----
survived=0
for delay in 0.00 0.01 0.02 0.03 0.05 0.08 0.12; do
	fresh
	"$kube" image --root "$dir/root" import "$dir/large.tar" >/dev/null 2>&1 &
	victim=$!
	sleep $delay
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	image import "$dir/large.tar"
	[ $status = 0 ] && clean && survived=$((survived + 1))
done
check "an import that was killed is done again" test $survived = 7
image rm large:1
check "and nothing is left of it" test "$(layers) $(ls "$dir/root/images/configs" | wc -l)" = "0 0"
finish
