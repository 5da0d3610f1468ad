"""A clock that jumps, ahead or back: records stay in order, and nothing waits for the wrong hour."""

from datetime import timedelta

import pytest
from support.cast import Person
from support.databases import on_sqlite
from support.deaths import put_right
from support.domain import NOW, page_id, rows

from telehealth import calls, chores, clock, limits, presence, reconcile, video
from telehealth.models import Participation, Status

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


pytestmark = pytest.mark.usefixtures("moment")


def enter(session, person):
    """Somebody's page comes in; its id."""
    page = page_id()
    calls.enter(session, page, by=person.actor)
    return page


@on_sqlite
@pytest.mark.parametrize("jump", [-HOUR, -3 * DAY, HOUR, 3 * DAY], ids=str)
@pytest.mark.parametrize("before", ["start", "enter", "end"])
def test_a_visit_goes_its_way_over_a_jump_and_its_times_are_in_order(
    app, clinic, dr_grey, ana, moment, jump, before
):
    session = clinic.session(start=NOW + 30 * DAY)

    def jumps(step):
        if step == before:
            moment.shift(jump)
        moment.shift(timedelta(seconds=1))

    jumps("start")
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 200
    jumps("enter")
    for person in (dr_grey, ana):
        with app.app_context():
            enter(clinic.now(session), person)
    assert {present.user_id for present in presence.who(clinic.now(session))} == {dr_grey.id, ana.id}
    jumps("end")
    # Their sign-in may be over by the new time; the call is not.
    again = Person(app, "dr_grey")
    assert again.api("POST", f"/telemedicine/{session.id}/end/").status_code == 200
    now = clinic.now(session)
    assert now.started_at <= now.ended_at
    assert now.duration_seconds >= 0
    with app.app_context():
        assert {part["state"] for part in rows(Participation)} == {Participation.LEFT}
    put_right(app)


@pytest.mark.usefixtures("inside")
def test_nobody_is_here_by_the_word_of_an_hour_that_never_came(clinic, ana, moment):
    session = clinic.session()
    moment.shift(DAY)
    enter(session, ana)
    moment.shift(-DAY)
    assert presence.who(clinic.now(session)) == []
    assert presence.sweep() == 1
    assert [part["state"] for part in rows(Participation)] == [Participation.LOST]


@pytest.mark.usefixtures("inside")
def test_a_page_that_is_there_is_here_again_as_soon_as_it_speaks(clinic, ana, moment):
    session = clinic.session()
    moment.shift(DAY)
    page = enter(session, ana)
    moment.shift(-DAY)
    calls.heard(session, page, by=ana.actor, connected=False)
    assert [present.user_id for present in presence.who(clinic.now(session))] == [ana.id]
    assert presence.sweep() == 0


@pytest.mark.usefixtures("inside")
def test_the_chores_do_not_wait_for_an_hour_that_never_came(moment):
    moment.shift(DAY)
    assert reconcile.is_due()
    moment.shift(-DAY)
    assert reconcile.is_due()
    assert not reconcile.is_due()


@pytest.mark.usefixtures("inside")
def test_an_account_is_not_shut_until_an_hour_that_never_came(moment):
    moment.shift(DAY)
    for _ in range(20):
        limits.count("account", "ana", limits.PER_ACCOUNT)
    assert not limits.count("account", "ana", limits.PER_ACCOUNT)
    moment.shift(-DAY)
    assert limits.count("account", "ana", limits.PER_ACCOUNT)


@pytest.mark.usefixtures("inside")
def test_an_hour_that_came_too_early_ends_no_call(clinic, dr_grey, ana, moment, app):
    session = clinic.session(Status.IN_PROGRESS)
    pages = {person: enter(session, person) for person in (dr_grey, ana)}
    moment.shift(HOUR)
    chores.run(video=video.provider())
    moment.shift(-HOUR)
    for person, page in pages.items():
        calls.heard(clinic.now(session), page, by=person.actor, connected=True)
    assert clinic.now(session).status == Status.IN_PROGRESS
    assert len(presence.who(clinic.now(session))) == 2
    assert clock.now() == NOW
    put_right(app)


@pytest.mark.usefixtures("inside")
def test_a_day_that_came_too_early_ends_no_call_whose_pages_still_speak(clinic, dr_grey, ana, moment, app):
    """Nor does a server that comes back after a day: the call has gone on between the browsers."""
    session = clinic.session(Status.IN_PROGRESS)
    pages = {person: enter(session, person) for person in (dr_grey, ana)}
    moment.shift(DAY)
    for _look in range(chores.LOOKS - 1):
        chores.run_by_itself(video=video.provider())
    for person, page in pages.items():
        calls.heard(clinic.now(session), page, by=person.actor, connected=True)
    for _look in range(chores.LOOKS):
        chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.IN_PROGRESS
    assert len(presence.who(clinic.now(session))) == 2
    put_right(app)
