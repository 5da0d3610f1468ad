"""The clinic that is measured: a doctor's visit with many sessions, a patient with one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from support import apps
from support.cast import Clinic, Person
from support.databases import Databases

from telehealth import presence
from telehealth.models import Session, Status, Visit

MANY = 20
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass
class Scene:
    """One database, the application on it, and who plays in it."""

    app: Flask
    database_url: str
    clinic: Clinic
    visit: Visit
    live: Session

    def person(self, key: str) -> Person:
        """One of the cast, at the test client."""
        return Person(self.app, key)

    def identity(self, key: str) -> str:
        """The name of one of the cast in the room of the live session."""
        with self.app.app_context():
            return presence.identity(self.live, self.person(key).id)


@contextmanager
def set_up(databases: Databases, kind: str, many: int = MANY, **settings: str) -> Iterator[Scene]:
    """A visit with so many sessions of every status, the newest of them in progress."""
    with databases.fresh(kind) as url:
        app = apps.make_app(url, **settings)
        people: dict[str, Person] = {}
        clinic = Clinic(app, lambda key: people.setdefault(key, Person(app, key)))
        visit = clinic.visit()
        for number in range(many - 1):
            clinic.session(Status.ALL[number % len(Status.ALL)], visit, notes="As discussed")
        live = clinic.session(Status.IN_PROGRESS, visit)
        try:
            yield Scene(app, url, clinic, visit, live)
        finally:
            apps.close(app)
