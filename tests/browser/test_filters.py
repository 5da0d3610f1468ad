"""Filters answer in their place, and forms show what somebody else has changed."""

from __future__ import annotations

from playwright.sync_api import expect
from support.cast import Clinic, Person

from browser.people import At, clinic_time


def test_the_audit_is_narrowed_in_place_and_a_wrong_day_spoils_nothing(at_screen: At, clinic: Clinic):
    clinic.session()
    sam = at_screen("sam").open("/admin/audit")
    page = sam.page
    rows, refused = page.locator("#audit-found tbody tr"), page.locator("[data-error-summary]")
    page.get_by_label("Event").select_option(label="Session created")
    expect(rows).to_have_count(1)
    assert "event=session.create" in page.evaluate("location.href")
    for year, count in (("0002", 0), ("2099", 0), ("2001", 1)):
        page.get_by_label("From").fill(f"{year}-11-29")
        sam.press("Filter")
        expect(refused).to_have_count(1 if year == "0002" else 0)
        expect(rows).to_have_count(1)
        expect(rows.filter(has_text="Session created")).to_have_count(count)
        expect(page.locator("#audit-found")).to_have_count(1)
    sam.watch.expect("422")


def test_a_visit_that_is_closed_meanwhile_shows_itself(at_screen: At, clinic: Clinic, sam: Person):
    visit = clinic.visit()
    grey = at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    grey.press("+ Create Session")
    sam.post(f"/visits/{visit.id}/close")
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time())
    grey.press("Create Session")
    grey.reads("This visit is closed.", grey.page.locator("#flash"))
    expect(grey.page.locator("#visit-status")).to_have_text("Visit closed")
    expect(grey.page.get_by_label("Scheduled Start Time")).to_have_count(0)
    expect(grey.button("+ Create Session")).to_have_count(0)
    grey.watch.expect("409")
