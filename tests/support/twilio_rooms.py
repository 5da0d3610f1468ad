"""Rooms at the double of Twilio without browsers: who is put in, and what Twilio then tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from doubles.twilio import Participant, Room, Twilio
from flask import Flask

from telehealth import presence
from telehealth.extensions import db
from telehealth.models import Session


class Rooms:
    """The rooms of an app at the double, by session."""

    def __init__(self, app: Flask, twilio: Twilio) -> None:
        self.app, self.twilio = app, twilio

    def identity(self, session: Session, user_id: str) -> str:
        """The name of this person in the session's room."""
        with self.app.app_context():
            return presence.identity(session, user_id)

    def of(self, session: Session) -> list[Room]:
        """Every room that the session had, the oldest first."""
        return [room for room in self.twilio.rooms if room.name == session.room]

    def open(self, session: Session) -> list[Room]:
        """Those that are open."""
        return [room for room in self.of(session) if room.status == "in-progress"]

    def inside(self, session: Session) -> set[str]:
        """The identities of those who are in the room."""
        return {one.identity for room in self.open(session) for one in room.inside}

    def come_in(self, session: Session, user_id: str) -> Participant:
        """Put somebody into the room, as their browser would."""
        name = self.identity(session, user_id)
        return self.twilio._do(lambda: self.twilio._world.join(session.room, name, session.room))

    def send(self, participant: Participant, *kinds: str) -> None:
        """Somebody's browser sends these: audio, video."""
        tracks = [{"id": kind, "name": kind, "kind": kind, "enabled": True} for kind in kinds]
        told = {"revision": participant.told + 1, "tracks": tracks}
        self.twilio._do(lambda: self.twilio._world.set_tracks(participant, told))

    def go(self, participant: Participant) -> None:
        """Somebody leaves the room by themselves."""
        self.twilio._do(lambda: self.twilio._world.leave(participant))

    def asked(self, since: int = 0) -> list[str]:
        """What Twilio was asked after so many requests, without the ids."""
        return [f"{one.method} {_shape(one.path)}" for one in self.twilio.requests[since:]]


def _shape(path: str) -> str:
    parts = urlsplit(path).path.strip("/").split("/")
    names = {2: "{room}", 4: "{who}"}
    return "/".join(names.get(number, part) for number, part in enumerate(parts) if number)


@contextmanager
def connections_while_asking(app: Flask, twilio: Twilio) -> Iterator[list[int]]:
    """How many connections to the database are in use at the moment of each question to Twilio."""
    import requests

    with app.app_context():
        pool = db.engine.pool
    found: list[int] = []
    genuine = requests.Session.send

    def send(self, *args, **more):  # type: ignore[no-untyped-def]
        found.append(pool.checkedout())  # type: ignore[attr-defined]
        return genuine(self, *args, **more)

    requests.Session.send = send  # type: ignore[method-assign]
    try:
        yield found
    finally:
        requests.Session.send = genuine  # type: ignore[method-assign]
