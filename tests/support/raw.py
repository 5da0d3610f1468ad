"""Requests byte by byte, as no client library would send them."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import cast

from bs4 import BeautifulSoup

from support.server import Server

PIECE = 64 * 1024


class Answer:
    """What came back: one answer, or none where the server only closed the line (status 0)."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.status, self.headers, self.text = 0, http.client.HTTPMessage(), ""
        if raw:
            response = http.client.HTTPResponse(cast(socket.socket, _Received(raw)))
            response.begin()
            self.status, self.headers = response.status, response.headers
            with suppress(http.client.IncompleteRead):
                self.text = response.read().decode("utf-8", "replace")

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get("Location", "")


Ask = Callable[..., Answer]
"""Sends a request: its first line, lines of its head beside the usual ones, and a body."""


class _Received:
    """What was received, as `http.client` wants it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        """The bytes."""
        return io.BytesIO(self._raw)


def ask(port: int, lines: Iterable[str | bytes], body: Iterable[bytes] = (), seconds: float = 20) -> Answer:
    """Send these lines as the head of a request, then the body; the last line closes the connection."""
    head = [line.encode("latin-1") if isinstance(line, str) else line for line in lines]
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        # Whoever is refused early may find the door shut while still talking.
        with suppress(ConnectionError):
            line.sendall(b"\r\n".join([*head, b"Connection: close", b"", b""]))
            for piece in body:
                line.sendall(piece)
        found = b""
        with suppress(ConnectionError):
            while piece := line.recv(PIECE):
                found += piece
        return Answer(found)


def headers(server: Server, key: str) -> list[str]:
    """The headers of a browser in which this member of the cast is signed in."""
    browser = server.browser(key)
    page = BeautifulSoup(browser.get(f"{server.url}/sign-out", timeout=30).text, "html5lib")
    token = page.select_one("meta[name=csrf-token]")
    assert token is not None
    cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)
    return [f"Cookie: {cookies}", f"X-CSRFToken: {token['content']}"]


def large(size: int, *, chunked: bool = False) -> Iterable[bytes]:
    """A body of so many bytes, in pieces."""
    for _ in range(size // PIECE):
        yield b"%x\r\n%s\r\n" % (PIECE, b"x" * PIECE) if chunked else b"x" * PIECE
    if chunked:
        yield b"0\r\n\r\n"
