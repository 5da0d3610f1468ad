"""The call: its page, and the messages of the embedded carrier."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from telehealth import (
    access,
    audit,
    calls,
    clock,
    limits,
    presence,
    rooms,
    sessions,
    sign_ins,
    signals,
    video,
)
from telehealth.access import Actor
from telehealth.errors import Gone, NotAllowed, Refusal, WrongState
from telehealth.live import stream
from telehealth.live.stream import Event, Over
from telehealth.models import Participation, Role, Session, Signal, Status
from telehealth.routes import actor, in_call, is_ahead, passive, speaks_json
from telehealth.routes.api_shapes import ticket_out
from telehealth.routes.call_shapes import EnterBody, InboxQuery, LeaveBody, PresenceBody, SignalBody
from telehealth.routes.recordings import standing_out
from telehealth.routes.shapes import read_body, read_query
from telehealth.times import iso
from telehealth.video.peer import PeerProvider

blueprint = Blueprint("call", __name__, url_prefix="/telemedicine/<session_id>/call")


@blueprint.get("")
@in_call
def show(session_id: str) -> ResponseReturnValue:
    """The call page, or what there is to see once the call is over."""
    session = access.load_session(session_id, by=actor(), action="join")
    try:
        sessions.check(session, "join", by=actor())
    except WrongState as refusal:
        return _not_now(session, refusal)
    # Nobody has read yet what a browser prepares, and nobody asks again once it is opened.
    reason = "prepared by the browser" if is_ahead() else ""
    audit.record("session.read", by=actor(), object_type="session", object_id=session.id, reason=reason)
    return render_template("call/show.html", **_page(session))


@blueprint.post("/enter")
@in_call
@passive
@speaks_json
def enter(session_id: str) -> ResponseReturnValue:
    """Come into the waiting room or the call, with the ticket for it.

    The sign-in is what opens the door; a ticket sent along has to be for this room all the same.
    An offer sent along goes to one of those who are there, `offered`.
    """
    session, body = _load(session_id), read_body(EnterBody)
    limits.guard("enter", _caller(session), limits.ENTRANCES)
    provider, identity = video.provider(), presence.identity(session, actor().user_id)
    if isinstance(provider, PeerProvider) and body.token is not None:
        provider.check(body.token, session.room, identity)
    sessions.check(session, "join", by=actor())
    rooms.ensure_if_reachable(session, by=actor(), video=provider)
    offer = body.offer.model_dump() if body.offer else None
    entrance = calls.enter(session, body.participant, by=actor(), offer=offer)
    ticket = provider.ticket(session.room, identity)
    return jsonify(
        status=entrance.status,
        ticket=ticket_out(ticket, url_for("call.show", session_id=session.id)),
        cursor=entrance.cursor,
        me=_person(entrance.me, session) | {"since": iso(entrance.me.entered_at)},
        participants=[_person(other, session) for other in entrance.others],
        offered=entrance.offered,
        recording=standing_out(session),
    )


@blueprint.post("/signal")
@in_call
@passive
@speaks_json
def signal(session_id: str) -> ResponseReturnValue:
    """Pass messages on to other participants."""
    session, body = _load(session_id), read_body(SignalBody)
    limits.guard("signal", _caller(session), limits.SIGNALS)
    messages = [
        {"to": one.to, "id": one.id, "body": one.body.model_dump(exclude_unset=True)} for one in body.messages
    ]
    calls.send(session, body.participant, messages, by=actor())
    return jsonify({})


@blueprint.post("/presence")
@in_call
@passive
@speaks_json
def heard(session_id: str) -> ResponseReturnValue:
    """A page says that it is there, and learns how the session stands."""
    session, body = _load(session_id), read_body(PresenceBody)
    here: list[str] = []
    if session.is_open:
        connected = body.state == "connected"
        here = calls.heard(session, body.participant, by=actor(), connected=connected)
    return jsonify(
        status=session.status,
        elapsed_seconds=_elapsed(session),
        duration_seconds=session.duration_seconds,
        participants=here,
        recording=standing_out(session),
    )


@blueprint.post("/leave")
@in_call
@speaks_json
def leave(session_id: str) -> ResponseReturnValue:
    """A page goes away."""
    session, body = _load(session_id), read_body(LeaveBody)
    calls.step_out(session, body.participant, by=actor())
    return jsonify({})


@blueprint.post("/room")
@in_call
@passive
@speaks_json
def room(session_id: str) -> ResponseReturnValue:
    """A page was told that its room is not there: see to it that there is one."""
    session, body = _load(session_id), read_body(LeaveBody)
    calls.check_inbox(session, body.participant, by=actor())
    sessions.check(session, "join", by=actor())
    rooms.ensure(session, by=actor(), video=video.provider(), doubtful=True)
    return jsonify({})


@blueprint.get("/inbox")
@in_call
@passive
@speaks_json
def inbox(session_id: str) -> ResponseReturnValue:
    """What came in for a participant: a stream, or with `poll` what there is now."""
    session = _load(session_id)
    query = read_query(InboxQuery)
    calls.check_inbox(session, query.participant, by=actor())
    after = _last_event_id(query.after)
    if query.poll:
        events = [_event(one) for one in signals.read(query.participant, after)]
        return jsonify(events=[{"seq": e.number, "type": e.name, "data": e.data} for e in events])
    news = _Inbox(session.id, query.participant, after, actor())
    return stream.respond((f"call:{session.id}", f"session:{session.id}"), news)


class _Inbox:
    """The news of one inbox; remembers how far it got."""

    def __init__(self, session_id: str, participant: str, after: int, by: Actor) -> None:
        self.session_id, self.participant = session_id, participant
        self.after, self.by = after, by

    def __call__(self, heard: set[str]) -> Iterable[Event]:
        asks = f"session:{self.session_id}" in heard
        if asks:
            self._check()
        events = [_event(one) for one in signals.read(self.participant, self.after)]
        self.after = max([self.after, *(event.number or 0 for event in events)])
        return [*events, Event("changed")] if asks else events

    def _check(self) -> None:
        """Whoever lost the right to the session, or was replaced, gets no more of it."""
        try:
            session = access.load_session(self.session_id, by=self.by, action="join", bare=True)
            if session.is_open:
                calls.check_inbox(session, self.participant, by=self.by)
        except Gone as gone:
            # Said first: a page that was put out with its sign-in must not think that the call goes on.
            raise Over([Event(gone.code)]) from gone
        except Refusal as refusal:
            raise Over([Event("changed")]) from refusal
        if not sign_ins.stands(self.by.sign_in_id):
            raise Over([Event("changed")])


def _load(session_id: str) -> Session:
    """The session, for those who take part in its call; staff read of it, but are never in it."""
    session = access.load_session(session_id, by=actor(), action="join", bare=True)
    if access.relation(actor(), session) not in sessions.STEPS["join"].by:
        raise NotAllowed(action="session.join", object_type="session", object_id=session.id)
    return session


def _caller(session: Session) -> str:
    """Who asks, in this one call: what they fill the database with is counted for both together."""
    return f"{actor().user_id} {session.id}"


def _event(one: Signal) -> Event:
    return Event(one.kind, json.loads(one.body), one.seq)


def _person(part: Participation, session: Session) -> dict[str, Any]:
    identity = presence.identity(session, part.user_id)
    return {"id": part.id, "role": part.role, "name": part.user.name, "identity": identity}


def _elapsed(session: Session) -> float | None:
    """How long the call has been going on, by the one clock that counts."""
    if session.status != Status.IN_PROGRESS or session.started_at is None:
        return None
    return (clock.now() - session.started_at).total_seconds()


def _last_event_id(after: int) -> int:
    """Where a stream goes on after a break; the browser sends it by itself."""
    last = request.headers.get("Last-Event-ID", "")
    return max(after, int(last)) if last.isascii() and last.isdigit() and len(last) < 10 else after


def _page(session: Session) -> dict[str, Any]:
    role = actor().role
    other = session.patient if role == Role.DOCTOR else session.doctor
    return {
        "session": session,
        "role": role,
        "other_name": other.name,
        "waiting": session.status == "SCHEDULED",
        "leave_url": _leave_url(session),
        "video": video.provider(),
    }


def _leave_url(session: Session) -> str:
    """The list to go back to; for a link's visitor, the page of this one session."""
    if actor().only_session:
        return url_for("telemedicine.show", session_id=session.id)
    if actor().role == Role.DOCTOR:
        return url_for("telemedicine.index", visit_id=session.visit_id)
    return url_for("patient.sessions")


def _not_now(session: Session, refusal: WrongState) -> ResponseReturnValue:
    if session.is_open:
        raise refusal
    return render_template("call/over.html", **_page(session)), 409
