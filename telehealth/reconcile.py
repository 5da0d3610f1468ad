"""What callbacks missed, asked for: how the rooms at the provider are, who was in them, what is still open.

Harmless to repeat; every repair goes the way that a callback would have gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from telehealth import attendance, clock, presence, rooms
from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.extensions import db
from telehealth.models import Chore, Participation, Session, User
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.video import RoomReport, VideoProvider

EVERY = timedelta(minutes=2)
"""How often a server asks by itself."""


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
    """Whether it is time again; true for one process only."""
    now = clock.now()
    with transaction():
        claimed = db.session.execute(
            update(Chore)
            .where(Chore.name == "reconcile", Chore.done_at < now - EVERY)
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
    query = select(Session).where(Session.room_open).order_by(Session.id)
    for session in db.session.scalars(query).all():
        try:
            _one(session, report, video)
        except (ProviderRefused, ProviderUnavailable):
            report.unreachable += 1
    return report


def _one(session: Session, report: Report, video: VideoProvider) -> None:
    for room in rooms.of(session.id):
        if room.closed_at is not None:
            continue
        release()
        found = video.look(session.room, room.provider_id)
        report.looked += 1
        for event in found.happenings():
            attendance.apply(event)
        if found.ended_at is not None:
            report.over += 1
        elif session.is_open:
            report.put_out += _put_out(session, found, video)
    if not session.is_open:
        if rooms.close(session, video=video):
            report.closed += 1
        else:
            report.unreachable += 1


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
    """Somebody of this session, active, whose last page did not leave or get put out."""
    user_id = presence.whose(session, identity)
    if user_id is None or not db.session.scalar(select(User.active).where(User.id == user_id)):
        return False
    query = select(Participation.state).where(
        Participation.session_id == session.id, Participation.user_id == user_id
    )
    last = db.session.scalar(query.order_by(Participation.seen_at.desc()).limit(1))
    return last != Participation.LEFT
