"""Who may load what and do what: the one place for access.

Loaders take the actor and cannot return an object that its reader may not have. A loader raises
NotFound for what is missing and for what belongs to somebody else alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, false, select, true
from sqlalchemy.orm import joinedload

from telehealth.errors import NotAllowed, NotFound
from telehealth.extensions import db
from telehealth.models import Role, Session, User, Visit


@dataclass(frozen=True)
class Actor:
    """Somebody who asks: a signed-in person, a link's visitor, a program, or the system itself.

    `only_session` is set for a link's visitor: that session is all there is for them.
    """

    user_id: str | None
    role: str
    name: str = ""
    via: str = "system"
    only_session: str | None = None
    sign_in_id: str | None = None
    address: str = ""
    agent: str = ""
    request_id: str = ""


class Owned(Protocol):
    """A visit or a session, or what a page shows of one."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def doctor_id(self) -> str:
        """Whose work it is."""

    @property
    def patient_id(self) -> str:
        """Whom it is about."""


SYSTEM = Actor(user_id=None, role="system")


def relation(actor: Actor, owner: Owned) -> str | None:
    """What the actor is to this session or visit: its doctor, its patient, staff, or None."""
    if actor.only_session and actor.only_session != owner.id:
        return None
    if actor.role == Role.DOCTOR and owner.doctor_id == actor.user_id:
        return Role.DOCTOR
    if actor.role == Role.PATIENT and owner.patient_id == actor.user_id:
        return Role.PATIENT
    return Role.STAFF if actor.role == Role.STAFF else None


def own_sessions(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a query to the sessions this actor may see."""
    if actor.only_session:
        return and_(Session.id == actor.only_session, Session.patient_id == actor.user_id)
    if actor.role == Role.DOCTOR:
        return Session.doctor_id == actor.user_id
    if actor.role == Role.PATIENT:
        return Session.patient_id == actor.user_id
    return true() if actor.role == Role.STAFF or actor is SYSTEM else false()


def own_visits(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a query to the visits this actor may see."""
    if actor.only_session:
        return false()
    if actor.role == Role.DOCTOR:
        return Visit.doctor_id == actor.user_id
    if actor.role == Role.PATIENT:
        return Visit.patient_id == actor.user_id
    return true() if actor.role == Role.STAFF else false()


def load_session(session_id: str, *, by: Actor, action: str = "read", bare: bool = False) -> Session:
    """The session, if it is one of the actor's. `action` is what a refusal is written down as.

    `bare`: without the people and the pages that a card shows; what is asked for is read then.
    """
    query = select(Session).where(Session.id == session_id, own_sessions(by))
    if not bare:
        people = (Session.doctor, Session.patient, Session.cancelled_by, Session.participations)
        query = query.options(*map(joinedload, people))
    found = db.session.scalars(query.execution_options(populate_existing=True))
    session = found.unique().one_or_none()
    if session is None:
        raise missing(Session, "session", session_id, f"session.{action}")
    return session


def lock_session(session: Session, *, bare: bool = False) -> Session:
    """The session as it is now, with its people unless `bare`.

    Other writers of it wait until the transaction is over.
    """
    query = select(Session).where(Session.id == session.id).with_for_update(of=Session)
    if not bare:
        query = query.options(joinedload(Session.doctor), joinedload(Session.patient))
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def load_visit(visit_id: str, *, by: Actor, action: str = "read") -> Visit:
    """The visit with its people, if it is one of the actor's."""
    query = select(Visit).where(Visit.id == visit_id, own_visits(by))
    query = query.options(joinedload(Visit.doctor), joinedload(Visit.patient))
    visit = db.session.scalar(query.execution_options(populate_existing=True))
    if visit is None:
        raise missing(Visit, "visit", visit_id, f"visit.{action}")
    return visit


def require_role(actor: Actor, roles: Sequence[str], action: str) -> None:
    """Refuse an actor whose role has no part in this, or who came by a link."""
    if actor.role not in roles or actor.only_session:
        raise NotAllowed(action=action, object_type="user", object_id=actor.user_id or "")


def load_person(user_id: str, *, by: Actor) -> User:
    """Anybody of the clinic, for staff."""
    require_role(by, (Role.STAFF,), "user.read")
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise NotFound()
    return user


def missing(model: Any, object_type: str, object_id: str, action: str) -> NotFound:
    """The same answer either way; only a try at somebody else's object goes into the audit."""
    if db.session.scalar(select(model.id).where(model.id == object_id)) is None:
        return NotFound()
    return NotFound(action=action, object_type=object_type, object_id=object_id)
