"""What tests of the operations share: the rows, the audit, and many callers at once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from telehealth.extensions import db
from telehealth.models import AuditEntry

NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
"""A Tuesday; the clinic's clock shows 14:00."""


def page_id() -> str:
    """The id that a page makes for itself when it loads."""
    return secrets.token_hex(12)


def head() -> int:
    """The number of the newest audit entry."""
    db.session.rollback()
    newest: int | None = db.session.scalar(select(func.max(AuditEntry.id)))
    return newest or 0


def entries(since: int = 0) -> list[AuditEntry]:
    """The audit entries after number `since`, oldest first."""
    query = select(AuditEntry).where(AuditEntry.id > since).order_by(AuditEntry.id)
    db.session.rollback()
    return list(db.session.scalars(query))


def told(since: int = 0) -> list[str]:
    """The audit entries after number `since` in short: `action by role`, with what was not ok."""
    return [
        f"{entry.action} by {entry.actor_role}" + (f": {entry.outcome}" if entry.outcome != "ok" else "")
        for entry in entries(since)
    ]


def rows(model: Any, *conditions: Any) -> list[dict[str, Any]]:
    """The rows of a model as they are in the database now."""
    table = model.__table__
    query = select(table).where(*conditions).order_by(*table.primary_key.columns)
    db.session.rollback()
    return [dict(row._mapping) for row in db.session.execute(query)]


def together(app: Flask, works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all of it at once, each in a thread and an app context of its own.

    Returns what each returned, or the exception that it raised.
    """
    results: list[Any] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], Any]) -> None:
        with app.app_context():
            gate.wait()
            try:
                results[number] = work()
            except Exception as trouble:  # noqa: BLE001 - the test judges it
                results[number] = trouble
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
