"""How many statements a request sends to the database: few, and the same however much there is."""

from datetime import timedelta

import pytest
from support.cast import Person
from support.statements import Statements, recorded

from telehealth import clock
from telehealth.models import Status

SIZES = (1, 5, 20)


@pytest.fixture
def visit(clinic):
    return clinic.visit()


def grow(clinic, visit, size: int) -> list:
    """Sessions of every status, one after the other, until there are `size`."""
    have = len(_of(clinic, visit))
    start = clock.now() + timedelta(days=1)
    made = []
    for number in range(have, size):
        status = Status.ALL[number % len(Status.ALL)]
        session = clinic.session(status, visit, start=start + timedelta(hours=number), notes="zq")
        if status in Status.OPEN:
            clinic.link(session)
        made.append(session)
    return made


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
    for size in SIZES:
        grow(clinic, visit, size)
        found = asked(app, person(who), f"/visits/{visit.id}/telemedicine")
        counts.append(len(found))
    assert max(counts) <= 4, found.all
    assert len(set(counts)) == 1


@pytest.mark.parametrize(
    ("who", "path", "fragment", "most"),
    [
        ("dr_grey", "/visits/{visit}/telemedicine/sessions", True, 2),
        ("dr_grey", "/visits/today", True, 4),
        ("dr_grey", "/visits", False, 8),
        ("sam", "/visits", False, 8),
        ("dr_grey", "/visits/{visit}", False, 8),
        ("ana", "/patient-portal/dashboard", False, 4),
        ("ana", "/patient-portal/telemedicine", False, 6),
        ("dr_grey", "/api/v1/telemedicine/", False, 4),
        ("ana", "/api/v1/telemedicine/", False, 4),
        ("sam", "/api/v1/visits/", False, 3),
    ],
)
def test_a_list_takes_the_same_few_statements_however_long(
    app, person, clinic, visit, who, path, fragment, most
):
    counts = []
    for size in SIZES:
        grow(clinic, visit, size)
        found = asked(app, person(who), path.format(visit=visit.id), fragment=fragment)
        counts.append(len(found))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= most, found.all


def test_what_a_call_asks_again_and_again_stays_cheap(app, dr_grey, ana, clinic):
    from routes.caller import Caller

    session = clinic.session("IN_PROGRESS")
    doctor, patient = Caller(dr_grey, session), Caller(ana, session)
    with recorded(app) as token:
        ticket = doctor.ticket()
    with recorded(app) as enter:
        doctor.enter(token=ticket)
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
    most = {"token": 12, "enter": 20, "presence": 7, "signal": 12, "inbox": 6}
    assert all(counts[name] <= most[name] for name in most), counts


def _of(clinic, visit) -> list:
    from telehealth import access, cards

    by = access.Actor(visit.doctor_id, "doctor")
    with clinic.app.app_context():
        return cards.load_visit(visit.id, by=by).sessions
