#!/bin/bash
# The same commands with newer versions of kubectl, where some are installed beside the one in PATH
# (kubectl.1.27, …): the newest of them, all with KUBE_ALL_KUBECTL=1.
here=$(dirname "$0")
beside=$(dirname "$(readlink -f "$(command -v kubectl || echo /none)")")
all=$(ls "$beside"/kubectl.1.* 2>/dev/null | sort -V)
[ -n "$KUBE_ALL_KUBECTL" ] || all=$(tail -n 1 <<<"$all")
if [ -z "$all" ]; then
	echo "there is no newer kubectl here"
	echo "0 passed, 0 failed"
	exit 0
fi
status=0
for kubectl in $all; do
	echo "with $kubectl"
	/usr/bin/python3 -B "$here/kubectl_session.py" "$1" "$kubectl" --newer || status=1
done
newest=$(tail -n 1 <<<"$all")
case $newest in
*kubectl.1.3[3-9])
	echo "what 1.20 does not have, with $newest"
	/usr/bin/python3 -B "$here/kubectl_session.py" "$1" "$newest" --later || status=1
	;;
esac
exit $status
