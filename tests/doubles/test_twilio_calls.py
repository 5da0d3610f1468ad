"""The double of Twilio against the real SDK in real browsers."""

from __future__ import annotations

import secrets
import time

import pytest
import requests
from support.browsers import sees, until


@pytest.fixture
def room(switchboard, hook):
    """A fresh room by name, whose events go to the hook."""
    name = f"visit-{secrets.token_hex(4)}"
    ask(switchboard, "POST", "Rooms", UniqueName=name, StatusCallback=hook.url)
    return name


def ask(twilio, method, path, **form):
    """Ask the REST API."""
    auth = (twilio.account_sid, twilio.auth_token)
    answer = requests.request(method, f"{twilio.rest_url}/v1/{path}", data=form, auth=auth, timeout=10)
    answer.raise_for_status()
    return answer


@pytest.fixture
def call(caller, room):
    """Ana and Dr Grey, who see and hear each other."""
    grey, ana = caller("dr_grey"), caller("ana")
    assert grey.join(room) == "joined"
    assert ana.join(room) == "joined"
    sees(grey.page)
    sees(ana.page)
    return grey, ana


def test_two_see_and_hear_each_other_and_one_mutes_and_leaves(switchboard, call, room, hook):
    grey, ana = call
    ana.page.evaluate("room.localParticipant.audioTracks.forEach((each) => each.track.disable())")
    grey.experiences("participantConnected", "trackDisabled")
    ana.page.evaluate("room.disconnect()")
    grey.experiences("participantDisconnected")
    until(lambda: hook.events[-1:] == ["participant-disconnected"])
    assert hook.events[:4] == ["room-created", "participant-connected", "track-added", "track-added"]
    assert "track-disabled" in hook.events
    assert '"ana"' in switchboard.everything_seen()


def test_the_same_identity_elsewhere_ends_the_older_and_a_removed_one_is_out(switchboard, caller, call, room):
    grey, older = call
    ana = caller("ana")
    assert ana.join(room) == "joined"
    older.experiences("disconnected 53205")
    ask(switchboard, "POST", f"Rooms/{room}/Participants/ana", Status="disconnected")
    ana.experiences("disconnected well")
    until(lambda: grey.page.evaluate("room.participants.size") == 0)


def test_a_recorded_room_that_is_completed_is_over_for_both_and_becomes_one_file(
    switchboard, call, room, hook
):
    grey, ana = call
    ask(switchboard, "POST", f"Rooms/{room}/RecordingRules", Rules='[{"type": "include", "all": true}]')
    ana.experiences("recordingStarted")
    sid = ask(switchboard, "POST", f"Rooms/{room}", Status="completed").json()["sid"]
    grey.experiences("disconnected 53118")
    ana.experiences("disconnected 53118")
    assert ana.join(room) == 53103
    until(lambda: hook.events.count("recording-completed") == 4)
    form = {"RoomSid": sid, "AudioSources": "*", "StatusCallback": hook.url, "Format": "mp4"}
    made = ask(switchboard, "POST", "Compositions", **form).json()
    until(lambda: hook.events[-1] == "composition-available")
    file = ask(switchboard, "GET", f"Compositions/{made['sid']}/Media").content
    assert str(len(file)) == hook.received[-1].form["Size"]
    ask(switchboard, "DELETE", f"Compositions/{made['sid']}")
    assert ask(switchboard, "GET", f"Compositions/{made['sid']}").json()["status"] == "deleted"


def test_a_token_that_is_no_good_is_refused_and_an_unknown_room_is_not_made(caller, room):
    ben = caller("ben")
    assert ben.join("nowhere") == 53103
    for given, code in (
        ({"ttl": -60}, 20104),
        ({"nbf": time.time() + 600}, 20105),
        ({"secret": "another" * 5}, 20107),
        ({"room": "another"}, 20106),
    ):
        assert ben.join(room, ben.token(**{"room": room, **given})) == code
