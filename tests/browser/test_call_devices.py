"""Cameras and microphones that are refused, missing or exchanged."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, expect
from support import browsers
from support.cast import Clinic

from browser.people import At, Call, states_in
from telehealth import presence
from telehealth.models import Participation


def test_who_says_no_to_the_camera_is_told_the_steps_and_still_sees_and_hears(
    at_screen: At, clinic: Clinic, with_devices: Callable[[str], Browser]
):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana", in_=with_devices("denied"))
    ana.open_call(session).is_("waiting")
    ana.reads("Your camera or microphone is blocked")
    ana.reads("Allow the camera and the microphone.")
    expect(ana.button("Try again")).to_be_visible()

    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    ana.sees(grey)
    ana.reads("Your doctor cannot see or hear you.")
    grey.is_("connected")
    grey.shows_no_picture_of(ana)
    expect(grey.page.locator(".person:visible .person-muted")).to_be_visible()


def test_who_says_no_alone_in_the_call_is_told_the_steps_and_can_go_on_without(
    at_screen: At, clinic: Clinic, with_devices: Callable[[str], Browser]
):
    session = clinic.session("IN_PROGRESS")
    ana = at_screen("ana", in_=with_devices("denied"))
    ana.open_call(session).is_("waiting")
    expect(ana.page.get_by_role("heading", name="Your camera and microphone are blocked")).to_be_visible()
    ana.reads("Allow the camera and the microphone.")
    ana.press("Go on without")
    ana.reads("Your doctor is on the way")
    expect(ana.button("Camera")).to_have_attribute("aria-pressed", "false")


def test_who_has_no_devices_at_all_still_sees_and_hears(
    at_screen: At, clinic: Clinic, with_devices: Callable[[str], Browser]
):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana", in_=with_devices("missing"))
    ana.open_call(session).is_("waiting")
    expect(ana.page.get_by_role("heading", name="We found no camera and no microphone")).to_be_visible()
    grey.open_call(session)
    ana.sees(grey)
    ana.reads("Your doctor cannot see or hear you.")
    grey.shows_no_picture_of(ana)


def test_who_has_a_microphone_alone_is_heard(
    at_screen: At, clinic: Clinic, with_devices: Callable[[str], Browser]
):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana", in_=with_devices("microphone"))
    ana.open_call(session)
    grey.open_call(session)
    ana.sees(grey)
    ana.reads("Your camera is not working. Your doctor can hear you.")
    grey.is_("connected")
    grey.hears()
    grey.shows_no_picture_of(ana)
    expect(grey.page.locator(".person:visible .person-muted")).to_be_hidden()


def test_a_browser_that_cannot_make_calls_says_so_and_nobody_waits_for_it(at_screen: At, clinic: Clinic):
    for session, key in [(clinic.session(), "ana"), (clinic.session("IN_PROGRESS"), "dr_grey")]:
        one = at_screen(key, anew=True)
        one.page.add_init_script("delete window.RTCPeerConnection")
        asked: list[str] = []
        one.page.on("request", lambda request, asked=asked: asked.append(request.url))
        one.open_call(session).is_("disconnected")
        heading = one.page.get_by_role("heading", name="This browser cannot make video calls")
        expect(heading).to_be_focused()
        one.reads("Use a new version of Chrome, Edge, Firefox or Safari.")
        expect(one.page.get_by_role("link", name=re.compile("^Back to"))).to_be_visible()
        assert not [url for url in asked if url.endswith("/enter")]
        with clinic.app.app_context():
            assert presence.who(clinic.now(session)) == []


def test_whom_the_browser_fails_after_they_came_in_has_left(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    ana = at_screen("ana", anew=True)
    ana.page.add_init_script("RTCPeerConnection.generateCertificate = () => Promise.reject(Error('none'))")
    ana.open_call(session).is_("disconnected")
    ana.reads("You cannot come in right now")
    browsers.until(lambda: states_in(session, clinic) == [Participation.LEFT], "they are still here")


def test_a_camera_is_chosen_in_the_call_and_opened_again_when_it_was_pulled_out(call: Call):
    _session, grey, ana = call
    ana.press("Devices")
    choice = ana.page.get_by_label("Camera", exact=True).and_(ana.page.locator("select"))
    expect(choice).to_be_visible()
    track = "video => video.srcObject?.getVideoTracks()[0]?.id"
    before = ana.own_picture.evaluate(track)
    # Of the browser's false cameras only the first can be sent: choosing it opens it anew.
    choice.select_option(index=0)
    browsers.until(lambda: ana.own_picture.evaluate(track) not in (before, None), "the camera was not opened")
    ana.press("Done")
    grey.sees(ana)

    ana.own_picture.evaluate(
        """video => {
          const [track] = video.srcObject.getVideoTracks();
          track.stop();
          track.dispatchEvent(new Event('ended'));
        }"""
    )
    expect(ana.own_picture).to_be_visible()
    grey.sees(ana)
