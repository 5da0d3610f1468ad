"""Event streams on the real server: what one worker changes is heard on the streams of all."""

import re

import psycopg
import pytest
from support.databases import on_sqlite
from support.domain import page_id
from support.wire import Events, Wire, Wires

CHANGED = {"event": "changed", "data": "{}"}


@pytest.fixture
def wires(server):
    """Connections to a server whose workers all listen for changes already."""
    wires = Wires(server)
    for wire in wires.each_worker("dr_grey"):
        # Whoever opens the first stream of a worker is told to look, once that listens.
        assert Events(wire, "/live").next() == CHANGED
    yield wires
    wires.close()


def press(wire: Wire, session, step: str) -> None:
    status, text = wire.ask("POST", f"/api/v1/telemedicine/{session.id}/{step}/")
    assert status in (200, 201), text


def enter(wire: Wire, session, page: str) -> None:
    _, ticket = wire.ask("POST", "/api/v1/telemedicine/token/", {"session_id": session.id})
    token = re.search(r'"token":"([^"]+)"', ticket)
    assert token is not None, ticket
    sent = {"participant": page, "token": token[1]}
    status, text = wire.ask("POST", f"/telemedicine/{session.id}/call/enter", sent)
    assert status == 200, text


def until(stream: Events, kind: str) -> dict[str, str]:
    """The next event of a kind; those before it are passed over."""
    while event := stream.next():
        if event["event"] == kind:
            return event
    raise AssertionError(f"the stream ended without {kind}")


def test_a_change_through_one_worker_is_heard_on_streams_of_all(wires, clinic):
    doors = wires.each_worker("dr_grey")
    streams = [wires.listen(ear) for ear in wires.each_worker("dr_grey")]
    assert streams[0].type.startswith("text/event-stream")
    for door in doors:
        session = clinic.session()
        for step in ("start", "end"):
            for stream in streams:
                stream.settle()
            press(door, session, step)
            for stream in streams:
                assert stream.next() == CHANGED


def test_everybody_hears_of_their_own_and_nobody_of_others(wires, clinic):
    session = clinic.session()
    foreign = clinic.session(visit=clinic.visit("dr_house", "ben"))
    streams = {key: wires.listen(wires.of(key)) for key in ("dr_grey", "dr_house", "ana", "ben", "sam")}
    for doctor, what, concerned in (
        ("dr_grey", session, ("dr_grey", "ana", "sam")),
        ("dr_house", foreign, ("dr_house", "ben", "sam")),
    ):
        press(wires.of(doctor), what, "start")
        for key in concerned:
            assert streams[key].next() == CHANGED
        for key, stream in streams.items():
            assert key in concerned or stream.is_silent(), key
            stream.settle()


def test_a_visitor_of_a_link_hears_of_their_session_alone(wires, clinic):
    visit = clinic.visit()
    session, other = clinic.session(visit=visit), clinic.session(visit=visit)
    stream = wires.listen(wires.by_link(clinic.link(session)))
    press(wires.of("dr_grey"), other, "start")
    assert stream.is_silent()
    press(wires.of("dr_grey"), session, "start")
    assert stream.next() == CHANGED


def test_messages_between_two_pages_cross_the_workers(wires, clinic):
    session = clinic.session("IN_PROGRESS")
    doctor, patient = page_id(), page_id()
    enter(wires.of("dr_grey"), session, doctor)
    enter(wires.of("ana"), session, patient)
    call = f"/telemedicine/{session.id}/call"
    inbox = f"{call}/inbox?participant={patient}"
    streams = [Events(ear, inbox) for ear in wires.each_worker("ana")]
    doors = wires.each_worker("dr_grey")
    for number, door in enumerate(doors):
        message = {"to": patient, "id": str(number), "body": {"restart": True}}
        sent = {"participant": doctor, "messages": [message]}
        assert door.ask("POST", f"{call}/signal", sent) == (200, "{}\n")
        for stream in streams:
            event = until(stream, "signal")
            assert f'"id": "{number}"' in event["data"]
            assert f'"from": "{doctor}"' in event["data"]
    after_a_break = Events(wires.of("ana"), inbox, **{"Last-Event-ID": str(int(event["id"]) - 1)})
    assert until(after_a_break, "signal") == event
    press(doors[0], session, "end")
    for stream in streams:
        assert until(stream, "changed")


def test_a_page_that_was_replaced_is_told_and_its_stream_ends(wires, clinic):
    session = clinic.session()
    first, second = page_id(), page_id()
    enter(wires.of("ana"), session, first)
    inbox = f"/telemedicine/{session.id}/call/inbox?participant={first}"
    stream = Events(wires.of("ana"), inbox)
    enter(wires.of("ana"), session, second)
    assert until(stream, "replaced")
    assert wires.of("ana").ask("GET", inbox)[0] == 410


@on_sqlite
def test_the_stream_of_somebody_put_out_ends(wires, clinic):
    session = clinic.session()
    phone = wires.by_link(clinic.link(session))
    stream = wires.listen(phone)
    status, _ = wires.of("dr_grey").ask("POST", f"/telemedicine/{session.id}/link/revoke")
    assert status == 303
    assert stream.next() is None
    assert wires.again(phone).ask("GET", "/live")[0] == 401


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_changes_are_heard_again_after_the_database_hung_up(wires, clinic, database_url):
    session = clinic.session()
    stream = wires.listen(wires.of("dr_grey"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        gone = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        ).fetchall()
    assert gone
    # What happened in between was heard by nobody: the stream is told to look.
    assert stream.next() == CHANGED
    press(wires.of("dr_grey"), session, "start")
    assert stream.next() == CHANGED
