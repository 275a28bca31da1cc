#!/usr/bin/python3
"""A small API server for others to put behind their own: widgets.example.com/v1.

    extension_server.py CERT KEY CLIENT-CA PORT-FILE

It believes who asks only from a client with a certificate of CLIENT-CA, as its headers say it.
"""
import http.server
import json
import ssl
import sys
import threading
import time

GROUP = "/apis/widgets.example.com/v1"
WIDGETS = {"one": {"kind": "Widget", "apiVersion": "widgets.example.com/v1",
                   "metadata": {"name": "one", "namespace": "default", "resourceVersion": "1",
                                "creationTimestamp": "2026-01-01T00:00:00Z"},
                   "size": 1}}
DISCOVERY = {
    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "widgets.example.com/v1",
    "resources": [
        {"name": "widgets", "singularName": "widget", "namespaced": True, "kind": "Widget",
         "verbs": ["create", "delete", "get", "list", "watch"], "shortNames": ["wd"]},
        {"name": "widgets/status", "singularName": "", "namespaced": True, "kind": "Widget",
         "verbs": ["get", "update"]}]}

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
OPENAPI = {
    "swagger": "2.0", "info": {"title": "widgets", "version": "1"},
    "paths": {
        "/apis/": {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/com.example.Unused"}}}}},
        GROUP + "/namespaces/{namespace}/widgets": {
            "get": {"operationId": "listWidgets", "x-kubernetes-action": "list",
                    "x-kubernetes-group-version-kind": {"group": "widgets.example.com", "version": "v1", "kind": "Widget"},
                    "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/com.example.Widget"}}}},
            "parameters": [{"$ref": "#/parameters/pretty-tJGM1-ng"}]}},
    "parameters": {"pretty-tJGM1-ng": {"in": "query", "name": "pretty", "type": "string", "uniqueItems": True}},
    "definitions": {
        "com.example.Unused": {"type": "object"},
        META + "DeleteOptions": {"type": "object", "description": "not theirs"},
        META + "Time": {"type": "string", "format": "date-time", "description": "words of its own"},
        "com.example.Widget": {
            "type": "object", "description": "A widget of another server.",
            "properties": {
                "size": {"type": "integer", "description": "How large it is."},
                "since": {"$ref": "#/definitions/" + META + "Time"},
                "deleted": {"$ref": "#/definitions/" + META + "DeleteOptions"}},
            "x-kubernetes-group-version-kind": [{"group": "widgets.example.com", "version": "v1", "kind": "Widget"}]}}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, code, tree):
        body = json.dumps(tree).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, text):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def watch(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(3):
            event = {"type": "ADDED", "object": dict(WIDGETS["one"], size=i)}
            self.chunk(json.dumps(event).encode() + b"\n")
            time.sleep(0.2)
        self.wfile.write(b"0\r\n\r\n")

    def echo(self):
        """After the upgrade every line comes back in capitals."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "echo")
        self.end_headers()
        self.wfile.flush()
        self.wfile.write(self.rfile.readline().upper())
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self):
        path, _, query = self.path.partition("?")
        user = self.headers.get("X-Remote-User")
        if not self.connection.getpeercert() or not user:
            self.answer(401, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                              "message": "who are you?", "reason": "Unauthorized", "code": 401})
        elif path == GROUP:
            self.answer(200, DISCOVERY)
        elif path == "/openapi/v2":
            self.answer(200, OPENAPI if user == "system:aggregator" else {})
        elif path == "/openapi/v3" + GROUP:
            self.answer(200, {"openapi": "3.0.0", "info": {"title": "widgets"}, "paths": {}})
        elif path == GROUP + "/echo":
            self.echo()
        elif path == GROUP + "/whoami":
            self.answer(200, {"user": user, "groups": self.headers.get_all("X-Remote-Group"),
                              "authorization": self.headers.get("Authorization"),
                              "extra": self.headers.get("X-Remote-Extra-Scopes")})
        elif "watch=true" in query or "watch=1" in query:
            self.watch()
        elif path.endswith("/widgets"):
            self.answer(200, {"kind": "WidgetList", "apiVersion": "widgets.example.com/v1",
                              "metadata": {"resourceVersion": "1"},
                              "items": list(WIDGETS.values())})
        elif path.rsplit("/", 1)[1] in WIDGETS:
            self.answer(200, WIDGETS[path.rsplit("/", 1)[1]])
        else:
            self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                              "message": "no such widget", "reason": "NotFound", "code": 404})

    def do_POST(self):
        tree = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tree["metadata"]["resourceVersion"] = "2"
        WIDGETS[tree["metadata"]["name"]] = tree
        self.answer(201, tree)


def main():
    cert, key, roots, port_file = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(roots)
    context.verify_mode = ssl.CERT_OPTIONAL
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    with open(port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(server.server_address[1]))
    import os
    os.rename(port_file + ".new", port_file)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # until whoever started it ends


main()
