#!/usr/bin/python3
"""Sends every hostile request to one server; each must get its answer, and a good one after it.

    hostile.py KUBE [--write] [TEXT]       TEXT: only requests whose names contain it
"""

import json
import os
import re
import select
import signal
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "golden")]
import hostile_requests as requests  # noqa: E402
import replay  # noqa: E402

ANSWERS = os.path.join(HERE, "hostile_answers.txt")
LONG = 1500
VARY = [
    (re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), b"<uid>"),
    (re.compile(rb"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), b"<time>"),
    (re.compile(rb"in record \(\d+\)"), b"in record (<rv>)"),
    (re.compile(rb"resourceVersion(\W+)\d+"), rb"resourceVersion\1<rv>"),
    (re.compile(rb"A_[a-z0-9]{5}"), b"A_<random>"),
    (re.compile(rb"(x){40,}|(n){40,}|(m){40,}|(k){40,}|(v){40,}|(A){40,}"), b"<many>"),
]


def exchange(server, data):
    """The bytes that come back until the answer is whole, the end, or three seconds."""
    plain = socket.create_connection((server.host, server.port), timeout=20)
    with server.tls.wrap_socket(plain, server_hostname=server.host) as stream:
        stream.setblocking(False)
        got, sent, until = b"", 0, time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if sent < len(data):
                    sent += stream.send(data[sent : sent + 65536])
                    if sent == len(data):
                        until = min(until, time.monotonic() + 3)
            except OSError as e:
                if "Want" not in type(e).__name__:
                    sent = len(data)
            try:
                more = stream.recv(65536)
                if not more:
                    return got
                got += more
                if complete(got):
                    return got
                continue
            except OSError as e:
                if "Want" not in type(e).__name__:
                    return got
            writing = [stream] if sent < len(data) else []
            select.select([stream], writing, [], 0.2)
        return got


def complete(got):
    head, end, body = got.partition(b"\r\n\r\n")
    if not end or head.startswith(b"HTTP/1.1 100"):
        return False
    length = re.search(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)", head)
    if length:
        return len(body) >= int(length[1])
    return b"chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


def shown(got):
    """One line that says all of the answer that matters."""
    head, _, body = got.partition(b"\r\n\r\n")
    if not head:
        return "the connection ends"
    status = head.split(b" ")[1].decode()
    if b"chunked" in head.lower():
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n(?=[0-9a-f]+\r\n)", body, re.S)) or body
    if status[0] == "2" and b'"status":"Failure"' not in body:
        return status
    for pattern, mark in VARY:
        body = pattern.sub(mark, body)
    try:
        text = json.dumps(json.loads(body), ensure_ascii=True, separators=(",", ":"))
    except ValueError:
        text = json.dumps(body.decode("utf-8", "replace"))
    return status + " " + (text if len(text) <= LONG else text[:LONG] + "…")


def prepare(client):
    maps = requests.config_map(metadata={"name": "there"}, data={"a": "b"})
    apps = dict(requests.deployment(), metadata={"name": "there"})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    accounts = requests.CORE + "/serviceaccounts"
    for path, body in ((requests.MAPS, maps), (requests.APPS, apps), (accounts, account)):
        answer = client.ask("POST", path, body=json.dumps(body).encode())
        assert answer.status == 201, answer.text


def main():
    words = [w for w in sys.argv[2:] if w != "--write"]
    table = [row for row in requests.table() if not words or words[0] in row[0]]
    expected = {}
    if os.path.exists(ANSWERS):
        for line in open(ANSWERS, encoding="utf-8"):
            name, _, answer = line.rstrip("\n").partition("\t")
            expected[name] = answer
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        process, server = replay.start(os.path.abspath(sys.argv[1]), directory)
        client = replay.Client(server)
        prepare(client)
        answers = dict(expected) if words else {}
        for name, data in table:
            answers[name] = got = shown(exchange(server, data))
            good = client.ask("GET", requests.ONE)
            alive = good.status == 200 and good.json["data"] == {"a": "b"}
            if got == expected.get(name) and alive:
                passed += 1
                continue
            failed += 1
            print("FAIL %s\n    want %s\n    got  %s" % (name, expected.get(name), got))
            if not alive:
                print("    and the good request after it: %s" % good.text[:200])
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)
    if "--write" in sys.argv:
        with open(ANSWERS, "w", encoding="utf-8") as file:
            file.writelines("%s\t%s\n" % item for item in answers.items())
    print("ok   the server ends well" if ended == 0 else "FAIL the server ends with %d" % ended)
    passed, failed = passed + (ended == 0), failed + (ended != 0)
    print("%d passed, %d failed" % (passed, failed))
    raise SystemExit(failed != 0)


main()
