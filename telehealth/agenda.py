"""Sessions by time: the clinic's day, and what a patient has before and behind them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, or_

from telehealth import presence
from telehealth.access import Actor
from telehealth.cards import SessionView, load_sessions
from telehealth.models import Participation, Session, Status

TODAY_MOST = 200
LIST_MOST = 50


def today(bounds: tuple[datetime, datetime], *, by: Actor) -> list[SessionView]:
    """The day's sessions: who waits first, then calls that run, then by time, finished ones last."""
    begin, end = bounds
    of_today = or_(
        and_(Session.scheduled_start >= begin, Session.scheduled_start < end),
        Session.status == Status.IN_PROGRESS,
        Session.participations.any(Participation.seen_at > presence.fresh_since()),
    )
    found = load_sessions(of_today, by=by, order=[Session.scheduled_start], most=TODAY_MOST)
    return sorted(found, key=_urgency)


def coming(*, by: Actor) -> list[SessionView]:
    """The actor's open sessions: running ones first, then by time."""
    is_open = Session.status.in_(Status.OPEN)
    found = load_sessions(is_open, by=by, order=[Session.scheduled_start], most=LIST_MOST)
    return sorted(found, key=lambda s: (s.status != Status.IN_PROGRESS, s.scheduled_start))


def past(*, by: Actor) -> list[SessionView]:
    """The actor's sessions that are over, newest first."""
    is_over = Session.status.not_in(Status.OPEN)
    return load_sessions(is_over, by=by, order=[Session.scheduled_start.desc()], most=LIST_MOST)


def _urgency(session: SessionView) -> tuple[int, datetime]:
    waiting = [p.since for p in presence.who(session) if p.state == Participation.WAITING]
    if waiting and session.is_open:
        return (0, waiting[0])
    order = {Status.IN_PROGRESS: 1, Status.SCHEDULED: 2}
    return (order.get(session.status, 3), session.scheduled_start)
