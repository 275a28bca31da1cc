#!/usr/bin/env python3
"""Tokens and key sets of an issuer, made with openssl, for tests.

usage: access_token.py keys KEYFILE=KID…               prints a JWKS
       access_token.py token KEYFILE KID ALG CLAIMS    prints a token
"""
import base64
import json
import subprocess
import sys

HASH = {"256": "-sha256", "384": "-sha384", "512": "-sha512"}


def openssl(*args, data=b""):
    return subprocess.run(("openssl",) + args, input=data, capture_output=True, check=True).stdout


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(path, kid):
    der = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    if b"\x2a\x86\x48\xce\x3d\x02\x01" in der:  # an EC key: it ends with its point
        size = {91: 32, 120: 48, 158: 66}[len(der)]
        name = {32: "P-256", 48: "P-384", 66: "P-521"}[size]
        return {"kty": "EC", "crv": name, "kid": kid, "use": "sig",
                "x": text(der[-2 * size:-size]), "y": text(der[-size:])}
    modulus = openssl("rsa", "-in", path, "-noout", "-modulus").decode().strip().split("=")[1]
    return {"kty": "RSA", "kid": kid, "use": "sig", "n": text(bytes.fromhex(modulus)), "e": "AQAB"}


def pair(der, size):
    """The two numbers of an ECDSA signature side by side."""
    at = 3 if der[1] & 0x80 else 2
    numbers = []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(size, "big"))
        at += 2 + length
    return b"".join(numbers)


def token(path, kid, algorithm, claims):
    head = {"alg": algorithm, "kid": kid, "typ": "JWT"}
    signed = text(json.dumps(head).encode()) + "." + text(json.dumps(json.loads(claims)).encode())
    args = ["dgst", HASH[algorithm[2:]], "-sign", path]
    if algorithm.startswith("PS"):
        args += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
    signature = openssl(*args, data=signed.encode())
    if algorithm.startswith("ES"):
        signature = pair(signature, {"256": 32, "384": 48, "512": 66}[algorithm[2:]])
    return signed + "." + text(signature)


if sys.argv[1] == "keys":
    print(json.dumps({"keys": [jwk(*one.split("=")) for one in sys.argv[2:]]}))
else:
    print(token(*sys.argv[2:6]))
