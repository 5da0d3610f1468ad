"""The whole of it by keyboard alone: Tab, Enter, Space, and what is typed."""

from __future__ import annotations

from datetime import datetime

from playwright.sync_api import Locator, expect
from support.browsers import until
from support.cast import CAST, PASSWORD, Clinic

from browser.people import At, Call, Somebody, clinic_time

WHERE = """
() => {
  const { activeElement: at, body } = document;
  return !at || at === body ? "" : `${at.tagName} ${at.id} ${at.textContent.trim().slice(0, 40)}`;
}
"""


class AtKeys:
    """Somebody who has no mouse."""

    def __init__(self, somebody: Somebody) -> None:
        self.me = somebody
        self.keyboard = somebody.page.keyboard

    def go_to(self, target: Locator, back: bool = False) -> AtKeys:
        """Press Tab until the target has the focus."""
        expect(target).to_be_visible()
        passed = []
        for _ in range(80):
            if target.evaluate("element => element === document.activeElement"):
                return self
            self.keyboard.press("Shift+Tab" if back else "Tab")
            passed.append(self.me.page.evaluate(WHERE))
        raise AssertionError(f"no way to {target} by Tab, only to {passed}")

    def press(self, name: str, within: Locator | None = None, key: str = "Enter") -> None:
        """Go to a button and press it by a key."""
        self.go_to(self.me.button(name, within))
        self.keyboard.press(key)

    def is_somewhere(self) -> None:
        """The focus is on something, as soon as what was pressed has been answered."""
        until(lambda: self.me.page.evaluate(WHERE), "the focus is lost")

    def hears(self, words: str, region: str = "#flash") -> None:
        """A live region says it."""
        live = self.me.page.locator(region)
        expect(live).to_contain_text(words)
        assert live.get_attribute("role") == "status"


def type_time(keys: AtKeys, field: Locator, hours: float) -> None:
    """Type month, day, year and time into the field, as its segments ask for them."""
    keys.go_to(field)
    moment = datetime.fromisoformat(clinic_time(hours))
    keys.keyboard.type(moment.strftime("%m%d%Y"))
    keys.keyboard.press("ArrowRight")
    keys.keyboard.type(moment.strftime("%I%M%p")[:-1])
    expect(field).to_have_value(moment.strftime("%Y-%m-%dT%H:%M"))


def sign_in(keys: AtKeys) -> None:
    """Sign in with keys."""
    page = keys.me.page
    page.goto("/sign-in")
    keys.go_to(page.get_by_label("Email"))
    keys.keyboard.type(CAST[keys.me.key].email)
    keys.go_to(page.get_by_label("Password", exact=True))
    keys.keyboard.type(PASSWORD)
    keys.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def test_the_doctor_needs_no_mouse(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    grey = at_screen("dr_grey", signed_in=False)
    keys, page = AtKeys(grey), grey.page
    sign_in(keys)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    keys.go_to(page.locator(f'a[href="/visits/{visit.id}/telemedicine"]').first)
    page.keyboard.press("Enter")
    grey.is_at(f"/visits/{visit.id}/telemedicine")

    # Create.
    keys.press("+ Create Session")
    start = page.get_by_label("Scheduled Start Time")
    expect(start).to_be_focused()
    type_time(keys, start, hours=2)
    keys.go_to(page.get_by_label("Enable Recording"))
    page.keyboard.press("Space")
    expect(page.get_by_label("Enable Recording")).to_be_checked()
    keys.go_to(page.get_by_label("Notes", exact=True))
    page.keyboard.type("Knee, left")
    keys.press("Create Session")
    card = page.locator("[data-session-id]")
    expect(card).to_have_attribute("data-status", "SCHEDULED")
    keys.hears("The session is planned.")
    keys.is_somewhere()

    # Start; the next step has the focus.
    keys.press("Start Session", card, key="Space")
    expect(card).to_have_attribute("data-status", "IN_PROGRESS")
    keys.hears("The session has started. You can join the call now.")
    expect(grey.button("Join Call", card)).to_be_focused()

    # History opens and closes.
    summary = card.locator("summary")
    keys.go_to(summary)
    page.keyboard.press("Enter")
    expect(card.get_by_role("listitem").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(card.get_by_role("listitem").first).to_be_hidden()

    # Join, toggle, leave.
    keys.go_to(grey.button("Join Call", card), back=True)
    page.keyboard.press("Enter")
    page.wait_for_url("**/call")
    session_id = page.url.split("/")[-2]
    ana = at_screen("ana")
    ana.open_call(session_id)
    grey.sees(ana)
    keys.hears("The call has begun. You can talk now.", "#announcer")
    for name, key in (("Microphone", "Space"), ("Camera", "Enter")):
        keys.press(name, key=key)
        expect(grey.button(name)).to_have_attribute("aria-pressed", "false")
        expect(grey.button(name)).to_be_focused()
        page.keyboard.press(key)
        expect(grey.button(name)).to_have_attribute("aria-pressed", "true")
    keys.press("Devices")
    expect(page.locator("#device-choice")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#device-choice")).to_be_hidden()
    expect(grey.button("Devices")).to_be_focused()
    keys.press("Leave Call")
    grey.is_at(f"/visits/{visit.id}/telemedicine")

    # End: the safe answer has the focus, Escape is one, and the focus comes back.
    keys.press("Join Call", card)
    page.wait_for_url("**/call")
    grey.sees(ana)
    keys.press("End Session")
    expect(grey.button("Keep talking")).to_be_focused()
    page.keyboard.press("Escape")
    expect(grey.button("End Session")).to_be_focused()
    page.keyboard.press("Enter")
    keys.press("End Session", page.locator("dialog[open]"))
    grey.is_("disconnected")
    expect(page.get_by_role("heading", name="The session has ended")).to_be_focused()
    keys.hears("The video visit has ended.", "#announcer")
    keys.go_to(page.get_by_role("link", name="Back to the visit"))
    page.keyboard.press("Enter")
    grey.finds(session_id, "COMPLETED")


def test_the_patient_needs_no_mouse(at_screen: At, clinic: Clinic):
    session = clinic.session(visit=clinic.visit("dr_house", "ben"))
    house, ben = at_screen("dr_house"), at_screen("ben", signed_in=False)
    keys, page = AtKeys(ben), ben.page
    sign_in(keys)
    keys.go_to(page.get_by_role("link", name="Telemedicine"))
    page.keyboard.press("Enter")
    ben.is_at("/patient-portal/telemedicine")
    keys.press("Join Session", ben.card(session))
    ben.is_("waiting")
    ben.reads("We have told Dr Paul House that you are here.")
    house.open(f"/visits/{session.visit_id}/telemedicine").press("Start Session", house.card(session))
    expect(page.locator("#call-stage h1")).to_be_focused()
    house.open_call(session)
    ben.sees(house)
    keys.press("Leave Session")
    ben.is_at("/patient-portal/telemedicine")
    keys.press("Join Session", ben.card(session))
    ben.sees(house)
    house.end()
    ben.is_("disconnected")
    expect(page.get_by_role("heading", name="Your visit has ended")).to_be_focused()


def test_questions_on_the_card_have_the_safe_answer_first(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    one, other = clinic.session(visit=visit), clinic.session("IN_PROGRESS", visit=visit)
    grey = at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    keys, page = AtKeys(grey), grey.page
    keys.press("Cancel Session", grey.card(one))
    expect(grey.button("Keep the session")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(grey.button("Cancel Session", grey.card(one))).to_be_focused()
    grey.finds(one, "SCHEDULED")

    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    keys.go_to(dialog.get_by_label("Reason (you can leave this empty)"), back=True)
    page.keyboard.type("Ana is better")
    keys.press("Cancel Session", dialog)
    grey.reads("Ana is better", grey.finds(one, "CANCELLED"))
    keys.hears("The session is cancelled.")
    keys.is_somewhere()

    keys.press("End Session", grey.card(other))
    expect(grey.button("Keep it going")).to_be_focused()
    keys.press("End Session", dialog)
    grey.finds(other, "COMPLETED")
    keys.hears("The session has ended.")
    keys.is_somewhere()


def test_messages_and_menus_close_and_the_focus_stays(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    keys, page = AtKeys(grey), grey.page
    keys.press("Start Session", grey.card(session))
    keys.hears("The session has started.")
    keys.go_to(page.locator("#flash [data-dismiss]"), back=True)
    page.keyboard.press("Enter")
    expect(page.locator("#flash .notice")).to_have_count(0)
    keys.is_somewhere()
    keys.go_to(grey.button("Dr Maria Grey"), back=True)
    page.keyboard.press("Enter")
    expect(grey.button("Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(grey.button("Sign out")).to_be_hidden()
    expect(grey.button("Dr Maria Grey")).to_be_focused()


def test_what_the_other_side_does_is_said(call: Call):
    _session, grey, ana = call
    keys = AtKeys(grey)
    ana.toggle("Camera", on=False)
    keys.hears("Ana Lima has the camera off.", "#announcer")
    ana.press("Leave Session")
    keys.hears("You are here. The other person is not here yet.", "#announcer")
