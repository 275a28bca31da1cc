# For tests written in shell: source it, call check, end with finish.
#
#   check "unknown command names the nearest" test "$out" = "…"
passed=0 failed=0

check() { # NAME COMMAND…
	local name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name: $*"
	fi
}

# Does the text $2 contain $1? For use with check.
contains() { case $2 in *"$1"*) return 0 ;; *) return 1 ;; esac; }

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
	exit
}
