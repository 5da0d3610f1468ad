"""Who loses the right to be in a room at the double of Twilio gets no ticket, and is put out of it."""

from datetime import timedelta
from functools import partial

import pytest
from support.bad_days import PASSING, WRONG_CREDENTIALS, each
from support.calling import come_in, end, now, say, ticket, web
from support.cast import PASSWORD
from support.domain import page_id, rows
from support.pages import Visitor

from telehealth import access, calls, chores, links, people, reconcile, sessions, sign_ins, video
from telehealth.access import Actor
from telehealth.errors import (
    Gone,
    NotFound,
    Unauthenticated,
    WrongState,
)
from telehealth.models import Attendance, Status
from telehealth.origin import Origin

pytestmark = [pytest.mark.twilio(quickly=True), pytest.mark.usefixtures("inside")]
HOUR = timedelta(hours=1)


@pytest.fixture
def meanwhile(clinic, rooms, twilio, moment, monkeypatch):
    """A session whose room died; while Twilio makes it again, something else happens."""
    session = clinic.session(Status.IN_PROGRESS)
    twilio.kill_room(rooms.of(session)[0].sid)
    moment.shift(HOUR)
    genuine = type(video.provider()).open_room

    def meanwhile(act):
        def open_room(self, room):
            act(session)
            return genuine(self, room)

        monkeypatch.setattr(type(video.provider()), "open_room", open_room)
        return session

    return meanwhile


def test_no_ticket_for_a_session_that_ended_while_its_room_was_made_again(meanwhile, rooms, dr_grey, ana):
    session = meanwhile(lambda session: end(session, dr_grey))
    with pytest.raises(WrongState):
        ticket(session, ana)
    assert rooms.open(session) == []


def test_no_ticket_for_who_was_kept_out_while_the_room_was_made_again(meanwhile, sam, ana):
    session = meanwhile(
        lambda _: people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor)
    )
    with pytest.raises(Unauthenticated):
        ticket(session, ana)


def test_a_sign_out_elsewhere_leaves_alone_who_came_in_by_another_right(clinic, rooms, ana):
    session = clinic.session(Status.IN_PROGRESS)
    program = Actor(ana.id, "patient", via="token")
    sessions.ticket(access.load_session(session.id, by=program), by=program, video=video.provider())
    rooms.come_in(session, ana.id)
    sign_ins.sign_out(signed_in(ana))
    assert rooms.inside(session) == {rooms.identity(session, ana.id)}


def test_a_sign_out_elsewhere_leaves_alone_a_page_that_is_lost_for_the_moment(clinic, rooms, ana, moment):
    session = clinic.session(Status.IN_PROGRESS)
    come_in(session, rooms, ana)
    moment.shift(60)
    chores.run(video=video.provider())
    sign_ins.sign_out(signed_in(ana))
    assert rooms.inside(session) == {rooms.identity(session, ana.id)}
    assert reconcile.run(video=video.provider()).put_out == 0


def test_whose_page_left_while_their_browser_stayed_in_the_room_is_put_out(clinic, rooms, dr_grey, ana):
    session = clinic.session(Status.IN_PROGRESS)
    token, _link = links.make(session, by=dr_grey.actor)
    cookie = links.sign_in(links.find(token), Origin())
    visitor = sign_ins.find(cookie, Origin(), passive=True, in_call=True)
    page = page_id()
    calls.enter(access.load_session(session.id, by=visitor), page, by=visitor)
    calls.step_out(access.load_session(session.id, by=visitor), page, by=visitor)
    rooms.come_in(session, ana.id)
    links.revoke(now(session, dr_grey), by=dr_grey.actor)
    assert rooms.inside(session) == set()


def signed_in(person) -> Actor:
    """The person at another desk."""
    cookie = sign_ins.sign_in(person.part.email, PASSWORD, Origin())
    return sign_ins.find(cookie, Origin(), passive=True, in_call=True)


LOSSES = {
    "deactivated": lambda session, who, sam: people.set_active(
        access.load_person(who.id, by=sam.actor), False, by=sam.actor
    ),
    "signed out": lambda session, who, sam: web(lambda: who.post("/sign-out", {})),
}


@pytest.mark.parametrize("down", [False, True], ids=["provider up", "provider down"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_who_loses_the_right_is_put_out_of_the_room(clinic, rooms, twilio, dr_grey, ana, sam, loss, down):
    session = clinic.session(Status.IN_PROGRESS)
    come_in(session, rooms, dr_grey, ana)
    if down:
        twilio.faults.refuse()
    loss(session, ana, sam)
    doctor = rooms.identity(session, dr_grey.id)
    if down:
        assert len(rooms.inside(session)) == 2
        twilio.faults.clear()
        assert reconcile.run(video=video.provider()).put_out == 1
    assert rooms.inside(session) == {doctor}
    assert reconcile.run(video=video.provider()).put_out == 0
    assert web(lambda: ana.client.get("/patient-portal/dashboard")).status_code == 303
    page = Visitor(ana.client)
    assert say(session, page, "enter", page_id()).status_code == 401


@pytest.mark.parametrize("down", [False, True], ids=["provider up", "provider down"])
def test_a_revoked_link_puts_its_visitor_out_of_the_room(app, clinic, rooms, twilio, dr_grey, ana, down):
    session = clinic.session(Status.IN_PROGRESS)
    token, _link = links.make(session, by=dr_grey.actor)
    cookie = links.sign_in(links.find(token), Origin())
    visitor = sign_ins.find(cookie, Origin(), passive=True, in_call=True)
    calls.enter(access.load_session(session.id, by=visitor), page_id(), by=visitor)
    rooms.come_in(session, ana.id)
    if down:
        twilio.faults.refuse()
    links.revoke(now(session, dr_grey), by=dr_grey.actor)
    if down:
        assert len(rooms.inside(session)) == 1
        twilio.faults.clear()
        assert reconcile.run(video=video.provider()).put_out == 1
    assert rooms.inside(session) == set()
    assert sign_ins.find(cookie, Origin(), passive=True, in_call=True) is None
    with pytest.raises((Gone, NotFound)):
        links.find(token)


@pytest.mark.parametrize("down", [False, True], ids=["provider up", "provider down"])
@pytest.mark.parametrize("by_link", [True, False], ids=["link", "password"])
def test_who_came_in_without_a_page_is_put_out_with_their_sign_in(
    app, clinic, rooms, twilio, dr_grey, ana, by_link, down
):
    session = clinic.session(Status.IN_PROGRESS)
    if by_link:
        token, _link = links.make(session, by=dr_grey.actor)
        cookie = links.sign_in(links.find(token), Origin())
    else:
        cookie = sign_ins.sign_in(ana.part.email, PASSWORD, Origin())
    visitor = sign_ins.find(cookie, Origin(), passive=True, in_call=True)
    sessions.ticket(access.load_session(session.id, by=visitor), by=visitor, video=video.provider())
    rooms.come_in(session, ana.id)
    assert reconcile.run(video=video.provider()).put_out == 0
    if down:
        twilio.faults.refuse()
    if by_link:
        links.revoke(now(session, dr_grey), by=dr_grey.actor)
    else:
        sign_ins.sign_out(visitor)
    if down:
        assert len(rooms.inside(session)) == 1
        twilio.faults.clear()
        assert reconcile.run(video=video.provider()).put_out == 1
    assert rooms.inside(session) == set()


def test_a_page_that_was_lost_to_us_is_put_out_with_its_sign_in(clinic, rooms, dr_grey, ana, moment):
    session = clinic.session(Status.IN_PROGRESS)
    come_in(session, rooms, ana)
    moment.shift(60)
    chores.run(video=video.provider())
    assert reconcile.run(video=video.provider()).put_out == 0, "a lost line alone puts nobody out"
    web(lambda: ana.post("/sign-out", {}))
    reconcile.run(video=video.provider())
    assert rooms.inside(session) == set()


@pytest.fixture
def comes_in(app, rooms, twilio):
    """Somebody is in the room and Twilio tells so; gives the status that it is answered with."""

    def comes_in(session, who):
        rooms.come_in(session, who.id)
        name = rooms.identity(session, who.id)
        told = twilio.parameters("participant-connected", rooms.of(session)[0].sid, name)
        headers = {"X-Twilio-Signature": twilio.sign("http://localhost/webhooks/twilio/room", told)}
        post = partial(app.test_client().post, "/webhooks/twilio/room", data=told, headers=headers)
        return web(post).status_code

    return comes_in


def test_who_comes_in_again_with_an_old_ticket_is_turned_away(clinic, rooms, comes_in, dr_grey, ana, sam):
    session = clinic.session(Status.IN_PROGRESS)
    come_in(session, rooms, ana)
    people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor)
    for who, stay in ((ana, False), (dr_grey, True)):
        assert comes_in(session, who) == 204
        assert (rooms.identity(session, who.id) in rooms.inside(session)) == stay


@each({**PASSING, **WRONG_CREDENTIALS})
def test_who_is_to_be_turned_away_while_twilio_is_in_trouble_is_known_and_put_out_afterwards(
    clinic, rooms, twilio, comes_in, ana, sam, trouble
):
    session = clinic.session(Status.IN_PROGRESS)
    come_in(session, rooms, ana)
    people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor)
    fault = trouble(twilio.faults)
    assert comes_in(session, ana) == 204, "Twilio would only tell it again"
    assert fault.met == (3 if trouble in PASSING.values() else 1)
    assert rooms.inside(session) == {rooms.identity(session, ana.id)}
    assert [(stay["user_id"], stay["left_at"]) for stay in rows(Attendance)] == [(ana.id, None)]
    twilio.faults.clear()
    assert reconcile.run(video=video.provider()).put_out == 1
    assert rooms.inside(session) == set()
