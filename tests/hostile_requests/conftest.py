"""The real server, and a browser's sign-in for requests that are written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from support import apps, raw
from support.databases import Databases
from support.raw import Answer, Ask
from support.server import Server

from telehealth.extensions import db
from telehealth.models import Session, User, Visit


@pytest.fixture(scope="module")
def server(database_server: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the file; that nothing in it failed is looked at when it is stopped."""
    with database_server.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("server"), url)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def grey(server: Server) -> list[str]:
    """The headers of a doctor's browser."""
    return raw.headers(server, "dr_grey")


@pytest.fixture
def ask(server: Server, grey: list[str]) -> Ask:
    """Sends a request as the doctor's browser; `head` are lines beside the usual ones."""

    def ask(line: str, *head: str | bytes, body: object = (), host: str = "") -> Answer:
        hosts = [f"Host: {host or f'127.0.0.1:{server.port}'}"]
        return raw.ask(server.port, [line, *hosts, *grey, *head], body)  # type: ignore[arg-type]

    return ask


@pytest.fixture(autouse=True)
def _nothing_is_lost(server: Server) -> Iterator[None]:
    """Whatever was sent: the same people, visits and sessions are there, and the server answers."""
    before = _counts(server)
    yield
    assert _counts(server) == before
    assert raw.ask(server.port, ["GET /readyz HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]).status == 200


def _counts(server: Server) -> list[int]:
    app = apps.make_app(server.database_url)
    with app.app_context():
        counts = [
            db.session.scalar(select(func.count()).select_from(model)) or 0
            for model in (User, Visit, Session)
        ]
    apps.close(app)
    return counts
