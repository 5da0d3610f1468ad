"""Twilio's REST interface as we use it: with a time-out, few repeats, and errors in our own words."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from flask_babel import gettext as _
from requests import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.base.version import Version
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from telehealth.config import TwilioSettings
from telehealth.errors import ProviderRefused, ProviderUnavailable

TIMEOUT = 4.0
"""Seconds for one answer; the client of Twilio has no limit of its own."""

TRIES = 3
PAUSE = 0.3
"""Seconds before the first repeat; doubled after each, and never the same for two callers."""

NOT_FOUND = 404
OPEN_ROOM = "open room"
EXISTS = 53113
COMPLETED_BEFORE = 53112

ANSWERS = (TwilioRestException, TwilioServiceException)
"""A no of Twilio's, in its older and in its newer form: both have a status and a code."""

SILENCE = (RequestException, TwilioException, OSError, ValueError)
"""But for those, no word of Twilio's: nobody there, or somebody else with a page of their own."""

log = logging.getLogger(__name__)
logging.getLogger("twilio.http_client").setLevel(logging.WARNING)

Answer = TypeVar("Answer")


def client_for(settings: TwilioSettings) -> Client:
    """A client that signs in with the API key."""
    http = TwilioHttpClient(timeout=TIMEOUT)
    return Client(settings.api_key, settings.api_secret, settings.account_sid, http_client=http)


def ask(
    what: str, call: Callable[[], Answer], *, known: tuple[int, ...] = (), tries: int = TRIES
) -> Answer | None:
    """The answer; asked again after trouble that may pass: `call` is safe to repeat, or `tries` is 1.

    None where Twilio answers with an HTTP status or an error code in `known`. Raises ProviderRefused
    for a no that stays, ProviderUnavailable where it is out of reach for now.
    """
    for attempt in range(1, tries + 1):
        try:
            return call()
        except SILENCE as trouble:
            error = _no(trouble)
            if error is None:
                log.warning("video service: %s got no answer (%s)", what, type(trouble).__name__)
            elif error.status in known or error.code in known:
                return None
            else:
                log.warning("video service: %s got %s, code %s", what, error.status, error.code)
                if error.status != 429 and error.status < 500:
                    raise ProviderRefused(_why(error, what)) from error
        if attempt < tries:
            time.sleep(PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
    raise ProviderUnavailable()


def _no(trouble: Exception) -> TwilioException | None:
    """What Twilio answered; None where there was no word of its own."""
    if isinstance(trouble, ANSWERS):
        return trouble
    # Of a list the client says only that it did not come, and keeps the answer beside its words.
    answer = next((one for one in trouble.args if isinstance(one, Response)), None)
    if answer is None or answer.status_code < 400:
        return None
    return Version.exception("GET", "", answer, "No list")


def _why(error: TwilioException, what: str) -> str:
    if error.status in (401, 403):
        return _("The video service does not accept the clinic’s access data. Staff have to check them.")
    if what == OPEN_ROOM:
        return _("The video service refused to open a room.")
    return _("The video service refused this.")
