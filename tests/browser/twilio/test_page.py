"""The call page on Twilio: when its library comes, and what the page says while Twilio says no."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support import browsers, false_twilio
from support.cast import Clinic

from browser.people import At, see_each_other, states_in
from browser.test_call_devices import (
    test_who_has_a_microphone_alone_is_heard,
    test_who_says_no_alone_in_the_call_is_told_the_steps_and_can_go_on_without,
    test_who_says_no_to_the_camera_is_told_the_steps_and_still_sees_and_hears,
)
from browser.twilio.stage import WORDS_SEEN, words_seen
from telehealth.models import Participation

if TYPE_CHECKING:
    from telehealth.models import Session

# As they are on the embedded call.
__all__ = [
    "test_who_has_a_microphone_alone_is_heard",
    "test_who_says_no_alone_in_the_call_is_told_the_steps_and_can_go_on_without",
    "test_who_says_no_to_the_camera_is_told_the_steps_and_still_sees_and_hears",
]

LIBRARY = "**/twilio-video-*.js"
LOADED = """
() => performance.getEntriesByType('resource')
  .filter(({ name }) => name.includes('twilio-video'))
  .map(({ initiatorType, transferSize }) => [initiatorType, transferSize > 0])
"""
WEIGHT = """
() => performance.getEntriesByType('resource')
  .filter(({ name, initiatorType }) => name.startsWith(location.origin) && initiatorType !== 'fetch')
  .reduce((sum, { name, encodedBodySize }) => sum.set(name, encodedBodySize), new Map())
  .values().reduce((sum, size) => sum + size, 0)
"""

SENTENCES = {
    20101: "We could not bring you into the call",
    53000: "We cannot reach the video service",
    53105: "The call is full",
    53106: "The call is not open right now",
    53400: "Your video could not start",
    53405: "This network may block video calls",
}


def test_no_page_before_the_call_loads_a_byte_of_the_library_and_waiting_fetches_it(
    at_screen: At, clinic: Clinic
):
    session, running = clinic.session(), clinic.session("IN_PROGRESS")
    ana, grey = at_screen("ana", anew=True), at_screen("dr_grey", anew=True)
    asked: list[str] = []
    for one in (ana, grey):
        one.page.context.on("request", lambda request: asked.append(request.url))
    for path in ("/patient-portal/dashboard", "/patient-portal/telemedicine", f"/telemedicine/{session.id}"):
        ana.open(path)
    for path in ("/visits", f"/visits/{running.visit_id}/telemedicine"):
        grey.open(path)
    # The last one fetches the parts of the call page ahead.
    browsers.until(lambda: grey.page.evaluate("1") and any("call/view" in url for url in asked))
    assert not [url for url in asked if "vendor/twilio" in url]

    # Waiting, it comes, and is not run.
    ana.open_call(session).is_("waiting")
    browsers.until(lambda: ana.page.evaluate(LOADED) == [["link", True]], "it was not fetched")
    assert ana.page.evaluate("typeof Twilio") == "undefined"

    # The call takes what is there.
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    ana.sees(grey)
    assert ana.page.evaluate(LOADED) == [["link", True], ["script", False]]
    assert len(grey.page.evaluate(LOADED)) in (1, 2)
    for one in (grey, ana):
        page = gzip.compress(one.page.content().encode())
        assert 90_000 < one.page.evaluate(WEIGHT) + len(page) < 150_000


def test_a_library_that_does_not_load_at_first_is_said_and_then_it_comes_by_itself(
    at_screen: At, clinic: Clinic
):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana", anew=True)
    grey.open_call(session).is_("waiting")
    ana.page.route(LIBRARY, lambda route: route.abort())
    ana.open_call(session)
    ana.reads("We cannot reach the video service")
    expect(ana.page.get_by_role("status").filter(has_text="Joining the call.")).to_have_count(1)
    ana.page.unroute(LIBRARY)
    see_each_other(grey, ana)


def test_a_browser_that_twilio_does_not_take_says_so_and_leaves(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    ana = at_screen("ana")
    false_twilio.serve(ana.page)
    ana.page.add_init_script("window.supported = false")
    ana.open_call(session).is_("disconnected")
    expect(ana.page.get_by_role("heading", name="This browser cannot make video calls")).to_be_focused()
    browsers.until(lambda: states_in(session, clinic) == [Participation.LEFT], "they are still here")


@pytest.mark.parametrize("code", SENTENCES)
def test_each_refusal_of_twilio_has_words_for_the_patient(at_screen: At, session: Session, code: int):
    ana = at_screen("ana")
    false_twilio.serve(ana.page)
    ana.page.add_init_script(false_twilio.ROOM + f"window.connects = () => {code};")
    ana.open_call(session)
    heading = ana.page.get_by_role("heading", name=SENTENCES[code])
    message = ana.page.locator(".call-message:visible")
    for width in (1280, 390):
        ana.page.set_viewport_size({"width": width, "height": 800})
        expect(heading).to_be_visible()
        expect(message).to_have_count(1)
        expect(message).to_contain_text("We keep trying in the meantime.")
        expect(message.get_by_role("link", name="+49 30 555 0100")).to_be_visible()
        expect(ana.button("Load again")).to_be_visible()
        expect(ana.button("Leave Session")).to_be_visible()
    assert str(code) not in ana.page.locator("body").inner_text(), "codes are not for people"

    # And when it is over, so are the words.
    ana.page.evaluate("window.connects = () => falseRoom()")
    ana.is_("waiting")
    expect(heading).to_be_hidden()
    ana.reads("Your doctor is on the way")


def test_a_page_that_is_in_front_again_refreshes_media_that_the_telephone_cut_off(
    at_screen: At, clinic: Clinic
):
    ana = at_screen("ana")
    false_twilio.serve(ana.page)
    ana.page.add_init_script(
        false_twilio.ROOM + "window.inside = falseRoom(); window.connects = () => inside;"
    )
    ana.open_call(clinic.session("IN_PROGRESS")).is_("waiting")
    for hidden in (True, False):
        assert ana.page.evaluate("inside.refreshed") == 0
        ana.page.evaluate(
            """(hidden) => {
              Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
              document.dispatchEvent(new Event('visibilitychange'));
            }""",
            hidden,
        )
    assert ana.page.evaluate("inside.refreshed") == 1


def test_whoever_comes_into_a_call_or_back_to_its_window_is_never_told_that_nobody_is_there(
    at_screen: At, session: Session
):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.page.add_init_script(WORDS_SEEN)
    grey.open_call(session).is_("waiting")
    ana.open_call(session)
    see_each_other(grey, ana)
    # The real library refreshes its media then.
    ana.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    see_each_other(grey, ana)
    assert words_seen(ana) == {"panel-connecting"}
