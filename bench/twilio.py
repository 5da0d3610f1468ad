"""What Twilio as the carrier costs, against the local double of it in the tests."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import pytest
from doubles.twilio import Twilio
from playwright.sync_api import Browser, sync_playwright
from support import browsers
from support.databases import Databases
from support.server import Server

from bench import browser as embedded
from bench.figures import Figure
from bench.load import Asked, against_the_floor, beside_the_floor, p95, reading, running, send, signed_in
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
        plain = stack.enter_context(set_up(databases, "sqlite", 1))
        other = stack.enter_context(running(Server(folder, plain.database_url)))
        yield from _joins(browser, (server, scene), (other, plain), floor)


def _joins(
    browser: Browser, on_twilio: tuple[Server, Scene], in_itself: tuple[Server, Scene], floor: Server
) -> Iterator[Figure]:
    """The same join over the double and embedded, and the floor, in turns."""
    with ExitStack() as stack:
        ours, theirs = (
            stack.enter_context(
                embedded.joining(browser, server, scene, embedded.second_comes(browser, server), leaves=True)
            )
            for server, scene in (in_itself, on_twilio)
        )
        rounds = [
            (theirs(), ours(), embedded.least_join(browser, floor)) for _round in range(embedded.ROUNDS)
        ]
    twilio, plain, least = (median(each) for each in zip(*rounds, strict=True))
    name = "Join over the double of Twilio: click to the other side’s first frame, against"
    detail = f"median of {len(rounds)} rounds in turns"
    yield Figure(
        f"{name} the embedded call",
        median(one / other for one, other, _least in rounds),
        " ×",
        None,
        f"{twilio:.0f} ms against {plain:.0f} ms, {detail}",
    )
    yield Figure(
        f"{name} two connections in one page",
        median(one / floor_ for one, _other, floor_ in rounds),
        " ×",
        None,
        f"{twilio:.0f} ms against {least:.0f} ms, {detail}; embedded {plain:.0f} ms",
    )


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
