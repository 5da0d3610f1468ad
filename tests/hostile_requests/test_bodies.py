"""Bodies that no browser sends: huge, deep, of far too many parts, or of a kind that nobody expects."""

from __future__ import annotations

import json

import pytest
from support import raw
from support.raw import Ask

TEN_MEGABYTES = 10 * 1024 * 1024

DOORS = (
    *("/sign-in", "/join/nothing", "/invitation/nothing", "/visits/new", "/visits/x/close"),
    *("/telemedicine/x/call/enter", "/telemedicine/x/call/recordings/x/pieces/0", "/nothing"),
    *("/api/v1/telemedicine/", "/api/v1/telemedicine/token/", "/webhooks/twilio/room"),
)
"""One address of each kind that takes bodies, or does not."""


@pytest.mark.parametrize("path", DOORS)
def test_ten_megabytes_are_refused_everywhere(ask: Ask, path: str):
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        for head, chunked in (
            (f"Content-Length: {TEN_MEGABYTES}", False),
            ("Transfer-Encoding: chunked", True),
        ):
            body = raw.large(TEN_MEGABYTES, chunked=chunked)
            answer = ask(f"POST {path} HTTP/1.1", f"Content-Type: {kind}", head, body=body)
            # A server that hangs up on somebody who goes on talking has refused as well.
            assert answer.status in (0, 400, 403, 404, 405, 410, 413, 422), f"{kind} {head}: {answer.status}"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"[" * 100_000, 413),
        (b"[" * 30_000 + b"]" * 30_000, 400),
        (b'{"a":' * 12_000 + b"1" + b"}" * 2_000, 400),
        (json.dumps({f"key{number}": number for number in range(20_000)}).encode(), 413),
        (json.dumps({f"k{number}": 1 for number in range(5_000)}).encode(), 400),
        (json.dumps({"visit_id": ["x"] * 10_000}).encode(), 400),
        (b'{"visit_id": ' + b"9" * 60_000 + b"}", 400),
        (b'{"visit_id": 1e' + b"9" * 60_000 + b"}", 400),
        (b'{"visit_id": "' + b"\\u0000" * 10_000 + b'"}', 400),
        (b'{"visit_id": "' + b"\\ud800" * 10_000 + b'"}', 400),
        (b" " * 60_000, 400),
    ],
)
def test_json_that_is_a_bomb_is_refused_in_few_words(ask: Ask, sent: bytes, status: int):
    for path in ("/api/v1/telemedicine/", "/api/v1/telemedicine/token/", "/api/v1/visits/"):
        head = ("Content-Type: application/json", f"Content-Length: {len(sent)}")
        answer = ask(f"POST {path} HTTP/1.1", *head, body=[sent])
        assert answer.status == status, path
        assert len(answer.text) < 10_000, f"{len(answer.text)} bytes tell what is wrong"


def test_forms_with_far_too_many_parts_are_refused(ask: Ask):
    part = b'--x\r\nContent-Disposition: form-data; name="notes"\r\n\r\n1\r\n'
    for count, status in ((1_001, 413), (101, 413)):
        body = part * count + b"--x--\r\n"
        answer = ask(
            "POST /visits/new HTTP/1.1",
            "Content-Type: multipart/form-data; boundary=x",
            f"Content-Length: {len(body)}",
            body=[body],
        )
        assert answer.status == status
    for body in (
        b"a=1&" * 20_000,
        b"&" * 60_000,
        b"a&" * 30_000,
        b"=" * 60_000,
        b"%" * 60_000,
        b"+" * 60_000,
    ):
        head = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
        answer = ask("POST /visits/new HTTP/1.1", *head, body=[body])
        assert answer.status in (413, 422), body[:4]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "text/xml", "application/xml", "application/json;charset=utf-7", "application/jsonx"),
        *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff"),
        *("multipart/mixed; boundary=x", "multipart/form-data; boundary=" + "x" * 5000, "application/pdf"),
        *(
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-java-serialized-object",
            ";",
            "/",
        ),
    ],
)
def test_a_body_of_a_kind_that_nobody_expects_is_refused(ask: Ask, kind: str):
    for path in ("/visits/new", "/admin/people/new", "/api/v1/telemedicine/", "/api/v1/visits/"):
        for body in (
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            b"--x\r\n",
            b"{}",
            b"a=b",
        ):
            head = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Content-Encoding: gzip")
            answer = ask(f"POST {path} HTTP/1.1", *head, body=[body])
            assert 400 <= answer.status < 500, f"{path} {body!r}: {answer.status}"
            assert "root:" not in answer.text
