"""What Twilio as the carrier costs, against the local double of it in the tests."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from doubles.twilio import Twilio
from playwright.sync_api import sync_playwright
from support import browsers
from support.databases import Databases
from support.server import Server

from bench import browser as embedded
from bench.figures import Figure
from bench.load import Asked, against_the_floor, beside_the_floor, p95, reading, send, signed_in
from bench.scene import Scene, set_up

CALLBACKS = 1200


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of calls over Twilio."""
    with ExitStack() as stack:
        twilio = stack.enter_context(Twilio())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in twilio.environment.items():
            patch.setenv(name, value)
        settings = {**twilio.settings, **twilio.environment}
        scene = stack.enter_context(set_up(databases, "sqlite", 1, **twilio.settings))
        server = Server(folder, scene.database_url, "wsgi:app", 2, "/readyz", **settings)
        floor = stack.enter_context(beside_the_floor(folder, server))
        yield _token(server, floor, scene)
        yield from _callbacks(server, scene, twilio)
        browser = browsers.launch(stack.enter_context(sync_playwright()), extra=twilio.chromium_arguments)
        stack.callback(browser.close)
        path = f"/telemedicine/{scene.live.id}/call"
        with browsers.browsing(browser, server.url) as (page, _):
            page.context.add_cookies(embedded.signed_in(browser, server, "ana"))
            yield embedded.weight(page, path, "Call page with Twilio’s library", 150)
        yield embedded.join(browser, server, floor, scene, "Join over the double of Twilio", None)


def _token(server: Server, floor: Server, scene: Scene) -> Figure:
    """A ticket needs no answer of Twilio."""
    path, body = "/api/v1/telemedicine/token/", json.dumps({"session_id": scene.live.id})
    return against_the_floor("Token on Twilio", floor, server, path, signed_in(server, "ana"), body, limit=8)


def _callbacks(server: Server, scene: Scene, twilio: Twilio) -> Iterator[Figure]:
    """Signed callbacks as fast as they are taken, while somebody opens pages."""
    room, path = scene.live.room, "/webhooks/twilio/room"
    kind = "application/x-www-form-urlencoded"
    calls: list[Asked] = []
    for number in range(CALLBACKS):
        event = "participant-disconnected" if number % 2 else "participant-connected"
        sid = f"PA{number // 2:032x}"
        given = twilio.parameters(event, room, scene.identity("ana"), ParticipantSid=sid)
        signature = twilio.sign(server.url + path, given)
        calls.append((urlencode(given), {"Content-Type": kind, "X-Twilio-Signature": signature}))
    with reading(server, "/sign-in") as waits:
        began = time.monotonic()
        statuses = send(server, path, calls)
        taken = time.monotonic() - began
    assert set(statuses) == {204}, f"callbacks were answered with {set(statuses)}"
    yield Figure("Callbacks taken in a second by two workers", CALLBACKS / taken, "/s", 200, least=True)
    yield Figure("A page meanwhile, p95", p95(waits), " ms", None, f"{len(waits)} pages")
