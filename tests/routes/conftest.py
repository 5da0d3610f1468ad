"""What tests of the routes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from support import apps, databases

if TYPE_CHECKING:
    from flask import Flask
    from support.cast import Person
    from support.program import Description, Program

    from routes.access_scene import House


@pytest.fixture(scope="module", params=databases.KINDS)
def house(
    request: pytest.FixtureRequest,
    database_server: databases.Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """The visitors of the access table, for a whole file on one database."""
    from routes.access_scene import House

    with database_server.fresh(request.param) as url:
        app = apps.make_app(url)
        app.config["RECORDINGS"] = tmp_path_factory.mktemp("recordings")
        yield House(app)
        apps.close(app)


@pytest.fixture
def description(app: Flask) -> Description:
    """The OpenAPI description of the app."""
    from support.program import Description

    return Description(app)


@pytest.fixture
def api(app: Flask, person: Callable[[str], Person], description: Description) -> Callable[[str], Program]:
    """Gives a program that acts for a member of the cast by bearer token."""
    from support.program import Program

    known: dict[str, Program] = {}

    def find(key: str) -> Program:
        if key not in known:
            known[key] = Program(app, person(key), description)
        return known[key]

    return find


@pytest.fixture
def streams_end_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Event streams begin and end, as on a worker that is told to stop."""
    from telehealth.live import hub

    monkeypatch.setattr(hub, "_worker", SimpleNamespace(alive=False))
    yield
