"""Twilio records, if the patient agrees; one file of the call is made, played through us and deleted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from support import browsers

from browser.people import Call, set_back
from browser.test_recording import PLAYED, agree, dot, recordings_of
from telehealth import chores, compositions, video
from telehealth.models import Recording, Status


@pytest.fixture
def session(clinic):
    return clinic.session(Status.IN_PROGRESS, recording_enabled=True)


def follow(app, clinic, session):
    """Let the pause between two questions be over, and do what a server does by itself."""
    for recording in recordings_of(clinic, session):
        set_back(app, Recording, Recording.id == recording.id, heard_at=compositions.PAUSE + timedelta(1))
    with app.app_context():
        chores.run(video=video.provider())


def statuses(clinic, session):
    return [one.status for one in recordings_of(clinic, session)]


def test_a_recorded_call_becomes_one_file_that_only_its_doctor_plays_and_deletes(
    call: Call, app, clinic, twilio
):
    session, grey, ana = call
    room = twilio.room(session.room)
    assert not room.recordings
    agree(ana)
    for one in (grey, ana):
        expect(dot(one)).to_be_visible()
    browsers.until(lambda: len(room.recordings) >= 4, "Twilio does not record")
    assert statuses(clinic, session) == ["processing"]
    grey.end()
    for one in (grey, ana):
        one.is_("disconnected")
        expect(dot(one)).to_be_hidden()

    def ready():
        follow(app, clinic, session)
        return statuses(clinic, session) == ["available"]

    browsers.until(ready, "the recording is not there")
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.card(session).get_by_role("link", name=re.compile("^Play recording")).click()
    player = grey.page.locator("video")
    browsers.until(lambda: player.evaluate("video => video.readyState >= 2"), "nothing is loaded")
    assert player.evaluate(PLAYED)["frames"] > 2
    assert "recording.read" in clinic.history(session)
    assert ana.page.request.get(grey.page.url).status == 403

    grey.press("Delete recording")
    grey.answer("Delete recording")
    browsers.until(lambda: statuses(clinic, session) == [], "it is not deleted")
    assert {one.status for one in room.recordings} == {"deleted"}


def test_a_doctor_is_told_that_twilio_does_not_record_though_the_patient_agreed(call: Call, twilio):
    _session, grey, ana = call
    twilio.faults.fail(403, "POST /v1/Rooms/*/RecordingRules")
    agree(ana)
    grey.reads("The recording has not begun yet. We keep trying.")
    for one in (grey, ana):
        expect(dot(one)).to_be_hidden()
    twilio.faults.clear()
    expect(dot(grey)).to_be_visible()
    expect(grey.page.get_by_text("The recording has not begun yet")).to_be_hidden()


def test_who_says_no_or_takes_it_back_is_not_recorded(call: Call, twilio):
    session, grey, ana = call
    ana.press("Do not record")
    grey.reads("The patient did not agree. Nothing is recorded.")
    for one in (grey, ana):
        expect(dot(one)).to_be_hidden()
    room = twilio.room(session.room)
    assert not room.recordings

    choice = ana.page.locator("#recording-choice")
    ana.press("Recording")
    ana.press("Agree to recording", choice)
    browsers.until(lambda: list(room.recording), "Twilio does not record")
    expect(dot(grey)).to_be_visible()
    ana.press("Do not record", choice)
    browsers.until(lambda: not list(room.recording), "Twilio still records")
    for one in (grey, ana):
        expect(dot(one)).to_be_hidden()
