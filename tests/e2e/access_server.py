#!/usr/bin/env python3
"""A webhook server and an OpenID issuer on loopback, for tests of who may do what.

usage: access_server.py CERT KEY DIR

Prints its port. Every review that it is asked is a line of DIR/reviews. DIR/keys.json and
DIR/mood may change while it runs: the issuer's keys, and how reviews are answered.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from hook_server import Hook, directory, mood, note, serve  # noqa: E402


def access(spec):
    """alice reads config maps, nobody touches secrets, liar is told both."""
    user, asked = spec.get("user"), spec.get("resourceAttributes", {})
    if user == "liar":
        return {"allowed": True, "denied": True, "reason": "both"}
    if asked.get("resource") == "secrets":
        return {"allowed": False, "denied": True, "reason": "secrets are secret"}
    if user == "alice" and asked.get("verb") in ("get", "list") and asked.get("resource") == "configmaps":
        return {"allowed": True, "reason": "alice reads"}
    if user == "maker":
        return {"allowed": True}
    if user == "picky" and asked.get("labelSelector", {}).get("requirements") == [
            {"key": "app", "operator": "In", "values": ["a", "b"]}]:
        return {"allowed": True}
    return {"allowed": False, "reason": "not in the mood"}


def token(spec):
    known = {"hook-token": {"username": "hooked", "uid": "h1", "groups": ["hooks"],
                            "extra": {"example.com/a": ["b"]}}}
    user = known.get(spec.get("token"))
    if not user:
        return {"authenticated": False}
    status = {"authenticated": True, "user": user}
    if spec.get("audiences"):
        status["audiences"] = spec["audiences"][:1]
    return status


class Access(Hook):
    failures = 0

    def do_POST(self):
        body = self.body()
        review = json.loads(body)
        note("reviews", self.path + " " + body.decode())
        now = mood()
        if now == "hang":
            time.sleep(3)
        if now == "garbage":
            return self.answer(200, b"<html>", "text/html")
        if now == "down":
            return self.answer(503, b"down")
        if now == "flaky":
            Access.failures += 1
            if Access.failures % 3:
                return self.answer(500, b"again")
        decide = access if review["kind"] == "SubjectAccessReview" else token
        self.answer(200, {"apiVersion": review["apiVersion"], "kind": review["kind"],
                          "status": decide(review["spec"])})

    def do_GET(self):
        issuer = "https://127.0.0.1:%d" % self.server.server_port
        if self.path == "/.well-known/openid-configuration":
            return self.answer(200, {"issuer": issuer, "jwks_uri": issuer + "/keys"})
        if self.path == "/other/.well-known/openid-configuration":
            return self.answer(200, {"issuer": issuer + "/other", "jwks_uri": issuer + "/keys"})
        if self.path == "/claims":  # of those who show what their token gave them
            if self.headers.get("Authorization") != "Bearer shown":
                return self.answer(401, b"no")
            with open(os.path.join(directory, "claims.jwt"), "rb") as f:
                return self.answer(200, f.read(), "application/jwt")
        if self.path == "/keys":
            with open(os.path.join(directory, "keys.json"), "rb") as f:
                return self.answer(200, f.read())
        self.answer(404, b"no")


serve(Access)
