"""One hub a process: hears of changes that any process committed, and wakes the streams they concern.

PostgreSQL tells by NOTIFY. On SQLite `PRAGMA data_version` on an idle connection tells that another
connection wrote; the topics are rows. Changes of this very process are passed on at once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from telehealth import changes, clock
from telehealth.extensions import db
from telehealth.models import Change
from telehealth.store import is_postgresql, transaction

log = logging.getLogger(__name__)

TICK = 0.01
"""Seconds between two looks at the SQLite file; each costs about four microseconds."""
SWEEP = 15.0
KEEP = timedelta(minutes=5)

_worker: Any = None


def watch(worker: Any) -> None:
    """Let streams end when this gunicorn worker is told to stop."""
    global _worker
    _worker = worker


class Subscription:
    """One stream's ear: set when one of its topics changed."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        self.heard: set[str] = set()
        self._event = threading.Event()

    def wake(self, topics: Iterable[str]) -> None:
        """Note the topics that concern this stream, and wake it."""
        mine = self.topics.intersection(topics)
        if mine:
            self.heard |= mine
            self._event.set()

    def stir(self) -> None:
        """Wake the stream without a topic: it looks whether it should end."""
        self._event.set()

    def wait(self, seconds: float) -> set[str]:
        """The topics that changed since the last call; empty when the time is over."""
        self._event.wait(seconds)
        self._event.clear()
        heard, self.heard = self.heard, set()
        return heard


class Hub:
    """Listens while the process lives; started by its server, or else by the first stream."""

    def __init__(self, app: Flask, chores: Callable[[], object]) -> None:
        self._app, self._chores = app, chores
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._running = False
        changes.kept.connect(self._on_kept)

    def start(self) -> None:
        """Begin to listen, and to see to the chores; harmless twice."""
        with self._lock:
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, daemon=True, name="hub").start()
        threading.Thread(target=self._keep_house, daemon=True, name="chores").start()

    @property
    def closing(self) -> bool:
        """Whether the worker was told to stop: streams end then, and browsers come back."""
        return _worker is not None and not _worker.alive

    @contextmanager
    def subscribe(self, topics: Iterable[str]) -> Iterator[Subscription]:
        """An ear for these topics, for the length of the block."""
        subscription = Subscription(topics)
        with self._lock:
            self._subscriptions.add(subscription)
        self.start()
        # What changed before it listened it has not heard: it looks once.
        subscription.wake(subscription.topics)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def _on_kept(self, _sender: Any, topics: list[str]) -> None:
        self._wake(topics)

    def _wake(self, topics: Iterable[str]) -> None:
        topics = set(topics)
        for subscription in list(self._subscriptions):
            subscription.wake(topics)

    def _wake_all(self) -> None:
        """What changed before we listened was heard by nobody: let every stream look once."""
        for subscription in list(self._subscriptions):
            subscription.wake(subscription.topics)

    def _run(self) -> None:
        """Listen, and start again after any trouble with the database."""
        while not self.closing:
            try:
                with self._app.app_context():
                    if is_postgresql():
                        self._listen_postgresql()
                    else:
                        self._listen_sqlite()
            except (SQLAlchemyError, sqlite3.Error, OSError) as trouble:
                log.warning("live: listening again after %s", type(trouble.__cause__ or trouble).__name__)
                time.sleep(1)
        for subscription in list(self._subscriptions):
            subscription.stir()

    def _listen_sqlite(self) -> None:
        last_id: int = db.session.scalar(select(func.max(Change.id))) or 0
        db.session.commit()
        self._wake_all()
        raw = db.engine.raw_connection()
        try:
            cursor = raw.cursor()
            version = None
            while not self.closing:
                seen = cursor.execute("PRAGMA data_version").fetchone()[0]
                # While nobody listens nothing is read; what came meanwhile is found by the first who does.
                if seen != version and self._subscriptions:
                    version = seen
                    rows = db.session.execute(
                        select(Change.id, Change.topics).where(Change.id > last_id)
                    ).all()
                    db.session.commit()
                    for row in rows:
                        last_id = max(last_id, row[0])
                        self._wake(row[1].split())
                time.sleep(TICK)
        finally:
            raw.close()

    def _listen_postgresql(self) -> None:
        # Not before: where there is no PostgreSQL a worker is spared ten megabytes.
        import psycopg

        url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            # Who only listens does not find out that the other end is gone: the system asks for us.
            with psycopg.connect(
                url,
                autocommit=True,
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=2,
                tcp_user_timeout=15000,
            ) as connection:
                connection.execute(f"LISTEN {changes.CHANNEL}")
                self._wake_all()
                while not self.closing:
                    for notice in connection.notifies(timeout=1.0, stop_after=1):
                        self._wake(notice.payload.split())
        except psycopg.Error as trouble:
            raise ConnectionError from trouble

    def _keep_house(self) -> None:
        """See to the chores; in a thread of its own, for some of them wait for others' answers."""
        next_sweep = time.monotonic() + SWEEP
        while not self.closing:
            time.sleep(1)
            if time.monotonic() < next_sweep:
                continue
            next_sweep = time.monotonic() + SWEEP
            try:
                with self._app.app_context():
                    self._sweep()
            except Exception as trouble:  # noqa: BLE001
                # Whatever went wrong today, tomorrow's chores are to be done.
                log.warning("chores: again later after %s", type(trouble).__name__)

    def _sweep(self) -> None:
        self._chores()
        if not is_postgresql():
            with transaction():
                db.session.execute(delete(Change).where(Change.at < clock.now() - KEEP))


def init_app(app: Flask, chores: Callable[[], object]) -> None:
    """Give the app its hub; `chores` is what it sees to every SWEEP seconds."""
    app.extensions["hub"] = Hub(app, chores)


def hub() -> Hub:
    """The hub of this process."""
    found: Hub = current_app.extensions["hub"]
    return found
