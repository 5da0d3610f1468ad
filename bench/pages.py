"""What the page with many sessions costs: processor time against the floor, SQL statements, and its size."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from support.databases import KINDS, Databases
from support.server import Server
from support.statements import recorded

from bench.figures import Figure
from bench.load import against_the_floor, beside_the_floor, signed_in
from bench.scene import MANY, NAMES, Scene, set_up

AS_BROWSERS = {"Accept-Encoding": "gzip"}
PAGE = f"Telemedicine page with {MANY} sessions"


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of the telemedicine page."""
    for kind in KINDS:
        with set_up(databases, kind) as scene:
            server = Server(folder, scene.database_url)
            with beside_the_floor(folder, server) as floor:
                headers = {**signed_in(server, "dr_grey"), **AS_BROWSERS}
                name = f"{PAGE}, {NAMES[kind]}"
                yield against_the_floor(name, floor, server, _path(scene), headers, limit=10)
    many, few = _statements(databases, MANY), _statements(databases, 1)
    yield Figure(
        f"SQL statements of the telemedicine page with {MANY} sessions",
        many,
        "",
        4,
        f"with one session: {few}; the sign-in of the visitor included",
    )
    yield _weight(databases)


def _statements(databases: Databases, many: int) -> int:
    with set_up(databases, "sqlite", many) as scene:
        doctor = scene.person("dr_grey").ensure_signed_in()
        doctor.get(_path(scene))
        with recorded(scene.app) as statements:
            doctor.get(_path(scene))
        return len(statements)


def _weight(databases: Databases) -> Figure:
    with set_up(databases, "sqlite") as scene:
        doctor = scene.person("dr_grey").ensure_signed_in()
        packed = doctor.client.get(_path(scene), headers=AS_BROWSERS).data
    page = gzip.decompress(packed)
    detail = f"{len(page) / 1000:.1f} kB before, {len(page) / MANY / 1000:.2f} kB a session"
    return Figure(f"{PAGE}: its HTML as it is sent", len(packed) / 1000, " kB", 15, detail)


def _path(scene: Scene) -> str:
    return f"/visits/{scene.visit.id}/telemedicine"
