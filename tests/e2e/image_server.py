#!/usr/bin/env python3
"""A webhook that says which images may run, on loopback.

usage: image_server.py CERT KEY DIR

Prints its port. Every review is a line of DIR/reviews. DIR/mood may change while it runs: "fail"
answers 500, "hang" does not answer.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from hook_server import Hook, mood, note, serve  # noqa: E402


class Images(Hook):
    def do_POST(self):
        review = json.loads(self.body())
        now = mood()
        note("reviews", json.dumps(review, sort_keys=True))
        if now == "hang":
            time.sleep(3600)
        images = [c["image"] for c in review["spec"]["containers"]]
        status = {"allowed": not any("bad" in i for i in images),
                  "auditAnnotations": {"images": str(len(images))}}
        if "bad:told" in images:
            status["reason"] = "it is bad"
        self.answer(500 if now == "fail" else 200,
                    {"kind": "ImageReview", "apiVersion": review["apiVersion"], "status": status})


serve(Images)
