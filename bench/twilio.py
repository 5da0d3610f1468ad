"""What Twilio as the carrier costs, against the local double of it in the tests."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread
from urllib.parse import urlencode

import pytest
import requests
from doubles.twilio import Twilio
from playwright.sync_api import sync_playwright
from support import browsers
from support.databases import Databases
from support.server import Server

from bench import browser as embedded
from bench.figures import Figure
from bench.load import Asked, cost, send
from bench.scene import Scene, set_up

ROUNDS = 5
TOKENS = 400
CALLBACKS = 1200
PAUSE = 0.05
"""Seconds between two pages of somebody who reads meanwhile."""


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
        floor = Server(folder, "", "bench.hello:app", ready="/")
        for one in (server, floor):
            one.start()
            stack.callback(one.stop)
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
    who = server.browser("ana")
    page = who.get(server.url + "/sign-out").text
    csrf = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in who.cookies)
    headers = {"Cookie": cookies, "X-CSRFToken": csrf, "Content-Type": "application/json"}
    path, body = "/api/v1/telemedicine/token/", json.dumps({"session_id": scene.live.id})
    cost(server, path, TOKENS // 4, headers, body)
    rounds = [
        (cost(floor, "/", 4 * TOKENS), cost(server, path, TOKENS, headers, body)) for _ in range(ROUNDS)
    ]
    least, most = median(r[0] for r in rounds), median(r[1] for r in rounds)
    return Figure(
        "Token on Twilio: CPU against a bare Flask “hello”",
        median(r[1] / r[0] for r in rounds),
        " ×",
        8,
        f"{most:.2f} ms against {least:.2f} ms a request, median of {ROUNDS} rounds",
    )


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
    waits, over = list[float](), Event()
    reader = Thread(target=_read, args=(server, waits, over))
    reader.start()
    began = time.monotonic()
    statuses = send(server, path, calls)
    taken = time.monotonic() - began
    over.set()
    reader.join()
    assert set(statuses) == {204}, f"callbacks were answered with {set(statuses)}"
    yield Figure("Callbacks taken in a second by two workers", CALLBACKS / taken, "/s", 200, least=True)
    p95 = quantiles(waits, n=20)[-1] * 1000
    yield Figure("A page meanwhile, p95", p95, " ms", None, f"{len(waits)} pages")


def _read(server: Server, waits: list[float], over: Event) -> None:
    with requests.Session() as session:
        while not over.is_set():
            began = time.monotonic()
            assert session.get(server.url + "/sign-in").status_code == 200
            waits.append(time.monotonic() - began)
            over.wait(PAUSE)
