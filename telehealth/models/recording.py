"""A recording of a call, made by the doctor's browser or by the video service."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth import clock
from telehealth.extensions import Model
from telehealth.store import UtcDateTime, new_id


class Recording(Model):
    """One recording of a session; there may be several, for a reload begins another.

    `source_id` and `room_id` are the video service's own names of the finished file and of its room.
    Without `duration_seconds` a finished one is a recording whose page went away in the middle.
    """

    __tablename__ = "recordings"
    __table_args__ = (
        CheckConstraint("status IN ('processing', 'available', 'failed', 'deleted')", name="status_known"),
        CheckConstraint("(status = 'failed') = (failure_reason IS NOT NULL)", name="failed_why"),
        CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_when"),
        Index("ix_recordings_session", "session_id", "created_at"),
    )

    PEER = "peer"
    PROCESSING = "processing"
    AVAILABLE = "available"
    FAILED = "failed"
    DELETED = "deleted"

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"))
    carrier: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10), default=PROCESSING, index=True)
    source_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    room_id: Mapped[str | None] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(40))
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    duration_seconds: Mapped[int | None]
    failure_reason: Mapped[str | None] = mapped_column(String(200))
    next_piece: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_by_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))

    def fail(self, reason: str) -> None:
        """There will be nothing to play, for this reason in plain words."""
        self.status, self.failure_reason = Recording.FAILED, reason
        self.finished_at = self.finished_at or clock.now()
