"""A patient's link into one session."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telehealth.extensions import Model
from telehealth.models.session import Session
from telehealth.models.user import User
from telehealth.store import UtcDateTime, new_id


class Link(Model):
    """Opens one session for one patient, as often as needed, until it is revoked or over.

    Only the hash of its token is kept: nobody can read a link out of the database.
    """

    __tablename__ = "links"

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    session: Mapped[Session] = relationship()
    user: Mapped[User] = relationship()
