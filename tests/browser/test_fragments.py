"""Buttons swap their own part of a page, once, and tell what happened."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update
from support.cast import Clinic, Person

from browser.people import At, Somebody, clinic_time
from telehealth import clock
from telehealth.extensions import db
from telehealth.models import Session, SignIn

MARK = "element => { element.marked = true; }"
MARKED = "element => element.marked === true"
PLACE = """
(element, { x, y }) => Object.assign(element.style, { position: "fixed", left: `${x}px`, top: `${y}px` })
"""


def posts(page: Page) -> list[str]:
    """The paths of all POSTs that the page sends from now on."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    return sent


def block_refreshes(somebody: Somebody) -> None:
    """The page stays as it was loaded, save for what is pressed."""
    somebody.page.route("**/live", lambda route: route.abort())
    somebody.page.route("**/telemedicine/sessions", lambda route: route.abort())
    somebody.watch.expect("htmx:error: Failed to fetch")


def before_two_sessions(at_screen: At, clinic: Clinic) -> tuple[Somebody, Session, Session]:
    """Dr Grey at the page of a visit that has two sessions, and these."""
    visit = clinic.visit()
    one, other = clinic.session(visit=visit), clinic.session(visit=visit)
    return at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine"), one, other


def test_a_press_swaps_its_fragment_and_nothing_else(at_screen: At, clinic: Clinic):
    grey, one, other = before_two_sessions(at_screen, clinic)
    kept = [grey.page.locator("h1"), grey.card(other), grey.page.locator("#session-form")]
    for element in kept:
        element.evaluate(MARK)
    grey.press("Start Session", grey.card(one))
    grey.finds(one, "IN_PROGRESS")
    grey.reads("The session has started. You can join the call now.", grey.page.locator("#flash"))
    expect(grey.button("Join Call", grey.card(one))).to_be_focused()
    grey.press("End Session", grey.card(one))
    grey.answer("End Session")
    grey.finds(one, "COMPLETED")
    grey.reads("The session has ended.", grey.page.locator("#flash"))
    grey.finds(other, "SCHEDULED")
    for element in kept:
        assert element.evaluate(MARKED), "more than the fragment was exchanged"
    grey.is_at(f"/visits/{one.visit_id}/telemedicine")


def test_a_double_click_sends_one_request(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    sent = posts(grey.page)
    grey.button("Start Session", grey.card(session)).dblclick()
    grey.finds(session, "IN_PROGRESS")
    assert len(sent) == 1, sent
    assert clinic.history(session).count("session.start") == 1

    grey.press("+ Create Session")
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=3))
    grey.button("Create Session").dblclick()
    expect(grey.page.locator("[data-session-id]")).to_have_count(2)
    assert len(sent) == 2, sent


def test_where_somebody_else_was_faster_the_present_state_is_shown(
    at_screen: At, clinic: Clinic, dr_grey: Person
):
    session = clinic.session()
    grey = at_screen("dr_grey")
    block_refreshes(grey)
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 200
    card = grey.finds(session, "SCHEDULED")
    grey.press("Start Session", card)
    grey.finds(session, "IN_PROGRESS")
    notice = card.locator(".notice", has_text="This session has already started.")
    expect(notice).to_be_visible()
    expect(notice).to_be_focused()

    assert dr_grey.api("POST", f"/telemedicine/{session.id}/end/").status_code == 200
    grey.press("End Session", card)
    grey.answer("End Session")
    grey.finds(session, "COMPLETED")
    grey.reads("This session has already ended.", card)


def test_where_somebody_else_was_faster_the_visits_page_shows_it_too(
    at_screen: At, clinic: Clinic, dr_grey: Person, app: Flask
):
    session = clinic.session(start=clock.now())
    grey = at_screen("dr_grey")
    grey.page.route("**/live", lambda route: route.abort())
    grey.watch.expect("htmx:error: Failed to fetch")
    grey.open("/visits")
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 200
    grey.press("Start Session", grey.card(session))
    grey.finds(session, "IN_PROGRESS")
    grey.reads("This session has already started.", grey.page.locator("#flash"))


def test_what_was_typed_comes_back_with_the_errors(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    grey = at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    grey.press("+ Create Session")
    expect(grey.page.get_by_label("Scheduled Start Time")).to_be_focused()
    typed = "Stairs, breath <b>& sleep</b>"
    grey.page.get_by_label("Notes", exact=True).fill(typed)
    grey.page.get_by_label("Enable Recording").check()
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=-2))
    grey.press("Create Session")
    summary = grey.page.locator("[data-error-summary]")
    expect(summary).to_contain_text("This time has passed. Choose a later one.")
    expect(summary).to_be_focused()
    assert grey.page.title().startswith("Error: ")
    expect(grey.page.get_by_label("Notes", exact=True)).to_have_value(typed)
    expect(grey.page.get_by_label("Enable Recording")).to_be_checked()
    start = grey.page.get_by_label("Scheduled Start Time")
    expect(start).to_have_attribute("aria-invalid", "true")
    assert start.input_value()

    start.fill(clinic_time(hours=7))
    grey.press("Create Session")
    expect(grey.page.locator("[data-session-id]")).to_have_count(1)
    grey.reads("The session is planned.", grey.page.locator("#flash"))
    assert not grey.page.title().startswith("Error: ")
    grey.reads(typed, grey.page.locator("[data-session-id]"))


def test_a_clash_is_asked_about_and_can_be_confirmed(at_screen: At, clinic: Clinic):
    clinic.session(start=clock.now())
    visit = clinic.visit()
    grey = at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    grey.press("+ Create Session")
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=0.1))
    grey.press("Create Session")
    grey.reads("You already have a session around this time")
    grey.page.get_by_label("Create it anyway").check()
    grey.press("Create Session")
    expect(grey.page.locator("[data-session-id]")).to_have_count(1)


def test_the_form_closes_and_gives_the_focus_back(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    grey = at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    grey.press("+ Create Session")
    grey.page.get_by_role("link", name="Close").click()
    expect(grey.button("+ Create Session")).to_be_focused()
    expect(grey.button("Create Session")).to_have_count(0)


def test_a_server_that_is_out_of_reach_is_told_by_a_banner(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    grey.watch.expect("htmx:error: Failed to fetch")
    trouble = grey.page.locator("#trouble")
    expect(trouble).to_be_hidden()
    grey.page.context.set_offline(True)
    grey.press("Start Session", grey.card(session))
    expect(trouble).to_be_visible()
    expect(trouble).to_contain_text("We could not reach the clinic’s computer.")
    grey.finds(session, "SCHEDULED")
    expect(grey.button("Start Session", grey.card(session))).to_be_enabled()
    grey.page.context.set_offline(False)
    grey.press("Start Session", grey.card(session))
    grey.finds(session, "IN_PROGRESS")
    expect(trouble).to_be_hidden()


def test_what_a_browser_cuts_off_as_its_page_is_left_is_no_lost_connection(at_screen: At, clinic: Clinic):
    clinic.visit()
    grey = at_screen("dr_grey").open("/visits")
    grey.watch.expect("htmx:error: Failed to fetch")
    trouble = grey.page.locator("#trouble")
    grey.page.route("**/visits/today", lambda route: route.abort())
    failing = """(left) => new Promise((resolve) => {
      document.addEventListener('htmx:finally:request', resolve, { once: true });
      if (left) window.dispatchEvent(new Event('beforeunload'));
      htmx.trigger(document.body, 'changed');
    })"""
    grey.page.evaluate(failing, True)
    expect(trouble).to_be_hidden()
    # The page stayed, as with a download.
    grey.page.wait_for_timeout(1000)
    grey.page.evaluate(failing, False)
    expect(trouble).to_be_visible()


def test_a_fault_of_the_server_or_of_a_proxy_is_told_and_takes_nothing_away(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    grey.watch.expect("502 from")
    grey.page.route(
        "**/start",
        lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>"),
    )
    grey.press("Start Session", grey.card(session))
    expect(grey.page.locator("#trouble")).to_be_visible()
    expect(grey.page.get_by_role("heading", name="Bad gateway")).to_have_count(0)
    assert "Telemedicine" in grey.page.title()
    expect(grey.button("Start Session", grey.finds(session, "SCHEDULED"))).to_be_enabled()


def test_a_sign_in_that_is_over_leads_to_the_whole_sign_in_page_and_back(
    at_screen: At, clinic: Clinic, app: Flask
):
    session = clinic.session()
    grey = at_screen("dr_grey")
    block_refreshes(grey)
    grey.open(f"/visits/{session.visit_id}/telemedicine").finds(session, "SCHEDULED")
    with app.app_context():
        over = update(SignIn).where(SignIn.user_id == session.doctor_id)
        db.session.execute(over.values(ended_at=clock.now()))
        db.session.commit()
    grey.press("Start Session", grey.card(session))
    expect(grey.page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(grey.page.locator("h1")).to_have_count(1)
    expect(grey.page.locator("#main h1")).to_have_count(1)
    expect(grey.card(session)).to_have_count(0)
    grey.enter_password()
    grey.is_at(f"/visits/{session.visit_id}/telemedicine")
    grey.finds(session, "SCHEDULED")


def test_what_is_open_and_what_is_typed_survives_a_refresh(at_screen: At, clinic: Clinic, dr_grey: Person):
    grey, one, other = before_two_sessions(at_screen, clinic)
    history = grey.card(one).locator("details")
    history.locator("summary").click()
    expect(history.get_by_role("listitem")).to_have_count(1)
    grey.press("+ Create Session")
    notes = grey.page.get_by_label("Notes", exact=True)
    notes.press_sequentially("Half a sente")
    dr_grey.api("POST", f"/telemedicine/{other.id}/start/")
    grey.finds(other, "IN_PROGRESS")
    dr_grey.api("POST", f"/telemedicine/{one.id}/start/")
    grey.finds(one, "IN_PROGRESS")
    expect(history).to_have_attribute("open", "")
    expect(history.get_by_role("listitem")).to_have_count(2)
    expect(notes).to_be_focused()
    notes.press_sequentially("nce")
    expect(notes).to_have_value("Half a sentence")


def test_the_question_survives_a_refresh_and_is_void_where_it_has_no_object_any_more(
    at_screen: At, clinic: Clinic, dr_grey: Person
):
    grey, one, other = before_two_sessions(at_screen, clinic)
    grey.press("Cancel Session", grey.card(one))
    dialog = grey.page.locator("dialog[open]")
    dialog.get_by_label("Reason (you can leave this empty)").fill("Ana is better")
    dr_grey.api("POST", f"/telemedicine/{other.id}/start/")
    grey.finds(other, "IN_PROGRESS")
    expect(dialog).to_be_visible()
    grey.answer("Cancel Session")
    grey.reads("Ana is better", grey.finds(one, "CANCELLED"))

    grey.press("End Session", grey.card(other))
    dr_grey.api("POST", f"/telemedicine/{other.id}/end/")
    grey.finds(other, "COMPLETED")
    expect(dialog).to_be_visible()
    grey.answer("End Session")
    expect(grey.page.locator("#announcer")).to_have_text(
        "This has changed in the meantime. Look at it again."
    )
    assert clinic.history(other).count("session.end") == 1


def test_the_link_that_was_made_stays_on_the_page_through_a_refresh(
    at_screen: At, clinic: Clinic, dr_grey: Person
):
    grey, one, other = before_two_sessions(at_screen, clinic)
    grey.press("Make patient link", grey.card(one))
    link = grey.card(one).locator("input.link-box")
    expect(link).to_be_visible()
    before = link.input_value()
    dr_grey.api("POST", f"/telemedicine/{other.id}/start/")
    grey.finds(other, "IN_PROGRESS")
    expect(link).to_have_value(before)


def test_the_list_of_visits_is_filtered_and_searched_in_place(at_screen: At, clinic: Clinic):
    clinic.visit(closed=True)
    clinic.visit()
    grey = at_screen("dr_grey").open("/visits")
    grey.page.locator("h1").evaluate(MARK)
    grey.page.get_by_role("link", name="Closed").click()
    grey.is_at("/visits?status=closed")
    grey.reads("closed visit")
    search = grey.page.get_by_role("searchbox")
    search.press_sequentially("nobody of this name")
    grey.reads("Nothing found.")
    expect(search).to_be_focused()
    assert grey.page.locator("h1").evaluate(MARKED)
    grey.page.go_back()
    expect(search).not_to_have_value("nobody of this name")


def put_under(button: Locator, answer: Locator) -> None:
    """Let the button lie just where the answer to its question will: the worst place for a double click."""
    button.click()
    box = answer.bounding_box()
    assert box is not None
    button.page.keyboard.press("Escape")
    button.evaluate(PLACE, box)


def double_click(somebody: Somebody, name: str, within: Locator) -> list[str]:
    """Press a button twice, as one does to icons, and agree twice where it is asked; returns what is sent."""
    sent = posts(somebody.page)
    button, dialog = somebody.button(name, within), somebody.page.locator("dialog[open]")
    if not button.get_attribute("data-confirm-title"):
        button.dblclick()
        return sent
    yes = somebody.button(name, dialog)
    put_under(button, yes)
    button.dblclick()
    expect(yes).to_be_visible()
    assert sent == [], "it was sent before anybody agreed"
    # Who reads the question takes longer than a double click does.
    somebody.page.wait_for_timeout(600)
    yes.dblclick()
    expect(dialog).to_have_count(0)
    return sent


@pytest.mark.parametrize(
    ("status", "name", "words", "entry"),
    [
        ("SCHEDULED", "Cancel Session", "The session is cancelled.", "session.cancel"),
        ("IN_PROGRESS", "End Session", "The session has ended.", "session.end"),
        ("SCHEDULED", "Make patient link", "Send it to the patient yourself.", "session.link"),
        ("SCHEDULED", "Make a new link", "Send it to the patient yourself.", "session.link"),
        ("IN_PROGRESS", "Revoke link", "The link no longer works.", "session.link_revoked"),
    ],
)
def test_a_double_click_does_it_once(
    at_screen: At, clinic: Clinic, status: str, name: str, words: str, entry: str
):
    session = clinic.session(status)
    if name in ("Make a new link", "Revoke link"):
        clinic.link(session)
    before = clinic.history(session)
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    sent = double_click(grey, name, grey.card(session))
    grey.reads(words)
    # A second one would wait for the answer to the first at most.
    grey.page.wait_for_timeout(300)
    assert len(sent) == 1, sent
    expect(grey.page.locator("dialog[open]")).to_have_count(0)
    done = clinic.history(session)[len(before) :]
    assert done.count(entry) == 1, done
