"""A backend behind the API server's proxies: tells what it was asked, and answers as told.

proxy_backend.py ADDRESS PORT NAME [CERT KEY]
"""
import base64
import gzip
import hashlib
import http.server
import json
import ssl
import sys
import zlib

PAGE = b"""<!DOCTYPE html><html><head><link rel=x href=/style.css></head><body>
<a href="/rewriteme?a=1&amp;b=2">one</a> <a href="relative">two</a> <a href='http://elsewhere/x'>three</a>
<img src=/i.png><script>var a = '<a href="/not">';</script></body></html>
"""


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def respond(self, code, body=b"", **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def upgrade(self):
        protocol = self.headers["Upgrade"]
        accept = ""
        if protocol.lower() == "websocket":
            digest = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
            accept = "Sec-WebSocket-Accept: %s\r\n" % base64.b64encode(digest.digest()).decode()
        self.wfile.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n%sX-Path: %s\r\n\r\n"
                          % (protocol, accept, self.path)).encode())
        while True:
            data = self.rfile.read1(4096)
            if not data:
                break
            self.wfile.write(data.upper())
        self.close_connection = True

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length:
            return self.rfile.read(length)
        data = b""
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            while True:
                size = int(self.rfile.readline(), 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
        return data

    def handle_any(self):
        path = self.path.split("?")[0]
        if path.endswith("/upgrade"):
            if self.headers.get("Upgrade"):
                return self.upgrade()
            return self.respond(200, b"no upgrade")
        if path.endswith("/no-upgrade"):
            return self.respond(403, b"not here")
        if path.endswith("/page"):
            return self.respond(200, PAGE, Content_Type="text/html; charset=utf-8", Cache_Control="max-age=5",
                                Access_Control_Allow_Origin="*")
        if path.endswith("/gzip"):
            return self.respond(200, gzip.compress(PAGE), Content_Type="text/html", Content_Encoding="gzip")
        if path.endswith("/deflate"):
            pack = zlib.compressobj(9, zlib.DEFLATED, -15)
            return self.respond(200, pack.compress(PAGE) + pack.flush(), Content_Type="text/html", Content_Encoding="deflate")
        if path.endswith("/broken"):
            return self.respond(200, PAGE, Content_Type="text/html", Content_Encoding="gzip")
        if path.endswith("/long"):
            return self.respond(200, b"<a href=/x>" + b"." * 6_000_000, Content_Type="text/html")
        if path.endswith("/redirect"):
            return self.respond(302, b"", Location=self.headers.get("X-To", "/elsewhere/"))
        body = self.body()
        told = {"name": sys.argv[3], "method": self.command, "path": self.path, "length": len(body),
                "headers": {k.lower(): v for k, v in self.headers.items()}}
        self.respond(200, json.dumps(told, sort_keys=True).encode(), Content_Type="application/json", Connection="close, X-Hop",
                     X_Hop="1", X_Kept="1")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any


server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Backend)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
