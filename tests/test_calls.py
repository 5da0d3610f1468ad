"""The pages of a call: coming in, being heard of, going; and what the audit learns."""

from datetime import timedelta

import pytest
from support.calling import connect, end, enter, inbox, now, start, states
from support.domain import entries, head, page_id, rows, together, told

from telehealth import access, calls, presence, sessions
from telehealth.errors import Gone, NotAllowed, NotFound, WrongState
from telehealth.models import Participation, Role, Signal, Status


def test_a_patient_waits_before_the_doctor_starts(inside, clinic, ana):
    session, page = clinic.session(), page_id()
    entrance = calls.enter(session, page, by=ana.actor)
    assert (entrance.status, entrance.others) == (Status.SCHEDULED, [])
    assert (entrance.me.id, entrance.me.role, entrance.me.state) == (page, Role.PATIENT, "waiting")


def test_a_doctor_starts_before_coming_in(inside, clinic, dr_grey):
    with pytest.raises(WrongState, match="Start the session first"):
        enter(clinic.session(), dr_grey)


def test_a_waiting_page_comes_into_the_call_with_the_same_id(inside, moment, clinic, dr_grey, ana):
    session, page = clinic.session(), page_id()
    enter(session, ana, page)
    start(session, dr_grey)
    other = connect(session, dr_grey)
    moment.shift(timedelta(minutes=3))
    entrance = calls.enter(now(session, ana), page, by=ana.actor)
    assert (entrance.status, entrance.me.state) == (Status.IN_PROGRESS, "in_call")
    assert [part.id for part in entrance.others] == [other]
    assert len(states(session)) == 2
    identity = presence.identity(session, ana.id)
    person = {"id": page, "role": "patient", "name": "Ana Lima", "identity": identity}
    assert inbox(other) == [("participant-joined", person)]


def test_a_page_that_waits_is_not_in_the_call_of_those_who_come_in(inside, clinic, dr_grey, ana):
    session = clinic.session()
    waiting = enter(session, ana)
    start(session, dr_grey)
    entrance = calls.enter(now(session, dr_grey), page_id(), by=dr_grey.actor)
    assert entrance.others == []
    assert inbox(waiting) == []


def test_entering_again_with_the_same_id_changes_nothing(call, dr_grey, ana):
    other, page = connect(call, dr_grey), page_id()
    enter(call, ana, page)
    since, greeted = head(), inbox(other)
    entrance = calls.enter(call, page, by=ana.actor)
    assert (entrance.me.id, [part.id for part in entrance.others]) == (page, [other])
    assert inbox(other) == greeted
    assert told(since) == []


def test_a_reload_replaces_the_page_before_it(call, dr_grey, ana):
    other, old = connect(call, dr_grey), connect(call, ana)
    since, cursor = head(), rows(Signal)[-1]["seq"]
    new, identity = enter(call, ana), presence.identity(call, ana.id)
    assert states(call) == {other: "in_call", old: "replaced", new: "in_call"}
    assert inbox(old, cursor) == [("replaced", {})]
    assert inbox(other, cursor) == [
        ("participant-left", {"id": old, "reason": "replaced"}),
        ("participant-joined", {"id": new, "role": "patient", "name": "Ana Lima", "identity": identity}),
    ]
    assert [(one.action, one.reason) for one in entries(since)] == [
        ("session.leave", "opened in another window"),
        ("session.token", ""),
    ]


@pytest.mark.parametrize("ask", ["enter", "heard", "send", "check_inbox"])
def test_an_older_tab_is_told_that_it_was_replaced(call, ana, ask):
    old = connect(call, ana)
    enter(call, ana)
    with pytest.raises(Gone) as refusal:
        if ask == "heard":
            calls.heard(call, old, by=ana.actor, connected=True)
        elif ask == "send":
            calls.send(call, old, [], by=ana.actor)
        else:
            getattr(calls, ask)(call, old, by=ana.actor)
    assert refusal.value.code == "replaced"


def test_an_older_tab_that_goes_away_hurts_nobody(call, ana):
    old = connect(call, ana)
    new = connect(call, ana)
    calls.step_out(call, old, by=ana.actor)
    assert states(call) == {old: "replaced", new: "in_call"}


def test_a_page_of_somebody_else_is_not_found(call, dr_grey, ana, clinic):
    page = connect(call, dr_grey)
    other_call = clinic.session(Status.IN_PROGRESS)
    asks = [
        lambda: calls.enter(call, page, by=ana.actor),
        lambda: calls.heard(call, page, by=ana.actor, connected=True),
        lambda: calls.send(call, page, [], by=ana.actor),
        lambda: calls.step_out(call, page, by=ana.actor),
        lambda: calls.check_inbox(call, page, by=ana.actor),
        lambda: calls.enter(other_call, page, by=dr_grey.actor),
    ]
    before = rows(Participation)
    for ask in asks:
        with pytest.raises(NotFound):
            ask()
    assert rows(Participation) == before


def test_a_page_that_left_has_to_come_in_with_a_new_id(call, ana):
    page = connect(call, ana)
    calls.step_out(call, page, by=ana.actor)
    for ask in (calls.enter, calls.check_inbox):
        with pytest.raises(Gone) as refusal:
            ask(call, page, by=ana.actor)
        assert refusal.value.code == "gone"
    connect(call, ana)


def test_a_page_that_never_came_in_is_gone(call, ana):
    with pytest.raises(Gone) as refusal:
        calls.heard(call, page_id(), by=ana.actor, connected=False)
    assert refusal.value.code == "gone"


def test_joining_is_the_first_connection_of_a_page(call, dr_grey, ana, moment):
    enter(call, dr_grey)
    page = enter(call, ana)
    since = head()
    calls.heard(call, page, by=ana.actor, connected=False)
    assert told(since) == []
    for _ in range(3):
        calls.heard(call, page, by=ana.actor, connected=True)
        moment.shift(10)
    assert told(since) == ["session.join by patient"]


def test_nobody_is_connected_alone(call, ana):
    page, since = enter(call, ana), head()
    calls.heard(call, page, by=ana.actor, connected=True)
    assert told(since) == []


def test_a_connection_that_is_told_twice_at_once_is_one_join(app, call, dr_grey, ana):
    enter(call, dr_grey)
    page, since = enter(call, ana), head()
    together(app, [lambda: calls.heard(now(call, ana), page, by=ana.actor, connected=True)] * 4)
    assert told(since) == ["session.join by patient"]


def test_a_page_that_waits_has_not_joined_whatever_it_says(inside, clinic, ana):
    session = clinic.session()
    page, since = enter(session, ana), head()
    calls.heard(session, page, by=ana.actor, connected=True)
    assert told(since) == []


def test_leaving_is_the_end_of_a_connection(call, dr_grey, ana):
    enter(call, dr_grey)
    since = head()
    calls.step_out(call, enter(call, ana), by=ana.actor)
    assert told(since) == ["session.token by patient"]
    page = connect(call, ana)
    since = head()
    for _ in range(2):
        calls.step_out(call, page, by=ana.actor)
    assert told(since) == ["session.leave by patient"]


def test_the_end_puts_everybody_out(call, dr_grey, ana):
    pages = [connect(call, dr_grey), connect(call, ana)]
    end(call, dr_grey)
    assert states(call) == dict.fromkeys(pages, "left")
    assert rows(Signal) == []
    over = access.load_session(call.id, by=ana.actor)
    with pytest.raises(WrongState):
        calls.enter(over, page_id(), by=ana.actor)
    with pytest.raises(Gone):
        calls.send(over, pages[1], [], by=ana.actor)


def test_a_cancelled_session_empties_its_waiting_room(inside, clinic, dr_grey, ana):
    session = clinic.session()
    page = enter(session, ana)
    sessions.cancel(session, by=dr_grey.actor)
    assert states(session) == {page: "left"}


def test_who_comes_in_while_the_session_ends_is_out(app, call, dr_grey, ana):
    """The page was loaded before the end and says so after it."""
    with app.app_context():
        end(call, dr_grey)
    assert call.status == Status.IN_PROGRESS
    with pytest.raises(WrongState):
        calls.enter(call, page_id(), by=ana.actor)
    assert rows(Participation) == []


def test_who_has_no_part_in_the_session_comes_into_no_call(call, sam, dr_house, ben):
    for stranger in (sam, dr_house, ben):
        with pytest.raises(NotAllowed):
            calls.enter(call, page_id(), by=stranger.actor)
    assert rows(Participation) == []
