"""When a session may be planned: not in the past, and what else is at that time."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from telehealth import clock
from telehealth.errors import Invalid
from telehealth.extensions import db
from telehealth.models import Session, Status, Visit

GRACE = timedelta(minutes=5)
"""How far in the past a scheduled start may lie: a form takes a while to fill in."""

SLOT = timedelta(minutes=30)
"""How long a session is taken to last when the doctor's day is searched for a clash."""

HORIZON = timedelta(days=730)
"""How far ahead a session may be planned; beyond it is a slip of the finger."""


def clashes(visit: Visit, scheduled_start: datetime) -> list[Session]:
    """Open sessions of the visit's doctor that would overlap one at this time."""
    query = select(Session).where(
        Session.doctor_id == visit.doctor_id,
        Session.status.in_(Status.OPEN),
        Session.scheduled_start > scheduled_start - SLOT,
        Session.scheduled_start < scheduled_start + SLOT,
    )
    query = query.options(joinedload(Session.patient)).order_by(Session.scheduled_start)
    return list(db.session.scalars(query))


def check_start_time(scheduled_start: datetime) -> None:
    """Refuse a start that has passed (beyond GRACE) or lies beyond HORIZON. Aware datetime."""
    now = clock.now()
    if scheduled_start < now - GRACE:
        raise Invalid(fields={"scheduled_start": [_("This time has passed. Choose a later one.")]})
    if scheduled_start > now + HORIZON:
        raise Invalid(fields={"scheduled_start": [_("This is too far ahead. Check the year.")]})
