"""Loads a server on this machine a little, and reads what that cost its workers."""

import http.client
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread

from support import wire
from support.server import Server
from support.wire import Wire

from bench.figures import Figure

ROUNDS = 5
REQUESTS = 320
FLOOR_FACTOR = 4
"""The floor answers so many more requests, for each takes so little."""
PAUSE = 0.05
"""Seconds between two pages of somebody who reads meanwhile."""
CONNECTIONS = 4
TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """This server, for the length of the block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def beside_the_floor(folder: Path, server: Server) -> Iterator[Server]:
    """The server and the floor run for the length of the block; it is the floor that is returned."""
    with running(Server(folder, "", app="bench.hello:app", ready="/")) as floor, running(server):
        yield floor


def signed_in(server: Server, key: str) -> dict[str, str]:
    """The headers by which a member of the cast may read pages and change something by JSON."""
    who = wire.sign_in(server, key)
    return {**who.headers(), "X-CSRFToken": who.csrf, "Content-Type": "application/json"}


def against_the_floor(
    name: str,
    floor: Server,
    server: Server,
    path: str,
    headers: dict[str, str],
    body: str | None = None,
    *,
    limit: float,
) -> Figure:
    """How many times the processor time of the floor such a request takes."""
    cost(floor, "/", REQUESTS)
    cost(server, path, REQUESTS // 4, headers, body)
    rounds = [
        (cost(floor, "/", FLOOR_FACTOR * REQUESTS), cost(server, path, REQUESTS, headers, body))
        for _ in range(ROUNDS)
    ]
    hello, ours = median(r[0] for r in rounds), median(r[1] for r in rounds)
    return Figure(
        f"{name}: CPU against a bare Flask “hello”",
        median(r[1] / r[0] for r in rounds),
        " ×",
        limit,
        f"{ours:.2f} ms against {hello:.2f} ms a request, median of {ROUNDS} rounds",
    )


@contextmanager
def reading(server: Server, *paths: str, headers: dict[str, str] | None = None) -> Iterator[list[float]]:
    """Somebody opens these pages again and again meanwhile: the seconds that each took."""
    waits, over = list[float](), Event()

    def read() -> None:
        line = Wire(server, {})
        for path in itertools.cycle(paths):
            began = time.monotonic()
            status, _text = line.ask("GET", path, **headers or {})
            waits.append(time.monotonic() - began if status == 200 else float("inf"))
            if over.wait(PAUSE):
                break
        line.close()

    reader = Thread(target=read)
    reader.start()
    try:
        yield waits
    finally:
        over.set()
        reader.join()


def p95(seconds: Sequence[float]) -> float:
    """What 95 of 100 stay below, in milliseconds."""
    return quantiles(seconds, n=20)[-1] * 1000


def cpu_seconds(server: Server) -> float:
    """Processor time that the workers have used so far, their own and the system's for them."""
    total = 0
    for pid in server.workers():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def cost(
    server: Server, path: str, requests: int, headers: dict[str, str] | None = None, body: str | None = None
) -> float:
    """Milliseconds of processor time for one request, over so many of them; a POST with a `body`."""
    before = cpu_seconds(server)
    done = send(server, path, [(body, headers or {})] * requests)
    assert set(done) == {200}, f"{path} answered {set(done)}"
    return (cpu_seconds(server) - before) * 1000 / requests


Asked = tuple[str | None, dict[str, str]]
"""The body of a POST, or None for a GET; and the headers."""


def send(server: Server, path: str, asked: Sequence[Asked]) -> list[int]:
    """Send them over a few kept connections; the statuses of the answers."""
    shares = [asked[number::CONNECTIONS] for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        done = [pool.submit(_send, server.port, path, share) for share in shares]
        return [status for one in done for status in one.result()]


def _send(port: int, path: str, asked: Sequence[Asked]) -> list[int]:
    connection, statuses = http.client.HTTPConnection("127.0.0.1", port, timeout=30), []
    for body, headers in asked:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses
