"""Who waits, who is in the call, and since when.

A participation is one page load. It counts while its browser is heard of: a call page speaks every
ten seconds, a waiting page too, but browsers slow the timers of a hidden tab to one a minute.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Protocol

from blinker import Signal as Notice
from flask import current_app
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    update,
)

from telehealth import access, audit, changes, clock, signals
from telehealth.access import SYSTEM, Actor
from telehealth.extensions import db
from telehealth.models import Participation, Role, Session, Signal, SignIn, Status, User
from telehealth.store import afterwards, transaction

if TYPE_CHECKING:
    from telehealth.cards import SessionView

put_out_of_room = Notice(
    "somebody lost the right to be in a call: `room`, `identity`; sent when that is kept"
)

STALE = {Participation.WAITING: timedelta(seconds=75), Participation.IN_CALL: timedelta(seconds=35)}

KEPT = timedelta(hours=1)
"""How long messages wait for a page that is not heard of."""

# The media of one who is lost may go on without us.
_MAY_BE_THERE = or_(Participation.left_at.is_(None), Participation.state == Participation.LOST)


@dataclass(frozen=True)
class Present:
    """Somebody who is here now. `since` is when this wait or this call began for them."""

    user_id: str
    role: str
    name: str
    state: str
    since: datetime


class Heard(Protocol):
    """Something that was heard of: a participation, or what a page shows of one."""

    @property
    def state(self) -> str:
        """How it takes part."""

    @property
    def seen_at(self) -> datetime:
        """When it was last heard of."""


def who(session: Session | SessionView) -> list[Present]:
    """Those who are here now, one entry a person, the one who came first in front."""
    found: dict[str, Present] = {}
    names = {session.doctor_id: session.doctor.name, session.patient_id: session.patient.name}
    for part in session.participations:
        if is_fresh(part):
            found[part.user_id] = Present(
                part.user_id, part.role, names.get(part.user_id, ""), part.state, part.entered_at
            )
    return sorted(found.values(), key=lambda present: present.since)


def is_fresh(part: Heard) -> bool:
    """Whether this participation was heard of lately enough to count as here."""
    stale = STALE.get(part.state)
    # Heard of at a time to come: the clock was ahead then.
    return stale is not None and abs(clock.now() - part.seen_at) < stale


def fresh_since() -> datetime:
    """Whoever was heard of since then may still be here."""
    return clock.now() - max(STALE.values())


def is_in(session: Session | SessionView, by: Actor) -> bool:
    """Whether this actor is here now, waiting or in the call."""
    return any(p.user_id == by.user_id and is_fresh(p) for p in session.participations)


def identity(session: Session, user_id: str | None) -> str:
    """The name of this person in this room: opaque, the same on every device, of no use elsewhere."""
    key = current_app.config["SECRET_KEY"].encode()
    words = f"identity:{session.room}:{user_id}".encode()
    return hmac.new(key, words, hashlib.sha256).hexdigest()[:32]


def whose(session: Session, name: str) -> str | None:
    """The id of the person who goes by this name in the session's room."""
    people = (session.doctor_id, session.patient_id)
    return next((one for one in people if identity(session, one) == name), None)


def open_of(session_id: str, user_id: str | None = None, *, lost: bool = False) -> list[Participation]:
    """Participations of this session that have not left, stale ones included; `lost`: or may come back."""
    query = _open_query(of_one=user_id is not None, lost=lost)
    return list(db.session.scalars(query, {"session": session_id, "user": user_id}))


def step_out(part: Participation, session: Session, *, by: Actor, state: str, why: str) -> None:
    """Mark one participation as over and tell the others in the call; the session is locked."""
    met = (Participation.IN_CALL, Participation.LOST)
    with transaction():
        told = part.state == Participation.LOST
        part.state = state
        if not told:
            part.left_at = part.seen_at if state == Participation.LOST else clock.now()
        db.session.flush()
        if part.connected_at is not None and not told:
            _write_leave(part.session_id, part.role, by=by, reason=why)
        if state != Participation.LOST:
            others = [p.id for p in open_of(session.id, lost=True) if p.state in met]
            signals.tell(session.id, others, "participant-left", {"id": part.id, "reason": state})
        changes.announce(*changes.about(session))


def leave_all(session: Session, *, by: Actor) -> None:
    """Step out with every page this person has open in the session; harmless when there is none."""
    if not session.is_open:
        return
    with transaction():
        signals.lock(session.id)
        parts = open_of(session.id, by.user_id, lost=True)
        connected = any(part.connected_at for part in parts)
        for part in parts:
            step_out(part, session, by=by, state=Participation.LEFT, why="left")
        if not connected and (parts or audit.has_unused_token(session.id, by.user_id)):
            _write_leave(session.id, by.role, by=by, reason="not connected")


def hold_calls_of(sign_ins: Select[str]) -> None:
    """Lock the sessions that pages of these sign-ins are in, one after the other, before the sign-ins."""
    query = select(Participation.session_id).distinct().order_by(Participation.session_id)
    for session_id in db.session.scalars(
        query.where(Participation.sign_in_id.in_(sign_ins), _MAY_BE_THERE)
    ).all():
        signals.lock(session_id)


def put_out(sign_in_ids: Sequence[str]) -> None:
    """Step out with every page of these sign-ins: the others in the call are told, and hang up.

    Whoever came in by such a sign-in without a page of ours is taken out of the room, too. The sessions
    of the pages are locked.
    """
    query = select(Participation).where(Participation.sign_in_id.in_(sign_in_ids), _MAY_BE_THERE)
    out = set()
    for part in list(db.session.scalars(query.execution_options(populate_existing=True))):
        session = db.session.get_one(Session, part.session_id)
        if not session.is_open:
            continue
        step_out(part, session, by=SYSTEM, state=Participation.LEFT, why="signed out")
        _take_out(session, part.user_id)
        out.add((session.id, part.user_id))
    owners = select(SignIn.user_id, SignIn.session_id).where(SignIn.id.in_(sign_in_ids))
    for user_id, only_session in db.session.execute(owners).all():
        for session in _running(user_id, only_session):
            if (session.id, user_id) in out or open_of(session.id, user_id, lost=True):
                continue
            if audit.sign_in_of_token(session.id, user_id) in sign_in_ids:
                _take_out(session, user_id)
                out.add((session.id, user_id))


def take_out_everywhere(user: User) -> None:
    """Whoever may do nothing any more is in no room either, by whatever way they came in."""
    for session in _running(user.id):
        _take_out(session, user.id)


def close(session: Session) -> None:
    """The session is over: nobody is in it any more, and its signals are of no use."""
    for part in open_of(session.id):
        if part.connected_at is not None:
            _write_leave(session.id, part.role, by=SYSTEM, reason="ended")
    db.session.execute(
        update(Participation)
        .where(Participation.session_id == session.id, Participation.left_at.is_(None))
        .values(state=Participation.LEFT, left_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )
    db.session.execute(delete(Signal).where(Signal.session_id == session.id))


def sweep() -> int:
    """Mark those who have not been heard of for too long as lost. Returns how many.

    A lost one who speaks again is back: the media may have gone on without us all the time.
    """
    found = list(db.session.scalars(select(Participation).where(_stale())))
    count = 0
    for part in found:
        with transaction():
            signals.lock(part.session_id)
            lost = db.session.scalar(
                select(Participation)
                .where(Participation.id == part.id, _stale())
                .execution_options(populate_existing=True)
            )
            if lost is not None:
                session = db.session.get_one(Session, lost.session_id)
                step_out(lost, session, by=SYSTEM, state=Participation.LOST, why="lost")
                count += 1
    with transaction():
        db.session.execute(delete(Signal).where(Signal.at < clock.now() - KEPT))
    return count


def waited_since(pages: Sequence[Participation]) -> datetime | None:
    """When the wait of the person of these pages began, if they were here within the last minute.

    A reload is no break.
    """
    minute_ago = clock.now() - timedelta(minutes=1)
    lately = [
        page.entered_at
        for page in pages
        if page.connected_at is None
        and (page.left_at is None or page.left_at > minute_ago)
        and page.seen_at > minute_ago
    ]
    return max(lately, default=None)


def role_of(by: Actor, session: Session) -> str:
    """The part this actor plays in the call."""
    return access.relation(by, session) or Role.PATIENT


@cache
def _open_query(*, of_one: bool, lost: bool) -> Select[Participation]:
    session_id: BindParameter[str] = bindparam("session")
    there: ColumnElement[bool] = Participation.left_at.is_(None)
    if lost:
        is_open = exists().where(Session.id == session_id, Session.status.in_(Status.OPEN))
        there = or_(there, and_(Participation.state == Participation.LOST, is_open))
    query = select(Participation).where(Participation.session_id == session_id, there)
    if of_one:
        query = query.where(Participation.user_id == bindparam("user"))
    return query.order_by(Participation.entered_at).execution_options(populate_existing=True)


def _stale() -> ColumnElement[bool]:
    now = clock.now()
    return or_(
        *(
            and_(Participation.state == state, ~Participation.seen_at.between(now - limit, now + limit))
            for state, limit in STALE.items()
        )
    )


def _running(user_id: str, session_id: str | None = None) -> list[Session]:
    """The calls of this person that have a room, or the one of these that is named."""
    mine = or_(Session.doctor_id == user_id, Session.patient_id == user_id)
    query = select(Session).where(mine, Session.status == Status.IN_PROGRESS, Session.room_open)
    if session_id is not None:
        query = query.where(Session.id == session_id)
    return list(db.session.scalars(query))


def _take_out(session: Session, user_id: str) -> None:
    room, name = session.room, identity(session, user_id)
    afterwards(lambda: put_out_of_room.send(room=room, identity=name))


def _write_leave(session_id: str, role: str, *, by: Actor, reason: str) -> None:
    audit.record(
        "session.leave",
        by=by,
        object_type="session",
        object_id=session_id,
        reason=reason,
        detail={"role": role},
    )
