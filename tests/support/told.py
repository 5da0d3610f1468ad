"""What a provider tells of rooms, without a provider; and all that is known of a call from that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from support.domain import NOW, rows
from telehealth import attendance, presence
from telehealth.extensions import db
from telehealth.models import Attendance, AuditEntry, Participation, Room, Session, Status
from telehealth.store import new_id, transaction
from telehealth.video import Happening

if TYPE_CHECKING:
    from datetime import datetime

    from support.cast import Person

SECOND = timedelta(seconds=1)


class Told:
    """What the provider tells of one session's room; moments are seconds after `NOW`."""

    def __init__(self, session: Session, room_id: str) -> None:
        self.session, self.room, self.room_id = session, session.room, room_id

    def joined(self, who: Person, at: float, attendee: str = "1") -> Happening:
        """Somebody came in."""
        return self._of(Happening.JOINED, who, at, attendee)

    def left(self, who: Person, at: float, seconds: float | None = None, attendee: str = "1") -> Happening:
        """Somebody is gone, after so many seconds."""
        return replace(self._of(Happening.LEFT, who, at, attendee), seconds=seconds)

    def ended(self, at: float) -> Happening:
        """The room is over."""
        return Happening(Happening.ENDED, self.room, self.room_id, moment(at))

    def _of(self, kind: str, who: Person, at: float, attendee: str) -> Happening:
        name = presence.identity(self.session, who.id)
        sid = f"{who.key}-{attendee}-{self.room_id}"[:64]
        return Happening(kind, self.room, self.room_id, moment(at), sid, name)


def moment(at: float) -> datetime:
    """So many seconds after `NOW`."""
    return NOW + at * SECOND


def hear(*events: Happening) -> None:
    """Learn of these, one after the other."""
    for event in events:
        attendance.apply(event)


def sessions_like(session: Session, count: int, first: int = 0) -> list[Told]:
    """As many sessions in progress as this one, each with a room; `first` is how many there are already."""
    made = []
    with transaction():
        for number in range(first, first + count):
            room_id = f"RM{new_id()}{number:012d}"
            one = Session(
                id=new_id(),
                visit_id=session.visit_id,
                doctor_id=session.doctor_id,
                patient_id=session.patient_id,
                number=number + 2,
                room=new_id(),
                status=Status.IN_PROGRESS,
                scheduled_start=session.scheduled_start + timedelta(days=1, minutes=number),
                started_at=session.started_at,
                created_at=session.created_at,
                room_open=True,
            )
            db.session.add(one)
            db.session.add(Room(session_id=one.id, provider_id=room_id, opened_at=NOW, checked_at=NOW))
            made.append(Told(one, room_id))
    return made


def known(session: Session) -> dict[str, Any]:
    """All that is known of the call, without ids that differ from room to room."""
    room = Room.session_id == session.id
    ids = [row["id"] for row in rows(Room, room)]
    stays = [
        (row["user_id"], row["joined_at"], row["joined_told"], row["left_at"], row["left_told"])
        for row in rows(Attendance, Attendance.room_id.in_(ids))
    ]
    parts = [
        (row["user_id"], row["state"], row["connected_at"], row["left_at"])
        for row in rows(Participation, Participation.session_id == session.id)
    ]
    entries = [
        (row["action"], row["actor_id"], row["actor_role"], row["reason"], row["detail"])
        for row in rows(AuditEntry, AuditEntry.object_id == session.id)
    ]
    return {
        "stays": sorted(stays, key=str),
        "rooms": [(row["closed_at"], row["checked_at"]) for row in rows(Room, room)],
        "parts": sorted(parts, key=str),
        "audit": sorted(entries, key=str),
    }
