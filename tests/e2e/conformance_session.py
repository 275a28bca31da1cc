#!/usr/bin/python3
"""What upstream's conformance tests ask of controllers and the scheduler: conformance_session.py KUBE [STORY…]

A cluster of separate processes whose nodes are simulated; each story has a namespace of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from api_server import ApiServer, Check  # noqa: E402

NODES = ("fake-0", "fake-1", "fake-2")
EXTENDED = "example.com/fakecpu"
CLASSES = {"low": 1, "medium": 100, "high": 1000}
MERGE = {"Content_Type": "application/merge-patch+json"}
STRATEGIC = {"Content_Type": "application/strategic-merge-patch+json"}
check = Check()


class Cluster:
    def __init__(self, kube, server):
        self.kube, self.server, self.parts = kube, server, []

    def begin(self, *words):
        log = open(os.path.join(self.server.place.name, words[-1] + ".log"), "w", encoding="utf-8")
        self.parts.append(subprocess.Popen(
            [self.kube, *words, "--kubeconfig", self.server.kubeconfig], stdout=log, stderr=log))
        log.close()

    def end(self):
        for part in self.parts[::-1]:
            part.send_signal(signal.SIGTERM)
            check("%s ends well" % part.args[1], part.wait(30) == 0, part.returncode)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        """Nothing is left of a story that broke."""
        for part in self.parts:
            if part.poll() is None:
                part.kill()
                part.wait()


class Space:
    """A namespace, and the shortest way to what is in it."""

    PLACES = {"pods": "/api/v1", "services": "/api/v1", "endpoints": "/api/v1", "configmaps": "/api/v1",
              "replicationcontrollers": "/api/v1", "resourcequotas": "/api/v1", "serviceaccounts": "/api/v1",
              "events": "/api/v1", "secrets": "/api/v1",
              "statefulsets": "/apis/apps/v1", "daemonsets": "/apis/apps/v1", "controllerrevisions": "/apis/apps/v1",
              "deployments": "/apis/apps/v1", "replicasets": "/apis/apps/v1", "jobs": "/apis/batch/v1",
              "poddisruptionbudgets": "/apis/policy/v1", "endpointslices": "/apis/discovery.k8s.io/v1"}

    def __init__(self, cluster, name):
        self.cluster, self.name, self.ask = cluster, name, cluster.server.ask
        self.must("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        until(lambda: self.get("serviceaccounts", "default") and self.get("configmaps", "kube-root-ca.crt"))

    def must(self, method, path, body=None, **headers):
        status, answer = self.ask(method, path, body, **headers)
        if status not in (200, 201, 202):
            raise SystemExit("%s %s: %d %s" % (method, path, status, answer))
        return answer

    def path(self, kind, name="", query=""):
        return "%s/namespaces/%s/%s%s%s" % (self.PLACES[kind], self.name, kind, "/" + name if name else "", query)

    def make(self, kind, body):
        return self.must("POST", self.path(kind), body)

    def get(self, kind, name):
        status, answer = self.ask("GET", self.path(kind, name))
        return answer if status == 200 else None

    def all(self, kind, query=""):
        return self.must("GET", self.path(kind, "", query))["items"]

    def patch(self, kind, name, body, **headers):
        return self.must("PATCH", self.path(kind, name), body, **(headers or MERGE))

    def delete(self, kind, name, **options):
        return self.must("DELETE", self.path(kind, name), {"kind": "DeleteOptions", "apiVersion": "v1", **options})

    def gone(self):
        self.must("DELETE", "/api/v1/namespaces/" + self.name)


def until(ask, seconds=30):
    end = time.time() + seconds
    while True:
        answer = ask()
        if answer or time.time() > end:
            return answer
        time.sleep(0.05)


def becomes(name, ask, seconds=30, seen=lambda: ""):
    check(name, until(ask, seconds), seen())


def template(labels, **spec):
    annotations = spec.pop("annotations", {})
    return {"metadata": {"labels": labels, "annotations": annotations},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "i:1"}], **spec}}


def pod(name, labels=None, **spec):
    return {"metadata": {"name": name}, **template(labels or {"name": name}, **spec)} | {
        "metadata": {"name": name, "labels": labels or {"name": name}}}


def rc(name, replicas, labels=None):
    labels = labels or {"name": name}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": labels, "template": template(labels)}}


def replica_set(name, replicas, labels, **spec):
    inner = spec.pop("pod", {})
    return {"metadata": {"name": name, "labels": labels}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels, **inner), **spec}}


def deployment(name, replicas, labels, **spec):
    return replica_set(name, replicas, labels, **spec)


def owned(pods, uid):
    return [p for p in pods if any(r["uid"] == uid for r in p["metadata"].get("ownerReferences", []))]


def controller(o):
    return next((r for r in o["metadata"].get("ownerReferences", []) if r.get("controller")), {})


def ready(o):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in o.get("status", {}).get("conditions", []))


def condition(o, kind):
    return next((c for c in o.get("status", {}).get("conditions", []) if c["type"] == kind), {})


def running(s, count, query=""):
    return until(lambda: len([p for p in s.all("pods", query) if ready(p)]) == count)


# ---- the garbage collector ----

def gc_pods_of_a_controller_go(s):
    made = s.make("replicationcontrollers", rc("rc", 2))
    running(s, 2)
    s.delete("replicationcontrollers", "rc", propagationPolicy="Background", preconditions={"uid": made["metadata"]["uid"]})
    becomes("pods go with their controller", lambda: not s.all("pods"))


def gc_pods_of_a_controller_are_orphaned(s):
    made = s.make("replicationcontrollers", rc("rc", 100))
    until(lambda: (s.get("replicationcontrollers", "rc")["status"].get("replicas") == 100))
    s.delete("replicationcontrollers", "rc", propagationPolicy="Orphan", preconditions={"uid": made["metadata"]["uid"]})
    becomes("an orphaning controller goes", lambda: not s.get("replicationcontrollers", "rc"))
    time.sleep(3)
    pods = s.all("pods")
    check("none of a hundred pods went with it", len(pods) == 100, len(pods))
    check("none of them has an owner", not any(p["metadata"].get("ownerReferences") for p in pods))


def gc_sets_of_a_deployment(s):
    for policy in ("Background", "Orphan"):
        name = policy.lower()
        made = s.make("deployments", deployment(name, 2, {"name": name}))
        query = "?labelSelector=name=" + name
        until(lambda: s.all("replicasets", query) and running(s, 2, query))
        s.delete("deployments", name, propagationPolicy=policy, preconditions={"uid": made["metadata"]["uid"]})
        becomes("the deployment goes: " + policy, lambda: not s.get("deployments", name))
        if policy == "Background":
            becomes("and its sets", lambda: not s.all("replicasets", query) and not s.all("pods", query))
            continue
        time.sleep(2)
        sets = s.all("replicasets", query)
        check("its set stays, alone", len(sets) == 1 and not sets[0]["metadata"].get("ownerReferences"), sets)
        check("with its pods", len(owned(s.all("pods", query), sets[0]["metadata"]["uid"])) == 2)


def gc_a_controller_waits_for_its_pods(s):
    s.make("replicationcontrollers", rc("rc", 20))
    running(s, 20)
    s.delete("replicationcontrollers", "rc", propagationPolicy="Foreground")
    early = 0
    while s.get("replicationcontrollers", "rc"):
        time.sleep(0.01)
    early = len(s.all("pods"))
    check("a controller goes after its pods", early == 0, early)


def gc_a_second_owner_holds(s):
    first = s.make("replicationcontrollers", rc("to-be-deleted", 10))
    second = s.make("replicationcontrollers", rc("to-stay", 0, {"name": "other"}))
    until(lambda: len(s.all("pods")) == 10)
    ref = {"apiVersion": "v1", "kind": "ReplicationController", "name": "to-stay", "uid": second["metadata"]["uid"]}
    names = sorted(p["metadata"]["name"] for p in s.all("pods"))
    for name in names[:5]:
        s.patch("pods", name, {"metadata": {"ownerReferences": [ref]}}, **STRATEGIC)
    s.delete("replicationcontrollers", "to-be-deleted", propagationPolicy="Foreground")
    becomes("a waiting owner goes although some of its pods stay", lambda: not s.get("replicationcontrollers", "to-be-deleted"))
    time.sleep(1)
    pods = s.all("pods")
    check("those with another owner stay", sorted(p["metadata"]["name"] for p in pods) == names[:5])
    check("without the one that went", not owned(pods, first["metadata"]["uid"]) and len(owned(pods, second["metadata"]["uid"])) == 5)


def gc_a_circle_is_no_hindrance(s):
    made = [s.make("pods", pod("pod%d" % i)) for i in (1, 2, 3)]
    for i in range(3):
        owner = made[i - 1]["metadata"]
        s.patch("pods", made[i]["metadata"]["name"], {"metadata": {"ownerReferences": [{
            "apiVersion": "v1", "kind": "Pod", "name": owner["name"], "uid": owner["uid"],
            "controller": True, "blockOwnerDeletion": True}]}})
    s.delete("pods", "pod1", propagationPolicy="Foreground")
    becomes("a circle of owners goes", lambda: not s.all("pods"))


def gc_minds_namespaces(s):
    other = Space(s.cluster, s.name + "-other")
    owner = other.make("configmaps", {"metadata": {"name": "far"}})["metadata"]
    refs = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "far", "uid": owner["uid"]}]
    s.make("configmaps", {"metadata": {"name": "child", "ownerReferences": refs}})
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    s.must("POST", role, {"metadata": {"name": s.name, "ownerReferences": refs}})
    becomes("an owner in another namespace is none", lambda: not s.get("configmaps", "child"))
    becomes("that is told", lambda: any(e["reason"] == "OwnerRefInvalidNamespace" for e in s.all("events")))
    other.delete("configmaps", "far")
    time.sleep(1)
    check("what is in no namespace does not go with what is in one", s.ask("GET", role + "/" + s.name)[0] == 200)
    s.must("DELETE", role + "/" + s.name)
    made = s.make("replicationcontrollers", rc("rc", 2))
    running(s, 2)
    s.must("DELETE", s.path("replicationcontrollers", "rc"), None)
    becomes("deleted without a word a controller goes", lambda: not s.get("replicationcontrollers", "rc"))
    time.sleep(1)
    check("and leaves its pods", len(s.all("pods")) == 2 and not owned(s.all("pods"), made["metadata"]["uid"]))
    other.gone()


def gc_knows_events_of_others(s):
    s.must("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {"metadata": {"name": "events.party.example.com"}, "spec": {
        "group": "party.example.com", "scope": "Namespaced", "names": {"plural": "events", "kind": "Event"}, "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
    path = "/apis/party.example.com/v1/namespaces/%s/events" % s.name
    until(lambda: s.ask("GET", path)[0] == 200)
    owner = s.make("configmaps", {"metadata": {"name": "host"}})["metadata"]
    s.must("POST", path, {"apiVersion": "party.example.com/v1", "kind": "Event", "metadata": {"name": "dance", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "host", "uid": owner["uid"]}]}})
    s.delete("configmaps", "host")
    becomes("a custom object that is called an event goes with its owner", lambda: s.ask("GET", path + "/dance")[0] == 404)
    s.must("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/events.party.example.com")


# ---- namespaces ----

def namespace_pods_go_first(s):
    s.make("pods", pod("held") | {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    s.make("configmaps", {"metadata": {"name": "kept"}})
    until(lambda: ready(s.get("pods", "held")))
    s.gone()
    here = lambda: s.must("GET", "/api/v1/namespaces/" + s.name)  # noqa: E731
    becomes("the end of a namespace says how it goes", lambda: condition(here(), "NamespaceDeletionContentFailure"))
    becomes("its pods are asked to go", lambda: "deletionTimestamp" in s.get("pods", "held")["metadata"])
    time.sleep(3)
    check("what they need stays until then", "deletionTimestamp" not in (s.get("configmaps", "kept") or {"metadata": {"deletionTimestamp": 1}})["metadata"])
    check("the namespace is still there", here()["status"]["phase"] == "Terminating")
    s.patch("pods", "held", {"metadata": {"finalizers": None}})
    becomes("without them it goes", lambda: s.ask("GET", "/api/v1/namespaces/" + s.name)[0] == 404, 60)


def namespaces_go_fast(s):
    names = ["%s-%d" % (s.name, i) for i in range(100)]
    for name in names:
        s.must("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    became = lambda: sum(n["metadata"]["name"] in names for n in s.must("GET", "/api/v1/namespaces")["items"])  # noqa: E731
    begun = time.time()
    for name in names:
        s.must("DELETE", "/api/v1/namespaces/" + name)
    becomes("a hundred namespaces go in time", lambda: became() == 0, 150, became)
    print("     in %.1f s" % (time.time() - begun))


def namespace_things_come_back(s):
    s.delete("configmaps", "kube-root-ca.crt")
    becomes("the root CA comes back", lambda: s.get("configmaps", "kube-root-ca.crt"))
    was = s.get("configmaps", "kube-root-ca.crt")["data"]
    s.patch("configmaps", "kube-root-ca.crt", {"metadata": {"annotations": {"mine": "x"}}, "data": {"ca.crt": "", "other": "y"}})
    becomes("changed, it is put right", lambda: s.get("configmaps", "kube-root-ca.crt")["data"] == was)
    check("others' notes on it stay", s.get("configmaps", "kube-root-ca.crt")["metadata"]["annotations"].get("mine") == "x",
          s.get("configmaps", "kube-root-ca.crt"))
    before = s.get("serviceaccounts", "default")["metadata"]["uid"]
    s.delete("serviceaccounts", "default")
    becomes("the default account comes back", lambda: (s.get("serviceaccounts", "default") or {"metadata": {"uid": before}})["metadata"]["uid"] != before)


# ---- deployments ----

def deployment_takes_over_a_revision(s):
    labels = {"name": "sample-pod"}
    made = replica_set("old", 1, labels)
    made["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "3546343826724305832"}
    s.make("replicasets", made)
    running(s, 1)
    s.make("deployments", deployment("d", 1, labels, pod={"containers": [{"name": "agnhost", "image": "a"}]}))
    becomes("the next revision follows the one it found", lambda: s.get("deployments", "d")["metadata"].get("annotations", {})
            .get("deployment.kubernetes.io/revision") == "3546343826724305833", 30, lambda: s.get("deployments", "d"))
    becomes("the old set is its own, and empty", lambda: controller(s.get("replicasets", "old")).get("name") == "d" and
            s.get("replicasets", "old")["spec"]["replicas"] == 0)
    becomes("and its status complete", lambda: condition(s.get("deployments", "d"), "Progressing").get("reason") == "NewReplicaSetAvailable")


def deployment_recreates(s):
    s.make("deployments", deployment("d", 3, {"name": "d"}, strategy={"type": "Recreate"}))
    running(s, 3)
    old = {p["metadata"]["uid"] for p in s.all("pods")}
    s.patch("deployments", "d", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}})
    mixed = 0
    for _ in range(400):
        pods = s.all("pods")
        uids = {p["metadata"]["uid"] for p in pods}
        mixed += bool(uids & old) and bool(uids - old)
        if len([p for p in pods if ready(p) and p["metadata"]["uid"] not in old]) == 3:
            break
        time.sleep(0.01)
    check("old and new pods were never there together", not mixed, mixed)
    becomes("the new ones come", lambda: s.get("deployments", "d")["status"].get("updatedReplicas") == 3)


def deployment_old_sets_go(s):
    labels = {"name": "cleanup-pod"}
    s.make("replicasets", replica_set("old", 1, labels))
    running(s, 1)
    s.make("deployments", deployment("d", 1, labels, revisionHistoryLimit=0, pod={"containers": [{"name": "x", "image": "y"}]}))
    becomes("without a history the old set goes", lambda: not s.get("replicasets", "old"))


def deployment_rolls_over(s):
    labels = {"name": "rollover-pod"}
    s.make("replicasets", replica_set("old", 1, labels))
    running(s, 1)
    s.make("deployments", deployment("d", 1, labels, minReadySeconds=2,
                                     strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                                     pod={"containers": [{"name": "redis-slave", "image": "none"}], "nodeSelector": {"no": "where"}}))
    becomes("two sets are there", lambda: len(s.all("replicasets")) == 2 and s.get("deployments", "d")["status"].get("observedGeneration"))
    s.patch("deployments", "d", {"spec": {"template": {"spec": {"nodeSelector": None, "containers": [{"name": "agnhost", "image": "a"}]}}}})
    low = []

    def done():
        d = s.get("deployments", "d")["status"]
        low.append(d.get("availableReplicas", 0))
        return d.get("updatedReplicas") == 1 and d.get("replicas") == 1 and d.get("availableReplicas") == 1

    becomes("the last of them takes over", done, 30, lambda: s.get("deployments", "d")["status"])
    check("somebody was always there", min(low[1:]) >= 1, low)
    becomes("the sets before are empty", lambda: sorted(r["spec"]["replicas"] for r in s.all("replicasets")) == [0, 0, 1])


def deployment_grows_in_proportion(s):
    s.make("deployments", deployment("d", 10, {"name": "p"}, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2, "maxSurge": 3}}))
    running(s, 10)
    first = s.all("replicasets")[0]["metadata"]["name"]
    until(lambda: s.get("deployments", "d")["status"].get("availableReplicas") == 10)
    s.patch("deployments", "d", {"spec": {"template": {"spec": {"nodeSelector": {"no": "where"}}}}})
    sizes = lambda: {("first" if r["metadata"]["name"] == first else "second"): (r["spec"]["replicas"], r["status"].get("availableReplicas", 0), r["status"]["replicas"]) for r in s.all("replicasets")}  # noqa: E731
    becomes("a stuck rollout keeps most", lambda: sizes() == {"first": (8, 8, 8), "second": (5, 0, 5)}, 30, sizes)
    s.patch("deployments", "d", {"spec": {"replicas": 30}})
    becomes("both sets grow in proportion", lambda: {k: v[0] for k, v in sizes().items()} == {"first": 20, "second": 13}, 30, sizes)


def deployment_status_is_shared(s):
    s.make("deployments", deployment("d", 1, {"name": "st"}))
    running(s, 1)
    until(lambda: condition(s.get("deployments", "d"), "Progressing").get("reason") == "NewReplicaSetAvailable")
    d = s.get("deployments", "d")
    d["status"]["conditions"].append({"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"})
    s.must("PUT", s.path("deployments", "d/status"), d)
    s.must("PATCH", s.path("deployments", "d/status"), {"metadata": {"annotations": {"patched": "yes"}}, "status": {
        "conditions": s.get("deployments", "d")["status"]["conditions"] + [{"type": "StatusPatched", "status": "True"}]}}, **MERGE)
    s.patch("deployments", "d", {"spec": {"replicas": 3}})
    becomes("it grows", lambda: s.get("deployments", "d")["status"].get("readyReplicas") == 3)
    kinds = [c["type"] for c in s.get("deployments", "d")["status"]["conditions"]]
    check("others' conditions stay", {"StatusUpdate", "StatusPatched", "Available", "Progressing"} <= set(kinds), kinds)
    check("scale says so", s.must("GET", s.path("deployments", "d/scale"))["status"]["selector"] == "name=st")


# ---- sets of pods ----

def sets_adopt_and_release(s):
    for kind, make in (("replicasets", lambda n, lb: replica_set(n, 1, lb)), ("replicationcontrollers", lambda n, lb: rc(n, 1, lb))):
        name = "x" + kind[:9]
        s.make("pods", pod(name, {"name": name}))
        until(lambda: ready(s.get("pods", name)))
        s.make(kind, make(name, {"name": name}))
        becomes("%s adopt" % kind, lambda: controller(s.get("pods", name)).get("name") == name)
        query = "?labelSelector=name=" + name
        check("and make no other", len(s.all("pods", query)) == 1)
        s.patch("pods", name, {"metadata": {"labels": {"name": "not-matching"}}})
        becomes("%s release" % kind, lambda: not controller(s.get("pods", name)))
        becomes("and replace", lambda: len(s.all("pods", query)) == 1)
        s.delete("pods", name)


def sets_tell_of_a_quota(s):
    s.make("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}})
    until(lambda: (s.get("resourcequotas", "q").get("status") or {}).get("hard"))
    s.make("replicationcontrollers", rc("q", 3))
    becomes("a refused pod is told of", lambda: condition(s.get("replicationcontrollers", "q"), "ReplicaFailure").get("reason") == "FailedCreate")
    check("two are there", len(s.all("pods")) == 2)
    s.patch("replicationcontrollers", "q", {"spec": {"replicas": 2}})
    becomes("enough for fewer, it is told no more", lambda: not condition(s.get("replicationcontrollers", "q"), "ReplicaFailure"))


def sets_live(s):
    s.make("replicationcontrollers", rc("rc", 1))
    running(s, 1)
    s.patch("replicationcontrollers", "rc/status", {"status": {"readyReplicas": 0, "availableReplicas": 0}})
    becomes("a false status is put right", lambda: s.get("replicationcontrollers", "rc")["status"].get("readyReplicas") == 1)
    s.must("PATCH", s.path("replicationcontrollers", "rc/scale"), {"spec": {"replicas": 2}}, **STRATEGIC)
    becomes("scaled, it grows", lambda: s.get("replicationcontrollers", "rc")["status"].get("availableReplicas") == 2)
    s.must("DELETE", s.path("replicationcontrollers"))
    becomes("a collection of controllers goes", lambda: not s.all("replicationcontrollers"))
    for i in range(3):
        s.make("replicasets", replica_set("rs-%d" % i, 1, {"n": "rs-%d" % i}) | {"metadata": {"name": "rs-%d" % i, "labels": {"e2e": "yes"}}})
    until(lambda: sum(r["status"].get("replicas", 0) for r in s.all("replicasets")) == 3)
    s.must("DELETE", s.path("replicasets", "", "?labelSelector=e2e%3Dyes"))
    becomes("a collection of sets goes", lambda: not s.all("replicasets"))
    s.make("replicasets", replica_set("st", 1, {"n": "st"}))
    until(lambda: s.get("replicasets", "st")["status"].get("availableReplicas") == 1)
    r = s.get("replicasets", "st")
    r["status"]["conditions"] = [{"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}]
    s.must("PUT", s.path("replicasets", "st/status"), r)
    s.patch("replicasets", "st", {"spec": {"replicas": 2}})
    becomes("it grows", lambda: s.get("replicasets", "st")["status"].get("availableReplicas") == 2)
    check("others' conditions stay with a set", condition(s.get("replicasets", "st"), "StatusUpdate"), s.get("replicasets", "st"))


# ---- stateful sets, daemons, budgets ----

GATE = "example.com/open"


def gate(s, name, opened, wait=True):
    """A node that only talks makes a pod with a gate ready when it is open."""
    conditions = [c for c in s.get("pods", name)["status"].get("conditions", []) if c["type"] != GATE]
    s.patch("pods", name + "/status", {"status": {"conditions": conditions + [{"type": GATE, "status": "True" if opened else "False"}]}})
    if wait:
        until(lambda: ready(s.get("pods", name)) == opened)


def names(s, query=""):
    return [p["metadata"]["name"] for p in s.all("pods", query) if "deletionTimestamp" not in p["metadata"]]


def stateful_sets_keep_order(s):
    s.make("statefulsets", replica_set("ss", 3, {"app": "ss"}, serviceName="ss", pod={"readinessGates": [{"conditionType": GATE}]}))
    for i in range(3):
        wanted = ["ss-%d" % k for k in range(i + 1)]
        becomes("pod %d comes" % i, lambda: names(s) == wanted and s.get("pods", "ss-%d" % i)["status"].get("phase") == "Running", 30, lambda: names(s))
        time.sleep(0.5)
        check("and no other before it is ready", names(s) == wanted, names(s))
        gate(s, "ss-%d" % i, True)
    becomes("then it is whole", lambda: s.get("statefulsets", "ss")["status"].get("availableReplicas") == 3)
    for name in names(s):
        gate(s, name, False)
    s.patch("statefulsets", "ss", {"spec": {"replicas": 0}})
    time.sleep(2)
    check("none goes while none is ready", names(s) == ["ss-0", "ss-1", "ss-2"], names(s))
    gate(s, "ss-0", True)
    gate(s, "ss-1", True, wait=False)
    becomes("when only the last one is not, all go", lambda: not names(s))


def stateful_sets_roll(s):
    s.make("statefulsets", replica_set("ss", 3, {"app": "ss"}, serviceName="ss"))
    status = lambda: s.get("statefulsets", "ss")["status"]  # noqa: E731
    becomes("it is there", lambda: status().get("readyReplicas") == 3)
    image = lambda n: {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:%d" % n}]}}}}  # noqa: E731
    images = lambda: [p["spec"]["containers"][0]["image"] for p in s.all("pods")]  # noqa: E731
    first = status()["currentRevision"]
    s.patch("statefulsets", "ss", {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}})
    s.patch("statefulsets", "ss", image(2))
    becomes("above the partition it is new", lambda: images() == ["i:1", "i:1", "i:2"] and status().get("updatedReplicas") == 1, 30, images)
    check("two revisions are there", status()["currentRevision"] == first != status()["updateRevision"])
    s.delete("pods", "ss-0")
    becomes("below it stays the old one", lambda: images() == ["i:1", "i:1", "i:2"] and ready(s.get("pods", "ss-0") or {}), 30, images)
    s.patch("statefulsets", "ss", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    becomes("without it all are new", lambda: images() == ["i:2"] * 3 and status()["currentRevision"] == status()["updateRevision"] != first, 30, images)
    s.patch("statefulsets", "ss", image(1))
    becomes("back again, it is the first revision", lambda: images() == ["i:1"] * 3 and status()["currentRevision"] == first, 30, status)
    s.must("PATCH", s.path("pods", "ss-1/status"), {"status": {"phase": "Failed"}}, **MERGE)
    becomes("a failed one comes again", lambda: ready(s.get("pods", "ss-1") or {}))


def daemons_go_back_without_restarts(s):
    labels = {"d": "s"}
    made = {"metadata": {"name": "ds"}, "spec": {"selector": {"matchLabels": labels}, "template": template(labels),
                                                 "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}}
    s.make("daemonsets", made)
    becomes("one is on each node", lambda: s.get("daemonsets", "ds")["status"].get("numberAvailable") == 3)
    check("all different", sorted(p["spec"]["nodeName"] for p in s.all("pods")) == list(NODES))
    victim = s.all("pods")[0]["metadata"]
    s.must("PATCH", s.path("pods", victim["name"] + "/status"), {"status": {"phase": "Failed"}}, **MERGE)
    becomes("a failed one is replaced", lambda: victim["uid"] not in [p["metadata"]["uid"] for p in s.all("pods")] and running(s, 3))
    before = {p["metadata"]["uid"] for p in s.all("pods")}
    s.patch("daemonsets", "ds", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "foo:none"}], "readinessGates": [{"conditionType": GATE}]}}}})
    fresh = lambda: [p for p in s.all("pods") if p["spec"]["containers"][0]["image"] == "foo:none"]  # noqa: E731
    becomes("a bad one is tried", fresh)
    time.sleep(1)
    check("only one", len(fresh()) == 1)
    s.patch("daemonsets", "ds", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:1"}], "readinessGates": None}}}})
    becomes("going back ends it", lambda: not fresh() and s.get("daemonsets", "ds")["status"].get("updatedNumberScheduled") == 3 and
            s.get("daemonsets", "ds")["status"].get("numberAvailable") == 3, 30, lambda: s.get("daemonsets", "ds")["status"])
    kept = before & {p["metadata"]["uid"] for p in s.all("pods")}
    check("and the others were let alone", len(kept) == 2, len(kept))
    becomes("a revision that comes back is the newest", lambda: sorted(r["revision"] for r in s.all("controllerrevisions")) == [2, 3], 30,
            lambda: [r["revision"] for r in s.all("controllerrevisions")])


def budgets_hold_evictions(s):
    s.make("replicasets", replica_set("rs", 3, {"foo": "bar"}))
    running(s, 3)
    s.make("poddisruptionbudgets", {"metadata": {"name": "b"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"foo": "bar"}}}})
    until(lambda: s.get("poddisruptionbudgets", "b").get("status", {}).get("currentHealthy") == 3)
    name = names(s)[0]
    evict = lambda: s.ask("POST", s.path("pods", name + "/eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}})  # noqa: E731
    status, answer = evict()
    check("an eviction is refused", status == 429 and any(c["reason"] == "DisruptionBudget" for c in answer["details"]["causes"]), answer)
    s.patch("poddisruptionbudgets", "b", {"spec": {"minAvailable": 2}})
    becomes("until the budget allows it", lambda: evict()[0] == 201)


# ---- jobs ----

def job(name, parallelism=1, completions=1, **spec):
    inner = {"restartPolicy": "Never", **spec.pop("pod", {})}
    return {"metadata": {"name": name, "labels": spec.pop("labels", {})},
            "spec": {"parallelism": parallelism, "completions": completions, "template": template({"job": name}, **inner), **spec}}


def jobs_adopt_and_release(s):
    s.make("jobs", job("adopt", 2, 4, backoffLimit=6))
    running(s, 2)
    name = s.all("pods")[0]["metadata"]["name"]
    p = s.get("pods", name)
    p["metadata"]["ownerReferences"] = []
    s.must("PUT", s.path("pods", name), p)
    becomes("a job adopts its orphan again", lambda: controller(s.get("pods", name)).get("name") == "adopt")
    p = s.get("pods", name)
    p["metadata"]["labels"] = {}
    s.must("PUT", s.path("pods", name), p)
    becomes("and releases what matches no more", lambda: not controller(s.get("pods", name)), 30, lambda: s.get("pods", name))
    check("without its finalizer", not s.get("pods", name)["metadata"].get("finalizers"))


def jobs_are_deleted(s):
    s.make("jobs", job("foo", 2, 4))
    running(s, 2)
    s.delete("jobs", "foo", propagationPolicy="Foreground")
    becomes("a deleted job goes", lambda: not s.get("jobs", "foo"))
    check("with its pods", not s.all("pods"))
    s.make("jobs", job("bar", 2, 4))
    running(s, 2)
    s.delete("jobs", "bar")
    becomes("deleted without a word it goes, too", lambda: not s.get("jobs", "bar"))
    time.sleep(1)
    pods = s.all("pods")
    check("and leaves its pods, free", len(pods) == 2 and not any(p["metadata"].get("finalizers") or p["metadata"].get("ownerReferences") for p in pods), pods)


def jobs_status_is_shared(s):
    s.make("jobs", job("st", 2, 4))
    running(s, 2)
    until(lambda: s.get("jobs", "st")["status"].get("ready") == 2)
    s.patch("jobs", "st/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {
        "conditions": [{"type": "CustomConditionType", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
    s.delete("pods", s.all("pods")[0]["metadata"]["name"])
    becomes("a lost pod is counted", lambda: s.get("jobs", "st")["status"].get("failed") == 1)
    check("others' conditions stay with a job", condition(s.get("jobs", "st"), "CustomConditionType").get("lastTransitionTime") == "2026-01-01T00:00:00Z")


def jobs_live(s):
    s.make("jobs", job("live", 2, 4, suspend=True, labels={"e2e": "live"}, pod={"annotations": {"fake-node/succeeds-after": "100ms"}}))
    becomes("a suspended job says so", lambda: condition(s.get("jobs", "live"), "Suspended").get("status") == "True")
    s.patch("jobs", "live", {"spec": {"suspend": False}, "metadata": {"annotations": {"updated": "true"}}})
    becomes("resumed it completes", lambda: condition(s.get("jobs", "live"), "Complete").get("reason") == "CompletionsReached")
    got = s.get("jobs", "live")["status"]
    check("with the right numbers", (got.get("succeeded"), got.get("ready"), got.get("terminating"), got.get("active", 0)) == (4, 0, 0, 0), got)
    s.must("DELETE", s.path("jobs", "", "?labelSelector=e2e%3Dlive&propagationPolicy=Background"))
    becomes("a collection of jobs goes", lambda: not s.all("jobs") and not s.all("pods"))


def jobs_ignore_evictions(s):
    s.make("jobs", job("evicted", 1, 1, backoffLimit=0, podFailurePolicy={"rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}))
    running(s, 1)
    name = s.all("pods")[0]["metadata"]["name"]
    s.must("POST", s.path("pods", name + "/eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}})
    becomes("an evicted pod is replaced", lambda: [p for p in s.all("pods") if p["metadata"]["name"] != name and ready(p)])
    time.sleep(1)
    got = s.get("jobs", "evicted")["status"]
    check("and not counted", not got.get("failed") and not condition({"status": got}, "Failed"), got)


def jobs_have_indexes(s):
    s.make("jobs", job("ix", 2, 4, completionMode="Indexed", pod={"annotations": {"fake-node/succeeds-after": "100ms"}}))
    becomes("an indexed job completes", lambda: condition(s.get("jobs", "ix"), "Complete"))
    check("with all of its indexes", s.get("jobs", "ix")["status"].get("completedIndexes") == "0-3", s.get("jobs", "ix")["status"])
    pods = s.all("pods")
    check("each known by its host's name", sorted(p["spec"]["hostname"] for p in pods) == ["ix-%d" % i for i in range(4)])
    s.make("jobs", job("some", 2, 2, completionMode="Indexed", successPolicy={"rules": [{"succeededCount": 1}]},
                       pod={"annotations": {"fake-node/succeeds-after": "500ms"}}))
    becomes("one success is enough for a policy", lambda: condition(s.get("jobs", "some"), "Complete").get("reason") == "SuccessPolicy")
    got = s.get("jobs", "some")["status"]
    check("the rest is over", (got.get("active", 0), got.get("ready"), got.get("terminating")) == (0, 0, 0), got)
    s.make("jobs", job("fails", 2, 4, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=1, pod={"annotations": {"fake-node/fails-after": "50ms"}}))
    becomes("too many failed indexes end a job", lambda: condition(s.get("jobs", "fails"), "Failed").get("reason") == "MaxFailedIndexesExceeded", 30, lambda: s.get("jobs", "fails"))


# ---- the scheduler ----

def scheduler_respects_selectors(s):
    s.make("pods", pod("restricted", nodeSelector={"label": "nonempty"}))
    becomes("a pod without a node says so", lambda: any(e["reason"] == "FailedScheduling" for e in s.all("events")))
    s.must("PATCH", "/api/v1/nodes/fake-1", {"metadata": {"labels": {"label": "nonempty"}}}, **MERGE)
    becomes("a label gives it one", lambda: s.get("pods", "restricted")["spec"].get("nodeName") == "fake-1")
    s.must("PATCH", "/api/v1/nodes/fake-1", {"metadata": {"labels": {"label": None}}}, **MERGE)


def scheduler_keeps_to_limits(s):
    for node in NODES:
        s.make("pods", pod("filler-" + node, nodeName=node) | {"spec": dict(template({}, nodeSelector={"kubernetes.io/hostname": node}, containers=[
            {"name": "c", "image": "i", "resources": {"requests": {"cpu": "5600m"}}}])["spec"])})
    running(s, 3)
    s.make("pods", pod("additional", containers=[{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2800m"}}}]))
    becomes("what does not fit is told", lambda: "Insufficient cpu" in condition(s.get("pods", "additional"), "PodScheduled").get("message", ""))
    check("and is not bound", not s.get("pods", "additional")["spec"].get("nodeName"))


def scheduler_gives_a_port_once(s):
    port = lambda ip: [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 54322, "hostIP": ip}]}]  # noqa: E731
    s.make("pods", pod("all", nodeSelector={"kubernetes.io/hostname": "fake-0"}, containers=port("0.0.0.0")))
    running(s, 1)
    s.make("pods", pod("one", nodeSelector={"kubernetes.io/hostname": "fake-0"}, containers=port("127.0.0.1")))
    becomes("one address is among all", lambda: "free ports" in condition(s.get("pods", "one"), "PodScheduled").get("message", ""))


def extended(s, node, amount):
    s.must("PATCH", "/api/v1/nodes/%s/status" % node, {"status": {k: {EXTENDED: amount} for k in ("capacity", "allocatable")}}, **MERGE)


def wants(name, count, priority, **spec):
    amount = {EXTENDED: str(count)}
    return pod(name, containers=[{"name": "c", "image": "i", "resources": {"requests": amount, "limits": amount}}], priorityClassName=priority, **spec)


def at(node):
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}}}


def scheduler_preempts(s):
    for name, value in CLASSES.items():
        s.must("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": value})
    first = True
    for node in NODES:
        extended(s, node, "5")
        for i in range(2):
            s.make("pods", wants("%s-%d" % (node, i), 2, "low" if first else "medium", affinity=at(node), terminationGracePeriodSeconds=30))
            first = False
    running(s, 6)
    s.make("pods", wants("preemptor", 2, "high"))
    becomes("an important pod runs", lambda: ready(s.get("pods", "preemptor")))
    victim = s.get("pods", "fake-0-0")
    check("in place of the least important one", not victim or "deletionTimestamp" in victim["metadata"])
    rest = [s.get("pods", "%s-%d" % (n, i)) for n in NODES for i in range(2) if (n, i) != ("fake-0", 0)]
    check("no other one had to go", all(p and "deletionTimestamp" not in p["metadata"] for p in rest))
    s.delete("pods", "preemptor")
    system = "/api/v1/namespaces/kube-system/pods"
    s.must("POST", system, wants("critical", 4, "system-cluster-critical"))
    becomes("so does a critical one", lambda: ready(s.must("GET", system + "/critical")))
    s.must("DELETE", system + "/critical")
    for node in NODES:
        extended(s, node, None)


def scheduler_marks_who_is_preempted(s):
    extended(s, "fake-0", "1")
    victim = wants("victim", 1, "low", affinity=at("fake-0"))
    victim["metadata"]["finalizers"] = ["example.com/test-finalizer"]
    s.make("pods", victim)
    running(s, 1)
    s.make("pods", wants("preemptor", 1, "high", affinity=at("fake-0")))
    becomes("a victim is told why", lambda: condition(s.get("pods", "victim"), "DisruptionTarget").get("reason") == "PreemptionByScheduler", 30,
            lambda: s.get("pods", "victim"))
    becomes("and is going", lambda: "deletionTimestamp" in s.get("pods", "victim")["metadata"])
    s.patch("pods", "victim", {"metadata": {"finalizers": None}})
    becomes("then there is room", lambda: ready(s.get("pods", "preemptor")))
    extended(s, "fake-0", None)


def scheduler_preempts_sets(s):
    extended(s, "fake-0", "1000")
    prefix = "x-"
    for i in range(1, 5):
        s.must("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": prefix + "p%d" % i}, "value": i})
    seen = {}

    def watch_pods():
        for p in s.all("pods"):
            seen.setdefault(p["metadata"]["labels"]["name"], set()).add(p["metadata"]["uid"])

    def one(i, replicas, amount):
        amount = {EXTENDED: str(amount)}
        return replica_set("rs-pod%d" % i, replicas, {"name": "pod%d" % i}, pod={
            "containers": [{"name": "c", "image": "i", "resources": {"requests": amount, "limits": amount}}],
            "priorityClassName": prefix + "p%d" % i, "nodeSelector": {"kubernetes.io/hostname": "fake-0"}})

    for i, replicas, amount in ((1, 1, 200), (2, 1, 200), (3, 1, 300)):
        s.make("replicasets", one(i, replicas, amount))
        until(lambda: s.get("replicasets", "rs-pod%d" % i)["status"].get("readyReplicas") == replicas)
    s.make("replicasets", one(4, 1, 400))
    becomes("the most important set runs", lambda: (watch_pods(), s.get("replicasets", "rs-pod4")["status"].get("readyReplicas") == 1)[1])
    end = time.time() + 3
    while time.time() < end:
        watch_pods()
        time.sleep(0.05)
    made = {k: len(v) for k, v in sorted(seen.items())}
    check("no pod was made or taken away in vain", made == {"pod1": 2, "pod2": 1, "pod3": 1, "pod4": 1}, made)
    for i in range(1, 5):
        s.must("DELETE", "/apis/scheduling.k8s.io/v1/priorityclasses/" + prefix + "p%d" % i)
    extended(s, "fake-0", None)


# ---- taints ----

def taints_evict(s):
    taint = {"key": "kubernetes.io/e2e-evict-taint-key", "value": "evictTaintVal", "effect": "NoExecute"}
    put = lambda taints: s.must("PATCH", "/api/v1/nodes/fake-2", {"spec": {"taints": taints}}, **MERGE)  # noqa: E731
    bound = {"nodeSelector": {"kubernetes.io/hostname": "fake-2"}}
    stay = lambda seconds: [dict(taint, operator="Equal", tolerationSeconds=seconds)]  # noqa: E731
    s.make("pods", pod("short", tolerations=stay(6), **bound))
    s.make("pods", pod("long", tolerations=stay(300), **bound))
    s.make("pods", pod("none", **bound))
    running(s, 3)
    put([taint])
    becomes("who tolerates nothing goes", lambda: not s.get("pods", "none"), 5)
    check("who tolerates it for a while is still there", s.get("pods", "short"))
    becomes("and goes then", lambda: not s.get("pods", "short"))
    s.make("pods", pod("cancel", tolerations=stay(4), **bound))
    running(s, 2)
    put(None)
    time.sleep(5)
    check("without the taint nobody goes", s.get("pods", "cancel") and s.get("pods", "long"))
    s.make("pods", pod("marked", **bound) | {"metadata": {"name": "marked", "finalizers": ["example.com/f"]}})
    until(lambda: ready(s.get("pods", "marked")))
    put([taint])
    becomes("who is evicted is told why", lambda: condition(s.get("pods", "marked"), "DisruptionTarget").get("reason") == "DeletionByTaintManager")
    put(None)
    s.patch("pods", "marked", {"metadata": {"finalizers": None}})


# ---- endpoints ----

def service(name, selector, **spec):
    return {"metadata": {"name": name}, "spec": {"selector": selector, "ports": [{"name": "p", "port": 80, "targetPort": "web"}], **spec}}


def slices_of(s, name):
    return s.all("endpointslices", "?labelSelector=kubernetes.io/service-name=" + name)


def endpoints_come_and_go(s):
    s.make("services", service("empty", {"does-not": "match"}))
    becomes("a service without pods has slices and endpoints", lambda: slices_of(s, "empty") and s.get("endpoints", "empty"))
    s.delete("services", "empty")
    becomes("they go with it", lambda: not slices_of(s, "empty") and not s.get("endpoints", "empty"), 90)
    ports = lambda n: [{"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": n}]}]  # noqa: E731
    s.make("pods", pod("pod1", {"foo": "bar", "baz": "qux"}, containers=ports(3000)))
    s.make("pods", pod("pod2", {"foo": "bar"}, containers=ports(3001)))
    s.make("services", service("both", {"foo": "bar"}, publishNotReadyAddresses=True))
    s.make("services", service("one", {"baz": "qux"}))

    def numbers(name):
        return sorted((p["port"], len(x["endpoints"])) for x in slices_of(s, name) for p in x.get("ports") or [])

    becomes("one port for one pod", lambda: numbers("one") == [(3000, 1)], 30, lambda: numbers("one"))
    becomes("two numbers of a name, two slices", lambda: numbers("both") == [(3000, 1), (3001, 1)], 30, lambda: numbers("both"))
    subsets = lambda: sorted((x["ports"][0]["port"], len(x.get("addresses", []))) for x in s.get("endpoints", "both").get("subsets", []))  # noqa: E731
    becomes("and two subsets", lambda: subsets() == [(3000, 1), (3001, 1)], 30, subsets)
    s.delete("pods", "pod1")
    becomes("who goes is left out", lambda: numbers("both") == [(3001, 1)] and slices_of(s, "one")[0].get("endpoints") in (None, []), 30, lambda: (numbers("both"), slices_of(s, "one")))


def endpoints_come_fast(s):
    s.make("pods", pod("web", {"name": "web"}, containers=[{"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": 80}]}]))
    running(s, 1)
    begun = time.time()
    for i in range(200):
        s.make("services", service("svc-%d" % i, {"name": "web"}))
    full = lambda: len([x for x in s.all("endpointslices") if x.get("endpoints")])  # noqa: E731
    becomes("two hundred services have endpoints in time", lambda: full() == 200, 20, full)
    print("     in %.1f s" % (time.time() - begun))


# ---- nodes ----

def nodes_are_left_alone(s):
    made = {"metadata": {"name": "e2e-fake-node", "labels": {"e2e": "node"}}, "spec": {"unschedulable": True}, "status": {
        "phase": "Running", "conditions": [{"type": "Ready", "status": "True", "message": "Set from e2e test", "reason": "E2E"}]}}
    s.must("POST", "/api/v1/nodes", made)
    s.must("PATCH", "/api/v1/nodes/e2e-fake-node", {"metadata": {"labels": {"e2e-fake-node": "patched"}}}, **STRATEGIC)
    s.must("PATCH", "/api/v1/nodes/e2e-fake-node/status", {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}, **STRATEGIC)
    time.sleep(6)
    node = s.must("GET", "/api/v1/nodes/e2e-fake-node")
    check("what a node said of itself stays", condition(node, "Ready").get("reason") == "E2E" and condition(node, "StatusPatched"), node)
    check("it is tainted as unschedulable", any(t["key"] == "node.kubernetes.io/unschedulable" for t in node["spec"].get("taints", [])))
    s.make("pods", pod("there", nodeName="e2e-fake-node"))
    s.must("DELETE", "/api/v1/nodes/e2e-fake-node")
    becomes("pods of a node that is gone go", lambda: not s.get("pods", "there"), 90)


STORIES = [v for k, v in list(globals().items()) if k.split("_")[0] in (
    "gc", "namespace", "namespaces", "deployment", "sets", "stateful", "daemons", "budgets", "jobs", "scheduler", "taints", "endpoints", "nodes") and "_" in k]


def main():
    chosen = sys.argv[2:]
    with ApiServer(sys.argv[1]) as server, Cluster(os.path.abspath(sys.argv[1]), server) as cluster:
        cluster.begin("controllers", "--leader-elect=false", "--use-service-account-credentials", "--root-ca-file", server.data + "/pki/ca.crt")
        cluster.begin("scheduler", "--leader-elect=false")
        cluster.begin("debug", "fake-node", "--count", "3")
        until(lambda: len([n for n in server.ask("GET", "/api/v1/nodes")[1]["items"] if ready(n) and not n["spec"].get("taints")]) == 3)
        for story in STORIES:
            if chosen and story.__name__ not in chosen:
                continue
            print("---- " + story.__name__.replace("_", " "), flush=True)
            begun = time.time()
            space = Space(cluster, story.__name__.replace("_", "-"))
            story(space)
            if server.ask("GET", "/api/v1/namespaces/" + space.name)[0] == 200:
                space.gone()
            print("     %.1f s" % (time.time() - begun), flush=True)
        becomes("every namespace goes", lambda: len(server.ask("GET", "/api/v1/namespaces")[1]["items"]) == 4, 60,
                lambda: [n["metadata"]["name"] for n in server.ask("GET", "/api/v1/namespaces")[1]["items"]])
        cluster.end()
    check.finish()


main()
