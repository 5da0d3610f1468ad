"""The demo: people, visits and sessions to try everything with."""

import re
from datetime import timedelta

import pytest
from flask_babel import force_locale
from support.domain import NOW, rows

from telehealth import access, agenda, audit, demo, links, sign_ins, video
from telehealth.access import SYSTEM
from telehealth.extensions import db
from telehealth.models import AuditEntry, Role, Session, Status, User, Visit
from telehealth.origin import Origin


@pytest.fixture(autouse=True)
def _here(new_app, moment):
    """Every test is inside a new clinic's app."""
    with new_app.app_context():
        yield


@pytest.fixture
def words():
    """What `flask demo` prints."""
    return demo.fill(video=video.provider())


def test_a_new_clinic_is_empty_until_the_demo_filled_it():
    assert demo.is_empty()
    demo.fill(video=video.provider())
    assert not demo.is_empty()


def test_the_printed_sign_ins_work(words):
    printed = re.findall(r"^\s+(\w+)\s+(\S+@\S+)\s+password: (.+)$", words, re.MULTILINE)
    assert [role for role, *_ in printed] == ["doctor", "patient", "staff"]
    for role, email, password in printed:
        token = sign_ins.sign_in(email, password, Origin())
        assert sign_ins.find(token, Origin(), passive=True, in_call=False).role == role


def test_the_printed_link_opens_the_session_to_come(words):
    (token,) = re.findall(r"/join/(\S+)", words)
    session = links.find(token).session
    assert session.status == Status.SCHEDULED
    assert session.scheduled_start > NOW


def test_the_addresses_are_the_ones_people_can_open(words):
    assert set(re.findall(r"https?://\S+?(?=/)", words)) == {"http://localhost"}
    assert demo.where() == "Telehealth: http://localhost/sign-in"


def test_the_words_are_english_in_every_language(words):
    assert "Sign in at" in words
    with force_locale("de"):
        assert "Sign in at" in demo._words(*rows_of_people(), "token")


def rows_of_people():
    users = db.session.scalars(db.select(User).order_by(User.email))
    by_role = {user.role: user for user in users}
    return [by_role[role] for role in (Role.DOCTOR, Role.PATIENT, Role.STAFF)]


def test_the_patient_of_the_printed_sign_in_has_a_session_to_come_and_a_past(words):
    patient = next(
        user for user in db.session.scalars(db.select(User)) if user.email == "patient@demo.example"
    )
    by = access.Actor(patient.id, patient.role)
    assert [session.status for session in agenda.coming(by=by)] == [Status.SCHEDULED]
    assert {session.status for session in agenda.past(by=by).sessions} == {Status.COMPLETED, Status.CANCELLED}


def test_the_doctor_has_a_day_and_both_kinds_of_visits(words):
    assert {row["status"] for row in rows(Visit)} == {Visit.OPEN, Visit.CLOSED}
    assert len(rows(Session, Session.status == Status.SCHEDULED)) == 4
    assert len({row["doctor_id"] for row in rows(Session)}) == 1


def test_demo_people_are_marked_and_cannot_be_reached(words):
    people = rows(User)
    assert len(people) == 6
    assert all(row["demo"] for row in people)
    assert all(row["email"].endswith(".example") and row["phone"] is None for row in people)


def test_everything_was_done_by_the_real_operations(words):
    assert audit.verify().bad_id is None
    for row in rows(Session):
        assert audit.session_history(row["id"])
    assert access.load_session(rows(Session)[0]["id"], by=SYSTEM)


def test_the_past_of_the_demo_took_its_time(words):
    (done,) = rows(Session, Session.status == Status.COMPLETED)
    assert (done["ended_at"] - done["started_at"]).total_seconds() == 21 * 60
    assert NOW.date() - done["ended_at"].date() == timedelta(days=7)
    told = [row["at"] for row in sorted(rows(AuditEntry), key=lambda row: row["id"])]
    assert told == sorted(told)
