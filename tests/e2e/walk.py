#!/usr/bin/python3
"""Every path that the server has, asked for by those who may not: walk.py KUBE

The paths come from discovery, from the OpenAPI documents and from a list of what is no resource;
each is asked with every method by nobody (anonymous), with a wrong token, by somebody without
rights, by somebody who has all rights but in another namespace, and by an administrator, who is
to get an answer that is no failure of the server.
"""

import collections
import json
import os
import re
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from api_server import ApiServer, Check  # noqa: E402

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OPEN = {"/healthz", "/livez", "/readyz", "/version", "/version/"}
SELF = re.compile(r"/selfsubject(access|rules)?reviews(/|$)")  # what everybody may ask of himself
OTHERS = """/ /api /apis /api/ /apis/ /healthz /healthz/ /healthz/ping /healthz/poststarthook/rbac/bootstrap-roles
/livez /livez/ping /readyz /readyz/ping /readyz/shutdown /version /version/ /metrics /metrics/slis /metrics/x /logs /logs/
/logs/x /configz /flagz /statusz /debug /debug/ /debug/pprof /debug/pprof/ /debug/pprof/heap /debug/pprof/profile
/debug/pprof/symbol /debug/pprof/trace /debug/flags/v /debug/store /debug/tasks /debug/api_priority_and_fairness/dump_requests
/openapi /openapi/v2 /openapi/v3 /openapi/v3/api/v1 /openapi/v3/x /openid/v1/jwks /.well-known/openid-configuration
/swagger.json /swagger-ui/ /ui /index.html /favicon.ico /apis/no.such.group /apis/no.such.group/v1/things
/apis/apps/v99/deployments /api/v1/nosuch /api/v1/namespaces/room/nosuch /api/v1/namespaces/room/pods/x/nosuch
/api/v1/proxy/nodes/x /api/v1/watch/pods /api/v1/watch/namespaces/room/pods/x /api/v1/watch/nodes /apis/apps/v1/watch/deployments
/api/v2 /api/v1/ /api//v1/secrets /api/v1//secrets /api/v1/namespaces//secrets /api/v1/./secrets /api/v1/../v1/secrets
//api/v1/secrets /api/v1/secrets/ /api/v1/Secrets /healthz/../api/v1/secrets /version/../api/v1/secrets /healthz%2f..%2fapi/v1/secrets
/%61pi/v1/secrets /api/v1/%73ecrets /api/v1/namespaces/default%2f../secrets /api/v1/secrets?watch=false#x /api/v1/secrets;x
/api/v1/secrets?watch=1 /api/v1/secrets?watch=1&fieldSelector=metadata.namespace%3Droom /api/v1/namespaces/default/secrets?watch=1
/api/v1/namespaces/default/pods/x/log?follow=1 /api/v1/namespaces/default/pods/x/exec?command=id&stdout=1
/apis/apps/v1/namespaces/default/deployments?limit=1&continue=x /api/v1/nodes?fieldSelector=metadata.name%3Dx
/apis/apps /apis/apps/ /apis/apps/v1 /apis/apps/v1/ /openapi/../metrics /apis/../metrics /api/../metrics""".split()
CRD = {"metadata": {"name": "things.walk.example.com"}, "spec": {
    "group": "walk.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
    "versions": [{"name": "v1", "served": True, "storage": True,
                  "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}},
                  "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
LISTS = re.compile(r"/namespaces/room/(pods|secrets|configmaps|deployments|things|leases|roles)$")
check = Check()


def gather(server):
    """path -> is it a resource's; of those that are in a namespace, one in each of two."""
    found = {path: False for path in OTHERS}
    groups = [("/api/v1", server.ask("GET", "/api/v1")[1])]
    for group in server.ask("GET", "/apis")[1]["groups"]:
        for version in group["versions"]:
            base = "/apis/" + version["groupVersion"]
            groups.append((base, server.ask("GET", base)[1]))
    for base, resources in groups:
        for entry in resources["resources"]:
            name, _, sub = entry["name"].partition("/")
            for place in ("/namespaces/default", "/namespaces/room") if entry["namespaced"] else ("",):
                if not sub:
                    found[base + place + "/" + name] = True
                found[base + place + "/" + name + "/x" + ("/" + sub if sub else "")] = True
                if sub == "proxy":
                    found[base + place + "/" + name + "/x/proxy/a/b"] = True
            if entry["namespaced"] and not sub:
                found[base + "/" + name] = True
    documented = set()
    for where in json.loads(server.ask("GET", "/openapi/v3")[1])["paths"].values():
        documented |= set(server.ask("GET", where["serverRelativeURL"])[1]["paths"])
    documented |= set(server.ask("GET", "/openapi/v2")[1]["paths"])
    for path in documented:
        path = path.replace("{namespace}", "default").replace("{path}", "a").replace("{logpath}", "a")
        found.setdefault(re.sub(r"\{[a-z]+\}", "x", path), "/v" in path and path.count("/") > 3)
    return found


def walk(server, paths, token, skip=lambda method, path: False):
    requests = [(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
                for path in paths for method in METHODS if not skip(method, path)]
    return {(m, p): status for (m, p, _), (status, _) in zip(requests, server.many(requests, token))}


def acceptable(method, path, status):
    """No failure of the server's; but that upstream, too, calls an empty Binding an internal error."""
    if path.startswith("/debug/pprof/") and status == 501:  # profiles of another language's runtime
        return True
    return 0 < status < 500 or (method, path[-9:]) == ("POST", "/bindings")


def judge(name, answers, wanted):
    """wanted(method, path): what may come; None: anything that is no failure of the server."""
    wrong = []
    for (method, path), status in answers.items():
        good = wanted(method, path)
        if status not in good if good else not acceptable(method, path, status):
            wrong.append((method, path, status, good))
    counts = sorted(collections.Counter(answers.values()).items())
    check("%s: %d requests, %s" % (name, len(answers), counts), not wrong, [len(wrong)] + wrong[:12])


def parts_of(path):
    return urllib.parse.unquote(path.split("?")[0]).strip("/").split("/")


def is_resource(path):
    parts = parts_of(path)
    return parts[0] == "api" and len(parts) > 2 or parts[0] == "apis" and len(parts) > 3


def anonymous(method, path):
    return (200,) if method == "GET" and path in OPEN else (403,)


def nobody(method, path):
    """Discovery for everybody who is somebody, and what he may."""
    if method == "POST" and SELF.search(path):
        return ()
    if method == "GET" and not is_resource(path) and parts_of(path)[0] in ("api", "apis", "openapi"):
        return (200, 404, 406)
    return anonymous(method, path)


def is_local(path):
    parts = parts_of(path)
    return is_resource(path) and "namespaces" in parts[2:4] and "room" in parts[3:5] and ".." not in parts


def local(method, path):
    if not is_local(path):
        return nobody(method, path)
    return (200,) if method == "GET" and LISTS.search(path) else ()


def takes_long(method, path):
    """Watches and profiles, to those who may; and what would take away the walker's own rights."""
    return (method == "GET" and ("/watch/" in path or "?watch" in path or path in ("/debug/pprof/profile", "/debug/pprof/trace"))
            or method == "DELETE" and path.endswith("/rolebindings"))


def main():
    with ApiServer(sys.argv[1], "--authorization-mode", "Node,RBAC") as server:
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "room"}})
        server.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
        while server.ask("GET", "/apis/walk.example.com/v1/things")[0] != 200:
            pass
        server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/room/rolebindings", {
            "metadata": {"name": "local"}, "subjects": [{"kind": "User", "name": "local", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}})
        found = gather(server)
        check("there is much to ask for", len(found) > 700 and "/apis/walk.example.com/v1/namespaces/room/things/x/scale" in found,
              len(found))
        # Nothing is written: who may not comes first, and the administrator last.
        judge("anonymous", walk(server, found, None), anonymous)
        judge("a wrong token", walk(server, found, "wrong"), lambda m, p: (401,))
        judge("no rights", walk(server, found, "nobody"), nobody)
        judge("rights elsewhere", walk(server, found, "local", lambda m, p: is_local(p) and takes_long(m, p)), local)
        judge("an administrator", walk(server, found, "admin", takes_long), lambda m, p: ())
        check("the server is well", server.ask("GET", "/readyz")[0] == 200)
    with ApiServer(sys.argv[1], "--anonymous-auth=false") as server:
        judge("nobody may be anonymous", walk(server, found, None), lambda m, p: (401,))
    check.finish()


main()
