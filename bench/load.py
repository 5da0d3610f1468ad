"""Loads a server on this machine a little, and reads what that cost its workers."""

import http.client
import os
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


def cost(server: Server, path: str, requests: int, headers: dict[str, str] | None = None) -> float:
    """Milliseconds of processor time for one request, over so many of them."""
    each = requests // CONNECTIONS
    before = cpu_seconds(server)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        done = [pool.submit(_get, server.port, path, each, headers or {}) for _ in range(CONNECTIONS)]
        for one in done:
            one.result()
    return (cpu_seconds(server) - before) * 1000 / (each * CONNECTIONS)


def _get(port: int, path: str, times: int, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(times):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{path} answered {answer.status}"
    connection.close()
