"""The people of the tests, and what has happened in their clinic so far.

Dr Grey treats Ana, Dr House treats Ben; Sam is staff. A stranger is not signed in. Everything is
made by the real operations.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import Flask

from support.pages import Visitor
from telehealth import access, audit, cards, clock, links, people, sessions, video, visits
from telehealth.access import SYSTEM, Actor
from telehealth.errors import ProviderRefused
from telehealth.models import Role, Session, Status, Visit

PASSWORD = "a long walk by the sea"


@dataclass(frozen=True)
class Part:
    """One member of the cast as written down."""

    role: str
    name: str
    email: str
    date_of_birth: date | None = None


CAST = {
    "dr_grey": Part(Role.DOCTOR, "Dr Maria Grey", "grey@clinic.example"),
    "dr_house": Part(Role.DOCTOR, "Dr Paul House", "house@clinic.example"),
    "ana": Part(Role.PATIENT, "Ana Lima", "ana@people.example", date(1984, 5, 17)),
    "ben": Part(Role.PATIENT, "Ben Osei", "ben@people.example", date(1951, 11, 2)),
    "sam": Part(Role.STAFF, "Sam Porter", "sam@clinic.example"),
}


def create_people() -> None:
    """Add the cast to the database at hand."""
    for part in CAST.values():
        details = people.Details(part.email, part.name, date_of_birth=part.date_of_birth)
        people.create(part.role, details, by=SYSTEM, password=PASSWORD)


class RefusingVideo:
    """A video service that says no for good."""

    name = "refusing"
    hosted = True
    records = False

    def open_room(self, room: str) -> str:
        """Refuse."""
        raise ProviderRefused("The video service refused to open a room.")


class Person(Visitor):
    """One of the cast, at a browser of their own; signs in when first needed."""

    def __init__(self, app: Flask, key: str) -> None:
        super().__init__(app.test_client())
        self.key = key
        self.part = CAST[key]
        self._app = app
        self._signing_in = False
        with app.app_context():
            user = people.by_email(self.part.email)
            assert user is not None, f"{key} is not in the database"
            self.id: str = user.id

    @property
    def name(self) -> str:
        """The name that pages show."""
        return self.part.name

    @property
    def actor(self) -> Actor:
        """This person as the operations know them."""
        return Actor(self.id, self.part.role, self.part.name, via="password")

    def ensure_signed_in(self) -> Person:
        """Sign in by the page unless that was done before."""
        if not self.signed_in and not self._signing_in:
            self._signing_in = True
            self.sign_in(self.part.email, PASSWORD)
        return self

    def csrf_token(self) -> str:
        """As `Visitor.csrf_token`, signed in: signing in begins with a new token."""
        return super().csrf_token() if self._signing_in else self.ensure_signed_in().csrf_token()

    def _open(self, *args: Any, **more: Any) -> Any:
        self.ensure_signed_in()
        return super()._open(*args, **more)

    def api(self, *args: Any, **more: Any) -> Any:
        """As `Visitor.api`, signed in."""
        self.ensure_signed_in()
        return super().api(*args, **more)


class Clinic:
    """What has happened so far: visits and sessions in any state, and how they are now."""

    def __init__(self, app: Flask, person: Callable[[str], Person]) -> None:
        self.app = app
        self._person = person

    def visit(self, doctor: str = "dr_grey", patient: str = "ana", closed: bool = False) -> Visit:
        """A visit, open unless `closed`."""
        by = self._person(doctor).actor
        with self.app.app_context():
            visit = visits.open_visit(
                self._person(patient).id, by.user_id or "", "A cough for two weeks", by=by
            )
            if closed:
                visits.close(visit, by=by)
            return access.load_visit(visit.id, by=by)

    def session(
        self,
        status: str = Status.SCHEDULED,
        visit: Visit | None = None,
        *,
        doctor: str = "dr_grey",
        start: datetime | None = None,
        notes: str = "",
        recording_enabled: bool = False,
    ) -> Session:
        """A session of the visit (or of a new one) that was brought to this status."""
        visit = visit or self.visit(doctor)
        by = next(
            p for key in ("dr_grey", "dr_house") if (p := self._person(key)).id == visit.doctor_id
        ).actor
        with self.app.app_context():
            session = sessions.create(
                visit,
                by=by,
                scheduled_start=start or self._next_start(visit),
                notes=notes,
                recording_enabled=recording_enabled,
            )
            if status == Status.FAILED:
                with suppress(ProviderRefused):
                    sessions.start(session, by=by, video=RefusingVideo())  # type: ignore[arg-type]
            if status in (Status.IN_PROGRESS, Status.COMPLETED):
                sessions.start(session, by=by, video=video.provider())
            if status == Status.COMPLETED:
                sessions.end(access.load_session(session.id, by=by), by=by, video=video.provider())
            if status == Status.CANCELLED:
                sessions.cancel(session, by=by, reason="Ana is better")
            session = access.load_session(session.id, by=by)
            assert session.status == status
            return session

    def link(self, session: Session, doctor: str = "dr_grey") -> str:
        """A patient's link into the session: the path that the patient gets."""
        with self.app.app_context():
            token, _ = links.make(session, by=self._person(doctor).actor)
        return f"/join/{token}"

    def now(self, session: Session | str) -> Session:
        """The session as the database has it now."""
        session_id = session if isinstance(session, str) else session.id
        with self.app.app_context():
            return access.load_session(session_id, by=self._person("sam").actor)

    def history(self, session: Session | str) -> list[str]:
        """What the audit knows of the session, oldest first: `action` or `action:outcome`."""
        session_id = session if isinstance(session, str) else session.id
        with self.app.app_context():
            entries = audit.session_history(session_id)
        return [
            entry.action if entry.outcome == "ok" else f"{entry.action}:{entry.outcome}"
            for entry in reversed(entries)
        ]

    def _next_start(self, visit: Visit) -> datetime:
        """Times that neither clash nor fall into one slot: an hour apart."""
        numbers = cards.load_visit(visit.id, by=Actor(visit.doctor_id, Role.DOCTOR)).sessions
        return clock.now() + timedelta(hours=1 + len(numbers))
