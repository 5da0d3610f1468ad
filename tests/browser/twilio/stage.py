"""What happens at Twilio while people are in a call, in words that tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from doubles.twilio import Room, Twilio
from support import browsers
from support.cast import Clinic

from browser.people import Somebody

if TYPE_CHECKING:
    from flask import Flask

    from telehealth.models import Session

SOON = 3
"""Seconds after which the double takes somebody whose signalling was lost out of the room."""

WORDS_SEEN = """
window.wordsSeen = new Set();
const note = () => {
  for (const part of document.querySelectorAll('.call-message[data-show]:not([hidden])')) {
    wordsSeen.add(part.dataset.show);
  }
};
document.addEventListener('DOMContentLoaded', () => {
  note();
  const watched = { subtree: true, attributes: true, attributeFilter: ['hidden'] };
  new MutationObserver(note).observe(document.body, watched);
});
"""
"""Keeps which messages in the middle of the call page were ever to be seen."""


class Stage:
    """One session's rooms at Twilio, and who is in them."""

    def __init__(self, twilio: Twilio, app: Flask, clinic: Clinic) -> None:
        self.twilio = twilio
        self._app = app
        self._clinic = clinic

    def room(self, session: Session) -> Room:
        """The newest room that the session has."""
        return self.twilio.room(self._clinic.now(session).room)

    def rooms(self, session: Session) -> list[Room]:
        """Every room that the session ever had."""
        name = self._clinic.now(session).room
        return [room for room in self.twilio.rooms if room.name == name]

    def identity(self, session: Session, who: Somebody) -> str:
        """The name of this person in the session's room."""
        from telehealth import presence

        now = self._clinic.now(session)
        user_id = now.doctor_id if who.key.startswith("dr_") else now.patient_id
        with self._app.app_context():
            return presence.identity(now, user_id)

    def inside(self, session: Session) -> list[str]:
        """The identities of those in the room."""
        return [one.identity for one in self.room(session).inside]

    def holds(self, session: Session, *people: Somebody) -> None:
        """These are in the room, each once, and nobody else is."""
        wanted = sorted(self.identity(session, who) for who in people)
        browsers.until(
            lambda: sorted(self.inside(session)) == wanted, f"not {len(wanted)} in the room, each once"
        )

    def cut(self, session: Session, who: Somebody) -> None:
        """Cut one person's signalling."""
        self.twilio.cut_sockets(self.identity(session, who))

    @contextmanager
    def outage(self, *people: Somebody) -> Iterator[None]:
        """No signalling gets through to Twilio meanwhile."""
        expect_noise(*people)
        self.twilio.switches.outage = True
        try:
            yield
        finally:
            self.twilio.switches.outage = False

    @contextmanager
    def callbacks(self, *, arrive: bool) -> Iterator[None]:
        """Meanwhile what Twilio tells our server arrives, or all of it is lost."""
        self.twilio.callbacks.lost = set() if arrive else {"*"}
        try:
            yield
        finally:
            self.twilio.callbacks.lost = set()


def expect_noise(*people: Somebody) -> None:
    """The browser and the library write lost signalling into the console."""
    for who in people:
        who.watch.expect("WebSocket connection to 'wss://global.vss.twilio.com")
        who.watch.expect("group: signaling, level: error")


def words_seen(who: Somebody) -> set[str]:
    """Messages that were to be seen since `WORDS_SEEN` began to look."""
    return {token for shown in who.page.evaluate("[...wordsSeen]") for token in shown.split()}
