#!/usr/bin/env python3
"""A webhook that says which images may run, on loopback.

usage: image_server.py CERT KEY DIR

Prints its port. Every review is a line of DIR/reviews. DIR/mood may change while it runs: "fail"
answers 500, "hang" does not answer.
"""
import http.server
import json
import os
import ssl
import sys
import time

cert, key, directory = sys.argv[1:4]


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(os.path.join(directory, "mood"), encoding="utf-8") as f:
            mood = f.read().strip()
        with open(os.path.join(directory, "reviews"), "a", encoding="utf-8") as f:
            f.write(json.dumps(review, sort_keys=True) + "\n")
        if mood == "hang":
            time.sleep(3600)
        images = [c["image"] for c in review["spec"]["containers"]]
        status = {"allowed": not any("bad" in i for i in images),
                  "auditAnnotations": {"images": str(len(images))}}
        if "bad:told" in images:
            status["reason"] = "it is bad"
        answer = json.dumps({"kind": "ImageReview", "apiVersion": review["apiVersion"],
                             "status": status}).encode()
        self.send_response(500 if mood == "fail" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
