"""How the database is opened and how a change is made: one short write transaction at a time."""

from __future__ import annotations

import random
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import ColumnElement, Connection, DateTime, Dialect, Engine, TypeDecorator, event, or_
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import InstrumentedAttribute

from telehealth import changes
from telehealth.extensions import db

BUSY = 15
"""Seconds that a writer waits for its turn: for SQLite's one place, for a lock of PostgreSQL's."""
LOOK_AGAIN = 0.004
"""Seconds at most until it looks again."""
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


def new_id() -> str:
    """A fresh opaque id: 80 random bits as 20 hexadecimal characters."""
    return secrets.token_hex(10)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def init_app(app: Flask) -> None:
    """Set the connections up: SQLite's with write-ahead log, foreign keys and explicit BEGINs."""
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _prepare_sqlite(db.engine)
        else:
            _prepare_postgresql(db.engine)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        # The driver's own BEGIN is always deferred, and a deferred transaction that turns writer
        # fails at once with "database is locked", whatever the time-out.
        dbapi_connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            f"busy_timeout={BUSY * 1000}",
            "foreign_keys=ON",
            "synchronous=NORMAL",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        raw = connection.connection.dbapi_connection
        # Of migrations, whose every transaction writes.
        if connection.get_execution_options().get("writes", False):
            _begin_immediate(raw)
        else:
            raw.execute("BEGIN").close()


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.execute(f"SET lock_timeout = '{BUSY}s'").close()
        dbapi_connection.commit()

    @event.listens_for(engine, "checkout")
    def on_checkout(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
        # A server that has gone has closed its end of the line, after its last words if it had any. To
        # see that takes no statement, as pool_pre_ping's question does.
        try:
            dbapi_connection.pgconn.consume_input()
            dbapi_connection.pgconn.consume_input()
        except dbapi_connection.OperationalError as trouble:
            raise InvalidatePoolError() from trouble


def _begin_writing(connection: Connection) -> None:
    """Make the transaction at hand one that writes.

    On PostgreSQL any may, and each of its statements sees all that is kept by then. On SQLite one that
    has read would fail as soon as it writes after somebody else: it is ended, and begun anew.
    """
    if not is_postgresql():
        raw: Any = connection.connection.dbapi_connection
        raw.execute("COMMIT").close()
        _begin_immediate(raw)


def _begin_immediate(raw: Any) -> None:
    """Take the file's one place for a writer.

    SQLite's own waiting for it would hold up the whole worker, and every other request in it.
    """
    raw.execute("PRAGMA busy_timeout=0").close()
    try:
        end = time.monotonic() + BUSY
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE").close()
            except sqlite3.OperationalError as trouble:
                if trouble.sqlite_errorcode not in _IN_USE or time.monotonic() > end:
                    raise
                time.sleep(random.uniform(0, LOOK_AGAIN))
            else:
                return
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY * 1000}").close()


def is_postgresql() -> bool:
    """Whether the database is PostgreSQL; else it is SQLite."""
    return db.engine.dialect.name == "postgresql"


@contextmanager
def transaction() -> Iterator[None]:
    """Everything inside is kept together or not at all; browsers hear of it once it is kept.

    Inside another one it joins that one. What was loaded before may be stale: decide races with
    an UPDATE that names the expected state.
    """
    session = db.session()
    if session.info.get("writing"):
        yield
        return
    session.info["writing"] = True
    try:
        _begin_writing(session.connection())
        yield
        session.flush()
        topics = changes.take(session)
        session.commit()
    except BaseException:
        session.rollback()
        changes.take(session)
        session.info.pop("afterwards", None)
        raise
    finally:
        session.info.pop("writing", None)
    if topics:
        changes.kept.send(topics=topics)
    for act in session.info.pop("afterwards", ()):
        act()


def afterwards(act: Callable[[], object]) -> None:
    """Do this once the transaction at hand is kept; never if it is not. For what needs a network."""
    db.session().info.setdefault("afterwards", []).append(act)


def release() -> None:
    """End the reading transaction: nothing may stay open while we wait for a network."""
    db.session.commit()


def holds(words: str, *columns: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether one of the columns holds the words as they are, in large or small letters."""
    like = "%" + re.sub(r"([\\%_])", r"\\\1", words.strip()) + "%"
    return or_(*(column.ilike(like, escape="\\") for column in columns))
