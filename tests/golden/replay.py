#!/usr/bin/python3
"""Replays golden scenarios against an API server and compares every answer.

    replay.py --kube build/dev/kube [--match TEXT] [--show N] [--write] [FILE…]
    replay.py --kube build/dev/kube --controllers …
    replay.py --url https://127.0.0.1:6443 --tokens FILE …

With --kube it starts a server of its own and ends it. Without files it takes all of this folder,
but those in control/, which want controllers and a scheduler: with --controllers it starts them,
too, and takes only those.
Scenarios marked `plain` get a server of their own that serves what upstream does and no removed
versions; `restricted` ones, a server that restricts nodes. Scenarios known to fail stand in `expected-failures`; one of them that passes is as wrong as
another that fails. --write brings that file up to date. The form of the files: scenario.py.
"""

import argparse
import glob
import http.client
import json
import os
import queue
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import scenario as golden

HERE = os.path.dirname(os.path.abspath(__file__))
KNOWN = os.path.join(HERE, "expected-failures")
TOKENS = (  # some answers name them
    'admin-token,admin,admin-uid,"system:masters"\n'
    'alice-token,alice,alice-uid,"devs"\n'
    "bob-token,bob,bob-uid\n"
    # What a cluster's own parts may do is for upstream's policy to say.
    "controllers-token,system:kube-controller-manager,controllers-uid\n"
    "scheduler-token,system:kube-scheduler,scheduler-uid\n"
)
OWN = {  # scenarios with these marks get servers of their own
    "plain": ("--runtime-config", "api/removed=false"),
    "restricted": (
        "--enable-admission-plugins", "NodeRestriction", "--authorization-mode", "Node,RBAC"
    ),
}
TIMEOUT = 30
PATIENCE = 30  # seconds for what takes its time to come

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
REFUSED = re.compile(r"User \\\"[^\\]*\\\" cannot \S+ resource \\\"[^\\]*")
ABSENT = object()
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADDRESS = re.compile(r"[0-9a-fA-F.:]+")
FILL = re.compile(r"\{(ns|id|rv|[a-z][A-Za-z0-9]*!)\}")
TEXT_MARKS = [
    (UUID, "<uid>"),
    (re.compile(r"resourceVersion: \d+"), "resourceVersion: <rv>"),
    (re.compile(r"(Too large resource version): \d+, current: \d+"), r"\1: <rv>, current: <rv>"),
    (re.compile(r"(too old resource version): \d+ \(\d+\)"), r"\1: <rv> (<rv>)"),
    (re.compile(r"in record \(\d+\)"), "in record (<rv>)"),
]


class Server:
    """Where requests go: an address, the authorities it is known by, the tokens of its users."""

    def __init__(self, host, port, tokens, ca=None):
        self.host, self.port, self.tokens = host, port, tokens
        self.tls = ssl.create_default_context(cafile=ca)
        if ca is None:
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT, context=self.tls)


class Answer:
    def __init__(self, response, data):
        self.status = response.status
        self.headers = response.headers
        self.type = response.headers.get("Content-Type", "")
        self.text = data.decode("utf-8", "replace")
        self.json = None
        if "json" in self.type:
            try:
                self.json = json.loads(self.text)
            except ValueError:
                pass


class Client:
    """One connection, kept between requests."""

    def __init__(self, server):
        self.server, self.connection = server, None

    def send(self, connection, method, path, who, headers, body):
        # What a client library would add by itself is not sent: managers are named after it.
        connection.putrequest(method, path, skip_accept_encoding=True)
        names = {name.lower() for name in headers}
        headers = dict(headers)
        if "accept" not in names:
            headers["Accept"] = "application/json"
        if who in self.server.tokens:
            headers["Authorization"] = "Bearer " + self.server.tokens[who]
        if body is not None and "content-type" not in names:
            headers["Content-Type"] = "application/json"
        chunked = "transfer-encoding" in names
        if not chunked and "content-length" not in names:
            if body is not None or method in ("POST", "PUT", "PATCH"):
                headers["Content-Length"] = str(len(body or b""))
        for name, value in headers.items():
            connection.putheader(name, value)
        if chunked and body is not None:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif chunked:
            body = b"0\r\n\r\n"
        connection.endheaders(body)

    def ask(self, method, path, who="admin", headers={}, body=None):
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = self.server.connect()
            fresh = self.connection.sock is None
            try:
                self.send(self.connection, method, path, who, headers, body)
                response = self.connection.getresponse()
                return Answer(response, response.read())
            except (OSError, http.client.HTTPException):
                # An idle connection may have been closed; a new one may not.
                self.connection.close()
                self.connection = None
                if fresh or attempt:
                    raise


class Watch(threading.Thread):
    """A stream of events on a connection of its own."""

    def __init__(self, client, path, step, headers):
        super().__init__(daemon=True)
        self.events, self.count = [], step["events"]
        self.connection = client.server.connect()
        client.send(self.connection, "GET", path, step.get("as", "admin"), headers, None)
        self.enough, self.opened = threading.Event(), threading.Event()
        self.start()

    def run(self):
        try:
            response = self.connection.getresponse()
            self.opened.set()
            for line in response:
                if line.strip():
                    self.events.append(json.loads(line))
                if len(self.events) >= self.count:
                    break
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.opened.set()
        self.enough.set()

    def end(self):
        sock = self.connection.sock
        if sock:
            try:
                sock.shutdown(2)
            except OSError:
                pass
        self.join(TIMEOUT)
        self.connection.close()


def pointer(value, path, absent=None):
    for key in path.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, list) and key == "length":
            value = len(value)
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return absent
    return value


def drop(value, path):
    keys = [k.replace("~1", "/").replace("~0", "~") for k in path.split("/")[1:]]

    def walk(node, rest):
        key, rest = rest[0], rest[1:]
        inside = node if isinstance(node, dict) else {}
        if isinstance(node, list):
            inside = {str(i): x for i, x in enumerate(node)}
        if not rest and isinstance(node, dict):
            for name in list(node) if key == "*" else [key]:
                node.pop(name, None)
        elif not rest and isinstance(node, list) and key in inside:
            node[int(key)] = None
        elif rest:
            for child in inside.values() if key == "*" else [inside.get(key)]:
                walk(child, rest)

    walk(value, keys)
    return value


class Marks:
    """Turns what differs from run to run into marks, and marks in requests into what they are."""

    def __init__(self, identity):
        self.values = {"id": identity, "ns": "ns-" + identity}

    def name(self, text):
        return text.replace(self.values["ns"], "<ns>").replace(self.values["id"], "<id>")

    def fill(self, value):
        if isinstance(value, str):
            put = lambda m: str(self.values.get(m[1].rstrip("!"), m[0]))
            return FILL.sub(put, value)
        if isinstance(value, list):
            return [self.fill(x) for x in value]
        if isinstance(value, dict):
            return {self.fill(k): self.fill(v) for k, v in value.items()}
        return value

    def sent(self, value):
        """A body as the expected answer shows it."""
        if isinstance(value, str):
            return value.replace("{ns}", "<ns>").replace("{id}", "<id>")
        if isinstance(value, list):
            return [self.sent(x) for x in value]
        if isinstance(value, dict):
            return {self.sent(k): self.sent(v) for k, v in value.items()}
        return value

    def of(self, value, key=""):
        if isinstance(value, dict):
            return {self.name(k): self.of(v, k) for k, v in value.items()}
        if isinstance(value, list):
            items = [self.of(x, key) for x in value]
            # Managers come in no order that lasts: here by their text, keys as they came.
            return sorted(items, key=golden.compact) if key == "managedFields" else items
        if isinstance(value, str):
            return self.text(value, key)
        if key in ("nodePort", "healthCheckNodePort") and isinstance(value, (int, float)):
            return "<port>" if value else 0
        return value

    def text(self, value, key):
        if key == "resourceVersion":
            return value if value in ("", "0") else "<rv>"
        if key == "uid":
            return UUID.sub("<uid>", value)
        if TIME.fullmatch(value):
            return "<time>"
        if key in ("clusterIP", "clusterIPs") and value != "None" and ADDRESS.fullmatch(value):
            return "<ip>"
        if key == "continue":
            return "<continue>"
        if key == "token" and len(value) > 60:
            return "<token>"
        value = self.name(value)
        for pattern, mark in TEXT_MARKS:
            value = pattern.sub(mark, value)
        return value


def ordered(value):
    return json.dumps(value, sort_keys=True)


def differences(want, got, path=""):
    if golden.alike(want, got):
        return []
    keys = None
    if isinstance(want, dict) and isinstance(got, dict):
        keys = list(want) + [k for k in got if k not in want]
    elif isinstance(want, list) and isinstance(got, list):
        keys = range(max(len(want), len(got)))
        want, got = dict(enumerate(want)), dict(enumerate(got))
    if keys is None:
        return ["%s: want %.240s got %.240s" % (path or "/", json.dumps(want), json.dumps(got))]
    out = []
    for key in keys:
        where = "%s/%s" % (path, key)
        if key not in got:
            out.append("%s: missing, want %.160s" % (where, json.dumps(want[key])))
        elif key not in want:
            out.append("%s: not wanted: %.160s" % (where, json.dumps(got[key])))
        else:
            out += differences(want[key], got[key], where)
    return out


class Run:
    """One scenario being played."""

    def __init__(self, client, scenario, identity, settles=False):
        self.client, self.scenario, self.settles = client, scenario, settles
        self.marks = Marks(identity)
        self.last = None
        self.bad = []
        self.refused = []  # of steps whose answers nobody compares

    def play(self):
        ns = self.marks.values["ns"]
        fresh = "no-namespace" not in self.scenario["marks"]
        if fresh:
            self.make("/api/v1/namespaces", "Namespace", ns)
            self.make("/api/v1/namespaces/%s/serviceaccounts" % ns, "ServiceAccount", "default")
        for number, step in enumerate(self.scenario["steps"], 1):
            self.number = number
            try:
                self.step(step)
            except (OSError, http.client.HTTPException) as e:
                self.complain(step, ["%s: %s" % (type(e).__name__, e)])
        for step in self.scenario["cleanup"]:
            try:
                self.request(step)
            except (OSError, http.client.HTTPException):
                pass
        if fresh:
            self.client.ask("DELETE", "/api/v1/namespaces/" + ns)
        if self.bad:
            self.bad += ["step %d was refused: %d %s" % refusal for refusal in self.refused]
        return self.bad

    def make(self, path, kind, name):
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
        self.client.ask("POST", path, body=json.dumps(body).encode())

    def complain(self, step, findings):
        where = "step %d %s %s: " % (self.number, step["do"], step["path"])
        self.bad += [where + finding for finding in findings]

    def step(self, step):
        if step["do"] == "sleep":
            time.sleep(int(step["path"]) / 1000)
        elif step["do"] == "WATCH":
            self.watch(step)
        else:
            answer = self.request(step)
            end = time.monotonic() + PATIENCE
            while self.comes_later(step, answer) and time.monotonic() < end:
                time.sleep(0.25)
                answer = self.request(step)
            if "status" not in step:
                self.complain(step, self.missing(step, answer))
            self.judge(step, answer)

    def comes_later(self, step, answer):
        """
        Controllers take their time, on a busy machine more than the recording's: what is read of
        their work is read again until it is there.
        """
        if self.missing(step, answer):
            return True
        if not self.settles or step["do"] != "GET" or "status" not in step:
            return False
        last = self.last
        late = bool(self.findings(step, answer))
        self.last = last
        return late

    def missing(self, step, answer):
        """What an answer still has to become for the step to be over."""
        wanted = self.marks.fill(step.get("until", {})).items()
        met = {p: golden.alike(pointer(answer.json, p), v) for p, v in wanted}
        return ["never came: %s %s" % (p, golden.compact(v)) for p, v in wanted if not met[p]]

    def request(self, step):
        body = None
        if "raw" in step:
            body = self.marks.fill(step["raw"]).encode()
        elif "body" in step:
            body = golden.compact(self.marks.fill(step["body"])).encode()
        headers = self.marks.fill(step.get("header", {}))
        path = self.marks.fill(step["path"])
        return self.client.ask(step["do"], path, step.get("as", "admin"), headers, body)

    def watch(self, step):
        headers = self.marks.fill(step.get("header", {}))
        watch = Watch(self.client, self.marks.fill(step["path"]), step, headers)
        watch.opened.wait(0.15)
        for inner in step["during"]:
            self.step(inner)
        watch.enough.wait(step["ms"] / 1000)
        watch.end()
        got = [self.shown(step, event) for event in watch.events[: step["events"]]]
        found = differences(step.get("event", []), got)
        self.complain(step, ["events" + d for d in found])

    def shown(self, step, value):
        value = self.marks.of(value)
        ignored = step.get("ignore", [])
        for path in ignored if step.get("managed") else ignored + golden.MANAGED:
            drop(value, path)
        return value

    def judge(self, step, answer):
        for name, path in step.get("save", {}).items():
            self.marks.values[name] = pointer(answer.json, path)
        version = pointer(answer.json, "/metadata/resourceVersion")
        if version:
            self.marks.values["rv"] = version
        if "status" not in step:
            if answer.status >= 400:
                self.refused.append((self.number, answer.status, answer.text))
            return
        self.complain(step, self.findings(step, answer))

    def findings(self, step, answer):
        bad = differences(step["status"], answer.status, "status")
        warning = ", ".join(answer.headers.get_all("Warning") or [])
        bad += differences(step.get("warning", ""), self.marks.name(warning), "warning")
        for name, value in step.get("headers", {}).items():
            bad += differences(value, answer.headers.get(name), "header " + name)
        if "answer" in step:
            bad += differences(step.get("type", "application/json"), answer.type, "type")
            bad += self.compare(step, answer)
        return bad

    def compare(self, step, answer):
        want, got = step["answer"], None
        if answer.json is None:
            got = self.marks.name(answer.text)[:4000]
        else:
            got = self.shown(step, answer.json)
        if step["start"]:
            start = {"sent": lambda: self.marks.sent(step["body"]), "last": lambda: self.last}
            start["failure"] = lambda: golden.failure(step["status"])
            want = golden.changed(self.shown_start(step, start[step["start"]]()), want)
        if "only" in step:
            got = {p: pointer(got, p, ABSENT) for p in step["only"]}
            got = {p: v for p, v in got.items() if v is not ABSENT}
        elif isinstance(want, dict) and want.get("kind") != "Status":
            self.last = want
        if step.get("any-order"):
            for side in (want, got):
                causes = pointer(side, "/details/causes")
                if causes:
                    causes.sort(key=ordered)
        return differences(want, got)

    def shown_start(self, step, value):
        value = json.loads(json.dumps(value))
        for path in [] if step.get("managed") else golden.MANAGED:
            drop(value, path)
        return value


class Crew:
    """Threads that play scenarios of a queue; those marked `alone` come last, one by one."""

    def __init__(self, server, size, settles=False):
        self.server, self.size, self.settles = server, size, settles
        self.prefix = "g" + format(int(time.time()) % 36**5, "x")
        self.results, self.lock = {}, threading.Lock()

    def work(self, todo):
        client = Client(self.server)
        while True:
            try:
                number, key, scenario = todo.get_nowait()
            except queue.Empty:
                return
            begin = time.monotonic()
            try:
                bad = Run(client, scenario, "%sx%x" % (self.prefix, number), self.settles).play()
            except (OSError, http.client.HTTPException) as e:
                bad = ["%s: %s" % (type(e).__name__, e)]
            with self.lock:
                self.results[key] = (bad, time.monotonic() - begin)

    def play(self, scenarios):
        both = queue.Queue(), queue.Queue()
        for number, (key, scenario) in enumerate(scenarios):
            both["alone" in scenario["marks"]].put((number, key, scenario))
        for todo, size in zip(both, (self.size, 1)):
            crew = [threading.Thread(target=self.work, args=(todo,)) for _ in range(size)]
            for thread in crew:
                thread.start()
            for thread in crew:
                thread.join()
        return self.results


def start(kube, directory, *flags):
    """A server on a port of its own choice: its process, and how to reach it."""
    os.makedirs(directory, exist_ok=True)
    tokens = os.path.join(directory, "tokens")
    with open(tokens, "w") as file:
        file.write(TOKENS)
    log = os.path.join(directory, "log")
    with open(log, "w") as file:
        words = [kube, "apiserver", "--data-dir", directory + "/d", "--secure-port", "0"]
        words += ["--bind-address", "127.0.0.1", "--token-auth-file", tokens]
        words += ["--service-cluster-ip-range", "10.96.0.0/16"]
        # Upstream's was on where nodes were asked about; it is about them alone.
        words += ["--enable-admission-plugins", "NodeRestriction", *flags]
        process = subprocess.Popen(words, stderr=file, stdout=file)
    for _ in range(400):
        found = re.search(r'"serving" port=(\d+)', open(log).read())
        if found:
            ca = directory + "/d/pki/ca.crt"
            return process, Server("127.0.0.1", int(found[1]), users(tokens), ca)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    sys.stderr.write(open(log).read()[-4000:])
    raise SystemExit("the server does not start")


def start_part(words, log):
    with open(log, "w") as file:
        return subprocess.Popen(words, stderr=file, stdout=file)


def write_kubeconfig(server, directory, user):
    """Its path: for a part of the cluster that is nobody but itself."""
    path = "%s/%s.kubeconfig" % (directory, user)
    cluster = {
        "server": "https://%s:%d" % (server.host, server.port),
        "certificate-authority": directory + "/d/pki/ca.crt",
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": {"token": server.tokens[user]}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
    with open(path, "w") as file:
        json.dump(config, file)
    return path


def start_scheduler(kube, server, directory):
    kubeconfig = write_kubeconfig(server, directory, "system:kube-scheduler")
    words = [kube, "scheduler", "--kubeconfig", kubeconfig]
    return start_part(words + ["--leader-elect=false"], directory + "/scheduler.log")


def start_controllers(kube, server, directory):
    """The controllers, once they work: that shows in the objects of a new namespace."""
    authority = directory + "/d/pki/ca"
    kubeconfig = write_kubeconfig(server, directory, "system:kube-controller-manager")
    words = [kube, "controllers", "--kubeconfig", kubeconfig, "--use-service-account-credentials"]
    words += ["--leader-elect=false", "--root-ca-file", authority + ".crt"]
    words += ["--cluster-signing-cert-file", authority + ".crt"]
    words += ["--cluster-signing-key-file", authority + ".key"]
    words += ["--allocate-node-cidrs", "--cluster-cidr", "10.244.0.0/16"]
    process = start_part(words, directory + "/controllers.log")
    client = Client(server)
    for _ in range(400):
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        if client.ask("GET", account).status == 200:
            return process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    sys.stderr.write(open(directory + "/controllers.log").read()[-4000:])
    raise SystemExit("the controllers do not start")


def refusals(directory):
    """What the parts were not allowed to do. There is nothing of the kind."""
    found = set()
    for path in glob.glob(directory + "/*.log"):
        found.update(REFUSED.findall(open(path).read()))
    return sorted(found)


def users(path):
    return {line.split(",")[1]: line.split(",")[0] for line in open(path) if line.strip()}


def known():
    if not os.path.exists(KNOWN):
        return set()
    return {line.rstrip("\n") for line in open(KNOWN) if line.strip() and line[0] != "#"}


def write_known(failing):
    with open(KNOWN, "w") as file:
        file.write("# Golden scenarios that are known to fail. replay.py --write makes this file.\n")
        file.writelines(key + "\n" for key in sorted(failing))


def load(files, match):
    out = []
    for path in files:
        area = os.path.relpath(path, HERE).rsplit(".", 1)[0]
        for scenario in golden.load(path):
            key = "%s | %s" % (area, scenario["name"])
            if match in key:
                out.append((key, scenario))
    return out


def report(results, show, write, all_files):
    expected = known()
    passed = failed = 0
    for key, (bad, _) in results.items():
        if bool(bad) == (key in expected):
            passed += 1
            continue
        failed += 1
        if not write:
            print("FAIL " + key)
            for line in bad[:show] or ["it is expected to fail, and passes: run with --write"]:
                print("    " + line)
    failing = {key for key, (bad, _) in results.items() if bad}
    if all_files:
        gone = expected - results.keys()
        for key in sorted(gone):
            print("FAIL %s: expected to fail, but there is no such scenario" % key)
        failed += 0 if write else len(gone)
    if write:
        write_known(failing | (set() if all_files else expected - results.keys()))
        failed = 0
    print("   %d scenarios, %d of them expected to fail" % (len(results), len(failing & expected)))
    print("%d passed, %d failed" % (passed, failed))
    return failed == 0 and passed > 0


def main():
    parser = argparse.ArgumentParser(description="replays golden scenarios")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--kube")
    parser.add_argument("--url")
    parser.add_argument("--tokens")
    parser.add_argument("--match", default="")
    parser.add_argument("--show", type=int, default=4)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--controllers", action="store_true")
    options = parser.parse_args()
    every = sorted(glob.glob(HERE + "/**/*.txt", recursive=True))
    controlled = lambda path: os.path.dirname(path) == HERE + "/control"
    files = options.files or [f for f in every if controlled(f) == options.controllers]
    scenarios = load([os.path.abspath(f) for f in files], options.match)
    own = {mark: [s for s in scenarios if options.kube and mark in s[1]["marks"]] for mark in OWN}
    scenarios = [s for s in scenarios if not any(s in others for others in own.values())]
    with tempfile.TemporaryDirectory() as directory:
        processes = []
        if options.kube:
            kube = os.path.abspath(options.kube)
            policy = ["--authorization-mode", "Node,RBAC"] if options.controllers else []
            process, server = start(kube, directory, *policy)
            processes.append(process)
            if options.controllers:
                processes.insert(0, start_controllers(kube, server, directory))
                processes.insert(0, start_scheduler(kube, server, directory))
        else:
            place = re.fullmatch(r"https://(.*):(\d+)/?", options.url)
            server = Server(place[1], int(place[2]), users(options.tokens))
        try:
            results = Crew(server, options.jobs, options.controllers).play(scenarios)
            for mark, others in own.items():
                if others:
                    process, server = start(kube, directory + "/" + mark, *OWN[mark])
                    processes.append(process)
                    results.update(Crew(server, 1).play(others))
            alive = all(process.poll() is None for process in processes)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            refused = refusals(directory)
    slow = sorted(results.items(), key=lambda item: -item[1][1])[: options.slow]
    for key, (_, seconds) in slow:
        print("%6.2f s %s" % (seconds, key))
    whole = not options.files and not options.match and not options.controllers
    good = report(results, options.show, options.write, whole)
    if not alive:
        print("FAIL the server died")
    for line in refused:
        print("FAIL a part of the cluster was refused: " + line.replace("\\", ""))
    raise SystemExit(0 if good and alive and not refused else 1)


if __name__ == "__main__":
    main()
