#!/usr/bin/env python3
"""Images for tests, made of an archive in OCI layout and one layer more.

    derived_image.py BASE.tar OUT.tar NAME [PATH=TEXT…]

With OUT a directory it becomes a layout. Prints the digest of the layer as it is packed. What a layer
may hold besides texts others say: derive().
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link="", uid=0, **more):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.uid, info.size = kind, mode, link, uid, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def layer_of(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if data else None)
    return stream.getvalue()


def files_of(base):
    with tarfile.open(base) as tar:
        return {m.name.removeprefix("./"): tar.extractfile(m).read() for m in tar if m.isfile()}


def derive(base, out, name, members, layer=None, **changes):
    """`changes` are of the image's config: Cmd, User, …"""
    files = files_of(base)

    def blob(descriptor):
        return "blobs/sha256/" + descriptor["digest"][7:]

    def keep(data, kind):
        descriptor = {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
        files[blob(descriptor)] = data
        return descriptor

    index = json.loads(files["index.json"])
    manifest = json.loads(files.pop(blob(index["manifests"][0])))
    config = json.loads(files.pop(blob(manifest["config"])))
    layer = layer_of(members) if layer is None else layer
    config["rootfs"]["diff_ids"].append(digest_of(layer))
    config.pop("history", None)
    config["config"].update(changes)
    added = keep(gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    manifest["layers"].append(added)
    manifest["config"] = keep(json.dumps(config).encode(), manifest["config"]["mediaType"])
    top = keep(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    top["annotations"] = {"io.containerd.image.name": name}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()
    if not os.path.isdir(out):
        with open(out, "wb") as f:
            f.write(layer_of(member(n, data=d) for n, d in files.items()))
        return added["digest"]
    for path, data in files.items():
        path = os.path.join(out, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
    return added["digest"]


if __name__ == "__main__":
    texts = (t.partition("=") for t in sys.argv[4:])
    print(derive(*sys.argv[1:4], [member(path, data=text.encode()) for path, _, text in texts]))
