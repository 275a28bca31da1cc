#!/usr/bin/python3
"""The measuring of custom.sh: custom.py KUBE DEFINITIONS"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from api_server import ApiServer  # noqa: E402

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
    before, begin = server.figures()[1], time.perf_counter()
    for i in range(COUNT):
        server.ask("POST", DEFINITIONS, definition(i))
    for i in range(COUNT):
        until_served(server, i)
    print("custom_%d_served %.2f s" % (COUNT, time.perf_counter() - begin))
    print("custom_memory_each %.0f kB" % ((server.figures()[1] - before) / 1024 / COUNT))


def pages(server):
    for i in range(OBJECTS):
        server.ask("POST", things(0, "v1"), {
            "apiVersion": "g0.example.com/v1", "kind": "Thing0", "metadata": {"name": "o%d" % i},
            "spec": {"field%d" % k: "value" for k in range(10)}})
    for version in ("v1", "v2"):
        times = []
        for _ in range(10):
            begin = time.perf_counter()
            server.ask("GET", things(0, version), parse=False)
            times.append((time.perf_counter() - begin) * 1000)
        print("custom_list_%d_as_%s %.1f ms" % (OBJECTS, "stored" if version == "v1" else "another_version",
                                               statistics.median(times)))


with ApiServer(KUBE, durable=True) as it:
    many(it)
    one_by_one(it)
    pages(it)
