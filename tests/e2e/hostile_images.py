#!/usr/bin/env python3
"""Images of hostile people: hostile_images.py SAMPLE.tar DIRECTORY OUTSIDE

Writes one archive, DIRECTORY/hostile.tar (kube.local/hostile:1), that can be run, and layouts
DIRECTORY/bad-* that a registry may serve. OUTSIDE is the directory of the node that they aim at.
"""
import os
import sys
from tarfile import BLKTYPE as BLK, CHRTYPE as CHR, DIRTYPE as DIR, LNKTYPE as LNK, SYMTYPE as SYM

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from derived_image import derive, member  # noqa: E402

sample, out, outside = sys.argv[1:4]


def link(name, to):
    return member(name, SYM, link=to)


def file_of(path):
    with open(path, "rb") as f:
        return f.read()


up = "../" * 20 + outside.lstrip("/")
derive(sample, os.path.join(out, "hostile.tar"), "kube.local/hostile:1", [
    # Whatever the node puts into a container: links to somewhere else are already there.
    link("data", outside), link("up", up), link("file", outside + "/file"),
    member("etc", DIR, mode=0o755), link("etc/hosts", outside + "/file"),
    link("etc/hostname", up + "/file"), link("etc/resolv.conf", outside + "/new"),
    link("var/run/secrets/kubernetes.io", outside), link("words", outside + "/words"),
    # What only the node may open, and a program that runs as root, whoever calls it.
    member("disk", BLK, mode=0o666, devmajor=8, devminor=0),
    member("memory", CHR, mode=0o666, devmajor=1, devminor=1),
    member("secret", data=b"root's only\n", mode=0o600),
    member("bin/reader", data=file_of("/bin/cat"), mode=0o4755),
])
derive(sample, os.path.join(out, "device.tar"), "kube.local/device:1", [
    # All that a container's root is made of leads away.
    link("dev", outside), link("proc", outside), link("sys", up),
])
bad = {
    "bad-up": [member("../outside", data=b"x")],
    "bad-link": [member("l", LNK, link="../../outside/file")],
    "bad-bomb": [member("zeros", data=bytes(160 << 20))],
}
for name, members in bad.items():
    path = os.path.join(out, name)
    os.makedirs(path)
    derive(sample, path, "x:1", members)
through = os.path.join(out, "through")
os.makedirs(through)
derive(sample, through, "x:1", [link("way", outside), member("way/file", data=b"x"),
                               member("way/made", data=b"x"), member(outside + "/file", data=b"x")])
