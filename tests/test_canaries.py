"""One day of a clinic over both carriers: what is private is nowhere but where it belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from bs4 import BeautifulSoup
from doubles.twilio import Twilio
from support.databases import Databases
from support.domain import page_id
from support.server import Server

NAME, REASON, NOTES = "zqNameOfSomebody", "zqReasonOfVisit", "zqNotesOfDoctor"
EMAIL, PHONE, CHOSEN = "zqaddress@people.example", "+49 30 9081726354"[:16], "zq three small boats at sea"
WHY = "zqWhyItWasCancelled"
PRIVATE = (NAME, REASON, NOTES, EMAIL, "zqaddress", PHONE, PHONE.replace(" ", ""), CHOSEN, "zqWhy", "zq")


class Day:
    """What people do from morning to evening, over HTTP; every secret they are given is kept here."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secrets: list[str] = []
        self.titles: list[str] = []
        self.addresses: list[str] = []

    def browser(self, key: str) -> requests.Session:
        """A browser of the cast whose cookies are secrets from now on."""
        browser = self.server.browser(key)
        self.secrets += [cookie.value or "" for cookie in browser.cookies]
        return browser

    def get(self, browser: requests.Session, path: str, status: int = 200) -> BeautifulSoup:
        """Open a page."""
        answer = browser.get(self.server.url + path, timeout=30)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        return self._read(answer)

    def post(self, browser: requests.Session, path: str, status: int = 200, **form: str) -> BeautifulSoup:
        """Send a form."""
        form["csrf_token"] = self.token(browser)
        answer = browser.post(self.server.url + path, data=form, timeout=30)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        return self._read(answer)

    def say(self, browser: requests.Session, path: str, **body: object) -> dict[str, object]:
        """Send JSON, as the page of a call does."""
        headers = {"X-CSRFToken": self.token(browser)}
        answer = browser.post(self.server.url + path, json=body, headers=headers, timeout=30)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, object] = answer.json()
        return found

    def token(self, browser: requests.Session) -> str:
        """The token of this browser's pages."""
        page = self.get(browser, "/sign-out").select_one("meta[name=csrf-token]")
        assert page is not None
        self.secrets.append(str(page["content"]))
        return str(page["content"])

    def _read(self, answer: requests.Response) -> BeautifulSoup:
        page = BeautifulSoup(answer.text, "html5lib")
        self.addresses += [one.url for one in (*answer.history, answer)]
        self.titles.append(page.title.get_text() if page.title else "")
        self.secrets += re.findall(r"/(?:join|invitation)/([\w-]{20,})", answer.text)
        return page


@pytest.fixture(params=["peer", "twilio"])
def server(
    request: pytest.FixtureRequest, database_server: Databases, tmp_path: Path, twilio: Twilio
) -> Iterator[Server]:
    """The real server, with each of the carriers."""
    settings = {**twilio.settings, **twilio.environment} if request.param == "twilio" else {}
    with database_server.fresh("sqlite") as url:
        server = Server(tmp_path, url, **settings)
        server.start()
        yield server
        server.stop()


def test_a_day_leaves_nothing_private_in_logs_addresses_titles_metrics_and_at_the_provider(
    server: Server, twilio: Twilio
):
    day = Day(server)
    sam, grey = day.browser("sam"), day.browser("dr_grey")

    # In the morning staff add a patient, who chooses a password and signs in.
    person = {"role": "patient", "name": NAME, "email": EMAIL, "phone": PHONE}
    page = day.post(sam, "/admin/people/new", **person)
    invitation = _path(page, "/invitation/")
    ana = requests.Session()
    day.get(ana, invitation)
    day.post(ana, invitation, password=CHOSEN, password_again=CHOSEN)
    day.post(ana, "/sign-in", status=422, email=EMAIL, password=f"{CHOSEN} wrong")
    day.post(ana, "/sign-in", email=EMAIL, password=CHOSEN, next="/patient-portal/telemedicine")
    day.secrets += [cookie.value or "" for cookie in ana.cookies]

    # A visit is opened, sessions are planned, one is cancelled, one gets a link.
    options = day.get(grey, "/visits/new").select("select[name=patient_id] option")
    patient = next(str(one["value"]) for one in options if NAME in one.get_text())
    day.post(grey, "/visits/new", patient_id=patient, reason=REASON)
    visit = day.addresses[-1].removeprefix(server.url).removesuffix("/telemedicine")
    for hour in ("09", "11"):
        start = f"2027-11-03T{hour}:00"
        day.post(grey, f"{visit}/telemedicine", scheduled_start=start, notes=NOTES, recording_enabled="y")
    cards = day.get(grey, f"{visit}/telemedicine").select("[data-session-id]")
    first, second = (f"/telemedicine/{card['data-session-id']}" for card in cards)
    day.post(grey, f"{second}/cancel", reason=WHY)
    link = _path(day.post(grey, f"{first}/link"), "/join/")
    phone = requests.Session()
    day.get(phone, link)
    day.post(phone, link)
    day.secrets += [cookie.value or "" for cookie in phone.cookies]

    # The visit takes place; somebody else and somebody who guesses get nothing.
    day.post(grey, f"{first}/start")
    pages = {id(one): page_id() for one in (grey, phone)}
    for one in (grey, phone):
        ticket = day.say(one, "/api/v1/telemedicine/token/", session_id=first.rpartition("/")[2])
        day.secrets.append(str(ticket["token"]))
        day.say(one, f"{first}/call/enter", participant=pages[id(one)])
        day.say(one, f"{first}/call/presence", participant=pages[id(one)], state="connected")
    day.say(phone, f"{first}/call/consent", agreed=True)
    day.get(day.browser("dr_house"), first, status=404)
    day.get(requests.Session(), f"/join/{'x' * 43}", status=404)
    for path in ("/visits?q=", "/visits?status=closed", visit, first, f"{first}/history", second):
        day.get(grey, path)
    day.post(grey, f"{first}/end")

    # In the evening.
    for path in ("/patient-portal/dashboard", "/patient-portal/telemedicine", first):
        day.get(ana, path)
    for path in ("/admin/people", f"/admin/people/{patient}", "/admin/audit"):
        day.get(sam, path)
    metrics = requests.get(f"{server.url}/metrics", timeout=30).text
    day.get(grey, link, status=410)
    for one in (ana, grey, sam):
        day.post(one, "/sign-out")
    server.stop()

    hidden = [*PRIVATE, *(secret for secret in set(day.secrets) if len(secret) > 10)]
    assert len(hidden) > 20
    places = {
        "the log": server.log,
        "the titles": " ".join(day.titles),
        "the metrics": metrics,
        "what the provider saw": twilio.everything_seen(),
        "the addresses": " ".join(
            one for one in map(unquote, day.addresses) if not re.search("/(join|invitation)/", one)
        ),
    }
    for place, text in places.items():
        found = [secret for secret in hidden if secret.casefold() in text.casefold()]
        assert found == [], f"in {place}"
    assert "/join/***" in server.log
    assert "/invitation/***" in server.log


def _path(page: BeautifulSoup, begins: str) -> str:
    """The path of the link that is shown once."""
    (shown,) = (str(one["value"]) for one in page.select("input.link-box") if begins in str(one["value"]))
    return begins + shown.partition(begins)[2]
