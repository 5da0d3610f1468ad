"""A call is recorded in the doctor's browser, if the patient agrees: in two real browsers."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect
from support import browsers
from support.cast import Clinic

from browser.inspection import faults_of
from browser.people import At, Call, Somebody, meet
from telehealth.models import Recording, Session, Status

if TYPE_CHECKING:
    pass

ASKED = "May this visit be recorded?"
PLAYED = """
async (video) => {
  video.muted = true;
  await video.play();
  for (let tries = 0; tries < 200 && !(video.currentTime > 0.5); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const quality = video.getVideoPlaybackQuality();
  return {duration: video.duration === Infinity ? 1e9 : video.duration, time: video.currentTime,
          frames: quality.totalVideoFrames, width: video.videoWidth,
          sound: video.webkitAudioDecodedByteCount};
}
"""


def dot(of: Somebody) -> Locator:
    """The notice that the call is being recorded."""
    return of.page.locator(".recording-badge")


def agree(ana: Somebody) -> None:
    """Agree, where the question is to be seen."""
    expect(ana.page.get_by_role("heading", name=ASKED)).to_be_visible()
    ana.press("Agree to recording")
    expect(ana.page.get_by_role("heading", name=ASKED)).to_have_count(0)


def recordings_of(clinic: Clinic, session: Session) -> list[Recording]:
    """What there is now, deleted ones left out."""
    from telehealth import access

    with clinic.app.app_context():
        return list(access.load_session(session.id, by=clinic._person("dr_grey").actor).recordings)


def has_pieces(clinic: Clinic, session: Session, at_least: int = 2) -> Recording:
    """Wait until the newest recording has some."""

    def found() -> Recording | None:
        there = recordings_of(clinic, session)
        return there[-1] if there and there[-1].next_piece >= at_least else None

    recording: Recording = browsers.until(found, "no pieces arrive")
    return recording


def are_finished(clinic: Clinic, session: Session, number: int = 1) -> list[Recording]:
    """Wait until there are so many recordings, and all of them can be played."""

    def found() -> list[Recording] | None:
        there = recordings_of(clinic, session)
        return there if [one.status for one in there] == [Recording.AVAILABLE] * number else None

    recordings: list[Recording] = browsers.until(found, "the recording is not finished")
    return recordings


def plays(grey: Somebody, session: Session, number: int = 0) -> dict[str, float]:
    """Open the recording from the card, and let the browser really play it."""
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.card(session).get_by_role("link", name=re.compile("^Play recording")).nth(number).click()
    video = grey.page.locator("video")
    expect(video).to_have_js_property("error", None)
    browsers.until(lambda: video.evaluate("video => video.readyState >= 2"), "nothing is loaded")
    played: dict[str, float] = video.evaluate(PLAYED)
    assert played["duration"] > 1 and played["time"] > 0.3 and played["frames"] > 2, played
    assert (played["width"], played["sound"] > 0) == (960, True), played
    return played


@pytest.fixture
def at_screen(at_screen: At) -> At:
    """Nobody sends what the test before kept on the device."""
    return functools.partial(at_screen, anew=True)


@pytest.fixture
def session(clinic: Clinic) -> Session:
    return clinic.session(Status.IN_PROGRESS, recording_enabled=True)


@pytest.fixture
def recorded(call: Call, clinic: Clinic) -> Call:
    """Ana has agreed, and some of the call is with the server already."""
    agree(call.ana)
    has_pieces(clinic, call.session)
    return call


def test_a_call_is_recorded_with_the_patients_consent_and_played_back(call: Call, clinic: Clinic) -> None:
    session, grey, ana = call
    grey.reads("Waiting for the patient’s answer")
    for one in (grey, ana):
        expect(dot(one)).to_be_hidden()
    agree(ana)
    for one in (grey, ana):
        expect(dot(one)).to_be_visible()
        expect(dot(one)).to_have_text(re.compile("This call is being recorded"))
    has_pieces(clinic, session, 4)
    grey.end()
    for one in (grey, ana):
        one.is_("disconnected")
        expect(dot(one)).to_be_hidden()
    (recording,) = are_finished(clinic, session)
    assert recording.duration_seconds and recording.duration_seconds >= 3
    plays(grey, session)
    assert "recording.read" in clinic.history(session)


def test_who_agrees_in_the_waiting_room_is_not_asked_again(at_screen: At, clinic: Clinic) -> None:
    session = clinic.session(recording_enabled=True)
    grey, ana = at_screen("dr_grey"), at_screen("ana", viewport={"width": 390, "height": 844})
    ana.open_call(session).is_("waiting")
    agree(ana)
    ana.reads("You agreed to the recording.")
    expect(ana.page.get_by_text("You agreed to the recording.").first).to_be_focused()
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.reads("The patient agreed", grey.card(session))
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.finds(session, Status.IN_PROGRESS))
    grey.sees(ana)
    for one in (grey, ana):
        expect(dot(one)).to_be_visible()
    expect(ana.page.get_by_role("heading", name=ASKED)).to_have_count(0)
    expect(grey.page.get_by_text("Waiting for the patient’s answer")).to_be_hidden()


def test_who_says_no_is_not_recorded_and_the_visit_goes_on(call: Call, clinic: Clinic) -> None:
    session, grey, ana = call
    ana.press("Do not record")
    grey.reads("The patient did not agree. Nothing is recorded.")
    expect(ana.page.get_by_role("heading", name=ASKED)).to_have_count(0)
    # Long enough for a first piece.
    grey.page.wait_for_timeout(1500)
    for one in (grey, ana):
        expect(dot(one)).to_be_hidden()
    assert recordings_of(clinic, session) == []
    grey.sees(ana)
    ana.press("Recording")
    ana.reads("You said no. Nothing is being recorded.")
    ana.press("Agree to recording", ana.page.locator("#recording-choice"))
    for one in (grey, ana):
        expect(dot(one)).to_be_visible()


def test_who_takes_it_back_stops_the_recording_and_keeps_talking(recorded: Call, clinic: Clinic) -> None:
    session, grey, ana = recorded
    ana.press("Recording")
    ana.press("Do not record", ana.page.locator("#recording-choice"))
    for one in (grey, ana):
        expect(dot(one)).to_be_hidden()
    grey.reads("Recording stopped: the patient took back the agreement.")
    (before,) = are_finished(clinic, session)
    # Long enough for another piece.
    grey.page.wait_for_timeout(1500)
    (after,) = recordings_of(clinic, session)
    assert after.size_bytes == before.size_bytes
    grey.sees(ana)
    assert "session.consent_withdrawn" in clinic.history(session)
    plays(grey, session)


def test_a_reload_of_the_doctors_page_loses_nothing_that_was_made(recorded: Call, clinic: Clinic) -> None:
    session, grey, ana = recorded
    grey.page.route("**/pieces/*", lambda route: route.abort())
    waiting = """async () => {
      const request = indexedDB.open("recordings");
      const database = await new Promise((done) => (request.onsuccess = () => done(request.result)));
      const count = database.transaction("pieces").objectStore("pieces").count();
      const found = await new Promise((done) => (count.onsuccess = () => done(count.result)));
      database.close();
      return found;
    }"""
    kept = browsers.until(lambda: (n := grey.page.evaluate(waiting)) >= 2 and n, "nothing is kept")
    (before,) = recordings_of(clinic, session)
    grey.page.unroute("**/pieces/*")
    grey.page.reload()
    grey.sees(ana)

    def went_on() -> bool:
        there = recordings_of(clinic, session)
        return [one.status for one in there] == ["available", "processing"] and there[1].next_piece > 1

    browsers.until(went_on, "it does not go on")
    first = recordings_of(clinic, session)[0]
    assert first.next_piece >= before.next_piece + kept
    assert grey.page.evaluate(waiting) <= 2
    for one in (grey, ana):
        expect(dot(one)).to_be_visible()
    grey.end()
    grey.is_("disconnected")
    are_finished(clinic, session, 2)
    plays(grey, session, 0)
    plays(grey, session, 1)


def test_the_doctor_who_leaves_finishes_the_recording_and_begins_another(
    recorded: Call, clinic: Clinic
) -> None:
    session, grey, ana = recorded
    grey.press("Leave Call")
    grey.is_at(f"/visits/{session.visit_id}/telemedicine")
    (first,) = recordings_of(clinic, session)
    assert (first.status, first.duration_seconds is not None) == (Recording.AVAILABLE, True)
    expect(dot(ana)).to_be_hidden()
    grey.press("Join Call", grey.card(session))
    grey.sees(ana)
    expect(dot(ana)).to_be_visible()
    assert len(recordings_of(clinic, session)) == 2


def test_whoever_went_away_too_soon_sends_the_rest_from_the_page_of_the_session(
    recorded: Call, clinic: Clinic
) -> None:
    session, grey, _ana = recorded
    grey.page.route("**/pieces/*", lambda route: route.abort())
    grey.end()
    grey.is_("disconnected")
    grey.reads("The last part of the recording is being sent. Keep this page open.")
    grey.page.unroute_all()
    (before,) = recordings_of(clinic, session)
    grey.open(f"/telemedicine/{session.id}")
    grey.page.get_by_role("link", name=re.compile("^Play recording")).wait_for()
    (after,) = recordings_of(clinic, session)
    assert after.next_piece > before.next_piece
    assert after.duration_seconds is not None


def test_all_of_it_can_be_seen_and_reached_by_everybody(
    at_screen: At, clinic: Clinic, session: Session
) -> None:
    waiting = clinic.session(recording_enabled=True)
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open_call(waiting).is_("waiting")
    expect(ana.page.get_by_role("heading", name=ASKED)).to_be_visible()
    assert faults_of(ana.page) == []
    meet(grey, ana, session)
    expect(ana.page.get_by_role("heading", name=ASKED)).to_be_visible()
    for one in (grey, ana):
        assert faults_of(one.page) == []
    agree(ana)
    for one in (grey, ana):
        expect(dot(one)).to_be_visible()
        expect(one.page.locator("#announcer")).to_have_text("This call is being recorded.")
        assert faults_of(one.page) == []
    ana.press("Recording")
    assert faults_of(ana.page) == []
    recording = has_pieces(clinic, session)
    grey.end()
    grey.is_("disconnected")
    grey.open(f"/telemedicine/{session.id}/recordings/{recording.id}")
    expect(grey.page.locator("video")).to_be_visible()
    assert faults_of(grey.page) == []
    grey.page.reload()
    grey.press("Delete recording")
    grey.answer("Delete recording")
    grey.is_at(f"/telemedicine/{session.id}")
    grey.reads("The recording is deleted.")
