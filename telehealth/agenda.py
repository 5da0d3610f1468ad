"""Sessions by time: the clinic's day, and what a patient has before and behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, case, exists, func, or_, select

from telehealth import access, clock, paging, presence
from telehealth.access import Actor
from telehealth.cards import SessionView, add_presence, load_sessions
from telehealth.extensions import db
from telehealth.models import Participation, Session, Status

TODAY_MOST = 200
LIST_MOST = 50
COMING_MOST = 200
FORGOTTEN = timedelta(hours=6)
"""So long after its time a session that never began is not what somebody waits for next."""

_session, _part = Session.__table__.c, Participation.__table__.c
_OF_TODAY = or_(
    and_(_session.scheduled_start >= bindparam("begin"), _session.scheduled_start < bindparam("end")),
    _session.status == Status.IN_PROGRESS,
    exists().where(_part.session_id == _session.id, _part.seen_at > bindparam("fresh")),
)
_OPEN, _OVER = _session.status.in_(Status.OPEN), _session.status.not_in(Status.OPEN)
_NEWEST_FIRST = (_session.scheduled_start.desc(), _session.id)
_WAITED_FOR = exists().where(
    _part.session_id == _session.id, _part.state == Participation.WAITING, _part.seen_at > bindparam("fresh")
)
# Before the list is cut: what is urgent must not be what is left out.
_URGENT_FIRST = (
    case(
        (and_(_OPEN, _WAITED_FOR), 0),
        (_session.status == Status.IN_PROGRESS, 1),
        (_session.status == Status.SCHEDULED, 2),
        else_=3,
    ),
    _session.scheduled_start,
    _session.id,
)
_NEXT_FIRST = (
    case(
        (_session.status == Status.IN_PROGRESS, 0),
        (_session.scheduled_start > bindparam("lately"), 1),
        else_=2,
    ),
    _session.scheduled_start,
    _session.id,
)


@dataclass(frozen=True)
class Past:
    """One page of the sessions that are over; pages count from 1."""

    sessions: list[SessionView]
    page: int
    pages: int


def today(bounds: tuple[datetime, datetime], *, by: Actor) -> list[SessionView]:
    """The day's sessions: who waits first, then calls that run, then by time, finished ones last."""
    values = {"begin": bounds[0], "end": bounds[1], "fresh": presence.fresh_since()}
    found = load_sessions(_OF_TODAY, by=by, order=_URGENT_FIRST, most=TODAY_MOST, values=values)
    add_presence(found)
    return sorted(found, key=_urgency)


def coming(*, by: Actor) -> list[SessionView]:
    """The actor's open sessions: running ones, then those to come by time, then those that never began."""
    values = {"lately": clock.now() - FORGOTTEN}
    return load_sessions(_OPEN, by=by, order=_NEXT_FIRST, most=COMING_MOST, values=values)


def past(*, by: Actor, page: int = 1) -> Past:
    """The actor's sessions that are over, newest first; of a page that there is not, the nearest one."""
    counting = select(func.count()).select_from(Session.__table__).where(access.own_sessions(by), _OVER)
    count = db.session.scalar(counting, access.ids_of(by)) or 0
    page, pages = paging.place(page, count, LIST_MOST)
    skip = (page - 1) * LIST_MOST
    found = load_sessions(_OVER, by=by, order=_NEWEST_FIRST, most=LIST_MOST, skip=skip)
    return Past(found, page, pages)


def _urgency(session: SessionView) -> tuple[int, datetime]:
    waiting = [p.since for p in presence.who(session) if p.state == Participation.WAITING]
    if waiting and session.is_open:
        return (0, waiting[0])
    order = {Status.IN_PROGRESS: 1, Status.SCHEDULED: 2}
    return (order.get(session.status, 3), session.scheduled_start)
