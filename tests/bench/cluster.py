#!/usr/bin/python3
"""Pods created one at a time, then many at once: from the request to Running in a watch, and gone;
commands in one of them."""
import base64
import glob
import http.client
import json
import os
import re
import ssl
import sys
import tempfile
import threading
import time

ONE_BY_ONE, AT_ONCE, MANY, COMMANDS = 20, 20, 200, 50
text = open(sys.argv[1], encoding="utf-8").read()


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
PODS = "/api/v1/namespaces/default/pods"


def connect():
    return http.client.HTTPSConnection(host, context=context)


calls = connect()


def ask(method, path, body=None):
    calls.request(method, path, json.dumps(body) if body else None,
                  {"Content-Type": "application/json"})
    answer = calls.getresponse()
    data = answer.read()
    return answer.status, data


running, gone, born = {}, {}, {}
told = threading.Condition()


def watch():
    connection = connect()
    connection.request("GET", PODS + "?watch=1")
    answer = connection.getresponse()
    for line in answer:
        event = json.loads(line)
        pod = event["object"]
        now = time.monotonic()
        with told:
            if event["type"] == "DELETED":
                gone[pod["metadata"]["name"]] = now
            elif pod.get("status", {}).get("phase") == "Running":
                running.setdefault(pod["metadata"]["name"], now)
            told.notify_all()


threading.Thread(target=watch, daemon=True).start()
time.sleep(0.3)


def create(name):
    born[name] = time.monotonic()
    status, data = ask("POST", PODS, {
        "metadata": {"name": name},
        "spec": {"containers": [
            {"name": "c", "image": "kube.local/sample:1"}]}})
    assert status == 201, data


def wait(where, names, seconds=120):
    with told:
        assert told.wait_for(lambda: all(n in where for n in names), seconds), "too slow"


def delete(names):
    asked = {}
    time.sleep(0.3)  # until they heed signals
    for n in names:
        asked[n] = time.monotonic()
        ask("DELETE", PODS + "/" + n)
    wait(gone, names)
    return sorted(gone[n] - asked[n] for n in names)


def say(name, values):
    values = sorted(values)
    print("%s_p50 %.1f ms" % (name, 1000 * values[len(values) // 2]))
    print("%s_p99 %.1f ms" % (name, 1000 * values[(len(values) * 99) // 100]))


times, ends = [], []
for i in range(ONE_BY_ONE):
    n = "one-%d" % i
    create(n)
    wait(running, [n])
    times.append(running[n] - born[n])
    ends += delete([n])
say("pod_running_one", times)
say("pod_gone_one", ends)
names = ["at-once-%d" % i for i in range(AT_ONCE)]
for n in names:
    create(n)
wait(running, names)
say("pod_running_twenty", [running[n] - born[n] for n in names])
say("pod_gone_twenty", delete(names))


def machine():
    """What the machine has left, and what its kernel has for itself, KiB."""
    with open("/proc/meminfo", encoding="utf-8") as f:
        lines = {line.split(":")[0]: int(line.split()[1]) for line in f}
    return lines["MemAvailable"], sum(
        lines[name] for name in ("SUnreclaim", "KernelStack", "PageTables", "Percpu"))


def pss_of(pid):
    with open("/proc/%s/smaps_rollup" % pid, encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def pss():
    """Of the cluster's process, KiB."""
    return pss_of(sys.argv[2])


def helpers_and_others():
    """What the helpers have (with the seed that they share), and the pods' own processes, KiB."""
    helpers, others = 0, 0
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        pid = path.split("/")[2]
        with open(path, "rb") as f:
            words = f.read().split(b"\0")
        with open("/proc/%s/cgroup" % pid, encoding="utf-8") as f:
            in_pod = "/kubepods" in f.read()
        if words[1:2] in ([b"shim"], [b"seed"]):
            helpers += pss_of(pid)
        elif in_pod:
            others += pss_of(pid)
    return helpers, others


def frames(stream):
    """Of a WebSocket: opcode and bytes."""
    while True:
        head = stream.read(2)
        if len(head) < 2:
            return
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
        yield head[0] & 15, stream.read(size)


def execute(name):
    """From the connection to the status of the command."""
    begin = time.monotonic()
    connection = connect()
    connection.request("GET", PODS + "/" + name + "/exec?command=true&stdout=1&stderr=1", headers={
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Protocol": "v5.channel.k8s.io"})
    stream = connection.sock.makefile("rb")
    line = stream.readline()
    assert b" 101 " in line, line
    while stream.readline().strip():
        pass
    for opcode, data in frames(stream):
        if opcode == 2 and data[:1] == b"\3":
            assert json.loads(data[1:])["status"] == "Success", data
            connection.close()
            return time.monotonic() - begin
    raise AssertionError("no status came")


create("commands")
wait(running, ["commands"])
execute("commands")
say("exec_round_trip", [execute("commands") for i in range(COMMANDS)])
delete(["commands"])
left, kernel = machine()
server = pss()
names = ["many-%d" % i for i in range(MANY)]
begin = time.monotonic()
for n in names:
    create(n)
wait(running, names, 300)
print("pods_%d_running %.2f s" % (MANY, time.monotonic() - begin))
say("pod_running_%d" % MANY, [running[n] - born[n] for n in names])
left_now, kernel_now = machine()
helper, own = helpers_and_others()
print("pod_memory %.0f KiB" % ((left - left_now) / MANY))
print("pod_memory_own %.0f KiB" % (own / MANY))
print("pod_memory_helper %.0f KiB" % (helper / MANY))
print("pod_memory_server %.0f KiB" % ((pss() - server) / MANY))
print("pod_memory_kernel %.0f KiB" % ((kernel_now - kernel) / MANY))
print("cluster_pss_pods %d KiB" % pss(), flush=True)
begin = time.monotonic()
say("pod_gone_%d" % MANY, delete(names))
print("pods_%d_gone %.2f s" % (MANY, time.monotonic() - begin))
