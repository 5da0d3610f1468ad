"""How many statements a request sends to the database: few, and the same however much there is."""

from datetime import timedelta

import pytest
from routes.caller import Caller
from support.cast import Person
from support.statements import Statements, recorded

from telehealth import clock
from telehealth.models import Status

SIZES = (1, 5, 20)


@pytest.fixture
def visit(clinic):
    return clinic.visit()


def add_session(clinic, visit, number: int) -> None:
    """One more session, in the next status of all there are."""
    status = Status.ALL[number % len(Status.ALL)]
    session = clinic.session(status, visit, start=clock.now() + timedelta(minutes=number), notes="zq")
    if status in Status.OPEN:
        clinic.link(session)


def asked(app, visitor: Person, path: str, *, fragment: bool = False) -> Statements:
    """What one GET sends; the first of its kind may prepare something, so it counts the second."""
    headers = {"HX-Request": "true"} if fragment else {}
    visitor.ensure_signed_in()
    for _ in range(2):
        with recorded(app) as statements:
            answer = visitor.client.get(path, headers=headers)
        assert answer.status_code == 200
    return statements


@pytest.mark.parametrize("who", ["dr_grey", "sam"])
def test_the_telemedicine_page_takes_at_most_four_statements(app, person, clinic, visit, who):
    counts = []
    for number in range(max(SIZES)):
        add_session(clinic, visit, number)
        if number + 1 in SIZES:
            found = asked(app, person(who), f"/visits/{visit.id}/telemedicine")
            counts.append(len(found))
    assert max(counts) <= 4, found.all
    assert len(set(counts)) == 1


@pytest.mark.parametrize(
    ("who", "path", "fragment", "most"),
    [
        ("dr_grey", "/visits/{visit}/telemedicine/sessions", True, 2),
        ("dr_grey", "/visits/today", True, 3),
        ("dr_grey", "/visits", False, 7),
        ("sam", "/visits", False, 7),
        ("dr_grey", "/visits/{visit}", False, 5),
        ("ana", "/patient-portal/dashboard", False, 2),
        ("ana", "/patient-portal/telemedicine", False, 5),
        ("dr_grey", "/api/v1/telemedicine/", False, 3),
        ("ana", "/api/v1/telemedicine/", False, 3),
        ("sam", "/api/v1/visits/", False, 2),
    ],
)
def test_a_list_takes_the_same_few_statements_however_long(
    app, person, clinic, visit, who, path, fragment, most
):
    counts = []
    for number in range(10):
        add_session(clinic, visit, number)
        add_session(clinic, clinic.visit(patient=("ana", "ben")[number % 2]), number)
        if number in (4, 9):
            found = asked(app, person(who), path.format(visit=visit.id), fragment=fragment)
            counts.append(len(found))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= most, found.all


@pytest.mark.parametrize("who", ["dr_grey", "ana", "sam"])
def test_how_one_session_stands_takes_at_most_four_statements(app, person, clinic, who):
    session = clinic.session("IN_PROGRESS")
    for caller in ("dr_grey", "ana"):
        Caller(person(caller), session).enter()
    found = asked(app, person(who), f"/api/v1/telemedicine/{session.id}/")
    assert len(found) <= 4, found.all


def test_a_list_of_recorded_sessions_takes_one_statement_more(app, dr_grey, clinic, visit):
    counts = []
    for number in range(10):
        start = clock.now() + timedelta(hours=number + 1)
        clinic.session(visit=visit, start=start, recording_enabled=True)
        if number in (4, 9):
            counts.append(len(asked(app, dr_grey, "/api/v1/telemedicine/")))
    assert counts == [4, 4]
    page = asked(app, dr_grey, f"/visits/{visit.id}/telemedicine")
    assert len(page) <= 4, page.all


def test_what_a_call_asks_again_and_again_stays_cheap(app, dr_grey, ana, clinic):
    session = clinic.session("IN_PROGRESS")
    doctor, patient = Caller(dr_grey, session), Caller(ana, session)
    wanted = {"session_id": session.id}
    with recorded(app) as token:
        # With the page's own token: to fetch one would be a request of its own.
        got = dr_grey.api("POST", "/telemedicine/token/", csrf=False, headers=doctor.csrf, json=wanted)
    with recorded(app) as enter:
        doctor.enter(token=got.json["token"])
    patient.enter()
    patient.presence("connected")
    with recorded(app) as presence:
        patient.presence("connected")
    with recorded(app) as signal:
        patient.signal(doctor.me)
    with recorded(app) as inbox:
        doctor.events()
    counts = {
        name: len(found)
        for name, found in (
            ("token", token),
            ("enter", enter),
            ("presence", presence),
            ("signal", signal),
            ("inbox", inbox),
        )
    }
    assert presence.written == set()
    assert inbox.written == set()
    most = {"token": 4, "enter": 15, "presence": 6, "signal": 12, "inbox": 5}
    assert all(counts[name] <= most[name] for name in most), counts
