"""When something that several processes could do was last begun by one of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.extensions import Model
from telehealth.store import UtcDateTime


class Chore(Model):
    """One kind of work; whoever moves `done_at` on has it to do."""

    __tablename__ = "chores"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    done_at: Mapped[datetime] = mapped_column(UtcDateTime)
