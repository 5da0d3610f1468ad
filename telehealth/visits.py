"""The operations of a visit: opened, found, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from telehealth import access, audit, changes, clock, paging, texts
from telehealth.access import SYSTEM, Actor, ids_of, own_visits
from telehealth.errors import Invalid, NotAllowed, WrongState
from telehealth.extensions import db
from telehealth.models import Role, Session, Status, User, Visit
from telehealth.store import holds, new_id, transaction

PAGE = 50


@dataclass(frozen=True)
class Found:
    """One page of a search in visits, and how many there are of each kind."""

    visits: list[Visit]
    counts: dict[str, int]
    page: int
    pages: int


def open_visit(patient_id: str, doctor_id: str, reason: str, *, by: Actor) -> Visit:
    """Open a visit: staff for anybody, a doctor with themselves. Raises NotAllowed, Invalid."""
    allowed = by is SYSTEM or (
        not by.only_session
        and (by.role == Role.STAFF or (by.role == Role.DOCTOR and doctor_id == by.user_id))
    )
    if not allowed:
        raise NotAllowed(action="visit.open", object_type="user", object_id=by.user_id or "")
    reason = " ".join(reason.split())
    fields: dict[str, list[str]] = {}
    if not _is_active(patient_id, Role.PATIENT):
        fields["patient_id"] = [_("Choose a patient.")]
    if not _is_active(doctor_id, Role.DOCTOR):
        fields["doctor_id"] = [_("Choose a doctor.")]
    if not reason or len(reason) > 500:
        fields["reason"] = [_("Write the reason, with at most 500 characters.")]
    elif texts.is_deceptive(reason):
        fields["reason"] = [str(texts.UNUSABLE)]
    if fields:
        raise Invalid(fields=fields)
    visit = Visit(
        id=new_id(),
        patient_id=patient_id,
        doctor_id=doctor_id,
        reason=reason,
        status=Visit.OPEN,
        opened_at=clock.now(),
    )
    with transaction():
        db.session.add(visit)
        db.session.flush()
        _tell(visit, "open", by=by)
    return visit


def close(visit: Visit, *, by: Actor) -> None:
    """OPEN → CLOSED. Raises NotAllowed, or WrongState while a session is still to come or going on."""
    if access.relation(by, visit) not in (Role.DOCTOR, Role.STAFF):
        raise NotAllowed(action="visit.close", object_type="visit", object_id=visit.id)
    with transaction():
        db.session.scalars(select(Visit.id).where(Visit.id == visit.id).with_for_update(of=Visit)).one()
        open_sessions = select(func.count()).where(
            Session.visit_id == visit.id, Session.status.in_(Status.OPEN)
        )
        if db.session.scalar(open_sessions):
            raise WrongState(_("A session is planned or going on. End or cancel it first."))
        closed = db.session.execute(
            update(Visit)
            .where(Visit.id == visit.id, Visit.status == Visit.OPEN)
            .values(status=Visit.CLOSED, closed_at=clock.now())
            .execution_options(synchronize_session="fetch")
        )
        if closed.rowcount == 0:  # type: ignore[attr-defined]
            raise WrongState(_("This visit is closed already."))
        _tell(visit, "close", by=by)


def search(words: str, status: str, *, by: Actor, page: int = 1) -> Found:
    """The actor's visits with this status whose patient or reason holds the words, newest first."""
    query = _matching(words, by)
    counted = db.session.execute(query.with_only_columns(Visit.status, func.count()).group_by(Visit.status))
    counts = {Visit.OPEN: 0, Visit.CLOSED: 0} | {row[0]: row[1] for row in counted}
    page, pages = paging.place(page, counts[status], PAGE)
    visits = db.session.scalars(
        query.where(Visit.status == status)
        .options(
            contains_eager(Visit.patient),
            joinedload(Visit.doctor),
            selectinload(Visit.sessions).selectinload(Session.participations),
        )
        .order_by(Visit.opened_at.desc(), Visit.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return Found(list(visits), counts, page, pages)


def listing(
    status: str | None,
    *,
    by: Actor,
    most: int,
    cursor_at: datetime | None = None,
    cursor_id: str = "",
) -> list[Visit]:
    """The actor's visits for a program, newest first, at most so many; those after one, if it is named."""
    query = _matching("", by).options(contains_eager(Visit.patient), joinedload(Visit.doctor))
    if status:
        query = query.where(Visit.status == status)
    if cursor_at is not None:
        same_moment = (Visit.opened_at == cursor_at) & (Visit.id < cursor_id)
        query = query.where((Visit.opened_at < cursor_at) | same_moment)
    return list(db.session.scalars(query.order_by(Visit.opened_at.desc(), Visit.id.desc()).limit(most)))


def _matching(words: str, by: Actor) -> Select[Visit]:
    # What is put together anew at each search may as well carry the ids itself.
    query = select(Visit).join(Visit.patient).where(own_visits(by)).params(ids_of(by))
    if words.strip():
        query = query.where(holds(words, User.name, Visit.reason))
    return query


def _is_active(user_id: str, role: str) -> bool:
    user = db.session.get(User, user_id)
    return user is not None and user.active and user.role == role


def _tell(visit: Visit, action: str, *, by: Actor) -> None:
    audit.record(f"visit.{action}", by=by, object_type="visit", object_id=visit.id)
    changes.announce(f"doctor:{visit.doctor_id}", f"patient:{visit.patient_id}", "staff")
