"""Browsers may prepare a page before it is asked for; nobody is in the call before it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.people import At, see_each_other

if TYPE_CHECKING:
    from telehealth.models import Session

# Playwright switches the browser's own preparing off, so the page is told that it is being prepared.
PREPARED = """
let prepared = true;
Object.defineProperty(document, 'prerendering', { get: () => prepared });
window.show = () => {
  prepared = false;
  document.dispatchEvent(new Event('prerenderingchange'));
};
window.cameras = 0;
const { mediaDevices } = navigator;
const open = mediaDevices.getUserMedia.bind(mediaDevices);
mediaDevices.getUserMedia = (...wishes) => { window.cameras += 1; return open(...wishes); };
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


@pytest.mark.usefixtures("session")
def test_the_list_lets_the_browser_fetch_the_page_of_a_call_that_runs_ahead(at_screen: At):
    ana = at_screen("ana").open("/patient-portal/telemedicine")
    expect(ana.page.locator("a[data-ahead=all]").first).to_be_attached()
    rules = ana.page.evaluate(
        """async () => {
          const page = await fetch(location.href);
          const told = await fetch(JSON.parse(page.headers.get('Speculation-Rules')));
          return { type: told.headers.get('Content-Type'), rules: await told.json() };
        }"""
    )
    assert rules["type"] == "application/speculationrules+json"
    (rule,) = rules["rules"]["prefetch"]
    assert ana.page.locator(rule["where"]["selector_matches"]).count()
