"""A visit with its sessions, and lists of sessions, read for showing: plain rows, no change possible.

Lists are what people keep open all day. Read as rows they cost a fifth of what the same objects cost
through the unit of work; names and attributes are those of the models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, cached_property, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Join, and_, bindparam, case, select

from telehealth import access, clock, consents, presence
from telehealth.access import Actor
from telehealth.extensions import db
from telehealth.models import Link, Participation, Recording, Session, Status, User, Visit
from telehealth.models.session import lasted


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
    """A visit, its people and its sessions: running, to come by their time, over with the newest first."""

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

    @cached_property
    def looks(self) -> tuple[object, ...]:
        """Everything of it that a card shows."""
        return (self.id, self.status, self.doctor.name, self.patient.name, self.patient.phone)


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
    created_at: datetime
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
    duration_seconds = property(lambda self: lasted(self.started_at, self.ended_at))

    @cached_property
    def looks(self) -> tuple[object, ...]:
        """Everything that decides how the card looks at this minute, save who reads it, and where."""
        now = clock.now()
        always = (self.id, self.status, self.visit.looks, self.consent, *self.recordings)
        if not self.is_open:
            return (*always, self.cancelled_by)
        here = tuple((p.user_id, p.state, _minutes(p.entered_at, now)) for p in self._fresh)
        near = _minutes(self.scheduled_start, now) >= -15
        since = _minutes(self.started_at, now) if self.started_at else None
        return (*always, bool(self.links), here, near, since)

    @property
    def _fresh(self) -> list[PresenceView]:
        return [part for part in self.participations if presence.is_fresh(part)]


# What every view of a session is made of: its visit, their people, itself, who cancelled it.
_visit, _session = Visit.__table__.c, Session.__table__.c
_part, _recording = Participation.__table__.c, Recording.__table__.c
_doctor, _patient, _canceller = (User.__table__.alias(name) for name in ("doctor", "patient", "canceller"))
_VISIT = (
    *(_visit.id, _visit.doctor_id, _visit.patient_id, _visit.reason, _visit.status),
    *(_visit.opened_at, _visit.closed_at),
    *(_doctor.c.name, _patient.c.name, _patient.c.email, _patient.c.phone, _patient.c.date_of_birth),
)
_SESSION = (
    *(_session.id, _session.number, _session.status, _session.scheduled_start),
    *(_session.started_at, _session.ended_at, _session.recording_enabled, _session.notes),
    *(_session.failure_reason, _session.cancelled_at, _session.cancel_reason, _session.created_at),
    *(_canceller.c.id, _canceller.c.name),
)
_PART = (_part.id, _part.user_id, _part.role, _part.state, _part.entered_at, _part.seen_at)
_RECORDING = (_recording.id, _recording.status, _recording.duration_seconds, _recording.failure_reason)
_IS_THERE, _IS_KEPT = _part.left_at.is_(None), _recording.status != Recording.DELETED
_HERE = (
    select(_part.session_id, *_PART)
    .where(_part.session_id.in_(bindparam("ids", expanding=True)), _IS_THERE)
    .order_by(_part.entered_at)
)
_RECORDED = (
    select(_recording.session_id, *_RECORDING)
    .where(_recording.session_id.in_(bindparam("ids", expanding=True)), _IS_KEPT)
    .order_by(_recording.created_at, _recording.id)
)
_ID = len(_VISIT)
_MORE = _ID + len(_SESSION)


def load_visit(visit_id: str, *, by: Actor) -> VisitView:
    """The visit with its sessions, if it is one of the actor's. Raises NotFound."""
    return _visit_by(Visit, visit_id, access.own_visits(by), by)


def load_session(session_id: str, *, by: Actor) -> SessionView:
    """One session, if it is one of the actor's. Raises NotFound."""
    return _visit_by(Session, session_id, access.own_sessions(by), by).sessions[0]


def load_sessions(
    *conditions: ColumnElement[bool],
    by: Actor,
    order: tuple[ColumnElement[Any], ...],
    most: int,
    skip: int = 0,
    values: Mapping[str, object] | None = None,
) -> list[SessionView]:
    """The actor's sessions of which all this is true, at most so many, after the first `skip`.

    Conditions and order are constants; what they compare with is in `values`. Links and consent are not
    read; who is there and recordings by the two below.
    """
    query = _list_query(access.own_sessions(by), conditions, order)
    visits: dict[str, VisitView] = {}
    found = []
    asked = {**(values or {}), "most": most, "skip": skip, **access.ids_of(by)}
    for row in db.session.execute(query, asked):
        visit = visits.get(row[0]) or visits.setdefault(row[0], _visit_view(row))
        found.append(_session_view(row, visit, None))
    return found


def add_presence(found: Sequence[SessionView]) -> None:
    """Read who is there in all of these sessions that are open."""
    by_id = {one.id: one for one in found if one.is_open}
    if by_id:
        for row in db.session.execute(_HERE, {"ids": list(by_id)}):
            by_id[row[0]].participations.append(PresenceView(*row[1:]))


def add_recordings(found: Sequence[SessionView]) -> None:
    """Read the recordings of all these sessions at once; nothing where none is recorded."""
    by_id = {one.id: one for one in found if one.recording_enabled}
    if by_id:
        for row in db.session.execute(_RECORDED, {"ids": list(by_id)}):
            by_id[row[0]].recordings.append(RecordingView(*row[1:]))


@lru_cache(64)
def _list_query(
    own: ColumnElement[bool],
    conditions: tuple[ColumnElement[bool], ...],
    order: tuple[ColumnElement[Any], ...],
) -> Any:
    both = Session.__table__.outerjoin(Visit.__table__, _session.visit_id == _visit.id)
    query = select(*_VISIT, *_SESSION).select_from(_with_people(both)).where(own, *conditions)
    return query.order_by(*order).limit(bindparam("most")).offset(bindparam("skip"))


@cache
def _visit_query(model: Any, own: ColumnElement[bool]) -> Any:
    """A visit with all of its sessions, or with the one that is asked for."""
    link = Link.__table__.c
    joined = (
        _with_people(Visit.__table__.outerjoin(Session.__table__, _session.visit_id == _visit.id))
        .outerjoin(Participation.__table__, and_(_part.session_id == _session.id, _IS_THERE))
        .outerjoin(Link.__table__, and_(link.session_id == _session.id, link.revoked_at.is_(None)))
        .outerjoin(Recording.__table__, and_(_recording.session_id == _session.id, _IS_KEPT))
    )
    consent = case((_session.recording_enabled, consents.newest_of(_session.id)), else_=None)
    return (
        select(*_VISIT, *_SESSION, *_PART, link.id, consent, *_RECORDING)
        .select_from(joined)
        .where(model.__table__.c.id == bindparam("object_id"), own)
        .order_by(_session.number.desc(), _part.entered_at, _recording.created_at, _recording.id)
    )


def _with_people(joined: Join) -> Join:
    """The names that a card shows, beside visit and session.

    They are always there; but of an outer join no database begins with people instead of what is asked.
    """
    return (
        joined.outerjoin(_doctor, _visit.doctor_id == _doctor.c.id)
        .outerjoin(_patient, _visit.patient_id == _patient.c.id)
        .outerjoin(_canceller, _session.cancelled_by_id == _canceller.c.id)
    )


def _visit_by(model: type[Visit | Session], object_id: str, own: ColumnElement[bool], by: Actor) -> VisitView:
    """The visit of this id, or the one of the session of this id with that session alone."""
    values = {"object_id": object_id, **access.ids_of(by)}
    rows = db.session.execute(_visit_query(model, own), values).all()
    if not rows:
        kind = model.__name__.lower()
        raise access.missing(model, kind, object_id, f"{kind}.read")
    return _build(rows)


def _build(rows: Sequence[Any]) -> VisitView:
    visit = _visit_view(rows[0])
    found: dict[str, SessionView] = {}
    for row in rows:
        if row[_ID] is None:
            continue
        (*part, link), consent, recording = row[_MORE : _MORE + 7], row[_MORE + 7], row[_MORE + 8 :]
        session = found.get(row[_ID])
        if session is None:
            session = found[row[_ID]] = _session_view(row, visit, consent)
            visit.sessions.append(session)
        if part[0] and all(one.id != part[0] for one in session.participations):
            session.participations.append(PresenceView(*part))
        if link and link not in session.links:
            session.links.append(link)
        if recording[0] and all(one.id != recording[0] for one in session.recordings):
            session.recordings.append(RecordingView(*recording))
    visit.sessions.sort(key=_urgency)
    return visit


def _urgency(session: SessionView) -> tuple[int, float]:
    """What needs somebody comes first."""
    if session.is_open:
        return (session.status != Status.IN_PROGRESS, session.scheduled_start.timestamp())
    return (2, -session.number)


def _visit_view(row: Any) -> VisitView:
    doctor, patient = PersonView(row[1], row[7]), PersonView(row[2], *row[8:_ID])
    return VisitView(*(*row[:7], doctor, patient))


def _session_view(row: Any, visit: VisitView, consent: bool | None) -> SessionView:
    by = PersonView(*row[_MORE - 2 : _MORE]) if row[_MORE - 2] else None
    return SessionView(*(visit, *row[_ID : _MORE - 2], by, consent))


def _minutes(moment: datetime, now: datetime) -> int:
    return int((now - moment).total_seconds() // 60)
