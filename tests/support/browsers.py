"""Real browsers: Chromium with a fake camera and microphone, one context for each person.

Nothing that a page complains about passes unseen: a violated policy, an error in a script or an
answer of 500 and above fails the test when it ends.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Playwright

from support import needs

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
)

PATIENCE = 40
"""Seconds after which what a test waits for has not happened; the machine may be busy."""

FAKE_DEVICES = "--use-fake-device-for-media-stream"

# Keeps every connection that a page makes, so that a test can ask what really arrives. A subclass would
# hide from libraries what they look for in the prototype.
COLLECT = """
window.connections = [];
window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
  construct(...given) {
    const made = Reflect.construct(...given);
    window.connections.push(made);
    return made;
  },
});
"""

# Firefox counts what it shows of a call in a way of its own.
RECEIVED = """
async () => {
  const video = document.querySelector('video[data-participant="remote"]');
  const quality = video && video.getVideoPlaybackQuality();
  const found = {
    width: video ? video.videoWidth : 0,
    shown: video?.mozPaintedFrames ?? (quality ? quality.totalVideoFrames - quality.droppedVideoFrames : 0),
    paused: video ? video.paused : true, muted: video ? video.muted : true,
    frames: 0, packets: 0, sound: 0, relayed: false,
  };
  for (const connection of window.connections) {
    if (connection.connectionState === "closed") continue;
    const stats = await connection.getStats();
    for (const report of stats.values()) {
      const inbound = report.type === "inbound-rtp" ? report.kind : null;
      if (inbound === "video") found.frames += report.framesDecoded || 0;
      if (inbound === "audio") {
        found.packets += report.packetsReceived || 0;
        found.sound += report.totalAudioEnergy || 0;
      }
      if (report.type === "candidate-pair" && report.nominated) {
        found.relayed = stats.get(report.localCandidateId)?.candidateType === "relay";
      }
    }
  }
  return found;
}
"""


def launch(playwright: Playwright, *, devices: str = "allowed", extra: Sequence[str] = ()) -> Browser:
    """Start Chromium. `devices`: `allowed`, `denied` (the person says no), `microphone` or `missing`;
    `extra` are more arguments.
    """
    arguments = [*ARGUMENTS, *extra]
    if devices != "missing":
        cameras = 0 if devices == "microphone" else 1
        # Ten pictures a second are enough to see that they come.
        arguments.append(f"{FAKE_DEVICES}=device-count={cameras},fps=10")
    arguments.append(f"--use-fake-ui-for-media-stream{'=deny' if devices == 'denied' else ''}")
    return playwright.chromium.launch(
        executable_path=needs.program("chromium"), headless=True, args=arguments
    )


class Watch:
    """What the pages of a context complained about. `expect` lets a complaint pass."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._expected: list[str] = []

    def begin(self) -> None:
        """Forget what was before."""
        self.complaints.clear()
        self._expected.clear()

    def expect(self, words: str) -> None:
        """Complaints with these words are part of the test."""
        self._expected.append(words)

    def follow(self, context: BrowserContext) -> None:
        """Listen to all pages of the context."""
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.on(
            "response",
            lambda answer: (
                self.complaints.append(f"{answer.status} from {answer.url}") if answer.status >= 500 else None
            ),
        )

    def check(self) -> None:
        """Fail if anybody complained of something that was not expected."""
        bad = [c for c in self.complaints if not any(words in c for words in self._expected)]
        assert not bad, "the browser complained: " + "; ".join(bad)

    def _on_console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.complaints.append(f"policy: {message.text}")
        elif message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")


@contextmanager
def device(browser: Browser, base_url: str, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
    """A context of its own, watched."""
    watch = Watch()
    context = browser.new_context(
        base_url=base_url, **{"viewport": {"width": 1280, "height": 800}, **options}
    )
    context.set_default_timeout(PATIENCE * 1000)
    context.add_init_script(COLLECT)
    watch.follow(context)
    try:
        yield context, watch
    finally:
        close_pages(context)
        context.close()


@contextmanager
def browsing(browser: Browser, base_url: str, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """A page in a context of its own, watched to the end."""
    with device(browser, base_url, **options) as (context, watch):
        yield context.new_page(), watch
    watch.check()


def close_pages(context: BrowserContext) -> None:
    """Close all pages, each from a blank one: Chromium now and then forgets to close one that is just
    going somewhere, and whoever waits for that waits for ever.
    """
    for page in context.pages:
        with suppress(Error):
            page.goto("about:blank", timeout=PATIENCE * 1000 / 4)
        page.close()


def leave(context: BrowserContext) -> None:
    """Close all pages, and undo what a test did to the device; what it has fetched stays in its cache."""
    close_pages(context)
    context.unroute_all()
    context.set_offline(False)
    context.clear_cookies()
    context.clear_permissions()


def until(what: Callable[[], Any], message: str = "it did not happen", seconds: float = PATIENCE) -> Any:
    """Ask again and again until the answer is true; returns it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{message} (last answer: {answer!r})"
        time.sleep(0.05)


class Asked(Protocol):
    """A page of any browser, as far as it is asked what it received."""

    def evaluate(self, function: str, /) -> Any:
        """What this function gives on the page."""


def received(page: Asked) -> dict[str, Any]:
    """What this page has received of the other side so far."""
    found: dict[str, Any] = page.evaluate(RECEIVED)
    return found


def sees(page: Asked, seconds: float = PATIENCE) -> dict[str, Any]:
    """Prove that the other side is seen and heard now: a picture, new frames, new sound packets."""
    first = until(
        lambda: (now := received(page))["width"] > 0 and now["frames"] > 0 and now,
        "no picture of the other side arrived",
        seconds,
    )

    def more() -> Any:
        now = received(page)
        grown = now["frames"] > first["frames"] and now["packets"] > first["packets"]
        return now if grown and now["shown"] > first["shown"] else None

    now: dict[str, Any] = until(more, "picture or sound of the other side stands still", seconds)
    assert not now["paused"] and not now["muted"], f"the other side is not played: {now}"
    return now


def sees_nobody(page: Asked, seconds: float = PATIENCE) -> None:
    """Prove that nothing of another side arrives any more."""

    def still() -> bool:
        before = received(page)["frames"]
        time.sleep(0.7)
        return bool(received(page)["frames"] == before)

    until(still, "frames still arrive", seconds)
