"""A video service in the same process, with rooms, people in them and every kind of trouble.

It goes by a clock of its own, tells what happened in whatever order a test likes, and lets others act
while it is asked. What the real one does is known from `doubles.twilio`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Flask

from telehealth import clock
from telehealth.errors import NotFound, ProviderRefused, ProviderUnavailable
from telehealth.extensions import db
from telehealth.video import Attendee, Happening, Media, Recorded, RoomReport
from telehealth.video.peer import PeerProvider

EMPTY = timedelta(minutes=60)
LONGEST = timedelta(hours=4)
TROUBLES = ("refused", "silent", "lost", "killed before", "killed after")

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The process that asked died at this moment."""


@dataclass(eq=False)
class Stay:
    """Somebody in a room, once."""

    identity: str
    joined: datetime
    left: datetime | None = None
    id: str = field(default_factory=lambda: "PA" + secrets.token_hex(16))


@dataclass(eq=False)
class Room:
    """A room; `idle_since` is when the last one left it, or when it was opened."""

    name: str
    opened: datetime
    idle_since: datetime
    ended: datetime | None = None
    records: bool = False
    recorded: bool = False
    stays: list[Stay] = field(default_factory=list)
    id: str = field(default_factory=lambda: "RM" + secrets.token_hex(16))

    @property
    def inside(self) -> list[Stay]:
        """Who is in it."""
        return [stay for stay in self.stays if stay.left is None]


class TroubledVideo(PeerProvider):
    """Group rooms that die, and answers that are refused, late, lost, or outlived by nobody who asked.

    `trouble` is what the next question meets; `away`: nothing is answered. `meanwhile` is what others
    do while the next question is under way. `pending` is what was not told yet.
    """

    name = "troubled"
    hosted = True
    records = True

    def __init__(self, app: Flask) -> None:
        super().__init__(app.config["SETTINGS"])
        self.rooms: list[Room] = []
        self.pending: list[Happening] = []
        self.compositions: dict[str, Room] = {}
        self.ahead = timedelta()
        self.away = False
        self.trouble = ""
        self.meanwhile: Callable[[], None] | None = None
        self.questions = 0

    def now(self) -> datetime:
        """The moment by its own clock, which nobody sets back."""
        return clock.now() + self.ahead

    def room(self, name: str) -> Room | None:
        """The open room of this name."""
        return next((one for one in self.rooms if one.name == name and one.ended is None), None)

    # What it is asked

    def open_room(self, room: str) -> str:
        """Open it, or take the one that is there."""
        return self._answer(lambda: self._open(room).id)

    def close_room(self, room: str) -> None:
        """End it."""
        self._answer(lambda: self._end(self.room(room)))

    def remove(self, room: str, identity: str) -> None:
        """Put somebody out."""
        self._answer(lambda: self._put_out(room, identity))

    def look(self, room: str, room_id: str) -> RoomReport:
        """How it is."""
        return self._answer(lambda: self._report(room_id))

    def record(self, room: str, *, on: bool) -> None:
        """Record, or no longer."""
        self._answer(lambda: self._record(room, on))

    def compose(self, room_id: str) -> str | None:
        """One file of a room, the same one however often it is asked for."""
        return self._answer(lambda: self._compose(room_id))

    def recorded(self, source_id: str) -> Recorded:
        """Every file is ready at once."""
        return self._answer(lambda: Recorded(Recorded.READY, 60))

    def media(self, source_id: str, byte_range: str | None) -> Media:
        """Nobody plays anything here."""
        raise NotFound()

    def erase(self, source_id: str, room_id: str) -> None:
        """Delete it."""
        self._answer(lambda: self.compositions.pop(source_id, None))

    def read_callback(
        self, path: str, fields: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Happening | None:
        """What it tells is taken from `pending`."""
        raise NotFound()

    # What happens by itself

    def come_in(self, name: str, identity: str) -> bool:
        """A browser connects with its ticket; not without a room, and a second time in place of the first."""
        room = self.room(name)
        if room is None:
            return False
        self._put_out(name, identity)
        room.stays.append(Stay(identity, self.now()))
        room.recorded = room.recorded or room.records
        self._tell(Happening.JOINED, room, room.stays[-1])
        return True

    def go(self, name: str, identity: str) -> None:
        """A browser goes."""
        self._put_out(name, identity)

    def tick(self) -> None:
        """What the time brings: long stays are cut, empty rooms die."""
        now = self.now()
        for room in self.rooms:
            for stay in room.inside:
                if now - stay.joined > LONGEST:
                    self._put_out(room.name, stay.identity)
            if room.ended is None and not room.inside and now - room.idle_since > EMPTY:
                self._end(room)

    def heal(self) -> None:
        """From now on all goes well."""
        self.away, self.trouble, self.meanwhile = False, "", None

    # How it does it

    def _answer(self, act: Callable[[], Answer]) -> Answer:
        self.questions += 1
        pool: Any = db.engine.pool
        assert pool.checkedout() == 0, "the database is held while the network is asked"
        trouble, self.trouble = self.trouble, ""
        meanwhile, self.meanwhile = self.meanwhile, None
        if trouble == "killed before":
            raise Killed
        if trouble == "refused":
            raise ProviderRefused("The video service refused to open a room.")
        found = None if self.away or trouble == "silent" else act()
        if meanwhile:
            meanwhile()
        if trouble == "killed after":
            raise Killed
        if self.away or trouble in ("silent", "lost"):
            raise ProviderUnavailable()
        return found  # type: ignore[return-value]

    def _open(self, name: str) -> Room:
        room = self.room(name)
        if room is None:
            room = Room(name, self.now(), self.now())
            self.rooms.append(room)
        return room

    def _end(self, room: Room | None) -> None:
        if room is not None:
            for stay in room.inside:
                self._put_out(room.name, stay.identity)
            room.ended = self.now()
            self._tell(Happening.ENDED, room)

    def _put_out(self, name: str, identity: str) -> None:
        room = self.room(name)
        for stay in room.inside if room else []:
            if room and stay.identity == identity:
                stay.left = room.idle_since = self.now()
                self._tell(Happening.LEFT, room, stay)

    def _report(self, room_id: str) -> RoomReport:
        room = next(one for one in self.rooms if one.id == room_id)
        people = [Attendee(one.id, one.identity, one.joined, one.left) for one in room.stays]
        return RoomReport(room.name, room.id, room.ended, people)

    def _record(self, name: str, on: bool) -> None:
        room = self.room(name)
        if room is not None:
            room.records = on
            room.recorded = room.recorded or (on and bool(room.inside))

    def _compose(self, room_id: str) -> str | None:
        room = next(one for one in self.rooms if one.id == room_id)
        made = [key for key, one in self.compositions.items() if one is room]
        if made or not room.recorded:
            return made[0] if made else None
        key = "CJ" + secrets.token_hex(16)
        self.compositions[key] = room
        happened = Happening(Happening.RECORDED, room.name, room.id, self.now(), seconds=60, recording_id=key)
        self.pending.append(happened)
        return key

    def _tell(self, kind: str, room: Room, stay: Stay | None = None) -> None:
        seconds = (stay.left - stay.joined).total_seconds() if stay and stay.left else None
        who = (stay.id, stay.identity) if stay else ("", "")
        self.pending.append(Happening(kind, room.name, room.id, self.now(), *who, seconds))
