"""What goes into the JSON API and what comes out of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from telehealth import sessions
from telehealth.access import Actor
from telehealth.cards import PersonView, RecordingView, SessionView
from telehealth.forms import NOTES_MOST
from telehealth.models import Recording, Role, Session, User, Visit
from telehealth.routes.shapes import Moment, Shape, Text
from telehealth.times import iso
from telehealth.video import Ticket

SessionStatus = Literal["SCHEDULED", "IN_PROGRESS", "COMPLETED", "CANCELLED", "FAILED"]
VisitStatus = Literal["OPEN", "CLOSED"]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC."""
Code = Literal[
    "invalid",
    "unauthenticated",
    "forbidden",
    "not_found",
    "wrong_state",
    "too_large",
    "too_many_requests",
    "provider_unavailable",
    "fault",
]
SOMETHING = r"^[^\x00]*[^\s\x00-\x1f\x85][^\x00]*$"


class Answer(BaseModel):
    """An answer holds just what is declared."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Answer):
    """What was refused: a code for programs, a sentence for people, and each field that is wrong."""

    code: Code
    message: str
    fields: dict[str, list[str]] | None = None


class Error(Answer):
    """What every refusal looks like."""

    error: ErrorBody


class Person(Answer):
    """Who it is, as everybody in the session may know it."""

    id: str
    name: str


class RecordingOut(Answer):
    """One recording: whether it can be played yet, and how long it is."""

    id: str
    status: Literal["processing", "available", "failed"]
    duration_seconds: int | None


class Clash(Answer):
    """Another session of the same doctor that is too near to be held as well."""

    id: str
    scheduled_start: Time


class SessionOut(Answer):
    """A telemedicine session; `notes` is there for its doctor alone."""

    id: str
    visit_id: str
    status: SessionStatus
    doctor: Person
    patient: Person
    scheduled_start: Time
    started_at: Time | None
    ended_at: Time | None
    duration_seconds: int | None
    recording_enabled: bool
    recordings: list[RecordingOut]
    notes: str | None = None
    failure_reason: str | None
    actions: list[Literal["start", "join", "leave", "end", "cancel"]]
    warnings: list[Clash] | None = None


class SessionList(Answer):
    """One page of sessions; `next` is the cursor of the page after it, null on the last one."""

    results: list[SessionOut]
    next: str | None


class TicketOut(Answer):
    """All a browser needs to connect; more fields may come with the provider."""

    model_config = ConfigDict(extra="allow")

    provider: str
    room: str
    identity: str
    token: str
    expires_at: Time


class HistoryLine(Answer):
    """Something that was done or refused, and by whom in which role."""

    at: Time
    action: str
    actor_role: str
    outcome: Literal["ok", "denied", "error"]


class History(Answer):
    """All that happened with a session."""

    results: list[HistoryLine]


class LinkOut(Answer):
    """A patient's link; it is shown this once."""

    url: str
    expires_at: Time


class VisitOut(Answer):
    """A visit: what brings a patient to a doctor, over one session or several."""

    id: str
    status: VisitStatus
    doctor: Person
    patient: Person
    reason: str
    opened_at: Time
    closed_at: Time | None


class VisitList(Answer):
    """Visits that the caller may see."""

    results: list[VisitOut]
    next: str | None


class SessionQuery(Shape):
    """Which sessions to list, and how many at a time."""

    status: SessionStatus | None = None
    visit_id: Text | None = Field(None, max_length=40)
    limit: int = Field(50, ge=1, le=200)
    cursor: Text | None = Field(None, max_length=200)


class NewSession(Shape):
    """A session to plan."""

    visit_id: Text = Field(max_length=40)
    scheduled_start: Moment
    recording_enabled: bool = False
    notes: Text = Field("", max_length=NOTES_MOST)


class TokenRequest(Shape):
    """The session that somebody wants to join."""

    session_id: Text = Field(max_length=40)


class CancelRequest(Shape):
    """Why a session is cancelled; it may stay unsaid."""

    reason: Text = Field("", max_length=500)


class VisitQuery(Shape):
    """Which visits to list."""

    status: VisitStatus | None = None
    cursor: Text | None = Field(None, max_length=200)


class NewVisit(Shape):
    """A visit to open."""

    patient_id: Text = Field(max_length=40)
    doctor_id: Text = Field(max_length=40)
    # Said to programs, checked with the words for people: something has to be written.
    reason: Text = Field(max_length=500, json_schema_extra={"pattern": SOMETHING})


def session_out(session: Session | SessionView, by: Actor) -> dict[str, object]:
    """A session as this actor may see it."""
    found: dict[str, object] = {
        "id": session.id,
        "visit_id": session.visit_id,
        "status": session.status,
        "doctor": person_out(session.doctor),
        "patient": person_out(session.patient),
        "scheduled_start": iso(session.scheduled_start),
        "started_at": iso(session.started_at) if session.started_at else None,
        "ended_at": iso(session.ended_at) if session.ended_at else None,
        "duration_seconds": session.duration_seconds,
        "recording_enabled": session.recording_enabled,
        "recordings": [recording_out(one) for one in session.recordings] if session.recording_enabled else [],
        "failure_reason": session.failure_reason,
        "actions": sessions.allowed(session, by),
    }
    if by.role == Role.DOCTOR:
        found["notes"] = session.notes
    return found


def recording_out(recording: Recording | RecordingView) -> dict[str, object]:
    """A recording: how far it is; its bytes are on the pages alone."""
    return {
        "id": recording.id,
        "status": recording.status,
        "duration_seconds": recording.duration_seconds,
    }


def visit_out(visit: Visit) -> dict[str, object]:
    """A visit."""
    return {
        "id": visit.id,
        "status": visit.status,
        "doctor": person_out(visit.doctor),
        "patient": person_out(visit.patient),
        "reason": visit.reason,
        "opened_at": iso(visit.opened_at),
        "closed_at": iso(visit.closed_at) if visit.closed_at else None,
    }


def ticket_out(ticket: Ticket, url: str) -> dict[str, object]:
    """A ticket; what the provider adds stands beside the rest."""
    return {
        "provider": ticket.provider,
        "room": ticket.room,
        "identity": ticket.identity,
        "token": ticket.token,
        "expires_at": iso(ticket.expires_at),
        "url": url,
        **ticket.more,
    }


def person_out(user: User | PersonView) -> dict[str, str]:
    """A person: id and name, nothing more."""
    return {"id": user.id, "name": user.name}
