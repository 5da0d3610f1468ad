"""A patient's link: opened, reloaded, opened elsewhere, copied, revoked, over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support.cast import CAST, Clinic

from browser.people import At, Somebody, see_each_other

if TYPE_CHECKING:
    from telehealth.models import Session

EVERYTHING_KEPT = """
() => JSON.stringify([
  location.href, document.referrer, document.cookie, history.state, performance.getEntries(),
  { ...localStorage }, { ...sessionStorage },
])
"""


def visitor(at_screen: At) -> Somebody:
    """Ana on a device where nobody is signed in."""
    return at_screen("ana", signed_in=False, viewport={"width": 390, "height": 844})


def enter(guest: Somebody, link: str) -> None:
    """Open the link and press its button."""
    guest.open(link)
    guest.press("Join Session")
    guest.page.wait_for_url("**/call")


def make_link(doctor: Somebody, session_id: str, button: str = "Make patient link") -> str:
    """Have a link made on the session's card; returns what is shown, this once."""
    card = doctor.card(session_id)
    shown = card.get_by_label("Patient link", exact=True).and_(doctor.page.locator("input"))
    before = shown.input_value() if shown.count() else ""
    doctor.press(button, card)
    expect(shown).not_to_have_value(before)
    return shown.input_value()


def test_the_page_of_the_link_names_nobody_and_its_button_leads_into_the_call(at_screen: At, clinic: Clinic):
    session = clinic.session()
    link = clinic.link(session)
    token = link.rpartition("/")[2]
    guest = visitor(at_screen)
    guest.open(link)
    expect(guest.page.get_by_role("heading", name="Your video visit")).to_be_visible()
    for name in ("Ana", "Lima", "Grey", session.id):
        assert name not in guest.page.content()
    assert "session.link_used" not in clinic.history(session)

    guest.press("Join Session")
    guest.is_at(f"/telemedicine/{session.id}/call")
    guest.is_("waiting")
    guest.page.reload()
    guest.is_at(f"/telemedicine/{session.id}/call")
    guest.is_("waiting")
    assert token not in guest.page.content()
    assert token not in guest.page.evaluate(EVERYTHING_KEPT)
    assert guest.page.evaluate("document.referrer") == ""
    assert clinic.history(session).count("session.link_used") == 1

    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    see_each_other(grey, guest)
    guest.page.reload()
    guest.sees(grey)

    guest.press("Leave Session")
    guest.is_at(f"/telemedicine/{session.id}")
    assert guest.page.evaluate("document.referrer") == ""
    guest.press("Join Session")
    guest.sees(grey)
    grey.end()
    guest.reads("Your visit has ended")


def test_the_link_opens_on_a_second_device_and_that_one_goes_on(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    link = clinic.link(session)
    telephone, tablet = visitor(at_screen), visitor(at_screen)
    grey = at_screen("dr_grey").open_call(session)
    enter(telephone, link)
    telephone.sees(grey)
    enter(tablet, link)
    tablet.sees(grey)
    telephone.is_("disconnected")
    telephone.reads("The call is open in another window")
    grey.sees(tablet)


def test_the_doctor_copies_the_link_revokes_it_and_makes_a_new_one(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey", permissions=["clipboard-read", "clipboard-write"])
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    link = make_link(grey, session.id)
    expect(grey.button("Copy link")).to_be_focused()
    grey.press("Copy link")
    expect(grey.page.locator("#announcer")).to_have_text("Link copied")
    assert grey.page.evaluate("navigator.clipboard.readText()") == link

    guest = visitor(at_screen)
    enter(guest, link)
    guest.is_("waiting")
    grey.reads("Patient is waiting", grey.card(session))
    grey.press("Revoke link", grey.card(session))
    expect(grey.button("Keep the link")).to_be_focused()
    grey.answer("Revoke link")
    grey.reads("The link no longer works.")

    # The visitor's open page is refused, and so is the link.
    expect(guest.page.locator("#waiting-room")).to_have_count(0)
    late = visitor(at_screen)
    answer = late.page.goto(link)
    assert answer and answer.status == 410
    late.reads("This link no longer works")
    late.reads("Or ask the clinic to send you a new link.")
    expect(late.page.get_by_role("link", name=f"Call {'+49 30 555 0100'}")).to_be_visible()

    # A new link works, and only that.
    newer = make_link(grey, session.id)
    newest = make_link(grey, session.id, "Make a new link")
    assert len({link, newer, newest}) == 3
    answer = late.page.goto(newer)
    assert answer and answer.status == 410
    enter(late, newest)
    late.is_("waiting")
    enter(guest, newest)
    guest.is_("waiting")


def test_a_link_that_is_revoked_in_the_call_puts_its_visitor_out_and_says_why(
    at_screen: At, clinic: Clinic, session: Session
):
    grey, guest = at_screen("dr_grey"), visitor(at_screen)
    grey.open_call(session)
    enter(guest, clinic.link(session))
    guest.sees(grey)
    card = grey.second_tab().open(f"/visits/{session.visit_id}/telemedicine")
    card.press("Revoke link", card.card(session))
    card.answer("Revoke link")
    card.reads("The link no longer works.")
    guest.is_("disconnected")
    guest.reads("You are no longer in the call")
    guest.reads("ask the clinic for a new link")
    guest.sees_nobody()
    expect(guest.own_picture).to_be_hidden()
    grey.is_("waiting")
    grey.sees_nobody()
    guest.press("Come in again")
    expect(guest.page.get_by_role("heading", name="Joining a video visit?")).to_be_visible()
    grey.is_("waiting")


def test_when_the_session_is_over_so_is_the_link(at_screen: At, clinic: Clinic):
    for status in ("COMPLETED", "CANCELLED"):
        session = clinic.session("IN_PROGRESS" if status == "COMPLETED" else "SCHEDULED")
        link = clinic.link(session)
        guest = visitor(at_screen)
        enter(guest, link)
        grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
        press = "End Session" if status == "COMPLETED" else "Cancel Session"
        grey.press(press, grey.card(session))
        grey.answer(press)
        grey.finds(session, status)
        guest.reads("Your visit has ended" if status == "COMPLETED" else "Your visit was cancelled")
        answer = guest.page.goto(link)
        assert answer and answer.status == 410
        guest.reads("This link no longer works")


def test_a_link_opens_its_session_and_nothing_else(at_screen: At, clinic: Clinic):
    session, other = clinic.session(), clinic.session()
    guest = visitor(at_screen)
    enter(guest, clinic.link(session))
    guest.is_("waiting")
    for path, status in (
        ("/patient-portal/dashboard", 403),
        ("/patient-portal/telemedicine", 403),
        ("/visits", 403),
        ("/admin/people", 403),
        (f"/telemedicine/{other.id}", 404),
        (f"/telemedicine/{other.id}/call", 404),
        (f"/visits/{session.visit_id}", 404),
    ):
        answer = guest.page.goto(path)
        assert answer and answer.status == status, f"{path} answered {answer and answer.status}"
        assert CAST["ana"].email not in guest.page.content()
    guest.page.get_by_role("link", name="Go to your video visit").click()
    guest.is_("waiting")
    assert guest.page.locator("nav[aria-label=Main]").count() == 0


def test_a_link_that_never_was_tells_nothing(at_screen: At):
    guest = visitor(at_screen)
    answer = guest.page.goto("/join/" + "x" * 43)
    assert answer and answer.status == 404
    guest.reads("We cannot find this page")
