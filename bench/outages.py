"""How soon a call is back after a reload, and after a while without network."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from browser import relay as relays
from browser.relay import Relay
from playwright.sync_api import Browser, Error, Page, sync_playwright
from support import browsers
from support.browser_fixtures import sign_in
from support.databases import Databases
from support.server import Server

from bench.browser import CLOCK
from bench.figures import Figure
from bench.load import running
from bench.scene import set_up

RELOADS = 7
OUTAGES = 3
SECONDS = (3, 12)
PATIENCE = 60
STEADY = 2000
GAP = 700
"""Milliseconds: pictures have come again when they come for so long with no such gap."""

RELOAD = """() => {
  delete window.took;
  sessionStorage.setItem("clicked", performance.timeOrigin + performance.now());
  location.reload();
}"""

TIMES = """() => {
  if (!window.took) return null;
  const [{ domContentLoadedEventEnd: loaded }] = performance.getEntriesByType("navigation");
  const page = performance.timeOrigin + loaded - Number(sessionStorage.getItem("clicked"));
  return [window.took, page];
}"""

# When pictures were shown, by the clock of the page.
WATCH = """() => {
  window.shown = [];
  const video = document.querySelector('video[data-participant="remote"]');
  const note = () => {
    window.shown.push(performance.now());
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
}"""
NOW = "() => performance.now()"


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of calls that were interrupted."""
    with ExitStack() as stack:
        browser = browsers.launch(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        with _call(databases, folder, browser) as both:
            yield _reload(both)
        relay = stack.enter_context(relays.running(folder))
        turn = {"TURN_URLS": relay.url, "TURN_SECRET": relays.SECRET, "ICE_RELAY_ONLY": "yes"}
        with _call(databases, folder, browser, **turn) as both:
            for page in both:
                page.evaluate(WATCH)
            for seconds in SECONDS:
                yield _outage(both, relay, seconds)


@contextmanager
def _call(databases: Databases, folder: Path, browser: Browser, **settings: str) -> Iterator[list[Page]]:
    """The doctor and the patient, who see each other."""
    with ExitStack() as stack:
        scene = stack.enter_context(set_up(databases, "sqlite", 1, **settings))
        server = stack.enter_context(
            running(Server(folder, scene.database_url, "wsgi:app", 2, "/readyz", **settings))
        )
        both = []
        for key in ("dr_grey", "ana"):
            page, _watch = stack.enter_context(browsers.browsing(browser, server.url))
            sign_in(page, key)
            page.context.add_init_script(CLOCK)
            page.goto(f"/telemedicine/{scene.live.id}/call")
            both.append(page)
        for page in both:
            browsers.sees(page, PATIENCE)
        yield both


def _reload(both: list[Page]) -> Figure:
    rounds = []
    for _ in range(RELOADS):
        both[1].evaluate(RELOAD)
        rounds.append(browsers.until(lambda: _times(both[1]), "no first frame came", PATIENCE))
        for page in both:
            browsers.sees(page, PATIENCE)
    page_ = median(loaded for _took, loaded in rounds)
    return Figure(
        "Back after a reload, beyond the loading of the page",
        median(took - loaded for took, loaded in rounds) / 1000,
        " s",
        0.6,
        f"the page takes {page_:.0f} ms more; to the first frame of the other side, median of {RELOADS}",
    )


def _times(page: Page) -> list[float] | None:
    """What the new page noted; while it is on its way there is none to ask."""
    try:
        found: list[float] | None = page.evaluate(TIMES)
    except Error:
        return None
    return found


def _outage(both: list[Page], relay: Relay, seconds: int) -> Figure:
    rounds = []
    for _ in range(OUTAGES):
        context = both[1].context
        context.set_offline(True)
        relay.freeze()
        time.sleep(seconds)
        since = [page.evaluate(NOW) for page in both]
        relay.thaw()
        context.set_offline(False)
        rounds.append(max(_back(page, moment) for page, moment in zip(both, since, strict=True)))
    return Figure(
        f"Back after {seconds} s without network",
        median(rounds),
        " s",
        3,
        f"until pictures come again on both sides and go on; over a relay; median of {OUTAGES}, "
        f"the longest {max(rounds):.1f} s",
    )


def _back(page: Page, since: float) -> float:
    """Seconds from then until pictures came again without another gap; late ones of before do not count."""

    def steady() -> float | None:
        shown = [moment for moment in page.evaluate("window.shown") if moment > since]
        gaps = [n for n in range(1, len(shown)) if shown[n] - shown[n - 1] > GAP]
        run = shown[gaps[-1] if gaps else 0 :]
        lasts = run and run[-1] - run[0] > STEADY and page.evaluate(NOW) - run[-1] < GAP
        return (run[0] - since) / 1000 if lasts else None

    return float(browsers.until(steady, "no pictures came again", PATIENCE))
