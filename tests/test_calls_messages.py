"""Whom those in a call hear of, and what they send each other."""

from datetime import timedelta

import pytest
from support.calling import OFFER, connect, enter, inbox, now
from support.domain import page_id, rows

from telehealth import calls
from telehealth.errors import Invalid
from telehealth.extensions import db
from telehealth.models import Participation, Role, Signal, Status


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


def test_those_in_the_call_learn_who_left(call, dr_grey, ana):
    stays, goes = connect(call, dr_grey), connect(call, ana)
    calls.step_out(call, goes, by=ana.actor)
    assert inbox(stays)[-1] == ("participant-left", {"id": goes, "reason": "left"})
    assert calls.heard(call, stays, by=dr_grey.actor, connected=True) == [stays]


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
