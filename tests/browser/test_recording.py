"""A call is recorded in the doctor's browser, if the patient agrees: in two real browsers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect
from support import browsers
from support.cast import Clinic

from browser.people import Somebody, meet
from telehealth.models import Recording, Session, Status

At = Callable[..., Somebody]

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

    recording: Recording = browsers.until(found, 30, "no pieces arrive")
    return recording


def plays(grey: Somebody, session: Session, number: int = 0) -> dict[str, float]:
    """Open the recording from the card, and let the browser really play it."""
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.card(session).get_by_role("link", name=re.compile("^Play recording")).nth(number).click()
    video = grey.page.locator("video")
    expect(video).to_have_js_property("error", None)
    browsers.until(lambda: video.evaluate("video => video.readyState >= 2"), 20, "nothing is loaded")
    played: dict[str, float] = video.evaluate(PLAYED)
    assert played["duration"] > 1 and played["time"] > 0.3 and played["frames"] > 2, played
    assert (played["width"], played["sound"] > 0) == (960, True), played
    return played


@pytest.fixture
def session(clinic: Clinic) -> Session:
    return clinic.session(Status.IN_PROGRESS, recording_enabled=True)


def test_a_call_is_recorded_with_the_patients_consent_and_played_back(
    at_screen: At, clinic: Clinic, session: Session
) -> None:
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    meet(grey, ana, session)
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
    browsers.until(
        lambda: [one.status for one in recordings_of(clinic, session)] == ["available"],
        20,
        "the recording is not finished",
    )
    (recording,) = recordings_of(clinic, session)
    assert recording.duration_seconds and recording.duration_seconds >= 3
    plays(grey, session)
    assert "recording.read" in clinic.history(session)
