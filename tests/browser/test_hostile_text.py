"""Hostile text, typed into every field and read on every page of every role, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from support.cast import CAST, Clinic
from support.hostile import ODD, RAN, SHOWN

from browser.inspection import too_wide
from browser.people import Somebody, clinic_time
from telehealth.extensions import db
from telehealth.models import Session, Status, User, Visit
from telehealth.store import transaction

if TYPE_CHECKING:
    from flask import Flask
    from support.server import Server

At = Callable[..., Somebody]

STRANGERS = """
() => [
  ...[...document.querySelectorAll('iframe, base, style, hx-partial, object')].map((one) => one.outerHTML),
  ...[...document.querySelectorAll('a, form, img, use, link')].map((one) => one.outerHTML).filter(
    (html) => /evil|javascript:/i.test(html.split('>')[0])),
  ...[...document.querySelectorAll('*')].filter((one) => [...one.attributes].some(
    ({ name }) => /^on|^hx-on|^style$/.test(name))).map((one) => one.outerHTML),
  ...[...document.querySelectorAll('h1, button')].filter((one) => one.textContent === 'planted'),
]
"""
"""Elements that only somebody else's text can have made."""

KEPT = "() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state])"

# As long as the fields of the forms take them; each kind of trouble is in one of the three.
NAMES = {
    "script": ('<script>window.hostileTextRan=true</script>"><img src=x onerror=hostileTextRan=true>', "'"),
    "htmx": (
        '<b hx-get="/sign-out" hx-trigger="load">x</b><hx-partial hx-target="#main">',
        "{{ 7 * 7 }}%(name)s",
    ),
    "letters": ("W" * 190, "a" + "\u0301\u0323" * 60),
}


@pytest.fixture(scope="module", params=NAMES)
def texts(request: pytest.FixtureRequest, app: Flask) -> Iterator[tuple[str, str]]:
    """Everybody has a name like that; afterwards names are names again."""
    text, more = NAMES[request.param]
    with app.app_context(), transaction():
        for part in CAST.values():
            db.session.execute(
                update(User).where(User.email == part.email).values(name=f"{text}{more}"[:200])
            )
    yield text, more
    with app.app_context(), transaction():
        for part in CAST.values():
            db.session.execute(update(User).where(User.email == part.email).values(name=part.name))


def look(somebody: Somebody, path: str = "", status: int = 200) -> None:
    """Open a page and see that nothing in it runs, leads away, is kept, or breaks the layout."""
    page = somebody.page
    if path:
        answer = page.goto(path)
        assert answer and answer.status == status, f"{path} answered {answer and answer.status}"
    where = path or page.url
    assert page.evaluate(f"window.{RAN}") is None, f"script ran on {where}"
    assert page.evaluate(STRANGERS) == [], where
    assert page.locator("main").count() <= 1, where
    assert too_wide(page) == [], where
    assert page.title().endswith("– Lindenhof Clinic"), where
    kept = page.evaluate(KEPT)
    assert "hostile" not in kept and "WWW" not in kept, f"{where} keeps {kept}"


def asked_of_others(page: Page, server: Server) -> list[str]:
    """Addresses of other hosts that the page asks for from now on."""
    asked: list[str] = []
    ours = (f"{server.url}/", f"blob:{server.url}/")
    page.on("request", lambda one: asked.append(one.url) if not one.url.startswith(ours) else None)
    return asked


@pytest.fixture
def written(clinic: Clinic, app: Flask, texts: tuple[str, str]) -> dict[str, Session]:
    """A visit with a session of each status, in which the text stands wherever one can be."""
    text = " ".join(texts)
    visit = clinic.visit()
    found = {status: clinic.session(status, visit=visit) for status in Status.ALL}
    with app.app_context(), transaction():
        db.session.execute(update(Visit).where(Visit.id == visit.id).values(reason=text[:500]))
        everywhere = [*SHOWN.values(), *(one for one in ODD.values() if "\u2066" not in one)]
        notes = {"notes": "\n".join([text, *everywhere])[:5000]}
        for status, session in found.items():
            more = {"cancel_reason": text[:500]} if status == Status.CANCELLED else {}
            more |= {"failure_reason": text[:500]} if status == Status.FAILED else {}
            db.session.execute(update(Session).where(Session.id == session.id).values(**notes, **more))
    return found


def test_no_page_runs_it_or_breaks_of_it(
    at_screen: At, server: Server, written: dict[str, Session], clinic: Clinic
):
    visit = written[Status.SCHEDULED].visit_id
    sessions = [f"/telemedicine/{session.id}" for session in written.values()]
    over = [f"/telemedicine/{written[status].id}/call" for status in (Status.COMPLETED, Status.FAILED)]
    ana_id = clinic._person("ana").id
    of_a_visit = [f"/visits/{visit}", f"/visits/{visit}/telemedicine"]
    staffs = ["/admin/people", f"/admin/people/{ana_id}", "/admin/audit"]
    new_like = f"/visits/{visit}/telemedicine/new?like={written[Status.CANCELLED].id}"
    for key, paths in (
        ("dr_grey", ["/visits", "/visits?q=%3Cscript%3E", *of_a_visit, new_like, "/visits/new", *sessions]),
        ("ana", ["/patient-portal/dashboard", "/patient-portal/telemedicine", *sessions]),
        ("sam", ["/visits", *of_a_visit, "/visits/new", *staffs]),
    ):
        one = at_screen(key)
        others = asked_of_others(one.page, server)
        for path in paths:
            look(one, path)
        for path in over if key != "sam" else ():
            look(one, path, 409)
        assert others == []


def test_the_questions_and_links_of_a_page_are_whole(
    at_screen: At, written: dict[str, Session], clinic: Clinic
):
    session = written[Status.SCHEDULED]
    grey, sam = at_screen("dr_grey"), at_screen("sam")
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Cancel Session", grey.card(session))
    expect(grey.page.locator("dialog[open]")).to_be_visible()
    look(grey)
    grey.answer("Keep the session")
    grey.card(session).get_by_text("History", exact=True).click()
    expect(grey.card(session).get_by_role("listitem").first).to_be_visible()
    look(grey)
    sam.open(f"/admin/people/{clinic._person('ana').id}").press("Make invitation link")
    link = sam.page.locator("input.link-box").input_value()
    look(sam)
    look(at_screen(), link)
    look(grey, clinic.link(session))
    grey.reads("You are signed in as")


def test_a_call_shows_names_as_they_are_written(
    at_screen: At, written: dict[str, Session], texts: tuple[str, str]
):
    session = written[Status.IN_PROGRESS]
    ana, grey = at_screen("ana", viewport={"width": 390, "height": 844}), at_screen("dr_grey")
    ana.open_call(session).is_("waiting")
    look(ana)
    grey.open_call(session).is_("connected")
    ana.is_("connected")
    for one in (ana, grey):
        tag = one.page.locator(".person:visible .name-tag")
        expect(tag).to_contain_text("".join(texts)[:200])
        look(one)
    grey.end()
    for one in (ana, grey):
        one.is_("disconnected")
        look(one)


def test_what_is_typed_into_every_field_comes_back_as_text(at_screen: At, clinic: Clinic, app: Flask):
    text = SHOWN["quoted attribute"] + SHOWN["script"] + SHOWN["names"]
    sam, grey = at_screen("sam"), at_screen("dr_grey")
    sam.open("/admin/people/new")
    for label in ("Name", "Email", "Phone"):
        sam.page.get_by_label(label, exact=True).fill(text)
    sam.press("Add person")
    sam.reads("There is a problem")
    look(sam)
    expect(sam.page.get_by_label("Email", exact=True)).to_have_value(text)
    sam.page.get_by_label("Email", exact=True).fill("odd@people.example")
    sam.page.get_by_label("Phone", exact=True).fill("")
    sam.press("Add person")
    sam.reads(text)
    look(sam)
    sam.open("/admin/people").page.get_by_role("searchbox").fill(text)
    sam.press("Search")
    sam.reads(text)
    look(sam)

    sam.open("/visits/new").page.get_by_label("Patient").select_option(label=text)
    sam.page.get_by_label("Doctor").select_option(clinic._person("dr_grey").id)
    sam.page.get_by_label("Reason").fill(text)
    sam.press("Open visit")
    sam.page.wait_for_url("**/telemedicine")
    sam.reads(text)
    look(sam)

    grey.open(sam.page.url).press("+ Create Session")
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=-3))
    grey.page.get_by_label("Notes", exact=True).fill(text)
    grey.press("Create Session")
    grey.reads("There is a problem")
    look(grey)
    expect(grey.page.get_by_label("Notes", exact=True)).to_have_value(text)
    grey.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=50))
    grey.press("Create Session")
    card = grey.page.locator("[data-session-id]")
    grey.reads(text, card)
    grey.press("Cancel Session", card)
    grey.page.locator("dialog[open] textarea").fill(text)
    grey.answer("Cancel Session")
    expect(card).to_have_attribute("data-status", "CANCELLED")
    expect(card.get_by_text(text).first).to_be_visible()
    look(grey)

    stranger = at_screen()
    stranger.open("/sign-in").page.get_by_label("Email").fill(text)
    stranger.page.get_by_label("Password", exact=True).fill(text)
    stranger.press("Sign in")
    stranger.reads("We could not sign you in")
    look(stranger)


def _rename(app: Flask, names: dict[str, str]) -> None:
    with app.app_context(), transaction():
        for email, name in names.items():
            db.session.execute(update(User).where(User.email == email).values(name=name))
