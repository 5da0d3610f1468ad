"""Browsers prepare the call page before the click; nobody is in the call before it is shown."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support.browsers import until
from support.chromium import Chromium

from browser.people import At, see_each_other

if TYPE_CHECKING:
    from pathlib import Path

    from support.cast import Clinic
    from support.server import Server

    from telehealth.models import Session

LIST = "/patient-portal/telemedicine"

# Playwright switches the browser's own preparing off, so here the page is told that it is being prepared.
PREPARED = """
let prepared = true;
Object.defineProperty(document, 'prerendering', { get: () => prepared });
window.show = () => {
  prepared = false;
  document.dispatchEvent(new Event('prerenderingchange'));
};
window.cameras = 0;
const { mediaDevices } = navigator;
const open = mediaDevices?.getUserMedia.bind(mediaDevices);
if (open) mediaDevices.getUserMedia = (...wishes) => { window.cameras += 1; return open(...wishes); };
"""


def test_a_page_that_is_prepared_enters_nowhere_and_opens_no_camera_until_it_is_shown(
    at_screen: At, session: Session
):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.open_call(session).is_("waiting")
    ana.page.add_init_script(PREPARED)
    asked: list[str] = []
    ana.page.on("request", lambda request: asked.append(request.method))
    ana.page.goto(f"/telemedicine/{session.id}/call", wait_until="networkidle")
    assert ana.page.evaluate("window.cameras") == 0
    assert "POST" not in asked
    grey.is_("waiting")
    ana.page.evaluate("window.show()")
    see_each_other(grey, ana)


def test_what_was_prepared_long_ago_loads_anew(at_screen: At, session: Session):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.open_call(session).is_("waiting")
    ana.page.add_init_script(PREPARED)
    ana.page.goto(f"/telemedicine/{session.id}/call", wait_until="networkidle")
    with ana.page.expect_navigation(wait_until="networkidle"):
        ana.page.evaluate("const late = Date.now() + 301000; Date.now = () => late; window.show()")
    grey.is_("waiting")
    ana.page.evaluate("window.show()")
    see_each_other(grey, ana)


def test_a_page_that_the_browser_itself_prepared_comes_in_with_the_click_and_not_before(
    at_screen: At, clinic: Clinic, server: Server, tmp_path: Path
):
    grey, ben = at_screen("dr_grey"), at_screen("ben").open(LIST)
    grey.open_call(clinic.session("IN_PROGRESS", clinic.visit(patient="ben"))).is_("waiting")
    with closing(Chromium(tmp_path / "chromium")) as chromium:
        chromium.visit(server.url + LIST, ben.page.context.cookies())
        # Not before it is shown is such a page complete.
        is_ready = "document.prerendering && document.readyState === 'interactive'"
        until(lambda: chromium.evaluate(is_ready), "the call page was not prepared")
        grey.is_("waiting")
        chromium.click("Join Session")
        state = "document.querySelector('[data-call-state]').dataset.callState"
        until(lambda: chromium.evaluate(state) == "connected", "the prepared page did not connect")
        assert chromium.was_prepared()
        grey.is_("connected")


@pytest.mark.usefixtures("session")
def test_the_list_lets_the_browser_prepare_the_page_of_a_call_that_runs(at_screen: At):
    ana = at_screen("ana").open(LIST)
    expect(ana.page.locator("a[data-ahead=all]").first).to_be_attached()
    rules = ana.page.evaluate(
        """async () => {
          const page = await fetch(location.href);
          const told = await fetch(JSON.parse(page.headers.get('Speculation-Rules')));
          return { type: told.headers.get('Content-Type'), rules: await told.json() };
        }"""
    )
    assert rules["type"] == "application/speculationrules+json"
    for way in ("prefetch", "prerender"):
        (rule,) = rules["rules"][way]
        assert ana.page.locator(rule["where"]["selector_matches"]).count(), way
