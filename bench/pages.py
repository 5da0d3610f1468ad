"""What the page with many sessions costs: processor time against the floor, and SQL statements."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from flask import Flask
from sqlalchemy import event
from support.databases import KINDS, Databases
from support.server import Server

from bench.figures import Figure
from bench.load import cost
from bench.scene import MANY, Scene, set_up
from telehealth.extensions import db

ROUNDS = 5
REQUESTS = 320
FLOOR_REQUESTS = 1280
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of the telemedicine page."""
    for kind in KINDS:
        with set_up(databases, kind) as scene:
            yield _against_the_floor(scene, folder, NAMES[kind])
    many, few = _statements(databases, MANY), _statements(databases, 1)
    yield Figure(
        f"SQL statements of the telemedicine page with {MANY} sessions",
        many,
        "",
        4,
        f"with one session: {few}; the sign-in of the visitor included",
    )


def _against_the_floor(scene: Scene, folder: Path, name: str) -> Figure:
    floor = Server(folder, "", app="bench.hello:app", ready="/")
    server = Server(folder, scene.database_url)
    floor.start()
    server.start()
    try:
        path = f"/visits/{scene.visit.id}/telemedicine"
        cookies = server.browser("dr_grey").cookies
        headers = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in cookies)}
        cost(floor, "/", FLOOR_REQUESTS // 4)
        cost(server, path, REQUESTS // 4, headers)
        rounds = [
            (cost(floor, "/", FLOOR_REQUESTS), cost(server, path, REQUESTS, headers)) for _ in range(ROUNDS)
        ]
    finally:
        server.stop()
        floor.stop()
    hello, page = median(r[0] for r in rounds), median(r[1] for r in rounds)
    ratio = median(r[1] / r[0] for r in rounds)
    return Figure(
        f"Telemedicine page with {MANY} sessions, {name}: CPU against a bare Flask “hello”",
        ratio,
        " ×",
        12,
        f"{page:.2f} ms against {hello:.2f} ms a request, median of {ROUNDS} rounds",
    )


def _statements(databases: Databases, many: int) -> int:
    with set_up(databases, "sqlite", many) as scene:
        doctor = scene.person("dr_grey").ensure_signed_in()
        path = f"/visits/{scene.visit.id}/telemedicine"
        doctor.get(path)
        with _counting(scene.app) as statements:
            doctor.get(path)
        return len(statements)


class _counting:
    """Keeps the SQL statements that the application sends."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self._engine = db.engine
        self.statements: list[str] = []

    def _note(self, _connection: object, _cursor: object, statement: str, *_more: object) -> None:
        self.statements.append(statement)

    def __enter__(self) -> list[str]:
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self.statements

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)
