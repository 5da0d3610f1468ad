"""Who waits, who is in the call, since when; and who is not heard of any more."""

from datetime import timedelta

import pytest
from support.domain import NOW, entries, head, page_id, rows, told

from telehealth import access, calls, presence, sessions, signals, video
from telehealth.models import Participation, Role, Signal, Status
from telehealth.presence import STALE

SECOND = timedelta(seconds=1)


@pytest.fixture
def session(inside, moment, clinic):
    return clinic.session()


@pytest.fixture
def call(inside, moment, clinic):
    return clinic.session(Status.IN_PROGRESS)


def enter(session, who, page=None):
    page = page or page_id()
    calls.enter(session, page, by=who.actor)
    return page


def connect(session, who):
    page = enter(session, who)
    calls.heard(session, page, by=who.actor, connected=True)
    return page


def here(session, reader):
    return [
        (one.name, one.state, one.since)
        for one in presence.who(access.load_session(session.id, by=reader.actor))
    ]


def state_of(page):
    return rows(Participation, Participation.id == page)[0]["state"]


def test_the_doctor_sees_who_waits_and_since_when(session, dr_grey, ana, moment):
    assert here(session, dr_grey) == []
    page = enter(session, ana)
    moment.shift(60)
    calls.heard(session, page, by=ana.actor, connected=False)
    assert here(session, dr_grey) == [("Ana Lima", "waiting", NOW)]


def test_a_reload_is_no_break_in_the_wait(session, dr_grey, ana, moment):
    since = head()
    enter(session, ana)
    for _ in range(3):
        moment.shift(30)
        enter(session, ana)
    assert here(session, dr_grey) == [("Ana Lima", "waiting", NOW)]
    assert told(since) == ["session.wait by patient", *["session.token by patient"] * 4]


def test_who_comes_back_after_minutes_waits_anew(session, dr_grey, ana, moment):
    since, page = head(), enter(session, ana)
    calls.step_out(session, page, by=ana.actor)
    assert here(session, dr_grey) == []
    moment.shift(120)
    enter(session, ana)
    assert here(session, dr_grey) == [("Ana Lima", "waiting", NOW + 120 * SECOND)]
    assert told(since) == ["session.wait by patient", "session.token by patient"] * 2


def test_the_call_begins_for_each_when_they_come_in(call, dr_grey, ana, moment):
    enter(call, dr_grey)
    moment.shift(20)
    enter(call, ana)
    assert here(call, ana) == [
        ("Dr Maria Grey", "in_call", NOW),
        ("Ana Lima", "in_call", NOW + 20 * SECOND),
    ]


def test_the_wait_does_not_count_as_call(session, dr_grey, ana, moment):
    page = enter(session, ana)
    moment.shift(50)
    sessions.start(session, by=dr_grey.actor, video=video.provider())
    enter(access.load_session(session.id, by=ana.actor), ana, page)
    assert here(session, dr_grey) == [("Ana Lima", "in_call", NOW + 50 * SECOND)]


@pytest.mark.parametrize("state", STALE)
def test_who_is_not_heard_of_is_not_shown_and_then_lost(session, dr_grey, ana, moment, state):
    if state == "in_call":
        sessions.start(session, by=dr_grey.actor, video=video.provider())
    page = enter(access.load_session(session.id, by=ana.actor), ana)
    moment.shift(STALE[state] - SECOND)
    assert [one[1] for one in here(session, dr_grey)] == [state]
    assert presence.sweep() == 0
    moment.shift(2 * SECOND)
    assert here(session, dr_grey) == []
    assert presence.sweep() == 1
    assert presence.sweep() == 0
    assert state_of(page) == "lost"


def test_a_heartbeat_keeps_a_page_here(call, dr_grey, ana, moment):
    page = connect(call, ana)
    for _ in range(10):
        moment.shift(10)
        calls.heard(call, page, by=ana.actor, connected=True)
    assert presence.sweep() == 0
    assert state_of(page) == "in_call"


def test_heartbeats_in_quick_succession_are_not_written_down(call, ana, moment):
    page = connect(call, ana)
    moment.shift(2)
    calls.heard(call, page, by=ana.actor, connected=True)
    assert rows(Participation, Participation.id == page)[0]["seen_at"] == NOW


def test_a_lost_connection_is_told_by_the_system(call, dr_grey, ana, moment):
    enter(call, dr_grey)
    connect(call, ana)
    since = head()
    moment.shift(timedelta(minutes=5))
    presence.sweep()
    assert [(one.action, one.actor_role, one.reason) for one in entries(since)] == [
        ("session.leave", "system", "lost")
    ]


def test_a_page_that_never_connected_is_lost_without_a_word(call, ana, moment):
    enter(call, ana)
    since = head()
    moment.shift(timedelta(minutes=5))
    assert presence.sweep() == 1
    assert told(since) == []


def test_the_others_do_not_hang_up_on_somebody_lost(call, dr_grey, ana, moment):
    """Their media may go on without us all the time."""
    other = connect(call, dr_grey)
    connect(call, ana)
    cursor = rows(Signal)[-1]["seq"]
    moment.shift(timedelta(minutes=5))
    calls.heard(call, other, by=dr_grey.actor, connected=True)
    presence.sweep()
    assert signals.read(other, cursor) == []


def test_leaving_takes_every_page_of_a_person_along(call, dr_grey, ana):
    stays, goes = connect(call, dr_grey), connect(call, ana)
    sessions.leave(call, by=ana.actor)
    assert (state_of(goes), state_of(stays)) == ("left", "in_call")
    assert [one[0] for one in here(call, dr_grey)] == ["Dr Maria Grey"]


def test_leave_is_offered_to_who_is_here(call, ana, moment):
    def allowed():
        return sessions.allowed(access.load_session(call.id, by=ana.actor), ana.actor)

    assert allowed() == ["join"]
    page = enter(call, ana)
    assert allowed() == ["join", "leave"]
    calls.step_out(call, page, by=ana.actor)
    assert allowed() == ["join"]


def test_signals_are_kept_for_an_hour_at_most(call, dr_grey, ana, moment):
    one, two = connect(call, dr_grey), connect(call, ana)
    calls.send(call, one, [{"to": two, "id": "m-1", "body": {}}], by=dr_grey.actor)
    moment.shift(timedelta(minutes=59))
    presence.sweep()
    assert rows(Signal) != []
    moment.shift(timedelta(minutes=2))
    presence.sweep()
    assert rows(Signal) == []


def test_the_part_in_the_call_is_the_part_in_the_session(call, dr_grey, ana):
    assert presence.role_of(dr_grey.actor, call) == Role.DOCTOR
    assert presence.role_of(ana.actor, call) == Role.PATIENT
