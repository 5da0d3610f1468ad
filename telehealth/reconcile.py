"""What callbacks missed, asked for: how the rooms at the provider are, who was in them, what is still open.

Harmless to repeat; every repair goes the way that a callback would have gone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from telehealth import attendance, audit, clock, presence, rooms, sign_ins
from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.extensions import db
from telehealth.models import Chore, Participation, Room, Session, SignIn, User
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.video import RoomReport, VideoProvider


EVERY = timedelta(minutes=2)
"""How often a server asks by itself."""

SETTLING = timedelta(minutes=1)
"""How long after a room was closed its last callbacks may take; then it is asked about once more."""

MEMORY = timedelta(days=7)
"""For how long that is still tried: a clinic's server may be off over a weekend."""

SILENCES = 3
"""After so many questions in a row without an answer the rest is left for the next time."""

# The person and the page of theirs that was heard of last in this session.
_LAST_PAGE = (
    select(User.active, Participation.state, Participation.left_at, SignIn.ended_at)
    .outerjoin(
        Participation,
        and_(Participation.user_id == User.id, Participation.session_id == bindparam("session")),
    )
    .outerjoin(SignIn, SignIn.id == Participation.sign_in_id)
    .where(User.id == bindparam("user"))
    .order_by(Participation.seen_at.desc())
    .limit(1)
)


@dataclass
class Report:
    """How many rooms were asked about, closed and found over; how many people were put out of one.

    `unreachable` is how many questions the provider did not answer; they are asked again.
    """

    looked: int = 0
    closed: int = 0
    over: int = 0
    put_out: int = 0
    unreachable: int = 0


def is_due() -> bool:
    """Whether it is time again; true for one process only.

    Done at a time to come: the clock was ahead then.
    """
    now = clock.now()
    with transaction():
        claimed = db.session.execute(
            update(Chore)
            .where(Chore.name == "reconcile", ~Chore.done_at.between(now - EVERY, now + EVERY))
            .values(done_at=now)
            .execution_options(synchronize_session=False)
        )
        if claimed.rowcount:  # type: ignore[attr-defined]
            return True
        if db.session.get(Chore, "reconcile") is not None:
            return False
    try:
        with transaction():
            db.session.add(Chore(name="reconcile", done_at=now))
    except IntegrityError:
        return False
    return True


def run(*, video: VideoProvider) -> Report:
    """Compare every room that may be open with the provider, and repair. Raises nothing for trouble there."""
    report = Report()
    if not video.hosted:
        return report
    sessions = list(db.session.scalars(select(Session).where(Session.room_open)).all())
    # In any order: one that is never answered must not keep the others from being asked about.
    random.shuffle(sessions)
    silences = 0
    for session in sessions:
        try:
            _one(session, report, video)
            silences = 0
        except (ProviderRefused, ProviderUnavailable):
            report.unreachable += 1
            silences += 1
        if silences == SILENCES:
            return report
    _settle(report, video)
    return report


def turn_away(session: Session, identity: str, *, video: VideoProvider) -> None:
    """Put out who has just come in, if they have no right to: a ticket once given cannot be taken back."""
    if session.is_open and _may_stay(session, identity):
        return
    release()
    rooms.put_out(session.room, identity, video=video)


def _one(session: Session, report: Report, video: VideoProvider) -> None:
    for room in rooms.of(session.id):
        if room.closed_at is not None:
            continue
        found = _look(session, room, report, video)
        if found.ended_at is not None:
            report.over += 1
        elif session.is_open:
            report.put_out += _put_out(session, found, video)
    if not session.is_open:
        if not rooms.close(session, video=video):
            raise ProviderUnavailable()
        report.closed += 1


def _settle(report: Report, video: VideoProvider) -> None:
    """Ask once more about rooms that were closed: the last callbacks of them may have got lost."""
    now = clock.now()
    query = select(Room).where(
        Room.closed_at < now - SETTLING, Room.closed_at > now - MEMORY, Room.checked_at <= Room.closed_at
    )
    for room in db.session.scalars(query).all():
        try:
            _look(room.session, room, report, video)
        except (ProviderRefused, ProviderUnavailable):
            report.unreachable += 1
            return
        rooms.checked(room)


def _look(session: Session, room: Room, report: Report, video: VideoProvider) -> RoomReport:
    release()
    found = video.look(session.room, room.provider_id)
    report.looked += 1
    for event in found.happenings():
        attendance.apply(event)
    if found.ended_at is None or found.ended_at < clock.now() - SETTLING:
        rooms.checked(room)
    return found


def _put_out(session: Session, found: RoomReport, video: VideoProvider) -> int:
    """Take out whoever is in the room and has no right to be. Returns how many."""
    count = 0
    for one in found.attendees:
        if one.left_at is None and not _may_stay(session, one.identity):
            release()
            video.remove(session.room, one.identity)
            count += 1
    return count


def _may_stay(session: Session, identity: str) -> bool:
    """Somebody of this session, active, whose last page did not leave or get put out.

    A program of their own has no page: whoever got a ticket since may be in by that.
    """
    user_id = presence.whose(session, identity)
    if user_id is None:
        return False
    asked = {"user": user_id, "session": session.id}
    active, state, left_at, signed_out = db.session.execute(_LAST_PAGE, asked).one()
    if not state and not sign_ins.stands(audit.sign_in_of_token(session.id, user_id)):
        return False
    # A page that was lost to us when its sign-in ended could not be told to leave.
    lost_the_right = state == Participation.LOST and signed_out is not None
    left = state == Participation.LEFT and not (
        left_at and audit.got_token_since(session.id, user_id, left_at)
    )
    return active and not left and not lost_the_right
