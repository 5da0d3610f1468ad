"""How soon a server answers, and what a worker of it needs."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from support.databases import Databases
from support.server import Server

from bench import memory
from bench.figures import Figure
from bench.load import running, send, signed_in
from bench.scene import NAMES, set_up

STARTS = 5
PAGES = 400


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of a server that has just been started."""
    yield _first_answer(databases, folder)
    for kind in NAMES:
        yield _memory(databases, folder, kind)


def _first_answer(databases: Databases, folder: Path) -> Figure:
    with set_up(databases, "sqlite") as scene:
        server = Server(folder, scene.database_url)
        waits = []
        for _ in range(STARTS):
            began = time.monotonic()
            with running(server):
                waits.append(time.monotonic() - began)
    detail = f"two workers, a database that is up to date; median of {STARTS}, the longest {max(waits):.2f} s"
    return Figure("From the start of the server to its first answer", median(waits), " s", 2, detail)


def _memory(databases: Databases, folder: Path, kind: str) -> Figure:
    with set_up(databases, kind) as scene, running(Server(folder, scene.database_url)) as server:
        headers = signed_in(server, "dr_grey")
        fresh = memory.largest(server)
        send(server, f"/visits/{scene.visit.id}/telemedicine", [(None, headers)] * PAGES)
        detail = (
            f"after {PAGES} pages by two, {fresh:.0f} MB before; "
            f"what they share counted once: {memory.proportional(server) / 2:.0f} MB each"
        )
        return Figure(f"A worker’s memory, {NAMES[kind]}", memory.largest(server), " MB", 90, detail)
