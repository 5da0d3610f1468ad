"""A session's history: what the audit knows, in words, for the people of the session."""

from datetime import timedelta

import pytest
from flask_babel import force_locale
from support.cast import RefusingVideo
from support.domain import NOW, page_id

from telehealth import access, audit, calls, history, links, presence, sessions, video
from telehealth.errors import ProviderRefused
from telehealth.extensions import db
from telehealth.models import AuditEntry, Status
from telehealth.origin import Origin
from telehealth.sessions import STEPS


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment, in English."""
    with force_locale("en"):
        yield


def told(session, who):
    db.session.rollback()
    return [(line.words, line.actor_name, line.tone) for line in reversed(history.of(session, by=who.actor))]


@pytest.fixture
def call(clinic, dr_grey, ana, moment):
    """Planned, linked, waited for, started, joined, lost, back, left, ended."""
    session, page, doctors = clinic.session(), page_id(), page_id()

    def now():
        moment.shift(10)
        return access.load_session(session.id, by=dr_grey.actor)

    token, _ = links.make(now(), by=dr_grey.actor)
    links.sign_in(links.find(token), Origin())
    links.revoke(now(), by=dr_grey.actor)
    sessions.ticket(now(), by=ana.actor, video=video.provider())
    calls.enter(now(), page, by=ana.actor)
    sessions.start(now(), by=dr_grey.actor, video=video.provider())
    calls.enter(now(), page, by=ana.actor)
    calls.enter(now(), doctors, by=dr_grey.actor)
    calls.heard(now(), page, by=ana.actor, connected=True)
    moment.shift(timedelta(minutes=2))
    presence.sweep()
    calls.heard(now(), page, by=ana.actor, connected=True)
    for _ in range(2):
        calls.heard(now(), doctors, by=dr_grey.actor, connected=True)
    calls.enter(now(), page_id(), by=ana.actor)
    sessions.leave(now(), by=ana.actor)
    sessions.end(now(), by=dr_grey.actor, video=video.provider())
    return now()


COMMON = [
    ("Session created", "Dr Maria Grey", ""),
    ("Came into the waiting room", "Ana Lima", "wait"),
    ("Session started", "Dr Maria Grey", "live"),
    ("Joined the call: sound and picture connected", "Ana Lima", "live"),
    ("Lost the connection", "Ana Lima", ""),
    ("Back in the call after a silence", "Ana Lima", "live"),
    ("Joined the call: sound and picture connected", "Dr Maria Grey", "live"),
    ("Went on in another window", "Ana Lima", ""),
    ("Left before the call was connected", "Ana Lima", ""),
    ("Session ended", "Dr Maria Grey", ""),
    ("Was in the call until the end", "Dr Maria Grey", ""),
]


def test_a_patient_reads_what_happened_in_the_session(call, ana):
    assert told(call, ana) == COMMON


@pytest.mark.parametrize("key", ["dr_grey", "sam"])
def test_doctor_and_staff_read_about_links_and_keys_too(call, person, key):
    whole = told(call, person(key))
    assert [line for line in whole if line in COMMON] == COMMON
    more = [line for line in whole if line not in COMMON]
    # Each page that comes in gets one.
    keys = [line for line in more if line[0] == "Got the key to join"]
    assert {name for _words, name, _tone in keys} == {"Dr Maria Grey", "Ana Lima"}
    assert [line for line in more if line not in keys] == [
        ("Patient link made", "Dr Maria Grey", ""),
        ("Patient link opened", "Ana Lima", "info"),
        ("Patient link revoked", "Dr Maria Grey", ""),
    ]


def test_the_newest_comes_first_at_its_time(call, ana):
    lines = history.of(call, by=ana.actor)
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)
    assert (lines[0].at, lines[-1].at) == (call.ended_at, NOW)
    assert (lines[1].action, lines[1].actor_role, lines[1].outcome) == ("end", "doctor", "ok")


def test_of_a_refusal_only_staff_learn_the_name(clinic, dr_grey, ana, ben, sam):
    session = clinic.session()
    audit.record("session.join", by=ben.actor, object_type="session", object_id=session.id, outcome="denied")
    words = "Refused: somebody without the right tried this session"
    assert told(session, dr_grey)[-1] == (words, "Somebody else", "bad")
    assert told(session, sam)[-1] == (words, "Ben Osei", "bad")
    assert told(session, ana) == [("Session created", "Dr Maria Grey", "")]


def test_a_failed_and_a_cancelled_session_tell_it(clinic, dr_grey, ana):
    failed = clinic.session()
    with pytest.raises(ProviderRefused):
        sessions.start(failed, by=dr_grey.actor, video=RefusingVideo())
    assert told(failed, ana)[-1] == ("Session failed: no room could be opened", "System", "bad")
    cancelled = clinic.session(Status.CANCELLED)
    assert told(cancelled, ana)[-1] == ("Session cancelled", "Dr Maria Grey", "")


def test_the_history_of_one_session_is_not_that_of_another(clinic, dr_grey):
    one, two = clinic.session(), clinic.session()
    links.make(one, by=dr_grey.actor)
    assert [line.action for line in history.of(two, by=dr_grey.actor)] == ["create"]


def test_there_are_words_for_every_step():
    for action in {*STEPS} - {"leave"}:
        entry = AuditEntry(action=f"session.{action}", outcome="ok", reason="")
        assert not history._words(entry).startswith("session.")


def test_what_a_patient_reads_is_about_the_session_and_not_about_its_records():
    steps = {f"session.{action}" for action in STEPS} - {"session.link"}
    answers = {f"session.consent_{what}" for what in ("given", "declined", "withdrawn")}
    recorded = {"recording.begin", "recording.finish", "recording.delete"}
    assert set(history._TOLD_TO_PATIENTS) == steps | answers | recorded | {"session.wait"}
