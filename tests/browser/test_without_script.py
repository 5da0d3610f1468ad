"""Everything but the call itself works in a browser that runs no JavaScript."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from support.cast import Clinic

from browser.people import At, Somebody, clinic_time


def plain(at_screen: At, key: str) -> Somebody:
    """Signed in by the page, without scripts."""
    return at_screen(key, signed_in=False, java_script_enabled=False).sign_in()


def is_told(somebody: Somebody) -> None:
    """The page says at first sight why there is no call."""
    words = somebody.page.locator("noscript p")
    expect(words).to_contain_text("The call needs JavaScript.")
    expect(words).to_be_in_viewport(ratio=1)


def test_a_doctor_creates_starts_and_ends(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    grey = plain(at_screen, "dr_grey")
    grey.page.locator(f'a[href="/visits/{visit.id}/telemedicine"]').first.click()
    grey.press("+ Create Session")
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=-2))
    grey.page.get_by_label("Notes", exact=True).fill("Knee, left")
    grey.press("Create Session")
    grey.reads("This time has passed. Choose a later one.")
    expect(grey.page.get_by_label("Notes", exact=True)).to_have_value("Knee, left")
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=2))
    grey.press("Create Session")
    grey.is_at(f"/visits/{visit.id}/telemedicine")
    grey.reads("The session is planned.")
    card = grey.page.locator("[data-session-id]")
    expect(card).to_have_attribute("data-status", "SCHEDULED")
    grey.press("Start Session", card)
    grey.is_at(f"/visits/{visit.id}/telemedicine")
    grey.reads("The session has started. You can join the call now.")
    expect(card).to_have_attribute("data-status", "IN_PROGRESS")

    card.locator("summary").click()
    card.get_by_role("link", name="See all that happened").click()
    expect(grey.page.locator("#history").get_by_role("listitem")).not_to_have_count(0)
    grey.page.go_back()

    grey.press("Join Call", card)
    grey.page.wait_for_url(re.compile(r"/call\??$"))
    is_told(grey)
    grey.page.go_back()
    grey.press("End Session", card)
    grey.is_at(f"/visits/{visit.id}/telemedicine")
    grey.reads("The session has ended.")
    expect(card).to_have_attribute("data-status", "COMPLETED")


def test_a_doctor_makes_and_revokes_a_link_and_cancels(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = plain(at_screen, "dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Make patient link", grey.card(session))
    link = grey.page.locator("input.link-box").input_value()
    guest = at_screen("ana", signed_in=False, java_script_enabled=False)
    guest.open(link).press("Join Session")
    guest.is_at(f"/telemedicine/{session.id}/call")
    is_told(guest)

    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Revoke link", grey.card(session))
    grey.reads("The link no longer works.")
    answer = guest.page.goto(link)
    assert answer and answer.status == 410
    grey.press("Cancel Session", grey.card(session))
    grey.finds(session, "CANCELLED")
    grey.reads("The session is cancelled.")


def test_a_press_that_comes_too_late_shows_the_present_state(at_screen: At, clinic: Clinic):
    session = clinic.session()
    first, second = plain(at_screen, "dr_grey"), plain(at_screen, "dr_grey")
    for one in (first, second):
        one.open(f"/visits/{session.visit_id}/telemedicine")
    first.press("Start Session", first.card(session))
    second.press("Start Session", second.card(session))
    second.reads("Not possible right now")
    second.reads("This session has already started.")
    second.press("End Session", second.finds(session, "IN_PROGRESS"))
    second.finds(session, "COMPLETED")


def test_a_patient_and_staff_find_their_way(at_screen: At, clinic: Clinic):
    session = clinic.session(visit=clinic.visit("dr_house", "ben"))
    ben, sam = plain(at_screen, "ben"), plain(at_screen, "sam")
    ben.finds(session, "SCHEDULED")
    ben.page.get_by_role("link", name="Telemedicine").click()
    ben.press("Join Session", ben.finds(session, "SCHEDULED"))
    is_told(ben)

    sam.open(f"/visits/{session.visit_id}/telemedicine")
    sam.press("Cancel Session", sam.card(session))
    sam.finds(session, "CANCELLED")
    sam.open(f"/visits/{session.visit_id}").press("Close visit")
    sam.reads("The visit is closed.")
    sam.page.get_by_role("link", name="People").click()
    sam.page.get_by_role("searchbox").fill("ben@")
    sam.press("Search")
    sam.reads("1 person")
    sam.page.get_by_role("link", name="Edit").click()
    sam.press("Make invitation link")
    assert "/invitation/" in sam.page.locator("input.link-box").input_value()


def test_the_page_of_a_call_that_cannot_be_leads_back_and_shows_no_dead_button(at_screen: At, clinic: Clinic):
    waiting, running = clinic.session(), clinic.session("IN_PROGRESS")
    ana, grey, guest = (
        plain(at_screen, "ana"),
        plain(at_screen, "dr_grey"),
        at_screen("ana", signed_in=False, java_script_enabled=False),
    )
    guest.open(clinic.link(running)).press("Join Session")
    doctors, patients = f"/visits/{running.visit_id}/telemedicine", "/patient-portal/telemedicine"
    for one, session, back, words in (
        (ana, waiting, patients, "Back to your video visits"),
        (ana, running, patients, "Back to your video visits"),
        (grey, running, doctors, "Back to the visit"),
        (guest, running, f"/telemedicine/{running.id}", "Back to your video visits"),
    ):
        is_told(one.open(f"/telemedicine/{session.id}/call"))
        expect(one.page.get_by_role("button")).to_have_count(0)
        one.page.get_by_role("link", name=words).click()
        one.is_at(back)
