"""Tests in which Twilio carries the call: its local double, and servers that take it for Twilio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from doubles.twilio import Twilio
from flask import Flask
from playwright.sync_api import Browser, Playwright

from support import browsers

if TYPE_CHECKING:
    from support.twilio_rooms import Rooms


@pytest.fixture(scope="module")
def twilio() -> Iterator[Twilio]:
    """A Twilio of its own for a whole file; this very process takes it for the real one too."""
    with Twilio() as twilio, pytest.MonkeyPatch.context() as patch:
        for name, value in twilio.environment.items():
            patch.setenv(name, value)
        yield twilio


@pytest.fixture(scope="module")
def twilio_settings(twilio: Twilio) -> dict[str, str]:
    """What a server needs to take the double for Twilio."""
    return {**twilio.settings, **twilio.environment}


@pytest.fixture(scope="module")
def twilio_browser(playwright: Playwright, twilio: Twilio) -> Iterator[Browser]:
    """Chromium for which twilio.com is the double."""
    browser = browsers.launch(playwright, extra=twilio.chromium_arguments)
    yield browser
    browser.close()


@pytest.fixture
def twilio_app(database_url: str, twilio: Twilio) -> Iterator[Flask]:
    """The application on a fresh database, with the double carrying the calls. Its callbacks go nowhere."""
    from support import apps

    twilio.callbacks.lost = {"*"}
    app = apps.make_app(database_url, **twilio.settings)
    yield app
    apps.close(app)
    twilio.faults.clear()
    twilio.callbacks.lost = set()


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs is given up soon, and what failed is tried again at once."""
    from telehealth.video.twilio import check, media, rest

    for module in (check, media, rest):
        monkeypatch.setattr(module, "TIMEOUT", 0.4)
    monkeypatch.setattr(rest, "PAUSE", 0.01)


@pytest.fixture
def rooms(app: Flask, twilio: Twilio) -> Rooms:
    """The rooms of the app's sessions at the double."""
    from support.twilio_rooms import Rooms

    return Rooms(app, twilio)
