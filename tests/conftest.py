"""What every test can ask for. The parts are in `tests/support`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import databases, needs

if TYPE_CHECKING:
    from flask import Flask
    from support.cast import Clinic, Person
    from support.databases import Databases
    from support.pages import Visitor
    from support.server import Server

pytest_plugins = ["support.browser_fixtures", "support.domain_fixtures", "support.twilio_fixtures"]
FOLDER = pytest.StashKey[Path]()
LIGHT = ("accessibility", "doors", "filters", "fragments", "hostile_text", "prepared_pages", "without_script")
BESIDE_OTHERS = ("tests/js/test_", *(f"tests/browser/test_{name}.py" for name in LIGHT))
"""Tests in a browser that make no call, or hardly one."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the state machine runs, and the races."""
    parser.addoption("--runs", type=int, default=300, help="how many clinics the state machine goes through")
    parser.addoption("--first-run", type=int, default=0, help="the number of the first of them")
    parser.addoption("--rounds", type=int, default=4, help="how often any two things race each other")


def pytest_configure(config: pytest.Config) -> None:
    """The folder of the run: made once, by the process that ends last."""
    given: dict[str, str] = getattr(config, "workerinput", {})
    config.stash[FOLDER] = Path(given["folder"]) if given else databases.make_folder()


def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which folder the run has."""
    node.workerinput["folder"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind, neither files nor a server."""
    if not hasattr(config, "workerinput"):
        databases.remove_folder(config.stash[FOLDER])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two browsers with cameras fill both cores: `make test` lets tests that need them take turns."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        in_browser = {"browser", "playwright", "at_screen", "firefox"} & set(names)
        if in_browser and not item.nodeid.startswith(BESIDE_OTHERS):
            item.add_marker(pytest.mark.browser)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where nobody reads a notice, a test that did not run is a failure, whatever skipped it."""
    if needs.in_ci() and not exitstatus and needs.not_run(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run stands in the last lines."""
    needs.report(terminalreporter)


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> Databases:
    """Makes fresh databases, for tests that want them in their own way."""
    return databases.Databases(request.config.stash[FOLDER])


@pytest.fixture(params=databases.KINDS)
def database_url(request: pytest.FixtureRequest, database_server: Databases) -> Iterator[str]:
    """A fresh database with the cast in it; every test that asks for one runs on both kinds."""
    with database_server.fresh(request.param) as url:
        yield url


@pytest.fixture
def app(request: pytest.FixtureRequest, database_url: str) -> Iterator[Flask]:
    """The application on a fresh database; for tests marked `twilio` the double carries the calls."""
    from support import apps

    mark = request.node.get_closest_marker("twilio")
    if mark is not None:
        if mark.kwargs.get("quickly"):
            request.getfixturevalue("quickly")
        yield request.getfixturevalue("twilio_app")
        return
    app = apps.make_app(database_url)
    yield app
    apps.close(app)


@pytest.fixture
def person(app: Flask) -> Callable[[str], Person]:
    """Gives a member of the cast by name, always the same one within a test."""
    from support.cast import Person

    known: dict[str, Person] = {}

    def find(key: str) -> Person:
        if key not in known:
            known[key] = Person(app, key)
        return known[key]

    return find


@pytest.fixture
def dr_grey(person: Callable[[str], Person]) -> Person:
    """Ana's doctor."""
    return person("dr_grey")


@pytest.fixture
def dr_house(person: Callable[[str], Person]) -> Person:
    """Another doctor, who must not see what is Dr Grey's."""
    return person("dr_house")


@pytest.fixture
def ana(person: Callable[[str], Person]) -> Person:
    """Dr Grey's patient."""
    return person("ana")


@pytest.fixture
def ben(person: Callable[[str], Person]) -> Person:
    """Another patient, who must not see what is Ana's."""
    return person("ben")


@pytest.fixture
def sam(person: Callable[[str], Person]) -> Person:
    """Of the staff."""
    return person("sam")


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    """Somebody who is not signed in."""
    from support.pages import Visitor

    return Visitor(app.test_client())


@pytest.fixture
def clinic(app: Flask, person: Callable[[str], Person]) -> Clinic:
    """Makes visits and sessions, and tells how they are now."""
    from support.cast import Clinic

    return Clinic(app, person)


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """The real server with two workers on the same database as `app`."""
    from support.server import Server

    server = Server(tmp_path, database_url)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set in the shell of whoever runs the tests must not change them."""
    for name in ("SECRET_KEY", "DATABASE_URL", "PUBLIC_URL", "TURN_URLS", "TURN_SECRET"):
        if name in os.environ:
            monkeypatch.delenv(name)
