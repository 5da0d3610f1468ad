"""Rooms of sessions at the double of Twilio: opened, dead, opened again, closed; who is put out of them."""

import json
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import update
from support.bad_days import PASSING, WRONG_CREDENTIALS, each
from support.calling import come_in, end, now, say, start, ticket, web
from support.databases import on_sqlite
from support.domain import NOW, page_id, rows
from support.twilio_rooms import connections_while_asking

from telehealth import attendance, calls, reconcile, sessions, video
from telehealth.errors import (
    NotAllowed,
    ProviderRefused,
    ProviderUnavailable,
    WrongState,
)
from telehealth.extensions import db
from telehealth.models import Room, Session, Status
from telehealth.store import transaction

pytestmark = [pytest.mark.twilio(quickly=True), pytest.mark.usefixtures("inside")]
HOUR = timedelta(hours=1)
WAIT = "The video service does not answer. Nothing is lost. Try again in a minute."
CREDENTIALS = "The video service does not accept the clinic’s access data. Staff have to check them."


def is_open(session):
    return rows(Session, Session.id == session.id)[0]["room_open"]


def known(session):
    return rows(Room, Room.session_id == session.id)


def test_a_start_opens_one_room_under_a_name_that_says_nothing(clinic, rooms, dr_grey):
    session = clinic.session()
    assert rooms.of(session) == []
    start(session, dr_grey)
    (room,) = rooms.of(session)
    assert [one["provider_id"] for one in known(session)] == [room.sid]
    assert len(room.name) == 32
    assert session.id not in room.name
    assert is_open(session)


def test_a_start_whose_reply_was_lost_comes_to_the_same_room(clinic, rooms, twilio, dr_grey):
    session = clinic.session()
    twilio.faults.cut("POST /v1/Rooms", times=1)
    assert start(session, dr_grey).status == Status.IN_PROGRESS
    assert len(rooms.of(session)) == len(known(session)) == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, CREDENTIALS), (403, CREDENTIALS), (400, "The video service refused to open a room.")],
)
def test_a_start_that_is_refused_for_good_fails_with_a_reason(clinic, rooms, twilio, dr_grey, status, reason):
    session = clinic.session()
    twilio.faults.fail(status)
    with pytest.raises(ProviderRefused) as caught:
        start(session, dr_grey)
    failed = now(session, dr_grey)
    assert (failed.status, failed.failure_reason) == (Status.FAILED, reason)
    assert caught.value.message == reason
    assert clinic.history(session)[-1] == "session.fail"
    page = web(lambda: dr_grey.get(f"/visits/{session.visit_id}/telemedicine"))
    assert failed.failure_reason in page.text
    assert "Create again" in page.buttons()


@each(PASSING)
def test_a_start_that_fails_for_now_can_be_tried_again(clinic, rooms, twilio, dr_grey, trouble):
    session = clinic.session()
    trouble(twilio.faults)
    answer = web(lambda: dr_grey.api("POST", f"/telemedicine/{session.id}/start/"))
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "provider_unavailable")
    assert answer.json["error"]["message"] == WAIT
    assert now(session, dr_grey).status == Status.SCHEDULED
    twilio.faults.clear()
    assert start(session, dr_grey).status == Status.IN_PROGRESS
    assert len(rooms.open(session)) == 1


def test_a_start_that_loses_against_a_cancel_leaves_no_room(clinic, rooms, twilio, dr_grey, sam, monkeypatch):
    session = clinic.session()
    genuine = type(video.provider()).open_room

    def open_room(self, room):
        sid = genuine(self, room)
        sessions.cancel(now(session, sam), by=sam.actor)
        return sid

    monkeypatch.setattr(type(video.provider()), "open_room", open_room)
    with pytest.raises(WrongState):
        start(session, dr_grey)
    assert clinic.now(session).status == Status.CANCELLED
    assert [room.status for room in rooms.of(session)] == ["completed"]
    assert not is_open(session)


def test_a_room_left_by_a_start_that_broke_off_is_closed_after_a_cancel(clinic, rooms, twilio, dr_grey):
    session = clinic.session()
    twilio.faults.cut()
    with pytest.raises(ProviderUnavailable):
        start(session, dr_grey)
    twilio.faults.clear()
    assert len(rooms.open(session)) == 1
    sessions.cancel(now(session, dr_grey), by=dr_grey.actor)
    reconcile.run(video=video.provider())
    assert rooms.open(session) == []
    assert not is_open(session)


def test_a_room_that_died_and_told_so_is_made_again_for_the_next_token(clinic, rooms, twilio, ana):
    session = clinic.session(Status.IN_PROGRESS)
    sid = rooms.of(session)[0].sid
    twilio.kill_room(sid)
    ended = next(one for one in reversed(list(video.provider().look(session.room, sid).happenings())))
    attendance.apply(ended)
    assert ticket(session, ana).room == session.room
    assert [room.status for room in rooms.of(session)] == ["completed", "in-progress"]
    assert {one["provider_id"] for one in known(session)} == {room.sid for room in rooms.of(session)}


def test_a_room_that_died_unheard_of_is_made_again_after_an_hour(clinic, rooms, twilio, ana, moment):
    session = clinic.session(Status.IN_PROGRESS)
    twilio.kill_room(rooms.of(session)[0].sid)
    ticket(session, ana)
    assert rooms.open(session) == [], "asked about although it was just there"
    moment.shift(HOUR)
    ticket(session, ana)
    assert len(rooms.open(session)) == 1


def test_a_page_that_found_no_room_has_it_made_again(clinic, rooms, twilio, ana):
    session = clinic.session(Status.IN_PROGRESS)
    page = page_id()
    calls.enter(now(session, ana), page, by=ana.actor)
    twilio.kill_room(rooms.of(session)[0].sid)
    for _ in range(2):
        answer = say(session, ana, "room", page)
        assert answer.status_code == 200, answer.text
    assert [room.status for room in rooms.of(session)] == ["completed", "in-progress"]


def test_a_patient_who_comes_in_after_an_hour_finds_a_room(clinic, rooms, twilio, ana, moment):
    session = clinic.session(Status.IN_PROGRESS)
    twilio.kill_room(rooms.of(session)[0].sid)
    moment.shift(HOUR)
    answer = say(session, ana, "enter", page_id())
    assert (answer.status_code, answer.json["ticket"]["room"]) == (200, session.room)
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(rooms.open(session)) == 1


def test_a_waiting_patient_makes_no_room(clinic, rooms, ana):
    session = clinic.session()
    assert ticket(session, ana).room == session.room
    assert rooms.of(session) == []


@each(PASSING)
def test_a_token_that_cannot_be_had_now_is_a_matter_of_trying_again(clinic, twilio, ana, moment, trouble):
    session = clinic.session(Status.IN_PROGRESS)
    moment.shift(HOUR)
    fault = trouble(twilio.faults)
    answer = web(lambda: ana.api("POST", "/telemedicine/token/", json={"session_id": session.id}))
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "provider_unavailable")
    assert answer.json["error"]["message"] == WAIT
    assert fault.met == 3
    twilio.faults.clear()
    again = web(lambda: ana.api("POST", "/telemedicine/token/", json={"session_id": session.id}))
    assert again.status_code == 200


@each(WRONG_CREDENTIALS)
def test_a_token_that_cannot_be_had_before_staff_see_to_it_says_so_and_fails_nothing(
    clinic, twilio, ana, moment, trouble
):
    session = clinic.session(Status.IN_PROGRESS)
    moment.shift(HOUR)
    fault = trouble(twilio.faults)
    answer = web(lambda: ana.api("POST", "/telemedicine/token/", json={"session_id": session.id}))
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "provider_unavailable")
    assert answer.json["error"]["message"] == CREDENTIALS
    assert fault.met == 1
    assert clinic.now(session).status == Status.IN_PROGRESS
    twilio.faults.clear()
    assert ticket(session, ana).room == session.room


@each({**PASSING, **WRONG_CREDENTIALS})
def test_who_comes_in_while_the_provider_is_out_of_reach_gets_a_ticket_all_the_same(
    clinic, twilio, ana, moment, trouble
):
    session = clinic.session(Status.IN_PROGRESS)
    moment.shift(HOUR)
    trouble(twilio.faults)
    answer = say(session, ana, "enter", page_id())
    assert answer.status_code == 200
    assert answer.json["ticket"]["room"] == session.room


def test_a_fresh_token_needs_no_word_with_the_provider(clinic, twilio, ana, dr_grey):
    session = clinic.session(Status.IN_PROGRESS)
    fault = twilio.faults.refuse()
    assert ticket(session, ana).identity != ticket(session, dr_grey).identity
    assert fault.met == 0


def test_an_end_closes_the_room_for_everybody(clinic, rooms, dr_grey, ana):
    session = clinic.session(Status.IN_PROGRESS)
    rooms.come_in(session, ana.id)
    assert end(session, dr_grey).status == Status.COMPLETED
    assert rooms.open(session) == []
    assert not is_open(session)
    assert known(session)[0]["closed_at"] is not None


@each({**PASSING, **WRONG_CREDENTIALS})
def test_an_end_without_the_provider_ends_and_the_room_is_closed_later(
    clinic, rooms, twilio, dr_grey, ana, trouble
):
    session = clinic.session(Status.IN_PROGRESS)
    rooms.come_in(session, ana.id)
    trouble(twilio.faults)
    assert end(session, dr_grey).status == Status.COMPLETED
    assert is_open(session)
    assert reconcile.run(video=video.provider()).unreachable == 1
    twilio.faults.clear()
    assert reconcile.run(video=video.provider()).closed == 1
    assert rooms.open(session) == []
    assert not is_open(session)


def test_no_token_after_the_end(clinic, dr_grey, ana, sam):
    session = clinic.session(Status.IN_PROGRESS)
    end(session, dr_grey)
    for who in (dr_grey, ana):
        with pytest.raises(WrongState):
            ticket(session, who)
        sent = {"session_id": session.id}
        answer = web(partial(who.api, "POST", "/telemedicine/token/", json=sent))
        assert (answer.status_code, "token" in answer.text) == (409, False)
    with pytest.raises(NotAllowed):
        ticket(session, sam)


def test_no_connection_to_the_database_is_held_while_the_provider_is_asked(
    app, clinic, rooms, twilio, dr_grey, ana, ben, sam, moment
):
    session = clinic.session()
    for who in (dr_grey, ana, sam):
        web(who.ensure_signed_in)
    session_id = {"session_id": session.id}
    with connections_while_asking(app, twilio) as held:
        web(lambda: dr_grey.api("POST", f"/telemedicine/{session.id}/start/"))
        with transaction():
            db.session.execute(update(Room).values(checked_at=NOW - HOUR))
        web(lambda: ana.api("POST", "/telemedicine/token/", json=session_id))
        come_in(session, rooms, ana)
        asked = len(held)
        web(lambda: ana.post("/sign-out", {}))
        assert len(held) == asked + 1
        reconcile.run(video=video.provider())
        web(lambda: dr_grey.api("POST", f"/telemedicine/{session.id}/end/"))
        moment.shift(HOUR)
        reconcile.run(video=video.provider())
    assert len(held) >= 7
    assert set(held) == {0}


@on_sqlite
def test_pages_and_embedded_data_hold_no_token(clinic, dr_grey, ana):
    session = clinic.session(Status.IN_PROGRESS)
    page = web(lambda: ana.ensure_signed_in().client.get(f"/telemedicine/{session.id}/call"))
    assert "eyJ" not in page.text
    answer = web(lambda: ana.api("POST", "/telemedicine/token/", json={"session_id": session.id}))
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.text)["provider"] == "twilio"
