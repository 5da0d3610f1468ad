"""Loads a server on this machine a little, and reads what that cost its workers."""

import http.client
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.server import Server

CONNECTIONS = 4
TICK = os.sysconf("SC_CLK_TCK")


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
