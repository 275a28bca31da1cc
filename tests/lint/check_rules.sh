#!/bin/bash
# Every rule of the lint must be able to fail: a small tree with one sin each.
. "$(dirname "$0")/../harness/check.sh"
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fresh() {
	rm -rf "${dir:?}/tree"
	mkdir -p "$dir/tree/src/base" "$dir/tree/src/loop" "$dir/tree/include/kube" "$dir/tree/tests"
	cp -r "$here/tests/lint" "$here/tests/harness" "$dir/tree/tests/"
	cp "$here/.clang-format" "$dir/tree/"
	cp "$here"/include/kube/{defs,str}.h "$dir/tree/include/kube/"
	printf '#include <kube/str.h>\n' >"$dir/tree/src/base/good.c"
	git -C "$dir/tree" init -q
}

# RULE PATH CONTENT: the tree with that file breaks the rule, and no other
breaks() {
	local out
	fresh
	printf '%b' "$3" >"$dir/tree/$2"
	git -C "$dir/tree" add -A
	out=$("$dir/tree/tests/lint/run" 2>/dev/null)
	check "lint sees: $1 ($2)" contains "FAIL $1" "$out"
	check "and only that" test "$(grep -c ^FAIL <<<"$out")" = 1
}

fresh
git -C "$dir/tree" add -A
check "a clean tree passes" "$dir/tree/tests/lint/run" >/dev/null 2>&1

arrows="includes follow the arrows of the map"
breaks "$arrows" src/base/a.c '#include <kube/loop.h>\n'
breaks "$arrows" src/base/a.c '#include <uv.h>\n'
breaks "$arrows" src/base/a.c '#include <kube/nowhere.h>\n'
breaks "$arrows" src/base/a.c '#include "nothere.h"\n'
breaks "$arrows" src/base/a.c '#include "../loop/internal.h"\n'
breaks "no banned function is called" src/base/a.c 'int f(void);\n\nint f(void)\n{\n\treturn atoi("1");\n}\n'
breaks "no unfinished words, no paths of one machine" src/base/a.c '/* TO''DO */\n'
breaks "no unfinished words, no paths of one machine" src/base/a.c '/* see /wo''rk/x */\n'
breaks "no white space at line ends" notes.md 'a \n'
breaks "every public header compiles alone" include/kube/mem.h '#ifndef A\n#define A\nsize_t a;\n#endif\n'
breaks "every header has a guard" src/base/a.h 'int a;\n'
breaks "scripts parse" tests/a.sh '#!/bin/bash\nif true; then\n'
case $(clang-format --version 2>/dev/null) in
*"version 14."*) breaks "clang-format agrees" src/base/a.c 'int  a;\n' ;;
esac
finish
