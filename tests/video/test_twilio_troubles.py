"""Every question that Twilio is ever asked, on every bad day: how often it is asked, and for how long."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from doubles.twilio import Twilio
from support import browsers
from support.bad_days import PASSING, cut, each, refuse, status

from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.video import Recorded, RecordingProvider
from telehealth.video.twilio import TwilioProvider


@dataclass
class Before:
    """What there is before a question is asked."""

    provider: TwilioProvider
    twilio: Twilio

    def nothing(self):
        """A name that nobody has used."""
        return secrets.token_hex(16)

    def room(self):
        """A room with somebody in it."""
        name = secrets.token_hex(16)
        self.provider.open_room(name)
        self.twilio._do(lambda: self.twilio._world.join(name, "somebody", name))
        return self.twilio.room(name)

    def over(self):
        """A room that is over, in which somebody was recorded."""
        room = self.room()
        self.provider.record(room.name, on=True)
        track = {"id": "audio", "name": "audio", "kind": "audio", "enabled": True}
        told = {"revision": 1, "tracks": [track]}
        self.twilio._do(lambda: self.twilio._world.set_tracks(room.inside[0], told))
        self.provider.close_room(room.name)
        return room

    def file(self):
        """The id of a file that was made of such a room."""
        self.twilio.switches.composing = 0
        source_id = self.provider.compose(self.over().sid)
        browsers.until(lambda: self.provider.recorded(source_id).state == Recorded.READY)
        return source_id


# What the question looks like, what there has to be before, and what is called with that.
QUESTIONS = {
    "open_room": ("POST /v1/Rooms", Before.nothing, lambda p, name: p.open_room(name)),
    "open_room: taken": ("GET /v1/Rooms/*", Before.room, lambda p, room: p.open_room(room.name)),
    "close_room": ("POST /v1/Rooms/*", Before.room, lambda p, room: p.close_room(room.name)),
    "remove": (
        "POST /v1/Rooms/*/Participants/*",
        Before.room,
        lambda p, room: p.remove(room.name, "somebody"),
    ),
    "record": ("POST /v1/Rooms/*/RecordingRules", Before.room, lambda p, room: p.record(room.name, on=True)),
    "look": ("GET /v1/Rooms/*", Before.room, lambda p, room: p.look(room.name, room.sid)),
    "look: people": (
        "GET /v1/Rooms/*/Participants",
        Before.room,
        lambda p, room: p.look(room.name, room.sid),
    ),
    "compose: files": ("GET /v1/Compositions", Before.over, lambda p, room: p.compose(room.sid)),
    "compose: tracks": ("GET /v1/Rooms/*/Recordings", Before.over, lambda p, room: p.compose(room.sid)),
    "compose": ("POST /v1/Compositions", Before.over, lambda p, room: p.compose(room.sid)),
    "recorded": ("GET /v1/Compositions/*", Before.file, lambda p, source: p.recorded(source)),
    "media": ("GET /v1/Compositions/*/Media", Before.file, lambda p, source: p.media(source, None)),
    "media: bytes": ("GET /media/*", Before.file, lambda p, source: p.media(source, None)),
    "erase: files": ("GET /v1/Compositions", Before.over, lambda p, room: p.erase("", room.sid)),
    "erase: tracks": ("GET /v1/Rooms/*/Recordings", Before.over, lambda p, room: p.erase("", room.sid)),
    "erase: a track": (
        "DELETE /v1/Rooms/*/Recordings/*",
        Before.over,
        lambda p, room: p.erase("", room.sid),
    ),
    "erase": ("DELETE /v1/Compositions/*", Before.file, lambda p, source: p.erase(source, "")),
}
ONCE = {"compose", "media: bytes"}
"""A second file would be made; and whoever plays a recording asks again by themselves."""

ASK_NOBODY = {"ticket", "read_callback"}


def questions(*without):
    """The test's `name` is each of them in turn."""
    return pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in without])


@pytest.fixture
def ready(provider, twilio, name):
    """The question as it may be asked any number of times, and what it looks like."""
    on, before, call = QUESTIONS[name]
    given = before(Before(provider, twilio))
    return lambda: call(provider, given), on


def test_every_question_is_here():
    asking = {name for base in RecordingProvider.__mro__ for name in vars(base) if not name.startswith("_")}
    methods = {name for name in asking if callable(getattr(RecordingProvider, name, None))}
    assert {name.partition(":")[0] for name in QUESTIONS} == methods - ASK_NOBODY


@questions()
@each({**PASSING, "503": status(503), "cut": cut})
def test_trouble_that_may_pass_is_met_three_times_where_that_does_no_harm(twilio, name, ready, trouble):
    call, on = ready
    fault, start = trouble(twilio.faults, on), datetime.now(UTC)
    with pytest.raises(ProviderUnavailable) as caught:
        call()
    assert fault.met == (1 if name in ONCE else 3)
    assert caught.value.status == 503
    assert datetime.now(UTC) - start < timedelta(seconds=4), "it was waited for longer than we wait"


@questions(*ONCE)
@each({name: PASSING[name] for name in ("refuse", "hang", "500", "429")})
def test_trouble_that_passes_is_not_noticed(twilio, name, ready, trouble):
    call, on = ready
    fault = trouble(twilio.faults, on, times=2)
    call()
    assert fault.met == 2


@questions("media: bytes")
def test_a_no_that_stays_is_asked_for_once(twilio, name, ready):
    call, on = ready
    for no in (401, 403, 400):
        fault = status(no)(twilio.faults, on)
        with pytest.raises(ProviderRefused) as caught:
            call()
        assert fault.met == 1
        assert caught.value.status == 502
        assert ("Staff have to check" in caught.value.message) == (no != 400)
        twilio.faults.clear()


def test_a_file_is_not_asked_for_again_though_the_answer_got_lost(provider, twilio):
    room = Before(provider, twilio).over()
    fault = cut(twilio.faults, "POST /v1/Compositions")
    with pytest.raises(ProviderUnavailable):
        provider.compose(room.sid)
    found = provider.compose(room.sid)
    assert fault.met == 1, "it was asked for again although there was one"
    assert [one.sid for one in twilio._world.compositions if one.room is room] == [found]


def test_bytes_that_did_not_come_can_be_asked_for_again(provider, twilio):
    source = Before(provider, twilio).file()
    refuse(twilio.faults, "GET /media/*", times=1)
    with pytest.raises(ProviderUnavailable):
        provider.media(source, None)
    assert b"".join(provider.media(source, None).chunks)


def test_what_twilio_has_forgotten_is_erased(provider, twilio):
    source = Before(provider, twilio).file()
    for room_id in ("", "", "RM" + "0" * 32):
        provider.erase(source, room_id)
    assert provider.recorded(source).state == Recorded.FAILED
