"""Many at once on Twilio, over two workers of the real server; and what Twilio and the logs got to know."""

import json
import logging
import socket
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from support import apps
from support.browsers import until
from support.databases import on_sqlite
from support.domain import page_id, rows
from support.server import Server
from support.wire import Wires
from test_races import CALLERS, at_once, callers, post

from telehealth import clock, people, visits
from telehealth.models import AuditEntry, Room, Session, SignIn, Status
from telehealth.times import iso

STARTS = 40


@pytest.fixture
def app(twilio_app, twilio):
    twilio.callbacks.lost = set()
    return twilio_app


@pytest.fixture
def server(database_url, tmp_path, app, twilio_settings):
    """The real server with two workers, for which the double is Twilio."""
    server = Server(tmp_path, database_url, **twilio_settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def wires(server):
    wires = Wires(server)
    yield wires
    wires.close()


def settled(twilio):
    """Wait until every callback went out."""
    until(lambda: twilio.callbacks.idle)


def test_eight_callers_and_forty_starts_come_to_forty_rooms(app, wires, clinic, twilio):
    visit = clinic.visit()
    sessions = [clinic.session(visit=visit) for _ in range(STARTS)]
    doors = callers(wires, "dr_grey")
    assert len(doors) == CALLERS

    def starts(door):
        return [door.ask("POST", f"/api/v1/telemedicine/{session.id}/start/") for session in sessions]

    answers = [answer for found in at_once([partial(starts, door) for door in doors]) for answer in found]
    assert Counter(status for status, _ in answers) == {200: STARTS, 409: STARTS * (CALLERS - 1)}
    names = Counter(room.name for room in twilio.rooms)
    assert {names[session.room] for session in sessions} == {1}
    open_rooms = [room for room in twilio.rooms if room.status == "in-progress"]
    assert len([room for room in open_rooms if room.name in {one.room for one in sessions}]) == STARTS
    with app.app_context():
        ids = [session.id for session in sessions]
        found = rows(Session, Session.id.in_(ids))
        kept = Counter(row["session_id"] for row in rows(Room))
        started = Counter(row["object_id"] for row in rows(AuditEntry, AuditEntry.action == "session.start"))
    assert {row["status"] for row in found} == {Status.IN_PROGRESS}
    assert kept == started == Counter(ids)


def test_tokens_asked_for_at_once_make_a_dead_room_again_once(app, wires, clinic, twilio, rooms):
    doors = callers(wires, "dr_grey", "ana")
    for _ in range(4):
        session = clinic.session(Status.IN_PROGRESS)
        twilio.kill_room(session.room)
        pages = [page_id() for _ in doors]
        enters = [
            post(door, f"/telemedicine/{session.id}/call/enter", {"participant": page})
            for door, page in zip(doors, pages, strict=True)
        ]
        at_once(enters)
        found = at_once(
            [
                post(door, f"/telemedicine/{session.id}/call/room", {"participant": page})
                for door, page in zip(doors, pages, strict=True)
            ]
        )
        assert {answers[0][0] for answers in found} <= {200, 410}
        assert [room.status for room in rooms.of(session)] == ["completed", "in-progress"]


def test_an_end_while_others_come_in_leaves_no_open_room(app, wires, clinic, twilio, rooms):
    doors = callers(wires, "ana", "dr_grey")
    for _ in range(4):
        session = clinic.session(Status.IN_PROGRESS)
        twilio.kill_room(session.room)
        works = [post(door, "/api/v1/telemedicine/token/", {"session_id": session.id}) for door in doors[:-1]]
        works.append(post(doors[-1], f"/api/v1/telemedicine/{session.id}/end/"))
        answers = [found[0][0] for found in at_once(works)]
        assert answers[-1] == 200
        assert set(answers) <= {200, 409}, answers
        assert rooms.open(session) == []
        assert clinic.now(session).status == Status.COMPLETED


def test_pages_are_answered_while_the_provider_hangs(wires, clinic, twilio):
    sessions = [clinic.session(visit=visit) for visit in [clinic.visit()] for _ in range(CALLERS - 2)]
    doors = callers(wires, "dr_grey")
    twilio.faults.hang()
    starts = [
        post(door, f"/api/v1/telemedicine/{session.id}/start/")
        for door, session in zip(doors, sessions, strict=False)
    ]

    def pages(door):
        begin = clock.now()
        found = [(door.ask("GET", "/api/v1/visits/")[0], "") for _ in range(10)]
        return [*found, (0 if clock.now() - begin < timedelta(seconds=8) else 1, "slow")]

    try:
        answers = at_once([*starts, *(partial(pages, door) for door in doors[-2:])])
    finally:
        twilio.faults.clear()
    assert {found[0][0] for found in answers[:-2]} == {503}
    assert [[status for status, _ in found] for found in answers[-2:]] == [[200] * 10 + [0]] * 2
    assert {clinic.now(session).status for session in sessions} == {Status.SCHEDULED}


@on_sqlite
def test_bytes_that_are_no_text_are_refused_by_the_real_server(server):
    for target in (b"/sign-in?a=\xff", b"/webhooks/twilio/room?\xc3", b"/visits?\xff"):
        with socket.create_connection(("127.0.0.1", server.port), 10) as line:
            head = b"Host: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            line.sendall(b"POST " + target + b" HTTP/1.1\r\n" + head)
            assert line.recv(100).split()[1] == b"400", target


CANARY = "Zaunkönigin"


def test_nothing_of_a_person_reaches_twilio_or_a_log(
    app, server, clinic, twilio, rooms, dr_grey, ana, sam, caplog
):
    wires = Wires(server)
    # They sign in before they are given names and addresses that can be searched for.
    doctor, patient = (wires.of(key) for key in ("dr_grey", "ana"))
    caplog.set_level(logging.DEBUG)
    with app.app_context():
        for who in (dr_grey, ana):
            user = people.by_email(who.part.email)
            details = people.Details(
                f"zaunkoenigin{who.part.role}@people.example",
                f"{CANARY} {who.key}",
                "+49 30 9182736",
                who.part.date_of_birth,
            )
            people.change(user, details, by=sam.actor)
        visit = visits.open_visit(ana.id, dr_grey.id, f"{CANARY} cough", by=dr_grey.actor)
    start = iso(clock.now() + timedelta(hours=1))
    sent = {"visit_id": visit.id, "scheduled_start": start, "notes": f"{CANARY} notes"}
    status, text = doctor.ask("POST", "/api/v1/telemedicine/", sent)
    assert status == 201, text
    session_id = json.loads(text)["id"]
    session = clinic.now(session_id)
    tokens = []
    assert doctor.ask("POST", f"/api/v1/telemedicine/{session_id}/start/")[0] == 200
    for door, who in ((doctor, dr_grey), (patient, ana)):
        page = page_id()
        status, text = door.ask("POST", f"/telemedicine/{session_id}/call/enter", {"participant": page})
        assert status == 200, text
        tokens.append(json.loads(text)["ticket"]["token"])
        rooms.come_in(session, who.id)
        door.ask(
            "POST", f"/telemedicine/{session_id}/call/presence", {"participant": page, "state": "connected"}
        )
    link = json.loads(doctor.ask("POST", f"/api/v1/telemedicine/{session_id}/link/")[1])["url"]
    twilio.kill_room(session.room)
    doctor.ask("POST", f"/telemedicine/{session_id}/call/room", {"participant": page})
    settled(twilio)
    assert doctor.ask("POST", f"/api/v1/telemedicine/{session_id}/end/")[0] == 200
    sent["scheduled_start"] = iso(clock.now() + timedelta(hours=3))
    other = json.loads(doctor.ask("POST", "/api/v1/telemedicine/", sent)[1])["id"]
    twilio.faults.fail(401)
    assert doctor.ask("POST", f"/api/v1/telemedicine/{other}/start/")[0] == 502
    twilio.faults.clear()
    settled(twilio)
    wires.close()

    with app.app_context():
        cookies = [row["token_hash"] for row in rows(SignIn)]
    told = [one for one in twilio.delivered if one.parameters["RoomName"] == session.room]
    assert {one.event for one in told} >= {"participant-connected", "participant-disconnected", "room-ended"}
    assert {one.status for one in told} == {204}
    secrets = [*twilio.settings.values(), apps.SECRET_KEY, *tokens, *cookies, link.rpartition("/")[2]]
    secrets.remove(twilio.account_sid)
    secrets.remove(twilio.api_key)
    personal = [
        CANARY,
        CANARY.lower(),
        "zaunkoenigin",
        "people.example",
        "9182736",
        "1984-05-17",
        "cough",
        "notes",
    ]
    ids = [session_id, visit.id, dr_grey.id, ana.id]
    seen = twilio.everything_seen()
    assert session.room in seen, "nothing was searched"
    for place, words in (
        ("Twilio", [*personal, *ids, twilio.auth_token, twilio.api_secret, *secrets]),
        ("the log", [*personal, *secrets]),
    ):
        text = {"Twilio": seen, "the log": server.log + caplog.text}[place]
        assert [word for word in words if word.casefold() in text.casefold()] == [], place
