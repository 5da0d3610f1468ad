"""A session's history in words: what the audit knows of it, told to the people of the session."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from telehealth import audit, audit_words
from telehealth.access import Actor
from telehealth.extensions import db
from telehealth.models import AuditEntry, Role, Session, User

TONES = {
    "session.start": "live",
    "session.join": "live",
    "session.wait": "wait",
    "session.fail": "bad",
    "session.link_used": "info",
    "recording.begin": "bad",
}
_MINOR = ("session.read", "session.token", "recording.read")
_TOLD_TO_PATIENTS = [
    "session.create",
    "session.start",
    "session.wait",
    "session.join",
    "session.leave",
    "session.end",
    "session.cancel",
    "session.fail",
    "session.consent_given",
    "session.consent_declined",
    "session.consent_withdrawn",
    "recording.begin",
    "recording.finish",
    "recording.delete",
]


@dataclass(frozen=True)
class Line:
    """One thing that happened: when, what in words, by whom, and the tone to show it in."""

    at: datetime
    action: str
    words: str
    actor_name: str
    actor_role: str
    outcome: str
    tone: str
    is_minor: bool
    """Whether it is worth a look only to who looks for it: reading, keys."""


def of(session: Session, *, by: Actor) -> list[Line]:
    """The history as this actor may read it, newest first."""
    entries = audit.session_history(session.id)
    if by.role == Role.PATIENT:
        entries = [e for e in entries if e.action in _TOLD_TO_PATIENTS and e.outcome == "ok"]
    names = _names(entries)
    return [
        Line(
            at=entry.at,
            action=entry.action.removeprefix("session."),
            words=_words(entry),
            actor_name=_name(entry, names, session, by),
            actor_role=entry.actor_role,
            outcome=entry.outcome,
            tone="bad" if entry.outcome == "denied" else TONES.get(entry.action, ""),
            is_minor=entry.outcome == "ok" and entry.action in _MINOR,
        )
        for entry in entries
    ]


def _name(entry: AuditEntry, names: dict[str | None, str], session: Session, by: Actor) -> str:
    """Who it was, or whom it was about; of somebody who was refused only staff learn the name."""
    if entry.outcome == "denied" and by.role != Role.STAFF:
        return _("Somebody else")
    if entry.action in ("session.leave", "session.join") and entry.actor_id is None:
        people = {Role.DOCTOR: session.doctor, Role.PATIENT: session.patient}
        person = people.get(json.loads(entry.detail).get("role", ""))
        return person.name if person else _("System")
    return names.get(entry.actor_id, _("System"))


def _names(entries: list[AuditEntry]) -> dict[str | None, str]:
    ids = {entry.actor_id for entry in entries if entry.actor_id}
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


def _words(entry: AuditEntry) -> str:
    if entry.outcome == "denied" and entry.action == "session.link_used":
        return _("Refused: a patient link that no longer works was tried")
    if entry.outcome == "denied":
        return _("Refused: somebody without the right tried this session")
    if entry.action == "session.leave":
        return _leave_words(entry.reason)
    if entry.action == "session.end" and entry.actor_id is None:
        return _("Ended by the system: nobody was in the call any more")
    if entry.action == "recording.read" and entry.reason == "downloaded":
        return _("Recording downloaded")
    if entry.action == "session.read" and entry.reason == "prepared by the browser":
        return _("Call page prepared by the browser, before anybody opened it")
    if entry.action == "recording.finish" and entry.actor_id is None:
        return _recording_words(entry.reason)
    if entry.action == "recording.begin" and entry.actor_id is None:
        return _("Recording asked for at the video service")
    if entry.action == "session.join" and entry.reason:
        return _("Came into the call") if entry.reason == "in" else _("Back in the call after a silence")
    words = {
        "session.fail": _("Session failed: no room could be opened"),
        "session.join": _("Joined the call: sound and picture connected"),
        "session.read": _("Record read"),
        "session.consent_given": _("The patient agreed to a recording"),
        "session.consent_declined": _("The patient did not agree to a recording"),
        "session.consent_withdrawn": _("The patient took back the agreement to a recording"),
    }
    return words.get(entry.action) or audit_words.of(entry)


def _recording_words(reason: str) -> str:
    words = {"ready": _("Recording is ready"), "failed": _("No recording could be made")}
    return words.get(reason, _("Recording finished by the system: no more of it came"))


def _leave_words(reason: str) -> str:
    words = {
        "lost": _("Lost the connection"),
        "not connected": _("Left before the call was connected"),
        "opened in another window": _("Went on in another window"),
        "signed out": _("Signed out, and with that out of the call"),
        "ended": _("Was in the call until the end"),
    }
    return words.get(reason, _("Left the call"))
