"""What an operator does while people use it: a migration, a backup and its return, new code."""

import json
import os
import re
import shutil
import signal as signals
import sqlite3
import subprocess
import threading
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial

import pytest
import requests
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from sqlalchemy import make_url
from support import apps, postgres
from support.databases import on_sqlite
from support.deaths import ask, put_right
from support.domain import page_id, rows
from support.pages import Visitor
from support.records import made
from support.server import Server
from support.wire import Events, Wires

from telehealth import access, clock, consents, playback, recording_files, recordings, video
from telehealth.models import AuditEntry, Session, Status
from telehealth.times import iso

HEAD = ScriptDirectory(str(apps.ROOT / "migrations")).get_current_head()

LATER = f"""
import sqlite3
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later", "{HEAD}"


def upgrade():
    connection = op.get_bind()
    connection.execute(sa.text("SELECT count(*) FROM sessions")).all()
    if connection.dialect.name == "sqlite":
        with sqlite3.connect(connection.engine.url.database, timeout=0.1) as other:
            try:
                other.execute("UPDATE limits SET tries = tries")
            except sqlite3.OperationalError:
                pass
        with op.batch_alter_table("users") as users:
            users.alter_column("name", type_=sa.String(300), existing_nullable=False)
    op.add_column("sessions", sa.Column("later", sa.String(20), server_default="x", nullable=False))
"""


class Busy:
    """Two doctors' programs plan sessions without a pause, until it is enough."""

    def __init__(self, wires, visits):
        self.answers = []
        self._enough = threading.Event()
        self._threads = [
            threading.Thread(target=self._plan, args=(wires.of(key), visit)) for key, visit in visits.items()
        ]

    def _plan(self, wire, visit):
        start = clock.now() + timedelta(hours=1)
        while not self._enough.is_set():
            start += timedelta(minutes=1)
            sent = {"visit_id": visit.id, "scheduled_start": iso(start), "notes": "Ask about the cough"}
            self.answers.append(ask(wire, "/api/v1/telemedicine/", sent) or (0, "cut"))

    @property
    def made(self):
        """The ids of the sessions that were promised."""
        return {json.loads(text)["id"] for status, text in self.answers if status == 201}

    def wait_for(self, count):
        """Until so many more were answered."""
        wanted, end = len(self.answers) + count, clock.now() + timedelta(seconds=60)
        while len(self.answers) < wanted:
            assert clock.now() < end, "nothing is answered any more"
            self._enough.wait(0.02)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._enough.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def busy(clinic, wires):
    visits = {"dr_grey": clinic.visit(), "dr_house": clinic.visit("dr_house", "ben")}
    return Busy(wires, visits)


def test_a_migration_while_people_work_loses_nothing(app, busy, tmp_path):
    later = tmp_path / "migrations"
    shutil.copytree(apps.ROOT / "migrations", later)
    (later / "versions" / "later.py").write_text(LATER)
    with busy:
        busy.wait_for(6)
        with app.app_context():
            upgrade(directory=str(later), revision="later")
        busy.wait_for(6)
    assert {status for status, _ in busy.answers} == {201}
    with app.app_context():
        assert {row["id"] for row in rows(Session)} == busy.made
    put_right(app)


def sqlite_copy(url: str, restored: str) -> None:
    """With the statement that the handbook names."""
    (statement,) = re.findall(r"\"(VACUUM INTO '[^']+')\"", (apps.ROOT / "docs/operating.md").read_text())
    file = make_url(restored).database
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        connection.execute(statement.replace("copy.sqlite", str(file)))


def postgresql_copy(url: str, restored: str) -> None:
    """As usual: one program writes it all down, the other reads it."""
    run = partial(subprocess.run, check=True, capture_output=True)
    dump = run([postgres.programs() / "pg_dump", url]).stdout
    run([postgres.programs() / "psql", "--set=ON_ERROR_STOP=1", "--quiet", restored], input=dump)


@pytest.fixture
def copy(database_url, database_server):
    """Makes a backup of the database as it is; gives the application that runs on what was brought back."""
    made = ExitStack()

    def copy():
        kind = make_url(database_url).get_backend_name()
        restored = made.enter_context(database_server.fresh(kind, "empty"))
        {"sqlite": sqlite_copy, "postgresql": postgresql_copy}[kind](database_url, restored)
        app = apps.make_app(restored)
        made.callback(apps.close, app)
        return app

    with made:
        yield copy


def test_a_backup_that_is_made_while_people_work_is_one_moment_of_it(app, busy, copy):
    with busy:
        busy.wait_for(6)
        promised = busy.made
        head = re.findall(r"head (\S+)", apps.command(app, "verify-audit").output)[0]
        restored = copy()
        busy.wait_for(6)
    put_right(restored)
    assert apps.command(restored, "verify-audit", "--anchor", head).exit_code == 0
    with restored.app_context():
        kept = {row["id"] for row in rows(Session)}
        told = [row["object_id"] for row in rows(AuditEntry, AuditEntry.action == "session.create")]
    assert promised <= kept <= busy.made
    assert sorted(kept) == sorted(told)
    put_right(app)


def test_a_clinic_that_was_brought_back_goes_on(clinic, copy, dr_grey):
    session = clinic.session(Status.IN_PROGRESS)
    dr_grey.ensure_signed_in()
    restored = copy()
    # Nobody needs to sign in anew: that is in the backup too.
    name = restored.config["SIGN_IN_COOKIE"]
    returned = Visitor(restored.test_client())
    returned.client.set_cookie(name, dr_grey.client.get_cookie(name).value)
    answer = returned.api("POST", f"/telemedicine/{session.id}/end/")
    assert (answer.status_code, answer.json["status"]) == (200, Status.COMPLETED)
    put_right(restored)


@on_sqlite
def test_recordings_copied_after_the_database_go_on_where_it_knows_of_them(
    app, clinic, copy, dr_grey, ana, tmp_path
):
    app.config["RECORDINGS"] = tmp_path / "recordings"
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    with app.app_context():
        consents.decide(session, True, by=ana.actor, video=video.provider())
        recording = made(session, b"first ", by=dr_grey.actor)
        restored = copy()
        recordings.add_piece(session, recording, 1, b"second, before the files are copied", by=dr_grey.actor)
    restored.config["RECORDINGS"] = shutil.copytree(tmp_path / "recordings", tmp_path / "brought back")
    with restored.app_context():
        session = access.load_session(session.id, by=dr_grey.actor)
        recording = recordings.load(session, recording.id, by=dr_grey.actor, action="add")
        assert recording.next_piece == 1
        # The doctor's browser still has it, and sends it again.
        recordings.add_piece(session, recording, 1, b"second", by=dr_grey.actor)
        recording = recordings.finish(session, recording, by=dr_grey.actor, duration=2)
        assert playback.is_there(recording)
        assert recording_files.path(recording).read_bytes() == b"first second"


RELEASE = """
from support.mortal import app

genuine = app.wsgi_app


def serve(environ, start_response):
    def start(status, headers, *more):
        return start_response(status, [*headers, ("X-Release", "{release}")], *more)

    return genuine(environ, start)


app.wsgi_app = serve
"""


@pytest.fixture
def deploy(database_url, tmp_path):
    """Puts the code of a release into place; the server is running the first."""

    def deploy(release):
        (tmp_path / "release.py").write_text(RELEASE.format(release=release))

    deploy("one")
    return deploy


@pytest.fixture
def released(deploy, database_url, tmp_path):
    server = Server(tmp_path, database_url, "release:app")
    server.start()
    yield server
    server.stop()


def release_of(server):
    with requests.get(f"{server.url}/healthz", timeout=30) as answer:
        return answer.headers["X-Release"]


def until_released(server, release):
    """Wait until every answer is of this release."""
    end, lately = clock.now() + timedelta(seconds=40), []
    while lately[-10:] != [release] * 10:
        assert clock.now() < end, f"still {set(lately)}"
        lately.append(release_of(server))
        time.sleep(0.02)


def test_new_code_comes_while_a_call_runs_and_nobody_notices(app, released, deploy, clinic):
    wires = Wires(released)
    grey, ana = wires.of("dr_grey"), wires.of("ana")
    session = clinic.session(Status.IN_PROGRESS)
    call = f"/telemedicine/{session.id}/call"
    pages = {wire.csrf: page_id() for wire in (grey, ana)}
    for wire in (grey, ana):
        assert ask(wire, f"{call}/enter", {"participant": pages[wire.csrf]})[0] == 200
    inbox = f"{call}/inbox?participant={pages[ana.csrf]}"
    stream, listed = Events(wires.again(ana), inbox), wires.listen(wires.again(grey))

    def signal(number):
        message = {"to": pages[ana.csrf], "id": f"m{number}", "body": {"restart": True}}
        sent = {"participant": pages[grey.csrf], "messages": [message]}
        return (ask(grey, f"{call}/signal", sent) or (0, "cut"))[0]

    answers, enough = [], threading.Event()

    def go_on():
        while not enough.is_set():
            answers.append(signal(len(answers)))

    talking = threading.Thread(target=go_on)
    talking.start()
    try:
        deploy("two")
        os.kill(released.pid, signals.SIGHUP)
        last, numbers = None, []
        while (event := stream.next()) is not None:
            last = event.get("id", last)
            numbers += [event["data"]] if event["event"] == "signal" else []
        assert listed.next() in (None, {"event": "changed", "data": "{}"})
        until_released(released, "two")
    finally:
        enough.set()
        talking.join()
    assert set(answers) == {200}
    # The browser opens its stream again by itself, and says how far it got.
    stream = Events(wires.again(ana), inbox, **({"Last-Event-ID": last} if last else {}))
    while len(numbers) < len(answers):
        event = stream.next()
        assert event is not None
        numbers += [event["data"]] if event["event"] == "signal" else []
    assert [json.loads(data)["id"] for data in numbers] == [f"m{number}" for number in range(len(answers))]
    assert ask(grey, f"/api/v1/telemedicine/{session.id}/end/")[0] == 200
    wires.close()
    put_right(app)
