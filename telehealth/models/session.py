"""A telemedicine session: one planned or held video consultation of a visit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telehealth.extensions import Model
from telehealth.models.user import User
from telehealth.models.visit import Visit
from telehealth.store import UtcDateTime, new_id

if TYPE_CHECKING:
    from telehealth.models.consent import Consent
    from telehealth.models.link import Link
    from telehealth.models.participation import Participation
    from telehealth.models.recording import Recording


class Status:
    """The five statuses; a change of the text needs a migration."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    ALL = (SCHEDULED, IN_PROGRESS, COMPLETED, CANCELLED, FAILED)
    OPEN = (SCHEDULED, IN_PROGRESS)


_OPEN = text("status IN ('SCHEDULED', 'IN_PROGRESS')")


def lasted(begin: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds from start to end, or None before the end."""
    return None if begin is None or end is None else int((end - begin).total_seconds())


class Session(Model):
    """One session. `doctor` and `patient` are those of the visit; `room` is opaque and its own for life.

    `recording_on`: what a video service that records by itself was told last; None while that is not sure.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint(
            "status IN ('SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'FAILED')",
            name="status_known",
        ),
        CheckConstraint(
            "(status IN ('IN_PROGRESS', 'COMPLETED')) = (started_at IS NOT NULL)",
            name="started_when",
        ),
        CheckConstraint("(status = 'COMPLETED') = (ended_at IS NOT NULL)", name="ended_when"),
        CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="ended_after_start"),
        CheckConstraint("(status = 'FAILED') = (failure_reason IS NOT NULL)", name="failed_why"),
        CheckConstraint("(status = 'CANCELLED') = (cancelled_at IS NOT NULL)", name="cancelled_when"),
        UniqueConstraint("visit_id", "number"),
        Index(
            "uq_sessions_open_slot",
            "visit_id",
            "scheduled_start",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_sessions_doctor_newest", "doctor_id", "created_at", "id"),
        Index("ix_sessions_doctor_status_newest", "doctor_id", "status", "created_at", "id"),
        Index("ix_sessions_patient_newest", "patient_id", "created_at", "id"),
        Index("ix_sessions_newest", "created_at", "id"),
        Index("ix_sessions_doctor_start", "doctor_id", "scheduled_start"),
    )

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id"))
    doctor_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    patient_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(String(12), default=Status.SCHEDULED, index=True)
    room: Mapped[str] = mapped_column(String(40), unique=True)
    scheduled_start: Mapped[datetime] = mapped_column(UtcDateTime)
    recording_enabled: Mapped[bool] = mapped_column(default=False)
    notes: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_reason: Mapped[str | None] = mapped_column(String(500))
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_by_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    cancel_reason: Mapped[str] = mapped_column(String(500), default="")
    last_signal: Mapped[int] = mapped_column(default=0)
    room_open: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the provider may have a room of this session open; set before it is asked for one."""
    recording_on: Mapped[bool | None] = mapped_column(default=False, server_default=false())

    visit: Mapped[Visit] = relationship(back_populates="sessions")
    doctor: Mapped[User] = relationship(foreign_keys=[doctor_id])
    patient: Mapped[User] = relationship(foreign_keys=[patient_id])
    cancelled_by: Mapped[User | None] = relationship(foreign_keys=[cancelled_by_id])
    participations: Mapped[list[Participation]] = relationship(
        primaryjoin="and_(Session.id == Participation.session_id, Participation.left_at.is_(None))",
        order_by="Participation.entered_at",
        viewonly=True,
    )
    links: Mapped[list[Link]] = relationship(
        primaryjoin="and_(Session.id == Link.session_id, Link.revoked_at.is_(None))", viewonly=True
    )
    consents: Mapped[list[Consent]] = relationship(order_by="Consent.id", viewonly=True)
    recordings: Mapped[list[Recording]] = relationship(
        primaryjoin="and_(Session.id == Recording.session_id, Recording.status != 'deleted')",
        order_by="Recording.created_at, Recording.id",
        viewonly=True,
    )

    @property
    def is_open(self) -> bool:
        """Whether the consultation is still to come or going on."""
        return self.status in Status.OPEN

    @property
    def consent(self) -> bool | None:
        """What the patient decided about a recording, or None before they did."""
        return self.consents[-1].agreed if self.consents else None

    @property
    def duration_seconds(self) -> int | None:
        """Whole seconds from start to end, or None before the end."""
        return lasted(self.started_at, self.ended_at)
