"""The first two words with a TURN relay, as a browser says them: may this one have a place? (RFC 8656)"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import struct

ALLOCATE, ALLOCATED, REFUSED = 0x0003, 0x0103, 0x0113
COOKIE = 0x2112A442
USERNAME, INTEGRITY, ERROR_CODE, REALM, NONCE, TRANSPORT = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015, 0x0019
UDP = bytes((17, 0, 0, 0))

Attributes = dict[int, bytes]


def answer_to(port: int, username: str, credential: str) -> int:
    """0 where the relay on this machine's port gives a place, or the number of its refusal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(15)
        line.connect(("127.0.0.1", port))
        kind, found = _ask(line, {TRANSPORT: UDP})
        assert (kind, _code(found)) == (REFUSED, 401), "it asks nobody who they are"
        who = {USERNAME: username.encode(), REALM: found[REALM], NONCE: found[NONCE]}
        key = hashlib.md5(b":".join((who[USERNAME], who[REALM], credential.encode()))).digest()
        kind, found = _ask(line, {TRANSPORT: UDP, **who}, key)
        assert kind in (ALLOCATED, REFUSED)
        return 0 if kind == ALLOCATED else _code(found)


def _ask(line: socket.socket, attributes: Attributes, key: bytes = b"") -> tuple[int, Attributes]:
    number = secrets.token_bytes(12)
    body = b"".join(_packed(kind, value) for kind, value in attributes.items())
    if key:
        # It is taken over the head too, whose length counts the attribute that is still to come.
        head = struct.pack("!HHI", ALLOCATE, len(body) + 24, COOKIE) + number
        body += _packed(INTEGRITY, hmac.digest(key, head + body, "sha1"))
    line.send(struct.pack("!HHI", ALLOCATE, len(body), COOKIE) + number + body)
    answer = line.recv(2000)
    assert answer[8:20] == number
    return int.from_bytes(answer[:2]), _unpacked(answer[20:])


def _packed(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _unpacked(body: bytes) -> Attributes:
    found: Attributes = {}
    while body:
        kind, length = struct.unpack("!HH", body[:4])
        found[kind] = body[4 : 4 + length]
        body = body[4 + length + -length % 4 :]
    return found


def _code(found: Attributes) -> int:
    hundreds, rest = found[ERROR_CODE][2:4]
    return hundreds * 100 + rest
