"""Connections to the real server whose worker is known, and the event streams on them."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from support.server import Server

PATIENCE = 15.0
"""How long anything is waited for before the test fails."""


@dataclass
class Wire:
    """One kept-alive connection of somebody's browser, to one worker of the server."""

    server: Server
    cookies: dict[str, str]
    csrf: str = ""
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, sent: Any = None, **headers: str) -> tuple[int, str]:
        """Status and text of an answer; `sent` goes as JSON."""
        answer = self.open(method, path, sent, **headers)
        return answer.status, answer.read().decode()

    def open(self, method: str, path: str, sent: Any = None, **headers: str) -> http.client.HTTPResponse:
        """The answer, still to be read."""
        if sent is None:
            return self._open(method, path, None, headers)
        return self._open(method, path, json.dumps(sent), {"Content-Type": "application/json", **headers})

    def post_form(self, path: str, form: Mapping[str, str]) -> tuple[int, str]:
        """Status and text of the answer to a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._open("POST", path, urlencode(form), kind)
        return answer.status, answer.read().decode()

    def post_bytes(self, path: str, data: bytes, **headers: str) -> tuple[int, str]:
        """Status and text of the answer to bytes, as they are."""
        answer = self._open("POST", path, data, {"Content-Type": "application/octet-stream", **headers})
        return answer.status, answer.read().decode()

    def _open(
        self, method: str, path: str, body: str | bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        given = self.headers()
        if method != "GET":
            given["X-CSRFToken"] = self.csrf
        self.connection.request(method, path, body, {**given, **headers})
        return self.connection.getresponse()

    def headers(self) -> dict[str, str]:
        """What the browser sends by itself."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def worker(self) -> int:
        """The process id of the worker at the other end."""
        sock = self.connection.sock
        assert sock is not None, "not connected"
        return _owner(self.server, sock.getsockname()[1])

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


class Events:
    """An event stream on a wire of its own, read as it comes."""

    def __init__(self, wire: Wire, path: str, **headers: str) -> None:
        if wire.connection.sock is None:
            wire.connection.connect()
        self._socket = wire.connection.sock
        self._read = b""
        lines = [f"GET {path} HTTP/1.0", f"Host: 127.0.0.1:{wire.server.port}"]
        lines += [f"{name}: {value}" for name, value in {**wire.headers(), **headers}.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head = self._until(b"\r\n\r\n") or ""
        self.status = int(head.split()[1])
        self.type = head.lower().partition("content-type: ")[2].partition("\r\n")[0]
        assert self.status == 200, head

    def next(self) -> dict[str, str] | None:
        """The next event by its fields; None when the stream has ended."""
        while (text := self._until(b"\n\n")) is not None:
            fields = [line.partition(": ") for line in text.splitlines()]
            found = {name: value for name, _, value in fields if name}
            if "event" in found:
                return found
        return None

    def fileno(self) -> int:
        """So that one can wait for several streams at a time."""
        return self._socket.fileno()

    def arrived(self) -> list[str] | None:
        """The names of the events that have come by now, after at least a byte has; None at the end."""
        more = self._socket.recv(65536)
        if not more:
            return None
        text, mark, rest = (self._read + more).rpartition(b"\n\n")
        self._read = rest
        return [name.decode() for name in re.findall(rb"^event: (.+)$", text + mark, re.MULTILINE)]

    def is_silent(self, seconds: float = 0.3) -> bool:
        """Whether no event comes for a while."""
        while b"event" not in self._read:
            readable, _, _ = select.select([self._socket], [], [], seconds)
            if not readable:
                return True
            more = self._socket.recv(65536)
            self._read += more
            if not more:
                return True
        return False

    def settle(self) -> Events:
        """Pass over what still comes of changes that were made before."""
        while not self.is_silent():
            self.next()
        return self

    def _until(self, mark: bytes) -> str | None:
        while mark not in self._read:
            more = self._socket.recv(65536)
            if not more:
                return None
            self._read += more
        text, _, self._read = self._read.partition(mark)
        return text.decode()


def sign_in(server: Server, key: str) -> Wire:
    """A connection of a member of the cast, signed in, with the token of the page."""
    browser = server.browser(key)
    page = browser.get(f"{server.url}/sign-out", timeout=PATIENCE).text
    cookies = {str(name): str(value) for name, value in browser.cookies.items()}
    browser.close()
    return Wire(server, cookies, _csrf(page))


@contextmanager
def on_each_worker(wire: Wire) -> Iterator[list[Wire]]:
    """The same browser's connections, one to each worker."""
    found: dict[int, Wire] = {}
    idle: list[Wire] = []
    workers = set(wire.server.workers())
    for _ in range(200):
        another = Wire(wire.server, wire.cookies, wire.csrf)
        another.ask("GET", "/healthz")
        if found.setdefault(another.worker(), another) is not another:
            idle.append(another)
        if set(found) == workers:
            break
    for one in idle:
        one.close()
    assert set(found) == workers, "not every worker takes connections"
    try:
        yield list(found.values())
    finally:
        for one in found.values():
            one.close()


class Wires:
    """Connections of a test; all of them end with it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._open = ExitStack()
        self._people: dict[str, Wire] = {}

    def of(self, key: str) -> Wire:
        """A new connection of a member of the cast, who signs in once."""
        if key not in self._people:
            self._people[key] = self._kept(sign_in(self._server, key))
        return self.again(self._people[key])

    def again(self, known: Wire) -> Wire:
        """Another connection of the same browser."""
        return self._kept(Wire(self._server, known.cookies, known.csrf))

    def stranger(self, path: str) -> Wire:
        """A connection of somebody who has just opened this page."""
        wire = self._kept(Wire(self._server, {}))
        page = wire.open("GET", path)
        wire.csrf = _csrf(page.read().decode())
        wire.cookies |= _cookies(page)
        return wire

    def by_link(self, path: str) -> Wire:
        """A connection of somebody who pressed the button of a link."""
        wire = self.stranger(path)
        answer = wire.open("POST", path)
        assert answer.status == 303, answer.read()
        answer.read()
        wire.cookies |= _cookies(answer)
        return wire

    def each_worker(self, key: str) -> list[Wire]:
        """Connections of a member of the cast, one to each worker."""
        return self._open.enter_context(on_each_worker(self.of(key)))

    def listen(self, wire: Wire) -> Events:
        """The stream of the lists, which has told all that was before."""
        return Events(wire, "/live").settle()

    def close(self) -> None:
        """End them all."""
        self._open.close()

    def _kept(self, wire: Wire) -> Wire:
        self._open.callback(wire.close)
        return wire


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found is not None, "the page carries no csrf-token"
    return found[1]


def _cookies(answer: http.client.HTTPResponse) -> dict[str, str]:
    given = answer.headers.get_all("Set-Cookie") or []
    return {name: value for one in given for name, _, value in [one.partition(";")[0].partition("=")]}


def _owner(server: Server, port: int) -> int:
    """Which worker holds the connection whose other end is this port of ours."""
    pairs = {f"0100007F:{server.port:04X} 0100007F:{port:04X}"}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        part = line.split()
        if f"{part[1]} {part[2]}" in pairs:
            wanted = f"socket:[{part[9]}]"
            for pid in server.workers():
                if any(_link(file) == wanted for file in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
    raise AssertionError("no worker holds this connection")


def _link(file: Path) -> str:
    try:
        return os.readlink(file)
    except FileNotFoundError:
        return ""
