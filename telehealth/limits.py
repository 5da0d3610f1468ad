"""Limits on guessing: counted in the database, so that they hold across workers and restarts."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from telehealth import clock
from telehealth.errors import TooMany
from telehealth.extensions import db
from telehealth.models import Limit
from telehealth.store import is_postgresql, transaction

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 100
ENTRANCES = 300
SIGNALS = 2000
"""Per person and call: a reload every three seconds and two messages a second stay below."""


def count(kind: str, what: str, most: int) -> bool:
    """Count one try and tell whether it is still within `most` per WINDOW.

    Counted before the try is made, so that many at once cannot slip through together.
    """
    now = clock.now()
    values = {"of": _key(kind, what), "now": now, "earliest": now - WINDOW, "latest": now + WINDOW}
    with transaction():
        found = db.session.scalars(_counting(is_postgresql()), values).one()
    if found == 1:
        # Apart from the count: two who hold their own counter and clear away the other's would
        # wait for each other.
        with transaction():
            db.session.execute(delete(Limit).where(Limit.since < now - WINDOW))
    return found <= most


def guard(kind: str, what: str, most: int) -> None:
    """Count one try and refuse it beyond `most`. Raises TooMany."""
    if not count(kind, what, most):
        raise TooMany(retry_after=int(WINDOW.total_seconds()))


def give_back(kind: str, what: str) -> None:
    """Take one counted try back, after a success: a whole clinic may share one address."""
    query = update(Limit).where(Limit.key == _key(kind, what), Limit.tries > 0)
    with transaction():
        db.session.execute(query.values(tries=Limit.tries - 1))


def forget(kind: str, what: str) -> None:
    """Begin anew, after a success."""
    with transaction():
        db.session.execute(delete(Limit).where(Limit.key == _key(kind, what)))


@cache
def _counting(on_postgresql: bool) -> Any:
    """The statement that counts, put together once: every message of a call asks for it."""
    table = Limit.__table__
    limit, now = table.c, bindparam("now", type_=table.c.since.type)
    # Begun at a time to come: the clock was ahead then, and nobody is shut out until it comes.
    over = ~limit.since.between(bindparam("earliest"), bindparam("latest"))
    begun = case((over, now), else_=limit.since)
    tries = case((over, 1), else_=limit.tries + 1)
    insert: Any = postgresql.insert if on_postgresql else sqlite.insert
    first = insert(table).values(key=bindparam("of"), tries=1, since=now)
    counted = first.on_conflict_do_update(index_elements=[limit.key], set_={"tries": tries, "since": begun})
    return counted.returning(limit.tries)


def _key(kind: str, what: str) -> str:
    """Hashed: what people type into the e-mail field may be anything, their password included."""
    return f"{kind}:{hashlib.sha256(what.encode('utf-8', 'replace')).hexdigest()[:40]}"
