"""A visit with its sessions, read for showing: one statement, plain rows, no change possible.

The page of a visit is the one that doctors keep open all day. Read as rows it costs a fifth of what
the same objects cost through the unit of work; names and attributes are those of the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any

from sqlalchemy import and_, case, select

from telehealth import access, clock, consents, presence
from telehealth.access import Actor
from telehealth.extensions import db
from telehealth.models import Link, Participation, Recording, Session, Status, User, Visit


@dataclass(frozen=True)
class PersonView:
    """What a page may show of a person."""

    id: str
    name: str
    email: str = ""
    phone: str | None = None
    date_of_birth: date | None = None


@dataclass(frozen=True)
class VisitView:
    """A visit, its people and its sessions, newest first."""

    id: str
    doctor_id: str
    patient_id: str
    reason: str
    status: str
    opened_at: datetime
    closed_at: datetime | None
    doctor: PersonView
    patient: PersonView
    sessions: list[SessionView] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class PresenceView:
    """One open participation."""

    id: str
    user_id: str
    role: str
    state: str
    entered_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class RecordingView:
    """One recording that was not deleted."""

    id: str
    status: str
    duration_seconds: int | None
    failure_reason: str | None


@dataclass(frozen=True)
class SessionView:
    """A session as a card shows it."""

    visit: VisitView
    id: str
    number: int
    status: str
    scheduled_start: datetime
    started_at: datetime | None
    ended_at: datetime | None
    recording_enabled: bool
    notes: str
    failure_reason: str | None
    cancelled_at: datetime | None
    cancel_reason: str
    cancelled_by: PersonView | None
    consent: bool | None
    participations: list[PresenceView] = field(default_factory=list, compare=False)
    links: list[str] = field(default_factory=list, compare=False)
    recordings: list[RecordingView] = field(default_factory=list, compare=False)

    visit_id = property(lambda self: self.visit.id)
    doctor_id = property(lambda self: self.visit.doctor_id)
    patient_id = property(lambda self: self.visit.patient_id)
    doctor = property(lambda self: self.visit.doctor)
    patient = property(lambda self: self.visit.patient)
    is_open = property(lambda self: self.status in Status.OPEN)
    duration_seconds = Session.duration_seconds

    @cached_property
    def looks(self) -> tuple[object, ...]:
        """Everything that decides how the card looks at this minute, save who reads it, and where."""
        now = clock.now()
        always = (self.id, self.status, self.visit, self.consent, *self.recordings)
        if not self.is_open:
            return (*always, self.cancelled_by)
        here = tuple((p.user_id, p.state, _minutes(p.entered_at, now)) for p in self._fresh)
        near = _minutes(self.scheduled_start, now) >= -15
        since = _minutes(self.started_at, now) if self.started_at else None
        return (*always, bool(self.links), here, near, since)

    @property
    def _fresh(self) -> list[PresenceView]:
        return [part for part in self.participations if presence.is_fresh(part)]


def load_visit(visit_id: str, *, by: Actor) -> VisitView:
    """The visit with its sessions, if it is one of the actor's. Raises NotFound."""
    query = _query().where(Visit.id == visit_id, access.own_visits(by))
    rows = db.session.execute(query).all()
    if not rows:
        raise access.missing(Visit, "visit", visit_id, "visit.read")
    return _build(rows)


@cache
def _query() -> Any:
    """The statement without its condition, put together once, over the tables themselves."""
    visit, session = Visit.__table__.c, Session.__table__.c
    part, link, recording = Participation.__table__.c, Link.__table__.c, Recording.__table__.c
    doctor, patient, canceller = (User.__table__.alias(name) for name in ("doctor", "patient", "canceller"))
    return (
        select(
            *(visit.id, visit.doctor_id, visit.patient_id, visit.reason, visit.status),
            *(visit.opened_at, visit.closed_at),
            *(doctor.c.name, patient.c.name, patient.c.email, patient.c.phone, patient.c.date_of_birth),
            *(session.id, session.number, session.status, session.scheduled_start),
            *(session.started_at, session.ended_at, session.recording_enabled, session.notes),
            *(session.failure_reason, session.cancelled_at, session.cancel_reason),
            *(canceller.c.id, canceller.c.name),
            *(part.id, part.user_id, part.role, part.state, part.entered_at, part.seen_at, link.id),
            case((session.recording_enabled, consents.newest_of(session.id)), else_=None),
            *(recording.id, recording.status, recording.duration_seconds, recording.failure_reason),
        )
        .select_from(Visit.__table__)
        .join(doctor, visit.doctor_id == doctor.c.id)
        .join(patient, visit.patient_id == patient.c.id)
        .outerjoin(Session.__table__, session.visit_id == visit.id)
        .outerjoin(canceller, session.cancelled_by_id == canceller.c.id)
        .outerjoin(Participation.__table__, and_(part.session_id == session.id, part.left_at.is_(None)))
        .outerjoin(Link.__table__, and_(link.session_id == session.id, link.revoked_at.is_(None)))
        .outerjoin(
            Recording.__table__,
            and_(recording.session_id == session.id, recording.status != Recording.DELETED),
        )
        .order_by(session.number.desc(), part.entered_at, recording.created_at, recording.id)
    )


def _build(rows: Sequence[Any]) -> VisitView:
    first = rows[0]
    doctor = PersonView(first[1], first[7])
    patient = PersonView(first[2], *first[8:12])
    visit = VisitView(*(*first[:7], doctor, patient))
    found: dict[str, SessionView] = {}
    for row in rows:
        if row[12] is None:
            continue
        session = found.get(row[12])
        if session is None:
            by = PersonView(row[23], row[24]) if row[23] else None
            session = found[row[12]] = SessionView(*(visit, *row[12:23], by, row[32]))
            visit.sessions.append(session)
        if row[25] and all(part.id != row[25] for part in session.participations):
            session.participations.append(PresenceView(*row[25:31]))
        if row[31] and row[31] not in session.links:
            session.links.append(row[31])
        if row[33] and all(one.id != row[33] for one in session.recordings):
            session.recordings.append(RecordingView(*row[33:37]))
    return visit


def _minutes(moment: datetime, now: datetime) -> int:
    return int((now - moment).total_seconds() // 60)
