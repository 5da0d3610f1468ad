"""The provider as the app makes it, with the double for Twilio."""

import secrets

import pytest
from support import apps

from telehealth.video.twilio import TwilioProvider


@pytest.fixture(autouse=True)
def _fair_weather(twilio, quickly):
    yield
    twilio.faults.clear()


@pytest.fixture
def settings(twilio):
    return apps.settings(
        "sqlite:///nowhere.sqlite", PUBLIC_URL="https://visit.clinic.example", **twilio.settings
    )


@pytest.fixture
def provider(settings):
    provider = TwilioProvider(settings)
    yield provider
    provider._rooms._version.domain.twilio.http_client.session.close()


@pytest.fixture
def name():
    return secrets.token_hex(16)


@pytest.fixture
def asked(twilio):
    """What was asked since the test began, by method and path."""
    since = len(twilio.requests)
    return lambda: [(one.method, one.path) for one in twilio.requests[since:]]
