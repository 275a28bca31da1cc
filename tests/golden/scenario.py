"""The text form of golden scenarios: reading, writing, and what an answer is expected to be.

A file is a list of scenarios. Words at the start of a line say what the line is:

    scenario pods: probes: two handlers         the name; then, where needed, a line of marks:
    marks no-namespace alone                    no namespace of its own; runs while no other does
    marks plain                                 of a server without the removed versions
    marks restricted                            of a server with the plugin NodeRestriction
    POST /api/v1/namespaces/{ns}/pods           a step; what belongs to it is indented by one tab
        as alice                                who asks (the administrator when absent)
        header {"Content-Type": "text/plain"}
        body {…}  or  raw "…"                   what is sent
        save {"r": "/metadata/uid"}             kept as {r!}
        until {"/status/phase": "Active"}       asked again until the answer has these values
        managed                                 managed fields are compared too
        ignore ["/status"]                      not compared
        only ["/spec/replicas"]                 nothing else is compared; absent ones must be absent
        headers ["allow"]                       headers of the answer that are compared
        any-order                               causes come in any order
        = 201 sent {…}                          the answer: status, what it starts from, the change
        = 404 failure {…}
        = 200                                   only the status is compared
        type text/plain                         the content type when it is not JSON's
        warning "299 - …"
    WATCH /api/v1/…?watch=true
        events 3 4000                           how many to wait for, and for how many milliseconds
        event {…}                               what came
        POST /api/v1/…                          steps done while the watch is open
    sleep 200
    cleanup                                     steps after this line are not judged

A step without `=` is not judged. What an answer starts from: `sent`, the body of the request;
`last`, the JSON answered before; `failure`, a Status; `=` alone with a value, nothing. A change
is a JSON merge patch in which {"#1": …} changes one item of a list of the same length.
`{ns}` is the scenario's namespace, `{id}` a name unique to the run, `{rv}` the resource version
seen last. What differs from run to run is a mark: <ns>, <id>, <uid>, <time>, <rv>, <ip>, <port>.
"""

import copy
import json
import re

MANAGED = [
    "/metadata/managedFields",
    "/items/*/metadata/managedFields",
    "/object/metadata/managedFields",
    "/rows/*/object/metadata/managedFields",
    "/object/rows/*/object/metadata/managedFields",
]
LISTS = ("ignore", "only", "headers")
VALUES = ("header", "body", "raw", "save", "until", "warning")
FLAGS = ("managed", "any-order")
METHODS = re.compile(r"^[A-Z]+ ")


class Missing(Exception):
    """A change that does not fit what it starts from."""


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def failure(status):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": status}


def same(a, b):
    """Equal as JSON: true is not 1, and numbers are as exact as a double."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b or float(a) == float(b)
    return type(a) is type(b) and a == b


def change(old, new):
    """The change that makes `new` of `old`; both are objects, or lists of the same length."""
    if isinstance(old, list):
        pairs = [("#%d" % i, x, y) for i, (x, y) in enumerate(zip(old, new))]
        out = {}
    else:
        out = {k: None for k in old if k not in new}
        pairs = [(k, old.get(k), v) for k, v in new.items()]
    for key, x, y in pairs:
        nested = isinstance(x, dict) and isinstance(y, dict)
        nested = nested or (isinstance(x, list) and isinstance(y, list) and x and len(x) == len(y))
        if nested and x != y:
            out[key] = change(x, y)
        elif not alike(x, y) or (isinstance(old, dict) and key not in old):
            out[key] = y
    return out


def alike(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    return same(a, b)


def changed(old, patch):
    """`old` with the change made; `old` stays as it is."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if isinstance(old, list) and patch and all(k.startswith("#") for k in patch):
        out = copy.deepcopy(old)
        for key, value in patch.items():
            i = int(key[1:])
            if i >= len(out):
                raise Missing("no item %d" % i)
            out[i] = changed(out[i], value)
        return out
    out = copy.deepcopy(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = changed(out.get(key), value)
    return out


def parse_step(words, line):
    """One line that belongs to a step: adds it to the step's table."""
    word, _, rest = line.partition(" ")
    if word in LISTS or word in VALUES:
        words[word] = json.loads(rest)
    elif word in FLAGS:
        words[word] = True
    elif word in ("as", "type"):
        words[word] = rest
    elif word == "events":
        count, ms = rest.split()
        words["events"], words["ms"] = int(count), int(ms)
    elif word == "event":
        words.setdefault("event", []).append(json.loads(rest))
    elif word == "=":
        status, _, answer = rest.partition(" ")
        words["status"] = int(status)
        if answer:
            start, _, value = answer.partition(" ")
            if start not in ("sent", "last", "failure"):
                start, value = "", answer
            words["start"], words["answer"] = start, json.loads(value)
    else:
        raise ValueError("unknown word: " + line[:60])


def load(path):
    """The scenarios of a file, each {name, marks, steps, cleanup}."""
    out, steps, step = [], None, None
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            text = line.lstrip("\t")
            depth = len(line) - len(text)
            try:
                if not text or text.startswith("//"):
                    continue
                if depth == 0 and text.startswith("scenario "):
                    out.append({"name": text[9:], "marks": [], "steps": [], "cleanup": []})
                    steps = out[-1]["steps"]
                elif depth == 0 and text.startswith("marks "):
                    out[-1]["marks"] = text.split()[1:]
                elif depth == 0 and text == "cleanup":
                    steps = out[-1]["cleanup"]
                elif text.startswith("sleep ") or METHODS.match(text):
                    method, _, where = text.partition(" ")
                    new = {"do": method, "path": where, "during": []}
                    (steps if depth == 0 else steps[-1]["during"]).append(new)
                    step = new
                elif depth == 1 and steps[-1]["during"]:
                    parse_step(steps[-1], text)
                else:
                    parse_step(step, text)
            except (ValueError, IndexError, TypeError, AttributeError) as e:
                raise SystemExit("%s:%d: %s" % (path, number, e))
    return out


def print_step(step, depth=0):
    tab = "\t" * depth
    out = [tab + step["do"] + " " + step["path"]]
    inner = tab + "\t"
    for word in ("as", "type"):
        if word in step:
            out.append(inner + word + " " + step[word])
    for word in VALUES + LISTS:
        if word in step:
            out.append(inner + word + " " + compact(step[word]))
    out += [inner + word for word in FLAGS if step.get(word)]
    if "events" in step:
        out.append("%sevents %d %d" % (inner, step["events"], step["ms"]))
    if "status" in step:
        line = "%s= %d" % (inner, step["status"])
        if "answer" in step:
            line += " " + step["start"] * 1 + (" " if step["start"] else "") + compact(step["answer"])
        out.append(line)
    for event in step.get("event", []):
        out.append(inner + "event " + compact(event))
    for other in step.get("during", []):
        out += print_step(other, depth + 1)
    return out


def dump(scenarios):
    out = []
    for scenario in scenarios:
        out.append("scenario " + scenario["name"])
        if scenario["marks"]:
            out.append("marks " + " ".join(scenario["marks"]))
        for step in scenario["steps"]:
            out += print_step(step)
        if scenario["cleanup"]:
            out.append("cleanup")
            for step in scenario["cleanup"]:
                out += print_step(step)
        out.append("")
    return "\n".join(out)
