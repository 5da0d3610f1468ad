"""The pages of a call: coming in, being heard of, going; and what the others and the audit learn."""

import json
from datetime import timedelta

import pytest
from support.domain import entries, head, page_id, rows, together, told

from telehealth import access, calls, presence, sessions, signals, video
from telehealth.errors import Gone, Invalid, NotAllowed, NotFound, WrongState
from telehealth.extensions import db
from telehealth.models import Participation, Role, Signal, Status
from telehealth.presence import STALE

OFFER = {"type": "offer", "sdp": "v=0"}


@pytest.fixture
def call(inside, moment, clinic):
    """A session in progress."""
    return clinic.session(Status.IN_PROGRESS)


def enter(session, who, page=None):
    page = page or page_id()
    calls.enter(now(session, who), page, by=who.actor)
    return page


def connect(session, who, page=None):
    page = enter(session, who, page)
    calls.heard(session, page, by=who.actor, connected=True)
    return page


def inbox(page, after=0):
    return [(one.kind, json.loads(one.body)) for one in signals.read(page, after)]


def states(session):
    return {row["id"]: row["state"] for row in rows(Participation, Participation.session_id == session.id)}


def now(session, who):
    """The session as a request finds it."""
    db.session.rollback()
    return access.load_session(session.id, by=who.actor)


def start(session, doctor):
    return sessions.start(now(session, doctor), by=doctor.actor, video=video.provider())


def end(session, doctor):
    return sessions.end(now(session, doctor), by=doctor.actor, video=video.provider())


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


def test_the_inbox_of_a_newcomer_begins_at_the_cursor(call, dr_grey, ana):
    other = connect(call, dr_grey)
    connect(call, ana)
    entrance = calls.enter(call, page_id(), by=ana.actor)
    assert entrance.cursor > 0
    assert inbox(entrance.me.id, entrance.cursor) == []
    message = {"to": entrance.me.id, "id": "m-1", "body": {"restart": True}}
    calls.send(call, other, [message], by=dr_grey.actor)
    assert len(inbox(entrance.me.id, entrance.cursor)) == 1


def test_an_offer_brought_along_goes_to_who_is_there_after_the_word_of_who_came(call, dr_grey, ana):
    doctor, page = connect(call, dr_grey), page_id()
    entrance = calls.enter(now(call, ana), page, by=ana.actor, offer=OFFER)
    assert entrance.offered == doctor
    (joined, who), (signal, given) = inbox(doctor)[-2:]
    assert (joined, who["id"]) == ("participant-joined", page)
    assert signal == "signal"
    assert (given["from"], given["body"]) == (page, {"description": OFFER})
    again = calls.enter(now(call, ana), page, by=ana.actor)
    assert again.offered == doctor, "the first answer may have been lost"
    assert inbox(doctor)[-1] == (signal, given), "and is not given anew"


def test_whoever_comes_again_hears_what_was_sent_meanwhile(call, dr_grey, ana):
    doctor, page = connect(call, dr_grey), enter(call, ana)
    message = {"to": page, "id": "1", "body": {"restart": True}}
    calls.send(now(call, dr_grey), doctor, [message], by=dr_grey.actor)
    again = calls.enter(now(call, ana), page, by=ana.actor)
    assert [body["body"] for _, body in inbox(page, again.cursor)] == [{"restart": True}]


def test_an_offer_that_nobody_is_there_for_is_given_to_nobody(inside, clinic, dr_grey, ana):
    waiting, running = clinic.session(), clinic.session(Status.IN_PROGRESS)
    for session, who in ((waiting, ana), (running, dr_grey)):
        entrance = calls.enter(now(session, who), page_id(), by=who.actor, offer=OFFER)
        assert entrance.offered is None
        assert not rows(Signal, Signal.session_id == session.id)


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


def test_a_lost_page_that_speaks_while_the_session_ends_stays_out(app, call, dr_grey, ana, moment):
    page = connect(call, ana)
    moment.shift(timedelta(minutes=5))
    presence.sweep()
    with app.app_context():
        end(call, dr_grey)
    assert call.status == Status.IN_PROGRESS
    assert calls.heard(call, page, by=ana.actor, connected=True) == []
    assert states(call) == {page: "lost"}


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


def test_those_in_the_call_learn_who_left(call, dr_grey, ana):
    stays, goes = connect(call, dr_grey), connect(call, ana)
    calls.step_out(call, goes, by=ana.actor)
    assert inbox(stays)[-1] == ("participant-left", {"id": goes, "reason": "left"})
    assert calls.heard(call, stays, by=dr_grey.actor, connected=True) == [stays]


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


def test_the_sender_is_written_by_us(call, dr_grey, ana):
    to, sender = connect(call, dr_grey), connect(call, ana)
    cursor = rows(Signal)[-1]["seq"]
    body = {"from": to, "description": {"type": "offer", "sdp": "v=0"}}
    calls.send(call, sender, [{"to": to, "id": "m-1", "body": body}], by=ana.actor)
    assert inbox(to, cursor) == [("signal", {"from": sender, "id": "m-1", "body": body})]


def test_nothing_is_passed_on_to_another_session(call, ana, clinic, dr_house, ben):
    foreign = clinic.session(Status.IN_PROGRESS, clinic.visit("dr_house", "ben"))
    target, sender = connect(foreign, dr_house), connect(call, ana)
    with pytest.raises(Invalid):
        calls.send(call, sender, [{"to": target, "id": "m-1", "body": {}}], by=ana.actor)
    assert inbox(target) == []


def test_two_pages_may_number_their_messages_alike(call, dr_grey, ana):
    one, two = connect(call, dr_grey), connect(call, ana)
    calls.send(call, one, [{"to": two, "id": "m-1", "body": {"restart": True}}], by=dr_grey.actor)
    calls.send(call, two, [{"to": one, "id": "m-1", "body": {"restart": True}}], by=ana.actor)
    assert inbox(two)[-1][1]["from"] == one
    assert inbox(one)[-1][1]["from"] == two


def test_a_message_of_the_longest_ids_is_kept(call, dr_grey, ana):
    one, two = connect(call, dr_grey, "a" * 32), connect(call, ana, "b" * 32)
    calls.send(call, one, [{"to": two, "id": "m" * 40, "body": {}}], by=dr_grey.actor)
    assert inbox(two)[-1][1]["id"] == "m" * 40


def test_three_can_be_in_one_call(call, dr_grey, ana, sam, moment):
    """An interpreter, say: nothing of the call knows that there are two."""
    first, second = connect(call, dr_grey), connect(call, ana)
    moment.shift(1)
    third = Participation(
        id=page_id(),
        session_id=call.id,
        user_id=sam.id,
        role=Role.STAFF,
        state="in_call",
        entered_at=call.started_at,
        seen_at=call.started_at + timedelta(hours=1),
    )
    db.session.add(third)
    db.session.commit()
    third_id = third.id

    newcomer = calls.enter(call, page_id(), by=ana.actor, offer=OFFER)
    assert {part.id for part in newcomer.others} == {first, third_id}
    # A description is of one connection: the other one is offered one of its own.
    offers = [old for old in (first, third_id) for kind, _ in inbox(old) if kind == "signal"]
    assert offers == [newcomer.offered]
    assert inbox(second)[-1] == ("replaced", {})
    for old in (first, third_id):
        assert "participant-joined" in [kind for kind, _ in inbox(old)][-2:]
    messages = [{"to": to, "id": f"m-{to[:4]}", "body": {"restart": True}} for to in (first, third_id)]
    calls.send(call, newcomer.me.id, messages, by=ana.actor)
    for old in (first, third_id):
        assert inbox(old)[-1] == (
            "signal",
            {"from": newcomer.me.id, "id": f"m-{old[:4]}", "body": {"restart": True}},
        )
    calls.step_out(call, first, by=dr_grey.actor)
    for old in (newcomer.me.id, third_id):
        assert inbox(old)[-1] == ("participant-left", {"id": first, "reason": "left"})


def test_who_has_no_part_in_the_session_comes_into_no_call(call, sam, dr_house, ben):
    for stranger in (sam, dr_house, ben):
        with pytest.raises(NotAllowed):
            calls.enter(call, page_id(), by=stranger.actor)
    assert rows(Participation) == []
