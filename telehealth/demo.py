"""Demo people, visits and sessions for an empty database; never anything a clinic would keep."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select

from telehealth import clock, links, people, sessions, visits
from telehealth.access import SYSTEM, Actor
from telehealth.extensions import db
from telehealth.models import Role, Session, User, Visit

if TYPE_CHECKING:
    from telehealth.video import VideoProvider

PASSWORD = "open the demo clinic"
_MORE_PATIENTS = ("Robin Specimen", "Casey Template", "Alex Placeholder")


def is_empty() -> bool:
    """Whether there is nobody yet."""
    return db.session.scalar(select(User.id).limit(1)) is None


def where() -> str:
    """One line for a later start: the address."""
    return f"Telehealth: {_url()}/sign-in"


def fill(*, video: VideoProvider) -> str:
    """Make the demo and return the sign-ins and a patient's link, ready to print."""
    last_week = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=7)
    with clock.at(last_week):
        doctor = _person(Role.DOCTOR, "doctor@demo.example", "Dr. A. Example")
        patient = _person(Role.PATIENT, "patient@demo.example", "Pat Sample", date(1958, 3, 4))
        staff = _person(Role.STAFF, "staff@demo.example", "Sam Staff")
    _history(doctor, patient, video, last_week)
    visit = visits.open_visit(patient.id, doctor.id, "Follow-up: blood pressure", by=SYSTEM)
    soon = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=5)
    by = _as(doctor)
    session = _session(visit, by, soon, "Go through home readings")
    for number, name in enumerate(_MORE_PATIENTS):
        email = f"patient{number + 2}@demo.example"
        other = _person(Role.PATIENT, email, name, date(1970 + number, 6, 9))
        more = visits.open_visit(other.id, doctor.id, "Medicine review", by=SYSTEM)
        _session(more, by, soon + timedelta(hours=number + 1), "")
    token, _link = links.make(session, by=by)
    return _words(doctor, patient, staff, token)


def _history(doctor: User, patient: User, video: VideoProvider, moment: datetime) -> None:
    """A visit that is over, so that the lists show more than what is to come."""
    by = _as(doctor)
    with clock.at(moment):
        visit = visits.open_visit(patient.id, doctor.id, "Test results", by=SYSTEM)
        done = _session(visit, by, moment + timedelta(minutes=30), "")
        off = _session(visit, by, moment + timedelta(days=1), "")
    with clock.at(moment + timedelta(minutes=31)):
        done = sessions.start(done, by=by, video=video)
    with clock.at(moment + timedelta(minutes=52)):
        sessions.end(done, by=by, video=video)
        sessions.cancel(off, by=by, reason="the patient asked for another day")
        visits.close(visit, by=by)


def _person(role: str, email: str, name: str, born: date | None = None) -> User:
    return people.create(
        role,
        people.Details(email, name, date_of_birth=born),
        by=SYSTEM,
        password=PASSWORD,
        demo=True,
    )


def _session(visit: Visit, by: Actor, start: datetime, notes: str) -> Session:
    return sessions.create(visit, by=by, scheduled_start=start, notes=notes)


def _as(user: User) -> Actor:
    return Actor(user.id, user.role, user.name, via="command")


def _url() -> str:
    return str(current_app.config["SETTINGS"].public_url)


def _words(doctor: User, patient: User, staff: User, token: str) -> str:
    with force_locale("en"):
        return "\n".join(
            (
                "",
                f"Telehealth is filled with demo people. Sign in at {_url()}/sign-in",
                "",
                f"  doctor   {doctor.email}    password: {PASSWORD}",
                f"  patient  {patient.email}   password: {PASSWORD}",
                f"  staff    {staff.email}     password: {PASSWORD}",
                "",
                "A patient's link, which needs no password (open it in another browser):",
                f"  {_url()}/join/{token}",
                "",
                "Try it: sign in as the doctor, open Pat Sample, press Start Session, then Join Call.",
                "",
            )
        )
