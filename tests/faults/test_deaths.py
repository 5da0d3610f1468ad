"""A worker is killed at every moment of a request: nothing is lost, nothing is half."""

import json
import os
import signal
from contextlib import suppress
from datetime import timedelta

import pytest
from support.databases import on_sqlite
from support.deaths import Asked, again, ask, at_every_moment, put_right
from support.domain import page_id, rows
from support.records import fresh_id
from support.wire import Events

from telehealth import clock
from telehealth.models import AuditEntry, Participation, Recording, Session, Status
from telehealth.times import iso

PIECE = bytes(range(256)) * 64


@pytest.fixture(autouse=True)
def _well_afterwards(app, server):
    yield
    put_right(app)


@pytest.fixture
def grey(wires):
    return wires.of("dr_grey")


@pytest.fixture
def kept(app):
    """The rows of a model, as they are now."""

    def kept(model, *conditions):
        with app.app_context():
            return rows(model, *conditions)

    return kept


@pytest.fixture
def noted(kept):
    """How often the audit has this action of an object."""
    return lambda action, about: len(
        kept(AuditEntry, AuditEntry.action == action, AuditEntry.object_id == about)
    )


def test_a_session_is_created_whole_or_not_at_all_and_never_twice(clinic, grey, kept, noted):
    visit = clinic.visit()
    starts = (iso(clock.now() + timedelta(hours=hour)) for hour in range(1, 99))

    def create():
        sent = {"visit_id": visit.id, "scheduled_start": next(starts), "notes": "Ask about the cough"}
        return Asked(sent["scheduled_start"], grey, "/api/v1/telemedicine/", sent)

    def check(asked):
        status, text = again(asked)
        assert status in (201, 400), text
        if status == 400:
            assert "already has a session at this time" in text
        (found,) = [one for one in kept(Session) if iso(one["scheduled_start"]) == asked.about]
        assert (found["status"], found["notes"]) == (Status.SCHEDULED, "Ask about the cough")
        assert noted("session.create", found["id"]) == 1

    at_every_moment(create, check, least=1)


@pytest.mark.parametrize(
    ("step", "begin", "end"),
    [
        ("start", Status.SCHEDULED, Status.IN_PROGRESS),
        ("end", Status.IN_PROGRESS, Status.COMPLETED),
        ("cancel", Status.SCHEDULED, Status.CANCELLED),
    ],
)
def test_a_step_is_taken_with_its_entry_or_not_at_all(clinic, grey, noted, step, begin, end):
    visit = clinic.visit()

    def prepare():
        session = clinic.session(begin, visit=visit)
        return Asked(session, grey, f"/api/v1/telemedicine/{session.id}/{step}/")

    def check(asked):
        taken = clinic.now(asked.about).status == end
        assert clinic.now(asked.about).status in (begin, end)
        assert noted(f"session.{step}", asked.about.id) == taken
        status, text = again(asked)
        assert status == (409 if taken else 200), text
        now = clinic.now(asked.about)
        assert (now.status, noted(f"session.{step}", now.id)) == (end, 1)
        assert (now.duration_seconds is not None) == (end == Status.COMPLETED)

    at_every_moment(prepare, check, least=1)


@on_sqlite
def test_whoever_comes_in_comes_in_by_asking_again(clinic, grey, kept, noted):
    visit = clinic.visit()

    def prepare():
        session = clinic.session(Status.IN_PROGRESS, visit=visit)
        path = f"/telemedicine/{session.id}/call/enter"
        return Asked(session, grey, path, {"participant": page_id()})

    def check(asked):
        status, text = again(asked)
        assert status == 200, text
        (page,) = kept(Participation, Participation.session_id == asked.about.id)
        assert (page["id"], page["state"]) == (asked.sent["participant"], Participation.IN_CALL)
        assert noted("session.token", asked.about.id) == 1

    at_every_moment(prepare, check, least=1)


@on_sqlite
def test_leaving_is_written_down_once(clinic, grey, noted):
    visit = clinic.visit()

    def prepare():
        session = clinic.session(Status.IN_PROGRESS, visit=visit)
        page = {"participant": page_id()}
        assert ask(grey, f"/telemedicine/{session.id}/call/enter", page)[0] == 200
        return Asked(session, grey, f"/api/v1/telemedicine/{session.id}/leave/")

    def check(asked):
        assert again(asked)[0] == 200
        assert clinic.now(asked.about).status == Status.IN_PROGRESS
        assert noted("session.leave", asked.about.id) == 1

    at_every_moment(prepare, check, least=1)


def test_when_all_workers_die_the_call_goes_on_where_it_was(server, wires, grey, clinic):
    session, ana = clinic.session(Status.IN_PROGRESS), wires.of("ana")
    call = f"/telemedicine/{session.id}/call"
    doctor, patient = page_id(), page_id()
    for wire, page in ((grey, doctor), (ana, patient)):
        assert ask(wire, f"{call}/enter", {"participant": page})[0] == 200

    def send(name):
        message = {"to": patient, "id": name, "body": {"restart": True}}
        return ask(grey, f"{call}/signal", {"participant": doctor, "messages": [message]})[0]

    inbox = f"{call}/inbox?participant={patient}"
    stream = Events(wires.again(ana), inbox)
    assert send("before") == 200
    while (event := stream.next())["event"] != "signal":
        pass
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    with suppress(ConnectionResetError):
        while stream.next() is not None:
            pass
    assert send("after") == 200
    stream = Events(wires.again(ana), inbox, **{"Last-Event-ID": event["id"]})
    while (event := stream.next())["event"] != "signal":
        pass
    assert json.loads(event["data"])["id"] == "after"
    assert ask(grey, f"/api/v1/telemedicine/{session.id}/end/")[0] == 200


@pytest.fixture
def recorded(clinic, wires):
    """A call that may be recorded: the path of its recordings."""
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    said = wires.of("ana").ask("POST", f"/telemedicine/{session.id}/call/consent", {"agreed": True})
    assert said[0] == 200
    return f"/telemedicine/{session.id}/call/recordings"


def begun(grey, recorded, *pieces):
    """The path of a recording of which these pieces have arrived."""
    recording = fresh_id()
    sent = {"id": recording, "media_type": "video/webm"}
    assert ask(grey, recorded, sent)[0] == 201
    for number, piece in enumerate(pieces):
        assert ask(grey, f"{recorded}/{recording}/pieces/{number}", piece)[0] == 200
    return recording


def test_a_piece_of_a_recording_is_in_its_file_once(server, grey, recorded, kept):
    def prepare():
        recording = begun(grey, recorded, PIECE)
        return Asked(recording, grey, f"{recorded}/{recording}/pieces/1", PIECE[::-1])

    def check(asked):
        status, text = again(asked)
        assert (status, json.loads(text)) == (200, {"next": 2})
        duration = {"duration_seconds": 1}
        assert ask(grey, f"{recorded}/{asked.about}/finish", duration)[0] == 200
        (found,) = kept(Recording, Recording.id == asked.about)
        assert (found["status"], found["size_bytes"]) == (Recording.AVAILABLE, 2 * len(PIECE))
        file = server.log_file.parent / "instance" / "recordings" / f"{asked.about}.webm"
        assert file.read_bytes() == PIECE + PIECE[::-1]

    at_every_moment(prepare, check, least=4)


@on_sqlite
def test_a_recording_begins_and_is_finished_once(grey, recorded, kept):
    def begin():
        sent = {"id": fresh_id(), "media_type": "video/webm"}
        return Asked(sent["id"], grey, recorded, sent)

    def is_begun(asked):
        assert again(asked)[0] == 201
        assert len(kept(Recording, Recording.id == asked.about)) == 1

    def finish():
        recording = begun(grey, recorded, PIECE)
        return Asked(recording, grey, f"{recorded}/{recording}/finish", {"duration_seconds": 1})

    def is_finished(asked):
        assert again(asked)[0] == 200
        (found,) = kept(Recording, Recording.id == asked.about)
        assert (found["status"], found["duration_seconds"] in (0, 1)) == (Recording.AVAILABLE, True)

    at_every_moment(begin, is_begun, least=1)
    at_every_moment(finish, is_finished, least=1)


@on_sqlite
def test_a_recording_that_is_being_deleted_is_never_half_there(server, wires, grey, recorded, kept):
    def prepare():
        recording = begun(grey, recorded, PIECE)
        assert ask(grey, f"{recorded}/{recording}/finish", {"duration_seconds": 1})[0] == 200
        page = recorded.replace("/call/", "/")
        return Asked(recording, grey, f"{page}/{recording}/delete")

    def check(asked):
        file = server.log_file.parent / "instance" / "recordings" / f"{asked.about}.webm"
        (found,) = kept(Recording, Recording.id == asked.about)
        if not file.exists():
            page = wires.again(grey)
            assert page.ask("GET", asked.path.replace("/delete", "/media"))[0] in (404, 409)
        assert again(asked)[0] == 303
        (found,) = kept(Recording, Recording.id == asked.about)
        assert (found["status"], file.exists()) == (Recording.DELETED, False)

    at_every_moment(prepare, check, least=3)
