"""An image of busybox as `docker save` would write it: busybox_image.py FILE NAME."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile


def add(tar, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname = len(data), mode, kind, link
    tar.addfile(info, io.BytesIO(data) if data else None)


def layer(busybox):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("bin", "etc", "srv", "srv/app", "root"):
            add(tar, name, mode=0o755, kind=tarfile.DIRTYPE)
        add(tar, "tmp", mode=0o1777, kind=tarfile.DIRTYPE)
        with open(busybox, "rb") as f:
            add(tar, "bin/busybox", f.read(), 0o755)
        for applet in subprocess.check_output([busybox, "--list"], text=True).split():
            if applet != "busybox":
                add(tar, "bin/" + applet, kind=tarfile.SYMTYPE, link="busybox")
        add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                               b"app:x:1000:1001:app:/srv/app:/bin/sh\n")
        add(tar, "etc/group", b"root:x:0:\napp:x:1001:\n")
    return out.getvalue()


def main():
    path, name = sys.argv[1:3]
    packed = layer(shutil.which("busybox") or "/bin/busybox")
    config = json.dumps({
        "architecture": "arm64" if os.uname().machine == "aarch64" else "amd64",
        "os": "linux",
        "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(packed).hexdigest()]},
    }).encode()
    with tarfile.open(path, "w") as tar:
        add(tar, "layer.tar", packed)
        add(tar, "config.json", config)
        add(tar, "manifest.json", json.dumps([{
            "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode())


main()
