"""What a browser has to load and how soon it sees the other side."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, Response, sync_playwright
from support import browsers
from support.browser_fixtures import sign_in
from support.chromium import Chromium
from support.databases import Databases
from support.server import Server

from bench.figures import Figure
from bench.load import beside_the_floor
from bench.scene import Scene, set_up

ROUNDS = 9
LIST = "/patient-portal/telemedicine"
FINDING = 1
"""Seconds that a person takes to find the button."""
LOADED = {"document", "stylesheet", "script", "image", "other"}

# The moment of the click outlives the page that it was made on.
CLOCK = """
(() => {
  const now = () => performance.timeOrigin + performance.now();
  addEventListener("click", () => {
    sessionStorage.setItem("clicked", now());
    window.tell?.(String(now()));
  }, true);
  const look = () => {
    const video = document.querySelector('video[data-participant="remote"]');
    if (!video) return setTimeout(look, 1);
    video.requestVideoFrameCallback(() => {
      window.seen = now();
      window.took = window.seen - Number(sessionStorage.getItem("clicked"));
    });
  };
  addEventListener("DOMContentLoaded", look);
})();
"""


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures that need a browser."""
    with ExitStack() as stack:
        scene = stack.enter_context(set_up(databases, "sqlite", 1))
        server = Server(folder, scene.database_url)
        floor = stack.enter_context(beside_the_floor(folder, server))
        browser = browsers.launch(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        yield from _weights(browser, server, scene)
        yield join(browser, server, floor, scene, "Join", 1.2)
        yield join_prepared(browser, server, floor, scene, folder, 1.0)


def _weights(browser: Browser, server: Server, scene: Scene) -> Iterator[Figure]:
    link = scene.clinic.link(scene.live)
    with browsers.browsing(browser, server.url) as (page, _):
        yield weight(page, link, "Page of a patient’s link", 45)
    with browsers.browsing(browser, server.url) as (page, _):
        yield weight(page, "/sign-in", "Sign-in page", 45)
        cookies = signed_in(browser, server, "ana")
    for path, name, limit in (
        ("/patient-portal/dashboard", "First page of a signed-in patient", 45),
        (f"/telemedicine/{scene.live.id}/call", "Call page", 60),
    ):
        with browsers.browsing(browser, server.url) as (page, _):
            page.context.add_cookies(cookies)
            yield weight(page, path, name, limit)


def weight(page: Page, path: str, name: str, limit: float) -> Figure:
    """All that the page loads with an empty cache, in kB as it is with gzip."""
    seen: list[Response] = []
    page.on("response", lambda answer: seen.append(answer))
    page.goto(path, wait_until="load")
    page.wait_for_timeout(1500)
    sizes: dict[str, int] = {}
    for answer in seen:
        kind = answer.request.resource_type
        # What is fetched ahead belongs to the page after this one.
        ahead = "prefetch" in answer.request.headers.get("sec-purpose", "")
        if kind in LOADED and answer.status == 200 and not ahead:
            body = answer.body()
            packed = gzip.compress(body, 6, mtime=0)
            sizes[kind] = sizes.get(kind, 0) + min(len(packed), len(body))
    parts = ", ".join(f"{kind} {size / 1000:.1f}" for kind, size in sorted(sizes.items()))
    return Figure(f"{name}, gzip", sum(sizes.values()) / 1000, " kB", limit, parts)


def signed_in(browser: Browser, server: Server, key: str) -> list[Any]:
    """The cookies of a member of the cast."""
    with browsers.browsing(browser, server.url) as (page, _):
        sign_in(page, key)
        return list(page.context.cookies())


def join(
    browser: Browser, server: Server, floor: Server, scene: Scene, name: str, limit: float | None
) -> Figure:
    """The second one's click, to the first frame of who is there already."""
    return _against_the_floor(browser, server, floor, scene, second_comes(browser, server), name, limit)


def second_comes(browser: Browser, server: Server) -> Callable[[list[Any]], float]:
    """Comes in with these cookies and leaves again: milliseconds from the click to the first frame."""

    def second_comes(cookies: list[Any]) -> float:
        with browsers.browsing(browser, server.url) as (patient, _):
            patient.context.add_init_script(CLOCK)
            patient.context.add_cookies(cookies)
            patient.goto(LIST)
            patient.wait_for_timeout(1000 * FINDING)
            patient.get_by_role("button", name="Join Session").first.click()
            took = _took(patient)
            patient.get_by_role("button", name="Leave Session").click()
            # Chromium may never close a page that it is asked to close while another one comes.
            patient.wait_for_url(f"**{LIST}")
            return took

    return second_comes


def join_prepared(
    browser: Browser, server: Server, floor: Server, scene: Scene, folder: Path, limit: float
) -> Figure:
    """The same where the browser prepares the call page before the click, as Chrome and Edge do."""
    profile = folder / "chromium"
    with ExitStack() as stack:
        chromium = Chromium(profile, CLOCK)
        stack.callback(rmtree, profile, ignore_errors=True)
        stack.callback(chromium.close)

        def second_comes(cookies: list[Any]) -> float:
            context = chromium.visit(server.url + LIST, cookies)
            chromium.wait(FINDING)
            chromium.click("Join Session")
            seen = browsers.until(lambda: chromium.evaluate("window.seen"), "no first frame came", 30)
            assert chromium.was_prepared()
            chromium.leave(context)
            # A page that was prepared does not always find what the page before has stored.
            return float(seen) - float(chromium.told[-1])

        name = "Join from a page that the browser prepared"
        return _against_the_floor(browser, server, floor, scene, second_comes, name, limit)


def _against_the_floor(
    browser: Browser,
    server: Server,
    floor: Server,
    scene: Scene,
    second_comes: Callable[[list[Any]], float],
    name: str,
    limit: float | None,
) -> Figure:
    with joining(browser, server, scene, second_comes) as join:
        rounds = [(join(), least_join(browser, floor)) for _round in range(ROUNDS)]
    joins, least = median(r[0] for r in rounds), median(r[1] for r in rounds)
    return Figure(
        f"{name}: click to the other side’s first frame, against two connections in one page",
        median(join / floor_ for join, floor_ in rounds),
        " ×",
        limit,
        f"{joins:.0f} ms against {least:.0f} ms, median of {ROUNDS} paired rounds",
    )


@contextmanager
def joining(
    browser: Browser,
    server: Server,
    scene: Scene,
    second_comes: Callable[[list[Any]], float],
    *,
    leaves: bool = False,
) -> Iterator[Callable[[], float]]:
    """Each call is one join; `leaves`: between two of them nobody is in the call."""
    with browsers.browsing(browser, server.url) as (doctor, _):
        sign_in(doctor, "dr_grey")
        cookies = signed_in(browser, server, "ana")

        def join() -> float:
            doctor.goto(f"/telemedicine/{scene.live.id}/call")
            doctor.locator('[data-call-state="waiting"]').first.wait_for(state="attached")
            took = second_comes(cookies)
            if leaves:
                doctor.goto("about:blank")
            return took

        yield join


def least_join(browser: Browser, floor: Server) -> float:
    """What a join takes at least: two connections in one page."""
    with browsers.browsing(browser, floor.url) as (page, _):
        page.goto("/floor")
        page.get_by_role("button").click()
        return _took(page)


def _took(page: Page) -> float:
    return float(browsers.until(lambda: page.evaluate("() => window.took"), "no first frame came", 30))
