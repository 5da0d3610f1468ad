"""Sign-ins and API tokens: kept here by their hash, so that a stolen database opens no door."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telehealth.extensions import Model
from telehealth.models.user import User
from telehealth.store import UtcDateTime, new_id


class SignIn(Model):
    """One browser that is signed in. Kind `link` opens one session and nothing else."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        CheckConstraint("kind IN ('password', 'link')", name="kind_known"),
        CheckConstraint("(kind = 'link') = (link_id IS NOT NULL)", name="link_named"),
    )

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    link_id: Mapped[str | None] = mapped_column(ForeignKey("links.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(ForeignKey("sessions.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(200))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class ApiToken(Model):
    """A bearer token for a program that acts for a person."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
