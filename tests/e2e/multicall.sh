#!/bin/bash
# The executable as a user meets it: commands, names, errors, installation.
. "$(dirname "$0")/../harness/check.sh"
kube=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

out=$("$kube" version)
check "version names the Kubernetes it is" contains "v1.36.0+kube" "$out"
check "version -o json has upstream's fields" \
	test "$("$kube" version -o json | grep -cE '"(major|minor|gitVersion|gitCommit|gitTreeState|buildDate|compiler|platform)":')" = 8
check "version -o yaml says the same" test "$("$kube" version --output=yaml | grep -c '^  minor: "36"$')" = 1
out=$("$kube" version -o xml 2>&1)
check "another format fails" test $? = 1
check "and says which there are" contains "'json' or 'yaml'" "$out"
out=$("$kube" version --outptu json 2>&1)
check "an unknown flag fails" test $? = 1
check "and names the nearest" contains "--output" "$out"
"$kube" version >/dev/full 2>/dev/null
check "a full disk is an error" test $? != 0
for words in "" help "help version" version "version --help" "version -o json" "kubelet --version"; do
	# shellcheck disable=SC2086
	out=$("$kube" $words 2>&1 >/dev/full)
	check "a full disk is an error of '$words'" test $? = 1
	check "and is told of '$words'" contains "cannot write the output" "$out"
	# shellcheck disable=SC2086
	"$kube" $words >&- 2>/dev/null
	check "so is a closed output of '$words'" test $? = 1
done
"$kube" version <&- 2>&- >"$dir/out"
check "closed input and errors harm nobody" contains "v1.36.0+kube" "$(cat "$dir/out")"

out=$("$kube" help)
check "help succeeds" test $? = 0
check "help lists version" contains "print the version" "$out"
check "no words at all is help" test "$("$kube")" = "$out"
check "help of one command" contains "kube version" "$("$kube" help version)"
out=$("$kube" help versoin 2>&1)
check "help of an unknown command fails" test $? = 1
check "and names the nearest one" contains '"version"' "$out"
"$kube" help version help >/dev/null 2>&1
check "help takes one word" test $? = 1
"$kube" help --frob >/dev/null 2>&1
check "and no flag that nobody knows" test $? = 1
check "--help is help" test "$("$kube" --help)" = "$("$kube" help)"
check "an empty name of the program is no command" contains "v1.36" "$(exec -a "" "$kube" version)"

out=$("$kube" verison 2>&1)
check "an unknown command fails with 1" test $? = 1
check "and names the nearest command" contains "version" "$out"
out=$("$kube" xyzzyplugh 2>&1)
check "far from everything nothing is suggested" test "${out#*Did you mean}" = "$out"

for name in kube-apiserver kube-scheduler kube-controller-manager kubelet kube-proxy kubectl; do
	ln -s "$kube" "$dir/$name"
	out=$("$dir/$name" --version)
	check "$name answers --version as upstream does" contains "Kubernetes v1.36.0" "$out"
done
for name in kube-scheduler kube-controller-manager kubelet kube-proxy kubectl; do
	out=$(env -u KUBERNETES_SERVICE_HOST -u KUBECONFIG "$dir/$name" 2>&1)
	check "$name fails clearly without a cluster" test $? = 1
	case $out in
	*"does not contain"* | *"in-cluster configuration"*) out=clear ;;
	esac
	check "$name says why" test "$out" = clear
done

build=$(dirname "$kube")
check "it installs" env DESTDIR="$dir/root" cmake --install "$build" >/dev/null
installed=$(find "$dir/root" -name kube -type f | head -n 1)
check "the installed file runs" "$installed" version >/dev/null
check "links stand beside it" test "$(readlink "$(dirname "$installed")/kubelet")" = kube
finish
