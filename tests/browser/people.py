"""People at real browsers: what they do and what they see, in verbs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page, expect
from support import browsers
from support.browsers import PATIENCE, Watch
from support.cast import CAST, PASSWORD
from support.domain import rows

if TYPE_CHECKING:
    from flask import Flask
    from support.cast import Clinic

    from telehealth.models import Session


def _zone_of_noon() -> str:
    """A zone where it is about noon now: no test is caught by midnight or by a change of clocks."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


SETTINGS = {
    "TIMEZONE": _zone_of_noon(),
    "CLINIC_NAME": "Lindenhof Clinic",
    "CLINIC_PHONE": "+49 30 555 0100",
    "EMERGENCY_NUMBER": "112",
}

STATES = ("waiting", "connecting", "connected", "reconnecting", "disconnected")

_addresses = itertools.count(1)


def clinic_time(hours: float = 1) -> str:
    """The clinic's time in so many hours, as typed into a field for date and time."""
    moment = datetime.now(ZoneInfo(SETTINGS["TIMEZONE"])) + timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M")


def states_in(session: Session, clinic: Clinic) -> list[str]:
    """How everybody stands who ever was in this session."""
    from telehealth.models import Participation

    with clinic.app.app_context():
        found = rows(Participation, Participation.session_id == session.id)
    return [row["state"] for row in found]


def sign_in_cookie(app: Flask, key: str) -> dict[str, Any]:
    """What a browser keeps in which this member of the cast is signed in."""
    from telehealth import sign_ins
    from telehealth.origin import Origin

    origin = Origin(f"10.0.0.{next(_addresses)}")
    with app.app_context():
        token = sign_ins.sign_in(CAST[key].email, PASSWORD, origin)
    assert token is not None, f"{key} cannot sign in"
    return {"name": app.config["SIGN_IN_COOKIE"], "value": token, "httpOnly": True, "sameSite": "Lax"}


class Somebody:
    """One person at one page of one browser; `page` is there for what has no verb."""

    def __init__(self, page: Page, watch: Watch, key: str = "") -> None:
        self.page = page
        self.watch = watch
        self.key = key

    @property
    def name(self) -> str:
        """The name that others see."""
        return CAST[self.key].name

    # Coming and going.

    def let_in(self, app: Flask, url: str) -> None:
        """Sign in without the page, for tests whose matter that is not."""
        self.page.context.add_cookies([{"url": url, **sign_in_cookie(app, self.key)}])  # type: ignore[list-item]

    def sign_in(self) -> Somebody:
        """Sign in by the page."""
        self.page.goto("/sign-in")
        return self.enter_password()

    def enter_password(self) -> Somebody:
        """Fill in the sign-in page at hand."""
        self.page.get_by_label("Email").fill(CAST[self.key].email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.press("Sign in")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self

    def open(self, path: str) -> Somebody:
        """Go to a page."""
        self.page.goto(path)
        return self

    def is_at(self, path: str) -> None:
        """The address is this one."""
        expect(self.page).to_have_url(path)

    def second_tab(self) -> Somebody:
        """The same person in another tab of the same browser."""
        return Somebody(self.page.context.new_page(), self.watch, self.key)

    # Buttons, cards and words.

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """The button of exactly this name."""
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press the button of this name."""
        self.button(name, within).click()

    def answer(self, name: str) -> None:
        """Press a button of the dialog that asks."""
        self.press(name, self.page.locator("dialog[open]"))

    def reads(self, words: str, within: Locator | None = None) -> None:
        """These words are to be seen."""
        expect((within or self.page.locator("body")).get_by_text(words).first).to_be_visible()

    def card(self, session: Session | str) -> Locator:
        """The one element that stands for a session."""
        session_id = session if isinstance(session, str) else session.id
        return self.page.locator(f'[data-session-id="{session_id}"]')

    def finds(self, session: Session | str, status: str) -> Locator:
        """The session is on the page, once, in this status."""
        card = self.card(session)
        expect(card).to_have_count(1)
        expect(card).to_have_attribute("data-status", status)
        return card

    # The call.

    def open_call(self, session: Session | str) -> Somebody:
        """Go to the page of the call; its libraries, which a test may hold back, are not waited for."""
        session_id = session if isinstance(session, str) else session.id
        self.page.goto(f"/telemedicine/{session_id}/call", wait_until="domcontentloaded")
        return self

    @property
    def call(self) -> Locator:
        """What carries the state of the call."""
        return self.page.locator("[data-call-state]")

    @property
    def state(self) -> str | None:
        """The state of the call now."""
        return self.call.get_attribute("data-call-state")

    def is_(self, state: str, seconds: float = PATIENCE) -> Somebody:
        """The call comes into this state."""
        assert state in STATES
        expect(self.call).to_have_attribute("data-call-state", state, timeout=seconds * 1000)
        return self

    @property
    def own_picture(self) -> Locator:
        """The picture of oneself."""
        return self.page.locator('video[data-participant="local"]')

    @property
    def other_picture(self) -> Locator:
        """The picture of the other side."""
        return self.page.locator('video[data-participant="remote"]:visible')

    def sees(self, other: Somebody, seconds: float = PATIENCE) -> dict[str, Any]:
        """Connected by the words on the page, and the other side is really seen and heard."""
        self.is_("connected", seconds)
        status = self.page.locator("#connection-status")
        expect(status).to_be_visible()
        expect(status).to_have_text(re.compile(r"^\s*Connected\s*$"))
        others = self.page.locator(".person:visible .name-tag")
        expect(others).to_have_text([re.compile(re.escape(other.name))])
        return browsers.sees(self.page, seconds)

    def hears(self) -> None:
        """Sound of the other side arrives, with or without a picture."""
        before = browsers.received(self.page)["packets"]
        browsers.until(lambda: browsers.received(self.page)["packets"] > before + 20, "no sound arrives")

    def sees_nobody(self) -> None:
        """Nothing of another side arrives."""
        browsers.sees_nobody(self.page)

    def shows_no_picture_of(self, other: Somebody) -> None:
        """The other one has the camera off, and the page says so."""
        words = re.compile(f"{re.escape(other.name)} has (the camera|camera and microphone) off")
        expect(self.page.get_by_role("heading", name=words)).to_be_visible()

    def toggle(self, name: str, on: bool) -> None:
        """Press Camera or Microphone, and see it change."""
        button = self.button(name)
        expect(button).to_have_attribute("aria-pressed", str(not on).lower())
        button.click()
        expect(button).to_have_attribute("aria-pressed", str(on).lower())

    def end(self) -> None:
        """End the session from the call; it is asked once."""
        self.press("End Session")
        self.answer("End Session")


At = Callable[..., Somebody]
"""What `at_screen` is: it puts a member of the cast at a browser of their own."""


class Call(NamedTuple):
    """A session that has begun, its doctor and its patient, who see each other."""

    session: Session
    grey: Somebody
    ana: Somebody


def see_each_other(one: Somebody, other: Somebody) -> None:
    """Both are connected, and each really sees and hears the other."""
    one.sees(other)
    other.sees(one)


def meet(doctor: Somebody, patient: Somebody, session: Session | str) -> None:
    """Both come into a session that has begun, and see each other."""
    doctor.open_call(session)
    patient.open_call(session)
    see_each_other(doctor, patient)


def set_back(app: Flask, model: Any, *conditions: Any, **columns: timedelta) -> None:
    """Let what is in the database have happened so much earlier."""
    from sqlalchemy import update

    from telehealth import clock
    from telehealth.extensions import db

    with app.app_context():
        values = {name: clock.now() - ago for name, ago in columns.items()}
        db.session.execute(update(model).where(*conditions).values(**values))
        db.session.commit()
