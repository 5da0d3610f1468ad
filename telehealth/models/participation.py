"""Who is on which page of which call, and the messages their browsers send each other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telehealth.extensions import Model
from telehealth.models.session import Session
from telehealth.models.user import User
from telehealth.store import UtcDateTime


class Participation(Model):
    """One page load of one person in one session; a reload or a second tab is a new row.

    `state`: waiting (before the doctor starts), in_call, left, replaced (a newer page of the same
    person took over), lost (not heard of for too long). `connected_at` is when media first flowed.
    """

    __tablename__ = "participations"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'in_call', 'left', 'replaced', 'lost')", name="state_known"),
        CheckConstraint("(state IN ('waiting', 'in_call')) = (left_at IS NULL)", name="left_when"),
        Index("ix_participations_session", "session_id", "left_at"),
    )

    WAITING = "waiting"
    IN_CALL = "in_call"
    LEFT = "left"
    REPLACED = "replaced"
    LOST = "lost"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    sign_in_id: Mapped[str | None] = mapped_column(String(20), index=True)
    role: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    connected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    session: Mapped[Session] = relationship()
    user: Mapped[User] = relationship()


class Signal(Model):
    """A message for one participant, read in the order of `seq`, which counts within the session.

    Holds network addresses: deleted when the session is over, and after an hour in any case.
    """

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("session_id", "seq"),
        UniqueConstraint("session_id", "message_id"),
        Index("ix_signals_inbox", "recipient_id", "seq"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"))
    seq: Mapped[int]
    recipient_id: Mapped[str] = mapped_column(String(32))
    message_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(24))
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
