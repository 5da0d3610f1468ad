"""The double of Twilio against the real `twilio` package: rooms, faults, callbacks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from support.browsers import until
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from doubles.twilio import Twilio


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    """The double, with short minutes."""
    with Twilio(minute=0.2) as twilio:
        yield twilio


@pytest.fixture
def client(twilio: Twilio) -> Iterator[Client]:
    """The real client, which reaches the double without TLS."""
    http = TwilioHttpClient(timeout=1)
    with closing(http.session):
        client = Client(twilio.api_key, twilio.api_secret, twilio.account_sid, http_client=http)
        client.video.base_url = client.api.base_url = twilio.rest_url
        yield client


def refusal(what, *given, **named):
    """The status and the code of the error that this call raises."""
    with pytest.raises(TwilioRestException) as caught:
        what(*given, **named)
    return caught.value.status, caught.value.code


def test_a_room_is_made_found_listed_and_completed_once(client):
    client.video.v1.rooms.create(unique_name="another", unused_room_timeout=60)
    room = client.video.v1.rooms.create(unique_name="visit", type="group", max_participants=2)
    assert (room.status, room.max_participants, room.empty_room_timeout) == ("in-progress", 2, 5)
    assert client.video.v1.rooms(room.sid).fetch().unique_name == "visit"
    assert client.video.v1.rooms("visit").fetch().sid == room.sid
    assert [r.sid for r in client.video.v1.rooms.list(unique_name="visit")] == [room.sid]
    assert len(client.video.v1.rooms.list(page_size=1)) == 2, "the second page was not followed"
    assert room.update(status="completed").status == "completed"
    assert refusal(room.update, status="completed") == (400, 53112)
    assert refusal(client.video.v1.rooms("visit").fetch) == (404, 20404)
    assert client.video.v1.rooms(room.sid).fetch().status == "completed"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"unique_name": "n" * 129}, 53101),
        ({"unique_name": "a/b"}, 53102),
        ({"max_participants": 51}, 53107),
        ({"type": "peer-to-peer"}, 53108),
        ({"empty_room_timeout": 61}, 53109),
        ({"status_callback": "nowhere"}, 53111),
        ({"unique_name": "taken"}, 53113),
    ],
)
def test_a_room_that_cannot_be_is_refused(client, given, code):
    client.video.v1.rooms.create(unique_name="taken", unused_room_timeout=60)
    assert refusal(client.video.v1.rooms.create, **given) == (400, code)


def test_credentials_are_checked(twilio, client):
    assert client.api.v2010.accounts(twilio.account_sid).fetch().status == "active"
    client.auth = (twilio.api_key, "wrong")
    assert refusal(client.api.v2010.accounts(twilio.account_sid).fetch) == (401, 20003)
    with pytest.raises(TwilioException, match="401"):  # lists raise the plain one
        client.video.v1.rooms.list()


def test_a_room_that_nobody_enters_dies(client):
    room = client.video.v1.rooms.create(unique_name="lonely", unused_room_timeout=1)
    until(lambda: client.video.v1.rooms(room.sid).fetch().status == "completed")


def test_a_lost_reply_is_repaired_by_looking_the_name_up(twilio, client):
    fault = twilio.faults.cut("POST /v1/Rooms", times=1)
    with pytest.raises(requests.ConnectionError):
        client.video.v1.rooms.create(unique_name="visit", unused_room_timeout=60)
    assert fault.met == 1
    assert refusal(client.video.v1.rooms.create, unique_name="visit") == (400, 53113)
    assert client.video.v1.rooms("visit").fetch().sid == twilio.room("visit").sid


def test_faults_are_met_as_often_as_asked(twilio, client):
    twilio.faults.refuse("GET /v1/Rooms", times=1)
    twilio.faults.fail(429, times=1, retry_after=3)
    twilio.faults.fail(500, times=1)
    with pytest.raises(requests.ConnectionError):
        client.video.v1.rooms.list()
    assert refusal(client.video.v1.rooms("x").fetch) == (429, 20429)
    assert refusal(client.video.v1.rooms("x").fetch) == (500, 20500)
    twilio.faults.hang("POST *")
    with pytest.raises(requests.ReadTimeout):
        client.video.v1.rooms.create(unique_name="never")
    twilio.faults.clear()
    twilio.faults.slow(0.3, "GET *")
    start = time.monotonic()
    assert client.video.v1.rooms.list() == [], "what hung took effect"
    assert time.monotonic() - start > 0.3


def test_the_environment_alone_leads_an_unchanged_program_to_the_double(twilio):
    program = """
from os import environ
import requests
from twilio.rest import Client
account = environ["TWILIO_ACCOUNT_SID"]
client = Client(environ["TWILIO_API_KEY"], environ["TWILIO_API_SECRET"], account)
print(client.video.v1.rooms.create(unique_name="from afar").sid)
try:
    requests.get("https://elsewhere.example", timeout=5)
except requests.exceptions.ProxyError:
    print("refused")
"""
    environment = {"PATH": os.environ["PATH"], **twilio.settings, **twilio.environment}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [twilio.room("from afar").sid, "refused"], done.stderr
    assert "from afar" in twilio.everything_seen()


def test_callbacks_are_signed_and_carry_the_room(twilio, client, hook):
    room = client.video.v1.rooms.create(unique_name="visit", status_callback=hook.url)
    twilio.kill_room("visit")
    until(lambda: hook.events == ["room-created", "room-ended"])
    validator = RequestValidator(twilio.auth_token)
    for received in hook.received:
        assert validator.validate(hook.url, received.form, received.signature)
        assert (received.form["RoomSid"], received.form["AccountSid"]) == (room.sid, twilio.account_sid)
    assert hook.received[1].form["RoomStatus"] == "completed"
    crafted = twilio.parameters("participant-connected", "visit", "ana", Timestamp="long ago")
    assert twilio.call_back(hook.url, crafted) == [204]
    assert hook.received[2].form.to_dict() == crafted
    assert twilio.delivered[2].status == 204


def test_callbacks_go_astray_as_asked(twilio, client, hook):
    twilio.callbacks.lost = {"room-created"}
    twilio.callbacks.copies = 3
    twilio.callbacks.wrong_signature = True
    client.video.v1.rooms.create(unique_name="visit", status_callback=hook.url)
    client.video.v1.rooms.create(unique_name="abroad", status_callback="http://clinic.example/hook")
    twilio.kill_room("visit")
    until(lambda: hook.events == ["room-ended"] * 3)
    validator = RequestValidator(twilio.auth_token)
    assert not validator.validate(hook.url, hook.received[0].form, hook.received[0].signature)
    twilio.kill_room("abroad")
    until(lambda: twilio.delivered[-1].url == "http://clinic.example/hook")
    assert twilio.delivered[-1].status is None, "a callback left this machine"


def test_a_composition_needs_a_room_that_is_over(client):
    room = client.video.v1.rooms.create(unique_name="visit")
    assert refusal(client.video.v1.compositions.create, room.sid, audio_sources=["*"])[0] == 400
    room.update(status="completed")
    composition = client.video.v1.compositions.create(room.sid, audio_sources=["*"], format="webm")
    assert composition.status == "enqueued"
    until(lambda: composition.fetch().status == "failed", message="nothing was recorded, yet it was composed")
    with pytest.raises(TwilioException):
        client.video.v1.compositions("CJ" + "0" * 32).fetch()
