#!/usr/bin/env python3
"""A receiver of audit events on loopback.

usage: audit_receiver.py CERT KEY DIR

Prints its port. Every event is a line of DIR/events, every call's number of events one of
DIR/calls. DIR/mood may change while it runs: "fail" answers 500, "hang" does not answer.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from hook_server import Hook, mood, note, serve  # noqa: E402


class Receiver(Hook):
    def do_POST(self):
        events = json.loads(self.body())
        now = mood()
        note("calls", "%s %s %d" % (now, self.path, len(events["items"])))
        if now == "hang":
            time.sleep(3600)
        if now == "good":
            assert (events["kind"], events["apiVersion"]) == ("EventList", "audit.k8s.io/v1")
            for event in events["items"]:
                note("events", json.dumps(event))
        self.answer(200 if now == "good" else 500)


serve(Receiver)
