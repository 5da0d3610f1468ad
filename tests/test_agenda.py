"""Sessions by time: the clinic's day, what is to come, what is over."""

from datetime import UTC, datetime, timedelta

import pytest
from support.domain import NOW, page_id

from telehealth import agenda, calls
from telehealth.access import Actor
from telehealth.models import Role, Status

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 6, 8, 22, tzinfo=UTC)
END = BEGIN + 24 * HOUR


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


@pytest.fixture
def at(clinic, moment):
    """Makes a session at a time of the day, planned the evening before."""

    def make(start, status=Status.SCHEDULED, doctor="dr_grey", patient="ana"):
        moment.move_to(min(start, NOW) - HOUR)
        session = clinic.session(status, clinic.visit(doctor, patient), start=start)
        moment.move_to(NOW)
        return session.id

    return make


def ids(found):
    return [session.id for session in found]


def test_a_day_begins_at_its_midnight_and_ends_before_the_next(at, dr_grey):
    at(BEGIN - timedelta(seconds=1))
    first, last = at(BEGIN), at(END - timedelta(seconds=1))
    at(END)
    assert ids(agenda.today((BEGIN, END), by=dr_grey.actor)) == [first, last]


def test_a_session_belongs_to_one_day(at, dr_grey):
    midnight = at(END)
    assert ids(agenda.today((BEGIN, END), by=dr_grey.actor)) == []
    assert ids(agenda.today((END, END + 24 * HOUR), by=dr_grey.actor)) == [midnight]


def test_a_call_that_runs_is_always_of_today(at, dr_grey):
    yesterday = at(BEGIN - HOUR, Status.IN_PROGRESS)
    assert ids(agenda.today((BEGIN, END), by=dr_grey.actor)) == [yesterday]


def test_who_waits_comes_first_then_calls_then_by_time_and_what_is_over_last(
    at, clinic, dr_grey, ana, ben, moment
):
    over = at(NOW - HOUR, Status.CANCELLED)
    later, soon = at(NOW + 3 * HOUR), at(NOW + HOUR)
    running = at(NOW + 2 * HOUR, Status.IN_PROGRESS)
    waits_longer, waits = at(NOW + 5 * HOUR), at(NOW + 4 * HOUR, patient="ben")
    calls.enter(clinic.now(waits_longer), page_id(), by=ana.actor)
    moment.shift(20)
    calls.enter(clinic.now(waits), page_id(), by=ben.actor)
    found = ids(agenda.today((BEGIN, END), by=dr_grey.actor))
    assert found == [waits_longer, waits, running, soon, later, over]


def test_everybody_sees_their_own_day(at, dr_grey, dr_house, ana, ben, sam):
    mine, theirs = at(NOW + HOUR), at(NOW + HOUR, doctor="dr_house", patient="ben")
    for who, expected in (
        (dr_grey, {mine}),
        (ana, {mine}),
        (dr_house, {theirs}),
        (ben, {theirs}),
        (sam, {mine, theirs}),
    ):
        assert set(ids(agenda.today((BEGIN, END), by=who.actor))) == expected
        assert set(ids(agenda.coming(by=who.actor))) == expected


def test_what_is_to_come_begins_with_what_runs(at, ana):
    later, missed, soon = at(NOW + 48 * HOUR), at(NOW - HOUR), at(NOW + HOUR)
    running = at(NOW + 2 * HOUR, Status.IN_PROGRESS)
    at(NOW + 3 * HOUR, Status.CANCELLED)
    assert ids(agenda.coming(by=ana.actor)) == [running, missed, soon, later]


def test_what_is_over_comes_newest_first(at, ana):
    over = [
        at(NOW - HOUR * n, status)
        for n, status in ((1, Status.COMPLETED), (2, Status.FAILED), (3, Status.CANCELLED))
    ]
    at(NOW + HOUR)
    assert ids(agenda.past(by=ana.actor).sessions) == over


def test_who_came_by_a_link_has_one_session(at, ana):
    mine, _other = at(NOW + HOUR), at(NOW + 2 * HOUR)
    by = Actor(ana.id, Role.PATIENT, via="link", only_session=mine)
    assert ids(agenda.coming(by=by)) == [mine]
    assert ids(agenda.past(by=by).sessions) == []


def test_what_never_began_does_not_stand_before_what_is_next(at, ana):
    forgotten = at(NOW - agenda.FORGOTTEN - HOUR)
    late, soon = at(NOW - HOUR), at(NOW + HOUR)
    assert ids(agenda.coming(by=ana.actor)) == [late, soon, forgotten]


def test_what_is_urgent_is_not_what_a_full_list_leaves_out(at, ana, dr_grey, monkeypatch, clinic):
    monkeypatch.setattr(agenda, "COMING_MOST", 2)
    monkeypatch.setattr(agenda, "TODAY_MOST", 2)
    at(NOW - 2 * HOUR)
    at(NOW - HOUR)
    waits, runs = at(NOW + HOUR), at(NOW + 2 * HOUR, Status.IN_PROGRESS)
    calls.enter(clinic.now(waits), page_id(), by=ana.actor)
    assert ids(agenda.coming(by=ana.actor))[0] == runs
    assert ids(agenda.today((BEGIN, END), by=dr_grey.actor)) == [waits, runs]
