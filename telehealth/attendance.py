"""Who was in the room of a call and when, by the word of its provider.

What the provider tells may come late, twice, in any order or not at all; whatever the order, the
same is known in the end. `chores` asks for what was never told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import joinedload

from telehealth import audit, changes, clock, presence
from telehealth.access import SYSTEM, Actor
from telehealth.extensions import db
from telehealth.models import Attendance, Participation, Room, Session
from telehealth.store import transaction

if TYPE_CHECKING:
    from telehealth.video import Happening

log = logging.getLogger(__name__)

CHECKED_LATELY = timedelta(seconds=60)
"""That a room was there is written down anew at most so often."""

SLACK = timedelta(seconds=10)
"""How far the provider's clock and ours may be apart when a stay is matched with a page."""

# Asked at every callback, and those come in storms: put together once.
# The lock is as signals.lock takes it, by way of the room; a room stays with its session.
_LOCK = (
    select(Session.id)
    .join(Room, Room.session_id == Session.id)
    .where(Room.provider_id == bindparam("room"))
    .with_for_update(of=Session)
)
_ROOM = (
    select(Room)
    .where(Room.provider_id == bindparam("room"))
    .options(joinedload(Room.session))
    .execution_options(populate_existing=True)
)
_STAY = (
    select(Attendance)
    .where(Attendance.provider_id == bindparam("attendee"))
    .execution_options(populate_existing=True)
)
_PAGE = (
    select(Participation)
    .where(
        Participation.session_id == bindparam("session"),
        Participation.user_id == bindparam("user"),
        Participation.entered_at <= bindparam("latest"),
        or_(Participation.left_at.is_(None), Participation.left_at >= bindparam("earliest")),
    )
    .order_by(Participation.entered_at.desc())
    .limit(1)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True)
class Stay:
    """One person's time in the call; `left_at` None: still in it."""

    user_id: str
    joined_at: datetime
    left_at: datetime | None


def apply(event: Happening) -> Session | None:
    """Learn from the provider; what is known already changes nothing.

    Returns the session if somebody has just come into its room.
    """
    with transaction():
        room = _room(event)
        if room is None:
            log.info("ignored: %s in a room that is none of ours", event.kind)
            return None
        if event.kind == event.ENDED:
            _ended(room, event.at)
            return None
        return room.session if _stayed(room, event) else None


def of(session: Session) -> list[Stay]:
    """The stays in this session's call, in the order in which they began.

    By the provider's word where there is one; else media from browser to browser is what counts.
    """
    query = select(Attendance).join(Room).where(Room.session_id == session.id)
    told = [Stay(one.user_id, one.joined_at, one.left_at) for one in db.session.scalars(query)]
    if not told:
        parts = select(Participation).where(
            Participation.session_id == session.id, Participation.connected_at.is_not(None)
        )
        told = [
            Stay(part.user_id, part.connected_at, part.left_at)
            for part in db.session.scalars(parts)
            if part.connected_at
        ]
    return sorted(told, key=lambda stay: stay.joined_at)


def talk_time(stays: Sequence[Stay], until: datetime) -> int:
    """How many seconds at least two different people were in the call.

    `until` stands for a stay's open end.
    """
    moments = sorted(
        {moment for stay in stays for moment in (stay.joined_at, min(stay.left_at or until, until))}
    )
    total = timedelta()
    for begin, end in pairwise(moments):
        here = {s.user_id for s in stays if s.joined_at <= begin and (s.left_at or until) >= end}
        if len(here) > 1:
            total += end - begin
    return int(total.total_seconds())


def _room(event: Happening) -> Room | None:
    """The room with its session, every other writer of it held back; None for one that is not ours."""
    asked = {"room": event.room_id}
    if db.session.scalar(_LOCK, asked) is None:
        return None
    room = db.session.scalars(_ROOM, asked).one()
    return None if event.room and room.session.room != event.room else room


def _ended(room: Room, at: datetime) -> None:
    asked_afterwards = room.closed_at is not None and room.checked_at > room.closed_at
    if room.closed_at is None or at < room.closed_at:
        room.closed_at = at
        if not asked_afterwards:
            room.checked_at = min(room.checked_at, at)
    open_stays = select(Attendance).where(
        Attendance.room_id == room.id, or_(Attendance.left_at.is_(None), Attendance.left_told.is_(False))
    )
    for stay in db.session.scalars(open_stays.execution_options(populate_existing=True)).all():
        _close(room, stay, at)
    changes.announce(*changes.about(room.session))


def _stayed(room: Room, event: Happening) -> bool:
    """Somebody joined or left. Returns whether they have just come in."""
    user_id = presence.whose(room.session, event.identity)
    if user_id is None:
        log.info("ignored: %s of nobody that we know", event.kind)
        return event.kind == event.JOINED
    stay = db.session.scalar(_STAY, {"attendee": event.attendee_id})
    if stay is not None and (stay.joined_told if event.kind == event.JOINED else stay.left_told):
        return False
    if event.kind == event.JOINED:
        _joined(room, user_id, stay, event)
    else:
        _left(room, user_id, stay, event)
    # Not past its end: what was asked after that is known by it. The provider's clock may be ahead.
    known_at = min(event.at, clock.now(), room.closed_at or event.at)
    if known_at > room.checked_at + CHECKED_LATELY:
        room.checked_at = known_at
    changes.announce(*changes.about(room.session))
    return event.kind == event.JOINED


def _joined(room: Room, user_id: str, stay: Attendance | None, event: Happening) -> None:
    if stay is None:
        stay = _begin(room, user_id, event.attendee_id, event.at, told=True)
    else:
        _correct(stay, event.at)
        stay.joined_told = True
    if room.closed_at is not None and not stay.left_told:
        _close(room, stay, room.closed_at)
    _in_order(stay)


def _left(room: Room, user_id: str, stay: Attendance | None, event: Happening) -> None:
    begin = event.at - timedelta(seconds=event.seconds or 0)
    if stay is None:
        stay = _begin(room, user_id, event.attendee_id, begin, told=False)
    stay.left_told = True
    _close(room, stay, event.at)
    if not stay.joined_told and event.seconds is not None:
        _correct(stay, begin)
    _in_order(stay)


def _in_order(stay: Attendance) -> None:
    if stay.left_at is not None and stay.left_at < stay.joined_at:
        stay.left_at = stay.joined_at


def _begin(room: Room, user_id: str, attendee_id: str, at: datetime, *, told: bool) -> Attendance:
    part = _page_of(room.session_id, user_id, at)
    stay = Attendance(
        room_id=room.id,
        provider_id=attendee_id,
        user_id=user_id,
        participation_id=part.id if part else None,
        joined_at=at,
        joined_told=told,
        left_told=False,
    )
    db.session.add(stay)
    db.session.flush()
    # A page that reported it itself has its entry in the audit already.
    if part is None or part.connected_at is None:
        _write("join", room.session, user_id)
    if part is not None and part.connected_at is None:
        part.connected_at = at
        if part.left_at is not None:
            # It is over, and nobody knew yet that it had been in the call.
            _write("leave", room.session, user_id)
    return stay


def _correct(stay: Attendance, at: datetime) -> None:
    """The stay began at another time than was thought, and its page was connected since then."""
    part = db.session.get(Participation, stay.participation_id) if stay.participation_id else None
    if part is not None and part.connected_at == stay.joined_at:
        part.connected_at = at
    stay.joined_at = at


def _close(room: Room, stay: Attendance, at: datetime) -> None:
    """The stay is over, by its own end or with the room; its page is gone too unless it says otherwise."""
    first, stay.left_at = stay.left_at is None, at
    if not first:
        return
    part = db.session.get(Participation, stay.participation_id) if stay.participation_id else None
    if part is None:
        _write("leave", room.session, stay.user_id)
    elif part.left_at is None and not _stays_on(stay, part):
        presence.step_out(part, room.session, by=SYSTEM, state=Participation.LOST, why="lost")


def _stays_on(stay: Attendance, part: Participation) -> bool:
    """Whether the page of this stay is in the room by another one: it had lost its line and came back."""
    query = select(Attendance.id).where(
        Attendance.participation_id == part.id, Attendance.id != stay.id, Attendance.left_at.is_(None)
    )
    return db.session.scalar(query.limit(1)) is not None


def _page_of(session_id: str, user_id: str, at: datetime) -> Participation | None:
    """The page that this person was on at that moment."""
    asked = {"session": session_id, "user": user_id, "latest": at + SLACK, "earliest": at - SLACK}
    return db.session.scalar(_PAGE, asked)


def _write(action: str, session: Session, user_id: str) -> None:
    role = "doctor" if user_id == session.doctor_id else "patient"
    audit.record(
        f"session.{action}",
        by=Actor(user_id, role, via="provider"),
        object_type="session",
        object_id=session.id,
        # The provider says that they are in the room, not that anybody else is.
        reason="in" if action == "join" else "",
        detail={"role": role},
    )
