"""Many people, visits and sessions at once: written into the tables, not done by the operations."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from support.cast import CAST
from support.domain import page_id

from bench.scene import Scene
from telehealth import clock, people
from telehealth.extensions import db
from telehealth.models import Participation, Role, Session, SignIn, Status, User, Visit
from telehealth.secret import digest, new_token
from telehealth.store import is_postgresql, new_id, transaction

Row = dict[str, Any]


@dataclass(frozen=True)
class Waiting:
    """A patient on the waiting page: of which session, the page's own id, the secret of the sign-in."""

    session_id: str
    participant: str
    token: str


def patients(scene: Scene, many: int) -> list[Row]:
    """So many patients more, all with the password of the cast."""
    with scene.app.app_context():
        ana = people.by_email(CAST["ana"].email)
        assert ana is not None, "the cast is not there"
        password_hash = ana.password_hash
    rows: list[Row] = [
        {
            "id": (user_id := new_id()),
            "role": Role.PATIENT,
            "name": f"Patient {number}",
            "email": f"{user_id}@people.example",
            "password_hash": password_hash,
            "created_at": clock.now(),
        }
        for number in range(many)
    ]
    _insert(scene, User, rows)
    return rows


def sessions(
    scene: Scene, patient_ids: Sequence[str], status: Callable[[int], str], each: int = 1
) -> list[Row]:
    """`each` sessions of one visit of Dr Grey for each of these patients, a minute between two."""
    doctor_id, now = scene.person("dr_grey").id, clock.now()
    visits: list[Row] = [
        {"id": new_id(), "doctor_id": doctor_id, "patient_id": one, "reason": "A cough", "opened_at": now}
        for one in patient_ids
    ]
    many = len(visits) * each
    rows = [
        _session(visits[n // each], n % each + 1, status(n), now - timedelta(minutes=many - n))
        for n in range(many)
    ]
    _insert(scene, Visit, visits)
    _insert(scene, Session, rows)
    with scene.app.app_context(), transaction():
        if is_postgresql():
            # It does so by itself, but later; SQLite never does.
            db.session.execute(sqlalchemy.text("ANALYZE"))
    return rows


def waiting(scene: Scene, many: int) -> list[Waiting]:
    """So many patients more, each waiting for a session of Dr Grey that has not begun."""
    now = clock.now()
    ids = [row["id"] for row in patients(scene, many)]
    planned = sessions(scene, ids, lambda _: Status.SCHEDULED)
    tokens = [new_token() for _ in ids]
    sign_ins = [
        {
            "id": new_id(),
            "token_hash": digest(token),
            "kind": "password",
            "user_id": user_id,
            "created_at": now,
            "last_used_at": now,
            "address": "127.0.0.1",
            "agent": "bench",
        }
        for token, user_id in zip(tokens, ids, strict=True)
    ]
    parts = [
        {
            "id": page_id(),
            "session_id": session["id"],
            "user_id": sign_in["user_id"],
            "sign_in_id": sign_in["id"],
            "role": Role.PATIENT,
            "state": Participation.WAITING,
            "entered_at": now,
            "seen_at": now,
        }
        for session, sign_in in zip(planned, sign_ins, strict=True)
    ]
    _insert(scene, SignIn, sign_ins)
    _insert(scene, Participation, parts)
    return [Waiting(part["session_id"], part["id"], token) for part, token in zip(parts, tokens, strict=True)]


def _session(visit: Row, number: int, status: str, at: datetime) -> Row:
    begun = at if status in (Status.IN_PROGRESS, Status.COMPLETED) else None
    return {
        "id": new_id(),
        "visit_id": visit["id"],
        "number": number,
        "status": status,
        "doctor_id": visit["doctor_id"],
        "patient_id": visit["patient_id"],
        "room": secrets.token_hex(16),
        "notes": "As discussed",
        "scheduled_start": at + timedelta(hours=1),
        "created_at": at,
        "started_at": begun,
        "ended_at": at if status == Status.COMPLETED else None,
        "failure_reason": "No room" if status == Status.FAILED else None,
        "cancelled_at": at if status == Status.CANCELLED else None,
    }


def _insert(scene: Scene, model: Any, rows: list[Row]) -> None:
    with scene.app.app_context(), transaction():
        db.session.execute(sqlalchemy.insert(model), rows)
