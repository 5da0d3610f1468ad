"""What changed, told to whoever listens: written inside the transaction, heard after it is kept.

A topic is `session:ID`, `doctor:ID`, `patient:ID` or `staff`. PostgreSQL carries topics by NOTIFY;
on SQLite they are rows that `telehealth.live.hub` reads when the file has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blinker import Signal
from sqlalchemy import insert, text
from sqlalchemy.orm import Session as DbSession

from telehealth import clock
from telehealth.extensions import db

if TYPE_CHECKING:
    from telehealth.models import Session

CHANNEL = "telehealth"

_NOTIFY = text("SELECT pg_notify(:channel, :topics)")

kept = Signal("topics of a transaction that was just committed in this process")


def about(session: Session) -> tuple[str, ...]:
    """Whom a change of this session concerns."""
    return (
        f"session:{session.id}",
        f"doctor:{session.doctor_id}",
        f"patient:{session.patient_id}",
        "staff",
    )


def announce(*topics: str) -> None:
    """Let those who follow the topics know, once the transaction at hand is committed."""
    db.session().info.setdefault("topics", dict.fromkeys(())).update(dict.fromkeys(topics))


def take(session: DbSession) -> list[str]:
    """Write the announced topics into the transaction and return them."""
    topics = list(session.info.pop("topics", ()))
    if not topics or not session.in_transaction():
        return []
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_NOTIFY, {"channel": CHANNEL, "topics": " ".join(topics)})
    else:
        from telehealth.models import Change

        write = insert(Change.__table__)  # type: ignore[arg-type]
        session.execute(write, {"topics": " ".join(topics), "at": clock.now()})
    return topics
