"""Firefox, as Debian has it: calls with Chromium in both roles, and no complaint on any page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from flask import Flask
from playwright.sync_api import expect
from support import browsers
from support.cast import Clinic
from support.firefox import Firefox, Tab
from support.server import Server

from browser.people import At, Somebody, sign_in_cookie
from telehealth.models import Session, Status

InFirefox = Callable[..., Tab]

# What Firefox says of a request that was under way when its page was left.
LEFT = "NetworkError when attempting to fetch resource"

LOSE = """() => {
  const connection = connections.at(-1);
  Object.defineProperty(connection, "connectionState", { get: () => "disconnected" });
  connection.dispatchEvent(new Event("connectionstatechange"));
}"""

SLOW_SIGNALS = """() => {
  const { fetch } = window;
  window.fetch = async (url, ...more) => {
    if (String(url).endsWith("/signal")) await new Promise((resolve) => setTimeout(resolve, 200));
    return fetch(url, ...more);
  };
}"""


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    """Firefox with a fake camera and microphone."""
    with closing(Firefox()) as firefox:
        yield firefox


@pytest.fixture(scope="module")
def refusing() -> Iterator[Firefox]:
    """Firefox whose user says no to camera and microphone."""
    with closing(Firefox(denied=True)) as firefox:
        yield firefox


@pytest.fixture
def in_firefox(firefox: Firefox, server: Server, app: Flask) -> Iterator[InFirefox]:
    """Puts a member of the cast, or a stranger, at Firefox; what their pages complain about fails."""
    tabs: list[Tab] = []

    def in_firefox(key: str = "", at: Firefox | None = None, beside: Tab | None = None) -> Tab:
        cookies = [sign_in_cookie(app, key)] if key else []
        tab = beside.second() if beside else (at or firefox).tab(server.url, cookies)
        tab.watch.expect(LEFT)
        tabs.append(tab)
        return tab

    yield in_firefox
    for tab in tabs:
        tab.close()
        tab.watch.check()


def is_(tab: Tab, state: str) -> None:
    """The call comes into this state."""
    tab.until("(state) => document.querySelector('[data-call-state]')?.dataset.callState === state", state)


def see_each_other(chromium: Somebody, firefox: Tab) -> None:
    """Both are connected, and each really sees and hears the other."""
    is_(firefox, "connected")
    chromium.is_("connected")
    browsers.sees(firefox)
    browsers.sees(chromium.page)


def toggles(firefox: Tab, chromium: Somebody, name: str) -> None:
    """Camera and microphone off and on again in Firefox; the other side learns of both."""
    firefox.press("Camera")
    expect(chromium.page.get_by_role("heading", name=f"{name} has the camera off")).to_be_visible()
    firefox.press("Camera")
    firefox.press("Microphone")
    muted = chromium.page.locator(".person:visible .person-muted")
    expect(muted).to_be_visible()
    firefox.press("Microphone")
    expect(muted).to_be_hidden()
    see_each_other(chromium, firefox)


def test_a_patient_in_firefox_talks_with_a_doctor_in_chromium(
    at_screen: At, in_firefox: InFirefox, clinic: Clinic
):
    session = clinic.session()
    ana = in_firefox().open(clinic.link(session))
    ana.press("Join Session")
    is_(ana, "waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    grey.reads("Patient is waiting", grey.card(session))
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    see_each_other(grey, ana)
    toggles(ana, grey, "Ana Lima")

    ana.reload()
    see_each_other(grey, ana)
    ana.press("Leave Session")
    grey.is_("waiting")
    ana.press("Join Session")
    see_each_other(grey, ana)
    grey.end()
    grey.reads("It lasted")
    ana.reads("Your visit has ended")
    ana.reads("It lasted")
    browsers.sees_nobody(ana)


def test_a_doctor_in_firefox_talks_with_a_patient_in_chromium(
    at_screen: At, in_firefox: InFirefox, clinic: Clinic
):
    session = clinic.session()
    ana = at_screen("ana").open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    grey = in_firefox("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    grey.reads("Patient is waiting")
    grey.press("Start Session")
    grey.press("Join Call")
    see_each_other(ana, grey)
    toggles(grey, ana, "Dr Maria Grey")

    grey.reload()
    see_each_other(ana, grey)
    newer = in_firefox(beside=grey).open(f"/telemedicine/{session.id}/call")
    see_each_other(ana, newer)
    grey.reads("The call is open in another window")
    newer.press("End Session")
    newer.press("End Session")
    newer.reads("It lasted")
    ana.reads("Your visit has ended")
    ana.reads("It lasted")


@pytest.mark.parametrize("lost", [False, True], ids=["and nothing was lost", "and the connection is lost"])
def test_the_network_comes_back(at_screen: At, in_firefox: InFirefox, session: Session, lost: bool):
    grey = in_firefox("dr_grey").open(f"/telemedicine/{session.id}/call")
    is_(grey, "waiting")
    ana = at_screen("ana").open_call(session)
    see_each_other(ana, grey)
    # As between two towns: only within one computer does Firefox answer before the other goes astray.
    for page in (grey, ana.page):
        page.evaluate(SLOW_SIGNALS)
    before = ana.page.evaluate("() => connections.length")
    if lost:
        ana.page.evaluate(LOSE)
        browsers.until(lambda: ana.page.evaluate("() => connections.length") > before, "nothing is done")
    ana.page.evaluate("() => { window.dispatchEvent(new Event('online')); }")
    ana.page.wait_for_timeout(1000)
    see_each_other(ana, grey)
    assert (ana.page.evaluate("() => connections.length") > before) == lost


def test_who_says_no_to_the_camera_is_told_the_steps_and_still_sees_and_hears(
    at_screen: At, in_firefox: InFirefox, refusing: Firefox, session: Session
):
    grey = at_screen("dr_grey").open_call(session)
    ana = in_firefox("ana", refusing).open(f"/telemedicine/{session.id}/call")
    is_(ana, "connected")
    browsers.sees(ana)
    ana.reads("Your doctor cannot see or hear you.")
    ana.reads("Camera or microphone is blocked: what to do")
    heading = grey.page.get_by_role("heading", name="Ana Lima has camera and microphone off")
    expect(heading).to_be_visible()


def test_no_page_complains(in_firefox: InFirefox, clinic: Clinic):
    visit = clinic.visit()
    sessions = [clinic.session(status, visit) for status in Status.ALL]
    pages = [f"/telemedicine/{one.id}" for one in sessions]
    pages += [f"{page}/call" for page in pages[:3]]
    for key, paths in {
        "": ["/sign-in", clinic.link(sessions[0])],
        "ana": ["/patient-portal/dashboard", "/patient-portal/telemedicine", "/sign-out", *pages],
        "dr_grey": [
            "/visits",
            "/visits/new",
            f"/visits/{visit.id}",
            f"/visits/{visit.id}/telemedicine",
            *pages,
        ],
        "sam": ["/visits", "/admin/people", "/admin/people/new", "/admin/audit", "/api/v1/docs"],
    }.items():
        tab = in_firefox(key)
        for path in paths:
            tab.open(path)
            tab.until("() => Boolean(document.querySelector('h1'))")


def test_the_presses_of_a_doctor_answer_in_place(in_firefox: InFirefox, clinic: Clinic):
    visit = clinic.visit()
    session = clinic.session(Status.SCHEDULED, visit)
    grey = in_firefox("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    status = "(status) => document.querySelector('[data-session-id]').dataset.status === status"
    grey.press("Cancel Session")
    grey.press("Cancel Session")
    grey.until(status, Status.CANCELLED)
    grey.press("+ Create Session")
    grey.press("Create Session")
    grey.reads("There is a problem")
    assert re.fullmatch(r"/visits/\w+/telemedicine", grey.evaluate("() => location.pathname"))
    assert clinic.now(session).status == Status.CANCELLED
