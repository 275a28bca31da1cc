#!/bin/bash
# Every path of a kubelet, asked for by those who may not: nobody, a wrong token, an account without
# rights, one that may read figures only; and by an administrator.
. "$(dirname "$0")/../harness/cluster.sh"
join_world
check "the cluster starts, its node ready" start
k create serviceaccount nothing >/dev/null
k create serviceaccount gauge >/dev/null
k create clusterrole gauge --verb get --resource nodes/metrics >/dev/null
k create clusterrolebinding gauge --clusterrole gauge --serviceaccount default:gauge >/dev/null
cat >"$dir/walk.py" <<-'P'
	import collections, http.client, ssl, sys
	nothing, gauge, kubeconfig = sys.argv[1:]
	PATHS = """/healthz /healthz/ping /healthz/log /healthz/syncloop /metrics /metrics/cadvisor /metrics/probes /metrics/resource
	/metrics/slis /stats /stats/summary /stats/x /pods /runningpods/ /configz /logs/ /logs/x /spec /spec/ /flagz /statusz
	/containerLogs/ns/pod/c /exec/ns/pod/c /exec/ns/pod/uid/c /attach/ns/pod/c /run/ns/pod/c /run/ns/pod/uid/c
	/portForward/ns/pod /checkpoint/ns/pod/c /debug/pprof/ /debug/pprof/profile /debug/flags/v /cri/exec/token /cri/attach/x
	/ /x /pods/ /pods/x /Pods //pods /healthz/../pods /./pods /%70ods /metrics/../pods /metrics/cadvisor/../../pods
	/exec/ns/pod/c?command=id /exec/../metrics""".split()
	METHODS = "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"
	tls = ssl._create_unverified_context()
	known = ssl._create_unverified_context()
	known.load_cert_chain(kubeconfig)
	passed = failed = 0


	def ask(connection, token, method, path):
	    connection.request(method, path, headers={"Authorization": "Bearer " + token} if token else {})
	    answer = connection.getresponse()
	    answer.read()
	    return answer.status


	def walk(name, tls, token, wanted):
	    global passed, failed
	    connection = http.client.HTTPSConnection("192.0.2.2", 10250, context=tls, timeout=20)
	    got = {(m, p): ask(connection, token, m, p) for p in PATHS for m in METHODS}
	    wrong = [(k, s) for k, s in got.items() if s not in (wanted(*k) or range(200, 500))]
	    passed, failed = passed + (not wrong), failed + bool(wrong)
	    print("FAIL" if wrong else "ok  ", name, sorted(collections.Counter(got.values()).items()), wrong[:10])


	def figures(method, path):
	    """Only GET is `get` to a kubelet: HEAD is a verb that nobody has."""
	    if method == "GET" and path in ("/metrics", "/metrics/cadvisor", "/metrics/probes", "/metrics/resource"):
	        return (200,)
	    if method == "GET" and path.startswith("/metrics") and ".." not in path:
	        return (403, 404, 405)
	    return (403,)


	walk("nobody is asked who he is", tls, None, lambda m, p: (401,))
	walk("a wrong token is nobody's", tls, "x.y.z", lambda m, p: (401,))
	walk("an account without rights is refused", tls, nothing, lambda m, p: (403,))
	walk("one that reads figures reads nothing else", tls, gauge, figures)
	walk("an administrator is answered", known, None, lambda m, p: None)
	raise SystemExit(failed)
P
for what in certificate key; do
	sed -n "s/ *client-$what-data: *//p" "$KUBECONFIG" | tr -d '"' | base64 -d
done >"$dir/admin.pem"
python3 -B "$dir/walk.py" "$(k create token nothing)" "$(k create token gauge)" "$dir/admin.pem"
check "the kubelet guards its paths" test $? = 0
check "and is well" contains ok "$(curl -sk --noproxy '*' -E "$dir/admin.pem" https://192.0.2.2:10250/healthz)"
check "it ends" stop
finish
