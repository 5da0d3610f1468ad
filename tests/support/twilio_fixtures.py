"""Fixtures for tests in which Twilio carries the call: its local double, and what takes it for Twilio."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from doubles.twilio import Twilio
from playwright.sync_api import Browser, Playwright

from support import browsers


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
