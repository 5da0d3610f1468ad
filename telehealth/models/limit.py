"""Counters that slow guessing down; in the database, so that they hold across workers and restarts."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.extensions import Model
from telehealth.store import UtcDateTime


class Limit(Model):
    """Tries counted under one key since `since`."""

    __tablename__ = "limits"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
