# A webhook on loopback for tests in shell, with harness/check.sh and apiserver.sh: a program in Python
# that takes CERT KEY DIR and prints its port (hook_server.py).
#
#   start_hook PROGRAM; hook_kubeconfig /path >"$dir/hook.yaml"; …
#
# $hook is its port, $dir/hook.crt its certificate; what it answers stands in $dir/mood, what it complains
# of in $dir/complaints.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
. "$(dirname "${BASH_SOURCE[0]}")/apiserver.sh"

start_hook() { # PROGRAM [DNS:NAME]: what else the certificate is for
	local names="IP:127.0.0.1${2:+,$2}"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hook \
		-addext "subjectAltName=$names" -keyout "$dir/hook.key" -out "$dir/hook.crt" \
		2>"$dir/openssl.log" || { cat "$dir/openssl.log"; exit 1; }
	echo good >"$dir/mood"
	python3 -B "$1" "$dir/hook.crt" "$dir/hook.key" "$dir" >"$dir/hook.port" 2>"$dir/complaints" &
	others="$others $!"
	for _ in $(seq 100); do
		hook=$(cat "$dir/hook.port")
		[ -z "$hook" ] || return 0
		sleep 0.1
	done
	cat "$dir/complaints"
	exit 1
}
hook_kubeconfig() { # PATH: a file that leads there, for beside the certificate
	cat <<-END
		apiVersion: v1
		kind: Config
		clusters:
		- name: hook
		  cluster: {server: "https://127.0.0.1:$hook$1", certificate-authority: hook.crt}
		users:
		- name: us
		contexts:
		- name: all
		  context: {cluster: hook, user: us}
		current-context: all
	END
}
