"""What is put right by itself: pages that are gone, calls that nobody is in any more."""

from datetime import timedelta

import pytest
from support.domain import head, page_id, together, told

from telehealth import access, calls, chores, clock, history, sessions, video
from telehealth.chores import ABANDONED, Report
from telehealth.extensions import db
from telehealth.models import Attendance, Room, Status
from telehealth.store import transaction

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


def run():
    return chores.run(video=video.provider())


def test_there_is_nothing_to_do_in_a_clinic_at_rest(clinic):
    for status in Status.ALL:
        clinic.session(status)
    since = head()
    assert run() == Report(lost=0, ended=0)
    assert told(since) == []


def test_a_call_that_nobody_came_into_is_ended(clinic, moment, dr_grey):
    session = clinic.session(Status.IN_PROGRESS)
    since = head()
    moment.shift(ABANDONED)
    assert run().ended == 0
    moment.shift(1)
    assert run().ended == 1
    assert told(since) == ["session.end by system"]
    ended = access.load_session(session.id, by=dr_grey.actor)
    assert (ended.status, ended.duration_seconds) == (Status.COMPLETED, 7201)
    assert history.of(ended, by=dr_grey.actor)[0].words.startswith("Ended by the system")


def test_a_call_that_somebody_is_in_goes_on_for_ever(clinic, moment, ana):
    session, page = clinic.session(Status.IN_PROGRESS), page_id()
    calls.enter(session, page, by=ana.actor)
    for _ in range(5):
        moment.shift(ABANDONED - MINUTE)
        calls.heard(session, page, by=ana.actor, connected=True)
        assert run().ended == 0
    assert clinic.now(session).status == Status.IN_PROGRESS


def test_a_stay_whose_end_is_never_told_ends_with_the_day(clinic, moment, ana):
    session = clinic.session(Status.IN_PROGRESS)
    now = clock.now()
    room = Room(session_id=session.id, provider_id="RM1", opened_at=now, checked_at=now)
    stay = Attendance(room=room, provider_id="PA1", user_id=ana.id, joined_at=now)
    with transaction():
        db.session.add(stay)
    moment.shift(chores.LONGEST_STAY - timedelta(minutes=1))
    assert run().ended == 0
    moment.shift(timedelta(minutes=2))
    assert run().ended == 1


def test_a_call_is_ended_that_long_after_the_last_who_was_in_it(clinic, moment, ana):
    session, page = clinic.session(Status.IN_PROGRESS), page_id()
    moment.shift(ABANDONED - MINUTE)
    calls.enter(session, page, by=ana.actor)
    moment.shift(ABANDONED - timedelta(seconds=1))
    assert run() == Report(lost=1, ended=0)
    moment.shift(1)
    assert run() == Report(lost=0, ended=1)


def test_a_session_that_waits_for_its_start_is_left_alone(clinic, moment):
    session = clinic.session()
    moment.shift(timedelta(days=30))
    assert run().ended == 0
    assert clinic.now(session).status == Status.SCHEDULED


def test_several_processes_end_a_call_once(app, clinic, moment):
    clinic.session(Status.IN_PROGRESS)
    since = head()
    moment.shift(ABANDONED + MINUTE)
    assert sum(report.ended for report in together(app, [run] * 4)) == 1
    assert told(since) == ["session.end by system"]


def test_who_comes_back_while_another_call_is_ended_stays_in(clinic, moment, dr_grey, monkeypatch):
    visit = clinic.visit()
    first, second = (clinic.session(Status.IN_PROGRESS, visit) for _ in range(2))
    moment.shift(ABANDONED)
    moment.shift(1)
    end, back = sessions.end, []

    def slowly(session, **more):
        ended = end(session, **more)
        if not back:
            back.append(first.id if session.id == second.id else second.id)
            calls.enter(clinic.now(back[0]), page_id(), by=dr_grey.actor)
        return ended

    monkeypatch.setattr(sessions, "end", slowly)
    assert run().ended == 1
    assert clinic.now(back[0]).status == Status.IN_PROGRESS


def test_a_call_that_began_at_a_time_to_come_is_ended_all_the_same(clinic, moment):
    moment.shift(300 * 24 * 60 * MINUTE)
    session = clinic.session(Status.IN_PROGRESS)
    moment.shift(-300 * 24 * 60 * MINUTE)
    assert run().ended == 1
    assert clinic.now(session).status == Status.COMPLETED
