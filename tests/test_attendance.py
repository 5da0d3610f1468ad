"""Who was in the call, by the provider's word: the same in the end, whatever comes when, twice or never."""

from datetime import timedelta

import pytest
from support.domain import NOW, page_id, rows
from support.told import SECOND, Told, hear

from telehealth import access, attendance, calls, chores, clock, sessions, video
from telehealth.attendance import Stay
from telehealth.models import AuditEntry, Participation, Status

pytestmark = [pytest.mark.twilio, pytest.mark.usefixtures("inside")]


@pytest.fixture
def session(moment, clinic):
    return clinic.session(Status.IN_PROGRESS)


@pytest.fixture
def told(session, rooms):
    return Told(session, rooms.of(session)[0].sid)


def stays(session):
    return attendance.of(session)


def test_times_are_the_providers_own(session, told, dr_grey, ana, moment):
    moment.shift(100)
    hear(told.joined(dr_grey, 5), told.joined(ana, 9), told.left(ana, 60, 51), told.left(dr_grey, 70, 65))
    assert stays(session) == [
        Stay(dr_grey.id, NOW + 5 * SECOND, NOW + 70 * SECOND),
        Stay(ana.id, NOW + 9 * SECOND, NOW + 60 * SECOND),
    ]
    assert attendance.talk_time(stays(session), clock.now()) == 51


def test_somebody_without_any_page_has_joined_and_left_in_the_audit(session, told, ana, clinic):
    before = len(clinic.history(session))
    hear(told.joined(ana, 1), told.left(ana, 5, 4))
    assert clinic.history(session)[before:] == ["session.join", "session.leave"]
    assert rows(Participation) == []
    entry = rows(AuditEntry, AuditEntry.action == "session.join")[-1]
    assert (entry["actor_id"], entry["actor_role"]) == (ana.id, "patient")


def test_a_page_that_reported_first_has_joined_once(session, told, dr_grey, ana, clinic):
    for who in (dr_grey, ana):
        page = page_id()
        calls.enter(session, page, by=who.actor)
    calls.heard(session, page, by=ana.actor, connected=True)
    hear(told.joined(ana, 1))
    calls.heard(session, page, by=ana.actor, connected=True)
    hear(told.joined(ana, 1))
    assert clinic.history(session).count("session.join") == 1


def test_a_page_that_reports_later_has_joined_once(session, told, ana, clinic):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    hear(told.joined(ana, 1))
    calls.heard(session, page, by=ana.actor, connected=True)
    assert clinic.history(session).count("session.join") == 1
    assert rows(Participation)[0]["connected_at"] == NOW + SECOND


def test_a_page_that_crashed_is_lost_and_is_back_when_it_speaks(session, told, dr_grey, ana, clinic, moment):
    for who in (dr_grey, ana):
        page = page_id()
        calls.enter(session, page, by=who.actor)
    hear(told.joined(ana, 0))
    moment.shift(30)
    hear(told.left(ana, 30, 30))
    assert rows(Participation, Participation.id == page)[0]["state"] == "lost"
    assert clinic.history(session)[-1] == "session.leave"
    moment.shift(5)
    calls.heard(session, page, by=ana.actor, connected=True)
    row = rows(Participation, Participation.id == page)[0]
    assert (row["state"], row["left_at"]) == ("in_call", None)
    assert clinic.history(session)[-1] == "session.join"


def test_a_page_that_says_it_leaves_has_left_once(session, told, ana, clinic, moment):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    hear(told.joined(ana, 0))
    moment.shift(10)
    calls.step_out(session, page, by=ana.actor)
    hear(told.left(ana, 10, 10))
    assert clinic.history(session).count("session.leave") == 1
    assert rows(Participation)[0]["state"] == "left"


def test_a_line_that_was_lost_and_came_back_leaves_the_page_in_the_call(session, told, ana, clinic, moment):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    hear(told.joined(ana, 0))
    moment.shift(20)
    calls.heard(session, page, by=ana.actor, connected=True)
    # The new stay begins before the provider has given the old one up.
    hear(told.joined(ana, 12, "2"), told.left(ana, 20, 20))
    assert rows(Participation)[0]["state"] == "in_call"
    assert [stay.left_at for stay in stays(session)] == [NOW + 20 * SECOND, None]


def test_a_room_that_ends_first_has_everybody_out(session, told, dr_grey, ana, clinic):
    before = len(clinic.history(session))
    hear(told.joined(dr_grey, 1), told.joined(ana, 2), told.ended(60))
    assert {stay.left_at for stay in stays(session)} == {NOW + 60 * SECOND}
    hear(told.left(ana, 59, 57), told.left(dr_grey, 60, 59))
    assert {stay.user_id: stay.left_at for stay in stays(session)} == {
        ana.id: NOW + 59 * SECOND,
        dr_grey.id: NOW + 60 * SECOND,
    }
    assert sorted(clinic.history(session)[before:]) == ["session.join"] * 2 + ["session.leave"] * 2


def test_a_room_that_ends_leaves_the_session_as_it_is(session, told, clinic):
    hear(told.ended(60))
    assert clinic.now(session).status == Status.IN_PROGRESS


def test_after_our_own_end_late_word_leaves_nobody_in_the_call(session, told, dr_grey, ana, clinic, moment):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    moment.shift(30)
    now = access.load_session(session.id, by=dr_grey.actor)
    sessions.end(now, by=dr_grey.actor, video=video.provider())
    before = len(clinic.history(session))
    hear(told.joined(ana, 5))
    hear(told.left(ana, 30, 25), told.ended(30))
    assert sorted(clinic.history(session)[before:]) == ["session.join", "session.leave"]
    assert rows(Participation)[0]["state"] == "left"
    assert stays(session) == [Stay(ana.id, NOW + 5 * SECOND, NOW + 30 * SECOND)]


def test_a_late_word_of_joining_does_not_make_a_stay_that_ends_before_it_began(session, told, ana):
    hear(told.left(ana, 5), told.joined(ana, 9))
    (stay,) = stays(session)
    assert stay.left_at >= stay.joined_at


def test_of_stays_that_were_never_told_the_pages_speak(session, dr_grey, ana, moment):
    for who in (dr_grey, ana):
        calls.enter(session, page := page_id(), by=who.actor)
    calls.heard(session, page, by=ana.actor, connected=True)
    assert stays(session) == [Stay(ana.id, NOW, None)]


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([("a", 0, 10)], 0),
        ([("a", 0, 10), ("a", 2, 8)], 0),
        ([("a", 0, 10), ("b", 10, 20)], 0),
        ([("a", 0, 10), ("b", 5, 20)], 5),
        ([("a", 0, None), ("b", 5, None)], 95),
        ([("a", 0, 10), ("b", 0, 10), ("a", 12, 20), ("b", 11, 30)], 18),
        ([("a", 0, 100), ("b", 10, 20), ("b", 15, 30)], 20),
        ([("a", 0, 500), ("b", 50, 700)], 50),
    ],
)
def test_talk_time_is_when_two_different_people_were_there(spans, seconds):
    found = [
        Stay(who, NOW + begin * SECOND, None if end is None else NOW + end * SECOND)
        for who, begin, end in spans
    ]
    assert attendance.talk_time(found, NOW + 100 * SECOND) == seconds


def test_nobody_is_ended_while_the_provider_knows_them_there(session, rooms, clinic, dr_grey, ana, moment):
    """A server that was away for hours must not end the call that went on without it."""
    page = page_id()
    calls.enter(session, page, by=dr_grey.actor)
    rooms.come_in(session, dr_grey.id)
    rooms.come_in(session, ana.id)
    moment.shift(chores.ABANDONED + timedelta(minutes=5))
    chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.IN_PROGRESS
    assert len(rooms.inside(session)) == 2
