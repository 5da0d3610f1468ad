"""Parameters that name another room, person, role, status or id: refused, or without any effect at all.

With the clock standing still and loaded dice the same request leaves the same database and gets the
same answer to the last byte; so must the one that names more than belongs there.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from support.moments import Moment, Tables, loaded_dice
from werkzeug.test import TestResponse

from routes import access_table
from routes.access_scene import Guest, House
from routes.fields import FIELDS, PARAMETERS, who_may
from telehealth import access, clock, presence
from telehealth.extensions import Model
from telehealth.video.peer import PeerProvider

TABLE = access_table.read()
pytestmark = [
    pytest.mark.usefixtures("streams_end_at_once"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]

BY_ANOTHER_NAME = (
    *("session", "visit", "doctor", "patient", "user", "person", "recording", "link", "invitation"),
    *("identity", "participant", "sender", "from", "to", "by", "actor", "me", "as", "owner", "account"),
    *("only_session", "via", "admin", "is_admin", "is_staff", "roles", "permissions", "scope", "provider"),
    *("action", "state", "next", "redirect", "url", "format", "lang", "debug", "_method", "sign_in", "page"),
)
"""What programs elsewhere listen to, and what ours might if somebody were careless."""

Way = Callable[[dict[str, str]], dict[str, Any]]

SOME = 20
"""So many fields a refusal names at most."""


NAMED = [
    ("POST /api/v1/telemedicine/", "visit_id", "visit", 404),
    ("POST /api/v1/telemedicine/token/", "session_id", "session", 404),
    ("POST /api/v1/visits/", "doctor_id", "doctor", 403),
    ("POST /api/v1/visits/", "patient_id", "doctor", 400),
    ("POST /api/v1/visits/", "patient_id", "session", 400),
    ("GET /api/v1/telemedicine/", "visit_id", "visit", 200),
    ("POST /visits/new", "patient_id", "doctor", 422),
    ("GET /visits/<visit_id>/telemedicine/new", "like", "session", 200),
    ("POST /admin/people/new", "role", "system", 422),
    ("POST /admin/people/new", "role", "admin", 422),
    ("POST /telemedicine/<session_id>/call/enter", "participant", "page", 404),
    ("POST /telemedicine/<session_id>/call/enter", "token", "ticket", 403),
    ("POST /telemedicine/<session_id>/call/signal", "participant", "page", 404),
    ("POST /telemedicine/<session_id>/call/signal", "messages.to", "page", 400),
    ("POST /telemedicine/<session_id>/call/presence", "participant", "page", 404),
    ("POST /telemedicine/<session_id>/call/leave", "participant", "page", 404),
    ("POST /telemedicine/<session_id>/call/room", "participant", "page", 404),
    ("GET /telemedicine/<session_id>/call/inbox", "participant", "page", 404),
    ("POST /telemedicine/<session_id>/call/recordings", "id", "recording", 409),
]
"""The fields that do name something, what of others is put there, and the answer."""


FORMS = ("/sign-in", "/visits/new", "/admin/people/new", "/admin/people/<user_id>", "/invitation/<token>")


def _is_press(row: str) -> bool:
    """Whether the row is a button of a page: neither a form to fill in nor what programs ask."""
    method, _space, rule = row.partition(" ")
    programs = "/api/" in rule or "/call/" in rule or rule.startswith("/webhooks/")
    return method == "POST" and not programs and rule not in (*FORMS, "/visits/<visit_id>/telemedicine")


@dataclass(frozen=True)
class Result:
    """What came of a request: its answer, and the tables afterwards."""

    status: int
    answer: tuple[bytes, list[tuple[str, str]]]
    tables: Tables
    refused: frozenset[str]


class Trial:
    """One row of the table, asked again and again from the same moment."""

    def __init__(self, house: House, row: str) -> None:
        self.house, self.row = house, row
        self.guest: Guest = house.guests[who_may(row)]
        self.before = Moment(house.app)
        self.scene = house.scene(row)
        self.foreign = house.scene("/recordings", doctor="dr_house", patient="ben")
        house.rewrite(self.foreign, "zqForeign")
        rule = row.partition(" ")[2]
        self.good = house.body(rule, self.guest, self.scene) if row.startswith("POST") else {}
        if rule.endswith("/inbox"):
            self.good = {"query_string": {"participant": self.scene.grey}}
        self.moment = Moment(house.app)
        # What is only made when it is first needed takes from the dice too.
        self.ask()

    def ask(self, **instead: Any) -> Result:
        """The request, with these parts of it in place of the right ones."""
        self.moment.back()
        with loaded_dice():
            sent = {**copy.deepcopy(self.good), **instead}
            found = self.house.ask(self.guest, self.row, self.scene, **sent)
        answer = (found.data, sorted(found.headers))
        return Result(found.status_code, answer, self.moment.now(), _refused(found))

    def foreign_value(self, what: str) -> str:
        """Something of Dr House's and Ben's by what it is; any other word is itself."""
        scene, cast = self.foreign, self.house.cast
        with self.house.app.app_context():
            session = access.load_session(scene.session_id, by=cast["dr_house"].actor)
            identity = presence.identity(session, cast["ben"].id)
            ticket = PeerProvider(self.house.app.config["SETTINGS"]).ticket(session.room, identity).token
            room = session.room
        values = {
            "session": scene.session_id,
            "visit": scene.visit_id,
            "recording": scene.recording_id,
            "doctor": cast["dr_house"].id,
            "patient": cast["ben"].id,
            "link": scene.link,
            "page": scene.ana,
            "room": room,
            "identity": identity,
            "ticket": ticket,
        }
        return values.get(what, what)

    def end(self) -> None:
        """Leave the house as it was."""
        self.before.back()
        self.before.close()
        self.moment.close()

    def kept(self, result: Result) -> bool:
        """Whether all is as before but for what is written down of those who ask."""
        free = ("audit_entries", "limits", "sign_ins")
        return all(
            rows == self.moment.tables[name] for name, rows in result.tables.items() if name not in free
        )


@pytest.fixture
def trial(house: House, request: pytest.FixtureRequest) -> Iterator[Trial]:
    """The row of the test, at a moment that stays."""
    with time_machine.travel(clock.now(), tick=False):
        trial = Trial(house, request.getfixturevalue("row"))
        yield trial
        trial.end()


@pytest.mark.parametrize("row", TABLE)
def test_what_does_not_belong_there_is_refused_or_without_effect(trial: Trial, row: str):
    assert trial.ask() == trial.ask(), "the dice are not loaded"
    for way, names in _ways(trial):
        without = trial.ask(**way({}))
        for values in _values(trial):
            for some in _batches(row, names):
                given = {name: values.get(name, values[""]) for name in some}
                found = trial.ask(**way(given))
                if found != without:
                    assert found.status in (400, 422), (found.status, way(given))
                    # A page says that something does not belong there, and not what.
                    of_page = found.status == (400 if _is_press(row) else 422)
                    assert of_page or found.refused == set(some), set(some) - found.refused
                    assert trial.kept(found), way(given)


@pytest.mark.parametrize("row", [row for row in TABLE if _is_press(row)])
def test_the_press_of_a_button_that_names_anything_is_refused(trial: Trial, row: str):
    before = trial.ask()
    assert before.status < 400
    for name in (
        "doctor_id",
        "patient_id",
        "session_id",
        "room",
        "identity",
        "role",
        "status",
        "id",
        "nothing",
    ):
        for place in ("query_string", "data"):
            found = trial.ask(**{place: {name: trial.foreign_value("session")}})
            assert found.status == 400, (name, place)
            assert trial.kept(found)


@pytest.mark.parametrize(("row", "field", "value", "status"), NAMED)
def test_a_name_that_belongs_there_opens_nothing_of_others(
    trial: Trial, row: str, field: str, value: str, status: int
):
    place = "json" if "json" in trial.good else "query_string" if row.startswith("GET") else "data"
    sent = copy.deepcopy(trial.good.get(place, {}))
    target, _dot, name = field.rpartition(".")
    inside = sent[target][0] if target else sent
    inside[name] = trial.foreign_value(value)
    found = trial.ask(**{place: sent})
    assert found.status == status, (found.status, found.answer)
    assert trial.kept(found)
    # A doctor may open a visit for any patient.
    names = () if row == "POST /visits/new" else ("Ben Osei",)
    assert not [word for word in ("zqForeign", "Dr Paul House", *names) if word in repr(found.answer)]


def _ways(trial: Trial) -> Iterator[tuple[Way, list[str]]]:
    """How names can come along with the request, each with those that do not belong there."""
    row, good = trial.row, trial.good
    query, body = good.get("query_string", {}), good.get("json", good.get("data"))
    in_query = PARAMETERS.get(row.replace("POST /sign-in", "GET /sign-in"), ())
    yield lambda given: {"query_string": {**query, **given}}, _others(in_query)
    if row.startswith("POST") and not isinstance(body, bytes):
        in_body = _others(_fields(row, body or {}))
        yield lambda given: {"data": None, "json": {**(body or {}), **given}}, in_body
        yield (
            lambda given: {"json": None, "data": {**(_flat(body or {}) or {"reason": "1"}), **given}},
            in_body,
        )


def _flat(body: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in body.items()}


def _fields(row: str, body: dict[str, Any]) -> tuple[str, ...]:
    more = {
        "POST /api/v1/telemedicine/": ("notes", "recording_enabled"),
        "POST /api/v1/telemedicine/<session_id>/cancel/": ("reason",),
        "POST /telemedicine/<session_id>/call/enter": ("token",),
    }
    return (*FIELDS.get(row, ()), *body, *more.get(row, ()))


def _others(declared: tuple[str, ...]) -> list[str]:
    return [name for name in NAMES if name not in declared]


def _batches(row: str, names: list[str]) -> Iterator[list[str]]:
    size = SOME if "/api/" in row or "/call/" in row else len(names)
    return (names[start : start + size] for start in range(0, len(names), size))


def _names() -> list[str]:
    """Every column, every part of an address, every field of a form, and what else comes to mind."""
    columns = {column.name for table in Model.metadata.tables.values() for column in table.columns}
    parts = set(re.findall(r"<(?:\w+:)?(\w+)>", access_table.TABLE))
    forms = {name for fields in FIELDS.values() for name in fields}
    forms |= {name for fields in PARAMETERS.values() for name in fields}
    return sorted((columns | parts | forms | set(BY_ANOTHER_NAME)) - {"csrf_token"})


NAMES = _names()


def _values(trial: Trial) -> Iterator[dict[str, str]]:
    """What the names are given: what is Dr House's and Ben's, then what nobody may be; `""` is all others."""
    of = trial.foreign_value
    of_doctor = ("doctor_id", "doctor", "user_id", "user", "by", "actor", "actor_id", "me", "as", "owner")
    yield {
        "": of("session"),
        **dict.fromkeys(of_doctor, of("doctor")),
        **dict.fromkeys(("patient_id", "patient", "to", "recipient_id", "account"), of("patient")),
        **dict.fromkeys(("visit_id", "visit"), of("visit")),
        "room": of("room"),
        "identity": of("identity"),
        **dict.fromkeys(("recording_id", "recording"), of("recording")),
        **dict.fromkeys(("token", "link", "link_id", "sign_in"), of("link")),
        **dict.fromkeys(("participant", "participation_id", "sender", "from"), of("page")),
        "role": "doctor",
        "status": "COMPLETED",
        "state": "connected",
        "reason": "zqForeign",
    }
    yield {
        "": "1",
        "role": "staff",
        "roles": "staff",
        "status": "FAILED",
        "_method": "DELETE",
        "via": "system",
    }


def _refused(found: TestResponse) -> frozenset[str]:
    if found.status_code != 400 or found.mimetype != "application/json":
        return frozenset()
    return frozenset(found.json["error"].get("fields") or ())
