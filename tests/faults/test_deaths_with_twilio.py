"""A worker is killed at every moment of its work with Twilio: no room is forgotten, nobody counted twice."""

from urllib.parse import urlencode

import pytest
from support.databases import on_sqlite
from support.deaths import Asked, again, at_every_moment, put_right
from support.domain import rows
from support.server import Server
from support.wire import Wire

from telehealth.models import Attendance, AuditEntry, Room, Status

pytestmark = pytest.mark.twilio

HOOK = "/webhooks/twilio/room"


@pytest.fixture
def server(database_url, tmp_path, app, twilio_settings):
    server = Server(tmp_path, database_url, "support.mortal:app", **twilio_settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def grey(wires):
    return wires.of("dr_grey")


@pytest.fixture
def visit(clinic):
    return clinic.visit()


def path_of(session, step):
    return f"/api/v1/telemedicine/{session.id}/{step}/"


def entries(app, action, session):
    with app.app_context():
        return len(rows(AuditEntry, AuditEntry.action == action, AuditEntry.object_id == session.id))


def test_a_start_that_broke_off_is_begun_again_in_the_same_room(app, clinic, visit, rooms, grey):
    def prepare():
        session = clinic.session(visit=visit)
        return Asked(session, grey, path_of(session, "start"))

    def check(asked):
        taken = clinic.now(asked.about).status == Status.IN_PROGRESS
        assert entries(app, "session.start", asked.about) == taken
        status, text = again(asked)
        assert status == (409 if taken else 200), text
        assert clinic.now(asked.about).status == Status.IN_PROGRESS
        assert len(rooms.of(asked.about)) == len(rooms.open(asked.about)) == 1
        with app.app_context():
            assert len(rows(Room, Room.session_id == asked.about.id)) == 1

    at_every_moment(prepare, check, least=6)
    put_right(app)


@on_sqlite
def test_a_start_that_broke_off_and_is_given_up_leaves_no_room(app, clinic, visit, rooms, grey):
    def prepare():
        session = clinic.session(visit=visit)
        return Asked(session, grey, path_of(session, "start"))

    def check(asked):
        step = "end" if clinic.now(asked.about).status == Status.IN_PROGRESS else "cancel"
        assert again(asked._replace(path=path_of(asked.about, step)))[0] == 200
        put_right(app)
        assert rooms.open(asked.about) == []

    at_every_moment(prepare, check, least=6)


@on_sqlite
def test_an_end_that_broke_off_is_the_end_and_its_room_is_closed_later(app, clinic, visit, rooms, grey):
    def prepare():
        session = clinic.session(Status.IN_PROGRESS, visit=visit)
        return Asked(session, grey, path_of(session, "end"))

    def check(asked):
        over = clinic.now(asked.about).status == Status.COMPLETED
        assert over == entries(app, "session.end", asked.about)
        duration = clinic.now(asked.about).duration_seconds
        assert again(asked)[0] == (409 if over else 200)
        assert not over or clinic.now(asked.about).duration_seconds == duration
        put_right(app)
        assert rooms.open(asked.about) == []
        assert entries(app, "session.end", asked.about) == 1

    at_every_moment(prepare, check, least=4)


@on_sqlite
def test_a_token_for_a_room_that_died_is_had_by_asking_again(app, clinic, visit, rooms, twilio, grey):
    def prepare():
        session = clinic.session(Status.IN_PROGRESS, visit=visit)
        twilio.kill_room(session.room)
        put_right(app)
        return Asked(session, grey, "/api/v1/telemedicine/token/", {"session_id": session.id})

    def check(asked):
        status, text = again(asked)
        assert status == 200, text
        assert clinic.now(asked.about).status == Status.IN_PROGRESS
        assert [room.status for room in rooms.of(asked.about)] == ["completed", "in-progress"]
        assert entries(app, "session.token", asked.about) in (1, 2)

    at_every_moment(prepare, check, least=6)
    put_right(app)


@pytest.mark.parametrize("event", ["participant-connected", "participant-disconnected", "room-ended"])
def test_a_callback_that_was_not_answered_counts_once_when_it_comes_again(
    app, server, clinic, visit, rooms, twilio, ana, event
):
    def prepare():
        session = clinic.session(Status.IN_PROGRESS, visit=visit)
        stay = rooms.come_in(session, ana.id)
        if event != "participant-connected":
            post(told("participant-connected", session))
        if event == "participant-disconnected":
            rooms.go(stay)
        if event == "room-ended":
            twilio.kill_room(session.room)
        return told(event, session)

    def told(event, session):
        fields = twilio.parameters(event, session.room, rooms.identity(session, ana.id))
        headers = {
            "X-Twilio-Signature": twilio.sign(server.url + HOOK, fields),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return Asked(session, Wire(server, {}), HOOK, urlencode(fields).encode(), headers)

    def post(asked):
        status, text = again(asked)
        assert status == 204, text

    def check(asked):
        post(asked)
        with app.app_context():
            (room,) = rows(Room, Room.session_id == asked.about.id)
            (stay,) = rows(Attendance, Attendance.room_id == room["id"])
        assert (stay["left_at"] is None) == (event == "participant-connected")
        assert (room["closed_at"] is None) == (event != "room-ended")
        assert entries(app, "session.join", asked.about) == 1
        assert entries(app, "session.leave", asked.about) == (event != "participant-connected")

    at_every_moment(prepare, check, least=1)
    put_right(app)
