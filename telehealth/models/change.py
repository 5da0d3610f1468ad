"""Topics that changed, for the streams of other processes; SQLite only (PostgreSQL has NOTIFY)."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.extensions import Model
from telehealth.store import UtcDateTime


class Change(Model):
    """The topics of one committed transaction, separated by spaces; kept for minutes."""

    __tablename__ = "changes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    topics: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
