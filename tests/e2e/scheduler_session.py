#!/usr/bin/python3
"""Pods find nodes: a cluster of separate processes, its nodes simulated.

    scheduler_session.py KUBE KUBECTL
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import replay  # noqa: E402

JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: sums}
spec:
  completions: 6
  parallelism: 3
  template:
    metadata: {annotations: {fake-node/succeeds-after: 200ms}}
    spec: {restartPolicy: Never, containers: [{name: c, image: i}]}
"""
CLASS = """
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  priorityClassName: %s
  nodeSelector: {kubernetes.io/hostname: fake-0}
  containers: [{name: c, image: i, resources: {requests: {cpu: "%s"}}}]
"""
GATED = """
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec:
  schedulingGates: [{name: example.com/wait}]
  containers: [{name: c, image: i}]
"""


class Cluster:
    def __init__(self, kube, kubectl, directory):
        self.kube, self.kubectl, self.directory = os.path.abspath(kube), kubectl, directory
        self.server, _ = replay.start(self.kube, directory)
        self.config = directory + "/d/admin.kubeconfig"
        self.parts = {"apiserver": self.server}
        self.passed = self.failed = 0

    def begin(self, name, *words):
        with open(os.path.join(self.directory, name + ".log"), "a") as log:
            words = [self.kube, *words, "--kubeconfig", self.config]
            self.parts[name] = subprocess.Popen(words, stdout=log, stderr=log)

    def end(self, name):
        process = self.parts.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def run(self, *words, text=None):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("proxy")}
        env.update(KUBECONFIG=self.config, HOME=self.directory)
        done = subprocess.run([self.kubectl, *words], env=env, input=text, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.strip()

    def get(self, *words):
        text = self.run("get", *words, "-o", "json")
        return json.loads(text) if text.startswith("{") else {}

    def check(self, what, fine, said=""):
        self.passed, self.failed = self.passed + bool(fine), self.failed + (not fine)
        print(("ok   " if fine else "FAIL ") + what + ("" if fine else ": %s" % (said,)))

    def until(self, what, ask, seconds=20):
        end = time.time() + seconds
        answer = ask()
        while not answer and time.time() < end:
            time.sleep(0.1)
            answer = ask()
        self.check(what, answer, "not within %d s" % seconds)


def conditions(pod):
    return {c["type"]: c for c in pod.get("status", {}).get("conditions", [])}


def many(c):
    c.run("create", "deployment", "web", "--image=i", "--replicas=30")
    said = c.run("rollout", "status", "deployment/web", "--timeout=30s")
    c.check("a deployment becomes ready", "successfully rolled out" in said, said)
    pods = c.get("pods", "-l", "app=web")["items"]
    nodes = [p["spec"]["nodeName"] for p in pods]
    counts = sorted(nodes.count(n) for n in set(nodes))
    c.check("its pods stand on all nodes alike", counts == [10, 10, 10], counts)
    addresses = {p["status"]["podIP"] for p in pods}
    c.check("every pod has an address of its own", len(addresses) == 30, len(addresses))
    said = c.run("describe", "pod", pods[0]["metadata"]["name"])
    c.check("the event of a binding", re.search(
        r"Normal +Scheduled +\S+ +default-scheduler +Successfully assigned default/web-\S+ to fake-",
        said), said)


def none(c):
    c.run("run", "big", "--image=i",
          "--overrides={\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","
          "\"resources\":{\"requests\":{\"cpu\":\"9\"}}}]}}")
    want = ("0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: "
            "0/3 nodes are available: 3 Preemption is not helpful for scheduling.")
    c.until("a pod that fits nowhere says why",
            lambda: conditions(c.get("pod", "big")).get("PodScheduled", {}).get("message") == want)
    said = c.run("get", "events", "--field-selector", "involvedObject.name=big")
    c.check("the event says the same", "FailedScheduling" in said and want in said, said)


def preempted(c):
    c.run("apply", "-f", "-", text=CLASS)
    c.run("scale", "deployment/web", "--replicas=0")
    c.run("apply", "-f", "-", text=POD % ("low", '""', "6"))
    c.run("wait", "--for=condition=Ready", "pod/low", "--timeout=20s")
    c.run("apply", "-f", "-", text=POD % ("high", "high", "6"))
    said = c.run("wait", "--for=condition=Ready", "pod/high", "--timeout=20s")
    c.check("an important pod gets room", "condition met" in said, said)
    c.check("who was in its way is gone", not c.get("pod", "low"))
    said = c.run("get", "events", "--field-selector", "involvedObject.name=low,reason=Preempted")
    c.check("and was told by whom", re.search(r"Preempted by pod \S+ on node fake-0", said), said)


def held(c):
    c.run("cordon", "fake-0", "fake-1", "fake-2")
    c.run("run", "later", "--image=i")
    c.until("nobody takes a pod while all nodes are cordoned", lambda: "3 node(s) were unschedulable"
            in conditions(c.get("pod", "later")).get("PodScheduled", {}).get("message", ""))
    c.run("uncordon", "fake-1")
    c.until("the first free node takes it",
            lambda: c.get("pod", "later")["spec"].get("nodeName") == "fake-1", 5)
    c.run("uncordon", "fake-0", "fake-2")
    c.run("apply", "-f", "-", text=GATED)
    c.until("a gated pod is not tried",
            lambda: conditions(c.get("pod", "gated")).get("PodScheduled", {}).get("reason")
            == "SchedulingGated")
    c.run("patch", "pod", "gated", "--type=json",
          "-p", '[{"op":"remove","path":"/spec/schedulingGates"}]')
    c.until("until its gate is open", lambda: c.get("pod", "gated")["spec"].get("nodeName"), 5)


def finished(c):
    c.run("apply", "-f", "-", text=JOB)
    said = c.run("wait", "--for=condition=Complete", "job/sums", "--timeout=30s")
    c.check("a job's pods come to their end", "condition met" in said, said)


def restarted(c):
    c.check("the scheduler ends when asked to", c.end("scheduler") == 0)
    c.run("run", "waiting", "--image=i")
    time.sleep(0.5)
    c.check("without it nothing is bound", not c.get("pod", "waiting")["spec"].get("nodeName"))
    c.begin("scheduler", "scheduler", "--leader-elect=true")
    c.until("another one goes on", lambda: c.get("pod", "waiting")["spec"].get("nodeName"), 30)


def main():
    with tempfile.TemporaryDirectory() as directory:
        c = Cluster(sys.argv[1], sys.argv[2], directory)
        c.begin("controllers", "controllers", "--leader-elect=false")
        c.begin("scheduler", "scheduler", "--leader-elect=false")
        c.begin("nodes", "debug", "fake-node", "--count", "3")
        c.until("the nodes are there", lambda: c.run("get", "nodes").count(" Ready ") == 3)
        c.until("and ready for pods", lambda: not any(
            n["spec"].get("taints") for n in c.get("nodes")["items"]))
        c.until("a namespace has its account", lambda: c.get("serviceaccount", "default"))
        for story in (many, none, preempted, held, finished, restarted):
            story(c)
        for name in list(c.parts)[::-1]:
            code = c.end(name)
            c.check("%s ends well" % name, code == 0, code)
    print("%d passed, %d failed" % (c.passed, c.failed))
    raise SystemExit(c.failed != 0)


main()
