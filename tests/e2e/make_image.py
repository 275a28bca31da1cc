#!/usr/bin/env python3
"""Images for tests, made from nothing: make_image.py LAYOUT DIRECTORY

LAYOUT becomes an OCI layout of one image of three layers (gzip, zstd, plain); DIRECTORY gets the
same as archives of every kind, a large one, and what hostile people send (bad-*, harmless-*).
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

layout, out = sys.argv[1:3]
WHEN = 1000000000


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link="", uid=0, gid=0, **more):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.uid, info.gid = kind, mode, link, uid, gid
    info.mtime, info.size = WHEN, len(data)
    for k, v in more.items():
        setattr(info, k, v)
    return info, data


def folder(name, mode=0o755):
    return member(name, tarfile.DIRTYPE, mode=mode)


def tar(*members, format=tarfile.PAX_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as t:
        for info, data in members:
            t.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zstd(data):
    """One frame of raw blocks."""
    parts = [b"\x28\xb5\x2f\xfd\x00\x58"]
    pieces = [data[i : i + 65536] for i in range(0, len(data), 65536)] or [b""]
    for i, piece in enumerate(pieces):
        header = (i == len(pieces) - 1) | len(piece) << 3
        parts += [header.to_bytes(3, "little"), piece]
    return b"".join(parts)


def config_of(tars):
    return json.dumps(
        {
            "architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64"),
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/setuid"], "User": "12:34"},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(t) for t in tars]},
        }
    ).encode()


PACKED = {"": lambda d: d, "+gzip": lambda d: gzip.compress(d, mtime=0), "+zstd": zstd}


class Layout:
    def __init__(self, name="docker.io/library/made:1", wrong=False):
        self.files, self.name = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}, name
        self.wrong = wrong

    def keep(self, data, kind):
        digest = digest_of(data)
        self.files["blobs/sha256/" + digest[7:]] = data
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def image(self, tars, kinds, config=None):
        layers = [
            self.keep(PACKED[kind](t), "application/vnd.oci.image.layer.v1.tar" + kind)
            for t, kind in zip(tars, kinds)
        ]
        config = self.keep(config or config_of(tars), "application/vnd.oci.image.config.v1+json")
        kind = "application/vnd.oci.image.manifest.v1+json"
        text = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
        manifest = self.keep(json.dumps(text).encode(), kind)
        if self.name:
            manifest["annotations"] = {"io.containerd.image.name": self.name}
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
        return self

    def tar(self):
        return tar(*(member(n, data=d) for n, d in self.files.items()))


def write(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)


noise = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(4000))
tars = [
    tar(
        folder("."), folder("bin"), folder("etc"), folder("etc/opaque"),
        member("etc/gone", data=b"here\n"), member("etc/opaque/old", data=b"old\n"),
        member("bin/noise", data=noise), format=tarfile.USTAR_FORMAT,
    ),
    tar(
        folder("bin"), member("bin/setuid", data=b"#!/bin/sh\n", mode=0o4755, uid=12, gid=34),
        member("bin/link", tarfile.SYMTYPE, link="/bin/setuid", mode=0o777),
        member("bin/hard", tarfile.LNKTYPE, link="bin/setuid"),
        folder("dev"), member("dev/null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
        member("d" * 120 + "/f", data=b"far\n"), member("bin/more", data=noise[::-1]),
        format=tarfile.GNU_FORMAT,
    ),
    tar(
        folder("etc"), member("etc/.wh.gone"), folder("etc/opaque"),
        member("etc/opaque/.wh..wh..opq"), member("etc/opaque/new", data=b"new\n"),
    ),
]
kinds = ["+gzip", "+zstd", ""]

made = Layout().image(tars, kinds)
for name, data in made.files.items():
    path = os.path.join(layout, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
write("oci.tar", made.tar())
write("oci.tar.gz", gzip.compress(made.tar(), mtime=0))
write("nameless.tar", Layout(name="").image(tars, kinds).tar())


def docker(tars, linked):
    config = config_of(tars)
    names, members = [], []
    for i, t in enumerate(tars):
        path = "%064x/layer.tar" % i
        names.append(path)
        members.append(member(path, data=t))
    if linked:
        members[0] = member("shared/first.tar", data=tars[0])
        members.append(member(names[0], tarfile.SYMTYPE, link="../shared/first.tar"))
    manifest = [{"Config": "c.json", "RepoTags": ["made:1"], "Layers": names}]
    return tar(
        *members, member("c.json", data=config), member("manifest.json", data=json.dumps(manifest).encode())
    )


write("docker.tar", docker(tars, False))
write("linked.tar", docker(tars, True))
many = tar(*(member("f%d" % i, data=noise[: i % 9000]) for i in range(3000)))
write("large.tar", Layout("large:1").image([many, tars[0]], ["", "+gzip"]).tar())

# ---- what hostile people send ----
write("outside", b"untouched")


def hostile(name, *members, kind="", layer=None, config=None):
    layer = tar(*members) if layer is None else layer
    write(name + ".tar", Layout("hostile:1").image([layer], [kind], config).tar())


hostile("bad-dotdot", member("../outside", data=b"x"))
hostile("bad-dotdot-inside", member("a/../../outside", data=b"x"))
hostile("bad-link-dotdot", member("l", tarfile.LNKTYPE, link="../outside"))
hostile("bad-link-to-nothing", member("l", tarfile.LNKTYPE, link="etc/passwd"))
hostile("bad-link-absolute", member("l", tarfile.LNKTYPE, link=os.path.join(out, "outside")))
hostile("bad-whiteout", member("a/.wh..."))
hostile("bad-name", member("n" * 300, data=b"x"))
hostile("bad-path", member("/".join(["n" * 200] * 25), data=b"x"))
hostile("bad-bomb", kind="+gzip", layer=tar(member("zeros", data=bytes(150 << 20))))
hostile("bad-checksum", layer=b"x" + tars[0][1:])
hostile("bad-truncated", layer=tars[0][:70000])
hostile("bad-size", layer=tars[0][:124] + b"\x80" + b"\xff" * 11 + tars[0][136:])
hostile("bad-diff-id", member("a", data=b"x"), config=config_of([tars[0]]))
hostile("bad-layer-count", member("a", data=b"x"), config=config_of(tars))
hostile("bad-config", member("a", data=b"x"), config=b'{"rootfs":{"type":"layers","diff_ids":7}}')
hostile("bad-through-file", member("f", data=b"x"), member("f/g", data=b"x"))
changed = Layout("hostile:1").image([tars[0]], [""])
blob = "blobs/sha256/" + digest_of(tars[0])[7:]
changed.files[blob] = tars[0][:3000] + b"!" + tars[0][3001:]
write("bad-changed-layer.tar", changed.tar())
old = Layout("hostile:1").image([tars[0]], [""])
manifest = old.keep(b'{"schemaVersion":1,"fsLayers":[]}', "application/vnd.docker.distribution.manifest.v1+json")
old.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
write("bad-schema1.tar", old.tar())

hostile("harmless-absolute", member(os.path.join(out, "outside"), data=b"x"))
hostile(
    "harmless-symlink",
    member("way", tarfile.SYMTYPE, link=out), member("way/outside", data=b"x"),
)
hostile(
    "harmless-symlink-up",
    member("way", tarfile.SYMTYPE, link="../" * 30 + out), member("way/outside", data=b"x"),
)
hostile(
    "harmless-hard-link-through",
    member("way", tarfile.SYMTYPE, link=out), member("way/outside", data=b"y"),
    member("l", tarfile.LNKTYPE, link="way/outside"), member("l", data=b"x"),
)
hostile("harmless-device", member("sda", tarfile.BLKTYPE, devmajor=8, devminor=0, mode=0o666))
