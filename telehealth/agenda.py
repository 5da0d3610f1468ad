"""Sessions by time: the clinic's day, and what a patient has before and behind them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, or_
from sqlalchemy.orm import joinedload

from telehealth import presence
from telehealth.access import Actor, own_sessions, session_query
from telehealth.extensions import db
from telehealth.models import Participation, Session, Status

PAST_MOST = 50


def today(bounds: tuple[datetime, datetime], *, by: Actor) -> list[Session]:
    """The day's sessions: who waits first, then calls that run, then by time, finished ones last."""
    begin, end = bounds
    query = session_query().where(
        own_sessions(by),
        or_(
            and_(Session.scheduled_start >= begin, Session.scheduled_start < end),
            Session.status == Status.IN_PROGRESS,
            Session.participations.any(Participation.seen_at > presence.fresh_since()),
        ),
    )
    query = query.options(joinedload(Session.visit)).order_by(Session.scheduled_start)
    return sorted(db.session.scalars(query.limit(200)), key=_urgency)


def coming(*, by: Actor) -> list[Session]:
    """The actor's open sessions: running ones first, then by time."""
    query = session_query().where(own_sessions(by), Session.status.in_(Status.OPEN))
    found = db.session.scalars(query.order_by(Session.scheduled_start).limit(PAST_MOST))
    return sorted(found, key=lambda s: (s.status != Status.IN_PROGRESS, s.scheduled_start))


def past(*, by: Actor) -> list[Session]:
    """The actor's sessions that are over, newest first."""
    query = session_query().where(own_sessions(by), Session.status.not_in(Status.OPEN))
    return list(db.session.scalars(query.order_by(Session.scheduled_start.desc()).limit(PAST_MOST)))


def _urgency(session: Session) -> tuple[int, datetime]:
    waiting = [p.since for p in presence.who(session) if p.state == Participation.WAITING]
    if waiting and session.is_open:
        return (0, waiting[0])
    order = {Status.IN_PROGRESS: 1, Status.SCHEDULED: 2}
    return (order.get(session.status, 3), session.scheduled_start)
