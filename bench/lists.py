"""How a list bears that a clinic has been there for years."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from support import wire
from support.databases import KINDS, Databases
from support.server import Server
from support.wire import Wire

from bench import bulk
from bench.api import API
from bench.figures import Figure
from bench.load import running
from bench.scene import NAMES, Scene, set_up
from telehealth.models import Status

FEW, MANY = 100, 100_000
OF_A_VISIT = 10
RARE = 25
"""So many sessions of each unusual status lie among the others, evenly spread."""
ROUNDS = 15
REQUESTS = 12
LISTS = (
    ("dr_grey", "", "doctor’s list"),
    ("ana", "", "patient’s list"),
    ("sam", "", "staff’s list"),
    ("dr_grey", "&status=FAILED", "doctor’s list of one rare status"),
    ("sam", "&status=FAILED", "staff’s list of one rare status"),
)


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """Lists of as many sessions, taken out of few and out of very many."""
    for kind in KINDS:
        with ExitStack() as stack:
            servers = []
            for many in (FEW, MANY):
                scene = stack.enter_context(set_up(databases, kind, 1))
                _fill(scene, many)
                servers.append(stack.enter_context(running(Server(folder, scene.database_url))))
            for who, query, name in LISTS:
                few, many_ = (wire.sign_in(server, who) for server in servers)
                yield _compare(f"{name}, {NAMES[kind]}", few, many_, f"{API}?limit=20{query}")
                for line in (few, many_):
                    line.close()


def _fill(scene: Scene, many: int) -> None:
    every = many // RARE

    def status(number: int) -> str:
        return {0: Status.FAILED, 1: Status.SCHEDULED}.get(number % every, Status.COMPLETED)

    bulk.sessions(scene, [scene.person("ana").id] * (many // OF_A_VISIT), status, OF_A_VISIT)


def _compare(name: str, few: Wire, many: Wire, path: str) -> Figure:
    for line in (few, many):
        _took(line, path)
    rounds = [(_took(few, path), _took(many, path)) for _ in range(ROUNDS)]
    return Figure(
        f"{name[0].upper()}{name[1:]}: {MANY:,} sessions against {FEW}",
        median(r[1] / r[0] for r in rounds),
        " ×",
        1.2,
        f"{median(r[1] for r in rounds):.2f} ms against {median(r[0] for r in rounds):.2f} ms, "
        f"median of {ROUNDS} paired rounds",
    )


def _took(line: Wire, path: str) -> float:
    """Milliseconds of the quickest of some requests: what others do on the machine only adds."""
    waits = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        status, text = line.ask("GET", path)
        waits.append(time.perf_counter() - began)
        assert status == 200, text
    return min(waits) * 1000
