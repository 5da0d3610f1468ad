"""What a patient decided about being recorded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.extensions import Model
from telehealth.store import UtcDateTime


class Consent(Model):
    """One decision. A change of mind is a new row: the newest counts, and no row is ever changed."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_newest", "session_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    agreed: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
