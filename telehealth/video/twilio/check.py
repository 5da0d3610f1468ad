"""Whether the set-up at Twilio works, step by step, for `flask test-twilio`."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from telehealth.config import LOOPBACK, TWILIO, Settings, TwilioSettings
from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.video.twilio import TwilioProvider
from telehealth.video.twilio.rest import ANSWERS, SILENCE, TIMEOUT


@dataclass(frozen=True)
class Step:
    """One line of the answer. `todo` says what to do where it is not well; `matters`: no call without."""

    name: str
    well: bool
    what: str
    todo: str = ""
    matters: bool = True


def steps(settings: Settings) -> Iterator[Step]:
    """Check one after the other; a step that the rest builds on ends it. No secret is in any of them."""
    account = settings.twilio
    if account is None:
        todo = f"Set {', '.join(TWILIO)} in the environment or in .env."
        yield Step("Settings", False, "not all four settings of Twilio are there", todo)
        return
    yield Step("Settings", True, "all four are there")
    if settings.video_provider != "twilio":
        todo = "Set VIDEO_PROVIDER to auto or twilio, or leave it out."
        yield Step("Provider", False, "VIDEO_PROVIDER keeps calls off Twilio", todo)
    answers = [_account(account, token) for token in account.auth_tokens]
    accepted = any(one.well for one in answers)
    # While tokens are exchanged there are two, and one that is accepted is enough.
    yield from (replace(one, matters=not accepted) for one in answers)
    if not accepted:
        return
    yield from _video(settings)
    yield _callbacks(settings)
    yield Step(
        "Rooms made by browsers",
        False,
        "cannot be asked for",
        "Look in the Twilio Console under Video, Rooms, Settings: “Client-side room creation” has to be off.",
        matters=False,
    )


def _account(account: TwilioSettings, auth_token: str) -> Step:
    client = Client(account.account_sid, auth_token, http_client=TwilioHttpClient(timeout=TIMEOUT))
    try:
        found = client.api.v2010.accounts(account.account_sid).fetch()
    except ANSWERS as error:
        if error.status in (401, 403):
            todo = (
                "TWILIO_AUTH_TOKEN is wrong, or something else was pasted in its place, such as a SID. "
                "Copy the Auth Token that the Console shows beside this Account SID."
            )
            return Step(
                "Account",
                False,
                "Twilio does not accept the Auth Token (“Unable to fetch record: Authenticate”)",
                todo,
            )
        if error.status == 404:
            todo = "Check TWILIO_ACCOUNT_SID in the Console."
            return Step("Account", False, "Twilio knows no such account", todo)
        return _no_answer("Account", f"Twilio answered with {error.status}")
    except SILENCE as error:
        return _no_answer("Account", f"no answer ({type(error).__name__})")
    if found.status != "active":
        return Step("Account", False, f"the account is {found.status}", "Open the Console and see why.")
    return Step("Account", True, "it answers, and the Auth Token is right")


def _video(settings: Settings) -> Iterator[Step]:
    """A token, and a room that is opened and closed again with the API key."""
    provider, room = TwilioProvider(settings), secrets.token_hex(16)
    provider.ticket(room, secrets.token_hex(16))
    try:
        provider.open_room(room)
        yield Step("API key", True, "it signs tokens, and Twilio accepts it")
        provider.close_room(room)
        yield Step("Video", True, "a room was opened and closed")
    except ProviderRefused as refusal:
        if isinstance(refusal.__cause__, ANSWERS) and refusal.__cause__.status in (401, 403):
            todo = (
                "TWILIO_API_KEY or TWILIO_API_SECRET is wrong, or of another account. "
                "Make a new standard key."
            )
            yield Step("API key", False, "Twilio does not accept it", todo)
        else:
            cause = getattr(refusal.__cause__, "code", "")
            todo = f"Look the error code {cause} up in Twilio’s list; the account may have no Video."
            yield Step("Video", False, "Twilio refused to open a room", todo)
    except ProviderUnavailable:
        yield _no_answer("Video", "no answer")


def _callbacks(settings: Settings) -> Step:
    url = urlsplit(settings.public_url)
    if url.scheme == "https" and not _is_inside(url.hostname or ""):
        return Step("Callback URL", True, "PUBLIC_URL is one that Twilio can call, if it leads here")
    todo = (
        "Set PUBLIC_URL to the https address that patients use. Until then calls work, but times and "
        "recordings come late, by `flask reconcile` alone."
    )
    return Step(
        "Callback URL", False, "PUBLIC_URL is of this machine or this network only", todo, matters=False
    )


def _is_inside(host: str) -> bool:
    """Whether this name or address means something on this machine or in this network alone."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host in LOOPBACK or "." not in host or host.endswith((".local", ".internal", ".lan"))


def _no_answer(name: str, what: str) -> Step:
    todo = "Check that this machine may connect to *.twilio.com on port 443, and try again in a minute."
    return Step(name, False, what, todo)
