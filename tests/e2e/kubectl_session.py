#!/usr/bin/python3
"""Runs kubectl/session.txt line by line against a server; what is printed must be as written there.

    kubectl_session.py KUBE KUBECTL [--write | --newer] [--later]

The words are those of 1.20. With --newer another version runs it: what newer ones say in words of
their own stands in kubectl/newer.txt, with the statuses it may end with; the rest is as written.
--later takes kubectl/later.txt instead: commands that 1.20 does not have, in the words of 1.33.

What differs from run to run becomes a mark: ages, times, uids, versions, addresses, random names.
`[n]` behind the output is the status a command ends with when that is not 0.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import replay  # noqa: E402

FOLDER = os.path.join(HERE, "kubectl")
SESSION = os.path.join(FOLDER, "session.txt")
LATER = os.path.join(FOLDER, "later.txt")
NEWER = os.path.join(FOLDER, "newer.txt")
MARKS = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} UTC"), "<time>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "<time>"),
    (re.compile(r"(resourceVersion\"?: \"?|Resource Version: +)\d+"), r"\1<rv>"),
    (re.compile(r"https://127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"\b10\.96\.\d+\.\d+\b"), "<ip>"),
    (re.compile(r":3[0-2]\d{3}/"), ":<port>/"),
    (re.compile(r"\b3[0-2]\d{3}/TCP"), "<port>/TCP"),
    (re.compile(r"\b(<invalid>|<unknown>|(\d+m)?\d+s)\b(?= *(?:$|\n| ))"), "<age>"),
    (re.compile(r"/tmp/\S*"), "<file>"),
    (re.compile(re.escape(FOLDER) + r"\S*"), "<file>"),
    (re.compile(r"X509SHA256=[0-9a-f]{64}"), "X509SHA256=<hash>"),
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
]
GAPS = re.compile(r"(?<=\S) {2,}(?=\S)")


def shown(text, code):
    """The output, marked; columns are two spaces apart, since ages change their width."""
    for pattern, mark in MARKS:
        text = pattern.sub(mark, text)
    lines = [GAPS.sub("  ", line).rstrip() for line in text.split("\n")]
    lines = [line for line in lines if line]
    # A line that looks like a command or a remark is told from one by a backslash.
    lines = ["\\" + line if line[0] in "$#\\" else line for line in lines]
    return lines + (["[%d]" % code] if code else [])


def read(path):
    out = [("#", [])]
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line[:1] in ("$", "#"):
            out.append((line, []))
        elif line:
            out[-1][1].append(line)
    return out[1:]


def environment(kubectl, kubeconfig, directory):
    bin_folder = os.path.join(directory, "bin")
    os.mkdir(bin_folder)
    os.symlink(os.path.abspath(kubectl), os.path.join(bin_folder, "kubectl"))
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("proxy")}
    env.update(PATH=bin_folder + ":" + env["PATH"], HOME=directory, KUBECONFIG=kubeconfig)
    # What kubectl leaves behind of an edit that failed goes with the directory.
    env.update(TERM="dumb", TZ="UTC", LC_ALL="C.UTF-8", TMPDIR=directory)
    return env


def run(command, env):
    try:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], cwd=FOLDER, env=env, timeout=30, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        return shown(done.stdout, done.returncode)
    except subprocess.TimeoutExpired:
        return ["it does not end"]


def own_words():
    """Commands whose output is a newer client's own, each with the statuses that are right."""
    lines = [line.rstrip("\n").split(" ", 1) for line in open(NEWER, encoding="utf-8")]
    return {command: codes.split(",") for codes, command in lines if codes != "#"}


def status_of(lines):
    return lines[-1][1:-1] if lines and re.fullmatch(r"\[\d+\]", lines[-1]) else "0"


def main():
    kube, kubectl, write = sys.argv[1], sys.argv[2], "--write" in sys.argv
    session = LATER if "--later" in sys.argv else SESSION
    free = own_words() if "--newer" in sys.argv else {}
    passed = failed = 0
    out = []
    with tempfile.TemporaryDirectory() as directory:
        process, server = replay.start(os.path.abspath(kube), directory)
        env = environment(kubectl, directory + "/d/admin.kubeconfig", directory)
        for line, want in read(session):
            got = run(line[2:], env) if line[0] == "$" else want
            out += [line] + got
            if line[0] == "#":
                continue
            if status_of(got) in free.get(line[2:], []):
                want = got
            passed, failed = passed + (got == want), failed + (got != want)
            if got != want and not write:
                print("FAIL %s" % line)
                print("".join("    want %s\n" % x for x in want), end="")
                print("".join("    got  %s\n" % x for x in got), end="")
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)
    if write:
        with open(session, "w", encoding="utf-8") as file:
            file.write("\n".join(out) + "\n")
    passed, failed = passed + (ended == 0), failed + (ended != 0)
    print("%d passed, %d failed" % (passed, failed))
    raise SystemExit(failed != 0)


main()
