"""The clinic that is measured: a doctor's visit with many sessions, a patient with one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from bs4 import BeautifulSoup, Tag
from flask import Flask
from support import apps
from support.cast import CAST, PASSWORD, Clinic, Person
from support.databases import Databases
from support.server import Server

from telehealth.models import Session, Status, Visit

MANY = 20


@dataclass
class Scene:
    """One database, the application on it, and who plays in it."""

    app: Flask
    database_url: str
    clinic: Clinic
    visit: Visit
    live: Session

    def person(self, key: str) -> Person:
        """One of the cast, at the test client."""
        return Person(self.app, key)


@contextmanager
def set_up(databases: Databases, kind: str, many: int = MANY) -> Iterator[Scene]:
    """A visit with so many sessions of every status, the newest of them in progress."""
    with databases.fresh(kind) as url:
        app = apps.make_app(url)
        people: dict[str, Person] = {}
        clinic = Clinic(app, lambda key: people.setdefault(key, Person(app, key)))
        visit = clinic.visit()
        for number in range(many - 1):
            clinic.session(Status.ALL[number % len(Status.ALL)], visit, notes="As discussed")
        live = clinic.session(Status.IN_PROGRESS, visit)
        try:
            yield Scene(app, url, clinic, visit, live)
        finally:
            apps.close(app)


def sign_in(server: Server, key: str) -> dict[str, str]:
    """Sign in over HTTP; the headers that make further requests this person's."""
    browser = requests.Session()
    page = BeautifulSoup(browser.get(f"{server.url}/sign-in", timeout=30).text, "html5lib")
    token = page.select_one("input[name=csrf_token]")
    assert isinstance(token, Tag)
    answer = browser.post(
        f"{server.url}/sign-in",
        data={
            "csrf_token": str(token["value"]),
            "email": CAST[key].email,
            "password": PASSWORD,
        },
        timeout=30,
    )
    assert answer.ok, f"signing in answered {answer.status_code}"
    return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)}
