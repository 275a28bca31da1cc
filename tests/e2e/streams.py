#!/usr/bin/python3
"""What the Python client has for looking into pods: streams.py KUBECONFIG, with pods as for streams.mjs."""

import sys
import time
import warnings

warnings.filterwarnings("ignore")
from kubernetes import client, config, watch  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402
from kubernetes.stream import portforward, stream  # noqa: E402

passed = failed = 0


def check(name, good, seen=None):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print("ok   python: " + name if good else "FAIL python: %s: %.500s" % (name, seen))


def run(core, command, **named):
    words = dict(command=command, stderr=True, stdin=False, stdout=True, tty=False)
    words.update(named)
    return stream(core.connect_get_namespaced_pod_exec, "web", "default", **words)


def commands(core):
    said = run(core, ["sh", "-c", "echo out; echo err >&2"])
    check("a command", sorted(said.split()) == ["err", "out"], said)
    open_one = run(core, ["sh"], stdin=True, _preload_content=False)
    open_one.write_stdin("echo first\n")
    line = open_one.readline_stdout(timeout=10)
    check("what is typed as text arrives", line == "first", line)
    open_one.write_stdin(b"echo second; exit 9\n")
    line = open_one.readline_stdout(timeout=10)
    check("and as bytes", line == "second", line)
    open_one.run_forever(timeout=10)
    check("its code", open_one.returncode == 9, open_one.returncode)
    shell = run(core, ["sh"], stdin=True, tty=True, _preload_content=False)
    shell.write_channel(4, '{"Width":91,"Height":27}')
    shell.write_stdin("sleep 0.3; stty size; exit\n")
    shell.run_forever(timeout=10)
    said = shell.read_all()
    check("a terminal, and its size", "27 91" in said, said)
    try:
        stream(core.connect_get_namespaced_pod_exec, "nobody", "default", command="x", stdout=True)
        check("no such pod", False)
    except ApiException as e:
        check("no such pod", "404" in str(e.reason), e.reason)


def ask(socket, path):
    socket.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path)
    got = b""
    socket.settimeout(10)
    while True:
        part = socket.recv(65536)
        if not part:
            return got
        got += part


def ports(core):
    way = portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="80,81")
    page = ask(way.socket(80), b"/")
    check("a port", b"<title>kube" in page, page)
    check("without an error", way.error(80) is None, way.error(80))
    for _ in range(100):
        if way.error(81):
            break
        time.sleep(0.1)
    check("one that nobody listens at", "refused" in str(way.error(81)), way.error(81))


def logs(core):
    said = core.read_namespaced_pod_log("talker", "default", tail_lines=1)
    check("a log", said.startswith("heard "), said)
    seen = []
    words = watch.Watch().stream(
        core.read_namespaced_pod_log, "talker", "default", tail_lines=1, _request_timeout=20
    )
    talk = stream(
        core.connect_get_namespaced_pod_attach, "talker", "default", stdin=True, stdout=True,
        stderr=False, tty=False, _preload_content=False,
    )
    talk.write_stdin("from python\n")
    for line in words:
        seen.append(line)
        if "python" in line:
            break
    check("followed", seen[-1] == "heard from python", seen)
    talk.close()


def main():
    config.load_kube_config(sys.argv[1])
    core = client.CoreV1Api()
    for part in (commands, ports, logs):
        try:
            part(core)
        except Exception as e:  # whatever the client finds wrong with an answer
            check(part.__name__, False, "%s: %s" % (type(e).__name__, e))
    print("%d passed, %d failed" % (passed, failed))
    sys.stdout.flush()
    raise SystemExit(failed != 0)


main()
