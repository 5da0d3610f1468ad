"""A database that is locked, full, or gone for a while: people are told, nothing is half kept."""

import resource
import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count

import psycopg
import pytest
import requests
from sqlalchemy import event, make_url
from support.databases import on_sqlite
from support.deaths import ask, put_right
from support.domain import rows
from support.records import fresh_id
from support.server import Server
from support.wire import Wires

from telehealth import clock, consents, recording_files, store, video
from telehealth.extensions import db
from telehealth.models import AuditEntry, Recording, Session, Status
from telehealth.times import iso

OUR_FAULT = "Something went wrong on our side. Nothing you wrote is at fault."


@contextmanager
def held(url):
    """Somebody else writes for as long as it takes."""
    if make_url(url).get_backend_name() == "sqlite":
        with closing(sqlite3.connect(make_url(url).database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE sessions, audit_entries IN EXCLUSIVE MODE")
            yield


@contextmanager
def with_each_connection(app, pragma):
    """Every new connection to the SQLite file has this setting."""

    def on_connect(connection, _record):
        connection.execute(f"PRAGMA {pragma}").close()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "connect", on_connect)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", on_connect)
        engine.dispose()


FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON audit_entries EXECUTE FUNCTION full_disk();
"""


@contextmanager
def almost_full(app, url):
    """There is room for little more: in SQLite's file for a few pages, on PostgreSQL's disk for all but
    the entry in the audit, which comes last of a change.
    """
    if make_url(url).get_backend_name() == "sqlite":
        with app.app_context(), db.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        with with_each_connection(app, f"max_page_count={pages + 8}"):
            yield
    else:
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(FULL)
            try:
                yield
            finally:
                other.execute("DROP FUNCTION full_disk CASCADE")


@pytest.fixture
def everything(app):
    """What there is of sessions and of the audit."""

    def everything():
        with app.app_context():
            return [rows(model) for model in (Session, AuditEntry)]

    return everything


def plan(person, visit, hour):
    start = iso(clock.now() + timedelta(hours=hour))
    sent = {"visit_id": visit.id, "scheduled_start": start, "notes": "A cough. " * 200}
    return person.api("POST", "/telemedicine/", json=sent)


def test_whoever_writes_while_another_does_waits_for_them(app, database_url, clinic, dr_grey):
    session = clinic.session()
    dr_grey.ensure_signed_in()
    answers = []
    press = threading.Thread(
        target=lambda: answers.append(dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code)
    )
    with held(database_url):
        press.start()
        press.join(0.7)
        assert press.is_alive()
    press.join(30)
    assert answers == [200]
    put_right(app)


@on_sqlite
def test_who_waits_to_write_holds_up_nobody_else_of_the_same_worker(app, database_url, clinic, tmp_path):
    session = clinic.session()
    server = Server(tmp_path, database_url, workers=1)
    server.start()
    wires = Wires(server)
    try:
        writer = wires.of("dr_grey")
        reader, step = wires.again(writer), f"/api/v1/telemedicine/{session.id}/start/"
        answers = []
        press = threading.Thread(target=lambda: answers.append(ask(writer, step)[0]))
        with held(database_url):
            press.start()
            press.join(0.7)
            assert reader.ask("GET", "/api/v1/telemedicine/")[0] == 200
            assert answers == [], "the reader waited until the writer had given up"
        press.join(30)
        assert answers == [200]
        put_right(app)
    finally:
        wires.close()
        server.stop()


def test_a_database_that_stays_locked_is_told_as_our_fault_and_nothing_is_kept(
    app, database_url, clinic, dr_grey, everything, monkeypatch
):
    session = clinic.session()
    dr_grey.ensure_signed_in()
    monkeypatch.setattr(store, "BUSY", 0.1)
    with app.app_context():
        db.engine.dispose()
    before = everything()
    with held(database_url):
        answer = dr_grey.api("POST", f"/telemedicine/{session.id}/start/")
        assert (answer.status_code, answer.json["error"]["message"]) == (500, OUR_FAULT)
        page = dr_grey.post(f"/telemedicine/{session.id}/start", status=500)
        assert OUR_FAULT in page.text
        assert dr_grey.client.get("/api/v1/telemedicine/").status_code == 200
    assert everything() == before
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 200
    put_right(app)


def test_a_full_disk_keeps_no_half_of_anything_and_what_there_is_can_be_read(
    app, database_url, clinic, dr_grey, everything
):
    visit = clinic.visit()
    hours = count(24)
    made = [plan(dr_grey, visit, next(hours)).json["id"]]
    with almost_full(app, database_url):
        before = everything()
        while (answer := plan(dr_grey, visit, next(hours))).status_code == 201:
            made.append(answer.json["id"])
            before = everything()
        assert (answer.status_code, answer.json["error"]["message"]) == (500, OUR_FAULT)
        assert everything() == before
        listed = dr_grey.client.get("/api/v1/telemedicine/").json["results"]
        assert {one["id"] for one in listed} == set(made)
    assert plan(dr_grey, visit, next(hours)).status_code == 201
    put_right(app)


@pytest.fixture
def full_disk(monkeypatch):
    """The file of a recording can grow to so many bytes and no further, as on a disk that is full."""

    @contextmanager
    def full(size):
        genuine = recording_files.write

        def write(*args):
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                genuine(*args)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        with monkeypatch.context() as patch:
            patch.setattr(recording_files, "write", write)
            yield

    return full


def test_a_recording_on_a_full_disk_goes_on_when_there_is_room_again(
    app, clinic, dr_grey, ana, full_disk, tmp_path
):
    app.config["RECORDINGS"] = tmp_path / "recordings"
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    with app.app_context():
        consents.decide(session, True, by=ana.actor, video=video.provider())
    csrf = {"X-CSRFToken": dr_grey.csrf_token()}
    recording, pieces = fresh_id(), [b"a" * 50_000, b"b" * 50_000]
    path = f"/telemedicine/{session.id}/call/recordings"

    def post(path, **more):
        return dr_grey.client.post(path, headers=csrf, **more)

    begun = post(path, json={"id": recording, "media_type": "video/webm"})
    assert begun.status_code == 201
    assert post(f"{path}/{recording}/pieces/0", data=pieces[0]).json == {"next": 1}
    with full_disk(80_000):
        answer = post(f"{path}/{recording}/pieces/1", data=pieces[1])
        assert (answer.status_code, answer.json["error"]["message"]) == (500, OUR_FAULT)
    with app.app_context():
        (kept,) = rows(Recording)
    assert (kept["status"], kept["next_piece"], kept["size_bytes"]) == (Recording.PROCESSING, 1, 50_000)
    assert post(f"{path}/{recording}/pieces/1", data=pieces[1]).json == {"next": 2}
    assert post(f"{path}/{recording}/finish", json={"duration_seconds": 2}).json == {"status": "available"}
    played = dr_grey.client.get(f"/telemedicine/{session.id}/recordings/{recording}/media")
    assert played.data == b"".join(pieces)
    played.close()
    put_right(app)


@contextmanager
def gone(url):
    """The server of the database hangs up on everybody, and takes no connection."""
    name = make_url(url).database
    with psycopg.connect(make_url(url).set(database="postgres").render_as_string(), autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_is_gone_for_a_while_is_missed_and_found_again(app, database_url, clinic, tmp_path):
    server = Server(tmp_path, database_url)
    server.start()
    wires = Wires(server)
    try:
        visit = clinic.visit()
        session = clinic.session(visit=visit)
        grey = wires.of("dr_grey")
        step = f"/api/v1/telemedicine/{session.id}/start/"
        with gone(database_url):
            for _ in range(6):
                status, text = ask(grey, step)
                assert status == 500
                assert OUR_FAULT in text
            status, text = wires.again(grey).ask("GET", f"/visits/{visit.id}/telemedicine")
            assert status == 500
            assert OUR_FAULT in text
            assert requests.get(f"{server.url}/healthz", timeout=30).status_code == 200
            assert requests.get(f"{server.url}/readyz", timeout=30).status_code == 503
        assert clinic.now(session).status == Status.SCHEDULED
        # No worker has to be started again, and nobody to sign in.
        doors = wires.each_worker("dr_grey")
        assert [door.ask("GET", "/api/v1/telemedicine/")[0] for door in doors] == [200, 200]
        stream = wires.listen(wires.again(grey))
        assert ask(grey, step)[0] == 200
        assert stream.next() is not None
        put_right(app)
    finally:
        wires.close()
        server.stop(check=False)
    faults = [line for line in server.log.splitlines() if "fault in " in line]
    assert faults
    assert all("OperationalError" in line for line in faults)
