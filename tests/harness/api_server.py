"""An API server for tests in Python, and the shortest way to ask it: over TLS, as anybody.

    with ApiServer(kube, "--authorization-mode", "RBAC") as server:
        status, body = server.ask("GET", "/api/v1/pods")
        for status, body in server.many([("POST", path, object), …]): …

Who asks is said by a token: `admin` (system:masters) if nothing else is; TOKENS lists the others.
"""

import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import time

TOKENS = 'admin,admin,1,"system:masters"\nnobody,nobody,2\nlocal,local,3\n'
WINDOW = 16  # requests on their way at a time, on one connection


class Check:
    """Counts, and says what went wrong."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, good, seen=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print("ok   " + name if good else "FAIL %s: %.2000s" % (name, seen), flush=True)

    def finish(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        raise SystemExit(self.failed != 0 or self.passed == 0)


class ApiServer:
    def __init__(self, kube, *flags, tokens=TOKENS, durable=False):
        self.place = tempfile.TemporaryDirectory(prefix="kube-api-")
        self.data, self.log = self.place.name + "/d", self.place.name + "/log"
        self.kubeconfig = self.data + "/admin.kubeconfig"
        with open(self.place.name + "/tokens", "w", encoding="utf-8") as out:
            out.write(tokens)
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [kube, "apiserver", "--data-dir", self.data, "--secure-port", "0", "--bind-address", "127.0.0.1",
                 "--token-auth-file", self.place.name + "/tokens",
                 "--fsync=" + ("true" if durable else "false"), "--service-cluster-ip-range", "10.96.0.0/16", *flags], stderr=log)
        self.port = self.wait_for_port()
        self.url = "https://127.0.0.1:%d" % self.port
        self.tls = ssl.create_default_context(cafile=self.data + "/pki/ca.crt")
        self.connection = self.connect()

    def wait_for_port(self):
        while self.process.poll() is None:
            with open(self.log, encoding="utf-8") as log:
                for line in log:
                    if '"serving" port=' in line:
                        return int(line.split("port=")[1].split()[0])
            time.sleep(0.01)
        with open(self.log, encoding="utf-8") as log:
            raise SystemExit("the server did not start: " + log.read())

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=30)

    def ask(self, method, path, body=None, token="admin", connection=None, parse=True, **headers):
        """The status and the body, parsed if it is JSON. token None: nobody in particular."""
        connection = connection or self.connection
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError):
            connection.close()
            raise
        if parse and "json" in (answer.getheader("Content-Type") or "") and method != "HEAD":
            return answer.status, json.loads(text)
        return answer.status, text

    def many(self, requests, token="admin"):
        """(status, body) of each request (method, path, object), in their order."""
        requests, at = list(requests), 0
        while at < len(requests):
            before, sent = at, at
            with contextlib.closing(self.connect()) as connection:
                connection.connect()
                reader = connection.sock.makefile("rb")
                while at < len(requests):
                    while sent < len(requests) and sent < at + WINDOW:
                        connection.sock.sendall(self.packed(token, *requests[sent]))
                        sent += 1
                    try:
                        answer = self.one(reader, requests[at][0])
                    except OSError as e:
                        raise SystemExit("%s: %s %s" % ((e,) + requests[at][:2])) from e
                    if not answer:
                        break  # it has closed the connection: what is left comes over another
                    yield answer
                    at += 1
            if at == before:
                yield 0, b"closed without an answer"
                at += 1

    @staticmethod
    def packed(token, method, path, body):
        text = b"" if body is None else json.dumps(body).encode()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        head = "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
            method, path, kind, len(text), "Authorization: Bearer %s\r\n" % token if token else "")
        return head.encode() + text

    @staticmethod
    def one(reader, method):
        status, length, kind, chunked, text = reader.readline().split(), 0, b"", False, b""
        if not status:
            return None
        for line in iter(reader.readline, b"\r\n"):
            name, _, value = line.strip().lower().partition(b": ")
            length = int(value) if name == b"content-length" else length
            kind = value if name == b"content-type" else kind
            chunked = chunked or (name, value) == (b"transfer-encoding", b"chunked")
        if chunked and method != "HEAD":
            while length := int(reader.readline(), 16):
                text += reader.read(length)
                reader.readline()
            reader.readline()
        elif method != "HEAD":
            text = reader.read(length)
        return int(status[1]), json.loads(text) if text and kind.startswith(b"application/json") else text

    def figures(self):
        """CPU seconds it has used, and its memory in bytes."""
        with open("/proc/%d/stat" % self.process.pid, encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        return (int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * page

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        """Ends it, well: a server that does not is a failure of the test."""
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        with open(self.log, encoding="utf-8") as log:
            text = log.read()
        self.place.cleanup()
        if status:
            raise SystemExit("the server ended with %d: %s" % (status, text[-4000:]))
