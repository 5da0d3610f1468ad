"""What the provider tells in any order comes to the same: as it is signed, read and applied, or over HTTP."""

import random
from functools import partial
from itertools import permutations

import pytest
from doubles.twilio import events
from doubles.twilio.model import Participant, Room
from support.calling import web
from support.databases import on_sqlite
from support.domain import NOW, page_id
from support.told import hear, known, sessions_like
from support.told import moment as at
from werkzeug.datastructures import MultiDict

from telehealth import calls, presence, video
from telehealth.models import Status

pytestmark = [on_sqlite, pytest.mark.twilio, pytest.mark.usefixtures("inside")]

PATH = "/webhooks/twilio/room"
ORDERS = list(permutations(range(6)))
FEW = 40
SAMPLE = random.Random(6).sample(ORDERS, 24)


def call(told, dr_grey, ana):
    """A call as Twilio tells it, its creation first; lengths come in whole seconds, times do not."""
    room = Room("AC" + "a" * 32, told.room, [], sid=told.room_id)
    doctor, patient = (Participant(room, presence.identity(told.session, who.id)) for who in (dr_grey, ana))

    def form(event, seconds, who=None, **more):
        when = {"Timestamp": at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        return {**events.of_room(event, room, who), **when, **more}

    return [
        form("room-created", 0.1),
        form("participant-connected", 3.2, doctor),
        form("participant-connected", 7.7, patient),
        form("participant-disconnected", 51.4, patient, ParticipantDuration="44"),
        form("participant-disconnected", 58.9, doctor, ParticipantDuration="56"),
        form("room-ended", 60.1),
    ]


@pytest.fixture
def read(twilio):
    """What the provider makes of a signed form."""

    def read(form):
        headers = {"X-Twilio-Signature": twilio.sign(f"http://localhost{PATH}", form)}
        return video.provider().read_callback(PATH, MultiDict(form), headers)

    return read


@pytest.fixture
def learn(read):
    """Read these forms, and learn of what concerns us."""

    def learn(forms):
        hear(*(event for event in map(read, forms) if event is not None))

    return learn


@pytest.fixture
def post(app, twilio):
    """Send these forms from outside, signed, one after the other."""

    def post(forms):
        for form in forms:
            headers = {"X-Twilio-Signature": twilio.sign(f"http://localhost{PATH}", form)}
            answer = web(partial(app.test_client().post, PATH, data=form, headers=headers))
            assert answer.status_code == 204

    return post


@pytest.fixture
def session(moment, clinic):
    return clinic.session(Status.IN_PROGRESS)


@pytest.fixture
def found(session, moment, dr_grey, ana):
    """What is known at the end, by the order in which each of as many calls was told."""

    def few(orders, first, paged, tell):
        everywhere = sessions_like(session, len(orders), first)
        moment.move_to(NOW, tick=False)
        if paged:
            for told in everywhere:
                for who in (dr_grey, ana):
                    calls.enter(told.session, page_id(), by=who.actor)
        moment.shift(61)
        for told, order in zip(everywhere, orders, strict=True):
            forms = call(told, dr_grey, ana)
            tell([forms[number] for number in order])
        return {order: known(told.session) for order, told in zip(orders, everywhere, strict=True)}

    def found(orders, paged, tell):
        # Of many sessions at once each commit would look at every one.
        ends = [few(orders[first : first + FEW], first, paged, tell) for first in range(0, len(orders), FEW)]
        return {order: end for some in ends for order, end in some.items()}

    return found


def the_same(found):
    """The one end that all came to."""
    different = {str(end): order for order, end in found.items()}
    assert len(different) == 1, "\n".join(f"{order}: {end}" for end, order in different.items())
    return next(iter(found.values()))


@pytest.mark.parametrize("paged", [False, True], ids=["without pages", "with pages"])
def test_all_orders_of_six_events_come_to_the_same(found, learn, paged):
    assert len(ORDERS) == 720
    end = the_same(found(ORDERS, paged, learn))
    assert end["rooms"][0][0] == at(60.1)
    assert [(stay[1:]) for stay in sorted(end["stays"], key=lambda stay: stay[1])] == [
        (at(3.2), True, at(58.9), True),
        (at(7.7), True, at(51.4), True),
    ]


@pytest.mark.parametrize("paged", [False, True], ids=["without pages", "with pages"])
def test_over_http_orders_come_to_the_same_as_well(found, learn, post, moment, paged):
    by_http = the_same(found(SAMPLE, paged, post))
    assert by_http["rooms"][0][0] == at(60.1)
    assert len(by_http["stays"]) == 2


def test_all_orders_of_two_stays_of_one_page_come_to_the_same(session, moment, dr_grey, ana):
    orders = list(permutations(range(5)))[::5]
    found = []
    for told, order in zip(sessions_like(session, len(orders)), orders, strict=True):
        moment.move_to(NOW, tick=False)
        calls.enter(told.session, page_id(), by=ana.actor)
        moment.shift(61)
        events = [
            told.joined(ana, 3.2),
            told.left(ana, 30.4, 27),
            told.joined(ana, 28.1, "2"),
            told.left(ana, 51.4, 23, "2"),
            told.ended(60.1),
        ]
        hear(*(events[number] for number in order))
        state = known(told.session)
        found.append({"stays": state["stays"], "rooms": state["rooms"]})
    assert all(one == found[0] for one in found)


def test_that_a_room_was_made_is_nothing_to_learn_from(session, learn, rooms, dr_grey, ana):
    (told,) = sessions_like(session, 1)
    before = known(told.session)
    learn(call(told, dr_grey, ana)[:1])
    assert known(told.session) == before


def test_every_event_a_second_time_at_any_moment_changes_nothing(session, learn, moment, dr_grey, ana):
    (told,) = sessions_like(session, 1)
    moment.shift(61)
    forms = call(told, dr_grey, ana)
    for number, form in enumerate(forms):
        learn([form])
        before = known(told.session)
        learn(forms[: number + 1])
        assert known(told.session) == before
