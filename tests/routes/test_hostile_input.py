"""Hostile text wherever a person or a program can write: an answer or a clear refusal, never a fault."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from bs4 import BeautifulSoup
from sqlalchemy import update
from support.hostile import NEVER, ODD, PRODUCT, SHOWN, TEXTS

from routes import access_table
from routes.access_scene import House, Scene, path_of
from routes.fields import FIELDS, PARAMETERS, who_may
from telehealth.extensions import db
from telehealth.models import Session, User, Visit
from telehealth.store import transaction

TABLE = access_table.read()
pytestmark = pytest.mark.usefixtures("streams_end_at_once")

READ_HEADERS = (
    *("GET /sign-in", "GET /visits", "GET /visits/today", "GET /telemedicine/<session_id>/call"),
    *("GET /telemedicine/<session_id>/call/inbox", "GET /api/v1/visits/", "POST /api/v1/telemedicine/"),
    *(
        "GET /telemedicine/<session_id>/recordings/<recording_id>/media",
        "POST /telemedicine/<session_id>/end",
    ),
    *("GET /static/<version>/<path:path>", "POST /webhooks/<carrier>/<what>", "GET /metrics", "GET /nothing"),
)
"""One row of each kind of answer."""

IN_HEADERS = {
    name: TEXTS[name] for name in ("script", "names", "numbers", "lines", "controls", "direction", *NEVER)
}

HEADERS = (
    *("HX_REQUEST", "HX_CURRENT_URL", "HX_TARGET", "HX_PTAG", "HX_HISTORY_RESTORE_REQUEST", "LAST_EVENT_ID"),
    *("RANGE", "USER_AGENT", "ACCEPT", "ACCEPT_LANGUAGE", "SEC_PURPOSE", "X_FORWARDED_FOR", "COOKIE"),
    *("X_FORWARDED_HOST", "X_HTTP_METHOD_OVERRIDE", "AUTHORIZATION", "X_CSRFTOKEN", "REFERER", "ORIGIN"),
    *("IF_NONE_MATCH", "IF_MODIFIED_SINCE", "X_TWILIO_SIGNATURE"),
)


@pytest.mark.parametrize("row", [row for row in TABLE if row.startswith("POST")])
def test_any_text_in_any_field_is_kept_or_refused(house: House, row: str):
    scene, who = house.scene(row), who_may(row)
    for place in _places(house, row, who, scene):
        for name, text in TEXTS.items():
            body = _changed(house.body(row.partition(" ")[2], house.guests[who], scene), place, text)
            answer = house.ask(house.guests[who], row, scene, **body)
            where = f"{row}, {place}: {name}"
            assert answer.status_code < 500, where
            assert PRODUCT not in answer.text, where
            if answer.status_code < 400:
                scene = house.scene(row)
                if row == "POST /sign-out":
                    house.sign_in(house.guests[who])


@pytest.mark.parametrize("row", [row for row in TABLE if "<" in row])
def test_any_text_in_an_address_is_no_fault(house: House, row: str):
    scene, who, rule = house.scene(row), who_may(row), row.partition(" ")[2]
    for part in [part for part in rule.split("/") if part.startswith("<")]:
        for name, text in TEXTS.items():
            path = path_of(rule.replace(part, _quoted(text)), scene)
            answer = house.ask(house.guests[who], row, scene, path=path)
            where = f"{row}, {part}: {name}"
            assert answer.status_code < 500, where
            assert answer.status_code >= 300 or part == "<version>", where
            assert "planted" not in str(answer.headers), where


@pytest.mark.parametrize("row", [row for row in TABLE if row.startswith("GET")])
def test_any_text_in_a_query_is_no_fault(house: House, row: str):
    scene, who = house.scene(row), who_may(row)
    for parameter in PARAMETERS.get(row, ("unknown",)):
        for name, text in TEXTS.items():
            query = f"{parameter}={_quoted(text)}"
            answer = house.ask(house.guests[who], row, scene, query_string=query)
            where = f"{row}, {parameter}: {name}"
            assert answer.status_code < 500, where
            assert PRODUCT not in answer.text, where
            assert "planted" not in str(answer.headers), where


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
@pytest.mark.parametrize("row", READ_HEADERS)
def test_any_text_in_a_header_is_no_fault(house: House, row: str):
    scene, who = house.scene(row), who_may(row)
    for header in HEADERS:
        for name, text in IN_HEADERS.items():
            # As the server hands them on: bytes, one character each.
            raw = text.encode("utf-8", "surrogatepass").decode("latin-1")
            answer = house.ask(house.guests[who], row, scene, environ_overrides={f"HTTP_{header}": raw})
            where = f"{row}, {header}: {name}"
            assert answer.status_code < 500, where
            assert PRODUCT not in answer.text, where
            assert "planted" not in str(answer.headers), where


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
@pytest.mark.parametrize("row", [row for row in TABLE if row.startswith("GET") and "/api/" not in row])
@pytest.mark.usefixtures("time_stands_still")
def test_what_people_wrote_is_shown_and_makes_no_element(house: House, row: str):
    scene = house.scene(row)
    for who in ("dr_grey", "ana", "sam", "link"):
        guest = house.by_link(scene) if who == "link" else house.guests[who]
        with written(house, scene, "Nobody"):
            plain = house.ask(guest, row, scene)
        if plain.mimetype != "text/html" or plain.status_code >= 300:
            continue
        texts = [*SHOWN.values(), *ODD.values()]
        for text in (" ".join(texts[start::3]) for start in range(3)):
            with written(house, scene, text):
                answer = house.ask(guest, row, scene)
            # A page with a history tells of each reading before.
            later = house.ask(guest, row, scene)
            found = _elements(answer.text)
            assert _elements(plain.text) <= found <= _elements(later.text), f"{row} as {who}: {text}"
            assert PRODUCT not in answer.text


@pytest.fixture
def time_stands_still() -> Iterator[None]:
    """Nobody stops waiting and nothing becomes late between two looks at one page."""
    with time_machine.travel(datetime.now(UTC), tick=False):
        yield


@contextmanager
def written(house: House, scene: Scene, text: str) -> Iterator[None]:
    """Everybody is called like that and has written it everywhere; afterwards names are names again.

    Past the operations, which refuse some of it: what was kept before must do no harm either.
    """
    columns = {
        User: ({"name": text}, User.id.in_([person.id for person in house.cast.values()])),
        Visit: ({"reason": text}, Visit.id == scene.visit_id),
        Session: (
            {"notes": text, "cancel_reason": text},
            Session.id == scene.session_id,
        ),
    }
    with house.app.app_context(), transaction():
        names = {person.id: person.name for person in house.cast.values()}
        for model, (values, which) in columns.items():
            db.session.execute(update(model).where(which).values(**values))
    yield
    with house.app.app_context(), transaction():
        for user_id, name in names.items():
            db.session.execute(update(User).where(User.id == user_id).values(name=name))


def _elements(html: str) -> Counter[tuple[str, ...]]:
    """The elements of a page by name and attributes, and how often each kind is there."""
    return Counter((tag.name, *sorted(tag.attrs)) for tag in BeautifulSoup(html, "html5lib").find_all(True))


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _places(house: House, row: str, who: str, scene: Scene) -> list[tuple[str, ...]]:
    """Where a text can stand in what is sent: the path to each field."""
    if row in FIELDS:
        return [("data", name) for name in FIELDS[row]]
    body = house.body(row.partition(" ")[2], house.guests[who], scene)
    found = [("json", *path) for path in _leaves(body.get("json", {}))]
    if row.endswith("/cancel/"):
        found.append(("json", "reason"))
    if row == "POST /api/v1/telemedicine/":
        found.append(("json", "notes"))
    return [*found, ("json", "unknown")] if "json" in body else found


def _leaves(value: Any) -> Iterator[tuple[str, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        if isinstance(one, (dict, list)):
            yield from ((str(key), *rest) for rest in _leaves(one))
        else:
            yield (str(key),)


def _changed(body: dict[str, Any], place: tuple[str, ...], text: str) -> dict[str, Any]:
    body = copy.deepcopy(body)
    at: Any = body
    for key in place[:-1]:
        at = at[int(key)] if isinstance(at, list) else at.setdefault(key, {})
    if place[0] == "data":
        # A form travels as bytes.
        at[place[-1]] = text.encode("utf-8", "surrogatepass")
    else:
        at[place[-1]] = text
    return body
