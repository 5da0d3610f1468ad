"""What happens in a call, in verbs: people come in, connect, say something; and what their pages find."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from support.domain import page_id, rows
from telehealth import access, calls, sessions, sign_ins, signals, video
from telehealth.extensions import db
from telehealth.models import Participation
from telehealth.origin import Origin

if TYPE_CHECKING:
    from support.cast import Person
    from support.twilio_rooms import Rooms
    from telehealth.models import Session
    from telehealth.video import Ticket

Answer = TypeVar("Answer")

OFFER = {"type": "offer", "sdp": "v=0"}


def enter(session: Session, who: Person, page: str | None = None) -> str:
    """Come in with a page; its id."""
    page = page or page_id()
    calls.enter(now(session, who), page, by=who.actor)
    return page


def connect(session: Session, who: Person, page: str | None = None) -> str:
    """Come in, and say that media flows; the page's id."""
    page = enter(session, who, page)
    calls.heard(session, page, by=who.actor, connected=True)
    return page


def come_in(session: Session, rooms: Rooms, *people: Person) -> str:
    """Be in the call, each with a page of their own sign-in and at Twilio; the id of the last page."""
    page = ""
    for one in people:
        web(one.ensure_signed_in)
        cookies = one.client._cookies or {}
        cookie = next(value for value in cookies.values() if "sign_in" in value.key).value
        actor = sign_ins.find(cookie, Origin(), passive=True, in_call=True)
        assert actor is not None
        page = page_id()
        calls.enter(now(session, one), page, by=actor)
        rooms.come_in(session, one.id)
    return page


def inbox(page: str, after: int = 0) -> list[tuple[str, Any]]:
    """What came in for a page: kinds and bodies."""
    return [(one.kind, json.loads(one.body)) for one in signals.read(page, after)]


def states(session: Session) -> dict[str, str]:
    """How each page of the session takes part."""
    return {row["id"]: row["state"] for row in rows(Participation, Participation.session_id == session.id)}


def now(session: Session, who: Person) -> Session:
    """The session as a request finds it."""
    db.session.rollback()
    return access.load_session(session.id, by=who.actor)


def start(session: Session, doctor: Person) -> Session:
    """Start Session."""
    return sessions.start(now(session, doctor), by=doctor.actor, video=video.provider())


def end(session: Session, doctor: Person) -> Session:
    """End Session."""
    return sessions.end(now(session, doctor), by=doctor.actor, video=video.provider())


def ticket(session: Session, who: Person) -> Ticket:
    """What their browser needs to connect."""
    return sessions.ticket(now(session, who), by=who.actor, video=video.provider())


def web(act: Callable[[], Answer]) -> Answer:
    """Do this as a request from outside does: in a context of its own."""
    db.session.rollback()
    return contextvars.Context().run(act)


def say(session: Session, who: Any, what: str, page: str) -> Any:
    """What a call page says."""
    path = f"/telemedicine/{session.id}/call/{what}"

    def post() -> Any:
        headers = {"X-CSRFToken": who.csrf_token(), "Accept": "application/json"}
        return who.client.post(path, json={"participant": page}, headers=headers)

    return web(post)
