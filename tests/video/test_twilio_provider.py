"""Rooms and tickets at Twilio: the real client against the double, on good days and bad ones."""

import json
import logging
import secrets
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from support import apps
from twilio.jwt.access_token import AccessToken

from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.video import Happening
from telehealth.video.twilio import LIFE, TwilioProvider

SECRETS = ("b" * 32, "d" * 32)


def test_a_room_is_a_group_room_that_calls_back_lives_an_hour_and_records_nothing(provider, twilio, name):
    sid = provider.open_room(name)
    (sent,) = [dict(one.parameters) for one in twilio.requests if name in dict(one.parameters).values()]
    assert sent == {
        "UniqueName": name,
        "Type": "group",
        "StatusCallback": "https://visit.clinic.example/webhooks/twilio/room",
        "StatusCallbackMethod": "POST",
        "EmptyRoomTimeout": "60",
        "UnusedRoomTimeout": "60",
        "MaxParticipants": "10",
        "MaxParticipantDuration": "14400",
        "RecordParticipantsOnConnect": "false",
    }
    assert twilio.room(name).sid == sid
    assert twilio.room(name).record_on_connect is False


def test_a_room_records_while_it_is_told_to(provider, twilio, name):
    provider.open_room(name)
    for on in (True, False):
        provider.record(name, on=on)
        assert twilio.room(name).rules == [{"type": "include" if on else "exclude", "all": True}]


def test_a_room_that_is_there_is_taken(provider, twilio, name, asked):
    first = provider.open_room(name)
    assert provider.open_room(name) == first
    assert asked() == [("POST", "/v1/Rooms"), ("POST", "/v1/Rooms"), ("GET", f"/v1/Rooms/{name}")]


def test_a_lost_reply_ends_with_the_one_room(provider, twilio, name):
    fault = twilio.faults.cut("POST /v1/Rooms", times=1)
    sid = provider.open_room(name)
    assert fault.met == 1
    assert [room.sid for room in twilio.rooms if room.name == name] == [sid]


def test_a_room_that_was_over_is_made_anew(provider, twilio, name):
    old = provider.open_room(name)
    twilio.kill_room(old)
    new = provider.open_room(name)
    assert new != old
    assert twilio.room(new).status == "in-progress"


def test_a_room_that_dies_between_the_two_questions_is_made_anew(provider, twilio, name, monkeypatch):
    old, dead = provider.open_room(name), []
    genuine = type(provider._rooms(name)).fetch

    def fetch(context):
        if not dead:
            dead.append(twilio.kill_room(old))
        return genuine(context)

    monkeypatch.setattr(type(provider._rooms(name)), "fetch", fetch)
    new = provider.open_room(name)
    assert dead
    assert new != old
    assert twilio.room(new).status == "in-progress"


def test_eight_at_once_have_the_same_room(provider, twilio, name):
    found, gate = [], threading.Barrier(8)

    def open_it():
        gate.wait()
        found.append(provider.open_room(name))

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [twilio.room(name).sid] * 8


def test_a_ticket_is_for_one_identity_in_one_room_and_asks_nobody(provider, twilio, name, asked):
    ticket = provider.ticket(name, "somebody")
    told = jwt.decode(ticket.token, SECRETS[1], algorithms=["HS256"])
    now = datetime.now(UTC)
    assert jwt.get_unverified_header(ticket.token)["cty"] == "twilio-fpa;v=1"
    assert (told["iss"], told["sub"]) == (twilio.api_key, twilio.account_sid)
    assert told["grants"] == {"identity": "somebody", "video": {"room": name}}
    assert told.keys() <= {"iss", "sub", "exp", "nbf", "jti", "iat", "grants"}
    assert timedelta(hours=3.9) < datetime.fromtimestamp(told["exp"], UTC) - now <= timedelta(hours=4)
    assert timedelta(seconds=30) < now - datetime.fromtimestamp(told["nbf"], UTC) < timedelta(minutes=5)
    assert abs(ticket.expires_at - now - LIFE) < timedelta(seconds=5)
    assert abs(ticket.expires_at - datetime.fromtimestamp(told["exp"], UTC)) < timedelta(seconds=5)
    assert (ticket.provider, ticket.room, ticket.identity) == ("twilio", name, "somebody")
    assert asked() == []
    assert ticket.token not in repr(ticket)


def test_a_ticket_needs_no_twilio(provider, twilio, name):
    twilio.faults.refuse()
    assert provider.ticket(name, "somebody").token.count(".") == 2


def test_a_room_is_closed_for_everybody_and_closing_is_harmless_again(provider, twilio, name, asked):
    provider.open_room(name)
    somebody = twilio._do(lambda: twilio._world.join(name, "somebody", name))
    provider.close_room(name)
    assert twilio.room(name).status == "completed"
    assert somebody.status == "disconnected"
    provider.close_room(name)
    provider.close_room(secrets.token_hex(16))
    provider.close_room(twilio.room(name).sid)  # the double says 53112 here
    assert len(asked()) == 5, "a no that means yes was asked about again"


def test_somebody_is_put_out_and_nobody_else(provider, twilio, name):
    provider.open_room(name)
    one, other = (twilio._do(lambda who=who: twilio._world.join(name, who, name)) for who in ("one", "other"))
    provider.remove(name, "one")
    assert (one.status, other.status) == ("disconnected", "connected")
    provider.remove(name, "one")
    provider.remove(name, "nobody")
    provider.remove(secrets.token_hex(16), "one")


def test_a_look_tells_who_was_in_the_room_and_when(provider, twilio, name):
    sid = provider.open_room(name)
    assert provider.look(name, sid).ended_at is None
    one, other = (twilio._do(lambda who=who: twilio._world.join(name, who, name)) for who in ("one", "other"))
    twilio._do(lambda: twilio._world.leave(one))
    report = provider.look(name, sid)
    found = {attendee.identity: attendee for attendee in report.attendees}
    assert (report.room, report.room_id, report.ended_at) == (name, sid, None)
    assert found["one"].joined_at == one.start.replace(microsecond=0)
    assert found["one"].left_at == one.end.replace(microsecond=0)
    assert (found["other"].id, found["other"].left_at) == (other.sid, None)
    twilio.kill_room(sid)
    report = provider.look(name, sid)
    assert report.ended_at == twilio.room(sid).end.replace(microsecond=0)
    assert [event.kind for event in report.happenings()].count(Happening.LEFT) == 2


def test_a_look_goes_on_over_the_first_page_of_a_list(provider, twilio, name):
    sid = provider.open_room(name)

    def coming_and_going():
        for number in range(60):
            twilio._world.leave(twilio._world.join(name, f"who{number}", name))

    twilio._do(coming_and_going)
    assert len(provider.look(name, sid).attendees) == 60


def test_a_room_that_twilio_does_not_know_is_over(provider, name):
    report = provider.look(name, "RM" + "0" * 32)
    assert (report.ended_at is not None, report.attendees) == (True, [])


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (200, "<html>Sign in to the hotel's network</html>", ProviderUnavailable),
        (201, "", ProviderUnavailable),
        (502, "<html>Bad gateway</html>", ProviderUnavailable),
        (401, "<html>no</html>", ProviderRefused),
        (401, json.dumps({"type": "t", "title": "t", "status": 401, "code": 20003}), ProviderRefused),
        (503, json.dumps({"type": "t", "title": "t", "status": 503, "code": 20503}), ProviderUnavailable),
    ],
)
def test_what_is_no_answer_of_twilio_is_no_fault_of_ours(settings, name, status, body, refusal):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        provider = TwilioProvider(settings)
        video = provider._rooms._version.domain
        video.base_url = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(refusal):
            provider.open_room(name)
        video.twilio.http_client.session.close()
        server.shutdown()
        thread.join()


def test_a_room_with_the_wrong_key_is_refused_in_plain_words(settings, twilio, name):
    wrong = apps.settings("sqlite:///nowhere.sqlite", **{**twilio.settings, "TWILIO_API_SECRET": "e" * 32})
    with pytest.raises(ProviderRefused, match="does not accept the clinic’s access data"):
        TwilioProvider(wrong).open_room(name)


def test_no_secret_and_no_token_is_ever_logged(settings, twilio, name, caplog):
    caplog.set_level(logging.DEBUG)
    for logger in ("telehealth", "twilio.http_client", "urllib3"):
        caplog.set_level(logging.DEBUG, logger)
    provider = TwilioProvider(settings)
    sid = provider.open_room(name)
    token = provider.ticket(name, "somebody").token
    provider.look(name, sid)
    provider.remove(name, "somebody")
    for trouble in (lambda: twilio.faults.fail(401), twilio.faults.refuse, lambda: twilio.faults.fail(500)):
        trouble()
        with pytest.raises((ProviderRefused, ProviderUnavailable)):
            provider.open_room(name)
        twilio.faults.clear()
    assert "got 401, code 20003" in caplog.text
    assert "got no answer (" in caplog.text
    for secret in (*SECRETS, token, token.rpartition(".")[2], "Basic "):
        assert secret not in caplog.text
    for shown in (repr(settings), repr(settings.twilio), repr(provider.ticket(name, "x"))):
        assert not any(secret in shown for secret in SECRETS)


def test_a_token_of_the_package_says_what_ours_says(provider, twilio, name):
    theirs = AccessToken(twilio.account_sid, twilio.api_key, twilio.api_secret, identity="somebody")
    header = jwt.get_unverified_header(theirs.to_jwt())
    assert jwt.get_unverified_header(provider.ticket(name, "somebody").token) == header
