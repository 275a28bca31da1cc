"""Counts a Deployment's pods as a watcher is told of them: made, placed, Running.

    fake_nodes.py made|placed KUBECONFIG NODES
"""
import base64
import http.client
import json
import re
import ssl
import sys
import tempfile
import time

PODS = 2000
URL = "/api/v1/namespaces/default/pods"
what, path, nodes = sys.argv[1], sys.argv[2], int(sys.argv[3])
text = open(path, encoding="utf-8").read()


def field(name):
    return re.search(name + r": (\S+)", text).group(1)


def file_of(name):
    f = tempfile.NamedTemporaryFile()
    f.write(base64.b64decode(field(name)))
    f.flush()
    return f


ca, cert, key = (file_of(n) for n in (
    "certificate-authority-data", "client-certificate-data", "client-key-data"))
context = ssl.create_default_context(cafile=ca.name)
context.load_cert_chain(cert.name, key.name)
host = field("server")[8:]


def ask(method, url, body=None):
    while True:
        connection = http.client.HTTPSConnection(host, context=context)
        try:
            connection.request(method, url, json.dumps(body) if body else None,
                               {"Content-Type": "application/json"})
            return connection.getresponse()
        except OSError:  # it has ended, or not begun
            time.sleep(0.005)


def listed(url):
    return json.loads(ask("GET", url).read())


def events(version):
    for line in ask("GET", "%s?watch=1&resourceVersion=%s" % (URL, version)):
        yield json.loads(line)["object"]


def count(version, reached):
    """How many seconds lie between the first and the last pod of which it holds."""
    names, first = set(), 0
    for pod in events(version):
        if reached(pod):
            first = first or time.monotonic()
            names.add(pod["metadata"]["name"])
            if len(names) == PODS:
                return time.monotonic() - first
    raise SystemExit("the watch ended with %d of %d" % (len(names), PODS))


if what == "made":
    while len(listed("/api/v1/nodes")["items"]) < nodes:
        time.sleep(0.1)
    labels = {"app": "many"}
    answer = ask("POST", "/apis/apps/v1/namespaces/default/deployments", {
        "metadata": {"name": "many"}, "spec": {
            "replicas": PODS, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{
                    "name": "c", "image": "img:1",
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}]}}}})
    assert answer.status == 201, answer.read()
    took = count("0", lambda pod: True)
else:
    took = count(listed(URL)["metadata"]["resourceVersion"], lambda pod: pod["spec"].get("nodeName"))
print("fake_nodes_%d_pods_%s %.0f pods/s" % (nodes, what, PODS / took))
