#!/usr/bin/env python3
"""A receiver of audit events on loopback.

usage: audit_receiver.py CERT KEY DIR

Prints its port. Every event is a line of DIR/events, every call's number of events one of
DIR/calls. DIR/mood may change while it runs: "fail" answers 500, "hang" does not answer.
"""
import http.server
import json
import os
import ssl
import sys
import time

cert, key, directory = sys.argv[1:4]


def note(name, text):
    with open(os.path.join(directory, name), "a", encoding="utf-8") as f:
        f.write(text + "\n")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(os.path.join(directory, "mood"), encoding="utf-8") as f:
            mood = f.read().strip()
        note("calls", "%s %s %d" % (mood, self.path, len(events["items"])))
        if mood == "hang":
            time.sleep(3600)
        if mood == "good":
            assert (events["kind"], events["apiVersion"]) == ("EventList", "audit.k8s.io/v1")
            for event in events["items"]:
                note("events", json.dumps(event))
        self.send_response(200 if mood == "good" else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
