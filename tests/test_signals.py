"""Messages from browser to browser: all of them, once, in order."""

import json

import pytest
from sqlalchemy import delete
from support.domain import rows, together

from telehealth import signals
from telehealth.extensions import db
from telehealth.models import Session, Signal, Status
from telehealth.signals import Message
from telehealth.store import transaction


@pytest.fixture
def call(inside, clinic):
    return clinic.session(Status.IN_PROGRESS)


def message(number, to="b" * 20, sender="a" * 12):
    return Message(to, "signal", {"number": number}, f"{sender}-{number}")


def inbox(to="b" * 20, after=0):
    return [json.loads(one.body)["number"] for one in signals.read(to, after)]


def test_messages_arrive_in_the_order_they_were_sent(call):
    signals.post(call.id, [message(n) for n in (3, 1, 2)])
    signals.post(call.id, [message(0)])
    assert inbox() == [3, 1, 2, 0]


def test_a_message_that_is_repeated_arrives_once(call):
    for _ in range(2):
        signals.post(call.id, [message(1), message(2), message(1)])
    signals.post(call.id, [message(2), message(3)])
    assert inbox() == [1, 2, 3]


def test_messages_are_numbered_without_gaps(call):
    for number in range(3):
        signals.post(call.id, [message(number), message(number), message(number + 10)])
    assert [row["seq"] for row in rows(Signal)] == [1, 2, 3, 4, 5, 6]


def test_the_cursor_is_where_reading_goes_on(call):
    signals.post(call.id, [message(n) for n in range(5)])
    first = signals.read("b" * 20, 0)
    assert inbox(after=first[2].seq) == [3, 4]
    assert inbox(after=first[-1].seq) == []


def test_everybody_reads_their_own(call):
    signals.post(call.id, [message(n, to=to * 20) for n, to in enumerate("bcbd")])
    assert [inbox(to * 20) for to in "abcd"] == [[], [0, 2], [1], [3]]


def test_numbers_count_within_a_session(call, clinic):
    other = clinic.session(Status.IN_PROGRESS)
    signals.post(call.id, [message(1)])
    signals.post(other.id, [message(1, to="c" * 20)])
    assert [(row["session_id"], row["seq"]) for row in rows(Signal)] == [(call.id, 1), (other.id, 1)]


def test_a_number_is_not_used_again_when_messages_are_gone(call):
    signals.post(call.id, [message(1), message(2)])
    with transaction():
        db.session.execute(delete(Signal))
    signals.post(call.id, [message(3)])
    assert rows(Signal)[0]["seq"] == 3


def test_the_server_tells_nobody_when_there_is_nobody(call):
    signals.tell(call.id, [], "participant-left", {})
    assert rows(Signal) == []
    assert rows(Session, Session.id == call.id)[0]["last_signal"] == 0


def test_senders_at_once_lose_nothing_and_overtake_nothing(app, call):
    """A reader that goes on from the highest number it saw must never miss one."""

    sent = []

    def send(sender):
        def work():
            try:
                for number in range(10):
                    signals.post(call.id, [message(number, sender=sender * 12)])
            finally:
                sent.append(sender)

        return work

    def follow():
        seen, after, last = [], 0, False
        while not last:
            last = len(sent) == 6
            found = [(one.seq, one.message_id) for one in signals.read("b" * 20, after)]
            db.session.rollback()
            seen += [message_id for _, message_id in found]
            after = found[-1][0] if found else after
        return seen

    *senders, seen = together(app, [*(send(sender) for sender in "uvwxyz"), follow])
    assert senders == [None] * 6
    assert len(set(seen)) == 60
    for sender in "uvwxyz":
        mine = [one for one in seen if one.startswith(sender)]
        assert mine == [f"{sender * 12}-{number}" for number in range(10)]
    assert [row["seq"] for row in rows(Signal)] == list(range(1, 61))


def test_the_same_message_from_many_at_once_arrives_once(app, call):
    assert together(app, [lambda: signals.post(call.id, [message(1)])] * 8) == [None] * 8
    assert inbox() == [1]
