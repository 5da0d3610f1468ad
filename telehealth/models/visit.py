"""A visit: one matter between a patient and a doctor, to which sessions belong."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telehealth.extensions import Model
from telehealth.models.user import User
from telehealth.store import UtcDateTime, new_id

if TYPE_CHECKING:
    from telehealth.models.session import Session


class Visit(Model):
    """OPEN from `opened_at` until `closed_at`; only an OPEN visit takes new sessions."""

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("status IN ('OPEN', 'CLOSED')", name="status_known"),
        CheckConstraint("(status = 'CLOSED') = (closed_at IS NOT NULL)", name="closed_when"),
    )

    OPEN = "OPEN"
    CLOSED = "CLOSED"

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    doctor_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    reason: Mapped[str] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(10), default=OPEN, index=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    doctor: Mapped[User] = relationship(foreign_keys=[doctor_id])
    patient: Mapped[User] = relationship(foreign_keys=[patient_id])
    sessions: Mapped[list[Session]] = relationship(back_populates="visit", order_by="Session.number.desc()")
