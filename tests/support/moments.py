"""One moment of an SQLite database, to go back to; and dice that fall the same way each time."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

from flask import Flask

from telehealth.extensions import db

Tables = dict[str, list[tuple[Any, ...]]]


class Moment:
    """The database of this app as it is now."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self._file = str(db.engine.url.database)
        self._kept = sqlite3.connect(":memory:")
        with self._opened() as database:
            database.backup(self._kept)
        self.tables = self.now()

    def now(self) -> Tables:
        """Every row of every table, as it is at present."""
        with self._opened() as database:
            names = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}

    def back(self) -> None:
        """Let the database be as it was."""
        with self._opened() as database:
            database.execute("PRAGMA synchronous=OFF")
            self._kept.backup(database)

    def close(self) -> None:
        """Forget it."""
        self._kept.close()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._file)
        try:
            yield database
        finally:
            database.close()


@contextmanager
def loaded_dice(seed: int = 0) -> Iterator[None]:
    """Ids, tokens and salts are the same ones each time: two runs can be compared to the last byte."""
    dice = Random(seed)
    with (
        patch.object(secrets, "token_bytes", lambda count=None: dice.randbytes(count or 32)),
        patch.object(os, "urandom", dice.randbytes),
    ):
        yield
