#!/usr/bin/env python3
"""A registry for tests: what a directory in OCI layout holds, over https with tokens or passwords,
with whatever goes wrong on the way.

    registry.py LAYOUT PORTFILE [CERT KEY]

Repositories are modes; the tag is always 1:

    open/x      anybody            token/x    a token, for whoever asks
    basic/x     user:secret        member/x   a token, for user:secret only
    moved/x     blobs elsewhere    torn/x     every blob breaks off in the middle, once
    corrupt/x   one bit is wrong   busy/x     layers: 503 twice, then fine
    nothing/x   is not there       typeless/x manifests without a type
"""
import base64
import hashlib
import http.server
import json
import os
import ssl
import sys

layout, port_file = sys.argv[1:3]
tls = sys.argv[3:5]
seen = {}
log = open(port_file + ".log", "a", buffering=1)


def blob(digest):
    try:
        with open(os.path.join(layout, "blobs/sha256", digest.split(":", 1)[1]), "rb") as f:
            return f.read()
    except (OSError, IndexError):
        return None


index = json.load(open(os.path.join(layout, "index.json")))
top = index["manifests"][0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=(), cut=None):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
            if cut is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(2)

    def origin(self):
        return "%s://%s" % ("https" if tls else "http", self.headers["Host"])

    def refused(self, scheme, error=""):
        extra = ',error="%s"' % error if error else ""
        value = (
            'Basic realm="registry"'
            if scheme == "Basic"
            else 'Bearer realm="%s/token",service="test",scope="repository:%s:pull"%s'
            % (self.origin(), self.repository, extra)
        )
        self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', [("WWW-Authenticate", value)])

    def user(self):
        shown = self.headers.get("Authorization", "")
        if shown.startswith("Basic "):
            return base64.b64decode(shown[6:]).decode()
        return ""

    def allowed(self, mode):
        shown = self.headers.get("Authorization", "")
        if mode == "basic":
            if self.user() != "user:secret":
                self.refused("Basic")
                return False
        elif mode in ("token", "member"):
            if not shown:
                self.refused("Bearer")
                return False
            wanted = "Bearer good" if mode == "token" else "Bearer user:secret"
            if shown != wanted:
                self.refused("Bearer", "insufficient_scope")
                return False
        return True

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        log.write("%s %s %s\n" % (self.command, self.path, self.headers.get("Range", "-")))
        path, _, query = self.path.partition("?")
        if path == "/token":
            token = "good" if "token" in query else self.user() or "nobody"
            self.answer(200, json.dumps({"token": token}).encode())
            return
        if path.startswith("/elsewhere/"):
            if self.headers.get("Authorization"):
                self.answer(400, b"no credentials here")
            else:
                self.answer(200, blob(path.rsplit("/", 1)[1]))
            return
        parts = path.split("/")
        if len(parts) != 6 or parts[1] != "v2":
            self.answer(404)
            return
        mode, kind, what = parts[2], parts[4], parts[5]
        self.repository = parts[2] + "/" + parts[3]
        if mode == "nothing":
            self.answer(404)
        elif self.allowed(mode):
            self.manifest(mode, what) if kind == "manifests" else self.blob(mode, what)

    def manifest(self, mode, what):
        digest = top["digest"] if what == "1" else what
        body = blob(digest)
        if body is None or (not what.startswith("sha256:") and what != "1"):
            self.answer(404)
            return
        kind = json.loads(body).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
        self.answer(
            200,
            body,
            [
                ("Content-Type", "text/plain" if mode == "typeless" else kind),
                ("Docker-Content-Digest", digest),
            ],
        )

    def blob(self, mode, digest):
        body = blob(digest)
        if body is None:
            self.answer(404)
            return
        count = seen[mode, digest] = seen.get((mode, digest), 0) + 1
        if mode == "moved":
            # The same server under another name: a stranger, who is shown nothing.
            host, _, port = self.headers["Host"].partition(":")
            other = "127.0.0.1" if host == "localhost" else "localhost"
            self.answer(
                307,
                b"",
                [("Location", "%s://%s:%s/elsewhere/%s" % ("https" if tls else "http", other, port, digest))],
            )
        elif mode == "corrupt" and len(body) > 10000:
            self.answer(200, body[:5000] + bytes([body[5000] ^ 1]) + body[5001:])
        elif mode == "busy" and count <= 2 and len(body) > 10000:
            self.answer(503)
        elif mode == "torn" and len(body) > 10000:
            start = 0
            value = self.headers.get("Range", "")
            if value.startswith("bytes="):
                start = int(value[6:].rstrip("-"))
            cut = 5000 if count == 1 else None
            extra = [("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))]
            self.answer(206 if start else 200, body[start:], extra if start else [], cut)
        else:
            self.answer(200, body)


server = http.server.ThreadingHTTPServer(("", 0), Handler)
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
