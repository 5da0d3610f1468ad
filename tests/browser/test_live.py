"""Pages that keep themselves fresh: who waits, who is ready, what is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from support.cast import Clinic, Person

from browser.people import At, Somebody, see_each_other, set_back
from telehealth.models import Participation

SLOWLY = 90_000
"""Milliseconds within which the slow poll has asked, twice if need be."""


def mark(page: Page) -> None:
    """Leave something behind that a reload would take away."""
    page.evaluate("window.notReloaded = true")


def is_marked(page: Page) -> bool:
    """Whether this is still the page that was marked."""
    return bool(page.evaluate("window.notReloaded === true"))


def block_streams(somebody: Somebody, how: str) -> None:
    """A network that lets no stream through, and nothing else is wrong with it."""

    def judge(route: Route) -> None:
        if "poll=1" in route.request.url:
            route.continue_()
        elif how == "cut":
            route.abort("connectionreset")
        elif how == "refused":
            route.fulfill(status=502, body="Bad Gateway")
        # Else held back, as by a proxy that waits for the end before it passes anything on.

    somebody.page.route("**/live", judge)
    somebody.page.route("**/inbox?**", judge)
    somebody.watch.expect("htmx:error:")
    somebody.watch.expect("502 from")


def test_the_doctor_sees_who_waits_and_since_when(at_screen: At, clinic: Clinic, app: Flask):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    visits = grey.open("/visits")
    visit = grey.second_tab().open(f"/visits/{session.visit_id}/telemedicine")
    staff = at_screen("sam").open("/visits")
    pages = (visits, visit, staff)
    for one in pages:
        one.finds(session, "SCHEDULED")
        expect(one.card(session).get_by_text("Patient is waiting")).to_have_count(0)
        mark(one.page)

    ana.open_call(session).is_("waiting")
    for one in pages:
        one.reads("Patient is waiting", one.card(session))

    # Since when: a reload of hers is no break.
    wait = Participation.session_id == session.id
    set_back(app, Participation, wait, entered_at=timedelta(minutes=7))
    ana.page.reload()
    for one in pages:
        one.reads("Patient is waiting: 7 min", one.card(session))

    ana.press("Leave Session")
    ana.is_at("/patient-portal/telemedicine")
    for one in pages:
        expect(one.card(session).get_by_text("Patient is waiting")).to_have_count(0)
        assert is_marked(one.page), "the page was loaded again"


def test_the_waiting_room_becomes_the_call_by_itself(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    expect(ana.page.get_by_role("heading", name="You are in the waiting room")).to_be_visible()
    expect(ana.own_picture).to_be_visible()
    mark(ana.page)

    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    ana.reads("Your doctor is on the way")
    expect(ana.page.locator("#waiting-room")).to_have_count(0)
    expect(ana.page.locator("#call-stage h1")).to_be_focused()
    expect(ana.own_picture).to_be_visible()
    grey.reads("Patient is in the call", grey.card(session))
    grey.press("Join Call", grey.card(session))
    ana.sees(grey)
    assert is_marked(ana.page), "the page was loaded again"


def test_the_portal_shows_that_the_doctor_is_ready_and_when_it_is_over(at_screen: At, clinic: Clinic):
    session = clinic.session("SCHEDULED", visit=clinic.visit("dr_house", "ben"))
    house, ben = at_screen("dr_house"), at_screen("ben")
    home = ben.open("/patient-portal/dashboard")
    listed = ben.second_tab().open("/patient-portal/telemedicine")
    for one in (home, listed):
        one.reads("Booked", one.finds(session, "SCHEDULED"))
        mark(one.page)

    house.open(f"/visits/{session.visit_id}/telemedicine")
    house.press("Start Session", house.card(session))
    for one in (home, listed):
        one.reads("Doctor is ready", one.finds(session, "IN_PROGRESS"))
        expect(one.button("Join Session", one.card(session))).to_be_visible()

    house.press("End Session", house.card(session))
    house.answer("End Session")
    listed.reads("It lasted", listed.finds(session, "COMPLETED"))
    home.reads("No video visit is booked")
    assert is_marked(home.page)
    assert is_marked(listed.page)


def test_a_change_made_anywhere_reaches_all_pages_of_the_doctor(at_screen: At, clinic: Clinic):
    """Made in a process that is none of the server's."""
    visit = clinic.visit()
    grey = at_screen("dr_grey")
    pages = [grey.open("/visits"), grey.second_tab().open(f"/visits/{visit.id}/telemedicine")]
    for one in pages:
        mark(one.page)
    session = clinic.session(visit=visit)
    for one in pages:
        one.finds(session, "SCHEDULED")
    details = grey.second_tab().open(f"/telemedicine/{session.id}")
    details.finds(session, "SCHEDULED")
    details.press("Start Session", details.card(session))
    for one in (*pages, details):
        one.finds(session, "IN_PROGRESS")
    for one in pages:
        assert is_marked(one.page)


def test_both_see_the_end_wherever_they_are(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    card = grey.second_tab().open(f"/visits/{session.visit_id}/telemedicine")
    listed = ana.second_tab().open("/patient-portal/telemedicine")
    grey.open_call(session)
    ana.open_call(session)
    grey.sees(ana)
    grey.end()
    card.finds(session, "COMPLETED")
    listed.finds(session, "COMPLETED")
    for one in (grey, ana):
        one.is_("disconnected")
        one.reads("It lasted")


def test_where_no_stream_gets_through_the_slow_poll_does_it(at_screen: At, clinic: Clinic, dr_grey: Person):
    session = clinic.session()
    grey, ana, listed = at_screen("dr_grey"), at_screen("ana"), at_screen("ana")
    for one in (grey, ana, listed):
        block_streams(one, "refused")
    listed.open("/patient-portal/telemedicine").finds(session, "SCHEDULED")
    grey.open(f"/visits/{session.visit_id}/telemedicine").finds(session, "SCHEDULED")
    ana.open_call(session).is_("waiting")
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 200
    expect(ana.page.locator("#waiting-room")).to_have_count(0, timeout=SLOWLY)
    for one in (grey, listed):
        expect(one.card(session)).to_have_attribute("data-status", "IN_PROGRESS", timeout=SLOWLY)
    expect(grey.card(session).get_by_text("Patient is in the call")).to_be_visible(timeout=SLOWLY)


@pytest.mark.parametrize("how", ["cut", "held back"])
def test_a_call_begins_and_ends_without_streams(at_screen: At, clinic: Clinic, how: str):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    for one in (grey, ana):
        block_streams(one, how)
        one.open_call(session)
    see_each_other(grey, ana)
    grey.end()
    ana.is_("disconnected")
    ana.reads("Your visit has ended")
