#!/usr/bin/python3
"""Quotas and ranges under sixty-four writers at a time: quota.py KUBE

Whatever comes together, no more is admitted than there is room for; what a quota says is used is
what is there; and what is deleted makes room again.
"""

import collections
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from api_server import ApiServer, Check  # noqa: E402

WRITERS = 64
NS = "/api/v1/namespaces/room"
HARD = {"configmaps": "100", "pods": "40", "requests.cpu": "3", "limits.memory": "2Gi", "services": "30",
        "services.nodeports": "10", "persistentvolumeclaims": "25", "requests.storage": "100Gi", "count/deployments.apps": "15",
        "secrets": "60"}
UNITS = {"": 1, "m": 0.001, "Mi": 1 << 20, "Gi": 1 << 30, "Ki": 1 << 10, "k": 1000}
check = Check()


def number(quantity):
    digits = quantity.rstrip("mMGKik")
    return float(digits) * UNITS[quantity[len(digits):]]


def config_map(name):
    return NS + "/configmaps", {"metadata": {"name": name}}


def secret(name):
    return NS + "/secrets", {"metadata": {"name": name}}


def pod(name):
    cpu = random.choice(("50m", "100m", "200m"))
    return NS + "/pods", {"metadata": {"name": name}, "spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}, "limits": {"memory": "64Mi"}}}]}}


def best_effort(name):
    return NS + "/pods", {"metadata": {"name": "be-" + name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def service(name):
    kind = random.choice(("ClusterIP", "NodePort"))
    return NS + "/services", {"metadata": {"name": "s" + name}, "spec": {"type": kind, "ports": [{"port": 80}]}}


def claim(name):
    size = random.choice(("1Gi", "5Gi", "10Gi"))
    return NS + "/persistentvolumeclaims", {"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}}


def deployment(name):
    return "/apis/apps/v1/namespaces/room/deployments", {"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}


KINDS = (config_map, secret, pod, best_effort, service, claim, deployment)


def setup(server):
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "room"}})
    server.ask("POST", NS + "/serviceaccounts", {"metadata": {"name": "default"}})
    server.ask("POST", NS + "/limitranges", {"metadata": {"name": "range"}, "spec": {"limits": [
        {"type": "Container", "max": {"cpu": "1"}, "default": {"memory": "64Mi"},
         "defaultRequest": {"cpu": "100m", "memory": "16Mi"}}]}})
    for name, hard, more in (("all", HARD, {}), ("few", {"pods": "25"}, {"scopes": ["NotBestEffort"]}),
                             ("again", {"configmaps": "90"}, {})):
        status, body = server.ask("POST", NS + "/resourcequotas", {"metadata": {"name": name}, "spec": dict(more, hard=hard)})
        check("quota %s is made" % name, status == 201, body)


def storm(server, job):
    """Sixty-four threads, each over a connection of its own; what they were told, counted."""
    told, lock, gate = collections.Counter(), threading.Lock(), threading.Barrier(WRITERS)

    def writer(number):
        connection, mine = server.connect(), collections.Counter()
        connection.connect()
        gate.wait()
        job(number, lambda *request: server.ask(*request, connection=connection), mine)
        connection.close()
        with lock:
            told.update(mine)

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def fill(number, ask, told):
    for turn in range(4):
        for kind in KINDS:
            path, body = kind("w%d-%d" % (number, turn))
            status, answer = ask("POST", path, body)
            told[kind.__name__, status] += 1
            if status == 403 and "exceeded quota: " not in answer["message"]:
                told["other words: " + answer["message"], status] += 1


def churn(number, ask, told):
    random.seed(number)
    for turn in range(8):
        kind = random.choice(KINDS)
        path, body = kind("c%d-%d" % (number, turn))
        status, _ = ask("POST", path, body)
        told[kind.__name__, status] += 1
        if status == 201 and random.random() < 0.8:
            more = {"gracePeriodSeconds": 0}
            told["gone", ask("DELETE", path + "/" + body["metadata"]["name"], more)[0]] += 1


def there(server):
    """What is used, counted from the objects."""
    lists = {name: server.ask("GET", path)[1]["items"] for name, path in (
        [(n, NS + "/" + n) for n in ("configmaps", "pods", "services", "persistentvolumeclaims", "secrets")]
        + [("count/deployments.apps", "/apis/apps/v1/namespaces/room/deployments")])}
    used = {name: len(items) for name, items in lists.items()}
    each = [p["spec"]["containers"][0].get("resources", {}) for p in lists["pods"]]
    used["requests.cpu"] = sum(number(r.get("requests", {}).get("cpu", "0")) for r in each)
    used["limits.memory"] = sum(number(r.get("limits", {}).get("memory", "0")) for r in each)
    used["services.nodeports"] = sum("nodePort" in p for s in lists["services"] for p in s["spec"]["ports"])
    used["requests.storage"] = sum(number(c["spec"]["resources"]["requests"]["storage"]) for c in lists["persistentvolumeclaims"])
    return used


def differs(server):
    """What a quota says that is not so, or is too much."""
    wrong, used = [], there(server)
    for quota in server.ask("GET", NS + "/resourcequotas")[1]["items"]:
        for name, hard in quota["spec"]["hard"].items():
            said = quota["status"].get("used", {}).get(name)
            if said is None or abs(number(said) - used[name]) > 1e-6 or used[name] > number(hard) + 1e-6:
                wrong.append((quota["metadata"]["name"], name, "hard", hard, "used", said, "there", used[name]))
    return wrong


def written_late(server, since):
    """Objects that were written before their quota said so: a crash between would forget them."""
    path = NS + "/resourcequotas?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dall&resourceVersion=" + since
    said = [json.loads(line)["object"] for line in server.ask("GET", path, parse=False)[1].splitlines()]
    said = [(int(q["metadata"]["resourceVersion"]), q["status"]["used"]) for q in said]
    late = []
    for name, path in (("configmaps", NS + "/configmaps"), ("secrets", NS + "/secrets"),
                       ("count/deployments.apps", "/apis/apps/v1/namespaces/room/deployments")):
        written = sorted(int(o["metadata"]["resourceVersion"]) for o in server.ask("GET", path)[1]["items"])
        for count, version in enumerate(written, 1):
            known = [used[name] for at, used in said if at < version]
            if not known or int(known[-1]) < count:
                late.append((name, version, "the", count, "of which are said", known[-1:]))
    return late


def soon(server):
    for _ in range(150):
        wrong = differs(server)
        if not wrong:
            break
        time.sleep(0.1)
    return wrong


class Watcher(threading.Thread):
    """Looks all the time whether more is said to be used than there may be."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over, self.looks, self.stop = server, [], 0, False
        self.start()

    def run(self):
        connection = self.server.connect()
        while not self.stop:
            for quota in self.server.ask("GET", NS + "/resourcequotas", connection=connection)[1]["items"]:
                for name, used in quota.get("status", {}).get("used", {}).items():
                    if number(used) > number(quota["spec"]["hard"][name]) + 1e-6:
                        self.over.append((name, used))
            self.looks += 1
            time.sleep(0.01)
        connection.close()


def controllers(kube, server):
    return subprocess.Popen([kube, "controllers", "--kubeconfig", server.kubeconfig, "--leader-elect=false",
                             "--controllers", "resourcequota-controller"], stderr=subprocess.DEVNULL)


def main():
    kube = sys.argv[1]
    with ApiServer(kube) as server:
        process = controllers(kube, server)
        try:
            setup(server)
            check("the quotas are counted from the beginning", not soon(server), differs(server))
            watcher, since = Watcher(server), server.ask("GET", NS + "/resourcequotas")[1]["metadata"]["resourceVersion"]
            told = storm(server, fill)
            late = written_late(server, since)
            check("a quota's status is written before what it counts", not late, [len(late)] + late[:5])
            refused = sum(n for (_, status), n in told.items() if status == 403)
            check("nobody is told anything but yes or no", {s for _, s in told} == {201, 403}, told)
            check("and no for want of room", not [w for w in told if w[0].startswith("other")], told)
            check("%d writes had no room" % refused, refused > 500, told)
            used = there(server)
            for kind, name in ((config_map, "configmaps"), (secret, "secrets"), (claim, "persistentvolumeclaims"),
                               (deployment, "count/deployments.apps"), (service, "services")):
                check("who was told yes is there: " + name, told[kind.__name__, 201] == used[name], (told, used))
            check("it is full", used["configmaps"] == 90 and used["secrets"] == 60 and used["count/deployments.apps"] == 15
                  and (used["pods"] == 25 or used["requests.cpu"] > 2.9), used)
            check("and the quotas say so", not soon(server), differs(server))
            for name in ("pods", "services", "persistentvolumeclaims", "configmaps"):
                server.ask("DELETE", NS + "/" + name, {"gracePeriodSeconds": 0})
            check("what is deleted makes room", not soon(server), differs(server))
            told = storm(server, churn)
            check("writes and deletions together", told["gone", 200] > 20 and {s for _, s in told} <= {200, 201, 403}, told)
            check("leave what the quotas say", not soon(server), differs(server))
            watcher.stop = True
            watcher.join()
            check("in none of %d looks was it too much" % watcher.looks, watcher.looks > 20 and not watcher.over, watcher.over)
        finally:
            process.terminate()
            process.wait()
    check.finish()


main()
