#!/usr/bin/env python3
"""What a pod costs with containerd, for comparison: containerd.py DIRECTORY BUSYBOX ROUNDS

Speaks CRI to a containerd of its own, whose files lie below DIRECTORY, from "make it" to "it is
gone", of a container that does nothing: in a pod that is there, and with a pod of its own. The pods
have the node's network, so that no CNI plugin is timed. Lines `name value unit`.
"""
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time

import grpc

directory, busybox, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
IMAGE = "docker.io/library/nothing:1"
POD_DEADLINE = 30
NODE = 2  # a namespace mode: that of the node
EXITED = 2  # a container's state


# ---- what little of protobuf CRI needs: numbers and what has a length ----
def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(*fields):
    return b"".join(field(n, v) for n, v in fields)


def read(data):
    """The last value of each field, numbers and bytes."""
    at, out = 0, {}

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    while at < len(data):
        key = number()
        if key & 7 == 0:
            out[key >> 3] = number()
        else:
            size = number()
            out[key >> 3] = data[at : at + size]
            at += size
    return out


# ---- the image: one layer with busybox; a pod's own process sleeps ----
def archive(path):
    def tar(members):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as t:
            for name, data, link in members:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o755
                if link:
                    info.type, info.linkname = tarfile.SYMTYPE, link
                t.addfile(info, io.BytesIO(data))
        return stream.getvalue()

    with open(busybox, "rb") as f:
        layer = tar([("bin/busybox", f.read(), ""), ("bin/true", b"", "busybox"), ("bin/sleep", b"", "busybox")])
    config = json.dumps(
        {
            "architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64"),
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Entrypoint": ["/bin/sleep", "100000"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
    ).encode()
    manifest = [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    with open(path, "wb") as f:
        f.write(tar([("layer.tar", layer, ""), ("config.json", config, ""), ("manifest.json", json.dumps(manifest).encode(), "")]))


def begin():
    socket = f"{directory}/containerd.sock"
    with open(f"{directory}/config.toml", "w") as f:
        f.write(
            f"""version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.internal.v1.tracing"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{IMAGE}"
  restrict_oom_score_adj = true
"""
        )
    archive(f"{directory}/image.tar")
    log = open(f"{directory}/log", "w")
    daemon = subprocess.Popen(["containerd", "-c", f"{directory}/config.toml"], stdout=log, stderr=log)
    for _ in range(100):
        if os.path.exists(socket):
            break
        time.sleep(0.1)
    subprocess.run(
        ["ctr", "-a", socket, "-n", "k8s.io", "images", "import", f"{directory}/image.tar"],
        check=True,
        stdout=log,
        stderr=log,
    )
    return daemon, grpc.insecure_channel("unix://" + socket)


def call(method, request):
    return read(channel.unary_unary("/runtime.v1.RuntimeService/" + method)(request, timeout=POD_DEADLINE))


def pod(name):
    metadata = message((1, name), (2, name), (3, "default"))
    network = message((1, message((1, NODE))))
    config = message((1, metadata), (3, directory + "/logs"), (8, message((2, network))))
    return call("RunPodSandbox", field(1, config))[1], config


def container(sandbox, config):
    settings = message((1, field(1, "true")), (2, field(1, IMAGE)), (3, "/bin/true"), (11, "true.log"))
    made = call("CreateContainer", message((1, sandbox), (2, settings), (3, config)))[1]
    call("StartContainer", field(1, made))
    while read(call("ContainerStatus", field(1, made))[1]).get(3, 0) != EXITED:
        time.sleep(0.0005)
    call("RemoveContainer", field(1, made))


def end(sandbox):
    call("StopPodSandbox", field(1, sandbox))
    call("RemovePodSandbox", field(1, sandbox))


def whole_pod(name):
    sandbox, config = pod(name)
    container(sandbox, config)
    end(sandbox)


def say(name, work):
    work()
    took = []
    for _ in range(rounds):
        before = time.monotonic_ns()
        work()
        took.append((time.monotonic_ns() - before) // 1000)
    took.sort()
    print(f"{name}_p50 {took[rounds // 2]} us")
    print(f"{name}_p90 {took[rounds * 9 // 10]} us")


os.makedirs(directory, exist_ok=True)
daemon, channel = begin()
try:
    kept, its_config = pod("kept")
    say("containerd_container_true", lambda: container(kept, its_config))
    end(kept)
    say("containerd_pod_true", lambda: whole_pod("each"))
finally:
    daemon.terminate()
    daemon.wait()
