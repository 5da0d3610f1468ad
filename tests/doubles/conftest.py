"""Two pages with the real SDK, which take the double for Twilio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support import browsers
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VideoGrant

from doubles.hook import Hook
from doubles.twilio import Twilio

VENDOR = Path(__file__).parents[2] / "telehealth" / "static" / "vendor"
SCRIPT = """
window.happened = [];
window.join = async (token, name) => {
  const show = (track) => {
    if (track.kind === "data") return;
    const element = track.attach();
    element.dataset.participant = "remote";
    document.body.append(element);
  };
  const hide = (track) => track.kind === "data" || track.detach().forEach((element) => element.remove());
  const meet = (participant) => participant.on("trackSubscribed", show).on("trackUnsubscribed", hide);
  try {
    window.room = await Twilio.Video.connect(token, {
      name, audio: true, video: { width: 320, height: 240 }, logLevel: "off",
    });
  } catch (error) {
    return error.code;
  }
  room.participants.forEach((participant) => {
    meet(participant);
    participant.tracks.forEach((publication) => publication.track && show(publication.track));
  });
  room.on("participantConnected", meet);
  for (const event of [
    "participantConnected", "participantReconnecting", "participantReconnected", "participantDisconnected",
    "trackDisabled", "trackEnabled", "recordingStarted", "recordingStopped",
  ]) room.on(event, () => happened.push(event));
  room.on("reconnecting", (error) => happened.push(`reconnecting ${error.code}`));
  room.on("reconnected", () => happened.push("reconnected"));
  room.on("disconnected", (_, error) => happened.push(`disconnected ${error ? error.code : "well"}`));
  return "joined";
};
"""


class Caller:
    """Somebody before a page with the SDK."""

    def __init__(self, page: Page, twilio: Twilio, identity: str) -> None:
        self.page = page
        self.identity = identity
        self._twilio = twilio

    def token(self, room: str | None, secret: str | None = None, ttl: int = 600, **other: object) -> str:
        """A token as the application would make it."""
        keys = (self._twilio.account_sid, self._twilio.api_key, secret or self._twilio.api_secret)
        token = AccessToken(*keys, identity=self.identity, ttl=ttl, **other)
        token.add_grant(VideoGrant(room=room))
        return str(token.to_jwt())

    def open(self) -> None:
        """Open the page, or reload it."""
        self.page.goto("/")
        self.page.add_script_tag(path=sdk())
        self.page.evaluate(SCRIPT)

    def join(self, room: str, token: str | None = None) -> object:
        """Open the page and connect: `joined`, or the code of the error."""
        self.open()
        return self.page.evaluate("([token, name]) => join(token, name)", [token or self.token(room), room])

    @property
    def happened(self) -> list[str]:
        """The events of the room so far."""
        happened: list[str] = self.page.evaluate("happened")
        return happened

    def experiences(self, *events: str, seconds: float = browsers.PATIENCE) -> None:
        """Wait until these have happened."""
        browsers.until(lambda: set(events) <= set(self.happened), f"{self.identity}: not {events}", seconds)


def sdk() -> Path:
    """The SDK as the application serves it."""
    found = sorted(VENDOR.rglob("twilio-video*.js"))
    assert found, "twilio-video is not among the static files"
    return found[0]


@pytest.fixture(scope="module")
def switchboard(twilio: Twilio) -> Twilio:
    """One double for all calls of a file, which soon gives up whose socket was lost."""
    twilio.switches.session_timeout = 4
    return twilio


@pytest.fixture(scope="module")
def browser(twilio_browser: Browser) -> Browser:
    """Chromium, for which the double is Twilio."""
    return twilio_browser


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Where callbacks go, and where pages come from."""
    with Hook() as hook:
        yield hook


@pytest.fixture
def caller(browser: Browser, switchboard: Twilio, hook: Hook) -> Iterator[Callable[[str], Caller]]:
    """Puts somebody before a page of their own."""
    watch = browsers.Watch()
    watch.expect("WebSocket connection to 'wss://global.vss.twilio.com")
    with ExitStack() as stack:

        def caller(identity: str) -> Caller:
            context = stack.enter_context(browser.new_context(base_url=hook.url))
            context.add_init_script(browsers.COLLECT)
            watch.follow(context)
            return Caller(context.new_page(), switchboard, identity)

        yield caller
    watch.check()
