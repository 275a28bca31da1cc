"""Logs and commands over bare WebSockets, as upstream's conformance tests ask for them."""
import base64
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
from urllib.parse import urlsplit

kubeconfig = sys.argv[1]
tmp = sys.argv[2]


def field(name):
    for line in open(kubeconfig):
        if name + ":" in line:
            return line.split(":", 1)[1].strip().strip('"')
    return None


def context():
    c = ssl.create_default_context(cadata=base64.b64decode(field("certificate-authority-data")).decode())
    for name in ("certificate", "key"):
        with open(f"{tmp}/client.{name}", "wb") as f:
            f.write(base64.b64decode(field(f"client-{name}-data")))
    c.load_cert_chain(f"{tmp}/client.certificate", f"{tmp}/client.key")
    return c


class Session:
    """One connection: messages until the server closes, and how it did."""

    def __init__(self, path, protocol):
        server = urlsplit(field("server"))
        raw = socket.create_connection((server.hostname, server.port), 10)
        raw.settimeout(20)
        self.s = context().wrap_socket(raw, server_hostname=server.hostname)
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f"GET {path} HTTP/1.1\r\nHost: {server.netloc}\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                        f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.s.recv(4096)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])
        self.protocol = next((line.split(b":", 1)[1].strip().decode() for line in head.split(b"\r\n")
                              if line.lower().startswith(b"sec-websocket-protocol:")), "")

    def take(self, n):
        while len(self.buffer) < n:
            more = self.s.recv(4096)
            if not more:
                raise EOFError
            self.buffer += more
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def send(self, opcode, data):
        mask = os.urandom(4)
        self.s.sendall(struct.pack("!BB", 0x80 | opcode, 0x80 | len(data)) + mask +
                       bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def messages(self):
        """All of them; then the handshake of the end, and nothing behind it."""
        out = []
        while True:
            first, second = self.take(2)
            length = second & 127
            if length == 126:
                length = struct.unpack("!H", self.take(2))[0]
            data = self.take(length)
            if first & 15 == 8:
                self.send(8, data)
                assert len(data) <= 125, len(data)
                code = struct.unpack("!H", data[:2])[0] if data else None
                rest = self.s.recv(1)  # a reset would be an exception
                return out, code, rest
            if first & 15 == 9:
                self.send(10, data)
            elif data:
                out.append(data)


passed = failed = 0


def check(what, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
        print("ok  ", what)
    else:
        failed += 1
        print(f"FAIL {what}\n     wanted {wanted!r}\n     got    {got!r}")


POD = "/api/v1/namespaces/default/pods/p"


def run(query, protocol):
    s = Session(f"{POD}/exec?{query}&container=c", protocol)
    messages, code, rest = s.messages()
    said = {}
    for m in messages:
        said[m[0]] = said.get(m[0], b"") + m[1:]
    return {k: v for k, v in said.items() if v}, code, rest, s.protocol


for protocol in ("binary.k8s.io", "base64.binary.k8s.io"):
    s = Session(f"{POD}/log?container=c", protocol)
    messages, code, rest = s.messages()
    text = b"".join(base64.b64decode(m) if protocol.startswith("base64") else m for m in messages)
    check(f"a log in messages ({protocol})", text, b"container is alive\n")
    check("it ends as it should", (code, rest, s.protocol), (1000, b"", protocol))

words = "command=echo&command=remote&command=execution+test%21&stdout=1&stderr=1"
check("what a command says (channel.k8s.io)", run(words, "channel.k8s.io"),
      ({1: b"remote execution test!\n"}, 1000, b"", "channel.k8s.io"))
for truth in ("1", "true"):
    check(f"streams are asked for with {truth}",
          run(f"command=sh&command=-c&command=echo+a%3Becho+b+%3E%262&stdout={truth}&stderr={truth}",
              "channel.k8s.io")[0], {1: b"a\n", 2: b"b\n"})
said, code, rest, protocol = run(words, "v4.channel.k8s.io")
check("its end in version 4", (said.get(1), json.loads(said.get(3, b"{}")).get("status"), code, rest),
      (b"remote execution test!\n", "Success", 1000, b""))
for version in ("v4", "v5"):
    said, code, rest, protocol = run("command=sh&command=-c&command=echo+first%3Bexit+7&stdout=1", f"{version}.channel.k8s.io")
    status = json.loads(said.get(3, b"{}"))
    check(f"a code in {version}, behind all that was said",
          (said.get(1), status.get("status"), status.get("reason"), status.get("details"), code),
          (b"first\n", "Failure", "NonZeroExitCode",
           {"causes": [{"reason": "ExitCode", "message": "7"}]}, 1000))
for wish in ("channel.k8s.io, v4.channel.k8s.io", "v4.channel.k8s.io, channel.k8s.io"):
    check("the client's first wish is met", run(words, wish)[3], wish.split(",")[0])
s = Session(f"{POD}/exec?{words}&container=c", "v9.channel.k8s.io")
check("what nobody knows is refused", s.status, 403)
print("all was asked")
sys.exit(failed != 0)
