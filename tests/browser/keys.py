"""Somebody who has no mouse: Tab, Enter, Space, and what is typed."""

from __future__ import annotations

from datetime import datetime

from playwright.sync_api import Locator, expect
from support.browsers import until
from support.cast import CAST, PASSWORD

from browser.people import Somebody, clinic_time

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

    def follow(self, name: str) -> None:
        """Go to a link and follow it."""
        self.go_to(self.me.page.get_by_role("link", name=name, exact=True))
        self.keyboard.press("Enter")

    def fill(self, label: str, words: str) -> None:
        """Go to a field and type; a choice is made by its first letters."""
        self.go_to(self.me.page.get_by_label(label, exact=True))
        self.keyboard.type(words)

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
