"""What many who sign in at once cost the others: a password's hash needs memory and time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from support.cast import PASSWORD
from support.databases import Databases
from support.server import Server
from support.wire import Wire, Wires

from bench import bulk, memory
from bench.crowd import cookie_of
from bench.figures import Figure
from bench.load import p95, reading, running
from bench.scene import set_up

AT_ONCE = 50
ROUNDS = 5


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of a clinic whose morning begins."""
    with ExitStack() as stack:
        scene = stack.enter_context(set_up(databases, "sqlite", 1))
        server = stack.enter_context(running(Server(folder, scene.database_url)))
        wires = Wires(server)
        stack.callback(wires.close)
        [waiting] = bulk.waiting(scene, 1)
        people = [(wires.stranger("/sign-in"), row["email"]) for row in bulk.patients(scene, AT_ONCE)]
        page = f"/telemedicine/{waiting.session_id}/call"
        headers = {"Cookie": cookie_of(server, waiting.token)}
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        memory.forget_peak(server)
        before, took = memory.resident(server), []
        with reading(server, page, headers=headers) as waits:
            for _ in range(ROUNDS):
                began = time.monotonic()
                assert set(pool.map(_sign_in, people)) == {303}, "somebody was not let in"
                took.append(time.monotonic() - began)
        growth = memory.peak(server) - before
    detail = f"all in after {median(took):.2f} s, median of {ROUNDS} times"
    yield Figure(f"{AT_ONCE} sign-ins at once: growth of the workers’ memory", growth, " MB", 1500, detail)
    yield Figure(
        "The page of a patient who waits meanwhile, p95", p95(waits), " ms", 500, f"{len(waits)} pages"
    )


def _sign_in(who: tuple[Wire, str]) -> int:
    wire, email = who
    form = {"csrf_token": wire.csrf, "email": email, "password": PASSWORD}
    return wire.post_form("/sign-in", form)[0]
