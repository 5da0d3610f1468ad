"""Pages that were lost: not heard of for a while, and what happens when they are again."""

from datetime import timedelta

import pytest
from support.calling import OFFER, connect, end, enter, inbox, now, start, states
from support.domain import entries, head, page_id, told

from telehealth import calls, presence, sessions, video
from telehealth.errors import Gone
from telehealth.models import Status
from telehealth.presence import STALE


def test_a_lost_page_that_speaks_while_the_session_ends_stays_out(app, call, dr_grey, ana, moment):
    page = connect(call, ana)
    moment.shift(timedelta(minutes=5))
    presence.sweep()
    with app.app_context():
        end(call, dr_grey)
    assert call.status == Status.IN_PROGRESS
    assert calls.heard(call, page, by=ana.actor, connected=True) == []
    assert states(call) == {page: "lost"}


def test_a_lost_page_that_speaks_again_is_back(call, dr_grey, ana, moment):
    other, page = connect(call, dr_grey), connect(call, ana)
    moment.shift(STALE["in_call"] + timedelta(seconds=1))
    calls.heard(call, other, by=dr_grey.actor, connected=True)
    presence.sweep()
    assert states(call) == {other: "in_call", page: "lost"}
    since = head()
    assert set(calls.heard(call, page, by=ana.actor, connected=True)) == {other, page}
    assert states(call)[page] == "in_call"
    assert [(one.action, one.reason) for one in entries(since)] == [("session.join", "back")]


def test_who_slept_in_the_call_and_who_came_in_meanwhile_meet(call, dr_grey, ana, moment):
    asleep = enter(call, ana)
    moment.shift(STALE["in_call"] + timedelta(seconds=1))
    presence.sweep()
    newcomer = calls.enter(now(call, dr_grey), page_id(), by=dr_grey.actor, offer=OFFER)
    assert ([part.id for part in newcomer.others], newcomer.offered) == ([asleep], asleep)
    assert [kind for kind, _ in inbox(asleep)] == ["participant-joined", "signal"]
    assert set(calls.heard(call, asleep, by=ana.actor, connected=False)) == {asleep, newcomer.me.id}
    calls.step_out(call, newcomer.me.id, by=dr_grey.actor)
    assert inbox(asleep)[-1] == ("participant-left", {"id": newcomer.me.id, "reason": "left"})


def test_who_slept_in_the_waiting_room_and_the_doctor_who_came_in_meanwhile_meet(
    inside, clinic, dr_grey, ana, moment
):
    session = clinic.session()
    asleep = enter(session, ana)
    moment.shift(STALE["waiting"] + timedelta(seconds=1))
    presence.sweep()
    start(session, dr_grey)
    doctor = enter(session, dr_grey)
    assert [kind for kind, _ in inbox(asleep)] == ["participant-joined"]
    calls.heard(now(session, ana), asleep, by=ana.actor, connected=False)
    awake = calls.enter(now(session, ana), asleep, by=ana.actor)
    assert [part.id for part in awake.others] == [doctor]


def test_who_was_lost_hours_ago_is_not_waited_for(call, dr_grey, ana, moment):
    enter(call, ana)
    moment.shift(presence.KEPT + timedelta(seconds=1))
    presence.sweep()
    assert calls.enter(now(call, dr_grey), page_id(), by=dr_grey.actor).others == []


def test_a_lost_page_that_goes_is_known_to_have_left(call, dr_grey, ana, moment):
    stays, page = connect(call, dr_grey), connect(call, ana)
    moment.shift(STALE["in_call"] + timedelta(seconds=1))
    calls.heard(call, stays, by=dr_grey.actor, connected=True)
    presence.sweep()
    since = head()
    calls.step_out(call, page, by=ana.actor)
    assert inbox(stays)[-1] == ("participant-left", {"id": page, "reason": "left"})
    assert states(call) == {stays: "in_call", page: "left"}
    assert told(since) == [], "that is written down already"


def test_a_lost_page_that_comes_in_again_is_back(call, dr_grey, ana, moment):
    connect(call, dr_grey)
    page = connect(call, ana)
    moment.shift(STALE["in_call"] + timedelta(seconds=1))
    presence.sweep()
    since = head()
    enter(call, ana, page)
    assert [(one.action, one.reason) for one in entries(since)] == [("session.join", "back")]


def test_a_lost_page_does_not_come_back_beside_a_newer_one(call, dr_grey, ana, moment):
    """The laptop sleeps, the phone takes over, the laptop wakes up."""
    laptop = connect(call, ana)
    moment.shift(timedelta(minutes=5))
    presence.sweep()
    other = connect(call, dr_grey)
    phone = connect(call, ana)
    assert ("participant-left", {"id": laptop, "reason": "replaced"}) in inbox(other)
    with pytest.raises(Gone) as refusal:
        calls.heard(call, laptop, by=ana.actor, connected=True)
    assert refusal.value.code == "replaced"
    assert states(call) == {laptop: "replaced", other: "in_call", phone: "in_call"}


def test_who_was_lost_and_then_leaves_has_left_once(call, dr_grey, ana, moment):
    enter(call, dr_grey)
    sessions.ticket(call, by=ana.actor, video=video.provider())
    connect(call, ana)
    moment.shift(timedelta(minutes=5))
    presence.sweep()
    since = head()
    sessions.leave(call, by=ana.actor)
    assert told(since) == []


def test_of_a_session_that_is_over_nobody_who_was_lost_leaves_word(app, call, dr_grey, ana, moment):
    pages = {connect(call, who): who for who in (dr_grey, ana)}
    moment.shift(STALE["in_call"] + timedelta(seconds=1))
    presence.sweep()
    with app.app_context():
        end(call, dr_grey)
    since = head()
    for page, who in pages.items():
        calls.step_out(call, page, by=who.actor)
        assert inbox(page) == []
    assert told(since) == []
    assert set(states(call).values()) == {"left"}
