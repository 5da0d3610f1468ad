"""Every page of every role: axe in light and dark, one heading, focus to be seen, 320 px wide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from support.cast import CAST, Clinic, Person

from browser.inspection import faults_of
from browser.people import At, Somebody, clinic_time, meet
from telehealth import people
from telehealth.models import Session, Status, Visit


@dataclass
class World:
    """A clinic in which everything has happened once."""

    clinic: Clinic
    visit: Visit
    closed: Visit
    empty: Visit
    sessions: dict[str, Session] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def link(self, status: str = Status.SCHEDULED) -> str:
        """A patient's link."""
        return self.clinic.link(self.sessions[status])


@pytest.fixture(scope="module")
def world(app: Flask) -> Iterator[World]:
    """Made once: the pages of this file are looked at, little is done on them."""
    known = {key: Person(app, key) for key in CAST}
    clinic = Clinic(app, lambda key: known[key])
    world = World(clinic, clinic.visit(), clinic.visit(closed=True), clinic.visit("dr_house", "ben"))
    for status in Status.ALL:
        world.sessions[status] = clinic.session(status, visit=world.visit, notes="Asks for a *letter*")
    world.ids = {key: person.id for key, person in known.items()}
    yield world


def check(pages: dict[str, Page | Callable[[], Page]]) -> None:
    """Look at all of them, then tell of all faults at once."""
    found = []
    for name, page in pages.items():
        page = page() if callable(page) else page
        found += [f"{name}: {fault}" for fault in faults_of(page)]
    assert not found, "\n".join(["", *found])


def opened(somebody: Somebody, path: str, status: int = 200) -> Callable[[], Page]:
    """The page at a path, opened when its turn comes."""

    def go() -> Page:
        answer = somebody.page.goto(path)
        assert answer and answer.status == status, f"{path} answered {answer and answer.status}"
        return somebody.page

    return go


def test_what_is_wrong_with_a_page_is_found(at_screen: At):
    page = at_screen().open("/sign-in").page
    page.evaluate(
        """() => {
          const change = (selector, values) =>
            Object.assign(document.querySelector(selector).style, values);
          change(".hint", { color: "#777", background: "#888", width: "400px" });
          change("main button", { outline: "none" });
          document.querySelector("main form").append(document.createElement("h1"), new Image());
        }"""
    )
    found = " ".join(faults_of(page))
    for words in (
        "light: color-contrast",
        "dark: color-contrast",
        "image-alt",
        "2 headings",
        "no focus",
        "px wide",
    ):
        assert words in found, f"not found: {words}"


def test_pages_of_a_stranger(at_screen: At, world: World, app: Flask):
    one = at_screen()
    with app.app_context():
        details = people.Details("new@people.example", "Nora New")
        new = people.create("patient", details, by=world.clinic._person("sam").actor)
        invitation = people.invite(new, by=world.clinic._person("sam").actor)
    over = world.clinic.session("SCHEDULED")
    old_link = world.clinic.link(over)
    world.clinic.link(over)

    def refused() -> Page:
        one.open("/sign-in").press("Sign in")
        one.reads("We could not sign you in")
        return one.page

    def passwords_differ() -> Page:
        one.open(f"/invitation/{invitation}")
        one.page.get_by_label("Password", exact=True).fill("three small boats")
        one.press("Save my password")
        one.reads("There is a problem")
        return one.page

    check(
        {
            "sign-in": opened(one, "/sign-in"),
            "sign-in refused": refused,
            "signed out": opened(one, "/sign-out"),
            "invitation": opened(one, f"/invitation/{invitation}"),
            "invitation with errors": passwords_differ,
            "link": opened(one, world.link()),
            "link that is over": opened(one, old_link, 410),
            "invitation that never was": opened(one, "/invitation/" + "x" * 43, 410),
        }
    )


def test_pages_of_the_doctor(at_screen: At, world: World):
    grey = at_screen("dr_grey")
    house = at_screen("dr_house")
    tele = f"/visits/{world.visit.id}/telemedicine"

    def form() -> Page:
        grey.open(tele).press("+ Create Session")
        expect(grey.button("Create Session")).to_be_visible()
        return grey.page

    def form_with_errors() -> Page:
        form()
        grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=-3))
        grey.press("Create Session")
        grey.reads("There is a problem")
        return grey.page

    def clash() -> Page:
        form()
        grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=1))
        grey.press("Create Session")
        grey.reads("You already have a session around this time")
        return grey.page

    def link_and_history() -> Page:
        card = grey.open(tele).card(world.sessions["SCHEDULED"])
        card.get_by_role("button", name=re.compile("link$")).first.click()
        expect(card.locator("input.link-box")).to_be_visible()
        card.locator("summary").click()
        expect(card.get_by_role("listitem").first).to_be_visible()
        return grey.page

    def question() -> Page:
        grey.open(tele).press("Cancel Session", grey.card(world.sessions["SCHEDULED"]))
        expect(grey.page.locator("dialog[open]")).to_be_visible()
        return grey.page

    def menu() -> Page:
        grey.open("/visits").press("Dr Maria Grey")
        expect(grey.button("Sign out")).to_be_visible()
        return grey.page

    def visit_with_errors() -> Page:
        grey.open("/visits/new").press("Open visit")
        grey.reads("There is a problem")
        return grey.page

    check(
        {
            "visits": opened(grey, "/visits"),
            "visits, menu open": menu,
            "closed visits": opened(grey, "/visits?status=closed"),
            "nothing found": opened(grey, "/visits?q=nobody"),
            "visit": opened(grey, f"/visits/{world.visit.id}"),
            "closed visit": opened(grey, f"/visits/{world.closed.id}"),
            "telemedicine, all statuses": opened(grey, tele),
            "telemedicine, none": opened(house, f"/visits/{world.empty.id}/telemedicine"),
            "telemedicine, link and history": link_and_history,
            "telemedicine, question": question,
            "form": form,
            "form with errors": form_with_errors,
            "form with a clash": clash,
            **{
                f"session {status}": opened(grey, f"/telemedicine/{session.id}")
                for status, session in world.sessions.items()
            },
            "new visit": opened(grey, "/visits/new"),
            "new visit with errors": visit_with_errors,
        }
    )


def test_pages_of_refusals(at_screen: At, world: World):
    grey = at_screen("dr_grey")
    calls = {status: f"/telemedicine/{session.id}/call" for status, session in world.sessions.items()}
    ana = at_screen("ana", viewport={"width": 390, "height": 844})
    check(
        {
            "403": opened(grey, "/admin/people", 403),
            "404": opened(grey, "/visits/nothing-there", 404),
            "409, not started": opened(grey, calls["SCHEDULED"], 409),
            "409, closed": opened(grey, f"/visits/{world.closed.id}/telemedicine/new", 409),
            **{
                f"call {status} of {who.key}": opened(who, calls[status], 409)
                for status in ("COMPLETED", "CANCELLED", "FAILED")
                for who in (grey, ana)
            },
            "403 of the patient": opened(ana, "/visits", 403),
            "404 of the patient": opened(ana, "/telemedicine/nothing-there", 404),
        }
    )


def test_pages_of_the_patient(at_screen: At, world: World):
    ana, ben = at_screen("ana", viewport={"width": 390, "height": 844}), at_screen("ben")
    check(
        {
            "home": opened(ana, "/patient-portal/dashboard"),
            "home, nothing booked": opened(ben, "/patient-portal/dashboard"),
            "list": opened(ana, "/patient-portal/telemedicine"),
            "list, empty": opened(ben, "/patient-portal/telemedicine"),
            **{
                f"session {status}": opened(ana, f"/telemedicine/{session.id}")
                for status, session in world.sessions.items()
            },
            "sign out": opened(ana, "/sign-out"),
        }
    )


def test_pages_of_staff(at_screen: At, world: World):
    sam = at_screen("sam")
    ben = f"/admin/people/{world.ids['ben']}"

    def person_with_errors() -> Page:
        sam.open("/admin/people/new").press("Add person")
        sam.reads("There is a problem")
        return sam.page

    def invitation() -> Page:
        sam.open(ben).press("Make invitation link")
        expect(sam.page.get_by_role("heading", name="Invitation link")).to_be_visible()
        return sam.page

    def question() -> Page:
        sam.open(ben).press("Deactivate")
        expect(sam.page.locator("dialog[open]")).to_be_visible()
        return sam.page

    check(
        {
            "visits": opened(sam, "/visits"),
            "visit": opened(sam, f"/visits/{world.visit.id}"),
            "telemedicine": opened(sam, f"/visits/{world.visit.id}/telemedicine"),
            "session": opened(sam, f"/telemedicine/{world.sessions['COMPLETED'].id}"),
            "new visit": opened(sam, "/visits/new"),
            "people": opened(sam, "/admin/people"),
            "person": opened(sam, ben),
            "person, invitation": invitation,
            "person, question": question,
            "new person": opened(sam, "/admin/people/new"),
            "new person with errors": person_with_errors,
            "audit": opened(sam, "/admin/audit"),
            "API": opened(sam, "/api/v1/docs"),
        }
    )


def test_the_waiting_room_and_the_call(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey")
    ana = at_screen("ana", viewport={"width": 390, "height": 844})
    ana.open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    check({"waiting room": ana.page})
    grey.open(f"/visits/{session.visit_id}/telemedicine").press("Start Session", grey.card(session))
    ana.reads("Your doctor is on the way")
    check({"patient alone": ana.page})
    meet(grey, ana, session)
    check({"doctor connected": grey.page, "patient connected": ana.page})

    ana.press("Devices")
    expect(ana.button("Done")).to_be_visible()
    check({"devices": ana.page})
    ana.press("Done")
    ana.toggle("Camera", on=False)
    ana.toggle("Microphone", on=False)
    grey.shows_no_picture_of(ana)
    check({"camera of the other side off": grey.page, "own camera off": ana.page})

    grey.press("End Session")
    check({"question before the end": grey.page})
    grey.answer("End Session")
    for one in (grey, ana):
        one.is_("disconnected")
    check({"ended for the doctor": grey.page, "ended for the patient": ana.page})


def test_the_messages_of_a_call(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    ana = at_screen("ana")
    ana.open_call(session).is_("waiting")
    newer = ana.second_tab().open_call(session)
    newer.is_("waiting")
    ana.is_("disconnected")
    check({"open elsewhere": ana.page})
    # What faults bring about is shown by other tests; here it is looked at.
    for part in newer.page.locator(".call-message").all():
        part.evaluate(
            """shown => {
              for (const one of document.querySelectorAll(".call-message")) one.hidden = one !== shown;
            }"""
        )
        check({part.inner_text().splitlines()[0]: newer.page})
    for notice in newer.page.locator(".call-notices .notice").all():
        notice.evaluate("shown => { shown.hidden = false; }")
    check({"notices": newer.page})
