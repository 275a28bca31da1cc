#!/usr/bin/python3
"""Admission webhooks of all sorts, by path; what they were asked stands in a file.

    webhook_server.py CERT KEY PORT-FILE ASKED-FILE
"""
import base64
import http.server
import json
import os
import ssl
import sys
import threading
import time


def patch(operations):
    return {"patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def decide(path, request):
    labels = (request.get("object") or {}).get("metadata", {}).get("labels") or {}
    if path == "/label":
        before = "/metadata/labels" if labels else "/metadata"
        value = {"op": "add", "path": before + ("/touched" if labels else "/labels"),
                 "value": "yes" if labels else {"touched": "yes"}}
        return dict(allowed=True, **patch([value]))
    if path == "/count":  # sees what others have made of it
        seen = str(len(labels))
        return dict(allowed=True, **patch([
            {"op": "add", "path": "/metadata/annotations", "value": {"labels-seen": seen}}]))
    if path == "/deny":
        return {"allowed": False, "status": {"message": "no pods on Sundays", "code": 403}}
    if path == "/warn":
        return {"allowed": True, "warnings": ["this is old"]}
    if path == "/slow":
        time.sleep(5)
    return {"allowed": True}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = review["request"]
        path = self.path.partition("?")[0]
        with open(sys.argv[4], "a", encoding="utf-8") as out:
            out.write("%s %s %s %s dry=%s\n" % (path, request["operation"],
                      request["resource"]["resource"], request.get("name", "-"),
                      request["dryRun"]))
        if path == "/garbage":
            body = b"what?"
        elif path == "/lie":
            body = json.dumps({"kind": "AdmissionReview", "apiVersion": review["apiVersion"],
                               "response": {"uid": "another", "allowed": True}}).encode()
        else:
            body = json.dumps({"kind": "AdmissionReview", "apiVersion": review["apiVersion"],
                               "response": dict(uid=request["uid"],
                                                **decide(path, request))}).encode()
        self.send_response(500 if path == "/broken" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    with open(sys.argv[3] + ".new", "w", encoding="ascii") as out:
        out.write(str(server.server_address[1]))
    os.rename(sys.argv[3] + ".new", sys.argv[3])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # until whoever started it ends


main()
