"""The stage of a state machine: a clinic that begins anew, its doors, and how one request is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask

from support.cast import CAST, PASSWORD
from support.domain import NOW
from support.ledger import Ledger, Row
from support.troubled_video import Killed, TroubledVideo
from telehealth import access, api_tokens, clock, people, sign_ins
from telehealth.access import SYSTEM, Actor
from telehealth.errors import Refusal
from telehealth.extensions import db
from telehealth.models import Role
from telehealth.origin import Origin
from telehealth.secret import digest
from telehealth.video import VideoProvider

ORIGIN = Origin("192.0.2.7", "a browser", "")
IDLE = {
    Role.DOCTOR: timedelta(minutes=15),
    Role.STAFF: timedelta(minutes=15),
    Role.PATIENT: timedelta(minutes=30),
}
ABSOLUTE = timedelta(hours=12)
TOUCH = timedelta(seconds=30)

# The contract in short: who may do what when.
OPEN = ("SCHEDULED", "IN_PROGRESS")
ALL = (*OPEN, "COMPLETED", "CANCELLED", "FAILED")
MAY = {
    ("start", Role.DOCTOR): ("SCHEDULED",),
    ("end", Role.DOCTOR): ("IN_PROGRESS",),
    ("cancel", Role.DOCTOR): ("SCHEDULED",),
    ("cancel", Role.STAFF): ("SCHEDULED",),
    ("join", Role.DOCTOR): ("IN_PROGRESS",),
    ("join", Role.PATIENT): OPEN,
    ("leave", Role.DOCTOR): ALL,
    ("leave", Role.PATIENT): ALL,
    ("link", Role.DOCTOR): OPEN,
    ("link", Role.STAFF): OPEN,
}


@dataclass(eq=False)
class Door:
    """A way in that somebody got: a password's sign-in, a link's, or a token for programs.

    `shut` once its owner, staff or a newer link closed it.
    """

    key: str
    kind: str
    secret: str
    made: datetime
    used: datetime
    session_id: str = ""
    link: str = ""
    shut: bool = False


class Stage:
    """One clinic after the other in the same file, with the time under control."""

    def __init__(self, app: Flask, file: Path, traveller: time_machine.Traveller) -> None:
        self.app, self.file, self._traveller = app, file, traveller
        self.template = file.read_bytes()
        self.peer: VideoProvider = app.extensions["video"]
        with app.app_context():
            found = {key: people.by_email(part.email) for key, part in CAST.items()}
        self.ids = {key: user.id for key, user in found.items() if user}
        self.keys = {user_id: key for key, user_id in self.ids.items()}

    def begin(self, hosted: bool) -> None:
        """Another clinic, with a video service of its own or without one."""
        self._traveller.move_to(NOW)
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        for part in self.file.parent.glob(f"{self.file.name}*"):
            part.unlink()
        self.file.write_bytes(self.template)
        self.ledger = Ledger(self.file)
        self.video = TroubledVideo(self.app)
        self.app.extensions["video"] = self.video if hosted else self.peer
        self.doors: list[Door] = []

    def end(self) -> None:
        """Let go of the file."""
        self.ledger.close()

    @property
    def carrier(self) -> VideoProvider:
        """What carries the calls."""
        found: VideoProvider = self.app.extensions["video"]
        return found

    def actor(self, key: str) -> Actor:
        """One of the cast, with no door in between."""
        return Actor(self.ids[key], CAST[key].role, CAST[key].name, via="password")

    # Time

    def wait(self, time: timedelta) -> None:
        """Let time pass, here and at the video service."""
        self._traveller.shift(time)
        self.video.tick()

    def set_back(self, time: timedelta) -> None:
        """Somebody sets our clock back; no other clock in the world goes with it."""
        self._traveller.shift(-time)
        self.video.ahead += time
        self.ledger.set_back = True

    # One request

    def ask(self, act: Callable[[], Any]) -> tuple[Any, type[BaseException] | None]:
        """Do it as one request: what it returned, and the class of its refusal."""
        self.wait(timedelta(milliseconds=20))
        with self.app.app_context():
            try:
                return act(), None
            except (Refusal, Killed) as trouble:
                return None, type(trouble)

    def look(self) -> None:
        """Compare the books, and shut the doors that have to be shut by what happened."""
        self.ledger.look()
        active = {user_id for user_id, row in self.ledger.tables["users"].items() if row["active"]}
        revoked = {row["token_hash"] for row in self.ledger.tables["links"].values() if row["revoked_at"]}
        for door in self.doors:
            gone = self.ids[door.key] not in active
            door.shut = door.shut or gone or bool(door.link and digest(door.link) in revoked)

    def is_active(self, key: str) -> bool:
        """Whether this one of the cast may come in at all."""
        return bool(self.ledger.tables["users"][self.ids[key]]["active"])

    # Doors

    def token(self, key: str) -> Door:
        """A token for a program of this person."""
        user = people.by_email(CAST[key].email)
        assert user
        return self._door(key, "token", api_tokens.create(user, "a program", by=SYSTEM))

    def sign_in(self, key: str) -> Door:
        """A sign-in with a password."""
        secret = sign_ins.sign_in(CAST[key].email, PASSWORD, ORIGIN)
        assert secret
        return self._door(key, "password", secret)

    def new_password(self, key: str) -> None:
        """Staff invite this person, who chooses a password; the doors that the old one opened are shut."""
        by = self.actor("sam")
        secret = people.invite(access.load_person(self.ids[key], by=by), by=by)
        people.accept(secret, PASSWORD, origin=ORIGIN)
        for door in self.doors:
            door.shut = door.shut or (door.key == key and door.kind != "token")

    def visitor(self, key: str, secret: str, session_id: str, link: str) -> Door:
        """A sign-in by a link, which opened it with this secret."""
        return self._door(key, "link", secret, session_id, link)

    def open(self, door: Door, *, passive: bool = False, in_call: bool = False) -> Actor | None:
        """Who comes in by it, held to the rules of sign-ins."""
        with self.app.app_context():
            if door.kind == "token":
                found = api_tokens.find(door.secret, ORIGIN)
            else:
                found = sign_ins.find(door.secret, ORIGIN, passive=passive, in_call=in_call)
        now, role = clock.now(), CAST[door.key].role
        old, idle = now - door.made > ABSOLUTE, now - door.used
        if door.shut:
            assert found is None, f"{door} is shut"
        elif door.kind == "token":
            assert found, f"{door} is open"
        elif old or idle > IDLE[role]:
            assert in_call or found is None, f"{door} is too old"
        else:
            assert found, f"{door} is open"
        if found is None:
            return None
        assert (found.user_id, found.role) == (self.ids[door.key], role)
        assert (found.only_session or "") == door.session_id
        if not passive and not old and idle > TOUCH:
            door.used = now
        return found

    def doors_of(self, keys: Iterable[str], session_id: str = "") -> list[Door]:
        """The doors of these people: those that links into this session opened, or all others."""
        wanted = set(keys)
        return [one for one in self.doors if one.key in wanted and one.session_id == session_id]

    def relation(self, door: Door, owner: Row) -> str | None:
        """What the one at the door is to a session or a visit, by the contract."""
        if door.session_id:
            return Role.PATIENT if door.session_id == owner["id"] else None
        user_id, role = self.ids[door.key], CAST[door.key].role
        if role == Role.STAFF:
            return Role.STAFF
        return role if owner.get(f"{role}_id") == user_id else None

    def _door(self, key: str, kind: str, secret: str, session_id: str = "", link: str = "") -> Door:
        door = Door(key, kind, secret, clock.now(), clock.now(), session_id, link)
        self.doors.append(door)
        return door
