"""Rooms at a video provider, and who was in them, as the provider tells it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telehealth.extensions import Model
from telehealth.models.session import Session
from telehealth.models.user import User
from telehealth.store import UtcDateTime, new_id


class Room(Model):
    """One room that a session had; rooms die when nobody is in them, and the next one is another.

    `checked_at` is when it was last known to be there, `closed_at` when it was over; one that is later
    says that the provider was asked about it after it was over.
    """

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), index=True)
    provider_id: Mapped[str] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    session: Mapped[Session] = relationship()


class Attendance(Model):
    """One stay of one person in a room. What the provider told late may still correct it.

    `joined_told` and `left_told` say whether the time is the provider's own word; else it follows
    from what else is known.
    """

    __tablename__ = "attendances"

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    room_id: Mapped[str] = mapped_column(ForeignKey("rooms.id"), index=True)
    provider_id: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    participation_id: Mapped[str | None] = mapped_column(ForeignKey("participations.id"), index=True)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    joined_told: Mapped[bool] = mapped_column(default=False)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    left_told: Mapped[bool] = mapped_column(default=False)

    room: Mapped[Room] = relationship()
    user: Mapped[User] = relationship()
