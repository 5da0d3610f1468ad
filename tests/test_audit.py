"""The audit: append-only, chained, one entry for each change and none without one."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DatabaseError
from support.apps import SECRET_KEY
from support.cast import PASSWORD
from support.domain import NOW, head, page_id, rows, together, told

from telehealth import access, audit, calls, links, people, sessions, sign_ins, video, visits
from telehealth.access import SYSTEM, Actor
from telehealth.extensions import db
from telehealth.models import AuditEntry, Link, Role, Session, Status, User, Visit
from telehealth.origin import Origin
from telehealth.people import Details
from telehealth.store import transaction

REFUSALS = {
    "update": "UPDATE audit_entries SET reason = 'x' WHERE id = 1",
    "update of nothing new": "UPDATE audit_entries SET reason = reason",
    "delete": "DELETE FROM audit_entries WHERE id = 1",
    "delete of the last": "DELETE FROM audit_entries WHERE id = (SELECT max(id) FROM audit_entries)",
    "delete of all": "DELETE FROM audit_entries",
}
ROW = """SELECT id + :shift, at, actor_id, actor_role, action, object_type, object_id, outcome, 'changed',
         address, agent, request_id, detail, {prev}, {mac} FROM audit_entries WHERE id = :id"""
REFUSALS_SQLITE = {
    "replace": ("INSERT OR REPLACE INTO audit_entries " + ROW.format(prev="prev", mac="mac"), 2, 0),
    "replace by mac": (
        "INSERT OR REPLACE INTO audit_entries " + ROW.format(prev="'new'", mac="mac"),
        2,
        1000,
    ),
    "replace by prev": ("REPLACE INTO audit_entries " + ROW.format(prev="prev", mac="'new'"), 2, 1000),
    "before the head": ("INSERT INTO audit_entries " + ROW.format(prev="'new'", mac="'new'"), 2, -2),
    "update or replace": ("UPDATE OR REPLACE audit_entries SET reason = 'x' WHERE id = :id + :shift", 2, 0),
    "upsert": (
        "INSERT INTO audit_entries " + ROW.format(prev="prev", mac="mac") + " ON CONFLICT (id)"
        " DO UPDATE SET reason = 'x'",
        2,
        0,
    ),
}
REFUSALS_POSTGRESQL = {
    "truncate": ("TRUNCATE audit_entries", 2, 0),
    "truncate with others": ("TRUNCATE audit_entries, changes CASCADE", 2, 0),
    "upsert": (
        "INSERT INTO audit_entries " + ROW.format(prev="prev", mac="mac") + " ON CONFLICT (id)"
        " DO UPDATE SET reason = 'x'",
        2,
        0,
    ),
    "merge": (
        "MERGE INTO audit_entries a USING (SELECT 1) s ON a.id = :id + :shift WHEN MATCHED THEN DELETE",
        2,
        0,
    ),
}


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


@pytest.fixture
def story(clinic, dr_grey, ana, sam):
    """Something of everything has happened."""
    visit = clinic.visit()
    clinic.session(Status.COMPLETED, visit, notes="Penicillin makes her itch")
    clinic.session(Status.CANCELLED, visit)
    clinic.session(Status.FAILED, visit)
    session, page = clinic.session(Status.IN_PROGRESS, visit), page_id()
    sessions.ticket(session, by=ana.actor, video=video.provider())
    calls.enter(session, page, by=ana.actor)
    calls.heard(session, page, by=ana.actor, connected=True)
    sessions.leave(session, by=ana.actor)
    token, _ = links.make(session, by=dr_grey.actor)
    links.sign_in(links.find(token), Origin("192.0.2.7", "a phone"))
    sign_ins.sign_in(ana.part.email, PASSWORD, Origin("192.0.2.7", "a phone"))
    people.invite(access.load_person(ana.id, by=sam.actor), by=sam.actor)
    return session


def kept():
    return rows(AuditEntry)


def run(statement, **values):
    with transaction():
        db.session.execute(text(statement), values)


def let_me():
    """What somebody with the database in their hands can do: away with the triggers."""
    if db.engine.dialect.name == "postgresql":
        run("ALTER TABLE audit_entries DISABLE TRIGGER USER")
    else:
        for name in ("audit_no_update", "audit_no_delete", "audit_no_replace"):
            run(f"DROP TRIGGER {name}")


def verdict(anchor=None):
    db.session.rollback()
    found = audit.verify(anchor)
    db.session.rollback()
    return (found.bad_id, found.why)


@pytest.mark.parametrize("statement", REFUSALS.values(), ids=REFUSALS)
def test_the_database_refuses_to_change_what_is_written(story, statement):
    before = kept()
    with pytest.raises(DatabaseError, match="append-only"):
        run(statement)
    assert kept() == before


def test_no_way_around_leads_past_the_refusal(story, subtests):
    postgresql = db.engine.dialect.name == "postgresql"
    before = kept()
    for way, (statement, row, shift) in (REFUSALS_POSTGRESQL if postgresql else REFUSALS_SQLITE).items():
        with subtests.test(way=way):
            values = {"id": row, "shift": shift} if ":id" in statement else {}
            with pytest.raises(DatabaseError, match="append-only"):
                run(statement, **values)
            assert kept() == before


def test_an_unbroken_chain_says_so(story):
    found = audit.verify()
    last = kept()[-1]
    assert (found.bad_id, found.why) == (None, "")
    assert (found.rows, found.head_id, found.head_mac) == (last["id"], last["id"], last["mac"])
    assert found.rows == len(kept()) > 15


def test_entries_are_numbered_from_one_and_each_follows_the_one_before(story):
    found = kept()
    assert [row["id"] for row in found] == list(range(1, len(found) + 1))
    assert [row["prev"] for row in found] == [audit.START, *(row["mac"] for row in found[:-1])]


CHANGES = {
    "at": "'2020-01-01 00:00:00.000000'",
    "actor_id": "'somebody'",
    "actor_role": "'staff'",
    "action": "'session.read'",
    "object_type": "'visit'",
    "object_id": "'another'",
    "outcome": "'denied'",
    "reason": "'x'",
    "address": "'192.0.2.99'",
    "agent": "'x'",
    "request_id": "'x'",
    "detail": """'{"a": 1}'""",
    "mac": f"'{'0' * 64}'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_an_edit_is_found(story, column):
    let_me()
    run(f"UPDATE audit_entries SET {column} = {CHANGES[column]} WHERE id = 7")
    assert verdict() == (7, "it was changed")


def test_every_column_is_under_the_seal():
    assert {*CHANGES, "id", "prev"} == set(AuditEntry.__table__.columns.keys())


def test_a_changed_link_to_the_entry_before_is_found(story):
    let_me()
    run("UPDATE audit_entries SET prev = 'x' WHERE id = 7")
    assert verdict() == (7, "it does not follow the entry before it")


@pytest.mark.parametrize("missing", [1, 7])
def test_a_gap_is_found(story, missing):
    let_me()
    run("DELETE FROM audit_entries WHERE id = :id", id=missing)
    assert verdict() == (missing + 1, "an entry before it is missing")


def test_a_gap_that_was_numbered_away_is_found(story):
    let_me()
    run("DELETE FROM audit_entries WHERE id = 7")
    for number in range(8, len(kept()) + 2):
        run("UPDATE audit_entries SET id = id - 1 WHERE id = :id", id=number)
    assert verdict() == (7, "it does not follow the entry before it")


def test_an_entry_without_the_key_is_found(story):
    let_me()
    last = kept()[-1]
    forged = {**last, "id": last["id"] + 1, "prev": last["mac"], "actor_id": "somebody"}
    forged["mac"] = hmac.new(b"guessed", last["mac"].encode(), hashlib.sha256).hexdigest()
    with transaction():
        db.session.execute(insert(AuditEntry.__table__), forged)
    assert verdict() == (forged["id"], "it was changed")


def test_an_entry_from_elsewhere_in_the_chain_does_not_fit(story):
    let_me()
    last, other = kept()[-1], kept()[4]
    with transaction():
        copied = {**other, "id": last["id"] + 1, "prev": last["mac"], "mac": "f" * 64}
        db.session.execute(insert(AuditEntry.__table__), copied)
    assert verdict() == (last["id"] + 1, "it was changed")


def test_another_key_fits_no_entry(app, story):
    app.config["SECRET_KEY"] = SECRET_KEY[::-1]
    assert verdict() == (1, "it was changed")


def test_a_cut_tail_shows_against_an_anchor(story):
    last = kept()[-1]
    anchor = (last["id"], last["mac"])
    assert verdict(anchor) == (None, "")
    visits.open_visit(story.patient_id, story.doctor_id, "More", by=SYSTEM)
    assert verdict(anchor) == (None, "")
    let_me()
    run("DELETE FROM audit_entries WHERE id >= :id", id=last["id"])
    assert verdict() == (None, "")
    assert verdict(anchor) == (last["id"], "the anchor is not in the chain")
    run("DELETE FROM audit_entries")
    assert verdict() == (None, "")
    assert verdict(anchor) == (last["id"], "the anchor is not in the chain")


def test_an_anchor_of_another_chain_is_not_in_this_one(story):
    assert verdict((7, "f" * 64)) == (7, "the anchor is not in the chain")
    assert verdict((10_000, kept()[-1]["mac"])) == (10_000, "the anchor is not in the chain")


def test_what_is_undone_leaves_no_entry(clinic, dr_grey):
    session = clinic.session()
    before = kept()
    with pytest.raises(OSError), transaction():
        sessions.cancel(session, by=dr_grey.actor)
        assert audit.session_history(session.id)[0].action == "session.cancel"
        raise OSError
    assert kept() == before
    assert clinic.now(session).status == Status.SCHEDULED


def test_without_an_entry_there_is_no_change(clinic, dr_grey, ana, sam, monkeypatch):
    running, planned = clinic.session(Status.IN_PROGRESS), clinic.session()
    visit, user = clinic.visit(), access.load_person(ana.id, by=sam.actor)
    models = (Session, Visit, Link, User)
    before = [rows(model) for model in models]

    def no_disk_left(*_args, **_more):
        raise OSError

    monkeypatch.setattr(audit, "record", no_disk_left)
    by, provider = dr_grey.actor, video.provider()
    for change in (
        lambda: sessions.create(visit, by=by, scheduled_start=NOW),
        lambda: sessions.start(planned, by=by, video=provider),
        lambda: sessions.end(running, by=by, video=provider),
        lambda: sessions.cancel(planned, by=by),
        lambda: links.make(planned, by=by),
        lambda: visits.open_visit(ana.id, dr_grey.id, "A cough", by=by),
        lambda: visits.close(visit, by=by),
        lambda: people.create(Role.STAFF, Details("a@b.example", "A"), by=SYSTEM),
        lambda: people.change(user, Details("a@b.example", "A"), by=SYSTEM),
        lambda: people.set_active(user, False, by=SYSTEM),
    ):
        with pytest.raises(OSError):
            change()
        assert [rows(model) for model in models] == before


def test_writers_at_once_keep_the_chain_dense(app, story):
    since = head()

    def write(number):
        def work():
            for _ in range(5):
                by = Actor(f"somebody {number}", Role.STAFF)
                audit.record("session.read", by=by, object_type="session", object_id=story.id)

        return work

    assert together(app, [write(number) for number in range(8)]) == [None] * 8
    assert len(told(since)) == 40
    assert verdict() == (None, "")


def test_an_entry_tells_who_what_where_and_when(story, moment):
    moment.shift(timedelta(minutes=1))
    by = Actor("somebody", Role.STAFF, "Sam Porter", address="2001:db8::7", agent="a" * 999, request_id="ab")
    more = {"reason": "r" * 999, "detail": {"b": 1, "a": None}}
    audit.record("session.read", by=by, object_type="session", object_id=story.id, **more)
    last = kept()[-1]
    assert {name: last[name] for name in ("actor_id", "actor_role", "address", "request_id")} == {
        "actor_id": "somebody",
        "actor_role": "staff",
        "address": "2001:db8::7",
        "request_id": "ab",
    }
    assert (last["at"], last["outcome"], last["detail"]) == (
        NOW + timedelta(minutes=1),
        "ok",
        '{"a": null, "b": 1}',
    )
    assert (last["agent"], last["reason"]) == ("a" * 200, "r" * 100)
    assert verdict() == (None, "")


def test_names_notes_and_addresses_of_people_are_not_in_the_audit(story):
    everything = str(kept()).lower()
    for told_nowhere in ("lima", "grey", "penicillin", "cough", "better", "people.example", PASSWORD):
        assert told_nowhere not in everything


def test_the_newest_entries_come_first_each_with_its_actors_name(story, ana):
    found = audit.newest(audit.Sought(), limit=5)
    assert [entry.id for entry, _ in found] == [head() - n for n in range(5)]
    names = dict.fromkeys(name for _, name in audit.newest(audit.Sought(), limit=1000))
    assert set(names) >= {"", "Ana Lima", "Dr Maria Grey", "Sam Porter"}
    assert [entry.id for entry, _ in audit.newest(audit.Sought(before=found[-1][0].id), limit=2)] == [
        head() - 5,
        head() - 6,
    ]
