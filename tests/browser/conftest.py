"""Tests in real browsers share one server for each file; every test makes its own visit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from support import apps, browsers
from support.browsers import PATIENCE, Watch
from support.server import Server

from browser.people import SETTINGS, At, Call, Somebody, meet

if TYPE_CHECKING:
    from flask import Flask
    from support.cast import Clinic
    from support.databases import Databases

    from telehealth.models import Session

Lend = Callable[[str], AbstractContextManager[tuple[Page, Watch]]]

DEADLINE = PATIENCE * 1000


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    expect.set_options(timeout=DEADLINE)


@pytest.fixture(scope="module", params=["sqlite"])
def database_url(request: pytest.FixtureRequest, database_server: Databases) -> Iterator[str]:
    """One database for a whole file; a file may ask for both kinds."""
    with database_server.fresh(request.param) as url:
        yield url


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Settings of the server; a file may have others."""
    return dict(SETTINGS)


@pytest.fixture(scope="module")
def server(
    database_url: str, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The real server with two workers, for a whole file."""
    server = Server(tmp_path_factory.mktemp("server"), database_url, **settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def app(database_url: str, settings: dict[str, str], server: Server) -> Iterator[Flask]:
    """The application beside the server, to bring about what is not the matter of a test."""
    app = apps.make_app(database_url, PUBLIC_URL=server.url, **settings)
    yield app
    apps.close(app)


@pytest.fixture(scope="module")
def arguments() -> Sequence[str]:
    """More arguments for browsers that a file starts for itself."""
    return ()


@pytest.fixture(scope="module")
def with_devices(playwright: Playwright, arguments: Sequence[str]) -> Iterator[Callable[[str], Browser]]:
    """A browser on a machine with other devices, or whose user says no; each is started once."""
    found: dict[str, Browser] = {}
    with ExitStack() as stack:

        def with_devices(devices: str) -> Browser:
            if devices not in found:
                found[devices] = browsers.launch(playwright, devices=devices, extra=arguments)
                stack.callback(found[devices].close)
            return found[devices]

        yield with_devices


@pytest.fixture(scope="module")
def lend(browser: Browser, server: Server) -> Iterator[Lend]:
    """Lends people a device of their own, for a test the one that they had in the test before.

    To start one takes a second, and to fetch and compile the pages' scripts anew takes another.
    """
    idle: dict[str, list[tuple[BrowserContext, Watch]]] = defaultdict(list)
    with ExitStack() as stack:

        @contextmanager
        def lend(key: str) -> Iterator[tuple[Page, Watch]]:
            one = idle[key].pop() if idle[key] else stack.enter_context(browsers.device(browser, server.url))
            context, watch = one
            watch.begin()
            yield context.new_page(), watch
            browsers.leave(context)
            watch.check()
            idle[key].append(one)

        yield lend


@pytest.fixture
def at_screen(browser: Browser, server: Server, app: Flask, lend: Lend) -> Iterator[At]:
    """Puts a member of the cast at a browser of their own; more options are the context's.

    `in_` is another browser than the usual one, `of` another server on the same database;
    `signed_in=False` leaves the door shut, `anew=True` gives a device that has fetched and kept nothing.
    """
    with ExitStack() as stack:

        def at_screen(
            key: str = "",
            *,
            signed_in: bool = True,
            in_: Browser | None = None,
            of: Server | None = None,
            anew: bool = False,
            **options: object,
        ) -> Somebody:
            url = (of or server).url
            own = anew or not signed_in or in_ or of or options
            page, watch = stack.enter_context(
                browsers.browsing(in_ or browser, url, **options) if own else lend(key)
            )
            page.context.set_default_timeout(DEADLINE)
            page.context.set_default_navigation_timeout(3 * DEADLINE)
            somebody = Somebody(page, watch, key)
            if key and signed_in:
                somebody.let_in(app, url)
            return somebody

        yield at_screen


@pytest.fixture
def session(clinic: Clinic) -> Session:
    """A session of Dr Grey and Ana that has begun; a file may have another."""
    return clinic.session("IN_PROGRESS")


@pytest.fixture
def call(at_screen: At, session: Session) -> Call:
    """Dr Grey and Ana in the call of the session."""
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    meet(grey, ana, session)
    return Call(session, grey, ana)
