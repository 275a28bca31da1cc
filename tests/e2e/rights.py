#!/usr/bin/python3
"""Who may do what in a new cluster, beside a table of facts: rights.py KUBE

Every role of the beginning is asked about through SubjectAccessReviews (each right that rights.tsv
gives, and what lies next to it), and through SelfSubjectRulesReviews, which tell all there is.
ABAC is asked by the examples that upstream's pages give.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
from api_server import ApiServer, Check  # noqa: E402

RBAC = "/apis/rbac.authorization.k8s.io/v1/"
REVIEWS = "/apis/authorization.k8s.io/v1/"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
         "impersonate", "bind", "escalate", "approve", "sign", "use")
PATHS = ("/", "/api", "/api/v1", "/apis", "/apis/apps", "/healthz", "/healthz/ping", "/livez", "/livez/x", "/readyz",
         "/readyz/x", "/version", "/version/", "/version/x", "/metrics", "/metrics/slis", "/openapi", "/openapi/v2", "/logs",
         "/logs/x", "/debug/pprof", "/configz", "/openid/v1/jwks", "/.well-known/openid-configuration")
PLACES = ("", "room", "kube-system", "kube-public", "default")
check = Check()


def split(thing):
    """(group, resource, subresource, name) of GROUP:RESOURCE/SUBRESOURCE=NAME."""
    group, colon, rest = thing.partition(":") if ":" in thing.split("=")[0] else ("", "", thing)
    rest, _, name = rest.partition("=")
    resource, _, sub = rest.partition("/")
    return group, resource, sub, name


class Table:
    def __init__(self, path):
        self.roles = defaultdict(list)   # (where, name) -> [(verbs, things)]
        self.bound = defaultdict(list)   # subject -> [(where, role's where, role)]
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                kind, _, rest = line.rstrip("\n").partition("\t")
                if kind == "role":
                    name, where, verbs, things = rest.split("\t")
                    self.roles[where, name].append((set(verbs.split(",")), things.split()))
                elif kind == "bound":
                    _, where, role, subjects = rest.split("\t")
                    home = where if (where, role) in self.roles else "*"
                    for subject in subjects.split():
                        self.bound[subject].append((where, home, role))

    def grants(self, subjects):
        """(where, verbs, thing) of all that they have by their bindings."""
        for subject in subjects:
            for where, home, role in self.bound[subject]:
                for verbs, things in self.roles[home, role]:
                    for thing in things:
                        yield where, verbs, thing

    @staticmethod
    def allows(grants, verb, place, asked):
        return any((verb in verbs or "*" in verbs) and where in ("*", place) and covers(thing, where, asked)
                   for where, verbs, thing in grants)


def covers(thing, where, asked):
    if isinstance(asked, str):
        if where != "*" or not (thing.startswith("/") or thing == "*"):
            return False
        return thing in ("*", asked) or thing.endswith("*") and asked.startswith(thing[:-1])
    if thing.startswith("/") or thing == "*":
        return False
    group, resource, sub, name = split(thing)
    if group not in ("*", asked[0]) or name not in ("", asked[3]):
        return False
    return (resource, sub) in (("*", ""), (asked[1], asked[2]), ("*", asked[2] or None))


def who_has(role):
    """The user that the test binds to a role, everywhere or in the role's own place."""
    return "of " + role


def bind(server, table):
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "room"}})
    bindings = []
    for where, name in table.roles:
        bindings.append((where, "ClusterRole" if where == "*" else "Role", name, who_has(name)))
    for name in ("admin", "edit", "view", "cluster-admin"):
        bindings.append(("room", "ClusterRole", name, "local " + name))
    requests = []
    for number, (where, kind, name, user) in enumerate(bindings):
        path = RBAC + ("clusterrolebindings" if where == "*" else "namespaces/%s/rolebindings" % where)
        requests.append(("POST", path, {
            "metadata": {"name": "test-%d" % number},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]}))
        table.bound["User=" + user].append((where, where if kind == "Role" else "*", name))
    answers = list(server.many(requests))
    check("every role of the table is there to be bound", all(s == 201 for s, _ in answers),
          [b for s, b in answers if s != 201])


def people(table):
    """user -> groups; the accounts of controllers are in the groups of accounts."""
    found = {}
    for subject in table.bound:
        kind, _, name = subject.partition("=")
        if kind == "User":
            found[name] = ["system:authenticated"]
            if name.startswith("system:serviceaccount:"):
                found[name] += ["system:serviceaccounts", "system:serviceaccounts:" + name.split(":")[2]]
    found["somebody"] = ["system:authenticated"]
    found["root"] = ["system:masters", "system:authenticated"]
    found["system:anonymous"] = ["system:unauthenticated"]
    found["watcher"] = ["system:monitoring", "system:authenticated"]
    return found


def subjects(user, groups):
    return ["User=" + user] + ["Group=" + g for g in groups]


def matrix(table, found):
    """What to ask: (user, groups, verb, place, asked)."""
    things = sorted({split(t) for rows in table.roles.values() for _, ts in rows for t in ts
                     if not t.startswith("/") and "*" not in t})
    things += [("example.com", "widgets", "", ""), ("example.com", "widgets", "scale", ""),
               ("example.com", "widgets", "status", ""), ("", "nodes", "proxy", ""), ("", "users", "", ""), ("*", "*", "", ""),
               ("", "secrets", "", "other"), ("certificates.k8s.io", "signers", "", "example.com/x")]
    for number, (user, groups) in enumerate(sorted(found.items())):
        grants = list(table.grants(subjects(user, groups)))
        for path in PATHS:
            yield user, groups, "get", "", path
        yield user, groups, "post", "", "/healthz"
        for at, thing in enumerate(things):
            for turn, verb in enumerate(VERBS):
                for place in PLACES[:2] if user.startswith("local") else (PLACES[(at + number) % 5],):
                    # All that is allowed, and of what is not as much as there is time for.
                    if table.allows(grants, verb, place, thing) or (at * 5 + turn * 3 + number) % 4 == 0:
                        yield user, groups, verb, place, thing
            for verbs, place in ((v, w) for w, v, t in grants if w not in ("*",) and covers(t, w, thing)):
                for verb in sorted(verbs):  # what holds in one place only, there and elsewhere
                    yield user, groups, verb, place, thing
                    yield user, groups, verb, "default", thing


def attributes(verb, place, thing):
    if isinstance(thing, str):
        return {"nonResourceAttributes": {"verb": verb, "path": thing}}
    return {"resourceAttributes": dict(zip(("group", "resource", "subresource", "name"), thing), verb=verb,
                                       namespace=place, version="*")}


def reviews(server, table):
    found = people(table)
    asked = list(matrix(table, found))
    grants = {user: list(table.grants(subjects(user, groups))) for user, groups in found.items()}
    requests = []
    for user, groups, verb, place, thing in asked:
        spec = dict(attributes(verb, place, thing), user=user, groups=groups)
        requests.append(("POST", REVIEWS + "subjectaccessreviews", {"spec": spec}))
    wrong, counts = [], [0, 0]
    for question, (status, body) in zip(asked, server.many(requests)):
        user, _, verb, place, thing = question
        wanted = table.allows(grants[user], verb, place, thing)
        counts[wanted] += 1
        if status != 201 or body["status"]["allowed"] != wanted:
            wrong.append((question, "wanted", wanted, body.get("status")))
    check("%d reviews of %d users allow %d and refuse %d, as the table has it"
          % (len(asked), len(found), counts[1], counts[0]), not wrong, wrong[:5] + [len(wrong)])
    check("they are thousands", counts[0] > 5000 and counts[1] > 5000, counts)
    return found


def flat(rules):
    """The rules that a review tells, as single rights."""
    out = set()
    for rule in rules.get("resourceRules") or []:
        for verb in rule["verbs"]:
            for group in rule.get("apiGroups") or []:
                for resource in rule.get("resources") or []:
                    for name in rule.get("resourceNames") or [""]:
                        out.add((verb, (group + ":" if group else "") + resource + ("=" + name if name else "")))
    for rule in rules.get("nonResourceRules") or []:
        out |= {(verb, path) for verb in rule["verbs"] for path in rule["nonResourceURLs"]}
    return out


def lists(server, table, found):
    """All that somebody may, nothing missing and nothing more."""
    wrong = []
    for user, groups in found.items():
        if user == "system:anonymous":
            continue  # may not ask
        for place in ("room", "kube-system", "kube-public"):
            headers = {"Impersonate_User": user}
            status, body = ask_as(server, headers, groups, "POST", REVIEWS + "selfsubjectrulesreviews",
                                  {"spec": {"namespace": place}})
            wanted = {(verb, thing) for where, verbs, thing in table.grants(subjects(user, groups))
                      for verb in verbs if where == "*" or where == place and not thing.startswith("/")}
            got = flat(body["status"]) if status == 201 else body
            if got != wanted:
                wrong.append((user, place, got ^ wanted if status == 201 else body))
    check("the rules of each are the table's, no more and no less", not wrong, wrong[:3] + [len(wrong)])


def ask_as(server, headers, groups, method, path, body):
    """With several Impersonate-Group headers, which a dictionary cannot hold."""
    connection = server.connection
    connection.putrequest(method, path)
    text = json.dumps(body).encode()
    for name, value in [("Authorization", "Bearer admin"), ("Content-Type", "application/json"),
                        ("Content-Length", str(len(text)))]:
        connection.putheader(name, value)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    for group in groups:
        connection.putheader("Impersonate-Group", group)
    connection.endheaders(text)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def aggregate(server, kube):
    """The roles that consist of others are put together by a controller: (its process)."""
    process = subprocess.Popen([kube, "controllers", "--kubeconfig", server.kubeconfig, "--controllers",
                                "clusterrole-aggregation-controller", "--leader-elect=false"],
                               stderr=subprocess.DEVNULL)
    for _ in range(200):
        done = [server.ask("GET", RBAC + "clusterroles/" + name)[1].get("rules") for name in ("admin", "edit", "view")]
        if all(done):
            return process
        time.sleep(0.05)
    return process


ABAC = (
    {"user": "alice", "namespace": "*", "resource": "*", "apiGroup": "*"},
    {"user": "kubelet", "namespace": "*", "resource": "pods", "readonly": True},
    {"user": "kubelet", "namespace": "*", "resource": "events"},
    {"user": "bob", "namespace": "projectCaribou", "resource": "pods", "readonly": True},
    {"group": "system:authenticated", "readonly": True, "nonResourcePath": "*"},
    {"group": "system:unauthenticated", "readonly": True, "nonResourcePath": "*"},
    {"user": "system:serviceaccount:kube-system:default", "namespace": "*", "resource": "*", "apiGroup": "*"},
)
ABAC_ASKED = """yes alice delete pods in anywhere
yes alice create nodes
yes alice update apps:deployments/scale in anywhere
yes alice get /metrics
no alice post /metrics
yes kubelet list pods
yes kubelet watch pods in any
no kubelet create pods in any
yes kubelet create events in any
yes kubelet delete events in any
no kubelet create events.k8s.io:events in any
no kubelet get nodes
yes bob get pods in projectCaribou
yes bob get pods/log in projectCaribou
no bob get pods in projectMoose
no bob list pods
no bob delete pods in projectCaribou
no bob get secrets in projectCaribou
yes bob get /anything/at/all
yes system:serviceaccount:kube-system:default delete rbac.authorization.k8s.io:clusterroles
no system:serviceaccount:kube-system:default post /x
no system:serviceaccount:default:default list pods"""


def by_lines(kube):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as policy:
        for spec in ABAC:
            policy.write(json.dumps({"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy",
                                     "spec": spec}) + "\n")
        policy.flush()
        with ApiServer(kube, "--authorization-mode", "ABAC", "--authorization-policy-file", policy.name) as server:
            for line in ABAC_ASKED.splitlines():
                wanted, user, verb, thing, *place = line.split()
                spec = attributes(verb, place[1] if place else "", thing if thing[0] == "/" else split(thing))
                spec.update(user=user, groups=["system:authenticated"])
                _, body = server.ask("POST", REVIEWS + "subjectaccessreviews", {"spec": spec})
                check("by ABAC: " + line, body["status"]["allowed"] == (wanted == "yes"), body)


def main():
    by_lines(sys.argv[1])
    table = Table(os.path.join(HERE, "rights.tsv"))
    with ApiServer(sys.argv[1], "--authorization-mode", "RBAC") as server:
        controllers = aggregate(server, sys.argv[1])
        try:
            bind(server, table)
            found = reviews(server, table)
            lists(server, table, found)
        finally:
            controllers.terminate()
            controllers.wait()
    check.finish()


main()
