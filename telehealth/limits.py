"""Limits on guessing: counted in the database, so that they hold across workers and restarts."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete

from telehealth import clock
from telehealth.errors import TooMany
from telehealth.extensions import db
from telehealth.models import Limit
from telehealth.store import transaction

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 100


def count(kind: str, what: str, most: int) -> bool:
    """Count one try and tell whether it is still within `most` per WINDOW.

    Counted before the try is made, so that many at once cannot slip through together.
    """
    key = _key(kind, what)
    now = clock.now()
    with transaction():
        limit = db.session.get(Limit, key, with_for_update=True, populate_existing=True)
        if limit is None or limit.since < now - WINDOW:
            db.session.execute(delete(Limit).where(Limit.since < now - WINDOW))
            db.session.expire_all()
            limit = db.session.merge(Limit(key=key, tries=0, since=now))
        limit.tries += 1
        return limit.tries <= most


def guard(kind: str, what: str, most: int) -> None:
    """Count one try and refuse it beyond `most`. Raises TooMany."""
    if not count(kind, what, most):
        raise TooMany(retry_after=int(WINDOW.total_seconds()))


def forget(kind: str, what: str) -> None:
    """Begin anew, after a success."""
    with transaction():
        db.session.execute(delete(Limit).where(Limit.key == _key(kind, what)))


def _key(kind: str, what: str) -> str:
    """Hashed: what people type into the e-mail field may be anything, their password included."""
    return f"{kind}:{hashlib.sha256(what.encode('utf-8', 'replace')).hexdigest()[:40]}"
