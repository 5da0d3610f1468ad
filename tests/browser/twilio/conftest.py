"""The same clinic with Twilio carrying its calls: the double, and a browser that takes it for Twilio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from doubles.twilio import Twilio
from playwright.sync_api import Browser
from support.cast import Clinic

from browser.people import SETTINGS
from browser.twilio.stage import SOON, Stage

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture(scope="module")
def settings(twilio_settings: dict[str, str]) -> dict[str, str]:
    """Settings of a server whose calls Twilio carries."""
    return {**SETTINGS, **twilio_settings}


@pytest.fixture(scope="module")
def browser(twilio: Twilio, twilio_browser: Browser) -> Browser:
    """Chromium for which the double is Twilio, one that soon gives up whose signalling was lost."""
    twilio.switches.session_timeout = SOON
    return twilio_browser


@pytest.fixture(scope="module")
def arguments(twilio: Twilio) -> Sequence[str]:
    """Every other browser takes the double for Twilio, too."""
    return twilio.chromium_arguments


@pytest.fixture
def stage(twilio: Twilio, app: Flask, clinic: Clinic) -> Stage:
    """What happens at Twilio while people are in a call."""
    return Stage(twilio, app, clinic)
