"""A person with a part to play: doctor, patient or staff."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.extensions import Model
from telehealth.store import UtcDateTime, new_id


class Role:
    """The three roles; a change of the text needs a migration."""

    DOCTOR = "doctor"
    PATIENT = "patient"
    STAFF = "staff"
    ALL = (DOCTOR, PATIENT, STAFF)


class User(Model):
    """A person. `email` is kept in lower case; no `password_hash` means: invited, never signed in."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('doctor', 'patient', 'staff')", name="role_known"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )

    id: Mapped[str] = mapped_column(String(20), primary_key=True, default=new_id)
    role: Mapped[str] = mapped_column(String(10), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    date_of_birth: Mapped[date | None]
    password_hash: Mapped[str | None] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
