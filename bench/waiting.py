"""How many patients two workers hold in the waiting room, and how soon those hear that it begins."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from support import wire
from support.databases import KINDS, Databases
from support.server import Server
from support.wire import Wire

from bench import bulk, memory
from bench.bulk import Waiting
from bench.crowd import Crowd, allow
from bench.figures import Figure
from bench.load import p95, reading, running
from bench.scene import NAMES, Scene, set_up

MOST = 4000
MEANWHILE = 1000
STARTS = 30
PAUSE = 0.2
HOLD = 30.0


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of a full waiting room."""
    allow(2 * MOST)
    for kind in KINDS:
        with set_up(databases, kind) as scene, running(Server(folder, scene.database_url)) as server:
            doctor = wire.sign_in(server, "dr_grey")
            page = f"/visits/{scene.visit.id}/telemedicine"
            with Crowd(server) as crowd:
                yield from _measure(scene, server, crowd, doctor, page, NAMES[kind])
            doctor.close()


def _measure(
    scene: Scene, server: Server, crowd: Crowd, doctor: Wire, page: str, kind: str
) -> Iterator[Figure]:
    for path in ("/sign-in", page) * 50:
        doctor.ask("GET", path)
    before = memory.resident(server)
    first = bulk.waiting(scene, MEANWHILE)
    crowd.come(first)
    waits = list(_starts(crowd, doctor, first[:STARTS]))
    yield Figure(
        f"Start to the waiting page told, {MEANWHILE} waiting, {kind}, p95",
        p95(waits),
        " ms",
        500,
        f"median {median(waits) * 1000:.0f} ms of {STARTS} starts, from the press to the page’s knowing",
    )
    took = crowd.come(bulk.waiting(scene, MOST - MEANWHILE))
    crowd.rounds.clear()
    with reading(server, "/sign-in", page, headers=doctor.headers()) as pages:
        time.sleep(HOLD)
    grown = memory.resident(server) - before
    beat = f"each says every {max(crowd.rounds, default=HOLD):.0f} s that it is there"
    yield Figure(
        f"Waiting patients held by two workers, {kind}",
        crowd.held,
        "",
        MOST,
        f"{MOST - MEANWHILE} came in {took:.0f} s; {crowd.lost} streams were lost; "
        f"{beat}, {crowd.unheard} times without an answer",
        least=True,
    )
    yield Figure(f"Memory of a patient who waits, {kind}", grown * 1000 / crowd.held, " kB", 30)
    yield Figure(f"Other pages meanwhile, {kind}, p95", p95(pages), " ms", 250, f"{len(pages)} pages")


def _starts(crowd: Crowd, doctor: Wire, patients: list[Waiting]) -> Iterator[float]:
    line = crowd.line()
    for patient in patients:
        began = time.monotonic()
        status, text = doctor.ask("POST", f"/api/v1/telemedicine/{patient.session_id}/start/", {})
        assert status == 200, text
        while crowd.told.get(timeout=wire.PATIENCE)[0] != patient.session_id:
            pass
        assert crowd.ask(line, patient) == "IN_PROGRESS"
        yield time.monotonic() - began
        time.sleep(PAUSE)
    line.close()
