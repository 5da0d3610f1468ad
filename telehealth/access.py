"""Who may load what and do what: the one place for access.

Loaders take the actor and cannot return an object that its reader may not have. A loader raises
NotFound for what is missing and for what belongs to somebody else alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, false, select, true
from sqlalchemy.orm import joinedload

from telehealth.errors import NotAllowed, NotFound
from telehealth.extensions import db
from telehealth.models import Role, Session, User, Visit


@dataclass(frozen=True)
class Actor:
    """Somebody who asks: a signed-in person, a link's visitor, a program, or the system itself.

    `only_session` is set for a link's visitor: that session is all there is for them. `lives_on`: their
    sign-in is over, and good for the call alone that a page of theirs is in.
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
    lives_on: bool = False


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

# Rules over the tables themselves, with the actor's ids as parameters: a statement of them is put
# together once for each kind of actor, and one that is run without `ids_of` fails.
_ME: BindParameter[str] = bindparam("me")
_ONLY: BindParameter[str] = bindparam("only_session")
_visit, _session = Visit.__table__.c, Session.__table__.c
_SESSIONS: dict[str, ColumnElement[bool]] = {
    Role.DOCTOR: _session.doctor_id == _ME,
    Role.PATIENT: _session.patient_id == _ME,
    Role.STAFF: true(),
}
_SESSION_BY_LINK = and_(_session.id == _ONLY, _session.patient_id == _ME)
_VISITS: dict[str, ColumnElement[bool]] = {
    Role.DOCTOR: _visit.doctor_id == _ME,
    Role.PATIENT: _visit.patient_id == _ME,
    Role.STAFF: true(),
}


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
    """The condition that keeps a query to the sessions this actor may see; run it with `ids_of`."""
    if actor.only_session:
        return _SESSION_BY_LINK
    return true() if actor is SYSTEM else _SESSIONS.get(actor.role, false())


def own_visits(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a query to the visits this actor may see; run it with `ids_of`."""
    return false() if actor.only_session else _VISITS.get(actor.role, false())


def ids_of(actor: Actor) -> dict[str, str | None]:
    """What the two conditions above compare with."""
    return {"me": actor.user_id, "only_session": actor.only_session}


def load_session(session_id: str, *, by: Actor, action: str = "read", bare: bool = False) -> Session:
    """The session, if it is one of the actor's. `action` is what a refusal is written down as.

    `bare`: without the people and the pages that a card shows; what is asked for is read then.
    """
    query = _session_query(own_sessions(by), bare)
    session = db.session.scalars(query, {"id": session_id, **ids_of(by)}).unique().one_or_none()
    if session is None:
        raise missing(Session, "session", session_id, f"session.{action}")
    return session


def lock_session(session: Session, *, bare: bool = False) -> Session:
    """The session as it is now, with its people unless `bare`.

    Other writers of it wait until the transaction is over.
    """
    return db.session.scalars(_lock_query(bare), {"id": session.id}).one()


def load_visit(visit_id: str, *, by: Actor, action: str = "read") -> Visit:
    """The visit with its people, if it is one of the actor's."""
    visit = db.session.scalar(_visit_query(own_visits(by)), {"id": visit_id, **ids_of(by)})
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


@cache
def _session_query(own: ColumnElement[bool], bare: bool) -> Select[Session]:
    query = select(Session).where(_session.id == bindparam("id"), own)
    if not bare:
        people = (Session.doctor, Session.patient, Session.cancelled_by, Session.participations)
        query = query.options(*map(joinedload, people))
    return query.execution_options(populate_existing=True)


@cache
def _lock_query(bare: bool) -> Select[Session]:
    query = select(Session).where(_session.id == bindparam("id")).with_for_update(of=Session)
    if not bare:
        query = query.options(joinedload(Session.doctor), joinedload(Session.patient))
    return query.execution_options(populate_existing=True)


@cache
def _visit_query(own: ColumnElement[bool]) -> Select[Visit]:
    query = select(Visit).where(_visit.id == bindparam("id"), own)
    query = query.options(joinedload(Visit.doctor), joinedload(Visit.patient))
    return query.execution_options(populate_existing=True)
