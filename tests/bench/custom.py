#!/usr/bin/python3
"""The measuring of custom.sh: custom.py KUBE DEFINITIONS"""

import http.client
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

KUBE, COUNT = sys.argv[1], int(sys.argv[2])
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OBJECTS = 1000


def schema():
    fields = {"field%d" % i: {"type": "string", "maxLength": 100, "description": "A field."} for i in range(40)}
    fields["size"] = {"type": "integer", "minimum": 0, "default": 1}
    return {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}}


def definition(i):
    version = lambda name, storage: {"name": name, "served": True, "storage": storage, "schema": schema()}
    return {
        "metadata": {"name": "things%d.g%d.example.com" % (i, i % 50)},
        "spec": {
            "group": "g%d.example.com" % (i % 50),
            "scope": "Namespaced",
            "names": {"plural": "things%d" % i, "kind": "Thing%d" % i},
            "versions": [version("v1", True), version("v2", False)],
        },
    }


class Server:
    def __init__(self, directory):
        tokens = os.path.join(directory, "tokens")
        with open(tokens, "w", encoding="utf-8") as out:
            out.write('secret,admin,1,"system:masters"\n')
        self.log = os.path.join(directory, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [KUBE, "apiserver", "--data-dir", directory + "/d", "--secure-port", "0", "--bind-address",
                 "127.0.0.1", "--token-auth-file", tokens], stderr=log)
        port = None
        while not port and self.process.poll() is None:
            with open(self.log, encoding="utf-8") as log:
                port = next((l.split("port=")[1].split()[0] for l in log if '"serving" port=' in l), None)
            time.sleep(0.01)
        if not port:
            raise SystemExit("custom: the server did not start")
        context = ssl.create_default_context(cafile=directory + "/d/pki/ca.crt")
        self.connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=context, timeout=60)

    def ask(self, method, path, body=None):
        headers = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def memory(self):
        with open("/proc/%d/status" % self.process.pid, encoding="utf-8") as status:
            return next(int(l.split()[1]) for l in status if l.startswith("VmRSS"))


def things(i, version):
    return "/apis/g%d.example.com/%s/namespaces/default/things%d" % (i % 50, version, i)


def until_served(server, i):
    while server.ask("GET", things(i, "v1"))[0] != 200:
        pass


def one_by_one(server):
    """Definitions behind the others, each waited for."""
    delays = []
    for i in range(COUNT, COUNT + 20):
        begin = time.perf_counter()
        server.ask("POST", DEFINITIONS, definition(i))
        until_served(server, i)
        delays.append((time.perf_counter() - begin) * 1000)
    print("custom_served_after %.1f ms" % statistics.median(delays))
    print("custom_served_after_worst %.1f ms" % max(delays))


def many(server):
    before, begin = server.memory(), time.perf_counter()
    for i in range(COUNT):
        server.ask("POST", DEFINITIONS, definition(i))
    for i in range(COUNT):
        until_served(server, i)
    print("custom_%d_served %.2f s" % (COUNT, time.perf_counter() - begin))
    print("custom_memory_each %.0f kB" % ((server.memory() - before) / COUNT))


def pages(server):
    for i in range(OBJECTS):
        server.ask("POST", things(0, "v1"), {
            "apiVersion": "g0.example.com/v1", "kind": "Thing0", "metadata": {"name": "o%d" % i},
            "spec": {"field%d" % k: "value" for k in range(10)}})
    for version in ("v1", "v2"):
        times = []
        for _ in range(10):
            begin = time.perf_counter()
            server.ask("GET", things(0, version))
            times.append((time.perf_counter() - begin) * 1000)
        print("custom_list_%d_as_%s %.1f ms" % (OBJECTS, "stored" if version == "v1" else "another_version",
                                               statistics.median(times)))


with tempfile.TemporaryDirectory() as place:
    it = Server(place)
    try:
        many(it)
        one_by_one(it)
        pages(it)
    finally:
        it.process.send_signal(signal.SIGTERM)
        it.process.wait(60)
