#!/usr/bin/env python3
"""Admission webhooks of all sorts, by path, on loopback.

usage: webhook_server.py CERT KEY DIR

Prints its port. What they are asked is a line of DIR/asked each.
"""
import base64
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from hook_server import Hook, note, serve  # noqa: E402


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


class Admission(Hook):
    def do_POST(self):
        review = json.loads(self.body())
        request = review["request"]
        path = self.path.partition("?")[0]
        note("asked", "%s %s %s %s dry=%s" % (path, request["operation"],
             request["resource"]["resource"], request.get("name", "-"), request["dryRun"]))
        body = {"kind": "AdmissionReview", "apiVersion": review["apiVersion"]}
        if path == "/garbage":
            body = b"what?"
        elif path == "/lie":
            body["response"] = {"uid": "another", "allowed": True}
        else:
            body["response"] = dict(uid=request["uid"], **decide(path, request))
        self.answer(500 if path == "/broken" else 200, body)


serve(Admission)
