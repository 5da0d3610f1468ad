"""What goes to the database while something is done."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import event

from telehealth.extensions import db

WRITE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", re.IGNORECASE)


@dataclass
class Statements:
    """The SQL that was sent, in order, without BEGIN and COMMIT."""

    all: list[str] = field(default_factory=list)

    @property
    def written(self) -> set[str]:
        """The tables that something was written into."""
        return {found[1] for one in self.all if (found := WRITE.match(one))}

    def __len__(self) -> int:
        return len(self.all)


@contextmanager
def recorded(app: Flask) -> Iterator[Statements]:
    """Record what this app sends to its database for the length of the block."""
    found = Statements()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.all.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
