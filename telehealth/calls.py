"""The pages of a call: who comes in, is heard of, sends messages and goes.

The id of a participation is made by the page when it loads. A reload, a crash, a second tab are one
and the same thing: a new id, and the older page of that person is told that it was replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, or_, select

from telehealth import access, audit, changes, clock, presence, sessions, sign_ins, signals
from telehealth.access import Actor
from telehealth.errors import Gone, Invalid, NotFound, Unauthenticated, WrongState
from telehealth.extensions import db
from telehealth.models import Participation, Session, Signal, Status
from telehealth.signals import Message
from telehealth.store import transaction

OFTEN = timedelta(seconds=5)
"""That a page was heard of is written down at most so often."""

# Asked again and again while somebody waits for a picture: put together once.
_IDS = select(Participation.id).where(Participation.session_id == bindparam("session"))
_MINE = (
    select(Participation)
    .where(Participation.id == bindparam("page"))
    .execution_options(populate_existing=True)
)
_PARTS = (
    select(Participation)
    .where(or_(Participation.session_id == bindparam("session"), Participation.id == bindparam("page")))
    .order_by(Participation.entered_at, Participation.id)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True)
class Entrance:
    """What a page gets to know when it comes in.

    `cursor` is where its inbox begins: for one who comes again, whose first answer may have been lost,
    at the beginning. `offered` is the id of the one who was given its offer.
    """

    status: str
    cursor: int
    me: Participation
    others: list[Participation]
    offered: str | None


def enter(
    session: Session, participant_id: str, *, by: Actor, offer: dict[str, Any] | None = None
) -> Entrance:
    """Come into the waiting room or the call with a page's own id; safe to repeat.

    The description of a first connection may come along. Each connection needs its own, so that one of
    the others gets it. Raises WrongState when this person may not come in now, Gone (code `replaced`)
    when a newer page took over, NotFound when the id belongs to somebody else, Unauthenticated when the
    right to be here was lost a moment ago.
    """
    sessions.check(session, "join", by=by)
    with transaction():
        active = sign_ins.is_active(by.user_id, held=True)
        session = access.lock_session(session)
        if not active or not sign_ins.stands(by.sign_in_id, held=True):
            raise Unauthenticated()
        sessions.check(session, "join", by=by)
        parts = _parts(session, participant_id)
        known = next((part for part in parts if part.id == participant_id), None)
        state = _state_for(session)
        came_in = state == Participation.IN_CALL and (known is None or known.state != state)
        me = known or _new(session, participant_id, parts, by=by, state=state)
        if known:
            _take_up(session, me, by=by, state=state, came_in=came_in)
        others = _whom_to_meet(parts, me)
        if came_in:
            offered = others[0].id if offer and others else None
            signals.post(session.id, _greetings(session, me, others) + _first_offer(me, offered, offer))
        else:
            offered = _passed_on(session, me)
        changes.announce(*changes.about(session))
    return Entrance(session.status, 0 if known else session.last_signal, me, others, offered)


def heard(session: Session, participant_id: str, *, by: Actor, connected: bool) -> list[str]:
    """A page says that it is there, and whether media flows. Returns the ids now in the call.

    The first `connected` is what the audit knows as joining. Raises Gone.
    """
    me = _present(session, participant_id, by=by)
    connected = connected and bool(_others(session, me))
    if any(_news(me, connected)) or abs(clock.now() - me.seen_at) > OFTEN:
        with transaction():
            session = access.lock_session(session, bare=True)
            me = _present(session, participant_id, by=by)
            if not session.is_open:
                return []
            first, back = _news(me, connected)
            # The person may have signed in anew while the page stayed open.
            me.seen_at, me.sign_in_id = clock.now(), by.sign_in_id
            if back:
                me.left_at, me.state = None, _state_for(session)
            if first:
                me.connected_at = clock.now()
            if first or (back and me.connected_at):
                _write_join(session, me, by=by, reason="back" if back else "")
            if first or back:
                changes.announce(*changes.about(session))
    return [p.id for p in presence.open_of(session.id) if p.state == Participation.IN_CALL]


def send(session: Session, participant_id: str, messages: Sequence[dict[str, Any]], *, by: Actor) -> None:
    """Pass messages on to other participants of the same session.

    Each is `{"to", "id", "body"}`; the sender is written by us, never taken from the message.
    Raises Gone, Invalid.
    """
    me = _present(session, participant_id, by=by)
    here = set(db.session.scalars(_IDS, {"session": session.id}))
    if any(message["to"] not in here for message in messages):
        raise Invalid(fields={"to": ["no participant of this session"]})
    passed_on = [_message(me, message["to"], message["id"], message["body"]) for message in messages]
    with transaction():
        # What is stored after the end nobody would clear away.
        if not access.lock_session(session, bare=True).is_open:
            raise WrongState(session=session)
        signals.post(session.id, passed_on)


def step_out(session: Session, participant_id: str, *, by: Actor) -> None:
    """A page goes away; acts on that page only, so a late message of an old one hurts nobody."""
    with transaction():
        signals.lock(session.id)
        me = _mine(session, participant_id, by=by)
        if me is not None and (me.left_at is None or me.state == Participation.LOST):
            presence.step_out(me, session, by=by, state=Participation.LEFT, why="left")


def check_inbox(session: Session, participant_id: str, *, by: Actor) -> Participation:
    """The participation whose inbox is asked for. Raises Gone."""
    return _present(session, participant_id, by=by)


def _state_for(session: Session) -> str:
    waiting = session.status == Status.SCHEDULED
    return Participation.WAITING if waiting else Participation.IN_CALL


def _write_join(session: Session, me: Participation, *, by: Actor, reason: str) -> None:
    audit.record(
        "session.join",
        by=by,
        object_type="session",
        object_id=session.id,
        reason=reason,
        detail={"role": me.role},
    )


def _others(session: Session, me: Participation) -> list[Participation]:
    """Whoever else is in the call."""
    here = presence.open_of(session.id)
    return [part for part in here if part.id != me.id and part.state == Participation.IN_CALL]


def _news(me: Participation, connected: bool) -> tuple[bool, bool]:
    """Whether media flows for the first time, and whether somebody lost is back."""
    first = connected and me.connected_at is None and me.state == Participation.IN_CALL
    return first, me.state == Participation.LOST


def _mine(session: Session, participant_id: str, *, by: Actor) -> Participation | None:
    part = db.session.scalar(_MINE, {"page": participant_id})
    if part is not None:
        _check_mine(part, session, by=by)
    return part


def _present(session: Session, participant_id: str, *, by: Actor) -> Participation:
    part = _mine(session, participant_id, by=by)
    if part is None:
        raise Gone(code="gone")
    _check_present(part)
    return part


def _check_mine(part: Participation, session: Session, *, by: Actor) -> None:
    if (part.session_id, part.user_id) != (session.id, by.user_id):
        raise NotFound(action="session.join", object_type="session", object_id=session.id)


def _check_present(part: Participation) -> None:
    if part.state in (Participation.REPLACED, Participation.LEFT):
        raise Gone(code="replaced" if part.state == Participation.REPLACED else "gone")


def _parts(session: Session, participant_id: str) -> list[Participation]:
    """All pages of this session's call so far, and the one of this id wherever it belongs, oldest first."""
    return list(db.session.scalars(_PARTS, {"session": session.id, "page": participant_id}))


def _new(
    session: Session, participant_id: str, parts: list[Participation], *, by: Actor, state: str
) -> Participation:
    now = clock.now()
    mine = [part for part in parts if part.user_id == by.user_id]
    since = presence.waited_since(mine)
    waiting = state == Participation.WAITING
    for old in mine:
        if old.left_at is None:
            signals.tell(session.id, [old.id], "replaced", {})
            presence.step_out(
                old, session, by=by, state=Participation.REPLACED, why="opened in another window"
            )
    _replace_lost(session, mine, parts)
    me = Participation(
        id=participant_id,
        session_id=session.id,
        user_id=by.user_id,
        sign_in_id=by.sign_in_id,
        role=presence.role_of(by, session),
        state=state,
        entered_at=since if waiting and since else now,
        seen_at=now,
    )
    db.session.add(me)
    if waiting and since is None:
        audit.record("session.wait", by=by, object_type="session", object_id=session.id)
    sessions.note_ticket(session, by=by)
    return me


def _replace_lost(session: Session, mine: list[Participation], parts: list[Participation]) -> None:
    """A lost page that woke up beside a newer one would be a second one of the same person."""
    others = [part.id for part in parts if part.state == Participation.IN_CALL]
    for lost in mine:
        if lost.state == Participation.LOST:
            lost.state = Participation.REPLACED
            words = {"id": lost.id, "reason": Participation.REPLACED}
            signals.tell(session.id, others, "participant-left", words)


def _take_up(session: Session, me: Participation, *, by: Actor, state: str, came_in: bool) -> None:
    """A page comes in again: its answer was lost, it was lost itself, or the call has begun."""
    _check_mine(me, session, by=by)
    _check_present(me)
    if me.state == Participation.LOST and me.connected_at:
        _write_join(session, me, by=by, reason="back")
    if came_in:
        me.entered_at = clock.now()
    me.state, me.seen_at, me.left_at = state, clock.now(), None
    me.sign_in_id = by.sign_in_id


def _greetings(session: Session, me: Participation, others: Sequence[Participation]) -> list[Message]:
    names = {session.doctor_id: session.doctor.name, session.patient_id: session.patient.name}
    words = {
        "id": me.id,
        "role": me.role,
        "name": names.get(me.user_id, ""),
        "identity": presence.identity(session, me.user_id),
    }
    return signals.own([other.id for other in others], "participant-joined", words)


def _whom_to_meet(parts: Sequence[Participation], me: Participation) -> list[Participation]:
    """Those in the call, then those lost of late.

    Who was lost may only have slept: the call page of either would not know the other one then.
    """
    here = [part for part in parts if part.state == Participation.IN_CALL]
    lately = clock.now() - presence.KEPT
    lost = [part for part in parts if part.state == Participation.LOST and part.seen_at > lately]
    return [part for part in here + lost if part.id != me.id]


def _first_offer(me: Participation, to: str | None, offer: dict[str, Any] | None) -> list[Message]:
    return [_message(me, to, f"{me.id}-offer", {"description": offer})] if to else []


def _passed_on(session: Session, me: Participation) -> str | None:
    """Who was given the offer when this page came in for the first time."""
    query = select(Signal.recipient_id).where(Signal.session_id == session.id)
    return db.session.scalar(query.where(Signal.message_id == _message_id(me, f"{me.id}-offer")))


def _message(me: Participation, to: str, number: str, body: dict[str, Any]) -> Message:
    whole = {"from": me.id, "id": number, "body": body}
    return Message(to, "signal", whole, _message_id(me, number))


def _message_id(me: Participation, number: str) -> str:
    """Two pages may number their messages alike."""
    return f"{me.id[:12]}-{number}"
