#!/usr/bin/python3
"""The measuring of policy.sh: policy.py KUBE SECONDS"""

import base64
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from api_server import ApiServer  # noqa: E402

KUBE, SECONDS = sys.argv[1], int(sys.argv[2])
ROUNDS = 6
TOKENS = 'admin,admin,1,"system:masters"\nwriter,writer,2\n'
NS = "/api/v1/namespaces/room"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/room/"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
POST = """wrk.method = 'POST'
wrk.headers['Authorization'] = 'Bearer writer'
wrk.headers['Content-Type'] = 'application/json'
local n, who = 0, 'm' .. os.time() .. '-' .. tostring({}):sub(-6)
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, '{"metadata":{"name":"' .. who .. '-' .. n .. '","labels":{"app":"x"}},"data":{"k":"%s"}}')
end""" % ("v" * 900)
GUARDS = [
    (RBAC + "roles", {"metadata": {"name": "writes"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get"]}]}),
    (RBAC + "rolebindings", {
        "metadata": {"name": "writer"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writes"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "writer"}]}),
    (NS + "/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "100000000"}}}),
    (POLICIES + "ies", {"metadata": {"name": "small"}, "spec": {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}]},
        "validations": [{"expression": "has(object.metadata.labels) && 'app' in object.metadata.labels"},
                        {"expression": "object.data.all(k, size(object.data[k]) < 2000)", "message": "too much"}]}}),
    (POLICIES + "ybindings", {"metadata": {"name": "small"}, "spec": {"policyName": "small", "validationActions": ["Deny"]}}),
]


def made(server, path, body):
    status, answer = server.ask("POST", path, body)
    if status != 201:
        raise SystemExit("policy: %s: %s" % (path, answer))


def guard(server):
    for path, body in GUARDS:
        made(server, path, body)
    # No controller counts here: the quota begins to hold when its status says so.
    quota = server.ask("GET", NS + "/resourcequotas/q")[1]
    quota["status"] = {"hard": quota["spec"]["hard"], "used": {"configmaps": "0"}}
    server.ask("PUT", NS + "/resourcequotas/q/status", quota)
    # All of them hold, or there is nothing to measure.
    big = {"metadata": {"name": "big"}, "data": {"k": "v" * 3000}}
    while server.ask("POST", NS + "/configmaps", big, token="writer")[0] == 201:
        server.ask("DELETE", NS + "/configmaps/big")
    for path in (NS + "/secrets", "/api/v1/namespaces/default/configmaps"):
        if server.ask("POST", path, {"metadata": {"name": "x"}}, token="writer")[0] != 403:
            raise SystemExit("policy: the writer may do too much")


def load(server, script):
    """Requests a second, and requests a CPU second of the server."""
    before = server.figures()[0]
    told = subprocess.run(["wrk", "-t1", "-c32", "-d%ds" % SECONDS, "-s", script, server.url + NS + "/configmaps"],
                          capture_output=True, text=True, check=True).stdout
    used = server.figures()[0] - before
    if "Non-2xx" in told:
        raise SystemExit("policy: " + told)
    count = int(re.search(r"(\d+) requests in", told).group(1))
    return float(re.search(r"Requests/sec: *([\d.]+)", told).group(1)), count / used


def posts(free, guarded):
    script = free.place.name + "/post.lua"
    with open(script, "w", encoding="utf-8") as out:
        out.write(POST)
    rounds = []
    for number in range(ROUNDS):  # by turns, and each as often first; long enough for handshakes to be little
        pair = [load(each, script) for each in ((free, guarded) if number % 2 else (guarded, free))]
        rounds.append(pair if number % 2 else pair[::-1])
    for at, unit in ((0, "requests/s"), (1, "requests/cpu-s")):
        name = "policy_post" if at == 0 else "policy_post_per_cpu"
        print("%s_unguarded %.0f %s" % (name, statistics.median(r[0][at] for r in rounds), unit))
        print("%s_guarded %.0f %s" % (name, statistics.median(r[1][at] for r in rounds), unit))
        print("%s_ratio %.0f %%" % (name, 100 * statistics.median(r[1][at] / r[0][at] for r in rounds)))
    used = guarded.ask("GET", NS + "/resourcequotas/q")[1]["status"]["used"]["configmaps"]
    if int(used) == 0:
        raise SystemExit("policy: nothing was counted")


def certificate(server):
    """The administrator's certificate and key, in files of their own."""
    with open(server.kubeconfig, encoding="utf-8") as config:
        text = config.read()
    paths = []
    for what in ("certificate", "key"):
        paths.append(server.place.name + "/" + what)
        with open(paths[-1], "wb") as out:
            out.write(base64.b64decode(re.search(r'client-%s-data: *"?([^"\s]+)' % what, text).group(1)))
    return paths


def logins(server):
    """Connections with a whole handshake, one request each."""
    cert, key = certificate(server)
    for name, more in (("anonymous", []), ("certificate", ["-cert", cert, "-key", key])):
        before = server.figures()[0]
        told = subprocess.run(["openssl", "s_time", "-connect", "127.0.0.1:%d" % server.port, "-new", "-www", "/version",
                               "-time", str(SECONDS), "-CAfile", server.data + "/pki/ca.crt"] + more,
                              capture_output=True, text=True, check=False).stdout
        count = int(re.search(r"(\d+) connections in \d+ real seconds", told).group(1))
        used = server.figures()[0] - before
        print("policy_logins_%s %.0f 1/s" % (name, count / SECONDS))
        print("policy_logins_%s_per_cpu %.0f 1/cpu-s" % (name, count / used))


with ApiServer(KUBE, "--authorization-mode", "AlwaysAllow", tokens=TOKENS, durable=True) as unguarded, \
        ApiServer(KUBE, "--authorization-mode", "RBAC", tokens=TOKENS, durable=True) as watched:
    for each in (unguarded, watched):
        made(each, "/api/v1/namespaces", {"metadata": {"name": "room"}})
    guard(watched)
    posts(unguarded, watched)
    logins(watched)
