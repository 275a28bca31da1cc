#!/usr/bin/python3
"""A login manager on a bus, as far as the end of the machine goes.

logind.py SOCKET SECONDS: grants locks for so long, and for as long as its configuration says after
KillUnit; says on standard output what happens. SIGUSR1: the end is near; SIGUSR2: it was called off.
"""
import glob
import os
import re
import select
import signal
import socket
import struct
import sys

delay = float(sys.argv[2])
bus = socket.socket(socket.AF_UNIX)
bus.connect(sys.argv[1])
bus.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
assert bus.recv(1000).startswith(b"OK")
bus.sendall(b"NEGOTIATE_UNIX_FD\r\n")
assert bus.recv(1000).startswith(b"AGREE")
bus.sendall(b"BEGIN\r\n")
serial = 0
LOGIN = "/org/freedesktop/login1"


def pad(data, to):
    return data + b"\0" * (-len(data) % to)


def text(data, value):
    return pad(data, 4) + struct.pack("<I", len(value)) + value.encode() + b"\0"


def send(kind, fields, body=b"", fds=()):
    global serial
    serial += 1
    data = b"\0" * 16
    for code, sign, value in fields:
        data = pad(data, 8) + bytes([code, 1]) + sign.encode() + b"\0"
        if sign == "g":
            data += bytes([len(value)]) + value.encode() + b"\0"
        elif sign == "u":
            data = pad(data, 4) + struct.pack("<I", value)
        else:
            data = text(data, value)
    head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), serial, len(data) - 16)
    message = head + pad(data, 8)[16:] + body
    if fds:
        socket.send_fds(bus, [message], list(fds))
    else:
        bus.sendall(message)


def call(member, sign, body):
    send(1, [(1, "o", "/org/freedesktop/DBus"), (6, "s", "org.freedesktop.DBus"),
             (2, "s", "org.freedesktop.DBus"), (3, "s", member)] +
         ([(8, "g", sign)] if sign else []), body)


def parse(data):
    """One message: its fields, its body, and what is behind it; None: it is not whole."""
    if len(data) < 16:
        return None
    _, kind, _, _, size, number, fields_size = struct.unpack("<cBBBIII", data[:16])
    begin = (16 + fields_size + 7) // 8 * 8
    if len(data) < begin + size:
        return None
    fields, at = {"kind": kind, "serial": number}, 16
    while at < 16 + fields_size:
        at = (at + 7) // 8 * 8
        code, sign = data[at], chr(data[at + 2])
        at += 4
        if sign == "g":
            length = data[at]
            fields[code] = data[at + 1:at + 1 + length].decode()
            at += length + 2
        else:
            at = (at + 3) // 4 * 4
            value = struct.unpack("<I", data[at:at + 4])[0]
            at += 4
            if sign != "u":
                fields[code] = data[at:at + value].decode()
                at += value + 1
            else:
                fields[code] = value
    return fields, data[begin:begin + size], data[begin + size:]


def reply(to, sign="", body=b"", fds=()):
    fields = [(5, "u", to["serial"]), (6, "s", to[7])]
    if sign:
        fields.append((8, "g", sign))
    if fds:
        fields.append((9, "u", len(fds)))
    send(2, fields, body, fds)


def texts(body):
    found, at = [], 0
    while at + 4 <= len(body):
        at = (at + 3) // 4 * 4
        size = struct.unpack("<I", body[at:at + 4])[0]
        found.append(body[at + 4:at + 4 + size].decode())
        at += size + 5
    return found


def say(what):
    print(what, flush=True)


def announce(near):
    send(4, [(1, "o", LOGIN), (2, "s", "org.freedesktop.login1.Manager"),
             (3, "s", "PrepareForShutdown"), (8, "g", "b")], struct.pack("<I", near))


def configured():
    for name in glob.glob("/etc/systemd/logind.conf.d/*.conf"):
        with open(name, encoding="utf-8") as f:
            return float(re.search(r"InhibitDelayMaxSec=(\d+)", f.read()).group(1))
    return delay


locks, wake = [], os.pipe()
signal.signal(signal.SIGUSR1, lambda *_: os.write(wake[1], b"1"))
signal.signal(signal.SIGUSR2, lambda *_: os.write(wake[1], b"0"))
call("Hello", "", b"")
for name in ("org.freedesktop.login1", "org.freedesktop.systemd1"):
    call("RequestName", "su", pad(text(b"", name), 4) + struct.pack("<I", 4))
have = b""
say("ready")
while True:
    for fd in select.select([bus, wake[0]] + locks, [], [])[0]:
        if fd == wake[0]:
            announce(int(os.read(fd, 1)))
            continue
        if fd is not bus:
            say("released")
            os.close(fd)
            locks.remove(fd)
            continue
        more = bus.recv(65536)
        if not more:
            sys.exit()
        have += more
        while (got := parse(have)) is not None:
            fields, body, have = got
            if fields["kind"] != 1:
                continue
            if fields[3] == "Get":
                reply(fields, "v", b"\1t\0" + b"\0" * 5 + struct.pack("<Q", int(delay * 1e6)))
            elif fields[3] == "Inhibit":
                say("inhibit " + "|".join(texts(body)))
                ours, theirs = os.pipe()
                locks.append(ours)
                reply(fields, "h", struct.pack("<I", 0), [theirs])
                os.close(theirs)
            elif fields[3] == "KillUnit":
                delay = configured()
                say("reload %g" % delay)
                reply(fields)
